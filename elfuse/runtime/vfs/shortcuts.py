"""Directories by the path that a walk took to them, so that the next walk can begin there.

Others change the tree too, so the filesystem is asked each time whether a shortcut still holds.
"""

from elfuse.typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from elfuse.runtime.vfs.filesystem import Inode

_KEPT = 256


class Routed(Protocol):
    """A filesystem that can tell of a whole path at less cost than a walk takes."""

    def routes(self) -> int:
        """Another number whenever a path of directories and links may lead elsewhere than before.

        Always the same if the filesystem does not know; then `leads_to` does.
        """

    def leads_to(self, path: bytes, directory: "Inode") -> bool:
        """Whether, as far as `routes` does not tell, an absolute path still leads to a directory."""


class Shortcuts:
    """Of one mount, from its root."""

    def __init__(self, fs: Routed, root: "Inode") -> None:
        self._fs = fs
        self._root = root
        self._routes = fs.routes()
        self._known: dict[bytes, Inode] = {}

    def nearest(self, path: bytes) -> "tuple[Inode, int]":
        """The deepest known directory on an absolute path, and where in the path its name ends."""
        routes = self._fs.routes()
        if routes != self._routes:
            self._known.clear()
            self._routes = routes
        cut = path.rfind(b"/")
        while cut > 0:
            above = path[:cut]
            found = self._known.get(above)
            if found is not None:
                if self._fs.leads_to(above, found):
                    return found, cut
                del self._known[above]
            cut = path.rfind(b"/", 0, cut)
        return self._root, 0

    def learn(self, path: bytes, directory: "Inode") -> None:
        """A walk that began at the `nearest` directory led along a path to one of this mount."""
        if len(self._known) >= _KEPT:
            self._known.clear()
        # By a link it may lead elsewhere on the host than in the guest: that is no shortcut.
        if self._fs.routes() == self._routes and self._fs.leads_to(path, directory):
            self._known[path] = directory
