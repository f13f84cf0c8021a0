"""A parser for command lines whose options end at the first operand, as docker's and env's do.

Short options combine (`-it`), values follow or are attached (`-eA=1`, `--env A=1`, `--env=A=1`),
booleans take `=true` and `=false`.
"""

from __future__ import annotations

from elfuse.enumeration import IntEnum
from elfuse.errors import UsageError
from elfuse.record import Record
from elfuse.typing import Sequence


class Kind(IntEnum):
    """How often an option may come and whether it has a value."""

    FLAG = 0
    VALUE = 1
    LIST = 2


class Option(Record):
    """One option: `names` with their dashes, the long one last; `metavar` for the help text."""

    names: tuple[str, ...]
    kind: Kind
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.names[-1].lstrip("-")


class Parsed:
    """What was given: option key to value (bool, str or list), and the operands."""

    def __init__(self) -> None:
        self.flags: dict[str, bool] = {}
        self.values: dict[str, str] = {}
        self.lists: dict[str, list[str]] = {}
        self.operands: list[str] = []

    def flag(self, key: str) -> bool:
        return self.flags.get(key, False)

    def value(self, key: str, default: str = "") -> str:
        return self.values.get(key, default)

    def list(self, key: str) -> list[str]:
        return self.lists.get(key, [])


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class Parser:
    """Parses by a list of options. `command` is shown in errors' hints."""

    def __init__(self, command: str, options: Sequence[Option]) -> None:
        self._command = command
        self.options = options
        self._names = {name: option for option in options for name in option.names}

    def parse(self, arguments: Sequence[str]) -> Parsed:
        """UsageError for an unknown option, a missing or a bad value."""
        parsed = Parsed()
        rest = list(arguments)
        while rest:
            word = rest[0]
            if word == "--":
                rest.pop(0)
                break
            if not word.startswith("-") or word == "-":
                break
            rest.pop(0)
            if word.startswith("--"):
                self._long(parsed, word, rest)
            else:
                self._short(parsed, word, rest)
        parsed.operands = rest
        return parsed

    def _find(self, name: str) -> Option:
        option = self._names.get(name)
        if option is None:
            raise UsageError(
                f"unknown option {name}", hint=f"see the options with: {self._command} --help"
            )
        return option

    def _long(self, parsed: Parsed, word: str, rest: list[str]) -> None:
        name, equals, value = word.partition("=")
        option = self._find(name)
        if option.kind is Kind.FLAG:
            given = value.lower() if equals else "true"
            if given not in _BOOLEANS:
                raise UsageError(f"{name}: {value!r} is neither true nor false")
            parsed.flags[option.key] = _BOOLEANS[given]
            return
        if not equals:
            value = self._next(name, rest)
        self._store(parsed, option, value)

    def _short(self, parsed: Parsed, word: str, rest: list[str]) -> None:
        letters = word[1:]
        while letters:
            name, letters = "-" + letters[0], letters[1:]
            option = self._find(name)
            if option.kind is Kind.FLAG:
                if letters.startswith("="):
                    self._long(parsed, option.names[-1] + letters, rest)
                    return
                parsed.flags[option.key] = True
                continue
            value = letters.removeprefix("=") if letters else self._next(name, rest)
            self._store(parsed, option, value)
            return

    def _next(self, name: str, rest: list[str]) -> str:
        if not rest:
            raise UsageError(
                f"option {name} needs a value", hint=f"see the options with: {self._command} --help"
            )
        return rest.pop(0)

    def _store(self, parsed: Parsed, option: Option, value: str) -> None:
        if option.choices and value not in option.choices:
            raise UsageError(
                f"{option.names[-1]}: {value!r} is none of {', '.join(option.choices)}"
            )
        if option.kind is Kind.LIST:
            parsed.lists.setdefault(option.key, []).append(value)
        else:
            parsed.values[option.key] = value

    def help(self) -> str:
        """One line per option."""
        lines = []
        for option in self.options:
            names = ", ".join(option.names) + (f" {option.metavar}" if option.metavar else "")
            lines.append(f"  {names:<28} {option.help}")
        return "\n".join(lines)
