//! `prlimit(2)`.

use super::memory::store_u64;
use crate::cpu::Cpu;

const STACK: u32 = 3;

/// The thread's own limit of the stack, which the start of every program asks for.
pub(super) fn get(cpu: &Cpu) -> Option<u64> {
    let (process, limit) = (cpu.state.w(0), cpu.state.w(1));
    let (new, old) = (cpu.state.x(2), cpu.state.x(3));
    if process != 0 || limit != STACK || new != 0 || old == 0 {
        return None;
    }
    for (at, value) in (old..).step_by(8).zip(cpu.shared.stack_limit()) {
        store_u64(cpu, at, value)?;
    }
    Some(0)
}
