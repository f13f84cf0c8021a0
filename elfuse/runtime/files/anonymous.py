"""What eventfd, timerfd, signalfd and epoll descriptions have in common: no place in the tree."""

import os
import stat

from elfuse import host
from elfuse.runtime.abi.fcntl import O_RDWR
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.fs.pseudo import Attributes

_ANON_INODE = 1057
"""All of them share one inode on Linux too (fs/anon_inodes.c)."""


class AnonymousFile(OpenFile):
    """An open file description on the anonymous inode."""

    kind = b"[file]"

    def describe(self) -> bytes:
        return b"anon_inode:" + self.kind

    def stat(self) -> Attributes:
        return Attributes(ino=_ANON_INODE, mode=0o600)


class SharedMemory(OpenFile):
    """What is mapped by MAP_SHARED | MAP_ANONYMOUS: a file of its own size that has no name."""

    def __init__(self, fd: int) -> None:
        super().__init__(O_RDWR)
        self._fd = fd

    @classmethod
    def create(cls, size: int) -> "SharedMemory | None":
        """None where the host has such memory without a descriptor only."""
        fd = host.shared_memory(size)
        return None if fd is None else cls(fd)

    def host_fd(self) -> int:
        return self._fd

    def close(self) -> None:
        os.close(self._fd)

    def describe(self) -> bytes:
        return b"/dev/zero (deleted)"

    def stat(self) -> Attributes:
        found = os.fstat(self._fd)
        mode = stat.S_IFREG | 0o777
        return Attributes(ino=found.st_ino, mode=mode, nlink=0, size=found.st_size)
