"""Sizes of files, syncing, and copying between descriptors."""

from elfuse import host
from elfuse.runtime import transfer
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.files.pipe import PipeFile
from elfuse.runtime.syscalls.args import (
    Address,
    Fd,
    Int,
    Offset,
    Size,
    UInt,
)
from elfuse.runtime.syscalls.files import MAX_TRANSFER, readable, writable
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task


@syscall(46)
def sys_ftruncate(task: Task, fd: Fd, length: Offset) -> int:
    """ftruncate(2)."""
    if length < 0:
        raise SyscallError(Errno.EINVAL)
    file = task.files.usable(fd)
    if not file.writable:
        raise SyscallError(Errno.EINVAL)
    file.truncate(length)
    return 0


@syscall(
    47, note="FALLOC_FL_COLLAPSE_RANGE, ZERO_RANGE, INSERT_RANGE and UNSHARE_RANGE are refused"
)
def sys_fallocate(task: Task, fd: Fd, mode: Int, offset: Offset, length: Offset) -> int:
    """fallocate(2)."""
    file = writable(task, fd)
    if offset < 0 or length <= 0:
        raise SyscallError(Errno.EINVAL)
    if mode & ~3:
        raise SyscallError(Errno.EOPNOTSUPP)
    host.allocate(file.host_fd(), offset, length, keep_size=bool(mode & 1), punch=bool(mode & 2))
    return 0


@syscall(81)
def sys_sync(task: Task) -> int:
    """sync(2): guest files are synced one by one, the host's others are none of our business."""
    return 0


@syscall(82)
def sys_fsync(task: Task, fd: Fd) -> int:
    """fsync(2)."""
    transfer.sync(task.files.usable(fd))
    return 0


@syscall(83)
def sys_fdatasync(task: Task, fd: Fd) -> int:
    """fdatasync(2)."""
    transfer.sync(task.files.usable(fd))
    return 0


@syscall(267)
def sys_syncfs(task: Task, fd: Fd) -> int:
    """syncfs(2)."""
    task.files.usable(fd)
    return 0


@syscall(84)
def sys_sync_file_range(task: Task, fd: Fd, offset: Offset, length: Offset, flags: UInt) -> int:
    """sync_file_range(2)."""
    if offset < 0 or length < 0 or flags & ~7:
        raise SyscallError(Errno.EINVAL)
    transfer.sync(task.files.usable(fd))
    return 0


@syscall(223)
def sys_fadvise64(task: Task, fd: Fd, offset: Offset, length: Offset, advice: Int) -> int:
    """posix_fadvise(2): advice only."""
    file = task.files.usable(fd)
    if not 0 <= advice <= 5 or length < 0:
        raise SyscallError(Errno.EINVAL)
    file.seek(0, 1)
    return 0


@syscall(213)
def sys_readahead(task: Task, fd: Fd, offset: Offset, count: Size) -> int:
    """readahead(2)."""
    readable(task, fd).host_fd()
    return 0


@syscall(71)
def sys_sendfile(task: Task, out: Fd, source: Fd, offset: Address, count: Size) -> int:
    """sendfile(2)."""
    to, file = writable(task, out), readable(task, source)
    if to.append:
        raise SyscallError(Errno.EINVAL)
    if not offset:
        return transfer.copy(task, file, None, to, None, min(count, MAX_TRANSFER))
    start = task.memory.read_u64(offset)
    if start >> 63:
        raise SyscallError(Errno.EINVAL)
    done = transfer.copy(task, file, start, to, None, min(count, MAX_TRANSFER))
    task.memory.write_u64(offset, start + done)
    return done


@syscall(285)
def sys_copy_file_range(
    task: Task, source: Fd, in_at: Address, out: Fd, out_at: Address, count: Size, flags: UInt
) -> int:
    """copy_file_range(2)."""
    file, to = readable(task, source), writable(task, out)
    if flags or to.append:
        raise SyscallError(Errno.EINVAL if flags else Errno.EBADF)
    for one in (file, to):
        transfer.require_regular(one)
    start = task.memory.read_u64(in_at) if in_at else None
    end = task.memory.read_u64(out_at) if out_at else None
    done = transfer.copy(task, file, start, to, end, min(count, MAX_TRANSFER))
    if start is not None:
        task.memory.write_u64(in_at, start + done)
    if end is not None:
        task.memory.write_u64(out_at, end + done)
    return done


@syscall(76)
def sys_splice(
    task: Task, source: Fd, in_at: Address, out: Fd, out_at: Address, count: Size, flags: UInt
) -> int:
    """splice(2): one side must be a pipe."""
    file, to = readable(task, source), writable(task, out)
    if flags & ~0xF or not (transfer.is_pipe(file) or transfer.is_pipe(to)):
        raise SyscallError(Errno.EINVAL)
    for one, pointer in ((file, in_at), (to, out_at)):
        if pointer and transfer.is_pipe(one):
            raise SyscallError(Errno.ESPIPE)
    start = task.memory.read_u64(in_at) if in_at else None
    end = task.memory.read_u64(out_at) if out_at else None
    limit = min(count, 65536)
    done = transfer.copy(task, file, start, to, end, limit, nonblocking=bool(flags & 2))
    if start is not None:
        task.memory.write_u64(in_at, start + done)
    if end is not None:
        task.memory.write_u64(out_at, end + done)
    return done


@syscall(77)
def sys_tee(task: Task, source: Fd, out: Fd, count: Size, flags: UInt) -> int:
    """tee(2)."""
    file, to = readable(task, source), writable(task, out)
    if flags & ~0xF or not (isinstance(file, PipeFile) and isinstance(to, PipeFile)):
        raise SyscallError(Errno.EINVAL)
    return transfer.tee(task, file, to, min(count, MAX_TRANSFER), nonblocking=bool(flags & 2))
