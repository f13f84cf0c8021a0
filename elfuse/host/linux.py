"""What only Linux offers, under the names `elfuse.host` has."""

import fcntl
import os
import struct
import sys

from elfuse.host.types import HeldLock
from elfuse.light import signal, suppress
from elfuse.typing import TYPE_CHECKING, Any, Iterable

if TYPE_CHECKING:
    import ctypes
else:

    class _Later:
        """Stands for the module: few runs need it, and loading it takes longer than they have."""

        def __getattr__(self, name: str) -> Any:
            import ctypes as loaded

            self.__dict__.update(vars(loaded))
            return getattr(loaded, name)

    ctypes = _Later()

assert not TYPE_CHECKING or sys.platform == "linux"

_FLOCK = struct.Struct("hh4xqqi4x")
_F_OFD_GETLK, _F_OFD_SETLK, _F_ADD_SEALS, _F_GET_SEALS = 36, 37, 1033, 1034
_MEMORY_DEVICES = (os.makedev(1, 3), os.makedev(1, 5))
_AT_FDCWD, _AT_SYMLINK_FOLLOW = -100, 0x400
_RENAME_NOREPLACE, _RENAME_EXCHANGE = 1, 2
_SPLICE_F_NONBLOCK = 2


_loaded: "list[ctypes.CDLL]" = []


def _libc() -> "ctypes.CDLL":
    if not _loaded:
        _loaded.append(ctypes.CDLL(None, use_errno=True))
    return _loaded[0]


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def anonymous_file(name: str) -> int:
    """A descriptor on memory that has no path. The caller closes it."""
    return os.memfd_create(name, os.MFD_CLOEXEC)


def shared_memory(size: int) -> int | None:
    """A descriptor on zeroed memory to map more than once; None where the host has no such thing."""
    try:
        fd = anonymous_file("shared")
    except OSError:
        # No descriptor is left: memory that is mapped once needs none.
        return None
    os.ftruncate(fd, size)
    return fd


def never_waits(fd: int) -> bool:
    """Whether reads and writes of any size end at once: /dev/null and /dev/zero."""
    return os.fstat(fd).st_rdev in _MEMORY_DEVICES


def open_reference(path: bytes, at: int | None, *, follow: bool) -> int:
    """A descriptor that stands for a file or directory and needs no permission to read it."""
    flags = os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    return os.open(path, flags, dir_fd=at)


def path_of(fd: int) -> bytes:
    """The present path of an open directory or file; FileNotFoundError if it was removed."""
    path = os.readlink(b"/proc/self/fd/%d" % fd)
    if path.endswith(b" (deleted)") and not os.fstat(fd).st_nlink:
        raise FileNotFoundError(2, os.strerror(2))
    return path


def descriptor_path(fd: int) -> bytes:
    """A path that names what a descriptor has open, however it was moved."""
    return b"/proc/self/fd/%d" % fd


def reference_to(fd: int) -> int:
    """A descriptor that stands for what `fd` has open, and ends no record lock when closed."""
    return open_reference(descriptor_path(fd), None, follow=True)


def rename_with_flags(
    at: int, name: bytes, to: int, to_name: bytes, *, noreplace: bool, exchange: bool
) -> None:
    """renameat2(2)."""
    flags = (_RENAME_NOREPLACE if noreplace else 0) | (_RENAME_EXCHANGE if exchange else 0)
    _check(_libc().renameat2(at, name, to, to_name, flags))


def unnamed_file(directory: int, mode: int) -> int:
    """A regular file without a name in a directory's filesystem, open for reading and writing."""
    fd = os.open(b".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, mode, dir_fd=directory)
    os.fchmod(fd, mode)
    return fd


def link_descriptor(fd: int, name: bytes, at: int) -> None:
    """Give an unnamed file a name."""
    _check(_libc().linkat(_AT_FDCWD, descriptor_path(fd), at, name, _AT_SYMLINK_FOLLOW))


def set_mode(name: bytes, at: int, mode: int) -> None:
    """chmod(2) of a name in a directory that never follows a symbolic link (ELOOP)."""
    fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
    try:
        os.chmod(descriptor_path(fd), mode)
    finally:
        os.close(fd)


def set_size(name: bytes, at: int, size: int) -> None:
    """truncate(2) of a name in a directory that never follows a symbolic link.

    The caller's record locks on the file stay, which closing an ordinary descriptor would drop.
    """
    fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
    try:
        os.truncate(descriptor_path(fd), size)
    finally:
        os.close(fd)


def open_for_writing(fd: int, processes: Iterable[int]) -> bool:
    """Whether one of the processes has open for writing what `fd` has open for reading.

    False too where that cannot be told: another user's file, a filesystem without leases.
    """
    # A read lease is refused then (fcntl(2), F_SETLEASE). Who opens the file before it is given
    # back waits, and the signal that tells of it is one that nobody minds.
    fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        # Network filesystems answer so for reasons of their own.
        status = os.fstat(fd)
        return any(_has_for_writing(pid, status) for pid in processes)
    except OSError:
        return False
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def _has_for_writing(pid: int, wanted: os.stat_result) -> bool:
    try:
        numbers = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return False
    for number in numbers:
        with suppress(OSError):
            # One that is closed meanwhile does not count.
            found = os.stat(f"/proc/{pid}/fd/{number}")
            if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
                with open(f"/proc/{pid}/fdinfo/{number}", "rb") as file:
                    flags = next(line for line in file if line.startswith(b"flags:"))
                if int(flags.split()[1], 8) & os.O_ACCMODE:
                    return True
    return False


def get_xattr(path: bytes, name: bytes, *, follow: bool) -> bytes:
    return os.getxattr(path, name, follow_symlinks=follow)


def set_xattr(
    path: bytes, name: bytes, value: bytes, *, create: bool, replace: bool, follow: bool
) -> None:
    flags = (os.XATTR_CREATE if create else 0) | (os.XATTR_REPLACE if replace else 0)
    os.setxattr(path, name, value, flags, follow_symlinks=follow)


def list_xattrs(path: bytes, *, follow: bool) -> list[bytes]:
    return [os.fsencode(name) for name in os.listxattr(path, follow_symlinks=follow)]


def remove_xattr(path: bytes, name: bytes, *, follow: bool) -> None:
    os.removexattr(path, name, follow_symlinks=follow)


def readable_bytes(fd: int) -> int:
    """FIONREAD: what can be read at once."""
    import termios  # not in every run

    return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)


def pipe_without_waiting() -> tuple[int, int]:
    """Both ends of a pipe, close-on-exec, on which no read or write waits."""
    return os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)


def pipe_capacity(fd: int) -> int:
    """Bytes a pipe holds."""
    return fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)


def set_pipe_capacity(fd: int, size: int) -> None:
    """EBUSY if more is in the pipe than fits, EPERM above the host's limit."""
    fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, size)


_MEMBARRIER = {"x86_64": 324, "aarch64": 283}.get(os.uname().machine, -1)
_MEMBARRIER_PRIVATE, _MEMBARRIER_REGISTER = 8, 16


def memory_barrier() -> bool:
    """Make every thread of this process pass a full memory barrier; False if the host cannot."""
    if _libc().syscall(_MEMBARRIER, _MEMBARRIER_PRIVATE, 0, 0) == 0:
        return True
    # Registration belongs to the address space: a forked process registers again.
    if _libc().syscall(_MEMBARRIER, _MEMBARRIER_REGISTER, 0, 0) != 0:
        return False
    return bool(_libc().syscall(_MEMBARRIER, _MEMBARRIER_PRIVATE, 0, 0) == 0)


def allocate(fd: int, offset: int, length: int, *, keep_size: bool, punch: bool) -> None:
    """fallocate(2) for plain allocation and punched holes."""
    mode = (1 if keep_size else 0) | (2 if punch else 0)
    _check(_libc().fallocate(fd, mode, ctypes.c_int64(offset), ctypes.c_int64(length)))


def sealable_file(name: str, *, sealable: bool) -> int:
    """An anonymous file that can be sealed."""
    return os.memfd_create(name, os.MFD_CLOEXEC | (os.MFD_ALLOW_SEALING if sealable else 0))


def seals(fd: int) -> int | None:
    """F_GET_SEALS, in Linux's numbers; None where the host has no seals."""
    return fcntl.fcntl(fd, _F_GET_SEALS)


def add_seals(fd: int, wanted: int) -> bool:
    """F_ADD_SEALS; EPERM once sealed, EBUSY with writable mappings. False: the host has no seals."""
    fcntl.fcntl(fd, _F_ADD_SEALS, wanted)
    return True


def reopen(fd: int, flags: int = os.O_RDWR) -> int:
    """A new description of the same file, with its own offset; also of one without a name."""
    return os.open(descriptor_path(fd), flags | os.O_CLOEXEC | os.O_NOCTTY)


def private_stream(fd: int, access: int) -> int | None:
    """A non-blocking description of the pipe or fifo behind `fd` that nobody else shares.

    None where the host cannot make one (a socket, another user's pipe).
    """
    try:
        return reopen(fd, access | os.O_NONBLOCK)
    except OSError:
        return None


def duplicate_pipe_data(source: int, to: int, size: int) -> int:
    """tee(2), without waiting: BlockingIOError if the one is empty or the other full."""
    done = int(_libc().tee(source, to, ctypes.c_size_t(size), _SPLICE_F_NONBLOCK))
    _check(done)
    return done


def lock_description(fd: int, start: int, length: int, *, kind: int) -> None:
    """An open file description lock, without waiting; `kind` as flock's, BlockingIOError if held."""
    number = {fcntl.LOCK_SH: fcntl.F_RDLCK, fcntl.LOCK_EX: fcntl.F_WRLCK}.get(kind, fcntl.F_UNLCK)
    fcntl.fcntl(fd, _F_OFD_SETLK, _FLOCK.pack(number, os.SEEK_SET, start, length, 0))


def conflicting_lock(
    fd: int, start: int, length: int, *, exclusive: bool, ofd: bool
) -> HeldLock | None:
    """A record lock of somebody else that is in the way."""
    number = fcntl.F_WRLCK if exclusive else fcntl.F_RDLCK
    request = _FLOCK.pack(number, os.SEEK_SET, start, length, 0)
    answer = fcntl.fcntl(fd, _F_OFD_GETLK if ofd else fcntl.F_GETLK, request)
    found, _whence, at, size, pid = _FLOCK.unpack(answer)
    return None if found == fcntl.F_UNLCK else HeldLock(found == fcntl.F_WRLCK, at, size, pid)


def sync_filesystem(fd: int) -> None:
    """Make everything written to the filesystem of `fd` durable."""
    _check(_libc().syncfs(fd))
