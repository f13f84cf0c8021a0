"""The deadline queue, timers that send signals, and the calls on clocks."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from elfuse.runtime import signals
from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.abi.resource import Timeval
from elfuse.runtime.abi.signal import SI_TIMER, SIGEV_NONE, SIGEV_SIGNAL, Sig, Sigevent
from elfuse.runtime.abi.stat import Timespec
from elfuse.runtime.abi.time import TIME_ERROR, TIMER_ABSTIME, Clock, Itimerspec, Itimerval, Timex
from elfuse.runtime.clocks import Source
from elfuse.runtime.interval import Interval
from elfuse.runtime.signals import SigInfo
from elfuse.runtime.signals.state import Taken, bit
from elfuse.runtime.timers import TimerQueue
from tests.runtime.machine import Machine, machine

PAST = 1


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path) as made:
        # There is no service thread that could be woken.
        made.kernel.timers.earlier = lambda: None
        yield made


def test_queue_runs_what_is_due_in_order() -> None:
    queue, ran = TimerQueue(), list[str]()
    queue.add(PAST + 1, lambda: ran.append("second"))
    queue.add(PAST, lambda: ran.append("first"))
    later = queue.add(time.monotonic_ns() + 10**12, lambda: ran.append("later"))
    queue.run_expired()
    assert ran == ["first", "second"]
    assert queue.next_deadline() == later.deadline_ns
    queue.cancel(later)
    assert queue.next_deadline() is None


def test_queue_tells_when_the_next_deadline_moves_forward() -> None:
    queue, told = TimerQueue(), list[int]()
    queue.earlier = lambda: told.append(1)
    queue.add(100, lambda: None)
    queue.add(200, lambda: None)
    assert len(told) == 1
    queue.add(50, lambda: None)
    assert len(told) == 2


def test_callback_that_adds_itself_again_does_not_run_for_ever() -> None:
    queue, ran = TimerQueue(), list[int]()

    def again() -> None:
        ran.append(1)
        queue.add(PAST, again)

    queue.add(PAST, again)
    queue.run_expired()
    assert len(ran) == 1
    assert queue.next_deadline() == PAST


class Watch:
    """An interval on a clock that stands where the test puts it."""

    def __init__(self) -> None:
        self.time = 0
        self.queue = TimerQueue()
        self.sent: list[Taken] = []
        self.pends = True
        self.interval = Interval(self.queue, Source(lambda: self.time), self._expired)

    def _expired(self, taken: Taken) -> bool:
        self.sent.append(taken)
        return self.pends

    def run(self) -> None:
        while (deadline := self.queue.next_deadline()) is not None:
            if deadline > time.monotonic_ns():
                return
            self.queue.run_expired()
            if self.interval.remaining_ns() and self.time < self.interval._next:
                return


def test_periodic_timer_starts_again_when_its_signal_is_taken() -> None:
    watch = Watch()
    watch.interval.set(10, 10)
    watch.time = 35
    watch.run()
    assert len(watch.sent) == 1
    assert watch.queue.next_deadline() is None
    info = watch.sent[0](SigInfo(40, SI_TIMER))
    assert info is not None
    assert info.overrun == watch.interval.overrun == 2
    assert watch.interval.remaining_ns() == 5
    watch.time = 40
    watch.run()
    info = watch.sent[1](SigInfo(40, SI_TIMER))
    assert info is not None
    assert info.overrun == 0


def test_signal_of_an_earlier_setting_is_not_seen() -> None:
    watch = Watch()
    watch.interval.set(10, 10)
    watch.time = 10
    watch.run()
    watch.interval.set(0, 0)
    assert watch.sent[0](SigInfo(40, SI_TIMER)) is None
    assert watch.interval.remaining_ns() == 0
    assert watch.queue.next_deadline() is None


def test_dropped_signal_does_not_stop_a_periodic_timer() -> None:
    watch = Watch()
    watch.pends = False
    watch.interval.set(10, 10)
    watch.time = 10
    watch.run()
    assert watch.interval.remaining_ns() == 10
    assert watch.queue.next_deadline() is not None


def test_one_shot_timer_is_disarmed_by_its_expiry() -> None:
    watch = Watch()
    watch.interval.set(10, 0)
    assert watch.interval.remaining_ns() == 10
    watch.time = 10
    watch.run()
    assert len(watch.sent) == 1
    assert watch.interval.remaining_ns() == 0


def test_timer_goes_on_after_the_queue_was_cleared() -> None:
    watch = Watch()
    watch.interval.set(10, 0)
    watch.queue.clear()
    watch.interval.resume()
    watch.time = 10
    watch.run()
    assert len(watch.sent) == 1


def spec(value: int, interval: int = 0) -> bytes:
    return Itimerspec(
        it_interval=Timespec.from_ns(interval), it_value=Timespec.from_ns(value)
    ).pack()


def create(guest: Machine, notify: int = SIGEV_SIGNAL, signo: int = 40) -> int:
    event = Sigevent(sigev_value=7, sigev_signo=signo, sigev_notify=notify, sigev_tid=0)
    at = guest.room(4)
    guest.ok("timer_create", Clock.MONOTONIC, guest.put(event.pack()), at)
    return int.from_bytes(guest.get(at, 4), "little")


def test_created_timer_sends_its_value(guest: Machine) -> None:
    timer = create(guest)
    guest.ok("timer_settime", timer, TIMER_ABSTIME, guest.put(spec(1)), 0)
    guest.task.signals.blocked = bit(40)
    with guest.kernel.lock:
        guest.kernel.timers.run_expired()
        info = signals.take(guest.task, bit(40))
    assert info is not None
    assert (info.code, info.value, info.timer_id, info.overrun) == (SI_TIMER, 7, timer, 0)


def test_created_timers_are_told_apart_and_deleted(guest: Machine) -> None:
    first, second = create(guest), create(guest, SIGEV_NONE, 0)
    assert first != second
    guest.ok("timer_settime", first, 0, guest.put(spec(10**12, 5)), 0)
    held = guest.room(Itimerspec.size)
    guest.ok("timer_gettime", first, held)
    found = Itimerspec.load(guest.process.memory, held)
    assert found.it_interval.ns == 5
    assert 0 < found.it_value.ns <= 10**12
    guest.ok("timer_gettime", second, held)
    assert guest.get(held, Itimerspec.size) == bytes(Itimerspec.size)
    guest.ok("timer_delete", first)
    assert guest.error("timer_delete", first) is Errno.EINVAL
    assert guest.error("timer_gettime", first, held) is Errno.EINVAL


@pytest.mark.parametrize(
    ("notify", "signo"), [(SIGEV_SIGNAL, 0), (SIGEV_SIGNAL, 65), (3, 40), (4, 40)]
)
def test_bad_sigevent_is_refused(guest: Machine, notify: int, signo: int) -> None:
    event = Sigevent(sigev_value=0, sigev_signo=signo, sigev_notify=notify, sigev_tid=0)
    at = guest.put(event.pack())
    assert guest.error("timer_create", Clock.MONOTONIC, at, guest.room(4)) is Errno.EINVAL
    assert not guest.process.timers.created


def test_interval_timer_is_reported_and_replaced(guest: Machine) -> None:
    value = Itimerval(it_interval=Timeval.from_ns(2_000_000), it_value=Timeval.from_ns(10**12))
    old = guest.room(Itimerval.size)
    guest.ok("setitimer", 0, guest.put(value.pack()), 0)
    guest.ok("setitimer", 0, 0, old)
    found = Itimerval.load(guest.process.memory, old)
    assert found.it_interval == value.it_interval
    assert 0 < found.it_value.ns <= 10**12
    guest.ok("getitimer", 0, old)
    assert guest.get(old, Itimerval.size) == bytes(Itimerval.size)
    assert guest.error("getitimer", 3, old) is Errno.EINVAL
    bad = Itimerval(it_interval=Timeval(tv_sec=0, tv_usec=1_000_000), it_value=value.it_value)
    assert guest.error("setitimer", 0, guest.put(bad.pack()), 0) is Errno.EINVAL


def test_interval_timer_sends_one_signal_however_short_the_interval(guest: Machine) -> None:
    value = Itimerval(it_interval=Timeval.from_ns(1000), it_value=Timeval.from_ns(1000))
    guest.task.signals.blocked = bit(Sig.SIGALRM)
    guest.ok("setitimer", 0, guest.put(value.pack()), 0)
    with guest.kernel.lock:
        while not guest.process.signals.pending.bits:
            guest.kernel.timers.run_expired()
        assert guest.kernel.timers.next_deadline() is None
        assert signals.take(guest.task, bit(Sig.SIGALRM)) is not None
        assert guest.kernel.timers.next_deadline() is not None


@pytest.mark.parametrize("clock", [*Clock, ~0 << 3 | 2, ~0 << 3 | 6])
def test_clock_can_be_read(guest: Machine, clock: int) -> None:
    at = guest.room(16)
    guest.ok("clock_gettime", clock, at)
    assert 0 <= Timespec.load(guest.process.memory, at).tv_nsec < 10**9
    guest.ok("clock_getres", clock, at)
    assert Timespec.load(guest.process.memory, at).ns in (1, 4_000_000)


def test_clocks_refuse_what_they_cannot_do(guest: Machine) -> None:
    at = guest.put(Timespec.from_ns(1).pack())
    assert guest.error("clock_gettime", 10, at) is Errno.EINVAL
    assert guest.error("clock_gettime", ~4_000_000 << 3 | 2, at) is Errno.EINVAL
    assert guest.error("clock_gettime", 0, 8) is Errno.EFAULT
    assert guest.error("clock_settime", Clock.REALTIME, at) is Errno.EPERM
    assert guest.error("clock_settime", Clock.MONOTONIC, at) is Errno.EINVAL
    assert guest.error("clock_nanosleep", Clock.MONOTONIC_RAW, 0, at, 0) is Errno.EOPNOTSUPP
    assert guest.error("nanosleep", guest.put(bytes(8) + b"\xff" * 8), 0) is Errno.EINVAL
    assert guest.error("timer_create", Clock.REALTIME_COARSE, 0, at) is Errno.EOPNOTSUPP


def test_sleep_until_a_time_that_has_passed_returns(guest: Machine) -> None:
    at = guest.put(Timespec.from_ns(1).pack())
    for clock in (Clock.REALTIME, Clock.MONOTONIC, Clock.BOOTTIME, Clock.PROCESS_CPUTIME_ID):
        guest.ok("clock_nanosleep", clock, TIMER_ABSTIME, at, 0)


def test_adjtimex_reports_and_refuses(guest: Machine) -> None:
    at = guest.room(Timex.size)
    assert guest.ok("adjtimex", at) == TIME_ERROR
    assert abs(Timex.load(guest.process.memory, at).time.tv_sec - time.time()) < 60
    guest.process.memory.write_u32(at, 1)
    assert guest.error("adjtimex", at) is Errno.EPERM
