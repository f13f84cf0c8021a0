"""The table of system calls: every row can be decoded and shown, and what is generated is its image."""

import importlib
import pkgutil

from elfuse.runtime import syscalls
from elfuse.runtime.syscalls.index import MODULES
from elfuse.runtime.syscalls.table import TABLE
from tests.support import ROOT

# Loading a module registers its calls.
for _module in pkgutil.iter_modules(syscalls.__path__, syscalls.__name__ + "."):
    importlib.import_module(_module.name)


def test_every_parameter_has_a_type_and_every_decoder_compiles() -> None:
    assert len(TABLE) > 200
    for number, row in TABLE.items():
        assert row.number == number
        assert callable(row.call), row.name
        assert len(row.parameters) <= 6, row.name


def test_names_are_used_once() -> None:
    names = [row.name for row in TABLE.values()]
    assert len(names) == len(set(names))


def test_the_index_names_the_module_of_every_call() -> None:
    indexed = {number: name for name, numbers in MODULES.items() for number in numbers}
    assert indexed == {row.number: row.module for row in TABLE.values()}, (
        "run scripts/document-syscalls"
    )


def test_the_documentation_lists_what_the_table_has() -> None:
    lines = [f"| {row.number} | {row.name} | {row.note} |" for _, row in sorted(TABLE.items())]
    text = (ROOT / "docs" / "syscalls.md").read_text()
    assert [line for line in lines if line not in text] == [], "run scripts/document-syscalls"
