//! The interpreter: a function per operation and operand shape, chosen when an instruction is
//! decoded.
#![forbid(unsafe_code)]

mod atomics;
mod branches;
mod integers;
mod loads;
mod structures;

use crate::code::{Handler, Ip};
use crate::cpu::{Cpu, Exit, Need};
use crate::ir::{Address, Args, Insn, Op};
use crate::state::FPSR;
use crate::table;

pub(crate) use integers::settle_flags;

/// Decode the instruction at `ip`, so that it is executed next; leaves if it cannot be fetched.
pub(crate) fn decode(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let pc = cpu.code.pc(ip);
    if !cpu.code.prepare(pc) {
        return cpu.refuse(pc, pc, Need::Execute);
    }
    if cpu.code.points.stops_at(pc) {
        ip.redirect(reached);
        return Some(ip);
    }
    if cpu.code.is_kept(ip) {
        ip.redirect(crate::code::compiled);
        return Some(ip);
    }
    let word = cpu.load_code(ip, pc)?;
    cpu.code.coverage.note(word);
    match table::decode(word) {
        Some(insn) => ip.set(handler(&insn), insn.args, immediate(&insn, pc)),
        None => ip.set(undefined, Args::default(), 0),
    }
    Some(ip)
}

/// Execute the instruction at `ip` even if it begins a compiled region.
pub(crate) fn execute_original(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    if !ip.executes(crate::code::compiled) {
        return Some(ip);
    }
    original(cpu, ip)
}

/// Execute the instruction at `ip`, whatever its entry says.
fn original(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let pc = cpu.code.pc(ip);
    let word = cpu.load_code(ip, pc)?;
    match table::decode(word) {
        Some(insn) => {
            // It may have been compiled before it was ever decoded.
            ip.set_operands(insn.args, immediate(&insn, pc));
            handler(&insn)(cpu, ip)
        }
        None => undefined(cpu, ip),
    }
}

/// What an entry executes where a debugger wants threads to stop.
pub(crate) fn reached(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let pc = cpu.code.pc(ip);
    if cpu.debugged && cpu.code.points.stops_at(pc) {
        return cpu.leave(Exit::Reached, pc);
    }
    original(cpu, ip)
}

/// What an entry executes that a thread which is stepped may come to.
fn stepped(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    if cpu.stepping {
        let pc = cpu.code.pc(ip);
        return cpu.leave(Exit::Stepped, pc);
    }
    original(cpu, ip)
}

/// Execute the instruction at `ip` and no other.
///
/// Handlers go on with the next instruction by themselves, except where they look whether somebody
/// wants attention. So all places are prepared where this one can go without looking.
pub(crate) fn step(cpu: &mut Cpu, ip: Ip) {
    let pc = cpu.code.pc(ip);
    if !cpu.code.prepare(pc) {
        let _: Option<Ip> = cpu.refuse(pc, pc, Need::Execute);
        return;
    }
    let Some(word) = cpu.load_code(ip, pc) else {
        return;
    };
    let insn = table::decode(word);
    let branch = insn.filter(|insn| {
        matches!(
            insn.op,
            Op::Jump | Op::JumpIf | Op::JumpZero { .. } | Op::JumpBit { .. }
        )
    });
    let places = [Some(ip.next()), branch.map(|insn| ip.jump(insn.imm))];
    for place in places.into_iter().flatten().filter(|place| *place != ip) {
        place.redirect(stepped);
    }
    cpu.stepping = true;
    cpu.demand_attention(true);
    match original(cpu, ip) {
        Some(to) => {
            let pc = cpu.code.pc(to);
            cpu.leave(Exit::Stepped, pc);
        }
        None if cpu.exit == Exit::Interrupted => cpu.exit = Exit::Stepped,
        None => {}
    }
    cpu.demand_attention(false);
    cpu.stepping = false;
    for place in places.into_iter().flatten() {
        let pc = cpu.code.pc(place);
        cpu.code.forget_decoded(pc);
    }
}

/// What an entry holds beside its registers.
fn immediate(insn: &Insn, pc: u64) -> u64 {
    match insn.op {
        Op::Helper(helper) => helper as usize as u64 | u64::from(insn.args.x) << 48,
        Op::Adr => pc.wrapping_add(insn.imm),
        Op::Adrp => (pc & !0xfff).wrapping_add(insn.imm),
        Op::Load(_, _, Address::Literal) | Op::LoadV(_, Address::Literal) => {
            pc.wrapping_add(insn.imm)
        }
        _ => insn.imm | u64::from(insn.args.x),
    }
}

/// The function that executes an instruction.
fn handler(insn: &Insn) -> Handler {
    match insn.op {
        Op::Helper(_) => helper,
        // All but the first are only made by the compiler.
        Op::Undefined
        | Op::Float(..)
        | Op::HelperOn(..)
        | Op::ByValue(..)
        | Op::ByNumber(_)
        | Op::Vector(..)
        | Op::FloatVector(..) => undefined,
        Op::Nop => nop,
        Op::Fence => fence,
        Op::ReadCounter => read_counter,
        Op::ReadFpsr => read_fpsr,
        Op::WriteFpsr => write_fpsr,
        Op::InvalidateCode => invalidate_code,
        Op::Jump
        | Op::Call
        | Op::JumpIf
        | Op::JumpZero { .. }
        | Op::JumpBit { .. }
        | Op::JumpReg { .. }
        | Op::CallReg
        | Op::Syscall
        | Op::Breakpoint => branches::handler(insn.op),
        Op::Load(..)
        | Op::Store(..)
        | Op::LoadV(..)
        | Op::StoreV(..)
        | Op::LoadPair(..)
        | Op::StorePair(..)
        | Op::LoadPairV(..)
        | Op::StorePairV(..) => loads::handler(insn.op),
        Op::LoadAcquire(_)
        | Op::StoreRelease(_)
        | Op::LoadExclusive(_)
        | Op::LoadExclusivePair(_)
        | Op::StoreExclusive(_)
        | Op::StoreExclusivePair(_)
        | Op::Atomic(..)
        | Op::CompareSwap(_)
        | Op::CompareSwapPair(_)
        | Op::ClearExclusive => atomics::handler(insn.op),
        Op::LoadStructures
        | Op::StoreStructures
        | Op::LoadLane
        | Op::StoreLane
        | Op::LoadReplicate
        | Op::ZeroBlock => structures::handler(insn.op),
        _ => integers::handler(insn.op),
    }
}

fn helper(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    ip.call_helper(&mut cpu.state);
    ip.advance(cpu)
}

fn undefined(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let pc = cpu.code.pc(ip);
    cpu.leave(Exit::Undefined, pc)
}

fn nop(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    ip.advance(cpu)
}

fn fence(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
    ip.advance(cpu)
}

/// Nanoseconds of the host's monotonic clock: see `table::system::COUNTER_FREQUENCY`.
fn read_counter(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [d, ..] = ip.registers();
    cpu.state.set_x(d, crate::clock::monotonic());
    ip.advance(cpu)
}

fn read_fpsr(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [d, ..] = ip.registers();
    cpu.sync_fpsr();
    cpu.state.set_x(d, cpu.state.x(FPSR));
    ip.advance(cpu)
}

fn write_fpsr(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    /// QC and the cumulative exception flags.
    const FLAGS: u64 = 1 << 27 | 0x9f;
    let [n, ..] = ip.registers();
    cpu.sync_fpsr();
    cpu.state.set_x(FPSR, cpu.state.x(n) & FLAGS);
    ip.advance(cpu)
}

fn invalidate_code(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    const LINE: u64 = table::system::LINE;
    let [n, ..] = ip.registers();
    let address = cpu.state.x(n) & !(LINE - 1);
    cpu.code.invalidate(address, LINE);
    ip.advance(cpu)
}

/// Element sizes as types: calls the macro `$make` with the unsigned type of a size.
macro_rules! by_size {
    ($size:expr, $make:ident) => {
        match $size {
            Size::B1 => $make!(u8),
            Size::B2 => $make!(u16),
            Size::B4 => $make!(u32),
            _ => $make!(u64),
        }
    };
}
pub(crate) use by_size;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_decoded_has_a_handler() {
        // A prime, so that all bits vary.
        for word in (0..=u32::MAX).step_by(61) {
            if let Some(insn) = table::decode(word) {
                std::hint::black_box(handler(&insn));
            }
        }
    }
}
