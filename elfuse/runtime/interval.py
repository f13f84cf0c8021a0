"""Interval timers of processes: setitimer(2) and timer_create(2)."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from elfuse.runtime import signals
from elfuse.runtime.abi.signal import Sig
from elfuse.runtime.signals import SI_KERNEL, SI_TIMER, SigInfo
from elfuse.runtime.timers import Timer, TimerQueue

if TYPE_CHECKING:
    from elfuse.runtime.process import Process
    from elfuse.runtime.task import Task

ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF = 0, 1, 2
_SIGNALS = {ITIMER_REAL: Sig.SIGALRM, ITIMER_VIRTUAL: Sig.SIGVTALRM, ITIMER_PROF: Sig.SIGPROF}
_CPU_CHECK_NS = 10_000_000
"""CPU time cannot be waited for; a CPU timer looks at it this often."""
_MAX_OVERRUN = 0x7FFFFFFF


def process_cpu_ns() -> int:
    return time.process_time_ns()


class Interval:
    """A timer on a clock function: first expiry, then every `interval_ns`.

    `expired(count)` runs with the kernel lock held, with how many intervals have passed.
    """

    def __init__(
        self, queue: TimerQueue, clock: Callable[[], int], expired: Callable[[int], None]
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._expired = expired
        self._timer: Timer | None = None
        self._next = 0
        self.interval_ns = 0

    @property
    def armed(self) -> bool:
        return self._timer is not None

    def remaining_ns(self) -> int:
        """Until the next expiry, at least 1 while armed; 0 if not."""
        return max(1, self._next - self._clock()) if self.armed else 0

    def set(self, first: int, interval_ns: int) -> None:
        """Arm for the clock value `first`; 0 disarms."""
        self.cancel()
        self.interval_ns = interval_ns
        if first:
            self._next = first
            self._schedule()

    def cancel(self) -> None:
        if self._timer is not None:
            self._queue.cancel(self._timer)
            self._timer = None

    def _schedule(self) -> None:
        wait = max(0, self._next - self._clock())
        if self._clock not in (time.monotonic_ns, time.time_ns):
            wait = max(wait, _CPU_CHECK_NS) if wait else 0
        self._timer = self._queue.add(time.monotonic_ns() + wait, self._fire)

    def _fire(self) -> None:
        self._timer = None
        now = self._clock()
        if now < self._next:
            self._schedule()
            return
        count = 1
        if self.interval_ns:
            count += (now - self._next) // self.interval_ns
            self._next += count * self.interval_ns
            self._schedule()
        self._expired(count)


class ProcessTimers:
    """A process's interval timers. A fork's child starts with a new one."""

    def __init__(self, process: "Process") -> None:
        self._process = process
        self._queue = process.kernel.timers
        self._intervals: dict[int, Interval] = {}
        self.created: dict[int, PosixTimer] = {}
        self._next_id = 0

    def itimer(self, which: int) -> Interval:
        """One of setitimer's three."""
        found = self._intervals.get(which)
        if found is None:
            clock = time.monotonic_ns if which == ITIMER_REAL else process_cpu_ns
            info = SigInfo(signo=_SIGNALS[which], code=SI_KERNEL)

            def expired(_count: int) -> None:
                signals.post_to_process(self._process, info)

            found = self._intervals[which] = Interval(self._queue, clock, expired)
        return found

    def create(self, clock: Callable[[], int], notify: "Notify") -> int:
        """A new timer's id."""
        number, self._next_id = self._next_id, self._next_id + 1
        self.created[number] = PosixTimer(self._queue, clock, self._process, notify, number)
        return number

    def reset_for_exec(self) -> None:
        """timer_create's timers end, setitimer's go on."""
        for timer in self.created.values():
            timer.interval.cancel()
        self.created.clear()


class Notify:
    """How a timer tells: signal number (0 for none), value, and a thread or None."""

    def __init__(self, signo: int, value: int, task: "Task | None") -> None:
        self.signo = signo
        self.value = value
        self.task = task


class PosixTimer:
    """timer_create(2)'s timer."""

    def __init__(
        self,
        queue: TimerQueue,
        clock: Callable[[], int],
        process: "Process",
        notify: Notify,
        number: int,
    ) -> None:
        self.clock = clock
        self.interval = Interval(queue, clock, self._expired)
        self._process = process
        self._notify = notify
        self._number = number
        self.overrun = 0

    def set_value(self, value: int) -> None:
        """What the signal carries where the caller gave no sigevent: the timer's id."""
        self._notify.value = value

    def _expired(self, count: int) -> None:
        self.overrun = min(count - 1, _MAX_OVERRUN)
        if not self._notify.signo:
            return
        info = SigInfo(
            signo=self._notify.signo,
            code=SI_TIMER,
            value=self._notify.value,
            timer_id=self._number,
            overrun=self.overrun,
        )
        if self._notify.task is not None:
            signals.post_to_task(self._notify.task, info)
        else:
            signals.post_to_process(self._process, info)
