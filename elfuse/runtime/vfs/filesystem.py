"""What the kernel part asks of a filesystem, as protocols.

`overlay.Overlay` satisfies them by shape (it does not import this package); `runtime.fs.host`
and the kernel's own filesystems implement them here. Every method raises `OSError` with the
*host's* errno, as `os` functions do; the dispatcher translates it. Names are single components,
never empty, `.`, `..` or with a slash. No method checks permissions (the path walk does) or
follows a symbolic link.
"""

from elfuse.typing import Protocol, Sequence


class Attributes(Protocol):
    """What stat(2) shows of an inode. Times are nanoseconds since the epoch."""

    @property
    def ino(self) -> int: ...
    @property
    def mode(self) -> int:
        """File type and permission bits, with Linux's (and POSIX's) values."""

    @property
    def nlink(self) -> int: ...
    @property
    def uid(self) -> int: ...
    @property
    def gid(self) -> int: ...
    @property
    def rdev_major(self) -> int: ...
    @property
    def rdev_minor(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def blocks(self) -> int:
        """Allocated units of 512 bytes."""

    @property
    def atime_ns(self) -> int: ...
    @property
    def mtime_ns(self) -> int: ...
    @property
    def ctime_ns(self) -> int: ...


class StatFs(Protocol):
    """What statfs(2) shows of a filesystem."""

    @property
    def magic(self) -> int:
        """Linux's f_type, for example 0x794c7630 for overlayfs."""

    @property
    def block_size(self) -> int: ...
    @property
    def blocks(self) -> int: ...
    @property
    def blocks_free(self) -> int: ...
    @property
    def files(self) -> int: ...
    @property
    def files_free(self) -> int: ...


class DirectoryEntry(Protocol):
    """One name of a directory."""

    @property
    def name(self) -> bytes: ...
    @property
    def ino(self) -> int: ...
    @property
    def type(self) -> int:
        """The S_IFMT bits of the entry's mode."""


class Inode(Protocol):
    """A file, directory or other object of a filesystem, whatever names it has."""

    @property
    def fs(self) -> "Filesystem": ...

    @property
    def ino(self) -> int:
        """Stable while the filesystem lives; also over copy-up and rename."""

    @property
    def type_bits(self) -> int:
        """The S_IFMT bits of the mode; they never change, so this costs nothing."""

    def stat(self, fd: int | None = None) -> Attributes:
        """Current attributes; size and times from the host descriptor `fd` when one is open."""

    # Directories
    def lookup(self, name: bytes) -> "Inode":
        """FileNotFoundError if absent, NotADirectoryError if this is no directory."""

    def parent(self) -> "Inode":
        """The directory that holds this directory; the root is its own parent."""

    def path(self) -> bytes:
        """Path of a directory from the filesystem's root, `b"/"` for the root itself.

        FileNotFoundError once it is removed.
        """

    def entries(self) -> Sequence[DirectoryEntry]:
        """A snapshot of the names, without `.` and `..`."""

    def create(self, name: bytes, mode: int, uid: int, gid: int) -> "Inode":
        """A new empty regular file; FileExistsError if the name is taken."""

    def mkdir(self, name: bytes, mode: int, uid: int, gid: int) -> "Inode": ...
    def mknod(
        self, name: bytes, mode: int, uid: int, gid: int, major: int = 0, minor: int = 0
    ) -> "Inode":
        """A fifo, socket or device node (`mode` holds the S_IFMT bits), or an empty regular file."""

    def symlink(self, name: bytes, target: bytes, uid: int, gid: int) -> "Inode": ...
    def link(self, name: bytes, inode: "Inode") -> None:
        """One more name for `inode` (not a directory) of the same filesystem.

        Works for an unnamed inode from `tmpfile`. PermissionError for a directory.
        """

    def unlink(self, name: bytes) -> None:
        """IsADirectoryError for a directory. Open descriptors stay usable."""

    def rmdir(self, name: bytes) -> None:
        """ENOTEMPTY unless empty; NotADirectoryError for a file."""

    def rename(self, name: bytes, to: "Inode", to_name: bytes, flags: int) -> None:
        """rename(2) within the filesystem; `flags` 1 is RENAME_NOREPLACE, 2 RENAME_EXCHANGE.

        EINVAL when a directory would move below itself.
        """

    def tmpfile(self, mode: int, uid: int, gid: int) -> "Inode":
        """A regular file without a name in this directory's filesystem (O_TMPFILE)."""

    # Any inode
    def readlink(self) -> bytes:
        """EINVAL unless a symbolic link."""

    def open(self, flags: int) -> int:
        """A host descriptor (close-on-exec) on a regular file or fifo.

        `flags` are host `os.O_*` values: an access mode and possibly O_NONBLOCK, O_APPEND,
        O_SYNC, O_DSYNC, O_DIRECT; creation and truncation are done by other methods. Opening
        for writing copies a file of a read-only layer up first.
        """

    def host_path(self) -> bytes:
        """The host's name of a regular file, fifo or socket object, for bind, connect and so on.

        A file of a read-only layer is copied up first, because the caller may change it.
        """

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
        """Change what is given (`mode`: permission bits only) and set ctime."""

    def getxattr(self, name: bytes) -> bytes:
        """ENODATA if there is no such attribute."""

    def setxattr(self, name: bytes, value: bytes, flags: int) -> None:
        """`flags` 1 is XATTR_CREATE, 2 XATTR_REPLACE."""

    def listxattr(self) -> list[bytes]: ...
    def removexattr(self, name: bytes) -> None: ...


class Filesystem(Protocol):
    """A mounted tree of inodes."""

    @property
    def type_name(self) -> str:
        """As in the third column of /proc/mounts."""

    @property
    def read_only(self) -> bool:
        """Changes raise EROFS (the mount may add its own read-only flag)."""

    def root(self) -> Inode: ...
    def statfs(self) -> StatFs: ...
