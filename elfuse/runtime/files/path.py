"""O_PATH descriptions: a place in the tree without access to its content (open(2))."""

from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.vfs.location import Location
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.vfs.filesystem import Attributes


class PathFile(OpenFile):
    """Stands for `location`; data operations fail with EBADF through `readable` and `writable`."""

    def __init__(self, location: Location, flags: int) -> None:
        super().__init__(flags)
        self.location: Location = location  # type: ignore[mutable-override]  # never None

    @property
    def readable(self) -> bool:
        return False

    @property
    def writable(self) -> bool:
        return False

    def mapped(self) -> "OpenFile | None":
        raise SyscallError(Errno.EBADF)

    def host_fd(self) -> int:
        raise SyscallError(Errno.EBADF)

    def seek(self, offset: int, whence: int) -> int:
        raise SyscallError(Errno.EBADF)

    def truncate(self, size: int) -> None:
        raise SyscallError(Errno.EBADF)

    def ioctl(self, task: object, request: int, argument: int) -> int:
        raise SyscallError(Errno.EBADF)

    def stat(self) -> "Attributes":
        return self.location.inode.stat()

    def describe(self) -> bytes:
        return self.location.path()
