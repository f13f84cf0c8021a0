//! Between formats and integers.
#![forbid(unsafe_code)]

use crate::fp::format::{
    Format, IOC, IXC, Number, Rounding, process_nan, round, round_converting, shift_right_jam,
    unpack, unpack_converting,
};
use crate::fp::{Env, host};

/// Magnitude of `significand * 2^exponent` as an integer, rounded, and whether that was exact.
/// Saturates far above 64 bits.
fn to_magnitude(sign: bool, significand: u128, exponent: i32, rounding: Rounding) -> (u128, bool) {
    if exponent >= 0 {
        let room = significand.leading_zeros() as i32;
        let value = if exponent < room {
            significand << exponent
        } else {
            u128::MAX
        };
        return (value, true);
    }
    // Two bits below the units.
    let kept = if exponent <= -2 {
        shift_right_jam(significand, exponent.unsigned_abs() - 2)
    } else {
        significand << 1
    };
    let (value, rest) = (kept >> 2, kept & 3);
    let more = rounding.adds(sign, value & 1 != 0, rest);
    (value + u128::from(more), rest == 0)
}

/// `FPRoundInt`: to an integral number; `exact` reports what is lost.
pub fn round_int<F: Format>(a: F, rounding: Rounding, exact: bool, env: &mut Env) -> F {
    if let Some(rounded) = host::round_int(a, rounding, exact, env) {
        return rounded;
    }
    let (sign, number) = unpack(a, env);
    match number {
        Number::QuietNan | Number::SignallingNan => process_nan(a, number, env),
        Number::Infinity => F::infinity(sign),
        Number::Zero => F::zero(sign),
        Number::Finite { exponent, .. } if exponent >= 0 => a,
        Number::Finite {
            significand,
            exponent,
        } => {
            let (magnitude, unchanged) = to_magnitude(sign, significand, exponent, rounding);
            if !unchanged && exact {
                env.raise(IXC);
            }
            if magnitude == 0 {
                return F::zero(sign);
            }
            round(sign, magnitude, 0, Rounding::Zero, env)
        }
    }
}

/// `FPConvert`.
pub fn convert<From: Format, To: Format>(a: From, rounding: Rounding, env: &mut Env) -> To {
    if let Some(converted) = host::convert(a, rounding, env) {
        return converted;
    }
    let (sign, number) = unpack_converting(a, env);
    let alternative = To::BITS == 16 && env.alternative_half();
    match number {
        Number::QuietNan | Number::SignallingNan => {
            if number == Number::SignallingNan || alternative {
                env.raise(IOC);
            }
            if alternative {
                To::zero(sign)
            } else if env.default_nan() {
                To::default_nan()
            } else {
                convert_nan(a)
            }
        }
        Number::Infinity if alternative => {
            env.raise(IOC);
            To::pack(sign, To::EXPONENT_ONES, To::FRACTION_ONES)
        }
        Number::Infinity => To::infinity(sign),
        Number::Zero => To::zero(sign),
        Number::Finite {
            significand,
            exponent,
        } => round_converting(sign, significand, exponent, rounding, env),
    }
}

/// `FPConvertNaN`: the upper bits of the payload stay, and it becomes quiet.
fn convert_nan<From: Format, To: Format>(a: From) -> To {
    let fraction = a.fraction() << (64 - From::FRACTION) >> (64 - To::FRACTION);
    To::pack(a.sign(), To::EXPONENT_ONES, fraction | To::QUIET)
}

/// `FPToFixed`: saturating, zero-extended from `bits`.
pub fn to_fixed<F: Format>(
    a: F,
    fraction_bits: u32,
    unsigned: bool,
    rounding: Rounding,
    bits: u32,
    env: &mut Env,
) -> u64 {
    if fraction_bits == 0
        && let Some(value) = host::to_int(a, unsigned, bits, rounding, env)
    {
        return value as u64 & (u64::MAX >> (64 - bits));
    }
    let (sign, number) = unpack(a, env);
    let (magnitude, exact) = match number {
        Number::Zero => return 0,
        Number::QuietNan | Number::SignallingNan => {
            env.raise(IOC);
            return 0;
        }
        Number::Infinity => (u128::MAX, true),
        Number::Finite {
            significand,
            exponent,
        } => to_magnitude(sign, significand, exponent + fraction_bits as i32, rounding),
    };
    let limit: u128 = match (unsigned, sign) {
        (true, false) => (1 << bits) - 1,
        (true, true) => 0,
        (false, false) => (1 << (bits - 1)) - 1,
        (false, true) => 1 << (bits - 1),
    };
    let value = if magnitude > limit {
        env.raise(IOC);
        limit
    } else {
        if !exact {
            env.raise(IXC);
        }
        magnitude
    };
    let value = value as u64;
    let signed = if sign { value.wrapping_neg() } else { value };
    signed & (u64::MAX >> (64 - bits))
}

/// `FixedToFP`: of the low `bits` of `value`.
pub fn from_fixed<F: Format>(
    value: u64,
    fraction_bits: u32,
    unsigned: bool,
    bits: u32,
    rounding: Rounding,
    env: &mut Env,
) -> F {
    let unused = 64 - bits;
    let value = if unsigned {
        i128::from(value << unused >> unused)
    } else {
        i128::from((value << unused) as i64 >> unused)
    };
    if fraction_bits == 0
        && let Some(number) = host::from_int(value, rounding, env)
    {
        return number;
    }
    let (sign, magnitude) = (value < 0, value.unsigned_abs());
    if magnitude == 0 {
        return F::zero(false);
    }
    round(sign, magnitude, -(fraction_bits as i32), rounding, env)
}

/// `FPToFixedJS`: modulo 2^32 and whether the number was such an integer. Neither -0 nor what is
/// flushed to zero counts.
pub fn to_js(a: u64, env: &mut Env) -> (u32, bool) {
    let (sign, number) = unpack(a, env);
    match number {
        Number::Zero => (0, a == 0),
        Number::Finite {
            significand,
            exponent,
        } => {
            let (magnitude, exact) = to_magnitude(sign, significand, exponent, Rounding::Zero);
            let low = if exponent >= 128 {
                0
            } else {
                low_word(significand, exponent, magnitude)
            };
            let limit = if sign { 1 << 31 } else { (1 << 31) - 1 };
            let fits = magnitude <= limit;
            if !fits {
                env.raise(IOC);
            } else if !exact {
                env.raise(IXC);
            }
            let value = if sign { low.wrapping_neg() } else { low };
            (value, fits && exact)
        }
        _ => {
            env.raise(IOC);
            (0, false)
        }
    }
}

/// Low 32 bits of a magnitude, which may be beyond what fits 128.
fn low_word(significand: u128, exponent: i32, magnitude: u128) -> u32 {
    if exponent < 0 {
        magnitude as u32
    } else if exponent < 32 {
        (significand as u64).wrapping_shl(exponent as u32) as u32
    } else {
        0
    }
}
