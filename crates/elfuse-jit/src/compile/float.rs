//! Scalar floating point.
//!
//! Only what the host does as Arm does: a result that is not a number is left to the interpreter,
//! since the two choose and sign NaNs differently, and so is everything if FPCR is not 0.
#![forbid(unsafe_code)]

use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::types::{F32, F32X4, F64, F64X2, I8X16, I32, I64};
use cranelift_codegen::ir::{InstBuilder, Type, Value};

use crate::compile::flags::Operation;
use crate::compile::lift::{LITTLE, Lifter};
use crate::ir::{Args, Float, Insn, Op, Width};
use crate::state::{SINK, ZERO};
use crate::table;
use crate::table::fields::{bit, bits, register};

/// The operation of an instruction word, if it is one of [`Float`].
pub(super) fn recognise(word: u32) -> Option<Insn> {
    if word >> 24 & 0x5e != 0x1e {
        return None;
    }
    let width = if bit(word, 31) { Width::X } else { Width::W };
    let signed = !bit(word, 16);
    let fused = |negate_product, negate_addend| Float::MulAdd {
        negate_product,
        negate_addend,
    };
    let float = match table::lookup(word)?.name {
        "fmov (register)" => Float::Move,
        "fabs (scalar)" => Float::Abs,
        "fneg (scalar)" => Float::Neg,
        "fsqrt (scalar)" => Float::Sqrt,
        "fadd (scalar)" => Float::Add,
        "fsub (scalar)" => Float::Sub,
        "fmul (scalar)" => Float::Mul,
        "fnmul (scalar)" => Float::NegMul,
        "fdiv (scalar)" => Float::Div,
        "fmadd" => fused(false, false),
        "fmsub" => fused(true, false),
        "fnmadd" => fused(true, true),
        "fnmsub" => fused(false, true),
        "fcmp" | "fcmpe" => Float::Compare { zero: false },
        "fcmp (zero)" | "fcmpe (zero)" => Float::Compare { zero: true },
        "fcsel" => Float::Select,
        "fmov (scalar, immediate)" => Float::Immediate,
        "fmov (general, S to W)" | "fmov (general, D to X)" => Float::ToGeneral,
        "fmov (general, W to S)" | "fmov (general, X to D)" => Float::FromGeneral,
        "scvtf (scalar, integer)" | "ucvtf (scalar, integer)" => Float::FromInt { signed, width },
        // Not FCVTZU: for what does not fit the host's sequence raises nothing.
        "fcvtzs (scalar, integer)" => Float::ToInt { width },
        "fcvt (single to double)" => Float::Widen,
        "fcvt (double to single)" => Float::Narrow,
        _ => return None,
    };
    let double = match bits(word, 23, 22) {
        0 => false,
        1 => true,
        _ => return None,
    };
    let mut args = Args {
        d: register(word, 0),
        n: register(word, 5),
        m: register(word, 16),
        a: register(word, 10),
        x: bits(word, 15, 12) as u16,
    };
    match float {
        // Only done for its exceptions, which Cranelift would drop.
        Float::ToInt { .. } if args.d == 31 => return None,
        Float::ToGeneral if args.d == 31 => args.d = SINK,
        Float::FromGeneral | Float::FromInt { .. } if args.n == 31 => args.n = ZERO,
        _ => {}
    }
    let imm = if float == Float::Immediate {
        expand(bits(word, 20, 13), double)
    } else {
        0
    };
    Some(Insn::new(Op::Float(float, double), args, imm))
}

/// `VFPExpandImm` of the Arm ARM.
fn expand(imm8: u32, double: bool) -> u64 {
    let imm8 = u64::from(imm8);
    let (sign, low, fraction) = (imm8 >> 7, imm8 >> 4 & 3, imm8 & 15);
    let high = imm8 >> 6 & 1;
    if double {
        let repeated = if high == 1 { 0xff } else { 0 };
        sign << 63 | (high ^ 1) << 62 | repeated << 54 | low << 52 | fraction << 48
    } else {
        let repeated = if high == 1 { 0x1f } else { 0 };
        sign << 31 | (high ^ 1) << 30 | repeated << 25 | low << 23 | fraction << 19
    }
}

const fn scalar(double: bool) -> Type {
    if double { F64 } else { F32 }
}

const fn vector(double: bool) -> Type {
    if double { F64X2 } else { F32X4 }
}

const fn integer(width: Width) -> Type {
    match width {
        Width::W => I32,
        Width::X => I64,
    }
}

/// The bits of the least number too great for a signed integer.
const fn limit(width: Width, double: bool) -> u64 {
    match (width, double) {
        (Width::W, false) => 2147483648f32.to_bits() as u64,
        (Width::W, true) => 2147483648f64.to_bits(),
        (Width::X, false) => 9223372036854775808f32.to_bits() as u64,
        (Width::X, true) => 9223372036854775808f64.to_bits(),
    }
}

impl Lifter<'_, '_> {
    fn read_float(&mut self, register: u8, double: bool) -> Value {
        let value = self.v(register);
        self.low_scalar(value, if double { F64 } else { F32 })
    }

    fn write_float(&mut self, register: u8, value: Value, double: bool) {
        let lanes = self.builder.ins().scalar_to_vector(vector(double), value);
        let value = self.builder.ins().bitcast(I8X16, LITTLE, lanes);
        self.set_v(register, value);
    }

    fn leave_if_unordered(&mut self, a: Value, b: Value) {
        let unordered = self.builder.ins().fcmp(FloatCC::Unordered, a, b);
        self.go_back_if(unordered);
    }

    /// Set a register to an arithmetic result, if it is a number.
    fn write_result(&mut self, register: u8, value: Value, double: bool) {
        self.leave_if_unordered(value, value);
        self.write_float(register, value, double);
    }

    /// An operation of this module.
    pub(super) fn float(&mut self, insn: &Insn, float: Float, double: bool) {
        let Args { d, n, m, a, x } = insn.args;
        match float {
            Float::Immediate => {
                let value = self.constant(insn.imm, double);
                self.write_float(d, value, double);
            }
            Float::Move => {
                let value = self.read_float(n, double);
                self.write_float(d, value, double);
            }
            Float::Abs => {
                let value = self.read_float(n, double);
                let value = self.builder.ins().fabs(value);
                self.write_float(d, value, double);
            }
            Float::Neg => {
                let value = self.read_float(n, double);
                let value = self.builder.ins().fneg(value);
                self.write_float(d, value, double);
            }
            Float::Sqrt => {
                let value = self.read_float(n, double);
                let value = self.builder.ins().sqrt(value);
                self.write_result(d, value, double);
            }
            Float::Add | Float::Sub | Float::Mul | Float::NegMul | Float::Div => {
                let (left, right) = (self.read_float(n, double), self.read_float(m, double));
                let value = match float {
                    Float::Add => self.builder.ins().fadd(left, right),
                    Float::Sub => self.builder.ins().fsub(left, right),
                    Float::Div => self.builder.ins().fdiv(left, right),
                    _ => self.builder.ins().fmul(left, right),
                };
                let value = if float == Float::NegMul {
                    self.builder.ins().fneg(value)
                } else {
                    value
                };
                self.write_result(d, value, double);
            }
            Float::MulAdd {
                negate_product,
                negate_addend,
            } => {
                let mut left = self.read_float(n, double);
                let right = self.read_float(m, double);
                let mut addend = self.read_float(a, double);
                if negate_product {
                    left = self.builder.ins().fneg(left);
                }
                if negate_addend {
                    addend = self.builder.ins().fneg(addend);
                }
                let value = self.builder.ins().fma(left, right, addend);
                self.write_result(d, value, double);
            }
            Float::Compare { zero } => self.compare(insn, zero, double),
            Float::Select => {
                let (yes, no) = (self.read_float(n, double), self.read_float(m, double));
                let value = if x >= 14 {
                    yes
                } else {
                    let holds = self.condition(x as u8);
                    self.builder.ins().select(holds, yes, no)
                };
                self.write_float(d, value, double);
            }
            Float::ToGeneral | Float::FromGeneral | Float::FromInt { .. } | Float::ToInt { .. } => {
                self.general(insn, float, double);
            }
            Float::Widen => {
                let value = self.read_float(n, false);
                let value = self.builder.ins().fpromote(F64, value);
                self.write_result(d, value, true);
            }
            Float::Narrow => {
                let value = self.read_float(n, true);
                let value = self.builder.ins().fdemote(F32, value);
                self.write_result(d, value, false);
            }
        }
    }

    /// Between vector and general registers.
    fn general(&mut self, insn: &Insn, float: Float, double: bool) {
        let Args { d, n, .. } = insn.args;
        match float {
            Float::ToGeneral => {
                let value = self.read_float(n, double);
                let width = if double { Width::X } else { Width::W };
                let value = self.builder.ins().bitcast(integer(width), LITTLE, value);
                self.write(d, value, width);
            }
            Float::FromGeneral => {
                let width = if double { Width::X } else { Width::W };
                let value = self.x(n);
                let value = self.narrow(value, width);
                let value = self.builder.ins().bitcast(scalar(double), LITTLE, value);
                self.write_float(d, value, double);
            }
            Float::FromInt { signed, width } => {
                let value = self.x(n);
                let value = self.narrow(value, width);
                let value = if signed {
                    self.builder.ins().fcvt_from_sint(scalar(double), value)
                } else {
                    self.builder.ins().fcvt_from_uint(scalar(double), value)
                };
                if double && width == Width::W {
                    self.write_float(d, value, double);
                } else {
                    // Always a number, but Cranelift must not drop an inexact one.
                    self.write_result(d, value, double);
                }
            }
            Float::ToInt { width } => {
                let value = self.read_float(n, double);
                // What does not fit is invalid, which Cranelift must not drop with the result.
                let magnitude = self.builder.ins().fabs(value);
                let limit = self.constant(limit(width, double), double);
                let inside = self.builder.ins().fcmp(FloatCC::LessThan, magnitude, limit);
                let outside = self.builder.ins().bxor_imm_u(inside, 1);
                self.go_back_if(outside);
                let value = self.builder.ins().fcvt_to_sint_sat(integer(width), value);
                self.write(d, value, width);
            }
            other => unreachable!("{other:?}"),
        }
    }

    fn constant(&mut self, imm: u64, double: bool) -> Value {
        if double {
            let bits = cranelift_codegen::ir::immediates::Ieee64::with_bits(imm);
            self.builder.ins().f64const(bits)
        } else {
            let bits = cranelift_codegen::ir::immediates::Ieee32::with_bits(imm as u32);
            self.builder.ins().f32const(bits)
        }
    }

    /// NZCV: 0110 equal, 1000 less, 0010 greater. Unordered operands are the interpreter's.
    fn compare(&mut self, insn: &Insn, zero: bool, double: bool) {
        let Args { n, m, .. } = insn.args;
        let left = self.read_float(n, double);
        let right = if zero {
            self.constant(0, double)
        } else {
            self.read_float(m, double)
        };
        self.leave_if_unordered(left, right);
        // Subtracting "less" from "greater", each 0 or 1, sets the same flags.
        let less = self.builder.ins().fcmp(FloatCC::LessThan, left, right);
        let greater = self.builder.ins().fcmp(FloatCC::GreaterThan, left, right);
        let less = self.builder.ins().uextend(I64, less);
        let greater = self.builder.ins().uextend(I64, greater);
        self.set_flags(Operation::Sub, Width::X, greater, less);
    }
}
