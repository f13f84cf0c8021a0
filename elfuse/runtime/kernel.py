"""The kernel of one host process: what all its tasks share, and how processes end."""

from __future__ import annotations

import _thread
import os
import time

from elfuse import host
from elfuse.engine.protocol import Engine
from elfuse.light import signal
from elfuse.record import Record
from elfuse.runtime.abi.signal import Sig
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.futex import HostFutexes
from elfuse.runtime.processes import KICK, Entry, Field, ProcessTable, Reaping, State
from elfuse.runtime.service import Service
from elfuse.runtime.signals import SI_KERNEL, SigInfo, post_to_process
from elfuse.runtime.trace import Trace
from elfuse.runtime.vfs.mounts import Namespace
from elfuse.typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from elfuse.runtime.futex.table import FutexTable
    from elfuse.runtime.gdb.agent import Agent
    from elfuse.runtime.process import Process
    from elfuse.runtime.task import Task


class Options(Record):
    """What differs between runs and never changes during one."""

    contained: bool
    """An image runs: pids start at 1, the first process is the init of its own world."""
    hostname: bytes
    terminal: bool = True
    """Standard streams that are terminals show as terminals."""


class Kernel:
    """State of the guest's kernel in this host process.

    `lock` guards all of it, and everything that Python code of the runtime touches. It is held
    except while a vCPU runs, while a task sleeps in `Task.blocked_poll`, and while the service
    waits. A host fork happens only in a thread that holds it, so the child finds every
    structure whole.
    """

    def __init__(
        self, engine: Engine, namespace: Namespace, options: Options, trace: Trace
    ) -> None:
        self.lock = _thread.allocate_lock()
        self.engine = engine
        self.namespace = namespace
        self.options = options
        self.trace = trace
        self.hostname = options.hostname
        self.boot_ns = time.monotonic_ns()
        self.namespace_id = os.urandom(8).hex()
        self.boot_id = os.urandom(16)
        self.processes = ProcessTable(1 if options.contained else os.getpid())
        self.service = Service(self)
        self.timers = self.service.timers
        self.futexes = self._make_futexes()
        self.tasks: dict[int, Task] = {}
        self.hosted: dict[int, Process] = {}
        """Guest processes in this host process: one, but for vfork children before their execve."""
        self.at_exit: list[Callable[[], None]] = []
        """Run by the host process of the first guest process when that one ends."""
        self.first_pid = 0
        self.debugger: Agent | None = None
        """With `--gdb`; set before the first task is made."""
        self.forks = 0
        self.current: Task
        """The task whose system call is served: what /proc/self means."""

    def _make_futexes(self) -> FutexTable | HostFutexes:
        words = self.engine.words
        if words is not None:
            return HostFutexes(words)
        from elfuse.runtime.futex.table import FutexTable  # the usual engine needs none

        return FutexTable(self)

    def next_tid(self) -> int:
        return self.processes.next_id()

    def watch(self, seconds: float) -> None:
        """The vCPU watchdog: no vCPU runs longer than this without the host regaining control."""
        if seconds <= 0:
            return
        interval = int(seconds * 1e9)

        def look() -> None:
            for task in self.tasks.values():
                task.vcpu.interrupt()
            self.timers.add(time.monotonic_ns() + interval, look)

        self.timers.add(time.monotonic_ns() + interval, look)

    # What the service brings

    def host_signal(self, number: int) -> None:
        """A host signal arrived, or with KICK somebody says that there is something to collect."""
        if number == KICK:
            self.collect()
        elif number == signal.SIGCHLD:
            self._reap_host_children()
        else:
            guest = host.guest_signal(number)
            if guest == Sig.SIGCONT:
                # A guest that sends SIGCONT also wakes the host process: count that once.
                self.collect()
            if guest:
                for process in list(self.hosted.values())[:1]:
                    post_to_process(process, SigInfo(signo=guest, code=SI_KERNEL))

    def collect(self) -> None:
        """Take what other processes have left here: signals, futex wakes, news of children."""
        self.futexes.collect_wakes()
        for process in list(self.hosted.values()):
            for info in process.entry.take():
                post_to_process(process, info)
            process.child_event()

    def _reap_host_children(self) -> None:
        """Learn of children that a host signal killed: those cannot tell the guest themselves."""
        while True:
            try:
                host_pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if host_pid == 0:
                return
            entry = self.processes.by_host_pid(host_pid)
            if entry is not None and entry.state not in (State.ZOMBIE, State.FREE):
                guest = host.guest_signal(os.WTERMSIG(status)) if os.WIFSIGNALED(status) else 0
                self.bury(entry, guest or Sig.SIGKILL if os.WIFSIGNALED(status) else status)

    # Death and inheritance

    def bury(self, entry: Entry, status: int) -> None:
        """Make a process a zombie: orphans move, the parent learns of it or nobody waits."""
        with self.processes.lock():
            entry[Field.STATUS] = status
            if not self._reaping(entry):
                entry[Field.STATE] = State.ZOMBIE
            heir = self._heir(entry)
            for child in self.processes.children(entry.pid):
                child[Field.PPID] = heir
                if child[Field.DEATH_SIGNAL]:
                    death = SigInfo(signo=child[Field.DEATH_SIGNAL], code=0, pid=entry.pid)
                    self.processes.send(child.pid, death)
                if child.state is State.ZOMBIE:
                    self._announce(child)
            self._announce(entry)
            self._hang_up_orphans(entry)

    def _hang_up_orphans(self, entry: Entry) -> None:
        """A stopped group that nobody can continue any more gets SIGHUP and SIGCONT (exit(3))."""
        table = self.processes
        stopped = [member for member in table if member[Field.STATE] == State.STOPPED]
        groups = {member[Field.PGID] for member in stopped if member[Field.SID] == entry[Field.SID]}
        for pgid in groups:
            members = table.group(pgid)
            parents = [table.find(member[Field.PPID]) for member in members]
            # The host's shell controls the job that the first process is in.
            controlled = any(member.pid == self.first_pid for member in members) or any(
                parent is not None
                and parent[Field.PGID] != pgid
                and parent[Field.SID] == entry[Field.SID]
                and parent.state is not State.ZOMBIE
                for parent in parents
            )
            if controlled:
                continue
            for member in members:
                if member.pid != self.first_pid:
                    table.send(member.pid, SigInfo(signo=Sig.SIGHUP, code=SI_KERNEL))
                    table.send(member.pid, SigInfo(signo=Sig.SIGCONT, code=SI_KERNEL))

    def _heir(self, entry: Entry) -> int:
        parent = self.processes.find(entry[Field.PPID])
        while parent is not None and parent.pid != self.processes.init_pid:
            if parent[Field.SUBREAPER] and parent.state is not State.ZOMBIE:
                return parent.pid
            parent = self.processes.find(parent[Field.PPID])
        return self.processes.init_pid

    def _reaping(self, entry: Entry) -> int:
        """How the parent wants to learn of an end; a `Reaping`."""
        parent = self.processes.find(entry[Field.PPID])
        if parent is None or entry[Field.EXIT_SIGNAL] != Sig.SIGCHLD:
            return Reaping.NEVER
        return parent[Field.REAPS]

    def _announce(self, entry: Entry) -> None:
        parent = self.processes.find(entry[Field.PPID])
        if parent is None or parent.state is State.ZOMBIE:
            if entry.pid != self.first_pid:
                self.processes.free(entry)
            return
        reaping = self._reaping(entry)
        if reaping:
            self.processes.free(entry)
        signo = 0 if reaping == Reaping.SILENT else entry[Field.EXIT_SIGNAL]
        self.tell_parent(entry, _exit_info(entry), signo)

    def tell_parent(self, entry: Entry, info: SigInfo, signo: int) -> None:
        """Send the parent a child-status signal, or only wake its wait(2) for signal 0."""
        if self.processes.find(entry[Field.PPID]) is None:
            # The first process has no parent in the guest.
            return
        if signo:
            self.processes.send(entry[Field.PPID], info)
        else:
            self.processes.kick(entry[Field.PPID])

    def run_at_exit(self) -> None:
        """Clean up after the run: at its end, or because it could not start."""
        while self.at_exit:
            self.at_exit.pop()()

    def end_world(self) -> None:
        """The init process is gone: so is everything else (pid_namespaces(7))."""
        for entry in self.processes:
            if entry.pid != self.first_pid and entry.state is not State.ZOMBIE:
                self.processes.destroy(entry)


CLD_EXITED, CLD_KILLED, CLD_DUMPED, CLD_STOPPED, CLD_CONTINUED = 1, 2, 3, 5, 6


def _exit_info(entry: Entry) -> SigInfo:
    status = entry[Field.STATUS]
    signo = status & 0x7F
    code = CLD_EXITED if not signo else CLD_DUMPED if status & 0x80 else CLD_KILLED
    return SigInfo(
        signo=entry[Field.EXIT_SIGNAL] or Sig.SIGCHLD,
        code=code,
        pid=entry.pid,
        uid=entry[Field.UIDS] >> 32,
        status=signo or status >> 8,
        utime=entry[Field.USER_NS] // 10_000_000,
        stime=entry[Field.SYSTEM_NS] // 10_000_000,
    )


def standard_streams(options: Options) -> list[OpenFile | None]:
    """Descriptors 0, 1 and 2 of the first process; None for one the host has closed."""
    from elfuse.runtime.files.stdio import inherited_stream  # after files/ can import kernel types

    return [inherited_stream(fd, terminal=options.terminal) for fd in range(3)]
