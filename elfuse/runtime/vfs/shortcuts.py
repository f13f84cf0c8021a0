"""Directories by the path that a walk took to them, so that the next walk can begin there.

Whoever changes the tree does not tell us: the host, other processes. So a shortcut is only taken
after its filesystem has said that the path still leads to the directory.
"""

from collections.abc import Callable

from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.vfs.filesystem import Inode

_KEPT = 128


LeadsTo = Callable[[bytes, "Inode"], bool]
"""Whether an absolute path without mount points leads to a directory that it led to before."""


class Shortcuts:
    """Of one mount, from its root; `leads_to` is what tells less expensively than a walk."""

    def __init__(self, root: "Inode", leads_to: LeadsTo) -> None:
        self._root = root
        self._leads_to = leads_to
        self._known: dict[bytes, Inode] = {}

    def nearest(self, path: bytes) -> "tuple[Inode, int]":
        """The deepest known directory on an absolute path, and where in the path its name ends."""
        cut = path.rfind(b"/")
        while cut > 0:
            above = path[:cut]
            found = self._known.get(above)
            if found is not None:
                if self._leads_to(above, found):
                    return found, cut
                del self._known[above]
            cut = path.rfind(b"/", 0, cut)
        return self._root, 0

    def learn(self, path: bytes, directory: "Inode") -> None:
        """A walk along a path led to a directory of this mount."""
        if len(self._known) >= _KEPT:
            self._known.clear()
        # By a link it may lead elsewhere on the host than in the guest: that is no shortcut.
        if self._leads_to(path, directory):
            self._known[path] = directory
