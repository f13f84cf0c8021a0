//! Memory for compiled code.

use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes reserved: offsets fit in 32 bits, and nobody compiles that much.
const SIZE: u64 = 1 << 30;
const PAGE: u64 = 4096;

/// Grows until the address space is reset; what was written is never moved or changed.
#[derive(Debug)]
pub(crate) struct Arena {
    pub(crate) start: u64,
    used: AtomicU64,
}

impl Arena {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            start: map(std::ptr::null_mut(), SIZE, 0)?,
            // Offset 0 means "not compiled".
            used: AtomicU64::new(64),
        })
    }

    /// Copy code in; its offset, or None if there is no room.
    pub(crate) fn add(&self, code: &[u8]) -> Option<u32> {
        let length = (code.len() as u64).next_multiple_of(16);
        let offset = self.used.fetch_add(length, Ordering::Relaxed);
        if offset + length > SIZE {
            return None;
        }
        let to = (self.start + offset) as *mut u8;
        // SAFETY: inside the mapping, and nobody else was given this part.
        unsafe { std::ptr::copy_nonoverlapping(code.as_ptr(), to, code.len()) };
        Some(offset as u32)
    }

    /// Make a file's content part of the arena, to be read and executed; its offset.
    pub(crate) fn map(&self, fd: RawFd, length: u32) -> Option<u32> {
        if length == 0 {
            return None;
        }
        let room = u64::from(length).next_multiple_of(PAGE) + PAGE;
        let offset = self.used.fetch_add(room, Ordering::Relaxed);
        if offset + room > SIZE {
            return None;
        }
        let offset = offset.next_multiple_of(PAGE);
        let to = (self.start + offset) as *mut libc::c_void;
        let protection = libc::PROT_READ | libc::PROT_EXEC;
        let flags = libc::MAP_PRIVATE | libc::MAP_FIXED;
        // SAFETY: inside the mapping, and nobody else was given this part.
        let mapped = unsafe { libc::mmap(to, length as usize, protection, flags, fd, 0) };
        (mapped != libc::MAP_FAILED).then_some(offset as u32)
    }

    /// What `map` made part of the arena.
    pub(crate) fn bytes(&self, offset: u32, length: u32) -> &[u8] {
        let start = (self.start + u64::from(offset)) as *const u8;
        // SAFETY: mapped for reading until `reset`; objects are replaced and never written again.
        unsafe { std::slice::from_raw_parts(start, length as usize) }
    }

    /// Bytes given out so far.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Forget all code; none of it executes.
    pub(crate) fn reset(&self) {
        let used = self.used.swap(64, Ordering::Relaxed).min(SIZE);
        if used > 64 {
            // Also instead of files.
            let _ = map(self.start as *mut libc::c_void, used, libc::MAP_FIXED);
        }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: our own mapping; the owner outlives every vCPU.
        unsafe { libc::munmap(self.start as *mut libc::c_void, SIZE as usize) };
    }
}

/// Fresh memory at `place`: the kernel's choice, or inside our own mapping with `MAP_FIXED`.
fn map(place: *mut libc::c_void, length: u64, fixed: libc::c_int) -> io::Result<u64> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | fixed;
    let protection = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    // SAFETY: replaces nothing but code that executes no more.
    let start = unsafe { libc::mmap(place, length as usize, protection, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(start as u64)
}

/// Whether a host address is in the code of the arena that begins at `start`.
pub(super) fn contains(start: u64, address: u64) -> bool {
    address.wrapping_sub(start) < SIZE
}
