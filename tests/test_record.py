"""Records behave as frozen dataclasses with slots do."""

from __future__ import annotations

import pytest

from elfuse.record import Record, members, replace


class Point(Record):
    x: int
    y: int = 0

    @property
    def sum(self) -> int:
        return self.x + self.y


class Counter(Record, frozen=False):
    value: int = 0


def test_first_and_later_objects_are_alike():
    made = [Point(1, 2), Point(1, y=2), Point(x=1, y=2), Point(y=2, x=1)]
    assert all(point == made[0] and hash(point) == hash(made[0]) for point in made)
    assert repr(made[-1]) == "Point(x=1, y=2)"
    assert made[0].sum == 3
    assert Point(4) == Point(4, 0) != Point(4, 1)


@pytest.mark.parametrize("objects_before", [0, 1, 2])
def test_wrong_members_are_an_error(objects_before):
    class Pair(Record):
        first: int
        second: int = 2

    for _ in range(objects_before):
        Pair(1)
    for values, named in [((), {}), ((1, 2, 3), {}), ((1,), {"third": 3}), ((), {"second": 2})]:
        with pytest.raises(TypeError):
            Pair(*values, **named)
    assert members(Pair(1)) == {"first": 1, "second": 2}


def test_only_some_can_be_changed():
    with pytest.raises(AttributeError):
        Point(1).x = 2  # type: ignore[misc]  # what is tested
    counter = Counter()
    counter.value += 1
    assert counter == Counter(1)
    with pytest.raises(TypeError):
        hash(counter)
    assert replace(Point(1, 2), x=3) == Point(3, 2)
