//! Rare integer instructions, as helpers: CRC32 and flag manipulation.
#![forbid(unsafe_code)]

use crate::ir::Args;
use crate::state::State;

/// CRC table of a reflected polynomial.
const fn crc_table(polynomial: u32) -> [u32; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let (mut value, mut round) = (i as u32, 0);
        while round < 8 {
            value = value >> 1 ^ if value & 1 != 0 { polynomial } else { 0 };
            round += 1;
        }
        table[i] = value;
        i += 1;
    }
    table
}

static CRC32: [u32; 256] = crc_table(0xEDB8_8320);
static CRC32C: [u32; 256] = crc_table(0x82F6_3B78);

fn crc(table: &[u32; 256], mut value: u32, data: u64, bytes: usize) -> u32 {
    for byte in &data.to_le_bytes()[..bytes] {
        value = value >> 8 ^ table[usize::from(value as u8 ^ byte)];
    }
    value
}

/// CRC32B, CRC32H, CRC32W, CRC32X.
pub fn crc32<const BYTES: usize>(state: &mut State, args: Args) {
    let value = crc(&CRC32, state.w(args.n), state.x(args.m), BYTES);
    state.set_w(args.d, value);
}

/// CRC32CB, CRC32CH, CRC32CW, CRC32CX.
pub fn crc32c<const BYTES: usize>(state: &mut State, args: Args) {
    let value = crc(&CRC32C, state.w(args.n), state.x(args.m), BYTES);
    state.set_w(args.d, value);
}

/// Changes nothing.
pub fn keep(_: &mut State, _: Args) {}

/// RMIF: bits of register `n` rotated right by `a` replace the flags that `x` selects.
pub fn rmif(state: &mut State, args: Args) {
    let new = (state.x(args.n).rotate_right(u32::from(args.a)) as u32) << 28;
    let mask = u32::from(args.x) << 28;
    state.set_nzcv(state.nzcv() & !mask | new & mask);
}

/// SETF8, SETF16: N, Z and V from the low `x` bits of register `n`; C stays.
pub fn setf(state: &mut State, args: Args) {
    let (value, size) = (state.w(args.n), u32::from(args.x));
    let negative = value >> (size - 1) & 1;
    let zero = u32::from(value << (32 - size) == 0);
    let overflow = (value >> size ^ value >> (size - 1)) & 1;
    let carry = state.nzcv() & 1 << 29;
    state.set_nzcv(negative << 31 | zero << 30 | carry | overflow << 28);
}

/// CFINV.
pub fn cfinv(state: &mut State, _: Args) {
    state.set_nzcv(state.nzcv() ^ 1 << 29);
}
