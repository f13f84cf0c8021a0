"""Reading and writing through descriptors."""

from elfuse.runtime import transfer
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.files.regular import RegularFile
from elfuse.runtime.syscalls.args import (
    Address,
    Fd,
    Int,
    Long,
    Offset,
    OutBuffer,
    Size,
    UInt,
    in_buffer,
)
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task
from elfuse.typing import Annotated

MAX_TRANSFER = 0x7FFFF000
"""MAX_RW_COUNT."""

InBuffer = Annotated[int, in_buffer(2)]


def readable(task: Task, fd: int) -> OpenFile:
    """A description that can be read: EBADF."""
    file = task.files.get(fd)
    if not file.readable:
        raise SyscallError(Errno.EBADF)
    return file


def writable(task: Task, fd: int) -> OpenFile:
    """A description that can be written: EBADF."""
    file = task.files.get(fd)
    if not file.writable:
        raise SyscallError(Errno.EBADF)
    return file


@syscall(63)
def sys_read(task: Task, fd: Fd, buffer: OutBuffer, count: Size) -> int:
    """read(2)."""
    file = readable(task, fd)
    view = task.memory.writable(buffer, min(count, MAX_TRANSFER))
    return transfer.read(task, file, [view], None)


@syscall(64)
def sys_write(task: Task, fd: Fd, buffer: InBuffer, count: Size) -> int:
    """write(2)."""
    file = writable(task, fd)
    view = task.memory.readable(buffer, min(count, MAX_TRANSFER))
    return transfer.write(task, file, [view], None)


@syscall(65)
def sys_readv(task: Task, fd: Fd, iov: Address, count: Int) -> int:
    """readv(2)."""
    file = readable(task, fd)
    views = task.memory.iovecs(iov, count, writable=True)
    return transfer.read(task, file, views, None)


@syscall(66)
def sys_writev(task: Task, fd: Fd, iov: Address, count: Int) -> int:
    """writev(2)."""
    file = writable(task, fd)
    views = task.memory.iovecs(iov, count, writable=False)
    return transfer.write(task, file, views, None)


def _positioned(file: OpenFile, offset: int) -> None:
    """EINVAL for a negative offset, ESPIPE for a file without positions."""
    if offset < 0:
        raise SyscallError(Errno.EINVAL)
    if not isinstance(file, RegularFile):
        file.seek(0, 1)


@syscall(67)
def sys_pread64(task: Task, fd: Fd, buffer: OutBuffer, count: Size, offset: Offset) -> int:
    """pread(2)."""
    file = readable(task, fd)
    _positioned(file, offset)
    view = task.memory.writable(buffer, min(count, MAX_TRANSFER))
    return transfer.read(task, file, [view], offset)


@syscall(68)
def sys_pwrite64(task: Task, fd: Fd, buffer: InBuffer, count: Size, offset: Offset) -> int:
    """pwrite(2)."""
    file = writable(task, fd)
    _positioned(file, offset)
    view = task.memory.readable(buffer, min(count, MAX_TRANSFER))
    return transfer.write(task, file, [view], offset)


@syscall(69)
def sys_preadv(task: Task, fd: Fd, iov: Address, count: Int, offset: Offset, high: Long) -> int:
    """preadv(2); 64-bit systems pass the offset in one register."""
    file = readable(task, fd)
    _positioned(file, offset)
    return transfer.read(task, file, task.memory.iovecs(iov, count, writable=True), offset)


@syscall(70)
def sys_pwritev(task: Task, fd: Fd, iov: Address, count: Int, offset: Offset, high: Long) -> int:
    """pwritev(2)."""
    file = writable(task, fd)
    _positioned(file, offset)
    return transfer.write(task, file, task.memory.iovecs(iov, count, writable=False), offset)


_RWF_KNOWN, _RWF_NOWAIT, _RWF_APPEND = 0x1F, 8, 0x10


@syscall(286, note="RWF_NOWAIT and RWF_APPEND are refused")
def sys_preadv2(
    task: Task, fd: Fd, iov: Address, count: Int, offset: Offset, high: Long, flags: UInt
) -> int:
    """preadv2(2)."""
    if flags & (~_RWF_KNOWN | _RWF_NOWAIT | _RWF_APPEND):
        raise SyscallError(Errno.EOPNOTSUPP)
    if offset == -1:
        return sys_readv(task, fd, iov, count)
    return sys_preadv(task, fd, iov, count, offset, high)


@syscall(287, note="RWF_NOWAIT and RWF_APPEND are refused")
def sys_pwritev2(
    task: Task, fd: Fd, iov: Address, count: Int, offset: Offset, high: Long, flags: UInt
) -> int:
    """pwritev2(2)."""
    if flags & (~_RWF_KNOWN | _RWF_NOWAIT | _RWF_APPEND):
        raise SyscallError(Errno.EOPNOTSUPP)
    if offset == -1:
        return sys_writev(task, fd, iov, count)
    return sys_pwritev(task, fd, iov, count, offset, high)


@syscall(62)
def sys_lseek(task: Task, fd: Fd, offset: Offset, whence: Int) -> int:
    """lseek(2)."""
    return task.files.get(fd).seek(offset, whence)


@syscall(61)
def sys_getdents64(task: Task, fd: Fd, buffer: Address, count: UInt) -> int:
    """getdents64(2)."""
    file = task.files.usable(fd)
    from elfuse.runtime.files.directory import DirectoryFile  # few programs list any

    if not isinstance(file, DirectoryFile):
        raise SyscallError(Errno.ENOTDIR)
    data = file.records(task, count)
    task.memory.write(buffer, data)
    return len(data)
