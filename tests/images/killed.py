"""A process that pulls in children of its own, which are killed at a chosen moment.

Run as `python -m tests.images.killed REFERENCE`; each line of input, `STORE LAYERS EVENT`, starts a
child. With an EVENT above 0 the child kills itself with SIGKILL before it touches the store's files
for the EVENTth time; otherwise the test kills it. Answers are the child's pid, then its exit status
and how often it touched the store.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from elfuse.images.pull import pull
from elfuse.images.store import Store
from tests.images.conftest import QUICK
from tests.images.sinks import DiskLayers

_TOUCHES = {"open", "os.rename", "os.remove", "os.mkdir"}


def child(reference: str, store: Path, layers: Path, deadline: int, report: int) -> None:
    events = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal events
        if event in _TOUCHES and str(store) in str(arguments[0]):
            events += 1
            if events == deadline:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    pull(reference, Store(store), sinks=DiskLayers(layers), options=QUICK, environ={})
    os.write(report, str(events).encode())


def main(reference: str) -> None:
    for line in sys.stdin:
        store, layers, deadline = line.split()
        source, report = os.pipe()
        pid = os.fork()
        if not pid:
            status = 1
            try:
                child(reference, Path(store), Path(layers), int(deadline), report)
                status = 0
            finally:
                os._exit(status)
        os.close(report)
        print(pid, flush=True)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        events = os.read(source, 20).decode() or "0"
        os.close(source)
        print(status, events, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
