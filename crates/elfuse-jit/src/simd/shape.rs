//! How integer instructions apply an operation on lanes to whole registers.
//!
//! A shape applied to an operation, a type of lanes and their number is one function.
#![forbid(unsafe_code)]

use std::marker::PhantomData;

use super::lanes::{
    Lane, commit, fill, fill_half, keep_lower, read, read_half, read_lane, register, write,
    write_lanes,
};
use super::view::{Vector, lanes};
use crate::ir::Args;
use crate::state::State;

/// An operation on the lanes of the destination and two sources, of which it may ignore some; it
/// sets `q` if it saturates.
pub(crate) trait Operation {
    /// The lane of the result.
    fn apply<L: Lane>(d: L, n: L, m: L, q: &mut bool) -> L;
}

/// An instruction on `N` lanes of a size.
pub(crate) trait Shape {
    /// Carry out the instruction.
    fn run<L: Lane, const N: usize>(state: &mut State, args: Args);
}

/// An instruction on `N` lanes of a size in one register and of twice the size in another. If it
/// is `HIGH`, the smaller lanes are in the upper half.
pub(crate) trait Halves {
    /// Carry out the instruction.
    fn run<L: Lane, const N: usize, const HIGH: bool>(state: &mut State, args: Args);
}

/// A narrowing operation.
pub(crate) trait Narrowing {
    /// The lane of the result.
    fn apply<L: Lane>(n: L::Wide, m: L::Wide, q: &mut bool) -> L;
}

/// Declares operations: types with an `apply`.
macro_rules! operations {
    ($($(#[$meta:meta])* $name:ident($d:pat_param, $n:pat_param, $m:pat_param, $q:pat_param) = $result:expr;)*) => { $(
        $(#[$meta])*
        pub(crate) struct $name;

        impl $crate::simd::shape::Operation for $name {
            #[inline(always)]
            fn apply<L: $crate::simd::lanes::Lane>($d: L, $n: L, $m: L, $q: &mut bool) -> L {
                $result
            }
        }
    )* };
}
pub(super) use operations;

/// Lane by lane.
pub(crate) struct Same<O>(PhantomData<O>);

impl<O: Operation> Shape for Same<O> {
    #[inline(always)]
    fn run<L: Lane, const N: usize>(state: &mut State, args: Args) {
        let d: &[L; N] = read(state, args.d);
        let n: &[L; N] = read(state, args.n);
        let m: &[L; N] = read(state, args.m);
        let mut q = false;
        let mut result = Vector::ZERO;
        fill::<L, N>(&mut result, |i| O::apply(d[i], n[i], m[i], &mut q));
        write(state, args.d, &result);
        commit(state, q);
    }
}

/// Lane by lane with one lane of the second source, which `x` numbers.
pub(crate) struct Element<O>(PhantomData<O>);

impl<O: Operation> Shape for Element<O> {
    #[inline(always)]
    fn run<L: Lane, const N: usize>(state: &mut State, args: Args) {
        with_constant::<O, L, N>(state, args, read_lane(state, args.m, args.x));
    }
}

/// Lane by lane with a small number, `x`, as second source.
pub(crate) struct Immediate<O>(PhantomData<O>);

impl<O: Operation> Shape for Immediate<O> {
    #[inline(always)]
    fn run<L: Lane, const N: usize>(state: &mut State, args: Args) {
        with_constant::<O, L, N>(state, args, L::from_bits(u64::from(args.x)));
    }
}

#[inline(always)]
fn with_constant<O: Operation, L: Lane, const N: usize>(state: &mut State, args: Args, m: L) {
    let d: &[L; N] = read(state, args.d);
    let n: &[L; N] = read(state, args.n);
    let mut q = false;
    let mut result = Vector::ZERO;
    fill::<L, N>(&mut result, |i| O::apply(d[i], n[i], m, &mut q));
    write(state, args.d, &result);
    commit(state, q);
}

/// Adjacent lanes of the sources, the first source's in the lower half of the result.
pub(crate) struct Pairwise<O>(PhantomData<O>);

impl<O: Operation> Shape for Pairwise<O> {
    #[inline(always)]
    fn run<L: Lane, const N: usize>(state: &mut State, args: Args) {
        let n: &[L; N] = read(state, args.n);
        let m: &[L; N] = read(state, args.m);
        let both = |i: usize| if i < N { n[i] } else { m[i - N] };
        let q = &mut false;
        let mut result = Vector::ZERO;
        fill::<L, N>(&mut result, |i| {
            O::apply(L::ZERO, both(2 * i), both(2 * i + 1), q)
        });
        write(state, args.d, &result);
    }
}

/// All lanes of the source to one.
pub(crate) struct Across<O>(PhantomData<O>);

impl<O: Operation> Shape for Across<O> {
    #[inline(always)]
    fn run<L: Lane, const N: usize>(state: &mut State, args: Args) {
        let n: &[L; N] = read(state, args.n);
        let q = &mut false;
        let all = n[1..]
            .iter()
            .fold(n[0], |all, &n| O::apply(L::ZERO, all, n, q));
        write_lanes(state, args.d, [all]);
    }
}

/// All lanes of the source to one of twice the size.
pub(crate) struct AcrossLong<O>(PhantomData<O>);

impl<O: Operation> Shape for AcrossLong<O> {
    #[inline(always)]
    fn run<L: Lane, const N: usize>(state: &mut State, args: Args) {
        let n: &[L; N] = read(state, args.n);
        let q = &mut false;
        let first = n[0].widen();
        let all = n[1..]
            .iter()
            .fold(first, |all, n| O::apply(first, all, n.widen(), q));
        write_lanes(state, args.d, [all]);
    }
}

/// Smaller lanes of the sources give larger ones.
pub(crate) struct Long<O>(PhantomData<O>);

impl<O: Operation> Halves for Long<O> {
    #[inline(always)]
    fn run<L: Lane, const N: usize, const HIGH: bool>(state: &mut State, args: Args) {
        let d: &[L::Wide; N] = read(state, args.d);
        let n: &[L; N] = read_half::<L, N, HIGH>(state, args.n);
        let m: &[L; N] = read_half::<L, N, HIGH>(state, args.m);
        let mut q = false;
        let mut result = Vector::ZERO;
        fill::<L::Wide, N>(&mut result, |i| {
            O::apply(d[i], n[i].widen(), m[i].widen(), &mut q)
        });
        write(state, args.d, &result);
        commit(state, q);
    }
}

/// As [`Long`], with one lane of the second source, which `x` numbers.
pub(crate) struct LongElement<O>(PhantomData<O>);

impl<O: Operation> Halves for LongElement<O> {
    #[inline(always)]
    fn run<L: Lane, const N: usize, const HIGH: bool>(state: &mut State, args: Args) {
        let m: L = read_lane(state, args.m, args.x);
        long_with_constant::<O, L, N, HIGH>(state, args, m.widen());
    }
}

/// As [`Long`], with a small number, `x`, as second source.
pub(crate) struct LongImmediate<O>(PhantomData<O>);

impl<O: Operation> Halves for LongImmediate<O> {
    #[inline(always)]
    fn run<L: Lane, const N: usize, const HIGH: bool>(state: &mut State, args: Args) {
        let m = L::Wide::from_bits(u64::from(args.x));
        long_with_constant::<O, L, N, HIGH>(state, args, m);
    }
}

#[inline(always)]
fn long_with_constant<O: Operation, L: Lane, const N: usize, const HIGH: bool>(
    state: &mut State,
    args: Args,
    m: L::Wide,
) {
    let d: &[L::Wide; N] = read(state, args.d);
    let n: &[L; N] = read_half::<L, N, HIGH>(state, args.n);
    let mut q = false;
    let mut result = Vector::ZERO;
    fill::<L::Wide, N>(&mut result, |i| O::apply(d[i], n[i].widen(), m, &mut q));
    write(state, args.d, &result);
    commit(state, q);
}

/// Larger lanes of the first source and smaller ones of the second give larger ones.
pub(crate) struct Wide<O>(PhantomData<O>);

impl<O: Operation> Halves for Wide<O> {
    #[inline(always)]
    fn run<L: Lane, const N: usize, const HIGH: bool>(state: &mut State, args: Args) {
        let n: &[L::Wide; N] = read(state, args.n);
        let m: &[L; N] = read_half::<L, N, HIGH>(state, args.m);
        let q = &mut false;
        let mut result = Vector::ZERO;
        fill::<L::Wide, N>(&mut result, |i| O::apply(n[i], n[i], m[i].widen(), q));
        write(state, args.d, &result);
    }
}

/// Larger lanes of the sources give smaller ones.
pub(crate) struct Narrow<O>(PhantomData<O>);

impl<O: Narrowing> Halves for Narrow<O> {
    #[inline(always)]
    fn run<L: Lane, const N: usize, const HIGH: bool>(state: &mut State, args: Args) {
        let n: &[L::Wide; N] = read(state, args.n);
        let m: &[L::Wide; N] = read(state, args.m);
        let mut q = false;
        let mut result = Vector::ZERO;
        keep_lower::<HIGH>(state, args.d, &mut result);
        fill_half::<L, N, HIGH>(&mut result, |i| O::apply(n[i], m[i], &mut q));
        write(state, args.d, &result);
        commit(state, q);
    }
}

/// Larger lanes of the source and a small number, `x`, give smaller lanes.
pub(crate) struct NarrowImmediate<O>(PhantomData<O>);

impl<O: Narrowing> Halves for NarrowImmediate<O> {
    #[inline(always)]
    fn run<L: Lane, const N: usize, const HIGH: bool>(state: &mut State, args: Args) {
        let n: &[L::Wide; N] = read(state, args.n);
        let m = L::Wide::from_bits(u64::from(args.x));
        let mut q = false;
        let mut result = Vector::ZERO;
        keep_lower::<HIGH>(state, args.d, &mut result);
        fill_half::<L, N, HIGH>(&mut result, |i| O::apply(n[i], m, &mut q));
        write(state, args.d, &result);
        commit(state, q);
    }
}

/// The four bytes of each lane of the sources multiplied and added up: `N` lanes of bytes.
pub(crate) struct Dot;

impl Shape for Dot {
    #[inline(always)]
    fn run<L: Lane, const N: usize>(state: &mut State, args: Args) {
        dot::<L, N>(state, args, *register(state, args.m));
    }
}

/// As [`Dot`], with one lane of the second source, which `x` numbers.
pub(crate) struct DotElement;

impl Shape for DotElement {
    #[inline(always)]
    fn run<L: Lane, const N: usize>(state: &mut State, args: Args) {
        let m: u32 = read_lane(state, args.m, args.x);
        dot::<L, N>(
            state,
            args,
            u128::from(m) * 0x00000001_00000001_00000001_00000001,
        );
    }
}

/// On `N` lanes of 32 bits, with the signedness of the bytes `B`.
#[inline(always)]
fn dot<L: Lane, const N: usize>(state: &mut State, args: Args, m: u128) {
    let d: &[i32; N] = read(state, args.d);
    let n: &[[L; 4]; N] = lanes(register(state, args.n));
    let m: &[[L; 4]; N] = lanes(&m);
    let product = |i: usize, k: usize| n[i][k].value() as i32 * m[i][k].value() as i32;
    let mut result = Vector::ZERO;
    fill::<i32, N>(&mut result, |i| {
        (0..4).fold(d[i], |sum, k| sum.wrapping_add(product(i, k)))
    });
    write(state, args.d, &result);
}
