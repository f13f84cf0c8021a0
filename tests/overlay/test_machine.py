"""Random operations on an overlay and on a plain directory of the host: both must agree.

Several views of one upper take turns: two overlay objects of this process, and a forked child
that has to see what they did. Now and then all are closed and the upper is opened anew.
"""

import errno  # noqa: TID251 - both sides raise the host's numbers
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from elfuse import host
from elfuse.overlay.layers import Layers
from elfuse.overlay.overlay import Overlay
from elfuse.runtime.vfs.filesystem import Inode
from tests.overlay.build import Step, meta, tree

LOWER: list[Step] = [
    ("directory", b"a"),
    ("file", b"a/x", b"lower x"),
    ("directory", b"a/b"),
    ("file", b"a/b/y", b"lower y"),
    ("hardlink", b"z", b"a/x"),
    ("symlink", b"s", b"a/x"),
    ("directory", b"b", meta(0o700)),
    ("file", b"\xff", b"name"),
]
NAMES = st.sampled_from([b"a", b"b", b"x", b"y", b"z", b"A", b"\xff"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(tuple)
Names = tuple[bytes, ...]
DATA = st.binary(max_size=5)


def outcome(action: Any, *args: Any) -> Any:
    """What a call returns, or the number of its error."""
    try:
        return action(*args)
    except OSError as error:
        # The host may say either; rename(2) and rmdir(2) allow both.
        number = error.errno
        return errno.ENOTEMPTY if number == errno.EEXIST else number


class OverlaySide:
    """Paths on an overlay. No symbolic link is followed."""

    def __init__(self, overlay: Overlay) -> None:
        self.overlay = overlay

    def at(self, path: Names) -> Inode:
        inode: Inode = self.overlay.root()
        for name in path:
            inode = inode.lookup(name)
        return inode

    def above(self, path: Names) -> Inode:
        """The directory that holds the last name."""
        inode = self.at(path[:-1])
        if inode.type_bits != stat.S_IFDIR:
            raise NotADirectoryError(errno.ENOTDIR, "")
        return inode

    def write(self, path: Names, data: bytes) -> None:
        holder = self.above(path)
        try:
            inode = holder.lookup(path[-1])
        except FileNotFoundError:
            inode = holder.create(path[-1], 0o644, 0, 0)
        if inode.type_bits == stat.S_IFDIR:
            raise IsADirectoryError(errno.EISDIR, "")
        if inode.type_bits == stat.S_IFLNK:
            raise OSError(errno.ELOOP, "")
        inode.setattr(size=0)
        fd = inode.open(os.O_WRONLY)
        os.write(fd, data)
        os.close(fd)

    def append(self, path: Names, data: bytes) -> None:
        inode = self.at(path)
        if inode.type_bits != stat.S_IFREG:
            raise OSError(errno.EINVAL, "")
        fd = inode.open(os.O_WRONLY | os.O_APPEND)
        os.write(fd, data)
        os.close(fd)

    def truncate(self, path: Names, size: int) -> None:
        inode = self.at(path)
        if inode.type_bits != stat.S_IFREG:
            raise OSError(errno.EINVAL, "")
        inode.setattr(size=size)

    def mkdir(self, path: Names) -> None:
        self.above(path).mkdir(path[-1], 0o755, 0, 0)

    def symlink(self, path: Names, target: bytes) -> None:
        self.above(path).symlink(path[-1], target, 0, 0)

    def link(self, path: Names, to: Names) -> None:
        inode = self.at(path)
        self.above(to).link(to[-1], inode)

    def unlink(self, path: Names) -> None:
        self.above(path).unlink(path[-1])

    def rmdir(self, path: Names) -> None:
        self.above(path).rmdir(path[-1])

    def rename(self, path: Names, to: Names, flags: int) -> None:
        self.above(path).rename(path[-1], self.above(to), to[-1], flags)

    def chmod(self, path: Names, mode: int) -> None:
        self.at(path).setattr(mode=mode)

    def show(self) -> dict[bytes, tuple[Any, ...]]:
        """path -> type, mode, nlink, content, first path of the inode."""
        found: dict[bytes, tuple[Any, ...]] = {}
        first: dict[int, bytes] = {}
        todo: list[tuple[bytes, Inode]] = [(b"", self.overlay.root())]
        while todo:
            path, inode = todo.pop()
            about = inode.stat()
            what: Any = b""
            if inode.type_bits == stat.S_IFREG:
                fd = inode.open(os.O_RDONLY)
                what = os.read(fd, 1000)
                os.close(fd)
                assert about.size == len(what)
            elif inode.type_bits == stat.S_IFLNK:
                what = inode.readlink()
            else:
                assert inode.path() == (path or b"/")
                for entry in inode.entries():
                    child = inode.lookup(entry.name)
                    assert (child.ino, child.type_bits) == (entry.ino, entry.type)
                    if entry.type == stat.S_IFDIR:
                        assert child.parent().ino == inode.ino
                    todo.append((path + b"/" + entry.name, child))
            found[path] = (about.mode, about.nlink, what, inode.ino)
        for path in sorted(found):
            mode, nlink, what, ino = found[path]
            found[path] = (mode, nlink, what, first.setdefault(ino, path))
        return found


class HostSide:
    """The same on a directory of the host."""

    def __init__(self, root: bytes) -> None:
        self.root = root

    def at(self, path: Names) -> bytes:
        """The host's path; ENOTDIR where a symbolic link would be followed."""
        whole = self.root
        for name in path[:-1]:
            whole = os.path.join(whole, name)
            if not stat.S_ISDIR(os.lstat(whole).st_mode):
                raise NotADirectoryError(errno.ENOTDIR, "")
        return os.path.join(whole, *path[-1:])

    def write(self, path: Names, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        fd = os.open(self.at(path), flags, 0o644)
        os.write(fd, data)
        os.close(fd)

    def append(self, path: Names, data: bytes) -> None:
        whole = self.at(path)
        if not stat.S_ISREG(os.lstat(whole).st_mode):
            raise OSError(errno.EINVAL, "")
        fd = os.open(whole, os.O_WRONLY | os.O_APPEND)
        os.write(fd, data)
        os.close(fd)

    def truncate(self, path: Names, size: int) -> None:
        whole = self.at(path)
        if not stat.S_ISREG(os.lstat(whole).st_mode):
            raise OSError(errno.EINVAL, "")
        os.truncate(whole, size)

    def mkdir(self, path: Names) -> None:
        os.mkdir(self.at(path), 0o755)

    def symlink(self, path: Names, target: bytes) -> None:
        os.symlink(target, self.at(path))

    def link(self, path: Names, to: Names) -> None:
        source = self.at(path)
        os.lstat(source)
        os.link(source, self.at(to), follow_symlinks=False)

    def unlink(self, path: Names) -> None:
        os.unlink(self.at(path))

    def rmdir(self, path: Names) -> None:
        os.rmdir(self.at(path))

    def rename(self, path: Names, to: Names, flags: int) -> None:
        here = os.open(b".", os.O_RDONLY)
        try:
            host.rename_with_flags(
                here,
                self.at(path),
                here,
                self.at(to),
                noreplace=flags == 1,
                exchange=flags == 2,
            )
        finally:
            os.close(here)

    def chmod(self, path: Names, mode: int) -> None:
        whole = self.at(path)
        if stat.S_ISLNK(os.lstat(whole).st_mode):
            raise OSError(errno.EOPNOTSUPP, "")
        os.chmod(whole, mode)

    def show(self) -> dict[bytes, tuple[Any, ...]]:
        found: dict[bytes, tuple[Any, ...]] = {}
        first: dict[int, bytes] = {}
        todo = [b""]
        while todo:
            path = todo.pop()
            whole = self.root + path
            about = os.lstat(whole)
            what = b""
            if stat.S_ISREG(about.st_mode):
                what = Path(os.fsdecode(whole)).read_bytes()
            elif stat.S_ISLNK(about.st_mode):
                what = os.readlink(whole)
            else:
                todo.extend(path + b"/" + name for name in os.listdir(whole))
            found[path] = (about.st_mode, about.st_nlink, what, about.st_ino)
        for path in sorted(found):
            mode, nlink, what, ino = found[path]
            found[path] = (mode, nlink, what, first.setdefault(ino, path))
        return found


def lay_out(root: bytes) -> None:
    """LOWER on the host."""
    os.chmod(root, 0o755)
    for kind, path, *rest in LOWER:
        whole = os.path.join(root, path)
        match kind:
            case "directory":
                os.mkdir(whole)
                os.chmod(whole, rest[0].mode if rest else 0o755)
            case "file":
                Path(os.fsdecode(whole)).write_bytes(rest[0])
                os.chmod(whole, 0o644)
            case "hardlink":
                os.link(os.path.join(root, rest[0]), whole)
            case _:
                os.symlink(rest[0], whole)


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.index = tree(self.directory, LOWER)
        plain = os.fsencode(self.directory / "plain")
        os.mkdir(plain)
        lay_out(plain)
        self.plain = HostSide(plain)
        self.umask = os.umask(0)
        self.views: list[OverlaySide] = []
        self.open()
        self.turn = 0

    def open(self) -> None:
        objects = Layers(self.directory).objects.root
        upper = self.directory / "upper"
        self.views = [OverlaySide(Overlay(self.index, objects, upper)) for _ in range(2)]

    def close(self) -> None:
        for view in self.views:
            view.overlay.close()

    def teardown(self) -> None:
        self.close()
        assert Layers(self.directory).verify() == []
        os.umask(self.umask)
        shutil.rmtree(self.directory)

    def both(self, operation: str, *args: Any) -> None:
        self.turn ^= 1
        got = outcome(getattr(self.views[self.turn], operation), *args)
        assert got == outcome(getattr(self.plain, operation), *args), operation

    @rule(path=PATHS, data=DATA)
    def write(self, path: Names, data: bytes) -> None:
        self.both("write", path, data)

    @rule(path=PATHS, data=DATA)
    def append(self, path: Names, data: bytes) -> None:
        self.both("append", path, data)

    @rule(path=PATHS, size=st.integers(0, 9))
    def truncate(self, path: Names, size: int) -> None:
        self.both("truncate", path, size)

    @rule(path=PATHS)
    def mkdir(self, path: Names) -> None:
        self.both("mkdir", path)

    @rule(path=PATHS, text=st.sampled_from([b"a", b"nowhere"]))
    def symlink(self, path: Names, text: bytes) -> None:
        self.both("symlink", path, text)

    @rule(path=PATHS, to=PATHS)
    def link(self, path: Names, to: Names) -> None:
        self.both("link", path, to)

    @rule(path=PATHS)
    def unlink(self, path: Names) -> None:
        self.both("unlink", path)

    @rule(path=PATHS)
    def rmdir(self, path: Names) -> None:
        self.both("rmdir", path)

    @rule(path=PATHS, to=PATHS, flags=st.sampled_from([0, 0, 1, 2]))
    def rename(self, path: Names, to: Names, flags: int) -> None:
        self.both("rename", path, to, flags)

    @rule(path=PATHS, mode=st.sampled_from([0o711, 0o4755, 0o1777]))
    def chmod(self, path: Names, mode: int) -> None:
        self.both("chmod", path, mode)

    @rule(path=PATHS, data=DATA)
    def write_in_a_child(self, path: Names, data: bytes) -> None:
        child = os.fork()
        if not child:
            code = 255
            try:
                code = outcome(self.views[0].write, path, data) or 0
            finally:
                os._exit(code)
        got = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert got == (outcome(self.plain.write, path, data) or 0)

    @rule()
    def reopen(self) -> None:
        self.close()
        self.open()

    @rule()
    def compact(self) -> None:
        journal = self.views[0].overlay.journal
        journal.lock()
        journal._compact()
        journal.unlock()

    @invariant()
    def both_sides_agree(self) -> None:
        expected = self.plain.show()
        for view in self.views:
            assert view.show() == expected


TestOverlayAgainstADirectory = Machine.TestCase
TestOverlayAgainstADirectory.settings = settings(
    max_examples=30, stateful_step_count=40, deadline=None
)
