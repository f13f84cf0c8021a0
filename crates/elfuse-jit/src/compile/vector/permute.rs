//! Copies, immediates, permutations and tables.
#![forbid(unsafe_code)]

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{F32X4, I8, I8X16, I16, I32, I64};
use cranelift_codegen::ir::{InstBuilder, Type, Value};

use crate::compile::lift::Lifter;
use crate::compile::vector::lanes::integers;
use crate::ir::{Args, Extent, Lane, Vector};

/// One integer of this size.
const fn integer(lane: Lane) -> Type {
    match lane {
        Lane::B => I8,
        Lane::H => I16,
        Lane::S => I32,
        Lane::D => I64,
    }
}

impl Lifter<'_, '_> {
    /// An operation of this module.
    pub(super) fn permute(
        &mut self,
        vector: Vector,
        lane: Lane,
        extent: Extent,
        args: Args,
        imm: u64,
    ) {
        let Args { d, n, m, x, .. } = args;
        let value = match vector {
            Vector::Reverse(bytes) => {
                let value = self.lanes(n, lane);
                let last = bytes / lane.bytes() as u8 - 1;
                self.shuffle_lanes(value, value, lane, |i| i ^ last)
            }
            Vector::Duplicate => {
                let value = self.lanes(n, lane);
                self.duplicated(value, lane, x as u8)
            }
            Vector::DuplicateGeneral => {
                let value = self.element(n, lane);
                self.builder.ins().splat(integers(lane), value)
            }
            Vector::Insert => return self.insert(lane, args),
            Vector::InsertGeneral => {
                let (value, element) = (self.lanes(d, lane), self.element(n, lane));
                let value = self.builder.ins().insertlane(value, element, x as u8);
                return self.write_lanes(d, value, Extent::Full, lane);
            }
            Vector::ToGeneral { signed, long } => return self.extracted(signed, long, lane, args),
            Vector::Extract => {
                let (a, b) = (self.lanes(n, lane), self.lanes(m, lane));
                let (a, b) = self.halves_joined(a, b, extent);
                self.shuffle(a, b, |i| i + x as u8)
            }
            Vector::Zip { second } => {
                let (a, b) = (self.lanes(n, lane), self.lanes(m, lane));
                self.zipped(a, b, lane, extent, second)
            }
            Vector::Unzip { second } => {
                let (a, b) = (self.lanes(n, lane), self.lanes(m, lane));
                let (a, b) = self.halves_joined(a, b, extent);
                self.unzipped(a, b, lane, second)
            }
            Vector::Transpose { second } => self.transpose(second, lane, args),
            Vector::Table { registers, keep } => self.table(registers, keep, args),
            Vector::Set | Vector::SetBits | Vector::KeepBits => {
                return self.immediate(vector, extent, d, imm);
            }
            other => unreachable!("{other:?}"),
        };
        self.write_lanes(d, value, extent, lane);
    }

    fn immediate(&mut self, vector: Vector, extent: Extent, d: u8, imm: u64) {
        let low = u128::from(imm);
        let bits = if extent == Extent::Full {
            low << 64 | low
        } else {
            low
        };
        let bits = self.vector_constant(bits, I8X16);
        let value = match vector {
            Vector::SetBits => {
                let value = self.v(d);
                let value = self.truncated(value, extent, Lane::D);
                self.builder.ins().bor(value, bits)
            }
            Vector::KeepBits => {
                let value = self.v(d);
                self.builder.ins().band(value, bits)
            }
            _ => bits,
        };
        self.set_v(d, value);
    }

    /// The low bits of a general register.
    fn element(&mut self, register: u8, lane: Lane) -> Value {
        let value = self.x(register);
        if lane == Lane::D {
            return value;
        }
        self.builder.ins().ireduce(integer(lane), value)
    }

    /// Operands of permutations of 64 bits: both in one, twice.
    pub(super) fn halves_joined(&mut self, a: Value, b: Value, extent: Extent) -> (Value, Value) {
        if extent == Extent::Full {
            return (a, b);
        }
        let both = self.lower_halves(a, b);
        (both, both)
    }

    fn insert(&mut self, lane: Lane, args: Args) {
        let Args { d, n, a, x, .. } = args;
        let (to, from) = (x as u8, a);
        let (into, source) = (self.lanes(d, lane), self.lanes(n, lane));
        let value = if lane == Lane::D {
            self.shuffle_lanes(into, source, lane, |i| if i == to { 2 + from } else { i })
        } else {
            // The host moves single precision without a general register.
            let ty = if lane == Lane::S {
                F32X4
            } else {
                integers(lane)
            };
            let (into, source) = (self.cast(into, ty), self.cast(source, ty));
            let element = self.builder.ins().extractlane(source, from);
            self.builder.ins().insertlane(into, element, to)
        };
        self.write_lanes(d, value, Extent::Full, lane);
    }

    fn extracted(&mut self, signed: bool, long: bool, lane: Lane, args: Args) {
        let Args { d, n, x, .. } = args;
        let value = self.lanes(n, lane);
        let value = self.builder.ins().extractlane(value, x as u8);
        let value = match (signed, long) {
            _ if lane == Lane::D => value,
            (false, _) => self.builder.ins().uextend(I64, value),
            (true, true) => self.builder.ins().sextend(I64, value),
            (true, false) => {
                let word = self.builder.ins().sextend(I32, value);
                self.builder.ins().uextend(I64, word)
            }
        };
        self.set_x(d, value);
    }

    /// Lanes in turn, from the lower or upper half of what counts.
    pub(super) fn zipped(
        &mut self,
        a: Value,
        b: Value,
        lane: Lane,
        extent: Extent,
        second: bool,
    ) -> Value {
        let count = 16 / lane.bytes() as u8;
        let first = match (extent, second) {
            (_, false) => 0,
            (Extent::Full, true) => count / 2,
            (_, true) => {
                let both = self.zipped(a, b, lane, Extent::Full, false);
                return self.upper_halves(both, both);
            }
        };
        let order = |i| first + i / 2 + if i % 2 == 0 { 0 } else { count };
        self.shuffle_lanes(a, b, lane, order)
    }

    fn transpose(&mut self, second: bool, lane: Lane, args: Args) -> Value {
        let (a, b) = (self.lanes(args.n, lane), self.lanes(args.m, lane));
        if lane == Lane::D {
            return self.shuffle_lanes(a, b, lane, |i| 2 * i + u8::from(second));
        }
        // In lanes of twice the size, one operand is in place and the other is shifted there.
        let wide = lane.doubled();
        let (a, b) = (self.cast(a, integers(wide)), self.cast(b, integers(wide)));
        let low = u64::MAX >> (64 - lane.bits());
        let (a, b) = if second {
            let mask = self.all_lanes(wide, low << lane.bits());
            let a = self.shift_right(a, wide, false, lane.bits());
            (a, self.builder.ins().band(b, mask))
        } else {
            let mask = self.all_lanes(wide, low);
            let b = self.shift_left(b, wide, lane.bits());
            (self.builder.ins().band(a, mask), b)
        };
        self.builder.ins().bor(a, b)
    }

    fn table(&mut self, registers: u8, keep: bool, args: Args) -> Value {
        let Args { d, n, m, .. } = args;
        let index = self.v(m);
        let mut value = None;
        for number in 0..registers {
            let part = self.v((n + number) % 32);
            // Indices of other registers become 16 or more, which gives 0.
            let own = if number == 0 {
                index
            } else {
                let start = self.all_lanes(Lane::B, u64::from(16 * number));
                self.builder.ins().isub(index, start)
            };
            let bytes = self.builder.ins().swizzle(part, own);
            value = Some(match value {
                None => bytes,
                Some(before) => self.builder.ins().bor(before, bytes),
            });
        }
        let value = value.expect("at least one register");
        if !keep {
            return value;
        }
        let limit = self.all_lanes(Lane::B, u64::from(16 * registers));
        let inside = self
            .builder
            .ins()
            .icmp(IntCC::UnsignedLessThan, index, limit);
        let before = self.v(d);
        self.builder.ins().bitselect(inside, value, before)
    }
}
