//! Condition flags, kept as the operands they came from until somebody looks.
#![forbid(unsafe_code)]

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I32, I64};
use cranelift_codegen::ir::{InstBuilder, Type, Value};
use cranelift_frontend::FunctionBuilder;

use crate::condition;
pub(super) use crate::ir::Width;
use crate::state::lazy;

/// What sets flags lazily.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Add,
    Sub,
    /// Bitwise; the first operand is the result, the second has no meaning.
    Logic,
}

/// The flags of an operation on two I64 of which the low `width` counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lazy {
    pub(super) operation: Operation,
    pub(super) width: Width,
    pub(super) a: Value,
    pub(super) b: Value,
}

/// The flags at one point of a region.
#[derive(Clone, Copy, Debug)]
pub(super) enum Flags {
    /// As the register block has them.
    Stored,
    /// N, Z, C, V in bits 31 to 28 of an I64.
    Packed(Value),
    Lazy(Lazy),
    /// Those of `lazy` if `holds`, an I8 of 0 or 1, is 1, else bits 3 to 0 of `otherwise`.
    Conditional {
        holds: Value,
        lazy: Lazy,
        otherwise: u8,
    },
}

/// What a block that several branches lead to expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Not at all: the block sets them at this address, and cannot be left before.
    Dead(u64),
    Stored,
    Packed,
    Lazy(Operation, Width, Source, Source),
}

/// Where a block finds an operand of an operation that set flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// In a variable for it.
    Variable,
    /// It is a general register plus a constant: a loop keeps nothing for flags that only those who
    /// leave it want.
    Register(u8, u64),
    Constant(u64),
}

impl Source {
    /// The same after `written` were.
    fn after(self, written: u64) -> Self {
        match self {
            Self::Register(register, _) if written >> register & 1 != 0 => Self::Variable,
            other => other,
        }
    }

    fn or(self, other: Self) -> Self {
        if self == other { self } else { Self::Variable }
    }
}

impl Form {
    /// The same after instructions that set no flags, but these general registers, a bit each.
    pub(super) fn after(self, written: u64) -> Self {
        match self {
            Self::Lazy(operation, width, a, b) => {
                Self::Lazy(operation, width, a.after(written), b.after(written))
            }
            other => other,
        }
    }

    /// How many variables it takes.
    pub(super) fn variables(self) -> usize {
        match self {
            Self::Dead(_) => 0,
            Self::Stored | Self::Packed => usize::MAX,
            Self::Lazy(.., a, b) => [a, b]
                .into_iter()
                .filter(|&at| at == Source::Variable)
                .count(),
        }
    }

    /// One that both can be brought into at no cost, if there is.
    pub(super) fn or(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Lazy(operation, width, a, b), Self::Lazy(.., c, d))
                if other == Self::Lazy(operation, width, c, d) =>
            {
                Some(Self::Lazy(operation, width, a.or(c), b.or(d)))
            }
            _ => (self == other).then_some(self),
        }
    }
}

/// What [`lazy`] wants in the register block.
pub(super) struct Words {
    pub(super) operation: Value,
    pub(super) a: Value,
    pub(super) b: Value,
}

/// Shift of N, Z, C, V from bits 3 to 0 to their place.
const PLACE: u32 = 28;

impl Flags {
    /// Whether a condition (0 EQ to 13 LE) holds, as an I8; not for [`Flags::Stored`].
    pub(super) fn condition(self, builder: &mut FunctionBuilder<'_>, code: u8) -> Value {
        match self {
            Self::Stored => unreachable!("loaded before"),
            Self::Packed(packed) => packed_condition(builder, packed, code),
            Self::Lazy(lazy) => lazy.condition(builder, code),
            Self::Conditional {
                holds,
                lazy,
                otherwise,
            } => {
                let then = lazy.condition(builder, code);
                if condition::holds(code, u32::from(otherwise) << PLACE) {
                    let fails = builder.ins().icmp_imm_s(IntCC::Equal, holds, 0);
                    builder.ins().bor(then, fails)
                } else {
                    builder.ins().band(then, holds)
                }
            }
        }
    }

    /// N, Z, C, V in bits 31 to 28 of an I64; not for [`Flags::Stored`].
    pub(super) fn packed(self, builder: &mut FunctionBuilder<'_>) -> Value {
        match self {
            Self::Stored => unreachable!("loaded before"),
            Self::Packed(packed) => packed,
            Self::Lazy(lazy) => lazy.packed(builder),
            Self::Conditional {
                holds,
                lazy,
                otherwise,
            } => {
                let then = lazy.packed(builder);
                let other = builder.ins().iconst(I64, i64::from(otherwise) << PLACE);
                builder.ins().select(holds, then, other)
            }
        }
    }

    /// Of a sum with its carry out `c`, an I8.
    pub(super) fn of_sum(
        builder: &mut FunctionBuilder<'_>,
        a: Value,
        b: Value,
        sum: Value,
        c: Value,
    ) -> Self {
        let left = builder.ins().bxor(a, sum);
        let right = builder.ins().bxor(b, sum);
        let bits = signed_bits(builder, sum, c, left, right);
        Self::Packed(pack(builder, bits))
    }

    /// C, as an I8 of 0 or 1; not for [`Flags::Stored`].
    pub(super) fn carry(self, builder: &mut FunctionBuilder<'_>) -> Value {
        const CS: u8 = 2;
        self.condition(builder, CS)
    }

    /// For the register block; None if it has them already.
    pub(super) fn words(self, builder: &mut FunctionBuilder<'_>) -> Option<Words> {
        match self {
            Self::Stored => None,
            Self::Packed(packed) => {
                let operation = builder.ins().iconst(I64, lazy::PACKED as i64);
                Some(Words {
                    operation,
                    a: packed,
                    b: packed,
                })
            }
            Self::Lazy(lazy) => {
                let operation = builder.ins().iconst(I64, lazy.code() as i64);
                Some(Words {
                    operation,
                    a: lazy.a,
                    b: lazy.b,
                })
            }
            Self::Conditional {
                holds,
                lazy,
                otherwise,
            } => {
                let then = builder.ins().iconst(I64, lazy.code() as i64);
                let packed = builder.ins().iconst(I64, lazy::PACKED as i64);
                let nzcv = builder.ins().iconst(I64, i64::from(otherwise) << PLACE);
                Some(Words {
                    operation: builder.ins().select(holds, then, packed),
                    a: builder.ins().select(holds, lazy.a, nzcv),
                    b: lazy.b,
                })
            }
        }
    }
}

fn packed_condition(builder: &mut FunctionBuilder<'_>, packed: Value, code: u8) -> Value {
    if code < 8 {
        let bit = [30, 29, 31, 28][usize::from(code / 2)];
        let mask = builder.ins().band_imm_s(packed, 1i64 << bit);
        let comparison = if code & 1 == 0 {
            IntCC::NotEqual
        } else {
            IntCC::Equal
        };
        return builder.ins().icmp_imm_s(comparison, mask, 0);
    }
    let bits = [31u8, 30, 29, 28].map(|bit| {
        let shifted = builder.ins().ushr_imm_u(packed, i64::from(bit));
        let one = builder.ins().band_imm_s(shifted, 1);
        builder.ins().ireduce(I8, one)
    });
    condition_of_bits(builder, bits, code)
}

/// From N, Z, C, V, each an I8 of 0 or 1.
fn condition_of_bits(
    builder: &mut FunctionBuilder<'_>,
    [n, z, c, v]: [Value; 4],
    code: u8,
) -> Value {
    let holds = match code / 2 {
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
    if code & 1 == 1 {
        return builder.ins().icmp_imm_s(IntCC::Equal, holds, 0);
    }
    holds
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

impl Lazy {
    fn code(self) -> u64 {
        let operation = match self.operation {
            Operation::Add => lazy::ADD,
            Operation::Sub => lazy::SUB,
            Operation::Logic => lazy::LOGIC,
        };
        match self.width {
            Width::W => operation,
            Width::X => operation | lazy::WIDE,
        }
    }

    /// The operands at their size.
    fn operands(self, builder: &mut FunctionBuilder<'_>) -> (Value, Value) {
        (
            narrow(builder, self.a, self.width),
            narrow(builder, self.b, self.width),
        )
    }

    fn condition(self, builder: &mut FunctionBuilder<'_>, code: u8) -> Value {
        if let Some(value) = self.compared(builder, code) {
            return value;
        }
        let bits = self.bits(builder);
        condition_of_bits(builder, bits, code)
    }

    /// By one comparison of the operands, where there is one.
    fn compared(self, builder: &mut FunctionBuilder<'_>, code: u8) -> Option<Value> {
        match self.operation {
            Operation::Sub => {
                let comparison = match code {
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
                    4 | 5 => return Some(self.sign(builder, code)),
                    _ => return None,
                };
                let (a, b) = self.operands(builder);
                Some(builder.ins().icmp(comparison, a, b))
            }
            Operation::Logic => {
                // C and V are 0.
                let comparison = match code {
                    0 => IntCC::Equal,
                    1 => IntCC::NotEqual,
                    4 | 11 => IntCC::SignedLessThan,
                    5 | 10 => IntCC::SignedGreaterThanOrEqual,
                    12 => IntCC::SignedGreaterThan,
                    13 => IntCC::SignedLessThanOrEqual,
                    2 | 6 | 8 => return Some(builder.ins().iconst(I8, 0)),
                    _ => return Some(builder.ins().iconst(I8, 1)),
                };
                let a = narrow(builder, self.a, self.width);
                Some(builder.ins().icmp_imm_s(comparison, a, 0))
            }
            Operation::Add => match code {
                0 | 1 => {
                    let (a, b) = self.operands(builder);
                    let sum = builder.ins().iadd(a, b);
                    let comparison = if code == 0 {
                        IntCC::Equal
                    } else {
                        IntCC::NotEqual
                    };
                    Some(builder.ins().icmp_imm_s(comparison, sum, 0))
                }
                2 | 3 => {
                    let (a, b) = self.operands(builder);
                    let sum = builder.ins().iadd(a, b);
                    let comparison = if code == 2 {
                        IntCC::UnsignedLessThan
                    } else {
                        IntCC::UnsignedGreaterThanOrEqual
                    };
                    Some(builder.ins().icmp(comparison, sum, a))
                }
                4 | 5 => Some(self.sign(builder, code)),
                _ => None,
            },
        }
    }

    /// MI (4) or PL (5).
    fn sign(self, builder: &mut FunctionBuilder<'_>, code: u8) -> Value {
        let result = self.result(builder);
        let comparison = if code == 4 {
            IntCC::SignedLessThan
        } else {
            IntCC::SignedGreaterThanOrEqual
        };
        builder.ins().icmp_imm_s(comparison, result, 0)
    }

    fn result(self, builder: &mut FunctionBuilder<'_>) -> Value {
        let (a, b) = self.operands(builder);
        match self.operation {
            Operation::Add => builder.ins().iadd(a, b),
            Operation::Sub => builder.ins().isub(a, b),
            Operation::Logic => a,
        }
    }

    /// N, Z, C, V, each an I8 of 0 or 1.
    fn bits(self, builder: &mut FunctionBuilder<'_>) -> [Value; 4] {
        let result = self.result(builder);
        let (a, b) = self.operands(builder);
        let (c, left, right) = match self.operation {
            Operation::Logic => {
                let clear = builder.ins().iconst(I8, 0);
                let zero = builder.ins().iconst(type_of(self.width), 0);
                (clear, zero, zero)
            }
            Operation::Add => {
                let c = builder.ins().icmp(IntCC::UnsignedLessThan, result, a);
                let left = builder.ins().bxor(a, result);
                (c, left, builder.ins().bxor(b, result))
            }
            Operation::Sub => {
                let c = builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, a, b);
                let left = builder.ins().bxor(a, b);
                (c, left, builder.ins().bxor(a, result))
            }
        };
        signed_bits(builder, result, c, left, right)
    }

    fn packed(self, builder: &mut FunctionBuilder<'_>) -> Value {
        let bits = self.bits(builder);
        pack(builder, bits)
    }
}

/// N and Z of a result, the given C, and V as the sign of what `left` and `right` both have.
fn signed_bits(
    builder: &mut FunctionBuilder<'_>,
    result: Value,
    c: Value,
    left: Value,
    right: Value,
) -> [Value; 4] {
    let n = builder.ins().icmp_imm_s(IntCC::SignedLessThan, result, 0);
    let z = builder.ins().icmp_imm_s(IntCC::Equal, result, 0);
    let both = builder.ins().band(left, right);
    let v = builder.ins().icmp_imm_s(IntCC::SignedLessThan, both, 0);
    [n, z, c, v]
}

/// N, Z, C, V, each an I8 of 0 or 1, in bits 31 to 28 of an I64.
fn pack(builder: &mut FunctionBuilder<'_>, bits: [Value; 4]) -> Value {
    let [n, z, c, v] = bits.map(|bit| builder.ins().uextend(I64, bit));
    let [n, z, c, v] = [(n, 31), (z, 30), (c, 29), (v, 28)]
        .map(|(bit, place)| builder.ins().ishl_imm_u(bit, place));
    let left = builder.ins().bor(n, z);
    let right = builder.ins().bor(c, v);
    builder.ins().bor(left, right)
}
