"""Deadlines of the kernel part; the service thread runs what has expired."""

from itertools import count

from elfuse.light import heappop, heappush
from elfuse.runtime.wait import now
from elfuse.typing import Callable


class Timer:
    """A scheduled callback; cancelled ones stay in the heap until their time."""

    __slots__ = ("callback", "deadline_ns", "order")

    def __init__(self, deadline_ns: int, order: int, callback: Callable[[], None]) -> None:
        self.deadline_ns = deadline_ns
        self.order = order
        self.callback: Callable[[], None] | None = callback

    def __lt__(self, other: "Timer") -> bool:
        return (self.deadline_ns, self.order) < (other.deadline_ns, other.order)

    @property
    def scheduled(self) -> bool:
        return self.callback is not None


class TimerQueue:
    """Callbacks by CLOCK_MONOTONIC deadline. Guarded by the kernel lock."""

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._order = count()
        self.earlier: Callable[[], None] = lambda: None
        """Called when the next deadline has moved forward."""

    def add(self, deadline_ns: int, callback: Callable[[], None]) -> Timer:
        """Call back, with the kernel lock held, once the deadline has passed."""
        made = Timer(deadline_ns, next(self._order), callback)
        first = self.next_deadline()
        heappush(self._heap, made)
        if first is None or deadline_ns < first:
            self.earlier()
        return made

    def cancel(self, timer: Timer) -> None:
        """Nothing happens if it has expired already."""
        timer.callback = None

    def next_deadline(self) -> int | None:
        """CLOCK_MONOTONIC nanoseconds, None if nothing is scheduled."""
        while self._heap and self._heap[0].callback is None:
            heappop(self._heap)
        return self._heap[0].deadline_ns if self._heap else None

    def run_expired(self) -> None:
        """Run what was due when this began; what a callback adds waits for the next time."""
        until, last = now(), next(self._order)
        while (deadline := self.next_deadline()) is not None and deadline <= until:
            timer = self._heap[0]
            if timer.order > last:
                return
            heappop(self._heap)
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback()

    def clear(self) -> None:
        """Forget everything: a fork's child inherits no timers."""
        for timer in self._heap:
            timer.callback = None
        self._heap.clear()
