"""What is mounted where. Mounts do not change while a guest runs (mount(2) is refused)."""

from collections.abc import Sequence

from elfuse.runtime.vfs.filesystem import Filesystem, Inode
from elfuse.runtime.vfs.location import Location


class Mount:
    """A filesystem, or one directory or file of it, at a place of the guest's tree.

    `point` is the guest's absolute path, `b""` for a root; `device` becomes st_dev.
    """

    def __init__(
        self, fs: Filesystem, root: Inode, point: bytes, device: int, *, read_only: bool = False
    ) -> None:
        self.fs = fs
        self.root = root
        self.point = point
        self.device = device
        self.read_only = read_only
        self.checked = not getattr(fs, "host_permissions", False)
        """Whether the walk checks permissions; the host does for its own files."""

    @property
    def location(self) -> Location:
        """Its root. A mounted file knows its name; a directory finds its path by itself."""
        if self.point and self.root.stat().mode & 0o170000 != 0o040000:
            above, _, name = self.point.rpartition(b"/")
            return Location(self, self.root, _Named(self, self.root, above or b"/"), name)
        return Location(self, self.root)


class _Named(Location):
    """Stands for the directory above a mounted file where only its path is asked for."""

    __slots__ = ("_path",)

    def __init__(self, mount: Mount, inode: Inode, path: bytes) -> None:
        super().__init__(mount, inode)
        self._path = path

    def path(self) -> bytes:
        return self._path


class Namespace:
    """The roots, in the order they answer absolute paths, and the mounts, common to all roots."""

    def __init__(self, roots: Sequence[Filesystem]) -> None:
        self.roots = [Mount(fs, fs.root(), b"", index + 1) for index, fs in enumerate(roots)]
        self.mounts: dict[bytes, Mount] = {}

    def mount(
        self, point: bytes, fs: Filesystem, *, root: Inode | None = None, read_only: bool = False
    ) -> None:
        """Mount at an absolute path without `.`, `..` or doubled slashes."""
        device = len(self.roots) + len(self.mounts) + 1
        self.mounts[point] = Mount(fs, root or fs.root(), point, device, read_only=read_only)

    def root(self) -> Location:
        """Where a first process starts."""
        return self.roots[-1].location if len(self.roots) > 1 else self.roots[0].location

    def above(self, mount: Mount) -> tuple[bytes, ...]:
        """Components of the path of the directory that holds a mount point."""
        return tuple(part for part in mount.point.split(b"/")[:-1] if part)

    def names_below(self, directory: bytes) -> list[tuple[bytes, Mount]]:
        """Mount points directly in a directory: a listing shows them though nothing is there."""
        prefix = directory.rstrip(b"/") + b"/"
        return [
            (point[len(prefix) :], mount)
            for point, mount in self.mounts.items()
            if point.startswith(prefix) and b"/" not in point[len(prefix) :]
        ]

    def _all(self) -> list[Mount]:
        return [self.roots[0], *self.mounts.values()]

    def mounts_text(self) -> bytes:
        """/proc/mounts."""
        return b"".join(
            b"%s %s %s %s,relatime 0 0\n"
            % (
                mount.fs.type_name.encode(),
                mount.point or b"/",
                mount.fs.type_name.encode(),
                b"ro" if mount.read_only or mount.fs.read_only else b"rw",
            )
            for mount in self._all()
        )

    def mountinfo_text(self) -> bytes:
        """/proc/PID/mountinfo."""
        lines = []
        for number, mount in enumerate(self._all(), 1):
            kind = mount.fs.type_name.encode()
            access = b"ro" if mount.read_only or mount.fs.read_only else b"rw"
            lines.append(
                b"%d %d 0:%d / %s %s,relatime - %s %s %s\n"
                % (number, min(number, 1), mount.device, mount.point or b"/", access, kind, kind, access)
            )
        return b"".join(lines)
