"""A guest process (thread group): what its threads share, and how it ends, stops and is waited for."""

import os
import resource

from elfuse.light import signal
from elfuse.runtime import signals
from elfuse.runtime.abi.signal import SA_NOCLDWAIT, SIG_IGN, Sig
from elfuse.runtime.kernel import CLD_CONTINUED, CLD_STOPPED, Kernel
from elfuse.runtime.processes import Entry, Field, Reaping, State
from elfuse.runtime.signals import SigInfo
from elfuse.runtime.task import Task, TaskExit
from elfuse.typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from elfuse.runtime.interval import ProcessTimers
    from elfuse.runtime.memory import Memory
    from elfuse.runtime.vfs.context import FsContext
    from elfuse.runtime.vfs.credentials import Credentials
    from elfuse.runtime.vfs.fdtable import FdTable

_CORE = 0x80


class Process:
    """A thread group. Guarded by `kernel.lock`; `entry` is its row in the shared process table."""

    def __init__(
        self,
        kernel: Kernel,
        entry: Entry,
        *,
        memory: "Memory",
        files: "FdTable",
        fs: "FsContext",
        credentials: "Credentials",
        process_signals: signals.ProcessSignals,
    ) -> None:
        self.kernel = kernel
        self.entry = entry
        self.pid = entry.pid
        self.memory = memory
        self.files = files
        self.fs = fs
        self.credentials = credentials
        self.signals = process_signals
        self._timers: ProcessTimers | None = None
        self.tasks: dict[int, Task] = {}
        self.environ: list[bytes] = []
        self.rlimits: dict[int, tuple[int, int]] = {}
        self.exit_status: int | None = None
        """wait(2) status once exit_group or a fatal signal decided it."""
        self.stopped = False
        self.traced_signals = 0
        """Which a debugger wants to see before they have an effect, a sigset_t."""
        self.is_init = kernel.options.contained and entry.pid == 1
        kernel.hosted[self.pid] = self

    @property
    def timers(self) -> "ProcessTimers":
        """Made by the first use: few programs have any."""
        if self._timers is None:
            from elfuse.runtime.interval import ProcessTimers  # not in every run

            self._timers = ProcessTimers(self)
        return self._timers

    def forget_timers(self) -> None:
        """In the child of a fork, which inherits none."""
        self._timers = None

    def keep_timers_for_exec(self) -> None:
        """Execve ends timer_create's and keeps setitimer's."""
        if self._timers is not None:
            self._timers.reset_for_exec()

    @property
    def ppid(self) -> int:
        return self.entry[Field.PPID]

    @property
    def pgid(self) -> int:
        return self.entry[Field.PGID]

    @property
    def sid(self) -> int:
        return self.entry[Field.SID]

    @property
    def exe(self) -> bytes:
        """What /proc/PID/exe shows."""
        held = self.memory.exe
        return b"" if held is None else held.file.describe()

    @property
    def cmdline(self) -> list[bytes]:
        return self.entry.cmdline.split(b"\0")[:-1]

    def publish_credentials(self) -> None:
        """Show changed ids to other processes (kill's permission check, /proc) and the engine."""
        held = self.credentials
        self.entry[Field.UIDS] = held.uid << 32 | held.euid
        self.entry[Field.GIDS] = held.gid << 32 | held.egid
        for task in self.tasks.values():
            task.vcpu.set_ids(held.uid, held.euid, held.gid, held.egid)
        if held.fsuid and self.kernel.namespace.enforces(held):
            self.kernel.engine.stop_paths()

    def unshare_files(self, task: Task) -> None:
        """Give the process a copy of its descriptor table; `task` is the caller."""
        self.memory.stop_calls()
        shared, self.files = self.files, self.files.copy()
        # The engine still has the old one for other threads: it must not serve them from it.
        shared.withdraw()
        task.identify()

    # Ending

    def exit_group(self, code: int) -> NoReturn:
        """exit_group(2) by the calling task."""
        self._end((code & 0xFF) << 8)

    def terminate(self, signo: int, core: bool) -> NoReturn:
        """Die of a signal; called in one of the process's tasks."""
        self._end(signo | (_CORE if core else 0))

    def kill(self, status: int = Sig.SIGKILL) -> None:
        """Let every thread end as soon as it looks; stopped and sleeping ones look at once."""
        if self.exit_status is None:
            self.exit_status = status
        self.kill_threads(None)

    def _end(self, status: int) -> NoReturn:
        self.kill(status)
        raise TaskExit

    def kill_threads(self, survivor: Task | None) -> None:
        """Tell all threads but `survivor` (None: the caller counts as one of them) to end."""
        for task in list(self.tasks.values()):
            if task is not survivor:
                task.dying = True
                task.interrupt_guest()

    def thread_gone(self) -> None:
        """A task has left; the last one takes the process with it."""
        self.entry[Field.THREADS] = len(self.tasks)
        if self.tasks:
            # execve in another thread may be waiting for this one to go.
            for task in self.tasks.values():
                task.wake()
            return
        self._finish()

    def _finish(self) -> None:
        kernel = self.kernel
        status = self.exit_status or 0
        self._account()
        del kernel.hosted[self.pid]
        self.files.close_all()
        kernel.bury(self.entry, status)
        if kernel.debugger is not None:
            kernel.debugger.ended(self, status)
        first = self.pid == kernel.first_pid
        if first and kernel.options.contained:
            kernel.end_world()
        if kernel.hosted:
            return
        if first:
            kernel.run_at_exit()
        kernel.engine.finish(last=first)
        os._exit(128 + (status & 0x7F) if status & 0x7F else status >> 8)

    def _account(self) -> None:
        own = resource.getrusage(resource.RUSAGE_SELF)
        self.entry[Field.USER_NS] = int(own.ru_utime * 1e9)
        self.entry[Field.SYSTEM_NS] = int(own.ru_stime * 1e9)

    # Job control

    def stop(self, signo: int) -> None:
        """Stop as SIGSTOP and its relatives do: tasks wait in their run loops until `resume`.

        Only the first process stops its host process too, so that the host's shell sees its job
        stop. For the others a host stop could come after the SIGCONT that is to end it. Under a
        debugger nothing does: what serves the debugger would stop too.
        """
        self.stopped = True
        for task in self.tasks.values():
            task.interrupt_guest()
        entry = self.entry
        with self.kernel.processes.lock():
            entry[Field.STOP_SIGNAL], entry[Field.REPORT] = signo, 1
            entry[Field.STATE] = State.STOPPED
        self._tell_stopped(CLD_STOPPED, signo)
        debugger = self.kernel.debugger
        controlled = debugger is not None and debugger.controls(self.pid)
        if self.pid == self.kernel.first_pid and not controlled:
            os.kill(os.getpid(), signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT arrived."""
        self.stopped = False
        self.child_event()
        entry = self.entry
        with self.kernel.processes.lock():
            if entry.state is not State.STOPPED:
                return
            entry[Field.REPORT] = 2
            entry[Field.STATE] = State.RUNNING
        self._tell_stopped(CLD_CONTINUED, Sig.SIGCONT)

    def _tell_stopped(self, code: int, signo: int) -> None:
        uid = self.entry[Field.UIDS] >> 32
        info = SigInfo(signo=Sig.SIGCHLD, code=code, pid=self.pid, uid=uid, status=signo)
        self.kernel.tell_parent(self.entry, info, Sig.SIGCHLD)

    def orphaned_group(self) -> bool:
        """No member's parent is in another group of the same session (setpgid(2))."""
        table = self.kernel.processes
        for member in table.group(self.pgid):
            parent = table.find(member[Field.PPID])
            if parent is None:
                # The host's shell is the parent of the first process and controls its job.
                if member.pid == self.kernel.first_pid:
                    return False
                continue
            if parent[Field.SID] == self.sid and parent[Field.PGID] != self.pgid:
                return False
        return True

    # Children

    def child_event(self) -> None:
        """A child may have changed state: let wait(2) look again."""
        for task in self.tasks.values():
            task.wake()

    def publish_reaping(self) -> None:
        """Show in the table what SIGCHLD's action says about children that end."""
        action = self.signals.handlers.get(Sig.SIGCHLD)
        reaping = Reaping.TOLD if action.flags & SA_NOCLDWAIT else Reaping.NEVER
        self.entry[Field.REAPS] = Reaping.SILENT if action.handler == SIG_IGN else reaping
