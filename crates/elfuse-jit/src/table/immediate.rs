//! Data processing with an immediate operand.
#![forbid(unsafe_code)]

use crate::ir::{Args, Insn, Logic, Op, Operand, Width};
use crate::table::Row;
use crate::table::fields::{bit, bits, dest, or_sp, sign_extend, source, truncated, width};

/// Rows of this group.
pub const ROWS: &[Row] = &[
    Row::new("adr", "0ii10000jjjjjjjjjjjjjjjjjjjddddd", adr),
    Row::new("adrp", "1ii10000jjjjjjjjjjjjjjjjjjjddddd", adr),
    Row::new("add (immediate)", "z00100010hiiiiiiiiiiiinnnnnddddd", arith),
    Row::new(
        "adds (immediate)",
        "z01100010hiiiiiiiiiiiinnnnnddddd",
        arith,
    ),
    Row::new("sub (immediate)", "z10100010hiiiiiiiiiiiinnnnnddddd", arith),
    Row::new(
        "subs (immediate)",
        "z11100010hiiiiiiiiiiiinnnnnddddd",
        arith,
    ),
    Row::new("and (immediate)", "z00100100xrrrrrrssssssnnnnnddddd", logic),
    Row::new("orr (immediate)", "z01100100xrrrrrrssssssnnnnnddddd", logic),
    Row::new("eor (immediate)", "z10100100xrrrrrrssssssnnnnnddddd", logic),
    Row::new(
        "ands (immediate)",
        "z11100100xrrrrrrssssssnnnnnddddd",
        logic,
    ),
    Row::new("movn", "z00100101hhiiiiiiiiiiiiiiiiddddd", mov_wide),
    Row::new("movz", "z10100101hhiiiiiiiiiiiiiiiiddddd", mov_wide),
    Row::new("movk", "z11100101hhiiiiiiiiiiiiiiiiddddd", mov_wide),
    Row::new("sbfm", "z00100110xrrrrrrssssssnnnnnddddd", bitfield),
    Row::new("bfm", "z01100110xrrrrrrssssssnnnnnddddd", bitfield),
    Row::new("ubfm", "z10100110xrrrrrrssssssnnnnnddddd", bitfield),
    Row::new("extr", "z00100111x0mmmmmssssssnnnnnddddd", extr),
];

fn adr(word: u32) -> Option<Insn> {
    let distance = sign_extend(bits(word, 23, 5) << 2 | bits(word, 30, 29), 21);
    let args = Args {
        d: dest(word, 0),
        ..Args::default()
    };
    Some(if bit(word, 31) {
        Insn::new(Op::Adrp, args, (distance << 12) as u64)
    } else {
        Insn::new(Op::Adr, args, distance as u64)
    })
}

fn arith(word: u32) -> Option<Insn> {
    let flags = bit(word, 29);
    let op = Op::Arith {
        sub: bit(word, 30),
        flags,
        width: width(word),
        operand: Operand::Imm,
    };
    let args = Args {
        d: if flags { dest(word, 0) } else { or_sp(word, 0) },
        n: or_sp(word, 5),
        ..Args::default()
    };
    let imm = u64::from(bits(word, 21, 10)) << if bit(word, 22) { 12 } else { 0 };
    Some(Insn::new(op, args, imm))
}

/// `DecodeBitMasks` of the Arm ARM: the replicated, rotated run of ones.
fn bit_mask(word: u32) -> Option<u64> {
    let (n, imms, immr) = (bits(word, 22, 22), bits(word, 15, 10), bits(word, 21, 16));
    if n == 1 && !bit(word, 31) {
        return None;
    }
    let combined = n << 6 | (!imms & 0x3f);
    if combined < 2 {
        return None;
    }
    let size = 1 << combined.ilog2();
    let (ones, rotation) = (imms & (size - 1), immr & (size - 1));
    if ones == size - 1 {
        return None;
    }
    let run = (1u64 << (ones + 1)) - 1;
    let element = u64::MAX >> (64 - size);
    let rotated = if rotation == 0 {
        run
    } else {
        (run >> rotation | run << (size - rotation)) & element
    };
    // Multiplication by 1 at every element's lowest bit replicates it.
    Some(rotated.wrapping_mul(u64::MAX / element))
}

fn logic(word: u32) -> Option<Insn> {
    let logic = [Logic::And, Logic::Orr, Logic::Eor, Logic::Ands][bits(word, 30, 29) as usize];
    let op = Op::Logic {
        logic,
        invert: false,
        width: width(word),
        operand: Operand::Imm,
    };
    let args = Args {
        d: if logic == Logic::Ands {
            dest(word, 0)
        } else {
            or_sp(word, 0)
        },
        n: source(word, 5),
        ..Args::default()
    };
    Some(Insn::new(op, args, truncated(bit_mask(word)?, width(word))))
}

fn mov_wide(word: u32) -> Option<Insn> {
    let (width, shift) = (width(word), 16 * bits(word, 22, 21));
    if width == Width::W && shift > 16 {
        return None;
    }
    let args = Args {
        d: dest(word, 0),
        a: shift as u8,
        ..Args::default()
    };
    let half = u64::from(bits(word, 20, 5));
    Some(match bits(word, 30, 29) {
        0 => Insn::new(Op::MovImm, args, truncated(!(half << shift), width)),
        2 => Insn::new(Op::MovImm, args, half << shift),
        _ => Insn::new(
            Op::Movk(width),
            Args {
                n: source(word, 0),
                ..args
            },
            half,
        ),
    })
}

fn bitfield(word: u32) -> Option<Insn> {
    let width = width(word);
    let size = if width == Width::X { 64 } else { 32 };
    let (r, s) = (bits(word, 21, 16), bits(word, 15, 10));
    if bit(word, 22) != (width == Width::X) || r >= size || s >= size {
        return None;
    }
    let (length, to, rotation) = if s >= r {
        (s - r + 1, 0, r)
    } else {
        (s + 1, size - r, 64 - (size - r))
    };
    let mask = (u64::MAX >> (64 - length)) << to;
    let args = Args {
        d: dest(word, 0),
        n: source(word, 5),
        ..Args::default()
    };
    Some(match bits(word, 30, 29) {
        0 => {
            let left = 63 - s;
            let right = if s >= r { left + r } else { left - to };
            let args = Args {
                a: left as u8,
                m: right as u8,
                ..args
            };
            Insn::new(Op::Sbfm(width), args, 0)
        }
        1 => {
            let args = Args {
                a: rotation as u8,
                m: source(word, 0),
                ..args
            };
            Insn::new(Op::Bfm(width), args, mask)
        }
        _ => {
            let args = Args {
                a: rotation as u8,
                ..args
            };
            Insn::new(Op::Ubfm, args, mask)
        }
    })
}

fn extr(word: u32) -> Option<Insn> {
    let width = width(word);
    let lsb = bits(word, 15, 10);
    if bit(word, 22) != (width == Width::X) || (width == Width::W && lsb > 31) {
        return None;
    }
    let args = Args {
        d: dest(word, 0),
        n: source(word, 5),
        m: source(word, 16),
        x: lsb as u16,
        ..Args::default()
    };
    Some(Insn::new(Op::Extr(width), args, 0))
}
