//! Every `AdvSIMD` and floating-point encoding, on operands chosen to be difficult, gives what qemu-aarch64 gives.

#[path = "directed/harness.rs"]
mod harness;

use elfuse_jit::table::{fp, simd, simd_fp, simd_permute, simd_scalar, simd_shift};
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
        record.fpsr = 1 << 27;
    }
    if random.below(4) != 0 {
        record.fpcr = random.next() as u32 & MODES;
    }
    record
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
    compare("floating", fp::ROWS.iter(), 2 * ROUNDS, floats);
}

#[test]
fn vectors_of_floating_point() {
    compare("float-vectors", simd_fp::ROWS.iter(), 2 * ROUNDS, floats);
}
