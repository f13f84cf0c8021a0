"""Dispositions, pending sets and masks of processes and threads (signal(7))."""

from collections import deque
from dataclasses import dataclass

from elfuse.runtime.abi.signal import NSIG, SIGRTMIN, Sig
from elfuse.runtime.signals.info import SigInfo

SA_NOCLDSTOP, SA_NOCLDWAIT, SA_SIGINFO = 1, 2, 4
SA_ONSTACK, SA_RESTART, SA_NODEFER, SA_RESETHAND = 0x08000000, 0x10000000, 0x40000000, 0x80000000
SIG_DFL, SIG_IGN = 0, 1
SS_ONSTACK, SS_DISABLE, SS_AUTODISARM = 1, 2, 1 << 31
_QUEUE_LIMIT = 4096


def bit(signo: int) -> int:
    """The bit of a signal in a sigset_t."""
    return 1 << (signo - 1)


def mask(*numbers: int) -> int:
    """A sigset_t with these signals."""
    found = 0
    for number in numbers:
        found |= bit(number)
    return found


UNBLOCKABLE = mask(Sig.SIGKILL, Sig.SIGSTOP)
STOPPING = mask(Sig.SIGSTOP, Sig.SIGTSTP, Sig.SIGTTIN, Sig.SIGTTOU)
IGNORED_BY_DEFAULT = mask(Sig.SIGCHLD, Sig.SIGURG, Sig.SIGWINCH, Sig.SIGCONT)
DUMPING = mask(
    Sig.SIGQUIT, Sig.SIGILL, Sig.SIGTRAP, Sig.SIGABRT, Sig.SIGFPE, Sig.SIGSEGV, Sig.SIGBUS,
    Sig.SIGSYS, Sig.SIGXCPU, Sig.SIGXFSZ,
)  # fmt: skip
SYNCHRONOUS = mask(
    Sig.SIGSEGV, Sig.SIGBUS, Sig.SIGILL, Sig.SIGTRAP, Sig.SIGFPE, Sig.SIGSYS
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Action:
    """struct sigaction of the kernel."""

    handler: int = SIG_DFL
    flags: int = 0
    restorer: int = 0
    mask: int = 0


_DEFAULT = Action()


class SignalHandlers:
    """The dispositions of a process; shared with CLONE_SIGHAND."""

    def __init__(self) -> None:
        self._actions: dict[int, Action] = {}

    def get(self, signo: int) -> Action:
        return self._actions.get(signo, _DEFAULT)

    def set(self, signo: int, action: Action) -> None:
        self._actions[signo] = action

    def copy(self, *, clear: bool = False) -> "SignalHandlers":
        """A copy; `clear` resets caught signals (CLONE_CLEAR_SIGHAND)."""
        made = SignalHandlers()
        made._actions = dict(self._actions)
        if clear:
            made.reset_for_exec()
        return made

    def reset_for_exec(self) -> None:
        """Caught signals go back to their default, ignored ones stay ignored."""
        self._actions = {
            signo: Action(handler=SIG_IGN)
            for signo, action in self._actions.items()
            if action.handler == SIG_IGN
        }

    def ignores(self, signo: int) -> bool:
        """Whether the signal has no effect at all."""
        handler = self.get(signo).handler
        if handler == SIG_IGN:
            return True
        return handler == SIG_DFL and bool(bit(signo) & IGNORED_BY_DEFAULT)

    def reaps_children(self) -> bool:
        action = self.get(Sig.SIGCHLD)
        return action.handler == SIG_IGN or bool(action.flags & SA_NOCLDWAIT)

    def ignored_and_caught(self) -> tuple[int, int]:
        """Two sigset_t, for /proc/PID/status."""
        ignored = caught = 0
        for signo, action in self._actions.items():
            if action.handler == SIG_IGN:
                ignored |= bit(signo)
            elif action.handler != SIG_DFL:
                caught |= bit(signo)
        return ignored, caught


class PendingSet:
    """Signals that wait: one of each standard signal, all of each real-time one, in order."""

    def __init__(self) -> None:
        self.bits = 0
        self._queues: dict[int, deque[SigInfo]] = {}

    def add(self, info: SigInfo) -> bool:
        """False if it is not kept: a standard signal already pending, or too many."""
        signo = info.signo
        queue = self._queues.setdefault(signo, deque())
        if queue and (signo < SIGRTMIN or len(queue) >= _QUEUE_LIMIT):
            return False
        queue.append(info)
        self.bits |= bit(signo)
        return True

    def take(self, wanted: int) -> SigInfo | None:
        """The next signal of a set: synchronous ones first, then the lowest number."""
        ready = self.bits & wanted
        if not ready:
            return None
        first = ready & SYNCHRONOUS or ready
        signo = (first & -first).bit_length()
        queue = self._queues[signo]
        info = queue.popleft()
        if not queue:
            self.bits &= ~bit(signo)
        return info

    def discard(self, unwanted: int) -> None:
        """Forget every signal of a set."""
        for signo in range(1, NSIG + 1):
            if self.bits & unwanted & bit(signo):
                self._queues[signo].clear()
        self.bits &= ~unwanted


@dataclass(frozen=True, slots=True)
class AltStack:
    """sigaltstack(2): base and size, and SS_AUTODISARM; `size` 0 is none."""

    base: int = 0
    size: int = 0
    flags: int = SS_DISABLE

    def holds(self, pointer: int) -> bool:
        """Whether a stack pointer is on it (on_sig_stack; not while auto-disarmed)."""
        if self.flags & SS_AUTODISARM:
            return False
        return self.base < pointer <= self.base + self.size


class TaskSignals:
    """A thread's part: mask, its own pending signals, alternate stack."""

    def __init__(self, blocked: int = 0, altstack: AltStack | None = None) -> None:
        self.blocked = blocked
        self.pending = PendingSet()
        self.altstack = altstack or AltStack()
        self.saved_mask: int | None = None
        """The mask to restore once the signal that ended a sigsuspend-like call is delivered."""
        self.waiting = 0
        """Signals that sigtimedwait waits for: they end its sleep although they are blocked."""

    def for_thread(self) -> "TaskSignals":
        """A new thread or process: the mask is inherited, pending signals and altstack are not."""
        return TaskSignals(self.blocked)

    def for_fork(self) -> "TaskSignals":
        """A child with its own copy of the memory keeps the alternate stack."""
        return TaskSignals(self.blocked, self.altstack)

    def reset_for_exec(self) -> None:
        self.altstack = AltStack()

    def set_mask(self, blocked: int) -> None:
        self.blocked = blocked & ~UNBLOCKABLE

    def suspend_with(self, blocked: int) -> None:
        """Use a mask until the next delivery (sigsuspend, ppoll, pselect, epoll_pwait)."""
        self.saved_mask = self.blocked
        self.set_mask(blocked)

    def resume_mask(self) -> None:
        """Give the saved mask back: the call ended without a signal."""
        if self.saved_mask is not None:
            self.blocked, self.saved_mask = self.saved_mask, None


class ProcessSignals:
    """A process's part: dispositions, and signals for any of its threads."""

    def __init__(self, handlers: SignalHandlers | None = None) -> None:
        self.handlers = handlers or SignalHandlers()
        self.pending = PendingSet()

    def for_process(self, *, share_handlers: bool, clear_handlers: bool) -> "ProcessSignals":
        """What a child process starts with."""
        if share_handlers:
            return ProcessSignals(self.handlers)
        return ProcessSignals(self.handlers.copy(clear=clear_handlers))

    def reset_for_exec(self) -> None:
        self.handlers = self.handlers.copy()
        self.handlers.reset_for_exec()
