//! AES, SHA-1, SHA-256 and multiplication of long polynomials.
#![forbid(unsafe_code)]

use std::array::from_fn;

use super::lanes::{fill, read, register, write, write_lanes};
use super::view::Vector;
use crate::ir::Args;
use crate::state::State;

/// Product in the field of AES: modulo x^8 + x^4 + x^3 + x + 1.
const fn field_mul(a: u8, b: u8) -> u8 {
    let (mut a, mut b, mut product) = (a, b, 0);
    while b != 0 {
        if b & 1 != 0 {
            product ^= a;
        }
        a = a << 1 ^ if a & 0x80 != 0 { 0x1b } else { 0 };
        b >>= 1;
    }
    product
}

/// The substitution of AES: the inverse in the field, then an affine map.
const SUBSTITUTE: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        // The inverse is the power 254.
        let (mut inverse, mut power) = (1, 1);
        while power < 255 {
            inverse = field_mul(inverse, i as u8);
            power += 1;
        }
        table[i] = inverse
            ^ inverse.rotate_left(1)
            ^ inverse.rotate_left(2)
            ^ inverse.rotate_left(3)
            ^ inverse.rotate_left(4)
            ^ 0x63;
        i += 1;
    }
    table
};

/// The inverse of [`SUBSTITUTE`].
const SUBSTITUTE_BACK: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        table[SUBSTITUTE[i] as usize] = i as u8;
        i += 1;
    }
    table
};

/// Add the key, shift rows, substitute: byte `i` comes from column `i / 4 + step * row`.
#[inline(always)]
fn aes_round(state: &mut State, args: Args, step: usize, table: &[u8; 256]) {
    let sum = (register(state, args.d) ^ register(state, args.n)).to_le_bytes();
    let mut result = Vector::ZERO;
    fill::<u8, 16>(&mut result, |i| {
        table[usize::from(sum[(i + 4 * step * (i % 4)) % 16])]
    });
    write(state, args.d, &result);
}

/// AESE.
pub(crate) fn aese(state: &mut State, args: Args) {
    aes_round(state, args, 1, &SUBSTITUTE);
}

/// AESD.
pub(crate) fn aesd(state: &mut State, args: Args) {
    aes_round(state, args, 3, &SUBSTITUTE_BACK);
}

/// Twice each byte, in the field of AES.
#[inline(always)]
fn double(bytes: u32) -> u32 {
    ((bytes & 0x7f7f_7f7f) << 1) ^ ((bytes >> 7 & 0x0101_0101) * 0x1b)
}

/// A column times the circulant matrix of 2, 3, 1, 1.
#[inline(always)]
fn mix_column(column: u32) -> u32 {
    let next = column.rotate_right(8);
    double(column ^ next) ^ next ^ column.rotate_right(16) ^ column.rotate_right(24)
}

/// AESMC.
pub(crate) fn aesmc(state: &mut State, args: Args) {
    let n: &[u32; 4] = read(state, args.n);
    let mut result = Vector::ZERO;
    fill::<u32, 4>(&mut result, |i| mix_column(n[i]));
    write(state, args.d, &result);
}

/// AESIMC. The inverse of a column's matrix is that matrix times the circulant one of 5, 0, 4, 0.
pub(crate) fn aesimc(state: &mut State, args: Args) {
    let n: &[u32; 4] = read(state, args.n);
    let mut result = Vector::ZERO;
    fill::<u32, 4>(&mut result, |i| {
        let far = n[i] ^ n[i].rotate_right(16);
        mix_column(n[i] ^ double(double(far)))
    });
    write(state, args.d, &result);
}

fn choose(x: u32, y: u32, z: u32) -> u32 {
    (y ^ z) & x ^ z
}

fn parity(x: u32, y: u32, z: u32) -> u32 {
    x ^ y ^ z
}

fn majority(x: u32, y: u32, z: u32) -> u32 {
    x & y | (x | y) & z
}

/// Four rounds of SHA-1: `d` holds a to d, `n` e, `m` the words with the constant added.
#[inline(always)]
fn sha1_rounds(state: &mut State, args: Args, mix: fn(u32, u32, u32) -> u32) {
    let [mut a, mut b, mut c, mut d] = *read::<u32, 4>(state, args.d);
    let [mut e] = *read::<u32, 1>(state, args.n);
    for word in *read::<u32, 4>(state, args.m) {
        let sum = a
            .rotate_left(5)
            .wrapping_add(mix(b, c, d))
            .wrapping_add(e)
            .wrapping_add(word);
        (a, b, c, d, e) = (sum, a, b.rotate_left(30), c, d);
    }
    write_lanes(state, args.d, [a, b, c, d]);
}

/// SHA1C.
pub(crate) fn sha1c(state: &mut State, args: Args) {
    sha1_rounds(state, args, choose);
}

/// SHA1P.
pub(crate) fn sha1p(state: &mut State, args: Args) {
    sha1_rounds(state, args, parity);
}

/// SHA1M.
pub(crate) fn sha1m(state: &mut State, args: Args) {
    sha1_rounds(state, args, majority);
}

/// SHA1H.
pub(crate) fn sha1h(state: &mut State, args: Args) {
    let [n] = *read::<u32, 1>(state, args.n);
    write_lanes(state, args.d, [n.rotate_left(30)]);
}

/// SHA1SU0.
pub(crate) fn sha1su0(state: &mut State, args: Args) {
    let (d, n, m) = (
        register(state, args.d),
        register(state, args.n),
        register(state, args.m),
    );
    let result = (n << 64 | d >> 64) ^ d ^ m;
    state.set_v(args.d, result);
}

/// SHA1SU1.
pub(crate) fn sha1su1(state: &mut State, args: Args) {
    let sum = register(state, args.d) ^ register(state, args.n) >> 32;
    let [a, b, c, d] = from_fn(|i| ((sum >> (32 * i)) as u32).rotate_left(1));
    write_lanes(state, args.d, [a, b, c, d ^ a.rotate_left(1)]);
}

/// Four rounds of SHA-256 on a to d and e to h, with the words of `m`.
#[inline(always)]
fn sha256_rounds(low: [u32; 4], high: [u32; 4], words: [u32; 4]) -> ([u32; 4], [u32; 4]) {
    let ([mut a, mut b, mut c, mut d], [mut e, mut f, mut g, mut h]) = (low, high);
    for word in words {
        let from_high = (e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25))
            .wrapping_add(choose(e, f, g))
            .wrapping_add(h)
            .wrapping_add(word);
        let from_low = (a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22))
            .wrapping_add(majority(a, b, c));
        (h, g, f, e) = (g, f, e, d.wrapping_add(from_high));
        (d, c, b, a) = (c, b, a, from_low.wrapping_add(from_high));
    }
    ([a, b, c, d], [e, f, g, h])
}

/// SHA256H: `d` holds a to d, `n` e to h.
pub(crate) fn sha256h(state: &mut State, args: Args) {
    let (low, high) = (*read(state, args.d), *read(state, args.n));
    let (low, _) = sha256_rounds(low, high, *read(state, args.m));
    write_lanes(state, args.d, low);
}

/// SHA256H2: `d` holds e to h, `n` a to d.
pub(crate) fn sha256h2(state: &mut State, args: Args) {
    let (low, high) = (*read(state, args.n), *read(state, args.d));
    let (_, high) = sha256_rounds(low, high, *read(state, args.m));
    write_lanes(state, args.d, high);
}

/// SHA256SU0.
pub(crate) fn sha256su0(state: &mut State, args: Args) {
    let d: &[u32; 4] = read(state, args.d);
    let [next] = *read::<u32, 1>(state, args.n);
    let mut result = Vector::ZERO;
    fill::<u32, 4>(&mut result, |i| {
        let word = if i < 3 { d[i + 1] } else { next };
        let mixed = word.rotate_right(7) ^ word.rotate_right(18) ^ word >> 3;
        d[i].wrapping_add(mixed)
    });
    write(state, args.d, &result);
}

/// SHA256SU1.
pub(crate) fn sha256su1(state: &mut State, args: Args) {
    let d: &[u32; 4] = read(state, args.d);
    let n: &[u32; 4] = read(state, args.n);
    let m: &[u32; 4] = read(state, args.m);
    let mut result = [0; 4];
    for i in 0..4 {
        let word = if i < 2 { m[i + 2] } else { result[i - 2] };
        let mixed = word.rotate_right(17) ^ word.rotate_right(19) ^ word >> 10;
        let earlier = if i < 3 { n[i + 1] } else { m[0] };
        result[i] = mixed.wrapping_add(d[i]).wrapping_add(earlier);
    }
    write_lanes(state, args.d, result);
}

/// PMULL of 64 bits, and PMULL2 if the upper halves are to be taken.
pub(crate) fn pmull<const HIGH: bool>(state: &mut State, args: Args) {
    let n = u128::from(read::<u64, 2>(state, args.n)[usize::from(HIGH)]);
    let m = read::<u64, 2>(state, args.m)[usize::from(HIGH)];
    let product = (0..64).fold(0, |sum, i| {
        sum ^ (n << i) & u128::from(m >> i & 1).wrapping_neg()
    });
    state.set_v(args.d, product);
}
