"""The upper in memory: inode rows and names that override those of the lower tree.

An inode of the lower tree keeps its number for ever, new ones get numbers above the tree's. So a
copy-up changes a row and no name, a directory that replaces another has no lower names because
its number is new, and moving a directory moves one name.
"""

from itertools import islice

from elfuse.overlay.records import ROOT, S_IFMT, S_IFREG, Entry, Row
from elfuse.overlay.tree import Tree
from elfuse.typing import Any, Callable, Iterable, Iterator, TypeVar

T = TypeVar("T")
Names = list[tuple[int, bytes, int]]
_SNAPSHOT_STEP = 1000


class Change:
    """New values of what one transaction changes. A name with inode number 0 is removed."""

    __slots__ = ("gone", "names", "next_ino", "rows")

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.names: Names = []
        self.gone: list[int] = []
        self.next_ino = 0

    def __bool__(self) -> bool:
        return bool(self.rows or self.names or self.gone)

    def to_list(self) -> list[Any]:
        """As the log has it, of what JSON knows. Bytes are written as U+0000 to U+00FF: exact, whatever the locale."""
        return [
            [_row_to_list(ino, row) for ino, row in self.rows.items()],
            [(parent, name.decode("latin-1"), ino) for parent, name, ino in self.names],
            self.gone,
            self.next_ino,
        ]

    @classmethod
    def from_list(cls, found: list[Any]) -> "Change":
        """The inverse of `to_list`."""
        change = cls()
        change.rows = {row[0]: _row_from_list(row) for row in found[0]}
        change.names = [(parent, name.encode("latin-1"), ino) for parent, name, ino in found[1]]
        change.gone = found[2]
        change.next_ino = found[3]
        return change


def _row_to_list(ino: int, row: Row) -> list[Any]:
    if not row.name and not row.target and row.xattrs is None:
        return [ino, *row[:11]]
    xattrs = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in (row.xattrs or {}).items()
    }
    return [ino, *row[:11], row.name.decode("latin-1"), row.target.decode("latin-1"), xattrs]


def _row_from_list(found: list[Any]) -> Row:
    if len(found) == 12:
        return Row(*found[1:])
    name, target, held = found[12:]
    xattrs = {name.encode("latin-1"): value.encode("latin-1") for name, value in held.items()}
    return Row(*found[1:12])._replace(
        name=name.encode("latin-1"), target=target.encode("latin-1"), xattrs=xattrs or None
    )


class State:
    """What the records of the log add up to."""

    def __init__(self, tree: Tree, on_gone: Callable[[int, Row], None]) -> None:
        self.tree = tree
        self._on_gone = on_gone
        self.rows: dict[int, Row | None] = {}
        """None: an inode of the tree that has lost its last name."""
        self.names: dict[int, dict[bytes, int]] = {}
        """By directory. 0: a name of the lower tree that is gone."""
        self.next_ino = tree.count + 1
        self.moves = 0
        """Changes whenever paths of directories may have changed, or where links lead."""

    def clear(self) -> dict[int, Row | None]:
        """As before the first record; the rows there were, for `announce`."""
        before, self.rows = self.rows, {}
        self.names.clear()
        self.next_ino = self.tree.count + 1
        self.moves += 1
        return before

    def announce(self, before: dict[int, Row | None]) -> None:
        """Tell of inodes that were removed while the state was read anew."""
        for ino, row in before.items():
            if row is not None and self.row(ino) is None:
                self._on_gone(ino, row)

    def row(self, ino: int) -> Row | None:
        """The present metadata of an inode, None if it has been removed."""
        if ino in self.rows or ino > self.tree.count:
            return self.rows.get(ino)
        return self.tree.row(ino)

    def child(self, parent: int, name: bytes) -> int:
        """The inode behind a name, 0 if there is none."""
        names = self.names.get(parent)
        if names is not None:
            ino = names.get(name)
            if ino is not None:
                return ino
        return self.tree.lookup(parent, name)

    def type_bits(self, ino: int) -> int:
        """The S_IFMT bits of an inode that exists."""
        row = self.rows.get(ino)
        return row.mode & S_IFMT if row is not None else self.tree.type_bits(ino)

    def entries(self, parent: int) -> list[Entry]:
        """The names of a directory."""
        names = self.names.get(parent)
        if not names:
            return self.tree.entries(parent)
        lower = [entry for entry in self.tree.entries(parent) if entry.name not in names]
        upper = [Entry(name, ino, self.type_bits(ino)) for name, ino in names.items() if ino]
        return lower + upper

    def is_empty(self, parent: int) -> bool:
        """Whether a directory has no names."""
        names = self.names.get(parent)
        if names and any(names.values()):
            return False
        return not self.entries(parent)

    def path(self, ino: int) -> bytes:
        """Of a directory that exists."""
        parts: list[bytes] = []
        while ino != ROOT:
            row = self.row(ino)
            # Longer than any path can get: the tree index is damaged.
            if row is None or len(parts) > 1 << 16:
                raise FileNotFoundError(2, "No such file or directory")
            parts.append(row.name)
            ino = row.parent
        return b"/" + b"/".join(reversed(parts))

    def apply(self, change: Change) -> None:
        """Make a committed change."""
        rows = self.rows
        for ino, row in change.rows.items():
            if row.parent:
                old = rows.get(ino)
                if old is None or old.parent != row.parent or old.name != row.name:
                    self.moves += 1
            rows[ino] = row
            if ino >= self.next_ino:
                self.next_ino = ino + 1
        for parent, name, ino in change.names:
            self._set_name(parent, name, ino)
        for ino in change.gone:
            self._remove(ino)
        self.next_ino = max(self.next_ino, change.next_ino)

    def _set_name(self, parent: int, name: bytes, ino: int) -> None:
        old = self.child(parent, name)
        if old and old != ino:
            row = self.row(old)
            if row is None or row.mode & S_IFMT != S_IFREG:
                self.moves += 1
        names = self.names.get(parent)
        if names is None:
            names = self.names[parent] = {}
        if ino or self.tree.lookup(parent, name):
            names[name] = ino
        else:
            names.pop(name, None)

    def _remove(self, ino: int) -> None:
        row = self.row(ino)
        if row is not None:
            self._on_gone(ino, row)
            if row.parent:
                self.moves += 1
        if ino > self.tree.count:
            self.rows.pop(ino, None)
        else:
            self.rows[ino] = None
        self.names.pop(ino, None)

    def __len__(self) -> int:
        return len(self.rows) + sum(len(names) for names in self.names.values())

    def snapshot(self) -> Iterator[Change]:
        """Changes that make an empty state this one."""
        first = Change()
        first.next_ino = self.next_ino
        first.gone = [ino for ino, row in self.rows.items() if row is None]
        yield first
        kept = ((ino, row) for ino, row in self.rows.items() if row is not None)
        for part in _batches(kept):
            change = Change()
            change.rows = dict(part)
            yield change
        named = (
            (parent, name, ino)
            for parent, names in self.names.items()
            for name, ino in names.items()
        )
        for batch in _batches(named):
            change = Change()
            change.names = batch
            yield change


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    source = iter(items)
    while batch := list(islice(source, _SNAPSHOT_STEP)):
        yield batch
