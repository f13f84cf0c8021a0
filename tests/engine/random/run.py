"""Random A64 instructions in one guest program on the oracle and on engines of elfuse; what differs.

python -m tests.engine.random.run --engines jit,unicorn --instructions 1e8 --seed 1

`jit@N` is the Rust engine which compiles what is reached N times; @0 only interprets, and @1 does
not let compilation lag behind. Each batch of blobs (generate.py) runs on all at once. For a blob that differs, its first wrong
iteration and instruction are found, with operands and both results.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.engine.random import encodings, generate, rules
from tests.support import COMPILER, ELFUSE, EMULATOR, NATIVE, ORACLE, compile_guest, environment

_SOURCE = Path(__file__).with_name("harness.c")
# SVE changes no result here, and pointer authentication gives other ones on each run.
_ORACLE_CPU = "max,sve=off,sme=off,pauth=off"
_SIGILL = 4
_LINE = re.compile(r"(\d+|[a-z]+\d*|\[\w+\])( [\w:]+)*$")
_SAME = [0x5A5A5A5A5A5A5A5A] * 8192
"""A pool for trying out instructions: nothing is mapped there."""


def harness() -> Path:
    """The compiled guest program."""
    flags = ["-O2", "-nostdlib", "-ffreestanding", "-mgeneral-regs-only", "-mno-outline-atomics"]
    return compile_guest(_SOURCE, flags=flags)


def command(engine: str) -> list[str]:
    """What to put before the guest program."""
    if engine == ORACLE:
        return [] if NATIVE else [EMULATOR, "-cpu", _ORACLE_CPU]
    return [*ELFUSE, "--engine", family(engine)]


def family(engine: str) -> str:
    """The name of an engine without `@N`."""
    return engine.partition("@")[0]


@dataclass(frozen=True)
class Machine:
    """The guest program on the oracle or on an engine."""

    name: str
    program: Path

    def start(self, path: Path, *arguments: object) -> "subprocess.Popen[str]":
        words = [*command(self.name), str(self.program), str(path), *map(str, arguments)]
        output = subprocess.PIPE
        variables = environment()
        if threshold := self.name.partition("@")[2]:
            variables["ELFUSE_JIT_THRESHOLD"] = threshold
        return subprocess.Popen(words, stdout=output, stderr=output, text=True, env=variables)

    def __call__(self, path: Path, *arguments: object, timeout: float = 600) -> "Output":
        return finish(self.start(path, *arguments), timeout)


@dataclass(frozen=True)
class Output:
    """Lines that ended, and why the program did if not by itself."""

    lines: list[str]
    error: str = ""


def finish(process: "subprocess.Popen[str]", timeout: float) -> Output:
    """Wait for the program and read its lines."""
    error = ""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        error = f"not done after {timeout:.0f} s"
    if not error and process.returncode:
        error = f"ended with {process.returncode}: {err.strip() or out[-200:]}"
    lines = out[: out.rfind("\n") + 1].splitlines()
    # A failed assertion of qemu is printed to standard output, too.
    return Output([line for line in lines if _LINE.match(line)], error)


class Prober:
    """Tells which words are undefined on a machine."""

    def __init__(self, machine: Machine, directory: Path) -> None:
        self.machine = machine
        self.file = directory / "probe"
        self.crashes: list[int] = []
        """Words at which the machine itself ended."""

    def undefined(self, words: Sequence[int]) -> set[int]:
        """Those of the words that raise SIGILL."""
        return self._undefined(list(generate.probes(words)))

    def _undefined(self, blobs: Sequence[generate.Blob]) -> set[int]:
        found: set[int] = set()
        while blobs:
            self.file.write_bytes(generate.file_of(blobs, _SAME, [0]))
            output = self.machine(self.file, "probe")
            for blob, line in zip(blobs, output.lines, strict=False):
                hits = (hit.split(":") for hit in line.split()[1:])
                found |= {blob.words[int(at)] for at, signo in hits if int(signo) == _SIGILL}
            blobs = blobs[len(output.lines) :]
            if output.error and blobs:
                found |= self._halves(blobs[0])
                blobs = blobs[1:]
        return found

    def _halves(self, blob: generate.Blob) -> set[int]:
        """Of a blob that does not end."""
        words = blob.words
        if len(words) == 1:
            self.crashes.append(words[0])
            return set(words)
        middle = len(words) // 2
        return self._undefined([generate.probe(words[:middle]), generate.probe(words[middle:])])


@dataclass(frozen=True)
class Difference:
    """The first instruction of a blob after which an engine differs from the oracle."""

    engine: str
    blob: int
    report: str
    word: int | None = None
    row: str = ""


@dataclass
class Totals:
    """What was run so far."""

    instructions: int = 0
    blobs: int = 0
    coverage: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    different_blobs: int = 0


class Comparison:
    """Batches of random blobs on the oracle and engines."""

    def __init__(
        self, table: encodings.Table, engines: Sequence[str], seed: int, directory: Path
    ) -> None:
        program = harness()
        self.seed = seed
        self.table = table
        self.directory = directory
        self.oracle = Machine(ORACLE, program)
        self.engines = [Machine(name, program) for name in engines]
        self.prober = Prober(self.oracle, directory)
        self.generator = generate.Generator(table, seed, (ORACLE, *map(family, engines)))
        self.totals = Totals()

    def probe(self, each: int) -> None:
        """Draw new words for each row."""
        candidates = self.generator.candidates(each)
        illegal = self.prober.undefined([word for row in candidates for word in row])
        crashes = set(self.prober.crashes)
        candidates = [[w for w in row if w not in crashes] for row in candidates]
        self.generator.sort(candidates, illegal)

    def batch(self, number: int, count: int, size: int, iterations: int) -> list[Difference]:
        """Run `count` new blobs of about `size` words."""
        blobs = [self.generator.blob(size, iterations) for _ in range(count)]
        path = self.directory / f"batch{number % 2}"
        path.write_bytes(generate.file_of(blobs, *generate.pool(self.seed ^ number << 32)))
        running = [machine.start(path) for machine in (self.oracle, *self.engines)]
        expected, *outputs = [finish(process, 1200) for process in running]
        if expected.error or len(expected.lines) != count:
            raise RuntimeError(f"the oracle failed: {expected.error}")
        self._count(blobs)
        differences = []
        for machine, output in zip(self.engines, outputs, strict=True):
            differences += self._compare(machine, path, expected, output)
        return differences

    def _count(self, blobs: Sequence[generate.Blob]) -> None:
        for blob in blobs:
            self.totals.blobs += 1
            self.totals.instructions += len(blob.words) * blob.iterations
            for row, count in blob.rows.items():
                self.totals.coverage[self.table.rows[row].name] += count * blob.iterations

    def _compare(
        self, machine: Machine, path: Path, expected: Output, output: Output
    ) -> list[Difference]:
        pairs = zip(expected.lines, output.lines, strict=False)
        wrong = [i for i, (one, other) in enumerate(pairs) if one != other]
        if len(output.lines) < len(expected.lines):
            # Output comes in portions; whatever ended the program is in one of the next blobs.
            wrong += range(len(output.lines), min(len(output.lines) + 64, len(expected.lines)))
        found = []
        for blob in wrong:
            difference = self.explain(machine, path, blob)
            if difference:
                found.append(difference)
                self.totals.different_blobs += 1
            if len(found) == 20:
                break
        self.totals.differences += found
        return found

    def explain(self, machine: Machine, path: Path, blob: int) -> Difference | None:
        """Find the iteration and the instruction. None if the blob does not differ by itself."""
        iteration, error = self._first(machine, path, "iterations", blob)
        if iteration is None:
            return Difference(machine.name, blob, error) if error else None
        length, error = self._first(machine, path, "prefixes", blob, iteration)
        if length is None:
            # As with compiled code, which is gone when the blob is changed.
            whole = ("registers", blob, iteration, len(_words(path, blob)))
            right, wrong = _registers(self.oracle(path, *whole)), _registers(machine(path, *whole))
            details = _report("", {}, right, wrong)
            text = f"blob {blob} iteration {iteration} differs as a whole only {error}\n{details}"
            return Difference(machine.name, blob, text)
        if length == 0:
            text = f"iteration {iteration} differs before its first instruction; {error}"
            return Difference(machine.name, blob, text)
        before = _registers(self.oracle(path, "registers", blob, iteration, length - 1))
        right = _registers(self.oracle(path, "registers", blob, iteration, length))
        output = machine(path, "registers", blob, iteration, length)
        word = _words(path, blob)[length - 1]
        row = self.table.find(word)
        name = row.name if row else "?"
        text = disassemble(word)
        head = f"{name}: {text}\n  blob {blob} iteration {iteration} word {length - 1}"
        details = _report(text, before, right, _registers(output))
        return Difference(machine.name, blob, f"{head} {output.error}\n{details}", word, name)

    def _first(self, machine: Machine, path: Path, *arguments: object) -> tuple[int | None, str]:
        """The number of the first line that differs, and why there are too few lines if so."""
        expected, output = self.oracle(path, *arguments), machine(path, *arguments, timeout=60)
        for number, line in enumerate(expected.lines):
            if number >= len(output.lines) or output.lines[number] != line:
                return number, output.error
        return None, output.error


def _registers(output: Output) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in output.lines if " " in line)


def _report(
    text: str, before: Mapping[str, str], right: Mapping[str, str], wrong: Mapping[str, str]
) -> str:
    """What differs after the instruction, and the values of the registers it names."""
    lines = [
        f"  {name:>14}  before {before.get(name)}  oracle {right[name]}  engine {wrong.get(name)}"
        for name in right
        if right[name] != wrong.get(name)
    ]
    changed = [name for name in right if right[name] != before.get(name)]
    lines.append(f"  the oracle changed {', '.join(changed) or 'nothing'}; before:")
    named = {
        ("v" if kind in "bhsdqv" else "x") + n for kind, n in re.findall(r"([bhsdqvwx])(\d+)", text)
    }
    named |= {"sp", "nzcv", "fpcr", "fpsr"}
    values = [f"{name} {value}" for name, value in before.items() if name in named]
    lines += ["  " + "  ".join(values[i : i + 4]) for i in range(0, len(values), 4)]
    return "\n".join(lines)


def _words(path: Path, number: int) -> list[int]:
    """The words of one blob of a file."""
    return generate.read_blob(path.read_bytes(), number).words


def disassemble(word: int) -> str:
    """Text of an instruction, if objdump is there."""
    with tempfile.NamedTemporaryFile() as binary:
        binary.write(word.to_bytes(4, "little"))
        binary.flush()
        tool = COMPILER.replace("gcc", "objdump")
        options = ["-D", "-b", "binary", "-m", "aarch64", binary.name]
        try:
            done = subprocess.run([tool, *options], check=False, capture_output=True, text=True)
        except OSError:
            return f"{word:08x}"
    return " ".join(done.stdout.strip().rpartition("\n")[2].split()[1:])


def allocations(comparison: Comparison, count: int) -> list[tuple[str, set[int], set[int]]]:
    """For each engine the words that are instructions only there, or only for the oracle."""
    words = comparison.generator.strangers(count)
    expected = comparison.prober.undefined(words)
    compared = set(words) - set(comparison.prober.crashes)
    found = []
    for machine in comparison.engines:
        undefined = Prober(machine, comparison.directory).undefined(words)
        extra, missing = expected - undefined, undefined - expected
        missing = {word for word in missing if not rules.beyond(word)}
        # Some gaps of the oracle are known.
        extra = {word for word in extra if not rules.known(word, (ORACLE,))}
        found.append((machine.name, compared & extra, compared & missing))
    return found


def _list_allocations(comparison: Comparison, count: int) -> None:
    for name, extra, missing in allocations(comparison, count):
        for title, words in ((f"{name} only", extra), (f"not {name}", missing)):
            by_name: dict[str, list[int]] = {}
            for word in words:
                mnemonic = disassemble(word).split()[1]
                by_name.setdefault(mnemonic, []).append(word)
            for mnemonic, examples in sorted(by_name.items()):
                some = "; ".join(disassemble(word) for word in examples[:3])
                print(f"{title}: {mnemonic}: {len(examples)}: {some}")


def compare(
    comparison: Comparison,
    instructions: float,
    *,
    batch: int = 1000,
    size: int = 72,
    iterations: int = 50,
    enough: int = 20,
    progress: Callable[[Totals], None] = lambda totals: None,
) -> Totals:
    """Run until `instructions` were executed or `enough` blobs differed."""
    totals = comparison.totals
    number = 0
    while totals.instructions < instructions and len(totals.differences) < enough:
        if number % 8 == 0:
            comparison.probe(200)
        comparison.batch(number, batch, size, iterations)
        number += 1
        progress(totals)
    return totals


def _coverage(table: encodings.Table, totals: Totals) -> Iterator[str]:
    never = [row.name for row in table.rows if not totals.coverage[row.name]]
    least = sorted(
        (totals.coverage[row.name], row.name) for row in table.rows if row.name not in never
    )
    yield f"{len(least)} of {len(table.rows)} encodings"
    yield f"least often: {', '.join(f'{name} {count}' for count, name in least[:8])}"
    yield f"never: {', '.join(never) or 'none'}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--engines", default="unicorn", help="of elfuse, to compare with the oracle"
    )
    parser.add_argument("--instructions", type=float, default=1e7)
    parser.add_argument("--seed", type=int, default=Random().getrandbits(30))
    parser.add_argument("--encodings", type=Path, help="a file instead of the engine's table")
    parser.add_argument("--only", default="", help="encodings whose name contains this")
    parser.add_argument("--iterations", type=int, default=50)
    parser.add_argument("--batch", type=int, default=1000, help="blobs that run in one process")
    parser.add_argument("--size", type=int, default=72, help="words of a blob")
    parser.add_argument("--enough", type=int, default=20, help="differences after which to stop")
    parser.add_argument(
        "--undefined", type=int, default=0, help="compare which of so many words are"
    )
    parser.add_argument("--coverage", action="store_true", help="list how often each encoding ran")
    chosen = parser.parse_args()
    rows = encodings.load(chosen.encodings)
    table = encodings.Table(rows)
    engines = [name for name in chosen.engines.split(",") if name]
    print(f"seed {chosen.seed}, {len(rows)} encodings", flush=True)
    started = time.monotonic()

    def progress(totals: Totals) -> None:
        seconds = time.monotonic() - started
        count = f"{totals.instructions / 1e6:.0f} million instructions, {totals.blobs} blobs"
        print(f"{seconds:.0f} s: {count}, {totals.different_blobs} differ", flush=True)

    with tempfile.TemporaryDirectory(prefix="elfuse-random-") as name:
        comparison = Comparison(table, engines, chosen.seed, Path(name))
        if chosen.undefined:
            _list_allocations(comparison, chosen.undefined)
            return 0
        comparison.generator.only(chosen.only)
        totals = compare(
            comparison,
            chosen.instructions,
            batch=chosen.batch,
            size=chosen.size,
            iterations=chosen.iterations,
            enough=chosen.enough,
            progress=progress,
        )
    for difference in totals.differences:
        print(f"\n{difference.engine} {difference.report}")
    by_row = Counter((d.engine, d.row) for d in totals.differences)
    for (engine, row), count in by_row.most_common():
        print(f"{count} differences: {engine} {row}")
    print("\n".join(_coverage(table, totals)))
    if comparison.prober.crashes:
        print(
            "the oracle ends at:",
            ", ".join(sorted({disassemble(w) for w in comparison.prober.crashes})),
        )
    if chosen.coverage:
        for row, count in sorted(totals.coverage.items()):
            print(f"{count:10} {row}")
    return 1 if totals.differences else 0


if __name__ == "__main__":
    sys.exit(main())
