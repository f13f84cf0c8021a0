"""Framing of the GDB remote serial protocol (GDB manual, "Overview" of appendix E).

Knows nothing of what packets mean. Input may be anything: what is no packet is skipped.
"""

from __future__ import annotations

import re
from enum import Enum

from elfuse.record import Record
from elfuse.typing import Iterator

LIMIT = 0x20000
"""Bytes of the longest packet taken, framing included; `PacketSize` announces it."""

_ESCAPE, _FLIP = 0x7D, 0x20
_BEGINNINGS = re.compile(rb"[$+\x03-]")
_SPECIAL = re.compile(rb"[#$*}]")
_ESCAPED = re.compile(rb"\}(.)", re.DOTALL)


class Kind(Enum):
    """What arrived."""

    PACKET = "packet"
    """`data` is its content, unescaped; its checksum is right or does not count."""
    BROKEN = "broken"
    """A packet whose checksum is wrong."""
    OVERSIZED = "oversized"
    """More than `LIMIT` bytes without an end: they are gone."""
    INTERRUPT = "interrupt"
    """The byte 0x03 between packets."""
    ACCEPTED = "accepted"
    """`+`."""
    REFUSED = "refused"
    """`-`: the last packet is to be sent again."""


class Item(Record):
    """One thing that arrived."""

    kind: Kind
    data: bytes = b""


class Reader:
    """Cuts what arrives into items, whatever pieces it arrives in."""

    def __init__(self) -> None:
        self._rest = b""
        self.checks = True
        """Whether checksums count: they do until QStartNoAckMode."""

    def feed(self, data: bytes) -> Iterator[Item]:
        """Items that `data` completes, in order.

        An iterator, because a packet may change how the bytes behind it are read.
        """
        self._rest += data
        while self._rest:
            item, used = self._next()
            if not used:
                return
            self._rest = self._rest[used:]
            if item is not None:
                yield item

    def _next(self) -> tuple[Item | None, int]:
        """The first item, if any, and the bytes it took; 0 if it is not complete."""
        first = self._rest[:1]
        if first == b"+":
            return Item(Kind.ACCEPTED), 1
        if first == b"-":
            return Item(Kind.REFUSED), 1
        if first == b"\x03":
            return Item(Kind.INTERRUPT), 1
        if first != b"$":
            found = _BEGINNINGS.search(self._rest)
            return None, found.start() if found else len(self._rest)
        end = self._rest.find(b"#", 1)
        again = self._rest.find(b"$", 1, end if end >= 0 else len(self._rest))
        if again >= 0:
            # `$` never stands inside a packet: the one that began here was cut off.
            return Item(Kind.BROKEN), again
        if end < 0 or len(self._rest) < end + 3:
            if len(self._rest) > LIMIT:
                return Item(Kind.OVERSIZED), len(self._rest)
            return None, 0
        body, digits = self._rest[1:end], self._rest[end + 1 : end + 3]
        if len(body) > LIMIT:
            return Item(Kind.OVERSIZED), end + 3
        if self.checks and digits.lower() != b"%02x" % _sum(body):
            return Item(Kind.BROKEN), end + 3
        return Item(Kind.PACKET, unescape(body)), end + 3


def frame(content: bytes) -> bytes:
    """A packet with `content`, which is escaped already where it is binary."""
    return b"$%b#%02x" % (content, _sum(content))


def escape(data: bytes) -> bytes:
    """Binary data as it may stand in a packet."""
    return _SPECIAL.sub(lambda found: bytes((_ESCAPE, found[0][0] ^ _FLIP)), data)


def unescape(data: bytes) -> bytes:
    """The opposite of `escape`."""
    return _ESCAPED.sub(lambda found: bytes((found[1][0] ^ _FLIP,)), data)


def _sum(body: bytes) -> int:
    return sum(body) & 0xFF
