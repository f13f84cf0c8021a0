//! Which decoded code outlives an execve: that of files which are mapped at the same place again.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::code::Code;
use crate::spans::Spans;

/// A file that did not change for so long shows its next change in its times: they are not too coarse
/// for it, and no store to a mapping of it is on its way to the disk.
const SETTLED: Duration = Duration::from_secs(60);

/// What an address shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    device: u64,
    inode: u64,
    size: i64,
    modified: (i64, i64),
    changed: (i64, i64),
    /// In the file, minus the address.
    offset: u64,
}

/// Executable pages of files that nobody has written to, now and in programs before.
#[derive(Debug)]
pub(crate) struct Texts {
    /// Age of a file's last change from which on its code is kept.
    pub(crate) settled: Duration,
    mapped: Spans<Key>,
    parked: Spans<Key>,
    /// By device, whether a file's times tell of all changes.
    dated: BTreeMap<u64, bool>,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            settled: SETTLED,
            mapped: Spans::default(),
            parked: Spans::default(),
            dated: BTreeMap::new(),
        }
    }
}

impl Texts {
    /// A private mapping that cannot be written was made executable; `offset` is in the file.
    pub(crate) fn map(
        &mut self,
        code: &Code,
        (start, end): (u64, u64),
        fd: i32,
        status: &libc::stat,
        offset: u64,
    ) {
        if status.st_mode & libc::S_IFMT != libc::S_IFREG || !self.tells_changes(fd, status) {
            return;
        }
        let key = Key {
            device: status.st_dev,
            inode: status.st_ino,
            size: status.st_size,
            modified: (status.st_mtime, status.st_mtime_nsec),
            changed: (status.st_ctime, status.st_ctime_nsec),
            offset: offset.wrapping_sub(start),
        };
        let known = self.parked.overlapping(start, end).iter();
        let same = known.filter(|part| part.value == key);
        let same: Vec<_> = same
            .map(|part| (part.start.max(start), part.end.min(end)))
            .collect();
        for (first, last) in same {
            code.restore(first, last - first);
            self.parked.clear(first, last);
        }
        self.mapped.set(start, end, key);
    }

    fn tells_changes(&mut self, fd: i32, status: &libc::stat) -> bool {
        let last =
            (status.st_mtime, status.st_mtime_nsec).max((status.st_ctime, status.st_ctime_nsec));
        let Ok(now) = SystemTime::now().duration_since(UNIX_EPOCH) else {
            return false;
        };
        // Before 1970 is long ago.
        let last = u64::try_from(last.0).map_or(Duration::ZERO, |seconds| {
            Duration::new(seconds, last.1 as u32)
        });
        if now < last + self.settled {
            return false;
        }
        let known = self.dated.entry(status.st_dev);
        *known.or_insert_with(|| dates_mapped_writes(fd))
    }

    /// Pages here are gone, or may be written from now on.
    pub(crate) fn change(&mut self, start: u64, end: u64) {
        self.mapped.clear(start, end);
    }

    /// Before all mappings go.
    pub(crate) fn park(&mut self, code: &Code) {
        for text in std::mem::take(&mut self.mapped).all() {
            code.park(text.start, text.end - text.start);
            self.parked.set(text.start, text.end, text.value);
        }
    }
}

/// Whether stores to shared mappings of a file show in its times, as far as its filesystem is known.
fn dates_mapped_writes(fd: i32) -> bool {
    const IN_MEMORY: [i64; 3] = [libc::TMPFS_MAGIC, 0x8584_58F6, libc::HUGETLBFS_MAGIC];
    // SAFETY: all zero is a valid statfs.
    let mut found: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: `found` is writable.
    let result = unsafe { libc::fstatfs(fd, &raw mut found) };
    result == 0 && !IN_MEMORY.contains(&found.f_type)
}
