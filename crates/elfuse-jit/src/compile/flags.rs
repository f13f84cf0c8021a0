//! Condition flags, kept as the operands they came from until somebody looks.
#![forbid(unsafe_code)]

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I32, I64};
use cranelift_codegen::ir::{InstBuilder, Type, Value};
use cranelift_frontend::FunctionBuilder;

/// What the two flag variables mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The first holds N, Z, C, V in bits 31 to 28.
    Packed,
    /// Operands of an addition.
    Add(Width),
    /// Operands of a subtraction.
    Sub(Width),
    /// The first holds the result of a bitwise operation.
    Logic(Width),
}

pub(super) use crate::ir::Width;

/// The flags at one point of a region.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flags {
    pub(super) kind: Kind,
    pub(super) a: Value,
    pub(super) b: Value,
}

fn type_of(width: Width) -> Type {
    match width {
        Width::W => I32,
        Width::X => I64,
    }
}

fn narrow(builder: &mut FunctionBuilder<'_>, value: Value, width: Width) -> Value {
    match width {
        Width::W => builder.ins().ireduce(I32, value),
        Width::X => value,
    }
}

impl Flags {
    /// The operands at their size.
    fn operands(self, builder: &mut FunctionBuilder<'_>, width: Width) -> (Value, Value) {
        (
            narrow(builder, self.a, width),
            narrow(builder, self.b, width),
        )
    }

    /// Whether a condition (0 EQ to 13 LE) holds, as an I8.
    pub(super) fn condition(self, builder: &mut FunctionBuilder<'_>, condition: u8) -> Value {
        if let Some(value) = self.compared(builder, condition) {
            return value;
        }
        let [n, z, c, v] = self.bits(builder);
        let holds = match condition / 2 {
            0 => z,
            1 => c,
            2 => n,
            3 => v,
            4 => {
                let clear = builder.ins().icmp_imm_s(IntCC::Equal, z, 0);
                builder.ins().band(c, clear)
            }
            5 => builder.ins().icmp(IntCC::Equal, n, v),
            _ => {
                let same = builder.ins().icmp(IntCC::Equal, n, v);
                let clear = builder.ins().icmp_imm_s(IntCC::Equal, z, 0);
                builder.ins().band(same, clear)
            }
        };
        if condition & 1 == 1 {
            return builder.ins().icmp_imm_s(IntCC::Equal, holds, 0);
        }
        holds
    }

    /// By one comparison of the operands, where there is one.
    fn compared(self, builder: &mut FunctionBuilder<'_>, condition: u8) -> Option<Value> {
        match self.kind {
            Kind::Sub(width) => {
                let code = match condition {
                    0 => IntCC::Equal,
                    1 => IntCC::NotEqual,
                    2 => IntCC::UnsignedGreaterThanOrEqual,
                    3 => IntCC::UnsignedLessThan,
                    8 => IntCC::UnsignedGreaterThan,
                    9 => IntCC::UnsignedLessThanOrEqual,
                    10 => IntCC::SignedGreaterThanOrEqual,
                    11 => IntCC::SignedLessThan,
                    12 => IntCC::SignedGreaterThan,
                    13 => IntCC::SignedLessThanOrEqual,
                    _ => return None,
                };
                let (a, b) = self.operands(builder, width);
                Some(builder.ins().icmp(code, a, b))
            }
            Kind::Logic(width) => {
                // C and V are 0.
                let code = match condition {
                    0 => IntCC::Equal,
                    1 => IntCC::NotEqual,
                    4 | 11 => IntCC::SignedLessThan,
                    5 | 10 => IntCC::SignedGreaterThanOrEqual,
                    12 => IntCC::SignedGreaterThan,
                    13 => IntCC::SignedLessThanOrEqual,
                    2 | 6 | 8 => return Some(builder.ins().iconst(I8, 0)),
                    _ => return Some(builder.ins().iconst(I8, 1)),
                };
                let a = narrow(builder, self.a, width);
                Some(builder.ins().icmp_imm_s(code, a, 0))
            }
            Kind::Packed if condition < 8 => {
                let bit = [30, 29, 31, 28][usize::from(condition / 2)];
                let mask = builder.ins().band_imm_s(self.a, 1i64 << bit);
                let code = if condition & 1 == 0 {
                    IntCC::NotEqual
                } else {
                    IntCC::Equal
                };
                Some(builder.ins().icmp_imm_s(code, mask, 0))
            }
            _ => None,
        }
    }

    /// N, Z, C, V, each an I8 of 0 or 1.
    fn bits(self, builder: &mut FunctionBuilder<'_>) -> [Value; 4] {
        match self.kind {
            Kind::Packed => [31u8, 30, 29, 28].map(|bit| {
                let shifted = builder.ins().ushr_imm_u(self.a, i64::from(bit));
                let one = builder.ins().band_imm_s(shifted, 1);
                builder.ins().ireduce(I8, one)
            }),
            Kind::Logic(width) => {
                let a = narrow(builder, self.a, width);
                let n = builder.ins().icmp_imm_s(IntCC::SignedLessThan, a, 0);
                let z = builder.ins().icmp_imm_s(IntCC::Equal, a, 0);
                let clear = builder.ins().iconst(I8, 0);
                [n, z, clear, clear]
            }
            Kind::Add(width) => {
                let (a, b) = self.operands(builder, width);
                let sum = builder.ins().iadd(a, b);
                let c = builder.ins().icmp(IntCC::UnsignedLessThan, sum, a);
                let left = builder.ins().bxor(a, sum);
                let right = builder.ins().bxor(b, sum);
                Self::signed(builder, width, sum, c, left, right)
            }
            Kind::Sub(width) => {
                let (a, b) = self.operands(builder, width);
                let difference = builder.ins().isub(a, b);
                let c = builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, a, b);
                let left = builder.ins().bxor(a, b);
                let right = builder.ins().bxor(a, difference);
                Self::signed(builder, width, difference, c, left, right)
            }
        }
    }

    /// N, Z, the given C, and V as the sign of `left & right`.
    fn signed(
        builder: &mut FunctionBuilder<'_>,
        width: Width,
        result: Value,
        c: Value,
        left: Value,
        right: Value,
    ) -> [Value; 4] {
        debug_assert_eq!(builder.func.dfg.value_type(result), type_of(width));
        let n = builder.ins().icmp_imm_s(IntCC::SignedLessThan, result, 0);
        let z = builder.ins().icmp_imm_s(IntCC::Equal, result, 0);
        let both = builder.ins().band(left, right);
        let v = builder.ins().icmp_imm_s(IntCC::SignedLessThan, both, 0);
        [n, z, c, v]
    }

    /// N, Z, C, V in bits 31 to 28 of an I64.
    pub(super) fn packed(self, builder: &mut FunctionBuilder<'_>) -> Value {
        if self.kind == Kind::Packed {
            return self.a;
        }
        let mut packed = None;
        for (bit, position) in self.bits(builder).into_iter().zip([31, 30, 29, 28]) {
            let wide = builder.ins().uextend(I64, bit);
            let placed = builder.ins().ishl_imm_u(wide, position);
            packed = Some(match packed {
                None => placed,
                Some(others) => builder.ins().bor(others, placed),
            });
        }
        packed.unwrap_or(self.a)
    }
}
