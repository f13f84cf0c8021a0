//! Branches and exceptions.
#![forbid(unsafe_code)]

use crate::calls;
use crate::code::{Handler, Ip};
use crate::condition;
use crate::cpu::{Cpu, Exit, Monitor};
use crate::ir::{Op, Width};

const LINK: u8 = 30;

fn jump(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    cpu.branch(ip, ip.jump(ip.imm()))
}

fn call(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let pc = cpu.code.pc(ip);
    cpu.state.set_x(LINK, pc + 4);
    cpu.branch_by_call(ip.jump(ip.imm()))
}

#[inline(always)]
fn jump_when(cpu: &mut Cpu, ip: Ip, condition: bool) -> Option<Ip> {
    if condition {
        cpu.branch(ip, ip.jump(ip.imm()))
    } else {
        ip.advance(cpu)
    }
}

fn jump_if(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [_, _, _, condition] = ip.registers();
    let holds = condition::holds(condition, cpu.state.nzcv());
    jump_when(cpu, ip, holds)
}

fn jump_zero<const WIDE: bool, const NONZERO: bool>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [t, ..] = ip.registers();
    let zero = if WIDE {
        cpu.state.x(t) == 0
    } else {
        cpu.state.w(t) == 0
    };
    jump_when(cpu, ip, zero != NONZERO)
}

fn jump_bit<const SET: bool>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [t, _, _, bit] = ip.registers();
    let set = cpu.state.x(t) >> (bit & 63) & 1 != 0;
    jump_when(cpu, ip, set == SET)
}

fn jump_register(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [_, n, ..] = ip.registers();
    let pc = cpu.state.x(n);
    cpu.branch_to(pc)
}

fn call_register(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [_, n, ..] = ip.registers();
    let to = cpu.state.x(n);
    let pc = cpu.code.pc(ip);
    cpu.state.set_x(LINK, pc + 4);
    cpu.branch_to(to)
}

fn syscall(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    if let Some(result) = calls::answer(cpu) {
        cpu.state.set_x(0, result);
        // What ERET does.
        cpu.monitor = Monitor::default();
        return cpu.go_on(ip.next());
    }
    let pc = cpu.code.pc(ip);
    cpu.leave(Exit::Syscall, pc + 4)
}

fn breakpoint(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let pc = cpu.code.pc(ip);
    cpu.leave(Exit::Breakpoint, pc)
}

/// The function for an operation of this module.
pub(super) fn handler(op: Op) -> Handler {
    match op {
        Op::Jump => jump,
        Op::Call => call,
        Op::JumpIf => jump_if,
        Op::JumpZero { nonzero, width } => match (width, nonzero) {
            (Width::W, false) => jump_zero::<false, false>,
            (Width::W, true) => jump_zero::<false, true>,
            (Width::X, false) => jump_zero::<true, false>,
            (Width::X, true) => jump_zero::<true, true>,
        },
        Op::JumpBit { set: false } => jump_bit::<false>,
        Op::JumpBit { set: true } => jump_bit::<true>,
        Op::JumpReg { .. } => jump_register,
        Op::CallReg => call_register,
        Op::Syscall => syscall,
        Op::Breakpoint => breakpoint,
        other => unreachable!("not a branch: {other:?}"),
    }
}
