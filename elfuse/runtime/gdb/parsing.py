"""Numbers and data as packets write them."""

from __future__ import annotations

from elfuse.runtime.gdb.inferiors import Resumption
from elfuse.runtime.gdb.numbers import linux_signal

_DIGITS = frozenset(b"0123456789abcdefABCDEF")
_MOST_DIGITS = 16


class Malformed(Exception):
    """A packet that makes no sense."""


def hexadecimal(text: bytes) -> int:
    """A 64-bit number."""
    if not text or len(text) > _MOST_DIGITS or not _DIGITS.issuperset(text):
        raise Malformed
    return int(text, 16)


def signed(text: bytes) -> int:
    """A process or thread number; -1 is all."""
    return -1 if text == b"-1" else hexadecimal(text)


def unhex(text: bytes) -> bytes:
    """Bytes that are written with two digits each."""
    if not _DIGITS.issuperset(text) or len(text) % 2:
        raise Malformed
    return bytes.fromhex(text.decode("ascii"))


def action(text: bytes) -> tuple[Resumption, bytes | None]:
    """A part of vCont: how threads go on, and which; None: all that no other part names."""
    what, colon, thread = text.partition(b":")
    kind, rest = what[:1], what[1:]
    who = thread if colon else None
    if kind == b"r":
        start, _comma, end = rest.partition(b",")
        return Resumption(step=True, start=hexadecimal(start), end=hexadecimal(end)), who
    if kind in (b"c", b"s") and not rest:
        return Resumption(step=kind == b"s"), who
    if kind in (b"C", b"S"):
        return Resumption(step=kind == b"S", signal=linux_signal(hexadecimal(rest))), who
    raise Malformed
