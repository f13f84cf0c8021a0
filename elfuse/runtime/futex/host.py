"""Futexes by the host's kernel, for engines whose guest memory is the host's to compare and wait on.

It knows of all waiters, those that the engine lets wait without the kernel part and those of other
processes included, so nothing is kept here.
"""

from elfuse.engine.protocol import Words
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.futex import FUTEX_WAKE
from elfuse.runtime.wait import Restart
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.task import Task


class HostFutexes:
    """See `FutexTable` for the methods that both have."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def after_fork(self) -> None:
        """The host has forgotten the parent's threads."""

    def collect_wakes(self) -> None:
        """The host wakes waiters itself."""

    def exchange(self, task: "Task", address: int, old: int, new: int) -> bool:
        del task  # There is one memory.
        found = self._words.compare_exchange(address, old, new)
        if found is None:
            raise SyscallError(Errno.EFAULT)
        return found == old

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
        lock = task.kernel.lock
        while True:
            if task.memory.read_u32(address) != expected:
                raise SyscallError(Errno.EAGAIN)
            if task.signal_due():
                raise Restart
            lock.release()
            try:
                result = task.vcpu.futex_wait(address, private, expected, bitset, deadline)
            finally:
                lock.acquire()
                task.kernel.current = task
            if result == 0:
                return
            if result != -Errno.EINTR:
                raise SyscallError(Errno(-result))
            if task.kernel.service.by_task:
                task.kernel.service.serve()

    def wake_one(self, task: "Task", address: int) -> None:
        self.call(task, address, FUTEX_WAKE, 1)

    def call(
        self,
        task: "Task",
        address: int,
        operation: int,
        value: int,
        value2: int = 0,
        second: int = 0,
        value3: int = 0,
    ) -> int:
        """futex(2) with a command that does not wait. `second` is 0 for those with one word."""
        task.memory.read_u32(address)
        if second:
            task.memory.read_u32(second)
        result = self._words.futex(address, operation, value, value2, second, value3)
        if result < 0:
            raise SyscallError(Errno(-result))
        return result
