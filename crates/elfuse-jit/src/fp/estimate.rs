//! Reciprocals and their square roots, to eight bits.
#![forbid(unsafe_code)]

use crate::fp::Env;
use crate::fp::format::{
    DZC, Format, IXC, Number, OFC, Rounding, UFC, invalid, process_nan, unpack,
};

/// `RecipEstimate`: of 256 to 511, in units of 1/512; 256 to 511.
fn recip(a: u32) -> u32 {
    let a = a * 2 + 1;
    ((1 << 19) / a).div_ceil(2)
}

/// `RecipSqrtEstimate`: of 128 to 511, in units of 1/512; 256 to 511.
fn rsqrt(a: u32) -> u32 {
    let a = if a < 256 {
        a * 2 + 1
    } else {
        (a / 2 * 2 + 1) * 2
    };
    let mut b = 512;
    while a * (b + 1) * (b + 1) < 1 << 28 {
        b += 1;
    }
    b.div_ceil(2)
}

/// The fraction field in 52 bits.
fn fraction_52<F: Format>(a: F) -> u64 {
    a.fraction() << (52 - F::FRACTION)
}

const TOP: u64 = 1 << 51;
const FIELD: u64 = (1 << 52) - 1;

/// `FPRecipEstimate`.
pub fn recip_estimate<F: Format>(a: F, env: &mut Env) -> F {
    let (sign, number) = unpack(a, env);
    match number {
        Number::QuietNan | Number::SignallingNan => return process_nan(a, number, env),
        Number::Infinity => return F::zero(sign),
        Number::Zero => {
            env.raise(DZC);
            return F::infinity(sign);
        }
        Number::Finite { .. } => {}
    }
    let (mut exponent, mut fraction) = (a.exponent() as i64, fraction_52(a));
    // Below a quarter of the least normal number.
    if exponent == 0 && fraction >> 50 == 0 {
        env.raise(OFC | IXC);
        let infinite = match Rounding::of(env) {
            Rounding::PlusInf => !sign,
            Rounding::MinusInf => sign,
            Rounding::Zero => false,
            _ => true,
        };
        return if infinite {
            F::infinity(sign)
        } else {
            F::max_normal(sign)
        };
    }
    let largest = F::EXPONENT_ONES as i64 - 2;
    if env.flushes::<F>() && exponent >= largest {
        env.raise(UFC);
        return F::zero(sign);
    }
    if exponent == 0 {
        if fraction & TOP == 0 {
            exponent = -1;
            fraction = fraction << 2 & FIELD;
        } else {
            fraction = fraction << 1 & FIELD;
        }
    }
    let estimate = recip(256 | (fraction >> 44) as u32);
    let mut result = u64::from(estimate & 0xff) << 44;
    let mut result_exponent = largest - exponent;
    if result_exponent == 0 {
        result = TOP | result >> 1;
    } else if result_exponent == -1 {
        result = TOP >> 1 | result >> 2;
        result_exponent = 0;
    }
    F::pack(sign, result_exponent as u64, result >> (52 - F::FRACTION))
}

/// `FPRSqrtEstimate`.
pub fn rsqrt_estimate<F: Format>(a: F, env: &mut Env) -> F {
    let (sign, number) = unpack(a, env);
    match number {
        Number::QuietNan | Number::SignallingNan => return process_nan(a, number, env),
        Number::Zero => {
            env.raise(DZC);
            return F::infinity(sign);
        }
        _ if sign => return invalid(env),
        Number::Infinity => return F::zero(false),
        Number::Finite { .. } => {}
    }
    let (mut exponent, mut fraction) = (a.exponent() as i64, fraction_52(a));
    if exponent == 0 {
        while fraction & TOP == 0 {
            fraction <<= 1;
            exponent -= 1;
        }
        fraction = fraction << 1 & FIELD;
    }
    let scaled = if exponent & 1 == 0 {
        256 | (fraction >> 44) as u32
    } else {
        128 | (fraction >> 45) as u32
    };
    let estimate = rsqrt(scaled);
    let result_exponent = (3 * i64::from(F::BIAS) - 1 - exponent) / 2;
    let fraction = u64::from(estimate & 0xff) << (F::FRACTION - 8);
    F::pack(false, result_exponent as u64, fraction)
}

/// `FPRecpX`: the exponent inverted, the fraction 0.
pub fn recip_exponent<F: Format>(a: F, env: &mut Env) -> F {
    let (sign, number) = unpack(a, env);
    if number.is_nan() {
        return process_nan(a, number, env);
    }
    let exponent = match a.exponent() {
        0 => F::EXPONENT_ONES - 1,
        field => !field & F::EXPONENT_ONES,
    };
    F::pack(sign, exponent, 0)
}

/// `UnsignedRecipEstimate`.
#[must_use]
pub fn unsigned_recip_estimate(a: u32) -> u32 {
    if a >> 31 == 0 {
        return u32::MAX;
    }
    recip(a >> 23) << 23
}

/// `UnsignedRSqrtEstimate`.
#[must_use]
pub fn unsigned_rsqrt_estimate(a: u32) -> u32 {
    if a >> 30 == 0 {
        return u32::MAX;
    }
    rsqrt(a >> 23) << 23
}
