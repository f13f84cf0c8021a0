//! Where a debugger wants guest threads to stop.
//!
//! While there is such a place nothing compiled is executed: the interpreter looks at every
//! access, and stops before it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// Bytes of guest memory that are watched.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// The first.
    pub start: u64,
    /// How many.
    pub length: u64,
    /// For which accesses: bits of [`crate::cpu::Need`].
    pub accesses: u8,
}

#[derive(Debug, Default)]
struct Lists {
    stops: Vec<u64>,
    watches: Vec<Watch>,
}

/// What a debugger asked for in an address space.
#[derive(Debug, Default)]
pub(crate) struct Points {
    /// There is something in `lists`.
    active: AtomicBool,
    lists: RwLock<Lists>,
}

impl Points {
    /// Replace all; the addresses of instructions before which threads stopped so far.
    pub(crate) fn replace(&self, stops: Vec<u64>, watches: Vec<Watch>) -> Vec<u64> {
        let active = !stops.is_empty() || !watches.is_empty();
        let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *lists, Lists { stops, watches });
        self.active.store(active, Ordering::SeqCst);
        before.stops
    }

    /// Whether there are any.
    pub(crate) fn active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    /// Whether memory is watched.
    pub(crate) fn watching(&self) -> bool {
        self.active() && !self.lists().watches.is_empty()
    }

    /// Whether threads stop before the instruction at `pc`.
    #[inline]
    pub(crate) fn stops_at(&self, pc: u64) -> bool {
        self.active() && self.lists().stops.contains(&pc)
    }

    /// The first byte of an access that is watched for one of the given kinds.
    pub(crate) fn watched(&self, address: u64, bytes: u64, accesses: u8) -> Option<u64> {
        let lists = self.lists();
        let mut hits = lists.watches.iter().filter(|watch| {
            watch.accesses & accesses != 0
                && address < watch.start.saturating_add(watch.length)
                && watch.start < address.saturating_add(bytes)
        });
        hits.next().map(|watch| watch.start.max(address))
    }

    fn lists(&self) -> RwLockReadGuard<'_, Lists> {
        self.lists.read().unwrap_or_else(PoisonError::into_inner)
    }
}
