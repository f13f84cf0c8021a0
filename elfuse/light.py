"""What the start uses of standard modules that take long to load.

`signal`, `functools`, `contextlib` and `collections` load `enum` and each other, which takes as long
as the interpreter's own start. Type checkers see the real ones; at run time their parts that are
written in C are used, and short forms of what is written in Python. Modules that every run loads
take them from here (`tests/cli/test_start.py`).
"""

from __future__ import annotations

from elfuse.typing import TYPE_CHECKING

__all__ = [
    "bisect_left",
    "bisect_right",
    "cached_property",
    "deque",
    "heappop",
    "heappush",
    "operator",
    "partial",
    "signal",
    "suppress",
]

if TYPE_CHECKING:
    import operator
    import signal
    from bisect import bisect_left, bisect_right
    from collections import deque
    from contextlib import suppress
    from functools import cached_property, partial
    from heapq import heappop, heappush
else:
    import _operator as operator
    import _signal as signal
    from _bisect import bisect_left, bisect_right
    from _collections import deque
    from _functools import partial
    from _heapq import heappop, heappush

    class suppress:
        """Pass over exceptions of some classes."""

        def __init__(self, *exceptions):
            self._exceptions = exceptions

        def __enter__(self):
            pass

        def __exit__(self, exception_type, _exception, _traceback):
            return exception_type is not None and issubclass(exception_type, self._exceptions)

    class cached_property:
        """A method whose first result is kept in the object."""

        def __init__(self, function):
            self._function = function
            self.__doc__ = function.__doc__

        def __set_name__(self, _owner, name):
            self._name = name

        def __get__(self, instance, _owner=None):
            if instance is None:
                return self
            value = instance.__dict__[self._name] = self._function(instance)
            return value
