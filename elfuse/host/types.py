"""Values that host functions return."""

from typing import NamedTuple


class HeldLock(NamedTuple):
    """A record lock somebody holds; `pid` is -1 for an open file description lock."""

    exclusive: bool
    start: int
    length: int
    pid: int
