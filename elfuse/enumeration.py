"""`IntEnum` and `IntFlag` for the ABI's numbers, made in a twentieth of the time `enum` takes.

Type checkers see those of `enum`. At run time members are ints with a name: they compare, hash
and combine as those do, `Class(number)` finds them, and iterating over the class gives them in order.
"""

from __future__ import annotations

from elfuse.typing import TYPE_CHECKING, Iterator

if TYPE_CHECKING:
    from enum import IntEnum as IntEnum
    from enum import IntFlag as IntFlag
else:
    _and, _or, _xor = int.__and__, int.__or__, int.__xor__
    _REMEMBERED = 64

    class _Type(type):
        """Turns the numbers in a class's body into its objects."""

        def __new__(cls, name, bases, namespace):
            numbers = {key: value for key, value in namespace.items() if type(value) is int}
            for key in numbers:
                del namespace[key]
            made = super().__new__(cls, name, bases, namespace)
            made.__members__ = {}
            made._value2member_map_ = {}
            made._combinations = {}
            for key, value in numbers.items():
                member = made._value2member_map_.get(value)
                if member is None:
                    member = made._value2member_map_[value] = int.__new__(made, value)
                    member.name = key
                made.__members__[key] = member
                setattr(made, key, member)
            return made

        def __call__(cls, value):
            found = cls._value2member_map_.get(value)
            if found is None:
                found = cls._combinations.get(value)
            return cls._missing_(value) if found is None else found

        def __iter__(cls) -> Iterator:
            return iter(cls._value2member_map_.values())

        def __len__(cls) -> int:
            return len(cls._value2member_map_)

        def __contains__(cls, value) -> bool:
            return value in cls._value2member_map_

        def __getitem__(cls, name):
            return cls.__members__[name]

    class IntEnum(int, metaclass=_Type):
        """An int that is one of the class's."""

        value = property(int)
        __str__ = int.__repr__

        @classmethod
        def _missing_(cls, value):
            raise ValueError(f"{value!r} is not a valid {cls.__name__}")

        def __repr__(self) -> str:
            return f"<{type(self).__name__}.{self.name}: {int(self)}>"

    class IntFlag(int, metaclass=_Type):
        """An int whose bits are the class's; a combination has no name."""

        name = None
        value = property(int)
        __str__ = int.__repr__

        @classmethod
        def _missing_(cls, value):
            made = int.__new__(cls, value)
            if len(cls._combinations) < _REMEMBERED:
                cls._combinations[made] = made
            return made

        def __repr__(self) -> str:
            names = [member.name for member in type(self) if member and member & self == member]
            return f"<{type(self).__name__}.{'|'.join(names)}: {int(self)}>"

        # So frequent that a member, the usual result, is found without another call.

        def __and__(self, other):
            cls, value = type(self), _and(self, other)
            found = cls._value2member_map_.get(value)
            return cls(value) if found is None else found

        def __or__(self, other):
            cls, value = type(self), _or(self, other)
            found = cls._combinations.get(value)
            return cls(value) if found is None else found

        def __xor__(self, other):
            return type(self)(_xor(self, other))

        __rand__, __ror__, __rxor__ = __and__, __or__, __xor__
