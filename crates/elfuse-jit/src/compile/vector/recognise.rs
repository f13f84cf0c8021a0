//! Which operation an encoding is.
#![forbid(unsafe_code)]

use crate::ir::{
    Args, Calculation, Choice, Extent, FloatLanes, FloatVector, Helper, Insn, Lane, Narrowing, Op,
    Operation, Order, Source, Target, Vector,
};
use crate::state::State;
use crate::table::Row;
use crate::table::fields::{bit, bits};

/// Where an encoding says the size of lanes.
#[derive(Clone, Copy)]
enum Size {
    /// In bits 23:22.
    Field,
    /// Twice what bits 23:22 say.
    Doubled,
    /// Bytes.
    Bytes,
    /// The highest bit of 22:19.
    Shift,
    /// The lowest bit of 20:16.
    Copy,
}

impl Size {
    fn lane(self, word: u32) -> Option<Lane> {
        Lane::from_log2(match self {
            Self::Field => bits(word, 23, 22),
            Self::Doubled => bits(word, 23, 22) + 1,
            Self::Bytes => 0,
            Self::Shift => bits(word, 22, 19).checked_ilog2()?,
            Self::Copy => bits(word, 20, 16).trailing_zeros(),
        })
    }
}

/// The size of floating-point lanes that bit 22 says.
pub(super) const fn float_lane(word: u32) -> Lane {
    if bit(word, 22) { Lane::D } else { Lane::S }
}

/// Whether only the first lane counts.
pub(super) const fn is_scalar(word: u32) -> bool {
    bit(word, 28)
}

/// How much of the registers counts.
pub(super) const fn extent(word: u32) -> Extent {
    match (is_scalar(word), bit(word, 30)) {
        (true, _) => Extent::First,
        (false, false) => Extent::Half,
        (false, true) => Extent::Full,
    }
}

/// The operation of a row that is a helper of the interpreter.
pub(super) fn vector(row: &Row, word: u32, helper: Helper, args: Args) -> Option<Insn> {
    const ADVANCED_SIMD: u32 = 7 << 25;
    let mnemonic = row.name.split(" (").next().unwrap_or(row.name);
    if word & ADVANCED_SIMD != ADVANCED_SIMD {
        return None;
    }
    if row.pattern.ends_with("1iiiiiddddd") {
        return Some(immediate(mnemonic, word, helper, args));
    }
    if row.name.contains("half") {
        return None;
    }
    if word & 0x5f00_0000 == 0x1e00_0000 {
        return scalar_float(row, word, helper, args);
    }
    if let Some(float) = float(mnemonic, row.name) {
        let m = if row.pattern.contains("mmmm") {
            args.m
        } else {
            args.n
        };
        let op = Op::FloatVector(float, float_lane(word), extent(word), helper);
        return Some(Insn::new(op, Args { m, ..args }, 0));
    }
    let (vector, size) = move_lanes(mnemonic, word, row.name)
        .or_else(|| shift(mnemonic))
        .or_else(|| between_sizes(mnemonic, row.name))
        .or_else(|| lanes(mnemonic, row.name))?;
    let op = Op::Vector(vector, size.lane(word)?, extent(word));
    Some(Insn::new(op, args, 0))
}

/// MOVI, MVNI, FMOV, ORR and BIC of an immediate, which the helper expands.
fn immediate(mnemonic: &str, word: u32, helper: Helper, args: Args) -> Insn {
    let (vector, before) = match mnemonic {
        "orr" => (Vector::SetBits, 0),
        "bic" => (Vector::KeepBits, u128::MAX),
        _ => (Vector::Set, 0),
    };
    let d = bits(word, 4, 0) as u8;
    let mut state = State::new();
    state.set_v(d, before);
    helper(&mut state, args);
    let args = Args {
        d,
        ..Args::default()
    };
    let op = Op::Vector(vector, Lane::D, extent(word));
    Insn::new(op, args, state.v(d) as u64)
}

const fn calculation(operation: Operation, signed: bool) -> Calculation {
    Calculation {
        operation,
        signed,
        source: Source::Registers,
        target: Target::Replace,
    }
}

const fn on(source: Source, operation: Operation, signed: bool) -> Calculation {
    Calculation {
        source,
        ..calculation(operation, signed)
    }
}

const fn to(target: Target, operation: Operation, signed: bool) -> Calculation {
    Calculation {
        target,
        ..calculation(operation, signed)
    }
}

/// Lane by lane and across lanes.
fn lanes(mnemonic: &str, name: &str) -> Option<(Vector, Size)> {
    let zero = name.contains("(zero");
    let source = if name.contains("by element") {
        Source::Element
    } else if zero {
        Source::WithZero
    } else {
        Source::Registers
    };
    let same = |operation, signed| Vector::Same(on(source, operation, signed));
    let bitwise = |operation| Some((Vector::Same(calculation(operation, false)), Size::Bytes));
    let added = |target, operation, signed| {
        Vector::Same(Calculation {
            source,
            ..to(target, operation, signed)
        })
    };
    let pairwise = |operation, signed| Vector::Pairwise(calculation(operation, signed));
    let across = |operation, signed| Vector::Across(calculation(operation, signed));
    let vector = match mnemonic {
        "and" => return bitwise(Operation::And),
        "bic" => return bitwise(Operation::AndNot),
        "orr" => return bitwise(Operation::Or),
        "orn" => return bitwise(Operation::OrNot),
        "eor" => return bitwise(Operation::Xor),
        "bsl" => return Some((Vector::Choose(Choice::ByDestination), Size::Bytes)),
        "bit" => return Some((Vector::Choose(Choice::IfTrue), Size::Bytes)),
        "bif" => return Some((Vector::Choose(Choice::IfFalse), Size::Bytes)),
        "not" => return Some((Vector::Not, Size::Bytes)),
        "cnt" => return Some((Vector::CountOnes, Size::Bytes)),
        "rbit" => return Some((Vector::ReverseBits, Size::Bytes)),
        "add" => same(Operation::Add, false),
        "sub" => same(Operation::Sub, false),
        "mul" => same(Operation::Mul, false),
        "mla" => added(Target::Add, Operation::Mul, false),
        "mls" => added(Target::Sub, Operation::Mul, false),
        "smax" => same(Operation::Max, true),
        "umax" => same(Operation::Max, false),
        "smin" => same(Operation::Min, true),
        "umin" => same(Operation::Min, false),
        "sabd" => same(Operation::AbsDiff, true),
        "uabd" => same(Operation::AbsDiff, false),
        "saba" => added(Target::Add, Operation::AbsDiff, true),
        "uaba" => added(Target::Add, Operation::AbsDiff, false),
        "shadd" => same(Operation::HalvingAdd, true),
        "uhadd" => same(Operation::HalvingAdd, false),
        "srhadd" => same(Operation::RoundingHalvingAdd, true),
        "urhadd" => same(Operation::RoundingHalvingAdd, false),
        "shsub" => same(Operation::HalvingSub, true),
        "uhsub" => same(Operation::HalvingSub, false),
        "cmeq" => same(Operation::Equal, false),
        "cmgt" => same(Operation::Greater, true),
        "cmge" => same(Operation::GreaterEqual, true),
        "cmhi" => same(Operation::Greater, false),
        "cmhs" => same(Operation::GreaterEqual, false),
        "cmtst" => same(Operation::Test, false),
        "cmle" => Vector::Same(on(Source::FromZero, Operation::GreaterEqual, true)),
        "cmlt" => Vector::Same(on(Source::FromZero, Operation::Greater, true)),
        "abs" => Vector::Same(on(Source::WithZero, Operation::AbsDiff, true)),
        "neg" => Vector::Same(on(Source::FromZero, Operation::Sub, true)),
        // The scalar form has one operand.
        "addp" if name.ends_with("(scalar)") => across(Operation::Add, false),
        "addp" => pairwise(Operation::Add, false),
        "smaxp" => pairwise(Operation::Max, true),
        "umaxp" => pairwise(Operation::Max, false),
        "sminp" => pairwise(Operation::Min, true),
        "uminp" => pairwise(Operation::Min, false),
        "addv" => across(Operation::Add, false),
        "smaxv" => across(Operation::Max, true),
        "umaxv" => across(Operation::Max, false),
        "sminv" => across(Operation::Min, true),
        "uminv" => across(Operation::Min, false),
        "sqadd" => saturating(false, true),
        "uqadd" => saturating(false, false),
        "sqsub" => saturating(true, true),
        "uqsub" => saturating(true, false),
        "sdot" => dot(true, source),
        "udot" => dot(false, source),
        _ => return None,
    };
    Some((vector, Size::Field))
}

const fn saturating(sub: bool, signed: bool) -> Vector {
    Vector::Saturating { sub, signed }
}

const fn dot(signed: bool, source: Source) -> Vector {
    Vector::Dot {
        signed,
        element: matches!(source, Source::Element),
    }
}

/// From lanes of one size to another.
fn between_sizes(mnemonic: &str, name: &str) -> Option<(Vector, Size)> {
    let source = if name.contains("by element") {
        Source::Element
    } else {
        Source::Registers
    };
    let long = |target, operation, signed| {
        Vector::Long(Calculation {
            source,
            ..to(target, operation, signed)
        })
    };
    let plain = |operation, signed| long(Target::Replace, operation, signed);
    let wide = |operation, signed| Vector::Wide(calculation(operation, signed));
    let pair_long = |signed, accumulate| {
        let vector = Vector::PairLong { signed, accumulate };
        Some((vector, Size::Doubled))
    };
    let narrow = |narrowing, signed| Vector::Narrow {
        narrowing,
        signed,
        round: false,
    };
    let vector = match mnemonic {
        "saddl" => plain(Operation::Add, true),
        "uaddl" => plain(Operation::Add, false),
        "ssubl" => plain(Operation::Sub, true),
        "usubl" => plain(Operation::Sub, false),
        "sabdl" => plain(Operation::AbsDiff, true),
        "uabdl" => plain(Operation::AbsDiff, false),
        "smull" => plain(Operation::Mul, true),
        "umull" => plain(Operation::Mul, false),
        "sabal" => long(Target::Add, Operation::AbsDiff, true),
        "uabal" => long(Target::Add, Operation::AbsDiff, false),
        "smlal" => long(Target::Add, Operation::Mul, true),
        "umlal" => long(Target::Add, Operation::Mul, false),
        "smlsl" => long(Target::Sub, Operation::Mul, true),
        "umlsl" => long(Target::Sub, Operation::Mul, false),
        "saddw" => wide(Operation::Add, true),
        "uaddw" => wide(Operation::Add, false),
        "ssubw" => wide(Operation::Sub, true),
        "usubw" => wide(Operation::Sub, false),
        "shll" => Vector::Long(on(Source::Immediate, Operation::ShiftLeft, false)),
        "addhn" => high_half(false, false),
        "subhn" => high_half(true, false),
        "raddhn" => high_half(false, true),
        "rsubhn" => high_half(true, true),
        "xtn" => narrow(Narrowing::Truncate, false),
        "sqxtn" => narrow(Narrowing::Saturate, true),
        "uqxtn" => narrow(Narrowing::Saturate, false),
        "sqxtun" => narrow(Narrowing::ToUnsigned, true),
        "saddlp" => return pair_long(true, false),
        "uaddlp" => return pair_long(false, false),
        "sadalp" => return pair_long(true, true),
        "uadalp" => return pair_long(false, true),
        "saddlv" => Vector::AcrossLong { signed: true },
        "uaddlv" => Vector::AcrossLong { signed: false },
        _ => return None,
    };
    Some((vector, Size::Field))
}

const fn high_half(sub: bool, round: bool) -> Vector {
    Vector::HighHalf { sub, round }
}

/// Shifts by immediates.
fn shift(mnemonic: &str) -> Option<(Vector, Size)> {
    let same = |target, operation, signed| {
        Vector::Same(Calculation {
            source: Source::Immediate,
            ..to(target, operation, signed)
        })
    };
    let narrow = |narrowing, signed, round| Vector::Narrow {
        narrowing,
        signed,
        round,
    };
    let (shift, round) = (Operation::ShiftRight, Operation::RoundingShiftRight);
    let vector = match mnemonic {
        "shl" => same(Target::Replace, Operation::ShiftLeft, false),
        "sshr" => same(Target::Replace, shift, true),
        "ushr" => same(Target::Replace, shift, false),
        "ssra" => same(Target::Add, shift, true),
        "usra" => same(Target::Add, shift, false),
        "srshr" => same(Target::Replace, round, true),
        "urshr" => same(Target::Replace, round, false),
        "srsra" => same(Target::Add, round, true),
        "ursra" => same(Target::Add, round, false),
        "sli" => Vector::ShiftLeftInsert,
        "sri" => Vector::ShiftRightInsert,
        "sshll" => Vector::Long(on(Source::Immediate, Operation::ShiftLeft, true)),
        "ushll" => Vector::Long(on(Source::Immediate, Operation::ShiftLeft, false)),
        "shrn" => narrow(Narrowing::Truncate, false, false),
        "rshrn" => narrow(Narrowing::Truncate, false, true),
        "sqshrn" => narrow(Narrowing::Saturate, true, false),
        "uqshrn" => narrow(Narrowing::Saturate, false, false),
        "sqshrun" => narrow(Narrowing::ToUnsigned, true, false),
        "sqrshrn" => narrow(Narrowing::Saturate, true, true),
        "uqrshrn" => narrow(Narrowing::Saturate, false, true),
        "sqrshrun" => narrow(Narrowing::ToUnsigned, true, true),
        _ => return None,
    };
    Some((vector, Size::Shift))
}

/// Copies and permutations.
fn move_lanes(mnemonic: &str, word: u32, name: &str) -> Option<(Vector, Size)> {
    Some(match mnemonic {
        "dup" if name == "dup (general)" => (Vector::DuplicateGeneral, Size::Copy),
        "dup" => (Vector::Duplicate, Size::Copy),
        "ins" if name == "ins (general)" => (Vector::InsertGeneral, Size::Copy),
        "ins" => (Vector::Insert, Size::Copy),
        "umov" => (to_general(false, false), Size::Copy),
        "smov" => (to_general(true, bit(word, 30)), Size::Copy),
        "rev16" => (Vector::Reverse(2), Size::Field),
        "rev32" => (Vector::Reverse(4), Size::Field),
        "rev64" => (Vector::Reverse(8), Size::Field),
        "ext" => (Vector::Extract, Size::Bytes),
        "zip1" => (Vector::Zip { second: false }, Size::Field),
        "zip2" => (Vector::Zip { second: true }, Size::Field),
        "uzp1" => (Vector::Unzip { second: false }, Size::Field),
        "uzp2" => (Vector::Unzip { second: true }, Size::Field),
        "trn1" => (Vector::Transpose { second: false }, Size::Field),
        "trn2" => (Vector::Transpose { second: true }, Size::Field),
        "tbl" | "tbx" => {
            let table = Vector::Table {
                registers: bits(word, 14, 13) as u8 + 1,
                keep: mnemonic == "tbx",
            };
            (table, Size::Bytes)
        }
        _ => return None,
    })
}

const fn to_general(signed: bool, long: bool) -> Vector {
    Vector::ToGeneral { signed, long }
}

/// Floating point on vectors.
fn float(mnemonic: &str, name: &str) -> Option<FloatVector> {
    let pairs = |operation| {
        if name.ends_with("(scalar)") {
            FloatVector::Pair(operation)
        } else {
            FloatVector::Pairwise(operation)
        }
    };
    let operation = match mnemonic {
        "fadd" => FloatLanes::Add,
        "fsub" => FloatLanes::Sub,
        "fmul" => FloatLanes::Mul,
        "fdiv" => FloatLanes::Div,
        "fabd" => FloatLanes::AbsDiff,
        "fmla" => FloatLanes::MulAdd { sub: false },
        "fmls" => FloatLanes::MulAdd { sub: true },
        // Without NaNs they are the same.
        "fmax" | "fmaxnm" => FloatLanes::Max,
        "fmin" | "fminnm" => FloatLanes::Min,
        "fsqrt" => FloatLanes::Sqrt,
        "fabs" => FloatLanes::Abs,
        "fneg" => FloatLanes::Neg,
        "frintx" => FloatLanes::RoundExact,
        "scvtf" => FloatLanes::FromInt { signed: true },
        "ucvtf" => FloatLanes::FromInt { signed: false },
        "fcvtzs" if !name.contains("fixed-point") => FloatLanes::ToInt,
        "faddp" => return Some(pairs(FloatLanes::Add)),
        "fmaxp" | "fmaxnmp" => return Some(pairs(FloatLanes::Max)),
        "fminp" | "fminnmp" => return Some(pairs(FloatLanes::Min)),
        "fcvtl" => return Some(FloatVector::Lengthen),
        "fcvtn" => return Some(FloatVector::Narrow),
        "fmaxv" | "fmaxnmv" => return Some(FloatVector::Across(FloatLanes::Max)),
        "fminv" | "fminnmv" => return Some(FloatVector::Across(FloatLanes::Min)),
        _ => compare(mnemonic, name.contains("(zero"))?,
    };
    Some(FloatVector::Same {
        operation,
        element: name.contains("by element"),
    })
}

fn compare(mnemonic: &str, zero: bool) -> Option<FloatLanes> {
    let (order, abs) = match mnemonic {
        "fcmeq" => (Order::Equal, false),
        "fcmgt" => (Order::Greater, false),
        "fcmge" => (Order::GreaterEqual, false),
        "fcmlt" => (Order::Less, false),
        "fcmle" => (Order::LessEqual, false),
        "facgt" => (Order::Greater, true),
        "facge" => (Order::GreaterEqual, true),
        _ => return None,
    };
    Some(FloatLanes::Compare { order, abs, zero })
}

/// Scalar floating point that `compile::float` does not have.
fn scalar_float(row: &Row, word: u32, helper: Helper, args: Args) -> Option<Insn> {
    let operation = match row.name {
        "fmax (scalar)" | "fmaxnm (scalar)" => FloatLanes::Max,
        "fmin (scalar)" | "fminnm (scalar)" => FloatLanes::Min,
        "frintx (scalar)" => FloatLanes::RoundExact,
        _ => return None,
    };
    let lane = match bits(word, 23, 22) {
        0 => Lane::S,
        1 => Lane::D,
        _ => return None,
    };
    let vector = FloatVector::Same {
        operation,
        element: false,
    };
    let op = Op::FloatVector(vector, lane, Extent::First, helper);
    Some(Insn::new(op, args, 0))
}
