"""Half-open address ranges with a value each: the shape of page protections and memory areas.

The crate `elfuse-jit` has the same classes, which take the place of these where it is installed. What is
written here holds for both, and `tests/engine/test_ranges.py` compares them.
"""

from __future__ import annotations

from elfuse.light import bisect_left, bisect_right, suppress
from elfuse.record import Record
from elfuse.typing import TYPE_CHECKING, Generic, Iterator, TypeVar

T = TypeVar("T")


class Range(Record, Generic[T]):
    """`start <= address < end` has `value`."""

    start: int
    end: int
    value: T


class RangeMap(Generic[T]):
    """Disjoint ranges in address order. Setting a range replaces what it covers.

    Invariant: `_starts` is sorted and `_ranges[i].start == _starts[i]`.
    """

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ranges: list[Range[T]] = []

    def __iter__(self) -> Iterator[Range[T]]:
        return iter(self._ranges)

    def __len__(self) -> int:
        return len(self._ranges)

    def at(self, address: int) -> Range[T] | None:
        """The range that holds `address`."""
        index = bisect_right(self._starts, address) - 1
        if index >= 0:
            found = self._ranges[index]
            if address < found.end:
                return found
        return None

    def after(self, address: int) -> Range[T] | None:
        """The first range that starts at or above `address`."""
        index = bisect_left(self._starts, address)
        return self._ranges[index] if index < len(self._ranges) else None

    def before(self, address: int) -> Range[T] | None:
        """The last range that starts below `address`."""
        index = bisect_left(self._starts, address) - 1
        return self._ranges[index] if index >= 0 else None

    def overlapping(self, start: int, end: int) -> list[Range[T]]:
        """Ranges with at least one address in `start..end`, not clipped."""
        first = bisect_right(self._starts, start) - 1
        if first < 0 or self._ranges[first].end <= start:
            first += 1
        last = bisect_left(self._starts, end)
        return self._ranges[first:last]

    def covered(self, start: int, end: int) -> bool:
        """Whether no address of `start..end` lies in a gap."""
        at = start
        for found in self.overlapping(start, end):
            if found.start > at:
                return False
            at = found.end
        return at >= end

    def clear(self, start: int, end: int) -> list[Range[T]]:
        """Remove `start..end`, splitting ranges that cross its edges; returns the removed parts."""
        first = bisect_right(self._starts, start) - 1
        if first < 0 or self._ranges[first].end <= start:
            first += 1
        last = bisect_left(self._starts, end)
        if first >= last:
            return []
        old = self._ranges[first:last]
        keep: list[Range[T]] = []
        if old[0].start < start:
            keep.append(Range(old[0].start, start, old[0].value))
        if old[-1].end > end:
            keep.append(Range(end, old[-1].end, old[-1].value))
        self._ranges[first:last] = keep
        self._starts[first:last] = [kept.start for kept in keep]
        return [Range(max(r.start, start), min(r.end, end), r.value) for r in old]

    def set(self, start: int, end: int, value: T) -> list[Range[T]]:
        """Give `start..end` a value; returns the parts it replaced."""
        removed = self.clear(start, end)
        index = bisect_left(self._starts, start)
        self._starts.insert(index, start)
        self._ranges.insert(index, Range(start, end, value))
        return removed


if not TYPE_CHECKING:
    with suppress(ImportError):
        from elfuse.engine import _jit

        Range, RangeMap = _jit.Range, _jit.RangeMap
