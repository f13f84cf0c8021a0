"""The supervisor's hand in a host process that runs guests: halts, resumes, looks and changes.

A thread of its own serves the supervisor's requests under the kernel lock. While a debugger is
attached to any process here, the agent is running, stopping or stopped; the tasks of attached
processes then go on or stand still together, and each resumption ends with one "stopped" message.

Messages to the supervisor, kind first:
    ("result", value), ("error", Linux errno)   the answer to the last request
    ("hello", pid, attached)    this host process runs that process from now on
    ("child", pid, attached)    a vfork child lives here until its execve
    ("link",)                   carries the end of a new host process's link
    ("stopped", [(pid, tid, event)])    attached tasks stand still, and what happened in some
    ("ended", pid, wait(2) status)
"""

from __future__ import annotations

import _thread
import time

from elfuse.engine.protocol import Protection, Watchpoint
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.signal import NSIG
from elfuse.runtime.gdb.link import Closed, Link, Message
from elfuse.runtime.gdb.tracee import Action, Tracee
from elfuse.runtime.gdb.views import Views
from elfuse.runtime.kernel import Kernel
from elfuse.runtime.process import Process
from elfuse.runtime.task import Task
from elfuse.typing import Any, Callable, Iterable

_ALL_SIGNALS = (1 << NSIG) - 1
_RUNNING, _STOPPING, _STOPPED = range(3)


class Agent:
    """Of one host process. Guarded by the kernel lock."""

    def __init__(self, kernel: Kernel, link: Link) -> None:
        self._kernel = kernel
        self._link = link
        self._child_link: tuple[Link, Link] | None = None
        self._forking = 0
        self._state = _RUNNING
        self._attached: set[int] = set()
        self._follows: frozenset[str] = frozenset()
        self._passed: dict[int, int] = {}
        """By process: signals that need not be reported, a sigset_t."""
        self._caught: dict[int, frozenset[int] | None] = {}
        """By process: system calls to report, None for all."""
        self._stops: frozenset[int] = frozenset()
        self._views = Views(kernel)
        self._requests: dict[str, Callable[..., Any]] = {
            "attach": self._attach,
            "detach": self._detach,
            "follow": self._follow,
            "halt": self.halt,
            "resume": self._resume,
            "kill": self._kill,
            "points": self._points,
            "pass": self._pass,
            "catch": self._catch,
            **self._views.requests,
        }

    # Beginning, and new host processes

    def begin(self, process: Process, *, stopped: bool) -> None:
        """Serve. `stopped`: the process waits for a debugger before its first instruction."""
        if stopped:
            self._take(process)
            self.halt()
        self._greet(process)

    def _greet(self, process: Process) -> None:
        self._tell(("hello", process.pid, process.pid in self._attached))
        _thread.start_new_thread(self._serve, ())

    def before_fork(self) -> None:
        """The host process is about to fork, in the current task."""
        self._child_link = Link.pair()
        self._forking = self._kernel.current.process.pid

    def fork_failed(self) -> None:
        assert self._child_link is not None
        for end in self._child_link:
            end.close()

    def after_fork(self, *, child: bool) -> None:
        """In both. In the child `adopted` follows."""
        assert self._child_link is not None
        (ours, theirs), self._child_link = self._child_link, None
        if child:
            self._link.close()
            self._link = theirs
            ours.close()
        else:
            theirs.close()
            self._tell(("link",), ours)
            ours.close()

    def adopted(self, process: Process, task: Task) -> None:
        """In a new host process, which runs `process` only: what the debugger has of it.

        A forked child that is followed begins halted. A vfork child that executes a program has
        been known before, and just goes on.
        """
        tracee = task.tracee
        assert tracee is not None
        known = process.pid in self._attached
        follow = tracee.attached and (known or self.follows("fork"))
        self._attached, tracee.attached = set(), False
        process.traced_signals = 0
        # Of this process's copy of the engine, in which nothing runs.
        tracee.begin()
        passed, caught = self._passed.get(self._forking, 0), self._caught.get(self._forking)
        catches = self._forking in self._caught
        self._passed, self._caught = {}, {}
        if not follow:
            self._set_points((), ())
        else:
            self._passed[process.pid] = passed
            if catches:
                self._caught[process.pid] = caught
            self._take(process)
            if not known:
                tracee.may_run = False
                self._state = _STOPPING
        self._greet(process)

    def moved(self, process: Process) -> None:
        """A vfork child has left for a host process of its own."""
        self._let_go(process.pid)
        self.look()

    def new_process(self, process: Process, task: Task, parent: Task) -> None:
        """A vfork child that shares this host process is about to start."""
        assert task.tracee is not None
        assert parent.tracee is not None
        if parent.tracee.attached and self.follows("vfork"):
            self._take(process)
            task.tracee.may_run = False
        self._tell(("child", process.pid, process.pid in self._attached))

    def control(self, task: Task) -> Tracee:
        """A new task's part. It may run if others here may."""
        attached = task.process.pid in self._attached
        return Tracee(task, self, attached=attached, may_run=self._state == _RUNNING)

    # What tasks tell

    def follows(self, kind: str) -> bool:
        """Whether the debugger wants to know of "fork", "vfork"."""
        return kind in self._follows

    def catches(self, pid: int, number: int) -> bool:
        """Whether the debugger wants to know of a system call."""
        if pid not in self._caught:
            return False
        wanted = self._caught[pid]
        return wanted is None or number in wanted

    def stops_at(self, pc: int) -> bool:
        """Whether there is a breakpoint."""
        return pc in self._stops

    def program_replaced(self) -> None:
        """The memory is another program's; the engine has dropped its points."""
        self._stops = frozenset()

    def controls(self, pid: int) -> bool:
        """Whether a debugger is attached to a process."""
        return pid in self._attached

    def ended(self, process: Process, status: int) -> None:
        """A process here has ended."""
        self._let_go(process.pid)
        self._tell(("ended", process.pid, int(status)))
        self.look()

    def halt(self) -> None:
        """Let every task of attached processes stand still."""
        if self._state == _RUNNING:
            self._state = _STOPPING
        for tracee in self._controlled():
            tracee.may_run = False
            if not tracee.parked:
                tracee.task.interrupt_guest()
        self.look()

    def look(self) -> None:
        """Something came to rest or left: see whether all stand still now."""
        controlled = self._controlled()
        if (
            self._state == _RUNNING
            and controlled
            and not any(tracee.may_run for tracee in controlled)
        ):
            # All that was resumed has ended, and the others were left standing.
            self._state = _STOPPING
        if self._state == _STOPPING and all(tracee.still for tracee in controlled):
            self._state = _STOPPED
            happened = []
            for tracee in controlled:
                event = tracee.take_event()
                if event is not None:
                    happened.append((tracee.task.process.pid, tracee.task.tid, event))
            self._tell(("stopped", happened))

    # Serving

    def _tell(self, message: Message, carried: Link | None = None) -> None:
        try:
            self._link.send(message, carried)
        except Closed:
            # The supervisor was killed; the thread that reads learns of it and lets go.
            return

    def _serve(self) -> None:
        link = self._link
        try:
            while True:
                (name, *arguments), _carried = link.receive()
                with self._kernel.lock:
                    self._answer(name, arguments)
        except Closed:
            return
        finally:
            # After a defect too: guests must not wait for somebody who is not there.
            with self._kernel.lock:
                for pid in list(self._attached):
                    self._detach(pid, {})
                link.close()

    def _answer(self, name: str, arguments: list[Any]) -> None:
        try:
            answer: Message = ("result", self._requests[name](*arguments))
        except SyscallError as error:
            answer = ("error", int(error.errno))
        except OSError as error:
            answer = ("error", int(Errno.from_host(error.errno or 0)))
        self._tell(answer)

    def _controlled(self) -> list[Tracee]:
        return [
            task.tracee
            for task in self._kernel.tasks.values()
            if task.tracee is not None and task.tracee.attached
        ]

    # Requests

    def _attach(self, pid: int, follows: Iterable[str]) -> None:
        self._take(self._views.process(pid))
        self._follows = frozenset(follows)
        if self._state == _STOPPED:
            # It was, for nobody: let it be told.
            self._state = _STOPPING
        self.halt()

    def _follow(self, kinds: Iterable[str]) -> None:
        self._follows = frozenset(kinds)

    def _take(self, process: Process) -> None:
        self._attached.add(process.pid)
        process.traced_signals = _ALL_SIGNALS & ~self._passed.get(process.pid, 0)
        for task in process.tasks.values():
            if task.tracee is not None:
                task.tracee.attached = True

    def _detach(self, pid: int, given: dict[int, int]) -> None:
        """Let go of a process; `given` are the signals that stopped tasks get."""
        process = self._views.process(pid)
        process.traced_signals = 0
        for task in process.tasks.values():
            if task.tracee is not None:
                task.tracee.attached = False
                task.tracee.release(Action(signal=given.get(task.tid, 0)))
        self._let_go(pid)
        self.look()

    def _let_go(self, pid: int) -> None:
        self._attached.discard(pid)
        self._passed.pop(pid, None)
        self._caught.pop(pid, None)
        if not self._attached:
            self._set_points((), ())
            self._state = _RUNNING

    def _resume(self, actions: list[tuple[int, bool, int, int, int]]) -> None:
        """Each: a task, whether it steps, the range it steps through, and a signal for it."""
        self._state = _RUNNING
        for tid, step, start, end, signal in actions:
            task = self._kernel.tasks.get(tid)
            if task is not None and task.tracee is not None:
                task.tracee.release(Action(step, start, end, signal))
        self.look()

    def _kill(self, pid: int) -> None:
        self._views.process(pid).kill()

    def _points(self, stops: list[int], watched: list[tuple[int, int, int]]) -> None:
        self._set_points(
            stops,
            [Watchpoint(start, length, Protection(kinds)) for start, length, kinds in watched],
        )

    def _set_points(self, stops: Iterable[int], watched: Iterable[Watchpoint]) -> None:
        """With all vCPUs at rest: who holds the kernel lock keeps them so."""
        self._stops = frozenset(stops)
        for task in self._kernel.tasks.values():
            while task.tracee is not None and task.tracee.in_guest:
                task.vcpu.interrupt()
                time.sleep(0.0001)
        self._kernel.engine.set_points(self._stops, watched)

    def _pass(self, pid: int, passed: int) -> None:
        process = self._views.process(pid)
        self._passed[pid] = passed
        if pid in self._attached:
            process.traced_signals = _ALL_SIGNALS & ~passed

    def _catch(self, pid: int, wanted: list[int] | None) -> None:
        """Report these system calls; all for an empty list, none for None."""
        if wanted is None:
            self._caught.pop(pid, None)
        else:
            self._caught[pid] = frozenset(wanted) or None
