"""The first process of a run: from a kernel and a program to a task that executes."""

from __future__ import annotations

import gc
import os
import time

from elfuse.light import signal, suppress
from elfuse.record import Record
from elfuse.runtime import signals
from elfuse.runtime.abi.errno import SyscallError
from elfuse.runtime.abi.fcntl import AT_FDCWD
from elfuse.runtime.execve import execve
from elfuse.runtime.kernel import Kernel, standard_streams
from elfuse.runtime.limits import initial_limits
from elfuse.runtime.memory import Memory
from elfuse.runtime.process import Process
from elfuse.runtime.task import Task
from elfuse.runtime.vfs import operations
from elfuse.runtime.vfs.context import FsContext
from elfuse.runtime.vfs.credentials import Credentials
from elfuse.runtime.vfs.fdtable import FdTable
from elfuse.runtime.wait import NoResult
from elfuse.typing import NoReturn, Sequence


class Program(Record):
    """What the first process executes, and as whom. Paths are the guest's."""

    path: bytes
    argv: Sequence[bytes]
    environ: Sequence[bytes]
    credentials: Credentials
    cwd: bytes
    umask: int = 0o022
    stopped: bool = False
    """Wait for a debugger before the first instruction."""


def boot(kernel: Kernel, program: Program) -> NoReturn:
    """Run the program; the host process ends with its exit status (128 + N for a signal).

    Raises before the first instruction: OSError or SyscallError with the reason execve(2) or
    chdir(2) gives for `program.path` or `program.cwd`.
    """
    table = kernel.processes
    if kernel.options.contained:
        table.init_pid = 1
    pid = kernel.first_pid = table.next_id()
    entry = table.add(pid, os.getpid(), parent=None, start_ns=time.monotonic_ns())
    with kernel.lock:
        root = kernel.namespace.root()
        process = Process(
            kernel,
            entry,
            memory=Memory(kernel.engine.memory),
            files=FdTable(),
            fs=FsContext(root, root, program.umask),
            credentials=program.credentials,
            process_signals=signals.ProcessSignals(),
        )
        process.rlimits = initial_limits()
        process.publish_credentials()
        for number, stream in enumerate(standard_streams(kernel.options)):
            if stream is not None:
                process.files.install(stream, minimum=number)
        task = Task(pid, process, kernel.engine.vcpu())
        kernel.current = task
        _place_terminals(task)
        process.fs.chdir(task, program.cwd)
        try:
            execve(task, program.path, program.argv, program.environ, program.path)
        except NoResult:
            kernel.service.take_host_signals()
            kernel.service.start()
            if kernel.debugger is not None:
                kernel.service.need_thread()
                kernel.debugger.begin(process, stopped=program.stopped)
            # What the start made stays: it need not be looked through again and again.
            gc.freeze()
            gc.enable()
            task.run()
    # The first thread has ended and others go on; the last of them ends the host process.
    while True:
        signal.pause()


def _place_terminals(task: Task) -> None:
    """Give inherited terminals their place in /dev/pts, where ttyname(3) looks for them."""
    for stream in task.files.files():
        name = stream.describe()
        if name.startswith(b"/dev/pts/"):
            with suppress(OSError, SyscallError):
                stream.location = operations.resolve(task, AT_FDCWD, name)
