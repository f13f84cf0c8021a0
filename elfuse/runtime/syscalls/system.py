"""The system as a whole: names, limits, usage, random bytes, capabilities, what is refused."""

import os
import resource
import time

from elfuse.runtime import limits
from elfuse.runtime.abi import system as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.resource import (
    RLIMIT_NAMES,
    RUSAGE_CHILDREN,
    RUSAGE_NAMES,
    RUSAGE_SELF,
    RUSAGE_THREAD,
    Rlimit64,
    Rusage,
    Timeval,
)
from elfuse.runtime.lazy import Lazy
from elfuse.runtime.processes import Entry, Field, State
from elfuse.runtime.syscalls.args import (
    Address,
    Hex,
    Int,
    OutBuffer,
    Path,
    Pid,
    Size,
    UInt,
    ULong,
    choice,
    flags,
)
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task
from elfuse.typing import TYPE_CHECKING, Annotated

if TYPE_CHECKING:
    from elfuse.runtime import capabilities
else:
    capabilities = Lazy("elfuse.runtime.capabilities")

_HOST_NAME_MAX = 64
_GETRANDOM_MAX = 0x7FFF_F000
_LOAD_SHIFT = 1 << 16
_SECCOMP_GET_ACTION_AVAIL, _SECCOMP_GET_NOTIF_SIZES = 2, 3
_QUERY_PERSONALITY = 0xFFFF_FFFF

Limit = Annotated[int, choice(RLIMIT_NAMES)]
Who = Annotated[int, choice(RUSAGE_NAMES)]
RandomFlags = Annotated[int, flags(abi.GRND_NAMES)]


# Names


@syscall(160)
def sys_uname(task: Task, name: Address) -> int:
    """uname(2)."""
    abi.Utsname(
        sysname=abi.SYSNAME,
        nodename=task.kernel.hostname,
        release=abi.RELEASE,
        version=abi.VERSION,
        machine=abi.MACHINE,
        domainname=b"(none)",
    ).store(task.memory, name)
    return 0


@syscall(161, note="seen by the caller and its future children only")
def sys_sethostname(task: Task, name: Address, length: Int) -> int:
    """sethostname(2)."""
    if task.credentials.euid:
        raise SyscallError(Errno.EPERM)
    if not 0 <= length <= _HOST_NAME_MAX:
        raise SyscallError(Errno.EINVAL)
    task.kernel.hostname = task.memory.read(name, length)
    return 0


@syscall(162, note="always EPERM")
def sys_setdomainname(task: Task, name: Address, length: Int) -> int:
    """setdomainname(2)."""
    raise SyscallError(Errno.EPERM)


@syscall(179, note="loads and memory of the host, processes of this run")
def sys_sysinfo(task: Task, info: Address) -> int:
    """sysinfo(2)."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = os.sysconf("SC_PHYS_PAGES") * page
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * page
    except ValueError:  # macOS does not tell
        free = total // 2
    loads = [int(load * _LOAD_SHIFT) for load in os.getloadavg()]
    kernel = task.kernel
    abi.Sysinfo(
        uptime=(time.monotonic_ns() - kernel.boot_ns) // 1_000_000_000 + 1,
        load_1=loads[0],
        load_5=loads[1],
        load_15=loads[2],
        totalram=total,
        freeram=free,
        procs=min(sum(1 for _ in kernel.processes), 0xFFFF),
    ).store(task.memory, info)
    return 0


@syscall(278)
def sys_getrandom(task: Task, buffer: OutBuffer, size: Size, flags: RandomFlags) -> int:
    """getrandom(2)."""
    if flags & ~(abi.GRND_NONBLOCK | abi.GRND_RANDOM | abi.GRND_INSECURE):
        raise SyscallError(Errno.EINVAL)
    if flags & abi.GRND_RANDOM and flags & abi.GRND_INSECURE:
        raise SyscallError(Errno.EINVAL)
    target = task.memory.writable(buffer, min(size, _GETRANDOM_MAX))
    for at in range(0, len(target), 1 << 20):
        part = target[at : at + (1 << 20)]
        part[:] = os.urandom(len(part))
    return len(target)


# Limits and usage


def _store_limit(task: Task, address: int, pair: tuple[int, int]) -> None:
    Rlimit64(cur=pair[0], max=pair[1]).store(task.memory, address)


@syscall(163)
def sys_getrlimit(task: Task, limit: Limit, value: Address) -> int:
    """getrlimit(2)."""
    _store_limit(task, value, limits.get_limit(task.process, limit))
    return 0


@syscall(164)
def sys_setrlimit(task: Task, limit: Limit, value: Address) -> int:
    """setrlimit(2)."""
    wanted = Rlimit64.load(task.memory, value)
    limits.set_limit(task.process, limit, wanted.cur, wanted.max)
    return 0


@syscall(261, note="EPERM for another process")
def sys_prlimit64(task: Task, pid: Pid, limit: Limit, new: Address, old: Address) -> int:
    """prlimit(2)."""
    process = task.process
    if pid not in (0, process.pid) and pid not in process.tasks:
        if task.kernel.processes.find(pid) is None:
            raise SyscallError(Errno.ESRCH)
        raise SyscallError(Errno.EPERM)
    before = limits.get_limit(process, limit)
    if new:
        wanted = Rlimit64.load(task.memory, new)
        limits.set_limit(process, limit, wanted.cur, wanted.max)
    if old:
        _store_limit(task, old, before)
    return 0


def _host_usage() -> Rusage:
    """What the host charges this host process with; it is the guest process's own."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Rusage(
        ru_utime=Timeval.from_ns(int(used.ru_utime * 1e9)),
        ru_stime=Timeval.from_ns(int(used.ru_stime * 1e9)),
        ru_maxrss=used.ru_maxrss,
        ru_minflt=used.ru_minflt,
        ru_majflt=used.ru_majflt,
        ru_inblock=used.ru_inblock,
        ru_oublock=used.ru_oublock,
        ru_nvcsw=used.ru_nvcsw,
        ru_nivcsw=used.ru_nivcsw,
    )


def _children_usage(entry: Entry) -> Rusage:
    return Rusage(
        ru_utime=Timeval.from_ns(entry[Field.CHILDREN_USER_NS]),
        ru_stime=Timeval.from_ns(entry[Field.CHILDREN_SYSTEM_NS]),
    )


@syscall(165, note="a thread's time counts as user time; children have times only")
def sys_getrusage(task: Task, who: Who, usage: Address) -> int:
    """getrusage(2)."""
    if who == RUSAGE_SELF:
        found = _host_usage()
    elif who == RUSAGE_CHILDREN:
        found = _children_usage(task.process.entry)
    elif who == RUSAGE_THREAD:
        found = Rusage(ru_utime=Timeval.from_ns(time.thread_time_ns()), ru_stime=Timeval.from_ns(0))
    else:
        raise SyscallError(Errno.EINVAL)
    found.store(task.memory, usage)
    return 0


# Privilege and personality


@syscall(92, note="only ADDR_NO_RANDOMIZE has an effect")
def sys_personality(task: Task, persona: UInt) -> int:
    """personality(2): the previous one."""
    before = 0 if task.memory.randomize else abi.ADDR_NO_RANDOMIZE
    if persona != _QUERY_PERSONALITY:
        if persona & abi.PER_MASK:
            raise SyscallError(Errno.EINVAL)
        task.memory.randomize = not persona & abi.ADDR_NO_RANDOMIZE
    return before


def _capability_words(task: Task, header: int) -> tuple[int, int]:
    """(struct count, pid) of a capget or capset header; stores the wanted version on EINVAL."""
    found = abi.CapabilityHeader.load(task.memory, header)
    if found.version == abi.CAPABILITY_VERSION_1:
        return 1, found.pid
    if found.version in (abi.CAPABILITY_VERSION_2, abi.CAPABILITY_VERSION_3):
        return 2, found.pid
    task.memory.write_u32(header, abi.CAPABILITY_VERSION_3)
    raise SyscallError(Errno.EINVAL)


@syscall(90, note="another process shows what its effective user id implies")
def sys_capget(task: Task, header: Address, data: Address) -> int:
    """capget(2)."""
    try:
        count, pid = _capability_words(task, header)
    except SyscallError as error:
        if error.errno is Errno.EINVAL and not data:
            return 0
        raise
    if pid >> 31:
        raise SyscallError(Errno.EINVAL)
    if pid in (0, task.process.pid) or pid in task.process.tasks:
        held = capabilities.of(task.process)
    else:
        entry = task.kernel.processes.find(pid)
        if entry is None or entry.state is State.FREE:
            raise SyscallError(Errno.ESRCH)
        held = capabilities.for_user(entry[Field.UIDS] & 0xFFFF_FFFF)
    if data:
        task.memory.write(data, held.pack(count))
    return 0


@syscall(91, note="the sets are kept and reported; checks go by user id")
def sys_capset(task: Task, header: Address, data: Address) -> int:
    """capset(2)."""
    count, pid = _capability_words(task, header)
    if pid not in (0, task.process.pid, task.tid):
        raise SyscallError(Errno.EPERM)
    raw = task.memory.read(data, count * abi.CapabilityData.size)
    capabilities.change(task.process, capabilities.Sets.unpack(raw))
    return 0


@syscall(277, note="no filters: EINVAL, EOPNOTSUPP")
def sys_seccomp(task: Task, operation: UInt, flags: UInt, argument: Address) -> int:
    """seccomp(2)."""
    if operation == _SECCOMP_GET_ACTION_AVAIL:
        task.memory.read_u32(argument)
        raise SyscallError(Errno.EOPNOTSUPP)
    raise SyscallError(Errno.EINVAL)


# What an unprivileged process is refused, or what libc asks for and does without


@syscall(116, note="always EPERM")
def sys_syslog(task: Task, kind: Int, buffer: Address, length: Int) -> int:
    """syslog(2)."""
    if not 0 <= kind <= 10:
        raise SyscallError(Errno.EINVAL)
    raise SyscallError(Errno.EPERM)


@syscall(89, note="always EPERM")
def sys_acct(task: Task, path: Address) -> int:
    """acct(2)."""
    raise SyscallError(Errno.EPERM)


@syscall(142, note="always EPERM")
def sys_reboot(task: Task, magic: Hex, magic2: Hex, command: Hex, argument: Address) -> int:
    """reboot(2)."""
    raise SyscallError(Errno.EPERM)


@syscall(224, note="always EPERM")
def sys_swapon(task: Task, path: Path, flags: Hex) -> int:
    """swapon(2)."""
    raise SyscallError(Errno.EPERM)


@syscall(225, note="always EPERM")
def sys_swapoff(task: Task, path: Path) -> int:
    """swapoff(2)."""
    raise SyscallError(Errno.EPERM)


@syscall(293, note="always ENOSYS; libc does without")
def sys_rseq(task: Task, area: Address, size: UInt, flags: Int, signature: Hex) -> int:
    """rseq(2)."""
    raise SyscallError(Errno.ENOSYS)


@syscall(236, note="one memory node; always MPOL_DEFAULT")
def sys_get_mempolicy(
    task: Task, mode: Address, nodes: Address, maximum: ULong, address: Address, flags: Hex
) -> int:
    """get_mempolicy(2)."""
    if flags & ~7:
        raise SyscallError(Errno.EINVAL)
    if mode:
        task.memory.write_u32(mode, 0)
    if nodes and maximum:
        # Only with MPOL_F_MEMS_ALLOWED (4) does a node show: the one there is.
        size = (maximum + 63) // 64 * 8
        task.memory.write(nodes, (1 if flags & 4 else 0).to_bytes(min(size, 128), "little"))
    return 0
