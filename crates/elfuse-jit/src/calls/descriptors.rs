//! Guest descriptors whose calls are the host's.

use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

/// It can be read.
pub const READ: u16 = 1;
/// It can be written.
pub const WRITE: u16 = 2;
/// It has a position, which is the host's.
pub const SEEK: u16 = 4;
/// Only writes of up to `PIPE_BUF` bytes are whole without waiting for a reader.
pub const PIPE: u16 = 8;

/// It is open, whatever it is.
pub const OPEN: u16 = 16;
/// It is closed by execve.
pub const CLOSE_ON_EXEC: u16 = 32;

/// It is a file of the [`HostRoot`](super::HostRoot) whose number is in the bits from [`ROOT`] on.
pub const FILE: u16 = 64;
/// The first of these bits, and how many numbers there are.
pub const ROOT: u32 = 8;
/// See [`ROOT`].
pub const ROOTS: u16 = 1 << 7;

/// Private mappings of it are the host's.
pub const MAP: u16 = 128;
/// A call that was answered has mapped it.
const MAPPED: u16 = 1 << 15;

/// Descriptors from here on are not served.
const LENGTH: usize = 4096;

/// Fields of an entry: how many calls use it, what it can do, the host's descriptor.
const ONE_USER: u64 = 1;
const USERS: u64 = 0xFFFF;
const ABILITIES: u32 = 16;
const HOST: u32 = 32;

/// What a process's descriptors are to the host. Entries of zero are not served.
#[derive(Debug)]
pub struct Descriptors {
    entries: Box<[AtomicU64]>,
    /// The host process that counts users.
    owner: AtomicI32,
}

/// An entry in use: its host descriptor stays open.
pub(super) struct Use<'a> {
    entry: &'a AtomicU64,
    pub(super) host: i32,
    pub(super) abilities: u16,
}

impl Use<'_> {
    /// Pages of it are mapped, which [`Descriptors::remove`] is to tell.
    pub(super) fn mark_mapped(&self) {
        let mark = u64::from(MAPPED) << ABILITIES;
        self.entry.fetch_or(mark, Ordering::Relaxed);
    }

    /// The number of the root that it is in.
    pub(super) fn root(&self) -> u16 {
        self.abilities >> ROOT & (ROOTS - 1)
    }
}

impl Drop for Use<'_> {
    fn drop(&mut self) {
        self.entry.fetch_sub(ONE_USER, Ordering::Release);
    }
}

impl Default for Descriptors {
    fn default() -> Self {
        Self {
            entries: (0..LENGTH).map(|_| AtomicU64::new(0)).collect(),
            owner: AtomicI32::new(process()),
        }
    }
}

fn process() -> i32 {
    // SAFETY: no preconditions.
    unsafe { libc::getpid() }
}

impl Descriptors {
    /// Serve a descriptor that is not served so far; false if there is no entry for it.
    pub fn set(&self, guest: u32, host: i32, abilities: u16) -> bool {
        let Some(entry) = self.entries.get(guest as usize) else {
            return false;
        };
        let made = (host as u64) << HOST | u64::from(abilities) << ABILITIES;
        entry.fetch_or(made, Ordering::Release);
        true
    }

    /// Whether a descriptor is closed by execve; None if it is not served.
    #[must_use]
    pub fn close_on_exec(&self, guest: u32) -> Option<bool> {
        let found = self.entries.get(guest as usize)?.load(Ordering::Relaxed);
        let abilities = (found >> ABILITIES) as u16;
        (abilities & OPEN != 0).then_some(abilities & CLOSE_ON_EXEC != 0)
    }

    /// Change that; None if it is not served.
    pub fn set_close_on_exec(&self, guest: u32, close: bool) -> Option<()> {
        let entry = self.entries.get(guest as usize)?;
        let bit = u64::from(CLOSE_ON_EXEC) << ABILITIES;
        let changed = entry.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |found| {
            let open = found & u64::from(OPEN) << ABILITIES != 0;
            open.then_some(if close { found | bit } else { found & !bit })
        });
        changed.ok().map(|_| ())
    }

    /// Serve it no longer. Whether a call still uses it, see [`Self::wait`], and whether answered
    /// calls have mapped it.
    #[must_use]
    pub fn remove(&self, guest: u32) -> (bool, bool) {
        let entry = self.entries.get(guest as usize);
        let before = entry.map_or(0, |entry| entry.fetch_and(USERS, Ordering::AcqRel));
        let abilities = (before >> ABILITIES) as u16;
        (before & USERS != 0, abilities & MAPPED != 0)
    }

    /// Wait until no call uses a descriptor that was removed.
    pub fn wait(&self, guest: u32) {
        self.own();
        let Some(entry) = self.entries.get(guest as usize) else {
            return;
        };
        // No served call waits for anything but storage.
        while entry.load(Ordering::Acquire) & USERS != 0 {
            std::thread::yield_now();
        }
    }

    /// Before a process uses this first: calls that were under way at its fork are its parent's.
    pub fn own(&self) {
        let here = process();
        if self.owner.swap(here, Ordering::Relaxed) != here {
            for entry in &self.entries {
                if entry.load(Ordering::Relaxed) != 0 {
                    entry.fetch_and(!USERS, Ordering::Relaxed);
                }
            }
        }
    }

    /// Use a descriptor that is served and can do all of `needed`.
    pub(super) fn get(&self, guest: u32, needed: u16) -> Option<Use<'_>> {
        let entry = self.entries.get(guest as usize)?;
        let found = entry.fetch_add(ONE_USER, Ordering::Acquire);
        let held = Use {
            entry,
            host: (found >> HOST) as i32,
            abilities: (found >> ABILITIES) as u16,
        };
        (held.abilities & needed == needed).then_some(held)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn a_removed_descriptor_is_waited_for() {
        let all = Descriptors::default();
        all.set(3, 7, READ | SEEK);
        assert!(all.get(3, WRITE).is_none());
        let held = all.get(3, READ).unwrap();
        assert_eq!((held.host, held.abilities), (7, READ | SEEK));
        assert!(all.remove(3).0);
        assert!(all.get(3, READ).is_none());
        all.set(3, 8, WRITE);
        drop(held);
        assert!(!all.remove(3).0);
        all.wait(3);
    }

    #[test]
    fn the_wait_ends_with_the_last_use() {
        let (all, released) = (Descriptors::default(), AtomicBool::new(false));
        all.set(3, 7, READ);
        let held = all.get(3, READ);
        assert!(all.remove(3).0);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                all.wait(3);
                assert!(released.load(Ordering::SeqCst));
            });
            for _ in 0..1000 {
                std::thread::yield_now();
            }
            released.store(true, Ordering::SeqCst);
            drop(held);
        });
    }

    #[test]
    fn open_descriptors_have_a_flag() {
        let all = Descriptors::default();
        assert_eq!(all.close_on_exec(4), None);
        assert_eq!(all.set_close_on_exec(4, true), None);
        assert!(all.set(4, 9, OPEN | READ));
        assert_eq!(all.close_on_exec(4), Some(false));
        assert_eq!(all.set_close_on_exec(4, true), Some(()));
        assert_eq!(all.close_on_exec(4), Some(true));
        assert_eq!(all.get(4, READ).unwrap().host, 9);
        assert!(!all.remove(4).0);
        assert_eq!(all.close_on_exec(4), None);
    }

    #[test]
    fn removal_tells_of_mappings() {
        let all = Descriptors::default();
        all.set(5, 9, OPEN | READ | MAP | FILE | 3 << ROOT);
        all.get(5, MAP).unwrap().mark_mapped();
        assert_eq!(all.get(5, FILE).unwrap().root(), 3);
        assert_eq!(all.remove(5), (false, true));
        all.set(5, 9, OPEN | READ | MAP);
        assert_eq!(all.remove(5), (false, false));
    }

    #[test]
    fn users_of_another_process_do_not_count() {
        let all = Descriptors::default();
        all.set(0, 5, READ);
        std::mem::forget(all.get(0, READ));
        all.owner.store(-1, Ordering::Relaxed);
        assert!(all.remove(0).0);
        all.wait(0);
    }

    #[test]
    fn descriptors_out_of_range_are_not_served() {
        let all = Descriptors::default();
        assert!(!all.set(LENGTH as u32, 5, READ));
        assert!(all.get(LENGTH as u32, READ).is_none());
        assert_eq!(all.remove(LENGTH as u32), (false, false));
    }
}
