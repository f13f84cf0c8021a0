//! Operations on lanes: bitwise, additive, multiplicative, comparisons.
#![forbid(unsafe_code)]

use std::marker::PhantomData;

use super::lanes::Lane;
use super::shape::{Narrowing, Operation, operations};

/// All ones if true.
#[inline(always)]
fn mask<L: Lane>(condition: bool) -> L {
    if condition { !L::ZERO } else { L::ZERO }
}

/// The nearest value of the type.
#[inline(always)]
fn saturate<L: Lane>(value: i128, q: &mut bool) -> L {
    let clamped = value.clamp(L::MIN.value(), L::MAX.value());
    *q |= clamped != value;
    L::from_signed(clamped)
}

/// `(2 * (a << BITS + product) + round) >> BITS`, saturated, where the product's lanes are wide
/// enough for half of that.
#[inline(always)]
fn doubling_high<L: Lane>(sum: L::Wide, round: bool, q: &mut bool) -> L {
    let half = L::Wide::from_bits(u64::from(round) << (L::BITS - 2));
    let high = sum.wrapping_add(half).shr(L::BITS - 1);
    let clamped = high.clamp(L::MIN.widen(), L::MAX.widen());
    *q |= clamped != high;
    L::truncate(clamped)
}

#[inline(always)]
fn product<L: Lane>(n: L, m: L) -> L::Wide {
    n.widen().wrapping_mul(m.widen())
}

#[inline(always)]
fn addend<L: Lane>(d: L) -> L::Wide {
    d.widen().shl(L::BITS - 1)
}

/// Addition that notes saturation.
#[inline(always)]
pub(super) fn saturating_add<L: Lane>(n: L, m: L, q: &mut bool) -> L {
    let sum = n.saturating_add(m);
    *q |= sum != n.wrapping_add(m);
    sum
}

/// Subtraction that notes saturation.
#[inline(always)]
fn saturating_sub<L: Lane>(n: L, m: L, q: &mut bool) -> L {
    let difference = n.saturating_sub(m);
    *q |= difference != n.wrapping_sub(m);
    difference
}

/// Twice the product, in lanes that hold the product but perhaps not twice that.
#[inline(always)]
fn double_product<L: Lane>(n: L, m: L, q: &mut bool) -> L {
    let product = n.wrapping_mul(m);
    saturating_add(product, product, q)
}

operations! {
    /// AND.
    And(_, n, m, _) = n & m;
    /// BIC.
    Bic(_, n, m, _) = n & !m;
    /// ORR.
    Orr(_, n, m, _) = n | m;
    /// ORN.
    Orn(_, n, m, _) = n | !m;
    /// EOR.
    Eor(_, n, m, _) = n ^ m;
    /// BSL: `d` chooses.
    Bsl(d, n, m, _) = d & n | !d & m;
    /// BIT: `m` chooses between `n` and `d`.
    Bit(d, n, m, _) = m & n | !m & d;
    /// BIF.
    Bif(d, n, m, _) = m & d | !m & n;
    /// NOT.
    Complement(_, n, _, _) = !n;
    /// ADD.
    Add(_, n, m, _) = n.wrapping_add(m);
    /// SUB.
    Sub(_, n, m, _) = n.wrapping_sub(m);
    /// MUL.
    Mul(_, n, m, _) = n.wrapping_mul(m);
    /// MLA.
    MulAdd(d, n, m, _) = d.wrapping_add(n.wrapping_mul(m));
    /// MLS.
    MulSub(d, n, m, _) = d.wrapping_sub(n.wrapping_mul(m));
    /// SMAX, UMAX.
    Max(_, n, m, _) = n.max(m);
    /// SMIN, UMIN.
    Min(_, n, m, _) = n.min(m);
    /// SABD, UABD.
    AbsDiff(_, n, m, _) = n.abs_diff(m);
    /// SABA, UABA.
    AbsDiffAdd(d, n, m, _) = d.wrapping_add(n.abs_diff(m));
    /// SHADD, UHADD.
    HalvingAdd(_, n, m, _) = (n & m).wrapping_add((n ^ m).shr(1));
    /// SRHADD, URHADD.
    RoundingHalvingAdd(_, n, m, _) = (n | m).wrapping_sub((n ^ m).shr(1));
    /// SHSUB, UHSUB.
    HalvingSub(_, n, m, _) = (n ^ m).shr(1).wrapping_sub(!n & m);
    /// SQADD, UQADD.
    SaturatingAdd(_, n, m, q) = saturating_add(n, m, q);
    /// SQSUB, UQSUB.
    SaturatingSub(_, n, m, q) = saturating_sub(n, m, q);
    /// SUQADD.
    AddUnsigned(d, n, _, q) = saturate(d.value() + n.unsigned(), q);
    /// USQADD.
    AddSigned(d, n, _, q) = saturate(d.value() + n.signed(), q);
    /// SQABS.
    SaturatingAbs(_, n, _, q) = n.max(saturating_sub(L::ZERO, n, q));
    /// CMEQ.
    Equal(_, n, m, _) = mask(n == m);
    /// CMGT, CMHI.
    Greater(_, n, m, _) = mask(n > m);
    /// CMGE, CMHS.
    GreaterEqual(_, n, m, _) = mask(n >= m);
    /// CMTST.
    Test(_, n, m, _) = mask(n & m != L::ZERO);
    /// SQDMULH.
    DoubleMulHigh(_, n, m, q) = doubling_high(product(n, m), false, q);
    /// SQRDMULH.
    RoundingDoubleMulHigh(_, n, m, q) = doubling_high(product(n, m), true, q);
    /// SQRDMLAH.
    RoundingDoubleMulHighAdd(d, n, m, q) =
        doubling_high(addend(d).wrapping_add(product(n, m)), true, q);
    /// SQRDMLSH.
    RoundingDoubleMulHighSub(d, n, m, q) =
        doubling_high(addend(d).wrapping_sub(product(n, m)), true, q);
    /// SQDMULL, on widened lanes.
    DoubleMul(_, n, m, q) = double_product(n, m, q);
    /// SQDMLAL, on widened lanes.
    DoubleMulAdd(d, n, m, q) = saturating_add(d, double_product(n, m, q), q);
    /// SQDMLSL, on widened lanes.
    DoubleMulSub(d, n, m, q) = saturating_sub(d, double_product(n, m, q), q);
    /// SADDLP, UADDLP: the halves of each lane.
    AddHalves(_, n, _, _) = n.shl(L::BITS / 2).shr(L::BITS / 2).wrapping_add(n.shr(L::BITS / 2));
    /// CLS.
    CountSignBits(_, n, _, _) =
        L::from_bits(u64::from((n ^ n.shr(L::BITS - 1)).leading_zeros() - 1));
    /// CLZ.
    CountZeros(_, n, _, _) = L::from_bits(u64::from(n.leading_zeros()));
    /// CNT.
    CountOnes(_, n, _, _) = L::from_bits(u64::from(n.count_ones()));
    /// RBIT.
    ReverseBits(_, n, _, _) = n.reverse_bits();
    /// PMUL, and PMULL of bytes: polynomials over {0, 1}, the second of degree 7 at most.
    PolynomialMul(_, n, m, _) = (0..8).fold(L::ZERO, |sum, i| {
        sum ^ n.shl(i) & mask(m.shr(i) & L::from_bits(1) != L::ZERO)
    });
}

/// The operation with 0 for its second source.
pub(crate) struct WithZero<O>(PhantomData<O>);

impl<O: Operation> Operation for WithZero<O> {
    #[inline(always)]
    fn apply<L: Lane>(d: L, n: L, _: L, q: &mut bool) -> L {
        O::apply(d, n, L::ZERO, q)
    }
}

/// The operation with 0 for its first source and the first as its second.
pub(crate) struct FromZero<O>(PhantomData<O>);

impl<O: Operation> Operation for FromZero<O> {
    #[inline(always)]
    fn apply<L: Lane>(d: L, n: L, _: L, q: &mut bool) -> L {
        O::apply(d, L::ZERO, n, q)
    }
}

/// The operation's result added to the destination.
pub(crate) struct Accumulate<O>(PhantomData<O>);

impl<O: Operation> Operation for Accumulate<O> {
    #[inline(always)]
    fn apply<L: Lane>(d: L, n: L, m: L, q: &mut bool) -> L {
        d.wrapping_add(O::apply(d, n, m, q))
    }
}

/// The upper half of the operation's result: ADDHN, and RADDHN if it is to `ROUND`.
pub(crate) struct HighHalf<O, const ROUND: bool>(PhantomData<O>);

impl<O: Operation, const ROUND: bool> Narrowing for HighHalf<O, ROUND> {
    #[inline(always)]
    fn apply<L: Lane>(n: L::Wide, m: L::Wide, q: &mut bool) -> L {
        let half = L::Wide::from_bits(u64::from(ROUND) << (L::BITS - 1));
        L::truncate(O::apply(n, n, m, q).wrapping_add(half).shr(L::BITS))
    }
}
