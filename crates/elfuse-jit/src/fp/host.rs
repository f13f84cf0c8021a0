//! Arithmetic by the host's own scalar instructions, where its results are Arm's.
//!
//! That is with FPCR 0 and results that are numbers. Exceptions raised there accumulate in the
//! host's MXCSR while guest code runs: see [`enter`] and [`take_flags`]. Tininess is detected after
//! rounding by x86 and before by Arm, so results of the least normal magnitude are left to the
//! exact functions, which raise what is missing.

use std::arch::asm;
use std::cell::Cell;
use std::cmp::Ordering;

use crate::fp::Env;
use crate::fp::format::{Format, Rounding};

/// Operations of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
}

/// MXCSR with all exceptions masked, none raised, rounding to nearest.
const DEFAULT: u32 = 0x1f80;

fn load_control(value: u32) {
    // SAFETY: a valid MXCSR; Rust code does not depend on its flags.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack, readonly)) };
}

fn store_control() -> u32 {
    let mut value = 0u32;
    // SAFETY: `value` is writable.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack)) };
    value
}

thread_local! {
    /// What [`leave`] restores.
    static BEFORE: Cell<u32> = const { Cell::new(DEFAULT) };
}

/// Before guest code runs: no exception is raised yet.
pub fn enter() {
    BEFORE.set(store_control());
    load_control(DEFAULT);
}

/// After guest code ran and its exceptions were taken: the thread's modes as [`enter`] found them.
pub fn leave() {
    load_control(BEFORE.get());
}

/// The exceptions raised since, as FPSR flags; none are raised any more.
#[must_use]
pub fn take_flags() -> u32 {
    let raised = store_control() & 0x3f;
    if raised != 0 {
        load_control(DEFAULT);
    }
    // IE, DE, ZE, OE, UE, PE to IOC, DZC, OFC, UFC, IXC.
    raised & 1 | raised >> 1 & 0x1e
}

/// A result that is certainly Arm's: a number, and not the least normal one.
fn certain<F: Format>(value: F) -> Option<F> {
    let magnitude = value.to_u64() << (64 - F::BITS) << 1 >> (64 - F::BITS) >> 1;
    let infinity = F::EXPONENT_ONES << F::FRACTION;
    (magnitude <= infinity && magnitude != 1 << F::FRACTION).then_some(value)
}

macro_rules! binary {
    ($instruction:literal, $a:expr, $b:expr) => {{
        let mut result = $a;
        // SAFETY: registers only.
        unsafe {
            asm!(concat!($instruction, " {0}, {1}"), inout(xmm_reg) result, in(xmm_reg) $b,
                 options(nomem, nostack, preserves_flags));
        }
        result
    }};
}

macro_rules! unary {
    ($instruction:literal, $a:expr, $result:ty) => {{
        let result: $result;
        // SAFETY: registers only.
        unsafe {
            asm!(concat!($instruction, " {0}, {1}"), out(xmm_reg) result, in(xmm_reg) $a,
                 options(nomem, nostack, preserves_flags));
        }
        result
    }};
}

fn single<F: Format>(value: F) -> f32 {
    f32::from_bits(value.to_u64() as u32)
}

fn double<F: Format>(value: F) -> f64 {
    f64::from_bits(value.to_u64())
}

fn from_single<F: Format>(value: f32) -> F {
    F::from_u64(value.to_bits().into())
}

fn from_double<F: Format>(value: f64) -> F {
    F::from_u64(value.to_bits())
}

/// None where the exact functions have to look.
#[inline(always)]
pub(crate) fn binary<F: Format>(operation: Binary, a: F, b: F, env: &Env) -> Option<F> {
    if env.fpcr != 0 {
        return None;
    }
    let result = match F::BITS {
        32 => {
            let (a, b) = (single(a), single(b));
            from_single(match operation {
                Binary::Add => binary!("addss", a, b),
                Binary::Sub => binary!("subss", a, b),
                Binary::Mul => binary!("mulss", a, b),
                Binary::Div => binary!("divss", a, b),
            })
        }
        64 => {
            let (a, b) = (double(a), double(b));
            from_double(match operation {
                Binary::Add => binary!("addsd", a, b),
                Binary::Sub => binary!("subsd", a, b),
                Binary::Mul => binary!("mulsd", a, b),
                Binary::Div => binary!("divsd", a, b),
            })
        }
        _ => return None,
    };
    certain(result)
}

/// None where the exact functions have to look.
#[inline(always)]
pub(crate) fn sqrt<F: Format>(a: F, env: &Env) -> Option<F> {
    match F::BITS {
        _ if env.fpcr != 0 => None,
        32 => certain(from_single(unary!("sqrtss", single(a), f32))),
        64 => certain(from_double(unary!("sqrtsd", double(a), f64))),
        _ => None,
    }
}

/// None where the exact functions have to look, and without FMA.
#[inline(always)]
pub(crate) fn mul_add<F: Format>(addend: F, a: F, b: F, env: &Env) -> Option<F> {
    if env.fpcr != 0 || F::BITS == 16 || !is_x86_feature_detected!("fma") {
        return None;
    }
    if F::BITS == 32 {
        let mut result = single(addend);
        // SAFETY: registers only; the host has the instruction.
        unsafe {
            asm!("vfmadd231ss {0}, {1}, {2}", inout(xmm_reg) result, in(xmm_reg) single(a),
                 in(xmm_reg) single(b), options(nomem, nostack, preserves_flags));
        }
        return certain(from_single(result));
    }
    let mut result = double(addend);
    // SAFETY: registers only; the host has the instruction.
    unsafe {
        asm!("vfmadd231sd {0}, {1}, {2}", inout(xmm_reg) result, in(xmm_reg) double(a),
             in(xmm_reg) double(b), options(nomem, nostack, preserves_flags));
    }
    certain(from_double(result))
}

/// A number that orders bit patterns as their values; None for NaNs.
fn key<F: Format>(value: F) -> Option<i64> {
    let magnitude = value.to_u64() & !(1 << (F::BITS - 1));
    if magnitude > F::EXPONENT_ONES << F::FRACTION {
        return None;
    }
    let magnitude = magnitude as i64;
    Some(if value.sign() { -magnitude } else { magnitude })
}

/// None where the exact functions have to look.
#[inline(always)]
pub(crate) fn compare<F: Format>(a: F, b: F, env: &Env) -> Option<Ordering> {
    if env.fpcr != 0 {
        return None;
    }
    Some(key(a)?.cmp(&key(b)?))
}

/// None where the exact functions have to look.
#[inline(always)]
pub(crate) fn convert<From: Format, To: Format>(
    a: From,
    rounding: Rounding,
    env: &Env,
) -> Option<To> {
    match (From::BITS, To::BITS) {
        _ if env.fpcr != 0 || rounding != Rounding::TieEven => None,
        (32, 64) => certain(from_double(unary!("cvtss2sd", single(a), f64))),
        (64, 32) => certain(from_single(unary!("cvtsd2ss", double(a), f32))),
        _ => None,
    }
}

/// Rounds to an integral number in a mode that the instruction has.
macro_rules! integral {
    ($instruction:literal, $mode:literal, $a:expr, $result:ty) => {{
        let result: $result;
        // SAFETY: registers only; callers saw that the host has the instruction.
        unsafe {
            asm!(concat!($instruction, " {0}, {1}, ", $mode), out(xmm_reg) result, in(xmm_reg) $a,
                 options(nomem, nostack, preserves_flags));
        }
        result
    }};
    // Bit 3 keeps what is lost from being reported.
    ($instruction:literal, $rounding:expr, $exact:expr, $a:expr, $result:ty) => {
        match ($rounding, $exact) {
            (Rounding::TieEven, true) => integral!($instruction, "0", $a, $result),
            (Rounding::MinusInf, true) => integral!($instruction, "1", $a, $result),
            (Rounding::PlusInf, true) => integral!($instruction, "2", $a, $result),
            (Rounding::Zero, true) => integral!($instruction, "3", $a, $result),
            (Rounding::TieEven, false) => integral!($instruction, "8", $a, $result),
            (Rounding::MinusInf, false) => integral!($instruction, "9", $a, $result),
            (Rounding::PlusInf, false) => integral!($instruction, "10", $a, $result),
            (Rounding::Zero, false) => integral!($instruction, "11", $a, $result),
            (Rounding::TieAway | Rounding::Odd, _) => return None,
        }
    };
}

/// None where the exact functions have to look.
#[inline(always)]
pub(crate) fn round_int<F: Format>(a: F, rounding: Rounding, exact: bool, env: &Env) -> Option<F> {
    if env.fpcr != 0 || F::BITS == 16 || !is_x86_feature_detected!("sse4.1") {
        return None;
    }
    certain(if F::BITS == 32 {
        from_single(integral!("roundss", rounding, exact, single(a), f32))
    } else {
        from_double(integral!("roundsd", rounding, exact, double(a), f64))
    })
}

/// None where the exact functions have to look: always for what may not fit in `bits`, which the
/// host would report otherwise.
#[inline(always)]
pub(crate) fn to_int<F: Format>(
    a: F,
    unsigned: bool,
    bits: u32,
    rounding: Rounding,
    env: &Env,
) -> Option<i64> {
    // The instruction's own result has 63 bits besides the sign.
    let mut room = if unsigned { bits.min(63) } else { bits - 1 };
    // Rounding up may need one more.
    room -= u32::from(rounding != Rounding::Zero);
    if F::BITS == 16 || a.exponent() >= F::BIAS as u64 + u64::from(room) || unsigned && a.sign() {
        return None;
    }
    let a = match rounding {
        Rounding::Zero if env.fpcr == 0 => a,
        _ => round_int(a, rounding, true, env)?,
    };
    let value: i64;
    if F::BITS == 32 {
        // SAFETY: registers only.
        unsafe {
            asm!("cvttss2si {0}, {1}", out(reg) value, in(xmm_reg) single(a),
                 options(nomem, nostack, preserves_flags));
        }
    } else {
        // SAFETY: registers only.
        unsafe {
            asm!("cvttsd2si {0}, {1}", out(reg) value, in(xmm_reg) double(a),
                 options(nomem, nostack, preserves_flags));
        }
    }
    Some(value)
}

/// None where the exact functions have to look.
#[inline(always)]
pub(crate) fn from_int<F: Format>(value: i128, rounding: Rounding, env: &Env) -> Option<F> {
    if env.fpcr != 0 || rounding != Rounding::TieEven || F::BITS == 16 {
        return None;
    }
    let value = i64::try_from(value).ok()?;
    if F::BITS == 32 {
        let mut result = 0f32;
        // SAFETY: registers only.
        unsafe {
            asm!("cvtsi2ss {0}, {1}", inout(xmm_reg) result, in(reg) value,
                 options(nomem, nostack, preserves_flags));
        }
        return Some(from_single(result));
    }
    let mut result = 0f64;
    // SAFETY: registers only.
    unsafe {
        asm!("cvtsi2sd {0}, {1}", inout(xmm_reg) result, in(reg) value,
             options(nomem, nostack, preserves_flags));
    }
    Some(from_double(result))
}
