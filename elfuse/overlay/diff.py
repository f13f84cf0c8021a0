"""What a container changed, as `docker diff` lists it: A added, C changed, D deleted."""

import stat
from typing import NamedTuple

from elfuse.overlay.journal import Row
from elfuse.overlay.overlay import ROOT, Overlay


class Change(NamedTuple):
    """`kind` is A, C or D."""

    kind: str
    path: bytes


def changes(overlay: Overlay) -> list[Change]:
    """All changes, sorted by path."""
    overlay.journal.refresh()
    found: list[Change] = []
    _compare(overlay, ROOT, b"", found)
    return sorted(found, key=lambda change: change.path)


def _compare(overlay: Overlay, directory: int, path: bytes, found: list[Change]) -> None:
    """Changes below a directory that both have."""
    now = overlay.children(directory)
    for name, ino, _kind in _lower(overlay, directory):
        if name not in now:
            found.append(Change("D", path + b"/" + name))
        elif now[name][0] != ino:
            found.append(Change("C", path + b"/" + name))
    for name, (ino, kind) in now.items():
        below = path + b"/" + name
        before = overlay.lower_child(directory, name)
        if not before:
            _added(overlay, ino, kind, below, found)
            continue
        if before != ino:
            if kind == stat.S_IFDIR:
                _added_below(overlay, ino, below, found)
            continue
        if _differs(overlay, ino):
            found.append(Change("C", below))
        if kind == stat.S_IFDIR:
            _compare(overlay, ino, below, found)


def _lower(overlay: Overlay, directory: int) -> list[tuple[bytes, int, int]]:
    record = overlay.record(directory)
    if record is None or overlay.tree is None:
        return []
    return list(overlay.tree.entries(record))


def _differs(overlay: Overlay, ino: int) -> bool:
    row = overlay.journal.rows.get(ino)
    if row is None:
        return False
    return row.own or _shown(row) != _shown(overlay.lower_row(ino))


def _shown(row: Row) -> tuple[object, ...]:
    """What makes an inode count as changed; reading alone does not."""
    xattrs = tuple(sorted(row.xattrs.items()))
    return row.mode, row.uid, row.gid, row.mtime_ns, row.nlink, xattrs


def _added(overlay: Overlay, ino: int, kind: int, path: bytes, found: list[Change]) -> None:
    found.append(Change("A", path))
    if kind == stat.S_IFDIR:
        _added_below(overlay, ino, path, found)


def _added_below(overlay: Overlay, ino: int, path: bytes, found: list[Change]) -> None:
    for name, (child, kind) in overlay.children(ino).items():
        _added(overlay, child, kind, path + b"/" + name, found)
