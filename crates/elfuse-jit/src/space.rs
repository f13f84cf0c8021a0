//! A guest's memory: `engine.protocol.AddressSpace` of this engine.
//!
//! Host address = base + guest address. The host's pages have the guest's protection, so that the
//! host's processor checks accesses.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::code::{Code, LIMIT, PAGE};
use crate::compile::fork;
use crate::host;
use crate::places;
use crate::served::{Allowed, Change, Served};
use crate::spans::{Span, Spans};
use crate::texts::Texts;

/// What pages allow: the bits of `PROT_*`.
const READ: u8 = 1;
const WRITE: u8 = 2;
pub(crate) const EXECUTE: u8 = 4;
const PROTECTION: u8 = READ | WRITE | EXECUTE;
/// Stores reach others.
const SHARED: u8 = 8;
/// A file's. What is behind its end faults all the same, whatever the protection.
const FILE: u8 = 16;
/// Of a file that the kernel part holds open for the mapping, and is to let go with it.
const HELD: u8 = 32;

/// Where a guest's memory is reserved.
#[derive(Debug)]
pub(crate) struct Reserved {
    pub(crate) base: u64,
}

impl Reserved {
    /// A page more than the guest's, so that no access which begins inside ends in memory of the host.
    const LENGTH: u64 = LIMIT + PAGE;

    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            base: host::reserve(Self::LENGTH)?,
        })
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        // A process has room for some 250; only tests make more than one.
        host::release(self.base, Self::LENGTH);
    }
}

/// Of a program's headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub(crate) address: u64,
    pub(crate) in_memory: u64,
    pub(crate) in_file: u64,
    pub(crate) offset: u64,
    pub(crate) protection: u8,
}

/// Where a new mapping goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// To the place that its length has in every run, or nowhere: code is, or may be, in it.
    Home,
    /// There if it is free.
    HomeFirst,
    Anywhere,
}

/// A new mapping that a call asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// Of `MAP_FIXED`.
    pub(crate) fixed: Option<u64>,
    pub(crate) length: u64,
    pub(crate) protection: u8,
    /// The guest's descriptor, the host's and the offset.
    pub(crate) file: Option<(u32, i32, u64)>,
    /// Where it is to go without `fixed`.
    pub(crate) place: Place,
}

/// Guarded by the kernel lock: no two calls at a time, but a fork may come in between. The thread of
/// a process that has only one answers mapping calls without the lock, if nobody else looks then.
#[derive(Debug)]
pub(crate) struct AddressSpace {
    memory: Reserved,
    code: Arc<Code>,
    /// Calls may be answered. Looked at before `state` is locked, which no thread may do that does
    /// not hold the kernel lock while another forks.
    serves: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What is mapped: protection, [`SHARED`], [`FILE`], [`HELD`].
    protections: Spans<u8>,
    texts: Texts,
    served: Served,
}

impl AddressSpace {
    pub(crate) fn new(memory: Reserved, code: Arc<Code>) -> Self {
        Self {
            memory,
            code,
            serves: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, for an answer.
    fn serving(&self) -> Option<MutexGuard<'_, State>> {
        let serves = self.serves.load(Ordering::Relaxed);
        serves.then(|| self.state())
    }

    /// The host address of a guest's.
    pub(crate) fn host(&self, address: u64) -> u64 {
        self.memory.base.wrapping_add(address)
    }

    /// Code of files that did not change for so long outlives an execve.
    pub(crate) fn settle(&self, age: Duration) {
        self.state().texts.settled = age;
    }

    /// Mapped bytes, up to the first that is not.
    pub(crate) fn peek(&self, address: u64, length: u64) -> io::Result<Vec<u8>> {
        let state = self.state();
        let wanted = address.saturating_add(length).min(LIMIT);
        let mut end = address;
        for part in state.protections.overlapping(address, wanted) {
            if part.start > end {
                break;
            }
            end = part.end.min(wanted);
        }
        let parts = state.protections.overlapping(address, end);
        let closed = || parts.iter().filter(|part| allowed(part.value) == 0);
        for part in closed() {
            host::protect(
                self.host(part.start),
                part.end - part.start,
                libc::PROT_READ,
            )?;
        }
        let mut found = vec![0; (end - address) as usize];
        // SAFETY: mapped and readable; the guest may change it meanwhile, as it may at any time.
        unsafe {
            let from = self.host(address) as *const u8;
            std::ptr::copy_nonoverlapping(from, found.as_mut_ptr(), found.len());
        }
        for part in closed() {
            host::protect(self.host(part.start), part.end - part.start, 0)?;
        }
        Ok(found)
    }

    /// Change mapped bytes, whatever the guest may do there.
    pub(crate) fn poke(&self, address: u64, data: &[u8]) -> io::Result<()> {
        self.change(&mut self.state(), address, data)
    }

    fn change(&self, state: &mut State, address: u64, data: &[u8]) -> io::Result<()> {
        let end = address + data.len() as u64;
        let open = libc::PROT_READ | libc::PROT_WRITE;
        let parts = state.protections.overlapping(address, end);
        let closed = || parts.iter().filter(|part| part.value & WRITE == 0);
        for part in closed() {
            host::protect(self.host(part.start), part.end - part.start, open)?;
        }
        // SAFETY: mapped and writable, by the caller's promise.
        unsafe {
            let to = self.host(address) as *mut u8;
            std::ptr::copy_nonoverlapping(data.as_ptr(), to, data.len());
        }
        for part in closed() {
            let before = allowed(part.value);
            host::protect(self.host(part.start), part.end - part.start, before)?;
        }
        self.code_changed(state, address, end);
        Ok(())
    }

    /// Zeroed pages, replacing what was there.
    pub(crate) fn map_anonymous(
        &self,
        start: u64,
        length: u64,
        protection: u8,
        shared: bool,
    ) -> io::Result<()> {
        self.map_zeroes(&mut self.state(), start, length, protection, shared)
    }

    fn map_zeroes(
        &self,
        state: &mut State,
        start: u64,
        length: u64,
        protection: u8,
        shared: bool,
    ) -> io::Result<()> {
        host::map_anonymous(self.host(start), length, allowed(protection), shared)?;
        let kind = if shared { SHARED } else { 0 };
        self.set(state, start, start + length, protection | kind);
        if shared || protection & EXECUTE != 0 {
            self.code.anonymous.remove(start, start + length);
        } else {
            let lock = fork::Lock::new();
            self.code.anonymous.add(&lock, start, start + length);
        }
        Ok(())
    }

    /// Pages of a file, replacing what was there.
    pub(crate) fn map_file(
        &self,
        start: u64,
        length: u64,
        protection: u8,
        file: (i32, u64),
        shared: bool,
    ) -> io::Result<()> {
        let kind = if shared { HELD | SHARED } else { HELD };
        self.map_pages(&mut self.state(), start, length, protection | kind, file)
    }

    fn map_pages(
        &self,
        state: &mut State,
        start: u64,
        length: u64,
        value: u8,
        (fd, offset): (i32, u64),
    ) -> io::Result<()> {
        let (end, shared, protection) = (start + length, value & SHARED != 0, value & PROTECTION);
        self.code.anonymous.remove(start, end);
        let map = |protection| {
            host::map_file(
                self.host(start),
                length,
                protection,
                fd,
                offset as i64,
                shared,
            )
        };
        match map(allowed(protection)) {
            Err(error) if matches!(error.raw_os_error(), Some(libc::EACCES | libc::EPERM)) => {
                // A shared mapping of a file that is open for reading only.
                map(libc::PROT_READ)?;
            }
            result => result?,
        }
        self.set(state, start, end, value | FILE);
        if shared || protection & EXECUTE == 0 {
            return Ok(());
        }
        if protection & WRITE == 0 {
            let (texts, status) = (&mut state.texts, host::status(fd)?);
            texts.map(&self.code, (start, end), fd, &status, offset);
        }
        if let Some(cache) = &self.code.cache {
            cache.attach(&self.code, start, length, fd, offset);
        }
        Ok(())
    }

    pub(crate) fn unmap(&self, start: u64, length: u64) -> io::Result<()> {
        self.remove(&mut self.state(), start, length)
    }

    fn remove(&self, state: &mut State, start: u64, length: u64) -> io::Result<()> {
        let end = start + length;
        self.code.anonymous.remove(start, end);
        host::unmap(self.host(start), length)?;
        let gone = state.protections.clear(start, end);
        self.replaced(state, start, end, &gone);
        Ok(())
    }

    pub(crate) fn protect(&self, start: u64, length: u64, protection: u8) -> io::Result<()> {
        self.allow(&mut self.state(), start, length, protection)
    }

    fn allow(&self, state: &mut State, start: u64, length: u64, protection: u8) -> io::Result<()> {
        let end = start + length;
        if protection & EXECUTE != 0 {
            self.code.anonymous.remove(start, end);
        }
        host::protect(self.host(start), length, allowed(protection))?;
        let parts = state.protections.clear(start, end);
        for part in &parts {
            let value = part.value & !PROTECTION | protection;
            state.protections.set(part.start, part.end, value);
        }
        self.replaced(state, start, end, &parts);
        if protection & EXECUTE != 0 {
            self.code.set_executable(start, length, true);
        }
        Ok(())
    }

    /// Move pages with content, protection and sharing; the old range becomes unmapped.
    pub(crate) fn move_pages(&self, start: u64, to: u64, length: u64) -> io::Result<()> {
        self.code.anonymous.remove(start, start + length);
        self.code.anonymous.remove(to, to + length);
        host::move_pages(self.host(start), self.host(to), length)?;
        let mut state = self.state();
        let moved = state.protections.clear(start, start + length);
        let gone = state.protections.clear(to, to + length);
        self.replaced(&mut state, start, start + length, &moved);
        self.replaced(&mut state, to, to + length, &gone);
        for part in moved {
            let (first, last) = (part.start - start + to, part.end - start + to);
            self.set(&mut state, first, last, part.value);
        }
        Ok(())
    }

    pub(crate) fn discard(&self, start: u64, length: u64) -> io::Result<()> {
        host::discard(self.host(start), length)?;
        self.code_changed(&mut self.state(), start, start + length);
        Ok(())
    }

    /// Unmap everything, for execve.
    pub(crate) fn clear(&self) -> io::Result<()> {
        let mut state = self.state();
        if !state.protections.all().is_empty() {
            host::unmap(self.host(0), LIMIT)?;
        }
        state.protections = Spans::default();
        state.served = Served::default();
        self.serves.store(false, Ordering::Relaxed);
        self.code.set_points(Vec::new(), Vec::new());
        self.code.record();
        state.texts.park(&self.code);
        self.code.reset();
        Ok(())
    }

    /// Where mappings of this length go in every run, if that is free; None without kept
    /// translations.
    pub(crate) fn home(&self, length: u64) -> Option<u64> {
        self.free_home(&self.state(), length)
    }

    fn free_home(&self, state: &State, length: u64) -> Option<u64> {
        self.code.cache.as_ref()?;
        let start = places::home(length)?;
        let taken = state.protections.overlapping(start, start + length);
        taken.is_empty().then_some(start)
    }

    /// The highest free place below `base`.
    pub(crate) fn gap(&self, base: u64, length: u64) -> Option<u64> {
        places::gap(&self.state().protections, base, length)
    }

    /// Map the segments of a program, which lie in order and do not overlap; what was mapped.
    pub(crate) fn map_program(
        &self,
        segments: &[Segment],
        base: u64,
        fd: i32,
    ) -> io::Result<Vec<Change>> {
        let mut state = self.state();
        let mut changes = Vec::new();
        for segment in segments {
            let &Segment {
                address,
                in_memory,
                in_file,
                offset,
                protection,
            } = segment;
            // A program linked high has a base below 0.
            let address = base.wrapping_add(address);
            let start = address & !(PAGE - 1);
            let file_end = address + in_file;
            let end = (address + in_memory).next_multiple_of(PAGE);
            let backed = if in_file == 0 {
                start
            } else {
                file_end.next_multiple_of(PAGE)
            };
            if start < backed {
                let offset = offset - (address - start);
                let length = backed - start;
                self.map_pages(&mut state, start, length, protection | HELD, (fd, offset))?;
                changes.push(Change::File {
                    start,
                    end: backed,
                    protection,
                    fd: 0,
                    offset,
                });
                if in_file < in_memory && file_end < backed {
                    let zeroes = vec![0; (backed - file_end) as usize];
                    self.change(&mut state, file_end, &zeroes)?;
                }
            }
            if backed < end {
                self.map_zeroes(&mut state, backed, end - backed, protection, false)?;
                changes.push(Change::Anonymous {
                    start: backed,
                    end,
                    protection,
                });
            }
        }
        Ok(changes)
    }

    /// The same for a position-independent program.
    pub(crate) fn program_home(&self, length: u64) -> Option<u64> {
        let kept = self.code.cache.as_ref();
        kept.map(|_| places::program_home(length))
    }

    /// Answer mapping calls, until told otherwise or everything is unmapped.
    pub(crate) fn serve_calls(&self, allowed: Allowed) {
        self.state().served.begin(allowed);
        self.serves.store(true, Ordering::Relaxed);
    }

    /// Whether nobody else looks at what such calls change.
    pub(crate) fn serves_calls(&self) -> bool {
        let state = self.serving();
        state.is_some_and(|state| state.served.allowed().is_some())
    }

    /// Leave them to the kernel part.
    pub(crate) fn stop_calls(&self) {
        self.serves.store(false, Ordering::Relaxed);
        self.state().served.end();
    }

    /// Whether answered calls did something that the kernel part does not know.
    pub(crate) fn is_ahead(&self) -> bool {
        self.state().served.is_ahead()
    }

    /// What that is; it knows then.
    pub(crate) fn take_changes(&self) -> Vec<Change> {
        self.state().served.take()
    }

    /// brk(2), unless pages are given back or something is in the way.
    pub(crate) fn answer_brk(&self, wanted: u64) -> Option<u64> {
        let mut state = self.serving()?;
        let Allowed { heap, brk, .. } = state.served.allowed()?;
        if wanted < heap {
            return Some(brk);
        }
        if wanted >= LIMIT {
            return None;
        }
        let (old, new) = (brk.next_multiple_of(PAGE), wanted.next_multiple_of(PAGE));
        if new < old {
            return None;
        }
        if new > old {
            let taken = state.protections.overlapping(old, new + PAGE);
            if new + PAGE > LIMIT || !taken.is_empty() {
                return None;
            }
            self.map_zeroes(&mut state, old, new - old, READ | WRITE, false)
                .ok()?;
        }
        state.served.note_break(old, new, wanted);
        Some(wanted)
    }

    /// A private mapping; where it is.
    pub(crate) fn answer_map(&self, request: &Request) -> Option<u64> {
        let mut state = self.serving()?;
        let Allowed { base, .. } = state.served.allowed()?;
        let &Request {
            length, protection, ..
        } = request;
        let start = match request.fixed {
            Some(start) => start,
            None => self.find_place(&state, base, length, request.place)?,
        };
        let end = start.checked_add(length)?;
        if !start.is_multiple_of(PAGE) || start < places::LOWEST || end > LIMIT {
            return None;
        }
        let before = state.protections.overlapping(start, end);
        if before.iter().any(|part| part.value & (SHARED | HELD) != 0)
            || request.fixed.is_none() && !before.is_empty()
        {
            return None;
        }
        let change = if let Some((fd, host, offset)) = request.file {
            let file = (host, offset);
            self.map_pages(&mut state, start, length, protection, file)
                .ok()?;
            Change::File {
                start,
                end,
                protection,
                fd,
                offset,
            }
        } else {
            self.map_zeroes(&mut state, start, length, protection, false)
                .ok()?;
            Change::Anonymous {
                start,
                end,
                protection,
            }
        };
        state.served.note(change);
        Some(start)
    }

    fn find_place(&self, state: &State, base: u64, length: u64, place: Place) -> Option<u64> {
        let gap = || places::gap(&state.protections, base, length);
        match place {
            Place::Home => self.free_home(state, length),
            Place::HomeFirst => self.free_home(state, length).or_else(gap),
            Place::Anywhere => gap(),
        }
    }

    /// munmap(2) of a range inside the guest's memory.
    pub(crate) fn answer_unmap(&self, start: u64, end: u64) -> Option<u64> {
        let mut state = self.serving()?;
        state.served.allowed()?;
        let parts = state.protections.overlapping(start, end);
        if parts.iter().any(|part| part.value & (SHARED | HELD) != 0) {
            return None;
        }
        if !parts.is_empty() {
            self.remove(&mut state, start, end - start).ok()?;
            state.served.note(Change::Unmapped { start, end });
        }
        Some(0)
    }

    /// mprotect(2) of a range inside the guest's memory.
    pub(crate) fn answer_protect(&self, start: u64, end: u64, protection: u8) -> Option<u64> {
        let mut state = self.serving()?;
        state.served.allowed()?;
        let parts = state.protections.overlapping(start, end);
        let shared = parts.iter().any(|part| part.value & SHARED != 0);
        if shared || !state.protections.covered(start, end) {
            return None;
        }
        let different = |part: &Span<u8>| part.value & PROTECTION != protection;
        if parts.iter().any(different) {
            self.allow(&mut state, start, end - start, protection)
                .ok()?;
            state.served.note(Change::Protected {
                start,
                end,
                protection,
            });
        }
        Some(0)
    }

    fn set(&self, state: &mut State, start: u64, end: u64, value: u8) {
        let gone = state.protections.set(start, end, value);
        self.replaced(state, start, end, &gone);
        if value & EXECUTE != 0 {
            self.code.set_executable(start, end - start, true);
        }
    }

    /// Pages no longer are, or allow, what they did.
    fn replaced(&self, state: &mut State, start: u64, end: u64, gone: &[Span<u8>]) {
        state.texts.change(start, end);
        if gone.iter().any(|part| part.value & EXECUTE != 0) {
            self.code.set_executable(start, end - start, false);
        }
    }

    fn code_changed(&self, state: &mut State, start: u64, end: u64) {
        let mut found = state.protections.overlapping(start, end).iter();
        if found.any(|part| part.value & EXECUTE != 0) {
            state.texts.change(start, end);
            self.code.invalidate(start, end - start);
        }
    }
}

/// The host's protection. On arm64 what can be written can be read; what can be executed is read by
/// the engine.
fn allowed(protection: u8) -> i32 {
    if protection & WRITE != 0 {
        libc::PROT_READ | libc::PROT_WRITE
    } else if protection != 0 {
        libc::PROT_READ
    } else {
        libc::PROT_NONE
    }
}
