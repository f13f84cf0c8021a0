"""eventfd, timerfd and epoll of a Linux host."""

import ctypes
import os
import select
import sys

from elfuse.typing import TYPE_CHECKING, Self, Sequence

assert not TYPE_CHECKING or sys.platform == "linux"

_libc = ctypes.CDLL(None, use_errno=True)
_TFD_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC
_SECOND = 1_000_000_000


class Counter:
    """A 64-bit counter that processes can share (eventfd(2))."""

    def __init__(self, fd: int, *, semaphore: bool) -> None:
        self._fd = fd
        self.semaphore = semaphore

    @classmethod
    def create(cls, value: int, *, semaphore: bool) -> Self:
        """`value` fits in 32 bits."""
        flags = os.EFD_NONBLOCK | os.EFD_CLOEXEC | (os.EFD_SEMAPHORE if semaphore else 0)
        return cls(os.eventfd(value, flags), semaphore=semaphore)

    @classmethod
    def from_descriptors(cls, fds: Sequence[int], *, semaphore: bool) -> Self:
        """What another process's `descriptors` were."""
        return cls(fds[0], semaphore=semaphore)

    def descriptors(self) -> list[int]:
        """Descriptors to pass to another process."""
        return [self._fd]

    def fileno(self) -> int:
        """Readable while the counter is not 0."""
        return self._fd

    def take(self) -> int:
        """The value, or 1 of it for a semaphore; BlockingIOError if it is 0."""
        return os.eventfd_read(self._fd)

    def add(self, value: int) -> None:
        """BlockingIOError if the sum does not fit below 2^64 - 1."""
        os.eventfd_write(self._fd, value)

    def close(self) -> None:
        os.close(self._fd)


_Itimerspec = ctypes.c_long * 4
"""struct itimerspec: interval and value, each seconds and nanoseconds."""


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _left(spec: ctypes.Array[ctypes.c_long]) -> tuple[int, int]:
    """(value, interval) in nanoseconds."""
    return spec[2] * _SECOND + spec[3], spec[0] * _SECOND + spec[1]


class Timer:
    """A timer that processes can share (timerfd_create(2)). `clock` is Linux's number."""

    def __init__(self, fd: int, clock: int) -> None:
        self._fd = fd
        self.clock = clock

    @classmethod
    def create(cls, clock: int) -> Self:
        return cls(_check(_libc.timerfd_create(clock, _TFD_NONBLOCK_CLOEXEC)), clock)

    @classmethod
    def from_descriptors(cls, fds: Sequence[int], clock: int) -> Self:
        """What another process's `descriptors` were."""
        return cls(fds[0], clock)

    def descriptors(self) -> list[int]:
        """Descriptors to pass to another process."""
        return [self._fd]

    def fileno(self) -> int:
        """Readable once expired; -1 if only `next_change` tells."""
        return self._fd

    def next_change(self) -> int | None:
        """CLOCK_MONOTONIC nanoseconds at which to look again, for hosts without a descriptor."""
        return None

    def set(self, value: int, interval: int, flags: int) -> tuple[int, int]:
        """Arm, or disarm with value 0; what was left before, and the interval. `flags`: TFD_TIMER_*."""
        new = _Itimerspec(*divmod(interval, _SECOND), *divmod(value, _SECOND))
        old = _Itimerspec()
        _check(_libc.timerfd_settime(self._fd, flags, new, old))
        return _left(old)

    def get(self) -> tuple[int, int]:
        """(time left, interval)."""
        now = _Itimerspec()
        _check(_libc.timerfd_gettime(self._fd, now))
        return _left(now)

    def take(self) -> int:
        """Expirations since the last call; BlockingIOError for none, ECANCELED after a clock jump."""
        return int.from_bytes(os.read(self._fd, 8), sys.byteorder)

    def expired(self) -> bool:
        poller = select.poll()
        poller.register(self._fd, select.POLLIN)
        return bool(poller.poll(0))

    def close(self) -> None:
        os.close(self._fd)


class Notifier:
    """Tells which descriptors became ready since it last said so (edge-triggered epoll(7)).

    Masks and results are poll(2) bits of this host.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()

    def fileno(self) -> int:
        """Readable while there is something to tell."""
        return self._epoll.fileno()

    def watch(self, fd: int, events: int, *, known: bool) -> None:
        """Start watching or, if `known`, change the events; readiness now counts as new.

        PermissionError for a descriptor that is always ready (regular files).
        """
        if known:
            try:
                self._epoll.modify(fd, events | select.EPOLLET)
                return
            except FileNotFoundError:
                # The number was closed and has come back as another file.
                pass
        try:
            self._epoll.register(fd, events | select.EPOLLET)
        except FileExistsError:
            self._epoll.modify(fd, events | select.EPOLLET)

    def forget(self, fd: int) -> None:
        """Stop watching; a descriptor closed meanwhile is not watched any more anyway."""
        try:
            self._epoll.unregister(fd)
        except (FileNotFoundError, OSError):
            return

    def ready(self) -> list[tuple[int, int]]:
        """(descriptor, events) that are new; never waits."""
        return self._epoll.poll(0)

    def close(self) -> None:
        self._epoll.close()
