"""Extended attributes (xattr(7))."""

import stat

from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.fcntl import AT_FDCWD
from elfuse.runtime.syscalls.args import Address, Fd, Int, Path, Size
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task
from elfuse.runtime.vfs import operations
from elfuse.runtime.vfs.credentials import READ, WRITE
from elfuse.runtime.vfs.location import Location

_NAME_MAX, _VALUE_MAX = 255, 65536


def _name(task: Task, address: int) -> bytes:
    name = task.memory.read_cstring_prefix(address, _NAME_MAX + 1)
    if not 0 < len(name) <= _NAME_MAX:
        raise SyscallError(Errno.ERANGE)
    if not name.startswith((b"user.", b"trusted.", b"security.", b"system.")):
        raise SyscallError(Errno.EOPNOTSUPP)
    return name


def _check(task: Task, place: Location, name: bytes, want: int) -> None:
    if want == WRITE:
        operations.require_writable(place)
    if name.startswith(b"user."):
        if place.inode.type_bits not in (stat.S_IFREG, stat.S_IFDIR):
            raise SyscallError(Errno.EPERM if want == WRITE else Errno.ENODATA)
        operations.require(task, place, want)
    elif task.credentials.fsuid and want == WRITE:
        raise SyscallError(Errno.EPERM)
    elif task.credentials.fsuid and name.startswith(b"trusted."):
        raise SyscallError(Errno.ENODATA)


def _set(task: Task, place: Location, name: int, value: int, size: int, flags: int) -> int:
    if flags & ~3 or flags == 3:
        raise SyscallError(Errno.EINVAL)
    if size > _VALUE_MAX:
        raise SyscallError(Errno.E2BIG)
    text = _name(task, name)
    _check(task, place, text, WRITE)
    place.inode.setxattr(text, task.memory.read(value, size), flags)
    return 0


def _give(task: Task, data: bytes, buffer: int, size: int) -> int:
    if size:
        if len(data) > size:
            raise SyscallError(Errno.ERANGE)
        task.memory.write(buffer, data)
    return len(data)


def _get(task: Task, place: Location, name: int, buffer: int, size: int) -> int:
    text = _name(task, name)
    _check(task, place, text, READ)
    return _give(task, place.inode.getxattr(text), buffer, size)


def _list(task: Task, place: Location, buffer: int, size: int) -> int:
    names = [
        name
        for name in place.inode.listxattr()
        if not task.credentials.fsuid or not name.startswith(b"trusted.")
    ]
    return _give(task, b"".join(name + b"\0" for name in names), buffer, size)


def _remove(task: Task, place: Location, name: int) -> int:
    text = _name(task, name)
    _check(task, place, text, WRITE)
    place.inode.removexattr(text)
    return 0


def _at(task: Task, path: bytes, *, follow: bool = True) -> Location:
    return operations.resolve(task, AT_FDCWD, path, follow=follow)


def _open(task: Task, fd: int) -> Location:
    return operations.location_of(task.files.usable(fd))


@syscall(5)
def sys_setxattr(
    task: Task, path: Path, name: Address, value: Address, size: Size, flags: Int
) -> int:
    """setxattr(2)."""
    return _set(task, _at(task, path), name, value, size, flags)


@syscall(6)
def sys_lsetxattr(
    task: Task, path: Path, name: Address, value: Address, size: Size, flags: Int
) -> int:
    """lsetxattr(2)."""
    return _set(task, _at(task, path, follow=False), name, value, size, flags)


@syscall(7)
def sys_fsetxattr(task: Task, fd: Fd, name: Address, value: Address, size: Size, flags: Int) -> int:
    """fsetxattr(2)."""
    return _set(task, _open(task, fd), name, value, size, flags)


@syscall(8)
def sys_getxattr(task: Task, path: Path, name: Address, buffer: Address, size: Size) -> int:
    """getxattr(2)."""
    return _get(task, _at(task, path), name, buffer, size)


@syscall(9)
def sys_lgetxattr(task: Task, path: Path, name: Address, buffer: Address, size: Size) -> int:
    """lgetxattr(2)."""
    return _get(task, _at(task, path, follow=False), name, buffer, size)


@syscall(10)
def sys_fgetxattr(task: Task, fd: Fd, name: Address, buffer: Address, size: Size) -> int:
    """fgetxattr(2)."""
    return _get(task, _open(task, fd), name, buffer, size)


@syscall(11)
def sys_listxattr(task: Task, path: Path, buffer: Address, size: Size) -> int:
    """listxattr(2)."""
    return _list(task, _at(task, path), buffer, size)


@syscall(12)
def sys_llistxattr(task: Task, path: Path, buffer: Address, size: Size) -> int:
    """llistxattr(2)."""
    return _list(task, _at(task, path, follow=False), buffer, size)


@syscall(13)
def sys_flistxattr(task: Task, fd: Fd, buffer: Address, size: Size) -> int:
    """flistxattr(2)."""
    return _list(task, _open(task, fd), buffer, size)


@syscall(14)
def sys_removexattr(task: Task, path: Path, name: Address) -> int:
    """removexattr(2)."""
    return _remove(task, _at(task, path), name)


@syscall(15)
def sys_lremovexattr(task: Task, path: Path, name: Address) -> int:
    """lremovexattr(2)."""
    return _remove(task, _at(task, path, follow=False), name)


@syscall(16)
def sys_fremovexattr(task: Task, fd: Fd, name: Address) -> int:
    """fremovexattr(2)."""
    return _remove(task, _open(task, fd), name)
