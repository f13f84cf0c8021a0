//! `madvise(2)` on memory that only the guest's own pages back.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::compile::fork;
use crate::cpu::Cpu;

const PAGE: u64 = 4096;
const EINVAL: i64 = 22;

const NORMAL: u32 = 0;
const RANDOM: u32 = 1;
const SEQUENTIAL: u32 = 2;
const WILLNEED: u32 = 3;
const DONTNEED: u32 = 4;
const FREE: u32 = 8;

/// Ranges of private anonymous memory without instructions, as the kernel part registers them.
///
/// What is not here may be such memory all the same.
#[derive(Debug, Default)]
pub(crate) struct Anonymous {
    /// End by start; neighbours that touch are one. Only locked together with [`fork::Lock`].
    ranges: Mutex<BTreeMap<u64, u64>>,
}

impl Anonymous {
    fn with<R>(&self, _: &fork::Lock, then: impl FnOnce(&mut BTreeMap<u64, u64>) -> R) -> R {
        let mut ranges = self.ranges.lock().unwrap_or_else(PoisonError::into_inner);
        then(&mut ranges)
    }

    /// Memory was mapped.
    pub(crate) fn add(&self, fork: &fork::Lock, start: u64, end: u64) {
        self.with(fork, |ranges| {
            cut(ranges, start, end);
            let (mut start, mut end) = (start, end);
            if let Some((&first, &last)) = ranges.range(..start).next_back()
                && last == start
            {
                start = first;
            }
            if let Some(last) = ranges.remove(&end) {
                end = last;
            }
            ranges.insert(start, end);
        });
    }

    /// It was unmapped, or is something else now.
    pub(crate) fn remove(&self, start: u64, end: u64) {
        self.with(&fork::Lock::new(), |ranges| cut(ranges, start, end));
    }

    /// Do something while a range is, and stays, such memory.
    fn within<R>(&self, start: u64, end: u64, then: impl FnOnce() -> R) -> Option<R> {
        self.with(&fork::Lock::new(), |ranges| {
            let (_, &last) = ranges.range(..=start).next_back()?;
            (end <= last).then(then)
        })
    }
}

fn cut(ranges: &mut BTreeMap<u64, u64>, start: u64, end: u64) {
    while let Some((&first, &last)) = ranges.range(..end).next_back()
        && last > start
    {
        ranges.remove(&first);
        if first < start {
            ranges.insert(first, start);
        }
        if end < last {
            ranges.insert(end, last);
        }
    }
}

/// madvise(2).
pub(super) fn advise(cpu: &Cpu) -> Option<u64> {
    let (address, length, advice) = (cpu.state.x(0), cpu.state.x(1), cpu.state.w(2));
    if !matches!(
        advice,
        NORMAL | RANDOM | SEQUENTIAL | WILLNEED | DONTNEED | FREE
    ) {
        return None;
    }
    if !address.is_multiple_of(PAGE) {
        return Some(-EINVAL as u64);
    }
    if length == 0 {
        return Some(0);
    }
    let end = address
        .checked_add(length)?
        .checked_next_multiple_of(PAGE)?;
    let host = cpu.host(address)?;
    cpu.code.anonymous.within(address, end, || {
        if matches!(advice, DONTNEED | FREE) {
            // SAFETY: the guest's pages, which it gives up.
            unsafe {
                libc::madvise(
                    host as *mut libc::c_void,
                    (end - address) as usize,
                    libc::MADV_DONTNEED,
                )
            };
        }
        0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(anonymous: &Anonymous) -> Vec<(u64, u64)> {
        let fork = fork::Lock::new();
        anonymous.with(&fork, |ranges| {
            ranges.iter().map(|(&start, &end)| (start, end)).collect()
        })
    }

    fn add(anonymous: &Anonymous, start: u64, end: u64) {
        anonymous.add(&fork::Lock::new(), start, end);
    }

    #[test]
    fn ranges_join_and_are_cut() {
        let anonymous = Anonymous::default();
        add(&anonymous, 0x1000, 0x2000);
        add(&anonymous, 0x3000, 0x4000);
        add(&anonymous, 0x2000, 0x3000);
        assert_eq!(held(&anonymous), [(0x1000, 0x4000)]);
        anonymous.remove(0x2000, 0x3000);
        assert_eq!(held(&anonymous), [(0x1000, 0x2000), (0x3000, 0x4000)]);
        add(&anonymous, 0x0, 0x8000);
        assert_eq!(held(&anonymous), [(0x0, 0x8000)]);
        anonymous.remove(0x4000, 0x9000);
        assert_eq!(held(&anonymous), [(0x0, 0x4000)]);
        assert_eq!(anonymous.within(0x1000, 0x4000, || 1), Some(1));
        assert_eq!(anonymous.within(0x1000, 0x5000, || 1), None);
        anonymous.remove(0x0, 0x9000);
        assert_eq!(held(&anonymous), []);
    }
}
