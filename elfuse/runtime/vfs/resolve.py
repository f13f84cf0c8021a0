"""The path walk (path_resolution(7)): component by component, never above the root."""

from typing import TYPE_CHECKING

from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.fs.pseudo import PseudoInode
from elfuse.runtime.vfs.credentials import EXECUTE, permitted
from elfuse.runtime.vfs.location import Location

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

_MAX_LINKS = 40
_NAME_MAX = 255
_S_IFMT, _S_IFDIR, _S_IFLNK = 0o170000, 0o040000, 0o120000


class Walk:
    """One resolution: counts symbolic links, remembers whose credentials and root apply.

    With several roots (plain mode) an absolute path is answered by the first one in which all
    of it resolves.
    """

    def __init__(self, task: "Task", *, no_links: bool = False) -> None:
        self._task = task
        self._namespace = task.kernel.namespace
        self._links = 0
        self._no_links = no_links
        self._credentials = task.credentials

    def whole(self, start: Location, path: bytes, *, follow: bool) -> Location:
        """The inode a path names; a final symbolic link is followed or not."""
        return self._from(start, path, follow=follow or path.endswith(b"/"))

    def holder(self, start: Location, path: bytes) -> tuple[Location, bytes]:
        """The directory of the last component, and that component.

        The component is `b"."`, `b".."` or `b""` (for `/`) where the path ends so.
        """
        stripped = path.rstrip(b"/")
        above, slash, name = stripped.rpartition(b"/")
        if len(name) > _NAME_MAX:
            raise SyscallError(Errno.ENAMETOOLONG)
        if not path.startswith(b"/") or len(self._roots()) == 1:
            place = self._from(start, above + slash if slash else b".", follow=True)
            return self._directory(place), name
        return self._holder_in_roots(above or b"/", name)

    def _holder_in_roots(self, above: bytes, name: bytes) -> tuple[Location, bytes]:
        """The root that has the name answers; else the first one that has the directory."""
        first: Location | None = None
        failure = SyscallError(Errno.ENOENT)
        for root in self._roots():
            try:
                place = self._directory(self._steps(root, above, follow=True))
            except (SyscallError, OSError) as error:
                failure = _as_syscall_error(error)
                continue
            first = first or place
            try:
                self._child(place, name)
            except (SyscallError, OSError):
                continue
            return place, name
        if first is None:
            raise failure
        return first, name

    def _roots(self) -> list[Location]:
        fs = self._task.fs
        if fs.chrooted:
            return [fs.root]
        return [mount.location for mount in self._namespace.roots]

    def _from(self, start: Location, path: bytes, *, follow: bool) -> Location:
        if not path.startswith(b"/"):
            return self._steps(start, path, follow=follow)
        roots = self._roots()
        for root in roots[:-1]:
            try:
                return self._steps(root, path, follow=follow)
            except (SyscallError, OSError) as error:
                if _as_syscall_error(error).errno not in (Errno.ENOENT, Errno.ENOTDIR):
                    raise
        return self._steps(roots[-1], path, follow=follow)

    def _steps(self, start: Location, path: bytes, *, follow: bool) -> Location:
        at = start
        names = [name for name in path.split(b"/") if name and name != b"."]
        must_be_directory = path.endswith((b"/", b"/.")) or path == b"."
        last = len(names) - 1
        for position, name in enumerate(names):
            self._search(at)
            if name == b"..":
                at = self._up(at)
                continue
            if len(name) > _NAME_MAX:
                raise SyscallError(Errno.ENAMETOOLONG)
            child = self._child(at, name)
            final = position == last
            if child.inode.type_bits == _S_IFLNK and (follow or not final or must_be_directory):
                rest = b"/".join(names[position + 1 :])
                return self._link(at, child, rest, follow=follow, tail=must_be_directory)
            at = child
        if must_be_directory and names and at.inode.type_bits != _S_IFDIR:
            raise SyscallError(Errno.ENOTDIR)
        return at

    def _link(
        self, at: Location, link: Location, rest: bytes, *, follow: bool, tail: bool
    ) -> Location:
        self._links += 1
        if self._links > _MAX_LINKS or self._no_links:
            raise SyscallError(Errno.ELOOP)
        if isinstance(link.inode, PseudoInode):
            target = link.inode.follow(self._task)
            if target is not None:
                if not rest:
                    return target
                return self._steps(target, rest + (b"/" if tail else b""), follow=follow)
        text = link.inode.readlink()
        if not text:
            raise SyscallError(Errno.ENOENT)
        path = text + (b"/" + rest if rest else b"") + (b"/" if tail else b"")
        if len(path) > 1 << 16:
            raise SyscallError(Errno.ENAMETOOLONG)
        return self._from(at, path, follow=follow)

    def _search(self, at: Location) -> None:
        """`at` must be a directory that may be searched."""
        if at.inode.type_bits != _S_IFDIR:
            raise SyscallError(Errno.ENOTDIR)
        if self._credentials.fsuid and at.mount.checked:
            if not permitted(self._credentials, at.inode.stat(), EXECUTE):
                raise SyscallError(Errno.EACCES)

    def _directory(self, place: Location) -> Location:
        self._search(place)
        return place

    def _child(self, at: Location, name: bytes) -> Location:
        if name in (b"", b"."):
            return at
        if name == b"..":
            return self._up(at)
        mounts = self._namespace.mounts
        if mounts:
            above = at.path()
            mount = mounts.get(above + name if above == b"/" else above + b"/" + name)
            if mount is not None:
                return mount.location
        inode = at.inode.lookup(name)
        if inode.type_bits == _S_IFDIR:
            return Location(at.mount, inode, None, name)
        return Location(at.mount, inode, at, name)

    def _up(self, at: Location) -> Location:
        root = self._task.fs.root
        if self._task.fs.chrooted and at.inode.ino == root.inode.ino and at.mount is root.mount:
            return at
        if at.is_mount_root:
            if not at.mount.point:
                return at
            above = at.mount.point.rpartition(b"/")[0] or b"/"
            return self._from(at, above, follow=True)
        return Location(at.mount, at.inode.parent())


def _as_syscall_error(error: SyscallError | OSError) -> SyscallError:
    if isinstance(error, SyscallError):
        return error
    return SyscallError(Errno.from_host(error.errno or 0))
