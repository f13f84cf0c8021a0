"""Stop replies: what stopped the guest, as debuggers read it (GDB manual, "Stop Reply Packets")."""

from __future__ import annotations

from elfuse.runtime.abi.signal import Sig
from elfuse.runtime.gdb.inferiors import Inferiors, Stop
from elfuse.runtime.gdb.numbers import gdb_signal
from elfuse.runtime.gdb.peers import Refused
from elfuse.runtime.gdb.registers import EXPEDITED
from elfuse.runtime.gdb.state import WATCHED, State
from elfuse.typing import Any

_WATCH_NAMES = {2: b"watch", 3: b"rwatch", 4: b"awatch"}
_CALLS = {"call": b"syscall_entry", "return": b"syscall_return"}
_TRAP = gdb_signal(Sig.SIGTRAP)


class Replies:
    """For one debugger, which has announced features of its own."""

    def __init__(self, inferiors: Inferiors, state: State, features: frozenset[str]) -> None:
        self._inferiors = inferiors
        self._state = state
        self._features = features

    def of(self, stop: Stop) -> bytes:
        """The packet's content."""
        kind, *details = stop.event
        if kind == "ended":
            return self._end(stop.pid, details[0])
        signal, reason = self._reason(stop, kind, details)
        thread = self._state.thread_id((stop.pid, stop.tid))
        return b"T%02x%sthread:%s;%s" % (signal, self._expedited(stop.tid), thread, reason)

    def nothing_left(self) -> bytes | None:
        """That all threads which were to run have ended; None if the debugger knows no such."""
        return b"N" if "no-resumed" in self._features else None

    def _end(self, pid: int, status: int) -> bytes:
        signo = status & 0x7F
        text = b"X%02x" % gdb_signal(signo) if signo else b"W%02x" % (status >> 8 & 0xFF)
        return text + b";process:%x" % pid if self._state.multiprocess else text

    def _expedited(self, tid: int) -> bytes:
        try:
            block = self._state.block(tid)
        except Refused:
            return b""
        return b"".join(
            b"%02x:%s;" % (number, (block.register(number) or b"").hex().encode())
            for number in EXPEDITED
        )

    def _reason(self, stop: Stop, kind: str, details: list[Any]) -> tuple[int, bytes]:
        """The signal, in the protocol's numbers, and what more there is to say."""
        if kind == "signal":
            return gdb_signal(details[0]), b""
        if kind == "interrupt":
            return gdb_signal(Sig.SIGINT), b""
        if kind == "break":
            return _TRAP, self._break(stop)
        if kind == "watch":
            return _TRAP, self._watch(stop, *details)
        if kind in ("fork", "vfork"):
            child = self._state.thread_id((details[0], details[0]))
            return _TRAP, b"%s:%s;" % (kind.encode(), child)
        if kind == "vforkdone":
            return _TRAP, b"vforkdone:;"
        if kind == "exec":
            known = "exec-events" in self._features
            return _TRAP, b"exec:%s;" % details[0].hex().encode() if known else b"reason:exec;"
        if kind in _CALLS:
            return _TRAP, b"%s:%x;" % (_CALLS[kind], details[0])
        if self._from_gdb:
            return _TRAP, b""
        if kind == "step":
            return _TRAP, b"reason:trace;"
        # No cause of its own. lldb would take SIGTRAP for a breakpoint of its own at the program's
        # entry, and go on.
        return gdb_signal(Sig.SIGSTOP), b""

    @property
    def _from_gdb(self) -> bool:
        """Not from lldb, which wants reasons in words of its own."""
        return "swbreak" in self._features

    def _break(self, stop: Stop) -> bytes:
        inferior = self._inferiors.by_pid.get(stop.pid)
        try:
            point = (0, self._state.block(stop.tid).pc)
        except Refused:
            # Killed since.
            return b""
        hard = inferior is not None and point not in inferior.breakpoints
        name = "hwbreak" if hard else "swbreak"
        if name in self._features:
            return b"%s:;" % name.encode()
        return b"" if self._from_gdb else b"reason:breakpoint;"

    def _watch(self, stop: Stop, address: int, access: int) -> bytes:
        inferior = self._inferiors.by_pid.get(stop.pid)
        hit = {
            kinds
            for kinds, start, length in (inferior.watchpoints if inferior else ())
            if start <= address < start + length and kinds & access
        }
        kind = next((kind for kind, accesses in WATCHED.items() if int(accesses) in hit), 2)
        return b"%s:%x;" % (_WATCH_NAMES[kind], address)
