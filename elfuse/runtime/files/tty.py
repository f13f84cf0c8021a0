"""Terminals: the host's own, /dev/tty, and pseudo-terminals made by the guest.

The host's line discipline does the editing and raises signals for host process groups, which
mirror the guest's (`jobs.py`). Access by background processes is decided here.
"""

import os
import select
import stat
import time

from elfuse.host import terminal
from elfuse.light import suppress
from elfuse.runtime import jobs
from elfuse.runtime.abi import termios as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.fcntl import O_ACCMODE
from elfuse.runtime.abi.poll import POLLIN, POLLOUT
from elfuse.runtime.abi.signal import Sig
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.fs.pseudo import Attributes
from elfuse.runtime.signals import SI_KERNEL, SigInfo, blocked_or_ignored
from elfuse.runtime.wait import Restart, WouldBlock
from elfuse.typing import TYPE_CHECKING, Callable, Iterable, Sequence

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

_WRITE_CHUNK = 4096
_SLAVE_MAJOR, _TTY_MAJOR = 136, 5


class TtyFile(OpenFile):
    """A terminal (or the slave side of a pair) behind a host descriptor.

    The descriptor's host flags are never changed: it may be shared with the user's shell.
    """

    def __init__(self, fd: int, flags: int, *, number: int | None = None) -> None:
        super().__init__(flags)
        self._fd = fd
        if number is None:
            try:
                number = terminal.number_of(os.ttyname(fd))
            except OSError:
                number = -1
        self.number = number
        self._timed_read: int | None = None

    def host_fd(self) -> int:
        return self._fd

    def close(self) -> None:
        if self._fd > 2:
            os.close(self._fd)

    def describe(self) -> bytes:
        return b"/dev/pts/%d" % self.number if self.number >= 0 else b"/dev/console"

    def stat(self) -> Attributes:
        real = os.fstat(self._fd)
        major, minor = (_SLAVE_MAJOR, self.number) if self.number >= 0 else (_TTY_MAJOR, 1)
        return Attributes(
            ino=self.number + 3,
            mode=stat.S_IFCHR | stat.S_IMODE(real.st_mode),
            uid=0,
            gid=5,
            rdev_major=major,
            rdev_minor=minor,
            atime_ns=real.st_atime_ns,
            mtime_ns=real.st_mtime_ns,
            ctime_ns=real.st_ctime_ns,
        )

    # Data

    def read_into(self, task: "Task", buffers: Sequence[memoryview], offset: int | None) -> int:
        self._check_foreground(task, Sig.SIGTTIN)
        if not self._ready(select.POLLIN):
            return self._empty_read()
        self._timed_read = None
        return os.readv(self._fd, list(buffers))

    def _empty_read(self) -> int:
        """Nothing typed: with VMIN 0 the read ends after VTIME tenths of a second (termios(3))."""
        settings = terminal.get_attributes(self._fd)
        if settings.lflag & abi.ICANON or settings.cc[abi.VMIN]:
            raise WouldBlock
        now = time.monotonic_ns()
        if self._timed_read is None:
            self._timed_read = now + settings.cc[abi.VTIME] * 100_000_000
        if now >= self._timed_read:
            self._timed_read = None
            return 0
        raise WouldBlock

    def write_from(self, task: "Task", buffers: Sequence[memoryview], offset: int | None) -> int:
        data = b"".join(bytes(buffer) for buffer in buffers)
        sent = 0
        while sent < len(data):
            # A terminal whose output is stopped (^S) must not block with the kernel lock held.
            if not self._ready(select.POLLOUT):
                break
            sent += os.write(self._fd, data[sent : sent + _WRITE_CHUNK])
        if data and not sent:
            raise WouldBlock
        return sent

    def _ready(self, events: int) -> bool:
        poller = select.poll()
        poller.register(self._fd, events)
        return bool(poller.poll(0))

    def poll(self, events: int) -> int:
        poller = select.poll()
        poller.register(self._fd, events & (POLLIN | POLLOUT))
        ready = poller.poll(0)
        return ready[0][1] & (events | 0x18) if ready else 0

    def wait_fds(self, events: int) -> Iterable[tuple[int, int]]:
        return [(self._fd, events & (POLLIN | POLLOUT))]

    def wait_deadline(self) -> int | None:
        return self._timed_read

    # Job control

    def _foreground(self, task: "Task") -> int | None:
        """The guest's foreground group, None if this is not the session's terminal."""
        try:
            return jobs.guest_group(task.kernel, os.tcgetpgrp(self._fd))
        except OSError:
            return None

    def _check_foreground(self, task: "Task", signo: int) -> None:
        """A background process is stopped by SIGTTIN or SIGTTOU, or gets EIO (tcgetpgrp(3))."""
        try:
            group = os.tcgetpgrp(self._fd)
        except OSError:
            return
        if group in (os.getpgrp(), 0):
            return
        process = task.process
        if blocked_or_ignored(task, signo):
            if signo == Sig.SIGTTOU:
                return
            raise SyscallError(Errno.EIO)
        if process.orphaned_group():
            raise SyscallError(Errno.EIO)
        for member in task.kernel.processes.group(process.pgid):
            task.kernel.processes.send(member.pid, SigInfo(signo=signo, code=SI_KERNEL))
        raise Restart

    def become_controlling(self, task: "Task") -> None:
        """open(2) without O_NOCTTY by a session leader that has no terminal."""
        process = task.process
        if process.sid == process.pid and self._foreground(task) is None:
            with suppress(OSError):
                terminal.control_terminal(self._fd, force=False)

    # Requests

    def ioctl(self, task: "Task", request: int, argument: int) -> int:
        action = _REQUESTS.get(request)
        if action is None:
            raise SyscallError(Errno.ENOTTY)
        return action(self, task, argument)

    def _get_attributes(self, task: "Task", argument: int) -> int:
        held = terminal.get_attributes(self._fd)
        abi.Termios(
            c_iflag=held.iflag,
            c_oflag=held.oflag,
            c_cflag=held.cflag,
            c_lflag=held.lflag,
            c_cc=held.cc,
        ).store(task.memory, argument)
        return 0

    def _get_attributes2(self, task: "Task", argument: int) -> int:
        held = terminal.get_attributes(self._fd)
        abi.Termios2(
            c_iflag=held.iflag,
            c_oflag=held.oflag,
            c_cflag=held.cflag,
            c_lflag=held.lflag,
            c_cc=held.cc,
            c_ispeed=held.speed,
            c_ospeed=held.speed,
        ).store(task.memory, argument)
        return 0

    def _set_attributes(self, task: "Task", argument: int, when: int) -> int:
        self._check_foreground(task, Sig.SIGTTOU)
        wanted = abi.Termios.load(task.memory, argument)
        settings = terminal.Attributes(
            wanted.c_iflag, wanted.c_oflag, wanted.c_cflag, wanted.c_lflag, wanted.c_cc, 0
        )
        terminal.set_attributes(self._fd, when, settings)
        return 0

    def _get_window(self, task: "Task", argument: int) -> int:
        task.memory.write(argument, terminal.window_size(self._fd))
        return 0

    def _set_window(self, task: "Task", argument: int) -> int:
        terminal.set_window_size(self._fd, task.memory.read(argument, 8))
        return 0

    def _get_group(self, task: "Task", argument: int) -> int:
        group = self._foreground(task)
        if group is None:
            raise SyscallError(Errno.ENOTTY)
        task.memory.write(argument, group.to_bytes(4, "little"))
        return 0

    def _set_group(self, task: "Task", argument: int) -> int:
        pgid = int.from_bytes(task.memory.read(argument, 4), "little", signed=True)
        if self._foreground(task) is None:
            raise SyscallError(Errno.ENOTTY)
        if pgid < 0:
            raise SyscallError(Errno.EINVAL)
        members = task.kernel.processes.group(pgid)
        if not members:
            raise SyscallError(Errno.ESRCH)
        self._check_foreground(task, Sig.SIGTTOU)
        # The host allows this from the background too, because SIGTTOU is ignored there.
        os.tcsetpgrp(self._fd, jobs.host_group(task.kernel, pgid))
        return 0

    def _get_session(self, task: "Task", argument: int) -> int:
        if self._foreground(task) is None:
            raise SyscallError(Errno.ENOTTY)
        task.memory.write(argument, task.process.sid.to_bytes(4, "little"))
        return 0

    def _take_control(self, task: "Task", argument: int) -> int:
        if task.process.sid != task.process.pid:
            raise SyscallError(Errno.EPERM)
        if self._foreground(task) is None:
            terminal.control_terminal(self._fd, force=bool(argument))
        return 0

    def _drop_control(self, task: "Task", argument: int) -> int:
        terminal.drop_control_terminal(self._fd)
        return 0

    def _input_size(self, task: "Task", argument: int) -> int:
        size = terminal.pending(self._fd, output=False)
        task.memory.write(argument, size.to_bytes(4, "little"))
        return 0

    def _output_size(self, task: "Task", argument: int) -> int:
        size = terminal.pending(self._fd, output=True)
        task.memory.write(argument, size.to_bytes(4, "little"))
        return 0

    def _insert(self, task: "Task", argument: int) -> int:
        terminal.insert_input(self._fd, task.memory.read(argument, 1))
        return 0

    def _flush(self, task: "Task", argument: int) -> int:
        if argument > 2:
            raise SyscallError(Errno.EINVAL)
        terminal.flush(self._fd, argument)
        return 0

    def _flow(self, task: "Task", argument: int) -> int:
        if argument > 3:
            raise SyscallError(Errno.EINVAL)
        terminal.flow(self._fd, argument)
        return 0

    def _drain(self, task: "Task", argument: int) -> int:
        """TCSBRK and TCSBRKP; the break itself means nothing on a pseudo-terminal."""
        return 0

    def _line_discipline(self, task: "Task", argument: int) -> int:
        task.memory.write(argument, bytes(4))
        return 0


def _setter(when: int) -> "Callable[[TtyFile, Task, int], int]":
    return lambda tty, task, argument: tty._set_attributes(task, argument, when)


_REQUESTS: "dict[int, Callable[[TtyFile, Task, int], int]]" = {
    abi.TCGETS: TtyFile._get_attributes,
    abi.TCGETS2: TtyFile._get_attributes2,
    abi.TCSETS: _setter(0),
    abi.TCSETSW: _setter(1),
    abi.TCSETSF: _setter(2),
    abi.TCSETS2: _setter(0),
    abi.TCSETSW2: _setter(1),
    abi.TCSETSF2: _setter(2),
    abi.TIOCGWINSZ: TtyFile._get_window,
    abi.TIOCSWINSZ: TtyFile._set_window,
    abi.TIOCGPGRP: TtyFile._get_group,
    abi.TIOCSPGRP: TtyFile._set_group,
    abi.TIOCGSID: TtyFile._get_session,
    abi.TIOCSCTTY: TtyFile._take_control,
    abi.TIOCNOTTY: TtyFile._drop_control,
    abi.FIONREAD: TtyFile._input_size,
    abi.TIOCOUTQ: TtyFile._output_size,
    abi.TIOCSTI: TtyFile._insert,
    abi.TCFLSH: TtyFile._flush,
    abi.TCXONC: TtyFile._flow,
    abi.TCSBRK: TtyFile._drain,
    abi.TCSBRKP: TtyFile._drain,
    abi.TIOCEXCL: TtyFile._drain,
    abi.TIOCNXCL: TtyFile._drain,
    abi.TIOCGETD: TtyFile._line_discipline,
}


class MasterFile(TtyFile):
    """The master side of a pair, /dev/ptmx opened."""

    def __init__(self, flags: int) -> None:
        fd, number = terminal.open_pseudo_terminal()
        super().__init__(fd, flags, number=number)
        os.set_blocking(fd, False)

    def describe(self) -> bytes:
        return b"/dev/ptmx"

    def stat(self) -> Attributes:
        return Attributes(ino=2, mode=stat.S_IFCHR | 0o666, gid=5, rdev_major=5, rdev_minor=2)

    def read_into(self, task: "Task", buffers: Sequence[memoryview], offset: int | None) -> int:
        try:
            return os.readv(self._fd, list(buffers))
        except BlockingIOError:
            raise WouldBlock from None

    def write_from(self, task: "Task", buffers: Sequence[memoryview], offset: int | None) -> int:
        try:
            return os.writev(self._fd, list(buffers))
        except BlockingIOError:
            raise WouldBlock from None

    def _check_foreground(self, task: "Task", signo: int) -> None:
        """A master is nobody's controlling terminal."""

    def ioctl(self, task: "Task", request: int, argument: int) -> int:
        if request == abi.TIOCGPTN:
            task.memory.write(argument, self.number.to_bytes(4, "little"))
            return 0
        if request in (abi.TIOCSPTLCK, abi.TIOCGPTLCK):
            # The host's pair is unlocked already.
            if request == abi.TIOCGPTLCK:
                task.memory.write(argument, bytes(4))
            return 0
        if request == abi.TIOCGPTPEER:
            fd = terminal.open_terminal(self.number, argument & O_ACCMODE)
            slave = TtyFile(fd, argument, number=self.number)
            return task.files.install(slave)
        return super().ioctl(task, request, argument)
