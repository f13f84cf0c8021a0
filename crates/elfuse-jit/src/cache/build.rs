//! From a file and what was seen of it to an object: what the worker does.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::cache::object::{self, DIGEST, Damage, Object, Regions};
use crate::cache::profile::BITS;
use crate::compile;

/// A region of as many instructions ends before another's head: regions that begin in each other's
/// middle would have the same code again and again.
const ENOUGH: usize = 16;
/// Offsets are 32 bits.
const LARGEST_FILE: usize = u32::MAX as usize & !0xfff;

/// A file whose code is compiled.
#[derive(Debug)]
pub struct Source<'a> {
    /// Its content.
    pub file: &'a [u8],
    /// SHA-256 of it.
    pub digest: &'a [u8; DIGEST],
    /// Guest address of its first byte.
    pub base: u64,
    /// Whether the code is to be confined.
    pub confined: bool,
}

/// What became of [`Source::fill`].
#[derive(Debug)]
pub struct Filled {
    /// The new object.
    pub object: Vec<u8>,
    /// Regions in it that were not in the one before.
    pub added: usize,
    /// Heads for which there was no time.
    pub left: usize,
}

impl Source<'_> {
    fn word(&self, offset: u32) -> Option<u32> {
        let at = offset as usize;
        let bytes = self.file.get(at..at.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    fn offset(&self, pc: u64) -> Option<u32> {
        let offset = pc.checked_sub(self.base)?;
        (offset < LARGEST_FILE as u64).then_some(offset as u32)
    }

    /// Compile the regions at `heads` that `before` lacks, along instructions that were executed.
    /// None if nothing was added.
    #[must_use]
    pub fn fill(
        &self,
        before: Regions,
        heads: &[u32],
        pages: &[(u32, [u8; BITS])],
        time: Duration,
    ) -> Option<Filled> {
        let end = Instant::now() + time;
        let executed = Executed::new(pages, &before);
        let wanted: HashSet<u32> = heads.iter().chain(before.keys()).copied().collect();
        let mut regions = before;
        let known = regions.len();
        let mut left = 0;
        for &head in heads {
            if regions.contains_key(&head) {
                continue;
            }
            if Instant::now() >= end {
                left += 1;
                continue;
            }
            let length = Cell::new(0);
            let word = |pc| {
                let offset = self.offset(pc)?;
                if !executed.has(offset) || length.get() >= ENOUGH && wanted.contains(&offset) {
                    return None;
                }
                length.set(length.get() + 1);
                self.word(offset)
            };
            let made = compile::translate(self.base, head, self.confined, word);
            regions.extend(made.map(|region| (head, region)));
        }
        let added = regions.len() - known;
        if added == 0 {
            return None;
        }
        let object = object::assemble(self.base, self.digest, &regions)?;
        Some(Filled {
            object,
            added,
            left,
        })
    }
}

/// Whether regions of an object are what compiling their instructions gives, `most` of them, spread
/// over the object; how many were compiled.
pub fn verify(object: Object<'_>, confined: bool, most: usize) -> Result<usize, Damage> {
    let regions = object.contents()?;
    let step = (regions.len() / most.max(1)).max(1);
    let mut checked = 0;
    for (&head, region) in regions.iter().step_by(step).take(most) {
        let words: HashMap<u64, u32> = region
            .spans
            .iter()
            .flat_map(|(start, words)| {
                let first = object.base + u64::from(*start);
                (first..).step_by(4).zip(words.iter().copied())
            })
            .collect();
        let word = |pc| words.get(&pc).copied();
        let made = compile::translate(object.base, head, confined, word);
        if made.as_ref() != Some(region) {
            return Err("compiling a region again gives other code");
        }
        checked += 1;
    }
    Ok(checked)
}

/// Which instructions were executed.
struct Executed(HashMap<u32, [u8; BITS]>);

impl Executed {
    /// From a profile; what was compiled before was executed in an earlier run.
    fn new(pages: &[(u32, [u8; BITS])], before: &Regions) -> Self {
        let mut found = Self(HashMap::new());
        for (number, bits) in pages {
            let held = found.0.entry(*number).or_insert([0; BITS]);
            for (to, from) in held.iter_mut().zip(bits) {
                *to |= from;
            }
        }
        for (start, words) in before.values().flat_map(|region| &region.spans) {
            for offset in (*start..).step_by(4).take(words.len()) {
                let held = found.0.entry(offset >> 12).or_insert([0; BITS]);
                let (byte, bit) = place(offset);
                held[byte] |= bit;
            }
        }
        found
    }

    fn has(&self, offset: u32) -> bool {
        let (byte, bit) = place(offset);
        self.0
            .get(&(offset >> 12))
            .is_some_and(|bits| bits[byte] & bit != 0)
    }
}

/// Byte and bit of an instruction in its page's bits.
pub(crate) fn place(offset: u32) -> (usize, u8) {
    let index = offset as usize % 4096 / 4;
    (index / 8, 1 << (index % 8))
}
