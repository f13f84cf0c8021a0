//! `AdvSIMD`, and other instructions that the decoder leaves to helpers.

mod float;
mod helper;
mod integers;
mod lanes;
mod permute;
mod preserve;
mod recognise;
mod sizes;
mod structures;

use crate::compile::lift::Lifter;
use crate::compile::region::Registers;
use crate::integer;
use crate::ir::{
    Args, ByNumber, Extent, FloatLanes, FloatVector, Insn, Lane, Op, Operands, Structure, Vector,
};
use crate::simd::{crypto_host, round_host};
use crate::state::SP;
use crate::table::fields::{bit, bits};
use crate::table::{self, Row};

/// The operation of an instruction word, if it is one of this module.
pub(super) fn recognise(word: u32) -> Option<Insn> {
    let row = table::lookup(word)?;
    let insn = (row.decode)(word)?;
    let Op::Helper(helper) = insn.op else {
        return None;
    };
    if let Some(insn) = recognise::vector(row, word, helper, insn.args).filter(is_supported) {
        return Some(insn);
    }
    let op = by_value(row, word).or_else(|| {
        let operands = operands(row, word)?;
        Some(Op::HelperOn(helper, operands))
    })?;
    Some(Insn::new(op, insn.args, insn.imm))
}

/// A function that gets the values of the operands, where there is one.
fn by_value(row: &Row, word: u32) -> Option<Op> {
    let bytes = 1 << bits(word, 11, 10);
    match row.name {
        "crc32" => Some(Op::ByNumber(crc32(bytes))),
        "crc32c" => Some(Op::ByNumber(
            crypto_host::crc32c(bytes).unwrap_or(crc32c(bytes)),
        )),
        "pmull (8 bits)" => None,
        name => {
            let mnemonic = name.split(" (").next()?;
            match crypto_host::by_value(mnemonic) {
                Some(function) => Some(Op::ByValue(function, false)),
                None => rounding(row, mnemonic, word),
            }
        }
    }
}

/// FRINTN and relatives.
fn rounding(row: &Row, mnemonic: &str, word: u32) -> Option<Op> {
    let half = row.name.contains("half") || recognise::is_scalar(word) && bit(word, 23);
    if half || !mnemonic.starts_with("frint") {
        return None;
    }
    let (lane, extent) = (recognise::float_lane(word), recognise::extent(word));
    let function = round_host::by_value(mnemonic, lane, extent)?;
    Some(Op::ByValue(function, true))
}

const fn crc32(bytes: u32) -> ByNumber {
    match bytes {
        1 => integer::crc32_of::<1>,
        2 => integer::crc32_of::<2>,
        4 => integer::crc32_of::<4>,
        _ => integer::crc32_of::<8>,
    }
}

const fn crc32c(bytes: u32) -> ByNumber {
    match bytes {
        1 => integer::crc32c_of::<1>,
        2 => integer::crc32c_of::<2>,
        4 => integer::crc32c_of::<4>,
        _ => integer::crc32c_of::<8>,
    }
}

/// Whether the host has what an operation needs.
fn is_supported(insn: &Insn) -> bool {
    match insn.op {
        Op::Vector(vector, lane, extent) => sizes::is_supported(vector, lane, extent),
        Op::FloatVector(FloatVector::Same { operation, .. }, ..) => {
            !matches!(operation, FloatLanes::MulAdd { .. }) || is_x86_feature_detected!("fma")
        }
        _ => true,
    }
}

/// Whether the host has what an access to structures of so many elements needs.
pub(super) fn can_access(shape: Structure) -> bool {
    shape.elements != 3 || is_x86_feature_detected!("ssse3")
}

/// Which registers an operation of this module reads and writes.
pub(super) fn registers(insn: &Insn) -> (Registers, Registers) {
    let Args { d, n, m, a, .. } = insn.args;
    let vectors = |list: &[u8]| Registers {
        vector: list.iter().fold(0, |set, register| set | 1 << register),
        ..Registers::default()
    };
    let general = |list: &[u8]| Registers {
        general: list
            .iter()
            .filter(|&&register| register <= SP)
            .fold(0, |set, register| set | 1 << register),
        ..Registers::default()
    };
    match insn.op {
        Op::Vector(Vector::ToGeneral { .. }, ..) => (vectors(&[n]), general(&[d])),
        Op::Vector(Vector::DuplicateGeneral, ..) => (general(&[n]), vectors(&[d])),
        Op::Vector(Vector::InsertGeneral, ..) => {
            (general(&[n]).union(vectors(&[d])), vectors(&[d]))
        }
        Op::Vector(Vector::Table { registers, .. }, ..) => {
            let tables = (0..registers).map(|i| structures::following(n, i));
            let tables = vectors(&tables.collect::<Vec<_>>());
            (tables.union(vectors(&[d, m])), vectors(&[d]))
        }
        Op::ByNumber(_) => (general(&[n, m]), general(&[d])),
        Op::Vector(..) | Op::FloatVector(..) | Op::ByValue(..) => {
            (vectors(&[d, n, m]), vectors(&[d]))
        }
        Op::HelperOn(_, operands) => match operands {
            Operands::Vectors { m: false, .. } => (vectors(&[d, n]), vectors(&[d])),
            Operands::Vectors { a: false, .. } => (vectors(&[d, n, m]), vectors(&[d])),
            Operands::Vectors { .. } => (vectors(&[d, n, m, a]), vectors(&[d])),
            Operands::ToGeneral => (vectors(&[n]), general(&[d])),
            Operands::FromGeneral => (general(&[n]).union(vectors(&[d])), vectors(&[d])),
        },
        _ => {
            let shape = Structure::unpack(insn.imm);
            let list = (0..shape.registers as u8).map(|i| structures::following(d, i));
            let list = vectors(&list.collect::<Vec<_>>());
            let loads = !matches!(insn.op, Op::StoreStructures | Op::StoreLane);
            let base = if m <= SP || shape.increment != 0 {
                general(&[n])
            } else {
                Registers::default()
            };
            let written = if loads { list.union(base) } else { base };
            (general(&[n, m]).union(list), written)
        }
    }
}

impl Lifter<'_, '_> {
    /// An operation of this module.
    pub(super) fn vector(&mut self, pc: u64, insn: &Insn) {
        let args = insn.args;
        match insn.op {
            Op::HelperOn(helper, operands) => self.helper_on(pc, insn, helper, operands),
            Op::ByValue(function, raises) => {
                if raises {
                    self.look(pc);
                }
                self.by_value(args, function);
            }
            Op::ByNumber(function) => self.by_number(args, function),
            Op::FloatVector(vector, lane, extent, helper) => {
                // Its exceptions must not come from what a refused access left.
                self.look(pc);
                self.float_vector(vector, lane, extent, args, helper);
            }
            Op::Vector(vector, lane, extent) => {
                if sizes::saturates(vector) {
                    self.look(pc);
                }
                self.integer_vector(vector, lane, extent, args, insn.imm);
            }
            _ => self.structures(pc, insn),
        }
    }

    fn integer_vector(&mut self, vector: Vector, lane: Lane, extent: Extent, args: Args, imm: u64) {
        match vector {
            Vector::Same(_)
            | Vector::Pairwise(_)
            | Vector::Across(_)
            | Vector::Choose(_)
            | Vector::Not
            | Vector::CountOnes
            | Vector::ReverseBits
            | Vector::ShiftLeftInsert
            | Vector::ShiftRightInsert
            | Vector::Dot { .. } => self.integers(vector, lane, extent, args),
            Vector::Long(_) | Vector::Wide(_) | Vector::HighHalf { .. } | Vector::Narrow { .. } => {
                self.between_sizes(vector, lane, extent, args);
            }
            Vector::PairLong { signed, accumulate } => {
                self.pair_sums(signed, accumulate, lane, extent, args);
            }
            Vector::AcrossLong { signed } => self.across_long(signed, lane, extent, args),
            Vector::Saturating { sub, signed } => {
                self.saturating(sub, signed, lane, extent, args);
            }
            _ => self.permute(vector, lane, extent, args, imm),
        }
    }
}

/// What a helper uses, if that is said so easily: no NZCV, no consecutive registers,
/// no immediate in place of registers.
fn operands(row: &Row, word: u32) -> Option<Operands> {
    const FLOAT_OR_VECTOR: u32 = 7 << 25;
    const NZCV: [&str; 4] = ["fcmp", "fccmp", "fcsel", "fjcvtzs"];
    if word & FLOAT_OR_VECTOR != FLOAT_OR_VECTOR
        || NZCV.iter().any(|name| row.name.starts_with(name))
        || row.name.ends_with("registers)")
        || row.pattern.ends_with("1iiiiiddddd")
    {
        return None;
    }
    Some(match row.name {
        "umov" | "smov" => Operands::ToGeneral,
        "dup (general)" | "ins (general)" => Operands::FromGeneral,
        _ => conversion(word).unwrap_or(Operands::Vectors {
            m: row.pattern.contains("mmmm"),
            a: row.pattern.contains("aaaa"),
        }),
    })
}

/// Those of scalar conversions and moves between vector and general registers.
fn conversion(word: u32) -> Option<Operands> {
    let scalar = word & 0x5f00_0000 == 0x1e00_0000;
    let fixed_point = !bit(word, 21);
    if !scalar || !fixed_point && bits(word, 15, 10) != 0 {
        return None;
    }
    Some(match bits(word, 18, 16) {
        0b010 | 0b011 | 0b111 => Operands::FromGeneral,
        _ => Operands::ToGeneral,
    })
}
