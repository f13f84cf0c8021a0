"""What a debugger reads and changes of stopped processes: threads, registers, memory, points."""

from __future__ import annotations

from elfuse.engine.protocol import Protection
from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.gdb.inferiors import Inferiors
from elfuse.runtime.gdb.packets import LIMIT, escape
from elfuse.runtime.gdb.parsing import Malformed, hexadecimal, signed, unhex
from elfuse.runtime.gdb.peers import Inferior, Refused
from elfuse.runtime.gdb.registers import Block
from elfuse.typing import Any, Callable

POINTS = 16
"""Hardware breakpoints, and watchpoints, of a process: as many as Arm's architecture allows."""
WATCHED = {2: Protection.WRITE, 3: Protection.READ, 4: Protection.READ | Protection.WRITE}
"""By type in Z packets."""
_ADDRESS = (1 << 56) - 1
"""The top byte of an address is ignored (TBI)."""
_MOST_MEMORY = LIMIT // 2 - 64


class State:
    """The commands about the thread that Hg has chosen."""

    def __init__(self, inferiors: Inferiors) -> None:
        self._inferiors = inferiors
        self.multiprocess = False
        """Threads are written with their process."""
        self.general = 0
        """The thread that commands are about; 0: any."""
        self.resumed = 0
        """The one that Hc chose, for c and s; 0: all."""
        self.commands: dict[bytes, Callable[[bytes], bytes | None]] = {
            b"g": self._read_registers,
            b"G": self._write_registers,
            b"H": self._choose,
            b"m": self._read_memory,
            b"M": self._write_memory,
            b"p": self._read_register,
            b"P": self._write_register,
            b"T": self._alive,
            b"x": self._read_binary,
            b"X": self._write_binary,
            b"Z": lambda rest: self._point(rest, insert=True),
            b"z": lambda rest: self._point(rest, insert=False),
            b"qC": lambda _rest: b"QC" + self.thread_id(self.current()),
            b"qfThreadInfo": self._thread_list,
            b"qsThreadInfo": lambda _rest: b"l",
            b"qThreadExtraInfo": self._thread_name,
        }

    def thread_id(self, thread: tuple[int, int]) -> bytes:
        """How the debugger writes a process and a thread of it."""
        pid, tid = thread
        return b"p%x.%x" % (pid, tid) if self.multiprocess else b"%x" % tid

    @staticmethod
    def parse_thread(text: bytes) -> tuple[int, int]:
        """Process and thread; -1 for all, 0 for any."""
        if text.startswith(b"p"):
            process, dot, thread = text[1:].partition(b".")
            return signed(process), signed(thread) if dot else -1
        return 0, signed(text)

    def current(self) -> tuple[int, int]:
        """The thread that commands are about; (0, 0) if there is none."""
        inferior = self._inferiors.thread(self.general) if self.general else None
        if inferior is not None:
            return inferior.pid, self.general
        for inferior in self._inferiors.attached:
            for tid, _name in inferior.threads():
                self.general = tid
                return inferior.pid, tid
        return 0, 0

    def inferior(self) -> Inferior:
        """The process that commands are about; ESRCH."""
        found = self._inferiors.by_pid.get(self.current()[0])
        if found is None:
            raise Refused(Errno.ESRCH)
        return found

    def _choose(self, rest: bytes) -> bytes:
        kind, (pid, tid) = rest[:1], self.parse_thread(rest[1:])
        if kind == b"c":
            self.resumed = max(tid, 0)
            return b"OK"
        if kind != b"g":
            return b""
        chosen = self._find(pid, tid)
        if chosen is None:
            raise Refused(Errno.ESRCH)
        self.general = chosen
        return b"OK"

    def _find(self, pid: int, tid: int) -> int | None:
        """A thread's number; 0 or less stands for any."""
        for inferior in self._inferiors.attached:
            if pid > 0 and inferior.pid != pid:
                continue
            for number, _name in inferior.threads():
                if tid in (number, 0, -1):
                    return number
        return None

    def _alive(self, rest: bytes) -> bytes:
        pid, tid = self.parse_thread(rest)
        if tid <= 0 or self._find(pid, tid) is None:
            raise Refused(Errno.ESRCH)
        return b"OK"

    def _thread_list(self, _rest: bytes) -> bytes:
        found = [
            self.thread_id((inferior.pid, tid))
            for inferior in self._inferiors.attached
            for tid, _name in inferior.threads()
        ]
        return b"m" + b",".join(found) if found else b"l"

    def _thread_name(self, rest: bytes) -> bytes:
        pid, tid = self.parse_thread(rest)
        for inferior in self._inferiors.attached:
            for number, name in inferior.threads():
                if number == tid and pid in (0, inferior.pid):
                    return name.hex().encode()
        raise Refused(Errno.ESRCH)

    # Registers

    def block(self, tid: int) -> Block:
        """A thread's registers; ESRCH."""
        inferior = self._inferiors.thread(tid)
        if inferior is None:
            raise Refused(Errno.ESRCH)
        return Block(inferior.call("registers", tid))

    def set_block(self, tid: int, block: Block) -> None:
        """Change them."""
        inferior = self._inferiors.thread(tid)
        if inferior is None:
            raise Refused(Errno.ESRCH)
        inferior.call("set_registers", tid, block.words())

    def _read_registers(self, _rest: bytes) -> bytes:
        return self.block(self.current()[1]).all().hex().encode()

    def _write_registers(self, rest: bytes) -> bytes:
        tid = self.current()[1]
        block = self.block(tid)
        if not block.set_all(unhex(rest)):
            raise Malformed
        self.set_block(tid, block)
        return b"OK"

    def _read_register(self, rest: bytes) -> bytes:
        found = self.block(self.current()[1]).register(hexadecimal(rest))
        if found is None:
            raise Malformed
        return found.hex().encode()

    def _write_register(self, rest: bytes) -> bytes:
        number, _equals, value = rest.partition(b"=")
        tid = self.current()[1]
        block = self.block(tid)
        if not block.set_register(hexadecimal(number), unhex(value)):
            raise Malformed
        self.set_block(tid, block)
        return b"OK"

    # Memory

    def _read(self, rest: bytes) -> bytes:
        address, _comma, length = rest.partition(b",")
        return self.read_memory(hexadecimal(address), min(hexadecimal(length), _MOST_MEMORY))

    def read_memory(self, address: int, length: int) -> bytes:
        """Of the current process, up to the first byte that is not mapped; EFAULT if none is."""
        inferior = self.inferior()
        if not length:
            return b""
        found: bytes = inferior.call("read", inferior.pid, address & _ADDRESS, length)
        return found

    def _read_memory(self, rest: bytes) -> bytes:
        return self._read(rest).hex().encode()

    def _read_binary(self, rest: bytes) -> bytes:
        address, _comma, length = rest.partition(b",")
        if hexadecimal(length) == 0:
            return b"OK"
        return escape(
            self.read_memory(hexadecimal(address), min(hexadecimal(length), _MOST_MEMORY))
        )

    def _store(self, place: bytes, data: bytes) -> bytes:
        address, _comma, length = place.partition(b",")
        if hexadecimal(length) != len(data):
            raise Malformed
        inferior = self.inferior()
        if data:
            inferior.call("write", inferior.pid, hexadecimal(address) & _ADDRESS, data)
        return b"OK"

    def _write_memory(self, rest: bytes) -> bytes:
        place, _colon, data = rest.partition(b":")
        return self._store(place, unhex(data))

    def _write_binary(self, rest: bytes) -> bytes:
        place, _colon, data = rest.partition(b":")
        return self._store(place, data)

    # Breakpoints and watchpoints

    def _point(self, rest: bytes, *, insert: bool) -> bytes:
        parts = rest.split(b";")[0].split(b",")
        if len(parts) != 3:
            raise Malformed
        kind, address, length = map(hexadecimal, parts)
        address &= _ADDRESS
        inferior = self.inferior()
        points: set[Any] = inferior.breakpoints
        if kind in (0, 1):
            point: tuple[int, ...] = (kind, address)
        elif kind in WATCHED:
            points, point = inferior.watchpoints, (int(WATCHED[kind]), address, length)
        else:
            return b""
        if not insert:
            points.discard(point)
        elif point not in points:
            limited = [p for p in points if kind != 1 or p[0] == 1]
            if kind and len(limited) >= POINTS:
                raise Refused(Errno.ENOSPC)
            points.add(point)
        inferior.install_points()
        return b"OK"
