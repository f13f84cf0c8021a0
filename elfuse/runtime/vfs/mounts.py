"""What is mounted where. Mounts do not change while a guest runs (mount(2) is refused)."""

from __future__ import annotations

import os
import stat

from elfuse import host
from elfuse.engine.protocol import ROOT_BITS, ROOTS, Ability, HostRoot
from elfuse.light import cached_property
from elfuse.record import Record
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.vfs.location import Location
from elfuse.runtime.vfs.shortcuts import Shortcuts
from elfuse.typing import TYPE_CHECKING, Any, Callable, Iterable, Sequence

if TYPE_CHECKING:
    from elfuse.runtime.vfs.credentials import Credentials
    from elfuse.runtime.vfs.filesystem import Filesystem, Inode

_FILE = int(Ability.FILE)
_MAX_LINKS = 40
_HOST_UID = os.geteuid()
"""Whose rights the host checks; it never changes, set*uid calls of the guest are its own affair."""


class Later(Record):
    """A directory's filesystem that is made when a path first leads to it: most runs never look.

    With `inside`, which mounts what lies in it, processes share it: it is made before the first
    fork.
    """

    make: Callable[[], Filesystem]
    inside: Callable[[], None] | None = None
    refuses: Callable[[bytes], Errno | None] = lambda _name: None
    """Why a name in it that exists cannot be opened, if that can be told before it is made."""


class Mount:
    """A filesystem at a place of the guest's tree.

    `point` is the guest's absolute path, `b""` for a root; `device` becomes st_dev; `holder` is
    the directory that the mount point is in.
    """

    def __init__(
        self,
        source: Filesystem | Later,
        device: int,
        *,
        point: bytes = b"",
        holder: Location | None = None,
        read_only: bool = False,
    ) -> None:
        self._source = source
        self.device = device
        self.point = point
        self.holder = holder
        self.read_only = read_only
        self.below: dict[int, dict[bytes, Mount]] = {}
        """Mount points in this mount: number of the directory that holds them, and name."""
        self.covered: list[bytes] = []
        """Paths of all mount points below a root."""
        self.served = 0
        """Abilities that its regular files have."""
        self._guarded: tuple[bytes, ...] = ()
        self._unguarded: tuple[bytes, ...] = ()

    @property
    def shared(self) -> bool:
        """Whether processes would notice that each has made its own."""
        return isinstance(self._source, Later) and self._source.inside is not None

    def refuses(self, name: bytes) -> Errno | None:
        """Why a name in the root cannot be opened; None if that is to be seen."""
        source = self._source
        if not isinstance(source, Later) or "fs" in self.__dict__:
            return None
        return source.refuses(name)

    @cached_property
    def fs(self) -> Filesystem:
        source = self._source
        if not isinstance(source, Later):
            return source
        # What lies inside is mounted by its path, which leads here.
        self.fs = source.make()
        if source.inside is not None:
            source.inside()
        return self.fs

    @cached_property
    def root(self) -> Inode:
        return self.fs.root()

    @cached_property
    def location(self) -> Location:
        if self.root.type_bits == stat.S_IFDIR:
            return Location(self, self.root)
        return Location(self, self.root, self.holder, self.point.rpartition(b"/")[2])

    @cached_property
    def shortcuts(self) -> Shortcuts | None:
        """Where walks from the root may begin further below; None if that cannot be checked."""
        fs: Any = self.fs
        return Shortcuts(fs, self.root) if hasattr(fs, "leads_to") else None

    @cached_property
    def checked(self) -> bool:
        """Whether nobody but this kernel part checks permissions; the host does for its files."""
        return not getattr(self.fs, "host_permissions", False)

    def guard(self, directories: Iterable[bytes], *, but: Iterable[bytes] = ()) -> None:
        """Refuse changes in and below some directories (EROFS), yet not in and below others."""
        self._guarded = tuple(path + b"/" for path in directories)
        self._unguarded = tuple(path + b"/" for path in but)

    def guards(self, place: Location) -> bool:
        """Whether a place of this mount must not change."""
        if not self._guarded:
            return False
        path = place.path() + b"/"
        return path.startswith(self._guarded) and not path.startswith(self._unguarded)

    def enforces(self, held: Credentials) -> bool:
        """Whether permission bits are to be checked for these credentials.

        Not for root, and not where the host checks the same: its access lists may say more than
        the bits do.
        """
        return held.fsuid != 0 and (self.checked or held.fsuid != _HOST_UID)


class Namespace:
    """The roots, in the order they answer absolute paths, and the mounts, common to all roots."""

    def __init__(self, roots: Sequence[Filesystem]) -> None:
        self._devices = 0
        self.roots = [Mount(fs, self._device()) for fs in roots]
        self.root_locations = [mount.location for mount in self.roots]
        self.mounts: dict[bytes, Mount] = {}
        self.lock_file = host.anonymous_file("elfuse-locks")
        """A host descriptor that all processes of the run inherit; see `filelock.flock`."""

    def __del__(self) -> None:
        os.close(self.lock_file)

    def _device(self) -> int:
        self._devices += 1
        return self._devices

    def root(self) -> Location:
        """Where a first process starts."""
        return self.root_locations[-1]

    def mount(
        self,
        point: bytes,
        fs: Filesystem | Later,
        *,
        read_only: bool = False,
        follow: bool = True,
    ) -> None:
        """Mount at an absolute path, in every root that has the directory above it.

        The mount point itself need not exist; unless `follow` it may be a symbolic link. ENOENT if no root has the directory above.
        """
        made: Mount | None = None
        for root in self.root_locations:
            found = _place(root, point, follow=follow)
            if found is None:
                continue
            holder, name = found
            place = holder.path().rstrip(b"/") + b"/" + name
            if made is None:
                made = Mount(fs, self._device(), point=place, holder=holder, read_only=read_only)
                self.mounts[made.point] = made
            holder.mount.below.setdefault(holder.inode.ino, {})[name] = made
            root.mount.covered.append(place)
        if made is None:
            raise SyscallError(Errno.ENOENT)

    def host_roots(self) -> list[HostRoot]:
        """The roots as an engine can look at names in them; none if they are more than directories
        of the host."""
        found: list[HostRoot] = []
        if len(self.roots) > ROOTS:
            return found
        for number, mount in enumerate(self.roots):
            fs: Any = mount.fs
            if not hasattr(fs, "served"):
                return []
            directory, host_device, user = fs.served()
            found.append(HostRoot(directory, host_device, mount.device, user, mount.covered))
            mount.served = _FILE | number << ROOT_BITS
        return found

    def enforces(self, held: Credentials) -> bool:
        """Whether permission bits are to be checked in a root for these credentials."""
        return any(mount.enforces(held) for mount in self.roots)

    def make_shared(self) -> None:
        """Before a fork: make the filesystems that the child will share."""
        for mount in list(self.mounts.values()):
            if mount.shared:
                _ = mount.fs

    def _all(self) -> list[Mount]:
        for mount in list(self.mounts.values()):
            _ = mount.fs  # which may mount others inside
        return [self.roots[0], *self.mounts.values()]

    def mounts_text(self) -> bytes:
        """/proc/mounts."""
        return b"".join(
            b"%s %s %s %s,relatime 0 0\n"
            % (
                mount.fs.type_name.encode(),
                escaped(mount.point or b"/"),
                mount.fs.type_name.encode(),
                _access(mount),
            )
            for mount in self._all()
        )

    def mountinfo_text(self) -> bytes:
        """/proc/PID/mountinfo."""
        lines = []
        for number, mount in enumerate(self._all(), 1):
            kind, access = mount.fs.type_name.encode(), _access(mount)
            point = escaped(mount.point or b"/")
            ids = (number, min(number - 1, 1), mount.device)
            lines.append(
                b"%d %d 0:%d / %s %s,relatime - %s %s %s\n"
                % (*ids, point, access, kind, kind, access)
            )
        return b"".join(lines)


def _access(mount: Mount) -> bytes:
    return b"ro" if mount.read_only or mount.fs.read_only else b"rw"


def escaped(path: bytes) -> bytes:
    """A path as /proc/mounts writes it: blanks and backslashes in octal."""
    for byte in b"\\ \t\n":
        path = path.replace(bytes([byte]), b"\\%03o" % byte)
    return path


def _place(root: Location, point: bytes, *, follow: bool) -> tuple[Location, bytes] | None:
    """The directory that holds a mount point, symbolic links followed inside `root`, and the name."""
    pending = [name for name in point.split(b"/") if name and name != b"."]
    at, links = root, 0
    while pending:
        name = pending.pop(0)
        if name == b"..":
            at = at.up()
            continue
        try:
            child = at.child(name)
        except (FileNotFoundError, NotADirectoryError):
            return (at, name) if not pending and at.inode.type_bits == stat.S_IFDIR else None
        if child.inode.type_bits == stat.S_IFLNK and (follow or pending):
            target = child.inode.readlink()
            links += 1
            if links > _MAX_LINKS:
                return None
            at = root if target.startswith(b"/") else at
            pending = [part for part in target.split(b"/") if part and part != b"."] + pending
        elif not pending:
            return at, name
        else:
            at = child
    return None
