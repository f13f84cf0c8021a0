//! Integer `AdvSIMD` instructions on vectors: three registers, two registers, across lanes.
#![forbid(unsafe_code)]

use super::Row;
use super::simd_decode::{
    ALL, B, BH, BHS, HS, across, dot, doubled, fixed, half, half_by_size, plain, rows, vector,
};
use crate::simd::arithmetic::{
    AbsDiff, AbsDiffAdd, Accumulate, Add, AddHalves, AddSigned, AddUnsigned, And, Bic, Bif, Bit,
    Bsl, Complement, CountOnes, CountSignBits, CountZeros, DoubleMul, DoubleMulAdd, DoubleMulHigh,
    DoubleMulSub, Eor, Equal, FromZero, Greater, GreaterEqual, HalvingAdd, HalvingSub, HighHalf,
    Max, Min, Mul, MulAdd, MulSub, Orn, Orr, PolynomialMul, ReverseBits, RoundingDoubleMulHigh,
    RoundingDoubleMulHighAdd, RoundingDoubleMulHighSub, RoundingHalvingAdd, SaturatingAbs,
    SaturatingAdd, SaturatingSub, Sub, Test, WithZero,
};
use crate::simd::crypto_host;
use crate::simd::lanes::{Signed, Unsigned};
use crate::simd::permute::Reverse;
use crate::simd::shape::{
    Across, AcrossLong, Dot, Long, LongImmediate, Narrow, Pairwise, Same, Wide,
};
use crate::simd::shift::{Extract, SATURATE, ShiftBy, ShiftLeft, TO_UNSIGNED, TRUNCATE};

/// Rows of this group.
pub const ROWS: &[Row] = rows! {
    "and (vector)"             "0q001110001mmmmm000111nnnnnddddd" fixed::<Unsigned, Same<And>, 3>;
    "bic (vector, register)"   "0q001110011mmmmm000111nnnnnddddd" fixed::<Unsigned, Same<Bic>, 3>;
    "orr (vector, register)"   "0q001110101mmmmm000111nnnnnddddd" fixed::<Unsigned, Same<Orr>, 3>;
    "orn (vector)"             "0q001110111mmmmm000111nnnnnddddd" fixed::<Unsigned, Same<Orn>, 3>;
    "eor (vector)"             "0q101110001mmmmm000111nnnnnddddd" fixed::<Unsigned, Same<Eor>, 3>;
    "bsl"                      "0q101110011mmmmm000111nnnnnddddd" fixed::<Unsigned, Same<Bsl>, 3>;
    "bit"                      "0q101110101mmmmm000111nnnnnddddd" fixed::<Unsigned, Same<Bit>, 3>;
    "bif"                      "0q101110111mmmmm000111nnnnnddddd" fixed::<Unsigned, Same<Bif>, 3>;
    "shadd"                    "0q001110ss1mmmmm000001nnnnnddddd" vector::<Signed, Same<HalvingAdd>, BHS>;
    "srhadd"                   "0q001110ss1mmmmm000101nnnnnddddd" vector::<Signed, Same<RoundingHalvingAdd>, BHS>;
    "shsub"                    "0q001110ss1mmmmm001001nnnnnddddd" vector::<Signed, Same<HalvingSub>, BHS>;
    "sqadd (vector)"           "0q001110ss1mmmmm000011nnnnnddddd" vector::<Signed, Same<SaturatingAdd>, ALL>;
    "sqsub (vector)"           "0q001110ss1mmmmm001011nnnnnddddd" vector::<Signed, Same<SaturatingSub>, ALL>;
    "cmgt (register, vector)"  "0q001110ss1mmmmm001101nnnnnddddd" vector::<Signed, Same<Greater>, ALL>;
    "cmge (register, vector)"  "0q001110ss1mmmmm001111nnnnnddddd" vector::<Signed, Same<GreaterEqual>, ALL>;
    "sshl (vector)"            "0q001110ss1mmmmm010001nnnnnddddd" vector::<Signed, Same<ShiftBy<false, false>>, ALL>;
    "sqshl (register, vector)" "0q001110ss1mmmmm010011nnnnnddddd" vector::<Signed, Same<ShiftBy<false, true>>, ALL>;
    "srshl (vector)"           "0q001110ss1mmmmm010101nnnnnddddd" vector::<Signed, Same<ShiftBy<true, false>>, ALL>;
    "sqrshl (vector)"          "0q001110ss1mmmmm010111nnnnnddddd" vector::<Signed, Same<ShiftBy<true, true>>, ALL>;
    "smax"                     "0q001110ss1mmmmm011001nnnnnddddd" vector::<Signed, Same<Max>, BHS>;
    "smin"                     "0q001110ss1mmmmm011011nnnnnddddd" vector::<Signed, Same<Min>, BHS>;
    "sabd"                     "0q001110ss1mmmmm011101nnnnnddddd" vector::<Signed, Same<AbsDiff>, BHS>;
    "saba"                     "0q001110ss1mmmmm011111nnnnnddddd" vector::<Signed, Same<AbsDiffAdd>, BHS>;
    "smaxp"                    "0q001110ss1mmmmm101001nnnnnddddd" vector::<Signed, Pairwise<Max>, BHS>;
    "sminp"                    "0q001110ss1mmmmm101011nnnnnddddd" vector::<Signed, Pairwise<Min>, BHS>;
    "uhadd"                    "0q101110ss1mmmmm000001nnnnnddddd" vector::<Unsigned, Same<HalvingAdd>, BHS>;
    "urhadd"                   "0q101110ss1mmmmm000101nnnnnddddd" vector::<Unsigned, Same<RoundingHalvingAdd>, BHS>;
    "uhsub"                    "0q101110ss1mmmmm001001nnnnnddddd" vector::<Unsigned, Same<HalvingSub>, BHS>;
    "uqadd (vector)"           "0q101110ss1mmmmm000011nnnnnddddd" vector::<Unsigned, Same<SaturatingAdd>, ALL>;
    "uqsub (vector)"           "0q101110ss1mmmmm001011nnnnnddddd" vector::<Unsigned, Same<SaturatingSub>, ALL>;
    "cmhi (vector)"            "0q101110ss1mmmmm001101nnnnnddddd" vector::<Unsigned, Same<Greater>, ALL>;
    "cmhs (vector)"            "0q101110ss1mmmmm001111nnnnnddddd" vector::<Unsigned, Same<GreaterEqual>, ALL>;
    "ushl (vector)"            "0q101110ss1mmmmm010001nnnnnddddd" vector::<Unsigned, Same<ShiftBy<false, false>>, ALL>;
    "uqshl (register, vector)" "0q101110ss1mmmmm010011nnnnnddddd" vector::<Unsigned, Same<ShiftBy<false, true>>, ALL>;
    "urshl (vector)"           "0q101110ss1mmmmm010101nnnnnddddd" vector::<Unsigned, Same<ShiftBy<true, false>>, ALL>;
    "uqrshl (vector)"          "0q101110ss1mmmmm010111nnnnnddddd" vector::<Unsigned, Same<ShiftBy<true, true>>, ALL>;
    "umax"                     "0q101110ss1mmmmm011001nnnnnddddd" vector::<Unsigned, Same<Max>, BHS>;
    "umin"                     "0q101110ss1mmmmm011011nnnnnddddd" vector::<Unsigned, Same<Min>, BHS>;
    "uabd"                     "0q101110ss1mmmmm011101nnnnnddddd" vector::<Unsigned, Same<AbsDiff>, BHS>;
    "uaba"                     "0q101110ss1mmmmm011111nnnnnddddd" vector::<Unsigned, Same<AbsDiffAdd>, BHS>;
    "umaxp"                    "0q101110ss1mmmmm101001nnnnnddddd" vector::<Unsigned, Pairwise<Max>, BHS>;
    "uminp"                    "0q101110ss1mmmmm101011nnnnnddddd" vector::<Unsigned, Pairwise<Min>, BHS>;
    "add (vector)"             "0q001110ss1mmmmm100001nnnnnddddd" vector::<Unsigned, Same<Add>, ALL>;
    "sub (vector)"             "0q101110ss1mmmmm100001nnnnnddddd" vector::<Unsigned, Same<Sub>, ALL>;
    "cmtst (vector)"           "0q001110ss1mmmmm100011nnnnnddddd" vector::<Unsigned, Same<Test>, ALL>;
    "cmeq (register, vector)"  "0q101110ss1mmmmm100011nnnnnddddd" vector::<Unsigned, Same<Equal>, ALL>;
    "mla (vector)"             "0q001110ss1mmmmm100101nnnnnddddd" vector::<Unsigned, Same<MulAdd>, BHS>;
    "mls (vector)"             "0q101110ss1mmmmm100101nnnnnddddd" vector::<Unsigned, Same<MulSub>, BHS>;
    "mul (vector)"             "0q001110ss1mmmmm100111nnnnnddddd" vector::<Unsigned, Same<Mul>, BHS>;
    "pmul"                     "0q101110ss1mmmmm100111nnnnnddddd" vector::<Unsigned, Same<PolynomialMul>, B>;
    "sqdmulh (vector)"         "0q001110ss1mmmmm101101nnnnnddddd" vector::<Signed, Same<DoubleMulHigh>, HS>;
    "sqrdmulh (vector)"        "0q101110ss1mmmmm101101nnnnnddddd" vector::<Signed, Same<RoundingDoubleMulHigh>, HS>;
    "addp (vector)"            "0q001110ss1mmmmm101111nnnnnddddd" vector::<Unsigned, Pairwise<Add>, ALL>;
    "sqrdmlah (vector)"        "0q101110ss0mmmmm100001nnnnnddddd" vector::<Signed, Same<RoundingDoubleMulHighAdd>, HS>;
    "sqrdmlsh (vector)"        "0q101110ss0mmmmm100011nnnnnddddd" vector::<Signed, Same<RoundingDoubleMulHighSub>, HS>;
    "sdot (vector)"            "0q001110ss0mmmmm100101nnnnnddddd" dot::<Signed, Dot>;
    "udot (vector)"            "0q101110ss0mmmmm100101nnnnnddddd" dot::<Unsigned, Dot>;
    "saddl"                    "0q001110ss1mmmmm000000nnnnnddddd" half::<Signed, Long<Add>, BHS>;
    "saddw"                    "0q001110ss1mmmmm000100nnnnnddddd" half::<Signed, Wide<Add>, BHS>;
    "ssubl"                    "0q001110ss1mmmmm001000nnnnnddddd" half::<Signed, Long<Sub>, BHS>;
    "ssubw"                    "0q001110ss1mmmmm001100nnnnnddddd" half::<Signed, Wide<Sub>, BHS>;
    "sabal"                    "0q001110ss1mmmmm010100nnnnnddddd" half::<Signed, Long<AbsDiffAdd>, BHS>;
    "sabdl"                    "0q001110ss1mmmmm011100nnnnnddddd" half::<Signed, Long<AbsDiff>, BHS>;
    "smlal (vector)"           "0q001110ss1mmmmm100000nnnnnddddd" half::<Signed, Long<MulAdd>, BHS>;
    "smlsl (vector)"           "0q001110ss1mmmmm101000nnnnnddddd" half::<Signed, Long<MulSub>, BHS>;
    "smull (vector)"           "0q001110ss1mmmmm110000nnnnnddddd" half::<Signed, Long<Mul>, BHS>;
    "uaddl"                    "0q101110ss1mmmmm000000nnnnnddddd" half::<Unsigned, Long<Add>, BHS>;
    "uaddw"                    "0q101110ss1mmmmm000100nnnnnddddd" half::<Unsigned, Wide<Add>, BHS>;
    "usubl"                    "0q101110ss1mmmmm001000nnnnnddddd" half::<Unsigned, Long<Sub>, BHS>;
    "usubw"                    "0q101110ss1mmmmm001100nnnnnddddd" half::<Unsigned, Wide<Sub>, BHS>;
    "uabal"                    "0q101110ss1mmmmm010100nnnnnddddd" half::<Unsigned, Long<AbsDiffAdd>, BHS>;
    "uabdl"                    "0q101110ss1mmmmm011100nnnnnddddd" half::<Unsigned, Long<AbsDiff>, BHS>;
    "umlal (vector)"           "0q101110ss1mmmmm100000nnnnnddddd" half::<Unsigned, Long<MulAdd>, BHS>;
    "umlsl (vector)"           "0q101110ss1mmmmm101000nnnnnddddd" half::<Unsigned, Long<MulSub>, BHS>;
    "umull (vector)"           "0q101110ss1mmmmm110000nnnnnddddd" half::<Unsigned, Long<Mul>, BHS>;
    "addhn"                    "0q001110ss1mmmmm010000nnnnnddddd" half::<Unsigned, Narrow<HighHalf<Add, false>>, BHS>;
    "subhn"                    "0q001110ss1mmmmm011000nnnnnddddd" half::<Unsigned, Narrow<HighHalf<Sub, false>>, BHS>;
    "raddhn"                   "0q101110ss1mmmmm010000nnnnnddddd" half::<Unsigned, Narrow<HighHalf<Add, true>>, BHS>;
    "rsubhn"                   "0q101110ss1mmmmm011000nnnnnddddd" half::<Unsigned, Narrow<HighHalf<Sub, true>>, BHS>;
    "sqdmlal (vector)"         "0q001110ss1mmmmm100100nnnnnddddd" half::<Signed, Long<DoubleMulAdd>, HS>;
    "sqdmlsl (vector)"         "0q001110ss1mmmmm101100nnnnnddddd" half::<Signed, Long<DoubleMulSub>, HS>;
    "sqdmull (vector)"         "0q001110ss1mmmmm110100nnnnnddddd" half::<Signed, Long<DoubleMul>, HS>;
    "pmull (8 bits)"           "0q001110001mmmmm111000nnnnnddddd" half::<Unsigned, Long<PolynomialMul>, B>;
    "pmull (64 bits)"          "00001110111mmmmm111000nnnnnddddd" |word| plain(word, crypto_host::pmull().helper);
    "pmull2 (64 bits)"         "01001110111mmmmm111000nnnnnddddd" |word| plain(word, crypto_host::pmull2().helper);
    "rev64"                    "0q001110ss100000000010nnnnnddddd" vector::<Unsigned, Reverse<64>, BHS>;
    "rev32 (vector)"           "0q101110ss100000000010nnnnnddddd" vector::<Unsigned, Reverse<32>, BH>;
    "rev16 (vector)"           "0q001110ss100000000110nnnnnddddd" vector::<Unsigned, Reverse<16>, B>;
    "saddlp"                   "0q001110ss100000001010nnnnnddddd" doubled::<Signed, Same<AddHalves>>;
    "sadalp"                   "0q001110ss100000011010nnnnnddddd" doubled::<Signed, Same<Accumulate<AddHalves>>>;
    "uaddlp"                   "0q101110ss100000001010nnnnnddddd" doubled::<Unsigned, Same<AddHalves>>;
    "uadalp"                   "0q101110ss100000011010nnnnnddddd" doubled::<Unsigned, Same<Accumulate<AddHalves>>>;
    "suqadd (vector)"          "0q001110ss100000001110nnnnnddddd" vector::<Signed, Same<AddUnsigned>, ALL>;
    "usqadd (vector)"          "0q101110ss100000001110nnnnnddddd" vector::<Unsigned, Same<AddSigned>, ALL>;
    "cls (vector)"             "0q001110ss100000010010nnnnnddddd" vector::<Signed, Same<CountSignBits>, BHS>;
    "clz (vector)"             "0q101110ss100000010010nnnnnddddd" vector::<Unsigned, Same<CountZeros>, BHS>;
    "cnt"                      "0q001110ss100000010110nnnnnddddd" vector::<Unsigned, Same<CountOnes>, B>;
    "not"                      "0q10111000100000010110nnnnnddddd" fixed::<Unsigned, Same<Complement>, 3>;
    "rbit (vector)"            "0q10111001100000010110nnnnnddddd" fixed::<Unsigned, Same<ReverseBits>, 0>;
    "sqabs (vector)"           "0q001110ss100000011110nnnnnddddd" vector::<Signed, Same<SaturatingAbs>, ALL>;
    "sqneg (vector)"           "0q101110ss100000011110nnnnnddddd" vector::<Signed, Same<FromZero<SaturatingSub>>, ALL>;
    "cmgt (zero, vector)"      "0q001110ss100000100010nnnnnddddd" vector::<Signed, Same<WithZero<Greater>>, ALL>;
    "cmge (zero, vector)"      "0q101110ss100000100010nnnnnddddd" vector::<Signed, Same<WithZero<GreaterEqual>>, ALL>;
    "cmeq (zero, vector)"      "0q001110ss100000100110nnnnnddddd" vector::<Signed, Same<WithZero<Equal>>, ALL>;
    "cmle (zero, vector)"      "0q101110ss100000100110nnnnnddddd" vector::<Signed, Same<FromZero<GreaterEqual>>, ALL>;
    "cmlt (zero, vector)"      "0q001110ss100000101010nnnnnddddd" vector::<Signed, Same<FromZero<Greater>>, ALL>;
    "abs (vector)"             "0q001110ss100000101110nnnnnddddd" vector::<Signed, Same<WithZero<AbsDiff>>, ALL>;
    "neg (vector)"             "0q101110ss100000101110nnnnnddddd" vector::<Signed, Same<FromZero<Sub>>, ALL>;
    "xtn"                      "0q001110ss100001001010nnnnnddddd" half::<Unsigned, Narrow<Extract<TRUNCATE>>, BHS>;
    "sqxtn (vector)"           "0q001110ss100001010010nnnnnddddd" half::<Signed, Narrow<Extract<SATURATE>>, BHS>;
    "uqxtn (vector)"           "0q101110ss100001010010nnnnnddddd" half::<Unsigned, Narrow<Extract<SATURATE>>, BHS>;
    "sqxtun (vector)"          "0q101110ss100001001010nnnnnddddd" half::<Signed, Narrow<Extract<TO_UNSIGNED>>, BHS>;
    "shll"                     "0q101110ss100001001110nnnnnddddd" half_by_size::<Unsigned, LongImmediate<ShiftLeft>>;
    "saddlv"                   "0q001110ss110000001110nnnnnddddd" across::<Signed, AcrossLong<Add>>;
    "smaxv"                    "0q001110ss110000101010nnnnnddddd" across::<Signed, Across<Max>>;
    "sminv"                    "0q001110ss110001101010nnnnnddddd" across::<Signed, Across<Min>>;
    "uaddlv"                   "0q101110ss110000001110nnnnnddddd" across::<Unsigned, AcrossLong<Add>>;
    "umaxv"                    "0q101110ss110000101010nnnnnddddd" across::<Unsigned, Across<Max>>;
    "uminv"                    "0q101110ss110001101010nnnnnddddd" across::<Unsigned, Across<Min>>;
    "addv"                     "0q001110ss110001101110nnnnnddddd" across::<Unsigned, Across<Add>>;
};
