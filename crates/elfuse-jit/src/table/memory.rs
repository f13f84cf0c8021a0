//! Loads, stores and atomic operations on general registers.
#![forbid(unsafe_code)]

use crate::ir::{Address, Args, Atomic, Fill, Insn, Op, Size};
use crate::state::SINK;
use crate::table::Row;
use crate::table::fields::{bit, bits, dest, or_sp, register, sign_extend, source};
use crate::table::register::EXTENDS;

/// Rows of this group.
pub const ROWS: &[Row] = &[
    Row::new(
        "ldr (literal)",
        "0b011000iiiiiiiiiiiiiiiiiiittttt",
        load_literal,
    ),
    Row::new(
        "ldrsw (literal)",
        "10011000iiiiiiiiiiiiiiiiiiittttt",
        load_literal,
    ),
    Row::new(
        "prfm (literal)",
        "11011000iiiiiiiiiiiiiiiiiiittttt",
        prefetch,
    ),
    Row::new(
        "ldr (literal, simd)",
        "ss011100iiiiiiiiiiiiiiiiiiittttt",
        load_literal_v,
    ),
    Row::new("stp", "z010100100iiiiiiiuuuuunnnnnttttt", pair),
    Row::new("ldp", "z010100101iiiiiiiuuuuunnnnnttttt", pair),
    Row::new("stp (post-index)", "z010100010iiiiiiiuuuuunnnnnttttt", pair),
    Row::new("ldp (post-index)", "z010100011iiiiiiiuuuuunnnnnttttt", pair),
    Row::new("stp (pre-index)", "z010100110iiiiiiiuuuuunnnnnttttt", pair),
    Row::new("ldp (pre-index)", "z010100111iiiiiiiuuuuunnnnnttttt", pair),
    Row::new("stnp", "z010100000iiiiiiiuuuuunnnnnttttt", pair),
    Row::new("ldnp", "z010100001iiiiiiiuuuuunnnnnttttt", pair),
    Row::new("ldpsw", "0110100101iiiiiiiuuuuunnnnnttttt", pair),
    Row::new(
        "ldpsw (post-index)",
        "0110100011iiiiiiiuuuuunnnnnttttt",
        pair,
    ),
    Row::new(
        "ldpsw (pre-index)",
        "0110100111iiiiiiiuuuuunnnnnttttt",
        pair,
    ),
    Row::new("stp (simd)", "ss10110100iiiiiiiuuuuunnnnnttttt", pair_v),
    Row::new("ldp (simd)", "ss10110101iiiiiiiuuuuunnnnnttttt", pair_v),
    Row::new(
        "stp (simd, post-index)",
        "ss10110010iiiiiiiuuuuunnnnnttttt",
        pair_v,
    ),
    Row::new(
        "ldp (simd, post-index)",
        "ss10110011iiiiiiiuuuuunnnnnttttt",
        pair_v,
    ),
    Row::new(
        "stp (simd, pre-index)",
        "ss10110110iiiiiiiuuuuunnnnnttttt",
        pair_v,
    ),
    Row::new(
        "ldp (simd, pre-index)",
        "ss10110111iiiiiiiuuuuunnnnnttttt",
        pair_v,
    ),
    Row::new("stnp (simd)", "ss10110000iiiiiiiuuuuunnnnnttttt", pair_v),
    Row::new("ldnp (simd)", "ss10110001iiiiiiiuuuuunnnnnttttt", pair_v),
    Row::new(
        "prfm (immediate)",
        "1111100110iiiiiiiiiiiinnnnnttttt",
        prefetch,
    ),
    Row::new("prfum", "11111000100iiiiiiiii00nnnnnttttt", prefetch),
    Row::new(
        "prfm (register)",
        "11111000101mmmmmo1os10nnnnnttttt",
        prefetch_register,
    ),
    Row::new(
        "ldr/str (unsigned offset)",
        "ss111001ooiiiiiiiiiiiinnnnnttttt",
        offset,
    ),
    Row::new("ldur/stur", "ss111000oo0iiiiiiiii00nnnnnttttt", offset),
    Row::new(
        "ldr/str (post-index)",
        "ss111000oo0iiiiiiiii01nnnnnttttt",
        offset,
    ),
    Row::new("ldtr/sttr", "ss111000oo0iiiiiiiii10nnnnnttttt", offset),
    Row::new(
        "ldr/str (pre-index)",
        "ss111000oo0iiiiiiiii11nnnnnttttt",
        offset,
    ),
    Row::new(
        "ldr/str (register)",
        "ss111000oo1mmmmmeeeh10nnnnnttttt",
        offset,
    ),
    Row::new(
        "ldr/str (simd, unsigned offset)",
        "ss111101ooiiiiiiiiiiiinnnnnttttt",
        offset_v,
    ),
    Row::new(
        "ldur/stur (simd)",
        "ss111100oo0iiiiiiiii00nnnnnttttt",
        offset_v,
    ),
    Row::new(
        "ldr/str (simd, post-index)",
        "ss111100oo0iiiiiiiii01nnnnnttttt",
        offset_v,
    ),
    Row::new(
        "ldr/str (simd, pre-index)",
        "ss111100oo0iiiiiiiii11nnnnnttttt",
        offset_v,
    ),
    Row::new(
        "ldr/str (simd, register)",
        "ss111100oo1mmmmmeeeh10nnnnnttttt",
        offset_v,
    ),
    Row::new("ldadd", "ss111000lr1mmmmm000000nnnnnttttt", atomic),
    Row::new("ldclr", "ss111000lr1mmmmm000100nnnnnttttt", atomic),
    Row::new("ldeor", "ss111000lr1mmmmm001000nnnnnttttt", atomic),
    Row::new("ldset", "ss111000lr1mmmmm001100nnnnnttttt", atomic),
    Row::new("ldsmax", "ss111000lr1mmmmm010000nnnnnttttt", atomic),
    Row::new("ldsmin", "ss111000lr1mmmmm010100nnnnnttttt", atomic),
    Row::new("ldumax", "ss111000lr1mmmmm011000nnnnnttttt", atomic),
    Row::new("ldumin", "ss111000lr1mmmmm011100nnnnnttttt", atomic),
    Row::new("swp", "ss111000lr1mmmmm100000nnnnnttttt", atomic),
    Row::new("ldapr", "ss11100010111111110000nnnnnttttt", load_acquire),
    Row::new("stxr", "ss001000000mmmmm011111nnnnnttttt", exclusive),
    Row::new("stlxr", "ss001000000mmmmm111111nnnnnttttt", exclusive),
    Row::new("ldxr", "ss00100001011111011111nnnnnttttt", exclusive),
    Row::new("ldaxr", "ss00100001011111111111nnnnnttttt", exclusive),
    Row::new("stxp", "1z001000001mmmmm0uuuuunnnnnttttt", exclusive_pair),
    Row::new("stlxp", "1z001000001mmmmm1uuuuunnnnnttttt", exclusive_pair),
    Row::new("ldxp", "1z001000011111110uuuuunnnnnttttt", exclusive_pair),
    Row::new("ldaxp", "1z001000011111111uuuuunnnnnttttt", exclusive_pair),
    Row::new("stllr", "ss00100010011111011111nnnnnttttt", store_release),
    Row::new("stlr", "ss00100010011111111111nnnnnttttt", store_release),
    Row::new("ldlar", "ss00100011011111011111nnnnnttttt", load_acquire),
    Row::new("ldar", "ss00100011011111111111nnnnnttttt", load_acquire),
    Row::new("cas", "ss0010001l1mmmmmr11111nnnnnttttt", compare_swap),
    Row::new(
        "casp",
        "0z0010000l1mmmmmr11111nnnnnttttt",
        compare_swap_pair,
    ),
];

fn prefetch(_: u32) -> Option<Insn> {
    Some(Insn::new(Op::Nop, Args::default(), 0))
}

fn prefetch_register(word: u32) -> Option<Insn> {
    bit(word, 14).then(|| Insn::new(Op::Nop, Args::default(), 0))
}

fn literal(word: u32) -> u64 {
    (sign_extend(bits(word, 23, 5), 19) * 4) as u64
}

fn load_literal(word: u32) -> Option<Insn> {
    let (size, fill) = match bits(word, 31, 30) {
        0 => (Size::B4, Fill::Zero),
        1 => (Size::B8, Fill::Zero),
        _ => (Size::B4, Fill::Sign64),
    };
    let args = Args {
        d: dest(word, 0),
        ..Args::default()
    };
    Some(Insn::new(
        Op::Load(size, fill, Address::Literal),
        args,
        literal(word),
    ))
}

fn load_literal_v(word: u32) -> Option<Insn> {
    if bits(word, 31, 30) == 3 {
        return None;
    }
    let size = Size::from_log2(bits(word, 31, 30) + 2)?;
    let args = Args {
        d: register(word, 0),
        ..Args::default()
    };
    Some(Insn::new(
        Op::LoadV(size, Address::Literal),
        args,
        literal(word),
    ))
}

/// Address mode and offset of a pair access of `size`.
fn pair_address(word: u32, size: Size) -> (Address, u64) {
    let mode = match bits(word, 24, 23) {
        1 => Address::PostIndex,
        3 => Address::PreIndex,
        _ => Address::Offset,
    };
    let offset = sign_extend(bits(word, 21, 15), 7) << size as u32;
    (mode, offset as u64)
}

fn pair(word: u32) -> Option<Insn> {
    let (size, fill) = match bits(word, 31, 30) {
        0 => (Size::B4, Fill::Zero),
        1 => (Size::B4, Fill::Sign64),
        _ => (Size::B8, Fill::Zero),
    };
    let (mode, offset) = pair_address(word, size);
    let load = bit(word, 22);
    let (t, u, n) = (register(word, 0), register(word, 10), register(word, 5));
    if mode != Address::Offset && n != 31 && (t == n || u == n) || load && t == u {
        // CONSTRAINED UNPREDICTABLE; undefined is one of the choices.
        return None;
    }
    let at = if load { dest } else { source };
    let args = Args {
        d: at(word, 0),
        a: at(word, 10),
        n: or_sp(word, 5),
        ..Args::default()
    };
    let op = if load {
        Op::LoadPair(size, fill, mode)
    } else {
        Op::StorePair(size, mode)
    };
    Some(Insn::new(op, args, offset))
}

fn pair_v(word: u32) -> Option<Insn> {
    if bits(word, 31, 30) == 3 {
        return None;
    }
    let size = Size::from_log2(bits(word, 31, 30) + 2)?;
    let (mode, offset) = pair_address(word, size);
    let args = Args {
        d: register(word, 0),
        a: register(word, 10),
        n: or_sp(word, 5),
        ..Args::default()
    };
    if !bit(word, 22) {
        return Some(Insn::new(Op::StorePairV(size, mode), args, offset));
    }
    if args.d == args.a {
        return None;
    }
    Some(Insn::new(Op::LoadPairV(size, mode), args, offset))
}

/// How a single-register access forms its address, with the shift of its offset register and the
/// offset. None for reserved extensions.
fn address(word: u32, size: Size) -> Option<(Address, u16, u64)> {
    let scale = size as u32;
    if bit(word, 24) {
        return Some((Address::Offset, 0, u64::from(bits(word, 21, 10)) << scale));
    }
    if bit(word, 21) {
        if !bit(word, 14) {
            return None;
        }
        let extend = EXTENDS[bits(word, 15, 13) as usize];
        let shift = if bit(word, 12) { scale as u16 } else { 0 };
        return Some((Address::Register(extend), shift, 0));
    }
    let mode = match bits(word, 11, 10) {
        1 => Address::PostIndex,
        3 => Address::PreIndex,
        _ => Address::Offset,
    };
    Some((mode, 0, sign_extend(bits(word, 20, 12), 9) as u64))
}

fn offset(word: u32) -> Option<Insn> {
    let log2 = bits(word, 31, 30);
    let size = Size::from_log2(log2)?;
    let (mode, x, offset) = address(word, size)?;
    let writeback = matches!(mode, Address::PreIndex | Address::PostIndex);
    if writeback && register(word, 0) == register(word, 5) && register(word, 5) != 31 {
        return None;
    }
    let fill = match bits(word, 23, 22) {
        0 => None,
        1 => Some(Fill::Zero),
        2 if log2 <= 2 => Some(Fill::Sign64),
        3 if log2 <= 1 => Some(Fill::Sign32),
        _ => return None,
    };
    let args = Args {
        d: if fill.is_some() {
            dest(word, 0)
        } else {
            source(word, 0)
        },
        n: or_sp(word, 5),
        m: source(word, 16),
        x,
        ..Args::default()
    };
    let op = match fill {
        Some(fill) => Op::Load(size, fill, mode),
        None => Op::Store(size, mode),
    };
    Some(Insn::new(op, args, offset))
}

fn offset_v(word: u32) -> Option<Insn> {
    let log2 = bits(word, 23, 23) << 2 | bits(word, 31, 30);
    let size = Size::from_log2(log2)?;
    let (mode, x, offset) = address(word, size)?;
    let args = Args {
        d: register(word, 0),
        n: or_sp(word, 5),
        m: source(word, 16),
        x,
        ..Args::default()
    };
    let op = if bit(word, 22) {
        Op::LoadV(size, mode)
    } else {
        Op::StoreV(size, mode)
    };
    Some(Insn::new(op, args, offset))
}

fn atomic(word: u32) -> Option<Insn> {
    const OPERATIONS: [Atomic; 9] = [
        Atomic::Add,
        Atomic::Clr,
        Atomic::Eor,
        Atomic::Set,
        Atomic::Smax,
        Atomic::Smin,
        Atomic::Umax,
        Atomic::Umin,
        Atomic::Swp,
    ];
    let args = Args {
        d: dest(word, 0),
        n: or_sp(word, 5),
        m: source(word, 16),
        ..Args::default()
    };
    let operation = OPERATIONS[bits(word, 15, 12) as usize];
    let size = Size::from_log2(bits(word, 31, 30))?;
    Some(Insn::new(Op::Atomic(operation, size), args, 0))
}

fn single(word: u32, load: bool) -> Args {
    Args {
        d: if load { dest(word, 0) } else { source(word, 0) },
        n: or_sp(word, 5),
        m: if load { SINK } else { dest(word, 16) },
        ..Args::default()
    }
}

fn load_acquire(word: u32) -> Option<Insn> {
    let size = Size::from_log2(bits(word, 31, 30))?;
    Some(Insn::new(Op::LoadAcquire(size), single(word, true), 0))
}

fn store_release(word: u32) -> Option<Insn> {
    let size = Size::from_log2(bits(word, 31, 30))?;
    Some(Insn::new(Op::StoreRelease(size), single(word, false), 0))
}

/// Whether a store-exclusive's status register is one of its other registers, which is
/// CONSTRAINED UNPREDICTABLE; undefined is one of the choices.
fn status_overlaps(word: u32, pair: bool) -> bool {
    let status = register(word, 16);
    let base = register(word, 5);
    status == register(word, 0)
        || pair && status == register(word, 10)
        || status == base && base != 31
}

fn exclusive(word: u32) -> Option<Insn> {
    let size = Size::from_log2(bits(word, 31, 30))?;
    if bit(word, 22) {
        return Some(Insn::new(Op::LoadExclusive(size), single(word, true), 0));
    }
    if status_overlaps(word, false) {
        return None;
    }
    Some(Insn::new(Op::StoreExclusive(size), single(word, false), 0))
}

fn exclusive_pair(word: u32) -> Option<Insn> {
    let size = Size::from_log2(bits(word, 31, 30))?;
    if bit(word, 22) {
        if register(word, 0) == register(word, 10) {
            return None;
        }
        let args = Args {
            a: dest(word, 10),
            ..single(word, true)
        };
        return Some(Insn::new(Op::LoadExclusivePair(size), args, 0));
    }
    if status_overlaps(word, true) {
        return None;
    }
    let args = Args {
        a: source(word, 10),
        ..single(word, false)
    };
    Some(Insn::new(Op::StoreExclusivePair(size), args, 0))
}

fn compare_swap(word: u32) -> Option<Insn> {
    let args = Args {
        d: source(word, 0),
        n: or_sp(word, 5),
        m: source(word, 16),
        a: dest(word, 16),
        ..Args::default()
    };
    let size = Size::from_log2(bits(word, 31, 30))?;
    Some(Insn::new(Op::CompareSwap(size), args, 0))
}

/// CASP: the second registers are `d` + 1 and `m` + 1; 31 cannot be named since both are even, but
/// X30 pairs with XZR, which the interpreter knows.
fn compare_swap_pair(word: u32) -> Option<Insn> {
    let args = Args {
        d: register(word, 0),
        n: or_sp(word, 5),
        m: register(word, 16),
        ..Args::default()
    };
    if args.d % 2 == 1 || args.m % 2 == 1 {
        return None;
    }
    let size = Size::from_log2(bits(word, 30, 30) + 2)?;
    Some(Insn::new(Op::CompareSwapPair(size), args, 0))
}
