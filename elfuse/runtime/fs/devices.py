"""Character devices by number, and what /dev holds."""

from __future__ import annotations

import os
import stat

from elfuse.engine.protocol import Ability
from elfuse.host import terminal
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.fcntl import O_ACCMODE, O_NOCTTY
from elfuse.runtime.abi.poll import POLLIN, POLLOUT
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.fs.pseudo import Directory, Maker, PseudoFilesystem, PseudoInode
from elfuse.typing import TYPE_CHECKING, Sequence

if TYPE_CHECKING:
    from elfuse.runtime.task import Task
    from elfuse.runtime.vfs.filesystem import Attributes, Filesystem
    from elfuse.runtime.vfs.location import Location

DEVPTS_SUPER_MAGIC = 0x1CD1
_PTS_MAJOR = 136
_NODES = {
    b"null": (1, 3, 0o666),
    b"zero": (1, 5, 0o666),
    b"full": (1, 7, 0o666),
    b"random": (1, 8, 0o666),
    b"urandom": (1, 9, 0o666),
    b"tty": (5, 0, 0o666),
    b"console": (5, 1, 0o620),
}
_LINKS = {
    b"fd": b"/proc/self/fd",
    b"stdin": b"/proc/self/fd/0",
    b"stdout": b"/proc/self/fd/1",
    b"stderr": b"/proc/self/fd/2",
    b"ptmx": b"pts/ptmx",
}


_open: dict[bytes, int] = {}


def _host_device(path: bytes) -> int | None:
    """A descriptor on a device of the host, kept for all who open it in the guest."""
    if path not in _open:
        try:
            _open[path] = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
    return _open[path]


class DeviceFile(OpenFile):
    """A memory device: never blocks, has no position."""

    host_path = b""
    """A device of the host that does the same."""
    _host_abilities = int(Ability.READ | Ability.WRITE)

    def direct(self) -> tuple[int, int] | None:
        fd = _host_device(self.host_path)
        return None if fd is None else (fd, self.access & self._host_abilities)

    def __init__(self, location: Location, flags: int) -> None:
        super().__init__(flags)
        self.location = location

    def stat(self) -> Attributes:
        assert self.location is not None
        return self.location.inode.stat()

    def describe(self) -> bytes:
        return self.location.path() if self.location else b""

    def seek(self, offset: int, whence: int) -> int:
        return 0

    def poll(self, events: int) -> int:
        return events & (POLLIN | POLLOUT)

    def write_from(self, task: Task, buffers: Sequence[memoryview], offset: int | None) -> int:
        return sum(len(buffer) for buffer in buffers)


class NullFile(DeviceFile):
    """/dev/null."""

    host_path = b"/dev/null"

    def read_into(self, task: Task, buffers: Sequence[memoryview], offset: int | None) -> int:
        return 0


class ZeroFile(DeviceFile):
    """/dev/zero."""

    host_path = b"/dev/zero"

    def mapped(self) -> None:
        return None

    def read_into(self, task: Task, buffers: Sequence[memoryview], offset: int | None) -> int:
        for buffer in buffers:
            buffer[:] = bytes(len(buffer))
        return sum(len(buffer) for buffer in buffers)


class FullFile(ZeroFile):
    """/dev/full."""

    _host_abilities = int(Ability.READ)

    def write_from(self, task: Task, buffers: Sequence[memoryview], offset: int | None) -> int:
        raise SyscallError(Errno.ENOSPC)


class RandomFile(DeviceFile):
    """/dev/random and /dev/urandom."""

    host_path = b"/dev/urandom"
    _host_abilities = int(Ability.READ)

    def read_into(self, task: Task, buffers: Sequence[memoryview], offset: int | None) -> int:
        for buffer in buffers:
            buffer[:] = os.urandom(len(buffer))
        return sum(len(buffer) for buffer in buffers)


_MEMORY = {3: NullFile, 5: ZeroFile, 7: FullFile, 8: RandomFile, 9: RandomFile}


def open_device(task: Task, location: Location, major: int, minor: int, flags: int) -> OpenFile:
    """Open a character device wherever its node lies; ENXIO for a number nobody serves."""
    if major == 1 and minor in _MEMORY:
        return _MEMORY[minor](location, flags)
    # Terminals pull in job control, which few programs need.
    from elfuse.runtime.files.tty import MasterFile, TtyFile

    made: OpenFile
    if major == 5 and minor in (0, 1):
        made = TtyFile(terminal.open_controlling_terminal(flags & O_ACCMODE), flags)
    elif major == 5 and minor == 2:
        made = MasterFile(flags)
    elif major == _PTS_MAJOR:
        slave = TtyFile(terminal.open_terminal(minor, flags & O_ACCMODE), flags, number=minor)
        if not flags & O_NOCTTY:
            slave.become_controlling(task)
        made = slave
    else:
        raise SyscallError(Errno.ENXIO)
    made.location = location
    return made


def populate(dev: Filesystem) -> None:
    """Fill an empty filesystem with what a container's /dev has."""
    root = dev.root()
    for name, (major, minor, mode) in _NODES.items():
        root.mknod(name, stat.S_IFCHR | mode, 0, 0, major, minor)
    for name, target in _LINKS.items():
        root.symlink(name, target, 0, 0)
    for name in (b"pts", b"shm", b"mqueue"):
        root.mkdir(name, 0o1777 if name != b"pts" else 0o755, 0, 0)


class _Slave(PseudoInode):
    """/dev/pts/N."""

    def __init__(self, fs: PseudoFilesystem, path: bytes, number: int) -> None:
        super().__init__(fs, path, stat.S_IFCHR | 0o620)
        self._number = number
        # As files/tty.py shows an open one, so that ttyname(3) recognises it.
        self.ino = number + 3

    def owner(self) -> tuple[int, int]:
        return 0, 5

    def device(self) -> tuple[int, int]:
        return _PTS_MAJOR, self._number


class _Multiplexer(PseudoInode):
    """/dev/pts/ptmx."""

    def __init__(self, fs: PseudoFilesystem, path: bytes) -> None:
        super().__init__(fs, path, stat.S_IFCHR | 0o666)

    def device(self) -> tuple[int, int]:
        return 5, 2


def mount_pts() -> PseudoFilesystem:
    """A devpts over the host's pseudo-terminals. Names are found, not listed: the host's others are private."""
    fs = PseudoFilesystem("devpts", DEVPTS_SUPER_MAGIC)

    def dynamic(name: bytes) -> Maker | None:
        if not name.isdigit() or not terminal.exists(int(name)):
            return None
        return lambda below, path: _Slave(below, path, int(name))

    fs.attach(Directory(fs, b"/", {b"ptmx": _Multiplexer}, dynamic=dynamic, mode=0o755))
    return fs
