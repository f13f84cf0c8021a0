"""Posting signals, and delivering them before a task goes back to the guest."""

from typing import TYPE_CHECKING, NoReturn

from elfuse.engine.protocol import Register
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.signal import Sig, signal_name
from elfuse.runtime.signals import frame
from elfuse.runtime.signals.info import SI_KERNEL, SigInfo
from elfuse.runtime.signals.state import (
    DUMPING,
    SA_NOCLDSTOP,
    SA_NODEFER,
    SA_RESETHAND,
    SA_RESTART,
    SIG_DFL,
    SIG_IGN,
    STOPPING,
    UNBLOCKABLE,
    Action,
    bit,
)
from elfuse.runtime.wait import RestartKind

if TYPE_CHECKING:
    from elfuse.runtime.process import Process
    from elfuse.runtime.task import Task

_CLD_STOPPED, _CLD_CONTINUED = 5, 6
_RESTART_SYSCALL = 128
_EINTR = -int(Errno.EINTR) & 0xFFFF_FFFF_FFFF_FFFF


def due(task: "Task") -> bool:
    """Whether `deliver` has something to do, or a sigtimedwait something to take."""
    held = task.signals
    ready = held.pending.bits | task.process.signals.pending.bits
    return bool(ready & (~held.blocked | held.waiting))


def _wanted(process: "Process", info: SigInfo, blocked: int) -> bool:
    """Whether a generated signal is kept: ignored ones are dropped unless somebody blocks them."""
    if process.is_init and not _reaches_init(process, info):
        return False
    if blocked & bit(info.signo):
        return True
    action = process.signals.handlers.get(info.signo)
    if info.signo == Sig.SIGCHLD and action.flags & SA_NOCLDSTOP:
        if info.code in (_CLD_STOPPED, _CLD_CONTINUED):
            return False
    return not process.signals.handlers.ignores(info.signo)


def _reaches_init(process: "Process", info: SigInfo) -> bool:
    """An init process gets what it handles, and what comes from outside (pid_namespaces(7))."""
    if process.signals.handlers.get(info.signo).handler != SIG_DFL:
        return True
    return info.code == SI_KERNEL or info.is_fault


def _stop_and_continue(process: "Process", signo: int) -> None:
    """SIGCONT takes back pending stops, and a stop takes back a pending SIGCONT."""
    if signo == Sig.SIGCONT:
        unwanted = STOPPING
        process.resume()
    elif bit(signo) & STOPPING:
        unwanted = bit(Sig.SIGCONT)
    else:
        return
    process.signals.pending.discard(unwanted)
    for task in process.tasks.values():
        task.signals.pending.discard(unwanted)


def post_to_process(process: "Process", info: SigInfo) -> None:
    """A signal for whichever thread does not block it."""
    if not info.signo:
        return
    _stop_and_continue(process, info.signo)
    tasks = list(process.tasks.values())
    wanted = bit(info.signo)
    blocked = wanted if tasks and all(task.signals.blocked & wanted for task in tasks) else 0
    waiting = any(task.signals.waiting & wanted for task in tasks)
    if not waiting and not _wanted(process, info, blocked):
        return
    process.signals.pending.add(info)
    for task in tasks:
        if task.signals.waiting & wanted or not task.signals.blocked & wanted:
            task.interrupt_guest()
            return


def post_to_task(task: "Task", info: SigInfo) -> None:
    """A signal for one thread."""
    if not info.signo:
        return
    _stop_and_continue(task.process, info.signo)
    held = task.signals
    if not held.waiting & bit(info.signo) and not _wanted(task.process, info, held.blocked):
        return
    held.pending.add(info)
    if held.waiting & bit(info.signo) or not held.blocked & bit(info.signo):
        task.interrupt_guest()


def force(task: "Task", info: SigInfo) -> None:
    """A synchronous fault: it cannot be ignored or blocked, then its default action happens."""
    handlers = task.process.signals.handlers
    wanted = bit(info.signo)
    if task.signals.blocked & wanted or handlers.get(info.signo).handler == SIG_IGN:
        handlers.set(info.signo, Action())
        task.signals.blocked &= ~wanted
    task.signals.pending.add(info)


def blocked_or_ignored(task: "Task", signo: int) -> bool:
    """Whether a job-control signal would not stop the task."""
    if task.signals.blocked & bit(signo):
        return True
    return task.process.signals.handlers.get(signo).handler == SIG_IGN


def take(task: "Task", wanted: int) -> SigInfo | None:
    """The next pending signal of a set, the thread's own before the process's."""
    return task.signals.pending.take(wanted) or task.process.signals.pending.take(wanted)


def deliver(task: "Task") -> None:
    """Handle every deliverable signal: frames stack up, default actions happen.

    Called with the kernel lock held before the guest goes on. May raise TaskExit.
    """
    while True:
        info = take(task, ~task.signals.blocked)
        if info is None:
            _no_handler(task)
            return
        action = task.process.signals.handlers.get(info.signo)
        if task.kernel.trace.active:
            task.kernel.trace.signal(task, f"{signal_name(info.signo)} code={info.code}")
        if action.handler == SIG_IGN:
            continue
        if action.handler == SIG_DFL:
            _default(task, info)
            continue
        _restart_for(task, action)
        _call_handler(task, info, action)


def _no_handler(task: "Task") -> None:
    """The interrupted call goes on as if nothing had happened; a temporary mask ends."""
    restart, task.restart = task.restart, None
    if restart is not None:
        _again(task, restart.kind)
        if restart.kind is RestartKind.BLOCK:
            task.resume_call = restart.resume
    task.signals.resume_mask()


def _again(task: "Task", kind: RestartKind) -> None:
    registers = task.registers
    registers[0] = task.syscall_x0
    registers[Register.PC] -= 4
    if kind is RestartKind.BLOCK:
        registers[8] = _RESTART_SYSCALL


def _restart_for(task: "Task", action: Action) -> None:
    """What the interrupted call returns to, once the handler has returned."""
    restart, task.restart = task.restart, None
    if restart is None:
        return
    if restart.kind is RestartKind.SYS and action.flags & SA_RESTART:
        _again(task, restart.kind)
    else:
        task.registers[0] = _EINTR


def _default(task: "Task", info: SigInfo) -> None:
    process, wanted = task.process, bit(info.signo)
    if process.signals.handlers.ignores(info.signo):
        return
    if wanted & STOPPING:
        if info.signo != Sig.SIGSTOP and process.orphaned_group():
            return
        process.stop(info.signo)
        return
    _die(task, info.signo)


def _die(task: "Task", signo: int) -> NoReturn:
    core, _hard = task.process.rlimits.get(4, (0, 0))
    task.process.terminate(signo, core=bool(bit(signo) & DUMPING) and core > 0)


def _call_handler(task: "Task", info: SigInfo, action: Action) -> None:
    held = task.signals
    before = held.saved_mask if held.saved_mask is not None else held.blocked
    held.saved_mask = None
    if action.flags & SA_RESETHAND:
        task.process.signals.handlers.set(info.signo, Action(flags=action.flags))
    try:
        frame.push(task, info, action, before)
    except SyscallError:
        # No room for the frame: SIGSEGV, fatal if that is the signal itself.
        if info.signo == Sig.SIGSEGV:
            _die(task, Sig.SIGSEGV)
        force(task, SigInfo(signo=Sig.SIGSEGV, code=SI_KERNEL))
        return
    blocked = held.blocked | action.mask
    if not action.flags & SA_NODEFER:
        blocked |= bit(info.signo)
    held.blocked = blocked & ~UNBLOCKABLE
