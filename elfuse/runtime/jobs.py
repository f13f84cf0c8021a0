"""Process groups and sessions: the guest's numbers in the table, the host's groups behind them.

Terminals deliver signals to host process groups, so each guest group is one host group. The
first process may share its host group with a pipeline of the host's shell; its guest group then
maps to that host group.
"""

import os

from elfuse.light import suppress
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.kernel import Kernel
from elfuse.runtime.process import Process
from elfuse.runtime.processes import Entry, Field, State
from elfuse.runtime.task import Task


def host_group(kernel: Kernel, pgid: int) -> int:
    """The host's number of a guest group, 0 if it has no member that is a host process."""
    for member in kernel.processes.group(pgid):
        if member[Field.HOST_PID]:
            with suppress(ProcessLookupError):
                return os.getpgid(member[Field.HOST_PID])
    return 0


def guest_group(kernel: Kernel, host_pgid: int) -> int:
    """The guest's number of a host group, 0 if no guest process is in it."""
    for entry in kernel.processes:
        if entry.state is not State.ZOMBIE and entry[Field.HOST_PID]:
            with suppress(ProcessLookupError):
                if os.getpgid(entry[Field.HOST_PID]) == host_pgid:
                    return entry[Field.PGID]
    return 0


def enter_host_group(kernel: Kernel, entry: Entry, pgid: int) -> None:
    """Put a process's host process into the host group of `pgid`, a new one if it leads it."""
    host_pid = entry[Field.HOST_PID]
    target = host_pid if pgid == entry.pid else host_group(kernel, pgid)
    # A host process that has just died, or that leads a host session, stays where it is.
    with suppress(ProcessLookupError, PermissionError):
        os.setpgid(host_pid, target)


def enter_host_session() -> None:
    """Leave the host's session and terminal, as the guest's setsid does."""
    with suppress(PermissionError):
        os.setsid()


def _is_hosted(kernel: Kernel, process: Process) -> bool:
    """Whether the process has no host process of its own yet (vfork child before execve)."""
    return len(kernel.hosted) > 1 and process.pid != min(kernel.hosted)


def setpgid(task: Task, pid: int, pgid: int) -> None:
    """setpgid(2)."""
    kernel = task.kernel
    table = kernel.processes
    if pgid < 0:
        raise SyscallError(Errno.EINVAL)
    with table.lock():
        entry = table.find(pid or task.process.pid)
        if entry is None:
            raise SyscallError(Errno.ESRCH)
        own = entry.pid == task.process.pid
        if not own:
            if entry[Field.PPID] != task.process.pid:
                raise SyscallError(Errno.ESRCH)
            if entry[Field.SID] != task.process.sid:
                raise SyscallError(Errno.EPERM)
            if entry[Field.EXECED]:
                raise SyscallError(Errno.EACCES)
        if entry[Field.SID] == entry.pid:
            raise SyscallError(Errno.EPERM)
        pgid = pgid or entry.pid
        if pgid != entry.pid and not any(
            member[Field.SID] == task.process.sid for member in table.group(pgid)
        ):
            raise SyscallError(Errno.EPERM)
        if entry[Field.PGID] == pgid:
            return
        if not (own and _is_hosted(kernel, task.process)):
            enter_host_group(kernel, entry, pgid)
        entry[Field.PGID] = pgid


def setsid(task: Task) -> int:
    """setsid(2): the new session's number."""
    process = task.process
    table = task.kernel.processes
    with table.lock():
        if any(member.pid != 0 for member in table.group(process.pid)):
            raise SyscallError(Errno.EPERM)
        if not _is_hosted(task.kernel, process):
            enter_host_session()
        process.entry[Field.SID] = process.entry[Field.PGID] = process.pid
        process.entry[Field.TTY] = 0
    return process.pid
