"""Making signals pending: who gets them, what is dropped at once, who has to look."""

from elfuse.engine.protocol import Protection, Register
from elfuse.runtime.abi.signal import (
    CLD_CONTINUED,
    CLD_STOPPED,
    CLD_TRAPPED,
    ESR_ABORT_LOWER_DATA,
    ESR_ABORT_LOWER_INSTRUCTION,
    ESR_PERMISSION,
    ESR_TRANSLATION,
    ESR_WRITE,
    SA_NOCLDSTOP,
    SEGV_MAPERR,
    SIG_DFL,
    SIG_IGN,
    Sig,
)
from elfuse.runtime.signals.info import SigInfo
from elfuse.runtime.signals.state import STOPPING, Action, PendingSet, Taken, bit
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.process import Process
    from elfuse.runtime.task import Task

_CHILD_LIVES = (CLD_STOPPED, CLD_CONTINUED, CLD_TRAPPED)


def reaches(process: "Process", info: SigInfo) -> bool:
    """False for what an init process has no handler for and its own world sent.

    pid_namespaces(7). What comes from outside (the host's terminal, a host kill) and faults have
    their default effect, so that `run IMAGE sleep 100` ends with Ctrl-C.
    """
    if not process.is_init or not info.by_program:
        return True
    return process.signals.handlers.handler(info.signo) != SIG_DFL


def _dropped(process: "Process", info: SigInfo, blocked: int) -> bool:
    """Whether a signal has no effect from the start; one that is blocked may have one later."""
    handlers = process.signals.handlers
    not_its_end = info.signo == Sig.SIGCHLD and info.code in _CHILD_LIVES
    if not_its_end and handlers.get(Sig.SIGCHLD).flags & SA_NOCLDSTOP:
        return True
    if (blocked | process.traced_signals) & bit(info.signo):
        return False
    return handlers.ignores(info.signo) or not reaches(process, info)


def _stop_and_continue(process: "Process", signo: int) -> None:
    """SIGCONT takes back pending stops and resumes; a stop takes back a pending SIGCONT."""
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


def _add(
    process: "Process", pending: PendingSet, info: SigInfo, blocked: int, taken: Taken | None
) -> bool:
    _stop_and_continue(process, info.signo)
    if _dropped(process, info, blocked) or not pending.add(info, taken):
        return False
    for watcher in process.signals.watchers:
        watcher.signal_pending(info.signo)
    return True


def post_to_process(process: "Process", info: SigInfo, taken: Taken | None = None) -> bool:
    """A signal for whichever thread does not block it; False if it is dropped.

    Signal 0 posts nothing. `taken`: see `PendingSet.add`.
    """
    if not info.signo or not process.tasks:
        return False
    if info.signo == Sig.SIGKILL:
        process.kill()
        return True
    tasks = list(process.tasks.values())
    wanted = bit(info.signo)
    # As in the kernel the first thread's mask decides whether an ignored signal is kept.
    blocked = tasks[0].signals.blocked | tasks[0].signals.waiting
    if not _add(process, process.signals.pending, info, blocked, taken):
        return False
    for task in tasks:
        task.signals.note_pending()
    for task in tasks:
        if wanted & (~task.signals.blocked | task.signals.waiting) and not task.dying:
            task.interrupt_guest()
            break
    return True


def post_to_task(task: "Task", info: SigInfo, taken: Taken | None = None) -> bool:
    """A signal for one thread; False if it is dropped, or if the thread has ended."""
    if not info.signo or task.process.tasks.get(task.tid) is not task:
        return False
    if info.signo == Sig.SIGKILL:
        task.process.kill()
        return True
    held = task.signals
    if not _add(task.process, held.pending, info, held.blocked | held.waiting, taken):
        return False
    held.note_pending()
    if bit(info.signo) & (~held.blocked | held.waiting):
        task.interrupt_guest()
    return True


def force(task: "Task", info: SigInfo) -> None:
    """A synchronous fault: where it is blocked or ignored, its default action happens."""
    handlers, held = task.process.signals.handlers, task.signals
    wanted = bit(info.signo)
    if held.blocked & wanted or handlers.get(info.signo).handler == SIG_IGN:
        handlers.set(info.signo, Action())
        held.blocked &= ~wanted
    _remember_fault(task, info)
    held.pending.add(info)
    held.note_pending()


def _remember_fault(task: "Task", info: SigInfo) -> None:
    """What sigcontext says about faults (set_thread_esr in arch/arm64/mm/fault.c)."""
    held = task.signals
    held.fault_address = held.fault_syndrome = 0
    if not info.is_fault or info.signo not in (Sig.SIGSEGV, Sig.SIGBUS):
        return
    held.fault_address = info.address
    unmapped = info.signo == Sig.SIGBUS or info.code == SEGV_MAPERR
    status = ESR_TRANSLATION if unmapped else ESR_PERMISSION
    access = task.vcpu.fault_access
    if access is Protection.EXECUTE or info.address == task.registers[Register.PC]:
        held.fault_syndrome = ESR_ABORT_LOWER_INSTRUCTION | status
    else:
        write = ESR_WRITE if access is Protection.WRITE else 0
        held.fault_syndrome = ESR_ABORT_LOWER_DATA | write | status


def blocked_or_ignored(task: "Task", signo: int) -> bool:
    """Whether a job-control signal would not stop the task."""
    if task.signals.blocked & bit(signo):
        return True
    return task.process.signals.handlers.handler(signo) == SIG_IGN


def discard_ignored(process: "Process", signo: int) -> None:
    """After an action has changed: a pending signal that it ignores goes away."""
    pending = process.signals.pending.bits
    for task in process.tasks.values():
        pending |= task.signals.pending.bits
    if pending and process.signals.handlers.ignores(signo):
        process.signals.pending.discard(bit(signo))
        for task in process.tasks.values():
            task.signals.pending.discard(bit(signo))
