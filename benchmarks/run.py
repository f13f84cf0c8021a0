"""Print times and ratios to qemu-aarch64 and to skopeo + umoci, measured in one run.

    python benchmarks/run.py [--engine NAME]... [--rounds N] [--only TEXT]

Rounds are interleaved, so that a machine that gets slower does so for everybody; what is shown
are medians. Below 1 in the ratio, elfuse is the faster one.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

# A script has its own directory on the path, not the repository.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.workloads import workloads
from elfuse.engine import NAMES, default_name
from tests.registry import docker_registry
from tests.support import ELFUSE, ROOT, built_image, environment

PROGRAMS = ("qemu-aarch64", "aarch64-linux-gnu-gcc", "docker-registry", "skopeo", "umoci")
_PATIENCE = 300


class Failed(Exception):
    """A command that was to be timed did not succeed."""


@dataclass
class Row:
    """A piece of work: how each contestant does it once, and the seconds it took them."""

    name: str
    contestants: dict[str, Callable[[], float]]
    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def round(self) -> None:
        for contestant, once in self.contestants.items():
            if contestant in self.failures:
                continue
            try:
                self.seconds.setdefault(contestant, []).append(once())
            except Failed as failure:
                self.failures[contestant] = str(failure)

    def median(self, contestant: str) -> float | None:
        taken = self.seconds.get(contestant)
        return statistics.median(taken) if taken and contestant not in self.failures else None


def timed(command: list[str], variables: dict[str, str]) -> float:
    """Seconds the command takes; Failed with the end of what it said."""
    begin = time.perf_counter()
    try:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=variables,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"not done after {_PATIENCE} s") from None
    taken = time.perf_counter() - begin
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise Failed(f"exit status {done.returncode}: {said.rpartition(chr(10))[2]}")
    return taken


def guest_rows(engines: list[str], scratch: Path) -> list[Row]:
    variables = environment(scratch)
    rows = []
    for workload in workloads(scratch):
        commands = {"qemu-aarch64": workload.qemu()}
        commands |= {f"elfuse, {name}": workload.elfuse(list(ELFUSE), name) for name in engines}
        runs = {name: _timer(command, variables) for name, command in commands.items()}
        rows.append(Row(workload.name, runs))
    return rows


def _timer(command: list[str], variables: dict[str, str]) -> Callable[[], float]:
    return lambda: timed(command, variables)


def pull_row(host: str, scratch: Path) -> Row:
    """From a registry on loopback into nothing, to files that can be run."""
    layout = built_image("debian-mini")[0]
    reference = f"{host}/debian-mini:latest"
    skopeo = ["skopeo", "--insecure-policy", "copy", "-q"]
    variables = dict(os.environ)
    push = [*skopeo, "--dest-tls-verify=false", f"oci:{layout}:latest", f"docker://{reference}"]
    timed(push, variables)

    def others() -> float:
        copy, bundle = scratch / "copy", scratch / "bundle"
        fetch = [*skopeo, "--src-tls-verify=false", f"docker://{reference}", f"oci:{copy}:latest"]
        unpack = ["umoci", "unpack", "--rootless", "--image", f"{copy}:latest", str(bundle)]
        try:
            return timed(fetch, variables) + timed(unpack, variables | {"HOME": str(scratch)})
        finally:
            shutil.rmtree(copy, ignore_errors=True)
            shutil.rmtree(bundle, ignore_errors=True)

    def elfuse() -> float:
        home = scratch / "store"
        try:
            return timed([*ELFUSE, "pull", "-q", reference], environment(home))
        finally:
            shutil.rmtree(home, ignore_errors=True)

    return Row("pull debian-mini", {"skopeo + umoci": others, "elfuse": elfuse})


def table(rows: list[Row]) -> str:
    """A line per row and contestant, the first contestant of a row being the yardstick."""
    lines = [("", "", "median ms", "min", "max", "ratio")]
    for row in rows:
        name = row.name
        first = row.median(next(iter(row.contestants)))
        for contestant in row.contestants:
            median = row.median(contestant)
            if median is None:
                lines.append((name, contestant, "failed", "", "", ""))
            else:
                taken = row.seconds[contestant]
                numbers = [f"{1000 * s:.1f}" for s in (median, min(taken), max(taken))]
                ratio = f"{median / first:.2f}" if first else ""
                lines.append((name, contestant, numbers[0], numbers[1], numbers[2], ratio))
            name = ""
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    shown = []
    for line in lines:
        cells = [line[i].ljust(widths[i]) if i < 2 else line[i].rjust(widths[i]) for i in range(6)]
        shown.append("  ".join(cells).rstrip())
    return "\n".join(shown)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", action="append", choices=NAMES, help="may be repeated")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="rows whose name has this text")
    options = parser.parse_args()
    if missing := [program for program in PROGRAMS if not shutil.which(program)]:
        sys.exit(f"not installed: {', '.join(missing)}; see {ROOT / 'scripts/apt-packages.txt'}")
    with tempfile.TemporaryDirectory(prefix="elfuse-benchmark-") as name:
        scratch = Path(name)
        with docker_registry(scratch) as registry:
            rows = guest_rows(options.engine or [default_name()], scratch)
            rows.append(pull_row(registry.host, scratch))
            rows = [row for row in rows if options.only in row.name]
            for number in range(options.rounds):
                print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
                for row in rows:
                    row.round()
    print(table(rows))
    for row in rows:
        for contestant, reason in row.failures.items():
            print(f"{row.name}: {contestant}: {reason}", file=sys.stderr)
    return 1 if any(row.failures for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
