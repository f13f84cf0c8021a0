//! Branches, exceptions, hints, barriers, system registers.
#![forbid(unsafe_code)]

use crate::integer;
use crate::ir::{Args, Insn, Logic, Op, Operand, Width};
use crate::state::{FPCR, PSTATE, TPIDR, ZERO};
use crate::table::Row;
use crate::table::fields::{bit, bits, dest, sign_extend, source, width};

/// Rows of this group.
pub const ROWS: &[Row] = &[
    Row::new("b", "000101iiiiiiiiiiiiiiiiiiiiiiiiii", jump),
    Row::new("bl", "100101iiiiiiiiiiiiiiiiiiiiiiiiii", jump),
    Row::new("b.cond", "01010100iiiiiiiiiiiiiiiiiii0cccc", jump_if),
    Row::new("cbz", "z0110100iiiiiiiiiiiiiiiiiiittttt", jump_zero),
    Row::new("cbnz", "z0110101iiiiiiiiiiiiiiiiiiittttt", jump_zero),
    Row::new("tbz", "b0110110hhhhhiiiiiiiiiiiiiittttt", jump_bit),
    Row::new("tbnz", "b0110111hhhhhiiiiiiiiiiiiiittttt", jump_bit),
    Row::new("br", "1101011000011111000000nnnnn00000", jump_register),
    Row::new("blr", "1101011000111111000000nnnnn00000", jump_register),
    Row::new("ret", "1101011001011111000000nnnnn00000", jump_register),
    Row::new("svc", "11010100000iiiiiiiiiiiiiiii00001", exception),
    Row::new("brk", "11010100001iiiiiiiiiiiiiiii00000", exception),
    Row::new("hint", "11010101000000110010iiiiiii11111", nop),
    Row::new("clrex", "11010101000000110011iiii01011111", clear_exclusive),
    Row::new("dsb", "11010101000000110011iiii10011111", barrier),
    Row::new("dmb", "11010101000000110011iiii10111111", barrier),
    Row::new("isb", "11010101000000110011iiii11011111", nop),
    Row::new("sb", "11010101000000110011000011111111", nop),
    Row::new("cfinv", "11010101000000000100000000011111", cfinv),
    Row::new("dc zva", "110101010000101101110100001ttttt", cache),
    Row::new("ic ivau", "110101010000101101110101001ttttt", cache),
    Row::new("dc cvac", "110101010000101101111010001ttttt", cache),
    Row::new("dc cvau", "110101010000101101111011001ttttt", cache),
    Row::new("dc cvap", "110101010000101101111100001ttttt", cache),
    Row::new("dc cvadp", "110101010000101101111101001ttttt", cache),
    Row::new("dc civac", "110101010000101101111110001ttttt", cache),
    Row::new("mrs nzcv", "110101010011101101000010000ttttt", read_nzcv),
    Row::new("mrs fpcr", "110101010011101101000100000ttttt", read_fpcr),
    Row::new("mrs fpsr", "110101010011101101000100001ttttt", read_fpsr),
    Row::new(
        "mrs tpidr_el0",
        "110101010011101111010000010ttttt",
        read_tpidr,
    ),
    Row::new(
        "mrs tpidrro_el0",
        "110101010011101111010000011ttttt",
        read_tpidrro,
    ),
    Row::new("mrs ctr_el0", "110101010011101100000000001ttttt", read_ctr),
    Row::new(
        "mrs dczid_el0",
        "110101010011101100000000111ttttt",
        read_dczid,
    ),
    Row::new(
        "mrs cntfrq_el0",
        "110101010011101111100000000ttttt",
        read_frequency,
    ),
    Row::new(
        "mrs cntvct_el0",
        "110101010011101111100000010ttttt",
        read_counter,
    ),
    Row::new(
        "mrs cntpct_el0",
        "110101010011101111100000001ttttt",
        undefined,
    ),
    Row::new("mrs id", "11010101001110000000rrrrbbbttttt", read_id),
    Row::new("msr nzcv", "110101010001101101000010000ttttt", write_nzcv),
    Row::new("msr fpcr", "110101010001101101000100000ttttt", write_fpcr),
    Row::new("msr fpsr", "110101010001101101000100001ttttt", write_fpsr),
    Row::new(
        "msr tpidr_el0",
        "110101010001101111010000010ttttt",
        write_tpidr,
    ),
];

/// `CTR_EL0`: 64-byte lines, instruction cache maintenance needed (IDC = DIC = 0), PIPT.
pub const CTR: u64 = 0x8444_C004;
/// `DCZID_EL0`: blocks of 64 bytes, DC ZVA allowed.
pub const DCZID: u64 = 4;
/// Bytes of a cache line and of a DC ZVA block.
pub const LINE: u64 = 64;
/// `CNTFRQ_EL0` in Hz: the virtual counter counts nanoseconds.
pub const COUNTER_FREQUENCY: u64 = 1_000_000_000;
/// The bits of FPCR that can be set: AHP, DN, FZ, `RMode`, FZ16.
pub const FPCR_BITS: u64 = 0x07C8_0000;

/// What user space reads of the identification registers 3, 0, 0, `CRm`, `op2` (Linux,
/// Documentation/arch/arm64/cpu-feature-registers.rst): features that are complete here.
const fn identification(crm: u32, op2: u32) -> u64 {
    match (crm, op2) {
        // MIDR_EL1: implementer 0 is reserved for software use.
        (0, 0) => 0x000F_0510,
        // MPIDR_EL1: RES1.
        (0, 5) => 0x8000_0000,
        // ID_AA64PFR0_EL1: FP and AdvSIMD with half precision; EL0 AArch64 only.
        (4, 0) => 0x0011_0011,
        // ID_AA64DFR0_EL1.
        (5, 0) => 6,
        // ID_AA64ISAR0_EL1: TS 1, DP 1, RDM 1, ATOMICS 2, CRC32 1, SHA2 1, SHA1 1, AES 2.
        (6, 0) => 1 << 52 | 1 << 44 | 1 << 28 | 2 << 20 | 1 << 16 | 1 << 12 | 1 << 8 | 2 << 4,
        // ID_AA64ISAR1_EL1: LRCPC 1, FCMA 1, JSCVT 1, DPB 1.
        (6, 1) => 1 << 20 | 1 << 16 | 1 << 12 | 1,
        // ID_AA64MMFR0_EL1: what user space sees of it is constant.
        (7, 0) => 0xFF00_0000,
        _ => 0,
    }
}

fn at(word: u32) -> Args {
    Args {
        d: source(word, 0),
        ..Args::default()
    }
}

fn jump(word: u32) -> Option<Insn> {
    let distance = sign_extend(bits(word, 25, 0), 26) * 4;
    let op = if bit(word, 31) { Op::Call } else { Op::Jump };
    Some(Insn::new(op, Args::default(), distance as u64))
}

fn jump_if(word: u32) -> Option<Insn> {
    let distance = sign_extend(bits(word, 23, 5), 19) * 4;
    let condition = bits(word, 3, 0) as u8;
    let args = Args {
        a: condition,
        ..Args::default()
    };
    let op = if condition >= 14 {
        Op::Jump
    } else {
        Op::JumpIf
    };
    Some(Insn::new(op, args, distance as u64))
}

fn jump_zero(word: u32) -> Option<Insn> {
    let op = Op::JumpZero {
        nonzero: bit(word, 24),
        width: width(word),
    };
    let distance = sign_extend(bits(word, 23, 5), 19) * 4;
    Some(Insn::new(op, at(word), distance as u64))
}

fn jump_bit(word: u32) -> Option<Insn> {
    let args = Args {
        a: (bits(word, 31, 31) << 5 | bits(word, 23, 19)) as u8,
        ..at(word)
    };
    let set = bit(word, 24);
    let distance = sign_extend(bits(word, 18, 5), 14) * 4;
    Some(Insn::new(Op::JumpBit { set }, args, distance as u64))
}

fn jump_register(word: u32) -> Option<Insn> {
    let op = match bits(word, 22, 21) {
        0 => Op::JumpReg { ret: false },
        1 => Op::CallReg,
        _ => Op::JumpReg { ret: true },
    };
    let args = Args {
        n: source(word, 5),
        ..Args::default()
    };
    Some(Insn::new(op, args, 0))
}

fn exception(word: u32) -> Option<Insn> {
    let op = if bit(word, 21) {
        Op::Breakpoint
    } else {
        Op::Syscall
    };
    Some(Insn::new(op, Args::default(), u64::from(bits(word, 20, 5))))
}

fn nop(_: u32) -> Option<Insn> {
    Some(Insn::new(Op::Nop, Args::default(), 0))
}

fn undefined(_: u32) -> Option<Insn> {
    None
}

fn clear_exclusive(_: u32) -> Option<Insn> {
    Some(Insn::new(Op::ClearExclusive, Args::default(), 0))
}

fn barrier(word: u32) -> Option<Insn> {
    // Domains aside, bits 9:8 are 01 for loads (ISHLD) and 10 for stores (ISHST): x86 keeps those
    // orders by itself. DSB additionally waits, which nobody can see.
    let op = match bits(word, 9, 8) {
        1 | 2 => Op::Nop,
        _ => Op::Fence,
    };
    Some(Insn::new(op, Args::default(), 0))
}

fn cfinv(_: u32) -> Option<Insn> {
    Some(Insn::helper(integer::cfinv, Args::default()))
}

fn cache(word: u32) -> Option<Insn> {
    let op = match bits(word, 11, 5) {
        0b010_0001 => Op::ZeroBlock,
        0b010_1001 => Op::InvalidateCode,
        _ => Op::Nop,
    };
    Some(Insn::new(op, at(word), 0))
}

/// Move one word of the register block to another, keeping the bits of `mask`.
fn transfer(d: u8, n: u8, mask: u64) -> Option<Insn> {
    let op = Op::Logic {
        logic: Logic::And,
        invert: false,
        width: Width::X,
        operand: Operand::Imm,
    };
    let args = Args {
        d,
        n,
        ..Args::default()
    };
    Some(Insn::new(op, args, mask))
}

fn constant(word: u32, value: u64) -> Option<Insn> {
    let args = Args {
        d: dest(word, 0),
        ..Args::default()
    };
    Some(Insn::new(Op::MovImm, args, value))
}

fn read_nzcv(word: u32) -> Option<Insn> {
    transfer(dest(word, 0), PSTATE, 0xF000_0000)
}

fn write_nzcv(word: u32) -> Option<Insn> {
    transfer(PSTATE, source(word, 0), 0xF000_0000)
}

fn read_fpcr(word: u32) -> Option<Insn> {
    transfer(dest(word, 0), FPCR, u64::MAX)
}

fn write_fpcr(word: u32) -> Option<Insn> {
    transfer(FPCR, source(word, 0), FPCR_BITS)
}

fn read_fpsr(word: u32) -> Option<Insn> {
    let args = Args {
        d: dest(word, 0),
        ..Args::default()
    };
    Some(Insn::new(Op::ReadFpsr, args, 0))
}

fn write_fpsr(word: u32) -> Option<Insn> {
    Some(Insn::new(Op::WriteFpsr, at(word), 0))
}

fn read_tpidr(word: u32) -> Option<Insn> {
    transfer(dest(word, 0), TPIDR, u64::MAX)
}

fn write_tpidr(word: u32) -> Option<Insn> {
    transfer(TPIDR, source(word, 0), u64::MAX)
}

fn read_tpidrro(word: u32) -> Option<Insn> {
    transfer(dest(word, 0), ZERO, 0)
}

fn read_ctr(word: u32) -> Option<Insn> {
    constant(word, CTR)
}

fn read_dczid(word: u32) -> Option<Insn> {
    constant(word, DCZID)
}

fn read_frequency(word: u32) -> Option<Insn> {
    constant(word, COUNTER_FREQUENCY)
}

fn read_counter(word: u32) -> Option<Insn> {
    let args = Args {
        d: dest(word, 0),
        ..Args::default()
    };
    Some(Insn::new(Op::ReadCounter, args, 0))
}

fn read_id(word: u32) -> Option<Insn> {
    constant(word, identification(bits(word, 11, 8), bits(word, 7, 5)))
}
