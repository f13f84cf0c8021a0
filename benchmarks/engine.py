"""Print how fast the engine runs compute kernels, as ratios to qemu-aarch64 in the same run.

    python benchmarks/engine.py [--engine NAME]... [--rounds N] [--only TEXT]

Whole processes, start-up included, with nothing kept from one to the next; rounds are interleaved
and medians shown. Above 1, elfuse is the faster one. Every output is compared with qemu's.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# A script has its own directory on the path, not the repository.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from elfuse.engine import NAMES, default_name
from tests.support import ELFUSE, EMULATOR, ROOT, compile_guest, environment

KERNELS = ROOT / "benchmarks" / "guest" / "kernels"
_FLAGS = ("-O2", "-fno-tree-vectorize", "-lm")
_PATIENCE = 300


def _timed(command: list[str], variables: dict[str, str]) -> tuple[float, bytes]:
    begin = time.perf_counter()
    done = subprocess.run(
        command, check=True, capture_output=True, env=variables, timeout=_PATIENCE
    )
    return time.perf_counter() - begin, done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", action="append", choices=NAMES, help="may be repeated")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="kernels whose name has this text")
    options = parser.parse_args()
    if not shutil.which(EMULATOR):
        sys.exit(f"not installed: {EMULATOR}; see {ROOT / 'scripts/apt-packages.txt'}")
    engines = options.engine or [default_name()]
    kernels = sorted(path for path in KERNELS.glob("*.c") if options.only in path.stem)
    wrong = 0
    ratios: dict[str, list[float]] = {engine: [] for engine in engines}
    print(
        f"{'kernel':10} {'qemu ms':>8}",
        *(f"{engine + ' ms':>12} {'ratio':>6}" for engine in engines),
    )
    with tempfile.TemporaryDirectory(prefix="elfuse-benchmark-") as name:
        variables = environment(Path(name))
        for kernel in kernels:
            binary = str(compile_guest(kernel, flags=_FLAGS))
            commands = {"": [EMULATOR, binary]}
            commands |= {engine: [*ELFUSE, "--engine", engine, binary] for engine in engines}
            seconds: dict[str, list[float]] = {contestant: [] for contestant in commands}
            outputs = {}
            for _ in range(options.rounds):
                for contestant, command in commands.items():
                    taken, outputs[contestant] = _timed(command, variables)
                    seconds[contestant].append(taken)
            medians = {each: statistics.median(taken) for each, taken in seconds.items()}
            cells = [f"{kernel.stem:10} {1000 * medians['']:8.0f}"]
            for engine in engines:
                ratio = medians[""] / medians[engine]
                ratios[engine].append(ratio)
                differs = outputs[engine] != outputs[""]
                wrong += differs
                mark = " WRONG" if differs else ""
                cells.append(f"{1000 * medians[engine]:12.0f} {ratio:6.2f}{mark}")
            print(*cells, flush=True)
    for engine, found in ratios.items():
        print(f"geometric mean, {engine}: {statistics.geometric_mean(found):.2f}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
