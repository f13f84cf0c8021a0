"""Raw host mappings at chosen addresses: what `mmap` the module cannot do.

Addresses and lengths are in bytes, multiples of the host page size. Every function raises
`OSError` as the C call failed.
"""

import ctypes
import mmap
import os
import sys

_libc = ctypes.CDLL(None, use_errno=True)
_mmap = _libc.mmap
_mmap.restype = ctypes.c_void_p
_mmap.argtypes = [
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int64,
]
_munmap = _libc.munmap
_munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_madvise = _libc.madvise
_madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_msync = _libc.msync
_msync.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

_MAP_FIXED = 0x10
_MAP_NORESERVE = 0x40 if sys.platform == "darwin" else 0x4000
_MS_SYNC = 0x10 if sys.platform == "darwin" else 4
_FAILED = ctypes.c_void_p(-1).value


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


def _map(
    address: int | None, length: int, protection: int, flags: int, fd: int, offset: int
) -> int:
    result = _mmap(address, length, protection, flags, fd, offset)
    if result == _FAILED:
        raise _error()
    return int(result)


def reserve(length: int) -> int:
    """Address space nobody else gets and that costs nothing until mapped; the address."""
    return _map(None, length, 0, mmap.MAP_PRIVATE | mmap.MAP_ANON | _MAP_NORESERVE, -1, 0)


def release(address: int, length: int) -> None:
    """Give back what `reserve` returned."""
    if _munmap(address, length):
        raise _error()


def view(address: int, length: int) -> memoryview:
    """The bytes there, as long as the caller keeps what is mapped."""
    return memoryview((ctypes.c_ubyte * length).from_address(address)).cast("B")


def unmap(address: int, length: int) -> None:
    """Turn a part of a reservation back into inaccessible, unbacked space."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANON | _MAP_NORESERVE | _MAP_FIXED
    _map(address, length, 0, flags, -1, 0)


def map_anonymous(address: int, length: int, protection: int, *, shared: bool) -> None:
    """Zeroed pages at `address`, replacing what is there."""
    kind = mmap.MAP_SHARED if shared else mmap.MAP_PRIVATE | _MAP_NORESERVE
    _map(address, length, protection, kind | mmap.MAP_ANON | _MAP_FIXED, -1, 0)


def map_file(
    address: int, length: int, protection: int, fd: int, offset: int, *, shared: bool
) -> None:
    """Pages of a file at `address`, replacing what is there."""
    kind = mmap.MAP_SHARED if shared else mmap.MAP_PRIVATE | _MAP_NORESERVE
    _map(address, length, protection, kind | _MAP_FIXED, fd, offset)


def discard(address: int, length: int) -> None:
    """Drop private pages, so that anonymous ones read as zero and file pages as the file."""
    if _madvise(address, length, mmap.MADV_DONTNEED):
        raise _error()


def sync(address: int, length: int) -> None:
    """msync(2) with MS_SYNC."""
    if _msync(address, length, _MS_SYNC):
        raise _error()


if sys.platform == "darwin":
    _remap = _libc.mach_vm_remap
    _remap.argtypes = [
        ctypes.c_uint,
        ctypes.POINTER(ctypes.c_uint64),
        ctypes.c_uint64,
        ctypes.c_uint64,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint64,
        ctypes.c_int,
        ctypes.POINTER(ctypes.c_int),
        ctypes.POINTER(ctypes.c_int),
        ctypes.c_uint,
    ]
    _VM_FLAGS_OVERWRITE = 0x4000
    _VM_INHERIT_COPY = 1

    def move(address: int, to: int, length: int) -> None:
        """Move pages with their content and protection; the old place becomes unbacked space."""
        task = ctypes.c_uint.in_dll(_libc, "mach_task_self_").value
        target, current, maximum = ctypes.c_uint64(to), ctypes.c_int(), ctypes.c_int()
        status = _remap(
            task,
            ctypes.byref(target),
            length,
            0,
            _VM_FLAGS_OVERWRITE,
            task,
            address,
            0,
            ctypes.byref(current),
            ctypes.byref(maximum),
            _VM_INHERIT_COPY,
        )
        if status:
            raise MemoryError(f"mach_vm_remap: kern_return_t {status}")
        unmap(address, length)

else:
    _mremap = _libc.mremap
    _mremap.restype = ctypes.c_void_p
    _mremap.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_void_p,
    ]
    _MREMAP_MAYMOVE_FIXED = 3

    def move(address: int, to: int, length: int) -> None:
        """Move pages with their content and protection; the old place becomes unbacked space."""
        if _mremap(address, length, length, _MREMAP_MAYMOVE_FIXED, to) == _FAILED:
            raise _error()
        unmap(address, length)
