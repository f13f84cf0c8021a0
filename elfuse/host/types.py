"""Values that host functions return."""

from __future__ import annotations

from elfuse.record import Record


class HeldLock(Record):
    """A record lock somebody holds; `pid` is -1 for an open file description lock."""

    exclusive: bool
    start: int
    length: int
    pid: int
