"""Where the time of a short guest goes: interpreter, imports, set-up, guest, end."""

import json
import os
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

from benchmarks.measure import PATIENCE, Failed, user_environment

PARTS = ("interpreter", "imports", "set-up", "guest", "end")

# Runs elfuse with clock readings at the first line, behind the imports that it was told to do, at
# the first instruction of the guest, and at the exit of the process. What it imports besides is
# what the next run is told.
_PROBE = """
import time
marks = [time.monotonic_ns()]
import os, sys
from elfuse import finder
finder.install()
for name in sys.argv.pop(1).split(","):
    __import__(name)
from elfuse.__main__ import main
from elfuse.runtime.task import Task
marks.append(time.monotonic_ns())
run, leave = Task.run, os._exit
def first(task):
    marks.append(time.monotonic_ns())
    run(task)
def last(status):
    marks.append(time.monotonic_ns())
    loaded = [name for name in sys.modules if name != "__main__"]
    # JSON, without loading more.
    os.write(2, str([marks, loaded]).replace("'", '"').encode())
    leave(status)
Task.run, os._exit = first, last
main()
"""


def breakdown(guest: list[str], home: Path, rounds: int) -> dict[str, float]:
    """Milliseconds of each of PARTS, medians; the guest is what follows `elfuse`."""
    _, modules = _probe(guest, home, ["os"])
    times = [_probe(guest, home, modules)[0] for _ in range(rounds)]
    return {
        part: statistics.median(column) / 1e6
        for part, column in zip(PARTS, zip(*times, strict=True), strict=True)
    }


def _probe(guest: list[str], home: Path, modules: list[str]) -> tuple[list[int], list[str]]:
    """Nanoseconds of each part, and the modules that were loaded in the end, in order."""
    command = [sys.executable, "-c", _PROBE, ",".join(modules), *guest]
    begin = time.monotonic_ns()
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=user_environment(home),
        timeout=PATIENCE,
    )
    marks = [begin, 0, 0, 0, 0, time.monotonic_ns()]
    try:
        marks[1:5], loaded = json.loads(done.stderr)
    except ValueError:
        raise Failed(f"the start cannot be taken apart: {os.fsdecode(done.stderr)}") from None
    return [after - before for before, after in pairwise(marks)], loaded
