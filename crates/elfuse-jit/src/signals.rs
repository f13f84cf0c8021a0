//! Host signals that make the vCPU of the thread they arrive in return.
//!
//! Whoever else handles the signal still does: its handler is called first.

use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use crate::calls::wait;

const NUMBERS: usize = 65;

/// The handler that was there before, by signal; 0 for none.
static BEFORE: [AtomicUsize; NUMBERS] = [const { AtomicUsize::new(0) }; NUMBERS];

/// A signal arrived and no `run` has returned for it: the next one does at once.
static ARRIVED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// What makes the vCPU that this thread runs return.
    static RUNNING: Cell<*const AtomicU32> = const { Cell::new(std::ptr::null()) };
}

type Handler = unsafe extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

extern "C" fn on_signal(
    number: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    let before = BEFORE[number as usize].load(Ordering::Relaxed);
    if before != 0 {
        // SAFETY: a handler that `interrupt_on` found; those of one argument ignore the others.
        let handler = unsafe { std::mem::transmute::<usize, Handler>(before) };
        // SAFETY: called as the kernel would have.
        unsafe { handler(number, info, context) };
    }
    ARRIVED.store(true, Ordering::SeqCst);
    // SAFETY: between `enter_thread` and `leave_thread` the vCPU lives.
    if let Some(interrupt) = unsafe { RUNNING.get().as_ref() } {
        interrupt.store(1, Ordering::SeqCst);
        // SAFETY: the context of this handler; the flag is set.
        unsafe { wait::end_wait(context) };
    }
}

/// This thread runs the vCPU with this flag, until `leave_thread`.
pub(crate) fn enter_thread(interrupt: &AtomicU32) {
    RUNNING.set(interrupt);
}

/// The vCPU runs no more in this thread.
pub(crate) fn leave_thread() {
    RUNNING.set(std::ptr::null());
}

#[cfg(feature = "python")]
/// Let a host signal, which has a handler, interrupt the vCPU of the thread it arrives in.
pub(crate) fn interrupt_on(number: libc::c_int) -> io::Result<()> {
    // SAFETY: all zero is a valid sigaction.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: `action` is writable.
    if unsafe { libc::sigaction(number, std::ptr::null(), &raw mut action) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let ours = on_signal as *const () as usize;
    let before = action.sa_sigaction;
    if before == ours {
        return Ok(());
    }
    if before == libc::SIG_DFL || before == libc::SIG_IGN {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    BEFORE[number as usize].store(before, Ordering::Relaxed);
    action.sa_sigaction = ours;
    action.sa_flags |= libc::SA_SIGINFO;
    // SAFETY: the mask and flags are those of the handler that is called.
    if unsafe { libc::sigaction(number, &raw const action, std::ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Whether a signal arrived since the last time.
pub(crate) fn take_arrived() -> bool {
    ARRIVED.load(Ordering::SeqCst) && ARRIVED.swap(false, Ordering::SeqCst)
}
