"""All guest processes as the supervisor knows them: what happens in them, and how they stop.

All-stop: while one attached thread reports something, every attached thread of every process
stands still. What other threads had to report meanwhile is kept, unless it happens again by itself
when they go on.
"""

from __future__ import annotations

import time

from elfuse.light import deque
from elfuse.record import Record
from elfuse.runtime.gdb.link import Closed, Link, Message
from elfuse.runtime.gdb.peers import ANSWER_SECONDS, Inferior, Peer, Refused
from elfuse.typing import Any, Iterator

_REPEATED = ("break", "watch", "step")
"""Events that happen again when the thread goes on, or are of no interest then."""


class Stop(Record):
    """What is reported: something that happened in a thread, or the end of a process."""

    pid: int
    tid: int
    event: tuple[Any, ...]


class Resumption(Record):
    """How a thread goes on; see `tracee.Action`."""

    step: bool = False
    start: int = 0
    end: int = 0
    signal: int = 0
    """A Linux number; 0: none, or what was said when the thread could not go on yet."""


class Inferiors:
    """All of them. `stop_all` and `resume` keep them together."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self.by_pid: dict[int, Inferior] = {}
        self._pending: deque[Stop] = deque()
        self._signals: dict[int, int] = {}
        """By thread: the signal it is to get when it goes on."""
        self._reported: dict[int, int] = {}
        """By thread: the signal that it was reported to have stopped for."""

    def add(self, link: Link) -> Peer:
        """A new host process."""
        peer = Peer(link)
        self.peers.append(peer)
        return peer

    @property
    def attached(self) -> list[Inferior]:
        return [inferior for inferior in self.by_pid.values() if inferior.attached]

    def thread(self, tid: int) -> Inferior | None:
        """The attached process that has a thread."""
        for inferior in self.attached:
            if any(tid == number for number, _name in inferior.threads()):
                return inferior
        return None

    # What agents tell

    def hear(self, peer: Peer) -> None:
        """Take in what a peer has sent. Reads from its link at least once."""
        try:
            peer.messages.append(peer.link.receive())
            while peer.link.wait(0):
                peer.messages.append(peer.link.receive())
        except Closed:
            self.take_in(peer)
            self._lost(peer)
            return
        self.take_in(peer)

    def take_in(self, peer: Peer) -> None:
        """Look at what arrived while an answer was waited for."""
        while peer.messages:
            message, carried = peer.messages.popleft()
            self._message(peer, message, carried)

    def _message(self, peer: Peer, message: Message, carried: Link | None) -> None:
        match message:
            case ("link",) if carried is not None:
                self._meet(carried)
            case ("hello" | "child", pid, attached):
                self._known(peer, pid, attached=attached)
            case ("stopped", events):
                peer.running = False
                for pid, tid, event in events:
                    self._happened(Stop(pid, tid, event))
            case ("ended", pid, status):
                self._ended(pid, ("ended", status))
            case _:
                raise ValueError(f"unknown message {message[0]!r}")

    def _happened(self, stop: Stop) -> None:
        self._pending.append(stop)
        inferior = self.by_pid.get(stop.pid)
        if inferior is None:
            return
        kind = stop.event[0]
        if kind == "exec":
            inferior.forget_points()
        elif kind in ("fork", "vfork"):
            child = self.by_pid.get(stop.event[1])
            if child is not None and child.attached:
                child.inherit_points(inferior)

    def _meet(self, link: Link) -> None:
        """A host process was forked: it introduces itself before anything else."""
        peer = self.add(link)
        if link.wait(ANSWER_SECONDS):
            self.hear(peer)

    def _known(self, peer: Peer, pid: int, *, attached: bool) -> None:
        before = self.by_pid.get(pid)
        inferior = Inferior(pid, peer, attached=attached)
        self.by_pid[pid] = inferior
        if before is not None:
            before.peer.inferiors.pop(pid, None)
            inferior.created = before.created
            inferior.inherit_points(before)

    def _ended(self, pid: int, event: tuple[Any, ...]) -> None:
        inferior = self.by_pid.pop(pid, None)
        if inferior is None:
            return
        inferior.peer.inferiors.pop(pid, None)
        self._pending = deque(stop for stop in self._pending if stop.pid != pid)
        if inferior.attached:
            self._pending.append(Stop(pid, 0, event))

    def _lost(self, peer: Peer) -> None:
        """A host process has ended. What lived in it and did not say farewell was killed."""
        peer.link.close()
        peer.running = False
        if peer in self.peers:
            self.peers.remove(peer)
        for pid in list(peer.inferiors):
            self._ended(pid, ("ended", 9))

    # All together

    @property
    def running(self) -> bool:
        """Whether an attached thread may run."""
        return any(peer.running and peer.attached for peer in self.peers)

    @property
    def eventful(self) -> bool:
        """Whether there is something to report."""
        return bool(self._pending)

    def stop_all(self) -> None:
        """Let every attached thread stand still."""
        for peer in list(self.peers):
            if peer.running and peer.attached:
                try:
                    peer.call("halt")
                except Refused:
                    continue
                finally:
                    self.take_in(peer)
        until = time.monotonic() + ANSWER_SECONDS
        while waiting := [peer for peer in self.peers if peer.running and peer.attached]:
            if not waiting[0].link.wait(max(0.0, until - time.monotonic())):
                # It cannot answer, perhaps because somebody stopped the host process.
                waiting[0].running = False
                continue
            self.hear(waiting[0])
        for inferior in self.attached:
            inferior.forget()

    def next_stop(self) -> Stop | None:
        """What to report first, after `stop_all`; the rest is kept as far as it must be."""
        stops = list(self._pending)
        first = next((stop for stop in stops if stop.event[0] in _REPEATED), None)
        if first is None:
            first = stops[0] if stops else None
        self._pending = deque(
            stop for stop in stops if stop is not first and stop.event[0] not in _REPEATED
        )
        if first is not None and first.event[0] == "signal":
            self._reported[first.tid] = first.event[1]
        return first

    def resume(self, actions: dict[int, Resumption]) -> None:
        """Let threads go on. Nothing runs while something is still to be reported."""
        for tid, action in actions.items():
            self._reported.pop(tid, None)
            if action.signal:
                self._signals[tid] = action.signal
        if self._pending:
            return
        for peer in list(self.peers):
            listed = list(self._actions(peer, actions))
            if listed:
                peer.running = True
                for inferior in peer.attached:
                    inferior.forget()
                try:
                    peer.call("resume", listed)
                except Refused:
                    peer.running = False
                self.take_in(peer)
        self._signals.clear()

    def _actions(
        self, peer: Peer, actions: dict[int, Resumption]
    ) -> Iterator[tuple[int, bool, int, int, int]]:
        for inferior in peer.attached:
            for tid, _name in inferior.threads():
                if tid in actions:
                    how = actions[tid]
                    yield tid, how.step, how.start, how.end, self._signals.get(tid, 0)

    def attach(self, inferior: Inferior, follows: list[str]) -> None:
        """Take a process; it is to be stopped then."""
        inferior.peer.running = True
        inferior.attached = True
        inferior.forget()
        inferior.call("attach", inferior.pid, follows)
        self.take_in(inferior.peer)

    def detach(self, inferior: Inferior, *, pass_on: int) -> None:
        """Let a process go on by itself; stopped threads get their signals that are in a sigset_t."""
        given = {}
        for stop in self._pending:
            if stop.pid == inferior.pid and stop.event[0] == "signal":
                given[stop.tid] = stop.event[1]
        given |= self._reported | self._signals
        given = {tid: signo for tid, signo in given.items() if pass_on >> (signo - 1) & 1}
        self._pending = deque(stop for stop in self._pending if stop.pid != inferior.pid)
        inferior.attached = False
        inferior.forget_points()
        if not inferior.peer.attached:
            inferior.peer.running = False
        try:
            inferior.call("detach", inferior.pid, given)
        except Refused:
            return
        finally:
            self.take_in(inferior.peer)

    def kill(self, inferior: Inferior) -> None:
        """SIGKILL, and wait for the end, which is not reported."""
        try:
            inferior.call("kill", inferior.pid)
        except Refused:
            return
        until = time.monotonic() + ANSWER_SECONDS
        peer = inferior.peer
        self.take_in(peer)
        while inferior.pid in self.by_pid and peer.link.wait(max(0.0, until - time.monotonic())):
            self.hear(peer)
        self._pending = deque(stop for stop in self._pending if stop.pid != inferior.pid)
