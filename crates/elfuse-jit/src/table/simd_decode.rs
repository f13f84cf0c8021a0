//! How operands of integer `AdvSIMD` instructions are decoded.
#![forbid(unsafe_code)]

use super::fields::{bit, bits, dest, register, source};
use crate::ir::{Args, Helper, Insn};
use crate::simd::lanes::{Family, Unsigned};
use crate::simd::permute::{
    BYTES, ClearBits, Duplicate, DuplicateGeneral, Insert, InsertGeneral, MoveSigned, MoveUnsigned,
    Pattern, Set, SetBits, TOP, Table, WORDS, WithImmediate, extract, immediate,
};
use crate::simd::shape::{Halves, Shape};

/// Makes rows: name, pattern, decoder.
macro_rules! rows {
    ($($name:literal $pattern:literal $decode:expr;)*) => {
        &[$($crate::table::Row::new($name, $pattern, $decode)),*]
    };
}
pub(super) use rows;

/// Sets of lane sizes, as bits by the logarithm of the size in bytes.
pub(super) const B: u8 = 1;
pub(super) const BH: u8 = 0b011;
pub(super) const BHS: u8 = 0b111;
pub(super) const HS: u8 = 0b110;
pub(super) const D: u8 = 0b1000;
pub(super) const ALL: u8 = 0b1111;

const fn quad(word: u32) -> bool {
    bit(word, 30)
}

/// The field of most instructions that tells the lanes' size.
const fn size(word: u32) -> u32 {
    bits(word, 23, 22)
}

const fn args(word: u32, x: u16) -> Args {
    Args {
        d: register(word, 0),
        n: register(word, 5),
        m: register(word, 16),
        a: 0,
        x,
    }
}

/// A shape on all lanes, of this size, of a vector.
fn of_vector<F: Family, T: Shape>(size: u32, quad: bool) -> Helper {
    match (size, quad) {
        (0, false) => T::run::<F::B, 8>,
        (0, true) => T::run::<F::B, 16>,
        (1, false) => T::run::<F::H, 4>,
        (1, true) => T::run::<F::H, 8>,
        (2, false) => T::run::<F::S, 2>,
        (2, true) => T::run::<F::S, 4>,
        (_, false) => T::run::<F::D, 1>,
        (_, true) => T::run::<F::D, 2>,
    }
}

/// A shape on the first lane, of this size, of a vector.
fn of_scalar<F: Family, T: Shape>(size: u32) -> Helper {
    match size {
        0 => T::run::<F::B, 1>,
        1 => T::run::<F::H, 1>,
        2 => T::run::<F::S, 1>,
        _ => T::run::<F::D, 1>,
    }
}

/// A shape on lanes of this size in half a vector.
fn of_half<F: Family, T: Halves>(size: u32, high: bool) -> Helper {
    match (size, high) {
        (0, false) => T::run::<F::B, 8, false>,
        (0, true) => T::run::<F::B, 8, true>,
        (1, false) => T::run::<F::H, 4, false>,
        (1, true) => T::run::<F::H, 4, true>,
        (_, false) => T::run::<F::S, 2, false>,
        (_, true) => T::run::<F::S, 2, true>,
    }
}

/// A shape on the first lane, of this size, of one vector and of twice the size of another.
fn of_scalar_half<F: Family, T: Halves>(size: u32) -> Helper {
    match size {
        0 => T::run::<F::B, 1, false>,
        1 => T::run::<F::H, 1, false>,
        _ => T::run::<F::S, 1, false>,
    }
}

/// Whether lanes of this size may be; 64 bits only in whole vectors.
const fn allowed(sizes: u8, size: u32, quad: bool) -> bool {
    sizes >> size & 1 != 0 && (size < 3 || quad)
}

/// Lanes of the size that bits 23:22 say.
pub(super) fn vector<F: Family, T: Shape, const SIZES: u8>(word: u32) -> Option<Insn> {
    let (size, quad) = (size(word), quad(word));
    let helper = of_vector::<F, T>(size, quad);
    allowed(SIZES, size, quad).then(|| Insn::helper(helper, args(word, 0)))
}

/// One lane of the size that bits 23:22 say.
pub(super) fn scalar<F: Family, T: Shape, const SIZES: u8>(word: u32) -> Option<Insn> {
    let helper = of_scalar::<F, T>(size(word));
    allowed(SIZES, size(word), true).then(|| Insn::helper(helper, args(word, 0)))
}

/// Lanes of a size that the encoding implies: the logarithm of its bytes.
pub(super) fn fixed<F: Family, T: Shape, const SIZE: u32>(word: u32) -> Option<Insn> {
    let helper = of_vector::<F, T>(SIZE, quad(word));
    Some(Insn::helper(helper, args(word, 0)))
}

/// Lanes of twice the size that bits 23:22 say.
pub(super) fn doubled<F: Family, T: Shape>(word: u32) -> Option<Insn> {
    let helper = of_vector::<F, T>(size(word) + 1, quad(word));
    allowed(BHS, size(word), true).then(|| Insn::helper(helper, args(word, 0)))
}

/// At least four lanes of the size that bits 23:22 say.
pub(super) fn across<F: Family, T: Shape>(word: u32) -> Option<Insn> {
    let (size, quad) = (size(word), quad(word));
    let helper = of_vector::<F, T>(size, quad);
    (size < 2 || size == 2 && quad).then(|| Insn::helper(helper, args(word, 0)))
}

/// ADDP of two lanes to one.
pub(super) fn both_lanes<F: Family, T: Shape>(word: u32) -> Option<Insn> {
    (size(word) == 3).then(|| Insn::helper(T::run::<F::D, 2>, args(word, 0)))
}

/// Lanes of the size that bits 23:22 say in half a vector.
pub(super) fn half<F: Family, T: Halves, const SIZES: u8>(word: u32) -> Option<Insn> {
    let helper = of_half::<F, T>(size(word), quad(word));
    allowed(SIZES, size(word), true).then(|| Insn::helper(helper, args(word, 0)))
}

/// SHLL: as [`half`], and a shift by the size.
pub(super) fn half_by_size<F: Family, T: Halves>(word: u32) -> Option<Insn> {
    let helper = of_half::<F, T>(size(word), quad(word));
    let args = args(word, 8 << size(word));
    allowed(BHS, size(word), true).then(|| Insn::helper(helper, args))
}

/// One lane of the size that bits 23:22 say, and one of twice the size.
pub(super) fn scalar_half<F: Family, T: Halves, const SIZES: u8>(word: u32) -> Option<Insn> {
    let helper = of_scalar_half::<F, T>(size(word));
    allowed(SIZES, size(word), true).then(|| Insn::helper(helper, args(word, 0)))
}

/// Operands of an instruction by element: the lane's number in L, M, H as the size allows.
const fn element_args(word: u32) -> Args {
    let (l, m, h) = (bits(word, 21, 21), bits(word, 20, 20), bits(word, 11, 11));
    if size(word) == 1 {
        let args = args(word, (h << 2 | l << 1 | m) as u16);
        return Args {
            m: args.m & 15,
            ..args
        };
    }
    args(word, (h << 1 | l) as u16)
}

/// All lanes of one source with one of the other.
pub(super) fn element<F: Family, T: Shape>(word: u32) -> Option<Insn> {
    let helper = of_vector::<F, T>(size(word), quad(word));
    allowed(HS, size(word), true).then(|| Insn::helper(helper, element_args(word)))
}

/// One lane of one source with one of the other.
pub(super) fn scalar_element<F: Family, T: Shape>(word: u32) -> Option<Insn> {
    let helper = of_scalar::<F, T>(size(word));
    allowed(HS, size(word), true).then(|| Insn::helper(helper, element_args(word)))
}

/// Half the lanes of one source with one of the other.
pub(super) fn half_element<F: Family, T: Halves>(word: u32) -> Option<Insn> {
    let helper = of_half::<F, T>(size(word), quad(word));
    allowed(HS, size(word), true).then(|| Insn::helper(helper, element_args(word)))
}

/// One lane of one source with one of the other to one of twice the size.
pub(super) fn scalar_half_element<F: Family, T: Halves>(word: u32) -> Option<Insn> {
    let helper = of_scalar_half::<F, T>(size(word));
    allowed(HS, size(word), true).then(|| Insn::helper(helper, element_args(word)))
}

/// SDOT, UDOT: lanes of 32 bits in groups of four bytes.
fn dot_helper<F: Family, T: Shape>(word: u32) -> Helper {
    if quad(word) {
        T::run::<F::B, 4>
    } else {
        T::run::<F::B, 2>
    }
}

/// SDOT, UDOT of vectors.
pub(super) fn dot<F: Family, T: Shape>(word: u32) -> Option<Insn> {
    let helper = dot_helper::<F, T>(word);
    (size(word) == 2).then(|| Insn::helper(helper, args(word, 0)))
}

/// SDOT, UDOT by element.
pub(super) fn dot_element<F: Family, T: Shape>(word: u32) -> Option<Insn> {
    let helper = dot_helper::<F, T>(word);
    (size(word) == 2).then(|| Insn::helper(helper, element_args(word)))
}

/// Size and field of a shift: bits 22:16 without the leading one are the amount of a shift left,
/// and what a shift right lacks to twice the size. None without a leading one.
const fn shift_field(word: u32) -> Option<(u32, u32)> {
    match bits(word, 22, 19).checked_ilog2() {
        Some(size) => Some((size, bits(word, 22, 16) - (8 << size))),
        None => None,
    }
}

/// What the amount of a shift is, given its field and the lane's bits.
type Amount = fn(u32, u32) -> u32;

const LEFT: Amount = |field, _| field;
const RIGHT: Amount = |field, bits| bits - field;

fn shifted(word: u32, amount: Amount, choose: impl Fn(u32) -> Option<Helper>) -> Option<Insn> {
    let (size, field) = shift_field(word)?;
    let helper = choose(size)?;
    let args = args(word, amount(field, 8 << size) as u16);
    Some(Insn::helper(helper, args))
}

fn vector_shift<F: Family, T: Shape>(word: u32, amount: Amount) -> Option<Insn> {
    let quad = quad(word);
    shifted(word, amount, |size| {
        allowed(ALL, size, quad).then_some(of_vector::<F, T>(size, quad))
    })
}

/// A shift left of all lanes.
pub(super) fn left<F: Family, T: Shape>(word: u32) -> Option<Insn> {
    vector_shift::<F, T>(word, LEFT)
}

/// A shift right of all lanes.
pub(super) fn right<F: Family, T: Shape>(word: u32) -> Option<Insn> {
    vector_shift::<F, T>(word, RIGHT)
}

fn scalar_shift<F: Family, T: Shape>(word: u32, amount: Amount, sizes: u8) -> Option<Insn> {
    shifted(word, amount, |size| {
        allowed(sizes, size, true).then_some(of_scalar::<F, T>(size))
    })
}

/// A shift left of one lane.
pub(super) fn scalar_left<F: Family, T: Shape, const SIZES: u8>(word: u32) -> Option<Insn> {
    scalar_shift::<F, T>(word, LEFT, SIZES)
}

/// A shift right of one lane of 64 bits.
pub(super) fn scalar_right<F: Family, T: Shape>(word: u32) -> Option<Insn> {
    scalar_shift::<F, T>(word, RIGHT, D)
}

fn half_shift<F: Family, T: Halves>(word: u32, amount: Amount) -> Option<Insn> {
    let quad = quad(word);
    shifted(word, amount, |size| {
        (size < 3).then_some(of_half::<F, T>(size, quad))
    })
}

/// A shift left to lanes of twice the size.
pub(super) fn half_left<F: Family, T: Halves>(word: u32) -> Option<Insn> {
    half_shift::<F, T>(word, LEFT)
}

/// A shift right to lanes of half the size.
pub(super) fn half_right<F: Family, T: Halves>(word: u32) -> Option<Insn> {
    half_shift::<F, T>(word, RIGHT)
}

/// A shift right of one lane to one of half the size.
pub(super) fn scalar_half_right<F: Family, T: Halves>(word: u32) -> Option<Insn> {
    shifted(word, RIGHT, |size| {
        (size < 3).then_some(of_scalar_half::<F, T>(size))
    })
}

/// Size and number of the lane that imm5 says: the lowest set bit is the size.
const fn lane_field(word: u32) -> Option<(u32, u16)> {
    let field = bits(word, 20, 16);
    let size = field.trailing_zeros();
    if size < 4 {
        Some((size, (field >> (size + 1)) as u16))
    } else {
        None
    }
}

/// DUP (element).
pub(super) fn duplicate(word: u32) -> Option<Insn> {
    let (size, lane) = lane_field(word)?;
    let helper = of_vector::<Unsigned, Duplicate>(size, quad(word));
    allowed(ALL, size, quad(word)).then(|| Insn::helper(helper, args(word, lane)))
}

/// DUP (scalar).
pub(super) fn duplicate_scalar(word: u32) -> Option<Insn> {
    let (size, lane) = lane_field(word)?;
    let helper = of_scalar::<Unsigned, Duplicate>(size);
    Some(Insn::helper(helper, args(word, lane)))
}

/// DUP (general).
pub(super) fn duplicate_general(word: u32) -> Option<Insn> {
    let (size, _) = lane_field(word)?;
    let helper = of_vector::<Unsigned, DuplicateGeneral>(size, quad(word));
    let args = Args {
        n: source(word, 5),
        ..args(word, 0)
    };
    allowed(ALL, size, quad(word)).then(|| Insn::helper(helper, args))
}

/// INS (general).
pub(super) fn insert_general(word: u32) -> Option<Insn> {
    let (size, lane) = lane_field(word)?;
    let helper = of_vector::<Unsigned, InsertGeneral>(size, true);
    let args = Args {
        n: source(word, 5),
        ..args(word, lane)
    };
    Some(Insn::helper(helper, args))
}

/// INS (element).
pub(super) fn insert(word: u32) -> Option<Insn> {
    let (size, lane) = lane_field(word)?;
    let helper = of_vector::<Unsigned, Insert>(size, true);
    let args = Args {
        a: (bits(word, 14, 11) >> size) as u8,
        ..args(word, lane)
    };
    Some(Insn::helper(helper, args))
}

/// SMOV to W or X registers.
pub(super) fn move_signed(word: u32) -> Option<Insn> {
    let (size, lane) = lane_field(word)?;
    let (helper, sizes) = if quad(word) {
        (of_scalar::<Unsigned, MoveSigned<true>>(size), BHS)
    } else {
        (of_scalar::<Unsigned, MoveSigned<false>>(size), BH)
    };
    let args = Args {
        d: dest(word, 0),
        ..args(word, lane)
    };
    allowed(sizes, size, true).then(|| Insn::helper(helper, args))
}

/// UMOV to W or X registers.
pub(super) fn move_unsigned(word: u32) -> Option<Insn> {
    let (size, lane) = lane_field(word)?;
    let helper = of_scalar::<Unsigned, MoveUnsigned>(size);
    let args = Args {
        d: dest(word, 0),
        ..args(word, lane)
    };
    let sizes = if quad(word) { D } else { BHS };
    allowed(sizes, size, true).then(|| Insn::helper(helper, args))
}

/// EXT.
pub(super) fn ext(word: u32) -> Option<Insn> {
    let from = bits(word, 14, 11) as u16;
    let helper = if quad(word) {
        extract::<true>
    } else {
        extract::<false>
    };
    (quad(word) || from < 8).then(|| Insn::helper(helper, args(word, from)))
}

/// TBL, TBX.
pub(super) fn table<const REGISTERS: usize, const KEEP: bool>(word: u32) -> Option<Insn> {
    fixed::<Unsigned, Table<REGISTERS, KEEP>, 0>(word)
}

/// Instructions with neither variants nor immediates.
pub(super) fn plain(word: u32, helper: Helper) -> Option<Insn> {
    Some(Insn::helper(helper, args(word, 0)))
}

const fn replicate(value: u64, count: u32) -> u64 {
    let mut all = value;
    let mut count = count;
    while count < 64 {
        all |= all << count;
        count *= 2;
    }
    all
}

/// A floating-point constant of 8 bits as one with so many exponent and fraction bits.
const fn expand_float(imm8: u64, exponent_bits: u32, fraction_bits: u32) -> u64 {
    let sign = imm8 >> 7;
    let ones = (1 << (exponent_bits - 3)) - 1;
    let top = if imm8 >> 6 & 1 != 0 { ones } else { ones + 1 };
    let exponent = top << 2 | imm8 >> 4 & 3;
    (sign << exponent_bits | exponent) << fraction_bits | (imm8 & 15) << (fraction_bits - 4)
}

/// The eight bits a to h of an immediate.
const fn imm8(word: u32) -> u64 {
    (bits(word, 18, 16) << 5 | bits(word, 9, 5)) as u64
}

fn with_immediate<O: WithImmediate>(word: u32, value: u64) -> Option<Insn> {
    let (pattern, args) = Pattern::pack(value, register(word, 0));
    let helper: Helper = match (pattern, quad(word)) {
        (Pattern::Words, false) => immediate::<O, WORDS, 1>,
        (Pattern::Words, true) => immediate::<O, WORDS, 2>,
        (Pattern::Bytes, false) => immediate::<O, BYTES, 1>,
        (Pattern::Bytes, true) => immediate::<O, BYTES, 2>,
        (Pattern::Top, false) => immediate::<O, TOP, 1>,
        (Pattern::Top, true) => immediate::<O, TOP, 2>,
    };
    Some(Insn::helper(helper, args))
}

/// What an immediate of 32 bits is, shifted by bytes.
const fn shifted_word(word: u32) -> u64 {
    replicate(imm8(word) << (8 * bits(word, 14, 13)), 32)
}

/// What an immediate of 16 bits is, shifted by a byte or not.
const fn shifted_half(word: u32) -> u64 {
    replicate(imm8(word) << (8 * bits(word, 13, 13)), 16)
}

/// What an immediate of 32 bits is, shifted by one or two bytes, filled with ones.
const fn shifted_ones(word: u32) -> u64 {
    let amount = 8 << bits(word, 12, 12);
    replicate(imm8(word) << amount | ((1 << amount) - 1), 32)
}

/// Makes decoders of immediates.
macro_rules! immediates {
    ($($(#[$meta:meta])* $name:ident: $operation:ident($word:ident) = $value:expr;)*) => { $(
        $(#[$meta])*
        pub(super) fn $name($word: u32) -> Option<Insn> {
            with_immediate::<$operation>($word, $value)
        }
    )* };
}

immediates! {
    /// MOVI of 32 bits, shifted.
    movi_word: Set(word) = shifted_word(word);
    /// MOVI of 16 bits, shifted.
    movi_half: Set(word) = shifted_half(word);
    /// MOVI of 32 bits, shifting ones.
    movi_ones: Set(word) = shifted_ones(word);
    /// MOVI of 8 bits.
    movi_byte: Set(word) = replicate(imm8(word), 8);
    /// MOVI of 64 bits: a byte for each bit.
    movi_double: Set(word) = (0..8).map(|i| ((imm8(word) >> i & 1) * 0xff) << (8 * i)).sum();
    /// MVNI of 32 bits, shifted.
    mvni_word: Set(word) = !shifted_word(word);
    /// MVNI of 16 bits, shifted.
    mvni_half: Set(word) = !shifted_half(word);
    /// MVNI of 32 bits, shifting ones.
    mvni_ones: Set(word) = !shifted_ones(word);
    /// ORR of 32 bits, shifted.
    orr_word: SetBits(word) = shifted_word(word);
    /// ORR of 16 bits, shifted.
    orr_half: SetBits(word) = shifted_half(word);
    /// BIC of 32 bits, shifted.
    bic_word: ClearBits(word) = shifted_word(word);
    /// BIC of 16 bits, shifted.
    bic_half: ClearBits(word) = shifted_half(word);
    /// FMOV of half-precision numbers.
    fmov_half: Set(word) = replicate(expand_float(imm8(word), 5, 10), 16);
    /// FMOV of single-precision numbers.
    fmov_single: Set(word) = replicate(expand_float(imm8(word), 8, 23), 32);
    /// FMOV of double-precision numbers.
    fmov_double: Set(word) = expand_float(imm8(word), 11, 52);
}
