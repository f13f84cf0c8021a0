"""Counters and timers that processes share, from a file in memory and pipes: for any host.

The state lies in an unlinked, mapped file so that it can be passed to unrelated processes too;
a record lock on it, which dies with its holder, guards it.
"""

import errno
import fcntl
import mmap
import os
import struct
import time
from contextlib import contextmanager, suppress

from elfuse.host import anonymous_file
from elfuse.typing import Iterator, Self, Sequence

_COUNTER = struct.Struct("Q")
_LIMIT = (1 << 64) - 2
_TIMER = struct.Struct("QQQ")
_LOOK_AGAIN_NS = 50_000_000
_ABSTIME = 1
_REALTIME_CLOCKS = (0, 8)


class _SharedState:
    """A mapped page with a lock."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.page = mmap.mmap(fd, mmap.PAGESIZE)

    @classmethod
    def create(cls, name: str) -> Self:
        fd = anonymous_file(name)
        os.ftruncate(fd, mmap.PAGESIZE)
        return cls(fd)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Exclude other processes; threads of this one are excluded by the kernel lock."""
        fcntl.lockf(self.fd, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self.fd, fcntl.LOCK_UN)

    def close(self) -> None:
        self.page.close()
        os.close(self.fd)


class Counter:
    """A 64-bit counter that processes can share; a byte is in the pipe while it is not 0."""

    def __init__(self, state: _SharedState, pipe: tuple[int, int], *, semaphore: bool) -> None:
        self._state = state
        self._read, self._write = pipe
        self.semaphore = semaphore

    @classmethod
    def create(cls, value: int, *, semaphore: bool) -> Self:
        pipe = os.pipe()
        for fd in pipe:
            os.set_blocking(fd, False)
        made = cls(_SharedState.create("counter"), pipe, semaphore=semaphore)
        if value:
            made.add(value)
        return made

    @classmethod
    def from_descriptors(cls, fds: Sequence[int], *, semaphore: bool) -> Self:
        """What another process's `descriptors` were."""
        return cls(_SharedState(fds[0]), (fds[1], fds[2]), semaphore=semaphore)

    def descriptors(self) -> list[int]:
        """Descriptors to pass to another process."""
        return [self._state.fd, self._read, self._write]

    def fileno(self) -> int:
        """Readable while the counter is not 0."""
        return self._read

    def take(self) -> int:
        """The value, or 1 of it for a semaphore; BlockingIOError if it is 0."""
        with self._state.locked():
            (value,) = _COUNTER.unpack_from(self._state.page)
            if not value:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            taken = 1 if self.semaphore else value
            _COUNTER.pack_into(self._state.page, 0, value - taken)
            if value == taken:
                with suppress(BlockingIOError):
                    os.read(self._read, 1)
            return int(taken)

    def add(self, value: int) -> None:
        """BlockingIOError if the sum does not fit below 2^64 - 1."""
        if value > _LIMIT:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        with self._state.locked():
            (before,) = _COUNTER.unpack_from(self._state.page)
            if before + value > _LIMIT:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            _COUNTER.pack_into(self._state.page, 0, before + value)
            if value and not before:
                os.write(self._write, b"c")

    def close(self) -> None:
        self._state.close()
        os.close(self._read)
        os.close(self._write)


class Timer:
    """A timer that processes can share; without a descriptor, so sleepers look again now and then.

    The page holds the next expiry on the timer's clock (0: disarmed), the interval, and how many
    expirations are not taken yet.
    """

    def __init__(self, state: _SharedState, clock: int) -> None:
        self._state = state
        self.clock = clock

    @classmethod
    def create(cls, clock: int) -> Self:
        if clock not in (0, 1, 7):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return cls(_SharedState.create("timer"), clock)

    @classmethod
    def from_descriptors(cls, fds: Sequence[int], clock: int) -> Self:
        """What another process's `descriptors` were."""
        return cls(_SharedState(fds[0]), clock)

    def descriptors(self) -> list[int]:
        """Descriptors to pass to another process."""
        return [self._state.fd]

    def fileno(self) -> int:
        """Readable once expired; -1 if only `next_change` tells."""
        return -1

    def _now(self) -> int:
        return time.time_ns() if self.clock in _REALTIME_CLOCKS else time.monotonic_ns()

    def next_change(self) -> int | None:
        """CLOCK_MONOTONIC nanoseconds at which to look again: soon, others may set the timer."""
        expiry, _interval, _taken = self._load()
        soon = time.monotonic_ns() + _LOOK_AGAIN_NS
        if not expiry:
            return soon
        return min(soon, time.monotonic_ns() + max(0, expiry - self._now()))

    def _load(self) -> tuple[int, int, int]:
        """The state with what has expired until now counted."""
        expiry, interval, pending = _TIMER.unpack_from(self._state.page)
        now = self._now()
        if expiry and expiry <= now:
            count = 1 + ((now - expiry) // interval if interval else 0)
            return (expiry + count * interval if interval else 0), interval, pending + count
        return expiry, interval, pending

    def set(self, value: int, interval: int, flags: int) -> tuple[int, int]:
        """Arm, or disarm with value 0; what was left before, and the interval. `flags`: TFD_TIMER_*."""
        with self._state.locked():
            before = self.get()
            if value and not flags & _ABSTIME:
                value += self._now()
            _TIMER.pack_into(self._state.page, 0, value, interval, 0)
            return before

    def get(self) -> tuple[int, int]:
        """(time left, interval)."""
        expiry, interval, _pending = self._load()
        return (max(1, expiry - self._now()) if expiry else 0), interval

    def take(self) -> int:
        """Expirations since the last call; BlockingIOError for none."""
        with self._state.locked():
            expiry, interval, pending = self._load()
            _TIMER.pack_into(self._state.page, 0, expiry, interval, 0)
        if not pending:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return pending

    def expired(self) -> bool:
        return self._load()[2] > 0

    def close(self) -> None:
        self._state.close()
