"""futex(2) and robust lists."""

import time
from typing import Annotated

from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.stat import Timespec
from elfuse.runtime.futex import ANY
from elfuse.runtime.syscalls.args import Address, Arg, Call, Hex, Pid, Size, as_signed
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task
from elfuse.runtime.wait import Restart, RestartKind

WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, WAIT_BITSET, WAKE_BITSET = 0, 1, 3, 4, 5, 9, 10
_PRIVATE, _CLOCK_REALTIME, _COMMAND = 128, 256, 0x7F
_NAMES = {
    WAIT: "FUTEX_WAIT",
    WAKE: "FUTEX_WAKE",
    REQUEUE: "FUTEX_REQUEUE",
    CMP_REQUEUE: "FUTEX_CMP_REQUEUE",
    WAKE_OP: "FUTEX_WAKE_OP",
    WAIT_BITSET: "FUTEX_WAIT_BITSET",
    WAKE_BITSET: "FUTEX_WAKE_BITSET",
}
_ROBUST_HEAD_SIZE = 24
_SECOND = 1_000_000_000


def _operation_text(call: Call, index: int) -> str:
    value = call.registers[index] & 0xFFFF_FFFF
    text = _NAMES.get(value & _COMMAND, str(value & _COMMAND))
    text += "_PRIVATE" if value & _PRIVATE else ""
    return text + ("|FUTEX_CLOCK_REALTIME" if value & _CLOCK_REALTIME else "")


Operation = Annotated[int, Arg("({x} & 0xffffffff)", _operation_text)]
Word = Annotated[
    int, Arg("({x} & 0xffffffff)", lambda call, i: str(as_signed(call.registers[i], 32)))
]


def _deadline(task: Task, address: int, *, absolute: bool, realtime: bool) -> int | None:
    """CLOCK_MONOTONIC nanoseconds; None without a timeout."""
    if not address:
        return None
    given = Timespec.load(task.memory, address)
    if given.tv_sec < 0 or not 0 <= given.tv_nsec < _SECOND:
        raise SyscallError(Errno.EINVAL)
    now = time.monotonic_ns()
    if not absolute:
        return now + given.ns
    return now + given.ns - time.time_ns() if realtime else given.ns


def _key(task: Task, address: int, operation: int) -> tuple[object, ...]:
    if address & 3:
        raise SyscallError(Errno.EINVAL)
    return task.memory.futex_key(address, private=bool(operation & _PRIVATE))


def _count(value: int) -> int:
    """A number of waiters: an int, and at least 1 for a wake."""
    return as_signed(value, 32)


def _wait(
    task: Task, address: int, operation: int, expected: int, deadline: int | None, bitset: int
) -> int:
    if not bitset:
        raise SyscallError(Errno.EINVAL)
    key = _key(task, address, operation)
    try:
        return task.kernel.futexes.wait(task, address, key, expected, bitset, deadline)
    except Restart:
        if deadline is None:
            raise

        def resume(again: Task) -> int:
            return _wait(again, address, operation, expected, deadline, bitset)

        raise Restart(RestartKind.BLOCK, resume) from None


def _signed12(value: int) -> int:
    return (value & 0x7FF) - (value & 0x800)


def _wake_op(task: Task, second: int, encoded: int) -> bool:
    """Change the second word as FUTEX_WAKE_OP says; whether its old value passes the comparison."""
    operation, comparison = encoded >> 28 & 0xF, encoded >> 24 & 0xF
    operand, against = _signed12(encoded >> 12 & 0xFFF), _signed12(encoded & 0xFFF)
    if operation & 8:
        operand = 1 << (operand & 31)
    old = task.memory.read_u32(second)
    changes = {
        0: operand,
        1: old + operand,
        2: old | operand,
        3: old & ~operand,
        4: old ^ operand,
    }
    if operation & 7 not in changes:
        raise SyscallError(Errno.ENOSYS)
    task.memory.write_u32(second, changes[operation & 7])
    value = as_signed(old, 32)
    tests = (
        value == against,
        value != against,
        value < against,
        value <= against,
        value > against,
        value >= against,
    )
    if comparison >= len(tests):
        raise SyscallError(Errno.ENOSYS)
    return tests[comparison]


@syscall(98, note="priority inheritance operations fail with ENOSYS")
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
    command = operation & _COMMAND
    realtime = bool(operation & _CLOCK_REALTIME)
    futexes = task.kernel.futexes
    if realtime and command not in (WAIT, WAIT_BITSET):
        raise SyscallError(Errno.ENOSYS)
    value3 &= 0xFFFF_FFFF
    match command:
        case 0 | 9:
            absolute = command == WAIT_BITSET
            deadline = _deadline(task, timeout, absolute=absolute, realtime=realtime)
            bitset = value3 if absolute else ANY
            return _wait(task, address, operation, value, deadline, bitset)
        case 1 | 10:
            bitset = value3 if command == WAKE_BITSET else ANY
            if not bitset:
                raise SyscallError(Errno.EINVAL)
            return futexes.wake(_key(task, address, operation), max(1, _count(value)), bitset)
        case 3 | 4:
            if command == CMP_REQUEUE and task.memory.read_u32(address) != value3:
                raise SyscallError(Errno.EAGAIN)
            if _count(value) < 0 or _count(timeout) < 0:
                raise SyscallError(Errno.EINVAL)
            source, target = _key(task, address, operation), _key(task, second, operation)
            return futexes.requeue(source, target, _count(value), _count(timeout))
        case 5:
            first, other = _key(task, address, operation), _key(task, second, operation)
            also = _wake_op(task, second, value3)
            woken = futexes.wake(first, max(1, _count(value)))
            return woken + (futexes.wake(other, max(1, _count(timeout))) if also else 0)
        case _:
            raise SyscallError(Errno.ENOSYS)


@syscall(99)
def sys_set_robust_list(task: Task, head: Address, size: Size) -> int:
    """set_robust_list(2)."""
    if size != _ROBUST_HEAD_SIZE:
        raise SyscallError(Errno.EINVAL)
    task.robust_list = (head, size)
    return 0


@syscall(100)
def sys_get_robust_list(task: Task, pid: Pid, head: Address, size: Address) -> int:
    """get_robust_list(2), of threads of this process."""
    other = task if not pid else task.process.tasks.get(pid)
    if other is None:
        raise SyscallError(Errno.EPERM if task.kernel.processes.find(pid) else Errno.ESRCH)
    task.memory.write_u64(head, other.robust_list[0])
    task.memory.write_u64(size, _ROBUST_HEAD_SIZE)
    return 0
