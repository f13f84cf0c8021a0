//! Every integer `AdvSIMD` encoding, on operands chosen to be difficult, gives what qemu-aarch64 gives.

#[path = "directed/harness.rs"]
mod harness;

use elfuse_jit::table::{simd, simd_permute, simd_scalar, simd_shift};
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
