"""memfd_create(2): files in memory, with seals (fcntl(2), F_ADD_SEALS)."""

import os

from elfuse import host
from elfuse.engine.protocol import Ability
from elfuse.runtime.abi.epoll import (
    F_SEAL_ALL,
    F_SEAL_FUTURE_WRITE,
    F_SEAL_GROW,
    F_SEAL_SEAL,
    F_SEAL_SHRINK,
    F_SEAL_WRITE,
)
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.fcntl import O_LARGEFILE, O_RDWR
from elfuse.runtime.abi.poll import POLLIN, POLLOUT
from elfuse.runtime.files.hostfile import HostFile
from elfuse.runtime.files.regular import SEEK_END
from elfuse.runtime.fs.pseudo import Attributes
from elfuse.typing import TYPE_CHECKING, Any, Sequence

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

_SEEK = int(Ability.SEEK)


class MemFile(HostFile):
    """A file without a place in the tree.

    Where the host has no seals, the description keeps them and only its own operations heed
    them: a process that maps the file can still write.
    """

    def __init__(self, fd: int, flags: int, name: bytes, own_seals: int = F_SEAL_SEAL) -> None:
        super().__init__(fd, flags)
        self._name = name
        self._own_seals = own_seals

    @classmethod
    def create(cls, name: bytes, *, sealing: bool) -> "MemFile":
        fd = host.sealable_file(os.fsdecode(name), sealable=sealing)
        return cls(fd, O_RDWR | O_LARGEFILE, name, 0 if sealing else F_SEAL_SEAL)

    @property
    def seals(self) -> int:
        """F_GET_SEALS."""
        held = host.seals(self._fd)
        return self._own_seals if held is None else held

    @property
    def write_sealed(self) -> bool:
        return bool(self.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))

    def add_seals(self, seals: int) -> None:
        """F_ADD_SEALS: EPERM once sealed against it, EINVAL for an unknown seal."""
        if seals & ~F_SEAL_ALL:
            raise SyscallError(Errno.EINVAL)
        if not self.writable:
            raise SyscallError(Errno.EPERM)
        if not host.add_seals(self._fd, seals):
            if self._own_seals & F_SEAL_SEAL:
                raise SyscallError(Errno.EPERM)
            self._own_seals |= seals

    def direct(self) -> tuple[int, int] | None:
        # The host's own seals hold for everybody; those kept here need a look at each write.
        return None if host.seals(self._fd) is None else (self._fd, self.access | _SEEK)

    def read_into(self, task: "Task", buffers: Sequence[memoryview], offset: int | None) -> int:
        if offset is None:
            return os.readv(self._fd, buffers)
        return os.preadv(self._fd, buffers, offset)

    def write_from(self, task: "Task", buffers: Sequence[memoryview], offset: int | None) -> int:
        if self._own_seals & ~F_SEAL_SEAL:
            self._check_write(sum(map(len, buffers)), offset)
        if offset is None:
            return os.writev(self._fd, buffers)
        return os.pwritev(self._fd, buffers, offset)

    def _check_write(self, size: int, offset: int | None) -> None:
        at = os.lseek(self._fd, 0, os.SEEK_CUR) if offset is None else offset
        grows = at + size > os.fstat(self._fd).st_size
        if self._own_seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE):
            raise SyscallError(Errno.EPERM)
        if grows and self._own_seals & F_SEAL_GROW:
            raise SyscallError(Errno.EPERM)

    def seek(self, offset: int, whence: int) -> int:
        return os.lseek(self._fd, offset, whence if whence <= SEEK_END else os.SEEK_END)

    def truncate(self, size: int) -> None:
        before = os.fstat(self._fd).st_size
        if size < before and self._own_seals & F_SEAL_SHRINK:
            raise SyscallError(Errno.EPERM)
        if size > before and self._own_seals & F_SEAL_GROW:
            raise SyscallError(Errno.EPERM)
        os.ftruncate(self._fd, size)

    def stat(self) -> Attributes:
        status = os.fstat(self._fd)
        return Attributes(
            ino=status.st_ino,
            mode=status.st_mode,
            nlink=0,
            size=status.st_size,
            blocks=status.st_blocks,
            atime_ns=status.st_atime_ns,
            mtime_ns=status.st_mtime_ns,
            ctime_ns=status.st_ctime_ns,
        )

    def describe(self) -> bytes:
        return b"/memfd:%s (deleted)" % self._name

    def reopen(self, task: "Task", flags: int) -> "MemFile":
        """A second description with its own offset (/proc/self/fd/N of a memfd)."""
        return MemFile(host.reopen(self._fd), flags, self._name, self._own_seals)

    def poll(self, events: int) -> int:
        return events & (POLLIN | POLLOUT)

    def wait_fds(self, events: int) -> tuple[()]:
        return ()

    def export(self) -> tuple[dict[str, Any], list[int]]:
        """For SCM_RIGHTS; see `passing.py`."""
        name = self._name.decode("latin-1")
        return {"flags": self.flags, "name": name, "seals": self._own_seals}, [self._fd]

    @classmethod
    def rebuild(cls, state: dict[str, Any], fds: list[int]) -> "MemFile":
        """The receiving side of `export`."""
        return cls(fds[0], state["flags"], state["name"].encode("latin-1"), state["seals"])
