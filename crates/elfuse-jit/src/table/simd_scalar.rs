//! Integer `AdvSIMD` instructions on scalars, and cryptographic ones.
#![forbid(unsafe_code)]

use super::Row;
use super::simd_decode::{
    ALL, BHS, D, HS, both_lanes, duplicate_scalar, plain, rows, scalar, scalar_half,
};
use crate::simd::arithmetic::{
    AbsDiff, Add, AddSigned, AddUnsigned, DoubleMul, DoubleMulAdd, DoubleMulHigh, DoubleMulSub,
    Equal, FromZero, Greater, GreaterEqual, RoundingDoubleMulHigh, RoundingDoubleMulHighAdd,
    RoundingDoubleMulHighSub, SaturatingAbs, SaturatingAdd, SaturatingSub, Sub, Test, WithZero,
};
use crate::simd::crypto_host;
use crate::simd::lanes::{Signed, Unsigned};
use crate::simd::shape::{Across, Long, Narrow, Same};
use crate::simd::shift::{Extract, SATURATE, ShiftBy, TO_UNSIGNED};

/// Rows of this group.
pub const ROWS: &[Row] = rows! {
    "sqadd (scalar)"           "01011110ss1mmmmm000011nnnnnddddd" scalar::<Signed, Same<SaturatingAdd>, ALL>;
    "sqsub (scalar)"           "01011110ss1mmmmm001011nnnnnddddd" scalar::<Signed, Same<SaturatingSub>, ALL>;
    "cmgt (register, scalar)"  "01011110ss1mmmmm001101nnnnnddddd" scalar::<Signed, Same<Greater>, D>;
    "cmge (register, scalar)"  "01011110ss1mmmmm001111nnnnnddddd" scalar::<Signed, Same<GreaterEqual>, D>;
    "sshl (scalar)"            "01011110ss1mmmmm010001nnnnnddddd" scalar::<Signed, Same<ShiftBy<false, false>>, D>;
    "sqshl (register, scalar)" "01011110ss1mmmmm010011nnnnnddddd" scalar::<Signed, Same<ShiftBy<false, true>>, ALL>;
    "srshl (scalar)"           "01011110ss1mmmmm010101nnnnnddddd" scalar::<Signed, Same<ShiftBy<true, false>>, D>;
    "sqrshl (scalar)"          "01011110ss1mmmmm010111nnnnnddddd" scalar::<Signed, Same<ShiftBy<true, true>>, ALL>;
    "uqadd (scalar)"           "01111110ss1mmmmm000011nnnnnddddd" scalar::<Unsigned, Same<SaturatingAdd>, ALL>;
    "uqsub (scalar)"           "01111110ss1mmmmm001011nnnnnddddd" scalar::<Unsigned, Same<SaturatingSub>, ALL>;
    "cmhi (scalar)"            "01111110ss1mmmmm001101nnnnnddddd" scalar::<Unsigned, Same<Greater>, D>;
    "cmhs (scalar)"            "01111110ss1mmmmm001111nnnnnddddd" scalar::<Unsigned, Same<GreaterEqual>, D>;
    "ushl (scalar)"            "01111110ss1mmmmm010001nnnnnddddd" scalar::<Unsigned, Same<ShiftBy<false, false>>, D>;
    "uqshl (register, scalar)" "01111110ss1mmmmm010011nnnnnddddd" scalar::<Unsigned, Same<ShiftBy<false, true>>, ALL>;
    "urshl (scalar)"           "01111110ss1mmmmm010101nnnnnddddd" scalar::<Unsigned, Same<ShiftBy<true, false>>, D>;
    "uqrshl (scalar)"          "01111110ss1mmmmm010111nnnnnddddd" scalar::<Unsigned, Same<ShiftBy<true, true>>, ALL>;
    "add (scalar)"             "01011110ss1mmmmm100001nnnnnddddd" scalar::<Unsigned, Same<Add>, D>;
    "sub (scalar)"             "01111110ss1mmmmm100001nnnnnddddd" scalar::<Unsigned, Same<Sub>, D>;
    "cmtst (scalar)"           "01011110ss1mmmmm100011nnnnnddddd" scalar::<Unsigned, Same<Test>, D>;
    "cmeq (register, scalar)"  "01111110ss1mmmmm100011nnnnnddddd" scalar::<Unsigned, Same<Equal>, D>;
    "sqdmulh (scalar)"         "01011110ss1mmmmm101101nnnnnddddd" scalar::<Signed, Same<DoubleMulHigh>, HS>;
    "sqrdmulh (scalar)"        "01111110ss1mmmmm101101nnnnnddddd" scalar::<Signed, Same<RoundingDoubleMulHigh>, HS>;
    "sqrdmlah (scalar)"        "01111110ss0mmmmm100001nnnnnddddd" scalar::<Signed, Same<RoundingDoubleMulHighAdd>, HS>;
    "sqrdmlsh (scalar)"        "01111110ss0mmmmm100011nnnnnddddd" scalar::<Signed, Same<RoundingDoubleMulHighSub>, HS>;
    "sqdmlal (scalar)"         "01011110ss1mmmmm100100nnnnnddddd" scalar_half::<Signed, Long<DoubleMulAdd>, HS>;
    "sqdmlsl (scalar)"         "01011110ss1mmmmm101100nnnnnddddd" scalar_half::<Signed, Long<DoubleMulSub>, HS>;
    "sqdmull (scalar)"         "01011110ss1mmmmm110100nnnnnddddd" scalar_half::<Signed, Long<DoubleMul>, HS>;
    "suqadd (scalar)"          "01011110ss100000001110nnnnnddddd" scalar::<Signed, Same<AddUnsigned>, ALL>;
    "usqadd (scalar)"          "01111110ss100000001110nnnnnddddd" scalar::<Unsigned, Same<AddSigned>, ALL>;
    "sqabs (scalar)"           "01011110ss100000011110nnnnnddddd" scalar::<Signed, Same<SaturatingAbs>, ALL>;
    "sqneg (scalar)"           "01111110ss100000011110nnnnnddddd" scalar::<Signed, Same<FromZero<SaturatingSub>>, ALL>;
    "cmgt (zero, scalar)"      "01011110ss100000100010nnnnnddddd" scalar::<Signed, Same<WithZero<Greater>>, D>;
    "cmge (zero, scalar)"      "01111110ss100000100010nnnnnddddd" scalar::<Signed, Same<WithZero<GreaterEqual>>, D>;
    "cmeq (zero, scalar)"      "01011110ss100000100110nnnnnddddd" scalar::<Signed, Same<WithZero<Equal>>, D>;
    "cmle (zero, scalar)"      "01111110ss100000100110nnnnnddddd" scalar::<Signed, Same<FromZero<GreaterEqual>>, D>;
    "cmlt (zero, scalar)"      "01011110ss100000101010nnnnnddddd" scalar::<Signed, Same<FromZero<Greater>>, D>;
    "abs (scalar)"             "01011110ss100000101110nnnnnddddd" scalar::<Signed, Same<WithZero<AbsDiff>>, D>;
    "neg (scalar)"             "01111110ss100000101110nnnnnddddd" scalar::<Signed, Same<FromZero<Sub>>, D>;
    "sqxtn (scalar)"           "01011110ss100001010010nnnnnddddd" scalar_half::<Signed, Narrow<Extract<SATURATE>>, BHS>;
    "uqxtn (scalar)"           "01111110ss100001010010nnnnnddddd" scalar_half::<Unsigned, Narrow<Extract<SATURATE>>, BHS>;
    "sqxtun (scalar)"          "01111110ss100001001010nnnnnddddd" scalar_half::<Signed, Narrow<Extract<TO_UNSIGNED>>, BHS>;
    "addp (scalar)"            "01011110ss110001101110nnnnnddddd" both_lanes::<Unsigned, Across<Add>>;
    "dup (element, scalar)"    "01011110000iiiii000001nnnnnddddd" duplicate_scalar;
    "aese"                     "0100111000101000010010nnnnnddddd" |word| plain(word, crypto_host::aese().helper);
    "aesd"                     "0100111000101000010110nnnnnddddd" |word| plain(word, crypto_host::aesd().helper);
    "aesmc"                    "0100111000101000011010nnnnnddddd" |word| plain(word, crypto_host::aesmc().helper);
    "aesimc"                   "0100111000101000011110nnnnnddddd" |word| plain(word, crypto_host::aesimc().helper);
    "sha1c"                    "01011110000mmmmm000000nnnnnddddd" |word| plain(word, crypto_host::sha1c().helper);
    "sha1p"                    "01011110000mmmmm000100nnnnnddddd" |word| plain(word, crypto_host::sha1p().helper);
    "sha1m"                    "01011110000mmmmm001000nnnnnddddd" |word| plain(word, crypto_host::sha1m().helper);
    "sha1su0"                  "01011110000mmmmm001100nnnnnddddd" |word| plain(word, crypto_host::sha1su0().helper);
    "sha256h"                  "01011110000mmmmm010000nnnnnddddd" |word| plain(word, crypto_host::sha256h().helper);
    "sha256h2"                 "01011110000mmmmm010100nnnnnddddd" |word| plain(word, crypto_host::sha256h2().helper);
    "sha256su1"                "01011110000mmmmm011000nnnnnddddd" |word| plain(word, crypto_host::sha256su1().helper);
    "sha1h"                    "0101111000101000000010nnnnnddddd" |word| plain(word, crypto_host::sha1h().helper);
    "sha1su1"                  "0101111000101000000110nnnnnddddd" |word| plain(word, crypto_host::sha1su1().helper);
    "sha256su0"                "0101111000101000001010nnnnnddddd" |word| plain(word, crypto_host::sha256su0().helper);
};
