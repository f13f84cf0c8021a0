"""A directory of the host as a filesystem: sysroots, the host's root in plain mode, volumes.

Every operation is relative to a descriptor of the directory, and no host symbolic link is
followed, so renames and links made meanwhile cannot lead out of the tree.
"""

import errno  # noqa: TID251 - raised to callers who expect the host's OSErrors
import fcntl
import os
import stat

from elfuse import host
from elfuse.runtime.fs.host_stat import HostAttributes, HostCapacity, HostEntry
from elfuse.typing import TYPE_CHECKING, Sequence

if TYPE_CHECKING:
    from elfuse.runtime.vfs.filesystem import Inode

RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
_KEPT_DIRECTORIES = 128
_SYNCHRONOUS = os.O_SYNC | os.O_DSYNC
_HOST_IS_ROOT = os.geteuid() == 0


class HostFilesystem:
    """The tree below a host directory, or one host file.

    `fakeroot`: what belongs to the host user shows as root's, and changes of owner are accepted
    and forgotten.
    """

    type_name = "ext4"
    host_permissions = True

    def __init__(
        self, path: str | bytes, *, read_only: bool = False, fakeroot: bool = False
    ) -> None:
        self.read_only = read_only
        self.fakeroot = fakeroot
        self._user = os.geteuid()
        self.directories: dict[tuple[int, int], HostInode] = {}
        """Directories met lately. They are open, so the host cannot use their numbers again."""
        fd = host.open_reference(os.fsencode(path), None, follow=True)
        status = os.fstat(fd)
        self._device = status.st_dev
        self._root_number = status.st_dev, status.st_ino
        if stat.S_ISDIR(status.st_mode):
            self._root = HostInode(self, _Handle(fd), b"", status)
        else:
            above, name = os.path.split(host.path_of(fd))
            os.close(fd)
            parent = host.open_reference(above, None, follow=True)
            self._root = HostInode(self, _Handle(parent), name, status)

    def root(self) -> "HostInode":
        return self._root

    def routes(self) -> int:
        """The host does not tell when paths change."""
        return 0

    def leads_to(self, path: bytes, directory: "HostInode") -> bool:
        """Whether an absolute path leads to a directory met before; the host walks, in one call.

        It would follow an absolute link to another place than the guest does, but `directory` was
        reached by a walk inside the tree, and its number is nobody else's while it is open.
        """
        try:
            status = os.stat(path.lstrip(b"/"), dir_fd=self._root.directory_fd)
        except OSError:
            return False
        return self.number(status.st_dev, status.st_ino) == directory.ino

    def found(
        self,
        directory: int,
        directory_number: tuple[int, int],
        name: bytes,
        number: tuple[int, int],
        mode: int,
    ) -> "tuple[HostInode, HostInode]":
        """A file and its directory, or a directory twice, of an engine's `FoundPath`."""
        above = self.directories.get(directory_number)
        if above is None and directory_number == self._root_number:
            above = self._root
        if above is not None:
            os.close(directory)
        else:
            above = HostInode.__new__(HostInode)
            above._take(self, _Handle(directory), b"", directory_number, stat.S_IFDIR)
            self.keep(directory_number, above)
        if not name:
            return above, above
        made = HostInode.__new__(HostInode)
        made._take(self, above._at, name, number, stat.S_IFMT(mode))
        return made, above

    def served(self) -> tuple[int, int, int | None]:
        """Descriptor and device of the root, and whose files show as root's: `HostRoot` of engines."""
        return self._root.directory_fd, self._device, self._user if self.fakeroot else None

    def statfs(self) -> HostCapacity:
        found = os.fstatvfs(self._root.directory_fd)
        return HostCapacity(
            found.f_frsize, found.f_blocks, found.f_bavail, found.f_files, found.f_ffree
        )

    def number(self, device: int, inode: int) -> int:
        """The inode number a guest sees: other host devices below the root get numbers apart."""
        if device == self._device:
            return inode
        return (inode ^ device << 40) & 0x7FFF_FFFF_FFFF_FFFF

    def attributes(self, status: os.stat_result) -> HostAttributes:
        found = HostAttributes(status, self.number(status.st_dev, status.st_ino))
        if self.fakeroot and found.uid == self._user:
            found.uid = found.gid = 0
        return found

    def guest_path(self, host_path: bytes) -> bytes:
        """The path below the root of a host path; FileNotFoundError if it is not below."""
        top = host.path_of(self._root.directory_fd)
        if top == b"/":
            return host_path
        if host_path == top:
            return b"/"
        if not host_path.startswith(top + b"/"):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return host_path[len(top) :]

    def keep(self, key: tuple[int, int], inode: "HostInode") -> None:
        """Remember an open directory."""
        if len(self.directories) >= _KEPT_DIRECTORIES:
            self.directories.clear()
        self.directories[key] = inode


class _Handle:
    """A descriptor, closed with its last user."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __del__(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)

    def take(self) -> int:
        """The descriptor, which is the caller's from now on."""
        fd, self.fd = self.fd, -1
        return fd


class HostInode:
    """A name in a directory; for a directory `name` is empty and the handle is its own.

    A file that was renamed or removed is no longer what its name says, so an open description
    uses an inode that is `bound` to its descriptor.
    """

    __slots__ = ("_anchor", "_at", "_bound", "_made", "_name", "fs", "ino", "type_bits")

    def __init__(
        self, fs: HostFilesystem, at: _Handle, name: bytes, status: os.stat_result
    ) -> None:
        number = status.st_dev, status.st_ino
        self._take(fs, at, name, number, stat.S_IFMT(status.st_mode))

    def _take(
        self,
        fs: HostFilesystem,
        at: _Handle,
        name: bytes,
        number: tuple[int, int],
        type_bits: int,
    ) -> None:
        self.fs = fs
        self._at = at
        self._name = name
        self.ino = fs.number(*number)
        self.type_bits = type_bits
        self._bound = -1
        self._anchor: _Handle | None = None
        """Keeps a file without a name reachable."""
        self._made: _Handle | None = None
        """The descriptor that created a file, for the first open: its mode may forbid another."""

    @property
    def directory_fd(self) -> int:
        """A descriptor of this directory, or of the one this file is in."""
        return self._at.fd

    def bound(self, fd: int) -> "HostInode":
        """This inode as the open descriptor `fd` knows it, until `unbind`."""
        made = HostInode.__new__(HostInode)
        made.fs, made._at, made._name = self.fs, self._at, self._name
        made.ino, made.type_bits, made._made = self.ino, self.type_bits, None
        made._bound, made._anchor = fd, None
        return made

    def unbind(self) -> None:
        """The descriptor is being closed."""
        self._bound = -1

    def _status(self) -> os.stat_result:
        if self._bound >= 0:
            return os.fstat(self._bound)
        if not self._name:
            return os.fstat(self._at.fd)
        return os.stat(self._name, dir_fd=self._at.fd, follow_symlinks=False)

    def stat(self, fd: int | None = None) -> HostAttributes:
        return self.fs.attributes(self._status() if fd is None else os.fstat(fd))

    # Directories

    def lookup(self, name: bytes) -> "HostInode":
        if self._name:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        status = os.stat(name, dir_fd=self._at.fd, follow_symlinks=False)
        return self._child(name, status)

    def _child(self, name: bytes, status: os.stat_result) -> "HostInode":
        if not stat.S_ISDIR(status.st_mode):
            return HostInode(self.fs, self._at, name, status)
        kept = self.fs.directories.get((status.st_dev, status.st_ino))
        if kept is not None:
            return kept
        return self._open_directory(name)

    def _open_directory(self, name: bytes) -> "HostInode":
        handle = _Handle(host.open_reference(name, self._at.fd, follow=False))
        status = os.fstat(handle.fd)
        if not stat.S_ISDIR(status.st_mode):
            # It was replaced since it was looked at.
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        made = HostInode(self.fs, handle, b"", status)
        self.fs.keep((status.st_dev, status.st_ino), made)
        return made

    def parent(self) -> "HostInode":
        root = self.fs.root()
        if self.ino == root.ino:
            return root
        above = self._open_directory(b"..")
        # Somebody on the host may have moved this directory out of the tree.
        self.fs.guest_path(host.path_of(above.directory_fd))
        return root if above.ino == root.ino else above

    def path(self) -> bytes:
        if self is self.fs.root():
            return b"/"
        return self.fs.guest_path(host.path_of(self._at.fd))

    def entries(self) -> Sequence[HostEntry]:
        if self._name:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        fd = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._at.fd)
        try:
            with os.scandir(fd) as found:
                return [
                    HostEntry(os.fsencode(entry.name), entry.inode(), _entry_type(entry))
                    for entry in found
                ]
        finally:
            os.close(fd)

    def _new(self, name: bytes, uid: int, gid: int) -> "HostInode":
        """What was just made under a name, given to its owner where the host lets us."""
        made = self._child(name, os.stat(name, dir_fd=self._at.fd, follow_symlinks=False))
        made._give(uid, gid)
        return made

    def _give(self, uid: int, gid: int) -> None:
        if _HOST_IS_ROOT and not self.fs.fakeroot and (uid or gid):
            self._set_owner(uid, gid)

    def create(self, name: bytes, mode: int, uid: int, gid: int) -> "HostInode":
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = _Handle(os.open(name, flags, mode, dir_fd=self._at.fd))
        return self._created(handle, name, mode, uid, gid)

    def _created(self, handle: _Handle, name: bytes, mode: int, uid: int, gid: int) -> "HostInode":
        status = os.fstat(handle.fd)
        made = HostInode(self.fs, self._at, name, status)
        made._bound = handle.fd
        made._give(uid, gid)
        if stat.S_IMODE(status.st_mode) != mode or mode & 0o6000:
            # The host's umask has been applied, the guest's by the caller; chown clears set-id bits.
            os.fchmod(handle.fd, mode)
        made._bound, made._made = -1, handle
        return made

    def tmpfile(self, mode: int, uid: int, gid: int) -> "HostInode":
        handle = _Handle(host.unnamed_file(self._at.fd, mode))
        anchor = _Handle(host.reference_to(handle.fd))
        made = self._created(handle, b"#%d" % os.fstat(anchor.fd).st_ino, mode, uid, gid)
        made._anchor, made._bound = anchor, anchor.fd
        return made

    def mkdir(self, name: bytes, mode: int, uid: int, gid: int) -> "HostInode":
        os.mkdir(name, mode, dir_fd=self._at.fd)
        made = self._new(name, uid, gid)
        made._set_mode(mode)
        return made

    def mknod(
        self, name: bytes, mode: int, uid: int, gid: int, major: int = 0, minor: int = 0
    ) -> "HostInode":
        if stat.S_IFMT(mode) in (0, stat.S_IFREG):
            return self.create(name, stat.S_IMODE(mode), uid, gid)
        if stat.S_ISFIFO(mode):
            os.mkfifo(name, stat.S_IMODE(mode), dir_fd=self._at.fd)
        else:
            os.mknod(name, mode, os.makedev(major, minor), dir_fd=self._at.fd)
        made = self._new(name, uid, gid)
        made._set_mode(stat.S_IMODE(mode))
        return made

    def symlink(self, name: bytes, target: bytes, uid: int, gid: int) -> "HostInode":
        os.symlink(target, name, dir_fd=self._at.fd)
        return self._new(name, uid, gid)

    def link(self, name: bytes, inode: "Inode") -> None:
        assert isinstance(inode, HostInode)
        if not inode._name:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        if inode._bound >= 0:
            host.link_descriptor(inode._bound, name, self._at.fd)
            return
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

    def rename(self, name: bytes, to: "Inode", to_name: bytes, flags: int) -> None:
        assert isinstance(to, HostInode)
        if not flags:
            os.rename(name, to_name, src_dir_fd=self._at.fd, dst_dir_fd=to._at.fd)
            return
        host.rename_with_flags(
            self._at.fd,
            name,
            to._at.fd,
            to_name,
            noreplace=bool(flags & RENAME_NOREPLACE),
            exchange=bool(flags & RENAME_EXCHANGE),
        )

    # Any inode

    def readlink(self) -> bytes:
        if self.type_bits != stat.S_IFLNK:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return os.readlink(self._name, dir_fd=self._at.fd)

    def open(self, flags: int) -> int:
        if self._made is not None and not flags & _SYNCHRONOUS:
            fd, self._made = self._made.take(), None
            if flags & os.O_APPEND:
                fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND)
            return fd
        if self._bound >= 0:
            return host.reopen(self._bound, flags)
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
            self._set_size(size)
        if (uid is not None or gid is not None) and not self.fs.fakeroot:
            self._set_owner(-1 if uid is None else uid, -1 if gid is None else gid)
        if mode is not None:
            self._set_mode(mode)
        if atime_ns is not None or mtime_ns is not None:
            self._set_times(atime_ns, mtime_ns)

    def _set_size(self, size: int) -> None:
        if self._bound >= 0:
            os.truncate(host.descriptor_path(self._bound), size)
        else:
            host.set_size(self._name, self._at.fd, size)

    def _set_owner(self, uid: int, gid: int) -> None:
        if self._bound >= 0:
            os.fchown(self._bound, uid, gid)
        elif self._name:
            os.chown(self._name, uid, gid, dir_fd=self._at.fd, follow_symlinks=False)
        else:
            os.chown(host.descriptor_path(self._at.fd), uid, gid)

    def _set_mode(self, mode: int) -> None:
        if self.type_bits == stat.S_IFLNK:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        if self._bound >= 0:
            os.fchmod(self._bound, mode)
        elif self._name:
            host.set_mode(self._name, self._at.fd, mode)
        else:
            os.chmod(host.descriptor_path(self._at.fd), mode)

    def _set_times(self, atime_ns: int | None, mtime_ns: int | None) -> None:
        status = self._status()
        times = (
            status.st_atime_ns if atime_ns is None else atime_ns,
            status.st_mtime_ns if mtime_ns is None else mtime_ns,
        )
        if self._bound >= 0:
            os.utime(self._bound, ns=times)
        elif self._name:
            os.utime(self._name, ns=times, dir_fd=self._at.fd, follow_symlinks=False)
        else:
            os.utime(host.descriptor_path(self._at.fd), ns=times)

    def _xattr_place(self) -> tuple[bytes, bool]:
        """A host path for the attribute calls, and whether its last step is to be followed."""
        if self._bound >= 0:
            return host.descriptor_path(self._bound), True
        if not self._name:
            return host.descriptor_path(self._at.fd), True
        return os.path.join(host.descriptor_path(self._at.fd), self._name), False

    def getxattr(self, name: bytes) -> bytes:
        path, follow = self._xattr_place()
        return host.get_xattr(path, name, follow=follow)

    def setxattr(self, name: bytes, value: bytes, flags: int) -> None:
        path, follow = self._xattr_place()
        create, replace = bool(flags & 1), bool(flags & 2)
        host.set_xattr(path, name, value, create=create, replace=replace, follow=follow)

    def listxattr(self) -> list[bytes]:
        path, follow = self._xattr_place()
        return host.list_xattrs(path, follow=follow)

    def removexattr(self, name: bytes) -> None:
        path, follow = self._xattr_place()
        host.remove_xattr(path, name, follow=follow)


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
