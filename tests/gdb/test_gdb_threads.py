"""gdb on eight threads."""

import re

import pytest

from tests.gdb.support import Serve, gdb, program

pytestmark = pytest.mark.guest

RIGHT = "total=700\n"
WORKERS = 7


def test_threads_have_names_and_backtraces(serve: Serve) -> None:
    guest = serve(program("threads"))
    said = gdb(
        guest.address,
        "break count",
        "continue",
        "info threads",
        "thread apply all backtrace",
        "print $_thread",
        "delete",
        "continue",
    )
    # The first to count has met all others, who have their names then.
    listed = re.findall(r'^[* ] +\d+ +Thread \d+\.\d+ "([\w-]+)" ', said, re.MULTILINE)
    assert sorted(listed) == ["threads", *(f"worker-{number}" for number in range(WORKERS))]
    traces = said.split("\nThread ")[1:]
    assert len(traces) == WORKERS + 2  # one of them is told of as the one that stopped
    assert len(re.findall(r"^#\d+ .* run \(argument=", said, re.MULTILINE)) == WORKERS
    assert len(re.findall(r"^#\d+ .* main \(\)", said, re.MULTILINE)) == 1
    assert guest.finish().stdout == RIGHT


def test_a_breakpoint_may_be_of_one_thread(serve: Serve) -> None:
    guest = serve(program("threads"))
    said = gdb(
        guest.address,
        "break all_met",
        "continue",
        "break count thread 4",
        *3 * ["continue"],
        "print counts[2]",
        "delete",
        "continue",
    )
    hits = re.findall(r"^Thread (\d+) .*hit Breakpoint 2, count \(number=(\w+)", said, re.MULTILINE)
    assert hits == 3 * [("4", "number")]
    assert "$1 = 2" in said
    assert guest.finish().stdout == RIGHT


def test_scheduler_locking_lets_one_thread_go_on(serve: Serve) -> None:
    guest = serve(program("threads"))
    said = gdb(
        guest.address,
        "break all_met",
        "continue",
        "break count thread 3",
        "continue",
        "set scheduler-locking on",
        "print counts",
        *2 * ["continue"],
        "print counts",
        "info threads",
        "set scheduler-locking off",
        "delete",
        "continue",
    )
    before, after = (
        [int(word) for word in found.split(", ")]
        for found in re.findall(r"^\$\d = \{([\d, ]+)\}", said, re.MULTILINE)
    )
    assert after[1] == before[1] + 2
    assert [*after[:1], *after[2:]] == [*before[:1], *before[2:]]
    assert guest.finish().stdout == RIGHT


def test_a_step_leaves_other_threads_at_their_breakpoints(serve: Serve) -> None:
    guest = serve(program("threads"))
    said = gdb(
        guest.address,
        "set scheduler-locking off",
        "break count",
        *20 * ["continue"],
        "delete",
        "continue",
    )
    hits = re.findall(r"hit Breakpoint 1, count \(number=number@entry=(\d)\)", said)
    assert len(hits) == 20
    assert set(hits) <= set(map(str, range(WORKERS)))
    assert guest.finish().stdout == RIGHT
