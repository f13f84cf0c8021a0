"""Which decoded code outlives an execve: that of files which are mapped at the same place again."""

from __future__ import annotations

import os
import stat
import time

from elfuse.engine.ranges import RangeMap
from elfuse.typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from elfuse.engine import _jit

_SETTLED_NS = 60_000_000_000
"""A file that did not change for so long shows its next change in its times: they are not too
coarse for it, and no store to a mapping of it is on its way to the disk."""

Key = tuple[int, int, int, int, int, int]
"""What an address shows: device, inode, size, times of the last changes, offset minus address."""


class Texts:
    """Executable pages of files that nobody has written to, now and in programs before."""

    def __init__(self, code: _jit.Space, dates_mapped_writes: Callable[[int], bool]) -> None:
        self._code = code
        self._dates_mapped_writes = dates_mapped_writes
        self.settled_ns = _SETTLED_NS
        """Age of a file's last change from which on its code is kept."""
        self._mapped: RangeMap[Key] = RangeMap()
        self._parked: RangeMap[Key] = RangeMap()
        self._dated: dict[int, bool] = {}
        """By device, whether a file's times tell of all changes."""

    def map(self, start: int, length: int, fd: int, status: os.stat_result, offset: int) -> None:
        """A private mapping that cannot be written was made executable."""
        if not stat.S_ISREG(status.st_mode) or not self._tells_changes(fd, status):
            return
        end = start + length
        mtime, ctime = status.st_mtime_ns, status.st_ctime_ns
        key = (status.st_dev, status.st_ino, status.st_size, mtime, ctime, offset - start)
        for part in self._parked.overlapping(start, end):
            if part.value == key:
                first, last = max(start, part.start), min(end, part.end)
                self._code.restore(first, last - first)
                self._parked.clear(first, last)
        self._mapped.set(start, end, key)

    def _tells_changes(self, fd: int, status: os.stat_result) -> bool:
        if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) < self.settled_ns:
            return False
        known = self._dated.get(status.st_dev)
        if known is None:
            known = self._dated[status.st_dev] = self._dates_mapped_writes(fd)
        return known

    def change(self, start: int, length: int) -> None:
        """Pages here are gone, or may be written from now on."""
        self._mapped.clear(start, start + length)

    def park(self) -> None:
        """Before all mappings go."""
        for text in self._mapped:
            self._code.park(text.start, text.end - text.start)
            self._parked.set(text.start, text.end, text.value)
        self._mapped = RangeMap()
