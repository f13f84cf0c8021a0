"""A directory of the host as a filesystem: sysroots, the host's root in plain mode, volumes.

Every operation is relative to a descriptor of the directory, and no host symbolic link is
followed, so renames and links made meanwhile cannot lead out of the tree.
"""

import errno  # noqa: TID251 - raised to callers who expect the host's OSErrors
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass

from elfuse import host
from elfuse.runtime.fs.pseudo import Name

_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2


class HostAttributes:
    """`vfs.filesystem.Attributes` over the host's stat result."""

    __slots__ = ("_status", "gid", "uid")

    def __init__(self, status: os.stat_result, fakeroot: bool) -> None:
        self._status = status
        own = fakeroot and status.st_uid == os.geteuid()
        self.uid = 0 if own else status.st_uid
        self.gid = 0 if own else status.st_gid

    @property
    def ino(self) -> int:
        return self._status.st_ino

    @property
    def mode(self) -> int:
        return self._status.st_mode

    @property
    def nlink(self) -> int:
        return self._status.st_nlink

    @property
    def rdev_major(self) -> int:
        return os.major(self._status.st_rdev)

    @property
    def rdev_minor(self) -> int:
        return os.minor(self._status.st_rdev)

    @property
    def size(self) -> int:
        return self._status.st_size

    @property
    def blocks(self) -> int:
        return self._status.st_blocks

    @property
    def atime_ns(self) -> int:
        return self._status.st_atime_ns

    @property
    def mtime_ns(self) -> int:
        return self._status.st_mtime_ns

    @property
    def ctime_ns(self) -> int:
        return self._status.st_ctime_ns


@dataclass(frozen=True, slots=True)
class HostCapacity:
    """`vfs.filesystem.StatFs` of the host's filesystem; shown to the guest as ext4."""

    block_size: int
    blocks: int
    blocks_free: int
    files: int
    files_free: int
    magic: int = 0xEF53


class HostFilesystem:
    """The tree below a host directory, or one host file."""

    type_name = "ext4"
    host_permissions = True

    def __init__(self, path: str | bytes, *, read_only: bool = False, fakeroot: bool = False) -> None:
        self.read_only = read_only
        self.fakeroot = fakeroot
        fd = host.open_reference(os.fsencode(path), None, follow=True)
        status = os.fstat(fd)
        self._path = host.path_of(fd)
        if stat.S_ISDIR(status.st_mode):
            self._root = HostInode(self, _Handle(fd), b"", status)
        else:
            os.close(fd)
            above, name = os.path.split(self._path)
            parent = host.open_reference(above, None, follow=True)
            self._root = HostInode(self, _Handle(parent), name, status)

    def root(self) -> "HostInode":
        return self._root

    def statfs(self) -> HostCapacity:
        found = os.statvfs(self._path)
        return HostCapacity(
            found.f_frsize, found.f_blocks, found.f_bavail, found.f_files, found.f_ffree
        )

    def guest_path(self, host_path: bytes) -> bytes:
        """The path below the root of a host path."""
        if self._path == b"/":
            return host_path
        if host_path == self._path:
            return b"/"
        if not host_path.startswith(self._path + b"/"):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return host_path[len(self._path) :]


class _Handle:
    """A directory's descriptor, closed with its last user."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __del__(self) -> None:
        os.close(self.fd)


class HostInode:
    """A name in a directory; for a directory `name` is empty and the handle is its own."""

    __slots__ = ("_at", "_name", "_opened", "fs", "ino", "type_bits")

    def __init__(
        self, fs: HostFilesystem, at: _Handle, name: bytes, status: os.stat_result
    ) -> None:
        self.fs = fs
        self._at = at
        self._name = name
        self.ino = status.st_ino
        self.type_bits = stat.S_IFMT(status.st_mode)
        self._opened: int | None = None

    def _status(self) -> os.stat_result:
        if not self._name:
            return os.fstat(self._at.fd)
        return os.stat(self._name, dir_fd=self._at.fd, follow_symlinks=False)

    def stat(self, fd: int | None = None) -> HostAttributes:
        status = self._status() if fd is None else os.fstat(fd)
        return HostAttributes(status, self.fs.fakeroot)

    # Directories

    def lookup(self, name: bytes) -> "HostInode":
        self._need_directory()
        status = os.stat(name, dir_fd=self._at.fd, follow_symlinks=False)
        return self._child(name, status)

    def _child(self, name: bytes, status: os.stat_result) -> "HostInode":
        if stat.S_ISDIR(status.st_mode):
            fd = host.open_reference(name, self._at.fd, follow=False)
            return HostInode(self.fs, _Handle(fd), b"", os.fstat(fd))
        return HostInode(self.fs, self._at, name, status)

    def _need_directory(self) -> None:
        if self._name:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))

    def parent(self) -> "HostInode":
        root = self.fs.root()
        if os.path.samestat(os.fstat(self._at.fd), root._status()):
            return root
        fd = host.open_reference(b"..", self._at.fd, follow=False)
        return HostInode(self.fs, _Handle(fd), b"", os.fstat(fd))

    def path(self) -> bytes:
        if self is self.fs.root():
            return b"/"
        return self.fs.guest_path(host.path_of(self._at.fd))

    def entries(self) -> Sequence[Name]:
        self._need_directory()
        fd = os.open(b".", os.O_RDONLY | _DIRECTORY, dir_fd=self._at.fd)
        try:
            with os.scandir(fd) as found:
                return [
                    Name(os.fsencode(entry.name), entry.inode(), _entry_type(entry))
                    for entry in found
                ]
        finally:
            os.close(fd)

    def _made(self, name: bytes) -> "HostInode":
        return self._child(name, os.stat(name, dir_fd=self._at.fd, follow_symlinks=False))

    def create(self, name: bytes, mode: int, uid: int, gid: int) -> "HostInode":
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(name, flags, mode, dir_fd=self._at.fd)
        try:
            # The host's umask has been applied; the guest's was applied by the caller.
            os.fchmod(fd, mode)
        finally:
            os.close(fd)
        return self._made(name)

    def mkdir(self, name: bytes, mode: int, uid: int, gid: int) -> "HostInode":
        os.mkdir(name, mode, dir_fd=self._at.fd)
        os.chmod(name, mode, dir_fd=self._at.fd)
        return self._made(name)

    def mknod(
        self, name: bytes, mode: int, uid: int, gid: int, major: int = 0, minor: int = 0
    ) -> "HostInode":
        if stat.S_ISFIFO(mode):
            os.mkfifo(name, stat.S_IMODE(mode), dir_fd=self._at.fd)
        elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
            return self.create(name, stat.S_IMODE(mode), uid, gid)
        else:
            os.mknod(name, mode, os.makedev(major, minor), dir_fd=self._at.fd)
        os.chmod(name, stat.S_IMODE(mode), dir_fd=self._at.fd)
        return self._made(name)

    def symlink(self, name: bytes, target: bytes, uid: int, gid: int) -> "HostInode":
        os.symlink(target, name, dir_fd=self._at.fd)
        return self._made(name)

    def link(self, name: bytes, inode: "HostInode") -> None:
        if inode._opened is not None:
            host.link_descriptor(inode._opened, name, self._at.fd)
            return
        if not inode._name:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        os.link(
            inode._name,
            name,
            src_dir_fd=inode._at.fd,
            dst_dir_fd=self._at.fd,
            follow_symlinks=False,
        )

    def unlink(self, name: bytes) -> None:
        os.unlink(name, dir_fd=self._at.fd)

    def rmdir(self, name: bytes) -> None:
        os.rmdir(name, dir_fd=self._at.fd)

    def rename(self, name: bytes, to: "HostInode", to_name: bytes, flags: int) -> None:
        if flags:
            host.rename_with_flags(
                self._at.fd,
                name,
                to._at.fd,
                to_name,
                noreplace=bool(flags & RENAME_NOREPLACE),
                exchange=bool(flags & RENAME_EXCHANGE),
            )
        else:
            os.rename(name, to_name, src_dir_fd=self._at.fd, dst_dir_fd=to._at.fd)

    def tmpfile(self, mode: int, uid: int, gid: int) -> "HostInode":
        fd = host.unnamed_file(self._at.fd, mode)
        made = HostInode(self.fs, self._at, b"#unnamed", os.fstat(fd))
        made._opened = fd
        return made

    # Any inode

    def readlink(self) -> bytes:
        if self.type_bits != stat.S_IFLNK:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return os.readlink(self._name, dir_fd=self._at.fd)

    def open(self, flags: int) -> int:
        if self._opened is not None:
            # The descriptor that made the file is the only way to it.
            return os.dup(self._opened)
        return os.open(
            self._name, flags | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=self._at.fd
        )

    def host_path(self) -> bytes:
        return os.path.join(host.path_of(self._at.fd), self._name)

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
        if size is not None:
            fd = self.open(os.O_WRONLY)
            try:
                os.ftruncate(fd, size)
            finally:
                os.close(fd)
        self._set_owner(uid, gid)
        if mode is not None:
            self._set_mode(mode)
        if atime_ns is not None or mtime_ns is not None:
            status = self._status()
            times = (
                status.st_atime_ns if atime_ns is None else atime_ns,
                status.st_mtime_ns if mtime_ns is None else mtime_ns,
            )
            if self._name:
                os.utime(self._name, ns=times, dir_fd=self._at.fd, follow_symlinks=False)
            else:
                os.utime(host.descriptor_path(self._at.fd), ns=times)

    def _set_owner(self, uid: int | None, gid: int | None) -> None:
        if uid is None and gid is None or self.fs.fakeroot:
            return
        wanted = (-1 if uid is None else uid, -1 if gid is None else gid)
        if self._name:
            os.chown(self._name, *wanted, dir_fd=self._at.fd, follow_symlinks=False)
        else:
            os.chown(host.descriptor_path(self._at.fd), *wanted)

    def _set_mode(self, mode: int) -> None:
        if self.type_bits == stat.S_IFLNK:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        if self._opened is not None:
            os.fchmod(self._opened, mode)
        elif self._name:
            os.chmod(self._name, mode, dir_fd=self._at.fd)
        else:
            os.chmod(host.descriptor_path(self._at.fd), mode)

    def _xattr_path(self) -> bytes:
        if not self._name:
            return host.descriptor_path(self._at.fd)
        return os.path.join(host.descriptor_path(self._at.fd), self._name)

    def getxattr(self, name: bytes) -> bytes:
        return host.get_xattr(self._xattr_path(), name)

    def setxattr(self, name: bytes, value: bytes, flags: int) -> None:
        host.set_xattr(self._xattr_path(), name, value, create=bool(flags & 1), replace=bool(flags & 2))

    def listxattr(self) -> list[bytes]:
        return host.list_xattrs(self._xattr_path())

    def removexattr(self, name: bytes) -> None:
        host.remove_xattr(self._xattr_path(), name)


def _entry_type(entry: "os.DirEntry[str]") -> int:
    if entry.is_symlink():
        return stat.S_IFLNK
    if entry.is_dir(follow_symlinks=False):
        return stat.S_IFDIR
    if entry.is_file(follow_symlinks=False):
        return stat.S_IFREG
    try:
        return stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode)
    except OSError:
        return 0
