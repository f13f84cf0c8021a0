//! Addition to comparison.
#![forbid(unsafe_code)]

use crate::fp::format::{
    DZC, Format, IOC, Number, Rounding, invalid, process_nan, process_nans, round, shift_right_jam,
    unpack,
};
use crate::fp::{Env, host};

/// A finite number that is not zero.
#[derive(Clone, Copy)]
struct Real {
    sign: bool,
    significand: u128,
    exponent: i32,
}

/// Highest bit of a significand that is ready to be added.
const TOP: u32 = 125;

impl Real {
    /// The same number with its highest bit at [`TOP`].
    fn raised(self) -> Self {
        let shift = TOP as i32 - (127 - self.significand.leading_zeros() as i32);
        Self {
            significand: self.significand << shift,
            exponent: self.exponent - shift,
            ..self
        }
    }

    /// The sum; None if it is zero. Exact, or the lowest bit stands for what is lost.
    fn plus(self, other: Self) -> Option<Self> {
        let (a, b) = (self.raised(), other.raised());
        let (a, b) = if (a.exponent, a.significand) >= (b.exponent, b.significand) {
            (a, b)
        } else {
            (b, a)
        };
        let smaller = shift_right_jam(b.significand, a.exponent.abs_diff(b.exponent));
        let significand = if a.sign == b.sign {
            a.significand + smaller
        } else {
            a.significand - smaller
        };
        (significand != 0).then_some(Self { significand, ..a })
    }

    fn times(self, other: Self) -> Self {
        Self {
            sign: self.sign != other.sign,
            significand: self.significand * other.significand,
            exponent: self.exponent + other.exponent,
        }
    }

    fn round<F: Format>(self, env: &mut Env) -> F {
        let rounding = Rounding::of(env);
        round(self.sign, self.significand, self.exponent, rounding, env)
    }
}

fn real((sign, number): (bool, Number)) -> Option<Real> {
    match number {
        Number::Finite {
            significand,
            exponent,
        } => Some(Real {
            sign,
            significand,
            exponent,
        }),
        _ => None,
    }
}

/// The sum of two numbers that may be zero, where opposite ones give the zero of the mode.
fn sum<F: Format>(a: (bool, Number), b: (bool, Number), env: &mut Env) -> F {
    let exact_zero = Rounding::of(env) == Rounding::MinusInf;
    match (real(a), real(b)) {
        (None, None) if a.0 == b.0 => F::zero(a.0),
        (None, None) => F::zero(exact_zero),
        (Some(only), None) | (None, Some(only)) => only.round(env),
        (Some(a), Some(b)) => match a.plus(b) {
            Some(sum) => sum.round(env),
            None => F::zero(exact_zero),
        },
    }
}

/// `FPAdd`.
#[inline]
pub fn add<F: Format>(a: F, b: F, env: &mut Env) -> F {
    if let Some(sum) = host::binary::<F>(host::Binary::Add, a, b, env) {
        return sum;
    }
    add_signed(a, b, false, env)
}

/// `FPSub`.
#[inline]
pub fn sub<F: Format>(a: F, b: F, env: &mut Env) -> F {
    if let Some(difference) = host::binary::<F>(host::Binary::Sub, a, b, env) {
        return difference;
    }
    add_signed(a, b, true, env)
}

fn add_signed<F: Format>(a: F, b: F, negate: bool, env: &mut Env) -> F {
    let (left, mut right) = (unpack(a, env), unpack(b, env));
    if let Some(nan) = process_nans(&[(a, left.1), (b, right.1)], env) {
        return nan;
    }
    right.0 ^= negate;
    match (left.1, right.1) {
        (Number::Infinity, Number::Infinity) if left.0 != right.0 => invalid(env),
        (Number::Infinity, _) => F::infinity(left.0),
        (_, Number::Infinity) => F::infinity(right.0),
        _ => sum(left, right, env),
    }
}

/// `FPMul`.
#[inline]
pub fn mul<F: Format>(a: F, b: F, env: &mut Env) -> F {
    if let Some(product) = host::binary::<F>(host::Binary::Mul, a, b, env) {
        return product;
    }
    multiply(a, b, env).unwrap_or_else(|_| invalid(env))
}

/// `FPMulX`: infinity times zero is 2.
pub fn mulx<F: Format>(a: F, b: F, env: &mut Env) -> F {
    multiply(a, b, env).unwrap_or_else(|sign| F::pack(sign, F::BIAS as u64 + 1, 0))
}

/// The product, or its sign if it is infinity times zero.
fn multiply<F: Format>(a: F, b: F, env: &mut Env) -> Result<F, bool> {
    let (left, right) = (unpack(a, env), unpack(b, env));
    if let Some(nan) = process_nans(&[(a, left.1), (b, right.1)], env) {
        return Ok(nan);
    }
    let sign = left.0 != right.0;
    match (left.1, right.1) {
        (Number::Infinity, Number::Zero) | (Number::Zero, Number::Infinity) => Err(sign),
        (Number::Infinity, _) | (_, Number::Infinity) => Ok(F::infinity(sign)),
        _ => Ok(match (real(left), real(right)) {
            (Some(a), Some(b)) => a.times(b).round(env),
            _ => F::zero(sign),
        }),
    }
}

/// `FPDiv`.
#[inline]
pub fn div<F: Format>(a: F, b: F, env: &mut Env) -> F {
    if let Some(quotient) = host::binary::<F>(host::Binary::Div, a, b, env) {
        return quotient;
    }
    divide(a, b, env)
}

fn divide<F: Format>(a: F, b: F, env: &mut Env) -> F {
    let (left, right) = (unpack(a, env), unpack(b, env));
    if let Some(nan) = process_nans(&[(a, left.1), (b, right.1)], env) {
        return nan;
    }
    let sign = left.0 != right.0;
    match (left.1, right.1) {
        (Number::Infinity, Number::Infinity) | (Number::Zero, Number::Zero) => invalid(env),
        (Number::Infinity, _) => F::infinity(sign),
        (_, Number::Zero) => {
            env.raise(DZC);
            F::infinity(sign)
        }
        (Number::Zero, _) | (_, Number::Infinity) => F::zero(sign),
        _ => match (real(left), real(right)) {
            (Some(a), Some(b)) => quotient(a, b).round(env),
            _ => F::zero(sign),
        },
    }
}

fn quotient(a: Real, b: Real) -> Real {
    // 126 bits by at most 64: more than any precision.
    let (dividend, divisor) = (a.raised(), b.significand);
    let narrow = divisor.leading_zeros() - 64;
    let divisor = divisor << narrow;
    let exact = dividend.significand % divisor == 0;
    Real {
        sign: a.sign != b.sign,
        significand: (dividend.significand / divisor) << 1 | u128::from(!exact),
        exponent: dividend.exponent - (b.exponent - narrow as i32) - 1,
    }
}

/// `FPSqrt`.
#[inline]
pub fn sqrt<F: Format>(a: F, env: &mut Env) -> F {
    if let Some(root) = host::sqrt(a, env) {
        return root;
    }
    let operand = unpack(a, env);
    match operand {
        (_, Number::QuietNan | Number::SignallingNan) => process_nan(a, operand.1, env),
        (sign, Number::Zero) => F::zero(sign),
        (true, _) => invalid(env),
        (false, Number::Infinity) => F::infinity(false),
        (
            false,
            Number::Finite {
                significand,
                exponent,
            },
        ) => {
            // An even exponent, and all the bits there are for the root.
            let most = significand.leading_zeros() as i32;
            let shift = most - (exponent - most).rem_euclid(2);
            let square = significand << shift;
            let root = square.isqrt();
            let significand = root << 1 | u128::from(root * root != square);
            let exponent = (exponent - shift) / 2 - 1;
            round(false, significand, exponent, Rounding::of(env), env)
        }
    }
}

/// `FPMulAdd`: `addend + a * b`, rounded once.
#[inline]
pub fn mul_add<F: Format>(addend: F, a: F, b: F, env: &mut Env) -> F {
    if let Some(sum) = host::mul_add(addend, a, b, env) {
        return sum;
    }
    fused(addend, a, b, env)
}

fn fused<F: Format>(addend: F, a: F, b: F, env: &mut Env) -> F {
    let (added, left, right) = (unpack(addend, env), unpack(a, env), unpack(b, env));
    let undefined = matches!(
        (left.1, right.1),
        (Number::Infinity, Number::Zero) | (Number::Zero, Number::Infinity)
    );
    let nan = process_nans(&[(addend, added.1), (a, left.1), (b, right.1)], env);
    if undefined && (added.1 == Number::QuietNan || nan.is_none()) {
        return invalid(env);
    }
    if let Some(nan) = nan {
        return nan;
    }
    let sign = left.0 != right.0;
    let infinite = left.1 == Number::Infinity || right.1 == Number::Infinity;
    match (added.1 == Number::Infinity, infinite) {
        (true, true) if added.0 != sign => invalid(env),
        (true, _) => F::infinity(added.0),
        (_, true) => F::infinity(sign),
        _ => sum(added, product(left, right), env),
    }
}

/// The exact product of two finite numbers.
fn product(a: (bool, Number), b: (bool, Number)) -> (bool, Number) {
    match (real(a), real(b)) {
        (Some(a), Some(b)) => {
            let product = a.times(b);
            let number = Number::Finite {
                significand: product.significand,
                exponent: product.exponent,
            };
            (product.sign, number)
        }
        _ => (a.0 != b.0, Number::Zero),
    }
}

/// `FPRecipStepFused`: `2 - a * b`.
pub fn recip_step<F: Format>(a: F, b: F, env: &mut Env) -> F {
    step(a, b, 2, 0, env)
}

/// `FPRSqrtStepFused`: `(3 - a * b) / 2`.
pub fn rsqrt_step<F: Format>(a: F, b: F, env: &mut Env) -> F {
    step(a, b, 3, 1, env)
}

/// `(constant - a * b) / 2^halvings`.
fn step<F: Format>(a: F, b: F, constant: u128, halvings: i32, env: &mut Env) -> F {
    let a = neg(a);
    let (left, right) = (unpack(a, env), unpack(b, env));
    if let Some(nan) = process_nans(&[(a, left.1), (b, right.1)], env) {
        return nan;
    }
    let start = Real {
        sign: false,
        significand: constant,
        exponent: -halvings,
    };
    match (left.1, right.1) {
        (Number::Infinity, Number::Zero) | (Number::Zero, Number::Infinity) => start.round(env),
        (Number::Infinity, _) | (_, Number::Infinity) => F::infinity(left.0 != right.0),
        _ => {
            let start = Number::Finite {
                significand: start.significand,
                exponent: start.exponent,
            };
            let (sign, mut product) = product(left, right);
            if let Number::Finite { exponent, .. } = &mut product {
                *exponent -= halvings;
            }
            sum((false, start), (sign, product), env)
        }
    }
}

/// `FPAbs`.
pub fn abs<F: Format>(a: F) -> F {
    F::from_u64(a.to_u64() & !(1 << (F::BITS - 1)))
}

/// `FPNeg`.
pub fn neg<F: Format>(a: F) -> F {
    F::from_u64(a.to_u64() ^ 1 << (F::BITS - 1))
}

/// How two numbers that are not NaNs compare.
fn order(a: (bool, Number), b: (bool, Number)) -> std::cmp::Ordering {
    use std::cmp::Ordering;

    /// 0 for zeros, else by magnitude with the exponent first.
    fn magnitude(number: Number) -> (i64, u128) {
        match number {
            Number::Zero => (i64::MIN, 0),
            Number::Finite {
                significand,
                exponent,
            } => {
                let shift = significand.leading_zeros();
                (i64::from(exponent) - i64::from(shift), significand << shift)
            }
            _ => (i64::MAX, 0),
        }
    }
    if a.1 == Number::Zero && b.1 == Number::Zero {
        return Ordering::Equal;
    }
    let sign = |operand: (bool, Number)| match operand {
        (_, Number::Zero) => 0,
        (true, _) => -1,
        (false, _) => 1,
    };
    let (left, right) = (magnitude(a.1), magnitude(b.1));
    sign(a).cmp(&sign(b)).then_with(|| {
        if a.0 {
            right.cmp(&left)
        } else {
            left.cmp(&right)
        }
    })
}

/// `FPMax`.
pub fn max<F: Format>(a: F, b: F, env: &mut Env) -> F {
    extremum(a, b, false, env)
}

/// `FPMin`.
pub fn min<F: Format>(a: F, b: F, env: &mut Env) -> F {
    extremum(a, b, true, env)
}

fn extremum<F: Format>(a: F, b: F, least: bool, env: &mut Env) -> F {
    let (left, right) = (unpack(a, env), unpack(b, env));
    if let Some(nan) = process_nans(&[(a, left.1), (b, right.1)], env) {
        return nan;
    }
    let first = match order(left, right) {
        std::cmp::Ordering::Equal if left.1 == Number::Zero => {
            let sign = if least {
                left.0 || right.0
            } else {
                left.0 && right.0
            };
            return F::zero(sign);
        }
        std::cmp::Ordering::Greater => !least,
        _ => least,
    };
    let (value, operand) = if first { (a, left) } else { (b, right) };
    match operand.1 {
        Number::Zero => F::zero(operand.0),
        _ => value,
    }
}

/// `FPMaxNum`: a quiet NaN is less than every number.
pub fn max_num<F: Format>(a: F, b: F, env: &mut Env) -> F {
    let (a, b) = numbers(a, b, F::infinity(true));
    max(a, b, env)
}

/// `FPMinNum`: a quiet NaN is more than every number.
pub fn min_num<F: Format>(a: F, b: F, env: &mut Env) -> F {
    let (a, b) = numbers(a, b, F::infinity(false));
    min(a, b, env)
}

fn numbers<F: Format>(a: F, b: F, instead: F) -> (F, F) {
    let mut unused = Env::default();
    let kinds = (unpack(a, &mut unused).1, unpack(b, &mut unused).1);
    match kinds {
        (Number::QuietNan, other) if !other.is_nan() => (instead, b),
        (other, Number::QuietNan) if !other.is_nan() => (a, instead),
        _ => (a, b),
    }
}

/// `FPCompare`: N, Z, C, V in bits 31 to 28.
pub fn compare<F: Format>(a: F, b: F, signal_all_nans: bool, env: &mut Env) -> u32 {
    match ordered(a, b, signal_all_nans, env) {
        None => 0x3000_0000,
        Some(std::cmp::Ordering::Equal) => 0x6000_0000,
        Some(std::cmp::Ordering::Less) => 0x8000_0000,
        Some(std::cmp::Ordering::Greater) => 0x2000_0000,
    }
}

/// How two numbers compare; None if one is a NaN, which is invalid if it signals or all do.
fn ordered<F: Format>(
    a: F,
    b: F,
    signal_all_nans: bool,
    env: &mut Env,
) -> Option<std::cmp::Ordering> {
    if let Some(order) = host::compare(a, b, env) {
        return Some(order);
    }
    let (left, right) = (unpack(a, env), unpack(b, env));
    if left.1.is_nan() || right.1.is_nan() {
        let signals =
            left.1 == Number::SignallingNan || right.1 == Number::SignallingNan || signal_all_nans;
        if signals {
            env.raise(IOC);
        }
        return None;
    }
    Some(order(left, right))
}

/// `FPCompareEQ`.
pub fn compare_eq<F: Format>(a: F, b: F, env: &mut Env) -> bool {
    ordered(a, b, false, env).is_some_and(std::cmp::Ordering::is_eq)
}

/// `FPCompareGE`.
pub fn compare_ge<F: Format>(a: F, b: F, env: &mut Env) -> bool {
    ordered(a, b, true, env).is_some_and(std::cmp::Ordering::is_ge)
}

/// `FPCompareGT`.
pub fn compare_gt<F: Format>(a: F, b: F, env: &mut Env) -> bool {
    ordered(a, b, true, env).is_some_and(std::cmp::Ordering::is_gt)
}
