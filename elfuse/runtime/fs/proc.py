"""procfs: what proc(5) programs read of processes and of the system.

A process in another host process shows what the shared table knows (stat, status, cmdline,
comm); its memory map, environment and descriptors are refused with EACCES.
"""

import errno  # noqa: TID251 - raised to callers who expect the host's OSErrors
import os
import time

from elfuse.runtime.fs import system_info
from elfuse.runtime.fs.pseudo import (
    Directory,
    Link,
    MagicLink,
    Maker,
    PseudoFilesystem,
    PseudoInode,
    Text,
)
from elfuse.runtime.processes import Entry, Field, State
from elfuse.typing import TYPE_CHECKING, Callable, Iterable, NoReturn

if TYPE_CHECKING:
    from elfuse.runtime.kernel import Kernel
    from elfuse.runtime.process import Process
    from elfuse.runtime.task import Task
    from elfuse.runtime.vfs.location import Location

PROC_SUPER_MAGIC = 0x9FA0
_PAGE = 4096
_TICK_NS = 10_000_000
_STATE_LETTERS = {State.RUNNING: b"R", State.STOPPED: b"T", State.ZOMBIE: b"Z"}
_STATE_NAMES = {
    b"R": b"R (running)",
    b"S": b"S (sleeping)",
    b"T": b"T (stopped)",
    b"Z": b"Z (zombie)",
}


def text(contents: Callable[[], bytes], store: Callable[[bytes], None] | None = None) -> Maker:
    """A maker of a `Text` file."""
    return lambda fs, path: Text(fs, path, contents, store=store)


def directory(makers: dict[bytes, Maker]) -> Maker:
    """A maker of a directory with fixed names."""
    return lambda fs, path: Directory(fs, path, makers)


def _denied() -> NoReturn:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


class _OwnedDirectory(Directory):
    """A directory of a process's files, owned by the process's user."""

    def __init__(
        self,
        fs: PseudoFilesystem,
        path: bytes,
        view: "ProcessView",
        makers: dict[bytes, Maker],
        *,
        names: Callable[[], Iterable[bytes]] = tuple,
        dynamic: Callable[[bytes], Maker | None] = lambda _name: None,
        mode: int = 0o555,
    ) -> None:
        super().__init__(fs, path, makers, names=names, dynamic=dynamic, mode=mode)
        self._view = view

    def owner(self) -> tuple[int, int]:
        entry = self._view.entry
        return entry[Field.UIDS] & 0xFFFF_FFFF, entry[Field.GIDS] & 0xFFFF_FFFF

    def lookup(self, name: bytes) -> PseudoInode:
        if self._view.gone():
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        return super().lookup(name)


class ProcessView:
    """The files of one process's directory, and of its task directories."""

    def __init__(self, kernel: "Kernel", entry: Entry, tid: int = 0) -> None:
        self._kernel = kernel
        self.entry = entry
        self._pid = entry.pid
        self._tid = tid

    def gone(self) -> bool:
        return self._kernel.processes.find(self._pid) is None

    def _process(self) -> "Process":
        process = self._kernel.hosted.get(self._pid)
        if process is None:
            _denied()
        return process

    def _task(self) -> "Task | None":
        return self._kernel.tasks.get(self._tid or self._pid)

    def makers(self) -> dict[bytes, Maker]:
        """Name to maker, in the order a listing shows."""
        kernel = self._kernel
        found: dict[bytes, Maker] = {
            b"stat": text(self._stat),
            b"status": text(self._status),
            b"statm": text(self._statm),
            b"cmdline": text(lambda: self.entry.cmdline),
            b"comm": text(lambda: self._comm() + b"\n", self._set_comm),
            b"environ": text(lambda: b"".join(v + b"\0" for v in self._process().environ)),
            b"maps": text(self._maps),
            b"smaps": text(self._smaps),
            b"auxv": text(lambda: self._process().memory.auxv),
            b"limits": text(lambda: system_info.limits(self._process())),
            b"mounts": text(kernel.namespace.mounts_text),
            b"mountinfo": text(kernel.namespace.mountinfo_text),
            b"cgroup": text(lambda: b"0::/\n"),
            b"oom_score": text(lambda: b"0\n"),
            b"oom_score_adj": text(lambda: b"0\n", lambda _data: None),
            b"loginuid": text(lambda: b"4294967295"),
            b"wchan": text(lambda: b"0"),
            b"io": text(lambda: b"rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\n"),
            b"exe": self._magic(lambda: self._process().exe, self._exe),
            b"cwd": self._magic(self._cwd_path, lambda: self._process().fs.cwd),
            b"root": self._magic(self._root_path, lambda: self._process().fs.root),
            b"fd": self._descriptors(self._descriptor_link),
            b"fdinfo": self._descriptors(self._descriptor_info),
        }
        if not self._tid:
            found[b"task"] = lambda fs, path: Directory(
                fs, path, {}, names=self._tids, dynamic=self._task_directory
            )
        return found

    def maker(self) -> Maker:
        return lambda fs, path: _OwnedDirectory(fs, path, self, self.makers())

    # Links

    def _magic(
        self, target: Callable[[], bytes], destination: "Callable[[], Location | None]"
    ) -> Maker:
        return lambda fs, path: MagicLink(fs, path, target, destination)

    def _cwd_path(self) -> bytes:
        return self._process().fs.cwd.path()

    def _root_path(self) -> bytes:
        return self._process().fs.root.path()

    def _exe(self) -> "Location | None":
        held = self._process().memory.exe
        return None if held is None else held.file.location

    def _descriptors(self, entry: Callable[[int], Maker]) -> Maker:
        def dynamic(name: bytes) -> Maker | None:
            if not name.isdigit() or int(name) not in dict(self._process().files.items()):
                return None
            return entry(int(name))

        def names() -> Iterable[bytes]:
            return [b"%d" % fd for fd, _file in self._process().files.items()]

        return lambda fs, path: _OwnedDirectory(
            fs, path, self, {}, names=names, dynamic=dynamic, mode=0o500
        )

    def _descriptor_link(self, fd: int) -> Maker:
        file = self._process().files.get(fd)
        return lambda fs, path: MagicDescriptor(fs, path, file.describe, file)

    def _descriptor_info(self, fd: int) -> Maker:
        file = self._process().files.get(fd)
        return text(lambda: b"pos:\t0\nflags:\t0%o\nmnt_id:\t1\n" % file.flags)

    # Threads

    def _tids(self) -> Iterable[bytes]:
        process = self._kernel.hosted.get(self._pid)
        return [b"%d" % tid for tid in (process.tasks if process else [self._pid])]

    def _task_directory(self, name: bytes) -> Maker | None:
        if name not in self._tids():
            return None
        return ProcessView(self._kernel, self.entry, int(name)).maker()

    # Text

    def _maps(self) -> bytes:
        return maps(self._process())

    def _smaps(self) -> bytes:
        return smaps(self._process())

    def _comm(self) -> bytes:
        task = self._task()
        return task.comm if task is not None else self.entry.comm

    def _set_comm(self, data: bytes) -> None:
        name = data.rstrip(b"\n")[:15]
        task = self._task()
        if task is not None:
            task.comm = name
        if not self._tid:
            self.entry.comm = name

    def _letter(self) -> bytes:
        state = self.entry.state
        if state is State.RUNNING and self._kernel.current.process.pid != self._pid:
            return b"S"
        return _STATE_LETTERS.get(state, b"X")

    def _stat(self) -> bytes:
        entry = self.entry
        start = (entry[Field.START_NS] - self._kernel.boot_ns) // _TICK_NS
        process = self._kernel.hosted.get(self._pid)
        vm_size = process.memory.vm_size if process else entry[Field.VM_SIZE]
        numbers = [
            entry[Field.PPID],
            entry[Field.PGID],
            entry[Field.SID],
            entry[Field.TTY],
            -1,  # tpgid
            0,  # flags
            0,  # minflt
            0,
            0,
            0,
            *self._times(),
            20,  # priority
            0,
            entry[Field.THREADS],
            0,
            max(0, start),
            vm_size,
            vm_size // _PAGE // 2,
            (1 << 64) - 1,
            *[0] * 11,
            0,
            entry[Field.EXIT_SIGNAL],
            *[0] * 14,
        ]
        fields = b" ".join(b"%d" % number for number in numbers)
        return b"%d (%s) %s %s\n" % (self._tid or self._pid, self._comm(), self._letter(), fields)

    def _times(self) -> tuple[int, int, int, int]:
        entry = self.entry
        user, system = entry[Field.USER_NS], entry[Field.SYSTEM_NS]
        if self._pid in self._kernel.hosted:
            user, system = (int(value * 1e9) for value in os.times()[:2])
        return (
            user // _TICK_NS,
            system // _TICK_NS,
            entry[Field.CHILDREN_USER_NS] // _TICK_NS,
            entry[Field.CHILDREN_SYSTEM_NS] // _TICK_NS,
        )

    def _statm(self) -> bytes:
        process = self._kernel.hosted.get(self._pid)
        pages = (process.memory.vm_size if process else self.entry[Field.VM_SIZE]) // _PAGE
        return b"%d %d %d 1 0 %d 0\n" % (pages, pages // 2, pages // 4, pages // 2)

    def _status(self) -> bytes:
        entry, task = self.entry, self._task()
        uid, euid = entry[Field.UIDS] >> 32, entry[Field.UIDS] & 0xFFFF_FFFF
        gid, egid = entry[Field.GIDS] >> 32, entry[Field.GIDS] & 0xFFFF_FFFF
        process = self._kernel.hosted.get(self._pid)
        size = (process.memory.vm_size if process else entry[Field.VM_SIZE]) // 1024
        groups = process.credentials.groups if process else ()
        lines = [
            b"Name:\t" + self._comm(),
            b"Umask:\t%04o" % (process.fs.umask if process else entry[Field.UMASK]),
            b"State:\t" + _STATE_NAMES.get(self._letter(), b"X (dead)"),
            b"Tgid:\t%d" % self._pid,
            b"Ngid:\t0",
            b"Pid:\t%d" % (self._tid or self._pid),
            b"PPid:\t%d" % entry[Field.PPID],
            b"TracerPid:\t0",
            b"Uid:\t%d\t%d\t%d\t%d" % (uid, euid, euid, euid),
            b"Gid:\t%d\t%d\t%d\t%d" % (gid, egid, egid, egid),
            b"FDSize:\t64",
            b"Groups:\t" + b"".join(b"%d " % group for group in groups),
            b"VmPeak:\t%8d kB" % size,
            b"VmSize:\t%8d kB" % size,
            b"VmRSS:\t%8d kB" % (size // 2),
            b"Threads:\t%d" % entry[Field.THREADS],
        ]
        if task is not None:
            lines += _signal_lines(task)
        full = b"000001ffffffffff" if euid == 0 else b"0000000000000000"
        lines += [
            b"CapInh:\t0000000000000000",
            b"CapPrm:\t" + full,
            b"CapEff:\t" + full,
            b"CapBnd:\t000001ffffffffff",
            b"CapAmb:\t0000000000000000",
            b"NoNewPrivs:\t%d" % entry[Field.NO_NEW_PRIVS],
            b"Seccomp:\t0",
            b"Cpus_allowed_list:\t0-%d" % ((os.cpu_count() or 1) - 1),
            b"voluntary_ctxt_switches:\t0",
            b"nonvoluntary_ctxt_switches:\t0",
        ]
        return b"\n".join(lines) + b"\n"


def _signal_lines(task: "Task") -> list[bytes]:
    shared = task.process.signals
    ignored, caught = shared.handlers.ignored_and_caught()
    return [
        b"SigQ:\t0/96000",
        b"SigPnd:\t%016x" % task.signals.pending.bits,
        b"ShdPnd:\t%016x" % shared.pending.bits,
        b"SigBlk:\t%016x" % task.signals.blocked,
        b"SigIgn:\t%016x" % ignored,
        b"SigCgt:\t%016x" % caught,
    ]


class MagicDescriptor(Link):
    """/proc/PID/fd/N: opening it opens what the descriptor has open."""

    def __init__(
        self, fs: PseudoFilesystem, path: bytes, target: Callable[[], bytes], file: object
    ) -> None:
        super().__init__(fs, path, target)
        self.file = file
        """The OpenFile; open(2) of a description without a location reopens it (pipes, ttys)."""

    def follow(self, task: "Task") -> "Location | None":
        location: Location | None = getattr(self.file, "location", None)
        return location


def _area_line(area: object) -> bytes:
    return bytes(area)  # type: ignore[call-overload, no-any-return]  # Area.__bytes__ is its maps line


def maps(process: "Process") -> bytes:
    """/proc/PID/maps."""
    return b"".join(_area_line(area) for area in process.memory.areas())


def smaps(process: "Process") -> bytes:
    """/proc/PID/smaps with sizes only."""
    found = []
    for area in process.memory.areas():
        size = (area.end - area.start) // 1024
        found.append(_area_line(area) + b"Size: %15d kB\nRss: %16d kB\n" % (size, size))
    return b"".join(found)


def mount_proc(kernel: "Kernel") -> PseudoFilesystem:
    """A procfs of this kernel's processes."""
    fs = PseudoFilesystem("proc", PROC_SUPER_MAGIC)
    table = kernel.processes

    def pids() -> Iterable[bytes]:
        return [b"%d" % entry.pid for entry in table]

    def dynamic(name: bytes) -> Maker | None:
        if not name.isdigit():
            return None
        number = int(name)
        entry = table.find(number)
        if entry is None:
            task = kernel.tasks.get(number)
            if task is None:
                return None
            return ProcessView(kernel, task.process.entry, number).maker()
        return ProcessView(kernel, entry).maker()

    def own() -> bytes:
        return b"%d" % kernel.current.process.pid

    def thread() -> bytes:
        return b"%d/task/%d" % (kernel.current.process.pid, kernel.current.tid)

    def link(target: Callable[[], bytes]) -> Maker:
        return lambda below, path: Link(below, path, target)

    makers: dict[bytes, Maker] = {
        b"self": link(own),
        b"thread-self": link(thread),
        b"mounts": link(lambda: b"self/mounts"),
        b"cpuinfo": text(lambda: system_info.cpuinfo(kernel)),
        b"meminfo": text(system_info.meminfo),
        b"uptime": text(lambda: system_info.uptime(time.monotonic_ns() - kernel.boot_ns)),
        b"version": text(system_info.version),
        b"loadavg": text(lambda: system_info.loadavg(table)),
        b"stat": text(lambda: system_info.stat(kernel)),
        b"filesystems": text(lambda: b"nodev\tproc\nnodev\tsysfs\nnodev\ttmpfs\nnodev\toverlay\n"),
        b"cmdline": text(lambda: b"\n"),
        b"devices": text(lambda: b"Character devices:\n  1 mem\n  5 /dev/tty\n136 pts\n"),
        b"swaps": text(lambda: b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"),
        b"sys": directory(system_info.sysctl(kernel, text, directory)),
    }
    root = Directory(fs, b"/", makers, names=pids, dynamic=dynamic)
    fs.attach(root)
    return fs
