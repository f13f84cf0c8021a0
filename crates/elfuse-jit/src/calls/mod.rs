//! System calls that need no policy, answered without the kernel part.
//!
//! Everything unusual, a bad pointer included, is left to it: `answer` then changes nothing.

mod actions;
pub(crate) mod advice;
mod clocks;
pub mod descriptors;
pub mod futex;
mod limits;
mod mappings;
mod memory;
mod paths;
mod shared;
mod signals;
mod transfers;
pub(crate) mod wait;
pub mod walk;
mod words;

use std::sync::Arc;

pub use self::actions::Actions;
pub use self::descriptors::Descriptors;
pub use self::shared::Shared;
pub use self::walk::{Entry, HostRoot, Roots};
use crate::cpu::Cpu;
use crate::space::AddressSpace;

/// What the kernel part lets the engine answer with.
#[derive(Clone, Debug)]
pub struct Answers {
    /// Process identifier (thread group identifier) as the guest sees it.
    pub pid: u32,
    /// Thread identifier.
    pub tid: u32,
    /// The process's descriptors.
    pub descriptors: Arc<Descriptors>,
    /// What it does on signals.
    pub actions: Arc<Actions>,
    /// Its memory.
    pub(crate) space: Arc<AddressSpace>,
}

/// The result of the call whose number and arguments the registers hold; None: not here.
pub(crate) fn answer(cpu: &mut Cpu) -> Option<u64> {
    let number = cpu.state.w(8);
    if matches!(number, 96 | 99) {
        return words::note(cpu);
    }
    answer_unchanged(cpu, number)
}

/// Those that change no registers themselves.
fn answer_unchanged(cpu: &Cpu, number: u32) -> Option<u64> {
    let answers = cpu.answers.as_ref()?;
    match number {
        25 => transfers::flags(cpu, answers),
        29 => transfers::control(cpu, answers),
        48 => paths::access(cpu, 0),
        56 => paths::open(cpu),
        62 => transfers::seek(cpu, answers),
        63 => transfers::read(cpu, answers),
        64 => transfers::write(cpu, answers),
        65 => transfers::read_parts(cpu, answers),
        66 => transfers::write_parts(cpu, answers),
        67 => transfers::read_at(cpu, answers),
        68 => transfers::write_at(cpu, answers),
        78 => paths::read_link(cpu),
        79 => paths::attributes_at(cpu, answers),
        80 => paths::attributes(cpu, answers),
        98 => futex::answer(cpu),
        113 => clocks::time(cpu),
        114 => clocks::resolution(cpu),
        124 => {
            std::thread::yield_now();
            Some(0)
        }
        134 => actions::change(cpu, answers),
        135 => signals::change_mask(cpu),
        169 => clocks::time_of_day(cpu),
        172 => Some(answers.pid.into()),
        number @ 174..=177 => Some(cpu.shared.id(number as usize - 174).into()),
        178 => Some(answers.tid.into()),
        204 | 205 => transfers::socket_name(cpu, answers),
        214 => mappings::brk(cpu, answers),
        215 => mappings::unmap(cpu, answers),
        222 => mappings::map(cpu, answers),
        226 => mappings::protect(cpu, answers),
        233 => advice::advise(cpu),
        // rseq(2), which libc does without.
        293 => Some(-i64::from(libc::ENOSYS) as u64),
        261 => limits::get(cpu),
        439 => paths::access(cpu, cpu.state.w(3)),
        _ => None,
    }
}
