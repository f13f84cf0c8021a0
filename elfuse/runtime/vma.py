"""What an area of the guest's address space is: protection, sharing, backing, name."""

from __future__ import annotations

from itertools import count

from elfuse.engine.protocol import Protection
from elfuse.record import Record, replace
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.files.regular import RegularFile
from elfuse.typing import Sequence

_shared_ids = count(1)


class Backing:
    """A mapped file, held open as long as an area refers to it."""

    def __init__(self, file: OpenFile) -> None:
        self.file = file.acquire()

    def __del__(self) -> None:
        self.file.release()


def mapped_only(backings: Sequence[Backing]) -> list[tuple[int, int]] | None:
    """Half-open ranges of the host descriptors of regular files that these alone hold.

    None if they hold other kinds too.
    """
    held: dict[OpenFile, int] = {}
    for backing in backings:
        held[backing.file] = held.get(backing.file, 0) + 1
    if not all(isinstance(file, RegularFile) for file in held):
        return None
    fds = sorted(file.host_fd() for file, count in held.items() if file.references == count)
    ranges: list[tuple[int, int]] = []
    for fd in fds:
        first = ranges.pop()[0] if ranges and ranges[-1][1] == fd else fd
        ranges.append((first, fd + 1))
    return ranges


class Area(Record):
    """An area's properties. They hold wherever it is cut, hence `delta` and no file offset."""

    protection: Protection
    shared: bool = False
    backing: Backing | None = None
    delta: int = 0
    """File offset minus address."""
    name: bytes = b""
    """As /proc/PID/maps shows it for what is no file: [heap], [stack], [vdso]."""
    grows_down: bool = False
    identity: tuple[int, int] = (0, 0)
    """Of shared anonymous memory: the same in every process that inherits it."""
    may_write: bool = True
    """Whether mprotect may add PROT_WRITE (not to a shared mapping of a read-only file)."""
    wipe_on_fork: bool = False

    def protected(self, protection: Protection) -> Area:
        return replace(self, protection=protection)

    def mergeable(self, other: Area) -> bool:
        """Whether two neighbours are one line of /proc/PID/maps."""
        return (
            self.protection == other.protection
            and self.shared == other.shared
            and self.backing is other.backing
            and (self.backing is None or self.delta == other.delta)
            and self.name == other.name
            and self.identity == other.identity
            and self.grows_down == other.grows_down
        )


def shared_identity(pid: int) -> tuple[int, int]:
    """A fresh identity for shared anonymous memory made by host process `pid`."""
    return pid, next(_shared_ids)


class Listing(Record):
    """A line of /proc/PID/maps."""

    start: int
    end: int
    area: Area

    def __bytes__(self) -> bytes:
        area = self.area
        letters = b"".join(
            letter if area.protection & bit else b"-"
            for bit, letter in (
                (Protection.READ, b"r"),
                (Protection.WRITE, b"w"),
                (Protection.EXECUTE, b"x"),
            )
        )
        offset, device, inode, name = 0, b"00:00", 0, area.name
        if area.backing is not None:
            status = area.backing.file.stat()
            offset, inode, device = self.start + area.delta, status.ino, b"00:01"
            name = area.backing.file.describe()
        kind = b"s" if area.shared else b"p"
        line = b"%08x-%08x %s%s %08x %s %d" % (
            self.start, self.end, letters, kind, offset, device, inode,
        )  # fmt: skip
        return (line.ljust(73) + name if name else line + b" ") + b"\n"
