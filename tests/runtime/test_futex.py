"""Futex queues, the registry that processes share, and robust lists."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.abi.futex import (
    FUTEX_CLOCK_REALTIME,
    FUTEX_CMP_REQUEUE,
    FUTEX_FD,
    FUTEX_LOCK_PI,
    FUTEX_OP_ADD,
    FUTEX_OP_ANDN,
    FUTEX_OP_CMP_EQ,
    FUTEX_OP_CMP_LT,
    FUTEX_OP_OPARG_SHIFT,
    FUTEX_OP_OR,
    FUTEX_OP_SET,
    FUTEX_OP_XOR,
    FUTEX_OWNER_DIED,
    FUTEX_PRIVATE_FLAG,
    FUTEX_REQUEUE,
    FUTEX_WAIT,
    FUTEX_WAIT_BITSET,
    FUTEX_WAITERS,
    FUTEX_WAKE,
    FUTEX_WAKE_BITSET,
    FUTEX_WAKE_OP,
    RobustListHead,
)
from elfuse.runtime.abi.mman import MAP_ANONYMOUS, MAP_SHARED, PROT_READ, PROT_WRITE
from elfuse.runtime.abi.stat import Timespec
from elfuse.runtime.futex import clear_child_tid, exit_robust
from elfuse.runtime.futex.registry import ROWS, Registry
from elfuse.runtime.futex.table import FutexTable
from elfuse.runtime.task import Task
from tests.runtime.machine import Machine, machine

ANY = 0xFFFF_FFFF


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path) as made:
        yield made


@pytest.fixture(params=["private", "shared"])
def word(guest: Machine, request: pytest.FixtureRequest) -> int:
    """A word of memory that only this process, or that others too, can reach."""
    if request.param == "private":
        return guest.room(4)
    flags = MAP_SHARED | MAP_ANONYMOUS
    return guest.process.memory.mmap(0, 4096, PROT_READ | PROT_WRITE, flags, None, 0)


class Waiting:
    """A guest thread in a host thread of its own, waiting on a word."""

    def __init__(self, guest: Machine, address: int, bitset: int = ANY, value: int = 0) -> None:
        self.task = guest.thread()
        self.results: list[int] = []

        def wait() -> None:
            arguments = (address, FUTEX_WAIT_BITSET, value, 0, 0, bitset)
            self.results.append(guest.call("futex", *arguments, task=self.task))

        self._thread = threading.Thread(target=wait)
        self._thread.start()

    def result(self) -> int:
        self._thread.join(30)
        return self.results[0]


def until(condition: Callable[[], int]) -> int:
    """Ask again and again: a waiter has started, but nothing tells that it waits already."""
    while not (found := condition()):
        pass
    return found


def wake(guest: Machine, address: int, count: int, bitset: int = ANY) -> int:
    return guest.ok("futex", address, FUTEX_WAKE_BITSET, count, 0, 0, bitset)


def waits(guest: Machine, address: int) -> int:
    """Whether anybody waits on a word: moving a waiter to where it is changes nothing."""
    return guest.ok("futex", address, FUTEX_REQUEUE, 0, 1, address)


def test_waiter_is_woken(guest: Machine, word: int) -> None:
    waiting = Waiting(guest, word)
    assert until(lambda: wake(guest, word, 5)) == 1
    assert waiting.result() == 0
    assert wake(guest, word, 5) == 0


def test_bitset_chooses_among_waiters(guest: Machine, word: int) -> None:
    first, second = Waiting(guest, word, 1), Waiting(guest, word, 2)
    assert until(lambda: wake(guest, word, 9, 2)) == 1
    assert second.result() == 0
    assert not first.results
    assert until(lambda: wake(guest, word, 9, 1)) == 1
    assert first.result() == 0


def test_requeued_waiter_waits_on_the_other_word(guest: Machine, word: int) -> None:
    other, waiting = word + 4, Waiting(guest, word)
    move = (word, FUTEX_CMP_REQUEUE, 0, 1, other, 0)
    assert until(lambda: guest.ok("futex", *move)) == 1
    assert wake(guest, word, 1) == 0
    assert wake(guest, other, 1) == 1
    assert waiting.result() == 0


def test_requeue_across_kinds_of_memory_wakes_instead(guest: Machine) -> None:
    flags = MAP_SHARED | MAP_ANONYMOUS
    shared = guest.process.memory.mmap(0, 4096, PROT_READ | PROT_WRITE, flags, None, 0)
    private = guest.room(4)
    waiting = Waiting(guest, private)
    assert until(lambda: guest.ok("futex", private, FUTEX_REQUEUE, 0, 1, shared)) == 1
    assert waiting.result() == 0


def test_wait_looks_at_the_word_first(guest: Machine, word: int) -> None:
    past = guest.put(Timespec.from_ns(0).pack())
    assert guest.error("futex", word, FUTEX_WAIT, 1, past) is Errno.EAGAIN
    assert guest.error("futex", word, FUTEX_WAIT, 0, past) is Errno.ETIMEDOUT
    for flag in (0, FUTEX_CLOCK_REALTIME, FUTEX_PRIVATE_FLAG):
        timed = (word, FUTEX_WAIT_BITSET | flag, 0, past, 0, ANY)
        assert guest.error("futex", *timed) is Errno.ETIMEDOUT


def test_bad_arguments_are_refused(guest: Machine) -> None:
    word = guest.room(4)
    bad_time = guest.put((0).to_bytes(8, "little") + (10**9).to_bytes(8, "little"))
    assert guest.error("futex", word + 1, FUTEX_WAIT, 0, 0) is Errno.EINVAL
    assert guest.error("futex", 16, FUTEX_WAIT, 0, 0) is Errno.EFAULT
    assert guest.error("futex", word, FUTEX_WAIT, 0, bad_time) is Errno.EINVAL
    assert guest.error("futex", word, FUTEX_WAIT_BITSET, 0, 0, 0, 0) is Errno.EINVAL
    assert guest.error("futex", word, FUTEX_WAKE_BITSET, 1, 0, 0, 0) is Errno.EINVAL
    assert guest.error("futex", word, FUTEX_REQUEUE, -1, 0, word) is Errno.EINVAL
    assert guest.error("futex", word, FUTEX_CMP_REQUEUE, 1, 1, word, 9) is Errno.EAGAIN
    for operation in (FUTEX_FD, FUTEX_LOCK_PI, 99, FUTEX_WAKE | FUTEX_CLOCK_REALTIME):
        assert guest.error("futex", word, operation, 1, 0) is Errno.ENOSYS


@pytest.mark.parametrize(
    ("operation", "operand", "result"),
    [
        (FUTEX_OP_SET, 9, 9),
        (FUTEX_OP_ADD, 0xFFF, 5),
        (FUTEX_OP_OR, 9, 15),
        (FUTEX_OP_ANDN, 2, 4),
        (FUTEX_OP_XOR, 3, 5),
        (FUTEX_OP_OR | FUTEX_OP_OPARG_SHIFT, 4, 22),
    ],
)
def test_wake_op_changes_the_second_word(
    guest: Machine, operation: int, operand: int, result: int
) -> None:
    word, second = guest.room(4), guest.put((6).to_bytes(4, "little"))
    encoded = operation << 28 | FUTEX_OP_CMP_EQ << 24 | operand << 12 | 6
    assert guest.ok("futex", word, FUTEX_WAKE_OP, 1, 1, second, encoded) == 0
    assert guest.process.memory.read_u32(second) == result


def test_wake_op_wakes_the_second_word_if_its_old_value_says_so(guest: Machine) -> None:
    word, second = guest.room(4), guest.room(4)
    waiting = Waiting(guest, second)
    never = FUTEX_OP_SET << 28 | FUTEX_OP_CMP_LT << 24 | 0xFFF
    equal = FUTEX_OP_SET << 28 | FUTEX_OP_CMP_EQ << 24
    until(lambda: waits(guest, second))
    assert guest.ok("futex", word, FUTEX_WAKE_OP, 1, 1, second, never) == 0
    assert guest.ok("futex", word, FUTEX_WAKE_OP, 1, 1, second, equal) == 1
    assert waiting.result() == 0


def test_registry_keeps_order_and_frees_rows() -> None:
    registry = Registry()
    rows = [registry.add(7, pid, ANY) for pid in (1, 2, 3)]
    registry.remove(rows[0])
    rows[0] = registry.add(7, 4, ANY)
    everybody = registry.queue(7, lambda pid: True)
    assert [registry.wake(row) for row in everybody] == [2, 3, 4]
    assert registry.queue(7, lambda pid: True) == []
    assert all(registry.woken(row) for row in rows)
    for row in rows:
        registry.remove(row)
    assert registry.empty


def test_registry_skips_killed_processes() -> None:
    registry = Registry()
    registry.add(7, 1, ANY)
    survivor = registry.add(7, 2, ANY)
    assert registry.queue(7, lambda pid: pid == 2) == [survivor]
    registry.remove(survivor)
    assert registry.empty


def test_registry_moves_a_waiter_behind_others() -> None:
    registry = Registry()
    moved, other = registry.add(7, 1, ANY), registry.add(8, 2, ANY)
    registry.move(moved, 8)
    assert registry.queue(8, lambda pid: True) == [other, moved]


def test_full_registry_is_enomem(guest: Machine) -> None:
    futexes = guest.kernel.futexes
    assert isinstance(futexes, FutexTable)
    registry = futexes._shared
    for _ in range(ROWS):
        registry.add(7, 1, ANY)
    flags = MAP_SHARED | MAP_ANONYMOUS
    shared = guest.process.memory.mmap(0, 4096, PROT_READ | PROT_WRITE, flags, None, 0)
    assert guest.error("futex", shared, FUTEX_WAIT, 0, 0) is Errno.ENOMEM


# Ending threads


def robust_list(guest: Machine, task: Task, words: list[int], pending: int = 0) -> list[int]:
    """A robust list of mutexes with these words; their addresses. Entries lie 8 bytes before."""
    nodes = [guest.room(16) for _ in words]
    head = guest.room(RobustListHead.size)
    for node, word, following in zip(nodes, words, [*nodes, head][1:], strict=True):
        guest.process.memory.write_u64(node, following)
        guest.process.memory.write_u32(node + 8, word)
    first = nodes[0] if nodes else head
    held = RobustListHead(list_next=first, futex_offset=8, list_op_pending=pending)
    held.store(guest.process.memory, head)
    task.robust_list = head
    return [node + 8 for node in nodes]


def test_mutexes_of_an_ended_thread_are_marked(guest: Machine) -> None:
    task = guest.thread()
    addresses = robust_list(guest, task, [task.tid, task.tid | FUTEX_WAITERS, task.tid + 1])
    contended = addresses[1]
    waiting = Waiting(guest, contended, value=task.tid | FUTEX_WAITERS)
    until(lambda: waits(guest, contended))
    with guest.kernel.lock:
        exit_robust(task)
    assert waiting.result() == 0
    memory = guest.process.memory
    assert [memory.read_u32(address) for address in addresses] == [
        FUTEX_OWNER_DIED,
        FUTEX_OWNER_DIED | FUTEX_WAITERS,
        task.tid + 1,
    ]


def test_mutex_that_was_being_locked_is_marked(guest: Machine) -> None:
    task = guest.thread()
    [address] = robust_list(guest, task, [task.tid])
    robust_list(guest, task, [], pending=address - 8)
    with guest.kernel.lock:
        exit_robust(task)
    assert guest.process.memory.read_u32(address) == FUTEX_OWNER_DIED


def test_damaged_robust_list_ends_where_it_does(guest: Machine) -> None:
    task = guest.thread()
    [address] = robust_list(guest, task, [task.tid])
    guest.process.memory.write_u64(address - 8, 16)
    with guest.kernel.lock:
        exit_robust(task)
    assert guest.process.memory.read_u32(address) == FUTEX_OWNER_DIED
    assert task.robust_list == 0


def test_thread_word_is_cleared_only_if_somebody_is_left_to_see_it(guest: Machine) -> None:
    word = guest.put((5).to_bytes(4, "little"))
    guest.task.clear_child_tid = word
    with guest.kernel.lock:
        clear_child_tid(guest.task)
    assert guest.process.memory.read_u32(word) == 5
    other = guest.thread()
    other.clear_child_tid = word
    with guest.kernel.lock:
        clear_child_tid(other)
    assert guest.process.memory.read_u32(word) == 0


def test_robust_list_head_has_one_size(guest: Machine) -> None:
    head = guest.room(24)
    assert guest.error("set_robust_list", head, 23) is Errno.EINVAL
    guest.ok("set_robust_list", head, 24)
    where, size = guest.room(8), guest.room(8)
    guest.ok("get_robust_list", 0, where, size)
    assert guest.process.memory.read_u64(where) == head
    assert guest.process.memory.read_u64(size) == 24
    assert guest.error("get_robust_list", 4_000_000, where, size) is Errno.ESRCH
