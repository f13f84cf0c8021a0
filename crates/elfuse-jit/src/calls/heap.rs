//! `brk(2)` within what the kernel part has reserved.

use std::sync::{Mutex, PoisonError};

use crate::compile::fork;
use crate::cpu::Cpu;

const PAGE: u64 = 4096;

/// The program break, as long as the kernel part lets it be moved here. It looks before it needs to
/// know, and takes the break back before it maps anything itself.
#[derive(Debug, Default)]
pub(crate) struct Heap {
    /// Only locked together with [`fork::Lock`].
    state: Mutex<Break>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Break {
    /// Where the heap begins.
    start: u64,
    end: u64,
    /// Up to where it may grow; 0 if it is not moved here.
    limit: u64,
}

impl Heap {
    fn with<R>(&self, then: impl FnOnce(&mut Break, &fork::Lock) -> R) -> R {
        let fork = fork::Lock::new();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        then(&mut state, &fork)
    }

    /// Let it be moved up to `limit`, below which nothing is mapped behind its last page.
    pub(crate) fn serve(&self, start: u64, end: u64, limit: u64) {
        self.with(|state, _| *state = Break { start, end, limit });
    }

    /// Where it is now.
    pub(crate) fn end(&self) -> u64 {
        self.with(|state, _| state.end)
    }

    /// Where it is, and stays.
    pub(crate) fn stop(&self) -> u64 {
        self.with(|state, _| {
            state.limit = 0;
            state.end
        })
    }
}

/// brk(2), unless pages are given back.
pub(super) fn brk(cpu: &Cpu) -> Option<u64> {
    let wanted = cpu.state.x(0);
    cpu.code.heap.with(|state, fork| {
        if state.limit == 0 || wanted > state.limit {
            return None;
        }
        if wanted < state.start {
            return Some(state.end);
        }
        let (old, new) = (
            state.end.next_multiple_of(PAGE),
            wanted.next_multiple_of(PAGE),
        );
        if new < old {
            return None;
        }
        if new > old {
            map(cpu.code.memory + old, new - old)?;
            cpu.code.anonymous.add(fork, old, new);
        }
        state.end = wanted;
        Some(wanted)
    })
}

/// Fresh pages; None if the host has none.
fn map(host: u64, length: u64) -> Option<()> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE;
    // SAFETY: in the guest's reservation, where nothing is mapped.
    let mapped = unsafe {
        libc::mmap(
            host as *mut libc::c_void,
            length as usize,
            protection,
            flags,
            -1,
            0,
        )
    };
    (mapped != libc::MAP_FAILED).then_some(())
}
