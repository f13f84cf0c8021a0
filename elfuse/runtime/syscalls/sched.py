"""Scheduling: policies, priorities, affinity, barriers. The host schedules; little can be asked of it."""

import os
import time
from weakref import WeakKeyDictionary, WeakSet

from elfuse import host
from elfuse.runtime.abi import sched as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.processes import Entry, Field
from elfuse.runtime.syscalls.args import Address, Int, Pid, UInt, choice
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task
from elfuse.typing import TYPE_CHECKING, Annotated

if TYPE_CHECKING:
    from elfuse.runtime.process import Process

Policy = Annotated[int, choice(abi.POLICY_NAMES)]
PriorityWhich = Annotated[int, choice(abi.PRIO_NAMES)]
Command = Annotated[int, choice(abi.MEMBARRIER_NAMES)]

# Affinity masks that were set; a thread that never set one may run anywhere. A forked child goes
# on with the same Task object, so it inherits.
_affinity: "WeakKeyDictionary[Task, int]" = WeakKeyDictionary()
_barrier_users: "WeakSet[Process]" = WeakSet()


def _require_task(task: Task, pid: int, *, negative: Errno = Errno.EINVAL) -> None:
    """ESRCH unless `pid` is 0, a thread of this process, or another guest process."""
    if pid < 0:
        raise SyscallError(negative)
    if pid and pid not in task.process.tasks and task.kernel.processes.find(pid) is None:
        raise SyscallError(Errno.ESRCH)


@syscall(124)
def sys_sched_yield(task: Task) -> int:
    """sched_yield(2)."""
    lock = task.kernel.lock
    lock.release()
    time.sleep(0)
    lock.acquire()
    task.kernel.current = task
    return 0


# Policies. Everybody has the normal one.


@syscall(120)
def sys_sched_getscheduler(task: Task, pid: Pid) -> int:
    """sched_getscheduler(2)."""
    _require_task(task, pid)
    return abi.SCHED_OTHER


def _set_policy(policy: int, priority: int) -> None:
    """Accept what changes nothing that can be observed; EPERM for real-time policies."""
    if policy in (abi.SCHED_OTHER, abi.SCHED_BATCH, abi.SCHED_IDLE):
        if priority:
            raise SyscallError(Errno.EINVAL)
    elif policy in (abi.SCHED_FIFO, abi.SCHED_RR):
        if not 1 <= priority <= 99:
            raise SyscallError(Errno.EINVAL)
        raise SyscallError(Errno.EPERM)
    else:
        raise SyscallError(Errno.EINVAL)
    if policy != abi.SCHED_OTHER:
        raise SyscallError(Errno.EPERM)


@syscall(119, note="SCHED_OTHER only; other policies are EPERM")
def sys_sched_setscheduler(task: Task, pid: Pid, policy: Policy, param: Address) -> int:
    """sched_setscheduler(2)."""
    if not param or pid < 0:
        raise SyscallError(Errno.EINVAL)
    wanted = abi.SchedParam.load(task.memory, param)
    _require_task(task, pid)
    _set_policy(policy & ~abi.SCHED_RESET_ON_FORK, wanted.priority)
    return 0


@syscall(118)
def sys_sched_setparam(task: Task, pid: Pid, param: Address) -> int:
    """sched_setparam(2)."""
    if not param or pid < 0:
        raise SyscallError(Errno.EINVAL)
    wanted = abi.SchedParam.load(task.memory, param)
    _require_task(task, pid)
    _set_policy(abi.SCHED_OTHER, wanted.priority)
    return 0


@syscall(121)
def sys_sched_getparam(task: Task, pid: Pid, param: Address) -> int:
    """sched_getparam(2)."""
    if not param or pid < 0:
        raise SyscallError(Errno.EINVAL)
    _require_task(task, pid)
    abi.SchedParam(priority=0).store(task.memory, param)
    return 0


@syscall(274, note="SCHED_OTHER only; other policies are EPERM")
def sys_sched_setattr(task: Task, pid: Pid, attr: Address, flags: UInt) -> int:
    """sched_setattr(2)."""
    if not attr or pid < 0 or flags:
        raise SyscallError(Errno.EINVAL)
    size = task.memory.read_u32(attr) or 48
    if size < 48:
        raise SyscallError(Errno.E2BIG)
    data = task.memory.read(attr, min(size, abi.SchedAttr.size))
    wanted = abi.SchedAttr.unpack(data.ljust(abi.SchedAttr.size, b"\0"))
    _require_task(task, pid)
    _set_policy(wanted.policy, wanted.priority)
    if wanted.nice:
        _set_nice(task, pid or task.process.pid, wanted.nice)
    return 0


@syscall(275)
def sys_sched_getattr(task: Task, pid: Pid, attr: Address, size: UInt, flags: UInt) -> int:
    """sched_getattr(2)."""
    if not attr or pid < 0 or size < 48 or size > 4096 or flags:
        raise SyscallError(Errno.EINVAL)
    _require_task(task, pid)
    length = min(size, abi.SchedAttr.size)
    found = abi.SchedAttr(attr_size=length, policy=abi.SCHED_OTHER)
    task.memory.write(attr, found.pack()[:length])
    return 0


@syscall(125)
def sys_sched_get_priority_max(task: Task, policy: Policy) -> int:
    """sched_get_priority_max(2)."""
    if policy not in abi.POLICY_NAMES:
        raise SyscallError(Errno.EINVAL)
    return 99 if policy in (abi.SCHED_FIFO, abi.SCHED_RR) else 0


@syscall(126)
def sys_sched_get_priority_min(task: Task, policy: Policy) -> int:
    """sched_get_priority_min(2)."""
    if policy not in abi.POLICY_NAMES:
        raise SyscallError(Errno.EINVAL)
    return 1 if policy in (abi.SCHED_FIFO, abi.SCHED_RR) else 0


@syscall(127)
def sys_sched_rr_get_interval(task: Task, pid: Pid, interval: Address) -> int:
    """sched_rr_get_interval(2): a slice of 4 ms, as CFS has it."""
    _require_task(task, pid)
    task.memory.write(interval, bytes(8) + (4_000_000).to_bytes(8, "little"))
    return 0


# Affinity


def _all_cpus() -> int:
    return (1 << (os.cpu_count() or 1)) - 1


@syscall(123)
def sys_sched_getaffinity(task: Task, pid: Pid, size: UInt, mask: Address) -> int:
    """sched_getaffinity(2): the size of the kernel's mask."""
    cpus = os.cpu_count() or 1
    if size * 8 < cpus or size & 7:
        raise SyscallError(Errno.EINVAL)
    _require_task(task, pid, negative=Errno.ESRCH)
    length = min(size, (cpus + 63) // 64 * 8)
    owner = task.kernel.tasks.get(pid or task.tid)
    value = _affinity.get(owner, _all_cpus()) if owner is not None else _all_cpus()
    task.memory.write(mask, value.to_bytes(length, "little"))
    return length


@syscall(122, note="kept and reported, not applied; EPERM for another process")
def sys_sched_setaffinity(task: Task, pid: Pid, size: UInt, mask: Address) -> int:
    """sched_setaffinity(2)."""
    wanted = int.from_bytes(task.memory.read(mask, min(size, 1024)), "little") & _all_cpus()
    _require_task(task, pid, negative=Errno.ESRCH)
    if not wanted:
        raise SyscallError(Errno.EINVAL)
    owner = task.kernel.tasks.get(pid or task.tid)
    if owner is None:
        raise SyscallError(Errno.EPERM)
    _affinity[owner] = wanted
    return 0


@syscall(168, note="always CPU 0 of node 0")
def sys_getcpu(task: Task, cpu: Address, node: Address, unused: Address) -> int:
    """getcpu(2)."""
    for address in (cpu, node):
        if address:
            task.memory.write_u32(address, 0)
    return 0


# Priorities: a guest process is a host process, so its nice value is the host's


def _chosen(task: Task, which: int, who: int) -> list[Entry]:
    """The guest processes that getpriority's arguments mean; ESRCH for none."""
    table = task.kernel.processes
    if which == abi.PRIO_PROCESS:
        if not who or who in task.process.tasks:
            return [task.process.entry]
        found = table.find(who)
        chosen = [found] if found is not None else []
    elif which == abi.PRIO_PGRP:
        chosen = table.group(who or task.process.pgid)
    elif which == abi.PRIO_USER:
        uid = who or task.credentials.uid
        chosen = [entry for entry in table if entry[Field.UIDS] >> 32 == uid]
    else:
        raise SyscallError(Errno.EINVAL)
    if not chosen:
        raise SyscallError(Errno.ESRCH)
    return chosen


def _set_nice(task: Task, pid: int, nice: int) -> None:
    for entry in _chosen(task, abi.PRIO_PROCESS, pid):
        os.setpriority(os.PRIO_PROCESS, entry[Field.HOST_PID], nice)


@syscall(141)
def sys_getpriority(task: Task, which: PriorityWhich, who: Int) -> int:
    """getpriority(2): 20 minus the nice value."""
    return max(
        20 - os.getpriority(os.PRIO_PROCESS, entry[Field.HOST_PID])
        for entry in _chosen(task, which, who)
    )


@syscall(140)
def sys_setpriority(task: Task, which: PriorityWhich, who: Int, nice: Int) -> int:
    """setpriority(2)."""
    for entry in _chosen(task, which, who):
        os.setpriority(os.PRIO_PROCESS, entry[Field.HOST_PID], max(-20, min(19, nice)))
    return 0


@syscall(31, note="always the class that follows the nice value")
def sys_ioprio_get(task: Task, which: Int, who: Int) -> int:
    """ioprio_get(2)."""
    if which not in (1, 2, 3):
        raise SyscallError(Errno.EINVAL)
    _chosen(task, which - 1, who)
    return abi.IOPRIO_CLASS_NONE << abi.IOPRIO_CLASS_SHIFT | 4


@syscall(30, note="accepts only what changes nothing; else EPERM")
def sys_ioprio_set(task: Task, which: Int, who: Int, priority: Int) -> int:
    """ioprio_set(2)."""
    kind = priority >> abi.IOPRIO_CLASS_SHIFT
    if which not in (1, 2, 3) or kind not in (0, 1, 2, 3):
        raise SyscallError(Errno.EINVAL)
    _chosen(task, which - 1, who)
    if kind != abi.IOPRIO_CLASS_NONE:
        raise SyscallError(Errno.EPERM)
    return 0


# Barriers


@syscall(283, note="what the host's membarrier offers; global and private expedited")
def sys_membarrier(task: Task, command: Command, flags: UInt, cpu: Int) -> int:
    """membarrier(2).

    A guest process's threads are threads of one host process, so the host's barrier over
    them is the guest's.
    """
    if flags:
        raise SyscallError(Errno.EINVAL)
    supported = abi.MEMBARRIER_PRIVATE_EXPEDITED | abi.MEMBARRIER_REGISTER_PRIVATE_EXPEDITED
    if not host.memory_barrier():
        supported = 0
    if command == abi.MEMBARRIER_QUERY:
        return supported
    if not command & supported:
        raise SyscallError(Errno.EINVAL)
    if command == abi.MEMBARRIER_REGISTER_PRIVATE_EXPEDITED:
        _barrier_users.add(task.process)
    elif task.process not in _barrier_users:
        raise SyscallError(Errno.EPERM)
    return 0
