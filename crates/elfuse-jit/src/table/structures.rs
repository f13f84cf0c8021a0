//! `AdvSIMD` loads and stores of structures: LD1 to LD4, ST1 to ST4, LD1R to LD4R.
#![forbid(unsafe_code)]

use crate::ir::{Args, Insn, Op, Structure};
use crate::state::ZERO;
use crate::table::Row;
use crate::table::fields::{bit, bits, or_sp, register};

/// Rows of this group.
pub const ROWS: &[Row] = &[
    Row::new(
        "st1-st4 (multiple)",
        "0q00110000000000oooossnnnnnttttt",
        multiple,
    ),
    Row::new(
        "ld1-ld4 (multiple)",
        "0q00110001000000oooossnnnnnttttt",
        multiple,
    ),
    Row::new(
        "st1-st4 (multiple, post-index)",
        "0q001100100mmmmmoooossnnnnnttttt",
        multiple,
    ),
    Row::new(
        "ld1-ld4 (multiple, post-index)",
        "0q001100110mmmmmoooossnnnnnttttt",
        multiple,
    ),
    Row::new(
        "st1-st4 (single)",
        "0q00110100r00000ooohssnnnnnttttt",
        single,
    ),
    Row::new(
        "ld1-ld4 (single)",
        "0q00110101r00000ooohssnnnnnttttt",
        single,
    ),
    Row::new(
        "st1-st4 (single, post-index)",
        "0q00110110rmmmmmooohssnnnnnttttt",
        single,
    ),
    Row::new(
        "ld1-ld4 (single, post-index)",
        "0q00110111rmmmmmooohssnnnnnttttt",
        single,
    ),
];

/// With its base register and what post-indexing adds.
fn access(op: Op, word: u32, lane: u32, shape: Structure) -> Insn {
    let post = bit(word, 23);
    let by_register = post && register(word, 16) != 31;
    let total = if matches!(op, Op::LoadStructures | Op::StoreStructures) {
        shape.registers * shape.bytes
    } else {
        shape.elements << shape.log2
    };
    let shape = Structure {
        increment: if post && !by_register { total } else { 0 },
        ..shape
    };
    let args = Args {
        d: register(word, 0),
        n: or_sp(word, 5),
        m: if by_register {
            register(word, 16)
        } else {
            ZERO
        },
        a: lane as u8,
        x: 0,
    };
    Insn::new(op, args, shape.pack())
}

fn multiple(word: u32) -> Option<Insn> {
    let (registers, elements) = match bits(word, 15, 12) {
        0b0000 => (4, 4),
        0b0010 => (4, 1),
        0b0100 => (3, 3),
        0b0110 => (3, 1),
        0b0111 => (1, 1),
        0b1000 => (2, 2),
        0b1010 => (2, 1),
        _ => return None,
    };
    let (log2, quad) = (bits(word, 11, 10), bit(word, 30));
    if log2 == 3 && !quad && elements > 1 {
        return None;
    }
    let op = if bit(word, 22) {
        Op::LoadStructures
    } else {
        Op::StoreStructures
    };
    let shape = Structure {
        registers,
        elements,
        log2,
        bytes: if quad { 16 } else { 8 },
        increment: 0,
    };
    Some(access(op, word, 0, shape))
}

fn single(word: u32) -> Option<Insn> {
    let (opcode, s, size, q) = (
        bits(word, 15, 13),
        bits(word, 12, 12),
        bits(word, 11, 10),
        bits(word, 30, 30),
    );
    let elements = (opcode & 1) << 1 | bits(word, 21, 21);
    let load = bit(word, 22);
    let (log2, lane) = match opcode >> 1 {
        0 => (0, q << 3 | s << 2 | size),
        1 if size & 1 == 0 => (1, q << 2 | s << 1 | size >> 1),
        2 if size == 0 => (2, q << 1 | s),
        2 if size == 1 && s == 0 => (3, q),
        3 if load && s == 0 => (size, 0),
        _ => return None,
    };
    let op = match (opcode >> 1, load) {
        (3, _) => Op::LoadReplicate,
        (_, true) => Op::LoadLane,
        (_, false) => Op::StoreLane,
    };
    let shape = Structure {
        registers: elements + 1,
        elements: elements + 1,
        log2,
        bytes: if q == 1 { 16 } else { 8 },
        increment: 0,
    };
    Some(access(op, word, lane, shape))
}
