"""memfd_create(2): anonymous files with seals."""

import os
import stat
from collections.abc import Sequence
from typing import TYPE_CHECKING

from elfuse import host
from elfuse.runtime.abi import fcntl as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.files.hostfile import HostFile
from elfuse.runtime.fs.pseudo import Attributes

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE, F_SEAL_FUTURE_WRITE = 1, 2, 4, 8, 16


class MemFile(HostFile):
    """An anonymous file. Seals are the host's, so they hold for every process that has it."""

    def __init__(self, name: bytes, *, sealable: bool, fd: int = -1) -> None:
        super().__init__(
            fd if fd >= 0 else host.sealable_file(os.fsdecode(name), sealable=sealable), abi.O_RDWR
        )
        self.name = name

    @property
    def seals(self) -> int:
        return host.seals(self._fd)

    def add_seals(self, seals: int) -> None:
        if seals & ~0x1F:
            raise SyscallError(Errno.EINVAL)
        host.add_seals(self._fd, seals)

    def read_into(self, task: "Task", buffers: Sequence[memoryview], offset: int | None) -> int:
        if offset is None:
            return os.readv(self._fd, buffers)
        return os.preadv(self._fd, buffers, offset)

    def write_from(self, task: "Task", buffers: Sequence[memoryview], offset: int | None) -> int:
        if offset is None:
            return os.writev(self._fd, buffers)
        return os.pwritev(self._fd, buffers, offset)

    def seek(self, offset: int, whence: int) -> int:
        return os.lseek(self._fd, offset, whence)

    def truncate(self, size: int) -> None:
        os.ftruncate(self._fd, size)

    def stat(self) -> Attributes:
        status = os.fstat(self._fd)
        return Attributes(
            ino=status.st_ino,
            mode=stat.S_IFREG | 0o777,
            nlink=0,
            size=status.st_size,
            blocks=status.st_blocks,
            atime_ns=status.st_atime_ns,
            mtime_ns=status.st_mtime_ns,
            ctime_ns=status.st_ctime_ns,
        )

    def describe(self) -> bytes:
        return b"/memfd:" + self.name + b" (deleted)"

    def reopen(self, task: "Task", flags: int) -> "MemFile":
        return MemFile(self.name, sealable=False, fd=host.reopen(self._fd))
