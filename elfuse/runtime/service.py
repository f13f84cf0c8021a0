"""Who takes host signals, what other processes left in the inbox, and timers.

A process with one task serves itself: a host signal makes its vCPU or its sleep return, and the
task looks. A second task, or an engine that signals do not interrupt, needs a thread for it.
"""

from __future__ import annotations

import _thread
import os
import select
import time

from elfuse import host
from elfuse.light import signal, suppress
from elfuse.runtime.processes import KICK
from elfuse.runtime.timers import TimerQueue
from elfuse.typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elfuse.runtime.kernel import Kernel

_WAKE = b"\0"
TAKEN = (int(KICK), int(signal.SIGCHLD), *host.forwarded_signals())
"""Host signals that have a meaning for guests."""


class Service:
    """Of one host process. Guarded by the kernel lock."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.timers = TimerQueue()
        self.timers.earlier = self._deadline_moved
        self.by_task = False
        """The only task calls `serve` whenever it was interrupted."""
        self._interrupting = False
        """The engine lets signals interrupt a vCPU."""
        self._alarm_ns = 0
        """When the host's SIGALRM is ours, 0 for never."""
        self._read = self._write = -1
        self._before: Any = ()
        """What was blocked before `hold_signals`."""

    def take_host_signals(self) -> None:
        """Install handlers for every host signal that has a guest meaning."""
        for number in TAKEN:
            signal.signal(number, _ignore)
        # Terminal access of background processes is decided by the guest's process groups
        # (files/tty.py); a host stop in the middle of a system call would be wrong.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)
        self._interrupting = self._kernel.engine.interrupt_on(TAKEN)

    def start(self) -> None:
        """Begin to serve. In the host process's main thread: at boot, and in the child of a fork."""
        self._read, self._write = host.pipe_without_waiting()
        # The C-level handler writes the number at once, in whatever thread; the Python-level
        # one only has to exist.
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._alarm_ns = 0
        self.by_task = self._interrupting
        if not self.by_task:
            _thread.start_new_thread(self._serve_forever, ())
            return
        # Somebody put it into the inbox before anybody could be kicked. There are no children yet.
        if any(process.entry.has_mail for process in self._kernel.hosted.values()):
            self._kernel.collect()
        if self.timers.next_deadline() is not None:
            self._set_alarm()

    def after_fork(self) -> None:
        """In the child, which inherits no timers, with signals held: begin anew."""
        self.timers.clear()
        os.close(self._read)
        os.close(self._write)
        self.start()
        self.release_signals()

    def hold_signals(self) -> None:
        """Before a fork: the child cannot tell its signals from its parent's until it `start`s."""
        self._before = signal.pthread_sigmask(signal.SIG_BLOCK, TAKEN)

    def release_signals(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)

    def need_thread(self) -> None:
        """A second task is about to run, so none of them looks after all."""
        if self.by_task:
            self.by_task = False
            for process in self._kernel.hosted.values():
                process.memory.stop_calls()
            if self._alarm_ns:
                signal.setitimer(signal.ITIMER_REAL, 0)
                self._alarm_ns = 0
            _thread.start_new_thread(self._serve_forever, ())

    def watch(self, poller: select.poll) -> None:
        """Let a sleep of the only task end when there is something to serve."""
        if self.by_task:
            poller.register(self._read, select.POLLIN)

    def serve(self) -> None:
        """Look once; for the only task, when it was interrupted."""
        self._look(self._arrived())
        if self._alarm_ns == 0 and self.timers.next_deadline() is not None:
            self._set_alarm()

    def _arrived(self) -> set[int]:
        try:
            return set(os.read(self._read, 4096))
        except BlockingIOError:
            return set()

    def _look(self, numbers: set[int]) -> None:
        for number in numbers:
            if number == signal.SIGALRM and 0 < self._alarm_ns <= time.monotonic_ns():
                self._alarm_ns = 0
            elif number:
                self._kernel.host_signal(number)
        self.timers.run_expired()

    def _deadline_moved(self) -> None:
        if self._write < 0:
            # Not started yet: that is when timers are looked at first.
            return
        if self.by_task:
            self._set_alarm()
        else:
            with suppress(BlockingIOError):
                os.write(self._write, _WAKE)

    def _set_alarm(self) -> None:
        """Have the host's SIGALRM sent at the next deadline; one sent by somebody comes earlier."""
        deadline = self.timers.next_deadline()
        assert deadline is not None
        # Rounded up to the timer's unit: an alarm before its time would not be taken for one.
        delay = max(1, -(-(deadline - time.monotonic_ns()) // 1000))
        self._alarm_ns = deadline
        signal.setitimer(signal.ITIMER_REAL, delay / 1_000_000)

    def _serve_forever(self) -> None:
        poller = select.poll()
        poller.register(self._read, select.POLLIN)
        # Kicks between the fork and the new wake-up descriptor went to the parent.
        numbers = {int(KICK), int(signal.SIGCHLD)}
        while True:
            with self._kernel.lock:
                self._look(numbers)
                deadline = self.timers.next_deadline()
            timeout = None
            if deadline is not None:
                timeout = max(0, -(-(deadline - time.monotonic_ns()) // 1_000_000))
            poller.poll(timeout)
            numbers = self._arrived()


def _ignore(_number: int, _frame: object) -> None:
    """The wake-up descriptor has told already."""
