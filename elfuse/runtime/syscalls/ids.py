"""Who a process is: numbers, groups, sessions, credentials, names."""

import os

from elfuse.runtime import jobs
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.prctl import PR_NAMES, Pr
from elfuse.runtime.processes import Entry, Field
from elfuse.runtime.syscalls.args import Address, Int, Pid, UInt, ULong, choice
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task
from elfuse.typing import Annotated

_KEEP = 0xFFFF_FFFF
"""(uid_t) -1: leave as it is."""
_GROUPS_MAX = 65536

PrctlOption = Annotated[int, choice(PR_NAMES)]


@syscall(172)
def sys_getpid(task: Task) -> int:
    """getpid(2)."""
    return task.process.pid


@syscall(173)
def sys_getppid(task: Task) -> int:
    """getppid(2); in plain mode the first process's parent is the host's."""
    if task.process.ppid or task.kernel.options.contained:
        return task.process.ppid
    return os.getppid()


@syscall(178)
def sys_gettid(task: Task) -> int:
    """gettid(2)."""
    return task.tid


@syscall(154)
def sys_setpgid(task: Task, pid: Pid, pgid: Pid) -> int:
    """setpgid(2)."""
    jobs.setpgid(task, pid, pgid)
    return 0


def _entry(task: Task, pid: int) -> Entry:
    entry = task.kernel.processes.find(pid) if pid else task.process.entry
    if entry is None:
        raise SyscallError(Errno.ESRCH)
    return entry


@syscall(155)
def sys_getpgid(task: Task, pid: Pid) -> int:
    """getpgid(2)."""
    return _entry(task, pid)[Field.PGID]


@syscall(156)
def sys_getsid(task: Task, pid: Pid) -> int:
    """getsid(2)."""
    return _entry(task, pid)[Field.SID]


@syscall(157)
def sys_setsid(task: Task) -> int:
    """setsid(2)."""
    return jobs.setsid(task)


@syscall(174)
def sys_getuid(task: Task) -> int:
    """getuid(2)."""
    return task.credentials.uid


@syscall(175)
def sys_geteuid(task: Task) -> int:
    """geteuid(2)."""
    return task.credentials.euid


@syscall(176)
def sys_getgid(task: Task) -> int:
    """getgid(2)."""
    return task.credentials.gid


@syscall(177)
def sys_getegid(task: Task) -> int:
    """getegid(2)."""
    return task.credentials.egid


def _set_uids(task: Task, real: int, effective: int, saved: int) -> None:
    """Change user ids, `_KEEP` leaves one; EPERM unless root or each is one of the current ones."""
    held = task.credentials
    if held.euid and any(
        wanted not in (_KEEP, held.uid, held.euid, held.suid) for wanted in (real, effective, saved)
    ):
        raise SyscallError(Errno.EPERM)
    held.uid = held.uid if real == _KEEP else real
    held.euid = held.euid if effective == _KEEP else effective
    held.suid = held.suid if saved == _KEEP else saved
    held.fsuid = held.euid
    task.process.publish_credentials()


def _set_gids(task: Task, real: int, effective: int, saved: int) -> None:
    held = task.credentials
    if held.euid and any(
        wanted not in (_KEEP, held.gid, held.egid, held.sgid) for wanted in (real, effective, saved)
    ):
        raise SyscallError(Errno.EPERM)
    held.gid = held.gid if real == _KEEP else real
    held.egid = held.egid if effective == _KEEP else effective
    held.sgid = held.sgid if saved == _KEEP else saved
    held.fsgid = held.egid
    task.process.publish_credentials()


@syscall(146)
def sys_setuid(task: Task, uid: UInt) -> int:
    """setuid(2)."""
    if uid == _KEEP:
        raise SyscallError(Errno.EINVAL)
    privileged = task.credentials.euid == 0
    _set_uids(task, uid if privileged else _KEEP, uid, uid if privileged else _KEEP)
    return 0


@syscall(144)
def sys_setgid(task: Task, gid: UInt) -> int:
    """setgid(2)."""
    if gid == _KEEP:
        raise SyscallError(Errno.EINVAL)
    privileged = task.credentials.euid == 0
    _set_gids(task, gid if privileged else _KEEP, gid, gid if privileged else _KEEP)
    return 0


@syscall(145)
def sys_setreuid(task: Task, real: UInt, effective: UInt) -> int:
    """setreuid(2)."""
    held = task.credentials
    if held.euid and real not in (_KEEP, held.uid, held.euid):
        raise SyscallError(Errno.EPERM)
    before = held.uid
    _set_uids(task, real, effective, _KEEP)
    if real != _KEEP or effective not in (_KEEP, before):
        held.suid = held.euid
    return 0


@syscall(143)
def sys_setregid(task: Task, real: UInt, effective: UInt) -> int:
    """setregid(2)."""
    held = task.credentials
    if held.euid and real not in (_KEEP, held.gid, held.egid):
        raise SyscallError(Errno.EPERM)
    before = held.gid
    _set_gids(task, real, effective, _KEEP)
    if real != _KEEP or effective not in (_KEEP, before):
        held.sgid = held.egid
    return 0


@syscall(147)
def sys_setresuid(task: Task, real: UInt, effective: UInt, saved: UInt) -> int:
    """setresuid(2)."""
    _set_uids(task, real, effective, saved)
    return 0


@syscall(149)
def sys_setresgid(task: Task, real: UInt, effective: UInt, saved: UInt) -> int:
    """setresgid(2)."""
    _set_gids(task, real, effective, saved)
    return 0


@syscall(148)
def sys_getresuid(task: Task, real: Address, effective: Address, saved: Address) -> int:
    """getresuid(2)."""
    held = task.credentials
    for address, value in ((real, held.uid), (effective, held.euid), (saved, held.suid)):
        task.memory.write(address, value.to_bytes(4, "little"))
    return 0


@syscall(150)
def sys_getresgid(task: Task, real: Address, effective: Address, saved: Address) -> int:
    """getresgid(2)."""
    held = task.credentials
    for address, value in ((real, held.gid), (effective, held.egid), (saved, held.sgid)):
        task.memory.write(address, value.to_bytes(4, "little"))
    return 0


@syscall(151)
def sys_setfsuid(task: Task, uid: UInt) -> int:
    """setfsuid(2): always the previous value."""
    held = task.credentials
    before = held.fsuid
    if held.euid == 0 or uid in (held.uid, held.euid, held.suid, held.fsuid):
        held.fsuid = uid if uid != _KEEP else before
        task.process.publish_credentials()
    return before


@syscall(152)
def sys_setfsgid(task: Task, gid: UInt) -> int:
    """setfsgid(2): always the previous value."""
    held = task.credentials
    before = held.fsgid
    if held.euid == 0 or gid in (held.gid, held.egid, held.sgid, held.fsgid):
        held.fsgid = gid if gid != _KEEP else before
    return before


@syscall(158)
def sys_getgroups(task: Task, size: Int, groups: Address) -> int:
    """getgroups(2)."""
    held = task.credentials.groups
    if size < 0 or 0 < size < len(held):
        raise SyscallError(Errno.EINVAL)
    if size:
        task.memory.write(groups, b"".join(group.to_bytes(4, "little") for group in held))
    return len(held)


@syscall(159)
def sys_setgroups(task: Task, size: UInt, groups: Address) -> int:
    """setgroups(2)."""
    if task.credentials.euid:
        raise SyscallError(Errno.EPERM)
    if size > _GROUPS_MAX:
        raise SyscallError(Errno.EINVAL)
    data = task.memory.read(groups, 4 * size)
    task.credentials.groups = tuple(
        int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)
    )
    return 0


def _set_name(task: Task, address: int) -> int:
    name = task.memory.read_cstring_prefix(address, 15)
    task.comm = name
    if task.tid == task.process.pid:
        task.process.entry.comm = name
    return 0


def _get_name(task: Task, address: int) -> int:
    task.memory.write(address, task.comm.ljust(16, b"\0"))
    return 0


def _store_word(task: Task, address: int, value: int) -> int:
    task.memory.write(address, value.to_bytes(4, "little"))
    return 0


def _set_field(task: Task, field: Field, value: int, limit: int) -> int:
    if value > limit:
        raise SyscallError(Errno.EINVAL)
    task.process.entry[field] = value
    return 0


@syscall(167, note="the options named in abi/prctl.py")
def sys_prctl(task: Task, option: PrctlOption, a: ULong, b: ULong, c: ULong, d: ULong) -> int:  # noqa: C901 - a flat list of options
    """prctl(2)."""
    entry = task.process.entry
    match option:
        case Pr.SET_NAME:
            return _set_name(task, a)
        case Pr.GET_NAME:
            return _get_name(task, a)
        case Pr.SET_PDEATHSIG:
            return _set_field(task, Field.DEATH_SIGNAL, a, 64)
        case Pr.GET_PDEATHSIG:
            return _store_word(task, a, entry[Field.DEATH_SIGNAL])
        case Pr.SET_CHILD_SUBREAPER:
            return _set_field(task, Field.SUBREAPER, int(bool(a)), 1)
        case Pr.GET_CHILD_SUBREAPER:
            return _store_word(task, a, entry[Field.SUBREAPER])
        case Pr.GET_DUMPABLE:
            return entry[Field.DUMPABLE]
        case Pr.SET_DUMPABLE:
            return _set_field(task, Field.DUMPABLE, a, 1)
        case Pr.GET_NO_NEW_PRIVS:
            return entry[Field.NO_NEW_PRIVS]
        case Pr.SET_NO_NEW_PRIVS if a == 1 and not (b or c or d):
            return _set_field(task, Field.NO_NEW_PRIVS, a, 1)
        case Pr.GET_KEEPCAPS:
            return entry[Field.KEEP_CAPS]
        case Pr.SET_KEEPCAPS:
            return _set_field(task, Field.KEEP_CAPS, a, 1)
        case Pr.CAPBSET_READ if a <= 40:
            return int(task.credentials.euid == 0)
        case Pr.GET_TIMERSLACK:
            return 50_000
        case Pr.SET_TIMERSLACK:
            return 0
        case _:
            raise SyscallError(Errno.EINVAL)
