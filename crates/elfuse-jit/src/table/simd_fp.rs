//! Advanced SIMD floating-point instructions, on vectors and on scalars.
#![forbid(unsafe_code)]

use crate::fp::Format;
use crate::ir::{Args, Helper, Insn};
use crate::simd::float::{
    AWAY, Abs, AbsDiff, AbsGreater, AbsGreaterEqual, Add, Binary, CURRENT, DOWNWARDS, Div, Equal,
    EqualZero, FromInt, Greater, GreaterEqual, GreaterEqualZero, GreaterZero, LessEqualZero,
    LessZero, Max, MaxNum, Min, MinNum, Mul, MulAdd, MulSub, Mulx, NEAREST, Neg, ODD,
    RecipEstimate, RecipExponent, RecipStep, RoundInt, RsqrtEstimate, RsqrtStep, Sqrt, Sub,
    TOWARDS_ZERO, Ternary, ToInt, UPWARDS, Unary, UnsignedRecipEstimate, UnsignedRsqrtEstimate,
};
use crate::simd::{float, float_scalar as scalar};
use crate::table::Row;
use crate::table::fields::{bit, bits};
use crate::table::fp::registers;
use crate::table::simd_decode::rows;

/// Rows of this group.
pub const ROWS: &[Row] = rows! {
    "fmaxnm (vector)"                           "0q0011100s1mmmmm110001nnnnnddddd" three_same::<MaxNum>;
    "fmaxnm (vector, half)"                     "0q001110010mmmmm000001nnnnnddddd" three_same_half::<MaxNum>;
    "fminnm (vector)"                           "0q0011101s1mmmmm110001nnnnnddddd" three_same::<MinNum>;
    "fminnm (vector, half)"                     "0q001110110mmmmm000001nnnnnddddd" three_same_half::<MinNum>;
    "fmla (vector)"                             "0q0011100s1mmmmm110011nnnnnddddd" three_same::<MulAdd>;
    "fmla (vector, half)"                       "0q001110010mmmmm000011nnnnnddddd" three_same_half::<MulAdd>;
    "fmls (vector)"                             "0q0011101s1mmmmm110011nnnnnddddd" three_same::<MulSub>;
    "fmls (vector, half)"                       "0q001110110mmmmm000011nnnnnddddd" three_same_half::<MulSub>;
    "fadd (vector)"                             "0q0011100s1mmmmm110101nnnnnddddd" three_same::<Add>;
    "fadd (vector, half)"                       "0q001110010mmmmm000101nnnnnddddd" three_same_half::<Add>;
    "fsub (vector)"                             "0q0011101s1mmmmm110101nnnnnddddd" three_same::<Sub>;
    "fsub (vector, half)"                       "0q001110110mmmmm000101nnnnnddddd" three_same_half::<Sub>;
    "fmulx (vector)"                            "0q0011100s1mmmmm110111nnnnnddddd" three_same::<Mulx>;
    "fmulx (vector, half)"                      "0q001110010mmmmm000111nnnnnddddd" three_same_half::<Mulx>;
    "fcmeq (register, vector)"                  "0q0011100s1mmmmm111001nnnnnddddd" three_same::<Equal>;
    "fcmeq (register, vector, half)"            "0q001110010mmmmm001001nnnnnddddd" three_same_half::<Equal>;
    "fmax (vector)"                             "0q0011100s1mmmmm111101nnnnnddddd" three_same::<Max>;
    "fmax (vector, half)"                       "0q001110010mmmmm001101nnnnnddddd" three_same_half::<Max>;
    "fmin (vector)"                             "0q0011101s1mmmmm111101nnnnnddddd" three_same::<Min>;
    "fmin (vector, half)"                       "0q001110110mmmmm001101nnnnnddddd" three_same_half::<Min>;
    "frecps (vector)"                           "0q0011100s1mmmmm111111nnnnnddddd" three_same::<RecipStep>;
    "frecps (vector, half)"                     "0q001110010mmmmm001111nnnnnddddd" three_same_half::<RecipStep>;
    "frsqrts (vector)"                          "0q0011101s1mmmmm111111nnnnnddddd" three_same::<RsqrtStep>;
    "frsqrts (vector, half)"                    "0q001110110mmmmm001111nnnnnddddd" three_same_half::<RsqrtStep>;
    "fmaxnmp (vector)"                          "0q1011100s1mmmmm110001nnnnnddddd" pairwise::<MaxNum>;
    "fmaxnmp (vector, half)"                    "0q101110010mmmmm000001nnnnnddddd" pairwise_half::<MaxNum>;
    "fminnmp (vector)"                          "0q1011101s1mmmmm110001nnnnnddddd" pairwise::<MinNum>;
    "fminnmp (vector, half)"                    "0q101110110mmmmm000001nnnnnddddd" pairwise_half::<MinNum>;
    "faddp (vector)"                            "0q1011100s1mmmmm110101nnnnnddddd" pairwise::<Add>;
    "faddp (vector, half)"                      "0q101110010mmmmm000101nnnnnddddd" pairwise_half::<Add>;
    "fabd (vector)"                             "0q1011101s1mmmmm110101nnnnnddddd" three_same::<AbsDiff>;
    "fabd (vector, half)"                       "0q101110110mmmmm000101nnnnnddddd" three_same_half::<AbsDiff>;
    "fmul (vector)"                             "0q1011100s1mmmmm110111nnnnnddddd" three_same::<Mul>;
    "fmul (vector, half)"                       "0q101110010mmmmm000111nnnnnddddd" three_same_half::<Mul>;
    "fcmge (register, vector)"                  "0q1011100s1mmmmm111001nnnnnddddd" three_same::<GreaterEqual>;
    "fcmge (register, vector, half)"            "0q101110010mmmmm001001nnnnnddddd" three_same_half::<GreaterEqual>;
    "fcmgt (register, vector)"                  "0q1011101s1mmmmm111001nnnnnddddd" three_same::<Greater>;
    "fcmgt (register, vector, half)"            "0q101110110mmmmm001001nnnnnddddd" three_same_half::<Greater>;
    "facge (vector)"                            "0q1011100s1mmmmm111011nnnnnddddd" three_same::<AbsGreaterEqual>;
    "facge (vector, half)"                      "0q101110010mmmmm001011nnnnnddddd" three_same_half::<AbsGreaterEqual>;
    "facgt (vector)"                            "0q1011101s1mmmmm111011nnnnnddddd" three_same::<AbsGreater>;
    "facgt (vector, half)"                      "0q101110110mmmmm001011nnnnnddddd" three_same_half::<AbsGreater>;
    "fmaxp (vector)"                            "0q1011100s1mmmmm111101nnnnnddddd" pairwise::<Max>;
    "fmaxp (vector, half)"                      "0q101110010mmmmm001101nnnnnddddd" pairwise_half::<Max>;
    "fminp (vector)"                            "0q1011101s1mmmmm111101nnnnnddddd" pairwise::<Min>;
    "fminp (vector, half)"                      "0q101110110mmmmm001101nnnnnddddd" pairwise_half::<Min>;
    "fdiv (vector)"                             "0q1011100s1mmmmm111111nnnnnddddd" three_same::<Div>;
    "fdiv (vector, half)"                       "0q101110010mmmmm001111nnnnnddddd" three_same_half::<Div>;

    "fmulx (scalar)"                            "010111100s1mmmmm110111nnnnnddddd" scalar_three_same::<Mulx>;
    "fmulx (scalar, half)"                      "01011110010mmmmm000111nnnnnddddd" scalar_three_same_half::<Mulx>;
    "fcmeq (register, scalar)"                  "010111100s1mmmmm111001nnnnnddddd" scalar_three_same::<Equal>;
    "fcmeq (register, scalar, half)"            "01011110010mmmmm001001nnnnnddddd" scalar_three_same_half::<Equal>;
    "frecps (scalar)"                           "010111100s1mmmmm111111nnnnnddddd" scalar_three_same::<RecipStep>;
    "frecps (scalar, half)"                     "01011110010mmmmm001111nnnnnddddd" scalar_three_same_half::<RecipStep>;
    "frsqrts (scalar)"                          "010111101s1mmmmm111111nnnnnddddd" scalar_three_same::<RsqrtStep>;
    "frsqrts (scalar, half)"                    "01011110110mmmmm001111nnnnnddddd" scalar_three_same_half::<RsqrtStep>;
    "fabd (scalar)"                             "011111101s1mmmmm110101nnnnnddddd" scalar_three_same::<AbsDiff>;
    "fabd (scalar, half)"                       "01111110110mmmmm000101nnnnnddddd" scalar_three_same_half::<AbsDiff>;
    "fcmge (register, scalar)"                  "011111100s1mmmmm111001nnnnnddddd" scalar_three_same::<GreaterEqual>;
    "fcmge (register, scalar, half)"            "01111110010mmmmm001001nnnnnddddd" scalar_three_same_half::<GreaterEqual>;
    "fcmgt (register, scalar)"                  "011111101s1mmmmm111001nnnnnddddd" scalar_three_same::<Greater>;
    "fcmgt (register, scalar, half)"            "01111110110mmmmm001001nnnnnddddd" scalar_three_same_half::<Greater>;
    "facge (scalar)"                            "011111100s1mmmmm111011nnnnnddddd" scalar_three_same::<AbsGreaterEqual>;
    "facge (scalar, half)"                      "01111110010mmmmm001011nnnnnddddd" scalar_three_same_half::<AbsGreaterEqual>;
    "facgt (scalar)"                            "011111101s1mmmmm111011nnnnnddddd" scalar_three_same::<AbsGreater>;
    "facgt (scalar, half)"                      "01111110110mmmmm001011nnnnnddddd" scalar_three_same_half::<AbsGreater>;

    "frintn (vector)"                           "0q0011100s100001100010nnnnnddddd" two_reg::<RoundInt<NEAREST, false>>;
    "frintn (vector, half)"                     "0q00111001111001100010nnnnnddddd" two_reg_half::<RoundInt<NEAREST, false>>;
    "frintm (vector)"                           "0q0011100s100001100110nnnnnddddd" two_reg::<RoundInt<DOWNWARDS, false>>;
    "frintm (vector, half)"                     "0q00111001111001100110nnnnnddddd" two_reg_half::<RoundInt<DOWNWARDS, false>>;
    "frintp (vector)"                           "0q0011101s100001100010nnnnnddddd" two_reg::<RoundInt<UPWARDS, false>>;
    "frintp (vector, half)"                     "0q00111011111001100010nnnnnddddd" two_reg_half::<RoundInt<UPWARDS, false>>;
    "frintz (vector)"                           "0q0011101s100001100110nnnnnddddd" two_reg::<RoundInt<TOWARDS_ZERO, false>>;
    "frintz (vector, half)"                     "0q00111011111001100110nnnnnddddd" two_reg_half::<RoundInt<TOWARDS_ZERO, false>>;
    "frinta (vector)"                           "0q1011100s100001100010nnnnnddddd" two_reg::<RoundInt<AWAY, false>>;
    "frinta (vector, half)"                     "0q10111001111001100010nnnnnddddd" two_reg_half::<RoundInt<AWAY, false>>;
    "frintx (vector)"                           "0q1011100s100001100110nnnnnddddd" two_reg::<RoundInt<CURRENT, true>>;
    "frintx (vector, half)"                     "0q10111001111001100110nnnnnddddd" two_reg_half::<RoundInt<CURRENT, true>>;
    "frinti (vector)"                           "0q1011101s100001100110nnnnnddddd" two_reg::<RoundInt<CURRENT, false>>;
    "frinti (vector, half)"                     "0q10111011111001100110nnnnnddddd" two_reg_half::<RoundInt<CURRENT, false>>;
    "fabs (vector)"                             "0q0011101s100000111110nnnnnddddd" two_reg::<Abs>;
    "fabs (vector, half)"                       "0q00111011111000111110nnnnnddddd" two_reg_half::<Abs>;
    "fneg (vector)"                             "0q1011101s100000111110nnnnnddddd" two_reg::<Neg>;
    "fneg (vector, half)"                       "0q10111011111000111110nnnnnddddd" two_reg_half::<Neg>;
    "fsqrt (vector)"                            "0q1011101s100001111110nnnnnddddd" two_reg::<Sqrt>;
    "fsqrt (vector, half)"                      "0q10111011111001111110nnnnnddddd" two_reg_half::<Sqrt>;
    "fcmgt (zero, vector)"                      "0q0011101s100000110010nnnnnddddd" two_reg::<GreaterZero>;
    "fcmgt (zero, vector, half)"                "0q00111011111000110010nnnnnddddd" two_reg_half::<GreaterZero>;
    "fcmeq (zero, vector)"                      "0q0011101s100000110110nnnnnddddd" two_reg::<EqualZero>;
    "fcmeq (zero, vector, half)"                "0q00111011111000110110nnnnnddddd" two_reg_half::<EqualZero>;
    "fcmlt (zero, vector)"                      "0q0011101s100000111010nnnnnddddd" two_reg::<LessZero>;
    "fcmlt (zero, vector, half)"                "0q00111011111000111010nnnnnddddd" two_reg_half::<LessZero>;
    "fcmge (zero, vector)"                      "0q1011101s100000110010nnnnnddddd" two_reg::<GreaterEqualZero>;
    "fcmge (zero, vector, half)"                "0q10111011111000110010nnnnnddddd" two_reg_half::<GreaterEqualZero>;
    "fcmle (zero, vector)"                      "0q1011101s100000110110nnnnnddddd" two_reg::<LessEqualZero>;
    "fcmle (zero, vector, half)"                "0q10111011111000110110nnnnnddddd" two_reg_half::<LessEqualZero>;
    "fcvtns (vector)"                           "0q0011100s100001101010nnnnnddddd" two_reg::<ToInt<NEAREST, false>>;
    "fcvtns (vector, half)"                     "0q00111001111001101010nnnnnddddd" two_reg_half::<ToInt<NEAREST, false>>;
    "fcvtnu (vector)"                           "0q1011100s100001101010nnnnnddddd" two_reg::<ToInt<NEAREST, true>>;
    "fcvtnu (vector, half)"                     "0q10111001111001101010nnnnnddddd" two_reg_half::<ToInt<NEAREST, true>>;
    "fcvtms (vector)"                           "0q0011100s100001101110nnnnnddddd" two_reg::<ToInt<DOWNWARDS, false>>;
    "fcvtms (vector, half)"                     "0q00111001111001101110nnnnnddddd" two_reg_half::<ToInt<DOWNWARDS, false>>;
    "fcvtmu (vector)"                           "0q1011100s100001101110nnnnnddddd" two_reg::<ToInt<DOWNWARDS, true>>;
    "fcvtmu (vector, half)"                     "0q10111001111001101110nnnnnddddd" two_reg_half::<ToInt<DOWNWARDS, true>>;
    "fcvtas (vector)"                           "0q0011100s100001110010nnnnnddddd" two_reg::<ToInt<AWAY, false>>;
    "fcvtas (vector, half)"                     "0q00111001111001110010nnnnnddddd" two_reg_half::<ToInt<AWAY, false>>;
    "fcvtau (vector)"                           "0q1011100s100001110010nnnnnddddd" two_reg::<ToInt<AWAY, true>>;
    "fcvtau (vector, half)"                     "0q10111001111001110010nnnnnddddd" two_reg_half::<ToInt<AWAY, true>>;
    "fcvtps (vector)"                           "0q0011101s100001101010nnnnnddddd" two_reg::<ToInt<UPWARDS, false>>;
    "fcvtps (vector, half)"                     "0q00111011111001101010nnnnnddddd" two_reg_half::<ToInt<UPWARDS, false>>;
    "fcvtpu (vector)"                           "0q1011101s100001101010nnnnnddddd" two_reg::<ToInt<UPWARDS, true>>;
    "fcvtpu (vector, half)"                     "0q10111011111001101010nnnnnddddd" two_reg_half::<ToInt<UPWARDS, true>>;
    "fcvtzs (vector, integer)"                  "0q0011101s100001101110nnnnnddddd" two_reg::<ToInt<TOWARDS_ZERO, false>>;
    "fcvtzs (vector, integer, half)"            "0q00111011111001101110nnnnnddddd" two_reg_half::<ToInt<TOWARDS_ZERO, false>>;
    "fcvtzu (vector, integer)"                  "0q1011101s100001101110nnnnnddddd" two_reg::<ToInt<TOWARDS_ZERO, true>>;
    "fcvtzu (vector, integer, half)"            "0q10111011111001101110nnnnnddddd" two_reg_half::<ToInt<TOWARDS_ZERO, true>>;
    "scvtf (vector, integer)"                   "0q0011100s100001110110nnnnnddddd" two_reg::<FromInt<false>>;
    "scvtf (vector, integer, half)"             "0q00111001111001110110nnnnnddddd" two_reg_half::<FromInt<false>>;
    "ucvtf (vector, integer)"                   "0q1011100s100001110110nnnnnddddd" two_reg::<FromInt<true>>;
    "ucvtf (vector, integer, half)"             "0q10111001111001110110nnnnnddddd" two_reg_half::<FromInt<true>>;
    "frecpe (vector)"                           "0q0011101s100001110110nnnnnddddd" two_reg::<RecipEstimate>;
    "frecpe (vector, half)"                     "0q00111011111001110110nnnnnddddd" two_reg_half::<RecipEstimate>;
    "frsqrte (vector)"                          "0q1011101s100001110110nnnnnddddd" two_reg::<RsqrtEstimate>;
    "frsqrte (vector, half)"                    "0q10111011111001110110nnnnnddddd" two_reg_half::<RsqrtEstimate>;
    "urecpe"                                    "0q00111010100001110010nnnnnddddd" two_reg::<UnsignedRecipEstimate>;
    "ursqrte"                                   "0q10111010100001110010nnnnnddddd" two_reg::<UnsignedRsqrtEstimate>;
    "fcvtl (half to single)"                    "0q00111000100001011110nnnnnddddd" lengthen::<u16, u32>;
    "fcvtl (single to double)"                  "0q00111001100001011110nnnnnddddd" lengthen::<u32, u64>;
    "fcvtn (single to half)"                    "0q00111000100001011010nnnnnddddd" narrow::<u32, u16, CURRENT>;
    "fcvtn (double to single)"                  "0q00111001100001011010nnnnnddddd" narrow::<u64, u32, CURRENT>;
    "fcvtxn (vector)"                           "0q10111001100001011010nnnnnddddd" narrow::<u64, u32, ODD>;

    "fcmgt (zero, scalar)"                      "010111101s100000110010nnnnnddddd" scalar_two_reg::<GreaterZero>;
    "fcmgt (zero, scalar, half)"                "0101111011111000110010nnnnnddddd" scalar_two_reg_half::<GreaterZero>;
    "fcmeq (zero, scalar)"                      "010111101s100000110110nnnnnddddd" scalar_two_reg::<EqualZero>;
    "fcmeq (zero, scalar, half)"                "0101111011111000110110nnnnnddddd" scalar_two_reg_half::<EqualZero>;
    "fcmlt (zero, scalar)"                      "010111101s100000111010nnnnnddddd" scalar_two_reg::<LessZero>;
    "fcmlt (zero, scalar, half)"                "0101111011111000111010nnnnnddddd" scalar_two_reg_half::<LessZero>;
    "fcmge (zero, scalar)"                      "011111101s100000110010nnnnnddddd" scalar_two_reg::<GreaterEqualZero>;
    "fcmge (zero, scalar, half)"                "0111111011111000110010nnnnnddddd" scalar_two_reg_half::<GreaterEqualZero>;
    "fcmle (zero, scalar)"                      "011111101s100000110110nnnnnddddd" scalar_two_reg::<LessEqualZero>;
    "fcmle (zero, scalar, half)"                "0111111011111000110110nnnnnddddd" scalar_two_reg_half::<LessEqualZero>;
    "fcvtns (SISD scalar)"                      "010111100s100001101010nnnnnddddd" scalar_two_reg::<ToInt<NEAREST, false>>;
    "fcvtns (SISD scalar, half)"                "0101111001111001101010nnnnnddddd" scalar_two_reg_half::<ToInt<NEAREST, false>>;
    "fcvtnu (SISD scalar)"                      "011111100s100001101010nnnnnddddd" scalar_two_reg::<ToInt<NEAREST, true>>;
    "fcvtnu (SISD scalar, half)"                "0111111001111001101010nnnnnddddd" scalar_two_reg_half::<ToInt<NEAREST, true>>;
    "fcvtms (SISD scalar)"                      "010111100s100001101110nnnnnddddd" scalar_two_reg::<ToInt<DOWNWARDS, false>>;
    "fcvtms (SISD scalar, half)"                "0101111001111001101110nnnnnddddd" scalar_two_reg_half::<ToInt<DOWNWARDS, false>>;
    "fcvtmu (SISD scalar)"                      "011111100s100001101110nnnnnddddd" scalar_two_reg::<ToInt<DOWNWARDS, true>>;
    "fcvtmu (SISD scalar, half)"                "0111111001111001101110nnnnnddddd" scalar_two_reg_half::<ToInt<DOWNWARDS, true>>;
    "fcvtas (SISD scalar)"                      "010111100s100001110010nnnnnddddd" scalar_two_reg::<ToInt<AWAY, false>>;
    "fcvtas (SISD scalar, half)"                "0101111001111001110010nnnnnddddd" scalar_two_reg_half::<ToInt<AWAY, false>>;
    "fcvtau (SISD scalar)"                      "011111100s100001110010nnnnnddddd" scalar_two_reg::<ToInt<AWAY, true>>;
    "fcvtau (SISD scalar, half)"                "0111111001111001110010nnnnnddddd" scalar_two_reg_half::<ToInt<AWAY, true>>;
    "fcvtps (SISD scalar)"                      "010111101s100001101010nnnnnddddd" scalar_two_reg::<ToInt<UPWARDS, false>>;
    "fcvtps (SISD scalar, half)"                "0101111011111001101010nnnnnddddd" scalar_two_reg_half::<ToInt<UPWARDS, false>>;
    "fcvtpu (SISD scalar)"                      "011111101s100001101010nnnnnddddd" scalar_two_reg::<ToInt<UPWARDS, true>>;
    "fcvtpu (SISD scalar, half)"                "0111111011111001101010nnnnnddddd" scalar_two_reg_half::<ToInt<UPWARDS, true>>;
    "fcvtzs (SISD scalar, integer)"             "010111101s100001101110nnnnnddddd" scalar_two_reg::<ToInt<TOWARDS_ZERO, false>>;
    "fcvtzs (SISD scalar, integer, half)"       "0101111011111001101110nnnnnddddd" scalar_two_reg_half::<ToInt<TOWARDS_ZERO, false>>;
    "fcvtzu (SISD scalar, integer)"             "011111101s100001101110nnnnnddddd" scalar_two_reg::<ToInt<TOWARDS_ZERO, true>>;
    "fcvtzu (SISD scalar, integer, half)"       "0111111011111001101110nnnnnddddd" scalar_two_reg_half::<ToInt<TOWARDS_ZERO, true>>;
    "scvtf (SISD scalar, integer)"              "010111100s100001110110nnnnnddddd" scalar_two_reg::<FromInt<false>>;
    "scvtf (SISD scalar, integer, half)"        "0101111001111001110110nnnnnddddd" scalar_two_reg_half::<FromInt<false>>;
    "ucvtf (SISD scalar, integer)"              "011111100s100001110110nnnnnddddd" scalar_two_reg::<FromInt<true>>;
    "ucvtf (SISD scalar, integer, half)"        "0111111001111001110110nnnnnddddd" scalar_two_reg_half::<FromInt<true>>;
    "frecpe (scalar)"                           "010111101s100001110110nnnnnddddd" scalar_two_reg::<RecipEstimate>;
    "frecpe (scalar, half)"                     "0101111011111001110110nnnnnddddd" scalar_two_reg_half::<RecipEstimate>;
    "frsqrte (scalar)"                          "011111101s100001110110nnnnnddddd" scalar_two_reg::<RsqrtEstimate>;
    "frsqrte (scalar, half)"                    "0111111011111001110110nnnnnddddd" scalar_two_reg_half::<RsqrtEstimate>;
    "frecpx (scalar)"                           "010111101s100001111110nnnnnddddd" scalar_two_reg::<RecipExponent>;
    "frecpx (scalar, half)"                     "0101111011111001111110nnnnnddddd" scalar_two_reg_half::<RecipExponent>;
    "fcvtxn (scalar)"                           "0111111001100001011010nnnnnddddd" scalar_narrow_to_odd;

    "scvtf (vector, fixed-point, half)"         "0q0011110001iiii111001nnnnnddddd" from_fixed::<u16, false>;
    "scvtf (vector, fixed-point, single)"       "0q001111001iiiii111001nnnnnddddd" from_fixed::<u32, false>;
    "scvtf (vector, fixed-point, double)"       "0100111101iiiiii111001nnnnnddddd" from_fixed::<u64, false>;
    "ucvtf (vector, fixed-point, half)"         "0q1011110001iiii111001nnnnnddddd" from_fixed::<u16, true>;
    "ucvtf (vector, fixed-point, single)"       "0q101111001iiiii111001nnnnnddddd" from_fixed::<u32, true>;
    "ucvtf (vector, fixed-point, double)"       "0110111101iiiiii111001nnnnnddddd" from_fixed::<u64, true>;
    "fcvtzs (vector, fixed-point, half)"        "0q0011110001iiii111111nnnnnddddd" to_fixed::<u16, false>;
    "fcvtzs (vector, fixed-point, single)"      "0q001111001iiiii111111nnnnnddddd" to_fixed::<u32, false>;
    "fcvtzs (vector, fixed-point, double)"      "0100111101iiiiii111111nnnnnddddd" to_fixed::<u64, false>;
    "fcvtzu (vector, fixed-point, half)"        "0q1011110001iiii111111nnnnnddddd" to_fixed::<u16, true>;
    "fcvtzu (vector, fixed-point, single)"      "0q101111001iiiii111111nnnnnddddd" to_fixed::<u32, true>;
    "fcvtzu (vector, fixed-point, double)"      "0110111101iiiiii111111nnnnnddddd" to_fixed::<u64, true>;
    "scvtf (SISD scalar, fixed-point, half)"    "010111110001iiii111001nnnnnddddd" scalar_from_fixed::<u16, false>;
    "scvtf (SISD scalar, fixed-point, single)"  "01011111001iiiii111001nnnnnddddd" scalar_from_fixed::<u32, false>;
    "scvtf (SISD scalar, fixed-point, double)"  "0101111101iiiiii111001nnnnnddddd" scalar_from_fixed::<u64, false>;
    "ucvtf (SISD scalar, fixed-point, half)"    "011111110001iiii111001nnnnnddddd" scalar_from_fixed::<u16, true>;
    "ucvtf (SISD scalar, fixed-point, single)"  "01111111001iiiii111001nnnnnddddd" scalar_from_fixed::<u32, true>;
    "ucvtf (SISD scalar, fixed-point, double)"  "0111111101iiiiii111001nnnnnddddd" scalar_from_fixed::<u64, true>;
    "fcvtzs (SISD scalar, fixed-point, half)"   "010111110001iiii111111nnnnnddddd" scalar_to_fixed::<u16, false>;
    "fcvtzs (SISD scalar, fixed-point, single)" "01011111001iiiii111111nnnnnddddd" scalar_to_fixed::<u32, false>;
    "fcvtzs (SISD scalar, fixed-point, double)" "0101111101iiiiii111111nnnnnddddd" scalar_to_fixed::<u64, false>;
    "fcvtzu (SISD scalar, fixed-point, half)"   "011111110001iiii111111nnnnnddddd" scalar_to_fixed::<u16, true>;
    "fcvtzu (SISD scalar, fixed-point, single)" "01111111001iiiii111111nnnnnddddd" scalar_to_fixed::<u32, true>;
    "fcvtzu (SISD scalar, fixed-point, double)" "0111111101iiiiii111111nnnnnddddd" scalar_to_fixed::<u64, true>;

    "fmla (by element, half)"                   "0q00111100iimmmm0001i0nnnnnddddd" by_element::<u16, MulAdd>;
    "fmla (by element, single)"                 "0q00111110immmmm0001i0nnnnnddddd" by_element::<u32, MulAdd>;
    "fmla (by element, double)"                 "01001111110mmmmm0001i0nnnnnddddd" by_element::<u64, MulAdd>;
    "fmls (by element, half)"                   "0q00111100iimmmm0101i0nnnnnddddd" by_element::<u16, MulSub>;
    "fmls (by element, single)"                 "0q00111110immmmm0101i0nnnnnddddd" by_element::<u32, MulSub>;
    "fmls (by element, double)"                 "01001111110mmmmm0101i0nnnnnddddd" by_element::<u64, MulSub>;
    "fmul (by element, half)"                   "0q00111100iimmmm1001i0nnnnnddddd" by_element::<u16, Mul>;
    "fmul (by element, single)"                 "0q00111110immmmm1001i0nnnnnddddd" by_element::<u32, Mul>;
    "fmul (by element, double)"                 "01001111110mmmmm1001i0nnnnnddddd" by_element::<u64, Mul>;
    "fmulx (by element, half)"                  "0q10111100iimmmm1001i0nnnnnddddd" by_element::<u16, Mulx>;
    "fmulx (by element, single)"                "0q10111110immmmm1001i0nnnnnddddd" by_element::<u32, Mulx>;
    "fmulx (by element, double)"                "01101111110mmmmm1001i0nnnnnddddd" by_element::<u64, Mulx>;
    "fmla (by element, scalar, half)"           "0101111100iimmmm0001i0nnnnnddddd" scalar_by_element::<u16, MulAdd>;
    "fmla (by element, scalar, single)"         "0101111110immmmm0001i0nnnnnddddd" scalar_by_element::<u32, MulAdd>;
    "fmla (by element, scalar, double)"         "01011111110mmmmm0001i0nnnnnddddd" scalar_by_element::<u64, MulAdd>;
    "fmls (by element, scalar, half)"           "0101111100iimmmm0101i0nnnnnddddd" scalar_by_element::<u16, MulSub>;
    "fmls (by element, scalar, single)"         "0101111110immmmm0101i0nnnnnddddd" scalar_by_element::<u32, MulSub>;
    "fmls (by element, scalar, double)"         "01011111110mmmmm0101i0nnnnnddddd" scalar_by_element::<u64, MulSub>;
    "fmul (by element, scalar, half)"           "0101111100iimmmm1001i0nnnnnddddd" scalar_by_element::<u16, Mul>;
    "fmul (by element, scalar, single)"         "0101111110immmmm1001i0nnnnnddddd" scalar_by_element::<u32, Mul>;
    "fmul (by element, scalar, double)"         "01011111110mmmmm1001i0nnnnnddddd" scalar_by_element::<u64, Mul>;
    "fmulx (by element, scalar, half)"          "0111111100iimmmm1001i0nnnnnddddd" scalar_by_element::<u16, Mulx>;
    "fmulx (by element, scalar, single)"        "0111111110immmmm1001i0nnnnnddddd" scalar_by_element::<u32, Mulx>;
    "fmulx (by element, scalar, double)"        "01111111110mmmmm1001i0nnnnnddddd" scalar_by_element::<u64, Mulx>;

    "fmaxnmv"                                   "0110111000110000110010nnnnnddddd" across::<MaxNum>;
    "fmaxnmv (half)"                            "0q00111000110000110010nnnnnddddd" across_half::<MaxNum>;
    "fmaxv"                                     "0110111000110000111110nnnnnddddd" across::<Max>;
    "fmaxv (half)"                              "0q00111000110000111110nnnnnddddd" across_half::<Max>;
    "fminnmv"                                   "0110111010110000110010nnnnnddddd" across::<MinNum>;
    "fminnmv (half)"                            "0q00111010110000110010nnnnnddddd" across_half::<MinNum>;
    "fminv"                                     "0110111010110000111110nnnnnddddd" across::<Min>;
    "fminv (half)"                              "0q00111010110000111110nnnnnddddd" across_half::<Min>;
    "fmaxnmp (scalar)"                          "011111100s110000110010nnnnnddddd" scalar_pairwise::<MaxNum>;
    "fmaxnmp (scalar, half)"                    "0101111000110000110010nnnnnddddd" scalar_pairwise_half::<MaxNum>;
    "faddp (scalar)"                            "011111100s110000110110nnnnnddddd" scalar_pairwise::<Add>;
    "faddp (scalar, half)"                      "0101111000110000110110nnnnnddddd" scalar_pairwise_half::<Add>;
    "fmaxp (scalar)"                            "011111100s110000111110nnnnnddddd" scalar_pairwise::<Max>;
    "fmaxp (scalar, half)"                      "0101111000110000111110nnnnnddddd" scalar_pairwise_half::<Max>;
    "fminnmp (scalar)"                          "011111101s110000110010nnnnnddddd" scalar_pairwise::<MinNum>;
    "fminnmp (scalar, half)"                    "0101111010110000110010nnnnnddddd" scalar_pairwise_half::<MinNum>;
    "fminp (scalar)"                            "011111101s110000111110nnnnnddddd" scalar_pairwise::<Min>;
    "fminp (scalar, half)"                      "0101111010110000111110nnnnnddddd" scalar_pairwise_half::<Min>;

    "fcadd"                                     "0q101110ss0mmmmm111r01nnnnnddddd" complex_add;
    "fcmla"                                     "0q101110ss0mmmmm110rr1nnnnnddddd" complex_mul_add;
    "fcmla (by element, half)"                  "0q10111101immmmm0rr1i0nnnnnddddd" complex_by_element_half;
    "fcmla (by element, single)"                "01101111100mmmmm0rr1i0nnnnnddddd" complex_by_element_single;
};

/// An instruction with the one of the helpers for 2S, 4S, 2D that size and Q select.
fn vector(word: u32, args: Args, [s2, s4, d2]: [Helper; 3]) -> Option<Insn> {
    let helper = match (bit(word, 22), bit(word, 30)) {
        (false, false) => s2,
        (false, true) => s4,
        (true, false) => return None,
        (true, true) => d2,
    };
    Some(Insn::helper(helper, args))
}

/// An instruction with the one of two helpers that a bit selects.
fn by_bit(word: u32, at: u32, args: Args, [clear, set]: [Helper; 2]) -> Option<Insn> {
    let helper = if bit(word, at) { set } else { clear };
    Some(Insn::helper(helper, args))
}

/// An instruction with the one of the helpers for the lower 64 or all 128 bits that Q selects.
fn by_q(word: u32, args: Args, helpers: [Helper; 2]) -> Option<Insn> {
    by_bit(word, 30, args, helpers)
}

/// An instruction with the one of the helpers for single and double precision.
fn by_size(word: u32, args: Args, helpers: [Helper; 2]) -> Option<Insn> {
    by_bit(word, 22, args, helpers)
}

/// A shape of instruction for 2S, 4S and 2D.
macro_rules! vectors {
    ($shape:ident, $operation:tt) => {
        [
            float::$shape::<u32, $operation, false>,
            float::$shape::<u32, $operation, true>,
            float::$shape::<u64, $operation, true>,
        ]
    };
}

/// A shape of instruction for the lower 64 bits and for all 128.
macro_rules! widths {
    ($shape:ident $(, $argument:tt)*) => {
        [
            float::$shape::<$($argument,)* false>,
            float::$shape::<$($argument,)* true>,
        ]
    };
}

fn three_same<O: Ternary>(word: u32) -> Option<Insn> {
    vector(word, registers(word), vectors!(ternary, O))
}

fn three_same_half<O: Ternary>(word: u32) -> Option<Insn> {
    by_q(word, registers(word), widths!(ternary, u16, O))
}

fn pairwise<O: Binary>(word: u32) -> Option<Insn> {
    vector(word, registers(word), vectors!(pairwise, O))
}

fn pairwise_half<O: Binary>(word: u32) -> Option<Insn> {
    by_q(word, registers(word), widths!(pairwise, u16, O))
}

fn two_reg<O: Unary>(word: u32) -> Option<Insn> {
    vector(word, registers(word), vectors!(unary, O))
}

fn two_reg_half<O: Unary>(word: u32) -> Option<Insn> {
    by_q(word, registers(word), widths!(unary, u16, O))
}

fn scalar_three_same<O: Binary>(word: u32) -> Option<Insn> {
    let helpers = [scalar::binary::<u32, O>, scalar::binary::<u64, O>];
    by_size(word, registers(word), helpers)
}

fn scalar_three_same_half<O: Binary>(word: u32) -> Option<Insn> {
    let helper = scalar::binary::<u16, O>;
    Some(Insn::helper(helper, registers(word)))
}

fn scalar_two_reg<O: Unary>(word: u32) -> Option<Insn> {
    let helpers = [scalar::unary::<u32, O>, scalar::unary::<u64, O>];
    by_size(word, registers(word), helpers)
}

fn scalar_two_reg_half<O: Unary>(word: u32) -> Option<Insn> {
    let helper = scalar::unary::<u16, O>;
    Some(Insn::helper(helper, registers(word)))
}

fn scalar_pairwise<O: Binary>(word: u32) -> Option<Insn> {
    let helpers = [
        float::scalar_pairwise::<u32, O>,
        float::scalar_pairwise::<u64, O>,
    ];
    by_size(word, registers(word), helpers)
}

fn scalar_pairwise_half<O: Binary>(word: u32) -> Option<Insn> {
    let helper = float::scalar_pairwise::<u16, O>;
    Some(Insn::helper(helper, registers(word)))
}

fn across<O: Binary>(word: u32) -> Option<Insn> {
    let helper = float::across::<u32, O, true>;
    Some(Insn::helper(helper, registers(word)))
}

fn across_half<O: Binary>(word: u32) -> Option<Insn> {
    by_q(word, registers(word), widths!(across, u16, O))
}

fn lengthen<From: Format, To: Format>(word: u32) -> Option<Insn> {
    by_q(word, registers(word), widths!(lengthen, From, To))
}

fn narrow<From: Format, To: Format, const R: u8>(word: u32) -> Option<Insn> {
    by_q(word, registers(word), widths!(narrow, From, To, R))
}

fn scalar_narrow_to_odd(word: u32) -> Option<Insn> {
    let helper = scalar::convert::<u64, u32, ODD>;
    Some(Insn::helper(helper, registers(word)))
}

/// The registers, with x the number of bits after the point of elements of `F`'s size.
fn fraction<F: Format>(word: u32) -> Args {
    Args {
        x: (2 * F::BITS - bits(word, 22, 16)) as u16,
        ..registers(word)
    }
}

fn to_fixed<F: Format, const UNSIGNED: bool>(word: u32) -> Option<Insn> {
    let helpers = widths!(lanes_to_fixed, F, UNSIGNED);
    by_q(word, fraction::<F>(word), helpers)
}

fn from_fixed<F: Format, const UNSIGNED: bool>(word: u32) -> Option<Insn> {
    let helpers = widths!(lanes_from_fixed, F, UNSIGNED);
    by_q(word, fraction::<F>(word), helpers)
}

fn scalar_to_fixed<F: Format, const UNSIGNED: bool>(word: u32) -> Option<Insn> {
    let helper = float::scalar_to_fixed::<F, UNSIGNED>;
    Some(Insn::helper(helper, fraction::<F>(word)))
}

fn scalar_from_fixed<F: Format, const UNSIGNED: bool>(word: u32) -> Option<Insn> {
    let helper = float::scalar_from_fixed::<F, UNSIGNED>;
    Some(Insn::helper(helper, fraction::<F>(word)))
}

/// The registers, with m and x the register and lane of `F`'s size that a by-element form names: the
/// smaller the element, the more of H, L, M belong to the lane's number.
fn element<F: Format>(word: u32) -> Args {
    let (h, l, m) = (bits(word, 11, 11), bits(word, 21, 21), bits(word, 20, 20));
    let (index, register) = match F::BITS {
        16 => (h << 2 | l << 1 | m, bits(word, 19, 16)),
        32 => (h << 1 | l, bits(word, 20, 16)),
        _ => (h, bits(word, 20, 16)),
    };
    Args {
        m: register as u8,
        x: index as u16,
        ..registers(word)
    }
}

fn by_element<F: Format, O: Ternary>(word: u32) -> Option<Insn> {
    by_q(word, element::<F>(word), widths!(by_element, F, O))
}

fn scalar_by_element<F: Format, O: Ternary>(word: u32) -> Option<Insn> {
    let helper = float::scalar_by_element::<F, O>;
    Some(Insn::helper(helper, element::<F>(word)))
}

/// An instruction on pairs with the one of the helpers that size and Q select.
fn complex(
    word: u32,
    args: Args,
    halves: [Helper; 2],
    singles: [Helper; 2],
    double: Helper,
) -> Option<Insn> {
    match bits(word, 23, 22) {
        1 => by_q(word, args, halves),
        2 => by_q(word, args, singles),
        3 if bit(word, 30) => Some(Insn::helper(double, args)),
        _ => None,
    }
}

fn complex_add(word: u32) -> Option<Insn> {
    let args = Args {
        x: bits(word, 12, 12) as u16,
        ..registers(word)
    };
    let halves = widths!(complex_add, u16);
    let singles = widths!(complex_add, u32);
    complex(word, args, halves, singles, float::complex_add::<u64, true>)
}

fn complex_mul_add(word: u32) -> Option<Insn> {
    let args = Args {
        x: bits(word, 12, 11) as u16,
        ..registers(word)
    };
    let halves = widths!(complex_mul_add, u16, false);
    let singles = widths!(complex_mul_add, u32, false);
    let double = float::complex_mul_add::<u64, false, true>;
    complex(word, args, halves, singles, double)
}

fn complex_by_element_half(word: u32) -> Option<Insn> {
    let (h, l) = (bits(word, 11, 11), bits(word, 21, 21));
    if h > bits(word, 30, 30) {
        return None;
    }
    let args = Args {
        x: ((h << 1 | l) << 2 | bits(word, 14, 13)) as u16,
        ..registers(word)
    };
    by_q(word, args, widths!(complex_mul_add, u16, true))
}

fn complex_by_element_single(word: u32) -> Option<Insn> {
    let args = Args {
        x: (bits(word, 11, 11) << 2 | bits(word, 14, 13)) as u16,
        ..registers(word)
    };
    let helper = float::complex_mul_add::<u32, true, true>;
    Some(Insn::helper(helper, args))
}
