"""Rows of the engine's encoding table, as `cargo run --example encodings` prints them."""

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.support import ROOT

_REGISTER_SHIFTS = (0, 5, 10, 16)


@dataclass(frozen=True)
class Field:
    """Bits of a word that one letter of a pattern stands for, lowest first."""

    shifts: tuple[int, ...]

    @property
    def is_register(self) -> bool:
        """Could be a register by its place; an immediate there comes to no harm."""
        low = self.shifts[0]
        return low in _REGISTER_SHIFTS and self.shifts == tuple(range(low, low + 5))

    def place(self, value: int) -> int:
        if self.shifts[-1] - self.shifts[0] == len(self.shifts) - 1:
            return value << self.shifts[0]
        return sum((value >> i & 1) << shift for i, shift in enumerate(self.shifts))


@dataclass(frozen=True)
class Row:
    """One encoding: 32 characters from bit 31 down, each 0, 1 or the letter of a field."""

    name: str
    pattern: str

    def __post_init__(self) -> None:
        if len(self.pattern) != 32:
            raise ValueError(f"{self.name}: {self.pattern!r} has not 32 characters")

    @property
    def mask(self) -> int:
        return int("".join("1" if bit in "01" else "0" for bit in self.pattern), 2)

    @property
    def value(self) -> int:
        return int("".join("1" if bit == "1" else "0" for bit in self.pattern), 2)

    @property
    def fields(self) -> list[Field]:
        letters = sorted(set(self.pattern) - {"0", "1"})
        places = {
            letter: tuple(31 - i for i in range(31, -1, -1) if self.pattern[i] == letter)
            for letter in letters
        }
        return [Field(shifts) for shifts in places.values()]


class Table:
    """Rows in order of precedence, each able to make words that mean it and no earlier row."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self._masks = [(row.mask, row.value) for row in rows]
        self._earlier = [self._hiding(i) for i in range(len(rows))]
        self._fields = [row.fields for row in rows]

    def _hiding(self, index: int) -> list[tuple[int, int]]:
        mask, value = self._masks[index]
        return [(m, v) for m, v in self._masks[:index] if (v ^ value) & m & mask == 0]

    def word(self, index: int, random: Random, registers: Sequence[int]) -> int | None:
        """A word of a row with fields that are likely to show something; None if it means another row."""
        word = self._masks[index][1]
        last = 0
        for field in self._fields[index]:
            if field.is_register:
                last = _register(random, registers, last)
                word |= field.place(last)
            else:
                word |= field.place(_immediate(random, len(field.shifts)))
        hidden = any(word & mask == value for mask, value in self._earlier[index])
        return None if hidden else word

    def find(self, word: int) -> Row | None:
        for row, (mask, value) in zip(self.rows, self._masks, strict=True):
            if word & mask == value:
                return row
        return None


def _register(random: Random, usual: Sequence[int], last: int) -> int:
    """Mostly one of a few, so that results are used again; often the one of the field before; 31."""
    draw = random.random()
    if draw < 0.55:
        return random.choice(usual)
    if draw < 0.65:
        return last
    if draw < 0.72:
        return 31
    return random.randrange(31)


def _immediate(random: Random, width: int) -> int:
    if width <= 3:
        return random.getrandbits(width)
    draw = random.random()
    if draw < 0.08:
        return 0
    if draw < 0.16:
        return (1 << width) - 1
    if draw < 0.20:
        return 1
    if draw < 0.24:
        return 1 << width - 1
    return random.getrandbits(width)


def parse(lines: Iterable[str]) -> list[Row]:
    """Rows from lines `name<TAB>pattern`."""
    return [Row(*line.rstrip("\n").split("\t")) for line in lines if line.strip()]


def example(name: str) -> Path:
    """A program of the engine's crate, built from this tree; subprocess.CalledProcessError if it does not."""
    # As scripts/engine builds, so that dependencies are there already; but without the module for
    # Python, whose symbols a program does not find.
    options = ["--release", "--locked", "--quiet"]
    command = ["cargo", "build", *options, "--package", "elfuse-jit", "--example", name]
    subprocess.run(command, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / "release" / "examples" / name


def load(path: Path | None = None) -> list[Row]:
    """Rows from a file, or those of the engine in this tree; subprocess.CalledProcessError if it does not build."""
    if path is not None:
        return parse(path.read_text().splitlines())
    done = subprocess.run([example("encodings")], check=True, stdout=subprocess.PIPE, text=True)
    return parse(done.stdout.splitlines())
