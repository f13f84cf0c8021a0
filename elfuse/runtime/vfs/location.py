"""Where a path walk ends: an inode in a mount, and the name it was reached by."""

import stat

from elfuse.typing import TYPE_CHECKING

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

    def child(self, name: bytes) -> "Location":
        """What a name of this directory leads to, mounts included; no permission is checked.

        FileNotFoundError if there is none. Not for `.` and `..`.
        """
        mount = self.mount
        points = mount.below.get(self.inode.ino)
        if points is not None and name in points:
            return points[name].location
        inode = self.inode.lookup(name)
        if inode.type_bits == stat.S_IFDIR:
            return Location(mount, inode, None, name)
        return Location(mount, inode, self, name)

    def up(self) -> "Location":
        """The directory above this one; a root is its own parent."""
        mount = self.mount
        if self.inode.ino == mount.root.ino:
            return mount.holder or self
        return Location(mount, self.inode.parent())

    def same(self, other: "Location") -> bool:
        """Whether both are one file or directory of one mount."""
        return self.mount is other.mount and self.inode.ino == other.inode.ino

    def is_mount_point(self, name: bytes) -> bool:
        """Whether something is mounted on a name of this directory."""
        return name in self.mount.below.get(self.inode.ino, ())

    @property
    def read_only(self) -> bool:
        mount = self.mount
        return mount.read_only or mount.fs.read_only or mount.guards(self)
