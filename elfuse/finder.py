"""Finds elfuse's own modules with less ado than the standard finder, which a start feels.

A start loads a hundred modules. The standard finder lists directories, looks for every kind of
module and asks for each file several times; here a module is its source, whose time and size are
compared with what its `__pycache__` file names, as the standard loader does. Whatever is not as
expected is left to the standard finder: missing or old compiled files, extension modules.
"""

from __future__ import annotations

import os
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER, SourceFileLoader
from marshal import loads

from elfuse.typing import Any, Sequence

_PACKAGE = "elfuse."
_HEADER = 16
"""Bytes before the code: magic number, flags, time and size of the source (PEP 552)."""


class _Loader(SourceFileLoader):
    """Has the code already."""

    def __init__(self, name: str, path: str, code: Any) -> None:
        super().__init__(name, path)
        self._code = code

    def exec_module(self, module: Any) -> None:
        code, self._code = self._code, None
        if code is None:
            super().exec_module(module)  # it is loaded again
        else:
            exec(code, vars(module))


class _Finder:
    def __init__(self, root: str) -> None:
        self._root = root
        """The directory that has the package."""
        self._suffix = f".{sys.implementation.cache_tag}.pyc"

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: object = None
    ) -> ModuleSpec | None:
        if not name.startswith(_PACKAGE):
            return None
        directory, _slash, stem = f"{self._root}/{name.replace('.', '/')}".rpartition("/")
        try:
            return self._spec(name, directory, stem, package=False)
        except FileNotFoundError:
            pass
        try:
            return self._spec(name, f"{directory}/{stem}", "__init__", package=True)
        except OSError:
            return None

    def _spec(self, name: str, directory: str, stem: str, *, package: bool) -> ModuleSpec | None:
        path = f"{directory}/{stem}.py"
        source = os.stat(path)
        cached = f"{directory}/__pycache__/{stem}{self._suffix}"
        try:
            fd = os.open(cached, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            data = os.read(fd, os.fstat(fd).st_size)
        finally:
            os.close(fd)
        numbers = (0, int(source.st_mtime) & 0xFFFF_FFFF, source.st_size & 0xFFFF_FFFF)
        header = MAGIC_NUMBER + b"".join(number.to_bytes(4, "little") for number in numbers)
        if data[:_HEADER] != header:
            return None
        try:
            code = loads(memoryview(data)[_HEADER:])
        except (EOFError, ValueError, TypeError):
            return None
        spec = ModuleSpec(name, _Loader(name, path, code), origin=path, is_package=package)
        spec.cached = cached
        spec.has_location = True
        if package:
            spec.submodule_search_locations = [directory]
        return spec


def install() -> None:
    """Let imports of elfuse's modules use it."""
    package = os.path.dirname(__file__)
    plain = not (sys.flags.optimize or sys.pycache_prefix or sys.implementation.cache_tag is None)
    if plain and os.path.basename(package) + "." == _PACKAGE:
        sys.meta_path.insert(0, _Finder(os.path.dirname(package)))
