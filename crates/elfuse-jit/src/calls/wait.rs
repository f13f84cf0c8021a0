//! Host calls that another thread can end.
//!
//! Whoever wants a waiting thread's attention sets its flag and sends it a signal. Where the signal
//! comes after the thread has looked at the flag and before it is in the kernel, the signal's handler
//! moves it on, as if the kernel had returned EINTR.

use std::arch::asm;
use std::ptr;
use std::sync::Once;

use crate::cpu::Cpu;

/// What threads are signalled with: a real-time signal that neither the C library nor guests use.
fn signal() -> libc::c_int {
    libc::SIGRTMAX() - 5
}

unsafe extern "C" {
    #[link_name = "__start_elfuse_wait"]
    static TABLE_START: [i32; 3];
    #[link_name = "__stop_elfuse_wait"]
    static TABLE_END: [i32; 3];
}

extern "C" fn on_signal(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a ucontext_t that nobody else uses.
    unsafe { end_wait(context) };
}

/// Move the interrupted thread on if it was about to wait.
///
/// # Safety
/// In a signal handler, with its third argument; the flag is set.
pub(crate) unsafe fn end_wait(context: *mut libc::c_void) {
    let context = context.cast::<libc::ucontext_t>();
    // SAFETY: the kernel passes a ucontext_t that nobody else uses.
    let rip = unsafe { &mut (*context).uc_mcontext.gregs[libc::REG_RIP as usize] };
    let mut entry = &raw const TABLE_START;
    while entry < &raw const TABLE_END {
        let at = entry as i64;
        // SAFETY: the linker's symbols bound whole entries.
        let [begin, end, interrupted] = unsafe { entry.read() };
        if (at + i64::from(begin)..at + 4 + i64::from(end)).contains(rip) {
            *rip = at + 8 + i64::from(interrupted);
            return;
        }
        // SAFETY: at most one past the end.
        entry = unsafe { entry.add(1) };
    }
}

/// Make threads of this process interruptible from now on.
pub(crate) fn install_handler() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: all zero is a valid sigaction.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = on_signal as *const () as usize;
        // Other calls of the host are not to be disturbed; those here are in the table then.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
        // SAFETY: the structure is initialised; the handler lives as long as the process.
        unsafe { libc::sigaction(signal(), &raw const action, ptr::null_mut()) };
        // SAFETY: all zero is the empty set.
        let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: the signal exists.
        unsafe { libc::sigaddset(&raw mut set, signal()) };
        // SAFETY: the set is initialised. Threads inherit the mask of this one.
        unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut()) };
    });
}

/// End the wait of a host thread that has its flag set, or will look at it.
pub(crate) fn knock(thread: libc::pid_t) {
    let process = std::process::id();
    // SAFETY: a thread that has ended, or one that does not wait, is not disturbed.
    unsafe { libc::syscall(libc::SYS_tgkill, process, thread, signal()) };
}

/// The host's `futex(2)` with a command that waits; a negative errno, EINTR if somebody calls for
/// attention.
pub(super) fn futex(
    cpu: &Cpu,
    word: u64,
    operation: u32,
    value: u32,
    timeout: Option<&libc::timespec>,
    bitset: u32,
) -> i64 {
    let waiting = cpu.wait_begins();
    let result: i64;
    // SAFETY: the kernel checks the word; `timeout` lives until the end.
    unsafe {
        asm!(
            "2: cmp dword ptr [{flag}], 0",
            "jne 4f",
            "syscall",
            "3: jmp 5f",
            "4: mov rax, {interrupted}",
            "5:",
            ".pushsection elfuse_wait, \"aR\", @progbits",
            ".long 2b - .",
            ".long 3b - .",
            ".long 4b - .",
            ".popsection",
            flag = in(reg) waiting.flag(),
            interrupted = const -libc::EINTR,
            inout("rax") libc::SYS_futex => result,
            in("rdi") word,
            in("rsi") u64::from(operation),
            in("rdx") u64::from(value),
            in("r10") timeout.map_or(ptr::null(), ptr::from_ref),
            in("r8") 0,
            in("r9") u64::from(bitset),
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack)
        );
    }
    result
}
