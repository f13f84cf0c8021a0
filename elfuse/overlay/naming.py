"""Changes of names: make, link, unlink, rmdir, rename; each one transaction."""

import errno
import time

from elfuse.overlay.records import ROOT, S_IFMT, UNNAMED, Row, failure, is_directory
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.overlay.inode import OverlayInode
    from elfuse.overlay.journal import Transaction
    from elfuse.overlay.state import State

NAME_MAX = 255
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
_HOST_FILES = 0o100000, 0o010000, 0o140000
"""Regular files, fifos and sockets may have a file in the upper."""


def make(directory: "OverlayInode", name: bytes, row: Row) -> "OverlayInode":
    """Something new with metadata `row`."""
    _check(name)
    with directory.fs.transaction() as change:
        _living(change, directory)
        if change.state.child(directory.ino, name):
            raise failure(errno.EEXIST)
        subdirectories = 0
        if is_directory(row):
            row = row._replace(nlink=2, parent=directory.ino, name=name)
            subdirectories = 1
        ino = change.add(row)
        change.names.append((directory.ino, name, ino))
        _touch(change, directory.ino, row.mtime_ns, subdirectories)
    return directory.fs.inode(ino)


def link(directory: "OverlayInode", name: bytes, inode: "OverlayInode") -> None:
    """link(2)."""
    _check(name)
    now = time.time_ns()
    with directory.fs.transaction() as change:
        _living(change, directory)
        if change.state.child(directory.ino, name):
            raise failure(errno.EEXIST)
        row = change.row(inode.ino)
        if is_directory(row):
            raise failure(errno.EPERM)
        change.rows[inode.ino] = row._replace(
            nlink=row.nlink + 1, ctime_ns=now, flags=row.flags & ~UNNAMED
        )
        change.names.append((directory.ino, name, inode.ino))
        _touch(change, directory.ino, now)


def unlink(directory: "OverlayInode", name: bytes) -> None:
    """unlink(2)."""
    now = time.time_ns()
    with directory.fs.transaction() as change:
        ino, row = _found(change, directory, name)
        if is_directory(row):
            raise failure(errno.EISDIR)
        gone = _drop(change, ino, now)
        change.names.append((directory.ino, name, 0))
        _touch(change, directory.ino, now)
    if gone:
        _discard(directory, ino, row)


def rmdir(directory: "OverlayInode", name: bytes) -> None:
    """rmdir(2)."""
    with directory.fs.transaction() as change:
        ino, row = _found(change, directory, name)
        if not is_directory(row):
            raise failure(errno.ENOTDIR)
        if not change.state.is_empty(ino):
            raise failure(errno.ENOTEMPTY)
        change.remove(ino)
        change.names.append((directory.ino, name, 0))
        _touch(change, directory.ino, time.time_ns(), -1)


def rename(
    directory: "OverlayInode", name: bytes, to: "OverlayInode", to_name: bytes, flags: int
) -> None:
    """renameat2(2)."""
    _check(to_name)
    if flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE) or flags == 3:
        raise failure(errno.EINVAL)
    with directory.fs.transaction() as change:
        _living(change, to)
        moved, row = _found(change, directory, name)
        other = change.state.child(to.ino, to_name)
        if flags & RENAME_NOREPLACE and other:
            raise failure(errno.EEXIST)
        if is_directory(row) and _is_below(change.state, to.ino, moved):
            raise failure(errno.EINVAL)
        if other == moved:
            return
        if flags & RENAME_EXCHANGE:
            _exchange(change, (directory.ino, name, moved), (to.ino, to_name, other))
            return
        replaced = change.row(other) if other else None
        gone = _move(change, (directory.ino, name, moved), (to.ino, to_name, other))
    if gone and replaced is not None:
        _discard(directory, other, replaced)


Place = tuple[int, bytes, int]
"""A directory, a name in it, and the inode behind the name."""


def _move(change: "Transaction", source: Place, target: Place) -> bool:
    """Put `source` at `target`; whether what was there has lost its last name."""
    now = time.time_ns()
    directory, name, moved = source
    to, to_name, other = target
    row = change.row(moved)
    gone = False
    moves_directory = replaces_directory = 0
    if is_directory(row):
        moves_directory = 1
    if other:
        replaced = change.row(other)
        if is_directory(replaced):
            replaces_directory = 1
            if not moves_directory:
                raise failure(errno.EISDIR)
            if not change.state.is_empty(other):
                raise failure(errno.ENOTEMPTY)
            change.remove(other)
            gone = True
        elif moves_directory:
            raise failure(errno.ENOTDIR)
        else:
            gone = _drop(change, other, now)
    _settle(change, moved, to, to_name, now)
    change.names += [(directory, name, 0), (to, to_name, moved)]
    _touch(change, directory, now, -moves_directory)
    _touch(change, to, now, moves_directory - replaces_directory)
    return gone


def _exchange(change: "Transaction", source: Place, target: Place) -> None:
    now = time.time_ns()
    directory, name, first = source
    to, to_name, second = target
    if not second:
        raise failure(errno.ENOENT)
    first_is, second_is = (int(is_directory(change.row(ino))) for ino in (first, second))
    if second_is and _is_below(change.state, directory, second):
        raise failure(errno.EINVAL)
    _settle(change, first, to, to_name, now)
    _settle(change, second, directory, name, now)
    change.names += [(directory, name, second), (to, to_name, first)]
    _touch(change, directory, now, second_is - first_is)
    _touch(change, to, now, first_is - second_is)


def _check(name: bytes) -> None:
    if len(name) > NAME_MAX:
        raise failure(errno.ENAMETOOLONG)


def _living(change: "Transaction", directory: "OverlayInode") -> Row:
    """A directory's metadata; ENOENT once it is removed."""
    row = change.row(directory.ino)
    if not is_directory(row):
        raise failure(errno.ENOTDIR)
    return row


def _found(change: "Transaction", directory: "OverlayInode", name: bytes) -> tuple[int, Row]:
    _living(change, directory)
    ino = change.state.child(directory.ino, name)
    if not ino:
        raise failure(errno.ENOENT if len(name) <= NAME_MAX else errno.ENAMETOOLONG)
    return ino, change.row(ino)


def _touch(change: "Transaction", directory: int, now: int, subdirectories: int = 0) -> None:
    """A directory's names have changed."""
    row = change.row(directory)
    change.rows[directory] = row._replace(
        nlink=row.nlink + subdirectories, mtime_ns=now, ctime_ns=now
    )


def _drop(change: "Transaction", ino: int, now: int) -> bool:
    """Take a name from a file; whether it was the last."""
    row = change.row(ino)
    if row.nlink <= 1:
        change.remove(ino)
        return True
    change.rows[ino] = row._replace(nlink=row.nlink - 1, ctime_ns=now)
    return False


def _settle(change: "Transaction", ino: int, directory: int, name: bytes, now: int) -> None:
    """Note in an inode that it has moved; a directory knows its place."""
    row = change.row(ino)._replace(ctime_ns=now)
    if is_directory(row):
        row = row._replace(parent=directory, name=name)
    change.rows[ino] = row


def _is_below(state: "State", ino: int, ancestor: int) -> bool:
    """Whether a directory is `ancestor` or lies below it."""
    while ino != ancestor:
        row = state.row(ino)
        if ino == ROOT or row is None:
            return False
        ino = row.parent
    return True


def _discard(directory: "OverlayInode", ino: int, row: Row) -> None:
    # After the commit: a kill in between leaves a file that the next exclusive open removes.
    if row.mode & S_IFMT in _HOST_FILES:
        directory.fs.discard_data(ino)
