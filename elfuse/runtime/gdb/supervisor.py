"""The process that speaks with the debugger: the parent of the host process that runs the guest.

It is not a guest process, so it outlives them: it can tell of their end and start them anew. To
whoever started elfuse it behaves like the guest: it ends with its status, stops when it stops, and
passes on the signals that are sent to it.
"""

from __future__ import annotations

import os
import select
import sys

from elfuse import host
from elfuse.light import signal, suppress
from elfuse.record import Record, replace
from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.boot import Program
from elfuse.runtime.gdb.address import Listener
from elfuse.runtime.gdb.agent import Agent
from elfuse.runtime.gdb.connection import Connection, Gone
from elfuse.runtime.gdb.inferiors import Inferiors
from elfuse.runtime.gdb.link import Link
from elfuse.runtime.gdb.peers import Inferior, Peer, Refused
from elfuse.runtime.gdb.session import Session
from elfuse.runtime.kernel import Kernel
from elfuse.runtime.processes import ProcessTable
from elfuse.typing import Callable, NoReturn

_PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_FROM_TERMINALS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
"""These reach the guest's host process by themselves, which is in the same group."""


class Debugging(Record):
    """The command line's part: where to listen, and whether the guest waits for a debugger."""

    address: str
    stop_on_entry: bool = False


def supervise(
    kernel: Kernel, program: Program, debugging: Debugging, boot: Callable[[Program], NoReturn]
) -> NoReturn:
    """Run the program under a debugger; the host process ends with its status.

    `boot` runs a program in `kernel`, in a child process. UsageError for an address that cannot be
    listened on.
    """
    listener = Listener(debugging.address)
    supervisor = _Supervisor(kernel, program, boot, listener)
    supervisor.start(replace(program, stopped=debugging.stop_on_entry))
    # Now there is something to see for who connects at once.
    sys.stderr.write(f"elfuse: gdb: listening on {listener.describe()}\n")
    status = supervisor.serve()
    listener.close()
    kernel.run_at_exit()
    if os.WIFSIGNALED(status):
        os._exit(128 + os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status))


class _Supervisor:
    def __init__(
        self,
        kernel: Kernel,
        program: Program,
        boot: Callable[[Program], NoReturn],
        listener: Listener,
    ) -> None:
        self._kernel = kernel
        self._program = program
        self._boot = boot
        self._listener = listener
        self._inferiors = Inferiors()
        self._session: Session | None = None
        self._child = 0
        """The host process of the first guest process; 0 when it has ended."""
        self._first: Peer
        """Its agent."""
        self._status = 0
        self._read, self._write = host.pipe_without_waiting()

    # Guests

    def start(self, program: Program) -> Peer:
        """Boot a program in a child process; its agent, with no process if it cannot be executed."""
        ours, theirs = Link.pair()
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for number in (*_PASSED_ON, *_FROM_TERMINALS, signal.SIGCHLD, signal.SIGCONT):
                signal.signal(number, signal.SIG_DFL)
            ours.close()
            self._leave()
            self._run(program, theirs)
        theirs.close()
        self._child = pid
        self._first = peer = self._inferiors.add(ours)
        while not peer.inferiors and peer in self._inferiors.peers:
            self._inferiors.hear(peer)
        return peer

    def _leave(self) -> None:
        """In a child: what belongs to the supervisor alone."""
        self._listener.close_inherited()
        os.close(self._read)
        os.close(self._write)
        if self._session is not None:
            self._session.close_inherited()
        for peer in self._inferiors.peers:
            peer.link.close()

    def _run(self, program: Program, link: Link) -> NoReturn:
        kernel = self._kernel
        # What must be done after the run is the supervisor's business.
        kernel.at_exit = []
        kernel.processes = ProcessTable(1 if kernel.options.contained else os.getpid())
        kernel.debugger = Agent(kernel, link)
        self._boot(program)

    def _run_anew(self, words: list[bytes]) -> Inferior:
        """vRun: the program with other arguments, or another program; it stops before it begins."""
        path, *arguments = words
        if self._first in self._inferiors.peers:
            if self._first.inferiors:
                raise Refused(Errno.EBUSY)
            # Its last process has said farewell.
            while self._first in self._inferiors.peers:
                self._inferiors.hear(self._first)
        self._wait_for_child(0)
        program = self._program
        argv = [path or program.argv[0], *arguments]
        peer = self.start(replace(program, path=path or program.path, argv=argv, stopped=True))
        if not peer.inferiors:
            self._wait_for_child(0)
            raise Refused(Errno.ENOENT)
        return next(iter(peer.inferiors.values()))

    # Serving

    def serve(self) -> int:
        """Until the guest has ended and no debugger wants more of it; its wait(2) status."""
        self._take_signals()
        while self._child or self._session is not None:
            ready = self._wait()
            if self._read in ready:
                with suppress(BlockingIOError):
                    self._signals(os.read(self._read, 4096))
            for peer in list(self._inferiors.peers):
                if peer.link.fileno() in ready:
                    self._inferiors.hear(peer)
            try:
                self._talk(ready)
            except Gone:
                # Who else wants to connect is looked at next time.
                self._end_session()
        return self._status

    def _wait(self) -> set[int]:
        """Until something arrives; where it did."""
        watched = [self._read, self._listener.socket.fileno()]
        watched += [peer.link.fileno() for peer in self._inferiors.peers]
        if self._session is not None:
            watched.append(self._session.fileno())
        # Made anew: a number that was closed may be another connection's by now.
        poller = select.poll()
        for fd in watched:
            poller.register(fd, select.POLLIN)
        return {fd for fd, _events in poller.poll()}

    def _talk(self, ready: set[int]) -> None:
        session = self._session
        busy = session is not None and session.fileno() in ready
        if session is not None:
            session.settle()
            if not session.over and busy:
                session.arrived()
            if session.over:
                self._end_session()
        # Before somebody else is turned away, it is seen whether the first one has left.
        if self._listener.socket.fileno() in ready and not busy:
            self._accept()

    def _accept(self) -> None:
        try:
            connection, _address = self._listener.socket.accept()
        except OSError:
            return
        if self._session is not None:
            # One at a time; what it would see must not change under its hands.
            connection.close()
            return
        self._session = Session(Connection(connection), self._inferiors, self._run_anew)
        self._session.begin()

    def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.release()
            session.close()

    # Signals

    def _take_signals(self) -> None:
        signal.set_wakeup_fd(self._write)
        for number in (*_PASSED_ON, signal.SIGCHLD):
            signal.signal(number, lambda _number, _frame: None)
        for number in _FROM_TERMINALS:
            signal.signal(number, signal.SIG_IGN)

    def _signals(self, numbers: bytes) -> None:
        for number in set(numbers):
            if number == signal.SIGCHLD:
                self._wait_for_child(os.WNOHANG)
            elif self._child and number in _PASSED_ON:
                os.kill(self._child, number)

    def _wait_for_child(self, how: int) -> None:
        if not self._child:
            return
        pid, status = os.waitpid(self._child, how | os.WUNTRACED)
        if pid and os.WIFSTOPPED(status):
            # The shell is to see its job stop, and continues the whole group.
            os.kill(os.getpid(), signal.SIGSTOP)
        elif pid:
            self._child, self._status = 0, status
