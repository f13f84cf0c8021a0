"""Opening named pipes (fifo(7)): an open waits until the other end is open too."""

import _thread
import os

from elfuse.runtime.abi import fcntl as abi
from elfuse.runtime.abi.poll import POLLIN
from elfuse.runtime.files.pipe import PipeFile
from elfuse.runtime.vfs.location import Location
from elfuse.runtime.wait import sleep
from elfuse.typing import TYPE_CHECKING, Iterable

if TYPE_CHECKING:
    from elfuse.runtime.task import Task
    from elfuse.runtime.vfs.filesystem import Attributes


class FifoFile(PipeFile):
    """One end of a named pipe."""

    def __init__(self, fd: int, flags: int, location: Location) -> None:
        super().__init__(fd, flags)
        self.location: Location = location  # type: ignore[mutable-override]  # never None

    def stat(self) -> "Attributes":  # type: ignore[override]  # any filesystem's attributes
        return self.location.inode.stat()

    def describe(self) -> bytes:
        return self.location.path()


def open_fifo(task: "Task", location: Location, flags: int) -> FifoFile:
    """open(2) of a fifo: ENXIO for a non-blocking writer without a reader."""
    access = flags & abi.O_ACCMODE
    wanted = (os.O_RDONLY, os.O_WRONLY, os.O_RDWR)[access]
    if access == abi.O_RDWR or flags & abi.O_NONBLOCK:
        return FifoFile(location.inode.open(wanted | os.O_NONBLOCK), flags, location)
    return FifoFile(_Opening(location, wanted).wait(task), flags, location)


class _Opening:
    """A host open that waits for the other end, in a host thread, so that signals can end it."""

    def __init__(self, location: Location, wanted: int) -> None:
        # The inode's path is taken here: threads must not use the filesystem without the lock.
        self._path = location.inode.host_path()
        self._wanted = wanted
        self._lock = _thread.allocate_lock()
        """Guards what follows: the thread does not hold the kernel's lock."""
        self._result: int | OSError | None = None
        self._abandoned = False
        self._other = -1
        self._read, self._write = os.pipe()

    def wait_fds(self, events: int) -> Iterable[tuple[int, int]]:
        return [(self._read, POLLIN)]

    def wait_deadline(self) -> int | None:
        return None

    def wait(self, task: "Task") -> int:
        """The host descriptor; `Restart` when a signal comes first."""
        _thread.start_new_thread(self._open, ())
        try:
            while self._result is None:
                sleep(task, [(self, POLLIN)])
        except BaseException:
            self._abandon()
            raise
        self._forget()
        if isinstance(self._result, OSError):
            raise self._result
        return self._result

    def _open(self) -> None:
        result: int | OSError
        try:
            result = os.open(self._path, self._wanted | os.O_CLOEXEC)
        except OSError as error:
            result = error
        with self._lock:
            self._result = result
            abandoned = self._abandoned
            if not abandoned:
                os.write(self._write, b"o")
        if abandoned:
            self._dispose()

    def _abandon(self) -> None:
        """Let the thread's open succeed by being the other end until it has."""
        try:
            other = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            # The fifo is gone: the thread may wait for ever, at no cost but its own.
            other = -1
        with self._lock:
            self._abandoned = True
            self._other = other
            finished = self._result is not None
        if finished:
            self._dispose()

    def _dispose(self) -> None:
        for fd in (self._result, self._other):
            if isinstance(fd, int) and fd >= 0:
                os.close(fd)
        self._forget()

    def _forget(self) -> None:
        os.close(self._read)
        os.close(self._write)
