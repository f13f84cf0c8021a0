//! Scalar floating-point instructions.
#![forbid(unsafe_code)]

use crate::fp::Format;
use crate::ir::{Args, Helper, Insn};
use crate::simd::float::{
    AWAY, Abs, Add, Binary, CURRENT, DOWNWARDS, Div, Max, MaxNum, Min, MinNum, Move, Mul, MulAdd,
    MulSub, NEAREST, Neg, NegMul, NegMulAdd, NegMulSub, RoundInt, Sqrt, Sub, TOWARDS_ZERO, Ternary,
    UPWARDS, Unary,
};
use crate::simd::float_scalar as scalar;
use crate::table::Row;
use crate::table::fields::{bit, bits, dest, register, source};
use crate::table::simd_decode::rows;

/// Rows of this group.
pub const ROWS: &[Row] = rows! {
    "fmov (register)"                  "00011110ss100000010000nnnnnddddd" one_source::<Move>;
    "fabs (scalar)"                    "00011110ss100000110000nnnnnddddd" one_source::<Abs>;
    "fneg (scalar)"                    "00011110ss100001010000nnnnnddddd" one_source::<Neg>;
    "fsqrt (scalar)"                   "00011110ss100001110000nnnnnddddd" one_source::<Sqrt>;
    "frintn (scalar)"                  "00011110ss100100010000nnnnnddddd" one_source::<RoundInt<NEAREST, false>>;
    "frintp (scalar)"                  "00011110ss100100110000nnnnnddddd" one_source::<RoundInt<UPWARDS, false>>;
    "frintm (scalar)"                  "00011110ss100101010000nnnnnddddd" one_source::<RoundInt<DOWNWARDS, false>>;
    "frintz (scalar)"                  "00011110ss100101110000nnnnnddddd" one_source::<RoundInt<TOWARDS_ZERO, false>>;
    "frinta (scalar)"                  "00011110ss100110010000nnnnnddddd" one_source::<RoundInt<AWAY, false>>;
    "frintx (scalar)"                  "00011110ss100111010000nnnnnddddd" one_source::<RoundInt<CURRENT, true>>;
    "frinti (scalar)"                  "00011110ss100111110000nnnnnddddd" one_source::<RoundInt<CURRENT, false>>;
    "fcvt (single to double)"          "0001111000100010110000nnnnnddddd" convert::<u32, u64>;
    "fcvt (single to half)"            "0001111000100011110000nnnnnddddd" convert::<u32, u16>;
    "fcvt (double to single)"          "0001111001100010010000nnnnnddddd" convert::<u64, u32>;
    "fcvt (double to half)"            "0001111001100011110000nnnnnddddd" convert::<u64, u16>;
    "fcvt (half to single)"            "0001111011100010010000nnnnnddddd" convert::<u16, u32>;
    "fcvt (half to double)"            "0001111011100010110000nnnnnddddd" convert::<u16, u64>;

    "fmul (scalar)"                    "00011110ss1mmmmm000010nnnnnddddd" two_source::<Mul>;
    "fdiv (scalar)"                    "00011110ss1mmmmm000110nnnnnddddd" two_source::<Div>;
    "fadd (scalar)"                    "00011110ss1mmmmm001010nnnnnddddd" two_source::<Add>;
    "fsub (scalar)"                    "00011110ss1mmmmm001110nnnnnddddd" two_source::<Sub>;
    "fmax (scalar)"                    "00011110ss1mmmmm010010nnnnnddddd" two_source::<Max>;
    "fmin (scalar)"                    "00011110ss1mmmmm010110nnnnnddddd" two_source::<Min>;
    "fmaxnm (scalar)"                  "00011110ss1mmmmm011010nnnnnddddd" two_source::<MaxNum>;
    "fminnm (scalar)"                  "00011110ss1mmmmm011110nnnnnddddd" two_source::<MinNum>;
    "fnmul (scalar)"                   "00011110ss1mmmmm100010nnnnnddddd" two_source::<NegMul>;
    "fmadd"                            "00011111ss0mmmmm0aaaaannnnnddddd" three_source::<MulAdd>;
    "fmsub"                            "00011111ss0mmmmm1aaaaannnnnddddd" three_source::<MulSub>;
    "fnmadd"                           "00011111ss1mmmmm0aaaaannnnnddddd" three_source::<NegMulAdd>;
    "fnmsub"                           "00011111ss1mmmmm1aaaaannnnnddddd" three_source::<NegMulSub>;

    "fcmp"                             "00011110ss1mmmmm001000nnnnn00000" compare::<false, false>;
    "fcmp (zero)"                      "00011110ss1mmmmm001000nnnnn01000" compare::<false, true>;
    "fcmpe"                            "00011110ss1mmmmm001000nnnnn10000" compare::<true, false>;
    "fcmpe (zero)"                     "00011110ss1mmmmm001000nnnnn11000" compare::<true, true>;
    "fccmp"                            "00011110ss1mmmmmcccc01nnnnn0ffff" conditional_compare::<false>;
    "fccmpe"                           "00011110ss1mmmmmcccc01nnnnn1ffff" conditional_compare::<true>;
    "fcsel"                            "00011110ss1mmmmmcccc11nnnnnddddd" select;

    "fmov (scalar, immediate)"         "00011110ss1iiiiiiii10000000ddddd" immediate;
    "fmov (general, S to W)"           "0001111000100110000000nnnnnddddd" bits_to_general::<u32>;
    "fmov (general, W to S)"           "0001111000100111000000nnnnnddddd" bits_from_general::<u32>;
    "fmov (general, D to X)"           "1001111001100110000000nnnnnddddd" bits_to_general::<u64>;
    "fmov (general, X to D)"           "1001111001100111000000nnnnnddddd" bits_from_general::<u64>;
    "fmov (general, H to W or X)"      "z001111011100110000000nnnnnddddd" bits_to_general::<u16>;
    "fmov (general, W or X to H)"      "z001111011100111000000nnnnnddddd" bits_from_general::<u16>;
    "fmov (general, V.D[1] to X)"      "1001111010101110000000nnnnnddddd" upper_to_general;
    "fmov (general, X to V.D[1])"      "1001111010101111000000nnnnnddddd" upper_from_general;

    "fcvtns (scalar)"                  "z0011110ss100000000000nnnnnddddd" to_integer::<NEAREST, false>;
    "fcvtnu (scalar)"                  "z0011110ss100001000000nnnnnddddd" to_integer::<NEAREST, true>;
    "scvtf (scalar, integer)"          "z0011110ss100010000000nnnnnddddd" from_integer::<false>;
    "ucvtf (scalar, integer)"          "z0011110ss100011000000nnnnnddddd" from_integer::<true>;
    "fcvtas (scalar)"                  "z0011110ss100100000000nnnnnddddd" to_integer::<AWAY, false>;
    "fcvtau (scalar)"                  "z0011110ss100101000000nnnnnddddd" to_integer::<AWAY, true>;
    "fcvtps (scalar)"                  "z0011110ss101000000000nnnnnddddd" to_integer::<UPWARDS, false>;
    "fcvtpu (scalar)"                  "z0011110ss101001000000nnnnnddddd" to_integer::<UPWARDS, true>;
    "fcvtms (scalar)"                  "z0011110ss110000000000nnnnnddddd" to_integer::<DOWNWARDS, false>;
    "fcvtmu (scalar)"                  "z0011110ss110001000000nnnnnddddd" to_integer::<DOWNWARDS, true>;
    "fcvtzs (scalar, integer)"         "z0011110ss111000000000nnnnnddddd" to_integer::<TOWARDS_ZERO, false>;
    "fcvtzu (scalar, integer)"         "z0011110ss111001000000nnnnnddddd" to_integer::<TOWARDS_ZERO, true>;
    "fjcvtzs"                          "0001111001111110000000nnnnnddddd" to_javascript;
    "scvtf (scalar, fixed-point)"      "z0011110ss000010iiiiiinnnnnddddd" from_fixed::<false>;
    "ucvtf (scalar, fixed-point)"      "z0011110ss000011iiiiiinnnnnddddd" from_fixed::<true>;
    "fcvtzs (scalar, fixed-point)"     "z0011110ss011000iiiiiinnnnnddddd" to_fixed::<false>;
    "fcvtzu (scalar, fixed-point)"     "z0011110ss011001iiiiiinnnnnddddd" to_fixed::<true>;
};

/// The register operands at their usual places.
pub(super) fn registers(word: u32) -> Args {
    Args {
        d: register(word, 0),
        n: register(word, 5),
        m: register(word, 16),
        a: register(word, 10),
        x: 0,
    }
}

fn to_general(word: u32) -> Args {
    Args {
        d: dest(word, 0),
        ..registers(word)
    }
}

fn from_general(word: u32) -> Args {
    Args {
        n: source(word, 5),
        ..registers(word)
    }
}

/// A shape of instruction for half, single and double precision.
macro_rules! formats {
    ($shape:ident $(, $argument:tt)*) => {
        [
            scalar::$shape::<u16 $(, $argument)*>,
            scalar::$shape::<u32 $(, $argument)*>,
            scalar::$shape::<u64 $(, $argument)*>,
        ]
    };
}

/// An instruction with the one of the helpers for half, single, double that the type field selects.
fn typed(word: u32, args: Args, [half, single, double]: [Helper; 3]) -> Option<Insn> {
    let helper = match bits(word, 23, 22) {
        0 => single,
        1 => double,
        3 => half,
        _ => return None,
    };
    Some(Insn::helper(helper, args))
}

/// The same, selected also by the width of the general register.
fn sized(word: u32, args: Args, words: [Helper; 3], doublewords: [Helper; 3]) -> Option<Insn> {
    let helpers = if bit(word, 31) { doublewords } else { words };
    typed(word, args, helpers)
}

fn one_source<O: Unary>(word: u32) -> Option<Insn> {
    typed(word, registers(word), formats!(unary, O))
}

fn two_source<O: Binary>(word: u32) -> Option<Insn> {
    typed(word, registers(word), formats!(binary, O))
}

fn three_source<O: Ternary>(word: u32) -> Option<Insn> {
    typed(word, registers(word), formats!(ternary, O))
}

fn convert<From: Format, To: Format>(word: u32) -> Option<Insn> {
    let helper = scalar::convert::<From, To, CURRENT>;
    Some(Insn::helper(helper, registers(word)))
}

fn compare<const SIGNAL: bool, const WITH_ZERO: bool>(word: u32) -> Option<Insn> {
    typed(word, registers(word), formats!(compare, SIGNAL, WITH_ZERO))
}

fn conditional_compare<const SIGNAL: bool>(word: u32) -> Option<Insn> {
    let args = Args {
        x: (bits(word, 15, 12) << 4 | bits(word, 3, 0)) as u16,
        ..registers(word)
    };
    typed(word, args, formats!(conditional_compare, SIGNAL))
}

fn select(word: u32) -> Option<Insn> {
    let args = Args {
        x: bits(word, 15, 12) as u16,
        ..registers(word)
    };
    typed(word, args, formats!(select))
}

/// `VFPExpandImm` of the Arm ARM: the upper 16 bits of the value, which are all that are not 0.
fn expand_immediate(imm8: u32, exponent_bits: u32) -> u16 {
    let (sign, exponent_sign) = (imm8 >> 7, imm8 >> 6 & 1);
    let repeated = ((1 << (exponent_bits - 3)) - 1) * exponent_sign;
    let exponent = (exponent_sign ^ 1) << (exponent_bits - 1) | repeated << 2 | imm8 >> 4 & 3;
    let value = (sign << exponent_bits | exponent) << 4 | imm8 & 15;
    (value << (11 - exponent_bits)) as u16
}

fn immediate(word: u32) -> Option<Insn> {
    let exponent_bits = match bits(word, 23, 22) {
        0 => 8,
        1 => 11,
        _ => 5,
    };
    let args = Args {
        x: expand_immediate(bits(word, 20, 13), exponent_bits),
        ..registers(word)
    };
    typed(word, args, formats!(immediate))
}

fn bits_to_general<F: Format>(word: u32) -> Option<Insn> {
    let helper = scalar::bits_to_general::<F>;
    Some(Insn::helper(helper, to_general(word)))
}

fn bits_from_general<F: Format>(word: u32) -> Option<Insn> {
    let helper = scalar::bits_from_general::<F>;
    Some(Insn::helper(helper, from_general(word)))
}

fn upper_to_general(word: u32) -> Option<Insn> {
    Some(Insn::helper(scalar::upper_to_general, to_general(word)))
}

fn upper_from_general(word: u32) -> Option<Insn> {
    Some(Insn::helper(scalar::upper_from_general, from_general(word)))
}

fn to_javascript(word: u32) -> Option<Insn> {
    Some(Insn::helper(scalar::to_javascript, to_general(word)))
}

fn to_integer<const R: u8, const UNSIGNED: bool>(word: u32) -> Option<Insn> {
    let words = formats!(to_integer, 32, R, UNSIGNED);
    let doublewords = formats!(to_integer, 64, R, UNSIGNED);
    sized(word, to_general(word), words, doublewords)
}

fn from_integer<const UNSIGNED: bool>(word: u32) -> Option<Insn> {
    let words = formats!(from_integer, 32, UNSIGNED);
    let doublewords = formats!(from_integer, 64, UNSIGNED);
    sized(word, from_general(word), words, doublewords)
}

/// Bits after the point; a word has no more than 32.
fn fraction_bits(word: u32) -> Option<u16> {
    let scale = bits(word, 15, 10);
    (bit(word, 31) || scale >= 32).then_some(64 - scale as u16)
}

fn to_fixed<const UNSIGNED: bool>(word: u32) -> Option<Insn> {
    let args = Args {
        x: fraction_bits(word)?,
        ..to_general(word)
    };
    let words = formats!(to_fixed, 32, UNSIGNED);
    let doublewords = formats!(to_fixed, 64, UNSIGNED);
    sized(word, args, words, doublewords)
}

fn from_fixed<const UNSIGNED: bool>(word: u32) -> Option<Insn> {
    let args = Args {
        x: fraction_bits(word)?,
        ..from_general(word)
    };
    let words = formats!(from_fixed, 32, UNSIGNED);
    let doublewords = formats!(from_fixed, 64, UNSIGNED);
    sized(word, args, words, doublewords)
}
