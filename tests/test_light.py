"""What stands in for standard modules at the start does what those do."""

import collections
import contextlib
import functools
import os
from typing import Any

import pytest

from elfuse import light
from elfuse.overlay.records import Entry, Row
from elfuse.typing import NamedTuple


@pytest.mark.parametrize("made", [light, contextlib], ids=["light", "contextlib"])
def test_only_the_named_exceptions_are_passed_over(made: Any) -> None:
    reached = []
    with made.suppress(KeyError, OSError):
        reached.append("before")
        os.stat("/nonexistent/name")
        reached.append("behind")
    with made.suppress():
        reached.append("without")
    assert reached == ["before", "without"]


@pytest.mark.parametrize("made", [light, contextlib], ids=["light", "contextlib"])
def test_other_exceptions_are_not_passed_over(made: Any) -> None:
    with pytest.raises(ValueError, match="kept"), made.suppress(OSError):
        raise ValueError("kept")


@pytest.mark.parametrize("made", [light, functools], ids=["light", "functools"])
def test_a_cached_property_is_computed_once_and_can_be_forgotten(made: Any) -> None:
    class Counted:
        count = 0

        @made.cached_property  # type: ignore[untyped-decorator]  # of either module
        def value(self) -> int:
            """What it is."""
            self.count += 1
            return self.count

    counted, other = Counted(), Counted()
    assert (counted.value, counted.value, other.value) == (1, 1, 1)
    del counted.value
    assert counted.value == 2
    assert vars(Counted)["value"].__doc__ == "What it is."
    assert Counted.value is vars(Counted)["value"]


class Pair(NamedTuple):
    """Two, of which the second has a default."""

    first: int
    second: tuple[int, ...] = ()

    def total(self) -> int:
        return self.first + sum(self.second)


Theirs = collections.namedtuple("Theirs", ["first", "second"], defaults=[()])


@pytest.mark.parametrize("made", [Pair, Theirs], ids=["light", "collections"])
def test_named_tuples_are_tuples_with_names(made: Any) -> None:
    one = made(1)
    assert one == (1, ())
    assert (one.first, one.second, one._fields) == (1, (), ("first", "second"))
    assert made(second=(3,), first=2) == (2, (3,))
    changed = one._replace(second=(5, 6))
    assert (type(changed), changed, one) == (made, (1, (5, 6)), (1, ()))
    assert hash(one) == hash((1, ()))
    assert repr(changed) == f"{made.__name__}(first=1, second=(5, 6))"
    for wrong in ((), (1, 2, 3)):
        with pytest.raises(TypeError):
            made(*wrong)
    with pytest.raises((TypeError, ValueError)):
        one._replace(third=3)
    with pytest.raises(AttributeError):
        one.first = 4


def test_named_tuples_have_methods_and_patterns() -> None:
    assert Pair(1, (2, 3)).total() == 6
    match Entry(b"name", 7, 0o100000):
        case Entry(name, ino=7):
            assert name == b"name"
        case _:
            pytest.fail("the entry does not match")
    assert Row._fields[-1] == "xattrs"
