//! What a process does on signals.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Answers;
use super::signals::{SIGSET_SIZE, UNBLOCKABLE};
use crate::copies;
use crate::cpu::Cpu;

/// Signals are numbered from 1.
const SIGNALS: usize = 64;
/// The words of the kernel's `struct sigaction`: handler, flags, restorer, mask.
const WORDS: usize = 4;
const HANDLER: usize = 0;
const FLAGS: usize = 1;
const MASK: usize = 3;
const SIGCHLD: usize = 17;
/// `SIG_IGN`.
const IGNORED: u64 = 1;
/// `SA_NOCLDWAIT`.
const NO_WAIT: u64 = 2;

/// `SA_NOCLDSTOP`, `SA_NOCLDWAIT`, `SA_SIGINFO`, `SA_EXPOSE_TAGBITS`, `SA_RESTORER`, `SA_ONSTACK`,
/// `SA_RESTART`, `SA_NODEFER`, `SA_RESETHAND`: other flags are not kept.
const KNOWN: u64 = 0x1 | 0x2 | 0x4 | 0x800 | 0x400_0000 | 0x800_0000 | 0x1000_0000 | 0xC000_0000;

/// Actions by number of signal, which the kernel part reads and changes as well.
#[derive(Debug)]
pub struct Actions(Box<[AtomicU64]>);

impl Default for Actions {
    fn default() -> Self {
        Self((0..Self::LENGTH).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Actions {
    /// How many words there are; the first [`WORDS`] are no signal's.
    pub const LENGTH: usize = (SIGNALS + 1) * WORDS;

    /// Where they are.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.0.as_ptr() as u64
    }

    fn of(&self, signal: usize) -> Option<&[AtomicU64]> {
        let known = (1..=SIGNALS).contains(&signal);
        known.then(|| &self.0[signal * WORDS..][..WORDS])
    }
}

/// `rt_sigaction(2)`, unless it has other effects: while nobody else looks at actions.
pub(super) fn change(cpu: &Cpu, answers: &Answers) -> Option<u64> {
    let signal = cpu.state.w(0) as usize;
    let [new, old, size] = [1, 2, 3].map(|index| cpu.state.x(index));
    if size != SIGSET_SIZE || !answers.space.serves_calls() {
        return None;
    }
    let kept = answers.actions.of(signal)?;
    let wanted = if new == 0 {
        None
    } else if UNBLOCKABLE >> (signal - 1) & 1 != 0 || cpu.shared.noted() {
        return None;
    } else {
        let mut action = load(cpu, new)?;
        action[FLAGS] &= KNOWN;
        action[MASK] &= !UNBLOCKABLE;
        Some(action)
    };
    let before: [u64; WORDS] = std::array::from_fn(|index| kept[index].load(Ordering::Relaxed));
    if let Some(action) = wanted
        && signal == SIGCHLD
        && reaping(&before) != reaping(&action)
    {
        // The process's children are to know.
        return None;
    }
    if old != 0 {
        let bytes = before.map(u64::to_le_bytes);
        copies::store(cpu.code.memory, old, bytes.as_flattened())?;
    }
    for (word, value) in kept.iter().zip(wanted.into_iter().flatten()) {
        word.store(value, Ordering::Relaxed);
    }
    Some(0)
}

fn load(cpu: &Cpu, at: u64) -> Option<[u64; WORDS]> {
    let mut bytes = [[0; 8]; WORDS];
    copies::load(cpu.code.memory, at, bytes.as_flattened_mut())?;
    Some(bytes.map(u64::from_le_bytes))
}

/// What an action of SIGCHLD says about children that end: whether it is ignored, and whether
/// they are to wait.
fn reaping(action: &[u64; WORDS]) -> (bool, bool) {
    (action[HANDLER] == IGNORED, action[FLAGS] & NO_WAIT != 0)
}
