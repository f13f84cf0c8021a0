"""Read-only image tree below, writable upper above, seen as one filesystem.

Keyed by inode number: a copied-up inode keeps its number and only its row moves to the upper, so
hard links, stable numbers, opaque and renamed directories need no special cases.
"""

import errno
import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from elfuse.host.clone import copy_contents
from elfuse.overlay.journal import WHITEOUT, Journal, Row, Transaction
from elfuse.overlay.tree import Record, Tree

OVERLAYFS_MAGIC = 0x794C7630
ROOT = 1
_NAME_MAX = 255
NOREPLACE, EXCHANGE = 1, 2
_XATTR_CREATE, _XATTR_REPLACE = 1, 2
_BLOCK = 4096


def refuse(number: int) -> NoReturn:
    """Raise OSError with the host's errno."""
    raise OSError(number, os.strerror(number))


@dataclass(frozen=True, slots=True)
class Attributes:
    """What stat shows; satisfies `runtime.vfs.filesystem.Attributes`."""

    ino: int
    mode: int
    nlink: int
    uid: int
    gid: int
    rdev_major: int
    rdev_minor: int
    size: int
    blocks: int
    atime_ns: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class Name:
    """A directory entry."""

    name: bytes
    ino: int
    type: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """What statfs shows: the host filesystem below the upper."""

    magic: int
    block_size: int
    blocks: int
    blocks_free: int
    files: int
    files_free: int


class Overlay:
    """A filesystem over a tree (None: empty) with its changes in `upper`."""

    def __init__(
        self,
        tree: "os.PathLike[str] | None",
        objects: "os.PathLike[str]",
        upper: "os.PathLike[str]",
        *,
        read_only: bool = False,
        type_name: str = "overlay",
        magic: int = OVERLAYFS_MAGIC,
        root_mode: int = 0o755,
    ) -> None:
        self.read_only = read_only
        self.type_name = type_name
        self._magic = magic
        self._objects = os.fspath(objects)
        self._upper = Path(upper)
        self._data = os.path.join(self._upper, "data")
        self.tree = Tree(Path(tree)) if tree is not None else None
        self._records: dict[int, Record] = {}
        lowers = self.tree.inodes if self.tree is not None else ROOT
        self.journal = Journal(self._upper, lowers + 1)
        os.makedirs(self._data, mode=0o700, exist_ok=True)
        if self.tree is None and ROOT not in self._refreshed().rows:
            now = time.time_ns()
            with self.journal.transaction() as change:
                mode = stat.S_IFDIR | root_mode
                change.set_row(ROOT, Row(mode, 0, 0, 2, 0, now, now, now, parent=ROOT))

    def root(self) -> "OverlayInode":
        return OverlayInode(self, ROOT, stat.S_IFDIR)

    def statfs(self) -> Capacity:
        found = os.statvfs(self._upper)
        return Capacity(
            self._magic, found.f_frsize, found.f_blocks, found.f_bavail, found.f_files, found.f_ffree
        )

    def _refreshed(self) -> Journal:
        self.journal.refresh()
        return self.journal

    # Rows

    def record(self, ino: int) -> Record | None:
        """The tree's record of an inode, None if the tree has none."""
        found = self._records.get(ino)
        if found is None:
            if self.tree is None or not 1 <= ino <= self.tree.inodes:
                return None
            found = self._records[ino] = self.tree.record(ino)
        return found

    def row(self, ino: int) -> Row:
        """An inode as it is now."""
        row = self._refreshed().rows.get(ino)
        if row is not None:
            return row
        return self.lower_row(ino)

    def lower_row(self, ino: int) -> Row:
        """An inode as the tree has it; ENOENT if it does not."""
        record = self.record(ino)
        if record is None:
            refuse(errno.ENOENT)
        time_ns = record.mtime_ns
        target = record.data if stat.S_ISLNK(record.mode) else b""
        return Row(
            record.mode, record.uid, record.gid, record.nlink, record.size, time_ns, time_ns,
            time_ns, record.major, record.minor, record.parent, False, target, record.xattrs,
        )  # fmt: skip

    def child(self, directory: int, name: bytes) -> int:
        """The inode of a name, 0 if there is none."""
        changed = self._refreshed().names.get(directory)
        if changed is not None:
            ino = changed.get(name)
            if ino is not None:
                return ino
        return self.lower_child(directory, name)

    def lower_child(self, directory: int, name: bytes) -> int:
        record = self.record(directory)
        if record is None or self.tree is None or not record.count:
            return 0
        return self.tree.lookup(record, name)

    def children(self, directory: int) -> dict[bytes, tuple[int, int]]:
        """name -> (inode, S_IFMT bits): the tree's, covered by the upper's."""
        changed = self._refreshed().names.get(directory, {})
        found: dict[bytes, tuple[int, int]] = {}
        record = self.record(directory)
        if record is not None and self.tree is not None:
            for name, ino, kind in self.tree.entries(record):
                if name not in changed:
                    found[name] = (ino, kind)
        for name, ino in changed.items():
            if ino != WHITEOUT:
                found[name] = (ino, stat.S_IFMT(self.row(ino).mode))
        return found

    # Contents

    def data_path(self, ino: int) -> str:
        return f"{self._data}/{ino:x}"

    def object_path(self, ino: int) -> str:
        record = self.record(ino)
        assert record is not None
        name = record.data.hex()
        return f"{self._objects}/{name[:2]}/{name[2:]}"

    def copy_up(self, ino: int, *, contents: bool = True) -> None:
        """Give a file of the tree a content of its own; the file becomes the upper's."""
        if self.row(ino).own:
            return
        self.require_writable()
        with self.journal.transaction() as change:
            row = self.row(ino)
            if row.own:
                return
            temporary = self.data_path(ino) + ".part"
            to = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                if contents and row.size:
                    source = os.open(self.object_path(ino), os.O_RDONLY | os.O_CLOEXEC)
                    try:
                        copy_contents(source, to)
                    finally:
                        os.close(source)
                os.utime(to, ns=(row.atime_ns, row.mtime_ns))
            finally:
                os.close(to)
            os.rename(temporary, self.data_path(ino))
            change.set_row(ino, row.with_(own=True))

    def require_writable(self) -> None:
        if self.read_only:
            refuse(errno.EROFS)

    # Changes of names

    def put_name(self, change: Transaction, directory: int, name: bytes, ino: int) -> None:
        change.set_name(directory, name, ino)

    def drop_name(self, change: Transaction, directory: int, name: bytes) -> None:
        # A whiteout hides the tree's entry; where there is none it does no harm.
        change.set_name(directory, name, WHITEOUT)

    def current(self, change: Transaction, ino: int) -> Row:
        """A row with what this transaction has changed so far."""
        return change.rows.get(ino) or self.row(ino)

    def touch(self, change: Transaction, directory: int, *, links: int = 0) -> None:
        """A directory's names have changed."""
        row, now = self.current(change, directory), time.time_ns()
        row = row.with_(mtime_ns=now, ctime_ns=now, nlink=row.nlink + links)
        change.set_row(directory, row)

    def drop_link(self, change: Transaction, ino: int) -> bool:
        """One name fewer; whether it was the last."""
        row = self.current(change, ino)
        left = 0 if stat.S_ISDIR(row.mode) else max(0, row.nlink - 1)
        change.set_row(ino, row.with_(nlink=left, ctime_ns=time.time_ns()))
        return left == 0

    def forget_data(self, ino: int) -> None:
        """Remove the content of an inode without names; open descriptors keep it."""
        try:
            os.unlink(self.data_path(ino))
        except FileNotFoundError:
            # It never had one: a file of the tree, a directory, a link.
            return


def check_name(name: bytes) -> None:
    if len(name) > _NAME_MAX:
        refuse(errno.ENAMETOOLONG)


class OverlayInode:
    """A handle on an inode number; satisfies `runtime.vfs.filesystem.Inode`."""

    __slots__ = ("fs", "ino", "type_bits")

    def __init__(self, fs: Overlay, ino: int, type_bits: int) -> None:
        self.fs = fs
        self.ino = ino
        self.type_bits = type_bits

    # Attributes

    def stat(self, fd: int | None = None) -> Attributes:
        fs, row = self.fs, self.fs.row(self.ino)
        size, atime, mtime, ctime = row.size, row.atime_ns, row.mtime_ns, row.ctime_ns
        blocks = -(-size // 512)
        if row.own and self.type_bits == stat.S_IFREG:
            try:
                status = os.fstat(fd) if fd is not None else os.stat(fs.data_path(self.ino))
            except FileNotFoundError:
                # Unlinked, and whoever asks has no descriptor on it.
                pass
            else:
                size, blocks = status.st_size, status.st_blocks
                atime, mtime = status.st_atime_ns, status.st_mtime_ns
                ctime = max(ctime, status.st_ctime_ns)
        elif self.type_bits == stat.S_IFDIR:
            size, blocks = _BLOCK, 8
        return Attributes(
            self.ino, row.mode, row.nlink, row.uid, row.gid, row.major, row.minor,
            size, blocks, atime, mtime, ctime,
        )  # fmt: skip

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
        fs = self.fs
        fs.require_writable()
        if size is not None:
            self._truncate(size)
        if mode is None and uid is None and gid is None and atime_ns is None and mtime_ns is None:
            return
        with fs.journal.transaction() as change:
            row = fs.row(self.ino)
            if mode is not None:
                row = row.with_(mode=stat.S_IFMT(row.mode) | mode)
            row = row.with_(
                uid=row.uid if uid is None else uid,
                gid=row.gid if gid is None else gid,
                atime_ns=row.atime_ns if atime_ns is None else atime_ns,
                mtime_ns=row.mtime_ns if mtime_ns is None else mtime_ns,
                ctime_ns=time.time_ns(),
            )
            change.set_row(self.ino, row)
            if row.own and self.type_bits == stat.S_IFREG and (atime_ns or mtime_ns) is not None:
                self._set_times(atime_ns, mtime_ns)

    def _set_times(self, atime_ns: int | None, mtime_ns: int | None) -> None:
        path = self.fs.data_path(self.ino)
        try:
            status = os.stat(path)
        except FileNotFoundError:
            return
        times = (
            status.st_atime_ns if atime_ns is None else atime_ns,
            status.st_mtime_ns if mtime_ns is None else mtime_ns,
        )
        os.utime(path, ns=times)

    def _truncate(self, size: int) -> None:
        if self.type_bits == stat.S_IFDIR:
            refuse(errno.EISDIR)
        if self.type_bits != stat.S_IFREG:
            refuse(errno.EINVAL)
        self.fs.copy_up(self.ino, contents=size > 0)
        os.truncate(self.fs.data_path(self.ino), size)

    def readlink(self) -> bytes:
        if self.type_bits != stat.S_IFLNK:
            refuse(errno.EINVAL)
        return self.fs.row(self.ino).target

    # Contents

    def open(self, flags: int) -> int:
        fs = self.fs
        if self.type_bits == stat.S_IFIFO:
            return os.open(self.host_path(), flags | os.O_CLOEXEC)
        if self.type_bits != stat.S_IFREG:
            refuse(errno.EISDIR if self.type_bits == stat.S_IFDIR else errno.ENXIO)
        if flags & os.O_ACCMODE != os.O_RDONLY:
            fs.require_writable()
            fs.copy_up(self.ino)
        if fs.row(self.ino).own:
            return os.open(fs.data_path(self.ino), flags | os.O_CLOEXEC)
        return os.open(fs.object_path(self.ino), flags | os.O_CLOEXEC)

    def host_path(self) -> bytes:
        path = self.fs.data_path(self.ino)
        if self.type_bits == stat.S_IFREG:
            self.fs.copy_up(self.ino)
        elif self.type_bits == stat.S_IFIFO:
            try:
                os.mkfifo(path, 0o600)
            except FileExistsError:
                pass
        return os.fsencode(path)

    # Directories

    def _directory(self) -> None:
        if self.type_bits != stat.S_IFDIR:
            refuse(errno.ENOTDIR)

    def lookup(self, name: bytes) -> "OverlayInode":
        self._directory()
        ino = self.fs.child(self.ino, name)
        if not ino:
            check_name(name)
            refuse(errno.ENOENT)
        return self._inode(ino)

    def _inode(self, ino: int) -> "OverlayInode":
        row = self.fs.journal.rows.get(ino)
        record = self.fs.record(ino) if row is None else None
        mode = row.mode if row is not None else record.mode if record is not None else 0
        return OverlayInode(self.fs, ino, stat.S_IFMT(mode))

    def parent(self) -> "OverlayInode":
        return OverlayInode(self.fs, self.fs.row(self.ino).parent or ROOT, stat.S_IFDIR)

    def path(self) -> bytes:
        fs, ino, parts = self.fs, self.ino, []
        while ino != ROOT:
            row = fs.row(ino)
            if not row.nlink:
                refuse(errno.ENOENT)
            name = next((n for n, (i, _kind) in fs.children(row.parent).items() if i == ino), None)
            if name is None:
                refuse(errno.ENOENT)
            parts.append(name)
            ino = row.parent
        return b"/" + b"/".join(reversed(parts))

    def entries(self) -> Sequence[Name]:
        self._directory()
        return [
            Name(name, ino, kind) for name, (ino, kind) in self.fs.children(self.ino).items()
        ]

    def _new(
        self, name: bytes, mode: int, uid: int, gid: int, *, major: int = 0, minor: int = 0,
        target: bytes = b"",
    ) -> "OverlayInode":  # fmt: skip
        fs = self.fs
        self._directory()
        fs.require_writable()
        check_name(name)
        is_directory = stat.S_ISDIR(mode)
        with fs.journal.transaction() as change:
            self._require_alive(change)
            if fs.child(self.ino, name):
                refuse(errno.EEXIST)
            ino, now = change.new_ino(), time.time_ns()
            own = stat.S_ISREG(mode)
            if own:
                self._make_data(ino)
            row = Row(
                mode, uid, gid, 2 if is_directory else 1, len(target), now, now, now, major, minor,
                self.ino if is_directory else 0, own, target,
            )  # fmt: skip
            change.set_row(ino, row)
            fs.put_name(change, self.ino, name, ino)
            fs.touch(change, self.ino, links=int(is_directory))
        return OverlayInode(fs, ino, stat.S_IFMT(mode))

    def _make_data(self, ino: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        os.close(os.open(self.fs.data_path(ino), flags, 0o600))

    def _require_alive(self, change: Transaction) -> None:
        """Nothing can be made in a removed directory."""
        if not self.fs.current(change, self.ino).nlink:
            refuse(errno.ENOENT)

    def create(self, name: bytes, mode: int, uid: int, gid: int) -> "OverlayInode":
        return self._new(name, stat.S_IFREG | mode & 0o7777, uid, gid)

    def mkdir(self, name: bytes, mode: int, uid: int, gid: int) -> "OverlayInode":
        return self._new(name, stat.S_IFDIR | mode & 0o7777, uid, gid)

    def mknod(
        self, name: bytes, mode: int, uid: int, gid: int, major: int = 0, minor: int = 0
    ) -> "OverlayInode":
        kind = stat.S_IFMT(mode) or stat.S_IFREG
        return self._new(name, kind | mode & 0o7777, uid, gid, major=major, minor=minor)

    def symlink(self, name: bytes, target: bytes, uid: int, gid: int) -> "OverlayInode":
        return self._new(name, stat.S_IFLNK | 0o777, uid, gid, target=target)

    def tmpfile(self, mode: int, uid: int, gid: int) -> "OverlayInode":
        fs = self.fs
        self._directory()
        fs.require_writable()
        with fs.journal.transaction() as change:
            ino, now = change.new_ino(), time.time_ns()
            self._make_data(ino)
            row = Row(stat.S_IFREG | mode & 0o7777, uid, gid, 0, 0, now, now, now, own=True)
            change.set_row(ino, row)
        return OverlayInode(fs, ino, stat.S_IFREG)

    def link(self, name: bytes, inode: "OverlayInode") -> None:
        fs = self.fs
        self._directory()
        fs.require_writable()
        check_name(name)
        if inode.type_bits == stat.S_IFDIR:
            refuse(errno.EPERM)
        with fs.journal.transaction() as change:
            self._require_alive(change)
            if fs.child(self.ino, name):
                refuse(errno.EEXIST)
            row = fs.row(inode.ino)
            if not row.nlink and not os.path.exists(fs.data_path(inode.ino)):
                # Unlinked: only an O_TMPFILE inode can get a name again.
                refuse(errno.ENOENT)
            change.set_row(inode.ino, row.with_(nlink=row.nlink + 1, ctime_ns=time.time_ns()))
            fs.put_name(change, self.ino, name, inode.ino)
            fs.touch(change, self.ino)

    def unlink(self, name: bytes) -> None:
        fs = self.fs
        self._directory()
        fs.require_writable()
        with fs.journal.transaction() as change:
            ino = self._existing(name)
            if stat.S_ISDIR(fs.row(ino).mode):
                refuse(errno.EISDIR)
            gone = fs.drop_link(change, ino)
            fs.drop_name(change, self.ino, name)
            fs.touch(change, self.ino)
        if gone:
            fs.forget_data(ino)

    def _existing(self, name: bytes) -> int:
        ino = self.fs.child(self.ino, name)
        if not ino:
            refuse(errno.ENOENT)
        return ino

    def rmdir(self, name: bytes) -> None:
        fs = self.fs
        self._directory()
        fs.require_writable()
        with fs.journal.transaction() as change:
            ino = self._existing(name)
            if not stat.S_ISDIR(fs.row(ino).mode):
                refuse(errno.ENOTDIR)
            if fs.children(ino):
                refuse(errno.ENOTEMPTY)
            fs.drop_link(change, ino)
            fs.drop_name(change, self.ino, name)
            fs.touch(change, self.ino, links=-1)

    def rename(self, name: bytes, to: "OverlayInode", to_name: bytes, flags: int) -> None:
        fs = self.fs
        self._directory()
        to._directory()
        fs.require_writable()
        check_name(to_name)
        if to.fs is not fs:
            refuse(errno.EXDEV)
        forgotten = 0
        with fs.journal.transaction() as change:
            ino = self._existing(name)
            target = fs.child(to.ino, to_name)
            self._check_rename(change, ino, to, target, flags)
            if target == ino and not flags & EXCHANGE:
                return
            if flags & EXCHANGE:
                self._place(change, target, to.ino, self.ino, name)
            elif target:
                directory = stat.S_ISDIR(fs.row(target).mode)
                if fs.drop_link(change, target) and not directory:
                    forgotten = target
                if directory:
                    fs.touch(change, to.ino, links=-1)
            self._place(change, ino, self.ino, to.ino, to_name)
            if not flags & EXCHANGE:
                fs.drop_name(change, self.ino, name)
        if forgotten:
            fs.forget_data(forgotten)

    def _check_rename(
        self, change: Transaction, ino: int, to: "OverlayInode", target: int, flags: int
    ) -> None:
        fs = self.fs
        to._require_alive(change)
        if flags & NOREPLACE and target:
            refuse(errno.EEXIST)
        if flags & EXCHANGE and not target:
            refuse(errno.ENOENT)
        directory = stat.S_ISDIR(fs.row(ino).mode)
        if directory and fs_below(fs, ino, to.ino):
            refuse(errno.EINVAL)
        if not target or target == ino:
            return
        over_directory = stat.S_ISDIR(fs.row(target).mode)
        if flags & EXCHANGE:
            if over_directory and fs_below(fs, target, self.ino):
                refuse(errno.EINVAL)
            return
        if over_directory and fs_below(fs, target, self.ino):
            refuse(errno.ENOTEMPTY)
        if directory and not over_directory:
            refuse(errno.ENOTDIR)
        if over_directory and not directory:
            refuse(errno.EISDIR)
        if over_directory and fs.children(target):
            refuse(errno.ENOTEMPTY)

    def _place(
        self, change: Transaction, ino: int, old: int, new: int, name: bytes
    ) -> None:
        """Give an inode its new name; a directory takes its parent link along."""
        fs = self.fs
        row = fs.current(change, ino)
        directory = stat.S_ISDIR(row.mode)
        change.set_row(
            ino, row.with_(parent=new if directory else row.parent, ctime_ns=time.time_ns())
        )
        fs.put_name(change, new, name, ino)
        moved = int(directory and old != new)
        fs.touch(change, old, links=-moved)
        fs.touch(change, new, links=moved)

    # Extended attributes

    def getxattr(self, name: bytes) -> bytes:
        value = self.fs.row(self.ino).xattrs.get(name)
        if value is None:
            refuse(errno.ENODATA)
        return value

    def listxattr(self) -> list[bytes]:
        return list(self.fs.row(self.ino).xattrs)

    def setxattr(self, name: bytes, value: bytes, flags: int) -> None:
        self.fs.require_writable()
        with self.fs.journal.transaction() as change:
            row = self.fs.row(self.ino)
            if flags & _XATTR_CREATE and name in row.xattrs:
                refuse(errno.EEXIST)
            if flags & _XATTR_REPLACE and name not in row.xattrs:
                refuse(errno.ENODATA)
            xattrs = {**row.xattrs, name: value}
            change.set_row(self.ino, row.with_(xattrs=xattrs, ctime_ns=time.time_ns()))

    def removexattr(self, name: bytes) -> None:
        self.fs.require_writable()
        with self.fs.journal.transaction() as change:
            row = self.fs.row(self.ino)
            if name not in row.xattrs:
                refuse(errno.ENODATA)
            xattrs = {key: value for key, value in row.xattrs.items() if key != name}
            change.set_row(self.ino, row.with_(xattrs=xattrs, ctime_ns=time.time_ns()))


def fs_below(fs: Overlay, ancestor: int, ino: int) -> bool:
    """Whether a directory is `ancestor` or lies below it."""
    while True:
        if ino == ancestor:
            return True
        if ino == ROOT:
            return False
        ino = fs.row(ino).parent


