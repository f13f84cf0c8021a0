"""How system calls block: what a handler raises, and the one helper that sleeps.

A file object never waits. It raises `WouldBlock`; `retry` turns that into EAGAIN or into a
sleep until the file may be ready, the deadline passes or a signal is due (then `Restart`).
The kernel lock is dropped exactly while the host's poll runs.
"""

import select
import time

from elfuse.enumeration import IntEnum
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.typing import TYPE_CHECKING, Callable, Iterable, Protocol, TypeVar

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

Result = TypeVar("Result")


class WouldBlock(Exception):
    """Not ready. Never reaches the guest."""


class NoResult(Exception):
    """The handler replaced the registers itself (execve, rt_sigreturn); X0 is not to be set."""


class RestartKind(IntEnum):
    """What happens to a call that a signal ended (signal(7), include/linux/errno.h)."""

    ERESTARTSYS = 512
    """Run again if the handler has SA_RESTART or there is none, else EINTR."""
    ERESTARTNOHAND = 514
    """Run again only if no handler runs, else EINTR."""
    ERESTART_RESTARTBLOCK = 516
    """As ERESTARTNOHAND; the call is continued through restart_syscall(2) with what is left."""


class Restart(Exception):
    """A signal is due while the call would sleep. Raised only by this module and by handlers."""

    def __init__(
        self,
        kind: RestartKind = RestartKind.ERESTARTSYS,
        resume: Callable[["Task"], int] | None = None,
    ) -> None:
        super().__init__(kind.name)
        self.kind = kind
        self.resume = resume
        """For ERESTART_RESTARTBLOCK: continues the call in restart_syscall(2)."""


class Waitable(Protocol):
    """What a sleeping call watches. `OpenFile` is one."""

    def wait_fds(self, events: int) -> Iterable[tuple[int, int]]:
        """(host descriptor, poll(2) events) whose readiness may change `poll`'s answer."""

    def wait_deadline(self) -> int | None:
        """CLOCK_MONOTONIC nanoseconds at which `poll`'s answer may change by itself."""


def now() -> int:
    """CLOCK_MONOTONIC in nanoseconds: the clock of every deadline in the kernel part."""
    return time.monotonic_ns()


def sleep(
    task: "Task", watched: Iterable[tuple[Waitable, int]], deadline: int | None = None
) -> bool:
    """Sleep until something watched may be ready (True) or the deadline passed (False).

    Returns True at once, without sleeping, if the task was woken in between (`Task.wake`); the
    caller looks again. Raises `Restart` if a signal is due; the caller may catch it to say
    another kind.
    """
    poller = select.poll()
    task.watch_wakes(poller)
    until = deadline
    for waitable, events in watched:
        for fd, mask in waitable.wait_fds(events):
            poller.register(fd, mask)
        own = waitable.wait_deadline()
        if own is not None and (until is None or own < until):
            until = own
    while True:
        if task.signal_due():
            raise Restart
        if task.waker.take():
            return True
        timeout = None if until is None else max(0, -(-(until - now()) // 1_000_000))
        ready = task.blocked_poll(poller, timeout)
        if task.signal_due():
            raise Restart
        if ready:
            task.waker.take()
            return True
        if until is not None and now() >= until:
            return deadline is None or until < deadline


def retry(
    task: "Task",
    file: Waitable,
    events: int,
    attempt: Callable[[], Result],
    *,
    nonblocking: bool,
    deadline: int | None = None,
) -> Result:
    """`attempt()` until it does not raise `WouldBlock`. The only wait loop for reads and writes.

    EAGAIN if `nonblocking` or when the deadline passes; `Restart` when a signal is due.
    """
    while True:
        try:
            return attempt()
        except WouldBlock:
            if nonblocking:
                raise SyscallError(Errno.EAGAIN) from None
        if not sleep(task, [(file, events)], deadline):
            raise SyscallError(Errno.EAGAIN)
