//! Rare integer instructions, as helpers: CRC32 and flag manipulation.
#![forbid(unsafe_code)]

use crate::ir::Args;
use crate::state::State;

/// What bytes of a message, followed by up to seven others, add to its CRC.
type Tables = [[u32; 256]; 8];

/// Of a reflected polynomial.
const fn crc_tables(polynomial: u32) -> Tables {
    let mut tables = [[0; 256]; 8];
    let mut i = 0;
    while i < 256 {
        let (mut value, mut round) = (i as u32, 0);
        while round < 8 * 8 {
            value = value >> 1 ^ if value & 1 != 0 { polynomial } else { 0 };
            round += 1;
            if round % 8 == 0 {
                tables[round / 8 - 1][i] = value;
            }
        }
        i += 1;
    }
    tables
}

static CRC32: Tables = crc_tables(0xEDB8_8320);
static CRC32C: Tables = crc_tables(0x82F6_3B78);

#[inline(always)]
fn crc<const BYTES: usize>(tables: &Tables, value: u64, data: u64) -> u64 {
    let value = value as u32;
    let mixed = (u64::from(value) ^ data).to_le_bytes();
    let rest = value.checked_shr(8 * BYTES as u32).unwrap_or(0);
    let sum = (0..BYTES).fold(rest, |sum, i| {
        sum ^ tables[BYTES - 1 - i][usize::from(mixed[i])]
    });
    u64::from(sum)
}

/// CRC32B, CRC32H, CRC32W, CRC32X of values.
#[must_use]
pub extern "sysv64" fn crc32_of<const BYTES: usize>(value: u64, data: u64) -> u64 {
    crc::<BYTES>(&CRC32, value, data)
}

/// CRC32CB, CRC32CH, CRC32CW, CRC32CX of values.
#[must_use]
pub extern "sysv64" fn crc32c_of<const BYTES: usize>(value: u64, data: u64) -> u64 {
    crc::<BYTES>(&CRC32C, value, data)
}

/// CRC32B, CRC32H, CRC32W, CRC32X.
pub fn crc32<const BYTES: usize>(state: &mut State, args: Args) {
    let value = crc32_of::<BYTES>(state.x(args.n), state.x(args.m));
    state.set_x(args.d, value);
}

/// CRC32CB, CRC32CH, CRC32CW, CRC32CX.
pub fn crc32c<const BYTES: usize>(state: &mut State, args: Args) {
    let value = crc32c_of::<BYTES>(state.x(args.n), state.x(args.m));
    state.set_x(args.d, value);
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
