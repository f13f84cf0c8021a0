"""The guest's address space as one reservation of the host's: guest address + base = host address."""

import ctypes
import os
import stat
from collections.abc import Callable

from elfuse.engine.protocol import Protection
from elfuse.engine.ranges import RangeMap
from elfuse.host import memory as host

PAGE = 4096
GUEST_BITS = 39
"""As arm64 Linux with CONFIG_ARM64_VA_BITS_39: every address fits a reservation the host grants."""

_READ_WRITE = 3


class Slab:
    """`AddressSpace` for engines that enforce page protections themselves.

    The host's pages stay readable, and writable where the file allows, whatever the guest's
    protection: the kernel part checks before it copies. `protections` says what the guest may
    do; file pages beyond the end of the file are not in it, so that touching them becomes a
    guest fault and not the host's SIGBUS.
    """

    def __init__(self, changed: Callable[[int, int], None], cleared: Callable[[], None]) -> None:
        self.limit = 1 << GUEST_BITS
        self.base = host.reserve(self.limit)
        self.view = memoryview((ctypes.c_ubyte * self.limit).from_address(self.base)).cast("B")
        self.protections: RangeMap[Protection] = RangeMap()
        self._changed = changed
        """(start, length): pages here no longer are, or allow, what they did."""
        self._cleared = cleared

    def __del__(self) -> None:
        # A process has room for some 250 reservations; only tests make more than one.
        host.release(self.base, self.limit)

    def host_address(self, address: int) -> int:
        return self.base + address

    def map_anonymous(
        self, start: int, length: int, protection: Protection, *, shared: bool
    ) -> None:
        host.map_anonymous(self.base + start, length, _READ_WRITE, shared=shared)
        self._set(start, length, protection)

    def map_file(
        self, start: int, length: int, protection: Protection, fd: int, offset: int, *, shared: bool
    ) -> None:
        try:
            host.map_file(self.base + start, length, _READ_WRITE, fd, offset, shared=shared)
        except PermissionError:
            # A shared mapping of a file that is open for reading only.
            host.map_file(
                self.base + start, length, int(Protection.READ), fd, offset, shared=shared
            )
        self._set(start, length, protection)
        status = os.fstat(fd)
        inside = max(0, status.st_size - offset + PAGE - 1) // PAGE * PAGE
        if stat.S_ISREG(status.st_mode) and inside < length:
            self.protections.clear(start + inside, start + length)

    def unmap(self, start: int, length: int) -> None:
        host.unmap(self.base + start, length)
        if self.protections.clear(start, start + length):
            self._changed(start, length)

    def protect(self, start: int, length: int, protection: Protection) -> None:
        self._set(start, length, protection)

    def move(self, start: int, to: int, length: int) -> None:
        host.move(self.base + start, self.base + to, length)
        moved = self.protections.clear(start, start + length)
        self.protections.clear(to, to + length)
        for part in moved:
            self.protections.set(part.start - start + to, part.end - start + to, part.value)
        self._changed(start, length)
        self._changed(to, length)

    def discard(self, start: int, length: int) -> None:
        host.discard(self.base + start, length)
        self.code_changed(start, length)

    def sync(self, start: int, length: int) -> None:
        host.sync(self.base + start, length)

    def code_changed(self, start: int, length: int) -> None:
        self._changed(start, length)

    def clear(self) -> None:
        ranges = list(self.protections)
        if ranges:
            host.unmap(self.base, self.limit)
        self.protections = RangeMap()
        self._cleared()

    def _set(self, start: int, length: int, protection: Protection) -> None:
        if self.protections.set(start, start + length, protection):
            self._changed(start, length)
