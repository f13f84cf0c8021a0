"""A kernel with one guest thread whose system calls a test makes directly, without guest code."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from elfuse.engine import open_engine
from elfuse.runtime import signals
from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.abi.mman import MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE
from elfuse.runtime.fs.host import HostFilesystem
from elfuse.runtime.kernel import Kernel, Options
from elfuse.runtime.limits import initial_limits
from elfuse.runtime.memory import Memory
from elfuse.runtime.process import Process
from elfuse.runtime.syscalls.table import names, perform
from elfuse.runtime.task import Task
from elfuse.runtime.trace import Trace
from elfuse.runtime.vfs.context import FsContext
from elfuse.runtime.vfs.credentials import Credentials
from elfuse.runtime.vfs.fdtable import FdTable
from elfuse.runtime.vfs.mounts import Namespace

_ARENA = 4 << 20
_MASK = (1 << 64) - 1


class Machine:
    """Real objects throughout; guest memory is an arena that `put` and `room` take from."""

    def __init__(self, root: Path) -> None:
        namespace = Namespace([HostFilesystem(str(root), fakeroot=True)])
        options = Options(contained=False, hostname=b"machine", terminal=False)
        self.kernel = kernel = Kernel(open_engine("unicorn"), namespace, options, Trace())
        pid = kernel.first_pid = kernel.processes.next_id()
        entry = kernel.processes.add(pid, os.getpid(), parent=None, start_ns=0)
        place = namespace.root()
        self.process = Process(
            kernel,
            entry,
            memory=Memory(kernel.engine.memory),
            files=FdTable(),
            fs=FsContext(place, place, 0o022),
            credentials=Credentials.of(0, 0, ()),
            process_signals=signals.ProcessSignals(),
        )
        self.process.rlimits = initial_limits()
        self.process.publish_credentials()
        self.task = kernel.current = Task(pid, self.process, kernel.engine.vcpu())
        protection, flags = PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS
        self._next = self.process.memory.mmap(0, _ARENA, protection, flags, None, 0)

    def thread(self) -> Task:
        """One more thread of the process."""
        return Task(self.kernel.next_tid(), self.process, self.kernel.engine.vcpu())

    def room(self, size: int) -> int:
        """The address of `size` zero bytes of guest memory."""
        at = self._next
        self._next += (size + 15) & -16
        return at

    def put(self, data: bytes) -> int:
        """The address of a copy of `data` in guest memory."""
        at = self.room(len(data))
        self.process.memory.write(at, data)
        return at

    def get(self, address: int, size: int) -> bytes:
        return self.process.memory.read(address, size)

    def call(self, name: str, *arguments: int | bytes, task: Task | None = None) -> int:
        """The result, negative errno included. Bytes are passed by address, NUL-terminated."""
        values = [
            self.put(value + b"\0") if isinstance(value, bytes) else value & _MASK
            for value in arguments
        ]
        registers = [*values, 0, 0, 0, 0, 0, 0]
        caller = task or self.task
        with self.kernel.lock:
            self.kernel.current = caller
            return perform(caller, names()[name], registers)

    def ok(self, name: str, *arguments: int | bytes, task: Task | None = None) -> int:
        """As `call`, for a call that must succeed."""
        result = self.call(name, *arguments, task=task)
        assert result >= 0, f"{name}: {Errno(-result).name}"
        return result

    def error(self, name: str, *arguments: int | bytes) -> Errno | None:
        """The error of a call, None if it succeeds."""
        result = self.call(name, *arguments)
        return Errno(-result) if result < 0 else None

    def read(self, fd: int, size: int = 100) -> bytes:
        at = self.room(size)
        return self.get(at, self.ok("read", fd, at, size))

    def write(self, fd: int, data: bytes) -> int:
        return self.ok("write", fd, self.put(data), len(data))

    def pair(self, call: str, *arguments: int) -> tuple[int, int]:
        """The two descriptors of pipe2 or socketpair."""
        at = self.room(8)
        self.ok(call, *arguments[:3], at, *arguments[3:])
        raw = self.get(at, 8)
        return int.from_bytes(raw[:4], "little"), int.from_bytes(raw[4:], "little")

    def close(self) -> None:
        with self.kernel.lock:
            self.process.files.close_all()
            for task in self.kernel.tasks.values():
                task.waker.close()
                task.vcpu.close()


@contextmanager
def machine(root: Path) -> Iterator[Machine]:
    """A machine that closes what it opened."""
    made = Machine(root)
    try:
        yield made
    finally:
        made.close()
