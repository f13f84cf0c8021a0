"""Open directories: getdents64 over a snapshot that rewinding renews."""

import os

from elfuse import host
from elfuse.runtime.abi.dirent import DirentHeader
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.poll import POLLIN, POLLOUT
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.vfs.location import Location
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.task import Task
    from elfuse.runtime.vfs.filesystem import Attributes

_S_IFDIR, _TYPE_SHIFT = 0o040000, 12


class DirectoryFile(OpenFile):
    """The position counts names of the snapshot; `.` and `..` are the first two."""

    def __init__(self, location: Location, flags: int) -> None:
        super().__init__(flags)
        self.location: Location = location  # type: ignore[mutable-override]  # never None
        self._names: list[tuple[bytes, int, int]] | None = None
        self._position = 0
        self._lock_fd = -1

    def lock_fd(self, task: "Task") -> int:
        """This description's own descriptor on the file that stands for directories in locks.

        ENOLCK where the host has none.
        """
        if self._lock_fd < 0:
            shared = task.kernel.namespace.lock_file
            try:
                self._lock_fd = host.reopen(shared)
            except OSError:
                # macOS has no way back to a file without a name.
                raise SyscallError(Errno.ENOLCK) from None
        return self._lock_fd

    def close(self) -> None:
        if self._lock_fd >= 0:
            os.close(self._lock_fd)

    def read_into(self, task: object, buffers: object, offset: int | None) -> int:
        raise SyscallError(Errno.EISDIR)

    def stat(self) -> "Attributes":
        return self.location.inode.stat()

    def describe(self) -> bytes:
        return self.location.path()

    def poll(self, events: int) -> int:
        return events & (POLLIN | POLLOUT)

    def seek(self, offset: int, whence: int) -> int:
        if whence == os.SEEK_CUR:
            offset += self._position
        elif whence != os.SEEK_SET:
            raise SyscallError(Errno.EINVAL)
        if offset < 0:
            raise SyscallError(Errno.EINVAL)
        if offset == 0:
            self._names = None
        self._position = offset
        return offset

    def _snapshot(self) -> list[tuple[bytes, int, int]]:
        place = self.location
        found = {entry.name: (entry.name, entry.ino, entry.type) for entry in place.inode.entries()}
        # A mount point shows even where the filesystem below has no such directory.
        for name, mount in place.mount.below.get(place.inode.ino, {}).items():
            found[name] = (name, mount.root.ino, mount.root.type_bits)
        dots = [(b".", place.inode.ino, _S_IFDIR), (b"..", place.up().inode.ino, _S_IFDIR)]
        return dots + list(found.values())

    def records(self, task: "Task", limit: int) -> bytes:
        """The next entries that fit in `limit` bytes.

        EINVAL if not even one does, ENOENT once the directory is removed (fs/readdir.c: iterate_dir).
        """
        self.location.inode.path()
        if self._names is None:
            self._names = self._snapshot()
        found = bytearray()
        while self._position < len(self._names):
            name, ino, kind = self._names[self._position]
            size = (DirentHeader.size + len(name) + 1 + 7) & -8
            if len(found) + size > limit:
                if not found:
                    raise SyscallError(Errno.EINVAL)
                break
            self._position += 1
            # Member by member, as DirentHeader has them.
            found += DirentHeader.packed(ino, self._position, size, kind >> _TYPE_SHIFT)
            found += name.ljust(size - DirentHeader.size, b"\0")
        return bytes(found)
