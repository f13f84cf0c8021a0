"""What files on a host descriptor have in common: data straight between guest memory and the host."""

import os
import select

from elfuse.runtime.abi.poll import POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLRDHUP
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.wait import WouldBlock
from elfuse.typing import TYPE_CHECKING, Iterable, Sequence

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

_ALWAYS = POLLERR | POLLHUP | POLLNVAL
FIONREAD = 0x541B
_HOST_RDHUP = getattr(select, "POLLRDHUP", 0)
_PLAIN = 0x3DF
"""Event bits with the same value on every host; POLLRDHUP is Linux's only."""


def host_events(events: int) -> int:
    """Linux poll bits as the host's."""
    return (events & _PLAIN) | (_HOST_RDHUP if events & POLLRDHUP else 0)


def poll_descriptor(fd: int, events: int) -> int:
    """Linux poll bits that hold on a host descriptor now."""
    poller = select.poll()
    poller.register(fd, host_events(events))
    for _fd, ready in poller.poll(0):
        found = ready & _PLAIN & (events | _ALWAYS)
        if _HOST_RDHUP and ready & _HOST_RDHUP:
            found |= POLLRDHUP & events
        return found
    return 0


def close_descriptor(fd: int) -> None:
    """Close a host descriptor.

    Standard input and output keep their numbers, so that nothing else of the runtime gets them,
    but whoever is at the other end sees them closed. Standard error stays: traces go there.
    """
    if fd > 2:
        os.close(fd)
    elif 0 <= fd < 2:
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(null, fd)
        os.close(null)


class HostFile(OpenFile):
    """An open file description behind a host descriptor that it owns."""

    _fd = -1
    """Until it is open, and once it is closed."""

    def __init__(self, fd: int, flags: int) -> None:
        super().__init__(flags)
        self._fd = fd

    def host_fd(self) -> int:
        return self._fd

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        close_descriptor(fd)

    def __del__(self) -> None:
        # A description that no descriptor ever referred to (execve reads programs so).
        if self._fd > 2:
            os.close(self._fd)

    def poll(self, events: int) -> int:
        return poll_descriptor(self._fd, events)

    def wait_fds(self, events: int) -> Iterable[tuple[int, int]]:
        return [(self._fd, host_events(events))]


class StreamFile(HostFile):
    """A pipe, fifo or inherited stream: no offset, may have to wait.

    `owned` descriptors are non-blocking on the host. An inherited one is left as it is, because
    its flags are shared with whoever started us; it is polled before each transfer.
    """

    def __init__(self, fd: int, flags: int, *, owned: bool = True) -> None:
        super().__init__(fd, flags)
        self._owned = owned
        if owned:
            os.set_blocking(fd, False)

    def read_into(self, task: "Task", buffers: Sequence[memoryview], offset: int | None) -> int:
        if not self._owned and not poll_descriptor(self._fd, POLLIN):
            raise WouldBlock
        try:
            return os.readv(self._fd, buffers) if buffers else 0
        except BlockingIOError:
            raise WouldBlock from None

    def write_from(self, task: "Task", buffers: Sequence[memoryview], offset: int | None) -> int:
        if not self._owned:
            return self._write_polled(buffers)
        try:
            return os.writev(self._fd, buffers) if buffers else 0
        except BlockingIOError:
            raise WouldBlock from None

    def _write_polled(self, buffers: Sequence[memoryview]) -> int:
        """Write in pieces that a ready pipe takes without blocking (PIPE_BUF)."""
        sent = 0
        for buffer in buffers:
            for start in range(0, len(buffer), select.PIPE_BUF):
                if not poll_descriptor(self._fd, POLLOUT):
                    if not sent:
                        raise WouldBlock
                    return sent
                sent += os.write(self._fd, buffer[start : start + select.PIPE_BUF])
        return sent
