//! Floating point on vector registers: operations on one element, and the shapes of instruction that
//! apply them to lanes.
//!
//! An operation is a type, so that a shape applied to an operation and an element size is one function.
#![forbid(unsafe_code)]

use crate::fp::{self, Env, Format, Rounding};
use crate::ir::Args;
use crate::state::State;

/// Rounding of an instruction: to nearest, ties to even.
pub(crate) const NEAREST: u8 = 0;
/// Rounding of an instruction: towards plus infinity.
pub(crate) const UPWARDS: u8 = 1;
/// Rounding of an instruction: towards minus infinity.
pub(crate) const DOWNWARDS: u8 = 2;
/// Rounding of an instruction: towards zero.
pub(crate) const TOWARDS_ZERO: u8 = 3;
/// Rounding of an instruction: to nearest, ties away from zero.
pub(crate) const AWAY: u8 = 4;
/// Rounding of an instruction: to odd.
pub(crate) const ODD: u8 = 5;
/// Rounding of an instruction: as FPCR says.
pub(crate) const CURRENT: u8 = 6;

/// The rounding that a constant of this module stands for.
#[inline]
pub(crate) fn rounding<const R: u8>(env: Env) -> Rounding {
    match R {
        NEAREST => Rounding::TieEven,
        UPWARDS => Rounding::PlusInf,
        DOWNWARDS => Rounding::MinusInf,
        TOWARDS_ZERO => Rounding::Zero,
        AWAY => Rounding::TieAway,
        ODD => Rounding::Odd,
        _ => Rounding::of(&env),
    }
}

/// An operation on one element.
pub(crate) trait Unary {
    /// Its result.
    fn apply<F: Format>(n: F, env: &mut Env) -> F;
}

/// An operation on two elements.
pub(crate) trait Binary {
    /// Its result.
    fn apply<F: Format>(n: F, m: F, env: &mut Env) -> F;
}

/// An operation on two elements and the destination or addend. Every [`Binary`] one is such, too.
pub(crate) trait Ternary {
    /// Its result.
    fn apply<F: Format>(a: F, n: F, m: F, env: &mut Env) -> F;
}

macro_rules! unary {
    ($($name:ident($n:ident, $env:ident) = $result:expr;)*) => { $(
        pub(crate) struct $name;

        impl Unary for $name {
            #[inline]
            fn apply<F: Format>($n: F, $env: &mut Env) -> F {
                $result
            }
        }
    )* };
}

macro_rules! ternary {
    ($($name:ident($a:ident, $n:ident, $m:ident, $env:ident) = $result:expr;)*) => { $(
        pub(crate) struct $name;

        impl Ternary for $name {
            #[inline]
            fn apply<F: Format>($a: F, $n: F, $m: F, $env: &mut Env) -> F {
                $result
            }
        }
    )* };
}

macro_rules! binary {
    ($($name:ident($n:ident, $m:ident, $env:ident) = $result:expr;)*) => { $(
        ternary! { $name(_a, $n, $m, $env) = $result; }

        impl Binary for $name {
            #[inline]
            fn apply<F: Format>($n: F, $m: F, $env: &mut Env) -> F {
                $result
            }
        }
    )* };
}

unary! {
    Move(n, _env) = n;
    Abs(n, _env) = fp::abs(n);
    Neg(n, _env) = fp::neg(n);
    Sqrt(n, env) = fp::sqrt(n, env);
    RecipEstimate(n, env) = fp::recip_estimate(n, env);
    RsqrtEstimate(n, env) = fp::rsqrt_estimate(n, env);
    RecipExponent(n, env) = fp::recip_exponent(n, env);
    EqualZero(n, env) = mask(fp::compare_eq(n, zero(), env));
    GreaterEqualZero(n, env) = mask(fp::compare_ge(n, zero(), env));
    GreaterZero(n, env) = mask(fp::compare_gt(n, zero(), env));
    LessEqualZero(n, env) = mask(fp::compare_ge(zero(), n, env));
    LessZero(n, env) = mask(fp::compare_gt(zero(), n, env));
    UnsignedRecipEstimate(n, _env) = unsigned(n, fp::unsigned_recip_estimate);
    UnsignedRsqrtEstimate(n, _env) = unsigned(n, fp::unsigned_rsqrt_estimate);
}

binary! {
    Add(n, m, env) = fp::add(n, m, env);
    Sub(n, m, env) = fp::sub(n, m, env);
    Mul(n, m, env) = fp::mul(n, m, env);
    NegMul(n, m, env) = fp::neg(fp::mul(n, m, env));
    Mulx(n, m, env) = fp::mulx(n, m, env);
    Div(n, m, env) = fp::div(n, m, env);
    Max(n, m, env) = fp::max(n, m, env);
    Min(n, m, env) = fp::min(n, m, env);
    MaxNum(n, m, env) = fp::max_num(n, m, env);
    MinNum(n, m, env) = fp::min_num(n, m, env);
    AbsDiff(n, m, env) = fp::abs(fp::sub(n, m, env));
    RecipStep(n, m, env) = fp::recip_step(n, m, env);
    RsqrtStep(n, m, env) = fp::rsqrt_step(n, m, env);
    Equal(n, m, env) = mask(fp::compare_eq(n, m, env));
    GreaterEqual(n, m, env) = mask(fp::compare_ge(n, m, env));
    Greater(n, m, env) = mask(fp::compare_gt(n, m, env));
    AbsGreaterEqual(n, m, env) = mask(fp::compare_ge(fp::abs(n), fp::abs(m), env));
    AbsGreater(n, m, env) = mask(fp::compare_gt(fp::abs(n), fp::abs(m), env));
}

ternary! {
    MulAdd(a, n, m, env) = fp::mul_add(a, n, m, env);
    MulSub(a, n, m, env) = fp::mul_add(a, fp::neg(n), m, env);
    NegMulAdd(a, n, m, env) = fp::mul_add(fp::neg(a), fp::neg(n), m, env);
    NegMulSub(a, n, m, env) = fp::mul_add(fp::neg(a), n, m, env);
}

/// Round to an integral value, raising inexact if `EXACT`.
pub(crate) struct RoundInt<const R: u8, const EXACT: bool>;

impl<const R: u8, const EXACT: bool> Unary for RoundInt<R, EXACT> {
    #[inline]
    fn apply<F: Format>(n: F, env: &mut Env) -> F {
        fp::round_int(n, rounding::<R>(*env), EXACT, env)
    }
}

/// Convert to an integer of the same size.
pub(crate) struct ToInt<const R: u8, const UNSIGNED: bool>;

impl<const R: u8, const UNSIGNED: bool> Unary for ToInt<R, UNSIGNED> {
    #[inline]
    fn apply<F: Format>(n: F, env: &mut Env) -> F {
        to_fixed::<F, R, UNSIGNED>(n, 0, env)
    }
}

/// Convert from an integer of the same size.
pub(crate) struct FromInt<const UNSIGNED: bool>;

impl<const UNSIGNED: bool> Unary for FromInt<UNSIGNED> {
    #[inline]
    fn apply<F: Format>(n: F, env: &mut Env) -> F {
        from_fixed::<F, UNSIGNED>(n, 0, env)
    }
}

/// Convert to fixed point of the same size.
#[inline]
fn to_fixed<F: Format, const R: u8, const UNSIGNED: bool>(
    n: F,
    fraction_bits: u32,
    env: &mut Env,
) -> F {
    let rounding = rounding::<R>(*env);
    F::from_u64(fp::to_fixed(
        n,
        fraction_bits,
        UNSIGNED,
        rounding,
        F::BITS,
        env,
    ))
}

/// Convert from fixed point of the same size.
#[inline]
fn from_fixed<F: Format, const UNSIGNED: bool>(n: F, fraction_bits: u32, env: &mut Env) -> F {
    let rounding = Rounding::of(env);
    fp::from_fixed(n.to_u64(), fraction_bits, UNSIGNED, F::BITS, rounding, env)
}

/// All ones where a comparison holds.
#[inline]
fn mask<F: Format>(holds: bool) -> F {
    F::from_u64(if holds { u64::MAX } else { 0 } >> (64 - F::BITS))
}

#[inline]
fn zero<F: Format>() -> F {
    F::from_u64(0)
}

#[inline]
fn unsigned<F: Format>(n: F, estimate: fn(u32) -> u32) -> F {
    F::from_u64(u64::from(estimate(n.to_u64() as u32)))
}

/// Element `index` of a vector.
#[inline]
pub(crate) fn lane<F: Format>(vector: u128, index: u32) -> F {
    let element = (vector >> (index * F::BITS)) as u64;
    F::from_u64(element & (u64::MAX >> (64 - F::BITS)))
}

/// How many elements the lower half, or with `Q` the whole, of a vector has.
#[inline]
fn count<F: Format, const Q: bool>() -> u32 {
    if Q { 128 / F::BITS } else { 64 / F::BITS }
}

/// The vector of `count` elements that `element` gives.
#[inline]
fn collect<F: Format>(count: u32, mut element: impl FnMut(u32) -> F) -> u128 {
    (0..count).fold(0, |vector, i| {
        vector | u128::from(element(i).to_u64()) << (i * F::BITS)
    })
}

/// Carry out an instruction that computes Vd within the floating-point environment.
#[inline]
pub(crate) fn compute(s: &mut State, d: u8, result: impl FnOnce(&State, &mut Env) -> u128) {
    let mut env = Env::of(s);
    let value = result(s, &mut env);
    env.commit(s);
    s.set_v(d, value);
}

/// Vd = op(Vn), lane by lane.
pub(crate) fn unary<F: Format, O: Unary, const Q: bool>(s: &mut State, r: Args) {
    compute(s, r.d, |s, env| {
        let n = s.v(r.n);
        collect(count::<F, Q>(), |i| O::apply::<F>(lane(n, i), env))
    });
}

/// Vd = op(Vd, Vn, Vm), lane by lane.
pub(crate) fn ternary<F: Format, O: Ternary, const Q: bool>(s: &mut State, r: Args) {
    compute(s, r.d, |s, env| {
        let (d, n, m) = (s.v(r.d), s.v(r.n), s.v(r.m));
        collect(count::<F, Q>(), |i| {
            O::apply::<F>(lane(d, i), lane(n, i), lane(m, i), env)
        })
    });
}

/// Vd = op(Vd, Vn, Vm\[x\]), lane by lane.
pub(crate) fn by_element<F: Format, O: Ternary, const Q: bool>(s: &mut State, r: Args) {
    compute(s, r.d, |s, env| {
        let (d, n) = (s.v(r.d), s.v(r.n));
        let m = lane(s.v(r.m), u32::from(r.x));
        collect(count::<F, Q>(), |i| {
            O::apply::<F>(lane(d, i), lane(n, i), m, env)
        })
    });
}

/// Vd = op of adjacent pairs of Vm:Vn.
pub(crate) fn pairwise<F: Format, O: Binary, const Q: bool>(s: &mut State, r: Args) {
    let half = count::<F, Q>() / 2;
    compute(s, r.d, |s, env| {
        let (n, m) = (s.v(r.n), s.v(r.m));
        collect(2 * half, |i| {
            let (source, first) = if i < half {
                (n, 2 * i)
            } else {
                (m, 2 * (i - half))
            };
            O::apply::<F>(lane(source, first), lane(source, first + 1), env)
        })
    });
}

/// Fd = op over all lanes of Vn.
pub(crate) fn across<F: Format, O: Binary, const Q: bool>(s: &mut State, r: Args) {
    compute(s, r.d, |s, env| {
        let result = reduce::<F, O>(s.v(r.n), 0, count::<F, Q>(), env);
        u128::from(result.to_u64())
    });
}

/// `Reduce` of the Arm ARM: op of the lower and the upper half, recursively.
fn reduce<F: Format, O: Binary>(vector: u128, first: u32, count: u32, env: &mut Env) -> F {
    if count == 1 {
        return lane(vector, first);
    }
    let half = count / 2;
    let low = reduce::<F, O>(vector, first, half, env);
    let high = reduce::<F, O>(vector, first + half, half, env);
    O::apply(low, high, env)
}

/// Fd = op of the two lowest elements of Vn.
pub(crate) fn scalar_pairwise<F: Format, O: Binary>(s: &mut State, r: Args) {
    compute(s, r.d, |s, env| {
        let n = s.v(r.n);
        u128::from(O::apply::<F>(lane(n, 0), lane(n, 1), env).to_u64())
    });
}

/// Fd = op(Fd, Fn, Vm\[x\]).
pub(crate) fn scalar_by_element<F: Format, O: Ternary>(s: &mut State, r: Args) {
    compute(s, r.d, |s, env| {
        let m = lane(s.v(r.m), u32::from(r.x));
        u128::from(O::apply::<F>(lane(s.v(r.d), 0), lane(s.v(r.n), 0), m, env).to_u64())
    });
}

/// Vd = Vn as fixed point with x fraction bits, lane by lane.
pub(crate) fn lanes_to_fixed<F: Format, const UNSIGNED: bool, const Q: bool>(
    s: &mut State,
    r: Args,
) {
    compute(s, r.d, |s, env| {
        let n = s.v(r.n);
        collect(count::<F, Q>(), |i| {
            to_fixed::<F, TOWARDS_ZERO, UNSIGNED>(lane(n, i), u32::from(r.x), env)
        })
    });
}

/// Vd = Vn taken as fixed point with x fraction bits, lane by lane.
pub(crate) fn lanes_from_fixed<F: Format, const UNSIGNED: bool, const Q: bool>(
    s: &mut State,
    r: Args,
) {
    compute(s, r.d, |s, env| {
        let n = s.v(r.n);
        collect(count::<F, Q>(), |i| {
            from_fixed::<F, UNSIGNED>(lane(n, i), u32::from(r.x), env)
        })
    });
}

/// Fd = Fn as fixed point with x fraction bits.
pub(crate) fn scalar_to_fixed<F: Format, const UNSIGNED: bool>(s: &mut State, r: Args) {
    compute(s, r.d, |s, env| {
        let result = to_fixed::<F, TOWARDS_ZERO, UNSIGNED>(lane(s.v(r.n), 0), u32::from(r.x), env);
        u128::from(result.to_u64())
    });
}

/// Fd = Fn taken as fixed point with x fraction bits.
pub(crate) fn scalar_from_fixed<F: Format, const UNSIGNED: bool>(s: &mut State, r: Args) {
    compute(s, r.d, |s, env| {
        let result = from_fixed::<F, UNSIGNED>(lane(s.v(r.n), 0), u32::from(r.x), env);
        u128::from(result.to_u64())
    });
}

/// Vd = the lower, or with `UPPER` the upper, half of Vn in the next wider format.
pub(crate) fn lengthen<From: Format, To: Format, const UPPER: bool>(s: &mut State, r: Args) {
    compute(s, r.d, |s, env| {
        let half = s.v(r.n) >> if UPPER { 64 } else { 0 };
        collect(128 / To::BITS, |i| {
            fp::convert::<From, To>(lane(half, i), Rounding::of(env), env)
        })
    });
}

/// The lower, or with `UPPER` the upper, half of Vd = Vn in the next narrower format.
pub(crate) fn narrow<From: Format, To: Format, const R: u8, const UPPER: bool>(
    s: &mut State,
    r: Args,
) {
    compute(s, r.d, |s, env| {
        let n = s.v(r.n);
        let half = collect(128 / From::BITS, |i| {
            fp::convert::<From, To>(lane(n, i), rounding::<R>(*env), env)
        });
        if UPPER {
            half << 64 | u128::from(s.v(r.d) as u64)
        } else {
            half
        }
    });
}

/// Vd = Vn + Vm turned by 90 degrees (x = 0) or 270 (x = 1), as pairs of real and imaginary part.
pub(crate) fn complex_add<F: Format, const Q: bool>(s: &mut State, r: Args) {
    compute(s, r.d, |s, env| {
        let (n, m) = (s.v(r.n), s.v(r.m));
        collect(count::<F, Q>(), |i| {
            let imaginary = i % 2 == 1;
            let turned = lane::<F>(m, i ^ 1);
            let turned = negate_if(turned, imaginary == (r.x == 1));
            fp::add(lane(n, i), turned, env)
        })
    });
}

/// Vd += part of the complex product of Vn, and of Vm turned by x % 4 times 90 degrees; with
/// `ELEMENT` by pair x / 4 of Vm.
pub(crate) fn complex_mul_add<F: Format, const ELEMENT: bool, const Q: bool>(
    s: &mut State,
    r: Args,
) {
    let swap = u32::from(r.x & 1);
    let (negate_real, negate_imaginary) = (matches!(r.x & 3, 1 | 2), r.x & 2 != 0);
    compute(s, r.d, |s, env| {
        let (d, n, m) = (s.v(r.d), s.v(r.n), s.v(r.m));
        collect(count::<F, Q>(), |i| {
            let (pair, imaginary) = (i & !1, i & 1);
            let from = if ELEMENT {
                u32::from(r.x >> 2) * 2
            } else {
                pair
            };
            let negate = if imaginary == 1 {
                negate_imaginary
            } else {
                negate_real
            };
            let factor = negate_if(lane::<F>(m, from + (imaginary ^ swap)), negate);
            fp::mul_add(lane(d, i), lane(n, pair + swap), factor, env)
        })
    });
}

#[inline]
fn negate_if<F: Format>(value: F, negate: bool) -> F {
    if negate { fp::neg(value) } else { value }
}
