"""A tree index, a store of objects and an upper directory as one writable filesystem.

    UPPER/data/INO     content of a regular file of the upper; a fifo; the host's end of a socket

The host user owns these files; mode, owner, names and everything else a guest sees of them is in
the journal. Names never become names of the host, so every byte but slash and NUL works, on
volumes that fold case too. A content file that does not exist is empty: it is made by the first
open.

Callers hold a lock while they use an overlay. Other processes may use the same upper meanwhile,
forked ones or ones that opened it themselves.
"""

from __future__ import annotations

import errno
import os
import time
from weakref import WeakValueDictionary

from elfuse.light import suppress
from elfuse.overlay.inode import OverlayInode
from elfuse.overlay.journal import Journal, Transaction
from elfuse.overlay.records import HAS_DATA, ROOT, S_IFMT, UNNAMED, Row, failure
from elfuse.overlay.state import Change, State
from elfuse.overlay.tree import Tree
from elfuse.overlay.unnamed import UnnamedFiles
from elfuse.typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from types import TracebackType

OVERLAY_MAGIC = 0x794C7630
_RECENT_LIMIT = 1024
_S_IFIFO, _S_IFSOCK = 0o010000, 0o140000


class Capacity(NamedTuple):
    """What statfs(2) shows."""

    magic: int
    block_size: int
    blocks: int
    blocks_free: int
    files: int
    files_free: int


class Overlay:
    """A filesystem by the shape the runtime asks for.

    `tree` None is a tmpfs: there is nothing below, and nobody opens the upper after this run.
    """

    def __init__(
        self,
        tree: os.PathLike[str] | None,
        objects: str | os.PathLike[str],
        upper: str | os.PathLike[str],
        *,
        read_only: bool = False,
        type_name: str = "overlay",
        magic: int = OVERLAY_MAGIC,
    ) -> None:
        """`objects` is the `root` of the ObjectStore."""
        self.read_only = read_only
        self.type_name = type_name
        self._magic = magic
        self._objects = os.fsencode(objects) + b"/"
        self.upper = os.fsencode(upper)
        self._data = self.upper + b"/data/"
        os.makedirs(self._data, mode=0o700, exist_ok=True)
        self.tree = Tree(tree)
        self._recent: dict[int, OverlayInode] = {}
        """Keeps what path walks use again and again from being made each time."""
        self._inodes: WeakValueDictionary[int, OverlayInode] = WeakValueDictionary()
        self._unnamed = UnnamedFiles()
        self.state = State(self.tree, self._on_gone)
        try:
            self.journal = Journal(self.upper, self.state, self._repair, throwaway=tree is None)
        except BaseException:
            self.tree.close()
            raise
        self._root = self.inode(ROOT)

    def __repr__(self) -> str:
        return f"<Overlay {os.fsdecode(self.upper)} [{len(self.state)} changes]>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give descriptors and mappings back; inodes cannot be used any more."""
        self.journal.close()
        self.tree.close()

    def root(self) -> OverlayInode:
        """The inode of `/`."""
        return self._root

    def routes(self) -> int:
        """Changes whenever a path of directories and links may lead elsewhere than before."""
        self.journal.refresh()
        return self.state.moves

    def leads_to(self, path: bytes, directory: OverlayInode) -> bool:
        """Whether a path leads to a directory that it led to when `routes` was the same."""
        del path, directory  # Nobody but users of the journal changes anything.
        return True

    def statfs(self) -> Capacity:
        """The capacity of the volume that the upper is on."""
        found = os.statvfs(self.upper)
        return Capacity(
            self._magic,
            found.f_frsize,
            found.f_blocks,
            found.f_bavail,
            found.f_files,
            found.f_ffree,
        )

    # For inode, naming, copyup and diff

    def inode(self, ino: int) -> OverlayInode:
        """The one object of this process for an inode that exists."""
        found = self._recent.get(ino)
        if found is None:
            found = self._inodes.get(ino)
            if found is None:
                found = self._inodes[ino] = OverlayInode(self, ino, self.state.type_bits(ino))
            if len(self._recent) >= _RECENT_LIMIT:
                self._recent.clear()
            self._recent[ino] = found
        return found

    def unnamed(self, row: Row) -> OverlayInode:
        """A new inode without a name. Forgets those that have become unreachable."""
        lost = self._unnamed.take()
        with self.transaction() as change:
            ino = change.add(row)
            # One that has got a name meanwhile stays.
            lost = [old for old in lost if self._is_unnamed(old)]
            for old in lost:
                change.remove(old)
        for old in lost:
            self.discard_data(old)
        inode = self._inodes[ino] = OverlayInode(self, ino, row.mode & S_IFMT)
        self._unnamed.track(inode)
        return inode

    def transaction(self) -> Transaction:
        """A change; OSError EROFS if the filesystem is read-only."""
        if self.read_only:
            raise failure(errno.EROFS)
        return self.journal.transaction()

    def object_path(self, ino: int) -> bytes:
        """The host's file with the content of a regular file of the tree."""
        digest = self.tree.digest(ino).encode()
        return self._objects + digest[:2] + b"/" + digest[2:]

    def data_path(self, ino: int) -> bytes:
        """The host's file, fifo or socket behind an inode of the upper."""
        return b"%s%x" % (self._data, ino)

    def discard_data(self, ino: int) -> None:
        """Remove what is at `data_path`. Descriptors stay usable."""
        with suppress(FileNotFoundError):
            os.unlink(self.data_path(ino))

    def _is_unnamed(self, ino: int) -> bool:
        row = self.state.row(ino)
        return row is not None and bool(row.flags & UNNAMED)

    def _on_gone(self, ino: int, row: Row) -> None:
        self._recent.pop(ino, None)
        held = self._inodes.get(ino)
        if held is not None:
            held.detach(row)

    def _repair(self) -> Change:
        """Forget unnamed inodes, and host files that no inode has. Nobody else uses the upper."""
        state, change = self.state, Change()
        if self.tree.is_empty_root and ROOT not in state.rows:
            now = time.time_ns()
            fresh = self.tree.row(ROOT)
            change.rows[ROOT] = fresh._replace(atime_ns=now, mtime_ns=now, ctime_ns=now)
        kept = set()
        for ino, row in state.rows.items():
            if row is None:
                continue
            if row.flags & UNNAMED:
                change.gone.append(ino)
            elif row.flags & HAS_DATA or row.mode & S_IFMT in (_S_IFIFO, _S_IFSOCK):
                kept.add(b"%x" % ino)
        for name in os.listdir(self._data):
            if name not in kept:
                os.unlink(self._data + name)
        return change
