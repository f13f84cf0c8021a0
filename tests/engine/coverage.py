"""Which encodings of the engine's table the guest corpus executes, and which it does not.

python -m tests.engine.coverage

The corpus: every program of tests/guest, the benchmarks' kernels, and bash, perl, python3, gcc, awk,
sed, git, sqlite3 and others of the example images. Encodings that none of them executes are tested
against the oracle all the same: those of AdvSIMD and floating point one by one by
crates/elfuse-jit/tests/directed.rs, all of them in random programs by tests/engine/random.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.engine.random import encodings
from tests.support import (
    LIBRARIES,
    ROOT,
    Program,
    built_image,
    compile_guest,
    engine_command,
    environment,
    programs,
)

_KERNELS = ROOT / "benchmarks" / "guest"
_PATIENCE = 120
_SCRIPTS = (
    ("debian-mini", "perl", "-e", "print join(q(,), map { sprintf q(%.3f), sqrt } 1..99)"),
    ("debian-mini", "python3.11", "-c", "import math, json, hashlib; print(math.exp(1))"),
    (
        "debian-mini",
        "bash",
        "-c",
        "seq 99 | sort -n | awk '{ s += $1 } END { print s / 7 }' | sed s/7//",
    ),
    (
        "toolbox",
        "sqlite3",
        ":memory:",
        "select sum(1.5), printf('%g', 1e300), random() from sqlite_schema",
    ),
    (
        "toolbox",
        "bash",
        "-c",
        "tar c /usr/lib/os-release | xz | xzcat | zstd | zstdcat | gzip | sha256sum",
    ),
    (
        "toolbox",
        "bash",
        "-c",
        "echo 'double f(float x) { return x / 3; }' | gcc -O2 -xc -c -o /dev/null -",
    ),
    ("toolbox", "git", "--version"),
)


@dataclass(frozen=True)
class Guest:
    """A command line of the corpus, with what answers its absolute paths."""

    name: str
    words: tuple[str, ...]
    sysroot: Path | None = None


def corpus() -> Iterator[Guest]:
    """All of it; what has to be compiled is."""
    for program in programs():
        if "jit" not in program.skips:
            yield _guest_program(program)
    for source in sorted(_KERNELS.glob("*/*.c")):
        flags = ("-O2", "-march=armv8-a+crypto", "-lm")
        yield Guest(source.stem, (str(compile_guest(source, flags=flags)),))
    for image, tool, *arguments in _SCRIPTS:
        tree = built_image(image)[1]
        yield Guest(tool, (f"{tree}/usr/bin/{tool}", *arguments), tree)


def _guest_program(program: Program) -> Guest:
    binary = compile_guest(program.name, static=not program.dynamic, flags=program.flags)
    root = None
    if program.sysroot:
        libraries = program.sysroot == "libraries"
        root = LIBRARIES if libraries else built_image(program.sysroot)[1]
    return Guest(program.name, (str(binary), *program.args), root)


def run(guest: Guest, directory: Path) -> tuple[set[str], str]:
    """Names of the rows that the guest executed, and why it failed if it did."""
    place = Path(tempfile.mkdtemp(dir=directory))
    log = place / "coverage"
    # Interpreted only: compiled code that is kept from other runs would not be noted.
    settings = {"ELFUSE_JIT_COVERAGE": str(log), "ELFUSE_JIT_THRESHOLD": "0"}
    try:
        done = subprocess.run(
            [*engine_command("jit", guest.sysroot), *guest.words],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=place,
            env=environment(place) | settings,
            timeout=_PATIENCE,
        )
        error = f"exit status {done.returncode}" if done.returncode else ""
    except subprocess.TimeoutExpired:
        error = f"not done after {_PATIENCE} s"
    return set(log.read_text().splitlines()) if log.exists() else set(), error


def main() -> int:
    table = [row.name for row in encodings.load()]
    met: set[str] = set()
    failures = []
    with (
        tempfile.TemporaryDirectory(prefix="elfuse-coverage-") as name,
        ThreadPoolExecutor(2) as pool,
    ):
        guests = list(corpus())
        for guest, (rows, error) in zip(
            guests, pool.map(lambda each: run(each, Path(name)), guests), strict=True
        ):
            met |= rows
            if error:
                failures.append(f"{guest.name}: {error}")
    for failure in failures:
        print(f"failed: {failure}")
    missing = [row for row in table if row not in met]
    print(f"{len(guests)} programs execute {len(table) - len(missing)} of {len(table)} encodings")
    for row in missing:
        print(f"not executed: {row}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
