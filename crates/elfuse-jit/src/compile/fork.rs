//! A lock that no other thread holds while the process forks.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::sync::Once;

struct Global(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: only passed to the functions of POSIX that synchronise.
unsafe impl Sync for Global {}

static MUTEX: Global = Global(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));

extern "C" fn lock() {
    // SAFETY: initialised; no thread locks it twice, since nothing forks or locks inside.
    unsafe { libc::pthread_mutex_lock(MUTEX.0.get()) };
}

extern "C" fn unlock() {
    // SAFETY: locked by this thread, in the child by the copy of it.
    unsafe { libc::pthread_mutex_unlock(MUTEX.0.get()) };
}

/// Held until dropped, by one thread.
pub(crate) struct Lock(PhantomData<*const ()>);

impl Lock {
    pub(crate) fn new() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // SAFETY: the handlers live as long as the process, which never unloads the library.
            unsafe { libc::pthread_atfork(Some(lock), Some(unlock), Some(unlock)) };
        });
        lock();
        Self(PhantomData)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        unlock();
    }
}
