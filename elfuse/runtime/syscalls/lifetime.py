"""What a thread calls at its start and its end: set_tid_address(2), exit(2), exit_group(2)."""

from elfuse.runtime.syscalls.args import Address, Int
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task, TaskExit


@syscall(93)
def sys_exit(task: Task, status: Int) -> int:
    """_exit(2) of one thread."""
    if len(task.process.tasks) == 1 and task.process.exit_status is None:
        task.process.exit_status = (status & 0xFF) << 8
    raise TaskExit


@syscall(94)
def sys_exit_group(task: Task, status: Int) -> int:
    """exit_group(2)."""
    task.process.exit_group(status)


@syscall(96)
def sys_set_tid_address(task: Task, address: Address) -> int:
    """set_tid_address(2)."""
    task.clear_child_tid = address
    return task.tid
