"""Signals that programs send to one another: targets, permission, and the limit on queues.

Not part of the package's front: the process table, which this needs, imports that.
"""

from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.resource import INFINITY, Rlimit
from elfuse.runtime.abi.signal import SI_USER, SIGRTMIN, Sig
from elfuse.runtime.processes import Entry, Field, State
from elfuse.runtime.signals.generation import post_to_process, post_to_task
from elfuse.runtime.signals.info import SigInfo
from elfuse.runtime.signals.state import UNBLOCKABLE, bit
from elfuse.runtime.wait import now
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.process import Process
    from elfuse.runtime.task import Task

_GRACE_NS = 2_000_000_000
"""A process that gets SIGKILL takes milliseconds, more on a busy host."""


def _permitted(task: "Task", entry: Entry, signo: int) -> bool:
    """kill_ok_by_cred, and SIGCONT within a session.

    The table shows others' effective ids where the kernel compares saved ones; they differ only
    while a set-user-ID program has dropped its privileges for a moment.
    """
    held = task.credentials
    if entry.pid == task.process.pid or held.euid == 0:
        return True
    if signo == Sig.SIGCONT and entry[Field.SID] == task.process.sid:
        return True
    theirs = entry[Field.UIDS]
    return not {held.uid, held.euid}.isdisjoint((theirs >> 32, theirs & 0xFFFF_FFFF))


def _check_queue(process: "Process", info: SigInfo) -> None:
    """EAGAIN where sigqueue(3) would exceed RLIMIT_SIGPENDING."""
    if info.code == SI_USER or info.signo < SIGRTMIN:
        return
    limit, _hard = process.rlimits.get(Rlimit.SIGPENDING, (INFINITY, INFINITY))
    held = process.signals.pending, *(other.signals.pending for other in process.tasks.values())
    if sum(map(len, held)) >= limit:
        raise SyscallError(Errno.EAGAIN)


def _send(task: "Task", entry: Entry, info: SigInfo) -> None:
    if not _permitted(task, entry, info.signo):
        raise SyscallError(Errno.EPERM)
    if entry.state is State.ZOMBIE or not info.signo:
        return
    table = task.kernel.processes
    if entry.pid == table.init_pid and bit(info.signo) & UNBLOCKABLE:
        # Nobody inside can kill or stop an init process (pid_namespaces(7)).
        return
    process = task.kernel.hosted.get(entry.pid)
    if process is None:
        table.send(entry.pid, info)
        if info.signo == Sig.SIGKILL:
            _insist(task, entry)
    else:
        _check_queue(process, info)
        post_to_process(process, info)


def _insist(task: "Task", entry: Entry) -> None:
    """Kill the host process of one that has not ended by itself in good time."""
    pid, table = entry.pid, task.kernel.processes

    def look() -> None:
        here = table.find(pid) is entry and entry.state is not State.ZOMBIE
        if here and table.alone(entry):
            table.destroy(entry)

    task.kernel.timers.add(now() + _GRACE_NS, look)


def send_to_process(task: "Task", pid: int, info: SigInfo) -> None:
    """kill(2) with a positive number: a process, by its number or that of one of its threads."""
    entry = task.kernel.processes.find(pid)
    if entry is None:
        thread = task.kernel.tasks.get(pid)
        if thread is None:
            raise SyscallError(Errno.ESRCH)
        entry = thread.process.entry
    _send(task, entry, info)


def send_to_pids(task: "Task", pid: int, info: SigInfo) -> None:
    """kill(2) with 0 (the own group), -1 (all others but init) or -PGID.

    ESRCH if there is none, EPERM if none may be signalled.
    """
    table, own = task.kernel.processes, task.process.pid
    if pid == -1:
        targets = [entry for entry in table if entry.pid not in (own, table.init_pid)]
    else:
        pgid = -pid if pid else task.process.pgid
        targets = [entry for entry in table if entry[Field.PGID] == pgid]
    if not targets:
        raise SyscallError(Errno.ESRCH)
    refused = 0
    # The own process last: the signal may be its end.
    for entry in sorted(targets, key=lambda target: target.pid == own):
        try:
            _send(task, entry, info)
        except SyscallError as error:
            refused += error.errno is Errno.EPERM
    if refused == len(targets):
        raise SyscallError(Errno.EPERM)


def send_to_thread(task: "Task", tgid: int | None, tid: int, info: SigInfo) -> None:
    """tkill(2), and with `tgid` tgkill(2). Of other host processes only first threads are known."""
    thread = task.kernel.tasks.get(tid)
    if thread is not None and tgid in (None, thread.process.pid):
        if not _permitted(task, thread.process.entry, info.signo):
            raise SyscallError(Errno.EPERM)
        _check_queue(thread.process, info)
        post_to_task(thread, info)
        return
    entry = task.kernel.processes.find(tid)
    if entry is None or tgid not in (None, tid):
        raise SyscallError(Errno.ESRCH)
    _send(task, entry, info)
