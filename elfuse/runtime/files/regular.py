"""Regular files. The host descriptor's offset is the description's, so fork shares it."""

import errno  # noqa: TID251 - compared with the host's OSErrors
import fcntl
import os

from elfuse.engine.protocol import Ability
from elfuse.runtime.abi import fcntl as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.poll import POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from elfuse.runtime.files.hostfile import FIONREAD, HostFile
from elfuse.runtime.fs.host import HostInode
from elfuse.runtime.vfs.location import Location
from elfuse.typing import TYPE_CHECKING, Sequence

if TYPE_CHECKING:
    from elfuse.runtime.task import Task
    from elfuse.runtime.vfs.filesystem import Attributes

_ACCESS = {abi.O_RDONLY: os.O_RDONLY, abi.O_WRONLY: os.O_WRONLY, abi.O_RDWR: os.O_RDWR}
_SEEK, _SEEK_AND_MAP = int(Ability.SEEK), int(Ability.SEEK | Ability.MAP)
SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE = range(5)


def host_open_flags(flags: int) -> int:
    """Guest open flags as the host's, for `Inode.open`."""
    found = _ACCESS.get(flags & abi.O_ACCMODE, os.O_RDWR)
    if flags & abi.O_APPEND:
        found |= os.O_APPEND
    if flags & abi.O_SYNC == abi.O_SYNC:
        found |= os.O_SYNC
    elif flags & abi.O_DSYNC:
        found |= os.O_DSYNC
    return found


class RegularFile(HostFile):
    """An open regular file of any filesystem with storage on the host."""

    def __init__(self, location: Location, flags: int) -> None:
        self._open_as(location.inode.open(host_open_flags(flags)), location, flags)

    @classmethod
    def adopt(cls, fd: int, location: Location, flags: int) -> "RegularFile":
        """A description on a host descriptor that is open already; it belongs to the description."""
        made = cls.__new__(cls)
        made._open_as(fd, location, flags)
        return made

    def _open_as(self, fd: int, location: Location, flags: int) -> None:
        HostFile.__init__(self, fd, flags)
        inode = location.inode
        if isinstance(inode, HostInode):
            location = Location(location.mount, inode.bound(fd), location.holder, location.name)
        self.location: Location = location  # type: ignore[mutable-override]  # never None

    def direct(self) -> tuple[int, int]:
        # What can be written is not to stay open when nothing maps it (ETXTBSY).
        how = _SEEK_AND_MAP if self.access == Ability.READ else _SEEK
        return self._fd, self.access | how | self.location.mount.served

    def close(self) -> None:
        inode = self.location.inode
        if isinstance(inode, HostInode):
            inode.unbind()
        super().close()

    def read_into(self, task: "Task", buffers: Sequence[memoryview], offset: int | None) -> int:
        if not buffers:
            return 0
        if offset is None:
            return os.readv(self._fd, buffers)
        return os.preadv(self._fd, buffers, offset)

    def write_from(self, task: "Task", buffers: Sequence[memoryview], offset: int | None) -> int:
        if not buffers:
            return 0
        if offset is None:
            return os.writev(self._fd, buffers)
        return os.pwritev(self._fd, buffers, offset)

    def seek(self, offset: int, whence: int) -> int:
        if whence in (SEEK_SET, SEEK_CUR, SEEK_END):
            return os.lseek(self._fd, offset, whence)
        if whence not in (SEEK_DATA, SEEK_HOLE):
            raise SyscallError(Errno.EINVAL)
        size = os.fstat(self._fd).st_size
        if not 0 <= offset < size:
            raise SyscallError(Errno.ENXIO)
        try:
            return os.lseek(self._fd, offset, os.SEEK_DATA if whence == SEEK_DATA else os.SEEK_HOLE)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            # The host's filesystem does not know holes: the file is one piece of data.
            return os.lseek(self._fd, offset if whence == SEEK_DATA else size, os.SEEK_SET)

    def truncate(self, size: int) -> None:
        if not self.writable:
            raise SyscallError(Errno.EINVAL)
        os.ftruncate(self._fd, size)

    def set_flags(self, flags: int) -> None:
        if (flags ^ self.flags) & abi.O_APPEND:
            held = fcntl.fcntl(self._fd, fcntl.F_GETFL) & ~os.O_APPEND
            added = os.O_APPEND if flags & abi.O_APPEND else 0
            fcntl.fcntl(self._fd, fcntl.F_SETFL, held | added)
        super().set_flags(flags)

    def ioctl(self, task: "Task", request: int, argument: int) -> int:
        if request == FIONREAD:
            left = os.fstat(self._fd).st_size - os.lseek(self._fd, 0, SEEK_CUR)
            task.memory.write_u32(argument, max(left, 0))
            return 0
        return super().ioctl(task, request, argument)

    def stat(self) -> "Attributes":
        return self.location.inode.stat(self._fd)

    def describe(self) -> bytes:
        path = self.location.path()
        if not path.endswith(b" (deleted)") and self.stat().nlink == 0:
            path += b" (deleted)"
        return path

    def poll(self, events: int) -> int:
        return events & (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)

    def wait_fds(self, events: int) -> tuple[()]:
        return ()
