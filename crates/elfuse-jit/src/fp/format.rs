//! Bit patterns and the numbers they stand for.
#![forbid(unsafe_code)]

use crate::fp::Env;

/// Cumulative flags of FPSR.
pub(crate) const IOC: u32 = 1;
pub(crate) const DZC: u32 = 1 << 1;
pub(crate) const OFC: u32 = 1 << 2;
pub(crate) const UFC: u32 = 1 << 3;
pub(crate) const IXC: u32 = 1 << 4;
pub(crate) const IDC: u32 = 1 << 7;

const AHP: u32 = 1 << 26;
const DN: u32 = 1 << 25;
const FZ: u32 = 1 << 24;
const FZ16: u32 = 1 << 19;

/// How a result that is not representable is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the architecture's names")]
pub enum Rounding {
    TieEven,
    PlusInf,
    MinusInf,
    Zero,
    TieAway,
    Odd,
}

impl Rounding {
    /// That of FPCR's `RMode`.
    #[must_use]
    pub fn of(env: &Env) -> Self {
        [Self::TieEven, Self::PlusInf, Self::MinusInf, Self::Zero][(env.fpcr >> 22 & 3) as usize]
    }

    /// Whether to add one unit to a magnitude, whose two bits below the unit are `rest`, the lower
    /// one for anything further below.
    pub(crate) fn adds(self, sign: bool, odd: bool, rest: u128) -> bool {
        let (half, below) = (rest & 2 != 0, rest & 1 != 0);
        match self {
            Self::TieEven => half && (below || odd),
            Self::TieAway => half,
            Self::PlusInf => !sign && (half || below),
            Self::MinusInf => sign && (half || below),
            Self::Zero | Self::Odd => false,
        }
    }

    fn overflows_to_infinity(self, sign: bool) -> bool {
        match self {
            Self::TieEven | Self::TieAway => true,
            Self::PlusInf => !sign,
            Self::MinusInf => sign,
            Self::Zero | Self::Odd => false,
        }
    }
}

impl Env {
    pub(crate) fn raise(&mut self, flags: u32) {
        self.fpsr |= flags;
    }

    pub(crate) fn default_nan(self) -> bool {
        self.fpcr & DN != 0
    }

    pub(crate) fn alternative_half(self) -> bool {
        self.fpcr & AHP != 0
    }

    /// Whether results and operands too small for a normal number become zero.
    pub(crate) fn flushes<F: Format>(self) -> bool {
        self.fpcr & if F::BITS == 16 { FZ16 } else { FZ } != 0
    }
}

/// An interchange format: u16, u32 or u64.
pub trait Format: Copy + PartialEq + std::fmt::Debug + 'static {
    /// Size in bits.
    const BITS: u32;
    /// Bits of the fraction field.
    const FRACTION: u32;
    /// Bits of the exponent field.
    const EXPONENT: u32 = Self::BITS - 1 - Self::FRACTION;
    /// Exponent bias.
    const BIAS: i32 = (1 << (Self::EXPONENT - 1)) - 1;
    /// All ones in the exponent field.
    const EXPONENT_ONES: u64 = (1 << Self::EXPONENT) - 1;
    /// Ones in the fraction field.
    const FRACTION_ONES: u64 = (1 << Self::FRACTION) - 1;
    /// The bit that makes a NaN quiet.
    const QUIET: u64 = 1 << (Self::FRACTION - 1);

    /// Zero-extended.
    fn to_u64(self) -> u64;
    /// The low bits.
    fn from_u64(value: u64) -> Self;

    /// From fields.
    #[must_use]
    fn pack(sign: bool, exponent: u64, fraction: u64) -> Self {
        let sign = u64::from(sign) << (Self::BITS - 1);
        Self::from_u64(sign | exponent << Self::FRACTION | fraction)
    }

    /// Sign bit.
    #[must_use]
    fn sign(self) -> bool {
        self.to_u64() >> (Self::BITS - 1) & 1 != 0
    }

    /// Exponent field.
    #[must_use]
    fn exponent(self) -> u64 {
        self.to_u64() >> Self::FRACTION & Self::EXPONENT_ONES
    }

    /// Fraction field.
    #[must_use]
    fn fraction(self) -> u64 {
        self.to_u64() & Self::FRACTION_ONES
    }

    /// Zero.
    #[must_use]
    fn zero(sign: bool) -> Self {
        Self::pack(sign, 0, 0)
    }

    /// Infinity.
    #[must_use]
    fn infinity(sign: bool) -> Self {
        Self::pack(sign, Self::EXPONENT_ONES, 0)
    }

    /// The largest finite number.
    #[must_use]
    fn max_normal(sign: bool) -> Self {
        Self::pack(sign, Self::EXPONENT_ONES - 1, Self::FRACTION_ONES)
    }

    /// The NaN that invalid operations give.
    #[must_use]
    fn default_nan() -> Self {
        Self::pack(false, Self::EXPONENT_ONES, Self::QUIET)
    }
}

macro_rules! format {
    ($type:ty, $fraction:literal) => {
        impl Format for $type {
            const BITS: u32 = <$type>::BITS;
            const FRACTION: u32 = $fraction;

            #[inline(always)]
            fn to_u64(self) -> u64 {
                u64::from(self)
            }

            #[inline(always)]
            fn from_u64(value: u64) -> Self {
                value as $type
            }
        }
    };
}
format!(u16, 10);
format!(u32, 23);
format!(u64, 52);

/// What a bit pattern stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Zero,
    /// `significand * 2^exponent`, the significand not 0.
    Finite {
        significand: u128,
        exponent: i32,
    },
    Infinity,
    QuietNan,
    SignallingNan,
}

impl Number {
    pub(crate) fn is_nan(self) -> bool {
        matches!(self, Self::QuietNan | Self::SignallingNan)
    }
}

/// `FPUnpack`: sign and number; a denormal operand may be taken as zero.
pub(crate) fn unpack<F: Format>(value: F, env: &mut Env) -> (bool, Number) {
    let flush = env.flushes::<F>();
    if flush && value.exponent() == 0 && value.fraction() != 0 {
        if F::BITS != 16 {
            env.raise(IDC);
        }
        return (value.sign(), Number::Zero);
    }
    (value.sign(), classify(value, false))
}

/// `FPUnpackCV`: FZ16 does not count, and alternative half precision does.
pub(crate) fn unpack_converting<F: Format>(value: F, env: &mut Env) -> (bool, Number) {
    if F::BITS == 16 {
        return (value.sign(), classify(value, env.alternative_half()));
    }
    unpack(value, env)
}

fn classify<F: Format>(value: F, alternative: bool) -> Number {
    let (exponent, fraction) = (value.exponent(), value.fraction());
    let smallest = 1 - F::BIAS - F::FRACTION as i32;
    if exponent == 0 {
        if fraction == 0 {
            return Number::Zero;
        }
        return Number::Finite {
            significand: fraction.into(),
            exponent: smallest,
        };
    }
    if exponent == F::EXPONENT_ONES && !alternative {
        return match fraction {
            0 => Number::Infinity,
            _ if fraction & F::QUIET != 0 => Number::QuietNan,
            _ => Number::SignallingNan,
        };
    }
    Number::Finite {
        significand: (fraction | 1 << F::FRACTION).into(),
        exponent: smallest + exponent as i32 - 1,
    }
}

/// Shift right, with any bits lost noted in the lowest.
pub(crate) fn shift_right_jam(value: u128, count: u32) -> u128 {
    match count {
        0 => value,
        1..128 => value >> count | u128::from(value << (128 - count) != 0),
        _ => u128::from(value != 0),
    }
}

/// `FPRound` of `significand * 2^exponent`, where the significand is not 0 and its lowest bit may
/// stand for anything below it.
pub(crate) fn round<F: Format>(
    sign: bool,
    significand: u128,
    exponent: i32,
    rounding: Rounding,
    env: &mut Env,
) -> F {
    let flush = env.flushes::<F>();
    round_to(sign, significand, exponent, rounding, flush, false, env)
}

/// `FPRoundCV`.
pub(crate) fn round_converting<F: Format>(
    sign: bool,
    significand: u128,
    exponent: i32,
    rounding: Rounding,
    env: &mut Env,
) -> F {
    let flush = F::BITS != 16 && env.flushes::<F>();
    let alternative = F::BITS == 16 && env.alternative_half();
    round_to(
        sign,
        significand,
        exponent,
        rounding,
        flush,
        alternative,
        env,
    )
}

/// `FPRoundBase`.
fn round_to<F: Format>(
    sign: bool,
    significand: u128,
    exponent: i32,
    rounding: Rounding,
    flush: bool,
    alternative: bool,
    env: &mut Env,
) -> F {
    let leading = 127 - significand.leading_zeros() as i32;
    let magnitude = exponent + leading;
    let least = 1 - F::BIAS;
    if flush && magnitude < least {
        env.raise(UFC);
        return F::zero(sign);
    }
    // The weight of the lowest bit that the result can have, two bits below which are kept.
    let unit = magnitude.max(least) - F::FRACTION as i32;
    let drop = unit - 2 - exponent;
    let kept = if drop > 0 {
        shift_right_jam(significand, drop as u32)
    } else {
        significand << -drop
    };
    let (mut mantissa, rest) = ((kept >> 2) as u64, kept & 3);
    let inexact = rest != 0;
    let mut biased = if magnitude < least {
        0
    } else {
        i64::from(magnitude - least + 1)
    };
    if biased == 0 && inexact {
        env.raise(UFC);
    }
    if rounding.adds(sign, mantissa & 1 != 0, rest) {
        mantissa += 1;
        if mantissa == 1 << F::FRACTION {
            biased = 1;
        }
        if mantissa == 1 << (F::FRACTION + 1) {
            biased += 1;
            mantissa >>= 1;
        }
    }
    if inexact && rounding == Rounding::Odd {
        mantissa |= 1;
    }
    if alternative && biased > F::EXPONENT_ONES as i64 {
        env.raise(IOC);
        return F::pack(sign, F::EXPONENT_ONES, F::FRACTION_ONES);
    }
    if !alternative && biased >= F::EXPONENT_ONES as i64 {
        env.raise(OFC | IXC);
        return if rounding.overflows_to_infinity(sign) {
            F::infinity(sign)
        } else {
            F::max_normal(sign)
        };
    }
    if inexact {
        env.raise(IXC);
    }
    F::pack(sign, biased as u64, mantissa & F::FRACTION_ONES)
}

/// `FPProcessNaN`.
pub(crate) fn process_nan<F: Format>(value: F, number: Number, env: &mut Env) -> F {
    if number == Number::SignallingNan {
        env.raise(IOC);
    }
    if env.default_nan() {
        return F::default_nan();
    }
    F::from_u64(value.to_u64() | F::QUIET)
}

/// `FPProcessNaNs`, `FPProcessNaNs3`: the result if an operand is a NaN.
pub(crate) fn process_nans<F: Format>(operands: &[(F, Number)], env: &mut Env) -> Option<F> {
    for kind in [Number::SignallingNan, Number::QuietNan] {
        for &(value, number) in operands {
            if number == kind {
                return Some(process_nan(value, number, env));
            }
        }
    }
    None
}

/// The result of an invalid operation.
pub(crate) fn invalid<F: Format>(env: &mut Env) -> F {
    env.raise(IOC);
    F::default_nan()
}
