//! Words of a thread that the kernel looks at when it ends.

use crate::cpu::Cpu;
use crate::state::{CLEARED, ROBUST};

/// Of `struct robust_list_head`.
const HEAD_SIZE: u64 = 24;

/// `set_tid_address(2)`, `set_robust_list(2)`.
pub(super) fn note(cpu: &mut Cpu) -> Option<u64> {
    let tid = cpu.answers.as_ref()?.tid;
    let address = cpu.state.x(0);
    if cpu.state.w(8) == 96 {
        cpu.state.set_x(CLEARED, address);
        return Some(tid.into());
    }
    if cpu.state.x(1) != HEAD_SIZE {
        return None;
    }
    cpu.state.set_x(ROBUST, address);
    Some(0)
}
