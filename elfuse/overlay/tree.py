"""The merged tree of an image as one immutable file that is mapped, not parsed.

    header     counts and sizes, and the key of the tree
    inodes     64 bytes each; inode number N is record N - 1, the root is number 1
    dentries   12 bytes each; a directory's are adjacent and sorted by name
    digests    32 bytes each; the SHA-256 of regular files' contents
    heap       names, link targets, extended attributes

Opening costs the same for any number of files; a lookup is a bisection of one directory's
dentries. The file may be damaged or hostile: `open` checks that the sections fill it exactly, and
whatever leads out of a section later is EIO.
"""

import errno
import mmap
import os
import struct

from elfuse.errors import ImageError
from elfuse.overlay.records import (
    DIRECTORY_SIZE,
    ROOT,
    S_IFMT,
    Attributes,
    Entry,
    Row,
    attributes,
)
from elfuse.typing import TYPE_CHECKING, Sequence

if TYPE_CHECKING:
    from pathlib import Path

MAGIC = b"elftree\0"
VERSION = 1
HEADER = struct.Struct("<8sII32sIIIIQ")
"""Magic, version, 0, key, inodes, dentries, digests, 0, bytes of heap."""
INODE = struct.Struct("<IIIIIIQqQQII")
"""Mode, nlink, uid, gid, major, minor, size, mtime, data, xattrs, first dentry, dentries.

`data` is a file's digest index, a link's offset in the heap, a directory's parent; `size` of a
directory is the index of its own dentry. `xattrs` is a heap offset plus one, 0 for none.
"""
DENTRY = struct.Struct("<IIHH")
"""Heap offset of the name, inode, length of the name, S_IFMT bits."""
XATTRS = struct.Struct("<I")
XATTR = struct.Struct("<HI")
DIGEST_SIZE = 32
_SLICE = struct.Struct("<II")
_SLICE_AT = INODE.size - _SLICE.size
_CACHE_LIMIT = 1 << 16
_S_IFDIR, _S_IFLNK, _S_IFREG = 0o040000, 0o120000, 0o100000


class DamagedTree(ImageError):
    """A tree index that elfuse did not write."""


def tree_path(root: "os.PathLike[str]", key: str) -> "Path":
    """Where the tree with this key is, once it is built."""
    from pathlib import Path as Made  # /dev needs none

    return Made(root) / "trees" / key


def tree_key(diff_ids: Sequence[str]) -> str:
    """What identifies the tree of these layers in this format."""
    import hashlib  # a start from a known key does without

    return hashlib.sha256("\n".join((f"tree {VERSION}", *diff_ids)).encode()).hexdigest()


def _damaged() -> OSError:
    return OSError(errno.EIO, "the tree index is damaged")


class Tree:
    """Read access to a tree index, or to an empty root if `path` is None."""

    def __init__(self, path: "os.PathLike[str] | None") -> None:
        self._buffer: mmap.mmap | bytes = _EMPTY if path is None else _map(path)
        size = len(self._buffer)
        found = HEADER.unpack_from(self._buffer) if size >= HEADER.size else None
        if found is None or found[0] != MAGIC or found[1] != VERSION:
            self.close()
            raise DamagedTree(f"{path} is not a tree index of this version", hint=_HINT)
        self.key: bytes = found[3]
        self.count: int = found[4]
        """Inode numbers are 1 to `count`."""
        self._dentry_count: int = found[5]
        self._digest_count: int = found[6]
        self._dentries = HEADER.size + self.count * INODE.size
        self._digests = self._dentries + self._dentry_count * DENTRY.size
        self._heap = self._digests + self._digest_count * DIGEST_SIZE
        self._end = self._heap + found[8]
        if self._end != size or not self.count or self._inode(ROOT)[0] & S_IFMT != _S_IFDIR:
            self.close()
            raise DamagedTree(f"the tree index {path} is damaged", hint=_HINT)
        self.is_empty_root = path is None
        self._found: dict[tuple[int, bytes], int] = {}

    def close(self) -> None:
        """Unmap the file."""
        if isinstance(self._buffer, mmap.mmap):
            self._buffer.close()

    def lookup(self, directory: int, name: bytes) -> int:
        """The inode number behind a name, 0 if there is none or no such directory."""
        if directory > self.count:
            return 0
        key = directory, name
        ino = self._found.get(key)
        if ino is None:
            if len(self._found) >= _CACHE_LIMIT:
                self._found.clear()
            ino = self._found[key] = self._bisect(directory, name)
        return ino

    def _bisect(self, directory: int, name: bytes) -> int:
        low, high = self._slice(directory)
        buffer, unpack, dentries, heap = (
            self._buffer,
            DENTRY.unpack_from,
            self._dentries,
            self._heap,
        )
        while low < high:
            middle = (low + high) >> 1
            at, ino, length, _type = unpack(buffer, dentries + middle * 12)
            found = buffer[heap + at : heap + at + length]
            if found == name:
                return self._checked(ino)
            if found < name:
                low = middle + 1
            else:
                high = middle
        return 0

    def entries(self, directory: int) -> list[Entry]:
        """The names of a directory, sorted; none for an inode number of the upper."""
        if directory > self.count:
            return []
        first, end = self._slice(directory)
        section = self._buffer[
            self._dentries + first * DENTRY.size : self._dentries + end * DENTRY.size
        ]
        buffer, heap = self._buffer, self._heap
        return [
            Entry(buffer[heap + at : heap + at + length], self._checked(ino), kind)
            for at, ino, length, kind in DENTRY.iter_unpack(section)
        ]

    def row(self, ino: int) -> Row:
        """The metadata of an inode."""
        found = self._inode(ino)
        mode, nlink, uid, gid, major, minor, size, mtime, data, xattrs, _first, _count = found
        kind = mode & S_IFMT
        target = name = b""
        parent = 0
        if kind == _S_IFDIR:
            parent = self._checked(data)
            name = b"" if ino == ROOT else self._name(size)
        elif kind == _S_IFLNK:
            target = self._text(data, size)
        held = self._xattrs(xattrs - 1) if xattrs else None
        return Row(
            mode, nlink, uid, gid, major, minor, mtime, mtime, mtime, 0, parent, name, target, held
        )

    def attributes(self, ino: int) -> Attributes:
        """What stat(2) shows of an inode."""
        size = self.size(ino)
        return attributes(ino, self.row(ino), size)

    def type_bits(self, ino: int) -> int:
        """The S_IFMT bits of an inode's mode."""
        return int(self._inode(ino)[0]) & S_IFMT

    def size(self, ino: int) -> int:
        """st_size."""
        found = self._inode(ino)
        kind = found[0] & S_IFMT
        if kind == _S_IFDIR:
            return DIRECTORY_SIZE
        return int(found[6]) if kind in (_S_IFREG, _S_IFLNK) else 0

    def digest(self, ino: int) -> str:
        """SHA-256 of a regular file's content, in hexadecimal."""
        found = self._inode(ino)
        if found[0] & S_IFMT != _S_IFREG or found[8] >= self._digest_count:
            raise _damaged()
        at = self._digests + found[8] * DIGEST_SIZE
        return self._buffer[at : at + DIGEST_SIZE].hex()

    def digests(self) -> list[str]:
        """The digests of all file contents, each once."""
        section = self._buffer[self._digests : self._heap]
        return [section[at : at + DIGEST_SIZE].hex() for at in range(0, len(section), DIGEST_SIZE)]

    def _checked(self, ino: int) -> int:
        if not 0 < ino <= self.count:
            raise _damaged()
        return ino

    def _inode(self, ino: int) -> tuple[int, ...]:
        if not 0 < ino <= self.count:
            raise _damaged()
        return INODE.unpack_from(self._buffer, HEADER.size + (ino - 1) * INODE.size)

    def _slice(self, directory: int) -> tuple[int, int]:
        at = HEADER.size + (directory - 1) * INODE.size + _SLICE_AT
        first, count = _SLICE.unpack_from(self._buffer, at)
        if first + count > self._dentry_count:
            raise _damaged()
        return first, first + count

    def _name(self, dentry: int) -> bytes:
        if dentry >= self._dentry_count:
            raise _damaged()
        at, _ino, length, _type = DENTRY.unpack_from(
            self._buffer, self._dentries + dentry * DENTRY.size
        )
        return self._text(at, length)

    def _text(self, at: int, length: int) -> bytes:
        start = self._heap + at
        if start + length > self._end:
            raise _damaged()
        return self._buffer[start : start + length]

    def _xattrs(self, at: int) -> dict[bytes, bytes]:
        (total,) = XATTRS.unpack(self._text(at, XATTRS.size))
        data = self._text(at + XATTRS.size, total)
        found = {}
        position = 0
        while position < total:
            if position + XATTR.size > total:
                raise _damaged()
            name_size, value_size = XATTR.unpack_from(data, position)
            position += XATTR.size
            name = data[position : position + name_size]
            position += name_size
            found[name] = data[position : position + value_size]
            position += value_size
        return found


_HINT = "remove the image and pull it again"
_EMPTY = HEADER.pack(MAGIC, VERSION, 0, bytes(32), 1, 0, 0, 0, 0) + INODE.pack(
    _S_IFDIR | 0o755, 2, 0, 0, 0, 0, 0, 0, ROOT, 0, 0, 0
)


def _map(path: "os.PathLike[str]") -> mmap.mmap | bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if not os.fstat(fd).st_size:
            return b""
        return mmap.mmap(fd, 0, access=mmap.ACCESS_READ)
    finally:
        os.close(fd)
