//! The table of A64 encodings: one row each, from which the decoder, the disassembly of traces, the
//! generator of random tests and the coverage report are made.
#![forbid(unsafe_code)]

pub mod fields;
pub mod fp;
pub mod immediate;
pub mod memory;
pub mod register;
pub mod simd;
mod simd_decode;
pub mod simd_fp;
pub mod simd_permute;
pub mod simd_scalar;
pub mod simd_shift;
pub mod structures;
pub mod system;

use std::sync::LazyLock;

use crate::ir::Insn;

/// One encoding: fixed bits, named fields, and how its operands become an [`Insn`].
#[derive(Debug)]
pub struct Row {
    /// Name in the Arm ARM's style, unique: `"add (immediate)"`.
    pub name: &'static str,
    /// 32 characters from bit 31 down: `0`, `1`, or the letter of the field the bit belongs to.
    pub pattern: &'static str,
    /// Fixed bits.
    pub mask: u32,
    /// Their values.
    pub value: u32,
    /// None where the architecture leaves this combination of fields unallocated.
    pub decode: fn(u32) -> Option<Insn>,
}

impl Row {
    /// # Panics
    ///
    /// At compile time in tables, unless `pattern` is 32 of `0`, `1` and lower-case letters.
    #[must_use]
    pub const fn new(
        name: &'static str,
        pattern: &'static str,
        decode: fn(u32) -> Option<Insn>,
    ) -> Self {
        let bytes = pattern.as_bytes();
        assert!(bytes.len() == 32, "a pattern has 32 characters");
        let (mut mask, mut value, mut i) = (0, 0, 0);
        while i < 32 {
            let bit = 1 << (31 - i);
            match bytes[i] {
                b'0' => mask |= bit,
                b'1' => {
                    mask |= bit;
                    value |= bit;
                }
                b'a'..=b'z' => {}
                _ => panic!("a pattern consists of 0, 1 and letters"),
            }
            i += 1;
        }
        Self {
            name,
            pattern,
            mask,
            value,
            decode,
        }
    }
}

/// The rows of all groups. Within a group the more specific of two that overlap comes first;
/// groups do not overlap.
const GROUPS: &[&[Row]] = &[
    immediate::ROWS,
    register::ROWS,
    system::ROWS,
    memory::ROWS,
    structures::ROWS,
    simd::ROWS,
    simd_permute::ROWS,
    simd_scalar::ROWS,
    simd_shift::ROWS,
    fp::ROWS,
    simd_fp::ROWS,
];

/// All rows.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    GROUPS.iter().copied().flatten()
}

/// Bits 31:21 choose a bucket: most of an encoding's fixed bits are there.
const BUCKET_SHIFT: u32 = 21;

static BUCKETS: LazyLock<Vec<Vec<&'static Row>>> = LazyLock::new(|| {
    let fixed = u32::MAX << BUCKET_SHIFT;
    (0..1 << (32 - BUCKET_SHIFT))
        .map(|bucket: u32| {
            let word = bucket << BUCKET_SHIFT;
            rows()
                .filter(|row| (word ^ row.value) & row.mask & fixed == 0)
                .collect()
        })
        .collect()
});

/// The row of an instruction word.
#[must_use]
pub fn lookup(word: u32) -> Option<&'static Row> {
    let bucket = &BUCKETS[(word >> BUCKET_SHIFT) as usize];
    bucket
        .iter()
        .find(|row| word & row.mask == row.value)
        .copied()
}

/// The instruction that a word encodes; None if it is undefined.
#[must_use]
pub fn decode(word: u32) -> Option<Insn> {
    (lookup(word)?.decode)(word)
}
