"""wait4 and waitid: finding a child that has something to report (wait(2))."""

from __future__ import annotations

from elfuse.record import Record
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.signal import Sig
from elfuse.runtime.kernel import (
    CLD_CONTINUED,
    CLD_DUMPED,
    CLD_EXITED,
    CLD_KILLED,
    CLD_STOPPED,
)
from elfuse.runtime.processes import Entry, Field, State
from elfuse.runtime.signals import SigInfo
from elfuse.runtime.task import Task
from elfuse.runtime.wait import sleep
from elfuse.typing import Callable

WNOHANG, WSTOPPED, WEXITED, WCONTINUED, WNOWAIT = 1, 2, 4, 8, 0x01000000
WNOTHREAD, WALL, WCLONE = 0x20000000, 0x40000000, 0x80000000


class Report(Record):
    """What a child has to say: `status` as wait4 stores it, `info` as waitid does."""

    pid: int
    status: int
    info: SigInfo
    user_ns: int
    system_ns: int


def wait(task: Task, chosen: Callable[[Entry], bool], options: int) -> Report | None:
    """The report of a chosen child; None with WNOHANG if none has one. ECHILD without children."""
    while True:
        # Under the lock a child's end and the signal that tells of it are one step.
        with task.kernel.processes.lock():
            candidates = [
                child
                for child in task.kernel.processes.children(task.process.pid)
                if chosen(child) and _class_matches(child, options)
            ]
            reports = (_report(task, child, options) for child in candidates)
            report = next((found for found in reports if found is not None), None)
        if report is not None:
            task.kernel.collect()
            return report
        if not candidates:
            raise SyscallError(Errno.ECHILD)
        if options & WNOHANG:
            return None
        sleep(task, [])


def _class_matches(child: Entry, options: int) -> bool:
    """A "clone child" is one that signals anything but SIGCHLD when it ends."""
    if options & WALL:
        return True
    return (child[Field.EXIT_SIGNAL] != Sig.SIGCHLD) == bool(options & WCLONE)


def _report(task: Task, child: Entry, options: int) -> Report | None:
    keep = bool(options & WNOWAIT)
    state, pending = child.state, child[Field.REPORT]
    if state is State.ZOMBIE:
        if not options & WEXITED:
            return None
        status = child[Field.STATUS]
        signo = status & 0x7F
        code = CLD_EXITED if not signo else CLD_DUMPED if status & 0x80 else CLD_KILLED
        report = _made(child, status, code, signo or status >> 8)
        if not keep:
            _collect_times(task, child)
            task.kernel.processes.free(child)
        return report
    if pending == 1 and options & WSTOPPED and state is State.STOPPED:
        signo = child[Field.STOP_SIGNAL]
        report = _made(child, signo << 8 | 0x7F, CLD_STOPPED, signo)
    elif pending == 2 and options & WCONTINUED:
        report = _made(child, 0xFFFF, CLD_CONTINUED, Sig.SIGCONT)
    else:
        return None
    if not keep:
        child[Field.REPORT] = 0
    return report


def _made(child: Entry, status: int, code: int, value: int) -> Report:
    uid = child[Field.UIDS] >> 32
    info = SigInfo(signo=Sig.SIGCHLD, code=code, pid=child.pid, uid=uid, status=value)
    return Report(child.pid, status, info, child[Field.USER_NS], child[Field.SYSTEM_NS])


def _collect_times(task: Task, child: Entry) -> None:
    """A waited-for child's times, and its children's, count for the parent (times(2))."""
    own = task.process.entry
    own[Field.CHILDREN_USER_NS] += child[Field.USER_NS] + child[Field.CHILDREN_USER_NS]
    own[Field.CHILDREN_SYSTEM_NS] += child[Field.SYSTEM_NS] + child[Field.CHILDREN_SYSTEM_NS]
