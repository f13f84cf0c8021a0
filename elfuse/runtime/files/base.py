"""Open file descriptions: the contract of everything a guest descriptor can point to."""

from abc import ABC

from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.fcntl import O_ACCMODE, O_APPEND, O_NONBLOCK, O_RDWR, O_WRONLY
from elfuse.typing import TYPE_CHECKING, Iterable, Sequence

if TYPE_CHECKING:
    from elfuse.runtime.task import Task
    from elfuse.runtime.vfs.filesystem import Attributes
    from elfuse.runtime.vfs.location import Location

_ACCESS = (1, 2, 3, 1)
"""Ability.READ and WRITE by access mode; the last is for ioctl(2) only."""


class OpenFile(ABC):  # noqa: B024 - every operation has a default that fails as Linux does
    """An open file description (Linux's `struct file`), shared by the descriptors that refer to it.

    Operations never wait: they raise `WouldBlock`. `flags` are the guest's O_* values (access
    mode and status flags); only fcntl(F_SETFL) and open change them. Counts references: fork
    copies them with the host process, so each process closes its own.
    """

    location: "Location | None" = None
    """Where it was opened, for /proc/self/fd and fchdir; None for pipes, sockets and the like."""

    is_socket = False

    def __init__(self, flags: int) -> None:
        self.flags = flags
        self.owner = 0
        """Who gets SIGIO (F_SETOWN); stored only."""
        self.references = 0
        """Descriptors and mappings."""

    def acquire(self) -> "OpenFile":
        """One more reference."""
        self.references += 1
        return self

    def release(self) -> None:
        """One reference fewer; the last one closes."""
        self.references -= 1
        if self.references == 0:
            self.close()

    @property
    def in_use(self) -> bool:
        return self.references > 0

    def reopen(self, task: "Task", flags: int) -> "OpenFile":
        """Open /proc/PID/fd/N of something that has no path."""
        raise SyscallError(Errno.ENXIO)

    @property
    def readable(self) -> bool:
        return self.flags & O_ACCMODE != O_WRONLY

    @property
    def writable(self) -> bool:
        return self.flags & O_ACCMODE in (O_WRONLY, O_RDWR)

    @property
    def write_sealed(self) -> bool:
        """Whether no more mappings may share writes to it (F_SEAL_WRITE)."""
        return False

    @property
    def nonblocking(self) -> bool:
        return self.flags & O_NONBLOCK != 0

    @property
    def append(self) -> bool:
        return self.flags & O_APPEND != 0

    def close(self) -> None:  # noqa: B027 - nothing to do is a fine default
        """The last descriptor is gone."""

    def describe(self) -> bytes:
        """What readlink shows for it in /proc/PID/fd: a path, `pipe:[7]`, `anon_inode:[eventfd]`."""
        return b"anon_inode:[file]"

    def host_fd(self) -> int:
        """A host descriptor on the same object, for poll, mmap and passing; ENODEV if none."""
        raise SyscallError(Errno.ENODEV)

    def direct(self) -> tuple[int, int] | None:
        """A host descriptor, and the abilities (`engine.protocol.Ability`) that are all the host's.

        None if there is more to do than the host does. It holds as long as the description lives.
        """
        return None

    @property
    def access(self) -> int:
        """The abilities that the access mode allows."""
        return _ACCESS[self.flags & O_ACCMODE]

    def mapped(self) -> "OpenFile | None":
        """What mmap maps: itself, or None where a mapping is anonymous memory (/dev/zero)."""
        return self

    # Data. Offsets None: the file position.
    def read_into(self, task: "Task", buffers: Sequence[memoryview], offset: int | None) -> int:
        """Fill `buffers` (guest memory) in order; 0 at end of file."""
        raise SyscallError(Errno.EINVAL)

    def write_from(self, task: "Task", buffers: Sequence[memoryview], offset: int | None) -> int:
        """Write what `buffers` hold; EPIPE leaves SIGPIPE to the caller."""
        raise SyscallError(Errno.EINVAL)

    def seek(self, offset: int, whence: int) -> int:
        raise SyscallError(Errno.ESPIPE)

    def truncate(self, size: int) -> None:
        raise SyscallError(Errno.EINVAL)

    def stat(self) -> "Attributes":
        raise SyscallError(Errno.EINVAL)

    def ioctl(self, task: "Task", request: int, argument: int) -> int:
        raise SyscallError(Errno.ENOTTY)

    def set_flags(self, flags: int) -> None:
        """fcntl(F_SETFL) with the changeable bits already merged into `flags`."""
        self.flags = flags

    def read_deadline(self) -> int | None:
        """When a blocking read that starts now gives up with EAGAIN (SO_RCVTIMEO)."""
        return None

    def write_deadline(self) -> int | None:
        """When a blocking write that starts now gives up with EAGAIN (SO_SNDTIMEO)."""
        return None

    # Readiness
    def poll(self, events: int) -> int:
        """The poll(2) bits of `events` (and POLLERR, POLLHUP) that hold now. Linux's values."""
        raise SyscallError(Errno.EPERM)

    def wait_fds(self, events: int) -> Iterable[tuple[int, int]]:
        """Host descriptors and poll events whose readiness may change `poll`'s answer."""
        return ()

    def wait_deadline(self) -> int | None:
        """CLOCK_MONOTONIC nanoseconds at which `poll`'s answer may change by itself."""
        return None
