"""Building blocks of filesystems whose contents the kernel makes up: proc, sys, pts.

They satisfy `vfs.filesystem` and are read-only in their names: creating, removing and renaming
fail as on Linux's procfs.
"""

from __future__ import annotations

import errno  # noqa: TID251 - raised to callers who expect the host's OSErrors
import os
import stat
import time

from elfuse.record import Record
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.poll import POLLIN, POLLOUT
from elfuse.runtime.files.base import OpenFile
from elfuse.typing import TYPE_CHECKING, Callable, Iterable, NoReturn, Sequence

if TYPE_CHECKING:
    from elfuse.runtime.task import Task
    from elfuse.runtime.vfs.location import Location

SEEK_SET, SEEK_CUR = 0, 1


class Attributes(Record):
    """`vfs.filesystem.Attributes` of a made-up inode."""

    ino: int
    mode: int
    nlink: int = 1
    uid: int = 0
    gid: int = 0
    rdev_major: int = 0
    rdev_minor: int = 0
    size: int = 0
    blocks: int = 0
    atime_ns: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0


class Name(Record):
    """`vfs.filesystem.DirectoryEntry`."""

    name: bytes
    ino: int
    type: int


class Capacity(Record):
    """`vfs.filesystem.StatFs` of a filesystem without storage."""

    magic: int
    block_size: int = 4096
    blocks: int = 0
    blocks_free: int = 0
    files: int = 0
    files_free: int = 0


class PseudoFilesystem:
    """A tree that `root` describes. `magic` and `type_name` as statfs(2) and mount(8) show them."""

    read_only = False

    def __init__(self, type_name: str, magic: int) -> None:
        self.type_name = type_name
        self._magic = magic
        self._root: PseudoInode | None = None
        self._numbers: dict[bytes, int] = {}

    def attach(self, root: PseudoInode) -> None:
        """Set the root; inodes need their filesystem first."""
        self._root = root

    def root(self) -> PseudoInode:
        assert self._root is not None
        return self._root

    def statfs(self) -> Capacity:
        return Capacity(self._magic)

    def number(self, path: bytes) -> int:
        """The inode number of what lies at a path of this filesystem."""
        return self._numbers.setdefault(path, len(self._numbers) + 1)


def _refuse(number: int) -> NoReturn:
    raise OSError(number, os.strerror(number))


class PseudoInode:
    """Base of every made-up inode: what it cannot do fails as procfs fails."""

    def __init__(self, fs: PseudoFilesystem, path: bytes, mode: int) -> None:
        self.fs = fs
        self._path = path
        self.ino = fs.number(path)
        self._mode = mode
        self.type_bits = stat.S_IFMT(mode)
        self._made_ns = time.time_ns()

    def owner(self) -> tuple[int, int]:
        return 0, 0

    def device(self) -> tuple[int, int]:
        """Major and minor number of a device node."""
        return 0, 0

    def stat(self, fd: int | None = None) -> Attributes:
        uid, gid = self.owner()
        major, minor = self.device()
        made = self._made_ns
        return Attributes(
            ino=self.ino,
            mode=self._mode,
            nlink=2 if stat.S_ISDIR(self._mode) else 1,
            uid=uid,
            gid=gid,
            rdev_major=major,
            rdev_minor=minor,
            atime_ns=made,
            mtime_ns=made,
            ctime_ns=made,
        )

    def lookup(self, name: bytes) -> PseudoInode:
        _refuse(errno.ENOTDIR)

    def parent(self) -> PseudoInode:
        """Walks down again from the root; pseudo trees are shallow."""
        inode = self.fs.root()
        for name in self._path.split(b"/")[1:-1]:
            inode = inode.lookup(name)
        return inode

    def path(self) -> bytes:
        return self._path

    def entries(self) -> Sequence[Name]:
        _refuse(errno.ENOTDIR)

    def readlink(self) -> bytes:
        _refuse(errno.EINVAL)

    def open(self, flags: int) -> int:
        _refuse(errno.ENXIO)

    def open_file(self, task: Task, location: Location, flags: int) -> OpenFile:
        """The description for open(2); directories are opened by the caller."""
        raise SyscallError(Errno.ENXIO)

    def follow(self, task: Task) -> Location | None:
        """Where a magic link leads; None for an ordinary symbolic link."""
        return None

    def host_path(self) -> bytes:
        _refuse(errno.ENXIO)

    def create(self, name: bytes, mode: int, uid: int, gid: int) -> NoReturn:
        _refuse(errno.EACCES)

    def mkdir(self, name: bytes, mode: int, uid: int, gid: int) -> NoReturn:
        _refuse(errno.EPERM)

    def mknod(
        self, name: bytes, mode: int, uid: int, gid: int, major: int = 0, minor: int = 0
    ) -> NoReturn:
        _refuse(errno.EPERM)

    def symlink(self, name: bytes, target: bytes, uid: int, gid: int) -> NoReturn:
        _refuse(errno.EPERM)

    def link(self, name: bytes, inode: object) -> None:
        _refuse(errno.EPERM)

    def unlink(self, name: bytes) -> None:
        _refuse(errno.EPERM)

    def rmdir(self, name: bytes) -> None:
        _refuse(errno.EPERM)

    def rename(self, name: bytes, to: object, to_name: bytes, flags: int) -> None:
        _refuse(errno.EPERM)

    def tmpfile(self, mode: int, uid: int, gid: int) -> NoReturn:
        _refuse(errno.EOPNOTSUPP)

    def setattr(
        self,
        *,
        mode: int | None = None,
        uid: int | None = None,
        gid: int | None = None,
        size: int | None = None,
        atime_ns: int | None = None,
        mtime_ns: int | None = None,
    ) -> None:
        # O_TRUNC on a writable control file is common and means nothing (`echo x > /proc/...`).
        if any(value is not None for value in (mode, uid, gid, atime_ns, mtime_ns)):
            _refuse(errno.EPERM)

    def getxattr(self, name: bytes) -> bytes:
        _refuse(errno.EOPNOTSUPP)

    def setxattr(self, name: bytes, value: bytes, flags: int) -> None:
        _refuse(errno.EOPNOTSUPP)

    def listxattr(self) -> list[bytes]:
        return []

    def removexattr(self, name: bytes) -> None:
        _refuse(errno.EOPNOTSUPP)


Maker = Callable[[PseudoFilesystem, bytes], PseudoInode]
"""Makes the inode at a path."""


class Directory(PseudoInode):
    """A directory with fixed names, and possibly more that come and go (`dynamic`)."""

    def __init__(
        self,
        fs: PseudoFilesystem,
        path: bytes,
        makers: dict[bytes, Maker],
        *,
        names: Callable[[], Iterable[bytes]] = tuple,
        dynamic: Callable[[bytes], Maker | None] = lambda _name: None,
        mode: int = 0o555,
    ) -> None:
        super().__init__(fs, path, stat.S_IFDIR | mode)
        self._makers = makers
        self._names = names
        self._dynamic = dynamic
        self._inodes: dict[bytes, PseudoInode] = {}

    def lookup(self, name: bytes) -> PseudoInode:
        found = self._inodes.get(name)
        if found is not None:
            return found
        maker = self._makers.get(name)
        below = (b"" if self._path == b"/" else self._path) + b"/" + name
        if maker is not None:
            found = self._inodes[name] = maker(self.fs, below)
            return found
        maker = self._dynamic(name)
        if maker is None:
            _refuse(errno.ENOENT)
        return maker(self.fs, below)

    def entries(self) -> Sequence[Name]:
        found = []
        for name in (*self._makers, *self._names()):
            try:
                inode = self.lookup(name)
            except FileNotFoundError:
                continue
            found.append(Name(name, inode.ino, stat.S_IFMT(inode.stat().mode)))
        return found


class Link(PseudoInode):
    """A symbolic link with a computed target."""

    def __init__(self, fs: PseudoFilesystem, path: bytes, target: Callable[[], bytes]) -> None:
        super().__init__(fs, path, stat.S_IFLNK | 0o777)
        self._target = target

    def readlink(self) -> bytes:
        return self._target()


class MagicLink(Link):
    """A link that leads to an object, not to a path (/proc/PID/fd/N, exe, cwd, root)."""

    def __init__(
        self,
        fs: PseudoFilesystem,
        path: bytes,
        target: Callable[[], bytes],
        destination: Callable[[], Location | None],
    ) -> None:
        super().__init__(fs, path, target)
        self._destination = destination

    def follow(self, task: Task) -> Location | None:
        return self._destination()


class Text(PseudoInode):
    """A file whose contents are made when it is opened; `store` accepts what is written."""

    def __init__(
        self,
        fs: PseudoFilesystem,
        path: bytes,
        contents: Callable[[], bytes],
        *,
        store: Callable[[bytes], None] | None = None,
        mode: int | None = None,
    ) -> None:
        permissions = mode if mode is not None else 0o644 if store else 0o444
        super().__init__(fs, path, stat.S_IFREG | permissions)
        self.contents = contents
        self.store = store

    def open_file(self, task: Task, location: Location, flags: int) -> OpenFile:
        made = TextFile(self, flags)
        made.location = location
        if made.writable and self.store is None:
            raise SyscallError(Errno.EACCES)
        return made


class TextFile(OpenFile):
    """An open made-up file: contents are taken anew whenever reading starts at offset 0."""

    def __init__(self, inode: Text, flags: int) -> None:
        super().__init__(flags)
        self._inode = inode
        self._data = b""
        self._position = 0

    def read_into(self, task: Task, buffers: Sequence[memoryview], offset: int | None) -> int:
        at = self._position if offset is None else offset
        if at == 0:
            self._data = self._inode.contents()
        total = 0
        for buffer in buffers:
            part = self._data[at + total : at + total + len(buffer)]
            buffer[: len(part)] = part
            total += len(part)
        if offset is None:
            self._position += total
        return total

    def write_from(self, task: Task, buffers: Sequence[memoryview], offset: int | None) -> int:
        store = self._inode.store
        if store is None:
            raise SyscallError(Errno.EACCES)
        data = b"".join(bytes(buffer) for buffer in buffers)
        store(data)
        return len(data)

    def seek(self, offset: int, whence: int) -> int:
        if whence == SEEK_CUR:
            offset += self._position
        elif whence != SEEK_SET:
            raise SyscallError(Errno.EINVAL)
        if offset < 0:
            raise SyscallError(Errno.EINVAL)
        self._position = offset
        return offset

    def stat(self) -> Attributes:
        return self._inode.stat()

    def truncate(self, size: int) -> None:
        return

    def poll(self, events: int) -> int:
        return events & (POLLIN | POLLOUT)

    def describe(self) -> bytes:
        return self.location.path() if self.location else self._inode.path()
