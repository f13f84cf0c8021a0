"""futex(2) and robust lists."""

from __future__ import annotations

from elfuse.light import operator, partial
from elfuse.record import Record
from elfuse.runtime.abi import futex as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.stat import Timespec
from elfuse.runtime.abi.time import SECOND
from elfuse.runtime.futex import HostFutexes
from elfuse.runtime.syscalls.args import Address, Arg, Call, Hex, Pid, Size, as_signed
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task
from elfuse.runtime.wait import Restart, RestartKind, now
from elfuse.typing import TYPE_CHECKING, Annotated, Callable

if TYPE_CHECKING:
    from elfuse.runtime.futex.table import FutexTable, Key

_LOW = 0xFFFF_FFFF


def _operation_text(call: Call, index: int) -> str:
    value = call.registers[index] & _LOW
    command = value & abi.FUTEX_CMD_MASK
    text = abi.FUTEX_NAMES.get(command, str(command))
    text += "_PRIVATE" if value & abi.FUTEX_PRIVATE_FLAG else ""
    return text + ("|FUTEX_CLOCK_REALTIME" if value & abi.FUTEX_CLOCK_REALTIME else "")


Operation = Annotated[int, Arg(f"({{x}} & {_LOW})", _operation_text)]
Word = Annotated[
    int, Arg(f"({{x}} & {_LOW})", lambda call, i: str(as_signed(call.registers[i], 32)))
]


class _Request(Record):
    """futex(2)'s arguments. `timeout` is an address, or a second number of waiters."""

    address: int
    operation: int
    value: int
    timeout: int
    second: int
    value3: int

    @property
    def count(self) -> int:
        """How many to wake; the kernel wakes one before it counts."""
        return max(1, as_signed(self.value, 32))

    @property
    def count2(self) -> int:
        return as_signed(self.timeout, 32)

    @property
    def private(self) -> bool:
        """Whether other processes cannot mean the word."""
        return bool(self.operation & abi.FUTEX_PRIVATE_FLAG)

    def key(self, task: Task, address: int) -> Key:
        if address & 3:
            raise SyscallError(Errno.EINVAL)
        return task.memory.futex_key(address, private=self.private)

    def deadline(self, task: Task, *, absolute: bool) -> int | None:
        """CLOCK_MONOTONIC nanoseconds; None without a timeout."""
        if not self.timeout:
            return None
        given = Timespec.load(task.memory, self.timeout)
        if given.tv_sec < 0 or not 0 <= given.tv_nsec < SECOND:
            raise SyscallError(Errno.EINVAL)
        if not absolute:
            return now() + given.ns
        from elfuse.runtime.clocks import MONOTONIC, REALTIME  # few calls get here

        clock = REALTIME if self.operation & abi.FUTEX_CLOCK_REALTIME else MONOTONIC
        return now() + given.ns - clock.read()


def _sleep(task: Task, request: _Request, bitset: int, deadline: int | None) -> int:
    if not bitset:
        raise SyscallError(Errno.EINVAL)
    if request.address & 3:
        raise SyscallError(Errno.EINVAL)
    try:
        task.kernel.futexes.wait(
            task, request.address, request.value, bitset, deadline, private=request.private
        )
    except Restart:
        if deadline is None:
            raise
        # Run again it would wait for the whole time once more.
        resume = partial(_sleep, request=request, bitset=bitset, deadline=deadline)
        raise Restart(RestartKind.ERESTART_RESTARTBLOCK, resume) from None
    return 0


def _wait(task: Task, request: _Request) -> int:
    deadline = request.deadline(task, absolute=False)
    return _sleep(task, request, abi.FUTEX_BITSET_MATCH_ANY, deadline)


def _wait_bitset(task: Task, request: _Request) -> int:
    return _sleep(task, request, request.value3, request.deadline(task, absolute=True))


def _table(task: Task) -> FutexTable:
    """For commands that `_by_host` does where the host has the queues."""
    futexes = task.kernel.futexes
    assert not isinstance(futexes, HostFutexes)
    return futexes


def _wake(task: Task, request: _Request) -> int:
    return _table(task).wake(request.key(task, request.address), request.count)


def _wake_bitset(task: Task, request: _Request) -> int:
    if not request.value3:
        raise SyscallError(Errno.EINVAL)
    key = request.key(task, request.address)
    return _table(task).wake(key, request.count, request.value3)


def _requeue(task: Task, request: _Request) -> int:
    wake, move = as_signed(request.value, 32), request.count2
    if wake < 0 or move < 0:
        raise SyscallError(Errno.EINVAL)
    key, to = request.key(task, request.address), request.key(task, request.second)
    compares = request.operation & abi.FUTEX_CMD_MASK == abi.FUTEX_CMP_REQUEUE
    if compares and task.memory.read_u32(request.address) != request.value3:
        raise SyscallError(Errno.EAGAIN)
    return _table(task).requeue(key, to, wake, move)


_CHANGES: dict[int, Callable[[int, int], int]] = {
    abi.FUTEX_OP_SET: lambda _old, operand: operand,
    abi.FUTEX_OP_ADD: operator.add,
    abi.FUTEX_OP_OR: operator.or_,
    abi.FUTEX_OP_ANDN: lambda old, operand: old & ~operand,
    abi.FUTEX_OP_XOR: operator.xor,
}
_COMPARISONS: dict[int, Callable[[int, int], bool]] = {
    abi.FUTEX_OP_CMP_EQ: operator.eq,
    abi.FUTEX_OP_CMP_NE: operator.ne,
    abi.FUTEX_OP_CMP_LT: operator.lt,
    abi.FUTEX_OP_CMP_LE: operator.le,
    abi.FUTEX_OP_CMP_GT: operator.gt,
    abi.FUTEX_OP_CMP_GE: operator.ge,
}


def _change(task: Task, address: int, encoded: int) -> bool:
    """Change the second word as FUTEX_WAKE_OP says; whether its old value passes the comparison."""
    change = _CHANGES.get(encoded >> 28 & 7)
    if change is None:
        raise SyscallError(Errno.ENOSYS)
    operand = as_signed(encoded >> 12, 12)
    if encoded >> 28 & abi.FUTEX_OP_OPARG_SHIFT:
        operand = 1 << (operand & 31)
    old = task.memory.read_u32(address)
    task.memory.write_u32(address, change(old, operand))
    comparison = _COMPARISONS.get(encoded >> 24 & 0xF)
    if comparison is None:
        raise SyscallError(Errno.ENOSYS)
    return comparison(as_signed(old, 32), as_signed(encoded, 12))


def _wake_op(task: Task, request: _Request) -> int:
    futexes = _table(task)
    key, other = request.key(task, request.address), request.key(task, request.second)
    also = _change(task, request.second, request.value3)
    woken = futexes.wake(key, request.count)
    return woken + (futexes.wake(other, max(1, request.count2)) if also else 0)


_COMMANDS: dict[int, Callable[[Task, _Request], int]] = {
    abi.FUTEX_WAIT: _wait,
    abi.FUTEX_WAIT_BITSET: _wait_bitset,
    abi.FUTEX_WAKE: _wake,
    abi.FUTEX_WAKE_BITSET: _wake_bitset,
    abi.FUTEX_REQUEUE: _requeue,
    abi.FUTEX_CMP_REQUEUE: _requeue,
    abi.FUTEX_WAKE_OP: _wake_op,
}
_TIMED = (abi.FUTEX_WAIT, abi.FUTEX_WAIT_BITSET)
_TWO_WORDS = (abi.FUTEX_REQUEUE, abi.FUTEX_CMP_REQUEUE, abi.FUTEX_WAKE_OP)


def _by_host(task: Task, futexes: HostFutexes, request: _Request) -> int:
    """A command that does not wait."""
    value, second = request.value & _LOW, 0
    if request.operation & abi.FUTEX_CMD_MASK in _TWO_WORDS:
        second = request.second
    if (request.address | second) & 3:
        raise SyscallError(Errno.EINVAL)
    return futexes.call(
        task,
        request.address,
        request.operation,
        value,
        request.timeout,
        second,
        request.value3,
    )


@syscall(
    98,
    note="no priority inheritance (ENOSYS); on the engine unicorn FUTEX_WAKE_OP's change is not "
    "atomic towards threads that run meanwhile",
)
def sys_futex(
    task: Task,
    address: Address,
    operation: Operation,
    value: Word,
    timeout: Hex,
    second: Address,
    value3: Hex,
) -> int:
    """futex(2)."""
    command = operation & abi.FUTEX_CMD_MASK
    perform = _COMMANDS.get(command)
    if perform is None or (operation & abi.FUTEX_CLOCK_REALTIME and command not in _TIMED):
        raise SyscallError(Errno.ENOSYS)
    request = _Request(address, operation, value, timeout, second, value3 & _LOW)
    futexes = task.kernel.futexes
    if isinstance(futexes, HostFutexes) and command not in _TIMED:
        return _by_host(task, futexes, request)
    return perform(task, request)


@syscall(99)
def sys_set_robust_list(task: Task, head: Address, size: Size) -> int:
    """set_robust_list(2)."""
    if size != abi.RobustListHead.size:
        raise SyscallError(Errno.EINVAL)
    task.robust_list = head
    return 0


@syscall(100)
def sys_get_robust_list(task: Task, pid: Pid, head: Address, size: Address) -> int:
    """get_robust_list(2), of threads of this process."""
    other = task if not pid else task.process.tasks.get(pid)
    if other is None:
        raise SyscallError(Errno.EPERM if task.kernel.processes.find(pid) else Errno.ESRCH)
    task.memory.write_u64(size, abi.RobustListHead.size)
    task.memory.write_u64(head, other.robust_list)
    return 0
