"""The finder of elfuse's own modules takes what is up to date and leaves the rest to Python's."""

import os
import py_compile
import sys
from importlib.util import module_from_spec
from pathlib import Path

import pytest

from elfuse.finder import _Finder


@pytest.fixture
def package(tmp_path: Path) -> Path:
    made = tmp_path / "elfuse"
    (made / "inner").mkdir(parents=True)
    for path in (made / "inner" / "__init__.py", made / "inner" / "module.py"):
        path.write_text("WHERE = __name__, __file__\n")
        py_compile.compile(str(path), doraise=True)
    return made


def test_modules_and_packages_are_found_with_their_code(package: Path) -> None:
    finder = _Finder(str(package.parent))
    for name, path in (("inner", "inner/__init__.py"), ("inner.module", "inner/module.py")):
        spec = finder.find_spec(f"elfuse.{name}")
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        for _ in range(2):
            spec.loader.exec_module(module)
            expected = f"elfuse.{name}", str(package / path)
            assert expected == module.WHERE
        assert (spec.submodule_search_locations is not None) == (name == "inner")


def _touch(source: Path, cached: Path) -> None:
    status = source.stat()
    os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns + 2_000_000_000))


def _lengthen(source: Path, cached: Path) -> None:
    status = source.stat()
    source.write_text(source.read_text() + "# more\n")
    os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))


def _drop(source: Path, cached: Path) -> None:
    cached.unlink()


def _cut(source: Path, cached: Path) -> None:
    cached.write_bytes(cached.read_bytes()[:-4])


def _other_python(source: Path, cached: Path) -> None:
    cached.write_bytes(b"\0\0\0\0" + cached.read_bytes()[4:])


def _by_hash(source: Path, cached: Path) -> None:
    mode = py_compile.PycInvalidationMode.CHECKED_HASH
    py_compile.compile(str(source), doraise=True, invalidation_mode=mode)


@pytest.mark.parametrize("change", [_touch, _lengthen, _drop, _cut, _other_python, _by_hash])
def test_what_is_not_up_to_date_is_left_to_others(package: Path, change: object) -> None:
    source = package / "inner" / "module.py"
    cached = source.parent / "__pycache__" / f"module.{sys.implementation.cache_tag}.pyc"
    assert callable(change)
    change(source, cached)
    assert _Finder(str(package.parent)).find_spec("elfuse.inner.module") is None


def test_other_packages_and_what_is_missing_are_left_to_others(package: Path) -> None:
    finder = _Finder(str(package.parent))
    assert finder.find_spec("elfuse.nothing") is None
    assert finder.find_spec("inner.module") is None
