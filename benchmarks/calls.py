"""Print what system calls cost, as ratios to qemu-aarch64 in the same run.

    python benchmarks/calls.py [--engine NAME]... [--rounds N] [--count N] [--only TEXT]

The guest measures its own loop, without start-up. Rounds are interleaved and the least times shown.
Above 1, elfuse is the faster one.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

# A script has its own directory on the path, not the repository.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from elfuse.engine import NAMES, default_name
from tests.support import ELFUSE, EMULATOR, ROOT, compile_guest, environment

PROGRAM = ROOT / "benchmarks" / "guest" / "calls.c"
_PATIENCE = 300


def _output(command: list[str], home: Path) -> str:
    done = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        env=environment(home),
        cwd=home,
        timeout=_PATIENCE,
    )
    return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", action="append", choices=NAMES, help="may be repeated")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=100_000, help="calls in each round")
    parser.add_argument("--only", default="", help="calls whose name has this text")
    options = parser.parse_args()
    if not shutil.which(EMULATOR):
        sys.exit(f"not installed: {EMULATOR}; see {ROOT / 'scripts/apt-packages.txt'}")
    engines = options.engine or [default_name()]
    binary = str(compile_guest(PROGRAM, flags=["-O2"]))
    commands = {"qemu": [EMULATOR, binary]}
    commands |= {engine: [*ELFUSE, "--engine", engine, binary] for engine in engines}
    ratios: dict[str, list[float]] = {engine: [] for engine in engines}
    print(
        f"{'call':20} {'qemu ns':>8}",
        *(f"{engine + ' ns':>12} {'ratio':>6}" for engine in engines),
    )
    with tempfile.TemporaryDirectory(prefix="elfuse-benchmark-") as directory:
        home = Path(directory)
        names = _output(commands["qemu"], home).splitlines()
        for name in names:
            if options.only not in name:
                continue
            least = dict.fromkeys(commands, float("inf"))
            for _ in range(options.rounds):
                for contestant, command in commands.items():
                    taken = float(_output([*command, name, str(options.count)], home))
                    least[contestant] = min(least[contestant], taken)
            cells = [f"{name:20} {least['qemu']:8.0f}"]
            for engine in engines:
                ratio = least["qemu"] / least[engine]
                ratios[engine].append(ratio)
                cells.append(f"{least[engine]:12.0f} {ratio:6.2f}")
            print(*cells, flush=True)
    for engine, found in ratios.items():
        print(f"geometric mean, {engine}: {statistics.geometric_mean(found):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
