"""Descriptors 0, 1 and 2 as elfuse got them: terminal, pipe, file, socket, or closed."""

import fcntl
import os
import stat

from elfuse import host
from elfuse.engine.protocol import Ability
from elfuse.runtime.abi import fcntl as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.poll import POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.files.hostfile import StreamFile, close_descriptor
from elfuse.runtime.files.pipe import PipeFile
from elfuse.runtime.files.regular import SEEK_END, host_open_flags
from elfuse.runtime.fs.pseudo import Attributes
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elfuse.runtime.task import Task

_SEEK = int(Ability.SEEK)


class InheritedStream(StreamFile):
    """A pipe, socket or device of the host that is not a terminal for the guest."""

    def __init__(self, fd: int, flags: int) -> None:
        super().__init__(fd, flags, owned=False)

    def direct(self) -> tuple[int, int] | None:
        return (self._fd, self.access) if host.never_waits(self._fd) else None

    def stat(self) -> Attributes:
        status = os.fstat(self._fd)
        kind = stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFCHR:
            # A terminal without -t, or /dev/null: the guest must not mistake it for its own tty.
            return Attributes(ino=1, mode=stat.S_IFCHR | 0o666, rdev_major=1, rdev_minor=3)
        return Attributes(
            ino=status.st_ino,
            mode=kind | 0o600,
            size=status.st_size,
            atime_ns=status.st_atime_ns,
            mtime_ns=status.st_mtime_ns,
            ctime_ns=status.st_ctime_ns,
        )

    def describe(self) -> bytes:
        status = os.fstat(self._fd)
        if stat.S_ISCHR(status.st_mode):
            return b"/dev/null"
        kind = b"socket" if stat.S_ISSOCK(status.st_mode) else b"pipe"
        return b"%s:[%d]" % (kind, status.st_ino)

    def reopen(self, task: "Task", flags: int) -> OpenFile:
        if stat.S_ISSOCK(os.fstat(self._fd).st_mode):
            raise SyscallError(Errno.ENXIO)
        return InheritedStream(os.dup(self._fd), flags)


class InheritedPipe(PipeFile):
    """A pipe from outside, through a description of our own: it can be non-blocking.

    The inherited descriptor `fd` is closed with it.
    """

    def __init__(self, fd: int, private: int, flags: int) -> None:
        super().__init__(private, flags)
        self._inherited = fd

    def close(self) -> None:
        super().close()
        close_descriptor(self._inherited)


class InheritedFile(InheritedStream):
    """A regular file the host has redirected to: seekable, no name in the guest."""

    def direct(self) -> tuple[int, int]:
        return self._fd, self.access | _SEEK

    def read_into(self, task: "Task", buffers: "Sequence[memoryview]", offset: int | None) -> int:
        if not buffers:
            return 0
        if offset is None:
            return os.readv(self._fd, buffers)
        return os.preadv(self._fd, buffers, offset)

    def write_from(self, task: "Task", buffers: "Sequence[memoryview]", offset: int | None) -> int:
        if not buffers:
            return 0
        if offset is None:
            return os.writev(self._fd, buffers)
        return os.pwritev(self._fd, buffers, offset)

    def stat(self) -> Attributes:
        status = os.fstat(self._fd)
        return Attributes(
            ino=status.st_ino,
            mode=status.st_mode,
            nlink=status.st_nlink,
            uid=status.st_uid,
            gid=status.st_gid,
            size=status.st_size,
            blocks=status.st_blocks,
            atime_ns=status.st_atime_ns,
            mtime_ns=status.st_mtime_ns,
            ctime_ns=status.st_ctime_ns,
        )

    def seek(self, offset: int, whence: int) -> int:
        return os.lseek(self._fd, offset, whence if whence <= SEEK_END else os.SEEK_END)

    def truncate(self, size: int) -> None:
        os.ftruncate(self._fd, size)

    def describe(self) -> bytes:
        try:
            return host.path_of(self._fd)
        except OSError:
            return b"/dev/stdout"

    def poll(self, events: int) -> int:
        return events & (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)

    def wait_fds(self, events: int) -> tuple[()]:
        return ()

    def reopen(self, task: "Task", flags: int) -> OpenFile:
        made = InheritedFile(host.reopen(self._fd, host_open_flags(flags)), flags)
        if flags & abi.O_TRUNC:
            made.truncate(0)
        return made


def inherited_stream(fd: int, *, terminal: bool) -> OpenFile | None:
    """The description for a standard stream; None if the host has closed it."""
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    host_flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    access = {os.O_RDONLY: abi.O_RDONLY, os.O_WRONLY: abi.O_WRONLY}.get(
        host_flags & os.O_ACCMODE, abi.O_RDWR
    )
    if host_flags & os.O_APPEND:
        access |= abi.O_APPEND
    if terminal and os.isatty(fd):
        from elfuse.runtime.files.tty import TtyFile  # pulls in job control

        return TtyFile(fd, access)
    if stat.S_ISREG(status.st_mode):
        return InheritedFile(fd, access)
    if stat.S_ISFIFO(status.st_mode):
        private = host.private_stream(fd, host_flags & os.O_ACCMODE)
        if private is not None:
            return InheritedPipe(fd, private, access)
    return InheritedStream(fd, access)
