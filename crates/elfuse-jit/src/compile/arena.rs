//! Memory for compiled code.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes reserved: offsets fit in 32 bits, and nobody compiles that much.
const SIZE: u64 = 1 << 30;

/// Grows until the address space is reset; what was written is never moved or changed.
#[derive(Debug)]
pub(crate) struct Arena {
    pub(crate) start: u64,
    used: AtomicU64,
}

impl Arena {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let protection = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                SIZE as usize,
                protection,
                flags,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            start: start as u64,
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

    /// Forget all code; none of it executes.
    pub(crate) fn reset(&self) {
        self.used.store(64, Ordering::Relaxed);
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: our own mapping; the owner outlives every vCPU.
        unsafe { libc::munmap(self.start as *mut libc::c_void, SIZE as usize) };
    }
}

/// Whether a host address is in the code of the arena that begins at `start`.
pub(super) fn contains(start: u64, address: u64) -> bool {
    address.wrapping_sub(start) < SIZE
}
