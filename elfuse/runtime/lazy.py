"""Modules that are loaded when a program first needs them, because imports delay every start."""

import sys

from elfuse.typing import Any


class Lazy:
    """Stands for a module; the first attribute loads it.

    Declare it beside an import for type checkers:

        if TYPE_CHECKING:
            from elfuse.runtime import sockets
        else:
            sockets = Lazy("elfuse.runtime.sockets")
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        __import__(self._name)  # importlib would be one module more to load
        module = sys.modules[self._name]
        self.__dict__.update(vars(module))
        return getattr(module, attribute)
