"""Does another disassembler take the same words for the same instructions? What differs, and why.

python -m tests.engine.random.classify --words 1e7

Words are made from the rows of the engine's table, with random bits in all fields; a quarter are
random altogether. Nothing is executed.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.engine.random import encodings, rules
from tests.engine.random.rules import pattern
from tests.support import COMPILER

_OBJDUMP = COMPILER.replace("gcc", "objdump")
_UNDEFINED = 0xFFFF
_PORTION = 1 << 20
"""Words that are compared at a time."""

_NOT_OFFERED = (
    pattern("0101 0100 ---- ---- ---- ---- ---1 ----", "HBC: BC.cond"),
    pattern("--01 1-01 --0- ---- ---- -1-- ---- ----", "MOPS: CPY*, SET*"),
    pattern("1111 1000 --1- ---- ---- -1-- ---- ----", "PAuth: LDRAA, LDRAB"),
    pattern("1001 1010 110- ---- 0011 00-- ---- ----", "PAuth: PACGA"),
    pattern("1101 1010 1100 0001 ---- ---- ---- ----", "PAuth: PACIA and others"),
    pattern("1101 011- ---1 1111 0000 1--- ---- ----", "PAuth: BRAA and others"),
    pattern("-001 0001 11-- ---- ---- ---- ---- ----", "CSSC: SMAX and others, immediate"),
    pattern("-001 1010 110- ---- 0110 ---- ---- ----", "CSSC: SMAX and others"),
    pattern("-101 1010 1100 0000 0001 1--- ---- ----", "CSSC: CTZ, CNT"),
    pattern("-101 1010 1100 0000 0010 00-- ---- ----", "CSSC: ABS"),
    pattern("1111 1000 001- ---- 1-01 00-- ---- ----", "LS64: LD64B, ST64B"),
    pattern("1111 1000 001- ---- 101- 00-- ---- ----", "LS64: ST64BV, ST64BV0"),
    pattern("1101 0100 011- ---- ---- ---- ---0 0000", "TME: TCANCEL"),
    pattern("1101 0100 000- ---- ---- ---- ---0 0010", "HVC: no user space"),
    pattern("1101 0100 000- ---- ---- ---- ---0 0011", "SMC: no user space"),
    pattern("1101 0100 101- ---- ---- ---- ---0 00--", "DCPS1 to 3: debug state"),
    pattern("1101 0101 00-0 0--- ---- ---- ---- ----", "MRS, MSR: no system register"),
    pattern("1101 0101 00-0 1--- ---- ---- ---- ----", "SYS, SYSL: not for user space"),
    pattern("0000 0000 0000 0000 ---- ---- ---- ----", "UDF: undefined for ever"),
)
"""What objdump 2.40 decodes and elfuse does not offer, besides what `rules` has."""

_SUFFIX = "(2|a?l?[bh]?|s[bhw]|[wx]|r)"
"""2 for the upper half; order and size; what a CRC is made of; all lanes."""


def reason_not_to_decode(word: int) -> str:
    """Why elfuse is right to raise SIGILL for a word that another decoder knows; or nothing."""
    for rule in _NOT_OFFERED:
        if rule.covers(word):
            return rule.reason
    if rules.beyond(word):
        return "extensions that `rules` lists"
    reason = rules.not_generated(word)
    return "" if reason == rules.UNKNOWN_ACCESS else reason


def expected(name: str) -> re.Pattern[str]:
    """The mnemonics, without aliases, that a row of this name may have."""
    base = name.partition(" (")[0]
    if base == "b.cond":
        return re.compile(r"b\.[a-z]{2}")
    word, _, operand = base.partition(" ")
    if word in ("dc", "ic") and operand:
        return re.compile("sys")
    if found := re.fullmatch(r"(ld|st)1-\w\w4", word):
        return re.compile(f"{found[1]}[1-4]r?")
    if word == "hint":
        return re.compile(r"\w+")
    return re.compile(f"({'|'.join(map(re.escape, word.split('/')))}){_SUFFIX}")


@dataclass
class Outcome:
    """Words by what the decoders say of them."""

    agreed: int = 0
    undefined: int = 0
    explained: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    @property
    def words(self) -> int:
        explained = sum(self.explained.values())
        return self.agreed + self.undefined + explained + len(self.differences)


class Comparison:
    """Decodes words with the engine's table and with objdump."""

    def __init__(self, rows: Sequence[encodings.Row], directory: Path) -> None:
        self.rows = rows
        self.outcome = Outcome()
        self._file = directory / "words"
        self._classify = encodings.example("classify")
        self._expected = [expected(row.name) for row in rows]
        self._seen: dict[tuple[int, str], bool] = {}

    def words(self, random: Random, each: int) -> Iterator[int]:
        """`each` words of every row, and a third more of any kind."""
        for row in self.rows:
            mask, value = row.mask, row.value
            for _ in range(each):
                yield value | random.getrandbits(32) & ~mask
        for _ in range(each * len(self.rows) // 3):
            yield random.getrandbits(32)

    def run(self, words: Iterator[int]) -> None:
        portion = array("I")
        for word in words:
            portion.append(word)
            if len(portion) == _PORTION:
                self._compare(portion)
                portion = array("I")
        self._compare(portion)

    def _compare(self, words: "array[int]") -> None:
        command = [self._classify]
        done = subprocess.run(command, input=words.tobytes(), check=True, capture_output=True)
        rows = array("H", done.stdout)
        self._file.write_bytes(words.tobytes())
        for word, row, (text, mnemonic) in zip(words, rows, self._disassembled(), strict=True):
            self._count(word, row, text, mnemonic)

    def _disassembled(self) -> Iterator[tuple[str, str]]:
        """Line and mnemonic of every word, "" for what is undefined."""
        options = ["-D", "-z", "-M", "no-aliases", "-b", "binary", "-m", "aarch64"]
        command = [_OBJDUMP, *options, str(self._file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            for line in process.stdout:
                columns = line.rstrip().split("\t")
                if len(columns) > 2 and columns[0].endswith(":"):
                    undefined = columns[2] == ".inst" or "undefined" in line
                    yield line, "" if undefined else columns[2]

    def _count(self, word: int, row: int, line: str, mnemonic: str) -> None:
        outcome = self.outcome
        if row == _UNDEFINED and not mnemonic:
            outcome.undefined += 1
        elif row == _UNDEFINED:
            if reason := reason_not_to_decode(word):
                outcome.explained[reason] += 1
            else:
                outcome.differences.append(f"objdump only: {' '.join(line.split()[1:])}")
        elif self._agree(row, mnemonic):
            outcome.agreed += 1
        else:
            text = " ".join(line.split()[1:])
            outcome.differences.append(f"elfuse has {self.rows[row].name}: {text}")

    def _agree(self, row: int, mnemonic: str) -> bool:
        key = row, mnemonic
        if key not in self._seen:
            self._seen[key] = bool(self._expected[row].fullmatch(mnemonic))
        return self._seen[key]


def compare(rows: Sequence[encodings.Row], words: float, seed: int) -> Outcome:
    """Compare about this many words; subprocess.CalledProcessError if the engine does not build."""
    with tempfile.TemporaryDirectory(prefix="elfuse-classify-") as directory:
        comparison = Comparison(rows, Path(directory))
        each = int(words * 3 / 4 / len(rows)) + 1
        comparison.run(comparison.words(Random(seed), each))
        return comparison.outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=float, default=1e6)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    outcome = compare(encodings.load(), chosen.words, chosen.seed)
    print(f"{outcome.words} words: both decode {outcome.agreed}, neither {outcome.undefined}")
    for reason, count in outcome.explained.most_common():
        print(f"{count:10} objdump only: {reason}")
    for difference in outcome.differences[:100]:
        print(difference)
    print(f"{len(outcome.differences)} differences")
    return 1 if outcome.differences else 0


if __name__ == "__main__":
    sys.exit(main())
