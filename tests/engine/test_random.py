"""Random instructions on each engine and on the oracle: the bounded form of tests.engine.random.run."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.engine.random import classify, encodings
from tests.engine.random.generate import Generator
from tests.engine.random.run import Comparison, allocations, compare, disassemble
from tests.support import COMPILER, ORACLE, lacking, need, need_engine

pytestmark = pytest.mark.guest

_VARIANTS = {"jit": ["jit@0"]}
# Unicorn takes a signal in milliseconds, and a new instruction, too.
_INSTRUCTIONS = {"jit": 2e7, "unicorn": 5e5}
_BATCH = {"jit": 1000, "unicorn": 50}
_SEED = int(os.environ.get("ELFUSE_TEST_SEED", "1"))


@pytest.fixture(scope="module")
def table() -> encodings.Table:
    """The table of the engine in this tree, which its Rust sources are."""
    if not shutil.which("cargo"):
        lacking("cargo")
    try:
        return encodings.Table(encodings.load())
    except subprocess.CalledProcessError:
        pytest.fail("the engine's example `encodings` does not build")


@pytest.fixture
def comparison(own_engine: str, table: encodings.Table, tmp_path: Path) -> Comparison:
    need_engine(own_engine)
    need_engine(ORACLE)
    return Comparison(table, _VARIANTS.get(own_engine, [own_engine]), _SEED, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_random_instructions_do_what_the_oracle_does(
    comparison: Comparison, own_engine: str
) -> None:
    totals = compare(comparison, _INSTRUCTIONS[own_engine], batch=_BATCH[own_engine], enough=3)
    assert not totals.differences, "\n\n".join(each.report for each in totals.differences)
    assert totals.instructions >= _INSTRUCTIONS[own_engine]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_compiled_instructions_do_what_the_oracle_does(
    table: encodings.Table, tmp_path: Path
) -> None:
    need_engine("jit")
    need_engine(ORACLE)
    totals = compare(Comparison(table, ["jit@1"], _SEED, tmp_path), 1.5e7, enough=3)
    assert not totals.differences, "\n\n".join(each.report for each in totals.differences)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_is_no_instruction_is_undefined(comparison: Comparison, own_engine: str) -> None:
    if own_engine == "unicorn":
        pytest.skip("Unicorn has instructions that this test does not expect")
    for _, extra, missing in allocations(comparison, 20_000):
        assert [disassemble(word) for word in sorted(extra)] == []
        assert [disassemble(word) for word in sorted(missing)] == []


def test_blobs_are_reproducible() -> None:
    rows = encodings.parse(["add\t00001011000mmmmm000000nnnnnddddd"])

    def words() -> list[int]:
        generator = Generator(encodings.Table(rows), 7, ())
        generator.sort(generator.candidates(20), set())
        return generator.blob(50, 1).words

    assert words() == words()


def test_a_word_of_a_row_means_no_earlier_row() -> None:
    lines = ["nop\t11010101000000110010000000011111", "hint\t11010101000000110010iiiiiii11111"]
    table = encodings.Table(encodings.parse(lines))
    generator = Generator(table, 1, ())
    assert 0xD503201F not in generator.candidates(200)[1]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_another_disassembler_knows_the_same_instructions(table: encodings.Table) -> None:
    need(COMPILER.replace("gcc", "objdump"))
    outcome = classify.compare(table.rows, 1e5, _SEED)
    assert outcome.differences == []
    assert outcome.agreed > 5e4
