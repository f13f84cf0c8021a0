"""System calls on descriptors."""

from typing import Annotated

from elfuse import host
from elfuse.runtime import filelock, transfer
from elfuse.runtime.abi import fcntl as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.files.directory import DirectoryFile
from elfuse.runtime.files.pipe import PipeFile, make_pipe
from elfuse.runtime.files.regular import RegularFile
from elfuse.runtime.syscalls.args import (
    Address,
    DirFd,
    Fd,
    Hex,
    Int,
    Long,
    Mode,
    Offset,
    OpenFlags,
    OutBuffer,
    Path,
    Size,
    UInt,
    choice,
    in_buffer,
)
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task
from elfuse.runtime.vfs import operations
from elfuse.runtime.vfs.resolve import Walk

_MAX_TRANSFER = 0x7FFFF000
"""MAX_RW_COUNT."""
_FIOCLEX, _FIONCLEX, _FIONBIO, _FIOASYNC = 0x5451, 0x5450, 0x5421, 0x5452
_OPEN_KNOWN = 0o37777777

InBuffer = Annotated[int, in_buffer(2)]
FcntlCommand = Annotated[int, choice(abi.FCNTL_NAMES)]
LockOperation = Annotated[int, choice({1: "LOCK_SH", 2: "LOCK_EX", 8: "LOCK_UN"})]


def usable(task: Task, fd: int) -> OpenFile:
    """A description that is more than a place in the tree: EBADF for O_PATH."""
    file = task.files.get(fd)
    if file.flags & abi.O_PATH:
        raise SyscallError(Errno.EBADF)
    return file


def _readable(task: Task, fd: int) -> OpenFile:
    file = task.files.get(fd)
    if not file.readable:
        raise SyscallError(Errno.EBADF)
    return file


def _writable(task: Task, fd: int) -> OpenFile:
    file = task.files.get(fd)
    if not file.writable:
        raise SyscallError(Errno.EBADF)
    return file


@syscall(63)
def sys_read(task: Task, fd: Fd, buffer: OutBuffer, count: Size) -> int:
    """read(2)."""
    file = _readable(task, fd)
    view = task.memory.writable(buffer, min(count, _MAX_TRANSFER))
    return transfer.read(task, file, [view], None)


@syscall(64)
def sys_write(task: Task, fd: Fd, buffer: InBuffer, count: Size) -> int:
    """write(2)."""
    file = _writable(task, fd)
    view = task.memory.readable(buffer, min(count, _MAX_TRANSFER))
    return transfer.write(task, file, [view], None)


@syscall(65)
def sys_readv(task: Task, fd: Fd, iov: Address, count: Int) -> int:
    """readv(2)."""
    file = _readable(task, fd)
    views = task.memory.iovecs(iov, count, writable=True)
    return transfer.read(task, file, views, None)


@syscall(66)
def sys_writev(task: Task, fd: Fd, iov: Address, count: Int) -> int:
    """writev(2)."""
    file = _writable(task, fd)
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
    file = _readable(task, fd)
    _positioned(file, offset)
    view = task.memory.writable(buffer, min(count, _MAX_TRANSFER))
    return transfer.read(task, file, [view], offset)


@syscall(68)
def sys_pwrite64(task: Task, fd: Fd, buffer: InBuffer, count: Size, offset: Offset) -> int:
    """pwrite(2)."""
    file = _writable(task, fd)
    _positioned(file, offset)
    view = task.memory.readable(buffer, min(count, _MAX_TRANSFER))
    return transfer.write(task, file, [view], offset)


@syscall(69)
def sys_preadv(task: Task, fd: Fd, iov: Address, count: Int, offset: Offset, high: Long) -> int:
    """preadv(2); 64-bit systems pass the offset in one register."""
    file = _readable(task, fd)
    _positioned(file, offset)
    return transfer.read(task, file, task.memory.iovecs(iov, count, writable=True), offset)


@syscall(70)
def sys_pwritev(task: Task, fd: Fd, iov: Address, count: Int, offset: Offset, high: Long) -> int:
    """pwritev(2)."""
    file = _writable(task, fd)
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
    file = usable(task, fd)
    if not isinstance(file, DirectoryFile):
        raise SyscallError(Errno.ENOTDIR)
    data = file.records(task, count)
    task.memory.write(buffer, data)
    return len(data)


# Opening and closing


@syscall(56)
def sys_openat(task: Task, dirfd: DirFd, path: Path, flags: OpenFlags, mode: Mode) -> int:
    """openat(2)."""
    file = operations.open_path(task, dirfd, path, flags & _OPEN_KNOWN, mode)
    return task.files.install(file, cloexec=bool(flags & abi.O_CLOEXEC))


@syscall(437, note="RESOLVE_CACHED always asks for another try")
def sys_openat2(task: Task, dirfd: DirFd, path: Path, how: Address, size: Size) -> int:
    """openat2(2)."""
    if size < abi.OpenHow.size:
        raise SyscallError(Errno.EINVAL)
    data = task.memory.read(how, min(size, 4096))
    if any(data[abi.OpenHow.size :]):
        raise SyscallError(Errno.E2BIG)
    wanted = abi.OpenHow.unpack(data[: abi.OpenHow.size])
    _check_how(wanted)
    begin = operations.start(task, dirfd, path, absolute=wanted.resolve & abi.RESOLVE_IN_ROOT == 0)
    walk = Walk(task, restrict=wanted.resolve, scope=begin)
    file = operations.open_from(task, walk, begin, path, wanted.flags, wanted.mode)
    return task.files.install(file, cloexec=bool(wanted.flags & abi.O_CLOEXEC))


def _check_how(wanted: abi.OpenHow) -> None:
    scoped = abi.RESOLVE_BENEATH | abi.RESOLVE_IN_ROOT
    if wanted.flags & ~_OPEN_KNOWN or wanted.mode & ~0o7777 or wanted.resolve & ~0x3F:
        raise SyscallError(Errno.EINVAL)
    creates = wanted.flags & abi.O_CREAT or wanted.flags & abi.O_TMPFILE == abi.O_TMPFILE
    if (wanted.mode and not creates) or wanted.resolve & scoped == scoped:
        raise SyscallError(Errno.EINVAL)
    path_only = abi.O_PATH | abi.O_DIRECTORY | abi.O_NOFOLLOW | abi.O_CLOEXEC
    if wanted.flags & abi.O_PATH and wanted.flags & ~path_only:
        raise SyscallError(Errno.EINVAL)
    if wanted.resolve & abi.RESOLVE_CACHED:
        raise SyscallError(Errno.EAGAIN)


@syscall(57)
def sys_close(task: Task, fd: Fd) -> int:
    """close(2)."""
    task.files.close(fd)
    return 0


@syscall(436)
def sys_close_range(task: Task, first: UInt, last: UInt, flags: UInt) -> int:
    """close_range(2)."""
    if first > last or flags & ~6:
        raise SyscallError(Errno.EINVAL)
    if flags & 2:
        task.process.files = task.files.copy()
    for fd in task.files:
        if first <= fd <= last:
            if flags & 4:
                task.files.set_cloexec(fd, True)
            else:
                task.files.close(fd)
    return 0


@syscall(23)
def sys_dup(task: Task, fd: Fd) -> int:
    """dup(2)."""
    return task.files.install(task.files.get(fd))


@syscall(24)
def sys_dup3(task: Task, old: Fd, new: Fd, flags: OpenFlags) -> int:
    """dup3(2)."""
    if flags & ~abi.O_CLOEXEC or old == new:
        raise SyscallError(Errno.EINVAL)
    file = task.files.get(old)
    task.files.replace(new, file, cloexec=bool(flags & abi.O_CLOEXEC))
    return new


@syscall(59)
def sys_pipe2(task: Task, fds: Address, flags: OpenFlags) -> int:
    """pipe2(2)."""
    if flags & ~(abi.O_CLOEXEC | abi.O_NONBLOCK):
        raise SyscallError(Errno.EINVAL)
    cloexec = bool(flags & abi.O_CLOEXEC)
    read_end, write_end = make_pipe(flags)
    first = task.files.install(read_end, cloexec=cloexec)
    second = -1
    try:
        second = task.files.install(write_end, cloexec=cloexec)
        task.memory.write(fds, first.to_bytes(4, "little") + second.to_bytes(4, "little"))
    except SyscallError:
        task.files.close(first)
        if second >= 0:
            task.files.close(second)
        raise
    return 0


# Control


@syscall(29)
def sys_ioctl(task: Task, fd: Fd, request: Hex, argument: Hex) -> int:
    """ioctl(2)."""
    file = usable(task, fd)
    request &= 0xFFFF_FFFF
    if request in (_FIOCLEX, _FIONCLEX):
        task.files.set_cloexec(fd, request == _FIOCLEX)
        return 0
    if request in (_FIONBIO, _FIOASYNC):
        bit = abi.O_NONBLOCK if request == _FIONBIO else abi.O_ASYNC
        on = task.memory.read_u32(argument)
        file.set_flags(file.flags & ~bit | (bit if on else 0))
        return 0
    return file.ioctl(task, request, argument)


_SETTABLE = abi.O_APPEND | abi.O_NONBLOCK | abi.O_DIRECT | abi.O_NOATIME | abi.O_ASYNC


@syscall(25)
def sys_fcntl(task: Task, fd: Fd, command: FcntlCommand, argument: Hex) -> int:
    """fcntl(2)."""
    file = task.files.get(fd)
    match command:
        case abi.F_DUPFD | abi.F_DUPFD_CLOEXEC:
            if argument >= task.files.limit:
                raise SyscallError(Errno.EINVAL)
            cloexec = command == abi.F_DUPFD_CLOEXEC
            return task.files.install(file, cloexec=cloexec, minimum=argument)
        case abi.F_GETFD:
            return int(task.files.cloexec(fd))
        case abi.F_SETFD:
            task.files.set_cloexec(fd, bool(argument & 1))
            return 0
        case abi.F_GETFL:
            large = file.location is not None and not file.flags & abi.O_PATH
            return file.flags | (abi.O_LARGEFILE if large else 0)
        case _ if file.flags & abi.O_PATH:
            raise SyscallError(Errno.EBADF)
        case abi.F_SETFL:
            file.set_flags(file.flags & ~_SETTABLE | argument & _SETTABLE)
            return 0
        case _:
            return filelock.fcntl(task, file, command, argument)


@syscall(32)
def sys_flock(task: Task, fd: Fd, operation: LockOperation) -> int:
    """flock(2)."""
    filelock.flock(task, usable(task, fd), operation)
    return 0


# Sizes, syncing, copying


@syscall(46)
def sys_ftruncate(task: Task, fd: Fd, length: Offset) -> int:
    """ftruncate(2)."""
    if length < 0:
        raise SyscallError(Errno.EINVAL)
    file = usable(task, fd)
    if not file.writable:
        raise SyscallError(Errno.EINVAL)
    file.truncate(length)
    return 0


@syscall(
    47, note="FALLOC_FL_COLLAPSE_RANGE, ZERO_RANGE, INSERT_RANGE and UNSHARE_RANGE are refused"
)
def sys_fallocate(task: Task, fd: Fd, mode: Int, offset: Offset, length: Offset) -> int:
    """fallocate(2)."""
    file = _writable(task, fd)
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
    transfer.sync(usable(task, fd))
    return 0


@syscall(83)
def sys_fdatasync(task: Task, fd: Fd) -> int:
    """fdatasync(2)."""
    transfer.sync(usable(task, fd))
    return 0


@syscall(267)
def sys_syncfs(task: Task, fd: Fd) -> int:
    """syncfs(2)."""
    usable(task, fd)
    return 0


@syscall(84)
def sys_sync_file_range(task: Task, fd: Fd, offset: Offset, length: Offset, flags: UInt) -> int:
    """sync_file_range(2)."""
    if offset < 0 or length < 0 or flags & ~7:
        raise SyscallError(Errno.EINVAL)
    transfer.sync(usable(task, fd))
    return 0


@syscall(223)
def sys_fadvise64(task: Task, fd: Fd, offset: Offset, length: Offset, advice: Int) -> int:
    """posix_fadvise(2): advice only."""
    file = usable(task, fd)
    if not 0 <= advice <= 5 or length < 0:
        raise SyscallError(Errno.EINVAL)
    file.seek(0, 1)
    return 0


@syscall(213)
def sys_readahead(task: Task, fd: Fd, offset: Offset, count: Size) -> int:
    """readahead(2)."""
    _readable(task, fd).host_fd()
    return 0


@syscall(71)
def sys_sendfile(task: Task, out: Fd, source: Fd, offset: Address, count: Size) -> int:
    """sendfile(2)."""
    to, file = _writable(task, out), _readable(task, source)
    if to.append:
        raise SyscallError(Errno.EINVAL)
    if not offset:
        return transfer.copy(task, file, None, to, None, min(count, _MAX_TRANSFER))
    start = task.memory.read_u64(offset)
    if start >> 63:
        raise SyscallError(Errno.EINVAL)
    done = transfer.copy(task, file, start, to, None, min(count, _MAX_TRANSFER))
    task.memory.write_u64(offset, start + done)
    return done


@syscall(285)
def sys_copy_file_range(
    task: Task, source: Fd, in_at: Address, out: Fd, out_at: Address, count: Size, flags: UInt
) -> int:
    """copy_file_range(2)."""
    file, to = _readable(task, source), _writable(task, out)
    if flags or to.append:
        raise SyscallError(Errno.EINVAL if flags else Errno.EBADF)
    for one in (file, to):
        transfer.require_regular(one)
    start = task.memory.read_u64(in_at) if in_at else None
    end = task.memory.read_u64(out_at) if out_at else None
    done = transfer.copy(task, file, start, to, end, min(count, _MAX_TRANSFER))
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
    file, to = _readable(task, source), _writable(task, out)
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
    file, to = _readable(task, source), _writable(task, out)
    if flags & ~0xF or not (isinstance(file, PipeFile) and isinstance(to, PipeFile)):
        raise SyscallError(Errno.EINVAL)
    return transfer.tee(task, file, to, min(count, _MAX_TRANSFER), nonblocking=bool(flags & 2))
