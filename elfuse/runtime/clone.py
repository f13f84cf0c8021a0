"""fork, vfork, clone and threads (clone(2)), as host forks, host threads and hosted processes.

A child that shares the parent's memory until its execve (vfork, posix_spawn) cannot be a host
process: what it writes must reach the parent. It runs as a second guest process inside the
parent's host process instead, and the host forks only when it calls execve.
"""

from __future__ import annotations

import gc
import os
import time

from elfuse.engine.protocol import Register
from elfuse.light import suppress
from elfuse.record import Record, compile_met
from elfuse.runtime.abi.clone import NAMESPACES, Clone
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.jobs import enter_host_group, enter_host_session
from elfuse.runtime.kernel import Kernel
from elfuse.runtime.process import Process
from elfuse.runtime.processes import Entry, Field
from elfuse.runtime.syscalls.table import load_usual
from elfuse.runtime.task import LeftMemory, Task, TaskExit
from elfuse.runtime.wait import Restart, sleep
from elfuse.typing import Callable

_MANY_FORKS = 4
"""A process that forks so often is worth preparing for more of it; gcc does three times."""
_KNOWN = Clone(0)
for _flag in Clone:
    _KNOWN |= _flag


class Request(Record):
    """clone(2)'s arguments; `stack` is the child's initial SP, 0 to keep the parent's."""

    flags: Clone
    exit_signal: int = 0
    stack: int = 0
    parent_tid: int = 0
    child_tid: int = 0
    tls: int = 0

    def check(self) -> None:
        """EINVAL for combinations clone(2) refuses, and for namespaces, which are not provided."""
        flags = self.flags
        if flags & Clone.SIGHAND and not flags & Clone.VM:
            raise SyscallError(Errno.EINVAL)
        if flags & Clone.THREAD and not flags & Clone.SIGHAND:
            raise SyscallError(Errno.EINVAL)
        if flags & Clone.FS and flags & Clone.NEWNS:
            raise SyscallError(Errno.EINVAL)
        if flags & NAMESPACES:
            raise SyscallError(Errno.EPERM)
        if flags & ~_KNOWN:
            raise SyscallError(Errno.EINVAL)


def clone(task: Task, request: Request) -> int:
    """The child's number, in the parent; the child starts with X0 = 0. clone(2)'s errors."""
    request.check()
    if request.flags & Clone.THREAD:
        return _thread(task, request)
    if request.flags & Clone.VM:
        return _shared_memory(task, request)
    return _fork(task, request)


def _thread(task: Task, request: Request) -> int:
    vcpu = task.kernel.engine.vcpu()
    task.vcpu.load_simd()
    vcpu.registers[:] = task.registers
    vcpu.store_simd()
    child = Task(task.kernel.next_tid(), task.process, vcpu)
    child.comm = task.comm
    child.signals = task.signals.for_thread()
    task.process.entry[Field.THREADS] = len(task.process.tasks)
    _set_registers(child, request)
    _store_tids(task, child, request)
    child.start()
    return child.tid


def _set_registers(child: Task, request: Request) -> None:
    child.registers[0] = child.clear_child_tid = child.robust_list = 0
    if request.stack:
        child.registers[Register.SP] = request.stack
    if request.flags & Clone.SETTLS:
        child.registers[Register.TPIDR] = request.tls


def _store_tids(parent: Task, child: Task, request: Request) -> None:
    if request.flags & Clone.PARENT_SETTID:
        parent.memory.write(request.parent_tid, child.tid.to_bytes(4, "little"))
    _store_child_tid(child, request)


def _store_child_tid(child: Task, request: Request) -> None:
    if request.flags & Clone.CHILD_SETTID:
        child.memory.write(request.child_tid, child.tid.to_bytes(4, "little"))
    if request.flags & Clone.CHILD_CLEARTID:
        child.clear_child_tid = request.child_tid


# Processes


def _new_entry(task: Task, request: Request, host_pid: int) -> Process:
    """A Process object for the child, with its own copies of what the flags do not share."""
    kernel, parent = task.kernel, task.process
    table = kernel.processes
    with table.lock():
        pid = table.next_id()
        entry = table.add(pid, host_pid, parent=parent.entry, start_ns=time.monotonic_ns())
        entry[Field.EXIT_SIGNAL] = request.exit_signal
        if request.flags & Clone.PARENT:
            entry[Field.PPID] = parent.ppid
    shared = request.flags
    child = Process(
        kernel,
        entry,
        memory=parent.memory,
        files=parent.files if shared & Clone.FILES else parent.files.copy(),
        fs=parent.fs if shared & Clone.FS else parent.fs.copy(),
        credentials=parent.credentials.copy(),
        process_signals=parent.signals.for_process(
            share_handlers=bool(shared & Clone.SIGHAND),
            clear_handlers=bool(shared & Clone.CLEAR_SIGHAND),
        ),
    )
    child.environ = parent.environ
    child.rlimits = dict(parent.rlimits)
    return child


def _fork(task: Task, request: Request) -> int:
    kernel = task.kernel
    table = kernel.processes
    with table.lock():
        pid = table.next_id()
        entry = table.add(pid, 0, parent=task.process.entry, start_ns=time.monotonic_ns())
        entry[Field.EXIT_SIGNAL] = request.exit_signal
        if request.flags & Clone.PARENT:
            entry[Field.PPID] = task.process.ppid
    try:
        host_pid = host_fork(kernel)
    except OSError:
        table.free(entry)
        raise
    if host_pid:
        entry[Field.HOST_PID] = host_pid
        # After the copy: the child does not see it (kernel/fork.c: kernel_clone).
        if request.flags & Clone.PARENT_SETTID:
            with suppress(SyscallError):
                task.memory.write(request.parent_tid, pid.to_bytes(4, "little"))
        if task.tracee is not None:
            task.tracee.forked("fork", pid)
        return pid
    entry[Field.HOST_PID] = os.getpid()
    _become_child(task, entry)
    if request.flags & Clone.CLEAR_SIGHAND:
        task.process.signals.handlers.reset_for_exec()
    _set_registers(task, request)
    _store_child_tid(task, request)
    return 0


def host_fork(kernel: Kernel) -> int:
    """os.fork by a task that holds the kernel lock; host signals wait until the child is ready.

    Returns in the child with signals still held: `adopt` releases them.
    """
    kernel.forks += 1
    if kernel.forks == 1:
        kernel.namespace.make_shared()
    elif kernel.forks == _MANY_FORKS:
        # Children inherit what is loaded; loading it again in each would take longer.
        load_usual()
        compile_met()
    debugger = kernel.debugger
    if debugger is not None:
        debugger.before_fork()
    kernel.current.process.memory.before_fork()
    kernel.service.hold_signals()
    # Objects that exist now are never collected: touching them would copy their pages.
    gc.freeze()
    try:
        host_pid = os.fork()
    except OSError:
        kernel.service.release_signals()
        if debugger is not None:
            debugger.fork_failed()
        raise
    if host_pid:
        kernel.service.release_signals()
    if debugger is not None:
        debugger.after_fork(child=not host_pid)
    return host_pid


def _become_child(task: Task, entry: Entry) -> None:
    """Turn the copied objects of the parent into those of the child."""
    kernel, process = task.kernel, task.process
    pid = entry.pid
    process.entry, process.pid = entry, pid
    process.signals.forget_parent()
    process.forget_timers()
    process.exit_status = None
    process.is_init = False
    task.tid = pid
    task.signals.forget_parent()
    adopt(kernel, process, task)


def adopt(kernel: Kernel, process: Process, task: Task) -> None:
    """In a new host process: `process`, with its only `task`, is all that runs here."""
    for other in kernel.tasks.values():
        if other is not task:
            other.waker.close()
    task.waker.close()
    process.tasks = {task.tid: task}
    kernel.tasks = {task.tid: task}
    kernel.hosted = {process.pid: process}
    kernel.at_exit = []
    kernel.forks = 0
    kernel.processes.after_fork()
    kernel.futexes.after_fork()
    kernel.engine.after_fork(task.vcpu)
    process.memory.after_fork()
    task.identify()
    kernel.service.after_fork()
    if kernel.debugger is not None:
        kernel.service.need_thread()
        kernel.debugger.adopted(process, task)


# Children in the parent's memory


def _shared_memory(task: Task, request: Request) -> int:
    """CLONE_VM without CLONE_THREAD: a second process in this host process until it calls execve."""
    kernel = task.kernel
    vcpu = kernel.engine.vcpu()
    task.vcpu.load_simd()
    vcpu.registers[:] = task.registers
    vcpu.store_simd()
    process = _new_entry(task, request, os.getpid())
    child = Task(process.pid, process, vcpu)
    child.comm = task.comm
    child.signals = task.signals.for_thread()
    _set_registers(child, request)
    _store_tids(task, child, request)
    if kernel.debugger is not None:
        kernel.debugger.new_process(process, child, task)
    if not request.flags & Clone.VFORK:
        child.start()
        if task.tracee is not None:
            task.tracee.forked("fork", process.pid)
        return process.pid
    finished = False

    def done() -> None:
        nonlocal finished
        finished = True
        task.wake()

    child.vfork_done = done
    child.start()
    if task.tracee is None:
        _wait_vfork(task, lambda: finished)
    else:
        task.tracee.forked("vfork", process.pid)
        task.tracee.vfork_begins()
        _wait_vfork(task, lambda: finished)
        task.tracee.vfork_ends()
    return process.pid


def _wait_vfork(task: Task, finished: Callable[[], bool]) -> None:
    """A vfork parent sleeps through everything but its own death (kernel/fork.c)."""
    while not finished():
        if task.dying:
            raise TaskExit
        try:
            sleep(task, [])
        except Restart:
            # A signal waits until the child is done; do not spin on it meanwhile.
            task.kernel.lock.release()
            time.sleep(0.001)
            task.kernel.lock.acquire()


def detach_for_exec(task: Task) -> None:
    """Before execve destroys memory that is not the caller's alone: move to a host process.

    Returns in the new host process, with the same task. The thread that called it in the old
    one unwinds through `LeftMemory`.
    """
    kernel, process = task.kernel, task.process
    host_pid = host_fork(kernel)
    if host_pid:
        process.entry[Field.HOST_PID] = host_pid
        del kernel.hosted[process.pid]
        if not any(other.files is process.files for other in kernel.hosted.values()):
            process.files.close_all()
        del kernel.tasks[task.tid]
        task.waker.close()
        if kernel.debugger is not None:
            kernel.debugger.moved(process)
        task.release_vfork()
        raise LeftMemory
    process.entry[Field.HOST_PID] = os.getpid()
    for other in kernel.hosted.values():
        if other is not process and other.files is not process.files:
            other.files.close_all()
    task.vfork_done = None
    adopt(kernel, process, task)
    apply_host_group(process)


def apply_host_group(process: Process) -> None:
    """Give the host process the group and session that the guest asked for while it was hosted."""
    parent = process.kernel.processes.find(process.ppid)
    if process.sid == process.pid:
        enter_host_session()
    elif parent is None or parent[Field.PGID] != process.pgid:
        enter_host_group(process.kernel, process.entry, process.pgid)
