"""File locks and the less common fcntl(2) commands.

Record locks are the host's on the description's host descriptor: guest processes are host
processes, so owners and conflicts come out right. The host tells nobody when a lock is released,
so a blocking request looks again every few milliseconds.
"""

import fcntl as host_fcntl
import os

from elfuse import host
from elfuse.runtime.abi import fcntl as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.files.directory import DirectoryFile
from elfuse.runtime.files.memfd import MemFile
from elfuse.runtime.files.pipe import PipeFile
from elfuse.runtime.processes import Field
from elfuse.runtime.task import Task
from elfuse.runtime.wait import now, sleep
from elfuse.typing import Callable

_LOOK_AGAIN_NS = 3_000_000
_KINDS = {
    abi.F_RDLCK: host_fcntl.LOCK_SH | host_fcntl.LOCK_NB,
    abi.F_WRLCK: host_fcntl.LOCK_EX | host_fcntl.LOCK_NB,
    abi.F_UNLCK: host_fcntl.LOCK_UN,
}
_FLOCK_KINDS = {
    abi.LOCK_SH: host_fcntl.LOCK_SH,
    abi.LOCK_EX: host_fcntl.LOCK_EX,
    abi.LOCK_UN: host_fcntl.LOCK_UN,
}
_LOCKED_BYTES = (1 << 62) - 1


def fcntl(task: Task, file: OpenFile, command: int, argument: int) -> int:
    """Commands beyond descriptor and status flags; EINVAL for an unknown one."""
    match command:
        case abi.F_GETLK | abi.F_OFD_GETLK:
            return _get_lock(task, file, argument, command == abi.F_OFD_GETLK)
        case abi.F_SETLK | abi.F_SETLKW:
            return _set_lock(task, file, argument, wait=command == abi.F_SETLKW, ofd=False)
        case abi.F_OFD_SETLK | abi.F_OFD_SETLKW:
            return _set_lock(task, file, argument, wait=command == abi.F_OFD_SETLKW, ofd=True)
        case abi.F_GETPIPE_SZ | abi.F_SETPIPE_SZ:
            return _pipe_size(file, command, argument)
        case abi.F_ADD_SEALS | abi.F_GET_SEALS:
            return _seals(file, command, argument)
        case abi.F_SETOWN:
            file.owner = argument & 0xFFFF_FFFF
            return 0
        case abi.F_GETOWN:
            return file.owner
        case abi.F_GETSIG:
            return 0
        case _:
            raise SyscallError(Errno.EINVAL)


def _pipe_size(file: OpenFile, command: int, argument: int) -> int:
    if not isinstance(file, PipeFile):
        raise SyscallError(Errno.EBADF)
    if command == abi.F_SETPIPE_SZ:
        if argument >> 31:
            raise SyscallError(Errno.EINVAL)
        file.capacity = argument
    return file.capacity


def _seals(file: OpenFile, command: int, argument: int) -> int:
    if not isinstance(file, MemFile):
        raise SyscallError(Errno.EINVAL)
    if command == abi.F_GET_SEALS:
        return file.seals
    file.add_seals(argument)
    return 0


def _start(file: OpenFile, lock: abi.Flock) -> int:
    """The lock's first byte, whatever l_whence says."""
    if lock.l_whence not in (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END):
        raise SyscallError(Errno.EINVAL)
    base = 0
    if lock.l_whence == os.SEEK_CUR:
        base = file.seek(0, os.SEEK_CUR)
    elif lock.l_whence == os.SEEK_END:
        base = file.stat().size
    start = base + lock.l_start + min(lock.l_len, 0)
    if start < 0:
        raise SyscallError(Errno.EINVAL)
    return start


def _load(task: Task, file: OpenFile, argument: int) -> tuple[abi.Flock, int, int]:
    lock = abi.Flock.load(task.memory, argument)
    return lock, _start(file, lock), abs(lock.l_len)


def _get_lock(task: Task, file: OpenFile, argument: int, ofd: bool) -> int:
    lock, start, length = _load(task, file, argument)
    if lock.l_type not in (abi.F_RDLCK, abi.F_WRLCK) or (ofd and lock.l_pid):
        raise SyscallError(Errno.EINVAL)
    exclusive = lock.l_type == abi.F_WRLCK
    found = host.conflicting_lock(file.host_fd(), start, length, exclusive=exclusive, ofd=ofd)
    if found is None:
        task.memory.write(argument, abi.F_UNLCK.to_bytes(2, "little"))
        return 0
    entry = task.kernel.processes.by_host_pid(found.pid)
    abi.Flock(
        l_type=abi.F_WRLCK if found.exclusive else abi.F_RDLCK,
        l_whence=os.SEEK_SET,
        l_start=found.start,
        l_len=found.length,
        l_pid=entry[Field.PID] if entry is not None else -1 if found.pid < 0 else 0,
    ).store(task.memory, argument)
    return 0


def _set_lock(task: Task, file: OpenFile, argument: int, *, wait: bool, ofd: bool) -> int:
    lock, start, length = _load(task, file, argument)
    kind = lock.l_type
    if kind not in _KINDS or (ofd and lock.l_pid):
        raise SyscallError(Errno.EINVAL)
    readable_needed = kind == abi.F_RDLCK and not file.readable
    if readable_needed or (kind == abi.F_WRLCK and not file.writable):
        raise SyscallError(Errno.EBADF)
    fd = file.host_fd()

    if ofd:
        _note_lock_of_description(task)
    else:
        # Closing any descriptor of the file later would end the lock.
        task.memory.catch_up()

    def attempt() -> None:
        if ofd:
            host.lock_description(fd, start, length, kind=_KINDS[kind] & ~host_fcntl.LOCK_NB)
            return
        host_fcntl.lockf(fd, _KINDS[kind], length, start, os.SEEK_SET)
        status = os.fstat(fd)
        task.files.record_locks.add((status.st_dev, status.st_ino))

    _until_locked(task, attempt, wait=wait)
    return 0


def _note_lock_of_description(task: Task) -> None:
    """It ends with the description, which mappings keep: they are not to be kept for too long."""
    task.memory.stop_calls(for_good=True)


def _until_locked(task: Task, attempt: Callable[[], None], *, wait: bool) -> None:
    while True:
        try:
            attempt()
        except (BlockingIOError, PermissionError):
            if not wait:
                raise SyscallError(Errno.EAGAIN) from None
        else:
            return
        sleep(task, [], now() + _LOOK_AGAIN_NS)


def _number(file: DirectoryFile) -> int:
    """A number that two directories share only by accident."""
    place = file.location
    return (place.inode.ino ^ place.mount.device << 40) & _LOCKED_BYTES


def flock(task: Task, file: OpenFile, operation: int) -> None:
    """flock(2)."""
    kind = _FLOCK_KINDS.get(operation & ~abi.LOCK_NB)
    if kind is None:
        raise SyscallError(Errno.EINVAL)
    _note_lock_of_description(task)
    if isinstance(file, DirectoryFile):
        # A directory of the guest need not be one of the host: its number is locked instead, as
        # a byte of a file that all processes of the run share.
        fd, byte = file.lock_fd(task), _number(file)

        def attempt() -> None:
            host.lock_description(fd, byte, 1, kind=kind)
    else:
        fd = file.host_fd()

        def attempt() -> None:
            host_fcntl.flock(fd, kind | host_fcntl.LOCK_NB)

    _until_locked(task, attempt, wait=not operation & abi.LOCK_NB)
