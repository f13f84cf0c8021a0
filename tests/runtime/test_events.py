"""eventfd, timerfd, signalfd, memfd_create, ppoll and pselect6 through their system calls."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from elfuse.host import events, portable_events
from elfuse.runtime import signals
from elfuse.runtime.abi import epoll as abi
from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.abi.poll import POLLIN, POLLNVAL, POLLOUT
from elfuse.runtime.abi.signalfd import Siginfo
from elfuse.runtime.abi.stat import Timespec
from elfuse.runtime.abi.time import Itimerspec
from elfuse.runtime.signals import SigInfo
from tests.runtime.machine import Machine, machine

_MONOTONIC, _REALTIME = 1, 0
_USR1 = 10
_EMPTY = bytes(8)


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path) as made:
        yield made


def _in_child(action: Callable[[], bool]) -> None:
    """Run in a forked process; the result must be true."""
    child = os.fork()
    if not child:
        os._exit(0 if action() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _word(value: int) -> bytes:
    return (value & (1 << 64) - 1).to_bytes(8, "little")


# Host objects: the host's own and the portable ones keep the same promises

COUNTERS = pytest.mark.parametrize(
    "counters", [events.Counter, portable_events.Counter], ids=["host", "portable"]
)
TIMERS = pytest.mark.parametrize(
    "timers", [events.Timer, portable_events.Timer], ids=["host", "portable"]
)


@COUNTERS
def test_counter_adds_up_and_is_taken_whole(counters: type[events.Counter]) -> None:
    counter = counters.create(2, semaphore=False)
    counter.add(3)
    assert counter.take() == 5
    with pytest.raises(BlockingIOError):
        counter.take()
    counter.close()


@COUNTERS
def test_semaphore_is_taken_one_by_one(counters: type[events.Counter]) -> None:
    counter = counters.create(2, semaphore=True)
    assert [counter.take(), counter.take()] == [1, 1]
    with pytest.raises(BlockingIOError):
        counter.take()
    counter.close()


@COUNTERS
def test_counter_is_one_for_all_processes(counters: type[events.Counter]) -> None:
    counter = counters.create(0, semaphore=False)

    def add() -> bool:
        counter.add(7)
        return True

    _in_child(add)
    assert counter.take() == 7
    counter.close()


@COUNTERS
def test_counter_has_a_limit(counters: type[events.Counter]) -> None:
    counter = counters.create(1, semaphore=False)
    with pytest.raises(BlockingIOError):
        counter.add((1 << 64) - 2)
    counter.close()


@TIMERS
def test_timer_counts_expirations(timers: type[events.Timer]) -> None:
    timer = timers.create(_REALTIME)
    assert not timer.expired()
    timer.set(1, 0, abi.TFD_TIMER_ABSTIME)
    assert timer.expired()
    assert timer.take() == 1
    with pytest.raises(BlockingIOError):
        timer.take()
    assert timer.get() == (0, 0)
    timer.close()


@TIMERS
def test_timer_is_one_for_all_processes(timers: type[events.Timer]) -> None:
    timer = timers.create(_MONOTONIC)
    hour = 3600 * 10**9

    def arm() -> bool:
        timer.set(hour, hour, 0)
        return True

    _in_child(arm)
    left, interval = timer.get()
    assert interval == hour
    assert 0 < left <= hour
    assert timer.set(0, 0, 0)[1] == hour
    assert timer.get()[0] == 0
    timer.close()


# eventfd


def test_eventfd_errors(guest: Machine) -> None:
    assert guest.error("eventfd2", 0, 0x40) is Errno.EINVAL
    fd = guest.ok("eventfd2", 0, abi.EFD_NONBLOCK)
    assert guest.error("read", fd, guest.room(8), 8) is Errno.EAGAIN
    assert guest.error("read", fd, guest.room(8), 4) is Errno.EINVAL
    assert guest.error("write", fd, guest.put(_word(-1)), 8) is Errno.EINVAL
    guest.write(fd, _word(-2))
    assert guest.error("write", fd, guest.put(_word(1)), 8) is Errno.EAGAIN


def test_eventfd_read_sleeps_until_somebody_writes(guest: Machine) -> None:
    fd, task = guest.ok("eventfd2", 0, 0), guest.thread()
    found: list[bytes] = []

    def read() -> None:
        at = guest.room(8)
        guest.ok("read", fd, at, 8, task=task)
        found.append(guest.get(at, 8))

    reader = threading.Thread(target=read)
    reader.start()
    guest.write(fd, _word(9))
    reader.join()
    assert found == [_word(9)]


# timerfd


def _itimerspec(value_ns: int, interval_ns: int = 0) -> bytes:
    return Itimerspec(
        it_interval=Timespec(tv_sec=0, tv_nsec=interval_ns),
        it_value=Timespec(tv_sec=0, tv_nsec=value_ns),
    ).pack()


def test_timerfd_becomes_readable(guest: Machine) -> None:
    fd = guest.ok("timerfd_create", _MONOTONIC, 0)
    guest.ok("timerfd_settime", fd, 0, guest.put(_itimerspec(1_000_000)), 0)
    pollfd = guest.put(fd.to_bytes(4, "little") + POLLIN.to_bytes(4, "little"))
    assert guest.ok("ppoll", pollfd, 1, 0, 0, 8) == 1
    assert guest.read(fd, 8) == _word(1)
    guest.ok("timerfd_gettime", fd, at := guest.room(32))
    assert guest.get(at, 32) == bytes(32)


def test_timerfd_errors(guest: Machine) -> None:
    assert guest.error("timerfd_create", 77, 0) is Errno.EINVAL
    fd = guest.ok("timerfd_create", _MONOTONIC, abi.TFD_NONBLOCK)
    assert guest.error("read", fd, guest.room(8), 8) is Errno.EAGAIN
    bad = guest.put(_itimerspec(1_000_000_000))
    assert guest.error("timerfd_settime", fd, 0, bad, 0) is Errno.EINVAL
    other = guest.ok("eventfd2", 0, 0)
    assert guest.error("timerfd_gettime", other, guest.room(32)) is Errno.EINVAL


# signalfd


@pytest.fixture
def signal_fd(guest: Machine) -> int:
    guest.task.signals.set_mask(1 << _USR1 - 1)
    return guest.ok("signalfd4", -1, guest.put(_word(1 << _USR1 - 1)), 8, abi.SFD_NONBLOCK)


def _post(guest: Machine) -> None:
    with guest.kernel.lock:
        signals.post_to_process(guest.process, SigInfo(signo=_USR1, pid=77, value=5))


def test_signalfd_reads_what_is_pending(guest: Machine, signal_fd: int) -> None:
    assert guest.error("read", signal_fd, guest.room(128), 128) is Errno.EAGAIN
    assert guest.error("read", signal_fd, guest.room(128), 127) is Errno.EINVAL
    _post(guest)
    info = Siginfo.unpack(guest.read(signal_fd, 300))
    assert (info.signo, info.pid, info.pointer) == (_USR1, 77, 5)
    assert guest.error("read", signal_fd, guest.room(128), 128) is Errno.EAGAIN


def test_epoll_on_a_signalfd_wakes_and_calms(guest: Machine, signal_fd: int) -> None:
    epfd, task = guest.ok("epoll_create1", 0), guest.thread()
    task.signals.set_mask(1 << _USR1 - 1)
    event = guest.put(abi.EpollEvent(events=POLLIN, data=1).pack())
    guest.ok("epoll_ctl", epfd, abi.EPOLL_CTL_ADD, signal_fd, event)
    found: list[int] = []
    sleeper = threading.Thread(
        target=lambda: found.append(
            guest.ok("epoll_pwait", epfd, guest.room(16), 1, 5000, 0, 8, task=task)
        )
    )
    sleeper.start()
    _post(guest)
    sleeper.join()
    assert found == [1]
    guest.read(signal_fd, 128)
    assert guest.ok("epoll_pwait", epfd, guest.room(16), 1, 0, 0, 8) == 0


# memfd


def test_seals_hold(guest: Machine) -> None:
    fd = guest.ok("memfd_create", b"sealed", abi.MFD_ALLOW_SEALING)
    guest.ok("ftruncate", fd, 100)
    add = 1033
    guest.ok("fcntl", fd, add, abi.F_SEAL_SHRINK)
    assert guest.error("ftruncate", fd, 50) is Errno.EPERM
    guest.ok("fcntl", fd, add, abi.F_SEAL_WRITE)
    assert guest.error("write", fd, guest.put(b"x"), 1) is Errno.EPERM
    guest.ok("fcntl", fd, add, abi.F_SEAL_SEAL)
    assert guest.error("fcntl", fd, add, abi.F_SEAL_GROW) is Errno.EPERM
    assert guest.ok("fcntl", fd, 1034, 0) == (
        abi.F_SEAL_SHRINK | abi.F_SEAL_WRITE | abi.F_SEAL_SEAL
    )
    plain = guest.ok("memfd_create", b"plain", 0)
    assert guest.ok("fcntl", plain, 1034, 0) == abi.F_SEAL_SEAL


# ppoll and pselect6


def _poll(guest: Machine, *requests: tuple[int, int], timeout: bytes = bytes(16)) -> list[int]:
    raw = b"".join(
        fd.to_bytes(4, "little", signed=True) + events.to_bytes(4, "little")
        for fd, events in requests
    )
    at = guest.put(raw)
    guest.ok("ppoll", at, len(requests), guest.put(timeout), 0, 8)
    back = guest.get(at, len(raw))
    return [int.from_bytes(back[i + 6 : i + 8], "little") for i in range(0, len(back), 8)]


def test_poll_answers_for_each_descriptor(guest: Machine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    file = guest.ok("openat", -100, b"/file", 0, 0)
    ready, idle = guest.ok("eventfd2", 1, 0), guest.ok("eventfd2", 0, 0)
    assert _poll(
        guest, (ready, POLLIN), (idle, POLLIN), (-1, POLLIN), (99, POLLIN), (file, POLLIN)
    ) == [POLLIN, 0, 0, POLLNVAL, POLLIN]


def test_poll_takes_two_descriptors_of_one_description(guest: Machine) -> None:
    one = guest.ok("eventfd2", 0, 0)
    other = guest.ok("dup", one)
    limit = bytes(8) + _word(5_000_000_000 // 10)
    assert _poll(guest, (one, POLLIN), (other, POLLOUT), timeout=limit) == [0, POLLOUT]


def test_poll_stores_what_is_left_of_the_timeout(guest: Machine) -> None:
    ready = guest.ok("eventfd2", 1, 0)
    pollfd = guest.put(ready.to_bytes(4, "little") + POLLIN.to_bytes(4, "little"))
    limit = guest.put(_word(100) + _word(0))
    guest.ok("ppoll", pollfd, 1, limit, 0, 8)
    assert int.from_bytes(guest.get(limit, 8), "little") == 99


def test_temporary_mask_is_gone_after_the_call(guest: Machine) -> None:
    guest.task.signals.set_mask(1 << _USR1 - 1)
    guest.ok("ppoll", 0, 0, guest.put(bytes(16)), guest.put(_EMPTY), 8)
    assert guest.task.signals.blocked == 1 << _USR1 - 1
    assert guest.error("ppoll", 0, 0, 0, guest.put(_EMPTY), 4) is Errno.EINVAL


def test_select_counts_bits_and_clears_the_others(guest: Machine) -> None:
    ready, idle = guest.ok("eventfd2", 1, 0), guest.ok("eventfd2", 0, 0)
    reads = guest.put(_word(1 << ready | 1 << idle))
    writes = guest.put(_word(1 << ready))
    count = guest.ok("pselect6", idle + 1, reads, writes, 0, guest.put(bytes(16)), 0)
    assert count == 2
    assert guest.get(reads, 8) == _word(1 << ready)
    assert guest.get(writes, 8) == _word(1 << ready)
    assert guest.error("pselect6", 30, guest.put(_word(1 << 29)), 0, 0, 0, 0) is Errno.EBADF
    assert guest.error("pselect6", -1, 0, 0, 0, 0, 0) is Errno.EINVAL
