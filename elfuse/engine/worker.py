"""How the process that fills the cache is started, which every first run of a program does at its end."""

import os
import sys

from elfuse.light import signal, suppress

LIBRARY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""Where this installation is imported from."""


def start_worker(root: str) -> None:
    """Have the profiles in a cache turned into objects by a process of its own, at lowest priority.

    It ends by itself when there are none any more or time is up, and at once if another works.
    """
    code = f"import sys; sys.path.insert(0, {LIBRARY!r}); from elfuse.engine import filling; "
    null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in range(3)]
    with suppress(OSError):
        # Without it there are profiles for the next one.
        os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-c", f"{code}filling.work({root!r})"],
            dict(os.environ),
            file_actions=null,
            setsid=True,
            setsigmask=(),
            setsigdef=set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP},
        )
