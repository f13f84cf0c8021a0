//! Where mappings go.
//!
//! Translations are kept for an address, so programs that have a file in common should have it at
//! the same one. Its length is what is known of a library when a dynamic linker reserves space.

use crate::code::{LIMIT, PAGE};
use crate::spans::{Share, Spans};

/// No mapping begins below (`vm.mmap_min_addr`).
pub(crate) const LOWEST: u64 = 0x10000;

const HOMES: u64 = 0x5A_0000_0000;
const HOME_COUNT: u64 = 1 << 15;
const HOME_SIZE: u64 = 2 << 20;
const HOME_MOST: u64 = 256 << 20;
/// Two thirds up, as `ELF_ET_DYN_BASE`, `fs/binfmt_elf.c`.
const PROGRAMS: u64 = LIMIT / 3 * 2;
const PROGRAM_SPREAD: u64 = 1 << 30;

/// A large number that differs much between lengths that differ little.
fn spread(length: u64) -> u64 {
    (length / PAGE).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20
}

/// Where a mapping of this length goes in every run; None for one that is too long.
pub(crate) fn home(length: u64) -> Option<u64> {
    (length <= HOME_MOST).then(|| HOMES + spread(length) % HOME_COUNT * HOME_SIZE)
}

/// The same for a position-independent program.
pub(crate) fn program_home(length: u64) -> u64 {
    (PROGRAMS + spread(length) % (PROGRAM_SPREAD / PAGE) * PAGE) & !(PAGE - 1)
}

/// The highest free place below `base`.
pub(crate) fn gap<T: Share>(mapped: &Spans<T>, base: u64, length: u64) -> Option<u64> {
    let mut ceiling = base;
    for found in mapped.all().iter().rev() {
        if found.start >= ceiling {
            continue;
        }
        let below = ceiling.checked_sub(length)?;
        if below >= found.end {
            return Some(below);
        }
        ceiling = found.start;
    }
    ceiling.checked_sub(length).filter(|&start| start >= LOWEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_gap_that_is_long_enough_is_taken() {
        let mut mapped: Spans<u8> = Spans::default();
        mapped.set(0x9_0000, 0xA_0000, 0);
        mapped.set(0x5_0000, 0x6_0000, 0);
        mapped.set(0x2_0000, 0x3_0000, 0);
        assert_eq!(gap(&mapped, 0x8_0000, 0x1000), Some(0x7_F000));
        assert_eq!(gap(&mapped, 0x8_0000, 0x2_0000), Some(0x6_0000));
        assert_eq!(gap(&mapped, 0x6_0000, 0x1000), Some(0x4_F000));
        assert_eq!(gap(&mapped, 0x8_0000, 0x2_1000), None);
        assert_eq!(gap(&mapped, 0x2_0000, 0x1_0000), Some(0x1_0000));
        assert_eq!(gap(&mapped, 0x2_0000, 0x1_1000), None);
    }
}
