//! Lanes of vector registers: integers of any size and signedness, for generic functions.
#![forbid(unsafe_code)]

use std::ops::{BitAnd, BitOr, BitXor, Not};

use super::view::{Plain, Vector, lanes, lanes_mut};
use crate::state::{FPSR, State};

/// An integer in a vector register.
pub(crate) trait Lane:
    Plain
    + Ord
    + BitAnd<Output = Self>
    + BitOr<Output = Self>
    + BitXor<Output = Self>
    + Not<Output = Self>
{
    /// Twice as wide, of the same signedness; of the widest, itself.
    type Wide: Lane;
    /// Size.
    const BITS: u32;
    /// Least value.
    const MIN: Self;
    /// Greatest value.
    const MAX: Self;
    /// 0.
    const ZERO: Self;

    /// The low bits.
    fn from_bits(bits: u64) -> Self;
    /// The low bits, as a signed number.
    fn from_signed(value: i128) -> Self;
    /// Sign- or zero-extended.
    fn widen(self) -> Self::Wide;
    /// The low half.
    fn truncate(wide: Self::Wide) -> Self;
    /// The bits as a signed number.
    fn signed(self) -> i128;
    /// The bits as an unsigned number; not of 128 bits.
    fn unsigned(self) -> i128;
    /// The value; not of 128 unsigned bits.
    fn value(self) -> i128;
    /// Modulo the size.
    fn wrapping_add(self, other: Self) -> Self;
    /// Modulo the size.
    fn wrapping_sub(self, other: Self) -> Self;
    /// Modulo the size.
    fn wrapping_mul(self, other: Self) -> Self;
    /// Clamped to the least or greatest value.
    fn saturating_add(self, other: Self) -> Self;
    /// Clamped to the least or greatest value.
    fn saturating_sub(self, other: Self) -> Self;
    /// Distance, as an unsigned number's bits.
    fn abs_diff(self, other: Self) -> Self;
    /// Shift left by less than the size.
    fn shl(self, amount: u32) -> Self;
    /// Shift right by less than the size: arithmetic if signed.
    fn shr(self, amount: u32) -> Self;
    /// Shift right by less than the size, filling with zeros.
    fn shr_logical(self, amount: u32) -> Self;
    /// How many zeros are on top.
    fn leading_zeros(self) -> u32;
    /// How many bits are set.
    fn count_ones(self) -> u32;
    /// The same bits from the other end.
    fn reverse_bits(self) -> Self;
}

macro_rules! lane {
    ($($lane:ident $wide:ident $signed:ident $unsigned:ident;)*) => { $(
        #[allow(trivial_numeric_casts, reason = "one macro for both signednesses")]
        impl Lane for $lane {
            type Wide = $wide;
            const BITS: u32 = $lane::BITS;
            const MIN: Self = $lane::MIN;
            const MAX: Self = $lane::MAX;
            const ZERO: Self = 0;

            #[inline(always)]
            fn from_bits(bits: u64) -> Self {
                bits as Self
            }

            #[inline(always)]
            fn from_signed(value: i128) -> Self {
                value as Self
            }

            #[inline(always)]
            fn widen(self) -> $wide {
                self as $wide
            }

            #[inline(always)]
            fn truncate(wide: $wide) -> Self {
                wide as Self
            }

            #[inline(always)]
            fn signed(self) -> i128 {
                self as $signed as i128
            }

            #[inline(always)]
            fn unsigned(self) -> i128 {
                self as $unsigned as i128
            }

            #[inline(always)]
            fn value(self) -> i128 {
                self as i128
            }

            #[inline(always)]
            fn wrapping_add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }

            #[inline(always)]
            fn wrapping_sub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }

            #[inline(always)]
            fn wrapping_mul(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }

            #[inline(always)]
            fn saturating_add(self, other: Self) -> Self {
                self.saturating_add(other)
            }

            #[inline(always)]
            fn saturating_sub(self, other: Self) -> Self {
                self.saturating_sub(other)
            }

            #[inline(always)]
            fn abs_diff(self, other: Self) -> Self {
                self.abs_diff(other) as Self
            }

            #[inline(always)]
            fn shl(self, amount: u32) -> Self {
                self << amount
            }

            #[inline(always)]
            fn shr(self, amount: u32) -> Self {
                self >> amount
            }

            #[inline(always)]
            fn shr_logical(self, amount: u32) -> Self {
                (self as $unsigned >> amount) as Self
            }

            #[inline(always)]
            fn leading_zeros(self) -> u32 {
                self.leading_zeros()
            }

            #[inline(always)]
            fn count_ones(self) -> u32 {
                self.count_ones()
            }

            #[inline(always)]
            fn reverse_bits(self) -> Self {
                self.reverse_bits()
            }
        }
    )* };
}

lane! {
    u8 u16 i8 u8;
    u16 u32 i16 u16;
    u32 u64 i32 u32;
    u64 u128 i64 u64;
    u128 u128 i128 u128;
    i8 i16 i8 u8;
    i16 i32 i16 u16;
    i32 i64 i32 u32;
    i64 i128 i64 u64;
    i128 i128 i128 u128;
}

/// Lane types of one signedness, by size.
pub(crate) trait Family {
    /// 8 bits.
    type B: Lane;
    /// 16 bits.
    type H: Lane;
    /// 32 bits.
    type S: Lane;
    /// 64 bits.
    type D: Lane;
}

/// Signed lanes.
pub(crate) struct Signed;

impl Family for Signed {
    type B = i8;
    type H = i16;
    type S = i32;
    type D = i64;
}

/// Unsigned lanes.
pub(crate) struct Unsigned;

impl Family for Unsigned {
    type B = u8;
    type H = u16;
    type S = u32;
    type D = u64;
}

/// A vector register. No index is out of bounds, so that nothing is checked.
#[inline(always)]
pub(super) fn register(state: &State, index: u8) -> &u128 {
    &state.v[usize::from(index % 32)]
}

/// A vector register, to be written.
#[inline(always)]
pub(super) fn register_mut(state: &mut State, index: u8) -> &mut u128 {
    &mut state.v[usize::from(index % 32)]
}

/// The first `N` lanes of a vector register.
#[inline(always)]
pub(super) fn read<L: Lane, const N: usize>(state: &State, index: u8) -> &[L; N] {
    lanes(register(state, index))
}

/// The `N` lanes of the lower or the upper half of a vector register.
#[inline(always)]
pub(super) fn read_half<L: Lane, const N: usize, const HIGH: bool>(
    state: &State,
    index: u8,
) -> &[L; N] {
    let halves: &[[L; N]; 2] = lanes(register(state, index));
    &halves[usize::from(HIGH)]
}

/// Any lane of a vector register.
#[inline(always)]
pub(super) fn read_lane<L: Lane>(state: &State, index: u8, lane: u16) -> L {
    L::from_bits((register(state, index) >> (u32::from(lane) * L::BITS)) as u64)
}

/// Set the first `N` lanes of a value.
#[inline(always)]
pub(super) fn fill<L: Lane, const N: usize>(value: &mut Vector, mut lane: impl FnMut(usize) -> L) {
    let lanes: &mut [L; N] = lanes_mut(value);
    for (i, to) in lanes.iter_mut().enumerate() {
        *to = lane(i);
    }
}

/// Set the `N` lanes of the lower or upper half of a value.
#[inline(always)]
pub(super) fn fill_half<L: Lane, const N: usize, const HIGH: bool>(
    value: &mut Vector,
    mut lane: impl FnMut(usize) -> L,
) {
    let halves: &mut [[L; N]; 2] = lanes_mut(value);
    for (i, to) in halves[usize::from(HIGH)].iter_mut().enumerate() {
        *to = lane(i);
    }
}

/// Prepare a value whose lower half remains if the upper is to be set.
#[inline(always)]
pub(super) fn keep_lower<const HIGH: bool>(state: &State, index: u8, value: &mut Vector) {
    if HIGH {
        let [register] = lanes(register(state, index));
        *value = *register;
    }
}

/// Set a vector register.
#[inline(always)]
pub(super) fn write(state: &mut State, index: u8, value: &Vector) {
    let [register] = lanes_mut(register_mut(state, index));
    *register = *value;
}

/// Set the first lanes of a vector register and clear the rest.
#[inline(always)]
pub(super) fn write_lanes<L: Lane, const N: usize>(state: &mut State, index: u8, lanes: [L; N]) {
    let mut value = Vector::ZERO;
    fill::<L, N>(&mut value, |i| lanes[i]);
    write(state, index, &value);
}

/// Set QC if an instruction saturated.
#[inline(always)]
pub(super) fn commit(state: &mut State, saturated: bool) {
    state.x[usize::from(FPSR)] |= u64::from(saturated) << 27;
}
