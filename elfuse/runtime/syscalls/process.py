"""Creating, replacing, ending and waiting for processes and threads."""

from elfuse.runtime import clone, execve, waiting
from elfuse.runtime.abi.clone import CLONE_FLAGS, Clone, CloneArgs
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.fcntl import AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW
from elfuse.runtime.abi.resource import Rusage, Timeval
from elfuse.runtime.processes import Entry, Field
from elfuse.runtime.syscalls.args import (
    Address,
    DirFd,
    Int,
    Path,
    Pid,
    Size,
    flags,
)
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task
from elfuse.runtime.vfs import operations
from elfuse.typing import Annotated, Callable

_EXIT_SIGNAL_MASK = 0xFF
_CLONE3_ONLY = Clone.CLEAR_SIGHAND | Clone.INTO_CGROUP
_ARG_LIMIT = 131072
"""MAX_ARG_STRLEN."""

CloneFlags = Annotated[int, flags(CLONE_FLAGS, 64)]
WaitOptions = Annotated[
    int,
    flags(
        {
            waiting.WNOHANG: "WNOHANG",
            waiting.WSTOPPED: "WSTOPPED",
            waiting.WEXITED: "WEXITED",
            waiting.WCONTINUED: "WCONTINUED",
            waiting.WNOWAIT: "WNOWAIT",
            waiting.WNOTHREAD: "__WNOTHREAD",
            waiting.WALL: "__WALL",
            waiting.WCLONE: "__WCLONE",
        }
    ),
]


@syscall(220, note="namespace flags and CLONE_PIDFD are refused")
def sys_clone(
    task: Task,
    flags: CloneFlags,
    stack: Address,
    parent_tid: Address,
    tls: Address,
    child_tid: Address,
) -> int:
    """clone(2) with arm64's argument order (CLONE_BACKWARDS)."""
    wanted = Clone(flags & 0xFFFF_FFFF & ~_EXIT_SIGNAL_MASK)
    if wanted & Clone.PIDFD:
        raise SyscallError(Errno.EINVAL)
    request = clone.Request(
        flags=wanted,
        exit_signal=flags & _EXIT_SIGNAL_MASK,
        stack=stack,
        parent_tid=parent_tid,
        child_tid=child_tid,
        tls=tls,
    )
    return clone.clone(task, request)


@syscall(435, note="set_tid, cgroup, namespace flags and CLONE_PIDFD are refused")
def sys_clone3(task: Task, arguments: Address, size: Size) -> int:
    """clone3(2)."""
    if size < 64:
        raise SyscallError(Errno.EINVAL)
    if size > 4096:
        raise SyscallError(Errno.E2BIG)
    data = task.memory.read(arguments, size)
    if any(data[CloneArgs.size :]):
        raise SyscallError(Errno.E2BIG)
    args = CloneArgs.unpack(data[: CloneArgs.size].ljust(CloneArgs.size, b"\0"))
    wanted = Clone(args.flags)
    if wanted & (Clone.PIDFD | Clone.DETACHED) or args.flags & _EXIT_SIGNAL_MASK & ~Clone.NEWTIME:
        raise SyscallError(Errno.EINVAL)
    if args.set_tid or args.set_tid_size:
        raise SyscallError(Errno.EPERM)
    if args.exit_signal > 64 or bool(args.stack) != bool(args.stack_size):
        raise SyscallError(Errno.EINVAL)
    if wanted & (Clone.THREAD | Clone.PARENT) and args.exit_signal:
        raise SyscallError(Errno.EINVAL)
    request = clone.Request(
        flags=wanted,
        exit_signal=args.exit_signal,
        stack=args.stack + args.stack_size,
        parent_tid=args.parent_tid,
        child_tid=args.child_tid,
        tls=args.tls,
    )
    return clone.clone(task, request)


def _strings(task: Task, address: int) -> list[bytes]:
    """A NULL-terminated array of strings; a NULL array is an empty one, as Linux has it."""
    return task.memory.read_cstrings(address, _ARG_LIMIT) if address else []


@syscall(221)
def sys_execve(task: Task, path: Path, argv: Address, envp: Address) -> int:
    """execve(2)."""
    execve.execve(task, path, _strings(task, argv), _strings(task, envp), path)
    return 0


@syscall(281)
def sys_execveat(
    task: Task, dirfd: DirFd, path: Path, argv: Address, envp: Address, flags: Int
) -> int:
    """execveat(2)."""
    if flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW):
        raise SyscallError(Errno.EINVAL)
    follow = not flags & AT_SYMLINK_NOFOLLOW
    location = operations.resolve(
        task, dirfd, path, follow=follow, empty=bool(flags & AT_EMPTY_PATH)
    )
    if not follow and location.inode.stat().mode & 0o170000 == 0o120000:
        raise SyscallError(Errno.ELOOP)
    if path.startswith(b"/") or dirfd == -100:
        name = path
    else:
        name = b"/dev/fd/%d" % dirfd + (b"/" + path if path else b"")
    vanishes = name.startswith(b"/dev/fd/") and task.files.cloexec(dirfd)
    arguments, environment = _strings(task, argv), _strings(task, envp)
    execve.execve(task, location, arguments, environment, name, name_vanishes=vanishes)
    return 0


def _chooser(task: Task, pid: int) -> Callable[[Entry], bool]:
    """wait4's selection of children by its pid argument."""
    if pid > 0:
        return lambda child: child.pid == pid
    if pid == -1:
        return lambda _child: True
    pgid = -pid if pid else task.process.pgid
    return lambda child: child[Field.PGID] == pgid


def _rusage(user_ns: int, system_ns: int) -> Rusage:
    return Rusage(ru_utime=Timeval.from_ns(user_ns), ru_stime=Timeval.from_ns(system_ns))


@syscall(260)
def sys_wait4(task: Task, pid: Pid, status: Address, options: WaitOptions, rusage: Address) -> int:
    """wait4(2)."""
    known = waiting.WNOHANG | waiting.WSTOPPED | waiting.WCONTINUED
    known |= waiting.WNOTHREAD | waiting.WALL | waiting.WCLONE
    if options & ~known:
        raise SyscallError(Errno.EINVAL)
    if pid == -(1 << 31):
        raise SyscallError(Errno.ESRCH)
    report = waiting.wait(task, _chooser(task, pid), options | waiting.WEXITED)
    if report is None:
        return 0
    if status:
        task.memory.write(status, report.status.to_bytes(4, "little"))
    if rusage:
        _rusage(report.user_ns, report.system_ns).store(task.memory, rusage)
    return report.pid


@syscall(95)
def sys_waitid(
    task: Task, which: Int, number: Pid, info: Address, options: WaitOptions, rusage: Address
) -> int:
    """waitid(2)."""
    known = waiting.WNOHANG | waiting.WNOWAIT | waiting.WNOTHREAD | waiting.WALL | waiting.WCLONE
    wanted = waiting.WEXITED | waiting.WSTOPPED | waiting.WCONTINUED
    if options & ~(known | wanted) or not options & wanted:
        raise SyscallError(Errno.EINVAL)
    if which == 0:
        chosen = _chooser(task, -1)
    elif which == 1 and number > 0:
        chosen = _chooser(task, number)
    elif which == 2 and number >= 0:
        chosen = _chooser(task, -number)
    else:
        raise SyscallError(Errno.EINVAL)
    report = waiting.wait(task, chosen, options)
    if info:
        task.memory.write(info, report.info.pack() if report else bytes(128))
    if report and rusage:
        _rusage(report.user_ns, report.system_ns).store(task.memory, rusage)
    return 0
