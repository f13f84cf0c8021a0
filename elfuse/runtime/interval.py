"""Timers of processes that send signals: setitimer(2) and timer_create(2).

As in the kernel, a periodic timer is not started again before its signal has been taken; what
has passed by then is its overrun. So a short interval cannot flood a process with signals.
"""

from __future__ import annotations

from elfuse.record import Record, replace
from elfuse.runtime import signals
from elfuse.runtime.abi.signal import Sig
from elfuse.runtime.abi.time import ITIMER_PROF, ITIMER_REAL, ITIMER_VIRTUAL
from elfuse.runtime.clocks import MONOTONIC, PROCESS_CPU, PROCESS_USER, Source
from elfuse.runtime.signals import SI_KERNEL, SI_TIMER, SigInfo
from elfuse.runtime.signals.state import Taken, bit
from elfuse.runtime.timers import Timer, TimerQueue
from elfuse.runtime.wait import now
from elfuse.typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from elfuse.runtime.process import Process
    from elfuse.runtime.task import Task

ITIMERS = {
    ITIMER_REAL: (MONOTONIC, Sig.SIGALRM),
    ITIMER_VIRTUAL: (PROCESS_USER, Sig.SIGVTALRM),
    ITIMER_PROF: (PROCESS_CPU, Sig.SIGPROF),
}
_LEAST_DELAY_NS = 1_000_000
"""Before a periodic timer expires again whose signal nobody takes."""
_MAX_OVERRUN = 0x7FFF_FFFF


class Interval:
    """Expiry at a value of a clock, then after every interval.

    `expired(taken)` posts the signal and says whether it is pending now; `taken` is to be called
    when somebody takes it, and starts the next interval.
    """

    def __init__(
        self, queue: TimerQueue, source: Source, expired: Callable[[Taken], bool] | None
    ) -> None:
        self._queue = queue
        self._source = source
        self._expired = expired
        self._timer: Timer | None = None
        self._next = 0
        """Clock value of the next expiry, or of the one whose signal is pending; 0: disarmed."""
        self._setting = 0
        self.interval_ns = 0
        self.overrun = 0
        """Intervals that passed while the last signal was pending."""

    def remaining_ns(self) -> int:
        """Until the next expiry, at least 1 while armed; 0 if it is not."""
        if not self._next:
            return 0
        left = self._next - self._source.read()
        if left > 0:
            return left
        if self.interval_ns:
            return left % self.interval_ns or self.interval_ns
        # A timer that sends nothing has simply expired; any other is about to.
        return 1 if self._expired else 0

    def set(self, first: int, interval_ns: int, *, absolute: bool = False) -> None:
        """Arm for `first` nanoseconds from now, or clock value; 0 disarms."""
        self.cancel()
        self.overrun = 0
        if first:
            self.interval_ns = interval_ns
            self._next = first if absolute else self._source.read() + first
            self._schedule()

    def cancel(self) -> None:
        """Disarm. The signal of timer_create's timer, if pending, is not seen any more."""
        self._setting += 1
        self._next = self.interval_ns = 0
        if self._timer is not None:
            self._queue.cancel(self._timer)
            self._timer = None

    def resume(self) -> None:
        """After the queue was cleared: go on."""
        if self._timer is not None and not self._timer.scheduled:
            self._schedule()

    def _schedule(self, least_ns: int = 0) -> None:
        if self._expired is not None:
            delay = max(least_ns, self._source.delay(self._next))
            self._timer = self._queue.add(now() + delay, self._look)

    def _look(self) -> None:
        self._timer = None
        try:
            early = self._source.delay(self._next) > 0
        except OSError:
            # The process or thread whose CPU time this is has ended.
            self.cancel()
            return
        if early:
            self._schedule()
        else:
            self._fire()

    def _fire(self) -> None:
        assert self._expired is not None
        setting, periodic = self._setting, self.interval_ns > 0

        def taken(info: SigInfo) -> SigInfo | None:
            current = setting == self._setting
            if periodic and current:
                self._restart(0)
            if info.code != SI_TIMER:
                return info
            return replace(info, overrun=self.overrun) if current else None

        if not periodic:
            self._next = 0
        if not self._expired(taken) and periodic:
            self._restart(_LEAST_DELAY_NS)

    def _restart(self, least_ns: int) -> None:
        passed = max(0, self._source.read() - self._next) // self.interval_ns
        self.overrun = min(passed, _MAX_OVERRUN)
        self._next += (passed + 1) * self.interval_ns
        self._schedule(least_ns)


class Notify(Record):
    """How a timer tells: with which signal, to the process or to one thread."""

    signo: int
    value: int
    thread: Task | None = None


class ProcessTimers:
    """A process's timers. A fork's child starts with a new one."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._queue = process.kernel.timers
        self._intervals: dict[int, Interval] = {}
        self.created: dict[int, Interval] = {}
        self._next_id = 0

    def itimer(self, which: int) -> Interval:
        """One of setitimer's three; KeyError for another."""
        found = self._intervals.get(which)
        if found is None:
            source, signo = ITIMERS[which]
            info = SigInfo(signo=signo, code=SI_KERNEL)

            def expired(taken: Taken) -> bool:
                if self._process.signals.pending.bits & bit(signo):
                    return False
                return self._post(info, None, taken)

            found = self._intervals[which] = Interval(self._queue, source, expired)
        return found

    def create(self, source: Source, notify: Callable[[int], Notify | None]) -> int:
        """A new timer's number; `notify` is asked with it, None sends nothing."""
        number, self._next_id = self._next_id, self._next_id + 1
        target = notify(number)
        expired = None
        if target is not None:
            thread = target.thread
            info = SigInfo(signo=target.signo, code=SI_TIMER, value=target.value, timer_id=number)

            def expired(taken: Taken) -> bool:
                return self._post(info, thread, taken)

        self.created[number] = Interval(self._queue, source, expired)
        return number

    def _post(self, info: SigInfo, thread: Task | None, taken: Taken) -> bool:
        if not self._process.tasks:
            # A process without a host process of its own has ended.
            self.cancel()
            return True
        if thread is None:
            return signals.post_to_process(self._process, info, taken)
        return signals.post_to_task(thread, info, taken)

    def cancel(self) -> None:
        """Disarm all."""
        for timer in (*self._intervals.values(), *self.created.values()):
            timer.cancel()

    def reset_for_exec(self) -> None:
        """timer_create's timers end, setitimer's go on, in a new host process too."""
        for timer in self.created.values():
            timer.cancel()
        self.created.clear()
        for timer in self._intervals.values():
            timer.resume()
