//! Operations between lanes of one size and lanes of twice the size, and those that saturate.
#![forbid(unsafe_code)]

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{InstBuilder, Value};

use crate::compile::lift::{Lifter, NONE, OWN};
use crate::compile::vector::lanes::integers;
use crate::cpu::layout::{self, SCRATCH};
use crate::ir::{Args, Calculation, Extent, Lane, Narrowing, Operation, Source, Vector};
use crate::state::FPSR;

/// FPSR.QC.
const SATURATED: i64 = 1 << 27;

impl Lifter<'_, '_> {
    /// An operation of this module; `lane` is the smaller size.
    pub(super) fn between_sizes(&mut self, vector: Vector, lane: Lane, extent: Extent, args: Args) {
        let Args { d, n, m, .. } = args;
        let upper = extent == Extent::Full;
        let wide = lane.doubled();
        let value = match vector {
            Vector::Long(calculation) => {
                let value = self.long(calculation, lane, upper, args);
                self.combined(calculation.target, wide, d, value)
            }
            Vector::Wide(calculation) => {
                let (a, b) = (self.lanes(n, wide), self.lanes(m, lane));
                let b = self.widened(b, calculation.signed, upper);
                self.calculate(calculation, wide, a, b, 0)
            }
            Vector::HighHalf { sub, round } => {
                let value = self.high_half(sub, round, lane, args);
                self.narrowed_to(value, lane, upper, d)
            }
            Vector::Narrow {
                narrowing,
                signed,
                round,
            } => {
                let value = self.shifted_right(signed, round, lane, args);
                let value = self.clamped(value, narrowing, signed, lane);
                self.narrowed_to(value, lane, upper, d)
            }
            other => unreachable!("{other:?}"),
        };
        self.write_lanes(d, value, Extent::Full, lane);
    }

    fn long(&mut self, calculation: Calculation, lane: Lane, upper: bool, args: Args) -> Value {
        let Args { n, m, x, .. } = args;
        let signed = calculation.signed;
        let a = self.lanes(n, lane);
        let a = self.widened(a, signed, upper);
        let b = match calculation.source {
            Source::Immediate => a,
            Source::Element => {
                let b = self.lanes(m, lane);
                let b = self.duplicated(b, lane, x as u8);
                self.widened(b, signed, upper)
            }
            _ => {
                let b = self.lanes(m, lane);
                self.widened(b, signed, upper)
            }
        };
        if calculation.operation == Operation::AbsDiff {
            let difference = self.builder.ins().isub(a, b);
            return self.builder.ins().iabs(difference);
        }
        self.calculate(calculation, lane.doubled(), a, b, x.into())
    }

    fn high_half(&mut self, sub: bool, round: bool, lane: Lane, args: Args) -> Value {
        let wide = lane.doubled();
        let (a, b) = (self.lanes(args.n, wide), self.lanes(args.m, wide));
        let mut value = if sub {
            self.builder.ins().isub(a, b)
        } else {
            self.builder.ins().iadd(a, b)
        };
        if round {
            let half = self.all_lanes(wide, 1 << (lane.bits() - 1));
            value = self.builder.ins().iadd(value, half);
        }
        self.shift_right(value, wide, false, lane.bits())
    }

    fn shifted_right(&mut self, signed: bool, round: bool, lane: Lane, args: Args) -> Value {
        let wide = lane.doubled();
        let value = self.lanes(args.n, wide);
        let amount = u32::from(args.x);
        if round {
            self.shift_right_rounding(value, wide, signed, amount)
        } else {
            self.shift_right(value, wide, signed, amount)
        }
    }

    /// Lanes as values of half the size, of which only that half is used later.
    fn clamped(&mut self, value: Value, narrowing: Narrowing, signed: bool, lane: Lane) -> Value {
        let wide = lane.doubled();
        let ones = u64::MAX >> (64 - lane.bits());
        let (least, greatest) = match narrowing {
            Narrowing::Truncate => return value,
            Narrowing::Saturate if signed => (!(ones >> 1), ones >> 1),
            _ => (0, ones),
        };
        let greatest = self.all_lanes(wide, greatest);
        let mut clamped = self.minimum(value, greatest, signed);
        if signed {
            let least = self.all_lanes(wide, least);
            clamped = self.maximum(clamped, least, true);
        }
        let changed = self.builder.ins().bxor(clamped, value);
        self.note_saturation(changed);
        clamped
    }

    /// The low halves of lanes as half a register, with the other half of `d`, or 0.
    fn narrowed_to(&mut self, value: Value, lane: Lane, upper: bool, d: u8) -> Value {
        let value = self.cast(value, integers(lane));
        let zero = self.all_lanes(lane, 0);
        if !upper {
            return self.low_parts(value, zero, lane);
        }
        let value = self.low_parts(value, zero, lane);
        let before = self.lanes(d, lane);
        self.lower_halves(before, value)
    }

    /// The even lanes of two vectors, the first one's in the lower half.
    pub(super) fn low_parts(&mut self, a: Value, b: Value, lane: Lane) -> Value {
        let wide = integers(lane.doubled());
        if lane >= Lane::S {
            let (a, b) = (self.cast(a, integers(lane)), self.cast(b, integers(lane)));
            return self.shuffle_lanes(a, b, lane, |i| 2 * i);
        }
        let mask = self.all_lanes(lane.doubled(), u64::MAX >> (64 - lane.bits()));
        let (a, b) = (self.cast(a, wide), self.cast(b, wide));
        let a = self.builder.ins().band(a, mask);
        let b = self.builder.ins().band(b, mask);
        self.builder.ins().unarrow(a, b)
    }

    /// The even or odd lanes of two vectors.
    pub(super) fn unzipped(&mut self, a: Value, b: Value, lane: Lane, odd: bool) -> Value {
        if lane >= Lane::S {
            return self.shuffle_lanes(a, b, lane, |i| 2 * i + u8::from(odd));
        }
        if !odd {
            return self.low_parts(a, b, lane);
        }
        let wide = lane.doubled();
        let (a, b) = (self.cast(a, integers(wide)), self.cast(b, integers(wide)));
        let a = self.shift_right(a, wide, false, lane.bits());
        let b = self.shift_right(b, wide, false, lane.bits());
        self.builder.ins().unarrow(a, b)
    }

    /// Sums of adjacent lanes; `wide` is their size.
    pub(super) fn pair_long(&mut self, signed: bool, wide: Lane, value: Value) -> Value {
        if wide < Lane::D {
            let low = self.widened(value, signed, false);
            let high = self.widened(value, signed, true);
            // Cranelift makes one multiplication by ones of this.
            return self.builder.ins().iadd_pairwise(low, high);
        }
        let value = self.cast(value, integers(wide));
        let half = wide.bits() / 2;
        let low = self.shift_left(value, wide, half);
        let low = self.shift_right(low, wide, signed, half);
        let high = self.shift_right(value, wide, signed, half);
        self.builder.ins().iadd(low, high)
    }

    /// SADDLP and relatives; `wide` is the size of the sums.
    pub(super) fn pair_sums(
        &mut self,
        signed: bool,
        accumulate: bool,
        wide: Lane,
        extent: Extent,
        args: Args,
    ) {
        let Args { d, n, .. } = args;
        let lane = if wide == Lane::D {
            Lane::S
        } else if wide == Lane::S {
            Lane::H
        } else {
            Lane::B
        };
        let value = self.lanes(n, lane);
        let mut value = self.pair_long(signed, wide, value);
        if accumulate {
            let before = self.lanes(d, wide);
            value = self.builder.ins().iadd(before, value);
        }
        self.write_lanes(d, value, extent, wide);
    }

    /// SADDLV, UADDLV.
    pub(super) fn across_long(&mut self, signed: bool, lane: Lane, extent: Extent, args: Args) {
        let Args { d, n, .. } = args;
        let wide = lane.doubled();
        let value = self.lanes(n, lane);
        let sum = if lane == Lane::S {
            let sums = self.pair_long(signed, wide, value);
            let upper = self.upper_halves(sums, sums);
            self.builder.ins().iadd(sums, upper)
        } else {
            self.sum(value, lane, signed, extent)
        };
        let sum = self.cast(sum, integers(wide));
        self.write_lanes(d, sum, Extent::First, wide);
    }

    /// SQADD and relatives.
    pub(super) fn saturating(
        &mut self,
        sub: bool,
        signed: bool,
        lane: Lane,
        extent: Extent,
        args: Args,
    ) {
        let (a, b) = (self.lanes(args.n, lane), self.lanes(args.m, lane));
        let exact = if sub {
            self.builder.ins().isub(a, b)
        } else {
            self.builder.ins().iadd(a, b)
        };
        let value = match (sub, signed) {
            _ if lane >= Lane::S => self.saturating_words(sub, signed, lane, a, b, exact),
            (false, true) => self.builder.ins().sadd_sat(a, b),
            (false, false) => self.builder.ins().uadd_sat(a, b),
            (true, true) => self.builder.ins().ssub_sat(a, b),
            (true, false) => self.builder.ins().usub_sat(a, b),
        };
        let changed = self.builder.ins().bxor(value, exact);
        let changed = self.truncated(changed, extent, lane);
        self.note_saturation(changed);
        self.write_lanes(args.d, value, extent, lane);
    }

    /// Of the sizes that the host does not saturate.
    fn saturating_words(
        &mut self,
        sub: bool,
        signed: bool,
        lane: Lane,
        a: Value,
        b: Value,
        exact: Value,
    ) -> Value {
        if !signed {
            return if sub {
                let borrow = self.builder.ins().icmp(IntCC::UnsignedLessThan, a, b);
                self.builder.ins().band_not(exact, borrow)
            } else {
                let carry = self.builder.ins().icmp(IntCC::UnsignedLessThan, exact, a);
                self.builder.ins().bor(exact, carry)
            };
        }
        // It overflows if the result's sign differs from a's, and b's sign allows that.
        let differs = self.builder.ins().bxor(exact, a);
        let against = if sub { a } else { exact };
        let allows = self.builder.ins().bxor(against, b);
        let overflow = self.builder.ins().band(differs, allows);
        let overflow = self.shift_right(overflow, lane, true, lane.bits() - 1);
        let sign = self.shift_right(a, lane, true, lane.bits() - 1);
        let greatest = self.all_lanes(lane, (u64::MAX >> (64 - lane.bits())) >> 1);
        let nearest = self.builder.ins().bxor(sign, greatest);
        self.builder.ins().bitselect(overflow, nearest, exact)
    }

    /// Set QC if any bit is set. Nothing may be pending.
    fn note_saturation(&mut self, changed: Value) {
        let offset = SCRATCH + layout::general(FPSR);
        let any = self.builder.ins().vany_true(changed);
        let (cold, go_on) = (self.cold_block(), self.builder.create_block());
        self.builder.ins().brif(any, cold, &NONE, go_on, &NONE);
        self.builder.switch_to_block(cold);
        let flags = self.builder.ins().load(I64, OWN, self.cpu, offset);
        let flags = self.builder.ins().bor_imm_s(flags, SATURATED);
        self.builder.ins().store(OWN, flags, self.cpu, offset);
        self.builder.ins().jump(go_on, &NONE);
        self.builder.switch_to_block(go_on);
    }
}

/// Whether an operation may set QC.
pub(super) const fn saturates(vector: Vector) -> bool {
    match vector {
        Vector::Saturating { .. } => true,
        Vector::Narrow { narrowing, .. } => !matches!(narrowing, Narrowing::Truncate),
        _ => false,
    }
}

/// Whether the host has what an operation needs; helpers carry out others.
pub(super) const fn is_supported(vector: Vector, lane: Lane, extent: Extent) -> bool {
    match vector {
        // Clamping and multiplying lanes of 64 bits, or only the first of two results.
        Vector::Narrow {
            narrowing: Narrowing::Truncate,
            ..
        } => true,
        Vector::Narrow { .. } => {
            matches!(lane, Lane::B | Lane::H) && !matches!(extent, Extent::First)
        }
        Vector::Same(Calculation {
            operation: Operation::Mul,
            ..
        }) => !matches!(lane, Lane::D),
        _ => true,
    }
}
