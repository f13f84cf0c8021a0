"""What debuggers ask about the machine and its processes: qXfer's objects, and lldb's questions."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from elfuse.engine.protocol import Protection
from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.gdb.inferiors import Inferiors
from elfuse.runtime.gdb.libraries import debug_slot, loaded_libraries
from elfuse.runtime.gdb.packets import LIMIT, escape
from elfuse.runtime.gdb.parsing import Malformed, hexadecimal
from elfuse.runtime.gdb.peers import Inferior, Refused
from elfuse.runtime.gdb.registers import target_description
from elfuse.runtime.gdb.state import State
from elfuse.typing import Callable

_MOST = LIMIT // 2 - 64
"""Bytes of an object in one answer: each may need an escape."""
_TRIPLE = b"aarch64-unknown-linux-gnu"
_LETTERS = ((Protection.READ, "r"), (Protection.WRITE, "w"), (Protection.EXECUTE, "x"))


class Objects:
    """qXfer: objects that are read in pieces (GDB manual, "General Query Packets")."""

    def __init__(self, inferiors: Inferiors, state: State) -> None:
        self._inferiors = inferiors
        self._state = state
        self._made: tuple[bytes, bytes] = (b"", b"")
        """The object that is being read, by name and annex: its pieces are to fit together."""
        self._readers: dict[bytes, Callable[[bytes], bytes]] = {
            b"features": self._features,
            b"auxv": self._auxv,
            b"exec-file": self._exec_file,
            b"threads": self._threads,
            b"libraries-svr4": self._libraries,
            b"siginfo": self._siginfo,
        }

    def transfer(self, rest: bytes) -> bytes:
        """`OBJECT:read:ANNEX:OFFSET,LENGTH`, or `OBJECT:write:ANNEX:OFFSET:DATA`."""
        name, _colon, rest = rest.partition(b":")
        operation, _colon, rest = rest.partition(b":")
        annex, _colon, rest = rest.partition(b":")
        if operation == b"write" and name == b"siginfo":
            offset, _colon, data = rest.partition(b":")
            return self._change_siginfo(hexadecimal(offset), data)
        reader = self._readers.get(name)
        if reader is None or operation != b"read":
            return b""
        start, _comma, length = rest.partition(b",")
        return self._piece(name, annex, reader, hexadecimal(start), hexadecimal(length))

    def _piece(
        self, name: bytes, annex: bytes, reader: Callable[[bytes], bytes], start: int, length: int
    ) -> bytes:
        key = name + b":" + annex
        if start == 0 or self._made[0] != key:
            self._made = (key, reader(annex))
        data = self._made[1]
        if start > len(data):
            raise Malformed
        part = data[start : start + min(length, _MOST)]
        return (b"m" if start + len(part) < len(data) else b"l") + escape(part)

    def _features(self, annex: bytes) -> bytes:
        if annex != b"target.xml":
            raise Refused(Errno.ENOENT)
        return target_description()

    def _auxv(self, _annex: bytes) -> bytes:
        return _auxv(self._state.inferior())

    def _exec_file(self, annex: bytes) -> bytes:
        inferior = self._state.inferior()
        if annex:
            found = self._inferiors.by_pid.get(hexadecimal(annex))
            if found is None:
                raise Refused(Errno.ESRCH)
            inferior = found
        path: bytes = inferior.call("exe", inferior.pid)
        return path

    def _threads(self, _annex: bytes) -> bytes:
        lines = []
        for inferior in self._inferiors.attached:
            for tid, name in inferior.threads():
                identity = self._state.thread_id((inferior.pid, tid)).decode()
                text = quoteattr(_printable(name))
                lines.append(f'<thread id="{identity}" name={text}/>\n')
        return f'<?xml version="1.0"?>\n<threads>\n{"".join(lines)}</threads>\n'.encode()

    def _libraries(self, _annex: bytes) -> bytes:
        main, libraries = loaded_libraries(_auxv(self._state.inferior()), self._state.read_memory)
        lines = [
            f"<library name={quoteattr(_printable(library.name))} "
            f'lm="{library.link_map:#x}" l_addr="{library.base:#x}" '
            f'l_ld="{library.dynamic:#x}" lmid="0x0"/>\n'
            for library in libraries
        ]
        first = f' main-lm="{main:#x}"' if main else ""
        return (
            f'<?xml version="1.0"?>\n<library-list-svr4 version="1.0"{first}>\n'
            f"{''.join(lines)}</library-list-svr4>\n"
        ).encode()

    def library_slot(self, _rest: bytes) -> bytes:
        """Where the address of the list of libraries will be: lldb's qShlibInfoAddr."""
        found = debug_slot(_auxv(self._state.inferior()), self._state.read_memory)
        if not found:
            raise Refused(Errno.ENOENT)
        return b"%x" % found

    def _siginfo(self, _annex: bytes) -> bytes:
        found: bytes = self._state.inferior().call("siginfo", self._state.current()[1])
        return found

    def _change_siginfo(self, offset: int, data: bytes) -> bytes:
        before = self._siginfo(b"")
        if offset + len(data) > len(before):
            raise Malformed
        changed = before[:offset] + data + before[offset + len(data) :]
        self._state.inferior().call("set_siginfo", self._state.current()[1], changed)
        return b"%x" % len(data)


def _auxv(inferior: Inferior) -> bytes:
    found: bytes = inferior.call("auxv", inferior.pid)
    return found


def _printable(name: bytes) -> str:
    """For XML 1.0, which has no place for control characters."""
    text = name.decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def host() -> bytes:
    """The machine that the guest sees: lldb's qHostInfo."""
    return (
        b"triple:%s;ptrsize:8;endian:little;ostype:linux;"
        b"watchpoint_exceptions_received:before;" % _TRIPLE.hex().encode()
    )


def process(inferior: Inferior) -> bytes:
    """Who the process is: lldb's qProcessInfo."""
    return (
        b"pid:%x;parent-pid:%x;real-uid:%x;real-gid:%x;effective-uid:%x;effective-gid:%x;"
        % (inferior.pid, *inferior.call("identity", inferior.pid))
    ) + b"triple:%s;ostype:linux;endian:little;ptrsize:8;" % _TRIPLE.hex().encode()


def region(inferior: Inferior, rest: bytes) -> bytes:
    """The area at an address, or the gap that it is in: lldb's qMemoryRegionInfo."""
    start, end, protection, name = inferior.call("area", inferior.pid, hexadecimal(rest))
    text = b"start:%x;size:%x;" % (start, end - start)
    if protection >= 0:
        letters = "".join(letter for bit, letter in _LETTERS if protection & bit)
        text += b"permissions:%s;" % letters.encode()
        if name:
            text += b"name:%s;" % name.hex().encode()
    return text
