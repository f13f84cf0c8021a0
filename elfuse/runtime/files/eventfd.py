"""eventfd(2)."""

from elfuse.host.events import Counter
from elfuse.runtime.abi.epoll import EFD_NONBLOCK
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.fcntl import O_RDWR
from elfuse.runtime.files.anonymous import AnonymousFile
from elfuse.runtime.files.hostfile import host_events, poll_descriptor
from elfuse.runtime.wait import WouldBlock
from elfuse.typing import TYPE_CHECKING, Iterable, Sequence

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

_SIZE = 8
_MAX = (1 << 64) - 1


class EventFile(AnonymousFile):
    """A counter; the host object behind it makes it one for all processes that share it."""

    kind = b"[eventfd]"

    def __init__(self, counter: Counter, flags: int) -> None:
        super().__init__(O_RDWR | flags & EFD_NONBLOCK)
        self._counter = counter

    @classmethod
    def create(cls, value: int, flags: int, *, semaphore: bool) -> "EventFile":
        return cls(Counter.create(value, semaphore=semaphore), flags)

    def close(self) -> None:
        self._counter.close()

    def host_fd(self) -> int:
        return self._counter.fileno()

    def read_into(self, task: "Task", buffers: Sequence[memoryview], offset: int | None) -> int:
        if sum(map(len, buffers)) < _SIZE:
            raise SyscallError(Errno.EINVAL)
        try:
            value = self._counter.take()
        except BlockingIOError:
            raise WouldBlock from None
        return scatter(buffers, value.to_bytes(_SIZE, "little"))

    def write_from(self, task: "Task", buffers: Sequence[memoryview], offset: int | None) -> int:
        data = b"".join(bytes(buffer[:_SIZE]) for buffer in buffers)[:_SIZE]
        value = int.from_bytes(data, "little")
        if len(data) < _SIZE or value == _MAX:
            raise SyscallError(Errno.EINVAL)
        try:
            self._counter.add(value)
        except BlockingIOError:
            raise WouldBlock from None
        return _SIZE

    def poll(self, events: int) -> int:
        return poll_descriptor(self._counter.fileno(), events)

    def wait_fds(self, events: int) -> Iterable[tuple[int, int]]:
        return [(self._counter.fileno(), host_events(events))]

    def export(self) -> tuple[dict[str, int], list[int]]:
        """For SCM_RIGHTS; see `passing.py`."""
        state = {"flags": self.flags, "semaphore": self._counter.semaphore}
        return state, self._counter.descriptors()

    @classmethod
    def rebuild(cls, state: dict[str, int], fds: list[int]) -> "EventFile":
        """The receiving side of `export`."""
        counter = Counter.from_descriptors(fds, semaphore=bool(state["semaphore"]))
        return cls(counter, state["flags"])


def scatter(buffers: Sequence[memoryview], data: bytes) -> int:
    """Copy `data` into `buffers` in order; how much fitted."""
    done = 0
    for buffer in buffers:
        part = data[done : done + len(buffer)]
        buffer[: len(part)] = part
        done += len(part)
    return done
