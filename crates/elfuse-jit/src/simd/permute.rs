//! Instructions that move lanes: copies, immediates, permutations, tables.
#![forbid(unsafe_code)]

use std::array::from_fn;

use super::lanes::{Lane, fill, read, read_lane, register, register_mut, write};
use super::shape::Shape;
use super::view::{Vector, lanes, lanes_mut};
use crate::ir::Args;
use crate::state::State;

/// Declares shapes of instruction without an operation.
macro_rules! shapes {
    ($($(#[$meta:meta])* $name:ident$(<$(const $parameter:ident: $kind:ty),*>)?($state:ident, $args:ident) $body:block)*) => { $(
        $(#[$meta])*
        pub(crate) struct $name$(<$(const $parameter: $kind),*>)?;

        impl$(<$(const $parameter: $kind),*>)? Shape for $name$(<$($parameter),*>)? {
            #[inline(always)]
            fn run<L: Lane, const N: usize>($state: &mut State, $args: Args) $body
        }
    )* };
}

shapes! {
    /// DUP of lane `x`.
    Duplicate(state, args) {
        let lane: L = read_lane(state, args.n, args.x);
        let mut result = Vector::ZERO;
        fill::<L, N>(&mut result, |_| lane);
        write(state, args.d, &result);
    }

    /// DUP of a general register.
    DuplicateGeneral(state, args) {
        let lane = L::from_bits(state.x(args.n));
        let mut result = Vector::ZERO;
        fill::<L, N>(&mut result, |_| lane);
        write(state, args.d, &result);
    }

    /// INS of lane `a` as lane `x`.
    Insert(state, args) {
        let lane: L = read_lane(state, args.n, args.a.into());
        insert::<L, N>(state, args, lane);
    }

    /// INS of a general register as lane `x`.
    InsertGeneral(state, args) {
        let lane = L::from_bits(state.x(args.n));
        insert::<L, N>(state, args, lane);
    }

    /// SMOV to 32 bits, or to 64.
    MoveSigned<const LONG: bool>(state, args) {
        let value = read_lane::<L>(state, args.n, args.x).signed();
        if LONG {
            state.set_x(args.d, value as u64);
        } else {
            state.set_w(args.d, value as u32);
        }
    }

    /// UMOV.
    MoveUnsigned(state, args) {
        let value = read_lane::<L>(state, args.n, args.x).unsigned();
        state.set_x(args.d, value as u64);
    }

    /// REV16, REV32, REV64: the order of lanes within so many bits.
    Reverse<const BITS: u32>(state, args) {
        let n: &[L; N] = read(state, args.n);
        let last = (BITS / L::BITS - 1) as usize;
        let mut result = Vector::ZERO;
        fill::<L, N>(&mut result, |i| n[i ^ last]);
        write(state, args.d, &result);
    }

    /// ZIP1, or ZIP2 if `SECOND`.
    Zip<const SECOND: bool>(state, args) {
        let (n, m): (&[L; N], &[L; N]) = (read(state, args.n), read(state, args.m));
        let at = |i: usize| i / 2 + if SECOND { N / 2 } else { 0 };
        let mut result = Vector::ZERO;
        fill::<L, N>(&mut result, |i| if i % 2 == 0 { n[at(i)] } else { m[at(i)] });
        write(state, args.d, &result);
    }

    /// UZP1, or UZP2 if `SECOND`.
    Unzip<const SECOND: bool>(state, args) {
        let (n, m): (&[L; N], &[L; N]) = (read(state, args.n), read(state, args.m));
        let at = |i: usize| 2 * i % N + usize::from(SECOND);
        let mut result = Vector::ZERO;
        fill::<L, N>(&mut result, |i| if 2 * i < N { n[at(i)] } else { m[at(i)] });
        write(state, args.d, &result);
    }

    /// TRN1, or TRN2 if `SECOND`.
    Transpose<const SECOND: bool>(state, args) {
        let (n, m): (&[L; N], &[L; N]) = (read(state, args.n), read(state, args.m));
        let at = |i: usize| i / 2 * 2 + usize::from(SECOND);
        let mut result = Vector::ZERO;
        fill::<L, N>(&mut result, |i| if i % 2 == 0 { n[at(i)] } else { m[at(i)] });
        write(state, args.d, &result);
    }

    /// TBL with `REGISTERS`, or TBX if indices out of range are to `KEEP` the destination.
    Table<const REGISTERS: usize, const KEEP: bool>(state, args) {
        let d: &[u8; N] = read(state, args.d);
        let m: &[u8; N] = read(state, args.m);
        let table: [&[u8; 16]; REGISTERS] = from_fn(|i| read(state, args.n + i as u8));
        let mut result = Vector::ZERO;
        fill::<u8, N>(&mut result, |i| match table.get(usize::from(m[i] / 16)) {
            Some(part) => part[usize::from(m[i] % 16)],
            None if KEEP => d[i],
            None => 0,
        });
        write(state, args.d, &result);
    }
}

#[inline(always)]
fn insert<L: Lane, const N: usize>(state: &mut State, args: Args, lane: L) {
    let vector: &mut [L; N] = lanes_mut(register_mut(state, args.d));
    vector[usize::from(args.x) % N] = lane;
}

/// EXT from byte `x`, of 8 or, if `FULL`, 16 bytes.
pub(crate) fn extract<const FULL: bool>(state: &mut State, args: Args) {
    let (n, m, bits) = (register(state, args.n), register(state, args.m), 8 * args.x);
    let result = match (FULL, bits) {
        (true, 0) => *n,
        (true, _) => n >> bits | m << (128 - bits),
        (false, _) => u128::from(((n & u128::from(u64::MAX) | m << 64) >> bits) as u64),
    };
    *register_mut(state, args.d) = result;
}

/// A 64-bit immediate of both halves of a vector, as [`Args`] hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// The same 32 bits twice.
    Words,
    /// A bit for each byte.
    Bytes,
    /// The topmost 16 bits; the others are clear.
    Top,
}

impl Pattern {
    /// What an immediate of MOVI, MVNI, ORR, BIC or FMOV is, and the operands that hold it.
    pub(crate) fn pack(immediate: u64, d: u8) -> (Self, Args) {
        let word = immediate as u32;
        let (kind, x, n, m) = if immediate >> 32 == u64::from(word) {
            (
                Self::Words,
                word as u16,
                (word >> 16) as u8,
                (word >> 24) as u8,
            )
        } else if immediate << 16 == 0 {
            (Self::Top, (immediate >> 48) as u16, 0, 0)
        } else {
            let bytes = (0..8).map(|i| ((immediate >> (8 * i) & 1) as u16) << i);
            (Self::Bytes, bytes.sum(), 0, 0)
        };
        (kind, Args { d, n, m, a: 0, x })
    }
}

/// The immediate that [`Pattern::pack`] made of this kind.
#[inline(always)]
fn unpack<const KIND: u8>(args: Args) -> u64 {
    let x = u64::from(args.x);
    match KIND {
        WORDS => (x | u64::from(args.n) << 16 | u64::from(args.m) << 24) * 0x1_0000_0001,
        BYTES => (0..8).fold(0, |all, i| all | ((x >> i & 1) * 0xff) << (8 * i)),
        _ => x << 48,
    }
}

/// [`Pattern::Words`] as a parameter.
pub(crate) const WORDS: u8 = Pattern::Words as u8;
/// [`Pattern::Bytes`] as a parameter.
pub(crate) const BYTES: u8 = Pattern::Bytes as u8;
/// [`Pattern::Top`] as a parameter.
pub(crate) const TOP: u8 = Pattern::Top as u8;

/// What to do with an immediate.
pub(crate) trait WithImmediate {
    /// The half of a vector that results.
    fn apply(d: u64, immediate: u64) -> u64;
}

/// MOVI, MVNI, FMOV.
pub(crate) struct Set;

impl WithImmediate for Set {
    #[inline(always)]
    fn apply(_: u64, immediate: u64) -> u64 {
        immediate
    }
}

/// ORR.
pub(crate) struct SetBits;

impl WithImmediate for SetBits {
    #[inline(always)]
    fn apply(d: u64, immediate: u64) -> u64 {
        d | immediate
    }
}

/// BIC.
pub(crate) struct ClearBits;

impl WithImmediate for ClearBits {
    #[inline(always)]
    fn apply(d: u64, immediate: u64) -> u64 {
        d & !immediate
    }
}

/// An instruction with an immediate of this kind, on one or two halves.
pub(crate) fn immediate<O: WithImmediate, const KIND: u8, const N: usize>(
    state: &mut State,
    args: Args,
) {
    let immediate = unpack::<KIND>(args);
    let d: &[u64; N] = lanes(register(state, args.d));
    let mut result = Vector::ZERO;
    fill::<u64, N>(&mut result, |i| O::apply(d[i], immediate));
    write(state, args.d, &result);
}
