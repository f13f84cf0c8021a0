//! Accesses to guest memory by one host instruction each, and what happens when it faults.
//!
//! Every such instruction is listed in the section `elfuse_ex`, as Linux lists its accesses to user
//! memory: a signal handler that finds the interrupted instruction there puts the signal and the
//! address into RCX and goes on behind the instruction.

use std::arch::asm;
use std::sync::Once;

use crate::compile;

/// Host address of a refused access, with [`BUS`] for SIGBUS. Zero: the access was done.
pub(crate) type Trap = u64;

/// Marks a SIGBUS: storage behind a mapping is missing.
pub(crate) const BUS: Trap = 1 << 63;

macro_rules! guarded {
    ($instruction:literal, $($operands:tt)*) => {{
        let trap: Trap;
        asm!(
            "xor ecx, ecx",
            concat!("2: ", $instruction),
            "3:",
            ".pushsection elfuse_ex, \"aR\", @progbits",
            ".long 2b - .",
            ".long 3b - .",
            ".popsection",
            out("rcx") trap,
            $($operands)*
        );
        trap
    }};
}

/// Integers that one instruction loads and stores.
pub(crate) trait Access: Copy {
    /// Load from a host address.
    ///
    /// # Safety
    ///
    /// `at` lies in a guest's reservation or a page that faults.
    unsafe fn load(at: *const u8) -> Result<Self, Trap>;
    /// Store to a host address.
    ///
    /// # Safety
    ///
    /// As for `load`.
    unsafe fn store(at: *mut u8, value: Self) -> Result<(), Trap>;
    /// Compare with `old` and store `new` if equal, atomically; what was there.
    ///
    /// # Safety
    ///
    /// As for `load`.
    unsafe fn compare_exchange(at: *mut u8, old: Self, new: Self) -> Result<Self, Trap>;
    /// Exchange atomically.
    ///
    /// # Safety
    ///
    /// As for `load`.
    unsafe fn swap(at: *mut u8, new: Self) -> Result<Self, Trap>;
    /// Add atomically; what was there.
    ///
    /// # Safety
    ///
    /// As for `load`.
    unsafe fn fetch_add(at: *mut u8, value: Self) -> Result<Self, Trap>;
}

#[inline(always)]
fn done<T>(value: T, trap: Trap) -> Result<T, Trap> {
    if trap == 0 { Ok(value) } else { Err(trap) }
}

macro_rules! access {
    ($type:ty, $load:literal, $wide:ty, $store:literal, $class:ident,
     $exchange:literal, $swap:literal, $add:literal, $accumulator:tt) => {
        impl Access for $type {
            #[inline(always)]
            unsafe fn load(at: *const u8) -> Result<Self, Trap> {
                let value: $wide;
                // SAFETY: the caller's promise; a fault is caught.
                let trap = unsafe {
                    guarded!($load, value = out(reg) value, at = in(reg) at,
                             options(nostack, readonly))
                };
                done(value as $type, trap)
            }

            #[inline(always)]
            unsafe fn store(at: *mut u8, value: Self) -> Result<(), Trap> {
                // SAFETY: the caller's promise; a fault is caught.
                let trap = unsafe {
                    guarded!($store, value = in($class) value, at = in(reg) at, options(nostack))
                };
                done((), trap)
            }

            #[inline(always)]
            unsafe fn compare_exchange(at: *mut u8, old: Self, new: Self) -> Result<Self, Trap> {
                let mut found = old;
                // SAFETY: the caller's promise; a fault is caught.
                let trap = unsafe {
                    guarded!($exchange, inout($accumulator) found, value = in($class) new,
                             at = in(reg) at, options(nostack))
                };
                done(found, trap)
            }

            #[inline(always)]
            unsafe fn swap(at: *mut u8, new: Self) -> Result<Self, Trap> {
                let mut value = new;
                // SAFETY: the caller's promise; a fault is caught.
                let trap = unsafe {
                    guarded!($swap, value = inout($class) value, at = in(reg) at, options(nostack))
                };
                done(value, trap)
            }

            #[inline(always)]
            unsafe fn fetch_add(at: *mut u8, value: Self) -> Result<Self, Trap> {
                let mut value = value;
                // SAFETY: the caller's promise; a fault is caught.
                let trap = unsafe {
                    guarded!($add, value = inout($class) value, at = in(reg) at, options(nostack))
                };
                done(value, trap)
            }
        }
    };
}

access!(
    u8,
    "movzx {value:e}, byte ptr [{at}]",
    u32,
    "mov byte ptr [{at}], {value}",
    reg_byte,
    "lock cmpxchg byte ptr [{at}], {value}",
    "xchg byte ptr [{at}], {value}",
    "lock xadd byte ptr [{at}], {value}",
    "al"
);
access!(
    u16,
    "movzx {value:e}, word ptr [{at}]",
    u32,
    "mov word ptr [{at}], {value:x}",
    reg,
    "lock cmpxchg word ptr [{at}], {value:x}",
    "xchg word ptr [{at}], {value:x}",
    "lock xadd word ptr [{at}], {value:x}",
    "ax"
);
access!(
    u32,
    "mov {value:e}, dword ptr [{at}]",
    u32,
    "mov dword ptr [{at}], {value:e}",
    reg,
    "lock cmpxchg dword ptr [{at}], {value:e}",
    "xchg dword ptr [{at}], {value:e}",
    "lock xadd dword ptr [{at}], {value:e}",
    "eax"
);
access!(
    u64,
    "mov {value}, qword ptr [{at}]",
    u64,
    "mov qword ptr [{at}], {value}",
    reg,
    "lock cmpxchg qword ptr [{at}], {value}",
    "xchg qword ptr [{at}], {value}",
    "lock xadd qword ptr [{at}], {value}",
    "rax"
);

/// Load 16 bytes, not as one atomic access.
///
/// # Safety
///
/// As [`Access::load`].
#[inline(always)]
pub(crate) unsafe fn load_16(at: *const u8) -> Result<u128, Trap> {
    let mut value = [0u64; 2];
    let xmm: std::arch::x86_64::__m128i;
    // SAFETY: the caller's promise; a fault is caught.
    let trap = unsafe {
        guarded!("movups {value}, [{at}]", value = out(xmm_reg) xmm, at = in(reg) at,
                 options(nostack, readonly))
    };
    // SAFETY: both have 16 bytes; the store is unaligned.
    unsafe { std::arch::x86_64::_mm_storeu_si128(value.as_mut_ptr().cast(), xmm) };
    done(u128::from(value[0]) | u128::from(value[1]) << 64, trap)
}

/// Store 16 bytes, not as one atomic access.
///
/// # Safety
///
/// As [`Access::load`].
#[inline(always)]
pub(crate) unsafe fn store_16(at: *mut u8, value: u128) -> Result<(), Trap> {
    let words = [value as u64, (value >> 64) as u64];
    // SAFETY: `words` has 16 bytes; the load is unaligned.
    let xmm = unsafe { std::arch::x86_64::_mm_loadu_si128(words.as_ptr().cast()) };
    // SAFETY: the caller's promise; a fault is caught.
    let trap = unsafe {
        guarded!("movups [{at}], {value}", value = in(xmm_reg) xmm, at = in(reg) at,
                 options(nostack))
    };
    done((), trap)
}

/// Compare 16 aligned bytes with `old` and store `new` if equal, atomically; what was there.
///
/// # Safety
///
/// As [`Access::load`]; `at` is a multiple of 16.
#[inline(never)]
pub(crate) unsafe fn compare_exchange_16(at: *mut u8, old: u128, new: u128) -> Result<u128, Trap> {
    let (mut low, mut high) = (old as u64, (old >> 64) as u64);
    let mut trap = (new >> 64) as u64;
    let mut faulted: u64 = 1;
    // SAFETY: the caller's promise; a fault is caught, and then `faulted` stays. RBX is LLVM's.
    unsafe {
        asm!(
            "xchg rbx, rsi",
            "2: lock cmpxchg16b [rdi]",
            "mov r8d, 0",
            "3:",
            "mov rbx, rsi",
            ".pushsection elfuse_ex, \"aR\", @progbits",
            ".long 2b - .",
            ".long 3b - .",
            ".popsection",
            inout("rsi") new as u64 => _,
            in("rdi") at,
            inout("r8") faulted,
            inout("rcx") trap,
            inout("rax") low,
            inout("rdx") high,
            options(nostack)
        );
    }
    if faulted != 0 {
        return Err(trap);
    }
    Ok(u128::from(low) | u128::from(high) << 64)
}

unsafe extern "C" {
    #[link_name = "__start_elfuse_ex"]
    static TABLE_START: [i32; 2];
    #[link_name = "__stop_elfuse_ex"]
    static TABLE_END: [i32; 2];
}

/// Where to go on after a fault of the instruction at `rip`; None if it is not a guest access.
fn resume(rip: u64) -> Option<u64> {
    let mut entry = &raw const TABLE_START;
    let end = &raw const TABLE_END;
    while entry < end {
        let at = entry as u64;
        // SAFETY: the linker's symbols bound whole entries.
        let [instruction, behind] = unsafe { entry.read() };
        if at.wrapping_add(instruction as u64) == rip {
            return Some((at + 4).wrapping_add(behind as u64));
        }
        // SAFETY: at most one past the end.
        entry = unsafe { entry.add(1) };
    }
    None
}

static mut PREVIOUS: [Option<libc::sigaction>; 2] = [None; 2];

extern "C" fn on_fault(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    let context = context.cast::<libc::ucontext_t>();
    // SAFETY: the kernel passes a ucontext_t that nobody else uses.
    let registers = unsafe { &mut (*context).uc_mcontext.gregs };
    let rip = &mut registers[libc::REG_RIP as usize];
    if let Some(behind) = resume(*rip as u64) {
        *rip = behind as i64;
        // SAFETY: the kernel passes a siginfo_t.
        let info = unsafe { &*info };
        // SAFETY: SIGSEGV and SIGBUS carry an address.
        let address = unsafe { info.si_addr() } as u64;
        let kind = if signal == libc::SIGBUS { BUS } else { 0 };
        // An address that is not canonical is reported as 0; a trap must not be.
        registers[libc::REG_RCX as usize] = (address.max(1) | kind) as i64;
        return;
    }
    if compile::skip_fault(registers) {
        return;
    }
    // SAFETY: written once, before the handler was installed.
    let previous = unsafe { PREVIOUS[usize::from(signal == libc::SIGBUS)] };
    if let Some(previous) = previous {
        // SAFETY: what sigaction returned before; the access is repeated under it.
        unsafe { libc::sigaction(signal, &raw const previous, std::ptr::null_mut()) };
    }
}

/// Catch faults of guest accesses in this process from now on.
pub(crate) fn install_handler() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for (index, signal) in [libc::SIGSEGV, libc::SIGBUS].into_iter().enumerate() {
            // SAFETY: all zero is a valid sigaction.
            let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
            action.sa_sigaction = on_fault as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            // SAFETY: as above.
            let mut previous: libc::sigaction = unsafe { std::mem::zeroed() };
            // SAFETY: both point to initialised structures.
            unsafe { libc::sigaction(signal, &raw const action, &raw mut previous) };
            // SAFETY: nothing else writes here, and no fault of a guest access happened yet.
            unsafe { PREVIOUS[index] = Some(previous) };
        }
    });
}
