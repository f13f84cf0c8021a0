"""Ranges in Rust do what those in Python do."""

import importlib.util
import sys
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elfuse import engine
from elfuse.engine import ranges

_jit = pytest.importorskip("elfuse.engine._jit", reason="no compiled engine")

BOUNDS = st.one_of(st.integers(0, 40), st.sampled_from([-1, 1 << 63, 1 << 64, 1 << 70]))
VALUES = st.sampled_from(["a", "b", None])
CALLS = st.one_of(
    st.tuples(st.just("set"), BOUNDS, BOUNDS, VALUES),
    st.tuples(st.sampled_from(["clear", "overlapping", "covered"]), BOUNDS, BOUNDS),
    st.tuples(st.sampled_from(["at", "before", "after"]), BOUNDS),
)


@pytest.fixture(scope="module")
def python() -> ModuleType:
    """The module as it is where the crate is missing."""
    spec = importlib.util.find_spec("elfuse.engine.ranges")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "elfuse.engine._jit", None)
        patch.delattr(engine, "_jit")
        spec.loader.exec_module(made)
    return made


def plain(result: Any) -> Any:
    """Ranges of either kind as tuples."""
    if isinstance(result, list):
        return [plain(each) for each in result]
    return (result.start, result.end, result.value) if hasattr(result, "value") else result


def usable(call: tuple[Any, ...]) -> bool:
    """What is set is a range of addresses that is not empty; no range ends before it begins."""
    name, start, *rest = call
    if name == "set":
        return bool(0 <= start < rest[0] <= 1 << 63)
    return not rest or bool(start <= rest[0])


@given(calls=st.lists(CALLS.filter(usable), max_size=30))
def test_both_answer_the_same(python: ModuleType, calls: list[tuple[Any, ...]]) -> None:
    ours, theirs = _jit.RangeMap(), python.RangeMap()
    for name, *arguments in calls:
        results = [getattr(each, name)(*arguments) for each in (ours, theirs)]
        assert plain(results[0]) == plain(results[1]), (name, arguments)
        assert plain(list(ours)) == plain(list(theirs))
        assert len(ours) == len(theirs)


def test_the_fast_one_is_used() -> None:
    assert ranges.RangeMap is _jit.RangeMap
    assert ranges.Range is _jit.Range


def test_ranges_are_compared_by_what_they_say() -> None:
    assert _jit.Range(1, 2, "a") == _jit.Range(1, 2, "a") != _jit.Range(1, 2, "b")
    assert repr(_jit.Range(1, 2, "a")) == "Range(start=1, end=2, value='a')"
    assert _jit.Range(1, 2, "a") != "a"


class Owner:
    """Uses the map when it goes."""

    def __init__(self, ranges: Any) -> None:
        self.ranges = ranges
        self.seen = -1

    def value(self) -> "Value":
        return Value(self)


class Value:
    def __init__(self, owner: Owner) -> None:
        self.owner = owner

    def __del__(self) -> None:
        self.owner.seen = len(self.owner.ranges)


def test_a_value_may_use_the_map_when_it_goes() -> None:
    owner = Owner(_jit.RangeMap())
    owner.ranges.set(0, 10, owner.value())
    owner.ranges.set(0, 10, "next")
    assert owner.seen == 1
