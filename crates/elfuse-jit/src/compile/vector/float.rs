//! Floating point on lanes.
//!
//! As with scalars, results that are not numbers are left to helpers, which know how Arm chooses and
//! signs NaNs; compiled code only runs with FPCR 0. Lanes that do not count are 0 in operands, so
//! that they raise no exceptions.
#![forbid(unsafe_code)]

use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::types::{F32X4, F64X2, I32X4, I64};
use cranelift_codegen::ir::{InstBuilder, Type, Value};

use crate::compile::lift::Lifter;
use crate::compile::vector::lanes::{integers, repeated};
use crate::ir::{Args, Extent, FloatLanes, FloatVector, Helper, Lane, Order};

const fn floats(lane: Lane) -> Type {
    match lane {
        Lane::D => F64X2,
        _ => F32X4,
    }
}

/// The bits of 1.
const fn one(lane: Lane) -> u64 {
    match lane {
        Lane::D => 1.0f64.to_bits(),
        _ => 1.0f32.to_bits() as u64,
    }
}

/// The bits of the least normal number.
const fn least_normal(lane: Lane) -> u64 {
    match lane {
        Lane::D => f64::MIN_POSITIVE.to_bits(),
        _ => f32::MIN_POSITIVE.to_bits() as u64,
    }
}

/// The bits of 2 to the power of `-exponent`.
fn power(lane: Lane, exponent: u16) -> u64 {
    match lane {
        Lane::D => one(lane) - (u64::from(exponent) << 52),
        _ => one(lane) - (u64::from(exponent) << 23),
    }
}

impl Lifter<'_, '_> {
    /// An operation of this module. Nothing may be pending.
    pub(super) fn float_vector(
        &mut self,
        vector: FloatVector,
        lane: Lane,
        extent: Extent,
        args: Args,
        helper: Helper,
    ) {
        let Args { d, n, m, .. } = args;
        match vector {
            FloatVector::Same { operation, element } => {
                let a = self.counted(n, lane, extent);
                let b = if element {
                    let b = self.lanes(m, lane);
                    let b = self.duplicated(b, lane, args.x as u8);
                    let b = self.truncated(b, extent, lane);
                    self.cast(b, floats(lane))
                } else {
                    self.counted(m, lane, extent)
                };
                self.float_same(operation, lane, extent, args, helper, a, b);
            }
            FloatVector::Pairwise(operation) => {
                let (a, b) = (self.lanes(n, lane), self.lanes(m, lane));
                let (a, b) = self.halves_joined(a, b, extent);
                let (even, odd) = self.even_and_odd(a, b, lane);
                self.float_pairs(operation, lane, extent, args, helper, even, odd);
            }
            FloatVector::Pair(operation) => {
                let value = self.lanes(n, lane);
                let odd = self.duplicated(value, lane, 1);
                let even = self.truncated(value, Extent::First, lane);
                let odd = self.truncated(odd, Extent::First, lane);
                let (even, odd) = (self.cast(even, floats(lane)), self.cast(odd, floats(lane)));
                self.float_pairs(operation, lane, Extent::First, args, helper, even, odd);
            }
            FloatVector::Across(operation) => {
                let value = self.counted(n, lane, Extent::Full);
                let unordered = self.any_unordered(value, value);
                self.unless(unordered, args, helper, |l| {
                    let value = l.cast(value, integers(lane));
                    let (even, odd) = l.even_and_odd(value, value, lane);
                    let value = l.extreme(operation, lane, even, odd);
                    let value = l.cast(value, integers(lane));
                    let (even, odd) = l.even_and_odd(value, value, lane);
                    let value = l.extreme(operation, lane, even, odd);
                    l.truncated(value, Extent::First, lane)
                });
            }
            FloatVector::Lengthen => {
                let mut value = self.lanes(n, Lane::S);
                if extent == Extent::Full {
                    value = self.upper_halves(value, value);
                }
                let value = self.cast(value, F32X4);
                let value = self.builder.ins().fvpromote_low(value);
                self.number_or_helper(value, args, helper);
            }
            FloatVector::Narrow => {
                let value = self.counted(n, Lane::D, Extent::Full);
                let value = self.builder.ins().fvdemote(value);
                let uncertain = self.any_uncertain(value, Lane::S);
                self.unless(uncertain, args, helper, |l| {
                    if extent != Extent::Full {
                        return value;
                    }
                    let (before, value) = (l.lanes(d, Lane::S), l.cast(value, I32X4));
                    l.lower_halves(before, value)
                });
            }
        }
    }

    /// The lanes of a register that count, the others 0.
    fn counted(&mut self, register: u8, lane: Lane, extent: Extent) -> Value {
        let value = self.v(register);
        let value = self.cast(value, floats(lane));
        self.truncated(value, extent, lane)
    }

    fn even_and_odd(&mut self, a: Value, b: Value, lane: Lane) -> (Value, Value) {
        let (even, odd) = (
            self.unzipped(a, b, lane, false),
            self.unzipped(a, b, lane, true),
        );
        (self.cast(even, floats(lane)), self.cast(odd, floats(lane)))
    }

    /// Whether any lanes cannot be ordered.
    fn any_unordered(&mut self, a: Value, b: Value) -> Value {
        let unordered = self.builder.ins().fcmp(FloatCC::Unordered, a, b);
        self.builder.ins().vany_true(unordered)
    }

    /// Set `d` to a result if all its lanes are numbers.
    fn number_or_helper(&mut self, value: Value, args: Args, helper: Helper) {
        let unordered = self.any_unordered(value, value);
        self.unless(unordered, args, helper, |_| value);
    }

    /// Whether any lanes are not numbers or may be tiny before they were rounded: then Arm raises
    /// underflow, and the host does not.
    fn any_uncertain(&mut self, value: Value, lane: Lane) -> Value {
        let unordered = self.builder.ins().fcmp(FloatCC::Unordered, value, value);
        let magnitude = self.builder.ins().fabs(value);
        let magnitude = self.cast(magnitude, integers(lane));
        let least = self.all_lanes(lane, least_normal(lane));
        let least = self.equal(magnitude, least);
        let either = self.builder.ins().bor(unordered, least);
        self.builder.ins().vany_true(either)
    }

    /// The greater or lesser lanes of numbers. As integers: the host's instructions raise invalid
    /// for any NaN, and Cranelift may do what is invariant in a loop before a look at it.
    fn extreme(&mut self, operation: FloatLanes, lane: Lane, a: Value, b: Value) -> Value {
        let (a, b) = (self.in_order(lane, a), self.in_order(lane, b));
        let value = if operation == FloatLanes::Max {
            self.builder.ins().smax(a, b)
        } else {
            self.builder.ins().smin(a, b)
        };
        let value = self.in_order(lane, value);
        self.cast(value, floats(lane))
    }

    /// Numbers as integers in the same order, and back: of negative ones all but the sign is
    /// complemented.
    fn in_order(&mut self, lane: Lane, value: Value) -> Value {
        let value = self.cast(value, integers(lane));
        let sign = self.shift_right(value, lane, true, lane.bits() - 1);
        let rest = self.shift_right(sign, lane, false, 1);
        self.builder.ins().bxor(value, rest)
    }

    #[allow(clippy::too_many_arguments, reason = "an instruction and its operands")]
    fn float_pairs(
        &mut self,
        operation: FloatLanes,
        lane: Lane,
        extent: Extent,
        args: Args,
        helper: Helper,
        even: Value,
        odd: Value,
    ) {
        if operation == FloatLanes::Add {
            let sum = self.builder.ins().fadd(even, odd);
            let sum = self.truncated(sum, extent, lane);
            return self.number_or_helper(sum, args, helper);
        }
        let unordered = self.any_unordered(even, odd);
        self.unless(unordered, args, helper, |l| {
            let value = l.extreme(operation, lane, even, odd);
            l.truncated(value, extent, lane)
        });
    }

    #[allow(clippy::too_many_arguments, reason = "an instruction and its operands")]
    fn float_same(
        &mut self,
        operation: FloatLanes,
        lane: Lane,
        extent: Extent,
        args: Args,
        helper: Helper,
        a: Value,
        b: Value,
    ) {
        let value = match operation {
            FloatLanes::Add => self.builder.ins().fadd(a, b),
            FloatLanes::Sub => self.builder.ins().fsub(a, b),
            FloatLanes::Mul => self.builder.ins().fmul(a, b),
            FloatLanes::Div => {
                let b = self.with_ones(b, lane, extent);
                self.builder.ins().fdiv(a, b)
            }
            FloatLanes::AbsDiff => {
                let difference = self.builder.ins().fsub(a, b);
                let magnitude = self.builder.ins().fabs(difference);
                return self.number_or_helper(magnitude, args, helper);
            }
            FloatLanes::MulAdd { sub } => {
                let addend = self.counted(args.d, lane, extent);
                let a = if sub { self.builder.ins().fneg(a) } else { a };
                self.builder.ins().fma(a, b, addend)
            }
            FloatLanes::Sqrt => self.builder.ins().sqrt(a),
            FloatLanes::RoundExact => self.builder.ins().nearest(a),
            FloatLanes::Max | FloatLanes::Min => {
                let unordered = self.any_unordered(a, b);
                return self.unless(unordered, args, helper, |l| {
                    l.extreme(operation, lane, a, b)
                });
            }
            FloatLanes::ToInt if lane == Lane::S => {
                let value = self.builder.ins().x86_cvtt2dq(I32X4, a);
                // What does not fit, and NaNs.
                let least = self.all_lanes(lane, 1 << 31);
                let outside = self.equal(value, least);
                let outside = self.builder.ins().vany_true(outside);
                return self.unless(outside, args, helper, |_| value);
            }
            FloatLanes::ToInt => {
                let (value, outside) = self.rounded_long(a, extent);
                return self.unless(outside, args, helper, |_| value);
            }
            FloatLanes::Compare { order, abs, zero } => {
                let b = if zero {
                    self.vector_constant(0, floats(lane))
                } else {
                    b
                };
                // Helpers raise what a comparison does that Cranelift drops, its result unused.
                let unordered = self.any_unordered(a, b);
                return self.unless(unordered, args, helper, |l| {
                    let value = l.compared(order, abs, a, b);
                    l.truncated(value, extent, lane)
                });
            }
            FloatLanes::Abs => {
                let value = self.builder.ins().fabs(a);
                return self.write_lanes(args.d, value, Extent::Full, lane);
            }
            FloatLanes::Neg => {
                let value = self.builder.ins().fneg(a);
                return self.write_lanes(args.d, value, extent, lane);
            }
            FloatLanes::FromInt { signed } => self.floats_of(signed, lane, args.x, a),
        };
        // Other results are exact where they are tiny.
        let uncertain = match operation {
            FloatLanes::Mul | FloatLanes::Div | FloatLanes::MulAdd { .. } => {
                self.any_uncertain(value, lane)
            }
            _ => self.any_unordered(value, value),
        };
        self.unless(uncertain, args, helper, |_| value);
    }

    /// Integers with `x` bits after the point. The result is always a number; that it is looked at
    /// all the same keeps Cranelift from dropping it and its exceptions.
    fn floats_of(&mut self, signed: bool, lane: Lane, x: u16, a: Value) -> Value {
        let integer = self.cast(a, integers(lane));
        let value = if signed {
            self.builder.ins().fcvt_from_sint(floats(lane), integer)
        } else {
            self.builder.ins().fcvt_from_uint(floats(lane), integer)
        };
        if x == 0 {
            return value;
        }
        let unit = repeated(lane, power(lane, x));
        let unit = self.vector_constant(unit, floats(lane));
        self.builder.ins().fmul(value, unit)
    }

    fn compared(&mut self, order: Order, abs: bool, a: Value, b: Value) -> Value {
        let (a, b) = if abs {
            (self.builder.ins().fabs(a), self.builder.ins().fabs(b))
        } else {
            (a, b)
        };
        let code = match order {
            Order::Equal => FloatCC::Equal,
            Order::Greater => FloatCC::GreaterThan,
            Order::GreaterEqual => FloatCC::GreaterThanOrEqual,
            Order::Less => FloatCC::LessThan,
            Order::LessEqual => FloatCC::LessThanOrEqual,
        };
        self.builder.ins().fcmp(code, a, b)
    }

    /// Double precision to integers, lane by lane, since the host has no instruction for vectors;
    /// and whether some may be out of range.
    fn rounded_long(&mut self, value: Value, extent: Extent) -> (Value, Value) {
        let (first, outside) = self.rounded_one(value, 0);
        let integers = self.word_vector(first);
        if extent != Extent::Full {
            return (integers, outside);
        }
        let (second, also) = self.rounded_one(value, 1);
        let integers = self.builder.ins().insertlane(integers, second, 1u8);
        (integers, self.builder.ins().bor(outside, also))
    }

    fn rounded_one(&mut self, value: Value, number: u8) -> (Value, Value) {
        let value = self.builder.ins().extractlane(value, number);
        let integer = self.builder.ins().fcvt_to_sint_sat(I64, value);
        // The least and the greatest one, and 0 of NaNs.
        let magnitude = self.builder.ins().fabs(value);
        let limit = self.builder.ins().f64const(9223372036854775808f64);
        let inside = self.builder.ins().fcmp(FloatCC::LessThan, magnitude, limit);
        let outside = self.builder.ins().bxor_imm_u(inside, 1);
        (integer, outside)
    }

    /// A divisor whose lanes that do not count are 1.
    fn with_ones(&mut self, value: Value, lane: Lane, extent: Extent) -> Value {
        let kept = match extent {
            Extent::Full => return value,
            Extent::Half => 64,
            Extent::First => lane.bits(),
        };
        let ones = repeated(lane, one(lane)) >> kept << kept;
        let ones = self.vector_constant(ones, floats(lane));
        self.builder.ins().bor(value, ones)
    }
}
