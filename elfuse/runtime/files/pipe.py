"""Pipes: the host's, so that any guest process can hold either end (pipe(7))."""

import os
import stat

from elfuse import host
from elfuse.engine.protocol import Ability
from elfuse.runtime.abi import fcntl as abi
from elfuse.runtime.files.hostfile import FIONREAD, StreamFile
from elfuse.runtime.fs.pseudo import Attributes
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

_PIPE = int(Ability.PIPE)


class PipeFile(StreamFile):
    """One end of a pipe."""

    def direct(self) -> tuple[int, int]:
        return self._fd, self.access | _PIPE

    def stat(self) -> Attributes:
        status = os.fstat(self._fd)
        return Attributes(
            ino=status.st_ino,
            mode=stat.S_IFIFO | 0o600,
            atime_ns=status.st_atime_ns,
            mtime_ns=status.st_mtime_ns,
            ctime_ns=status.st_ctime_ns,
        )

    def describe(self) -> bytes:
        return b"pipe:[%d]" % os.fstat(self._fd).st_ino

    def reopen(self, task: "Task", flags: int) -> "PipeFile":
        return PipeFile(os.dup(self._fd), self.flags & abi.O_ACCMODE | flags & abi.O_NONBLOCK)

    def ioctl(self, task: "Task", request: int, argument: int) -> int:
        if request == FIONREAD:
            size = host.readable_bytes(self._fd)
            task.memory.write(argument, size.to_bytes(4, "little"))
            return 0
        return super().ioctl(task, request, argument)

    @property
    def capacity(self) -> int:
        """F_GETPIPE_SZ."""
        return host.pipe_capacity(self._fd)

    @capacity.setter
    def capacity(self, size: int) -> None:
        host.set_pipe_capacity(self._fd, size)


def make_pipe(flags: int) -> tuple[PipeFile, PipeFile]:
    """(read end, write end) with O_NONBLOCK from `flags`."""
    read_fd, write_fd = os.pipe()
    status = flags & abi.O_NONBLOCK
    return PipeFile(read_fd, abi.O_RDONLY | status), PipeFile(write_fd, abi.O_WRONLY | status)
