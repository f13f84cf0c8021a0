"""signalfd(2): a task reads its own pending signals.

As on Linux, what is readable depends on who asks: the reader's thread and process. Sleepers are
told through a host counter that the signal part rings when a signal becomes pending.
"""

import os

from elfuse.host.events import Counter
from elfuse.runtime import signals
from elfuse.runtime.abi.epoll import SFD_NONBLOCK
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.fcntl import O_RDWR
from elfuse.runtime.abi.poll import POLLIN, POLLRDNORM
from elfuse.runtime.abi.signalfd import Siginfo
from elfuse.runtime.files.anonymous import AnonymousFile
from elfuse.runtime.files.eventfd import scatter
from elfuse.runtime.files.hostfile import host_events
from elfuse.runtime.signals import SigInfo
from elfuse.runtime.wait import WouldBlock
from elfuse.typing import TYPE_CHECKING, Iterable, Sequence

if TYPE_CHECKING:
    from elfuse.runtime.kernel import Kernel
    from elfuse.runtime.task import Task

_UNBLOCKABLE = 1 << 8 | 1 << 18
"""SIGKILL and SIGSTOP are silently left out of a mask."""


class SignalFile(AnonymousFile):
    """Pending signals of `mask` as records of 128 bytes."""

    kind = b"[signalfd]"

    def __init__(self, kernel: "Kernel", mask: int, flags: int) -> None:
        super().__init__(O_RDWR | flags & SFD_NONBLOCK)
        self._kernel = kernel
        self.mask = mask & ~_UNBLOCKABLE
        self._bell = Counter.create(0, semaphore=False)
        self._owner = os.getpid()

    def set_mask(self, mask: int) -> None:
        """signalfd(2) on an existing descriptor."""
        self.mask = mask & ~_UNBLOCKABLE
        self._bell.add(1)

    def close(self) -> None:
        self._kernel.current.process.signals.watchers.discard(self)
        self._bell.close()

    def signal_pending(self, signo: int) -> None:
        """A signal has become pending in this process."""
        if self.mask >> (signo - 1) & 1 and self._owner == os.getpid():
            self._bell.add(1)

    def _own_bell(self) -> Counter:
        """This process's bell, known to its signal part: a forked child gets its own."""
        if self._owner != os.getpid():
            self._bell.close()
            self._bell = Counter.create(0, semaphore=False)
            self._owner = os.getpid()
        self._kernel.current.process.signals.watchers.add(self)
        return self._bell

    def read_into(self, task: "Task", buffers: Sequence[memoryview], offset: int | None) -> int:
        space = sum(map(len, buffers))
        if space < Siginfo.size:
            raise SyscallError(Errno.EINVAL)
        found = bytearray()
        while space - len(found) >= Siginfo.size:
            info = signals.take(task, self.mask)
            if info is None:
                break
            found += _record(info).pack()
        if not found:
            self._quiet()
            raise WouldBlock
        return scatter(buffers, bytes(found))

    def _quiet(self) -> None:
        try:
            self._own_bell().take()
        except BlockingIOError:
            return

    def poll(self, events: int) -> int:
        task = self._kernel.current
        pending = task.signals.pending.bits | task.process.signals.pending.bits
        if pending & self.mask:
            return events & (POLLIN | POLLRDNORM)
        self._quiet()
        return 0

    def wait_fds(self, events: int) -> Iterable[tuple[int, int]]:
        return [(self._own_bell().fileno(), host_events(POLLIN))]

    def export(self) -> tuple[dict[str, int], list[int]]:
        """For SCM_RIGHTS; see `passing.py`."""
        return {"flags": self.flags, "mask": self.mask}, []


def _record(info: SigInfo) -> Siginfo:
    value = info.value & 0xFFFF_FFFF_FFFF_FFFF
    return Siginfo(
        signo=info.signo,
        errno=info.errno,
        code=info.code,
        pid=info.pid,
        uid=info.uid,
        tid=info.timer_id,
        overrun=info.overrun,
        status=info.status,
        int_value=_signed(value),
        pointer=value,
        utime=info.utime,
        stime=info.stime,
        address=info.address,
    )


def _signed(value: int) -> int:
    low = value & 0xFFFF_FFFF
    return low - (1 << 32) if low >> 31 else low
