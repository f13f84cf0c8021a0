"""Timing commands against each other, and the memory that a tree of processes takes."""

import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import EMULATOR, environment

PATIENCE = 300
_SAMPLING = 0.01
"""Seconds between two looks at the memory of a tree of processes."""

Command = Sequence[str]

_SCRIPT = f"""#!{sys.executable}
import sys
from elfuse.__main__ import main
sys.exit(main())
"""


class Failed(Exception):
    """A command that was to be measured did not succeed."""


@dataclass(frozen=True)
class Result:
    """A line of the table. `ratio` says how often elfuse is better, above 1 in its favour."""

    name: str
    qemu: str
    elfuse: str
    ratio: float
    wrong: str = ""
    notes: tuple[str, ...] = ()


@dataclass
class Bench:
    """What sections share: the engine, how many rounds, and a directory of the run's own."""

    engine: str
    rounds: int
    scratch: Path
    homes: dict[str, Path] = field(default_factory=dict)

    def home(self, name: str) -> Path:
        """A directory for elfuse's store and cache, empty when it is first asked for."""
        if name not in self.homes:
            self.homes[name] = self.scratch / f"home-{len(self.homes)}"
            self.homes[name].mkdir()
        return self.homes[name]

    def fresh(self, name: str) -> Path:
        """The same, empty again; whatever still fills the old one is ended."""
        if name in self.homes:
            for pid in _users(self.homes[name]):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self.homes.pop(name), ignore_errors=True)
        return self.home(name)

    def elfuse(self, *guest: str, sysroot: Path | None = None) -> list[str]:
        """The command that runs a guest on elfuse."""
        root = ["--sysroot", str(sysroot)] if sysroot else []
        return [self._command(), "--engine", self.engine, *root, *guest]

    def _command(self) -> str:
        """`elfuse` as pip installs it, for the source tree. `python -m` takes some milliseconds more."""
        command = self.scratch / "bin" / "elfuse"
        if not command.exists():
            command.parent.mkdir()
            command.write_text(_SCRIPT)
            command.chmod(0o755)
        return str(command)

    def race(self, name: str, qemu: Command, elfuse: Command, home: str = "warm") -> Result:
        """Medians of interleaved rounds; outputs have to be the same.

        Both run once before it counts, and what elfuse does about its cache then is waited for.
        """
        place = self.home(home)
        timed(qemu, place)
        timed(elfuse, place)
        settle(place)
        found = medians(
            self.rounds,
            {"qemu": lambda: timed(qemu, place), "elfuse": lambda: timed(elfuse, place)},
        )
        return compared(name, *found)


@dataclass(frozen=True)
class Taken:
    """A command's time, and what it printed."""

    seconds: float
    output: bytes


def qemu(*guest: str, sysroot: Path | None = None) -> list[str]:
    """The command that runs a guest on qemu-user."""
    return [EMULATOR, *(["-L", str(sysroot)] if sysroot else []), *guest]


def user_environment(home: Path) -> dict[str, str]:
    """What users have: unlike tests, with the cache of translations, below `home`."""
    return environment(home) | {"ELFUSE_CACHE": str(home / "cache")}


def timed(command: Command, home: Path) -> Taken:
    """Run to the end; Failed with the end of what it said."""
    begin = time.perf_counter()
    try:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=user_environment(home),
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"not done after {PATIENCE} s") from None
    taken = time.perf_counter() - begin
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise Failed(f"exit status {done.returncode}: {said.rpartition(chr(10))[2]}")
    return Taken(taken, done.stdout)


def medians(rounds: int, contestants: Mapping[str, Callable[[], Taken]]) -> list[Taken]:
    """Of each contestant the median time and the last output; a round has one run of each."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    outputs: dict[str, bytes] = {}
    for _ in range(rounds):
        for name, once in contestants.items():
            taken = once()
            seconds[name].append(taken.seconds)
            outputs[name] = taken.output
    return [Taken(statistics.median(seconds[name]), outputs[name]) for name in contestants]


def compared(name: str, theirs: Taken, ours: Taken) -> Result:
    """A line in milliseconds."""
    wrong = "" if theirs.output == ours.output else "other output than qemu's"
    ratio = theirs.seconds / ours.seconds
    return Result(name, *cells("{:.0f} ms", 1e3 * theirs.seconds, 1e3 * ours.seconds), ratio, wrong)


def cells(layout: str, theirs: float, ours: float) -> tuple[str, str]:
    """Two numbers as a line shows them."""
    return layout.format(theirs), layout.format(ours)


def _users(home: Path) -> list[int]:
    """Processes that were started with `home` as their ELFUSE_HOME."""
    wanted = f"ELFUSE_HOME={home}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        # It may end meanwhile, or be somebody else's.
        with suppress(OSError):
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


def settle(home: Path) -> None:
    """Wait until nobody fills the cache below `home` any more."""
    end = time.monotonic() + PATIENCE
    while _users(home):
        if time.monotonic() > end:
            raise Failed(f"the cache is still being filled after {PATIENCE} s")
        time.sleep(0.02)


def peak_memory(command: Command, home: Path) -> int:
    """Bytes: the largest proportional set size of the process and its descendants, by sampling."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=user_environment(home),
    ) as process:
        done = threading.Event()
        peak = 0

        def sample() -> None:
            nonlocal peak
            while not done.wait(_SAMPLING):
                peak = max(peak, sum(map(_proportional, _tree(process.pid))))

        sampler = threading.Thread(target=sample)
        sampler.start()
        try:
            status = process.wait(PATIENCE)
        finally:
            done.set()
            sampler.join()
    if status:
        raise Failed(f"exit status {status}")
    return peak


def _tree(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        with suppress(OSError):
            for children in Path(f"/proc/{parent}/task").glob("*/children"):
                found += map(int, children.read_text().split())
    return found


def _proportional(pid: int) -> int:
    """Bytes, as proc(5) has them in smaps_rollup; none of a process that has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return 1024 * int(line.split()[1])
    return 0
