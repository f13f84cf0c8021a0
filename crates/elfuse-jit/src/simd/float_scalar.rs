//! Floating point on scalars: one value in the low end of a vector register, the rest cleared; to and
//! from general registers; comparisons into NZCV.
#![forbid(unsafe_code)]

use super::float::{Binary, TOWARDS_ZERO, Ternary, Unary, compute, lane, rounding};
use crate::condition;
use crate::fp::{self, Env, Format, Rounding};
use crate::ir::Args;
use crate::state::State;

#[inline]
fn get<F: Format>(s: &State, index: u8) -> F {
    lane(s.v(index), 0)
}

#[inline]
fn widened<F: Format>(value: F) -> u128 {
    u128::from(value.to_u64())
}

/// Fd = op(Fn).
pub(crate) fn unary<F: Format, O: Unary>(s: &mut State, r: Args) {
    compute(s, r.d, |s, env| widened(O::apply::<F>(get(s, r.n), env)));
}

/// Fd = op(Fn, Fm).
pub(crate) fn binary<F: Format, O: Binary>(s: &mut State, r: Args) {
    compute(s, r.d, |s, env| {
        widened(O::apply::<F>(get(s, r.n), get(s, r.m), env))
    });
}

/// Fd = op(Fa, Fn, Fm).
pub(crate) fn ternary<F: Format, O: Ternary>(s: &mut State, r: Args) {
    compute(s, r.d, |s, env| {
        widened(O::apply::<F>(get(s, r.a), get(s, r.n), get(s, r.m), env))
    });
}

/// Fd = Fn in another format.
pub(crate) fn convert<From: Format, To: Format, const R: u8>(s: &mut State, r: Args) {
    compute(s, r.d, |s, env| {
        let n = get::<From>(s, r.n);
        widened(fp::convert::<From, To>(n, rounding::<R>(*env), env))
    });
}

/// Fd = the value whose upper 16 bits are x.
pub(crate) fn immediate<F: Format>(s: &mut State, r: Args) {
    s.set_v(r.d, u128::from(r.x) << (F::BITS - 16));
}

/// Xd = the bits of Fn.
pub(crate) fn bits_to_general<F: Format>(s: &mut State, r: Args) {
    s.set_x(r.d, get::<F>(s, r.n).to_u64());
}

/// Fd = the bits of Xn.
pub(crate) fn bits_from_general<F: Format>(s: &mut State, r: Args) {
    s.set_v(r.d, u128::from(s.x(r.n) & (u64::MAX >> (64 - F::BITS))));
}

/// Xd = the upper half of Vn.
pub(crate) fn upper_to_general(s: &mut State, r: Args) {
    s.set_x(r.d, (s.v(r.n) >> 64) as u64);
}

/// The upper half of Vd = Xn.
pub(crate) fn upper_from_general(s: &mut State, r: Args) {
    let low = u128::from(s.v(r.d) as u64);
    s.set_v(r.d, u128::from(s.x(r.n)) << 64 | low);
}

/// Xd = Fn rounded to an integer of `BITS` bits.
pub(crate) fn to_integer<F: Format, const BITS: u32, const R: u8, const UNSIGNED: bool>(
    s: &mut State,
    r: Args,
) {
    to_general::<F, BITS, R, UNSIGNED>(s, r, 0);
}

/// Xd = Fn as fixed point of `BITS` bits, x of them after the point.
pub(crate) fn to_fixed<F: Format, const BITS: u32, const UNSIGNED: bool>(s: &mut State, r: Args) {
    to_general::<F, BITS, TOWARDS_ZERO, UNSIGNED>(s, r, u32::from(r.x));
}

#[inline]
fn to_general<F: Format, const BITS: u32, const R: u8, const UNSIGNED: bool>(
    s: &mut State,
    r: Args,
    fraction_bits: u32,
) {
    let mut env = Env::of(s);
    let n = get::<F>(s, r.n);
    let rounding = rounding::<R>(env);
    let result = fp::to_fixed(n, fraction_bits, UNSIGNED, rounding, BITS, &mut env);
    env.commit(s);
    s.set_x(r.d, result);
}

/// Fd = Xn as an integer of `BITS` bits.
pub(crate) fn from_integer<F: Format, const BITS: u32, const UNSIGNED: bool>(
    s: &mut State,
    r: Args,
) {
    from_general::<F, BITS, UNSIGNED>(s, r, 0);
}

/// Fd = Xn as fixed point of `BITS` bits, x of them after the point.
pub(crate) fn from_fixed<F: Format, const BITS: u32, const UNSIGNED: bool>(s: &mut State, r: Args) {
    from_general::<F, BITS, UNSIGNED>(s, r, u32::from(r.x));
}

#[inline]
fn from_general<F: Format, const BITS: u32, const UNSIGNED: bool>(
    s: &mut State,
    r: Args,
    fraction_bits: u32,
) {
    compute(s, r.d, |s, env| {
        let value = s.x(r.n) & (u64::MAX >> (64 - BITS));
        let rounding = Rounding::of(env);
        widened(fp::from_fixed::<F>(
            value,
            fraction_bits,
            UNSIGNED,
            BITS,
            rounding,
            env,
        ))
    });
}

/// Wd = Dn as ECMAScript converts to a 32-bit integer; Z where that was exact.
pub(crate) fn to_javascript(s: &mut State, r: Args) {
    let mut env = Env::of(s);
    let (value, exact) = fp::to_js(get(s, r.n), &mut env);
    env.commit(s);
    s.set_w(r.d, value);
    s.set_nzcv(u32::from(exact) << 30);
}

/// NZCV = Fn compared with Fm, or with `ZERO` with zero.
pub(crate) fn compare<F: Format, const SIGNAL: bool, const ZERO: bool>(s: &mut State, r: Args) {
    let m = if ZERO { F::from_u64(0) } else { get(s, r.m) };
    compare_with::<F, SIGNAL>(s, r.n, m);
}

#[inline]
fn compare_with<F: Format, const SIGNAL: bool>(s: &mut State, n: u8, m: F) {
    let mut env = Env::of(s);
    let nzcv = fp::compare(get::<F>(s, n), m, SIGNAL, &mut env);
    env.commit(s);
    s.set_nzcv(nzcv);
}

/// NZCV = Fn compared with Fm if condition x >> 4 holds, else x & 15.
pub(crate) fn conditional_compare<F: Format, const SIGNAL: bool>(s: &mut State, r: Args) {
    if condition::holds((r.x >> 4) as u8, s.nzcv()) {
        compare_with::<F, SIGNAL>(s, r.n, get(s, r.m));
    } else {
        s.set_nzcv(u32::from(r.x) << 28);
    }
}

/// Fd = Fn if condition x holds, else Fm.
pub(crate) fn select<F: Format>(s: &mut State, r: Args) {
    let source = if condition::holds(r.x as u8, s.nzcv()) {
        r.n
    } else {
        r.m
    };
    s.set_v(r.d, widened(get::<F>(s, source)));
}
