"""The path walk (path_resolution(7)): component by component, never above the root."""

from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.fcntl import (
    RESOLVE_BENEATH,
    RESOLVE_IN_ROOT,
    RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_SYMLINKS,
    RESOLVE_NO_XDEV,
)
from elfuse.runtime.fs.pseudo import PseudoInode
from elfuse.runtime.vfs.credentials import EXECUTE, permitted
from elfuse.runtime.vfs.kernel_inode import magic_target
from elfuse.runtime.vfs.location import Location
from elfuse.typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elfuse.runtime.task import Task
    from elfuse.runtime.vfs.filesystem import Inode
    from elfuse.runtime.vfs.mounts import Mount

_MAX_LINKS = 40
_NAME_MAX = 255
_S_IFDIR, _S_IFLNK = 0o040000, 0o120000


class Walk:
    """One resolution: counts symbolic links, remembers whose credentials and root apply.

    With several roots (plain mode) an absolute path is answered by the first one in which all
    of it resolves. `restrict` holds openat2(2)'s RESOLVE_* bits; with BENEATH and IN_ROOT the
    start of the walk is `scope`.
    """

    def __init__(self, task: "Task", *, restrict: int = 0, scope: Location | None = None) -> None:
        self._task = task
        self._credentials = task.credentials
        self._links = 0
        self._restrict = restrict
        self._absolute_link = False
        """Whether a link led to a root since this was last set."""
        self._stop: Location | None = None
        """A directory whose `..` is itself; None where mount roots decide alone."""
        fs = task.fs
        if scope is not None and restrict & (RESOLVE_BENEATH | RESOLVE_IN_ROOT):
            self._roots, self._stop = [scope], scope
        elif fs.chrooted:
            self._roots, self._stop = [fs.root], fs.root
        else:
            self._roots = task.kernel.namespace.root_locations

    def whole(self, start: Location, path: bytes, *, follow: bool) -> Location:
        """The inode a path names; a final symbolic link is followed or not."""
        return self._from(start, path, follow)

    def holder(self, start: Location, path: bytes) -> tuple[Location, bytes]:
        """The directory of the last component, and that component.

        The component is `b"."`, `b".."` or `b""` (for `/`) where the path ends so.
        """
        above, slash, name = path.rstrip(b"/").rpartition(b"/")
        if len(name) > _NAME_MAX:
            raise SyscallError(Errno.ENAMETOOLONG)
        if len(self._roots) > 1 and path.startswith(b"/"):
            return self._holder_in_roots(above or b"/", name)
        if not slash:
            place = self._from(start, b"/", True) if path.startswith(b"/") else start
        else:
            place = self._from(start, above + b"/", True)
        self._search(place.mount, place.inode)
        return place, name

    def _holder_in_roots(self, above: bytes, name: bytes) -> tuple[Location, bytes]:
        """The root that has the name answers; else the first one that has the directory."""
        first: Location | None = None
        failure: SyscallError | OSError = SyscallError(Errno.ENOENT)
        for root in self._roots:
            try:
                place = self._from_root(root, above, True)
                self._search(place.mount, place.inode)
            except (SyscallError, OSError) as error:
                if not _absent(error):
                    raise
                failure = error
                continue
            first = first or place
            if name in (b"", b".", b".."):
                break
            try:
                place.child(name)
            except (FileNotFoundError, NotADirectoryError):
                continue
            return place, name
        if first is None:
            raise failure
        return first, name

    def link(self, at: Location, link: Location) -> tuple[Location, bytes] | Location:
        """A symbolic link's target: (where to go on, path), or the place a magic link leads to.

        For open(O_CREAT), which creates what a dangling link names.
        """
        self._links += 1
        if self._links > _MAX_LINKS or self._restrict & RESOLVE_NO_SYMLINKS:
            raise SyscallError(Errno.ELOOP)
        if isinstance(link.inode, PseudoInode):
            target = magic_target(self._task, link)
            if target is not None:
                self._check_jump(at, target)
                return target
        text = link.inode.readlink()
        if not text:
            raise SyscallError(Errno.ENOENT)
        if text.startswith(b"/"):
            self._absolute_link = True
        return at, text

    def _check_jump(self, at: Location, target: Location) -> None:
        restrict = self._restrict
        if restrict & RESOLVE_NO_MAGICLINKS:
            raise SyscallError(Errno.ELOOP)
        if restrict & (RESOLVE_BENEATH | RESOLVE_IN_ROOT):
            raise SyscallError(Errno.EXDEV)
        if restrict & RESOLVE_NO_XDEV and target.mount is not at.mount:
            raise SyscallError(Errno.EXDEV)

    def _from(self, start: Location, path: bytes, follow: bool) -> Location:
        if not path.startswith(b"/"):
            return self._steps(start, path, follow)
        if self._restrict & RESOLVE_BENEATH:
            raise SyscallError(Errno.EXDEV)
        if not self._restrict:
            found = self._task.kernel.engine.find_path(path, follow)
            if found is not None:
                return self._found(*found)
        roots = self._roots
        if len(roots) > 1:
            for root in roots[:-1]:
                try:
                    return self._from_root(root, path, follow)
                except (SyscallError, OSError) as error:
                    if not _absent(error):
                        raise
        return self._from_root(roots[-1], path, follow)

    def _found(
        self,
        root: int,
        directory: int,
        directory_number: tuple[int, int],
        name: bytes,
        number: tuple[int, int],
        mode: int,
    ) -> Location:
        """A place by an engine's `FoundPath`."""
        mount = self._task.kernel.namespace.roots[root]
        fs: Any = mount.fs
        inode, above = fs.found(directory, directory_number, name, number, mode)
        if inode is above:
            return Location(mount, inode)
        return Location(mount, inode, Location(mount, above), name)

    def _from_root(self, root: Location, path: bytes, follow: bool) -> Location:
        """A walk along an absolute path, from the deepest directory that is known by its path."""
        mount, held = root.mount, self._credentials
        shortcuts = mount.shortcuts
        if (
            shortcuts is None
            or self._restrict
            or root.inode is not mount.root
            or (held.fsuid and mount.enforces(held))
        ):
            return self._steps(root, path, follow)
        inode, done = shortcuts.nearest(path)
        while True:
            at = Location(mount, inode)
            end = path.find(b"/", done + 1)
            name = path[done + 1 : end]
            if end < 0 or name in (b"", b".", b".."):
                return self._steps(at, path[done + 1 :], follow)
            links, self._absolute_link = self._links, False
            found = self._steps(at, name, True)
            if self._absolute_link or found.mount is not mount:
                # All of the path is to resolve in one root.
                self._links = links
                return self._steps(at, path[done + 1 :], follow)
            inode, done = found.inode, end
            if inode.type_bits != _S_IFDIR:
                raise SyscallError(Errno.ENOTDIR)
            shortcuts.learn(path[:done], inode)

    def _steps(self, start: Location, path: bytes, follow: bool) -> Location:
        """The walk proper; a Location is made only where one is needed."""
        names = path.split(b"/")
        directory = names[-1] in (b"", b".", b"..")
        while names and not names[-1]:
            names.pop()
        last = len(names) - 1
        mount, inode = start.mount, start.inode
        at: Location | None = start
        name = b""
        for position, name in enumerate(names):
            if not name:
                continue
            self._search(mount, inode)
            if name == b".":
                continue
            if name == b"..":
                at = self._up(at or Location(mount, inode))
                mount, inode = at.mount, at.inode
                continue
            if len(name) > _NAME_MAX:
                raise SyscallError(Errno.ENAMETOOLONG)
            points = mount.below.get(inode.ino)
            if points is not None and name in points:
                at = self._enter(points[name])
                mount, inode = at.mount, at.inode
                continue
            child = inode.lookup(name)
            kind = child.type_bits
            if kind == _S_IFDIR:
                inode, at = child, None
                continue
            here = at or Location(mount, inode)
            at = Location(mount, child, here, name)
            if kind == _S_IFLNK and (follow or directory or position < last):
                rest = b"/".join(names[position + 1 :]) + (b"/" if directory else b"")
                return self._follow(here, at, rest, follow)
            inode = child
        if directory and inode.type_bits != _S_IFDIR:
            raise SyscallError(Errno.ENOTDIR)
        return at or Location(mount, inode, None, name)

    def _follow(self, here: Location, link: Location, rest: bytes, follow: bool) -> Location:
        target = self.link(here, link)
        if isinstance(target, Location):
            return self._steps(target, rest, follow) if rest else target
        path = target[1]
        if rest:
            path += b"/" + rest
        return self._from(here, path, follow)

    def _enter(self, mount: "Mount") -> Location:
        if self._restrict & RESOLVE_NO_XDEV:
            raise SyscallError(Errno.EXDEV)
        return mount.location

    def _search(self, mount: "Mount", inode: "Inode") -> None:
        """`inode` must be a directory that may be searched."""
        if inode.type_bits != _S_IFDIR:
            raise SyscallError(Errno.ENOTDIR)
        held = self._credentials
        if held.fsuid and mount.enforces(held) and not permitted(held, inode.stat(), EXECUTE):
            raise SyscallError(Errno.EACCES)

    def _up(self, at: Location) -> Location:
        stop = self._stop
        if stop is not None and at.same(stop):
            if self._restrict & RESOLVE_BENEATH:
                raise SyscallError(Errno.EXDEV)
            return at
        above = at.up()
        if self._restrict & RESOLVE_NO_XDEV and above.mount is not at.mount:
            raise SyscallError(Errno.EXDEV)
        return above


def _absent(error: SyscallError | OSError) -> bool:
    """Whether the next root may answer instead."""
    if isinstance(error, SyscallError):
        return error.errno in (Errno.ENOENT, Errno.ENOTDIR)
    return isinstance(error, (FileNotFoundError, NotADirectoryError))
