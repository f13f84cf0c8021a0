"""What a container changed, as `docker diff` lists it: A added, C changed, D deleted."""

from __future__ import annotations

from elfuse.overlay.overlay import Overlay
from elfuse.overlay.records import ROOT, Entry
from elfuse.overlay.state import State
from elfuse.typing import NamedTuple

_S_IFDIR = 0o040000


class Change(NamedTuple):
    """`kind` is A, C or D."""

    kind: str
    path: bytes


def changes(overlay: Overlay) -> list[Change]:
    """All changes, sorted by path. A changed directory is one whose names or metadata changed.

    The names below a deleted directory are not listed, those below an added one are.
    """
    overlay.journal.refresh()
    return sorted(_Comparison(overlay.state).run(), key=lambda change: change.path)


class _Comparison:
    """Compares path by path; an inode is unchanged when the journal has no row for it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._found: list[Change] = []

    def run(self) -> list[Change]:
        self._directory(b"", ROOT, ROOT)
        return self._found

    def _directory(self, path: bytes, ino: int, lower: int) -> bool:
        """Compare what is below two directories of the same path; whether anything differs."""
        before = {entry.name: entry for entry in self._state.tree.entries(lower)}
        now = {entry.name: entry for entry in self._state.entries(ino)}
        count = len(self._found)
        for name, old in before.items():
            if name not in now:
                self._found.append(Change("D", path + b"/" + name))
            else:
                self._both(path + b"/" + name, now[name], old)
        for name, entry in now.items():
            if name not in before:
                self._added(path + b"/" + name, entry)
        return len(self._found) > count

    def _both(self, path: bytes, entry: Entry, old: Entry) -> None:
        changed = entry.ino != old.ino or entry.ino in self._state.rows
        if entry.type == _S_IFDIR:
            # A directory that replaces something else has nothing to be compared with below.
            lower = old.ino if old.type == _S_IFDIR else self._state.tree.count + 1
            changed |= self._directory(path, entry.ino, lower)
        if changed:
            self._found.append(Change("C", path))

    def _added(self, path: bytes, entry: Entry) -> None:
        self._found.append(Change("A", path))
        if entry.type == _S_IFDIR:
            for below in self._state.entries(entry.ino):
                self._added(path + b"/" + below.name, below)
