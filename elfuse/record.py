"""Classes that are their members: frozen, with slots, and quick to declare.

`dataclasses` compiles several functions for each class and imports `inspect`; for the classes that
every run declares that takes longer than a small guest program.
"""

from __future__ import annotations

from elfuse.light import operator
from elfuse.typing import Any, ClassVar, TypeVar, dataclass_transform

_R = TypeVar("_R", bound="Record")


class _RecordType(type):
    """Turns annotated names into slots, and their values into defaults."""

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], *, frozen: bool = True
    ) -> _RecordType:
        if not bases:
            return super().__new__(cls, name, bases, namespace)
        if "__annotations__" not in namespace:
            # Python 3.14 evaluates them only later; by this import they are a mapping in any.
            raise TypeError(f"{name}: its module needs `from __future__ import annotations`")
        names = tuple(namespace["__annotations__"])
        namespace["_defaults"] = {key: namespace.pop(key) for key in names if key in namespace}
        namespace["__slots__"] = names
        if not frozen:
            namespace["__setattr__"] = object.__setattr__
            namespace["__hash__"] = None
        made: Any = super().__new__(cls, name, bases, namespace)
        made._members = {key: getattr(made, key).__set__ for key in names}
        made._values = operator.attrgetter(*names)
        return made  # type: ignore[no-any-return]


@dataclass_transform(frozen_default=True)
class Record(metaclass=_RecordType):
    """Base of such classes: annotated names are members in order, with their defaults.

    Equal when the members are. `class X(Record, frozen=False)` is one whose members can be set.
    """

    __slots__ = ()
    _members: ClassVar[dict[str, Any]]
    """In order, with the function that sets one in an object under construction."""
    _defaults: ClassVar[dict[str, Any]]
    _values: ClassVar[operator.attrgetter[Any]]

    def __init__(self, *values: Any, **named: Any) -> None:
        # Of many classes a run makes one object: the second is what compiling pays for.
        type(self).__init__ = _compile_and_init  # type: ignore[method-assign]
        given = self._defaults | dict(zip(self._members, values, strict=False)) | named
        if given.keys() != self._members.keys() or len(values) > len(given):
            raise TypeError(f"{type(self).__name__}: missing or unknown members")
        for key, value in given.items():
            self._members[key](self, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(self._values(self) == other._values(other))

    def __hash__(self) -> int:
        return hash(self._values(self))

    def __repr__(self) -> str:
        members = ", ".join(f"{key}={getattr(self, key)!r}" for key in self._members)
        return f"{type(self).__name__}({members})"


def _compile_and_init(self: Record, *values: Any, **named: Any) -> None:
    _compile(type(self))
    self.__init__(*values, **named)  # type: ignore[misc]  # now another


def compile_met() -> None:
    """Before processes multiply: compile for all classes that have made an object."""
    waiting = [Record]
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        if cls.__init__ is _compile_and_init:
            _compile(cls)


def _compile(cls: type[Record]) -> None:
    scope = {f"put_{key}": put for key, put in cls._members.items()} | {"default": cls._defaults}
    parameters = (
        f"{key}=default[{key!r}]" if key in cls._defaults else key for key in cls._members
    )
    lines = (f"\n put_{key}(self, {key})" for key in cls._members)
    exec(f"def __init__(self, {', '.join(parameters)}):{''.join(lines)}", scope)
    cls.__init__ = scope["__init__"]  # type: ignore[method-assign]


def members(record: Record) -> dict[str, Any]:
    """Names and values, in order."""
    return {key: getattr(record, key) for key in record._members}


def replace(record: _R, **changes: Any) -> _R:
    """A copy with other values of some members."""
    return type(record)(**members(record) | changes)
