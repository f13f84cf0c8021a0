"""Waiting for any of several descriptors: the common part of ppoll and pselect6."""

from contextlib import contextmanager

from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.poll import POLLIN, POLLNVAL, POLLOUT, POLLRDNORM, POLLWRNORM
from elfuse.runtime.abi.stat import Timespec
from elfuse.runtime.abi.time import SECOND
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.wait import Restart, RestartKind, now, sleep
from elfuse.typing import TYPE_CHECKING, Iterable, Iterator, Sequence

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

_SIGSET_SIZE = 8
_ALWAYS_READY = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM

Request = tuple[OpenFile | None, int]
"""A description, None for a bad descriptor, and the events asked for."""


def load_timeout(task: "Task", address: int) -> int | None:
    """Nanoseconds of a struct timespec; None for NULL. EINVAL."""
    if not address:
        return None
    found = Timespec.load(task.memory, address)
    if found.tv_sec < 0 or not 0 <= found.tv_nsec < SECOND:
        raise SyscallError(Errno.EINVAL)
    return found.tv_sec * SECOND + found.tv_nsec


def deadline_after(timeout: int | None) -> int | None:
    """When a timeout that starts now ends."""
    return None if timeout is None else now() + timeout


def store_rest(task: "Task", address: int, deadline: int | None) -> None:
    """What is left of a timeout, as ppoll and pselect6 do. A read-only timespec stays as it is."""
    if not address or deadline is None:
        return
    seconds, rest = divmod(max(0, deadline - now()), SECOND)
    try:
        Timespec(tv_sec=seconds, tv_nsec=rest).store(task.memory, address)
    except SyscallError:
        return


@contextmanager
def temporary_mask(task: "Task", mask: int, size: int) -> Iterator[None]:
    """Block the signals of a guest's sigset inside; NULL changes nothing. EINVAL for a bad size.

    A signal that ends the block is delivered under the temporary mask; delivery restores it.
    """
    if not mask:
        yield
        return
    if size != _SIGSET_SIZE:
        raise SyscallError(Errno.EINVAL)
    task.signals.suspend_with(task.memory.read_u64(mask))
    try:
        yield
    except Restart:
        raise
    except SyscallError as error:
        if error.errno is not Errno.EINTR:
            task.signals.resume_mask()
        raise
    except BaseException:
        task.signals.resume_mask()
        raise
    task.signals.resume_mask()


class _All:
    """Everything polled as one, because a sleep takes each host descriptor once."""

    def __init__(self, requests: Iterable[tuple[OpenFile, int]]) -> None:
        self._requests = list(requests)

    def wait_fds(self, events: int) -> Iterable[tuple[int, int]]:
        del events  # each request has its own
        masks: dict[int, int] = {}
        for file, wanted in self._requests:
            for fd, mask in file.wait_fds(wanted):
                masks[fd] = masks.get(fd, 0) | mask
        return masks.items()

    def wait_deadline(self) -> int | None:
        found = [file.wait_deadline() for file, _wanted in self._requests]
        return min((deadline for deadline in found if deadline is not None), default=None)


def _ready(file: OpenFile | None, events: int) -> int:
    if file is None:
        return POLLNVAL
    try:
        return file.poll(events)
    except SyscallError as error:
        # What cannot be polled (regular files) is always ready.
        if error.errno is not Errno.EPERM:
            raise
        return events & _ALWAYS_READY


def poll(task: "Task", requests: Sequence[Request], deadline: int | None) -> list[int]:
    """The events that hold, one answer per request; all 0 when the deadline has passed."""
    while True:
        answers = [_ready(file, events) for file, events in requests]
        if any(answers) or (deadline is not None and now() >= deadline):
            return answers
        watched = _All((file, events) for file, events in requests if file is not None)
        try:
            sleep(task, [(watched, 0)], deadline)
        except Restart:
            raise Restart(RestartKind.ERESTARTNOHAND) from None
