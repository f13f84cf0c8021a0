//! `AdvSIMD` copies, permutations and immediates.
#![forbid(unsafe_code)]

use super::Row;
use super::simd_decode::{
    ALL, bic_half, bic_word, duplicate, duplicate_general, ext, fmov_double, fmov_half,
    fmov_single, insert, insert_general, move_signed, move_unsigned, movi_byte, movi_double,
    movi_half, movi_ones, movi_word, mvni_half, mvni_ones, mvni_word, orr_half, orr_word, rows,
    table, vector,
};
use crate::simd::lanes::Unsigned;
use crate::simd::permute::{Transpose, Unzip, Zip};

/// Rows of this group.
pub const ROWS: &[Row] = rows! {
    "dup (element)"                    "0q001110000iiiii000001nnnnnddddd" duplicate;
    "dup (general)"                    "0q001110000iiiii000011nnnnnddddd" duplicate_general;
    "smov"                             "0q001110000iiiii001011nnnnnddddd" move_signed;
    "umov"                             "0q001110000iiiii001111nnnnnddddd" move_unsigned;
    "ins (general)"                    "01001110000iiiii000111nnnnnddddd" insert_general;
    "ins (element)"                    "01101110000iiiii0jjjj1nnnnnddddd" insert;
    "ext"                              "0q101110000mmmmm0iiii0nnnnnddddd" ext;
    "tbl (one register)"               "0q001110000mmmmm000000nnnnnddddd" table::<1, false>;
    "tbx (one register)"               "0q001110000mmmmm000100nnnnnddddd" table::<1, true>;
    "tbl (two registers)"              "0q001110000mmmmm001000nnnnnddddd" table::<2, false>;
    "tbx (two registers)"              "0q001110000mmmmm001100nnnnnddddd" table::<2, true>;
    "tbl (three registers)"            "0q001110000mmmmm010000nnnnnddddd" table::<3, false>;
    "tbx (three registers)"            "0q001110000mmmmm010100nnnnnddddd" table::<3, true>;
    "tbl (four registers)"             "0q001110000mmmmm011000nnnnnddddd" table::<4, false>;
    "tbx (four registers)"             "0q001110000mmmmm011100nnnnnddddd" table::<4, true>;
    "uzp1"                             "0q001110ss0mmmmm000110nnnnnddddd" vector::<Unsigned, Unzip<false>, ALL>;
    "trn1"                             "0q001110ss0mmmmm001010nnnnnddddd" vector::<Unsigned, Transpose<false>, ALL>;
    "zip1"                             "0q001110ss0mmmmm001110nnnnnddddd" vector::<Unsigned, Zip<false>, ALL>;
    "uzp2"                             "0q001110ss0mmmmm010110nnnnnddddd" vector::<Unsigned, Unzip<true>, ALL>;
    "trn2"                             "0q001110ss0mmmmm011010nnnnnddddd" vector::<Unsigned, Transpose<true>, ALL>;
    "zip2"                             "0q001110ss0mmmmm011110nnnnnddddd" vector::<Unsigned, Zip<true>, ALL>;
    "movi (32 bits)"                   "0q00111100000iii0ss001iiiiiddddd" movi_word;
    "orr (vector, immediate, 32 bits)" "0q00111100000iii0ss101iiiiiddddd" orr_word;
    "movi (16 bits)"                   "0q00111100000iii10s001iiiiiddddd" movi_half;
    "orr (vector, immediate, 16 bits)" "0q00111100000iii10s101iiiiiddddd" orr_half;
    "movi (32 bits, ones)"             "0q00111100000iii110s01iiiiiddddd" movi_ones;
    "movi (8 bits)"                    "0q00111100000iii111001iiiiiddddd" movi_byte;
    "fmov (vector, immediate, single)" "0q00111100000iii111101iiiiiddddd" fmov_single;
    "fmov (vector, immediate, half)"   "0q00111100000iii111111iiiiiddddd" fmov_half;
    "mvni (32 bits)"                   "0q10111100000iii0ss001iiiiiddddd" mvni_word;
    "bic (vector, immediate, 32 bits)" "0q10111100000iii0ss101iiiiiddddd" bic_word;
    "mvni (16 bits)"                   "0q10111100000iii10s001iiiiiddddd" mvni_half;
    "bic (vector, immediate, 16 bits)" "0q10111100000iii10s101iiiiiddddd" bic_half;
    "mvni (32 bits, ones)"             "0q10111100000iii110s01iiiiiddddd" mvni_ones;
    "movi (64 bits)"                   "0q10111100000iii111001iiiiiddddd" movi_double;
    "fmov (vector, immediate, double)" "0110111100000iii111101iiiiiddddd" fmov_double;
};
