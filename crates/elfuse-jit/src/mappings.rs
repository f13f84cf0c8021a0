//! Host mappings at chosen addresses, for Python: what its `mmap` cannot do.
//!
//! Addresses and lengths are in bytes, multiples of the host page size. `OSError` as the C call failed.

use std::io;

use libc::{c_int, c_void};
use pyo3::exceptions::PyOSError;
use pyo3::ffi::{PyBUF_WRITE, PyMemoryView_FromMemory};
use pyo3::prelude::*;

const ANYWHERE: u64 = 0;

fn failure(error: &io::Error) -> PyErr {
    PyOSError::new_err((error.raw_os_error(), error.to_string()))
}

fn done(result: c_int) -> PyResult<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(failure(&io::Error::last_os_error()))
    }
}

fn map(at: u64, length: u64, protection: i32, flags: c_int, fd: i32, from: i64) -> PyResult<u64> {
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
        return Err(failure(&io::Error::last_os_error()));
    }
    Ok(made as u64)
}

const PRIVATE: c_int = libc::MAP_PRIVATE | libc::MAP_NORESERVE;
const NOTHING: c_int = PRIVATE | libc::MAP_ANONYMOUS;

#[pyfunction]
fn reserve(length: u64) -> PyResult<u64> {
    map(ANYWHERE, length, libc::PROT_NONE, NOTHING, -1, 0)
}

#[pyfunction]
fn release(address: u64, length: u64) -> PyResult<()> {
    // SAFETY: what `reserve` returned; its owner goes.
    done(unsafe { libc::munmap(address as *mut c_void, length as usize) })
}

#[pyfunction]
fn unmap(address: u64, length: u64) -> PyResult<()> {
    let flags = NOTHING | libc::MAP_FIXED;
    map(address, length, libc::PROT_NONE, flags, -1, 0).map(|_| ())
}

#[pyfunction]
#[pyo3(signature = (address, length, protection, *, shared))]
fn map_anonymous(address: u64, length: u64, protection: i32, shared: bool) -> PyResult<()> {
    let kind = if shared { libc::MAP_SHARED } else { PRIVATE };
    let flags = kind | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    map(address, length, protection, flags, -1, 0).map(|_| ())
}

#[pyfunction]
#[pyo3(signature = (address, length, protection, fd, offset, *, shared))]
fn map_file(
    address: u64,
    length: u64,
    protection: i32,
    fd: i32,
    offset: i64,
    shared: bool,
) -> PyResult<()> {
    let kind = if shared { libc::MAP_SHARED } else { PRIVATE };
    map(
        address,
        length,
        protection,
        kind | libc::MAP_FIXED,
        fd,
        offset,
    )
    .map(|_| ())
}

#[pyfunction]
fn protect(address: u64, length: u64, protection: i32) -> PyResult<()> {
    // SAFETY: in a reservation; whoever accesses it expects faults.
    done(unsafe { libc::mprotect(address as *mut c_void, length as usize, protection) })
}

#[pyfunction]
fn discard(address: u64, length: u64) -> PyResult<()> {
    // SAFETY: as above.
    done(unsafe { libc::madvise(address as *mut c_void, length as usize, libc::MADV_DONTNEED) })
}

#[pyfunction]
fn sync(py: Python<'_>, address: u64, length: u64) -> PyResult<()> {
    // SAFETY: nothing is changed in memory.
    done(
        py.detach(|| unsafe {
            libc::msync(address as *mut c_void, length as usize, libc::MS_SYNC)
        }),
    )
}

#[pyfunction(name = "move")]
fn move_pages(address: u64, to: u64, length: u64) -> PyResult<()> {
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
        return Err(failure(&io::Error::last_os_error()));
    }
    unmap(address, length)
}

#[pyfunction]
fn view(py: Python<'_>, address: u64, length: u64) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: the caller keeps what lies there as long as it uses the view.
    let made = unsafe { PyMemoryView_FromMemory(address as *mut _, length as isize, PyBUF_WRITE) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, made) }
}

#[pyfunction]
fn dates_mapped_writes(fd: i32) -> PyResult<bool> {
    const IN_MEMORY: [i64; 3] = [libc::TMPFS_MAGIC, 0x8584_58F6, libc::HUGETLBFS_MAGIC];
    // SAFETY: all zero is a valid statfs.
    let mut found: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: `found` is writable.
    done(unsafe { libc::fstatfs(fd, &raw mut found) })?;
    Ok(!IN_MEMORY.contains(&found.f_type))
}

/// Add these functions to the module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(reserve, module)?)?;
    module.add_function(wrap_pyfunction!(release, module)?)?;
    module.add_function(wrap_pyfunction!(unmap, module)?)?;
    module.add_function(wrap_pyfunction!(map_anonymous, module)?)?;
    module.add_function(wrap_pyfunction!(map_file, module)?)?;
    module.add_function(wrap_pyfunction!(protect, module)?)?;
    module.add_function(wrap_pyfunction!(discard, module)?)?;
    module.add_function(wrap_pyfunction!(sync, module)?)?;
    module.add_function(wrap_pyfunction!(move_pages, module)?)?;
    module.add_function(wrap_pyfunction!(view, module)?)?;
    module.add_function(wrap_pyfunction!(dates_mapped_writes, module)?)
}
