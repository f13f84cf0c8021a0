"""Wait queues: those of private memory in dictionaries, those of shared memory in a registry.

A waker of a shared word marks rows of the registry and kicks their processes, whose service
threads then call `collect_wakes`.
"""

from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.futex import FUTEX_BITSET_MATCH_ANY
from elfuse.runtime.futex.registry import Registry
from elfuse.runtime.processes import State
from elfuse.runtime.wait import Restart, sleep
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.kernel import Kernel
    from elfuse.runtime.task import Task

Key = tuple[object, ...]
"""`Memory.futex_key`'s; the first element of one that no other process can reach is "private"."""


class Waiter:
    """A task in a queue. `woken` is set by whoever takes it out."""

    __slots__ = ("bitset", "key", "row", "task", "woken")

    def __init__(self, task: "Task", key: Key, bitset: int) -> None:
        self.task = task
        self.key = key
        self.bitset = bitset
        self.woken = False
        self.row: int | None = None

    def wake(self) -> None:
        self.woken = True
        self.task.wake()


def _is_private(key: Key) -> bool:
    return key[0] == "private"


def _digest(key: Key) -> int:
    """64 bits, never 0, the same in every process."""
    import hashlib  # only futexes in shared memory

    raw = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(raw, "little") | 1


class FutexTable:
    """All wait queues that tasks of this host process are in. Guarded by the kernel lock."""

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self._queues: dict[Key, list[Waiter]] = {}
        self._shared = Registry()
        self._shared_waiters: set[Waiter] = set()

    def after_fork(self) -> None:
        """In the child: the threads that wait, and their rows, are the parent's."""
        self._queues = {}
        self._shared_waiters = set()

    # Words

    def exchange(self, task: "Task", address: int, old: int, new: int) -> bool:
        """Change a word that is still `old`; EFAULT. Not atomic towards threads that run, but a
        waiter that changes it meanwhile compares it under the kernel lock before it sleeps."""
        if task.memory.read_u32(address) != old:
            return False
        task.memory.write_u32(address, new)
        return True

    # Waiting

    def wait(
        self,
        task: "Task",
        address: int,
        expected: int,
        bitset: int,
        deadline: int | None,
        *,
        private: bool,
    ) -> None:
        """FUTEX_WAIT_BITSET: EAGAIN if the word differs, ETIMEDOUT, `Restart` for a signal."""
        waiter = Waiter(task, task.memory.futex_key(address, private=private), bitset)
        self._enter(waiter, address, expected)
        ending: SyscallError | Restart | None = None
        try:
            while not waiter.woken and ending is None:
                if not sleep(task, [], deadline):
                    ending = SyscallError(Errno.ETIMEDOUT)
        except Restart as restart:
            ending = restart
        finally:
            self._leave(waiter)
        # A wake that came at the last moment must not be lost.
        if ending is not None and not waiter.woken:
            raise ending

    def _enter(self, waiter: Waiter, address: int, expected: int) -> None:
        """Compare and queue as one step for all wakers, who change the word before they look."""
        task = waiter.task
        if _is_private(waiter.key):
            _compare(task, address, expected)
            self._queues.setdefault(waiter.key, []).append(waiter)
            return
        with self._kernel.processes.lock():
            waiter.row = self._shared.add(_digest(waiter.key), task.process.pid, waiter.bitset)
            try:
                _compare(task, address, expected)
            except SyscallError:
                self._shared.remove(waiter.row)
                raise
        self._shared_waiters.add(waiter)

    def _leave(self, waiter: Waiter) -> None:
        if waiter.row is not None:
            with self._kernel.processes.lock():
                waiter.woken |= self._shared.woken(waiter.row)
                self._shared.remove(waiter.row)
            self._shared_waiters.discard(waiter)
        elif not waiter.woken:
            self._take_out(waiter)

    def _take_out(self, waiter: Waiter) -> None:
        queue = self._queues[waiter.key]
        queue.remove(waiter)
        if not queue:
            del self._queues[waiter.key]

    # Waking

    def wake_one(self, task: "Task", address: int) -> None:
        """FUTEX_WAKE as the kernel does it for a thread that ends: of a word that may be shared."""
        self.wake(task.memory.futex_key(address, private=False), 1)

    def wake(self, key: Key, count: int, bitset: int = FUTEX_BITSET_MATCH_ANY) -> int:
        """Wake up to `count` waiters whose bitset matches; how many there were."""
        if not _is_private(key):
            return self._wake_shared(key, count, bitset)
        queue = self._queues.get(key)
        if not queue:
            return 0
        chosen = [waiter for waiter in queue if waiter.bitset & bitset][:count]
        for waiter in chosen:
            self._take_out(waiter)
            waiter.wake()
        return len(chosen)

    def _wake_shared(self, key: Key, count: int, bitset: int) -> int:
        if self._shared.empty:
            return 0
        with self._kernel.processes.lock():
            rows = self._shared.queue(_digest(key), self._alive)
            chosen = [row for row in rows if self._shared.matches(row, bitset)][:count]
            told = {self._shared.wake(row) for row in chosen}
        for pid in told:
            if pid in self._kernel.hosted:
                self.collect_wakes()
            else:
                self._kernel.processes.kick(pid)
        return len(chosen)

    def _alive(self, pid: int) -> bool:
        entry = self._kernel.processes.find(pid)
        return entry is not None and entry.state is not State.ZOMBIE

    def collect_wakes(self) -> None:
        """Wake the tasks of this host process that others have marked."""
        for waiter in self._shared_waiters:
            if waiter.row is not None and not waiter.woken and self._shared.woken(waiter.row):
                waiter.wake()

    # Moving

    def requeue(self, key: Key, to: Key, wake: int, move: int) -> int:
        """FUTEX_REQUEUE: wake some, let others wait on another word; how many of both."""
        woken = self.wake(key, wake)
        if _is_private(key) != _is_private(to):
            # No queue can hold them; a waiter that wakes without reason looks again (futex(2)).
            return woken + self.wake(key, move)
        if _is_private(key):
            moved = self._queues.get(key, [])[:move]
            for waiter in moved:
                self._take_out(waiter)
                waiter.key = to
                self._queues.setdefault(to, []).append(waiter)
            return woken + len(moved)
        with self._kernel.processes.lock():
            rows = self._shared.queue(_digest(key), self._alive)[:move]
            for row in rows:
                self._shared.move(row, _digest(to))
        return woken + len(rows)


def _compare(task: "Task", address: int, expected: int) -> None:
    if task.memory.read_u32(address) != expected:
        raise SyscallError(Errno.EAGAIN)
