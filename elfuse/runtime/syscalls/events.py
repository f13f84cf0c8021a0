"""eventfd, timerfd, signalfd, epoll, memfd_create."""

from elfuse.runtime import polling
from elfuse.runtime.abi import epoll as abi
from elfuse.runtime.abi.epoll import EpollEvent
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.poll import POLLIN
from elfuse.runtime.abi.time import CLOCK_NAMES, Clock, Itimerspec
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.syscalls.args import Address, Fd, Int, Size, UInt, choice, flags
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task
from elfuse.runtime.wait import Restart, now, sleep
from elfuse.typing import Annotated

_MILLISECOND = 1_000_000
_SIGSET_SIZE = 8
_TIMER_CLOCKS = (
    Clock.REALTIME,
    Clock.MONOTONIC,
    Clock.BOOTTIME,
    Clock.REALTIME_ALARM,
    Clock.BOOTTIME_ALARM,
)

ClockId = Annotated[int, choice(CLOCK_NAMES)]
EventFlags = Annotated[int, flags(abi.EFD_NAMES)]
TimerFlags = Annotated[int, flags(abi.TFD_NAMES)]
SetFlags = Annotated[int, flags(abi.TFD_TIMER_NAMES)]
SignalFlags = Annotated[int, flags(abi.SFD_NAMES)]
MemFlags = Annotated[int, flags(abi.MFD_NAMES)]
EpollFlags = Annotated[int, flags({abi.EPOLL_CLOEXEC: "EPOLL_CLOEXEC"})]
EpollOperation = Annotated[int, choice(abi.EPOLL_CTL_NAMES)]


def _require(given: int, known: int) -> None:
    if given & ~known:
        raise SyscallError(Errno.EINVAL)


@syscall(19)
def sys_eventfd2(task: Task, value: UInt, flags: EventFlags) -> int:
    """eventfd(2)."""
    from elfuse.runtime.files.eventfd import EventFile  # most programs use none

    _require(flags, abi.EFD_SEMAPHORE | abi.EFD_CLOEXEC | abi.EFD_NONBLOCK)
    file = EventFile.create(value, flags, semaphore=bool(flags & abi.EFD_SEMAPHORE))
    return task.files.install(file, cloexec=bool(flags & abi.EFD_CLOEXEC))


# Timers


@syscall(85)
def sys_timerfd_create(task: Task, clock: ClockId, flags: TimerFlags) -> int:
    """timerfd_create(2)."""
    from elfuse.runtime.files.timerfd import TimerFile  # most programs use none

    _require(flags, abi.TFD_CLOEXEC | abi.TFD_NONBLOCK)
    if clock not in _TIMER_CLOCKS:
        raise SyscallError(Errno.EINVAL)
    file = TimerFile.create(clock, flags)
    return task.files.install(file, cloexec=bool(flags & abi.TFD_CLOEXEC))


@syscall(86)
def sys_timerfd_settime(task: Task, fd: Fd, flags: SetFlags, new: Address, old: Address) -> int:
    """timerfd_settime(2)."""
    from elfuse.runtime.files.timerfd import TimerFile  # most programs use none

    _require(flags, abi.TFD_TIMER_ABSTIME | abi.TFD_TIMER_CANCEL_ON_SET)
    wanted = Itimerspec.load(task.memory, new)
    file = task.files.get(fd)
    if not isinstance(file, TimerFile):
        raise SyscallError(Errno.EINVAL)
    before = file.set(wanted, flags)
    if old:
        before.store(task.memory, old)
    return 0


@syscall(87)
def sys_timerfd_gettime(task: Task, fd: Fd, now: Address) -> int:
    """timerfd_gettime(2)."""
    from elfuse.runtime.files.timerfd import TimerFile  # most programs use none

    file = task.files.get(fd)
    if not isinstance(file, TimerFile):
        raise SyscallError(Errno.EINVAL)
    file.get().store(task.memory, now)
    return 0


@syscall(74)
def sys_signalfd4(task: Task, fd: Fd, mask: Address, size: Size, flags: SignalFlags) -> int:
    """signalfd(2)."""
    from elfuse.runtime.files.signalfd import SignalFile  # most programs use none

    _require(flags, abi.SFD_CLOEXEC | abi.SFD_NONBLOCK)
    if size != _SIGSET_SIZE:
        raise SyscallError(Errno.EINVAL)
    wanted = task.memory.read_u64(mask)
    if fd == -1:
        made = SignalFile(task.kernel, wanted, flags)
        return task.files.install(made, cloexec=bool(flags & abi.SFD_CLOEXEC))
    file = task.files.get(fd)
    if not isinstance(file, SignalFile):
        raise SyscallError(Errno.EINVAL)
    file.set_mask(wanted)
    return fd


@syscall(279)
def sys_memfd_create(task: Task, name: Address, flags: MemFlags) -> int:
    """memfd_create(2)."""
    from elfuse.runtime.files.memfd import MemFile  # most programs use none

    _require(flags, abi.MFD_CLOEXEC | abi.MFD_ALLOW_SEALING)
    try:
        text = task.memory.read_cstring(name, abi.MFD_NAME_MAX + 1)
    except SyscallError as error:
        if error.errno is Errno.ENAMETOOLONG:
            raise SyscallError(Errno.EINVAL) from None
        raise
    file = MemFile.create(text, sealing=bool(flags & abi.MFD_ALLOW_SEALING))
    return task.files.install(file, cloexec=bool(flags & abi.MFD_CLOEXEC))


# epoll


@syscall(20)
def sys_epoll_create1(task: Task, flags: EpollFlags) -> int:
    """epoll_create(2)."""
    from elfuse.runtime.files.epoll import EpollFile  # most programs use none

    _require(flags, abi.EPOLL_CLOEXEC)
    return task.files.install(EpollFile(), cloexec=bool(flags & abi.EPOLL_CLOEXEC))


@syscall(21)
def sys_epoll_ctl(task: Task, epfd: Fd, operation: EpollOperation, fd: Fd, event: Address) -> int:
    """epoll_ctl(2)."""
    from elfuse.runtime.files.epoll import EpollFile  # most programs use none

    if operation == abi.EPOLL_CTL_DEL:
        wanted = EpollEvent(events=0, data=0)
    else:
        wanted = EpollEvent.load(task.memory, event)
    epoll, file = task.files.get(epfd), task.files.get(fd)
    if not isinstance(epoll, EpollFile):
        file.poll(0)
        raise SyscallError(Errno.EINVAL)
    if operation == abi.EPOLL_CTL_ADD:
        epoll.add(fd, file, wanted.events, wanted.data)
    elif operation == abi.EPOLL_CTL_MOD:
        epoll.modify(fd, file, wanted.events, wanted.data)
    elif operation == abi.EPOLL_CTL_DEL:
        epoll.remove(fd, file)
    else:
        raise SyscallError(Errno.EINVAL)
    return 0


def _wait(
    task: Task, fd: int, events: int, limit: int, deadline: int | None, mask: int, size: int
) -> int:
    """epoll_pwait's work: never run again after a signal (fs/eventpoll.c: ep_poll)."""
    from elfuse.runtime.files.epoll import EpollFile  # most programs use none

    if not 0 < limit <= abi.EPOLL_MAX_EVENTS:
        raise SyscallError(Errno.EINVAL)
    epoll: OpenFile = task.files.get(fd)
    if not isinstance(epoll, EpollFile):
        raise SyscallError(Errno.EINVAL)
    with polling.temporary_mask(task, mask, size):
        while True:
            found = epoll.collect(limit)
            if found or (deadline is not None and now() >= deadline):
                break
            epoll.waiters.append(task)
            try:
                sleep(task, [(epoll, POLLIN)], deadline)
            except Restart:
                raise SyscallError(Errno.EINTR) from None
            finally:
                epoll.waiters.remove(task)
    records = (EpollEvent(events=bits, data=data).pack() for bits, data in found)
    task.memory.write(events, b"".join(records))
    return len(found)


@syscall(22)
def sys_epoll_pwait(
    task: Task, epfd: Fd, events: Address, limit: Int, timeout: Int, mask: Address, size: Size
) -> int:
    """epoll_pwait(2)."""
    deadline = None if timeout < 0 else now() + timeout * _MILLISECOND
    return _wait(task, epfd, events, limit, deadline, mask, size)


@syscall(441)
def sys_epoll_pwait2(
    task: Task, epfd: Fd, events: Address, limit: Int, timeout: Address, mask: Address, size: Size
) -> int:
    """epoll_pwait2(2)."""
    deadline = polling.deadline_after(polling.load_timeout(task, timeout))
    return _wait(task, epfd, events, limit, deadline, mask, size)
