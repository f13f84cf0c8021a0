//! Mapping calls of a process that nobody else looks at: the kernel part takes note later.

use super::Answers;
use super::descriptors::{MAP, READ};
use crate::code::{LIMIT, PAGE};
use crate::cpu::Cpu;
use crate::space::{EXECUTE, Place, Request};

/// What of `PROT_*` the host knows, and what it need not know (`PROT_BTI`).
const PROTECTION: u32 = 7;
const BTI: u32 = 0x10;

const TYPE: u32 = 0xF;
const PRIVATE: u32 = 2;
const FIXED: u32 = 0x10;
const ANONYMOUS: u32 = 0x20;
const NORESERVE: u32 = 0x4000;
/// `MAP_DENYWRITE`, `MAP_EXECUTABLE` and `MAP_STACK` have no effect.
const IGNORED: u32 = 0x800 | 0x1000 | 0x20000;

/// The end of whole pages inside guest memory.
fn end(start: u64, length: u64) -> Option<u64> {
    let end = start.checked_add(length)?.checked_next_multiple_of(PAGE)?;
    (start.is_multiple_of(PAGE) && end <= LIMIT).then_some(end)
}

fn protection(wanted: u32) -> Option<u8> {
    (wanted & !(PROTECTION | BTI) == 0).then_some((wanted & PROTECTION) as u8)
}

/// brk(2).
pub(super) fn brk(cpu: &Cpu, answers: &Answers) -> Option<u64> {
    answers.space.answer_brk(cpu.state.x(0))
}

/// mmap(2) of private memory, wherever the kernel part has no choice to make.
pub(super) fn map(cpu: &Cpu, answers: &Answers) -> Option<u64> {
    let (address, length, offset) = (cpu.state.x(0), cpu.state.x(1), cpu.state.x(5));
    let (flags, fd) = (cpu.state.w(3), cpu.state.w(4));
    let protection = protection(cpu.state.w(2))?;
    let known = PRIVATE | FIXED | ANONYMOUS | NORESERVE | IGNORED;
    if flags & TYPE != PRIVATE || flags & !known != 0 || length == 0 {
        return None;
    }
    let fixed = (flags & FIXED != 0).then_some(address);
    if fixed.is_none() && address != 0 {
        return None;
    }
    let length = end(0, length)?;
    if !offset.is_multiple_of(PAGE) || offset.checked_add(length)? > i64::MAX as u64 {
        return None;
    }
    let anonymous = flags & ANONYMOUS != 0;
    // Space that is kept free is for a library that comes, or for a heap, which has no home.
    let reserves = anonymous && protection == 0;
    if reserves && fixed.is_none() && flags != PRIVATE | ANONYMOUS {
        return None;
    }
    let used = if anonymous {
        None
    } else {
        Some(answers.descriptors.get(fd, READ | MAP)?)
    };
    let place = match (anonymous, protection & EXECUTE != 0) {
        (true, _) if !reserves => Place::Anywhere,
        (false, false) => Place::HomeFirst,
        _ => Place::Home,
    };
    let request = Request {
        fixed,
        length,
        protection,
        file: used.as_ref().map(|file| (fd, file.host, offset)),
        place,
    };
    let start = answers.space.answer_map(&request)?;
    if let Some(file) = used {
        file.mark_mapped();
    }
    Some(start)
}

/// munmap(2).
pub(super) fn unmap(cpu: &Cpu, answers: &Answers) -> Option<u64> {
    let (start, length) = (cpu.state.x(0), cpu.state.x(1));
    let end = end(start, length)?;
    if length == 0 {
        return None;
    }
    answers.space.answer_unmap(start, end)
}

/// mprotect(2).
pub(super) fn protect(cpu: &Cpu, answers: &Answers) -> Option<u64> {
    let start = cpu.state.x(0);
    let end = end(start, cpu.state.x(1))?;
    let protection = protection(cpu.state.w(2))?;
    if start == end {
        return Some(0);
    }
    answers.space.answer_protect(start, end, protection)
}
