"""execve: point of no return, and what a process keeps over it (execve(2))."""

from elfuse.runtime.futex import clear_child_tid, exit_robust
from elfuse.runtime.loader.load import prepare
from elfuse.runtime.processes import Field
from elfuse.runtime.task import Task, TaskExit
from elfuse.runtime.vfs.location import Location
from elfuse.runtime.wait import NoResult, Restart, sleep
from elfuse.typing import Sequence


def execve(
    task: Task,
    path: bytes | Location,
    argv: Sequence[bytes],
    envp: Sequence[bytes],
    name: bytes,
    *,
    name_vanishes: bool = False,
) -> None:
    """Replace the process's program; raises NoResult when done, execve(2)'s errors before.

    `name` is what AT_EXECFN and the command name are made of. `name_vanishes`: it goes through a
    close-on-exec descriptor, so no interpreter could open a script by it (ENOENT).
    """
    image = prepare(task, path, list(argv), list(envp), name, name_vanishes=name_vanishes)
    if len(task.kernel.hosted) > 1:
        from elfuse.runtime.clone import detach_for_exec  # not in every run

        detach_for_exec(task)
    process = task.process
    if len(process.tasks) > 1 or task.tid != process.pid:
        _end_other_threads(task)
    entry = process.entry
    exit_robust(task)
    clear_child_tid(task)
    process.files.close_on_exec()
    process.signals.reset_for_exec()
    if entry[Field.REAPS]:
        process.publish_reaping()
    task.signals.reset_for_exec()
    process.keep_timers_for_exec()
    image.commit(task)
    entry.cmdline = b"\0".join((*image.argv, b""))
    entry[Field.EXECED] = 1
    task.comm = entry.comm = image.name[:15]
    task.kernel.processes.note_program(entry, *image.identity)
    process.environ = list(envp)
    process.publish_credentials()
    task.serve_alone()
    if task.tracee is not None:
        task.tracee.executed(process.exe)
    raise NoResult


def _end_other_threads(task: Task) -> None:
    """The calling thread survives alone and becomes the leader, with the process's number."""
    process, kernel = task.process, task.kernel
    process.kill_threads(task)
    while len(process.tasks) > 1:
        try:
            sleep(task, [])
        except Restart:
            if task.dying:
                raise TaskExit from None
            # Only the others' end counts now; a pending signal waits for the new program.
            kernel.lock.release()
            kernel.lock.acquire()
    if task.tid != process.pid:
        del process.tasks[task.tid]
        del kernel.tasks[task.tid]
        task.tid = process.pid
        process.tasks[task.tid] = kernel.tasks[task.tid] = task
        task.identify()
