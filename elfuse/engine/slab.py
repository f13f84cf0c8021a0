"""The guest's address space as one reservation of the host's: guest address + base = host address."""

import os
import stat

from elfuse.engine.protocol import Protection
from elfuse.engine.ranges import Range, RangeMap
from elfuse.typing import Callable, Protocol

PAGE = 4096
GUEST_BITS = 39
"""As arm64 Linux with CONFIG_ARM64_VA_BITS_39: every address fits a reservation the host grants."""

_READ, _READ_WRITE = 1, 3


class HostMemory(Protocol):
    """Host mappings at chosen addresses, as `elfuse.host.memory` has them."""

    def reserve(self, length: int) -> int: ...
    def release(self, address: int, length: int) -> None: ...
    def view(self, address: int, length: int) -> memoryview: ...
    def unmap(self, address: int, length: int) -> None: ...
    def map_anonymous(
        self, address: int, length: int, protection: int, *, shared: bool
    ) -> None: ...
    def map_file(
        self, address: int, length: int, protection: int, fd: int, offset: int, *, shared: bool
    ) -> None: ...
    def protect(self, address: int, length: int, protection: int) -> None: ...
    def discard(self, address: int, length: int) -> None: ...
    def sync(self, address: int, length: int) -> None: ...
    def move(self, address: int, to: int, length: int) -> None: ...


class Slab:
    """`AddressSpace` for engines that enforce page protections themselves.

    The host's pages stay readable, and writable where the file allows, whatever the guest's
    protection: the kernel part checks before it copies. With `enforced` they have the guest's
    protection. `protections` says what the guest may do; file pages beyond the end of the file
    are not in it, so that touching them becomes a guest fault and not the host's SIGBUS.
    """

    def __init__(
        self,
        host: HostMemory,
        changed: Callable[[int, int, Protection], None],
        cleared: Callable[[], None],
        *,
        enforced: bool = False,
    ) -> None:
        self.limit = 1 << GUEST_BITS
        self.keeps_code = False
        self._host = host
        self._enforced = enforced
        # A page more, so that no access which begins inside ends in memory of the host.
        self.base = host.reserve(self.limit + PAGE)
        self.view = host.view(self.base, self.limit)
        self.protections: RangeMap[Protection] = RangeMap()
        self._changed = changed
        """(start, length, what was allowed): pages here no longer are, or allow, what they did."""
        self._cleared = cleared

    def __del__(self) -> None:
        # A process has room for some 250 reservations; only tests make more than one.
        self._host.release(self.base, self.limit + PAGE)

    def host_address(self, address: int) -> int:
        return self.base + address

    def peek(self, address: int, length: int) -> bytes:
        end = at = address
        for part in self.protections.overlapping(address, address + length):
            if part.start > at:
                break
            at = end = min(part.end, address + length)
        closed = [
            part
            for part in (self.protections.overlapping(address, end) if self._enforced else ())
            if not self._host_protection(part.value)
        ]
        for part in closed:
            self._host.protect(self.base + part.start, part.end - part.start, _READ)
        found = bytes(self.view[address:end])
        for part in closed:
            self._host.protect(self.base + part.start, part.end - part.start, 0)
        return found

    def poke(self, address: int, data: bytes) -> None:
        end = address + len(data)
        pages = self.protections.overlapping(address, end) if self._enforced else []
        for part in pages:
            self._host.protect(self.base + part.start, part.end - part.start, _READ_WRITE)
        self.view[address:end] = data
        for part in pages:
            allowed = self._host_protection(part.value)
            self._host.protect(self.base + part.start, part.end - part.start, allowed)
        self.code_changed(address, len(data))

    def map_anonymous(
        self, start: int, length: int, protection: Protection, *, shared: bool
    ) -> None:
        allowed = self._host_protection(protection)
        self._host.map_anonymous(self.base + start, length, allowed, shared=shared)
        self._set(start, length, protection)

    def map_file(
        self, start: int, length: int, protection: Protection, fd: int, offset: int, *, shared: bool
    ) -> None:
        allowed = self._host_protection(protection)
        try:
            self._host.map_file(self.base + start, length, allowed, fd, offset, shared=shared)
        except PermissionError:
            # A shared mapping of a file that is open for reading only.
            self._host.map_file(self.base + start, length, _READ, fd, offset, shared=shared)
        self._set(start, length, protection)
        status = os.fstat(fd)
        inside = max(0, status.st_size - offset + PAGE - 1) // PAGE * PAGE
        if stat.S_ISREG(status.st_mode) and inside < length:
            self.protections.clear(start + inside, start + length)
        if not shared:
            self._file_mapped(start, length, protection, fd, status, offset)

    def _file_mapped(
        self,
        start: int,
        length: int,
        protection: Protection,
        fd: int,
        status: os.stat_result,
        offset: int,
    ) -> None:
        """For engines that profit from code they have met before: a private mapping was made."""

    def unmap(self, start: int, length: int) -> None:
        self._host.unmap(self.base + start, length)
        self._replaced(start, length, self.protections.clear(start, start + length))

    def protect(self, start: int, length: int, protection: Protection) -> None:
        if self._enforced:
            self._host.protect(self.base + start, length, self._host_protection(protection))
        self._set(start, length, protection)

    def move(self, start: int, to: int, length: int) -> None:
        self._host.move(self.base + start, self.base + to, length)
        moved = self.protections.clear(start, start + length)
        gone = self.protections.clear(to, to + length)
        self._replaced(start, length, moved)
        self._replaced(to, length, gone)
        for part in moved:
            self._set(part.start - start + to, part.end - part.start, part.value)

    def discard(self, start: int, length: int) -> None:
        self._host.discard(self.base + start, length)
        self.code_changed(start, length)

    def sync(self, start: int, length: int) -> None:
        self._host.sync(self.base + start, length)

    def code_changed(self, start: int, length: int) -> None:
        found = self.protections.overlapping(start, start + length)
        self._changed(start, length, _united(found))

    def clear(self) -> None:
        ranges = list(self.protections)
        if ranges:
            self._host.unmap(self.base, self.limit)
        self.protections = RangeMap()
        self._cleared()

    # Engines that answer brk(2) have their own.

    def serve_break(self, start: int, end: int, limit: int) -> bool:
        del start, end, limit
        return False

    def break_end(self) -> int:
        raise NotImplementedError

    def stop_break(self) -> int:
        raise NotImplementedError

    def grown(self, start: int, length: int) -> None:
        self.protections.set(start, start + length, Protection.READ | Protection.WRITE)

    def _host_protection(self, protection: Protection) -> int:
        """On arm64 what can be written can be read; what can be executed is read by the engine."""
        if not self._enforced or protection & Protection.WRITE:
            return _READ_WRITE
        return _READ if protection else 0

    def _set(self, start: int, length: int, protection: Protection) -> None:
        self._replaced(start, length, self.protections.set(start, start + length, protection))

    def _replaced(self, start: int, length: int, parts: list[Range[Protection]]) -> None:
        if parts:
            self._changed(start, length, _united(parts))


def _united(parts: list[Range[Protection]]) -> Protection:
    """All that any of the parts allows."""
    united = Protection.NONE
    for part in parts:
        united |= part.value
    return united
