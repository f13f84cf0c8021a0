"""The guest's address space as one reservation of the host's: guest address + base = host address."""

import os
import stat

from elfuse.engine.protocol import Change, MappingChange, Protection, Segment
from elfuse.engine.ranges import Range, RangeMap
from elfuse.host import memory
from elfuse.typing import Callable, Sequence

PAGE = 4096
_ADDRESS = (1 << 64) - 1
GUEST_BITS = 39
"""As arm64 Linux with CONFIG_ARM64_VA_BITS_39: every address fits a reservation the host grants."""

_READ, _READ_WRITE = 1, 3


class Slab:
    """`AddressSpace` for engines that enforce page protections themselves.

    The host's pages stay readable, and writable where the file allows, whatever the guest's
    protection: the kernel part checks before it copies. `protections` says what the guest may do;
    file pages beyond the end of the file are not in it, so that touching them becomes a guest fault
    and not the host's SIGBUS.
    """

    def __init__(
        self,
        changed: Callable[[int, int, Protection], None],
        cleared: Callable[[], None],
    ) -> None:
        self.limit = 1 << GUEST_BITS
        # A page more, so that no access which begins inside ends in memory of the host.
        self.base = memory.reserve(self.limit + PAGE)
        self.view = memory.view(self.base, self.limit)
        self.protections: RangeMap[Protection] = RangeMap()
        self._changed = changed
        """(start, length, what was allowed): pages here no longer are, or allow, what they did."""
        self._cleared = cleared

    def __del__(self) -> None:
        # A process has room for some 250 reservations; only tests make more than one.
        memory.release(self.base, self.limit + PAGE)

    def host_address(self, address: int) -> int:
        return self.base + address

    # The host's processor does not check accesses, so nothing is quick.

    def load(self, address: int, size: int, /) -> bytes | None:
        del address, size
        return None

    def store(self, address: int, data: bytes | memoryview, /) -> bool:
        del address, data
        return False

    def text(self, address: int, limit: int, /) -> bytes | None:
        del address, limit
        return None

    def texts(self, array: int, limit: int, /) -> list[bytes] | None:
        del array, limit
        return None

    def peek(self, address: int, length: int) -> bytes:
        end = at = address
        for part in self.protections.overlapping(address, address + length):
            if part.start > at:
                break
            at = end = min(part.end, address + length)
        return bytes(self.view[address:end])

    def poke(self, address: int, data: bytes) -> None:
        self.view[address : address + len(data)] = data
        self.code_changed(address, len(data))

    def map_anonymous(
        self, start: int, length: int, protection: Protection, *, shared: bool
    ) -> None:
        memory.map_anonymous(self.base + start, length, _READ_WRITE, shared=shared)
        self._set(start, length, protection)

    def map_file(
        self, start: int, length: int, protection: Protection, fd: int, offset: int, *, shared: bool
    ) -> None:
        place = self.base + start
        try:
            memory.map_file(place, length, _READ_WRITE, fd, offset, shared=shared)
        except PermissionError:
            # A shared mapping of a file that is open for reading only.
            memory.map_file(place, length, _READ, fd, offset, shared=shared)
        self._set(start, length, protection)
        status = os.fstat(fd)
        inside = max(0, status.st_size - offset + PAGE - 1) // PAGE * PAGE
        if stat.S_ISREG(status.st_mode) and inside < length:
            self.protections.clear(start + inside, start + length)

    def map_program(
        self, segments: Sequence[Segment], base: int, fd: int, /
    ) -> list[MappingChange]:
        changes: list[MappingChange] = []
        for vaddr, memsz, filesz, offset, allowed in segments:
            protection, address = Protection(allowed), (base + vaddr) & _ADDRESS
            start, file_end = address & -PAGE, address + filesz
            end = _page_up(address + memsz)
            backed = _page_up(file_end) if filesz else start
            if start < backed:
                first = offset - (address - start)
                self.map_file(start, backed - start, protection, fd, first, shared=False)
                changes.append((Change.FILE, start, backed, allowed, 0, first))
                if filesz < memsz and file_end < backed:
                    self.poke(file_end, bytes(backed - file_end))
            if backed < end:
                self.map_anonymous(backed, end - backed, protection, shared=False)
                changes.append((Change.ANONYMOUS, backed, end, allowed, 0, 0))
        return changes

    def unmap(self, start: int, length: int) -> None:
        memory.unmap(self.base + start, length)
        self._replaced(start, length, self.protections.clear(start, start + length))

    def protect(self, start: int, length: int, protection: Protection) -> None:
        end = start + length
        for part in self.protections.overlapping(start, end):
            first, last = max(part.start, start), min(part.end, end)
            self._set(first, last - first, protection)

    def reveal(self, start: int, length: int, protection: Protection) -> None:
        self._set(start, length, protection)

    def move(self, start: int, to: int, length: int) -> None:
        memory.move(self.base + start, self.base + to, length)
        moved = self.protections.clear(start, start + length)
        gone = self.protections.clear(to, to + length)
        self._replaced(start, length, moved)
        self._replaced(to, length, gone)
        for part in moved:
            self._set(part.start - start + to, part.end - part.start, part.value)

    def discard(self, start: int, length: int) -> None:
        memory.discard(self.base + start, length)
        self.code_changed(start, length)

    def sync(self, start: int, length: int) -> None:
        memory.sync(self.base + start, length)

    def code_changed(self, start: int, length: int) -> None:
        found = self.protections.overlapping(start, start + length)
        self._changed(start, length, _united(found))

    def clear(self) -> None:
        ranges = list(self.protections)
        if ranges:
            memory.unmap(self.base, self.limit)
        self.protections = RangeMap()
        self._cleared()

    def gap(self, base: int, length: int, /) -> int:
        del base, length
        return 0

    def home(self, length: int, /) -> int:
        del length
        return 0

    program_home = home

    # Engines that answer mapping calls have their own.

    def serve_calls(self, heap: int, brk: int, base: int) -> None:
        raise NotImplementedError

    def stop_calls(self) -> None:
        raise NotImplementedError

    def is_ahead(self) -> bool:
        return False

    def take_changes(self) -> list[MappingChange]:
        raise NotImplementedError

    def _set(self, start: int, length: int, protection: Protection) -> None:
        self._replaced(start, length, self.protections.set(start, start + length, protection))

    def _replaced(self, start: int, length: int, parts: list[Range[Protection]]) -> None:
        if parts:
            self._changed(start, length, _united(parts))


def _page_up(address: int) -> int:
    return (address + PAGE - 1) & -PAGE


def _united(parts: list[Range[Protection]]) -> Protection:
    """All that any of the parts allows."""
    united = Protection.NONE
    for part in parts:
        united |= part.value
    return united
