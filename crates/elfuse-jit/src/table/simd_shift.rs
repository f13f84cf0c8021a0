//! Integer `AdvSIMD` shifts by immediates and multiplications by elements, on vectors and scalars.
//!
//! Patterns of shifts also fit immediates, which therefore must come before.
#![forbid(unsafe_code)]

use super::Row;
use super::simd_decode::{
    ALL, D, dot_element, element, half_element, half_left, half_right, left, right, rows,
    scalar_element, scalar_half_element, scalar_half_right, scalar_left, scalar_right,
};
use crate::simd::arithmetic::{
    Accumulate, DoubleMul, DoubleMulAdd, DoubleMulHigh, DoubleMulSub, Mul, MulAdd, MulSub,
    RoundingDoubleMulHigh, RoundingDoubleMulHighAdd, RoundingDoubleMulHighSub,
};
use crate::simd::lanes::{Signed, Unsigned};
use crate::simd::shape::{
    DotElement, Element, Immediate, LongElement, LongImmediate, NarrowImmediate,
};
use crate::simd::shift::{
    SATURATE, ShiftLeft, ShiftLeftInsert, ShiftLeftSaturating, ShiftLeftUnsigned, ShiftRight,
    ShiftRightInsert, ShiftRightNarrow, ShiftRightRounding, TO_UNSIGNED, TRUNCATE,
};

/// Rows of this group.
pub const ROWS: &[Row] = rows! {
    "sshr (vector)"                 "0q0011110hhhhiii000001nnnnnddddd" right::<Signed, Immediate<ShiftRight>>;
    "ssra (vector)"                 "0q0011110hhhhiii000101nnnnnddddd" right::<Signed, Immediate<Accumulate<ShiftRight>>>;
    "srshr (vector)"                "0q0011110hhhhiii001001nnnnnddddd" right::<Signed, Immediate<ShiftRightRounding>>;
    "srsra (vector)"                "0q0011110hhhhiii001101nnnnnddddd" right::<Signed, Immediate<Accumulate<ShiftRightRounding>>>;
    "ushr (vector)"                 "0q1011110hhhhiii000001nnnnnddddd" right::<Unsigned, Immediate<ShiftRight>>;
    "usra (vector)"                 "0q1011110hhhhiii000101nnnnnddddd" right::<Unsigned, Immediate<Accumulate<ShiftRight>>>;
    "urshr (vector)"                "0q1011110hhhhiii001001nnnnnddddd" right::<Unsigned, Immediate<ShiftRightRounding>>;
    "ursra (vector)"                "0q1011110hhhhiii001101nnnnnddddd" right::<Unsigned, Immediate<Accumulate<ShiftRightRounding>>>;
    "shl (vector)"                  "0q0011110hhhhiii010101nnnnnddddd" left::<Unsigned, Immediate<ShiftLeft>>;
    "sri (vector)"                  "0q1011110hhhhiii010001nnnnnddddd" right::<Unsigned, Immediate<ShiftRightInsert>>;
    "sli (vector)"                  "0q1011110hhhhiii010101nnnnnddddd" left::<Unsigned, Immediate<ShiftLeftInsert>>;
    "sqshl (immediate, vector)"     "0q0011110hhhhiii011101nnnnnddddd" left::<Signed, Immediate<ShiftLeftSaturating>>;
    "uqshl (immediate, vector)"     "0q1011110hhhhiii011101nnnnnddddd" left::<Unsigned, Immediate<ShiftLeftSaturating>>;
    "sqshlu (vector)"               "0q1011110hhhhiii011001nnnnnddddd" left::<Signed, Immediate<ShiftLeftUnsigned>>;
    "shrn"                          "0q0011110hhhhiii100001nnnnnddddd" half_right::<Unsigned, NarrowImmediate<ShiftRightNarrow<TRUNCATE, false>>>;
    "rshrn"                         "0q0011110hhhhiii100011nnnnnddddd" half_right::<Unsigned, NarrowImmediate<ShiftRightNarrow<TRUNCATE, true>>>;
    "sqshrn (vector)"               "0q0011110hhhhiii100101nnnnnddddd" half_right::<Signed, NarrowImmediate<ShiftRightNarrow<SATURATE, false>>>;
    "uqshrn (vector)"               "0q1011110hhhhiii100101nnnnnddddd" half_right::<Unsigned, NarrowImmediate<ShiftRightNarrow<SATURATE, false>>>;
    "sqshrun (vector)"              "0q1011110hhhhiii100001nnnnnddddd" half_right::<Signed, NarrowImmediate<ShiftRightNarrow<TO_UNSIGNED, false>>>;
    "sqrshrn (vector)"              "0q0011110hhhhiii100111nnnnnddddd" half_right::<Signed, NarrowImmediate<ShiftRightNarrow<SATURATE, true>>>;
    "uqrshrn (vector)"              "0q1011110hhhhiii100111nnnnnddddd" half_right::<Unsigned, NarrowImmediate<ShiftRightNarrow<SATURATE, true>>>;
    "sqrshrun (vector)"             "0q1011110hhhhiii100011nnnnnddddd" half_right::<Signed, NarrowImmediate<ShiftRightNarrow<TO_UNSIGNED, true>>>;
    "sshll"                         "0q0011110hhhhiii101001nnnnnddddd" half_left::<Signed, LongImmediate<ShiftLeft>>;
    "ushll"                         "0q1011110hhhhiii101001nnnnnddddd" half_left::<Unsigned, LongImmediate<ShiftLeft>>;
    "sshr (scalar)"                 "010111110hhhhiii000001nnnnnddddd" scalar_right::<Signed, Immediate<ShiftRight>>;
    "ssra (scalar)"                 "010111110hhhhiii000101nnnnnddddd" scalar_right::<Signed, Immediate<Accumulate<ShiftRight>>>;
    "srshr (scalar)"                "010111110hhhhiii001001nnnnnddddd" scalar_right::<Signed, Immediate<ShiftRightRounding>>;
    "srsra (scalar)"                "010111110hhhhiii001101nnnnnddddd" scalar_right::<Signed, Immediate<Accumulate<ShiftRightRounding>>>;
    "ushr (scalar)"                 "011111110hhhhiii000001nnnnnddddd" scalar_right::<Unsigned, Immediate<ShiftRight>>;
    "usra (scalar)"                 "011111110hhhhiii000101nnnnnddddd" scalar_right::<Unsigned, Immediate<Accumulate<ShiftRight>>>;
    "urshr (scalar)"                "011111110hhhhiii001001nnnnnddddd" scalar_right::<Unsigned, Immediate<ShiftRightRounding>>;
    "ursra (scalar)"                "011111110hhhhiii001101nnnnnddddd" scalar_right::<Unsigned, Immediate<Accumulate<ShiftRightRounding>>>;
    "shl (scalar)"                  "010111110hhhhiii010101nnnnnddddd" scalar_left::<Unsigned, Immediate<ShiftLeft>, D>;
    "sri (scalar)"                  "011111110hhhhiii010001nnnnnddddd" scalar_right::<Unsigned, Immediate<ShiftRightInsert>>;
    "sli (scalar)"                  "011111110hhhhiii010101nnnnnddddd" scalar_left::<Unsigned, Immediate<ShiftLeftInsert>, D>;
    "sqshl (immediate, scalar)"     "010111110hhhhiii011101nnnnnddddd" scalar_left::<Signed, Immediate<ShiftLeftSaturating>, ALL>;
    "uqshl (immediate, scalar)"     "011111110hhhhiii011101nnnnnddddd" scalar_left::<Unsigned, Immediate<ShiftLeftSaturating>, ALL>;
    "sqshlu (scalar)"               "011111110hhhhiii011001nnnnnddddd" scalar_left::<Signed, Immediate<ShiftLeftUnsigned>, ALL>;
    "sqshrn (scalar)"               "010111110hhhhiii100101nnnnnddddd" scalar_half_right::<Signed, NarrowImmediate<ShiftRightNarrow<SATURATE, false>>>;
    "uqshrn (scalar)"               "011111110hhhhiii100101nnnnnddddd" scalar_half_right::<Unsigned, NarrowImmediate<ShiftRightNarrow<SATURATE, false>>>;
    "sqshrun (scalar)"              "011111110hhhhiii100001nnnnnddddd" scalar_half_right::<Signed, NarrowImmediate<ShiftRightNarrow<TO_UNSIGNED, false>>>;
    "sqrshrn (scalar)"              "010111110hhhhiii100111nnnnnddddd" scalar_half_right::<Signed, NarrowImmediate<ShiftRightNarrow<SATURATE, true>>>;
    "uqrshrn (scalar)"              "011111110hhhhiii100111nnnnnddddd" scalar_half_right::<Unsigned, NarrowImmediate<ShiftRightNarrow<SATURATE, true>>>;
    "sqrshrun (scalar)"             "011111110hhhhiii100011nnnnnddddd" scalar_half_right::<Signed, NarrowImmediate<ShiftRightNarrow<TO_UNSIGNED, true>>>;
    "mul (vector, by element)"      "0q001111ssijmmmm1000h0nnnnnddddd" element::<Unsigned, Element<Mul>>;
    "mla (vector, by element)"      "0q101111ssijmmmm0000h0nnnnnddddd" element::<Unsigned, Element<MulAdd>>;
    "mls (vector, by element)"      "0q101111ssijmmmm0100h0nnnnnddddd" element::<Unsigned, Element<MulSub>>;
    "smlal (vector, by element)"    "0q001111ssijmmmm0010h0nnnnnddddd" half_element::<Signed, LongElement<MulAdd>>;
    "smlsl (vector, by element)"    "0q001111ssijmmmm0110h0nnnnnddddd" half_element::<Signed, LongElement<MulSub>>;
    "smull (vector, by element)"    "0q001111ssijmmmm1010h0nnnnnddddd" half_element::<Signed, LongElement<Mul>>;
    "sdot (vector, by element)"     "0q001111ssijmmmm1110h0nnnnnddddd" dot_element::<Signed, DotElement>;
    "umlal (vector, by element)"    "0q101111ssijmmmm0010h0nnnnnddddd" half_element::<Unsigned, LongElement<MulAdd>>;
    "umlsl (vector, by element)"    "0q101111ssijmmmm0110h0nnnnnddddd" half_element::<Unsigned, LongElement<MulSub>>;
    "umull (vector, by element)"    "0q101111ssijmmmm1010h0nnnnnddddd" half_element::<Unsigned, LongElement<Mul>>;
    "udot (vector, by element)"     "0q101111ssijmmmm1110h0nnnnnddddd" dot_element::<Unsigned, DotElement>;
    "sqdmlal (vector, by element)"  "0q001111ssijmmmm0011h0nnnnnddddd" half_element::<Signed, LongElement<DoubleMulAdd>>;
    "sqdmlsl (vector, by element)"  "0q001111ssijmmmm0111h0nnnnnddddd" half_element::<Signed, LongElement<DoubleMulSub>>;
    "sqdmull (vector, by element)"  "0q001111ssijmmmm1011h0nnnnnddddd" half_element::<Signed, LongElement<DoubleMul>>;
    "sqdmulh (vector, by element)"  "0q001111ssijmmmm1100h0nnnnnddddd" element::<Signed, Element<DoubleMulHigh>>;
    "sqrdmulh (vector, by element)" "0q001111ssijmmmm1101h0nnnnnddddd" element::<Signed, Element<RoundingDoubleMulHigh>>;
    "sqrdmlah (vector, by element)" "0q101111ssijmmmm1101h0nnnnnddddd" element::<Signed, Element<RoundingDoubleMulHighAdd>>;
    "sqrdmlsh (vector, by element)" "0q101111ssijmmmm1111h0nnnnnddddd" element::<Signed, Element<RoundingDoubleMulHighSub>>;
    "sqdmlal (scalar, by element)"  "01011111ssijmmmm0011h0nnnnnddddd" scalar_half_element::<Signed, LongElement<DoubleMulAdd>>;
    "sqdmlsl (scalar, by element)"  "01011111ssijmmmm0111h0nnnnnddddd" scalar_half_element::<Signed, LongElement<DoubleMulSub>>;
    "sqdmull (scalar, by element)"  "01011111ssijmmmm1011h0nnnnnddddd" scalar_half_element::<Signed, LongElement<DoubleMul>>;
    "sqdmulh (scalar, by element)"  "01011111ssijmmmm1100h0nnnnnddddd" scalar_element::<Signed, Element<DoubleMulHigh>>;
    "sqrdmulh (scalar, by element)" "01011111ssijmmmm1101h0nnnnnddddd" scalar_element::<Signed, Element<RoundingDoubleMulHigh>>;
    "sqrdmlah (scalar, by element)" "01111111ssijmmmm1101h0nnnnnddddd" scalar_element::<Signed, Element<RoundingDoubleMulHighAdd>>;
    "sqrdmlsh (scalar, by element)" "01111111ssijmmmm1111h0nnnnnddddd" scalar_element::<Signed, Element<RoundingDoubleMulHighSub>>;
};
