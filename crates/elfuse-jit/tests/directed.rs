//! Every `AdvSIMD` and floating-point encoding, on operands chosen to be difficult, gives what qemu-aarch64 gives.

#[path = "directed/harness.rs"]
mod harness;

use std::collections::HashSet;

use elfuse_jit::ir::Op;
use elfuse_jit::state::State;
use elfuse_jit::table::{self, Row, fp, simd, simd_fp, simd_permute, simd_scalar, simd_shift};
use harness::{Random, Record, compare};

/// How often each instruction word is carried out.
const ROUNDS: usize = 40;

fn integers(random: &mut Random) -> Record {
    let mut record = Record {
        v: [(); 8].map(|()| random.integers()),
        x: [(); 4].map(|()| random.integer(64)),
        ..Record::default()
    };
    if random.below(4) == 0 {
        record.v[2] = record.v[1];
    }
    if random.below(4) == 0 {
        record.fpsr = 1 << 27;
    }
    record
}

/// AHP, DN, FZ, `RMode`, FZ16.
const MODES: u32 = 0x07C8_0000;
/// QC, IDC, IXC, UFC, OFC, DZC, IOC.
const FLAGS: u32 = 0x0800_009F;

fn floats(random: &mut Random) -> Record {
    let bits = random.pick(&[16, 32, 64]);
    let mut record = Record {
        v: [(); 8].map(|()| random.floats(bits)),
        x: [(); 4].map(|()| random.integer(64)),
        nzcv: (random.below(16) as u32) << 28,
        ..Record::default()
    };
    match random.below(8) {
        0 => record.v[2] = record.v[1],
        1 => record.v[2] = record.v[1] ^ 1 << (bits - 1),
        2 => record.v[2] = record.v[1] ^ 1,
        _ => {}
    }
    if random.below(4) == 0 {
        record.fpsr = random.next() as u32 & FLAGS;
    }
    if random.below(4) != 0 {
        record.fpcr = random.next() as u32 & MODES;
    }
    record
}

#[test]
fn no_row_of_vectors_or_floating_point_is_left_out() {
    // "Data processing -- scalar floating-point and Advanced SIMD" has 111 in bits 27 to 25.
    const CLASS: u32 = 7 << 25;
    let groups = [
        simd::ROWS,
        simd_permute::ROWS,
        simd_scalar::ROWS,
        simd_shift::ROWS,
        fp::ROWS,
        simd_fp::ROWS,
    ];
    let in_class = |row: &&Row| row.mask & row.value & CLASS == CLASS;
    let all: HashSet<_> = table::rows().filter(in_class).map(|row| row.name).collect();
    let compared = groups.iter().copied().flatten().map(|row| row.name);
    assert_eq!(all, compared.collect());
}

#[test]
fn vectors() {
    compare("vectors", simd::ROWS.iter(), ROUNDS, integers);
}

#[test]
fn permutations_and_immediates() {
    compare("permutations", simd_permute::ROWS.iter(), ROUNDS, integers);
}

#[test]
fn scalars_and_cryptography() {
    compare("scalars", simd_scalar::ROWS.iter(), ROUNDS, integers);
}

#[test]
fn shifts_and_elements() {
    compare("shifts", simd_shift::ROWS.iter(), ROUNDS, integers);
}

#[test]
fn floating_point() {
    let rows = fp::ROWS.iter().filter(|row| row.name != JAVASCRIPT);
    compare("floating", rows, 2 * ROUNDS, floats);
}

/// Of this, qemu 7.2 takes a denormal operand that FZ flushes for a zero:
/// <https://gitlab.com/qemu-project/qemu/-/issues/2375>.
const JAVASCRIPT: &str = "fjcvtzs";

#[test]
fn conversions_of_javascript() {
    const FZ: u32 = 1 << 24;
    let rows = fp::ROWS.iter().filter(|row| row.name == JAVASCRIPT);
    compare("javascript", rows, 2 * ROUNDS, |random| {
        let mut record = floats(random);
        record.fpcr &= !FZ;
        record
    });
}

#[test]
fn vectors_of_floating_point() {
    let rows = simd_fp::ROWS.iter().filter(|row| row.name != NARROW);
    compare("float-vectors", rows, 2 * ROUNDS, floats);
}

/// Of this, qemu 7.2 extends negative results to 32 bits.
const NARROW: &str = "fcvtzs (SISD scalar, fixed-point, half)";

#[test]
fn half_precision_becomes_16_bits() {
    const FCVTZS_H0_H1_16: u32 = 0x5f10_fc20;
    const MINUS_ONE_64TH: u128 = 0xa400;
    assert_eq!(
        table::lookup(FCVTZS_H0_H1_16).map(|row| row.name),
        Some(NARROW)
    );
    let insn = table::decode(FCVTZS_H0_H1_16).expect("defined");
    let Op::Helper(helper) = insn.op else {
        panic!("not a helper");
    };
    let mut state = State::new();
    state.v[1] = MINUS_ONE_64TH;
    helper(&mut state, insn.args);
    assert_eq!(state.v[0], 0xfc00);
}
