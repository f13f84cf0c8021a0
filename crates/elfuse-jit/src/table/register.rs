//! Data processing on general registers.
#![forbid(unsafe_code)]

use crate::integer;
use crate::ir::{Args, Extend, Helper, Insn, Logic, Op, Operand, Shift, Unary, Width};
use crate::table::Row;
use crate::table::fields::{bit, bits, dest, or_sp, source, width};

/// Rows of this group.
pub const ROWS: &[Row] = &[
    Row::new(
        "and (shifted register)",
        "z0001010ss0mmmmmiiiiiinnnnnddddd",
        logic,
    ),
    Row::new(
        "bic (shifted register)",
        "z0001010ss1mmmmmiiiiiinnnnnddddd",
        logic,
    ),
    Row::new(
        "orr (shifted register)",
        "z0101010ss0mmmmmiiiiiinnnnnddddd",
        logic,
    ),
    Row::new(
        "orn (shifted register)",
        "z0101010ss1mmmmmiiiiiinnnnnddddd",
        logic,
    ),
    Row::new(
        "eor (shifted register)",
        "z1001010ss0mmmmmiiiiiinnnnnddddd",
        logic,
    ),
    Row::new(
        "eon (shifted register)",
        "z1001010ss1mmmmmiiiiiinnnnnddddd",
        logic,
    ),
    Row::new(
        "ands (shifted register)",
        "z1101010ss0mmmmmiiiiiinnnnnddddd",
        logic,
    ),
    Row::new(
        "bics (shifted register)",
        "z1101010ss1mmmmmiiiiiinnnnnddddd",
        logic,
    ),
    Row::new(
        "add (shifted register)",
        "z0001011ss0mmmmmiiiiiinnnnnddddd",
        arith_shifted,
    ),
    Row::new(
        "adds (shifted register)",
        "z0101011ss0mmmmmiiiiiinnnnnddddd",
        arith_shifted,
    ),
    Row::new(
        "sub (shifted register)",
        "z1001011ss0mmmmmiiiiiinnnnnddddd",
        arith_shifted,
    ),
    Row::new(
        "subs (shifted register)",
        "z1101011ss0mmmmmiiiiiinnnnnddddd",
        arith_shifted,
    ),
    Row::new(
        "add (extended register)",
        "z0001011001mmmmmeeeiiinnnnnddddd",
        arith_extended,
    ),
    Row::new(
        "adds (extended register)",
        "z0101011001mmmmmeeeiiinnnnnddddd",
        arith_extended,
    ),
    Row::new(
        "sub (extended register)",
        "z1001011001mmmmmeeeiiinnnnnddddd",
        arith_extended,
    ),
    Row::new(
        "subs (extended register)",
        "z1101011001mmmmmeeeiiinnnnnddddd",
        arith_extended,
    ),
    Row::new("adc", "z0011010000mmmmm000000nnnnnddddd", add_carry),
    Row::new("adcs", "z0111010000mmmmm000000nnnnnddddd", add_carry),
    Row::new("sbc", "z1011010000mmmmm000000nnnnnddddd", add_carry),
    Row::new("sbcs", "z1111010000mmmmm000000nnnnnddddd", add_carry),
    Row::new("rmif", "10111010000iiiiii00001nnnnn0ffff", rmif),
    Row::new("setf8", "0011101000000000000010nnnnn01101", setf),
    Row::new("setf16", "0011101000000000010010nnnnn01101", setf),
    Row::new(
        "ccmn (register)",
        "z0111010010mmmmmcccc00nnnnn0ffff",
        cond_compare,
    ),
    Row::new(
        "ccmp (register)",
        "z1111010010mmmmmcccc00nnnnn0ffff",
        cond_compare,
    ),
    Row::new(
        "ccmn (immediate)",
        "z0111010010iiiiicccc10nnnnn0ffff",
        cond_compare,
    ),
    Row::new(
        "ccmp (immediate)",
        "z1111010010iiiiicccc10nnnnn0ffff",
        cond_compare,
    ),
    Row::new("csel", "z0011010100mmmmmcccc00nnnnnddddd", select),
    Row::new("csinc", "z0011010100mmmmmcccc01nnnnnddddd", select),
    Row::new("csinv", "z1011010100mmmmmcccc00nnnnnddddd", select),
    Row::new("csneg", "z1011010100mmmmmcccc01nnnnnddddd", select),
    Row::new("rbit", "z101101011000000000000nnnnnddddd", unary),
    Row::new("rev16", "z101101011000000000001nnnnnddddd", unary),
    Row::new("rev (32-bit)", "0101101011000000000010nnnnnddddd", unary),
    Row::new("rev32", "1101101011000000000010nnnnnddddd", unary),
    Row::new("rev (64-bit)", "1101101011000000000011nnnnnddddd", unary),
    Row::new("clz", "z101101011000000000100nnnnnddddd", unary),
    Row::new("cls", "z101101011000000000101nnnnnddddd", unary),
    Row::new("udiv", "z0011010110mmmmm000010nnnnnddddd", div),
    Row::new("sdiv", "z0011010110mmmmm000011nnnnnddddd", div),
    Row::new("lslv", "z0011010110mmmmm001000nnnnnddddd", shift_var),
    Row::new("lsrv", "z0011010110mmmmm001001nnnnnddddd", shift_var),
    Row::new("asrv", "z0011010110mmmmm001010nnnnnddddd", shift_var),
    Row::new("rorv", "z0011010110mmmmm001011nnnnnddddd", shift_var),
    Row::new("crc32", "z0011010110mmmmm0100ssnnnnnddddd", crc),
    Row::new("crc32c", "z0011010110mmmmm0101ssnnnnnddddd", crc),
    Row::new("madd", "z0011011000mmmmm0aaaaannnnnddddd", mul_add),
    Row::new("msub", "z0011011000mmmmm1aaaaannnnnddddd", mul_add),
    Row::new("smaddl", "10011011001mmmmm0aaaaannnnnddddd", mul_add_long),
    Row::new("smsubl", "10011011001mmmmm1aaaaannnnnddddd", mul_add_long),
    Row::new("umaddl", "10011011101mmmmm0aaaaannnnnddddd", mul_add_long),
    Row::new("umsubl", "10011011101mmmmm1aaaaannnnnddddd", mul_add_long),
    Row::new("smulh", "10011011010mmmmm011111nnnnnddddd", mul_high),
    Row::new("umulh", "10011011110mmmmm011111nnnnnddddd", mul_high),
];

const SHIFTS: [Shift; 4] = [Shift::Lsl, Shift::Lsr, Shift::Asr, Shift::Ror];

/// Extensions by their encoding `option`.
pub(super) const EXTENDS: [Extend; 8] = [
    Extend::Uxtb,
    Extend::Uxth,
    Extend::Uxtw,
    Extend::Uxtx,
    Extend::Sxtb,
    Extend::Sxth,
    Extend::Sxtw,
    Extend::Sxtx,
];

fn three(word: u32) -> Args {
    Args {
        d: dest(word, 0),
        n: source(word, 5),
        m: source(word, 16),
        ..Args::default()
    }
}

/// The operand and its shift; None where the amount does not fit the width.
fn shifted(word: u32) -> Option<(Operand, u16)> {
    let amount = bits(word, 15, 10);
    if width(word) == Width::W && amount > 31 {
        return None;
    }
    let shift = SHIFTS[bits(word, 23, 22) as usize];
    Some(if amount == 0 {
        (Operand::Reg, 0)
    } else {
        (Operand::Shifted(shift), amount as u16)
    })
}

fn logic(word: u32) -> Option<Insn> {
    let (operand, x) = shifted(word)?;
    let op = Op::Logic {
        logic: [Logic::And, Logic::Orr, Logic::Eor, Logic::Ands][bits(word, 30, 29) as usize],
        invert: bit(word, 21),
        width: width(word),
        operand,
    };
    Some(Insn::new(op, Args { x, ..three(word) }, 0))
}

fn arith_shifted(word: u32) -> Option<Insn> {
    let (operand, x) = shifted(word)?;
    if operand == Operand::Shifted(Shift::Ror) || bits(word, 23, 22) == 3 {
        return None;
    }
    let op = Op::Arith {
        sub: bit(word, 30),
        flags: bit(word, 29),
        width: width(word),
        operand,
    };
    Some(Insn::new(op, Args { x, ..three(word) }, 0))
}

fn arith_extended(word: u32) -> Option<Insn> {
    let (flags, amount) = (bit(word, 29), bits(word, 12, 10));
    if amount > 4 {
        return None;
    }
    let op = Op::Arith {
        sub: bit(word, 30),
        flags,
        width: width(word),
        operand: Operand::Extended(EXTENDS[bits(word, 15, 13) as usize]),
    };
    let args = Args {
        d: if flags { dest(word, 0) } else { or_sp(word, 0) },
        n: or_sp(word, 5),
        m: source(word, 16),
        x: amount as u16,
        ..Args::default()
    };
    Some(Insn::new(op, args, 0))
}

fn add_carry(word: u32) -> Option<Insn> {
    let op = Op::AddCarry {
        sub: bit(word, 30),
        flags: bit(word, 29),
        width: width(word),
    };
    Some(Insn::new(op, three(word), 0))
}

fn rmif(word: u32) -> Option<Insn> {
    let args = Args {
        n: source(word, 5),
        a: bits(word, 20, 15) as u8,
        x: bits(word, 3, 0) as u16,
        ..Args::default()
    };
    Some(Insn::helper(integer::rmif, args))
}

fn setf(word: u32) -> Option<Insn> {
    let args = Args {
        n: source(word, 5),
        x: if bit(word, 14) { 16 } else { 8 },
        ..Args::default()
    };
    Some(Insn::helper(integer::setf, args))
}

fn cond_compare(word: u32) -> Option<Insn> {
    let immediate = bit(word, 11);
    let op = Op::CondCompare {
        sub: bit(word, 30),
        width: width(word),
        operand: if immediate {
            Operand::Imm
        } else {
            Operand::Reg
        },
    };
    let args = Args {
        d: bits(word, 15, 12) as u8,
        n: source(word, 5),
        m: source(word, 16),
        a: bits(word, 3, 0) as u8,
        ..Args::default()
    };
    Some(Insn::new(op, args, u64::from(bits(word, 20, 16))))
}

fn select(word: u32) -> Option<Insn> {
    let op = Op::Select {
        invert: bit(word, 30),
        increment: bit(word, 10),
        width: width(word),
    };
    let args = Args {
        x: bits(word, 15, 12) as u16,
        ..three(word)
    };
    Some(Insn::new(op, args, 0))
}

fn unary(word: u32) -> Option<Insn> {
    let op = match (bits(word, 12, 10), width(word)) {
        (0, _) => Unary::Rbit,
        (1, _) => Unary::Rev16,
        (2, Width::X) => Unary::Rev32,
        (2 | 3, _) => Unary::Rev,
        (4, _) => Unary::Clz,
        _ => Unary::Cls,
    };
    let args = Args {
        m: 0,
        ..three(word)
    };
    Some(Insn::new(Op::Unary(op, width(word)), args, 0))
}

fn div(word: u32) -> Option<Insn> {
    let op = Op::Div {
        signed: bit(word, 10),
        width: width(word),
    };
    Some(Insn::new(op, three(word), 0))
}

fn shift_var(word: u32) -> Option<Insn> {
    let shift = SHIFTS[bits(word, 11, 10) as usize];
    Some(Insn::new(Op::ShiftVar(shift, width(word)), three(word), 0))
}

const CRC32: [Helper; 4] = [
    integer::crc32::<1>,
    integer::crc32::<2>,
    integer::crc32::<4>,
    integer::crc32::<8>,
];
const CRC32C: [Helper; 4] = [
    integer::crc32c::<1>,
    integer::crc32c::<2>,
    integer::crc32c::<4>,
    integer::crc32c::<8>,
];

fn crc(word: u32) -> Option<Insn> {
    let size = bits(word, 11, 10);
    if bit(word, 31) != (size == 3) {
        return None;
    }
    let helpers = if bit(word, 12) { CRC32C } else { CRC32 };
    Some(Insn::helper(helpers[size as usize], three(word)))
}

fn mul_add(word: u32) -> Option<Insn> {
    let op = Op::MulAdd {
        sub: bit(word, 15),
        width: width(word),
    };
    let args = Args {
        a: source(word, 10),
        ..three(word)
    };
    Some(Insn::new(op, args, 0))
}

fn mul_add_long(word: u32) -> Option<Insn> {
    let op = Op::MulAddLong {
        sub: bit(word, 15),
        signed: !bit(word, 23),
    };
    let args = Args {
        a: source(word, 10),
        ..three(word)
    };
    Some(Insn::new(op, args, 0))
}

fn mul_high(word: u32) -> Option<Insn> {
    let signed = !bit(word, 23);
    Some(Insn::new(Op::MulHigh { signed }, three(word), 0))
}
