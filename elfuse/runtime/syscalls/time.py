"""Clocks, sleeping and timers."""

import os
import time

from elfuse.light import partial
from elfuse.runtime.abi import time as abi
from elfuse.runtime.abi.auxv import CLOCK_TICKS
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.signal import (
    NSIG,
    SIGEV_NONE,
    SIGEV_SIGNAL,
    SIGEV_THREAD,
    SIGEV_THREAD_ID,
    Sig,
    Sigevent,
)
from elfuse.runtime.abi.stat import Timespec
from elfuse.runtime.clocks import Source, source
from elfuse.runtime.interval import Interval, Notify
from elfuse.runtime.processes import Field
from elfuse.runtime.syscalls.args import Address, Arg, Call, Int, choice, flags
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task
from elfuse.runtime.wait import Restart, RestartKind, now, sleep
from elfuse.typing import Annotated


def _timespec(call: Call, index: int) -> str:
    address = call.registers[index]
    if not address:
        return "NULL"
    found = Timespec.load(call.task.memory, address)
    return f"{{tv_sec={found.tv_sec}, tv_nsec={found.tv_nsec}}}"


ClockId = Annotated[int, choice(abi.CLOCK_NAMES)]
Which = Annotated[int, choice(abi.ITIMER_NAMES)]
TimerFlags = Annotated[int, flags({abi.TIMER_ABSTIME: "TIMER_ABSTIME"})]
TimespecAddress = Annotated[int, Arg("{x}", _timespec)]
_TICK_NS = abi.SECOND // CLOCK_TICKS


# Clocks


@syscall(113)
def sys_clock_gettime(task: Task, clock: ClockId, value: TimespecAddress) -> int:
    """clock_gettime(2)."""
    seconds, rest = divmod(source(task, clock).read(), abi.SECOND)
    # Programs call this very often; a Struct would take as long as all the rest.
    task.memory.write(value, seconds.to_bytes(8, "little") + rest.to_bytes(8, "little"))
    return 0


@syscall(112)
def sys_clock_settime(task: Task, clock: ClockId, value: TimespecAddress) -> int:
    """clock_settime(2): the host's clock is not the guest's to set."""
    source(task, clock)
    _duration(task, value)
    raise SyscallError(Errno.EPERM if clock == abi.Clock.REALTIME else Errno.EINVAL)


@syscall(114)
def sys_clock_getres(task: Task, clock: ClockId, value: TimespecAddress) -> int:
    """clock_getres(2)."""
    resolution = source(task, clock).resolution_ns
    if value:
        Timespec.from_ns(resolution).store(task.memory, value)
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
    if value:
        _microseconds(abi.Timeval.load(task.memory, value))
    raise SyscallError(Errno.EPERM)


def _adjust(task: Task, address: int) -> int:
    """What adjtimex(2) reports; the clock cannot be adjusted, and nothing says it is in step."""
    given = abi.Timex.load(task.memory, address)
    if given.modes:
        raise SyscallError(Errno.EPERM)
    abi.Timex(time=abi.Timeval.from_ns(time.time_ns())).store(task.memory, address)
    return abi.TIME_ERROR


@syscall(171, note="reports an unsynchronised clock")
def sys_adjtimex(task: Task, value: Address) -> int:
    """adjtimex(2)."""
    return _adjust(task, value)


@syscall(266, note="reports an unsynchronised clock")
def sys_clock_adjtime(task: Task, clock: ClockId, value: Address) -> int:
    """clock_adjtime(2)."""
    source(task, clock)
    if clock != abi.Clock.REALTIME:
        raise SyscallError(Errno.EOPNOTSUPP)
    return _adjust(task, value)


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
    return now() // _TICK_NS


# Sleeping


def _nanoseconds(given: Timespec) -> int:
    if given.tv_sec < 0 or not 0 <= given.tv_nsec < abi.SECOND:
        raise SyscallError(Errno.EINVAL)
    return given.ns


def _microseconds(given: abi.Timeval) -> int:
    if given.tv_sec < 0 or not 0 <= given.tv_usec < 1_000_000:
        raise SyscallError(Errno.EINVAL)
    return given.ns


def _duration(task: Task, address: int) -> int:
    return _nanoseconds(Timespec.load(task.memory, address))


def _sleep_until(task: Task, clock: Source, until: int) -> None:
    while delay := clock.delay(until):
        sleep(task, [], now() + delay)


def _sleep_for(task: Task, clock: Source, until: int, remaining: int) -> int:
    """A relative sleep; a signal stores what is left, and the call goes on with that or fails."""
    try:
        _sleep_until(task, clock, until)
    except Restart:
        left = until - clock.read()
        if left <= 0:
            return 0
        if remaining:
            Timespec.from_ns(left).store(task.memory, remaining)
        resume = partial(_sleep_for, clock=clock, until=until, remaining=remaining)
        raise Restart(RestartKind.ERESTART_RESTARTBLOCK, resume) from None
    return 0


@syscall(101)
def sys_nanosleep(task: Task, duration: TimespecAddress, remaining: Address) -> int:
    """nanosleep(2)."""
    clock = source(task, abi.Clock.MONOTONIC)
    return _sleep_for(task, clock, now() + _duration(task, duration), remaining)


@syscall(115)
def sys_clock_nanosleep(
    task: Task, clock: ClockId, flags: TimerFlags, duration: TimespecAddress, remaining: Address
) -> int:
    """clock_nanosleep(2)."""
    found = source(task, clock)
    if not found.sleeps:
        raise SyscallError(Errno.EOPNOTSUPP)
    wanted = _duration(task, duration)
    if not flags & abi.TIMER_ABSTIME:
        return _sleep_for(task, found, found.read() + wanted, remaining)
    try:
        _sleep_until(task, found, wanted)
    except Restart:
        raise Restart(RestartKind.ERESTARTNOHAND) from None
    return 0


# Interval timers


def _itimer(task: Task, which: int) -> Interval:
    if which not in abi.ITIMER_NAMES:
        raise SyscallError(Errno.EINVAL)
    return task.process.timers.itimer(which)


def _store_itimer(task: Task, held: Interval, address: int) -> None:
    left = held.remaining_ns()
    abi.Itimerval(
        it_interval=abi.Timeval.from_ns(held.interval_ns),
        # One that is armed must not look disarmed.
        it_value=abi.Timeval.from_ns(max(left, 1000) if left else 0),
    ).store(task.memory, address)


@syscall(102)
def sys_getitimer(task: Task, which: Which, value: Address) -> int:
    """getitimer(2)."""
    _store_itimer(task, _itimer(task, which), value)
    return 0


@syscall(103)
def sys_setitimer(task: Task, which: Which, new: Address, old: Address) -> int:
    """setitimer(2); as on Linux, no new value disarms."""
    value = interval = 0
    if new:
        wanted = abi.Itimerval.load(task.memory, new)
        value, interval = _microseconds(wanted.it_value), _microseconds(wanted.it_interval)
    held = _itimer(task, which)
    if old:
        _store_itimer(task, held, old)
    held.set(value, interval)
    return 0


def _notify(task: Task, event: int, number: int) -> Notify | None:
    """A sigevent; without one SIGALRM with the timer's number."""
    if not event:
        return Notify(Sig.SIGALRM, number)
    given = Sigevent.load(task.memory, event)
    if given.sigev_notify == SIGEV_NONE:
        return None
    thread = None
    if given.sigev_notify == SIGEV_THREAD_ID:
        thread = task.process.tasks.get(given.sigev_tid)
        if thread is None:
            raise SyscallError(Errno.EINVAL)
    elif given.sigev_notify not in (SIGEV_SIGNAL, SIGEV_THREAD):
        raise SyscallError(Errno.EINVAL)
    if not 1 <= given.sigev_signo <= NSIG:
        raise SyscallError(Errno.EINVAL)
    return Notify(given.sigev_signo, given.sigev_value, thread)


@syscall(107)
def sys_timer_create(task: Task, clock: ClockId, event: Address, timer: Address) -> int:
    """timer_create(2)."""
    found = source(task, clock)
    if not found.timers:
        raise SyscallError(Errno.EOPNOTSUPP)
    timers = task.process.timers
    number = timers.create(found, partial(_notify, task, event))
    try:
        task.memory.write_u32(timer, number)
    except SyscallError:
        del timers.created[number]
        raise
    return 0


def _timer(task: Task, number: int) -> Interval:
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
def sys_timer_settime(task: Task, timer: Int, flags: TimerFlags, new: Address, old: Address) -> int:
    """timer_settime(2)."""
    if not new:
        raise SyscallError(Errno.EINVAL)
    wanted = abi.Itimerspec.load(task.memory, new)
    value, interval = _nanoseconds(wanted.it_value), _nanoseconds(wanted.it_interval)
    found = _timer(task, timer)
    if old:
        _store_timer(task, found, old)
    found.set(value, interval, absolute=bool(flags & abi.TIMER_ABSTIME))
    return 0


@syscall(108)
def sys_timer_gettime(task: Task, timer: Int, value: Address) -> int:
    """timer_gettime(2)."""
    _store_timer(task, _timer(task, timer), value)
    return 0


@syscall(109)
def sys_timer_getoverrun(task: Task, timer: Int) -> int:
    """timer_getoverrun(2)."""
    return _timer(task, timer).overrun


@syscall(111)
def sys_timer_delete(task: Task, timer: Int) -> int:
    """timer_delete(2)."""
    _timer(task, timer).cancel()
    del task.process.timers.created[timer]
    return 0
