"""epoll through its system calls, on pipes, sockets and files without a host descriptor."""

import os
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from elfuse.runtime.abi import epoll as abi
from elfuse.runtime.abi.epoll import EpollEvent
from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.abi.poll import POLLHUP, POLLIN, POLLOUT
from elfuse.runtime.files.anonymous import AnonymousFile
from tests.runtime.machine import Machine, machine

ADD, DEL, MOD = abi.EPOLL_CTL_ADD, abi.EPOLL_CTL_DEL, abi.EPOLL_CTL_MOD


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path) as made:
        yield made


class Switch(AnonymousFile):
    """Ready when told, without a host descriptor: what a file of the kernel part may be."""

    ready = 0

    def poll(self, events: int) -> int:
        return self.ready & events


def _control(guest: Machine, epfd: int, operation: int, fd: int, events: int = 0) -> Errno | None:
    event = guest.put(EpollEvent(events=events, data=fd).pack())
    return guest.error("epoll_ctl", epfd, operation, fd, event)


def _wait(guest: Machine, epfd: int, *, limit: int = 8, timeout: int = 0) -> list[tuple[int, int]]:
    """[(events, descriptor)]."""
    at = guest.room(limit * EpollEvent.size)
    count = guest.ok("epoll_pwait", epfd, at, limit, timeout, 0, 8)
    raw = guest.get(at, count * EpollEvent.size)
    found = [EpollEvent.unpack(raw[at : at + 16]) for at in range(0, len(raw), 16)]
    return [(event.events, event.data) for event in found]


@pytest.fixture
def epfd(guest: Machine) -> int:
    return guest.ok("epoll_create1", 0)


@pytest.fixture
def pipe(guest: Machine) -> tuple[int, int]:
    return guest.pair("pipe2")


def test_level_triggered_reports_until_drained(
    guest: Machine, epfd: int, pipe: tuple[int, int]
) -> None:
    read_end, write_end = pipe
    assert _control(guest, epfd, ADD, read_end, POLLIN) is None
    assert _wait(guest, epfd) == []
    guest.write(write_end, b"ab")
    assert _wait(guest, epfd) == [(POLLIN, read_end)]
    guest.read(read_end, 1)
    assert _wait(guest, epfd) == [(POLLIN, read_end)]
    guest.read(read_end, 1)
    assert _wait(guest, epfd) == []


def test_edge_triggered_reports_each_arrival_once(
    guest: Machine, epfd: int, pipe: tuple[int, int]
) -> None:
    read_end, write_end = pipe
    _control(guest, epfd, ADD, read_end, POLLIN | abi.EPOLLET)
    guest.write(write_end, b"ab")
    assert _wait(guest, epfd) == [(POLLIN, read_end)]
    assert _wait(guest, epfd) == []
    guest.write(write_end, b"c")
    assert _wait(guest, epfd) == [(POLLIN, read_end)]
    guest.read(read_end)
    guest.write(write_end, b"d")
    guest.read(read_end)
    assert _wait(guest, epfd) == []
    guest.write(write_end, b"e")
    _control(guest, epfd, MOD, read_end, POLLIN | abi.EPOLLET)
    assert _wait(guest, epfd) == [(POLLIN, read_end)]


def test_one_shot_waits_to_be_armed_again(guest: Machine, epfd: int, pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    events = POLLIN | abi.EPOLLONESHOT
    _control(guest, epfd, ADD, read_end, events)
    guest.write(write_end, b"a")
    assert _wait(guest, epfd) == [(POLLIN, read_end)]
    guest.write(write_end, b"b")
    assert _wait(guest, epfd) == []
    _control(guest, epfd, MOD, read_end, events)
    assert _wait(guest, epfd) == [(POLLIN, read_end)]


def test_hang_up_needs_no_asking(guest: Machine, epfd: int, pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    _control(guest, epfd, ADD, read_end, 0)
    guest.ok("close", write_end)
    assert _wait(guest, epfd) == [(POLLHUP, read_end)]


def test_description_leaves_with_its_last_descriptor(
    guest: Machine, epfd: int, pipe: tuple[int, int]
) -> None:
    read_end, write_end = pipe
    copy = guest.ok("dup", read_end)
    guest.write(write_end, b"a")
    _control(guest, epfd, ADD, read_end, POLLIN)
    guest.ok("close", read_end)
    assert _wait(guest, epfd) == [(POLLIN, read_end)]
    guest.ok("close", copy)
    assert _wait(guest, epfd) == []
    assert guest.pair("pipe2")[0] == read_end
    assert _control(guest, epfd, ADD, read_end, POLLIN) is None


def test_errors_are_those_of_epoll_ctl(
    guest: Machine, epfd: int, pipe: tuple[int, int], tmp_path: Path
) -> None:
    read_end, write_end = pipe
    (tmp_path / "file").touch()
    file = guest.ok("openat", -100, b"/file", 0, 0)
    directory = guest.ok("openat", -100, b"/", 0o40000, 0)
    _control(guest, epfd, ADD, read_end, POLLIN)
    assert _control(guest, epfd, ADD, read_end, POLLIN) is Errno.EEXIST
    assert _control(guest, epfd, MOD, write_end, POLLIN) is Errno.ENOENT
    assert _control(guest, epfd, DEL, write_end) is Errno.ENOENT
    assert _control(guest, epfd, ADD, 99, POLLIN) is Errno.EBADF
    assert _control(guest, epfd, ADD, epfd, POLLIN) is Errno.EINVAL
    assert _control(guest, epfd, ADD, file, POLLIN) is Errno.EPERM
    assert _control(guest, epfd, ADD, directory, POLLIN) is Errno.EPERM
    assert _control(guest, read_end, ADD, write_end, POLLIN) is Errno.EINVAL
    assert _control(guest, epfd, 9, read_end) is Errno.EINVAL
    assert guest.error("epoll_pwait", epfd, guest.room(16), 0, 0, 0, 8) is Errno.EINVAL


def test_instances_nest_but_not_in_circles(
    guest: Machine, epfd: int, pipe: tuple[int, int]
) -> None:
    read_end, write_end = pipe
    outer = guest.ok("epoll_create1", 0)
    assert _control(guest, outer, ADD, epfd, POLLIN) is None
    assert _control(guest, epfd, ADD, outer, POLLIN) is Errno.ELOOP
    _control(guest, epfd, ADD, read_end, POLLIN)
    assert _wait(guest, outer) == []
    guest.write(write_end, b"a")
    assert _wait(guest, outer) == [(POLLIN, epfd)]
    assert _wait(guest, epfd) == [(POLLIN, read_end)]
    guest.read(read_end)
    assert _wait(guest, outer) == []
    guest.write(write_end, b"b")
    assert _wait(guest, outer) == [(POLLIN, epfd)]


def test_chain_of_instances_is_limited(guest: Machine) -> None:
    chain = [guest.ok("epoll_create1", 0) for _ in range(7)]
    results = [_control(guest, outer, ADD, inner, POLLIN) for inner, outer in pairwise(chain)]
    assert results[:4] == [None] * 4
    assert Errno.ELOOP in results[4:]


def test_ready_ones_beyond_the_limit_come_next(guest: Machine, epfd: int) -> None:
    ends = []
    for _ in range(5):
        read_end, write_end = guest.pair("pipe2")
        guest.write(write_end, b"x")
        _control(guest, epfd, ADD, read_end, POLLIN)
        ends.append(read_end)
    seen = [fd for _ in range(3) for _events, fd in _wait(guest, epfd, limit=2)]
    assert set(seen) == set(ends)


def test_file_without_a_host_descriptor_has_levels_and_edges(guest: Machine, epfd: int) -> None:
    level, edge = Switch(0), Switch(0)
    level_fd, edge_fd = (guest.process.files.install(file) for file in (level, edge))
    _control(guest, epfd, ADD, level_fd, POLLIN)
    _control(guest, epfd, ADD, edge_fd, POLLIN | abi.EPOLLET)
    assert _wait(guest, epfd) == []
    level.ready = edge.ready = POLLIN
    assert _wait(guest, epfd) == [(POLLIN, level_fd), (POLLIN, edge_fd)]
    assert _wait(guest, epfd) == [(POLLIN, level_fd)]
    edge.ready = 0
    _wait(guest, epfd)
    edge.ready = POLLIN
    assert (POLLIN, edge_fd) in _wait(guest, epfd)


def test_sleepers_wake_for_data_and_for_new_items(
    guest: Machine, epfd: int, pipe: tuple[int, int]
) -> None:
    read_end, write_end = pipe
    task = guest.thread()
    found: list[int] = []

    def sleep() -> None:
        at = guest.room(EpollEvent.size)
        found.append(guest.ok("epoll_pwait", epfd, at, 1, 5000, 0, 8, task=task))

    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    guest.write(write_end, b"a")
    _control(guest, epfd, ADD, read_end, POLLIN)
    sleeper.join()
    assert found == [1]


def test_time_limit_ends_a_wait(guest: Machine, epfd: int) -> None:
    assert _wait(guest, epfd, timeout=10) == []
    limit = guest.put(bytes(8) + (10_000_000).to_bytes(8, "little"))
    assert guest.ok("epoll_pwait2", epfd, guest.room(16), 1, limit, 0, 8) == 0


def test_forked_child_does_not_disturb_the_parents_interest(
    guest: Machine, epfd: int, pipe: tuple[int, int]
) -> None:
    read_end, write_end = pipe
    _control(guest, epfd, ADD, read_end, POLLIN)
    child = os.fork()
    if not child:
        _control(guest, epfd, DEL, read_end)
        guest.call("close", read_end)
        os._exit(0 if _wait(guest, epfd) == [] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    guest.write(write_end, b"a")
    assert _wait(guest, epfd) == [(POLLIN, read_end)]


def test_forked_child_inherits_the_interest(
    guest: Machine, epfd: int, pipe: tuple[int, int]
) -> None:
    read_end, write_end = pipe
    _control(guest, epfd, ADD, read_end, POLLIN)
    guest.write(write_end, b"a")
    child = os.fork()
    if not child:
        os._exit(0 if _wait(guest, epfd) == [(POLLIN, read_end)] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_thousand_descriptors(guest: Machine, epfd: int) -> None:
    guest.process.files.limit = 4096
    fds = [guest.ok("eventfd2", 0, 0) for _ in range(1000)]
    for fd in fds:
        assert _control(guest, epfd, ADD, fd, POLLIN) is None
    chosen = fds[::100]
    for fd in chosen:
        guest.write(fd, (1).to_bytes(8, "little"))
    assert {fd for _events, fd in _wait(guest, epfd, limit=64)} == set(chosen)
    assert _control(guest, epfd, MOD, fds[1], POLLIN | POLLOUT) is None
    assert (POLLOUT, fds[1]) in _wait(guest, epfd, limit=64)
