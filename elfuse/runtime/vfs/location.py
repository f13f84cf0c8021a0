"""Where a path walk ends: an inode in a mount, and the name it was reached by."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.vfs.filesystem import Inode
    from elfuse.runtime.vfs.mounts import Mount


class Location:
    """An inode and its mount (Linux's struct path).

    `holder` and `name` are set for everything but directories: a directory knows its own path,
    also after it was moved.
    """

    __slots__ = ("holder", "inode", "mount", "name")

    def __init__(
        self, mount: "Mount", inode: "Inode", holder: "Location | None" = None, name: bytes = b""
    ) -> None:
        self.mount = mount
        self.inode = inode
        self.holder = holder
        self.name = name

    def path(self) -> bytes:
        """Absolute path in the guest; ` (deleted)` is appended for a removed directory."""
        if self.holder is not None:
            above = self.holder.path()
            return above + self.name if above == b"/" else above + b"/" + self.name
        point = self.mount.point
        try:
            below = self.inode.path()
        except OSError:
            return (self.name or b"/") + b" (deleted)"
        if below == b"/":
            return point or b"/"
        return point + below

    @property
    def is_mount_root(self) -> bool:
        return self.holder is None and self.inode.ino == self.mount.root.ino

    @property
    def read_only(self) -> bool:
        return self.mount.read_only or self.mount.fs.read_only
