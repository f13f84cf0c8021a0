//! Operations on integer lanes.
#![forbid(unsafe_code)]

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I16X8;
use cranelift_codegen::ir::{InstBuilder, Value};

use crate::compile::lift::Lifter;
use crate::compile::vector::lanes::integers;
use crate::ir::{Args, Calculation, Choice, Extent, Lane, Operation, Source, Target, Vector};

impl Lifter<'_, '_> {
    /// An operation of this module.
    pub(super) fn integers(&mut self, vector: Vector, lane: Lane, extent: Extent, args: Args) {
        let Args { d, n, m, x, .. } = args;
        let value = match vector {
            Vector::Same(calculation) => {
                let (a, b) = self.operands(calculation.source, lane, args);
                let value = self.calculate(calculation, lane, a, b, x.into());
                self.combined(calculation.target, lane, d, value)
            }
            Vector::Pairwise(calculation) => {
                let (a, b) = (self.lanes(n, lane), self.lanes(m, lane));
                self.pairwise(calculation, lane, extent, a, b)
            }
            Vector::Across(calculation) => {
                let value = self.lanes(n, lane);
                let value = self.across(calculation, lane, extent, value);
                return self.write_lanes(d, value, Extent::First, lane);
            }
            Vector::Choose(choice) => self.choose(choice, args),
            Vector::Not => {
                let value = self.lanes(n, lane);
                self.builder.ins().bnot(value)
            }
            Vector::CountOnes => {
                let value = self.lanes(n, lane);
                self.builder.ins().popcnt(value)
            }
            Vector::ReverseBits => self.reverse_bits(n),
            Vector::ShiftLeftInsert | Vector::ShiftRightInsert => {
                self.shift_insert(vector, lane, args)
            }
            Vector::Dot { signed, element } => self.dot(signed, element, args),
            other => unreachable!("{other:?}"),
        };
        self.write_lanes(d, value, extent, lane);
    }

    /// The two operands of a calculation.
    fn operands(&mut self, source: Source, lane: Lane, args: Args) -> (Value, Value) {
        let n = self.lanes(args.n, lane);
        match source {
            Source::Registers => (n, self.lanes(args.m, lane)),
            Source::Element => {
                let m = self.lanes(args.m, lane);
                (n, self.duplicated(m, lane, args.x as u8))
            }
            Source::Immediate => (n, n),
            Source::WithZero => (n, self.all_lanes(lane, 0)),
            Source::FromZero => (self.all_lanes(lane, 0), n),
        }
    }

    /// Its result, which has its shift from `amount`.
    pub(super) fn calculate(
        &mut self,
        calculation: Calculation,
        lane: Lane,
        a: Value,
        b: Value,
        amount: u32,
    ) -> Value {
        let Calculation {
            operation, signed, ..
        } = calculation;
        match operation {
            Operation::And => self.builder.ins().band(a, b),
            Operation::AndNot => self.builder.ins().band_not(a, b),
            Operation::Or => self.builder.ins().bor(a, b),
            Operation::OrNot => self.builder.ins().bor_not(a, b),
            Operation::Xor => self.builder.ins().bxor(a, b),
            Operation::Add => self.builder.ins().iadd(a, b),
            Operation::Sub => self.builder.ins().isub(a, b),
            Operation::Mul if lane == Lane::B => self.multiply_bytes(a, b),
            Operation::Mul => self.builder.ins().imul(a, b),
            Operation::Max => self.maximum(a, b, signed),
            Operation::Min => self.minimum(a, b, signed),
            Operation::AbsDiff if calculation.source == Source::WithZero => {
                self.builder.ins().iabs(a)
            }
            Operation::AbsDiff => {
                let (high, low) = (self.maximum(a, b, signed), self.minimum(a, b, signed));
                self.builder.ins().isub(high, low)
            }
            Operation::HalvingAdd | Operation::RoundingHalvingAdd | Operation::HalvingSub => {
                self.halving(operation, lane, signed, a, b)
            }
            Operation::Equal => self.builder.ins().icmp(IntCC::Equal, a, b),
            Operation::Greater if signed => self.builder.ins().icmp(IntCC::SignedGreaterThan, a, b),
            Operation::Greater => self.builder.ins().icmp(IntCC::UnsignedGreaterThan, a, b),
            Operation::GreaterEqual if signed => {
                self.builder
                    .ins()
                    .icmp(IntCC::SignedGreaterThanOrEqual, a, b)
            }
            Operation::GreaterEqual => {
                self.builder
                    .ins()
                    .icmp(IntCC::UnsignedGreaterThanOrEqual, a, b)
            }
            Operation::Test => {
                let common = self.builder.ins().band(a, b);
                let zero = self.all_lanes(lane, 0);
                let none = self.equal(common, zero);
                self.builder.ins().bnot(none)
            }
            Operation::ShiftLeft => self.shift_left(a, lane, amount),
            Operation::ShiftRight => self.shift_right(a, lane, signed, amount),
            Operation::RoundingShiftRight => self.shift_right_rounding(a, lane, signed, amount),
        }
    }

    /// The result combined with the destination.
    pub(super) fn combined(&mut self, target: Target, lane: Lane, d: u8, value: Value) -> Value {
        match target {
            Target::Replace => value,
            Target::Add => {
                let before = self.lanes(d, lane);
                self.builder.ins().iadd(before, value)
            }
            Target::Sub => {
                let before = self.lanes(d, lane);
                self.builder.ins().isub(before, value)
            }
        }
    }

    /// Products of bytes: the host multiplies halfwords.
    fn multiply_bytes(&mut self, a: Value, b: Value) -> Value {
        let (a, b) = (self.cast(a, I16X8), self.cast(b, I16X8));
        let even = self.builder.ins().imul(a, b);
        let low = self.all_lanes(Lane::H, 0xff);
        let even = self.builder.ins().band(even, low);
        let a = self.shift_right(a, Lane::H, false, 8);
        let b = self.shift_right(b, Lane::H, false, 8);
        let odd = self.builder.ins().imul(a, b);
        let odd = self.shift_left(odd, Lane::H, 8);
        let value = self.builder.ins().bor(even, odd);
        self.cast(value, integers(Lane::B))
    }

    /// Half of sums and differences, which need a bit more than there is.
    fn halving(
        &mut self,
        operation: Operation,
        lane: Lane,
        signed: bool,
        a: Value,
        b: Value,
    ) -> Value {
        if operation == Operation::RoundingHalvingAdd && !signed && lane < Lane::S {
            return self.builder.ins().avg_round(a, b);
        }
        let differ = self.builder.ins().bxor(a, b);
        let half = self.shift_right(differ, lane, signed, 1);
        match operation {
            Operation::HalvingAdd => {
                let both = self.builder.ins().band(a, b);
                self.builder.ins().iadd(both, half)
            }
            Operation::RoundingHalvingAdd => {
                let either = self.builder.ins().bor(a, b);
                self.builder.ins().isub(either, half)
            }
            _ => {
                let borrowed = self.builder.ins().band_not(b, a);
                self.builder.ins().isub(half, borrowed)
            }
        }
    }

    fn choose(&mut self, choice: Choice, args: Args) -> Value {
        let (d, n, m) = (self.v(args.d), self.v(args.n), self.v(args.m));
        let (by, yes, no) = match choice {
            Choice::ByDestination => (d, n, m),
            Choice::IfTrue => (m, n, d),
            Choice::IfFalse => (m, d, n),
        };
        self.builder.ins().bitselect(by, yes, no)
    }

    /// By two tables of reversed nibbles.
    fn reverse_bits(&mut self, n: u8) -> Value {
        const LOW: u128 = 0xf070_b030_d050_9010_e060_a020_c040_8000;
        let value = self.lanes(n, Lane::B);
        let nibbles = self.all_lanes(Lane::B, 15);
        let low = self.builder.ins().band(value, nibbles);
        let high = self.shift_right(value, Lane::B, false, 4);
        let table = self.vector_constant(LOW, integers(Lane::B));
        let low = self.builder.ins().swizzle(table, low);
        let table = self.vector_constant(LOW >> 4, integers(Lane::B));
        let high = self.builder.ins().swizzle(table, high);
        self.builder.ins().bor(low, high)
    }

    fn shift_insert(&mut self, vector: Vector, lane: Lane, args: Args) -> Value {
        let Args { d, n, x, .. } = args;
        let (value, before) = (self.lanes(n, lane), self.lanes(d, lane));
        let (amount, ones) = (u32::from(x), u64::MAX >> (64 - lane.bits()));
        let (value, kept) = if vector == Vector::ShiftLeftInsert {
            let value = self.shift_left(value, lane, amount);
            (value, !(ones << amount))
        } else {
            let value = self.shift_right(value, lane, false, amount);
            (value, !ones.checked_shr(amount).unwrap_or(0))
        };
        let kept = self.all_lanes(lane, kept);
        let before = self.builder.ins().band(before, kept);
        self.builder.ins().bor(value, before)
    }

    /// Adjacent lanes of `a`, then of `b`.
    fn pairwise(
        &mut self,
        calculation: Calculation,
        lane: Lane,
        extent: Extent,
        a: Value,
        b: Value,
    ) -> Value {
        let (a, b) = if extent == Extent::Full {
            (a, b)
        } else {
            let both = self.lower_halves(a, b);
            (both, both)
        };
        match (calculation.operation, lane) {
            (Operation::Add, Lane::H | Lane::S) => self.builder.ins().iadd_pairwise(a, b),
            (_, Lane::B | Lane::H) => {
                let a = self.pairs(calculation, lane, a);
                let b = self.pairs(calculation, lane, b);
                self.low_parts(a, b, lane)
            }
            _ => {
                let (even, odd) = (
                    self.unzipped(a, b, lane, false),
                    self.unzipped(a, b, lane, true),
                );
                self.calculate(calculation, lane, even, odd, 0)
            }
        }
    }

    /// The results for adjacent lanes in the lower of the two.
    fn pairs(&mut self, calculation: Calculation, lane: Lane, value: Value) -> Value {
        let wide = self.cast(value, integers(lane.doubled()));
        let odd = self.shift_right(wide, lane.doubled(), false, lane.bits());
        let odd = self.cast(odd, integers(lane));
        self.calculate(calculation, lane, value, odd, 0)
    }

    /// All lanes to the first.
    fn across(
        &mut self,
        calculation: Calculation,
        lane: Lane,
        extent: Extent,
        value: Value,
    ) -> Value {
        if calculation.operation == Operation::Add && lane < Lane::S {
            // Only the low bits count, so that signedness does not.
            let sum = self.sum(value, lane, true, extent);
            return self.cast(sum, integers(lane));
        }
        let mut value = value;
        let mut count = 16 / lane.bytes() as u8;
        if extent == Extent::Half {
            count /= 2;
        }
        while count > 1 {
            count /= 2;
            let rest = self.shuffle_lanes(value, value, lane, |i| i + count);
            value = self.calculate(calculation, lane, value, rest, 0);
        }
        value
    }

    /// The sum of bytes or halfwords, in the first of the lanes of 32 bits.
    pub(super) fn sum(&mut self, value: Value, lane: Lane, signed: bool, extent: Extent) -> Value {
        let (mut value, mut lane) = (value, lane);
        while lane < Lane::S {
            lane = lane.doubled();
            value = self.pair_long(signed, lane, value);
        }
        if extent == Extent::Full {
            let upper = self.upper_halves(value, value);
            value = self.builder.ins().iadd(value, upper);
        }
        let odd = self.duplicated(value, Lane::S, 1);
        self.builder.ins().iadd(value, odd)
    }

    fn dot(&mut self, signed: bool, element: bool, args: Args) -> Value {
        let Args { d, n, m, x, .. } = args;
        let n = self.lanes(n, Lane::B);
        let mut m = self.lanes(m, Lane::B);
        if element {
            m = self.shuffle_lanes(m, m, Lane::S, |_| x as u8);
        }
        let low = self.dot_half(signed, false, n, m);
        let high = self.dot_half(signed, true, n, m);
        let sums = self.builder.ins().iadd_pairwise(low, high);
        let before = self.lanes(d, Lane::S);
        self.builder.ins().iadd(before, sums)
    }

    /// Sums of two products each, of one half: bytes of either signedness are signed halfwords.
    fn dot_half(&mut self, signed: bool, upper: bool, n: Value, m: Value) -> Value {
        let n = self.widened(n, signed, upper);
        let m = self.widened(m, signed, upper);
        let (n_low, m_low) = (self.widened(n, true, false), self.widened(m, true, false));
        let (n_high, m_high) = (self.widened(n, true, true), self.widened(m, true, true));
        let low = self.builder.ins().imul(n_low, m_low);
        let high = self.builder.ins().imul(n_high, m_high);
        // Cranelift makes one multiplication of all this.
        self.builder.ins().iadd_pairwise(low, high)
    }
}
