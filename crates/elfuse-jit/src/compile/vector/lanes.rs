//! Vector registers as lanes, and what operations on them have in common.
#![forbid(unsafe_code)]

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::immediates::V128Imm;
use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I16X8, I32, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Type, Value};

use crate::compile::lift::{LITTLE, Lifter};
use crate::ir::{Extent, Lane};

/// Lanes of integers of this size.
pub(super) const fn integers(lane: Lane) -> Type {
    match lane {
        Lane::B => I8X16,
        Lane::H => I16X8,
        Lane::S => I32X4,
        Lane::D => I64X2,
    }
}

/// The same lane everywhere in a register.
pub(super) fn repeated(lane: Lane, value: u64) -> u128 {
    let ones = u128::MAX / (u128::MAX >> (128 - lane.bits()));
    let value = u128::from(value) & (u128::MAX >> (128 - lane.bits()));
    value * ones
}

impl Lifter<'_, '_> {
    /// A vector as lanes of another type.
    pub(super) fn cast(&mut self, value: Value, ty: Type) -> Value {
        if self.builder.func.dfg.value_type(value) == ty {
            return value;
        }
        self.builder.ins().bitcast(ty, LITTLE, value)
    }

    /// A register as lanes.
    pub(super) fn lanes(&mut self, register: u8, lane: Lane) -> Value {
        let value = self.v(register);
        self.cast(value, integers(lane))
    }

    /// A constant.
    pub(super) fn vector_constant(&mut self, bits: u128, ty: Type) -> Value {
        let data = V128Imm(bits.to_le_bytes());
        let constant = self
            .builder
            .func
            .dfg
            .constants
            .insert(data.0.to_vec().into());
        self.builder.ins().vconst(ty, constant)
    }

    /// The same number in all lanes.
    pub(super) fn all_lanes(&mut self, lane: Lane, value: u64) -> Value {
        self.vector_constant(repeated(lane, value), integers(lane))
    }

    /// What of a value counts; the rest 0.
    pub(super) fn truncated(&mut self, value: Value, extent: Extent, lane: Lane) -> Value {
        match (extent, lane) {
            (Extent::Full, _) => value,
            (Extent::Half, _) | (Extent::First, Lane::D) => {
                let ty = self.builder.func.dfg.value_type(value);
                let doubles = self.cast(value, F64X2);
                let low = self.builder.ins().extractlane(doubles, 0u8);
                let low = self.builder.ins().scalar_to_vector(F64X2, low);
                self.cast(low, ty)
            }
            (Extent::First, Lane::S) => {
                let ty = self.builder.func.dfg.value_type(value);
                let singles = self.cast(value, F32X4);
                let low = self.builder.ins().extractlane(singles, 0u8);
                let low = self.builder.ins().scalar_to_vector(F32X4, low);
                self.cast(low, ty)
            }
            (Extent::First, _) => {
                let ty = self.builder.func.dfg.value_type(value);
                let mask = u128::MAX >> (128 - lane.bits());
                let mask = self.vector_constant(mask, ty);
                self.builder.ins().band(value, mask)
            }
        }
    }

    /// Set a register to what counts of a value.
    pub(super) fn write_lanes(&mut self, register: u8, value: Value, extent: Extent, lane: Lane) {
        let value = self.truncated(value, extent, lane);
        let value = self.cast(value, I8X16);
        self.set_v(register, value);
    }

    /// Bytes of two vectors, 32 in all, by their numbers.
    pub(super) fn shuffle(&mut self, a: Value, b: Value, order: impl Fn(u8) -> u8) -> Value {
        let ty = self.builder.func.dfg.value_type(a);
        let (a, b) = (self.cast(a, I8X16), self.cast(b, I8X16));
        let order: [u8; 16] = std::array::from_fn(|i| order(i as u8));
        let mask = self
            .builder
            .func
            .dfg
            .immediates
            .push(order.as_slice().into());
        let value = self.builder.ins().shuffle(a, b, mask);
        self.cast(value, ty)
    }

    /// Lanes of two vectors by their numbers.
    pub(super) fn shuffle_lanes(
        &mut self,
        a: Value,
        b: Value,
        lane: Lane,
        order: impl Fn(u8) -> u8,
    ) -> Value {
        let bytes = lane.bytes() as u8;
        self.shuffle(a, b, |i| order(i / bytes) * bytes + i % bytes)
    }

    /// The lower halves of two vectors.
    pub(super) fn lower_halves(&mut self, a: Value, b: Value) -> Value {
        self.shuffle_lanes(a, b, Lane::D, |i| 2 * i)
    }

    /// The upper halves of two vectors.
    pub(super) fn upper_halves(&mut self, a: Value, b: Value) -> Value {
        self.shuffle_lanes(a, b, Lane::D, |i| 2 * i + 1)
    }

    /// One lane everywhere.
    pub(super) fn duplicated(&mut self, value: Value, lane: Lane, number: u8) -> Value {
        self.shuffle_lanes(value, value, lane, |_| number)
    }

    /// Shift all lanes by less than their size.
    pub(super) fn shifted(
        &mut self,
        value: Value,
        shift: impl FnOnce(&mut Self, Value, Value) -> Value,
        amount: u32,
    ) -> Value {
        let amount = self.builder.ins().iconst(I32, i64::from(amount));
        shift(self, value, amount)
    }

    /// Shift left by up to the lanes' size.
    pub(super) fn shift_left(&mut self, value: Value, lane: Lane, amount: u32) -> Value {
        if amount == 0 {
            return value;
        }
        if amount >= lane.bits() {
            return self.all_lanes(lane, 0);
        }
        self.shifted(value, |l, v, a| l.builder.ins().ishl(v, a), amount)
    }

    /// Shift right by up to the lanes' size.
    pub(super) fn shift_right(
        &mut self,
        value: Value,
        lane: Lane,
        signed: bool,
        amount: u32,
    ) -> Value {
        let last = lane.bits() - 1;
        match (amount, signed) {
            (0, _) => value,
            (_, true) => self.shifted(
                value,
                |l, v, a| l.builder.ins().sshr(v, a),
                amount.min(last),
            ),
            (_, false) if amount > last => self.all_lanes(lane, 0),
            (_, false) => self.shifted(value, |l, v, a| l.builder.ins().ushr(v, a), amount),
        }
    }

    /// Shift right by 1 to the lanes' size, to nearest, upwards from the middle.
    pub(super) fn shift_right_rounding(
        &mut self,
        value: Value,
        lane: Lane,
        signed: bool,
        amount: u32,
    ) -> Value {
        let twice = self.shift_right(value, lane, signed, amount - 1);
        let floor = self.shift_right(twice, lane, signed, 1);
        let one = self.all_lanes(lane, 1);
        let odd = self.builder.ins().band(twice, one);
        self.builder.ins().iadd(floor, odd)
    }

    /// The lesser lanes.
    pub(super) fn minimum(&mut self, a: Value, b: Value, signed: bool) -> Value {
        if signed {
            self.builder.ins().smin(a, b)
        } else {
            self.builder.ins().umin(a, b)
        }
    }

    /// The greater lanes.
    pub(super) fn maximum(&mut self, a: Value, b: Value, signed: bool) -> Value {
        if signed {
            self.builder.ins().smax(a, b)
        } else {
            self.builder.ins().umax(a, b)
        }
    }

    /// The lanes of the lower or upper half with twice the size.
    pub(super) fn widened(&mut self, value: Value, signed: bool, upper: bool) -> Value {
        match (signed, upper) {
            (true, false) => self.builder.ins().swiden_low(value),
            (true, true) => self.builder.ins().swiden_high(value),
            (false, false) => self.builder.ins().uwiden_low(value),
            (false, true) => self.builder.ins().uwiden_high(value),
        }
    }

    /// Lanes that are equal as ones.
    pub(super) fn equal(&mut self, a: Value, b: Value) -> Value {
        self.builder.ins().icmp(IntCC::Equal, a, b)
    }

    /// A number as the low 64 bits.
    pub(super) fn word_vector(&mut self, value: Value) -> Value {
        self.builder.ins().scalar_to_vector(I64X2, value)
    }
}
