"""The table of guest processes, shared by the host processes that run them.

It lies in anonymous shared memory that fork inherits. Every change happens under a record lock,
which the host drops when its holder dies. What must reach another guest process goes into that
process's inbox here; a host SIGURG (ignored by default, so harmless to a process that is not
ready) then tells it to look.
"""

import fcntl
import mmap
import os

from elfuse.enumeration import IntEnum
from elfuse.host import anonymous_file
from elfuse.light import signal
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.signal import SIGRTMIN, Sig
from elfuse.runtime.signals import SigInfo
from elfuse.typing import Iterator, Self

SLOTS = 4096
_SLOT = 8192
_WORD = 8
_MARKS_AT, _MARKS_END = 64, 4096
"""Bytes of the header that tell that a file with this hash was ever executed."""
_USED_AT = _MARKS_END
"""A byte for each slot, 1 if it is not free: looking through the slots themselves is slow."""
_HEADER = _USED_AT + SLOTS
_CMDLINE_AT, _CMDLINE_SIZE = 4096, 4096
_INBOX_AT, _INBOX_SLOTS, _INFO_SIZE = 512, 28, 128

_JOB_CONTROL = (Sig.SIGCONT, Sig.SIGSTOP, Sig.SIGTSTP, Sig.SIGTTIN, Sig.SIGTTOU)

KICK = signal.SIGURG


class State(IntEnum):
    """Life of a table slot."""

    FREE = 0
    RUNNING = 1
    STOPPED = 2
    ZOMBIE = 3


class Field(IntEnum):
    """Index of a 64-bit word in a process's slot."""

    PID = 0
    HOST_PID = 1
    PPID = 2
    PGID = 3
    SID = 4
    STATE = 5
    STATUS = 6
    """wait(2) status of a zombie."""
    STOP_SIGNAL = 7
    REPORT = 8
    """1: a stop, 2: a continuation waits to be reported by wait(2)."""
    UIDS = 9
    """real << 32 | effective."""
    GIDS = 10
    EXIT_SIGNAL = 11
    USER_NS = 12
    SYSTEM_NS = 13
    CHILDREN_USER_NS = 14
    CHILDREN_SYSTEM_NS = 15
    START_NS = 16
    THREADS = 17
    VM_SIZE = 18
    VM_RSS = 19
    SUBREAPER = 20
    DEATH_SIGNAL = 21
    EXECED = 22
    TTY = 23
    COMM = 24
    """16 bytes."""
    CMDLINE_LENGTH = 26
    UMASK = 27
    DUMPABLE = 28
    NO_NEW_PRIVS = 29
    KEEP_CAPS = 30
    REAPS = 31
    """How children end: a `Reaping`."""
    EXE_DEVICE = 32
    """With EXE_INO the file that the process executes."""
    EXE_INO = 33
    INBOX_HEAD = 60
    INBOX_TAIL = 61


class Reaping(IntEnum):
    """What becomes of a process's children when they end (sigaction(2), SA_NOCLDWAIT)."""

    NEVER = 0
    """They wait as zombies."""
    TOLD = 1
    """They vanish, and SIGCHLD tells."""
    SILENT = 2
    """They vanish: SIGCHLD is ignored."""


_INHERITED = (
    Field.REAPS,
    Field.PGID,
    Field.SID,
    Field.UIDS,
    Field.GIDS,
    Field.TTY,
    Field.UMASK,
    Field.DUMPABLE,
    Field.NO_NEW_PRIVS,
    Field.EXE_DEVICE,
    Field.EXE_INO,
)


class Entry:
    """One guest process as others see it."""

    __slots__ = ("_bytes", "_words", "slot")

    def __init__(self, slot: int, data: memoryview) -> None:
        self.slot = slot
        self._bytes = data
        self._words = data[:_CMDLINE_AT].cast("Q")

    def __getitem__(self, field: Field) -> int:
        return self._words[field]

    def __setitem__(self, field: Field, value: int) -> None:
        self._words[field] = value

    @property
    def pid(self) -> int:
        return self._words[Field.PID]

    @property
    def state(self) -> State:
        return State(self._words[Field.STATE])

    @property
    def comm(self) -> bytes:
        at = Field.COMM * _WORD
        return bytes(self._bytes[at : at + 16]).rstrip(b"\0")

    @comm.setter
    def comm(self, name: bytes) -> None:
        at = Field.COMM * _WORD
        self._bytes[at : at + 16] = name[:15].ljust(16, b"\0")

    @property
    def cmdline(self) -> bytes:
        """NUL-terminated arguments, as /proc/PID/cmdline has them (the first 4096 bytes)."""
        return bytes(self._bytes[_CMDLINE_AT : _CMDLINE_AT + self[Field.CMDLINE_LENGTH]])

    @cmdline.setter
    def cmdline(self, data: bytes) -> None:
        data = data[:_CMDLINE_SIZE]
        self._bytes[_CMDLINE_AT : _CMDLINE_AT + len(data)] = data
        self[Field.CMDLINE_LENGTH] = len(data)

    def wipe(self) -> None:
        self._bytes[:_CMDLINE_AT] = bytes(_CMDLINE_AT)

    def push(self, info: SigInfo) -> bool:
        """Put a signal into the inbox; False if it is full.

        A standard signal that waits there already is not put in twice, and real-time ones leave
        room: no flood keeps another signal out.
        """
        head, tail = self[Field.INBOX_HEAD], self[Field.INBOX_TAIL]
        standard = info.signo < SIGRTMIN
        # Stops and continuations undo each other, so only the last of them counts.
        since = tail - 1 if info.signo in _JOB_CONTROL else head
        if standard and any(self._signo(n) == info.signo for n in range(max(since, head), tail)):
            return True
        if tail - head >= (_INBOX_SLOTS if standard else _INBOX_SLOTS // 2):
            return False
        at = self._inbox_at(tail)
        self._bytes[at : at + _INFO_SIZE] = info.pack()
        self[Field.INBOX_TAIL] = tail + 1
        return True

    @staticmethod
    def _inbox_at(number: int) -> int:
        return _INBOX_AT + number % _INBOX_SLOTS * _INFO_SIZE

    def _signo(self, number: int) -> int:
        at = self._inbox_at(number)
        return int.from_bytes(self._bytes[at : at + 4], "little")

    @property
    def has_mail(self) -> bool:
        """Whether something is in the inbox."""
        words = self._words
        return words[Field.INBOX_HEAD] != words[Field.INBOX_TAIL]

    def take(self) -> list[SigInfo]:
        """Empty the inbox. Others may add to it meanwhile, so what it held is decided once."""
        head, tail = self[Field.INBOX_HEAD], self[Field.INBOX_TAIL]
        if head == tail:
            return []
        places = [self._inbox_at(number) for number in range(head, tail)]
        found = [SigInfo.unpack(bytes(self._bytes[at : at + _INFO_SIZE])) for at in places]
        self[Field.INBOX_HEAD] = tail
        return found


class ProcessTable:
    """All guest processes of one elfuse run. Pids index slots: pid modulo SLOTS is unique."""

    def __init__(self, first_pid: int) -> None:
        self._map = mmap.mmap(-1, _HEADER + SLOTS * _SLOT)
        self._view = memoryview(self._map)
        self._header = self._view[:_HEADER].cast("Q")
        self._header[0] = self._first_pid = first_pid
        self._used = self._view[_USED_AT : _USED_AT + SLOTS]
        self._lock_fd = anonymous_file("elfuse-processes")
        self._held = 0
        self._entries: dict[int, Entry] = {}
        self.init_pid = 0
        """Reaps orphans, and its end ends everything; 0 in plain mode, where nobody does."""

    def lock(self) -> Self:
        """Exclude all other processes of the run, in a `with` statement. Nests."""
        return self

    def __enter__(self) -> None:
        if not self._held:
            fcntl.lockf(self._lock_fd, fcntl.LOCK_EX)
        self._held += 1

    def __exit__(self, *_error: object) -> None:
        self._held -= 1
        if not self._held:
            fcntl.lockf(self._lock_fd, fcntl.LOCK_UN)

    def after_fork(self) -> None:
        """Record locks are not inherited."""
        self._held = 0

    def _slot(self, slot: int) -> Entry:
        entry = self._entries.get(slot)
        if entry is None:
            at = _HEADER + slot * _SLOT
            entry = self._entries[slot] = Entry(slot, self._view[at : at + _SLOT])
        return entry

    def next_id(self) -> int:
        """A fresh number for a process or thread; EAGAIN if all slots are taken."""
        with self.lock():
            for _ in range(SLOTS):
                number = self._header[0]
                self._header[0] = number + 1 if number < 4_194_303 else 300
                if self._slot(number % SLOTS)[Field.STATE] == State.FREE:
                    return number
        raise SyscallError(Errno.EAGAIN)

    def add(self, pid: int, host_pid: int, *, parent: Entry | None, start_ns: int) -> Entry:
        """A running process; it inherits its parent's group, session and credentials."""
        with self.lock():
            entry = self._slot(pid % SLOTS)
            entry.wipe()
            entry[Field.PID], entry[Field.HOST_PID] = pid, host_pid
            entry[Field.START_NS], entry[Field.THREADS] = start_ns, 1
            entry[Field.DUMPABLE] = 1
            if parent is None:
                entry[Field.PGID] = entry[Field.SID] = pid
            else:
                entry[Field.PPID] = parent.pid
                words, theirs = entry._words, parent._words
                for field in _INHERITED:
                    words[field] = theirs[field]
                entry.comm = parent.comm
                entry.cmdline = parent.cmdline
            # Last, because readers that hold no lock go by the state.
            entry[Field.STATE] = State.RUNNING
            self._used[entry.slot] = 1
            return entry

    def find(self, pid: int) -> Entry | None:
        """The process `pid`, zombies included."""
        if pid <= 0:
            return None
        entry = self._slot(pid % SLOTS)
        return entry if entry[Field.STATE] and entry[Field.PID] == pid else None

    def by_host_pid(self, host_pid: int) -> Entry | None:
        return next((e for e in self if e[Field.HOST_PID] == host_pid), None)

    def host_pids(self) -> Iterator[int]:
        """The host processes that run guests."""
        return (e[Field.HOST_PID] for e in self if e.state is not State.ZOMBIE)

    def __iter__(self) -> Iterator[Entry]:
        used = bytes(self._used)
        slot = used.find(1)
        while slot >= 0:
            entry = self._slot(slot)
            if entry[Field.STATE]:
                yield entry
            slot = used.find(1, slot + 1)

    def free(self, entry: Entry) -> None:
        """The process has been waited for."""
        with self.lock():
            self._used[entry.slot] = 0
            entry[Field.STATE] = State.FREE

    def children(self, pid: int) -> list[Entry]:
        return [entry for entry in self if entry[Field.PPID] == pid]

    def group(self, pgid: int) -> list[Entry]:
        """Members of a process group that are no zombies."""
        return [e for e in self if e[Field.PGID] == pgid and e[Field.STATE] != State.ZOMBIE]

    def note_program(self, entry: Entry, device: int, ino: int) -> None:
        """What a process executes from now on; (0, 0) is no file."""
        entry[Field.EXE_DEVICE], entry[Field.EXE_INO] = device, ino
        self._view[_mark(device, ino)] = 1

    def executed(self, device: int, ino: int) -> bool:
        """Whether a process executes the file now."""
        # Most files that are asked about never were programs; going through all slots is slow.
        return bool(self._view[_mark(device, ino)]) and any(
            entry[Field.EXE_INO] == ino
            and entry[Field.EXE_DEVICE] == device
            and entry.state is not State.ZOMBIE
            for entry in self
        )

    def kick(self, pid: int) -> None:
        """Make the process look at its inbox and at shared futex wakes. Gone ones are ignored."""
        entry = self.find(pid)
        if entry is not None and entry[Field.HOST_PID]:
            _host_kill(entry[Field.HOST_PID], KICK)

    def send(self, pid: int, info: SigInfo) -> None:
        """Post a signal to another guest process; ESRCH if there is none.

        SIGKILL too goes this way, because the end of a process has effects that others rely on
        (robust mutexes); whoever sends it should `destroy` a process that does not obey.
        EAGAIN for a real-time signal when the inbox is full; a standard one is then pending there
        anyway, as far as another process can tell.
        """
        with self.lock():
            entry = self.find(pid)
            if entry is None:
                raise SyscallError(Errno.ESRCH)
            if entry.state is State.ZOMBIE:
                return
            host_pid = entry[Field.HOST_PID]
            if info.signo and not entry.push(info) and info.signo >= SIGRTMIN:
                raise SyscallError(Errno.EAGAIN)
        resumes = info.signo in (Sig.SIGCONT, Sig.SIGKILL)
        if resumes and pid == self._first_pid and entry.state is State.STOPPED:
            # The only one whose host process stops too (`Process.stop`).
            _host_kill(host_pid, signal.SIGCONT)
        self.kick(pid)

    def alone(self, entry: Entry) -> bool:
        """Whether no other process lives in the same host process (vfork children do)."""
        host_pid = entry[Field.HOST_PID]
        return not any(
            other.slot != entry.slot
            and other[Field.HOST_PID] == host_pid
            and other.state is not State.ZOMBIE
            for other in self
        )

    def destroy(self, entry: Entry) -> None:
        """Kill a process's host process, with all that lives in it; not the caller's own."""
        if entry[Field.HOST_PID] not in (0, os.getpid()):
            _host_kill(entry[Field.HOST_PID], signal.SIGKILL)


def _mark(device: int, ino: int) -> int:
    """Where the header marks a file; others may share the place."""
    return _MARKS_AT + (ino + device * 509) % (_MARKS_END - _MARKS_AT)


def _host_kill(host_pid: int, number: int) -> None:
    try:
        os.kill(host_pid, number)
    except ProcessLookupError:
        # It is gone; its parent will notice and mark the entry.
        return
