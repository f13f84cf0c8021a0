//! Data processing on general registers.
#![forbid(unsafe_code)]

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I16, I32, I64};
use cranelift_codegen::ir::{InstBuilder, Value};

use crate::compile::flags::{Flags, Lazy, Operation};
use crate::compile::lift::Lifter;
use crate::ir::{Args, Extend, Insn, Logic, Op, Operand, Shift, Unary, Width};

/// Condition codes from here on always hold.
const ALWAYS: u8 = 14;

impl Lifter<'_, '_> {
    /// Immediates.
    pub(super) fn moves(&mut self, pc: u64, insn: &Insn) {
        let Args { d, n, a, .. } = insn.args;
        match insn.op {
            Op::Nop => {}
            Op::MovImm => {
                let value = self.iconst(insn.imm);
                self.set_x(d, value);
            }
            Op::Adr => {
                let value = self.iconst(pc.wrapping_add(insn.imm));
                self.set_x(d, value);
            }
            Op::Adrp => {
                let value = self.iconst((pc & !0xfff).wrapping_add(insn.imm));
                self.set_x(d, value);
            }
            Op::Movk(width) => {
                let old = self.x(n);
                let mask = self.iconst(!(0xffff << (a & 63)));
                let kept = self.builder.ins().band(old, mask);
                let half = self.iconst(insn.imm << (a & 63));
                let value = self.builder.ins().bor(kept, half);
                self.write_low(d, value, width);
            }
            other => unreachable!("{other:?}"),
        }
    }

    /// Additions, subtractions, bitwise operations.
    pub(super) fn arithmetic(&mut self, insn: &Insn) {
        let Args { d, n, .. } = insn.args;
        match insn.op {
            Op::Arith {
                sub,
                flags,
                width,
                operand,
            } => {
                let left = self.read(n, width);
                let right = self.operand(insn, operand, width);
                let result = if sub {
                    self.builder.ins().isub(left, right)
                } else {
                    self.builder.ins().iadd(left, right)
                };
                self.write(d, result, width);
                if flags {
                    let left = self.widen(left, width);
                    let right = self.widen(right, width);
                    let operation = if sub { Operation::Sub } else { Operation::Add };
                    self.set_flags(operation, width, left, right);
                }
            }
            Op::Logic {
                logic,
                invert,
                width,
                operand,
            } => {
                let left = self.read(n, width);
                let mut right = self.operand(insn, operand, width);
                if invert {
                    right = self.builder.ins().bnot(right);
                }
                let result = match logic {
                    Logic::And | Logic::Ands => self.builder.ins().band(left, right),
                    Logic::Orr => self.builder.ins().bor(left, right),
                    Logic::Eor => self.builder.ins().bxor(left, right),
                };
                self.write(d, result, width);
                if logic == Logic::Ands {
                    let result = self.widen(result, width);
                    self.set_flags(Operation::Logic, width, result, result);
                }
            }
            other => unreachable!("{other:?}"),
        }
    }

    /// Bit fields and shifts.
    pub(super) fn bits(&mut self, insn: &Insn) {
        let Args { d, n, m, a, x } = insn.args;
        match insn.op {
            Op::Ubfm => {
                let value = self.x(n);
                let rotated = if a == 0 {
                    value
                } else {
                    self.builder.ins().rotr_imm_u(value, i64::from(a))
                };
                let mask = self.iconst(insn.imm);
                let value = self.builder.ins().band(rotated, mask);
                self.set_x(d, value);
            }
            Op::Sbfm(width) => {
                let value = self.x(n);
                let left = self.builder.ins().ishl_imm_u(value, i64::from(a));
                let value = self.builder.ins().sshr_imm_u(left, i64::from(m));
                self.write_low(d, value, width);
            }
            Op::Bfm(width) => {
                let (value, old) = (self.x(n), self.x(m));
                let rotated = self.builder.ins().rotr_imm_u(value, i64::from(a));
                let (mask, rest) = (self.iconst(insn.imm), self.iconst(!insn.imm));
                let inserted = self.builder.ins().band(rotated, mask);
                let kept = self.builder.ins().band(old, rest);
                let value = self.builder.ins().bor(inserted, kept);
                self.write_low(d, value, width);
            }
            Op::Extr(width) => self.extr(insn, width, x),
            Op::ShiftVar(shift, width) => {
                let (value, amount) = (self.read(n, width), self.read(m, width));
                let result = self.shift(value, shift, amount);
                self.write(d, result, width);
            }
            Op::Unary(unary, width) => self.unary(insn, unary, width),
            other => unreachable!("{other:?}"),
        }
    }

    /// Multiplication and division.
    pub(super) fn products(&mut self, insn: &Insn) {
        let Args { d, n, m, a, .. } = insn.args;
        match insn.op {
            Op::MulAdd { sub, width } => {
                let (left, right) = (self.read(n, width), self.read(m, width));
                let product = self.builder.ins().imul(left, right);
                let addend = self.read(a, width);
                let result = if sub {
                    self.builder.ins().isub(addend, product)
                } else {
                    self.builder.ins().iadd(addend, product)
                };
                self.write(d, result, width);
            }
            Op::MulAddLong { sub, signed } => {
                let (left, right) = (self.read(n, Width::W), self.read(m, Width::W));
                let (left, right) = if signed {
                    (
                        self.builder.ins().sextend(I64, left),
                        self.builder.ins().sextend(I64, right),
                    )
                } else {
                    (
                        self.builder.ins().uextend(I64, left),
                        self.builder.ins().uextend(I64, right),
                    )
                };
                let product = self.builder.ins().imul(left, right);
                let addend = self.x(a);
                let result = if sub {
                    self.builder.ins().isub(addend, product)
                } else {
                    self.builder.ins().iadd(addend, product)
                };
                self.set_x(d, result);
            }
            Op::MulHigh { signed } => {
                let (left, right) = (self.x(n), self.x(m));
                let result = if signed {
                    self.builder.ins().smulhi(left, right)
                } else {
                    self.builder.ins().umulhi(left, right)
                };
                self.set_x(d, result);
            }
            Op::Div { signed, width } => self.div(insn, signed, width),
            other => unreachable!("{other:?}"),
        }
    }

    /// Conditional selection and comparison.
    pub(super) fn conditions(&mut self, insn: &Insn) {
        let Args { d, n, m, x, .. } = insn.args;
        match insn.op {
            Op::Select {
                invert,
                increment,
                width,
            } => {
                let (first, mut second) = (self.read(n, width), self.read(m, width));
                if invert {
                    second = self.builder.ins().bnot(second);
                }
                if increment {
                    second = self.builder.ins().iadd_imm_s(second, 1);
                }
                let result = if x >= 14 {
                    first
                } else {
                    let holds = self.condition(x as u8);
                    self.builder.ins().select(holds, first, second)
                };
                self.write(d, result, width);
            }
            Op::CondCompare {
                sub,
                width,
                operand,
            } => self.cond_compare(insn, sub, width, operand),
            other => unreachable!("{other:?}"),
        }
    }

    /// Set a register from the low part of a 64-bit value.
    fn write_low(&mut self, register: u8, value: Value, width: Width) {
        let low = self.narrow(value, width);
        self.write(register, low, width);
    }

    fn operand(&mut self, insn: &Insn, operand: Operand, width: Width) -> Value {
        let Args { m, x, .. } = insn.args;
        match operand {
            Operand::Imm => {
                let value = match width {
                    Width::W => i64::from(insn.imm as u32),
                    Width::X => insn.imm as i64,
                };
                self.builder.ins().iconst(Self::type_of(width), value)
            }
            Operand::Reg => self.read(m, width),
            Operand::Shifted(shift) => {
                let value = self.read(m, width);
                let amount = self
                    .builder
                    .ins()
                    .iconst(Self::type_of(width), i64::from(x));
                self.shift(value, shift, amount)
            }
            Operand::Extended(extend) => {
                let value = self.extended(m, extend);
                let value = self.builder.ins().ishl_imm_u(value, i64::from(x));
                self.narrow(value, width)
            }
        }
    }

    pub(super) fn extended(&mut self, register: u8, extend: Extend) -> Value {
        let value = self.x(register);
        let (part, signed) = match extend {
            Extend::Uxtb => (I8, false),
            Extend::Uxth => (I16, false),
            Extend::Uxtw => (I32, false),
            Extend::Sxtb => (I8, true),
            Extend::Sxth => (I16, true),
            Extend::Sxtw => (I32, true),
            Extend::Uxtx | Extend::Sxtx => return value,
        };
        let low = self.builder.ins().ireduce(part, value);
        if signed {
            self.builder.ins().sextend(I64, low)
        } else {
            self.builder.ins().uextend(I64, low)
        }
    }

    fn shift(&mut self, value: Value, shift: Shift, amount: Value) -> Value {
        match shift {
            Shift::Lsl => self.builder.ins().ishl(value, amount),
            Shift::Lsr => self.builder.ins().ushr(value, amount),
            Shift::Asr => self.builder.ins().sshr(value, amount),
            Shift::Ror => self.builder.ins().rotr(value, amount),
        }
    }

    pub(super) fn extr(&mut self, insn: &Insn, width: Width, lsb: u16) {
        let Args { d, n, m, .. } = insn.args;
        let (high, low) = (self.read(n, width), self.read(m, width));
        let bits = if width == Width::X { 64 } else { 32 };
        let result = if lsb == 0 {
            low
        } else {
            let low = self.builder.ins().ushr_imm_u(low, i64::from(lsb));
            let high = self.builder.ins().ishl_imm_u(high, bits - i64::from(lsb));
            self.builder.ins().bor(high, low)
        };
        self.write(d, result, width);
    }

    /// Division by zero gives 0, and the one overflow wraps: neither may reach the host's divide.
    fn div(&mut self, insn: &Insn, signed: bool, width: Width) {
        let Args { d, n, m, .. } = insn.args;
        let (left, right) = (self.read(n, width), self.read(m, width));
        let ty = Self::type_of(width);
        let zero = self.builder.ins().iconst(ty, 0);
        let one = self.builder.ins().iconst(ty, 1);
        let by_zero = self.builder.ins().icmp_imm_s(IntCC::Equal, right, 0);
        let result = if signed {
            let by_minus_one = self.builder.ins().icmp_imm_s(IntCC::Equal, right, -1);
            let special = self.builder.ins().bor(by_zero, by_minus_one);
            let divisor = self.builder.ins().select(special, one, right);
            let quotient = self.builder.ins().sdiv(left, divisor);
            let negated = self.builder.ins().ineg(left);
            self.builder.ins().select(by_minus_one, negated, quotient)
        } else {
            let divisor = self.builder.ins().select(by_zero, one, right);
            self.builder.ins().udiv(left, divisor)
        };
        let result = self.builder.ins().select(by_zero, zero, result);
        self.write(d, result, width);
    }

    fn unary(&mut self, insn: &Insn, unary: Unary, width: Width) {
        let Args { d, n, .. } = insn.args;
        let value = self.read(n, width);
        let ty = Self::type_of(width);
        let result = match unary {
            Unary::Rbit => self.builder.ins().bitrev(value),
            Unary::Rev => self.builder.ins().bswap(value),
            Unary::Rev32 => {
                let swapped = self.builder.ins().bswap(value);
                self.builder.ins().rotr_imm_u(swapped, 32)
            }
            Unary::Rev16 => {
                let pattern = if width == Width::X {
                    0x00FF_00FF_00FF_00FFi64
                } else {
                    0x00FF_00FF
                };
                let ones = self.builder.ins().iconst(ty, pattern);
                let low = self.builder.ins().band(value, ones);
                let low = self.builder.ins().ishl_imm_u(low, 8);
                let high = self.builder.ins().ushr_imm_u(value, 8);
                let high = self.builder.ins().band(high, ones);
                self.builder.ins().bor(low, high)
            }
            Unary::Clz => self.builder.ins().clz(value),
            Unary::Cls => {
                let sign = self.builder.ins().sshr_imm_u(value, 1);
                let differing = self.builder.ins().bxor(value, sign);
                let zeros = self.builder.ins().clz(differing);
                self.builder.ins().iadd_imm_s(zeros, -1)
            }
        };
        self.write(d, result, width);
    }

    fn cond_compare(&mut self, insn: &Insn, sub: bool, width: Width, operand: Operand) {
        let Args { d, n, a, .. } = insn.args;
        let left = self.x(n);
        let right = self.operand(insn, operand, width);
        let right = self.widen(right, width);
        let lazy = Lazy {
            operation: if sub { Operation::Sub } else { Operation::Add },
            width,
            a: left,
            b: right,
        };
        self.flags = if d >= ALWAYS {
            Flags::Lazy(lazy)
        } else {
            Flags::Conditional {
                holds: self.condition(d),
                lazy,
                otherwise: a,
            }
        };
    }

    /// ADC, ADCS, SBC, SBCS.
    pub(super) fn add_carry(&mut self, insn: &Insn, sub: bool, flags: bool, width: Width) {
        let Args { d, n, m, .. } = insn.args;
        let carry = self.carry();
        let (left, mut right) = (self.read(n, width), self.read(m, width));
        if sub {
            right = self.builder.ins().bnot(right);
        }
        let carry = self.builder.ins().uextend(Self::type_of(width), carry);
        let partial = self.builder.ins().iadd(left, right);
        let sum = self.builder.ins().iadd(partial, carry);
        if flags {
            let below = IntCC::UnsignedLessThan;
            let first = self.builder.ins().icmp(below, partial, left);
            let second = self.builder.ins().icmp(below, sum, partial);
            let c = self.builder.ins().bor(first, second);
            self.flags = Flags::of_sum(self.builder, left, right, sum, c);
        }
        self.write(d, sum, width);
    }
}
