"""What an agent shows of its processes, and lets the debugger change, while they stand still."""

from __future__ import annotations

from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.gdb.files import Files
from elfuse.runtime.gdb.tracee import Tracee
from elfuse.runtime.kernel import Kernel
from elfuse.runtime.process import Process
from elfuse.runtime.signals import SigInfo
from elfuse.runtime.task import Task
from elfuse.runtime.vma import Area
from elfuse.typing import Any, Callable


class Views:
    """Of one host process. Guarded by the kernel lock."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        files = Files()
        self.requests: dict[str, Callable[..., Any]] = {
            "threads": self._threads,
            "registers": self._registers,
            "set_registers": self._set_registers,
            "read": self._read,
            "write": self._write,
            "siginfo": self._siginfo,
            "set_siginfo": self._set_siginfo,
            "auxv": lambda pid: self.process(pid).memory.auxv,
            "exe": lambda pid: self.process(pid).exe,
            "identity": self._identity,
            "maps": self._maps,
            "area": self._area,
            "descriptors": self._descriptors,
            "trace": self._trace,
            "open": lambda pid, path: files.open(self._any_task(pid), path),
            "pread": lambda pid, fd, size, at: files.pread(self._any_task(pid), fd, size, at),
            "fstat": files.fstat,
            "close": files.close,
            "readlink": lambda pid, path: files.readlink(self._any_task(pid), path),
        }

    def process(self, pid: int) -> Process:
        """A process that lives here; ESRCH."""
        process = self._kernel.hosted.get(pid)
        if process is None:
            raise SyscallError(Errno.ESRCH)
        return process

    def _any_task(self, pid: int) -> Task:
        for task in self.process(pid).tasks.values():
            return task
        raise SyscallError(Errno.ESRCH)

    def _tracee(self, tid: int) -> Tracee:
        """Of a task that stands still."""
        task = self._kernel.tasks.get(tid)
        if task is None or task.tracee is None or not task.tracee.still:
            raise SyscallError(Errno.ESRCH)
        return task.tracee

    def _threads(self, pid: int) -> list[tuple[int, bytes]]:
        return [(task.tid, task.comm) for task in self.process(pid).tasks.values()]

    def _registers(self, tid: int) -> bytes:
        return self._tracee(tid).task.registers.tobytes()

    def _set_registers(self, tid: int, words: bytes) -> None:
        self._tracee(tid).task.registers[:] = memoryview(words).cast("Q")

    def _read(self, pid: int, address: int, length: int) -> bytes:
        return self.process(pid).memory.peek(address, length)

    def _write(self, pid: int, address: int, data: bytes) -> None:
        self.process(pid).memory.poke(address, data)

    def _siginfo(self, tid: int) -> bytes:
        tracee = self._tracee(tid)
        if tracee.info is None:
            raise SyscallError(Errno.EINVAL)
        return tracee.info.pack()

    def _set_siginfo(self, tid: int, data: bytes) -> None:
        if not self._tracee(tid).set_info(SigInfo.unpack(data)):
            raise SyscallError(Errno.EINVAL)

    def _identity(self, pid: int) -> tuple[int, int, int, int, int]:
        """Parent, real user and group, effective user and group."""
        process = self.process(pid)
        held = process.credentials
        return process.ppid, held.uid, held.gid, held.euid, held.egid

    def _maps(self, pid: int) -> bytes:
        return b"".join(map(bytes, self.process(pid).memory.areas()))

    def _area(self, pid: int, address: int) -> tuple[int, int, int, bytes]:
        """Start, end, protection and name of the area at an address, or of the gap (-1)."""
        start, limit = 0, 1 << 64
        for listing in self.process(pid).memory.areas():
            if listing.start > address:
                return start, listing.start, -1, b""
            if listing.end > address:
                return listing.start, listing.end, int(listing.area.protection), _name(listing.area)
            start = listing.end
        return start, limit, -1, b""

    def _descriptors(self, pid: int) -> list[tuple[int, bytes]]:
        return [(number, file.describe()) for number, file in self.process(pid).files.items()]

    def _trace(self, on: bool) -> None:
        self._kernel.trace.active = on


def _name(area: Area) -> bytes:
    return area.backing.file.describe() if area.backing is not None else area.name
