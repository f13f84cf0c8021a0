"""One debugger's connection: what it asks, and when the guest's stops are told.

The commands are those of the GDB manual's appendix E and lldb's additions to them. A command that
is not known gets the empty answer, one that makes no sense E16 (EINVAL), one that cannot be done E
and Linux's errno.
"""

from __future__ import annotations

from elfuse.light import suppress
from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.gdb import queries
from elfuse.runtime.gdb.connection import Connection
from elfuse.runtime.gdb.hostio import HostIo
from elfuse.runtime.gdb.inferiors import Inferiors, Resumption, Stop
from elfuse.runtime.gdb.monitor import Monitor
from elfuse.runtime.gdb.numbers import linux_signal
from elfuse.runtime.gdb.packets import LIMIT, Kind
from elfuse.runtime.gdb.parsing import Malformed, action, hexadecimal, unhex
from elfuse.runtime.gdb.peers import Inferior, Refused
from elfuse.runtime.gdb.registers import PC
from elfuse.runtime.gdb.replies import Replies
from elfuse.runtime.gdb.state import POINTS, State
from elfuse.typing import Callable

_FEATURES = (
    "QStartNoAckMode+", "multiprocess+", "swbreak+", "hwbreak+", "fork-events+", "vfork-events+",
    "exec-events+", "vContSupported+", "no-resumed+", "qXfer:features:read+", "qXfer:auxv:read+",
    "qXfer:exec-file:read+", "qXfer:threads:read+", "qXfer:libraries-svr4:read+",
    "qXfer:siginfo:read+", "qXfer:siginfo:write+", "QPassSignals+", "QProgramSignals+",
    "QCatchSyscalls+",
)  # fmt: skip
_ALL_SIGNALS = (1 << 64) - 1


class Session:
    """From connect to disconnect. `start` begins a program, by path and arguments, stopped."""

    def __init__(
        self,
        connection: Connection,
        inferiors: Inferiors,
        start: Callable[[list[bytes]], Inferior],
    ) -> None:
        self._connection = connection
        self._inferiors = inferiors
        self._start = start
        self._waiting = False
        """The debugger waits for a stop reply."""
        self._stays = False
        """It wants to start or take other processes when those it has are gone (`!`)."""
        self.over = False
        """The debugger has been told that nothing is left, and is done."""
        self._error_texts = False
        self._program_signals = _ALL_SIGNALS
        """What a process gets of its signals when it is let go."""
        self._passed = 0
        """Signals that are not reported; a sigset_t."""
        self._caught: list[int] | None = None
        """System calls that are reported; all for an empty list."""
        self._follows = ["fork", "vfork"]
        self.state = State(inferiors)
        self._replies = Replies(inferiors, self.state, frozenset())
        self._files = HostIo(inferiors, self.state)
        objects = queries.Objects(inferiors, self.state)
        self._commands: dict[bytes, Callable[[bytes], bytes | None]] = {
            b"?": self._why,
            b"!": self._extend,
            b"c": lambda rest: self._go(rest, Resumption()),
            b"C": lambda rest: self._go_with(rest, step=False),
            b"s": lambda rest: self._go(rest, Resumption(step=True)),
            b"S": lambda rest: self._go_with(rest, step=True),
            b"D": self._detach,
            b"k": self._kill_all,
            b"vCont?": lambda _rest: b"vCont;c;C;s;S;r",
            b"vCont": self._continue_threads,
            b"vAttach": self._attach,
            b"vRun": self._run,
            b"vKill": self._kill,
            b"vFile": self._files.command,
            b"qSupported": self._supported,
            b"QStartNoAckMode": self._no_acknowledgement,
            b"QPassSignals": self._pass,
            b"QProgramSignals": self._program,
            b"QCatchSyscalls": self._catch,
            b"QListThreadsInStopReply": lambda _rest: b"OK",
            b"QEnableErrorStrings": self._with_texts,
            b"qAttached": self._is_attached,
            b"qRcmd": Monitor(inferiors, self.state).command,
            b"qXfer": objects.transfer,
            b"qShlibInfoAddr": objects.library_slot,
            b"qHostInfo": lambda _rest: queries.host(),
            b"qProcessInfo": lambda _rest: queries.process(self.state.inferior()),
            b"qMemoryRegionInfo": lambda rest: queries.region(self.state.inferior(), rest),
            b"qWatchpointSupportInfo": lambda _rest: b"num:%d;" % POINTS,
            b"qSymbol": lambda _rest: b"OK",
            **self.state.commands,
        }

    def begin(self) -> None:
        """Take the oldest process, if none is taken yet. Everything that is taken stops."""
        chosen = self._inferiors.attached
        if not chosen and self._inferiors.by_pid:
            chosen = [self._inferiors.by_pid[min(self._inferiors.by_pid)]]
        for inferior in chosen:
            # It may be about to end.
            with suppress(Refused):
                self._inferiors.attach(inferior, self._follows)
        self._inferiors.stop_all()

    # The connection

    def fileno(self) -> int:
        return self._connection.fileno()

    def close(self) -> None:
        self._connection.close()

    def close_inherited(self) -> None:
        """In a child, which debuggers do not speak with."""
        self._connection.close_inherited()

    def arrived(self) -> None:
        """Read what the debugger has sent, and answer. Gone."""
        for item in self._connection.receive():
            if item.kind is Kind.PACKET:
                self._packet(item.data)
            elif item.kind is Kind.OVERSIZED:
                self._connection.send(self._error(Errno.E2BIG))
            elif item.kind is Kind.INTERRUPT:
                self._interrupt()

    def _packet(self, data: bytes) -> None:
        if self._waiting:
            # In all-stop mode nothing but an interrupt may come now, and nothing can be answered.
            return
        try:
            answer = self._command(data)
        except (Malformed, ValueError, IndexError):
            answer = self._error(Errno.EINVAL)
        except Refused as error:
            answer = self._error(error.number)
        if answer is not None:
            self._connection.send(answer)

    def _command(self, data: bytes) -> bytes | None:
        if data[:1] in (b"v", b"q", b"Q"):
            ends = [at for at in map(data.find, (b":", b";", b",")) if at >= 0]
            end = min(ends, default=len(data))
            name, rest = data[:end], data[end + 1 :]
        else:
            name, rest = data[:1], data[1:]
        handler = self._commands.get(name)
        return b"" if handler is None else handler(rest)

    def _error(self, number: int) -> bytes:
        code = b"E%02x" % min(number, 0xFF)
        if self._error_texts:
            code += b";" + Errno(number).name.encode().hex().encode()
        return code

    # Agreeing on the protocol

    def _supported(self, rest: bytes) -> bytes:
        words = rest.decode("ascii", "replace").split(";")
        features = frozenset(word[:-1] for word in words if word.endswith("+"))
        self.state.multiprocess = "multiprocess" in features
        self._replies = Replies(self._inferiors, self.state, features)
        self._follows = [kind for kind in ("fork", "vfork") if f"{kind}-events" in features]
        for inferior in self._inferiors.attached:
            inferior.call("follow", self._follows)
        return f"PacketSize={LIMIT - 16:x};{';'.join(_FEATURES)}".encode()

    def _extend(self, _rest: bytes) -> bytes:
        self._stays = True
        return b"OK"

    def _no_acknowledgement(self, _rest: bytes) -> None:
        self._connection.send(b"OK")
        self._connection.end_acknowledging()

    def _with_texts(self, _rest: bytes) -> bytes:
        self._error_texts = True
        return b"OK"

    # Going on and stopping

    def _go(self, rest: bytes, how: Resumption) -> bytes | None:
        """Go on as c and s do: the thread that Hc chose, else the current one, and for c all."""
        chosen = self.state.resumed or self.state.current()[1]
        if rest:
            block = self.state.block(chosen)
            block.set_register(PC, hexadecimal(rest).to_bytes(8, "little"))
            self.state.set_block(chosen, block)
        actions = {chosen: how}
        if not self.state.resumed and not how.step:
            for inferior in self._inferiors.attached:
                for tid, _name in inferior.threads():
                    actions.setdefault(tid, Resumption())
        return self._resume(actions)

    def _go_with(self, rest: bytes, *, step: bool) -> bytes | None:
        number, _semicolon, address = rest.partition(b";")
        return self._go(address, Resumption(step=step, signal=linux_signal(hexadecimal(number))))

    def _continue_threads(self, rest: bytes) -> bytes | None:
        wanted = [
            (how, (0, -1) if thread is None else self.state.parse_thread(thread))
            for how, thread in map(action, rest.split(b";"))
        ]
        actions: dict[int, Resumption] = {}
        for inferior in self._inferiors.attached:
            for tid, _name in inferior.threads():
                for how, (pid, number) in wanted:
                    if pid in (0, -1, inferior.pid) and number in (-1, 0, tid):
                        actions.setdefault(tid, how)
        return self._resume(actions)

    def _resume(self, actions: dict[int, Resumption]) -> bytes | None:
        if not self._inferiors.attached:
            raise Refused(Errno.ESRCH)
        if not actions:
            raise Malformed
        self._waiting = True
        self._inferiors.resume(actions)
        self.settle()
        return None

    def _interrupt(self) -> None:
        """The debugger wants everything to stop now."""
        if self._waiting:
            self._inferiors.stop_all()
            if self._inferiors.eventful:
                self.settle()
            elif self._inferiors.attached:
                self._report(self._replies.of(Stop(*self.state.current(), ("interrupt",))))

    def settle(self) -> None:
        """If the debugger waits and something has happened, stop everything and tell it."""
        while self._waiting:
            if not self._inferiors.eventful:
                if self._inferiors.running:
                    return
                last = Stop(*self.state.current(), ("still",))
                self._report(self._replies.nothing_left() or self._replies.of(last))
                return
            self._inferiors.stop_all()
            stop = self._inferiors.next_stop()
            if stop is not None:
                self.state.general = stop.tid
                self._report(self._replies.of(stop))

    def _report(self, reply: bytes) -> None:
        self._waiting = False
        self._connection.send(reply)
        self.over = not self._stays and not self._inferiors.attached

    def _why(self, _rest: bytes) -> bytes:
        thread = self.state.current()
        if not thread[0]:
            return b"W00"
        return self._replies.of(Stop(*thread, ("still",)))

    # Signals and system calls

    def _pass(self, rest: bytes) -> bytes:
        self._passed = _signal_set(rest)
        for inferior in self._inferiors.attached:
            inferior.call("pass", inferior.pid, self._passed)
        return b"OK"

    def _program(self, rest: bytes) -> bytes:
        self._program_signals = _signal_set(rest)
        return b"OK"

    def _catch(self, rest: bytes) -> bytes:
        on, *numbers = rest.split(b";")
        if on not in (b"0", b"1"):
            raise Malformed
        self._caught = [hexadecimal(number) for number in numbers] if on == b"1" else None
        inferior = self.state.inferior()
        inferior.call("catch", inferior.pid, self._caught)
        return b"OK"

    # Processes

    def _is_attached(self, rest: bytes) -> bytes:
        """1: leave it running in the end; 0: kill it."""
        inferior = self._inferiors.by_pid.get(hexadecimal(rest)) if rest else self.state.inferior()
        if inferior is None:
            raise Refused(Errno.ESRCH)
        return b"0" if inferior.created else b"1"

    def _take(self, inferior: Inferior) -> bytes:
        """Attach to a process, and say that it stands still."""
        self._inferiors.attach(inferior, self._follows)
        inferior.call("pass", inferior.pid, self._passed)
        self._inferiors.stop_all()
        threads = inferior.threads()
        if not threads:
            raise Refused(Errno.ESRCH)
        self.state.general = threads[0][0]
        return self._replies.of(Stop(inferior.pid, threads[0][0], ("still",)))

    def _attach(self, rest: bytes) -> bytes:
        inferior = self._inferiors.by_pid.get(hexadecimal(rest))
        if inferior is None:
            raise Refused(Errno.ESRCH)
        if inferior.attached:
            raise Refused(Errno.EPERM)
        return self._take(inferior)

    def _run(self, rest: bytes) -> bytes:
        inferior = self._start([unhex(part) for part in rest.split(b";")])
        inferior.created = True
        return self._take(inferior)

    def _detach(self, rest: bytes) -> bytes:
        chosen = self._inferiors.attached
        if rest:
            pid = hexadecimal(rest.lstrip(b";"))
            chosen = [inferior for inferior in chosen if inferior.pid == pid]
        if not chosen:
            raise Refused(Errno.ESRCH)
        for inferior in chosen:
            self._inferiors.detach(inferior, pass_on=self._program_signals)
        return b"OK"

    def release(self) -> None:
        """The debugger is gone: everything goes on without it."""
        self._files.release()
        for inferior in self._inferiors.attached:
            self._inferiors.detach(inferior, pass_on=self._program_signals)

    def _kill(self, rest: bytes) -> bytes:
        inferior = self._inferiors.by_pid.get(hexadecimal(rest))
        if inferior is None:
            raise Refused(Errno.ESRCH)
        self._inferiors.kill(inferior)
        return b"OK"

    def _kill_all(self, _rest: bytes) -> bytes | None:
        """The end of the connection is the answer; lldb wants to read one before, as its server has it."""
        for inferior in self._inferiors.attached:
            self._inferiors.kill(inferior)
        self.over = not self._stays
        return b"X09" if self.over else None


def _signal_set(rest: bytes) -> int:
    """A sigset_t of signals in the protocol's numbers."""
    found = 0
    for part in rest.split(b";"):
        if part:
            signo = linux_signal(hexadecimal(part))
            if signo:
                found |= 1 << (signo - 1)
    return found
