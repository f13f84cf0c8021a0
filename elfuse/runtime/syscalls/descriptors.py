"""Opening, closing and duplicating descriptors, and what fcntl and ioctl do to them."""

from elfuse.runtime.abi import fcntl as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.files.pipe import make_pipe
from elfuse.runtime.lazy import Lazy
from elfuse.runtime.syscalls.args import (
    Address,
    DirFd,
    Fd,
    Hex,
    Mode,
    OpenFlags,
    Path,
    Size,
    UInt,
    choice,
)
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task
from elfuse.runtime.vfs import operations
from elfuse.runtime.vfs.resolve import Walk
from elfuse.typing import TYPE_CHECKING, Annotated

if TYPE_CHECKING:
    from elfuse.runtime import filelock
else:
    filelock = Lazy("elfuse.runtime.filelock")

_FIOCLEX, _FIONCLEX, _FIONBIO, _FIOASYNC = 0x5451, 0x5450, 0x5421, 0x5452
_OPEN_KNOWN = 0o37777777

FcntlCommand = Annotated[int, choice(abi.FCNTL_NAMES)]
LockOperation = Annotated[int, choice({1: "LOCK_SH", 2: "LOCK_EX", 8: "LOCK_UN"})]


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
        task.process.unshare_files(task)
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
    file = task.files.usable(fd)
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
    filelock.flock(task, task.files.usable(fd), operation)
    return 0
