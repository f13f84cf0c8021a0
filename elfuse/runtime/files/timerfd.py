"""timerfd_create(2)."""

from elfuse.host.events import Timer
from elfuse.runtime.abi.epoll import TFD_NONBLOCK
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.fcntl import O_RDWR
from elfuse.runtime.abi.poll import POLLIN, POLLRDNORM
from elfuse.runtime.abi.stat import Timespec
from elfuse.runtime.abi.time import SECOND, Itimerspec
from elfuse.runtime.files.anonymous import AnonymousFile
from elfuse.runtime.files.eventfd import scatter
from elfuse.runtime.files.hostfile import host_events
from elfuse.runtime.wait import WouldBlock
from elfuse.typing import TYPE_CHECKING, Iterable, Sequence

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

_SIZE = 8


def _total(spec: Timespec) -> int:
    if spec.tv_sec < 0 or not 0 <= spec.tv_nsec < SECOND:
        raise SyscallError(Errno.EINVAL)
    return spec.tv_sec * SECOND + spec.tv_nsec


def _timespec(nanoseconds: int) -> Timespec:
    seconds, rest = divmod(nanoseconds, SECOND)
    return Timespec(tv_sec=seconds, tv_nsec=rest)


def _spec(value: int, interval: int) -> Itimerspec:
    return Itimerspec(it_value=_timespec(value), it_interval=_timespec(interval))


class TimerFile(AnonymousFile):
    """A timer; the host object behind it makes it one for all processes that share it."""

    kind = b"[timerfd]"

    def __init__(self, timer: Timer, flags: int) -> None:
        super().__init__(O_RDWR | flags & TFD_NONBLOCK)
        self._timer = timer

    @classmethod
    def create(cls, clock: int, flags: int) -> "TimerFile":
        return cls(Timer.create(clock), flags)

    def close(self) -> None:
        self._timer.close()

    def set(self, wanted: Itimerspec, flags: int) -> Itimerspec:
        """timerfd_settime(2): the previous setting."""
        value, interval = _total(wanted.it_value), _total(wanted.it_interval)
        return _spec(*self._timer.set(value, interval, flags))

    def get(self) -> Itimerspec:
        """timerfd_gettime(2)."""
        return _spec(*self._timer.get())

    def read_into(self, task: "Task", buffers: Sequence[memoryview], offset: int | None) -> int:
        if sum(map(len, buffers)) < _SIZE:
            raise SyscallError(Errno.EINVAL)
        try:
            count = self._timer.take()
        except BlockingIOError:
            raise WouldBlock from None
        return scatter(buffers, count.to_bytes(_SIZE, "little"))

    def poll(self, events: int) -> int:
        return events & (POLLIN | POLLRDNORM) if self._timer.expired() else 0

    def wait_fds(self, events: int) -> Iterable[tuple[int, int]]:
        fd = self._timer.fileno()
        return [(fd, host_events(events & (POLLIN | POLLRDNORM)))] if fd >= 0 else []

    def wait_deadline(self) -> int | None:
        return self._timer.next_change()

    def export(self) -> tuple[dict[str, int], list[int]]:
        """For SCM_RIGHTS; see `passing.py`."""
        return {"flags": self.flags, "clock": self._timer.clock}, self._timer.descriptors()

    @classmethod
    def rebuild(cls, state: dict[str, int], fds: list[int]) -> "TimerFile":
        """The receiving side of `export`."""
        return cls(Timer.from_descriptors(fds, state["clock"]), state["flags"])
