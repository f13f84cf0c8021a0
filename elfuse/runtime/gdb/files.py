"""Files of the guest that the debugger reads: programs and libraries, as a process sees them."""

from __future__ import annotations

import stat
from itertools import count

from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.fcntl import AT_FDCWD, O_RDONLY
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.task import Task
from elfuse.runtime.vfs import operations

_MOST = 64
"""Open at a time: a debugger that forgets to close must not take all of the host's."""


class Files:
    """What is open. Paths are looked up as the task would, with its root and credentials."""

    def __init__(self) -> None:
        self._open: dict[int, OpenFile] = {}
        self._numbers = count(1)

    def open(self, task: Task, path: bytes) -> int:
        """A number for the file, open for reading. EACCES unless it is a regular one; EMFILE."""
        if len(self._open) >= _MOST:
            raise SyscallError(Errno.EMFILE)
        place = operations.resolve(task, AT_FDCWD, path)
        # Opening others may wait, or do something.
        if place.inode.type_bits != stat.S_IFREG:
            raise SyscallError(Errno.EACCES)
        file = operations.open_location(task, place, O_RDONLY)
        number = next(self._numbers)
        self._open[number] = file.acquire()
        return number

    def _get(self, number: int) -> OpenFile:
        file = self._open.get(number)
        if file is None:
            raise SyscallError(Errno.EBADF)
        return file

    def pread(self, task: Task, number: int, size: int, offset: int) -> bytes:
        """Up to `size` bytes; none at the end."""
        buffer = bytearray(size)
        got = self._get(number).read_into(task, [memoryview(buffer)], offset)
        return bytes(buffer[:got])

    def fstat(self, number: int) -> dict[str, int]:
        """The numbers of stat(2) by their names there, times in seconds."""
        found = self._get(number).stat()
        return {
            "ino": found.ino,
            "mode": found.mode,
            "nlink": found.nlink,
            "uid": found.uid,
            "gid": found.gid,
            "size": found.size,
            "blocks": found.blocks,
            "atime": found.atime_ns // 1_000_000_000,
            "mtime": found.mtime_ns // 1_000_000_000,
            "ctime": found.ctime_ns // 1_000_000_000,
        }

    def readlink(self, task: Task, path: bytes) -> bytes:
        """readlink(2)."""
        place = operations.resolve(task, AT_FDCWD, path, follow=False)
        if place.inode.type_bits != stat.S_IFLNK:
            raise SyscallError(Errno.EINVAL)
        return place.inode.readlink()

    def close(self, number: int) -> None:
        self._get(number).release()
        del self._open[number]
