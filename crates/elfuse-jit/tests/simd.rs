//! Integer `AdvSIMD` instructions whose results are easily got wrong, and cryptography's published
//! examples.

use elfuse_jit::ir::Op;
use elfuse_jit::state::{FPSR, State};
use elfuse_jit::table;

/// Carry out an instruction.
fn step(state: &mut State, word: u32) {
    let insn = table::decode(word).expect("allocated");
    let Op::Helper(helper) = insn.op else {
        panic!("no helper");
    };
    helper(state, insn.args);
}

/// V0, and whether QC is set, after an instruction on V0 to V2.
fn after(word: u32, v: [u128; 3]) -> (u128, bool) {
    let mut state = State::new();
    state.v[..3].copy_from_slice(&v);
    step(&mut state, word);
    (state.v(0), state.x(FPSR) == 1 << 27)
}

/// The same halfword eight times.
fn halves(value: u16) -> u128 {
    u128::from(value) * 0x0001_0001_0001_0001_0001_0001_0001_0001
}

#[test]
fn products_saturate() {
    // sqrdmulh v0.8h, v1.8h, v2.8h
    let minima = [0, halves(0x8000), halves(0x8000)];
    assert_eq!(after(0x6e62_b420, minima), (halves(0x7fff), true));
    // sqdmlal v0.4s, v1.4h, v2.h[1]: the product saturates, then the sum.
    let v = [1, 0x8000, 0x8000_0000];
    assert_eq!(after(0x0f52_3020, v), (0x7fff_ffff, true));
    // sqrdmlsh s0, s1, s2
    let v = [0x8000_0000, 0x4000_0000, 0x4000_0000];
    assert_eq!(after(0x7e82_8c20, v), (0x8000_0000, true));
}

#[test]
fn sums_of_mixed_signedness_saturate() {
    // suqadd b0, b1
    assert_eq!(after(0x5e20_3820, [0x80, 0xff, 0]), (0x7f, false));
    assert_eq!(after(0x5e20_3820, [1, 0xff, 0]), (0x7f, true));
    // usqadd b0, b1
    assert_eq!(after(0x7e20_3820, [5, 0xfa, 0]), (0, true));
    assert_eq!(after(0x7e20_3820, [0xff, 0xff, 0]), (0xfe, false));
}

#[test]
fn shifts_reach_the_size() {
    // sqrshrun v0.8b, v1.8h, #8
    let v = [u128::MAX, 0x7fff_ff80, 0];
    assert_eq!(after(0x2f08_8c20, v), (0x8000, false));
    assert_eq!(after(0x2f08_8c20, [0, 0xff7f, 0]), (0, true));
    assert_eq!(after(0x2f08_8c20, [0, 0x7f7f_ff80, 0]), (0x7f00, false));
    // urshl d0, d1, d2
    let ones = u128::from(u64::MAX);
    assert_eq!(after(0x7ee2_5420, [0, ones, 0xc0]), (1, false));
    assert_eq!(after(0x7ee2_5420, [0, ones, 0xbf]), (0, false));
    assert_eq!(after(0x7ee2_5420, [0, ones, 0x80]), (0, false));
    // sri v0.2d, v1.2d, #64
    assert_eq!(after(0x6f40_4420, [7, u128::MAX, 0]), (7, false));
    // sqshlu v0.8b, v1.8b, #1
    assert_eq!(after(0x2f09_6420, [0, 0x807f, 0]), (0xfe, true));
}

#[test]
fn narrowing_to_the_upper_half_keeps_the_lower() {
    // sqxtun2 v0.16b, v1.8h
    let v = [u128::MAX, 0x0100_0001, 0];
    let expected = 0xff01 << 64 | u128::from(u64::MAX);
    assert_eq!(after(0x6e21_2820, v), (expected, true));
}

#[test]
fn tables_wrap_around_the_last_register() {
    let mut state = State::new();
    state.v[31] = 0x11;
    state.v[0] = 0x22;
    state.v[2] = 0x20_10_00;
    // tbl v0.16b, {v31.16b, v0.16b}, v2.16b
    step(&mut state, 0x4e02_23e0);
    let first = 0x1111_1111_1111_1111_1111_1111_1100_2211;
    assert_eq!(state.v(0), first);
    // tbx v0.8b, {v1.16b}, v2.8b
    state.v[1] = 0x33;
    step(&mut state, 0x0e02_1020);
    assert_eq!(state.v(0), 0x3333_3333_3300_2233);
}

#[test]
fn immediates_expand() {
    // fmov v0.2d, #-1.5
    let double = 0xbff8_0000_0000_0000_bff8_0000_0000_0000;
    assert_eq!(after(0x6f07_f700, [1; 3]), (double, false));
    // fmov v0.8h, #0.125
    assert_eq!(after(0x4f02_fc00, [1; 3]), (halves(0x3000), false));
    // fmov v0.2s, #31.0
    assert_eq!(after(0x0f01_f7e0, [1; 3]), (0x41f8_0000_41f8_0000, false));
    // movi v0.2d, #0xff00ff00ffff0000
    let bytes = 0xff00_ff00_ffff_0000_ff00_ff00_ffff_0000;
    assert_eq!(after(0x6f05_e580, [1; 3]), (bytes, false));
    // mvni v0.4s, #0x12, msl #16
    let words = 0xffed_0000_ffed_0000_ffed_0000_ffed_0000;
    assert_eq!(after(0x6f00_d640, [1; 3]), (words, false));
}

/// FIPS 197, appendix B: the first round.
#[test]
fn aes_rounds() {
    let start = u128::from_be(0x193d_e3be_a0f4_e22b_9ac6_8d2a_e9f8_4808);
    let shifted = u128::from_be(0xd4bf_5d30_e0b4_52ae_b841_11f1_1e27_98e5);
    let mixed = u128::from_be(0x0466_81e5_e0cb_199a_48f8_d37a_2806_264c);
    // aese v0.16b, v1.16b; aesmc v0.16b, v0.16b
    assert_eq!(after(0x4e28_4820, [start ^ 5, 5, 0]).0, shifted);
    assert_eq!(after(0x4e28_6800, [shifted, 0, 0]).0, mixed);
    // aesimc v0.16b, v0.16b; aesd v0.16b, v1.16b
    assert_eq!(after(0x4e28_7800, [mixed, 0, 0]).0, shifted);
    assert_eq!(after(0x4e28_5820, [shifted ^ 5, 5, 0]).0, start);
}

#[test]
fn squares_of_polynomials_spread_their_bits() {
    // pmull v0.1q, v1.1d, v2.1d
    let ones = u128::from(u64::MAX);
    assert_eq!(after(0x0ee2_e020, [0, ones, ones]).0, u128::MAX / 3);
}

/// The words of a message's only block: `abc`.
fn block() -> [u128; 4] {
    [0x61626380, 0, 0, 24 << 96]
}

/// FIPS 180-4's example of SHA-256.
#[test]
fn sha256_of_abc() {
    let (low, high) = (
        0xa54f_f53a_3c6e_f372_bb67_ae85_6a09_e667,
        0x5be0_cd19_1f83_d9ab_9b05_688c_510e_527f,
    );
    let mut state = State::new();
    let mut words = block();
    (state.v[0], state.v[1]) = (low, high);
    for group in 0..16 {
        state.v[2] = lanes_sum(words[0], constants(group));
        state.v[3] = state.v[0];
        // sha256h q0, q1, v2.4s; sha256h2 q1, q3, v2.4s
        step(&mut state, 0x5e02_4020);
        step(&mut state, 0x5e02_5061);
        words = {
            let mut next = State::new();
            next.v[0] = words[0];
            next.v[1] = words[1];
            next.v[2] = words[2];
            next.v[3] = words[3];
            // sha256su0 v0.4s, v1.4s; sha256su1 v0.4s, v2.4s, v3.4s
            step(&mut next, 0x5e28_2820);
            step(&mut next, 0x5e03_6040);
            [words[1], words[2], words[3], next.v[0]]
        };
    }
    let digest = (lanes_sum(state.v(0), low), lanes_sum(state.v(1), high));
    let expected = (
        0x5dae_2223_4141_40de_8f01_cfea_ba78_16bf,
        0xf200_15ad_b410_ff61_9617_7a9c_b003_61a3,
    );
    assert_eq!(digest, expected);
}

fn lanes_sum(a: u128, b: u128) -> u128 {
    (0..4).fold(0, |all, i| {
        let sum = ((a >> (32 * i)) as u32).wrapping_add((b >> (32 * i)) as u32);
        all | u128::from(sum) << (32 * i)
    })
}

/// Four of SHA-256's constants: fractions of the cube roots of primes.
fn constants(group: usize) -> u128 {
    let primes = (2u128..).filter(|n| (2..*n).all(|divisor| n % divisor != 0));
    let fractions = primes.skip(4 * group).take(4).map(|prime| {
        let shifted = prime << 96;
        let root = (0..40).rev().fold(0u128, |root, bit| {
            let larger = root | 1 << bit;
            if larger.pow(3) <= shifted {
                larger
            } else {
                root
            }
        });
        root & 0xffff_ffff
    });
    fractions
        .enumerate()
        .fold(0, |all, (i, k)| all | k << (32 * i))
}
