//! Host mappings at chosen addresses, and what a descriptor is. Addresses and lengths are multiples of the page size.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

use libc::{c_int, c_void};

const PRIVATE: c_int = libc::MAP_PRIVATE | libc::MAP_NORESERVE;
const NOTHING: c_int = PRIVATE | libc::MAP_ANONYMOUS;

fn done(result: c_int) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn map(at: u64, length: u64, protection: i32, flags: c_int, fd: i32, from: i64) -> io::Result<u64> {
    // SAFETY: with MAP_FIXED, in a reservation, which nobody but the guest uses; else somewhere new.
    let made = unsafe {
        libc::mmap(
            at as *mut c_void,
            length as usize,
            protection,
            flags,
            fd,
            from,
        )
    };
    if made == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(made as u64)
}

/// Address space nobody else gets and that costs nothing until mapped; the address.
pub(crate) fn reserve(length: u64) -> io::Result<u64> {
    map(0, length, libc::PROT_NONE, NOTHING, -1, 0)
}

/// Give back what `reserve` returned.
pub(crate) fn release(address: u64, length: u64) {
    // SAFETY: its owner goes.
    unsafe { libc::munmap(address as *mut c_void, length as usize) };
}

/// Back to address space alone.
pub(crate) fn unmap(address: u64, length: u64) -> io::Result<()> {
    let flags = NOTHING | libc::MAP_FIXED;
    map(address, length, libc::PROT_NONE, flags, -1, 0).map(|_| ())
}

/// Zeroed pages; `shared` ones stay common over fork.
pub(crate) fn map_anonymous(
    address: u64,
    length: u64,
    protection: i32,
    shared: bool,
) -> io::Result<()> {
    let kind = if shared { libc::MAP_SHARED } else { PRIVATE };
    let flags = kind | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    map(address, length, protection, flags, -1, 0).map(|_| ())
}

/// Pages of a file.
pub(crate) fn map_file(
    address: u64,
    length: u64,
    protection: i32,
    fd: i32,
    offset: i64,
    shared: bool,
) -> io::Result<()> {
    let kind = if shared { libc::MAP_SHARED } else { PRIVATE };
    let flags = kind | libc::MAP_FIXED;
    map(address, length, protection, flags, fd, offset).map(|_| ())
}

/// Change what pages allow.
pub(crate) fn protect(address: u64, length: u64, protection: i32) -> io::Result<()> {
    // SAFETY: in a reservation; whoever accesses it expects faults.
    done(unsafe { libc::mprotect(address as *mut c_void, length as usize, protection) })
}

/// Pages are what their mapping says: zero, or the file.
pub(crate) fn discard(address: u64, length: u64) -> io::Result<()> {
    // SAFETY: as above.
    done(unsafe { libc::madvise(address as *mut c_void, length as usize, libc::MADV_DONTNEED) })
}

/// Write shared file pages back.
pub(crate) fn sync(address: u64, length: u64) -> io::Result<()> {
    // SAFETY: nothing is changed in memory.
    done(unsafe { libc::msync(address as *mut c_void, length as usize, libc::MS_SYNC) })
}

/// Move pages with what they hold.
pub(crate) fn move_pages(address: u64, to: u64, length: u64) -> io::Result<()> {
    // SAFETY: both in a reservation, which nobody but the guest uses.
    let moved = unsafe {
        libc::mremap(
            address as *mut c_void,
            length as usize,
            length as usize,
            libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED,
            to as *mut c_void,
        )
    };
    if moved == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    unmap(address, length)
}

/// What `fstat(2)` says.
pub(crate) fn status(fd: RawFd) -> io::Result<libc::stat> {
    let mut found = MaybeUninit::uninit();
    // SAFETY: room for what is written.
    done(unsafe { libc::fstat(fd, found.as_mut_ptr()) })?;
    // SAFETY: written.
    Ok(unsafe { found.assume_init() })
}
