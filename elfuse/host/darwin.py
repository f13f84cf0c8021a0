"""What only macOS offers, under the names `elfuse.host` has, and its ways to do what Linux does."""

import ctypes
import fcntl
import os
import struct
import sys
import tempfile
import termios

from elfuse.host.types import HeldLock
from elfuse.typing import TYPE_CHECKING, Iterable

assert not TYPE_CHECKING or sys.platform == "darwin"

_FLOCK = struct.Struct("qqihh")
_F_OFD_SETLK, _F_OFD_GETLK = 90, 92
_libc = ctypes.CDLL(None, use_errno=True)
_RENAME_SWAP, _RENAME_EXCL = 2, 4
_XATTR_NOFOLLOW, _XATTR_CREATE, _XATTR_REPLACE = 1, 2, 4
_F_GETPATH = 50


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def anonymous_file(name: str) -> int:
    """A descriptor on a file that has no path. The caller closes it."""
    fd, path = tempfile.mkstemp(prefix=f"{name}-")
    os.unlink(path)
    return fd


def shared_memory(size: int) -> int | None:
    """A descriptor on zeroed memory to map more than once; None where the host has no such thing."""
    del size
    # Files would be written to disk, and objects of shm_open have no numbers to tell them apart.
    return None


def never_waits(fd: int) -> bool:
    """Whether reads and writes of any size are known to end at once."""
    del fd
    return False


def open_reference(path: bytes, at: int | None, *, follow: bool) -> int:
    """A descriptor that stands for a file or directory; it must be readable here."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    return os.open(path, flags, dir_fd=at)


def path_of(fd: int) -> bytes:
    """The present path of an open directory or file."""
    return fcntl.fcntl(fd, _F_GETPATH, bytes(1024)).split(b"\0")[0]


def descriptor_path(fd: int) -> bytes:
    """A path that names what a descriptor has open."""
    return path_of(fd)


def reference_to(fd: int) -> int:
    """One more descriptor for what `fd` has open."""
    return os.dup(fd)


def rename_with_flags(
    at: int, name: bytes, to: int, to_name: bytes, *, noreplace: bool, exchange: bool
) -> None:
    """renameatx_np(2)."""
    flags = (_RENAME_EXCL if noreplace else 0) | (_RENAME_SWAP if exchange else 0)
    _check(_libc.renameatx_np(at, name, to, to_name, ctypes.c_uint(flags)))


def unnamed_file(directory: int, mode: int) -> int:
    """A regular file without a name, open for reading and writing."""
    fd, path = tempfile.mkstemp(dir=os.fsdecode(path_of(directory)))
    os.unlink(path)
    os.fchmod(fd, mode)
    return fd


def link_descriptor(fd: int, name: bytes, at: int) -> None:
    """Not on macOS: there is no way back from an unlinked file to a name."""
    del fd, name, at
    raise OSError(45, os.strerror(45))


def set_mode(name: bytes, at: int, mode: int) -> None:
    """chmod(2) of a name in a directory that never follows a symbolic link."""
    os.chmod(name, mode, dir_fd=at, follow_symlinks=False)


def set_size(name: bytes, at: int, size: int) -> None:
    """truncate(2) of a name in a directory that never follows a symbolic link."""
    fd = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
    try:
        os.ftruncate(fd, size)
    finally:
        os.close(fd)


def open_for_writing(fd: int, processes: Iterable[int]) -> bool:
    """Whether one of the processes has open for writing what `fd` has open for reading.

    False too where that cannot be told, which is everywhere here.
    """
    del fd, processes
    return False


def get_xattr(path: bytes, name: bytes, *, follow: bool) -> bytes:
    options = 0 if follow else _XATTR_NOFOLLOW
    size = _check(_libc.getxattr(path, name, None, 0, 0, options))
    buffer = ctypes.create_string_buffer(size)
    _check(_libc.getxattr(path, name, buffer, size, 0, options))
    return buffer.raw


def set_xattr(
    path: bytes, name: bytes, value: bytes, *, create: bool, replace: bool, follow: bool
) -> None:
    options = (_XATTR_CREATE if create else 0) | (_XATTR_REPLACE if replace else 0)
    options |= 0 if follow else _XATTR_NOFOLLOW
    _check(_libc.setxattr(path, name, value, len(value), 0, options))


def list_xattrs(path: bytes, *, follow: bool) -> list[bytes]:
    options = 0 if follow else _XATTR_NOFOLLOW
    size = _check(_libc.listxattr(path, None, 0, options))
    buffer = ctypes.create_string_buffer(size)
    _check(_libc.listxattr(path, buffer, size, options))
    return [name for name in buffer.raw.split(b"\0") if name]


def remove_xattr(path: bytes, name: bytes, *, follow: bool) -> None:
    _check(_libc.removexattr(path, name, 0 if follow else _XATTR_NOFOLLOW))


def readable_bytes(fd: int) -> int:
    """FIONREAD: what can be read at once."""
    return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)


def pipe_capacity(fd: int) -> int:
    """Bytes a pipe holds, which macOS does not tell: its largest size."""
    del fd
    return 65536


def pipe_without_waiting() -> tuple[int, int]:
    """Both ends of a pipe, close-on-exec, on which no read or write waits."""
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends


def set_pipe_capacity(fd: int, size: int) -> None:
    """MacOS sizes pipes by itself."""
    del fd, size


def memory_barrier() -> bool:
    """False: the host has no barrier over other threads."""
    return False


def allocate(fd: int, offset: int, length: int, *, keep_size: bool, punch: bool) -> None:
    """Grow a file; macOS has no portable way to punch holes or to reserve without growing."""
    if keep_size or punch:
        raise OSError(45, os.strerror(45))
    if os.fstat(fd).st_size < offset + length:
        os.ftruncate(fd, offset + length)


def sealable_file(name: str, *, sealable: bool) -> int:
    """An anonymous file; macOS does not seal."""
    del sealable
    return anonymous_file(name)


def seals(fd: int) -> int | None:
    """F_GET_SEALS, in Linux's numbers; None where the host has no seals."""
    del fd
    return None


def add_seals(fd: int, wanted: int) -> bool:
    """F_ADD_SEALS. False: the host has no seals."""
    del fd, wanted
    return False


def reopen(fd: int, flags: int = os.O_RDWR) -> int:
    """A new description of the same file, where it still has a path."""
    return os.open(path_of(fd), flags | os.O_CLOEXEC | os.O_NOCTTY)


def private_stream(fd: int, access: int) -> int | None:
    """None: macOS has no way to another description of a pipe."""
    del fd, access
    return None


def duplicate_pipe_data(source: int, to: int, size: int) -> int:
    """Not on macOS: what is in a pipe can only be taken out."""
    del source, to, size
    raise OSError(45, os.strerror(45))


def lock_description(fd: int, start: int, length: int, *, kind: int) -> None:
    """An open file description lock, without waiting; `kind` as flock's, BlockingIOError if held."""
    number = {fcntl.LOCK_SH: fcntl.F_RDLCK, fcntl.LOCK_EX: fcntl.F_WRLCK}.get(kind, fcntl.F_UNLCK)
    fcntl.fcntl(fd, _F_OFD_SETLK, _FLOCK.pack(start, length, 0, number, os.SEEK_SET))


def conflicting_lock(
    fd: int, start: int, length: int, *, exclusive: bool, ofd: bool
) -> HeldLock | None:
    """A record lock of somebody else that is in the way."""
    number = fcntl.F_WRLCK if exclusive else fcntl.F_RDLCK
    request = _FLOCK.pack(start, length, 0, number, os.SEEK_SET)
    answer = fcntl.fcntl(fd, _F_OFD_GETLK if ofd else fcntl.F_GETLK, request)
    at, size, pid, found, _whence = _FLOCK.unpack(answer)
    return None if found == fcntl.F_UNLCK else HeldLock(found == fcntl.F_WRLCK, at, size, pid)


def sync_filesystem(fd: int) -> None:
    """Make everything written to the filesystem of `fd` durable."""
    del fd
    os.sync()
