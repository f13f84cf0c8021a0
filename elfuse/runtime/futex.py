"""Futexes (futex(2)): wait queues by key, and a registry of waiters for keys processes share.

Waits on private memory concern one host process and live in its dictionaries. For shared keys a
row in anonymous shared memory (made at boot, inherited by fork) says who waits; the waker marks
the row and kicks the process, whose service thread wakes the task. Rows are guarded by the
process table's lock.
"""

import hashlib
import mmap
from collections.abc import Iterable
from typing import TYPE_CHECKING

from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.wait import Restart, sleep

if TYPE_CHECKING:
    from elfuse.runtime.kernel import Kernel
    from elfuse.runtime.task import Task

Key = tuple[object, ...]
ANY = 0xFFFF_FFFF
OWNER_DIED, WAITERS, TID_MASK = 0x4000_0000, 0x8000_0000, 0x3FFF_FFFF
_ROWS, _ROW_WORDS = 4096, 6
_ROBUST_LIMIT = 2048


class Waiter:
    """A task in a queue. `woken` is set by whoever takes it out."""

    __slots__ = ("bitset", "key", "row", "task", "woken")

    def __init__(self, task: "Task", key: Key, bitset: int) -> None:
        self.task = task
        self.key = key
        self.bitset = bitset
        self.woken = False
        self.row: int | None = None


def _is_private(key: Key) -> bool:
    return key[0] == "private"


def _digest(key: Key) -> int:
    raw = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(raw, "little") | 1


class _Registry:
    """Rows (key digest, pid, tid, bitset, woken, sequence) of waiters on shared keys."""

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, 8 * (2 + _ROWS * _ROW_WORDS))
        self._words = memoryview(self._map).cast("Q")
        # Word 0: how many rows are in use; word 1: the next sequence number.

    @property
    def empty(self) -> bool:
        return not self._words[0]

    def _at(self, row: int) -> int:
        return 2 + row * _ROW_WORDS

    def add(self, key: int, pid: int, tid: int, bitset: int) -> int:
        words = self._words
        for row in range(_ROWS):
            at = self._at(row)
            if not words[at]:
                words[1] += 1
                values = (key, pid, tid, bitset, 0, words[1])
                for index, value in enumerate(values):
                    words[at + index] = value
                words[0] += 1
                return row
        raise SyscallError(Errno.ENOMEM)

    def remove(self, row: int) -> bool:
        """Whether it had been woken."""
        at = self._at(row)
        woken = bool(self._words[at + 4])
        self._words[at] = 0
        self._words[0] -= 1
        return woken

    def rows(self, key: int) -> list[int]:
        """Rows of a key that nobody has woken, oldest first."""
        words = self._words
        found = [
            row
            for row in range(_ROWS)
            if words[self._at(row)] == key and not words[self._at(row) + 4]
        ]
        return sorted(found, key=lambda row: words[self._at(row) + 5])

    def wake(self, row: int) -> int:
        """Mark a row; the process to kick."""
        at = self._at(row)
        self._words[at + 4] = 1
        return self._words[at + 1]

    def bitset(self, row: int) -> int:
        return self._words[self._at(row) + 3]

    def rekey(self, row: int, key: int) -> None:
        self._words[self._at(row)] = key

    def woken(self, row: int) -> bool:
        return bool(self._words[self._at(row) + 4])


class FutexTable:
    """All wait queues that tasks of this host process are in."""

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self._queues: dict[Key, list[Waiter]] = {}
        self._shared = _Registry()
        self._shared_waiters: list[Waiter] = []

    def after_fork(self) -> None:
        """Waiting threads stayed in the parent."""
        self._queues = {}
        self._shared_waiters = []

    def wait(
        self, task: "Task", address: int, key: Key, expected: int, bitset: int, deadline: int | None
    ) -> int:
        """FUTEX_WAIT: EAGAIN if the word differs, ETIMEDOUT, `Restart` for a signal."""
        waiter = Waiter(task, key, bitset)
        if _is_private(key):
            self._check(task, address, expected)
            self._queues.setdefault(key, []).append(waiter)
        else:
            # The waker changes the word, then takes this lock to look for waiters.
            with self._kernel.processes.lock():
                self._check(task, address, expected)
                pid = task.process.pid
                waiter.row = self._shared.add(_digest(key), pid, task.tid, bitset)
            self._shared_waiters.append(waiter)
        try:
            while not waiter.woken:
                if not sleep(task, [], deadline) and not waiter.woken:
                    raise SyscallError(Errno.ETIMEDOUT)
        except Restart:
            if not waiter.woken:
                raise
        finally:
            self._leave(waiter)
        return 0

    def _check(self, task: "Task", address: int, expected: int) -> None:
        if task.memory.read_u32(address) != expected & 0xFFFF_FFFF:
            raise SyscallError(Errno.EAGAIN)

    def _leave(self, waiter: Waiter) -> None:
        if waiter.row is not None:
            with self._kernel.processes.lock():
                waiter.woken |= self._shared.remove(waiter.row)
            self._shared_waiters.remove(waiter)
            return
        queue = self._queues.get(waiter.key)
        if queue and waiter in queue:
            queue.remove(waiter)
            if not queue:
                del self._queues[waiter.key]

    def wake(self, key: Key, count: int, bitset: int = ANY) -> int:
        """Wake up to `count` waiters whose bitset matches; how many."""
        if not _is_private(key):
            return self._wake_shared(key, count, bitset)
        queue = self._queues.get(key)
        if not queue:
            return 0
        woken = 0
        for waiter in list(queue):
            if woken >= count:
                break
            if waiter.bitset & bitset:
                self._release(waiter)
                woken += 1
        return woken

    def _release(self, waiter: Waiter) -> None:
        queue = self._queues[waiter.key]
        queue.remove(waiter)
        if not queue:
            del self._queues[waiter.key]
        waiter.woken = True
        waiter.task.wake()

    def _wake_shared(self, key: Key, count: int, bitset: int) -> int:
        if self._shared.empty:
            return 0
        kicked: set[int] = set()
        woken = 0
        with self._kernel.processes.lock():
            for row in self._shared.rows(_digest(key)):
                if woken >= count:
                    break
                if self._shared.bitset(row) & bitset:
                    kicked.add(self._shared.wake(row))
                    woken += 1
        self._kick(kicked)
        return woken

    def _kick(self, pids: Iterable[int]) -> None:
        for pid in pids:
            if pid in self._kernel.hosted:
                self.collect_wakes()
            else:
                self._kernel.processes.kick(pid)

    def collect_wakes(self) -> None:
        """Wake the tasks of this host process that others have marked."""
        for waiter in self._shared_waiters:
            if waiter.row is not None and not waiter.woken and self._shared.woken(waiter.row):
                waiter.woken = True
                waiter.task.wake()

    def requeue(self, key: Key, to: Key, wake: int, move: int) -> int:
        """FUTEX_REQUEUE: wake some, move some to another key; how many of both."""
        woken = self.wake(key, wake)
        if _is_private(key) and _is_private(to):
            moved = self._queues.get(key, [])[:move]
            for waiter in moved:
                self._queues[key].remove(waiter)
                waiter.key = to
                self._queues.setdefault(to, []).append(waiter)
            if not self._queues.get(key, [None]):
                del self._queues[key]
            return woken + len(moved)
        with self._kernel.processes.lock():
            rows = self._shared.rows(_digest(key))[:move]
            for row in rows:
                self._shared.rekey(row, _digest(to))
        return woken + len(rows)


def _wake_address(task: "Task", address: int, count: int) -> None:
    """Wake waiters of either kind; an address the guest has unmapped is its own business."""
    for private in (True, False):
        try:
            key = task.memory.futex_key(address, private=private)
        except SyscallError:
            return
        task.kernel.futexes.wake(key, count)


def clear_child_tid(task: "Task") -> None:
    """set_tid_address(2): at exit the word becomes 0 and one waiter is woken."""
    address, task.clear_child_tid = task.clear_child_tid, 0
    if not address:
        return
    try:
        task.memory.write_u32(address, 0)
    except SyscallError:
        return
    _wake_address(task, address, 1)


def exit_robust(task: "Task") -> None:
    """Mark the robust mutexes a dying thread holds (get_robust_list(2))."""
    head, _size = task.robust_list
    task.robust_list = (0, 0)
    if not head:
        return
    memory = task.memory
    try:
        entry = memory.read_u64(head)
        offset = memory.read_u64(head + 8)
        pending = memory.read_u64(head + 16)
        for _ in range(_ROBUST_LIMIT):
            if entry & ~1 == head:
                break
            following = memory.read_u64(entry & ~1)
            if entry != pending:
                _owner_died(task, (entry & ~1) + offset)
            entry = following
        if pending:
            _owner_died(task, (pending & ~1) + offset)
    except SyscallError:
        # A list the guest has damaged ends where it does.
        return


def _owner_died(task: "Task", address: int) -> None:
    address &= 0xFFFF_FFFF_FFFF_FFFF
    word = task.memory.read_u32(address)
    if word & TID_MASK != task.tid:
        return
    task.memory.write_u32(address, word & WAITERS | OWNER_DIED)
    if word & WAITERS:
        _wake_address(task, address, 1)
