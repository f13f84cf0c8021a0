"""Enumerations behave as those of `enum`, whose members they name."""

import enum

import pytest

from elfuse.enumeration import IntEnum, IntFlag


class Colour(IntEnum):
    RED = 1
    """The first."""
    GREEN = 2
    ALSO_GREEN = 2

    @property
    def warm(self) -> bool:
        return self is Colour.RED


class Access(IntFlag):
    NONE = 0
    READ = 1
    WRITE = 2


class TheirAccess(enum.IntFlag):
    NONE = 0
    READ = 1
    WRITE = 2


def test_members_are_numbers_with_a_name():
    assert all(Colour(2) is Colour[name] for name in ("GREEN", "ALSO_GREEN"))
    assert [colour.name for colour in Colour] == ["RED", "GREEN"]
    assert Colour.GREEN + 0 == 2 == Colour.GREEN.value
    assert {1: "x"}[Colour.RED] == "x"
    assert f"{Colour.RED}|{Colour.RED:03}|{Colour.RED!s}" == "1|001|1"
    assert repr(Colour.GREEN) == "<Colour.GREEN: 2>"
    assert Colour.RED.warm
    assert Colour.RED in Colour
    with pytest.raises(ValueError, match="3 is not a valid Colour"):
        Colour(3)


@pytest.mark.parametrize("left", range(4))
@pytest.mark.parametrize("right", range(4))
def test_flags_combine_as_those_of_enum(left, right):
    mine, theirs = Access(left), TheirAccess(left)
    for one, other in [
        (mine & Access(right), theirs & TheirAccess(right)),
        (mine | right, theirs | right),
        (right ^ mine, right ^ theirs),
        (mine & ~Access(right), theirs & ~TheirAccess(right)),
    ]:
        assert int(one) == int(other) == one.value
        assert type(one) is Access
        assert bool(one) == bool(other)
    assert Access.READ.name == "READ"
    assert repr(Access.READ | Access.WRITE) == "<Access.READ|WRITE: 3>"
