"""A guest thread that a debugger may control: how it stops, steps and reports what happens.

It runs the thread in `Task.run`'s stead. What a debugger sees follows ptrace(2): an event stops
the thread inside the kernel part, and it goes on there when it is resumed.
"""

from __future__ import annotations

import select

from elfuse.engine.protocol import Exit, Register
from elfuse.record import Record, replace
from elfuse.runtime import signals
from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.abi.signal import SI_USER
from elfuse.runtime.signals import SigInfo
from elfuse.runtime.signals.state import bit
from elfuse.runtime.syscalls.table import dispatch
from elfuse.runtime.task import Task, TaskExit
from elfuse.typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from elfuse.runtime.gdb.agent import Agent

_MASK = (1 << 64) - 1
_SVC_SIZE = 4

Event = tuple[Any, ...]
"""What stopped a thread, its kind first:

("step",), ("break",), ("watch", address, access), ("signal", Linux number),
("fork", pid), ("vfork", pid), ("vforkdone",), ("exec", path), ("call", number), ("return", number) of system calls
"""


class Action(Record):
    """What a thread does when it is resumed."""

    step: bool = False
    """Execute one instruction, or all from `start` to before `end`."""
    start: int = 0
    end: int = 0
    signal: int = 0
    """The signal it gets, if it stopped because of one; a Linux number, 0 for none."""


_GO = Action()


class Tracee:
    """One task's part. Guarded by the kernel lock."""

    def __init__(self, task: Task, agent: Agent, *, attached: bool, may_run: bool) -> None:
        self.task = task
        self._agent = agent
        self.attached = attached
        """Its process is the debugger's."""
        self.may_run = may_run
        """Nobody wants it to stand still."""
        self.parked = False
        """It stands still, and will until it is released."""
        self.absent = False
        """It waits for its vfork child, which nothing ends: it counts as standing still."""
        self.in_guest = False
        """Its vCPU may be running. Cleared without the lock."""
        self._event: Event | None = None
        """Why it stands still, if something happened in it that is not told yet."""
        self.info: SigInfo | None = None
        """Of the signal that it has stopped for."""
        self._action = _GO
        self._released = False
        self._entered = False
        """A signal handler was called."""

    # For the agent

    @property
    def halting(self) -> bool:
        """Whether a sleeping system call is to end, so that the task can park."""
        return self.attached and not self.may_run and not self.absent

    @property
    def still(self) -> bool:
        return self.parked or self.absent

    def release(self, action: Action) -> None:
        """Go on."""
        self._action = action
        self.may_run = self._released = True
        self.parked = False
        self._event = None
        self.task.wake()

    def take_event(self) -> Event | None:
        """What happened in it, once."""
        event, self._event = self._event, None
        return event

    def begin(self) -> None:
        """Its thread is that of a forked child now, which begins with nothing asked of it."""
        self._action = _GO

    # In the task's own thread

    def run(self) -> NoReturn:
        """Execute the guest until this thread ends, by TaskExit or LeftMemory."""
        task = self.task
        while True:
            if task.signal_due():
                self._attend()
            if self.halting:
                self._park()
                continue
            self._execute()

    def _execute(self) -> None:
        task, vcpu = self.task, self.task.vcpu
        kernel = task.kernel
        vcpu.heed_points(self.attached)
        action = self._action
        self.in_guest = True
        kernel.lock.release()
        try:
            reason = vcpu.step() if action.step else vcpu.run()
        finally:
            self.in_guest = False
            kernel.lock.acquire()
        kernel.current = task
        if reason is Exit.SYSCALL:
            self._system_call()
        elif reason is Exit.REACHED:
            self.report(("break",))
            return
        elif reason is Exit.WATCHED:
            self.report(("watch", vcpu.fault_address, int(vcpu.fault_access)))
            return
        elif reason not in (Exit.STEPPED, Exit.INTERRUPTED):
            task.exception(reason)
            return
        # An interrupted system call runs again: the step is not done.
        if action.step and reason is not Exit.INTERRUPTED and task.restart is None:
            self._stepped()

    def _stepped(self) -> None:
        pc = self.task.registers[Register.PC]
        action = self._action
        if not action.step or self.task.dying:
            return
        if self._agent.stops_at(pc):
            self.report(("break",))
        elif not action.start <= pc < action.end:
            self.report(("step",))

    def _system_call(self) -> None:
        task = self.task
        pid, number = task.process.pid, task.registers[8] & 0xFFFF_FFFF
        caught = self.attached and self._agent.catches(pid, number)
        if caught:
            self.report(("call", number))
        dispatch(task)
        if caught and task.restart is None and task.process.pid == pid:
            self.report(("return", number))

    def _attend(self) -> None:
        """As `Task._attend`, for a task that can be halted in each of its waits."""
        task = self.task
        while not task.dying:
            self._entered = False
            signals.deliver(task)
            if self._entered and self._action.step:
                # The step ends at the handler's first instruction (signal_setup_done).
                self.report(("step",))
            if not task.process.stopped:
                return
            self._wait_for_continue()
        raise TaskExit

    def _wait_for_continue(self) -> None:
        task = self.task
        poller = select.poll()
        task.watch_wakes(poller)
        while task.process.stopped and not task.dying:
            self.parked = True
            self._agent.look()
            task.blocked_poll(poller, None)
            task.waker.take()
        self.parked = False

    def _park(self) -> None:
        """Stand still until the debugger resumes the thread, or lets go of it."""
        task = self.task
        task.vcpu.load_simd()
        self._released = False
        self.parked = True
        self._agent.look()
        poller = select.poll()
        task.watch_wakes(poller)
        while not self._released and not task.dying:
            task.blocked_poll(poller, None)
            task.waker.take()
        self.parked = False
        self._event = None
        if task.dying:
            raise TaskExit
        task.vcpu.store_simd()

    # What happens to it

    def report(self, event: Event) -> None:
        """Stop for an event until the debugger resumes the thread. Nothing if it has none."""
        if not self.attached or self.task.dying:
            return
        self._event = event
        self.may_run = False
        self._action = _GO
        self._agent.halt()
        self._park()

    def forked(self, kind: str, pid: int) -> None:
        """It has a child, which exists and has not begun; `kind` is "fork" or "vfork"."""
        if self._agent.follows(kind):
            self.report((kind, pid))

    def vfork_begins(self) -> None:
        """It waits for its child from now on, whatever is asked of it."""
        self.absent = True
        self._agent.look()

    def vfork_ends(self) -> None:
        self.absent = False
        if self._agent.follows("vfork"):
            self.report(("vforkdone",))

    def executed(self, path: bytes) -> None:
        """It executes another program, whose first instruction comes next."""
        self._agent.program_replaced()
        self.report(("exec", path))

    def entered_handler(self) -> None:
        """Its registers are those of a signal handler's beginning."""
        self._entered = True

    def signal_stop(self, info: SigInfo) -> SigInfo | None:
        """A signal is about to be delivered: what the debugger makes of it, None for nothing."""
        process = self.task.process
        if not self.attached or not process.traced_signals & bit(info.signo):
            return info
        self.info = info
        moved = self._show_restart()
        self.report(("signal", int(info.signo)))
        self._take_restart(moved)
        info, self.info = self.info, None
        signo = self._action.signal
        if not signo:
            return None
        if signo == info.signo:
            return info
        changed = SigInfo(signo=signo, code=SI_USER)
        if self.task.signals.blocked & bit(signo):
            self.task.signals.pending.add(changed)
            return None
        return changed

    def _show_restart(self) -> int | None:
        """Let an interrupted system call look as if it began again, as Linux shows it; its PC."""
        task = self.task
        if task.restart is None:
            return None
        shown: int = (task.registers[Register.PC] - _SVC_SIZE) & _MASK
        task.registers[0], task.registers[Register.PC] = task.syscall_x0, shown
        return shown

    def _take_restart(self, shown: int | None) -> None:
        """Undo that, unless the debugger has moved PC: then nothing restarts (do_signal)."""
        task = self.task
        if shown is None:
            return
        if task.registers[Register.PC] == shown:
            task.registers[Register.PC] = (shown + _SVC_SIZE) & _MASK
            task.registers[0] = -Errno.EINTR & _MASK
        else:
            task.restart = None

    def set_info(self, info: SigInfo) -> bool:
        """Change what the signal it stopped for says; False if there is none."""
        if self.info is None:
            return False
        self.info = replace(info, signo=self.info.signo)
        return True
