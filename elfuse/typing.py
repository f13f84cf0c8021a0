"""What annotations need of `typing` and `collections.abc`, without loading these.

Loading either takes a quarter to half as long as starting the interpreter. Type checkers see the real names;
at run time they only have to exist. Modules that every run loads take them from here
(`tests/cli/test_start.py`).
"""

import sys

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable as Callable
    from collections.abc import Collection as Collection
    from collections.abc import Container as Container
    from collections.abc import Generator as Generator
    from collections.abc import Iterable as Iterable
    from collections.abc import Iterator as Iterator
    from collections.abc import Mapping as Mapping
    from collections.abc import Sequence as Sequence
    from typing import Annotated as Annotated
    from typing import Any as Any
    from typing import ClassVar as ClassVar
    from typing import Generic as Generic
    from typing import NamedTuple as NamedTuple
    from typing import NoReturn as NoReturn
    from typing import Protocol as Protocol
    from typing import Self as Self
    from typing import TypeVar as TypeVar
    from typing import dataclass_transform as dataclass_transform
else:
    # `collections.abc` has its names from there, and would load all of `collections`.
    from _collections_abc import Callable as Callable
    from _collections_abc import Collection as Collection
    from _collections_abc import Container as Container
    from _collections_abc import Generator as Generator
    from _collections_abc import Iterable as Iterable
    from _collections_abc import Iterator as Iterator
    from _collections_abc import Mapping as Mapping
    from _collections_abc import Sequence as Sequence

    class _NamedTupleType(type):
        """Makes a tuple whose items have names, as `collections` does, of annotations and defaults."""

        def __new__(cls, name, _bases, namespace):
            from _collections import _tuplegetter

            names = tuple(namespace.pop("__annotations__"))
            defaults = tuple(namespace.pop(key) for key in names if key in namespace)
            scope = {"make": tuple.__new__}
            make = eval(f"lambda cls, {', '.join(names)}: make(cls, ({', '.join(names)},))", scope)
            make.__defaults__ = defaults
            getters = {key: _tuplegetter(at, "") for at, key in enumerate(names)}
            own = {"__new__": make, "__slots__": (), "_fields": names, "_replace": _replace}
            own |= {"__match_args__": names, "__repr__": _represent}
            return type(name, (tuple,), {**own, **getters, **namespace})

    def _replace(self, **changes):
        """A copy with other values of some members."""
        made = tuple(changes.pop(key, value) for key, value in zip(self._fields, self, strict=True))
        if changes:
            raise TypeError(f"{type(self).__name__} has no {', '.join(changes)}")
        return tuple.__new__(type(self), made)

    def _represent(self):
        members = (f"{key}={value!r}" for key, value in zip(self._fields, self, strict=True))
        return f"{type(self).__name__}({', '.join(members)})"

    NamedTuple = type.__new__(_NamedTupleType, "NamedTuple", (), {})

    class Protocol:
        """Base of classes that nobody derives from."""

    class Generic:
        """`Generic[T]` is this class again."""

        def __class_getitem__(cls, _parameters):
            return cls

    class Annotated:
        """`Annotated[int, "B"]`: `__metadata__` is what is said of the type."""

        def __class_getitem__(cls, parameters):
            made = cls()
            made.__metadata__ = parameters[1:]
            return made

    class TypeVar:
        """Only its name is used."""

        def __init__(self, *_arguments, **_options):
            pass

    Any = ClassVar = NoReturn = Self = object

    def dataclass_transform(**_options):
        return lambda decorated: decorated


def evaluated(hint: object, module: str) -> Any:
    """An annotation of something in a module, which may be a text."""
    return eval(hint, vars(sys.modules[module])) if isinstance(hint, str) else hint
