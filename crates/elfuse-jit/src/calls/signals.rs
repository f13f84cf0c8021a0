//! The signal mask.

use super::memory::{load_u64, store_u64};
use crate::cpu::Cpu;

pub(super) const SIGSET_SIZE: u64 = 8;
/// SIGKILL and SIGSTOP.
pub(super) const UNBLOCKABLE: u64 = 1 << 8 | 1 << 18;

/// `rt_sigprocmask(2)`, while no signal is pending.
pub(super) fn change_mask(cpu: &Cpu) -> Option<u64> {
    let [how, set, old, size] = [0, 1, 2, 3].map(|index| cpu.state.x(index));
    if size != SIGSET_SIZE || cpu.shared.noted() {
        return None;
    }
    let before = cpu.shared.blocked();
    let wanted = if set == 0 {
        None
    } else {
        let given = load_u64(cpu, set)?;
        Some(match how as u32 {
            0 => before | given,
            1 => before & !given,
            2 => given,
            _ => return None,
        })
    };
    if old != 0 {
        store_u64(cpu, old, before)?;
    }
    if let Some(mask) = wanted {
        cpu.shared.set_blocked(mask & !UNBLOCKABLE);
        if cpu.shared.noted() {
            // Posted meanwhile, by somebody who may have seen the old mask.
            cpu.interrupt();
        }
    }
    Some(0)
}
