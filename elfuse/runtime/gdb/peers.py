"""A guest process as the supervisor knows it, and the agent it is asked through."""

from __future__ import annotations

from elfuse.light import deque
from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.gdb.link import Closed, Link, Message
from elfuse.typing import Any

ANSWER_SECONDS = 10
"""How long an agent may take for an answer."""


class Refused(Exception):
    """An agent could not do what it was asked for."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
        """Linux's errno."""


class Peer:
    """An agent, and which processes it runs."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.inferiors: dict[int, Inferior] = {}
        self.running = True
        """Some of its attached threads may run."""
        self.messages: deque[tuple[Message, Link | None]] = deque()
        """What arrived and is not looked at yet."""

    def call(self, name: str, *arguments: Any) -> Any:
        """The answer to a request. Refused; ESRCH where the host process is gone."""
        try:
            self.link.send((name, *arguments))
            while True:
                if not self.link.wait(ANSWER_SECONDS):
                    raise Refused(Errno.EBUSY)
                message, carried = self.link.receive()
                if message[0] == "result":
                    return message[1]
                if message[0] == "error":
                    raise Refused(message[1])
                self.messages.append((message, carried))
        except Closed:
            raise Refused(Errno.ESRCH) from None

    @property
    def attached(self) -> list[Inferior]:
        return [inferior for inferior in self.inferiors.values() if inferior.attached]


class Inferior:
    """A guest process."""

    def __init__(self, pid: int, peer: Peer, *, attached: bool) -> None:
        self.pid = pid
        self.peer = peer
        self.attached = attached
        self.created = False
        """The debugger has started it: it is to end with the debugger."""
        self.breakpoints: set[tuple[int, int]] = set()
        """Type (0 software, 1 hardware) and address."""
        self.watchpoints: set[tuple[int, int, int]] = set()
        """Accesses (bits of `Protection`), address and length."""
        self._threads: list[tuple[int, bytes]] | None = None
        peer.inferiors[pid] = self

    def call(self, name: str, *arguments: Any) -> Any:
        return self.peer.call(name, *arguments)

    def threads(self) -> list[tuple[int, bytes]]:
        """Thread numbers and names; none if the process is gone."""
        if self._threads is None:
            try:
                self._threads = self.call("threads", self.pid)
            except Refused:
                return []
        return self._threads

    def forget(self) -> None:
        """It is about to run."""
        self._threads = None

    def forget_points(self) -> None:
        """It executes another program, in which none of them are."""
        self.breakpoints, self.watchpoints = set(), set()

    def inherit_points(self, parent: Inferior) -> None:
        """It has begun with its parent's memory and points: with the very same ones or a copy."""
        self.breakpoints, self.watchpoints = parent.breakpoints, parent.watchpoints
        if parent.peer is not self.peer:
            self.breakpoints, self.watchpoints = set(parent.breakpoints), set(parent.watchpoints)

    def install_points(self) -> None:
        """Tell the agent. Processes that share memory share points."""
        stops = {address for _kind, address in self.breakpoints}
        watched = [(start, length, kinds) for kinds, start, length in self.watchpoints]
        self.call("points", sorted(stops), sorted(watched))
