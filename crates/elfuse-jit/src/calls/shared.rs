//! What a guest thread shares with whoever serves its other calls.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// The part of a thread's state that its processor changes and other threads look at, or the other
/// way round.
#[derive(Debug)]
pub struct Shared {
    blocked: AtomicU64,
    noted: AtomicBool,
    /// Real and effective user, real and effective group.
    ids: [AtomicU32; 4],
    /// `RLIMIT_STACK`: soft and hard.
    stack: [AtomicU64; 2],
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            blocked: AtomicU64::new(0),
            noted: AtomicBool::new(true),
            ids: [const { AtomicU32::new(0) }; 4],
            stack: [const { AtomicU64::new(0) }; 2],
        }
    }
}

impl Shared {
    /// The signal mask, a `sigset_t`.
    #[must_use]
    pub fn blocked(&self) -> u64 {
        self.blocked.load(Ordering::SeqCst)
    }

    /// Change the signal mask.
    pub fn set_blocked(&self, mask: u64) {
        self.blocked.store(mask, Ordering::SeqCst);
    }

    /// Whether a signal may be pending.
    #[must_use]
    pub fn noted(&self) -> bool {
        self.noted.load(Ordering::SeqCst)
    }

    /// Say whether a signal may be pending.
    ///
    /// Who posts one notes it before looking at the mask, and who changes the mask does so before
    /// looking at the note: one of both sees what the other did.
    pub fn note(&self, pending: bool) {
        self.noted.swap(pending, Ordering::SeqCst);
    }

    /// Set real and effective user, real and effective group.
    pub fn set_ids(&self, ids: [u32; 4]) {
        for (to, id) in self.ids.iter().zip(ids) {
            to.store(id, Ordering::Relaxed);
        }
    }

    /// Set `RLIMIT_STACK`, soft and hard.
    pub fn set_stack_limit(&self, limits: [u64; 2]) {
        for (to, limit) in self.stack.iter().zip(limits) {
            to.store(limit, Ordering::Relaxed);
        }
    }

    /// That limit.
    #[must_use]
    pub fn stack_limit(&self) -> [u64; 2] {
        [0, 1].map(|index| self.stack[index].load(Ordering::Relaxed))
    }

    /// One of the identities, in their order.
    #[must_use]
    pub fn id(&self, index: usize) -> u32 {
        self.ids[index].load(Ordering::Relaxed)
    }
}
