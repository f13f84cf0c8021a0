"""Delivering signals before a task goes back to the guest: frames, default actions, restarts."""

from elfuse.engine.protocol import Register
from elfuse.runtime.abi.errno import SyscallError
from elfuse.runtime.abi.signal import (
    SA_NODEFER,
    SA_RESETHAND,
    SA_RESTART,
    SI_KERNEL,
    SIG_DFL,
    SIG_IGN,
    Sig,
)
from elfuse.runtime.lazy import Lazy
from elfuse.runtime.signals.generation import force, reaches
from elfuse.runtime.signals.info import SigInfo
from elfuse.runtime.signals.state import STOPPING, UNBLOCKABLE, Action, bit
from elfuse.runtime.wait import RestartKind
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.signals import frame
    from elfuse.runtime.task import Task
else:
    frame = Lazy("elfuse.runtime.signals.frame")

_RESTART_SYSCALL = 128
_SVC_SIZE = 4
_MASK = (1 << 64) - 1


def due(task: "Task") -> bool:
    """Whether `deliver` has something to do, or a sigtimedwait something to take.

    An interrupted call counts: another thread may have taken the signal that ended it.
    """
    held = task.signals
    ready = held.pending.bits | task.process.signals.pending.bits
    if ready and ready & (~held.blocked | held.waiting):
        return True
    return task.restart is not None


def take(task: "Task", wanted: int) -> SigInfo | None:
    """The next pending signal of a set, the thread's own before the process's."""
    return task.signals.pending.take(wanted) or task.process.signals.pending.take(wanted)


def deliver(task: "Task") -> None:
    """Handle every deliverable signal: frames stack up, default actions happen.

    Called with the kernel lock held before the guest goes on. May raise TaskExit.
    """
    held, handlers = task.signals, task.process.signals.handlers
    while True:
        if task.process.stopped:
            # What else is pending waits for SIGCONT, and may still decide about a restart.
            return
        info = take(task, ~held.blocked)
        if info is None:
            break
        if task.tracee is not None:
            info = task.tracee.signal_stop(info)
            if info is None:
                continue
        action = handlers.get(info.signo)
        if task.kernel.trace.active:
            task.kernel.trace.signal(task, str(info))
        if action.handler == SIG_IGN:
            continue
        if action.handler == SIG_DFL:
            _default(task, info)
            continue
        _restart_behind_handler(task, action)
        _call_handler(task, info, action)
    _restart_unhandled(task)
    held.resume_mask()


def _restart_unhandled(task: "Task") -> None:
    """No handler ran: an interrupted call goes on as if nothing had happened."""
    restart, task.restart = task.restart, None
    if restart is not None:
        _again(task)
        if restart.kind is RestartKind.ERESTART_RESTARTBLOCK:
            task.resume_call = restart.resume
            task.registers[8] = _RESTART_SYSCALL


def _restart_behind_handler(task: "Task", action: Action) -> None:
    """What an interrupted call does once the handler has returned; X0 is -EINTR already."""
    restart, task.restart = task.restart, None
    if (
        restart is not None
        and restart.kind is RestartKind.ERESTARTSYS
        and action.flags & SA_RESTART
    ):
        _again(task)


def _again(task: "Task") -> None:
    task.registers[0] = task.syscall_x0
    # A debugger may have changed it to anything.
    task.registers[Register.PC] = (task.registers[Register.PC] - _SVC_SIZE) & _MASK


def _default(task: "Task", info: SigInfo) -> None:
    process, signo = task.process, info.signo
    if process.signals.handlers.ignores(signo) or not reaches(process, info):
        return
    if not bit(signo) & STOPPING:
        # No core file is ever written, and WCOREDUMP would claim that there is one.
        process.terminate(signo, core=False)
    elif signo == Sig.SIGSTOP or not process.orphaned_group():
        process.stop(signo)


def _call_handler(task: "Task", info: SigInfo, action: Action) -> None:
    held = task.signals
    before = held.blocked if held.saved_mask is None else held.saved_mask
    try:
        frame.push(task, info, action, before)
    except SyscallError:
        # No room for the frame: SIGSEGV, fatal if that is the signal itself.
        if info.signo == Sig.SIGSEGV:
            task.process.signals.handlers.set(Sig.SIGSEGV, Action())
        force(task, SigInfo(signo=Sig.SIGSEGV, code=SI_KERNEL))
        return
    held.saved_mask = None
    if action.flags & SA_RESETHAND:
        reset = Action(SIG_DFL, action.flags, action.restorer, action.mask)
        task.process.signals.handlers.set(info.signo, reset)
    if task.tracee is not None:
        task.tracee.entered_handler()
    blocked = held.blocked | action.mask
    if not action.flags & SA_NODEFER:
        blocked |= bit(info.signo)
    held.blocked = blocked & ~UNBLOCKABLE


def leave_handler(task: "Task") -> None:
    """rt_sigreturn(2). A frame that cannot be right is a SIGSEGV."""
    # A call interrupted before the handler must not continue with what another left.
    task.resume_call = None
    try:
        frame.pop(task)
    except SyscallError:
        force(task, SigInfo(signo=Sig.SIGSEGV, code=SI_KERNEL))
