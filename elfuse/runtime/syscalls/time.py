"""Clocks, sleeping and timers."""

import os
import time
from collections.abc import Callable
from typing import Annotated

from elfuse.runtime.abi import time as abi
from elfuse.runtime.abi.auxv import CLOCK_TICKS
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.signal import NSIG, Sig
from elfuse.runtime.abi.stat import Timespec
from elfuse.runtime.interval import Interval, Notify, PosixTimer, process_cpu_ns
from elfuse.runtime.processes import Field
from elfuse.runtime.syscalls.args import Address, Int, choice
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task
from elfuse.runtime.wait import Restart, RestartKind, sleep

ClockId = Annotated[int, choice(abi.CLOCK_NAMES)]
_TICK_NS = abi.SECOND // CLOCK_TICKS
_COARSE_NS = 4_000_000
_SIGEV_SIGNAL, _SIGEV_NONE, _SIGEV_THREAD_ID = 0, 1, 4

_CLOCKS: dict[int, Callable[[], int]] = {
    abi.Clock.REALTIME: time.time_ns,
    abi.Clock.MONOTONIC: time.monotonic_ns,
    abi.Clock.PROCESS_CPUTIME_ID: process_cpu_ns,
    abi.Clock.THREAD_CPUTIME_ID: time.thread_time_ns,
    abi.Clock.MONOTONIC_RAW: time.monotonic_ns,
    abi.Clock.REALTIME_COARSE: time.time_ns,
    abi.Clock.MONOTONIC_COARSE: time.monotonic_ns,
    abi.Clock.BOOTTIME: time.monotonic_ns,
    abi.Clock.REALTIME_ALARM: time.time_ns,
    abi.Clock.BOOTTIME_ALARM: time.monotonic_ns,
    abi.Clock.TAI: time.time_ns,
}


def _clock(task: Task, number: int) -> Callable[[], int]:
    """A clock's reading function; EINVAL for one that does not exist.

    Negative numbers name the CPU clock of a process or thread (clock_getcpuclockid(3)).
    """
    found = _CLOCKS.get(number)
    if found is not None:
        return found
    if number < 0:
        pid, thread = ~(number >> 3), bool(number & 4)
        if number & 3 == 3:
            raise SyscallError(Errno.EINVAL)
        if not thread and pid in (0, task.process.pid):
            return process_cpu_ns
        if thread and pid in (0, task.tid):
            return time.thread_time_ns
        if thread and pid in task.process.tasks:
            return process_cpu_ns
        entry = task.kernel.processes.find(pid)
        if entry is not None and not thread:
            total = entry[Field.USER_NS] + entry[Field.SYSTEM_NS]
            return lambda: total
    raise SyscallError(Errno.EINVAL)


@syscall(113)
def sys_clock_gettime(task: Task, clock: ClockId, value: Address) -> int:
    """clock_gettime(2)."""
    Timespec.from_ns(_clock(task, clock)()).store(task.memory, value)
    return 0


@syscall(112)
def sys_clock_settime(task: Task, clock: ClockId, value: Address) -> int:
    """clock_settime(2): the host's clock is not the guest's to set."""
    _clock(task, clock)
    Timespec.load(task.memory, value)
    raise SyscallError(Errno.EPERM if clock == abi.Clock.REALTIME else Errno.EINVAL)


@syscall(114)
def sys_clock_getres(task: Task, clock: ClockId, value: Address) -> int:
    """clock_getres(2)."""
    _clock(task, clock)
    coarse = clock in (abi.Clock.REALTIME_COARSE, abi.Clock.MONOTONIC_COARSE)
    if value:
        Timespec.from_ns(_COARSE_NS if coarse else 1).store(task.memory, value)
    return 0


@syscall(169)
def sys_gettimeofday(task: Task, value: Address, zone: Address) -> int:
    """gettimeofday(2)."""
    if value:
        abi.Timeval.from_ns(time.time_ns()).store(task.memory, value)
    if zone:
        task.memory.write(zone, bytes(8))
    return 0


@syscall(170)
def sys_settimeofday(task: Task, value: Address, zone: Address) -> int:
    """settimeofday(2): the host's clock is not the guest's to set."""
    raise SyscallError(Errno.EPERM)


@syscall(153)
def sys_times(task: Task, value: Address) -> int:
    """times(2)."""
    used, entry = os.times(), task.process.entry
    if value:
        abi.Tms(
            tms_utime=int(used.user * CLOCK_TICKS),
            tms_stime=int(used.system * CLOCK_TICKS),
            tms_cutime=entry[Field.CHILDREN_USER_NS] // _TICK_NS,
            tms_cstime=entry[Field.CHILDREN_SYSTEM_NS] // _TICK_NS,
        ).store(task.memory, value)
    return time.monotonic_ns() // _TICK_NS


# Sleeping


def _duration(task: Task, address: int) -> int:
    given = Timespec.load(task.memory, address)
    if given.tv_sec < 0 or not 0 <= given.tv_nsec < abi.SECOND:
        raise SyscallError(Errno.EINVAL)
    return given.ns


def _sleep_until(task: Task, deadline: int, remaining: int) -> int:
    """Sleep; a signal stores what is left at `remaining` and the call continues or fails."""
    try:
        while sleep(task, [], deadline):
            pass
    except Restart:
        if remaining:
            left = max(0, deadline - time.monotonic_ns())
            Timespec.from_ns(left).store(task.memory, remaining)
        raise Restart(
            RestartKind.BLOCK, lambda again: _sleep_until(again, deadline, remaining)
        ) from None
    return 0


@syscall(101)
def sys_nanosleep(task: Task, duration: Address, remaining: Address) -> int:
    """nanosleep(2)."""
    deadline = time.monotonic_ns() + _duration(task, duration)
    return _sleep_until(task, deadline, remaining)


@syscall(115)
def sys_clock_nanosleep(
    task: Task, clock: ClockId, flags: Int, duration: Address, remaining: Address
) -> int:
    """clock_nanosleep(2)."""
    if clock == abi.Clock.THREAD_CPUTIME_ID:
        raise SyscallError(Errno.EINVAL)
    reading = _clock(task, clock)
    wanted = _duration(task, duration)
    if not flags & abi.TIMER_ABSTIME:
        return _sleep_until(task, time.monotonic_ns() + wanted, remaining)
    while (left := wanted - reading()) > 0:
        # In pieces, because the wall clock may be set meanwhile.
        deadline = time.monotonic_ns() + min(left, abi.SECOND)
        try:
            sleep(task, [], deadline)
        except Restart:
            raise Restart(RestartKind.NOHAND) from None
    return 0


# Interval timers


def _store_itimer(task: Task, held: Interval, address: int) -> None:
    abi.Itimerval(
        it_interval=abi.Timeval.from_ns(held.interval_ns),
        it_value=abi.Timeval.from_ns(held.remaining_ns() + (999 if held.armed else 0)),
    ).store(task.memory, address)


@syscall(102)
def sys_getitimer(task: Task, which: Int, value: Address) -> int:
    """getitimer(2)."""
    if not 0 <= which <= 2:
        raise SyscallError(Errno.EINVAL)
    _store_itimer(task, task.process.timers.itimer(which), value)
    return 0


@syscall(103)
def sys_setitimer(task: Task, which: Int, new: Address, old: Address) -> int:
    """setitimer(2)."""
    if not 0 <= which <= 2:
        raise SyscallError(Errno.EINVAL)
    held = task.process.timers.itimer(which)
    wanted = abi.Itimerval.load(task.memory, new) if new else None
    if wanted is not None:
        for part in (wanted.it_interval, wanted.it_value):
            if part.tv_sec < 0 or not 0 <= part.tv_usec < 1_000_000:
                raise SyscallError(Errno.EINVAL)
    if old:
        _store_itimer(task, held, old)
    if wanted is None:
        held.set(0, 0)
    else:
        clock = time.monotonic_ns if which == 0 else process_cpu_ns
        first = clock() + wanted.it_value.ns if wanted.it_value.ns else 0
        held.set(first, wanted.it_interval.ns)
    return 0


@syscall(107)
def sys_timer_create(task: Task, clock: ClockId, event: Address, timer: Address) -> int:
    """timer_create(2)."""
    reading = _clock(task, clock)
    signo, value, target = int(Sig.SIGALRM), None, None
    if event:
        given = abi.Sigevent.load(task.memory, event)
        value = given.sigev_value
        if given.sigev_notify not in (_SIGEV_SIGNAL, _SIGEV_NONE, _SIGEV_THREAD_ID):
            raise SyscallError(Errno.EINVAL)
        signo = 0 if given.sigev_notify == _SIGEV_NONE else given.sigev_signo
        if signo and not 1 <= signo <= NSIG or not signo and given.sigev_notify != _SIGEV_NONE:
            raise SyscallError(Errno.EINVAL)
        if given.sigev_notify == _SIGEV_THREAD_ID:
            target = task.process.tasks.get(given.sigev_tid)
            if target is None:
                raise SyscallError(Errno.EINVAL)
    timers = task.process.timers
    number = timers.create(reading, Notify(signo, value or 0, target))
    if value is None:
        timers.created[number].set_value(number)
    task.memory.write_u32(timer, number)
    return 0


def _timer(task: Task, number: int) -> PosixTimer:
    found = task.process.timers.created.get(number)
    if found is None:
        raise SyscallError(Errno.EINVAL)
    return found


def _store_timer(task: Task, held: Interval, address: int) -> None:
    abi.Itimerspec(
        it_interval=Timespec.from_ns(held.interval_ns),
        it_value=Timespec.from_ns(held.remaining_ns()),
    ).store(task.memory, address)


@syscall(110)
def sys_timer_settime(task: Task, timer: Int, flags: Int, new: Address, old: Address) -> int:
    """timer_settime(2)."""
    found = _timer(task, timer)
    wanted = abi.Itimerspec.load(task.memory, new)
    for part in (wanted.it_interval, wanted.it_value):
        if part.tv_sec < 0 or not 0 <= part.tv_nsec < abi.SECOND:
            raise SyscallError(Errno.EINVAL)
    if old:
        _store_timer(task, found.interval, old)
    first = wanted.it_value.ns
    if first and not flags & abi.TIMER_ABSTIME:
        first += found.clock()
    found.interval.set(first, wanted.it_interval.ns)
    return 0


@syscall(108)
def sys_timer_gettime(task: Task, timer: Int, value: Address) -> int:
    """timer_gettime(2)."""
    _store_timer(task, _timer(task, timer).interval, value)
    return 0


@syscall(109)
def sys_timer_getoverrun(task: Task, timer: Int) -> int:
    """timer_getoverrun(2)."""
    return _timer(task, timer).overrun


@syscall(111)
def sys_timer_delete(task: Task, timer: Int) -> int:
    """timer_delete(2)."""
    _timer(task, timer).interval.cancel()
    del task.process.timers.created[timer]
    return 0
