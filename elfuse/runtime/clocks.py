"""The guest's clocks: a function that reads each, and waiting on one (clock_gettime(2))."""

from __future__ import annotations

import resource
import time

from elfuse.host import clocks as host
from elfuse.light import partial
from elfuse.record import Record
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.time import CPUCLOCK_FD, CPUCLOCK_THREAD, CPUCLOCK_VIRT, SECOND, Clock
from elfuse.runtime.processes import Field
from elfuse.typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

_COARSE_NS = 4_000_000
"""A tick of a kernel with HZ=250."""
_CPU_LOOK_NS = 4_000_000


class Source(Record):
    """A clock somebody reads, sleeps on or sets timers on."""

    read: Callable[[], int]
    cpu: bool = False
    """It advances with work, not with time: whoever waits looks again and again."""
    resolution_ns: int = 1
    sleeps: bool = True
    """clock_nanosleep(2) takes it."""
    timers: bool = True
    """timer_create(2) takes it."""

    def delay(self, until: int) -> int:
        """How long to wait, in real nanoseconds, before reading again; 0 once it is time."""
        left = until - self.read()
        if left <= 0:
            return 0
        # A process with several threads gains CPU time faster than time passes.
        return max(left // 2, _CPU_LOOK_NS) if self.cpu else min(left, SECOND << 20)


def _user_ns() -> int:
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_utime * SECOND)


MONOTONIC = Source(time.monotonic_ns)
REALTIME = Source(time.time_ns)
PROCESS_CPU = Source(time.process_time_ns, cpu=True)
PROCESS_USER = Source(_user_ns, cpu=True)
_BOOTTIME = Source(host.boot_ns)
_SOURCES: dict[int, Source] = {
    Clock.REALTIME: REALTIME,
    Clock.MONOTONIC: MONOTONIC,
    Clock.PROCESS_CPUTIME_ID: PROCESS_CPU,
    Clock.MONOTONIC_RAW: Source(host.raw_ns, sleeps=False, timers=False),
    Clock.REALTIME_COARSE: Source(time.time_ns, False, _COARSE_NS, False, False),
    Clock.MONOTONIC_COARSE: Source(time.monotonic_ns, False, _COARSE_NS, False, False),
    Clock.BOOTTIME: _BOOTTIME,
    Clock.REALTIME_ALARM: REALTIME,
    Clock.BOOTTIME_ALARM: _BOOTTIME,
    Clock.TAI: Source(host.tai_ns),
}


def source(task: Task, number: int) -> Source:
    """The clock of a number; EINVAL for none.

    Negative numbers name the CPU clock of a process or thread (clock_getcpuclockid(3)).
    """
    found = _SOURCES.get(number)
    if found is not None:
        return found
    if number == Clock.THREAD_CPUTIME_ID:
        return _thread_cpu(task)
    if number >= 0 or number & CPUCLOCK_FD == CPUCLOCK_FD:
        raise SyscallError(Errno.EINVAL)
    pid, user_only = ~(number >> 3), number & CPUCLOCK_FD == CPUCLOCK_VIRT
    if number & CPUCLOCK_THREAD:
        thread = task.process.tasks.get(pid) if pid else task
        if thread is None:
            raise SyscallError(Errno.EINVAL)
        return _thread_cpu(thread)
    if pid in (0, task.process.pid):
        return PROCESS_USER if user_only else PROCESS_CPU
    entry = task.kernel.processes.find(pid)
    if entry is None:
        raise SyscallError(Errno.EINVAL)
    return Source(partial(host.process_cpu_ns, entry[Field.HOST_PID]), cpu=True)


def _thread_cpu(thread: Task) -> Source:
    def read() -> int:
        # The host must not be asked about a host thread that may be gone.
        if thread.kernel.tasks.get(thread.tid) is not thread:
            raise ProcessLookupError(3, "No such process")
        return host.thread_cpu_ns(thread.host_thread)

    return Source(read, cpu=True, sleeps=False)
