"""Which unnamed files (O_TMPFILE) nobody can name any more.

Other processes learn of an unnamed inode only by fork. So one whose object dies in the process
that made it, without a fork in between, is unreachable; its content can go, though descriptors and
mappings may live on. All others go when the upper is opened next and nobody uses it.
"""

import os
from weakref import finalize

from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.overlay.inode import OverlayInode


class _Forks:
    """How often this process has forked, or was forked."""

    count = 0

    @classmethod
    def happened(cls) -> None:
        cls.count += 1


os.register_at_fork(before=_Forks.happened)


class UnnamedFiles:
    """The unnamed files that this process has made."""

    def __init__(self) -> None:
        self._unreachable: list[int] = []

    def track(self, inode: "OverlayInode") -> None:
        """Watch an inode that was just made."""
        finalize(inode, self._lost, inode.ino, _Forks.count).atexit = False

    def _lost(self, ino: int, forks: int) -> None:
        # Runs whenever the collector does, so the change is left to the next caller of `take`.
        if forks == _Forks.count:
            self._unreachable.append(ino)

    def take(self) -> list[int]:
        """The inodes that have become unreachable since the last call."""
        found, self._unreachable = self._unreachable, []
        return found
