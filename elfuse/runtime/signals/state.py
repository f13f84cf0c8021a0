"""Dispositions, pending sets and masks of processes and threads (signal(7))."""

from __future__ import annotations

from elfuse.engine.protocol import SharedMask
from elfuse.light import deque
from elfuse.record import Record
from elfuse.runtime.abi.signal import (
    NSIG,
    SIG_DFL,
    SIG_IGN,
    SIGRTMIN,
    SS_AUTODISARM,
    SS_DISABLE,
    SS_ONSTACK,
    Sig,
)
from elfuse.runtime.signals.info import SigInfo
from elfuse.typing import Callable, Protocol

Taken = Callable[[SigInfo], SigInfo | None]


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
SYNCHRONOUS = mask(Sig.SIGSEGV, Sig.SIGBUS, Sig.SIGILL, Sig.SIGTRAP, Sig.SIGFPE, Sig.SIGSYS)


class Action(Record):
    """struct sigaction of the kernel."""

    handler: int = SIG_DFL
    flags: int = 0
    restorer: int = 0
    mask: int = 0


_WORDS = 4
_HANDLERS = slice(0, None, _WORDS)


def _actions() -> memoryview:
    """Words of format "Q" as `Engine.actions` has them, all for SIG_DFL."""
    return memoryview(bytearray(8 * _WORDS * (NSIG + 1))).cast("Q")


class SignalHandlers:
    """The dispositions of a process; shared with CLONE_SIGHAND."""

    def __init__(self) -> None:
        self._words = _actions()

    def get(self, signo: int) -> Action:
        return Action(*self._words[_WORDS * signo : _WORDS * (signo + 1)])

    def set(self, signo: int, action: Action) -> None:
        at, words = _WORDS * signo, self._words
        words[at], words[at + 1] = action.handler, action.flags
        words[at + 2], words[at + 3] = action.restorer, action.mask

    def move_to(self, words: memoryview) -> None:
        """Keep them in memory that the engine reads and changes as well."""
        if self._words is not words:
            words[:] = self._words
            self._words = words

    def copy(self, *, clear: bool = False) -> SignalHandlers:
        """A copy; `clear` resets caught signals (CLONE_CLEAR_SIGHAND)."""
        made = SignalHandlers()
        made._words[:] = self._words
        if clear:
            made.reset_for_exec()
        return made

    def reset_for_exec(self) -> None:
        """Caught signals go back to their default, ignored ones stay ignored."""
        handlers = self._words[_HANDLERS].tolist()
        self._words[:] = _actions()
        for signo, handler in enumerate(handlers):
            if handler == SIG_IGN:
                self._words[_WORDS * signo] = SIG_IGN

    def handler(self, signo: int) -> int:
        """SIG_DFL, SIG_IGN or an address."""
        return self._words[_WORDS * signo]

    def ignores(self, signo: int) -> bool:
        """Whether the signal has no effect at all."""
        handler = self._words[_WORDS * signo]
        if handler == SIG_IGN:
            return True
        return handler == SIG_DFL and bool(bit(signo) & IGNORED_BY_DEFAULT)

    def ignored_and_caught(self) -> tuple[int, int]:
        """Two sigset_t, for /proc/PID/status."""
        ignored = caught = 0
        for signo, handler in enumerate(self._words[_HANDLERS].tolist()):
            if handler == SIG_IGN:
                ignored |= bit(signo)
            elif handler != SIG_DFL:
                caught |= bit(signo)
        return ignored, caught


class _Queued(Record):
    info: SigInfo
    taken: Taken | None


class PendingSet:
    """Signals that wait: one of each standard signal, all of each real-time one, in order."""

    def __init__(self) -> None:
        self.bits = 0
        self._queues: dict[int, deque[_Queued]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def add(self, info: SigInfo, taken: Taken | None = None) -> bool:
        """False if it is not kept, because the same standard signal is already pending.

        `taken` makes the final siginfo when the signal leaves the set, or None if it is not to
        be seen any more. A signal that has it is always kept: its sender has at most one pending (a timer counts overruns instead).
        """
        signo = info.signo
        if signo < SIGRTMIN and self.bits & bit(signo) and taken is None:
            return False
        self._queues.setdefault(signo, deque()).append(_Queued(info, taken))
        self.bits |= bit(signo)
        return True

    def take(self, wanted: int) -> SigInfo | None:
        """The next signal of a set: synchronous ones first, then the lowest number."""
        while ready := self.bits & wanted:
            first = ready & SYNCHRONOUS or ready
            signo = (first & -first).bit_length()
            queue = self._queues[signo]
            first_in = queue.popleft()
            info, taken = first_in.info, first_in.taken
            if not queue:
                self.bits &= ~bit(signo)
            found = taken(info) if taken else info
            if found is not None:
                return found
        return None

    def discard(self, unwanted: int) -> None:
        """Forget every signal of a set."""
        unwanted &= self.bits
        if unwanted:
            for signo in range(1, NSIG + 1):
                if unwanted & bit(signo):
                    self._queues[signo].clear()
            self.bits &= ~unwanted


class AltStack(Record):
    """sigaltstack(2): base and size, and SS_AUTODISARM; `size` 0 is none."""

    base: int = 0
    size: int = 0
    flags: int = SS_DISABLE

    def holds(self, pointer: int) -> bool:
        """Whether a stack pointer is on it (on_sig_stack; not while auto-disarmed)."""
        if self.flags & SS_AUTODISARM:
            return False
        return self.base < pointer <= self.base + self.size

    def state(self, pointer: int) -> int:
        """ss_flags as sigaltstack(2) reports them to a thread with this stack pointer."""
        if not self.size:
            return SS_DISABLE
        return (SS_ONSTACK if self.holds(pointer) else 0) | self.flags & SS_AUTODISARM


class _OwnMask:
    """A mask that only the kernel part changes."""

    __slots__ = ("blocked",)

    def __init__(self, blocked: int) -> None:
        self.blocked = blocked

    def note_pending(self, pending: bool, /) -> None:
        """It looks at the pending sets itself."""


class TaskSignals:
    """A thread's part: mask, its own pending signals, alternate stack."""

    def __init__(self, blocked: int = 0) -> None:
        self._mask: SharedMask = _OwnMask(blocked)
        self.pending = PendingSet()
        self.altstack = AltStack()
        self.saved_mask: int | None = None
        """The mask to restore once the signal that ended a sigsuspend-like call is delivered."""
        self.waiting = 0
        """Signals that sigtimedwait waits for: they count as unblocked meanwhile."""
        self.fault_address = 0
        self.fault_syndrome = 0
        """Of the last fault: every later frame shows them, as on Linux. Syndrome 0: not shown."""

    @property
    def blocked(self) -> int:
        """The signal mask."""
        return self._mask.blocked

    @blocked.setter
    def blocked(self, blocked: int) -> None:
        self._mask.blocked = blocked

    def share_mask(self, shared: SharedMask, *, pending: bool) -> None:
        """Keep the mask where the engine changes it too. `pending`: something is for the process."""
        shared.blocked = self._mask.blocked
        self._mask = shared
        shared.note_pending(pending or self.pending.bits != 0)

    def note_pending(self) -> None:
        """A signal has become pending; whether it is blocked is to be looked at after this."""
        self._mask.note_pending(True)

    def note_none_pending(self) -> None:
        """Neither the thread nor its process has a pending signal."""
        self._mask.note_pending(False)

    def for_thread(self) -> TaskSignals:
        """A thread: the mask is inherited, pending signals and the alternate stack are not."""
        return TaskSignals(self.blocked)

    def forget_parent(self) -> None:
        """In the child of a host fork, whose copy this is: mask and alternate stack are inherited."""
        if self.pending.bits:
            self.pending = PendingSet()
        self.saved_mask = None
        self.waiting = self.fault_address = self.fault_syndrome = 0

    def reset_for_exec(self) -> None:
        self.altstack = AltStack()
        self.fault_address = self.fault_syndrome = 0

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


class Watcher(Protocol):
    """Somebody who shows pending signals: a signalfd. Identity counts in sets."""

    def signal_pending(self, signo: int) -> None:
        """A signal has become pending for the process or one of its threads."""


class ProcessSignals:
    """A process's part: dispositions, signals for any of its threads, and who watches them."""

    def __init__(self, handlers: SignalHandlers | None = None) -> None:
        self.handlers = handlers or SignalHandlers()
        self.pending = PendingSet()
        self.watchers: set[Watcher] = set()

    def for_process(self, *, share_handlers: bool, clear_handlers: bool) -> ProcessSignals:
        """What a child process starts with: no pending signals, nobody watching."""
        if share_handlers:
            return ProcessSignals(self.handlers)
        return ProcessSignals(self.handlers.copy(clear=clear_handlers))

    def forget_parent(self) -> None:
        """In the child of a host fork, whose copy this is: dispositions are inherited."""
        if self.pending.bits:
            self.pending = PendingSet()
        if self.watchers:
            self.watchers = set()

    def reset_for_exec(self) -> None:
        """Caught signals become default; pending ones stay pending.

        Nobody shares the handlers any more: execve has moved to a host process of its own.
        """
        self.handlers.reset_for_exec()
