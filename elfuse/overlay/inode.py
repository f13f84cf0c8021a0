"""Inodes of an overlay: attributes, content and extended attributes; names are in `naming`."""

import errno
import os
import time

from elfuse.overlay import naming
from elfuse.overlay.records import (
    DIRECTORY_SIZE,
    HAS_DATA,
    S_IFMT,
    UNNAMED,
    Attributes,
    Entry,
    Row,
    attributes,
    failure,
)
from elfuse.typing import TYPE_CHECKING, Any, Sequence

if TYPE_CHECKING:
    from elfuse.overlay.journal import Transaction
    from elfuse.overlay.overlay import Overlay

_S_IFIFO, _S_IFCHR, _S_IFDIR, _S_IFBLK = 0o010000, 0o020000, 0o040000, 0o060000
_S_IFREG, _S_IFLNK, _S_IFSOCK = 0o100000, 0o120000, 0o140000
_XATTR_CREATE, _XATTR_REPLACE = 1, 2
_XATTR_NAME_MAX, _XATTR_SIZE_MAX = 255, 65536


class OverlayInode:
    """The one object of a process for an inode number.

    Once the last name is gone the shared state forgets the inode, and the objects that processes
    still hold keep its last metadata for themselves.
    """

    __slots__ = (
        "__weakref__",
        "_detached",
        "_lower",
        "_path",
        "_path_at",
        "_state",
        "_target",
        "fs",
        "ino",
        "type_bits",
    )

    def __init__(self, fs: "Overlay", ino: int, type_bits: int) -> None:
        self.fs = fs
        self.ino = ino
        self.type_bits = type_bits
        self._state = fs.state
        self._detached: Row | None = None
        self._lower: Attributes | None = None
        self._target = b""
        self._path = b""
        self._path_at = -1

    def __repr__(self) -> str:
        return f"<OverlayInode {self.ino}{' removed' if self._detached else ''}>"

    # Attributes

    def detach(self, row: Row) -> None:
        """The shared state is about to forget the inode, whose metadata is `row`."""
        if self._detached is None:
            self._detached = row._replace(nlink=0)

    def _row(self) -> Row:
        self.fs.journal.refresh()
        row = self._detached or self._state.row(self.ino)
        if row is None:
            raise failure(errno.ENOENT)
        return row

    def stat(self, fd: int | None = None) -> Attributes:
        """Attributes; of a removed file with content in the upper only with its descriptor exact."""
        self.fs.journal.refresh()
        row = self._detached or self._state.rows.get(self.ino)
        if row is None:
            if self._lower is None:
                self._lower = self._state.tree.attributes(self.ino)
            return self._lower
        if row.flags & HAS_DATA:
            return self._stat_data(row, fd)
        if self.type_bits == _S_IFDIR:
            return attributes(self.ino, row, DIRECTORY_SIZE)
        if self.type_bits == _S_IFREG:
            return attributes(self.ino, row, self._state.tree.size(self.ino))
        return attributes(self.ino, row, len(row.target))

    def _stat_data(self, row: Row, fd: int | None) -> Attributes:
        """The host's file knows size and times better than the journal."""
        try:
            if self._detached is not None and fd is not None:
                found = os.fstat(fd)
            else:
                found = os.stat(self.fs.data_path(self.ino))
        except FileNotFoundError:
            if fd is None:
                return attributes(self.ino, row, 0)
            found = os.fstat(fd)
        return Attributes(
            self.ino,
            row.mode,
            row.nlink,
            row.uid,
            row.gid,
            0,
            0,
            found.st_size,
            found.st_blocks,
            found.st_atime_ns,
            found.st_mtime_ns,
            max(row.ctime_ns, found.st_ctime_ns),
        )

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
        """Change what is given and set ctime."""
        if self.fs.read_only:
            raise failure(errno.EROFS)
        if mode is not None and self.type_bits == _S_IFLNK:
            raise failure(errno.EOPNOTSUPP)
        if size is not None:
            self._truncate(size)
        times = atime_ns is not None or mtime_ns is not None
        if mode is uid is gid is None:
            if times and self._row().flags & HAS_DATA and self._detached is None:
                self._set_data_times(atime_ns, mtime_ns)
                return
            if not times:
                return
        with self.fs.transaction() as change:
            row = self._present(change)
            changed: dict[str, Any] = {}
            if uid is not None:
                changed["uid"] = uid
            if gid is not None:
                changed["gid"] = gid
            if mode is not None:
                changed["mode"] = self.type_bits | mode & 0o7777
            if times and row.flags & HAS_DATA and self._detached is None:
                self._set_data_times(atime_ns, mtime_ns)
            elif times:
                changed["atime_ns"] = row.atime_ns if atime_ns is None else atime_ns
                changed["mtime_ns"] = row.mtime_ns if mtime_ns is None else mtime_ns
            self._put(change, row._replace(ctime_ns=time.time_ns(), **changed))

    def _present(self, change: "Transaction") -> Row:
        """Its metadata. The transaction has read what others did, so a removal is known by now."""
        return change.row(self.ino) if self._detached is None else self._detached

    def _put(self, change: "Transaction", row: Row) -> None:
        if self._detached is None:
            change.rows[self.ino] = row
        else:
            self._detached = row

    def _set_data_times(self, atime_ns: int | None, mtime_ns: int | None) -> None:
        path = self.host_path()
        if atime_ns is None or mtime_ns is None:
            found = os.stat(path)
            atime_ns = found.st_atime_ns if atime_ns is None else atime_ns
            mtime_ns = found.st_mtime_ns if mtime_ns is None else mtime_ns
        os.utime(path, ns=(atime_ns, mtime_ns))

    def _truncate(self, size: int) -> None:
        if self.type_bits == _S_IFDIR:
            raise failure(errno.EISDIR)
        if self.type_bits != _S_IFREG or size < 0:
            raise failure(errno.EINVAL)
        row = self._row()
        if self._detached is not None:
            # Its descriptors are the only way to the content.
            raise failure(errno.ENOENT)
        if not row.flags & HAS_DATA:
            self._copy_up(size)
            os.utime(self.fs.data_path(self.ino))
        # By path: closing a descriptor would drop the process's record locks on the file.
        os.truncate(self.host_path(), size)

    def _copy_up(self, size: int | None = None) -> None:
        from elfuse.overlay.copyup import copy_up  # a start without writes does without

        copy_up(self.fs, self.ino, size)

    # Content

    def open(self, flags: int) -> int:
        """A host descriptor on a regular file or fifo."""
        writes = flags & os.O_ACCMODE != os.O_RDONLY
        flags |= os.O_CLOEXEC | os.O_NOCTTY | os.O_NOFOLLOW
        if self.type_bits == _S_IFIFO:
            return os.open(self.host_path(), flags)
        if self.type_bits != _S_IFREG:
            raise failure(errno.EINVAL)
        if writes and self.fs.read_only:
            raise failure(errno.EROFS)
        row = self._row()
        if not row.flags & HAS_DATA:
            if not writes:
                return os.open(self.fs.object_path(self.ino), flags)
            if self._detached is not None:
                raise failure(errno.ENOENT)
            self._copy_up()
        if self._detached is None:
            flags |= os.O_CREAT
        return os.open(self.fs.data_path(self.ino), flags, 0o600)

    def host_path(self) -> bytes:
        """The host's name of a regular file, fifo or socket, which exists from now on."""
        row = self._row()
        if self._detached is not None:
            raise failure(errno.ENOENT)
        path = self.fs.data_path(self.ino)
        if self.type_bits == _S_IFREG:
            if self.fs.read_only:
                raise failure(errno.EROFS)
            if not row.flags & HAS_DATA:
                self._copy_up()
        elif self.type_bits not in (_S_IFIFO, _S_IFSOCK):
            raise failure(errno.EINVAL)
        if not os.path.lexists(path):
            _make_host_file(path, self.type_bits)
        return path

    def readlink(self) -> bytes:
        """EINVAL unless a symbolic link."""
        if self.type_bits != _S_IFLNK:
            raise failure(errno.EINVAL)
        if not self._target:
            self._target = self._row().target
        return self._target

    # Extended attributes

    def getxattr(self, name: bytes) -> bytes:
        """ENODATA if there is no such attribute."""
        value = (self._row().xattrs or {}).get(name)
        if value is None:
            raise failure(errno.ENODATA)
        return value

    def listxattr(self) -> list[bytes]:
        """The names of all attributes."""
        return list(self._row().xattrs or ())

    def setxattr(self, name: bytes, value: bytes, flags: int) -> None:
        """`flags` 1 is XATTR_CREATE, 2 XATTR_REPLACE."""
        if not 0 < len(name) <= _XATTR_NAME_MAX:
            raise failure(errno.ERANGE)
        if len(value) > _XATTR_SIZE_MAX:
            raise failure(errno.E2BIG)
        if name.startswith(b"user.") and self.type_bits not in (_S_IFREG, _S_IFDIR):
            raise failure(errno.EPERM)
        with self.fs.transaction() as change:
            row = self._present(change)
            held = row.xattrs or {}
            if flags & _XATTR_CREATE and name in held:
                raise failure(errno.EEXIST)
            if flags & _XATTR_REPLACE and name not in held:
                raise failure(errno.ENODATA)
            self._put(change, row._replace(ctime_ns=time.time_ns(), xattrs={**held, name: value}))

    def removexattr(self, name: bytes) -> None:
        """ENODATA if there is no such attribute."""
        with self.fs.transaction() as change:
            row = self._present(change)
            held = dict(row.xattrs or {})
            if held.pop(name, None) is None:
                raise failure(errno.ENODATA)
            self._put(change, row._replace(ctime_ns=time.time_ns(), xattrs=held or None))

    # Directories

    def _need_directory(self) -> None:
        if self.type_bits != _S_IFDIR:
            raise failure(errno.ENOTDIR)

    def lookup(self, name: bytes) -> "OverlayInode":
        """FileNotFoundError if absent, NotADirectoryError if this is no directory."""
        self._need_directory()
        self.fs.journal.refresh()
        ino = 0 if self._detached is not None else self._state.child(self.ino, name)
        if not ino:
            raise failure(errno.ENOENT if len(name) <= naming.NAME_MAX else errno.ENAMETOOLONG)
        return self.fs.inode(ino)

    def parent(self) -> "OverlayInode":
        """The directory that holds this directory; the root is its own parent."""
        self._need_directory()
        parent = self._row().parent
        if self._state.row(parent) is None:
            raise failure(errno.ENOENT)
        return self.fs.inode(parent)

    def path(self) -> bytes:
        """Path of a directory from the root; FileNotFoundError once it is removed."""
        self._need_directory()
        self.fs.journal.refresh()
        if self._detached is not None:
            raise failure(errno.ENOENT)
        if self._path_at != self._state.moves:
            self._path = self._state.path(self.ino)
            self._path_at = self._state.moves
        return self._path

    def entries(self) -> Sequence[Entry]:
        """A snapshot of the names."""
        self._need_directory()
        self.fs.journal.refresh()
        return [] if self._detached is not None else self._state.entries(self.ino)

    def create(self, name: bytes, mode: int, uid: int, gid: int) -> "OverlayInode":
        """A new empty regular file; FileExistsError if the name is taken."""
        return naming.make(self, name, new_row(_S_IFREG | mode & 0o7777, uid, gid, flags=HAS_DATA))

    def mkdir(self, name: bytes, mode: int, uid: int, gid: int) -> "OverlayInode":
        """A new directory."""
        return naming.make(self, name, new_row(_S_IFDIR | mode & 0o7777, uid, gid))

    def mknod(
        self, name: bytes, mode: int, uid: int, gid: int, major: int = 0, minor: int = 0
    ) -> "OverlayInode":
        """A fifo, socket or device node, or an empty regular file."""
        kind = mode & S_IFMT
        if kind in (0, _S_IFREG):
            return self.create(name, mode, uid, gid)
        if kind == _S_IFDIR:
            raise failure(errno.EPERM)
        if kind not in (_S_IFIFO, _S_IFSOCK, _S_IFCHR, _S_IFBLK):
            raise failure(errno.EINVAL)
        return naming.make(self, name, new_row(mode, uid, gid, major=major, minor=minor))

    def symlink(self, name: bytes, target: bytes, uid: int, gid: int) -> "OverlayInode":
        """A new symbolic link."""
        return naming.make(self, name, new_row(_S_IFLNK | 0o777, uid, gid, target=target))

    def tmpfile(self, mode: int, uid: int, gid: int) -> "OverlayInode":
        """A regular file without a name."""
        self._need_directory()
        row = new_row(_S_IFREG | mode & 0o7777, uid, gid, flags=HAS_DATA | UNNAMED)
        return self.fs.unnamed(row._replace(nlink=0))

    def link(self, name: bytes, inode: object) -> None:
        """One more name for `inode` (not a directory) of this filesystem."""
        naming.link(self, name, self._same_filesystem(inode))

    def unlink(self, name: bytes) -> None:
        """IsADirectoryError for a directory. Open descriptors stay usable."""
        naming.unlink(self, name)

    def rmdir(self, name: bytes) -> None:
        """ENOTEMPTY unless empty; NotADirectoryError for a file."""
        naming.rmdir(self, name)

    def rename(self, name: bytes, to: object, to_name: bytes, flags: int) -> None:
        """rename(2) within the filesystem; `flags` 1 is RENAME_NOREPLACE, 2 RENAME_EXCHANGE."""
        naming.rename(self, name, self._same_filesystem(to), to_name, flags)

    def _same_filesystem(self, other: object) -> "OverlayInode":
        if not isinstance(other, OverlayInode) or other.fs is not self.fs:
            raise failure(errno.EXDEV)
        return other


def new_row(
    mode: int,
    uid: int,
    gid: int,
    *,
    major: int = 0,
    minor: int = 0,
    flags: int = 0,
    target: bytes = b"",
) -> Row:
    """The metadata of something made now."""
    now = time.time_ns()
    return Row(mode, 1, uid, gid, major, minor, now, now, now, flags, 0, b"", target)


def _make_host_file(path: bytes, kind: int) -> None:
    try:
        if kind == _S_IFIFO:
            os.mkfifo(path, 0o600)
        elif kind == _S_IFSOCK:
            _make_socket(path)
        else:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        # Another process was first.
        return


def _make_socket(path: bytes) -> None:
    """A socket nobody listens on, as a placeholder for one that is bound later."""
    try:
        os.mknod(path, _S_IFSOCK | 0o600)
    except PermissionError:
        # macOS lets only root make one so; a file refuses connections as well.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
