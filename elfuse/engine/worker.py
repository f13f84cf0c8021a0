"""How the process that fills the cache is started, which every first run of a program does at its end."""

import os
import sys

from elfuse.light import signal, suppress

LIBRARY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""Where this installation is imported from."""


def start_worker(root: str) -> None:
    """Have the profiles in a cache turned into objects by a process of its own, at lowest priority.

    It ends by itself when there are none any more or time is up, and at once if another works.
    For a process that is about to end: posix_spawn would wait until the other executes, up to 10 ms
    where the thread that compiles has the processor.
    """
    with suppress(OSError):
        # Without it there are profiles for the next one.
        if os.fork() == 0:
            _become_worker(root)


def _become_worker(root: str) -> None:
    code = f"import sys; sys.path.insert(0, {LIBRARY!r}); from elfuse.engine import filling; "
    try:
        # First: somebody may be waiting for the end of what the guest wrote.
        null = os.open(os.devnull, os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
            os.set_inheritable(fd, True)
        os.setsid()
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.execv(sys.executable, [sys.executable, "-I", "-c", f"{code}filling.work({root!r})"])
    finally:
        os._exit(127)
