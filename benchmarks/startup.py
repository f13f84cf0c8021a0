"""Print where the time of /bin/true goes, beside qemu-aarch64's for all of it.

    python benchmarks/startup.py [--rounds N] [--engine NAME] [PROGRAM [ARGUMENT]...]

The program is one of debian-mini. Processor time, because it is the same on a busy machine;
medians of interleaved rounds. What is asked of the installed elfuse is asked here of the modules in
the source tree, without `site`, as the installed command does.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# A script has its own directory on the path, not the repository.
sys.path.insert(0, str(ROOT))

from benchmarks.phases import MARK  # noqa: E402
from tests.support import EMULATOR, built_image  # noqa: E402

_PHASES = ("interpreter", "imports", "set-up", "guest instructions", "system calls", "end")


def processor_time(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Nanoseconds, and what the command said on stderr."""
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment, text=True
    ) as running:
        assert running.stderr is not None
        said = running.stderr.read()
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        sys.exit(f"{' '.join(command)}: exit status {running.returncode}\n{said}")
    return int((usage.ru_utime + usage.ru_stime) * 1e9), said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--engine", default="jit")
    parser.add_argument("program", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    sysroot = built_image("debian-mini")[1]
    program, *arguments = options.program or ["/usr/bin/true"]
    guest = [f"{sysroot}{program}", *arguments]
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from benchmarks.phases import run; run()"
    )
    elfuse = [sys.executable, "-I", "-S", "-c", start, "--engine", options.engine]
    elfuse += ["--sysroot", str(sysroot), *guest]
    emulated: list[int] = []
    phases: list[list[int]] = []
    for _ in range(options.rounds + 1):
        emulated.append(processor_time([EMULATOR, "-L", str(sysroot), *guest], environment)[0])
        total, said = processor_time(elfuse, environment)
        line = next(line for line in said.splitlines() if line.startswith(MARK))
        times = [int(word) for word in line.removeprefix(MARK).split()]
        phases.append([*times, total - sum(times)])
    # The first round filled caches.
    yardstick = statistics.median(emulated[1:])
    medians = [statistics.median(column) for column in zip(*phases[1:], strict=True)]
    print(f"{program}: processor time in ms, share of elfuse's, ratio to qemu-aarch64's")
    for name, found in zip(_PHASES, medians, strict=True):
        share = found / sum(medians)
        print(f"  {name:20}{found / 1e6:8.1f}{share:8.0%}{found / yardstick:8.2f}")
    print(f"  {'elfuse':20}{sum(medians) / 1e6:8.1f}{1:8.0%}{sum(medians) / yardstick:8.2f}")
    print(f"  {'qemu-aarch64':20}{yardstick / 1e6:8.1f}{'':8}{1:8.2f}")


if __name__ == "__main__":
    main()
