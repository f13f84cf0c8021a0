//! Data processing on general registers.
#![forbid(unsafe_code)]

use crate::code::{Handler, Ip};
use crate::condition;
use crate::cpu::Cpu;
use crate::ir::{Extend, Logic, Op, Operand, Shift, Unary, Width};
use crate::state::{LAZY, LAZY_A, LAZY_B, State, lazy};

/// Operand sizes.
pub(super) trait Word: Copy + PartialEq {
    const BITS: u32;
    fn from_u64(value: u64) -> Self;
    fn to_u64(self) -> u64;
    /// Sum with carry in, and N, Z, C, V in bits 31 to 28.
    fn add_flags(a: Self, b: Self, carry: bool) -> (Self, u32);
    fn multiply(a: Self, b: Self) -> Self;
    fn divide(a: Self, b: Self, signed: bool) -> Self;
    fn shift(self, shift: Shift, amount: u32) -> Self;
    fn unary(self, unary: Unary) -> Self;
}

macro_rules! word {
    ($unsigned:ty, $signed:ty) => {
        impl Word for $unsigned {
            const BITS: u32 = <$unsigned>::BITS;

            #[inline(always)]
            fn from_u64(value: u64) -> Self {
                value as $unsigned
            }

            #[inline(always)]
            fn to_u64(self) -> u64 {
                self as u64
            }

            #[inline(always)]
            fn add_flags(a: Self, b: Self, carry: bool) -> (Self, u32) {
                let (partial, c1) = a.overflowing_add(b);
                let (sum, c2) = partial.overflowing_add(carry as $unsigned);
                let overflow = ((a ^ sum) & (b ^ sum)) >> (Self::BITS - 1);
                let flags = ((sum >> (Self::BITS - 1)) as u32) << 31
                    | ((sum == 0) as u32) << 30
                    | ((c1 | c2) as u32) << 29
                    | (overflow as u32) << 28;
                (sum, flags)
            }

            #[inline(always)]
            fn multiply(a: Self, b: Self) -> Self {
                a.wrapping_mul(b)
            }

            #[inline(always)]
            fn divide(a: Self, b: Self, signed: bool) -> Self {
                if b == 0 {
                    0
                } else if signed {
                    (a as $signed).wrapping_div(b as $signed) as $unsigned
                } else {
                    a / b
                }
            }

            #[inline(always)]
            fn shift(self, shift: Shift, amount: u32) -> Self {
                match shift {
                    Shift::Lsl => self.wrapping_shl(amount),
                    Shift::Lsr => self.wrapping_shr(amount),
                    Shift::Asr => (self as $signed).wrapping_shr(amount) as $unsigned,
                    Shift::Ror => self.rotate_right(amount & (Self::BITS - 1)),
                }
            }

            #[inline(always)]
            fn unary(self, unary: Unary) -> Self {
                match unary {
                    Unary::Rbit => self.reverse_bits(),
                    Unary::Rev16 => {
                        let ones = <$unsigned>::MAX / 0xffff * 0xff;
                        (self & ones) << 8 | self >> 8 & ones
                    }
                    Unary::Rev32 => self.swap_bytes().rotate_right(Self::BITS / 2),
                    Unary::Rev => self.swap_bytes(),
                    Unary::Clz => self.leading_zeros() as $unsigned,
                    Unary::Cls => {
                        let signs = self ^ ((self as $signed) >> 1) as $unsigned;
                        signs.leading_zeros() as $unsigned - 1
                    }
                }
            }
        }
    };
}
word!(u32, i32);
word!(u64, i64);

/// Where an instruction's second operand comes from, as a type.
trait Source {
    fn get<W: Word>(cpu: &Cpu, ip: Ip) -> W;
}

struct Imm;
struct Reg;
struct Shifted<const SHIFT: u8>;
struct Extended<const EXTEND: u8>;

impl Source for Imm {
    #[inline(always)]
    fn get<W: Word>(_: &Cpu, ip: Ip) -> W {
        W::from_u64(ip.imm())
    }
}

impl Source for Reg {
    #[inline(always)]
    fn get<W: Word>(cpu: &Cpu, ip: Ip) -> W {
        let [_, _, m, _] = ip.registers();
        W::from_u64(cpu.state.x(m))
    }
}

const fn shift_of(number: u8) -> Shift {
    match number {
        0 => Shift::Lsl,
        1 => Shift::Lsr,
        2 => Shift::Asr,
        _ => Shift::Ror,
    }
}

impl<const SHIFT: u8> Source for Shifted<SHIFT> {
    #[inline(always)]
    fn get<W: Word>(cpu: &Cpu, ip: Ip) -> W {
        let [_, _, m, _] = ip.registers();
        W::from_u64(cpu.state.x(m)).shift(shift_of(SHIFT), ip.imm() as u32)
    }
}

/// `ExtendReg` of the Arm ARM, before the shift.
#[inline(always)]
pub(super) fn extend(value: u64, extend: Extend) -> u64 {
    match extend {
        Extend::Uxtb => value as u8 as u64,
        Extend::Uxth => value as u16 as u64,
        Extend::Uxtw => value as u32 as u64,
        Extend::Uxtx | Extend::Sxtx => value,
        Extend::Sxtb => value as i8 as u64,
        Extend::Sxth => value as i16 as u64,
        Extend::Sxtw => value as i32 as u64,
    }
}

pub(super) const fn extend_of(number: u8) -> Extend {
    match number {
        0 => Extend::Uxtb,
        1 => Extend::Uxth,
        2 => Extend::Uxtw,
        3 => Extend::Uxtx,
        4 => Extend::Sxtb,
        5 => Extend::Sxth,
        6 => Extend::Sxtw,
        _ => Extend::Sxtx,
    }
}

impl<const EXTEND: u8> Source for Extended<EXTEND> {
    #[inline(always)]
    fn get<W: Word>(cpu: &Cpu, ip: Ip) -> W {
        let [_, _, m, _] = ip.registers();
        W::from_u64(extend(cpu.state.x(m), extend_of(EXTEND)) << (ip.imm() & 7))
    }
}

/// Calls `$make!(types)` with the type of a [`Source`].
macro_rules! by_operand {
    ($operand:expr, $make:ident, $($more:tt)*) => {
        match $operand {
            Operand::Imm => $make!(Imm, $($more)*),
            Operand::Reg => $make!(Reg, $($more)*),
            Operand::Shifted(Shift::Lsl) => $make!(Shifted<0>, $($more)*),
            Operand::Shifted(Shift::Lsr) => $make!(Shifted<1>, $($more)*),
            Operand::Shifted(Shift::Asr) => $make!(Shifted<2>, $($more)*),
            Operand::Shifted(Shift::Ror) => $make!(Shifted<3>, $($more)*),
            Operand::Extended(Extend::Uxtb) => $make!(Extended<0>, $($more)*),
            Operand::Extended(Extend::Uxth) => $make!(Extended<1>, $($more)*),
            Operand::Extended(Extend::Uxtw) => $make!(Extended<2>, $($more)*),
            Operand::Extended(Extend::Uxtx | Extend::Sxtx) => $make!(Extended<3>, $($more)*),
            Operand::Extended(Extend::Sxtb) => $make!(Extended<4>, $($more)*),
            Operand::Extended(Extend::Sxth) => $make!(Extended<5>, $($more)*),
            Operand::Extended(Extend::Sxtw) => $make!(Extended<6>, $($more)*),
        }
    };
}

/// Calls `$make!(type)` with the type of a [`Width`].
macro_rules! by_width {
    ($width:expr, $make:ident $(, $($more:tt)*)?) => {
        match $width {
            Width::W => $make!(u32 $(, $($more)*)?),
            Width::X => $make!(u64 $(, $($more)*)?),
        }
    };
}

fn arith<W: Word, S: Source, const SUB: bool, const FLAGS: bool>(
    cpu: &mut Cpu,
    ip: Ip,
) -> Option<Ip> {
    let [d, n, ..] = ip.registers();
    let a = W::from_u64(cpu.state.x(n));
    let b: W = S::get(cpu, ip);
    let b = if SUB { W::from_u64(!b.to_u64()) } else { b };
    let (sum, flags) = W::add_flags(a, b, SUB);
    cpu.state.set_x(d, sum.to_u64());
    if FLAGS {
        cpu.state.set_nzcv(flags);
    }
    ip.advance(cpu)
}

/// Compute the flags that compiled code left to be computed.
#[inline(always)]
pub(crate) fn settle_flags(state: &mut State) {
    if state.x(LAZY) != 0 {
        compute_flags(state);
    }
}

fn compute_flags(state: &mut State) {
    let (a, b) = (state.x(LAZY_A), state.x(LAZY_B));
    let flags = match state.x(LAZY) {
        lazy::PACKED => a as u32,
        operation if operation & lazy::WIDE != 0 => lazy_flags(operation, a, b),
        operation => lazy_flags(operation, a as u32, b as u32),
    };
    state.set_x(LAZY, 0);
    state.set_nzcv(flags);
}

fn lazy_flags<W: Word>(operation: u64, a: W, b: W) -> u32 {
    let zero = W::from_u64(0);
    let (_, flags) = match operation & !lazy::WIDE {
        lazy::ADD => W::add_flags(a, b, false),
        lazy::SUB => W::add_flags(a, W::from_u64(!b.to_u64()), true),
        _ => W::add_flags(a, zero, false),
    };
    flags
}

fn add_carry<W: Word, const SUB: bool, const FLAGS: bool>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [d, n, m, _] = ip.registers();
    let a = W::from_u64(cpu.state.x(n));
    let b = cpu.state.x(m);
    let b = W::from_u64(if SUB { !b } else { b });
    let (sum, flags) = W::add_flags(a, b, cpu.state.nzcv() & 1 << 29 != 0);
    cpu.state.set_x(d, sum.to_u64());
    if FLAGS {
        cpu.state.set_nzcv(flags);
    }
    ip.advance(cpu)
}

fn logic<W: Word, S: Source, const LOGIC: u8, const INVERT: bool>(
    cpu: &mut Cpu,
    ip: Ip,
) -> Option<Ip> {
    let [d, n, ..] = ip.registers();
    let a = cpu.state.x(n);
    let b = S::get::<W>(cpu, ip).to_u64();
    let b = if INVERT { !b } else { b };
    let result = W::from_u64(match LOGIC {
        1 => a | b,
        2 => a ^ b,
        _ => a & b,
    });
    cpu.state.set_x(d, result.to_u64());
    if LOGIC == 3 {
        let zero = u32::from(result.to_u64() == 0);
        let negative = (result.to_u64() >> (W::BITS - 1)) as u32;
        cpu.state.set_nzcv(negative << 31 | zero << 30);
    }
    ip.advance(cpu)
}

fn mov_imm(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [d, ..] = ip.registers();
    cpu.state.set_x(d, ip.imm());
    ip.advance(cpu)
}

fn movk<W: Word>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [d, n, _, shift] = ip.registers();
    let shift = u32::from(shift) & 63;
    let value = cpu.state.x(n) & !(0xffff << shift) | ip.imm() << shift;
    cpu.state.set_x(d, W::from_u64(value).to_u64());
    ip.advance(cpu)
}

fn ubfm(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [d, n, _, rotation] = ip.registers();
    let value = cpu.state.x(n).rotate_right(u32::from(rotation)) & ip.imm();
    cpu.state.set_x(d, value);
    ip.advance(cpu)
}

fn sbfm<W: Word>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [d, n, right, left] = ip.registers();
    let shifted = cpu.state.x(n).wrapping_shl(u32::from(left)) as i64;
    let value = shifted.wrapping_shr(u32::from(right)) as u64;
    cpu.state.set_x(d, W::from_u64(value).to_u64());
    ip.advance(cpu)
}

fn bfm<W: Word>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [d, n, old, rotation] = ip.registers();
    let mask = ip.imm();
    let inserted = cpu.state.x(n).rotate_right(u32::from(rotation)) & mask;
    let value = cpu.state.x(old) & !mask | inserted;
    cpu.state.set_x(d, W::from_u64(value).to_u64());
    ip.advance(cpu)
}

fn extr<W: Word>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [d, n, m, _] = ip.registers();
    let high = u128::from(W::from_u64(cpu.state.x(n)).to_u64()) << W::BITS;
    let low = u128::from(W::from_u64(cpu.state.x(m)).to_u64());
    let value = ((high | low) >> (ip.imm() & 63)) as u64;
    cpu.state.set_x(d, W::from_u64(value).to_u64());
    ip.advance(cpu)
}

fn shift_var<W: Word, const SHIFT: u8>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [d, n, m, _] = ip.registers();
    let amount = cpu.state.w(m) & (W::BITS - 1);
    let value = W::from_u64(cpu.state.x(n)).shift(shift_of(SHIFT), amount);
    cpu.state.set_x(d, value.to_u64());
    ip.advance(cpu)
}

fn mul_add<W: Word, const SUB: bool>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [d, n, m, a] = ip.registers();
    let product = W::multiply(W::from_u64(cpu.state.x(n)), W::from_u64(cpu.state.x(m)));
    let value = accumulate::<SUB>(cpu.state.x(a), product.to_u64());
    cpu.state.set_x(d, W::from_u64(value).to_u64());
    ip.advance(cpu)
}

#[inline(always)]
fn accumulate<const SUB: bool>(a: u64, product: u64) -> u64 {
    if SUB {
        a.wrapping_sub(product)
    } else {
        a.wrapping_add(product)
    }
}

fn mul_add_long<const SUB: bool, const SIGNED: bool>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [d, n, m, a] = ip.registers();
    let (n, m) = (cpu.state.w(n), cpu.state.w(m));
    let product = if SIGNED {
        (i64::from(n as i32) * i64::from(m as i32)) as u64
    } else {
        u64::from(n) * u64::from(m)
    };
    let value = accumulate::<SUB>(cpu.state.x(a), product);
    cpu.state.set_x(d, value);
    ip.advance(cpu)
}

fn mul_high<const SIGNED: bool>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [d, n, m, _] = ip.registers();
    let (n, m) = (cpu.state.x(n), cpu.state.x(m));
    let value = if SIGNED {
        ((i128::from(n as i64) * i128::from(m as i64)) as u128) >> 64
    } else {
        (u128::from(n) * u128::from(m)) >> 64
    };
    cpu.state.set_x(d, value as u64);
    ip.advance(cpu)
}

fn div<W: Word, const SIGNED: bool>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [d, n, m, _] = ip.registers();
    let (n, m) = (W::from_u64(cpu.state.x(n)), W::from_u64(cpu.state.x(m)));
    cpu.state.set_x(d, W::divide(n, m, SIGNED).to_u64());
    ip.advance(cpu)
}

fn unary<W: Word, const UNARY: u8>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [d, n, ..] = ip.registers();
    let unary = match UNARY {
        0 => Unary::Rbit,
        1 => Unary::Rev16,
        2 => Unary::Rev32,
        3 => Unary::Rev,
        4 => Unary::Clz,
        _ => Unary::Cls,
    };
    let value = W::from_u64(cpu.state.x(n)).unary(unary);
    cpu.state.set_x(d, value.to_u64());
    ip.advance(cpu)
}

fn select<W: Word, const INVERT: bool, const INCREMENT: bool>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [d, n, m, _] = ip.registers();
    let mut other = cpu.state.x(m);
    if INVERT {
        other = !other;
    }
    if INCREMENT {
        other = other.wrapping_add(1);
    }
    let holds = condition::holds(ip.imm() as u8, cpu.state.nzcv());
    let value = if holds { cpu.state.x(n) } else { other };
    cpu.state.set_x(d, W::from_u64(value).to_u64());
    ip.advance(cpu)
}

fn cond_compare<W: Word, S: Source, const SUB: bool>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [condition, n, _, flags] = ip.registers();
    let nzcv = if condition::holds(condition, cpu.state.nzcv()) {
        let b = S::get::<W>(cpu, ip).to_u64();
        let b = W::from_u64(if SUB { !b } else { b });
        W::add_flags(W::from_u64(cpu.state.x(n)), b, SUB).1
    } else {
        u32::from(flags) << 28
    };
    cpu.state.set_nzcv(nzcv);
    ip.advance(cpu)
}

macro_rules! arith {
    ($source:ty, $word:ty, $sub:expr, $flags:expr) => {
        match ($sub, $flags) {
            (false, false) => arith::<$word, $source, false, false> as Handler,
            (false, true) => arith::<$word, $source, false, true>,
            (true, false) => arith::<$word, $source, true, false>,
            (true, true) => arith::<$word, $source, true, true>,
        }
    };
}

macro_rules! arith_word {
    ($word:ty, $operand:expr, $sub:expr, $flags:expr) => {
        by_operand!($operand, arith, $word, $sub, $flags)
    };
}

macro_rules! logic {
    ($source:ty, $word:ty, $logic:expr, $invert:expr) => {
        match ($logic, $invert) {
            (Logic::And, false) => logic::<$word, $source, 0, false> as Handler,
            (Logic::Orr, false) => logic::<$word, $source, 1, false>,
            (Logic::Eor, false) => logic::<$word, $source, 2, false>,
            (Logic::Ands, false) => logic::<$word, $source, 3, false>,
            (Logic::And, true) => logic::<$word, $source, 0, true>,
            (Logic::Orr, true) => logic::<$word, $source, 1, true>,
            (Logic::Eor, true) => logic::<$word, $source, 2, true>,
            (Logic::Ands, true) => logic::<$word, $source, 3, true>,
        }
    };
}

macro_rules! logic_word {
    ($word:ty, $operand:expr, $logic:expr, $invert:expr) => {
        by_operand!($operand, logic, $word, $logic, $invert)
    };
}

macro_rules! two_flags {
    ($function:ident, $a:expr, $b:expr $(, $word:ty)?) => {
        match ($a, $b) {
            (false, false) => $function::<$($word,)? false, false> as Handler,
            (false, true) => $function::<$($word,)? false, true>,
            (true, false) => $function::<$($word,)? true, false>,
            (true, true) => $function::<$($word,)? true, true>,
        }
    };
}

macro_rules! one_flag {
    ($function:ident, $a:expr $(, $word:ty)?) => {
        if $a { $function::<$($word,)? true> as Handler } else { $function::<$($word,)? false> }
    };
}

/// The function for an operation of this module.
pub(super) fn handler(op: Op) -> Handler {
    macro_rules! wide {
        ($function:ident, $width:expr) => {
            match $width {
                Width::W => $function::<u32> as Handler,
                Width::X => $function::<u64>,
            }
        };
    }
    match op {
        Op::MovImm | Op::Adr | Op::Adrp => mov_imm,
        Op::Movk(width) => wide!(movk, width),
        Op::Arith {
            sub,
            flags,
            width,
            operand,
        } => by_width!(width, arith_word, operand, sub, flags),
        Op::AddCarry { sub, flags, width } => match width {
            Width::W => two_flags!(add_carry, sub, flags, u32),
            Width::X => two_flags!(add_carry, sub, flags, u64),
        },
        Op::Logic {
            logic,
            invert,
            width,
            operand,
        } => by_width!(width, logic_word, operand, logic, invert),
        Op::Ubfm => ubfm,
        Op::Sbfm(width) => wide!(sbfm, width),
        Op::Bfm(width) => wide!(bfm, width),
        Op::Extr(width) => wide!(extr, width),
        Op::MulAdd { sub, width } => match width {
            Width::W => one_flag!(mul_add, sub, u32),
            Width::X => one_flag!(mul_add, sub, u64),
        },
        Op::MulAddLong { sub, signed } => two_flags!(mul_add_long, sub, signed),
        Op::MulHigh { signed } => one_flag!(mul_high, signed),
        Op::Div { signed, width } => match width {
            Width::W => one_flag!(div, signed, u32),
            Width::X => one_flag!(div, signed, u64),
        },
        Op::Select {
            invert,
            increment,
            width,
        } => match width {
            Width::W => two_flags!(select, invert, increment, u32),
            Width::X => two_flags!(select, invert, increment, u64),
        },
        Op::ShiftVar(shift, width) => shift_var_handler(shift, width),
        Op::Unary(unary, width) => unary_handler(unary, width),
        Op::CondCompare {
            sub,
            width,
            operand,
        } => cond_compare_handler(sub, width, operand),
        other => unreachable!("not a data-processing operation: {other:?}"),
    }
}

fn shift_var_handler(shift: Shift, width: Width) -> Handler {
    match (shift, width) {
        (Shift::Lsl, Width::W) => shift_var::<u32, 0>,
        (Shift::Lsr, Width::W) => shift_var::<u32, 1>,
        (Shift::Asr, Width::W) => shift_var::<u32, 2>,
        (Shift::Ror, Width::W) => shift_var::<u32, 3>,
        (Shift::Lsl, Width::X) => shift_var::<u64, 0>,
        (Shift::Lsr, Width::X) => shift_var::<u64, 1>,
        (Shift::Asr, Width::X) => shift_var::<u64, 2>,
        (Shift::Ror, Width::X) => shift_var::<u64, 3>,
    }
}

fn unary_handler(op: Unary, width: Width) -> Handler {
    macro_rules! sized {
        ($number:literal) => {
            match width {
                Width::W => unary::<u32, $number> as Handler,
                Width::X => unary::<u64, $number>,
            }
        };
    }
    match op {
        Unary::Rbit => sized!(0),
        Unary::Rev16 => sized!(1),
        Unary::Rev32 => sized!(2),
        Unary::Rev => sized!(3),
        Unary::Clz => sized!(4),
        Unary::Cls => sized!(5),
    }
}

fn cond_compare_handler(sub: bool, width: Width, operand: Operand) -> Handler {
    match (operand, width, sub) {
        (Operand::Imm, Width::W, false) => cond_compare::<u32, Imm, false>,
        (Operand::Imm, Width::W, true) => cond_compare::<u32, Imm, true>,
        (Operand::Imm, Width::X, false) => cond_compare::<u64, Imm, false>,
        (Operand::Imm, Width::X, true) => cond_compare::<u64, Imm, true>,
        (_, Width::W, false) => cond_compare::<u32, Reg, false>,
        (_, Width::W, true) => cond_compare::<u32, Reg, true>,
        (_, Width::X, false) => cond_compare::<u64, Reg, false>,
        (_, Width::X, true) => cond_compare::<u64, Reg, true>,
    }
}
