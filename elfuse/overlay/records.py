"""What an inode is, in the tree index and in the journal alike."""

from __future__ import annotations

import os
import stat

from elfuse.typing import NamedTuple

S_IFMT, S_IFREG = 0o170000, 0o100000
ROOT = 1
DIRECTORY_SIZE = 4096

HAS_DATA = 1
"""The content of a regular file is `data/INO` of the upper, not an object."""
UNNAMED = 2
"""Made by O_TMPFILE: without a name on purpose, and may still get one."""


class Row(NamedTuple):
    """The metadata of an inode. `parent` and `name` are set for directories only."""

    mode: int
    nlink: int
    uid: int
    gid: int
    major: int
    minor: int
    atime_ns: int
    mtime_ns: int
    ctime_ns: int
    flags: int = 0
    parent: int = 0
    name: bytes = b""
    target: bytes = b""
    xattrs: dict[bytes, bytes] | None = None


class Attributes(NamedTuple):
    """What stat(2) shows."""

    ino: int
    mode: int
    nlink: int
    uid: int
    gid: int
    rdev_major: int
    rdev_minor: int
    size: int
    blocks: int
    atime_ns: int
    mtime_ns: int
    ctime_ns: int


class Entry(NamedTuple):
    """One name of a directory; `type` is the S_IFMT bits."""

    name: bytes
    ino: int
    type: int


def is_directory(row: Row) -> bool:
    """Whether the row is a directory's."""
    return stat.S_ISDIR(row.mode)


def attributes(ino: int, row: Row, size: int, blocks: int | None = None) -> Attributes:
    """A row as stat(2) shows it."""
    return Attributes(
        ino,
        row.mode,
        row.nlink,
        row.uid,
        row.gid,
        row.major,
        row.minor,
        size,
        (size + 511) // 512 if blocks is None else blocks,
        row.atime_ns,
        row.mtime_ns,
        row.ctime_ns,
    )


def failure(number: int) -> OSError:
    """The exception for a host error number."""
    return OSError(number, os.strerror(number))
