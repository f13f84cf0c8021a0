//! Extraction of fields from instruction words.
#![forbid(unsafe_code)]

use crate::ir::Width;
use crate::state::{SINK, ZERO};

/// Bits `high` to `low` of a word.
#[inline]
#[must_use]
pub const fn bits(word: u32, high: u32, low: u32) -> u32 {
    word >> low & (u32::MAX >> (31 - (high - low)))
}

/// One bit of a word.
#[inline]
#[must_use]
pub const fn bit(word: u32, at: u32) -> bool {
    word >> at & 1 != 0
}

/// The low `count` bits as a signed number.
#[inline]
#[must_use]
pub const fn sign_extend(value: u32, count: u32) -> i64 {
    ((value as i64) << (64 - count)) >> (64 - count)
}

/// The register field at `at`.
#[inline]
#[must_use]
pub const fn register(word: u32, at: u32) -> u8 {
    bits(word, at + 4, at) as u8
}

/// A general register that is read; 31 is XZR.
#[inline]
#[must_use]
pub const fn source(word: u32, at: u32) -> u8 {
    match register(word, at) {
        31 => ZERO,
        n => n,
    }
}

/// A general register that is written; 31 is XZR.
#[inline]
#[must_use]
pub const fn dest(word: u32, at: u32) -> u8 {
    match register(word, at) {
        31 => SINK,
        n => n,
    }
}

/// A general register or the stack pointer, whose index is its number.
#[inline]
#[must_use]
pub const fn or_sp(word: u32, at: u32) -> u8 {
    register(word, at)
}

/// Operand size by the bit `sf`, bit 31.
#[inline]
#[must_use]
pub const fn width(word: u32) -> Width {
    if bit(word, 31) { Width::X } else { Width::W }
}

/// `value` as an operand of this size.
#[inline]
#[must_use]
pub const fn truncated(value: u64, width: Width) -> u64 {
    match width {
        Width::W => value as u32 as u64,
        Width::X => value,
    }
}
