//! A guest's memory: `engine.protocol.AddressSpace` of this engine.
//!
//! Host address = base + guest address. The host's pages have the guest's protection, so that the
//! host's processor checks accesses.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::code::{Code, LIMIT, PAGE};
use crate::compile::fork;
use crate::host;
use crate::spans::{Span, Spans};
use crate::texts::Texts;

/// What pages allow: the bits of PROT_*.
const WRITE: u8 = 2;
const EXECUTE: u8 = 4;

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

/// Guarded by the kernel lock: no two calls at a time, but a fork may come in between.
#[derive(Debug)]
pub(crate) struct AddressSpace {
    memory: Reserved,
    code: Arc<Code>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What the guest may do. File pages beyond the end of the file are not in it.
    protections: Spans<u8>,
    texts: Texts,
}

impl AddressSpace {
    pub(crate) fn new(memory: Reserved, code: Arc<Code>) -> Self {
        Self {
            memory,
            code,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut state = self.state();
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
        self.code_changed(&mut state, address, end);
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
        host::map_anonymous(self.host(start), length, allowed(protection), shared)?;
        self.set(&mut self.state(), start, start + length, protection);
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
        (fd, offset): (i32, u64),
        shared: bool,
    ) -> io::Result<()> {
        let end = start + length;
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
        let mut state = self.state();
        self.set(&mut state, start, end, protection);
        let status = host::status(fd)?;
        let regular = status.st_mode & libc::S_IFMT == libc::S_IFREG;
        let inside = (status.st_size as u64).saturating_sub(offset);
        let inside = inside.next_multiple_of(PAGE);
        if regular && inside < length {
            state.protections.clear(start + inside, end);
        }
        if shared || protection & EXECUTE == 0 {
            return Ok(());
        }
        if protection & WRITE == 0 {
            let texts = &mut state.texts;
            texts.map(&self.code, (start, end), fd, &status, offset);
        }
        if let Some(cache) = &self.code.cache {
            cache.attach(&self.code, start, length, fd, offset);
        }
        Ok(())
    }

    pub(crate) fn unmap(&self, start: u64, length: u64) -> io::Result<()> {
        let end = start + length;
        self.code.anonymous.remove(start, end);
        host::unmap(self.host(start), length)?;
        let mut state = self.state();
        let gone = state.protections.clear(start, end);
        self.replaced(&mut state, start, end, &gone);
        Ok(())
    }

    pub(crate) fn protect(&self, start: u64, length: u64, protection: u8) -> io::Result<()> {
        if protection & EXECUTE != 0 {
            self.code.anonymous.remove(start, start + length);
        }
        host::protect(self.host(start), length, allowed(protection))?;
        self.set(&mut self.state(), start, start + length, protection);
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
        self.code.set_points(Vec::new(), Vec::new());
        self.code.record();
        state.texts.park(&self.code);
        self.code.reset();
        Ok(())
    }

    /// Pages were mapped for the heap.
    pub(crate) fn grown(&self, start: u64, length: u64) {
        let protection = libc::PROT_READ as u8 | WRITE;
        let protections = &mut self.state().protections;
        protections.set(start, start + length, protection);
    }

    fn set(&self, state: &mut State, start: u64, end: u64, protection: u8) {
        let gone = state.protections.set(start, end, protection);
        self.replaced(state, start, end, &gone);
        if protection & EXECUTE != 0 {
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
