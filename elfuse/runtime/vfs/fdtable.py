"""A process's descriptors: numbers to open file descriptions."""

import fcntl
import os

from elfuse.engine.protocol import Ability
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.fcntl import O_PATH
from elfuse.runtime.files.base import OpenFile
from elfuse.typing import TYPE_CHECKING, Callable, Iterator

if TYPE_CHECKING:
    from elfuse.engine.protocol import Descriptors

_OPEN, _CLOSE_ON_EXEC = int(Ability.OPEN), int(Ability.CLOSE_ON_EXEC)


class FdTable:
    """Linux's struct files_struct, shared by threads; `copy` at fork."""

    def __init__(self, limit: int = 1024) -> None:
        self._files: dict[int, OpenFile] = {}
        self._close_on_exec: set[int] = set()
        """Of those that the engine does not serve."""
        self.limit = limit
        """RLIMIT_NOFILE: numbers stay below."""
        self._lowest = 0
        """No number below is free."""
        self.record_locks: set[tuple[int, int]] = set()
        """Host device and inode of files in which this table's owner may hold record locks."""
        self.served: Descriptors | None = None
        """Tells the engine which calls it may pass on to the host."""
        self.note_mapping: Callable[[], None] | None = None
        """Called before a description is let go that the engine has mapped."""

    def serve_by(self, descriptors: "Descriptors") -> None:
        """Tell the engine of what is open, and of changes from now on."""
        self.served = descriptors
        for fd, file in self._files.items():
            self._serve(fd, file)

    def _serve(self, fd: int, file: OpenFile) -> None:
        """From now on the engine has the close-on-exec flag."""
        if self.served is None:
            return
        host, abilities = file.direct() or (0, 0)
        abilities |= _OPEN | (_CLOSE_ON_EXEC if fd in self._close_on_exec else 0)
        if self.served.set(fd, host, abilities):
            self._close_on_exec.discard(fd)

    def withdraw(self) -> None:
        """Take everything back from the engine."""
        flagged = {fd for fd in self._files if self._is_close_on_exec(fd)}
        served, self.served, self._close_on_exec = self.served, None, flagged
        if served is not None:
            for fd in self._files:
                self._remove(served, fd)

    def _remove(self, served: "Descriptors", fd: int) -> None:
        if served.remove(fd) and self.note_mapping is not None:
            self.note_mapping()

    def _is_close_on_exec(self, fd: int) -> bool:
        held = None if self.served is None else self.served.close_on_exec(fd)
        return fd in self._close_on_exec if held is None else held

    def get(self, fd: int) -> OpenFile:
        """EBADF if nothing is open there."""
        try:
            return self._files[fd]
        except KeyError:
            raise SyscallError(Errno.EBADF) from None

    def usable(self, fd: int) -> OpenFile:
        """A description that is more than a place in the tree: EBADF for O_PATH."""
        file = self.get(fd)
        if file.flags & O_PATH:
            raise SyscallError(Errno.EBADF)
        return file

    def items(self) -> list[tuple[int, OpenFile]]:
        """(number, description), in order of numbers."""
        return sorted(self._files.items())

    def files(self) -> list[OpenFile]:
        """The descriptions, one for each descriptor."""
        return list(self._files.values())

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._files))

    def install(self, file: OpenFile, *, cloexec: bool = False, minimum: int = 0) -> int:
        """Give a description the lowest free number from `minimum`; EMFILE."""
        fd = max(minimum, self._lowest)
        while fd in self._files:
            fd += 1
        if minimum <= self._lowest:
            self._lowest = fd
        if fd >= self.limit:
            if not file.in_use:
                file.acquire().release()
            raise SyscallError(Errno.EMFILE)
        self._put(fd, file, cloexec=cloexec)
        return fd

    def _put(self, fd: int, file: OpenFile, *, cloexec: bool) -> None:
        self._files[fd] = file.acquire()
        if cloexec:
            self._close_on_exec.add(fd)
        self._serve(fd, file)

    def replace(self, fd: int, file: OpenFile, *, cloexec: bool) -> None:
        """dup2's second half: what was open at `fd` is closed. EBADF for a number out of range."""
        if not 0 <= fd < self.limit:
            raise SyscallError(Errno.EBADF)
        file.acquire()
        if fd in self._files:
            self.close(fd)
        self._put(fd, file, cloexec=cloexec)
        file.release()

    def close(self, fd: int) -> None:
        """EBADF if nothing is open there."""
        file = self.get(fd)
        if self.served is not None:
            self._remove(self.served, fd)
        del self._files[fd]
        self._close_on_exec.discard(fd)
        self._lowest = min(self._lowest, fd)
        if self.record_locks:
            self._drop_record_locks(file)
        file.release()

    def _drop_record_locks(self, file: OpenFile) -> None:
        """Closing any descriptor of a file ends the process's record locks on it (fcntl(2))."""
        try:
            host_fd = file.host_fd()
        except SyscallError:
            return
        status = os.fstat(host_fd)
        key = (status.st_dev, status.st_ino)
        if key in self.record_locks:
            self.record_locks.discard(key)
            fcntl.lockf(host_fd, fcntl.LOCK_UN)

    def cloexec(self, fd: int) -> bool:
        self.get(fd)
        return self._is_close_on_exec(fd)

    def set_cloexec(self, fd: int, value: bool) -> None:
        self.get(fd)
        if self.served is not None and self.served.set_close_on_exec(fd, value):
            return
        if value:
            self._close_on_exec.add(fd)
        else:
            self._close_on_exec.discard(fd)

    def copy(self) -> "FdTable":
        """The same descriptions under the same numbers, without the record locks."""
        made = FdTable(self.limit)
        for fd, file in self._files.items():
            made._put(fd, file, cloexec=self._is_close_on_exec(fd))
        return made

    def close_on_exec(self) -> None:
        """Close what is marked close-on-exec."""
        served, own = self.served, self._close_on_exec
        flagged = own if served is None else own.union(filter(served.close_on_exec, self._files))
        for fd in list(flagged):
            self.close(fd)

    def close_all(self) -> None:
        for fd in list(self._files):
            self.close(fd)
