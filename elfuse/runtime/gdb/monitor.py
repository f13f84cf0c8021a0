"""`monitor` commands: what elfuse knows and the protocol has no question for."""

from __future__ import annotations

from elfuse.runtime.gdb.inferiors import Inferiors
from elfuse.runtime.gdb.parsing import unhex
from elfuse.runtime.gdb.state import State

_HELP = """\
help            this text
maps            the process's memory, as /proc/PID/maps
fds             its open files
threads         all threads of all processes, attached to or not
strace on|off   print system calls and signals on elfuse's stderr
"""


class Monitor:
    """Of one debugger; commands are about the process that it has chosen."""

    def __init__(self, inferiors: Inferiors, state: State) -> None:
        self._inferiors = inferiors
        self._state = state

    def command(self, rest: bytes) -> bytes:
        """qRcmd: the text to show, in hexadecimal digits."""
        words = unhex(rest).decode("utf-8", "replace").split()
        return self._text(words).encode("utf-8", "replace").hex().encode() or b"OK"

    def _text(self, words: list[str]) -> str:
        match words:
            case ["maps"]:
                inferior = self._state.inferior()
                maps: bytes = inferior.call("maps", inferior.pid)
                return maps.decode("utf-8", "replace")
            case ["fds"]:
                return self._files()
            case ["threads"]:
                return self._threads()
            case ["strace", "on" | "off" as switch]:
                for peer in self._inferiors.peers:
                    peer.call("trace", switch == "on")
                return f"system calls are {'' if switch == 'on' else 'not '}shown\n"
            case [] | ["help"]:
                return _HELP
            case _:
                return f"unknown command: {' '.join(words)}\n{_HELP}"

    def _files(self) -> str:
        inferior = self._state.inferior()
        found = inferior.call("descriptors", inferior.pid)
        return "".join(f"{fd:4} {name.decode('utf-8', 'replace')}\n" for fd, name in found)

    def _threads(self) -> str:
        lines = []
        for pid, inferior in sorted(self._inferiors.by_pid.items()):
            state = "attached" if inferior.attached else "not attached"
            for tid, name in inferior.threads():
                lines.append(f"{pid:7} {tid:7} {name.decode('utf-8', 'replace'):16} {state}\n")
        return "".join(lines)
