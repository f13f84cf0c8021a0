"""What the kernel does with a thread's words when the thread ends."""

from elfuse.runtime.abi.errno import SyscallError
from elfuse.runtime.abi.futex import (
    FUTEX_OWNER_DIED,
    FUTEX_TID_MASK,
    FUTEX_WAITERS,
    ROBUST_LIST_LIMIT,
    ROBUST_PI,
    RobustListHead,
)
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

_ADDRESS = (1 << 64) - 1


def clear_child_tid(task: "Task") -> None:
    """set_tid_address(2): the word becomes 0 and one waiter is woken, if anybody else sees it."""
    address, task.clear_child_tid = task.clear_child_tid, 0
    tasks = task.kernel.tasks
    if not address or len(tasks) == 1:
        return
    if not any(other is not task and other.memory is task.memory for other in tasks.values()):
        return
    try:
        task.memory.write_u32(address, 0)
        task.kernel.futexes.wake_one(task, address)
    except SyscallError:
        # The guest has unmapped it, which is its own business.
        return


def exit_robust(task: "Task") -> None:
    """Mark the robust mutexes that a thread holds as it ends (get_robust_list(2))."""
    head, task.robust_list = task.robust_list, 0
    if not head:
        return
    try:
        # An empty list, which nearly all are, points at itself, and nothing is pending behind it.
        words = task.memory.read(head, RobustListHead.size)
        if words[:8] == head.to_bytes(8, "little") and not any(words[16:]):
            return
        _walk(task, head)
    except SyscallError:
        # A list the guest has damaged ends where it does.
        return


def _walk(task: "Task", head: int) -> None:
    memory = task.memory
    held = RobustListHead.load(memory, head)
    entry, pending = held.list_next, held.list_op_pending
    for _ in range(ROBUST_LIST_LIMIT):
        at = entry & ~ROBUST_PI
        if at == head:
            break
        # Read it first: the mutex may be gone once its next owner knows.
        following = memory.read_u64(at)
        if at != pending & ~ROBUST_PI:
            _owner_died(task, at + held.futex_offset, entry, being_changed=False)
        entry = following
    if pending:
        at = pending & ~ROBUST_PI
        _owner_died(task, at + held.futex_offset, pending, being_changed=True)


def _owner_died(task: "Task", address: int, entry: int, *, being_changed: bool) -> None:
    """handle_futex_death in kernel/futex: `entry` tells the kind of the mutex."""
    address &= _ADDRESS
    inherits = entry & ROBUST_PI
    word = task.memory.read_u32(address)
    if being_changed and not inherits and not word:
        # Unlocked, but the thread ended before it could wake anybody.
        task.kernel.futexes.wake_one(task, address)
    elif word & FUTEX_TID_MASK == task.tid:
        died = FUTEX_OWNER_DIED
        while not task.kernel.futexes.exchange(task, address, word, word & FUTEX_WAITERS | died):
            # A waiter has announced itself.
            word = task.memory.read_u32(address)
        if word & FUTEX_WAITERS and not inherits:
            task.kernel.futexes.wake_one(task, address)
