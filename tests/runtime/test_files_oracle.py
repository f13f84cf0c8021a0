"""Random sequences of calls on paths: the guest's kernel against the host's.

The same calls run in a host directory and in a guest whose tree starts out the same. Both must
give the same results and errors, and leave the same tree. It runs on every filesystem that keeps files.
"""

import ctypes  # noqa: TID251 - renameat2 and others are called as they are, without Python's checks
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elfuse.overlay.overlay import Overlay
from elfuse.runtime.abi import fcntl as abi
from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.abi.stat import Stat
from elfuse.runtime.fs.host import HostFilesystem
from elfuse.runtime.vfs.context import FsContext
from elfuse.runtime.vfs.filesystem import Filesystem
from elfuse.runtime.vfs.mounts import Namespace
from tests.runtime.machine import Machine, machine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the oracle is the host's kernel")

AT = abi.AT_FDCWD
_DEPTH = 8
"""Directories above the one everything happens in: no path here climbs that far."""
_HOST_FLAGS = {
    abi.O_CREAT: os.O_CREAT,
    abi.O_EXCL: os.O_EXCL,
    abi.O_TRUNC: os.O_TRUNC,
    abi.O_APPEND: os.O_APPEND,
    abi.O_DIRECTORY: os.O_DIRECTORY,
    abi.O_NOFOLLOW: os.O_NOFOLLOW,
}
_libc = ctypes.CDLL(None, use_errno=True)

Result = str | tuple[object, ...]
Call = tuple[object, ...]

_name = st.sampled_from(["a", "b", "c", "d"])
_part = st.one_of(_name, _name, _name, st.sampled_from([".", ".."]))
_path = st.builds(
    lambda parts, slash: ("/".join(parts) + slash).encode(),
    st.lists(_part, min_size=1, max_size=3),
    st.sampled_from(["", "", "", "/"]),
)
_target = st.builds("/".join, st.lists(_name, min_size=1, max_size=2)).flatmap(
    lambda text: st.sampled_from([text, text, "../" + text, "./" + text, text + "/"])
)
_open_flags = st.builds(
    lambda access, extra: access | sum(extra),
    st.sampled_from([abi.O_RDONLY, abi.O_WRONLY, abi.O_RDWR]),
    st.sets(st.sampled_from(list(_HOST_FLAGS)), max_size=4),
)
_CREATE = abi.O_WRONLY | abi.O_CREAT
_BEGINNING: list[Call] = [
    ("mkdir", b"a", 0o755),
    ("mkdir", b"a/a", 0o755),
    ("mkdir", b"a/b", 0o700),
    ("open", b"a/c", _CREATE, 0o644),
    ("open", b"a/b/d", _CREATE, 0o600),
    ("open", b"b", _CREATE, 0o644),
    ("symlink", b"a", b"c"),
    ("symlink", b"../b", b"a/d"),
]
_call = st.one_of(
    st.tuples(st.just("open"), _path, _open_flags, st.sampled_from([0o644, 0o600, 0o444])),
    st.tuples(st.just("mkdir"), _path, st.sampled_from([0o755, 0o700])),
    st.tuples(st.just("mkdir"), _path, st.sampled_from([0o755, 0o700])),
    st.tuples(st.just("mkfifo"), _path),
    st.tuples(st.just("rmdir"), _path),
    st.tuples(st.just("unlink"), _path),
    st.tuples(st.just("symlink"), _target.map(str.encode), _path),
    st.tuples(st.just("link"), _path, _path, st.sampled_from([0, abi.AT_SYMLINK_FOLLOW])),
    st.tuples(st.just("rename"), _path, _path, st.sampled_from([0, 0, 1, 2])),
    st.tuples(st.just("truncate"), _path, st.integers(0, 9)),
    st.tuples(st.just("chmod"), _path, st.sampled_from([0o640, 0o4755])),
    st.tuples(st.just("stat"), _path, st.sampled_from([0, abi.AT_SYMLINK_NOFOLLOW])),
    st.tuples(st.just("readlink"), _path),
    st.tuples(st.just("access"), _path),
)


def _shown(mode: int, nlink: int, size: int) -> tuple[object, ...]:
    """What must agree; how directories count and fill up is each filesystem's own."""
    return (mode, 0, 0) if stat.S_ISDIR(mode) else (mode, nlink, size)


class OnHost:
    """Makes the calls with the host's kernel, relative to a directory."""

    def __init__(self, top: Path) -> None:
        self._fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY)

    def close(self) -> None:
        os.close(self._fd)

    def _raw(self, name: str, *arguments: object) -> int:
        result = int(getattr(_libc, name)(*arguments))
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result

    def run(self, call: Call) -> Result:
        name, *arguments = call
        try:
            return getattr(self, f"do_{name}")(*arguments) or ()
        except OSError as error:
            return Errno.from_host(error.errno or 0).name

    def do_open(self, path: bytes, flags: int, mode: int) -> Result:
        wanted = flags & 3
        for guest, host in _HOST_FLAGS.items():
            wanted |= host if flags & guest else 0
        fd = self._raw("openat", self._fd, path, wanted | os.O_NONBLOCK, mode)
        try:
            if flags & 3 and os.fstat(fd).st_mode & 0o100000:
                os.write(fd, b"data")
            found = os.fstat(fd)
            return _shown(found.st_mode, found.st_nlink, found.st_size)
        finally:
            os.close(fd)

    def do_mkdir(self, path: bytes, mode: int) -> None:
        self._raw("mkdirat", self._fd, path, mode)

    def do_mkfifo(self, path: bytes) -> None:
        self._raw("mkfifoat", self._fd, path, 0o644)

    def do_rmdir(self, path: bytes) -> None:
        self._raw("unlinkat", self._fd, path, 0x200)

    def do_unlink(self, path: bytes) -> None:
        self._raw("unlinkat", self._fd, path, 0)

    def do_symlink(self, target: bytes, path: bytes) -> None:
        self._raw("symlinkat", target, self._fd, path)

    def do_link(self, old: bytes, new: bytes, flags: int) -> None:
        self._raw("linkat", self._fd, old, self._fd, new, flags)

    def do_rename(self, old: bytes, new: bytes, flags: int) -> None:
        self._raw("renameat2", self._fd, old, self._fd, new, flags)

    def do_truncate(self, path: bytes, size: int) -> None:
        os.truncate(b"/proc/self/fd/%d/" % self._fd + path, size)

    def do_chmod(self, path: bytes, mode: int) -> None:
        self._raw("fchmodat", self._fd, path, mode, 0)

    def do_stat(self, path: bytes, flags: int) -> Result:
        found = os.stat(path, dir_fd=self._fd, follow_symlinks=not flags)
        return _shown(found.st_mode, found.st_nlink, found.st_size)

    def do_readlink(self, path: bytes) -> Result:
        return (os.readlink(path, dir_fd=self._fd),)

    def do_access(self, path: bytes) -> None:
        self._raw("faccessat", self._fd, path, os.X_OK, 0)


class InGuest:
    """Makes the calls of the guest's kernel, in its working directory."""

    def __init__(self, guest: Machine) -> None:
        self._guest = guest
        self._buffer = guest.room(4096)

    def run(self, call: Call) -> Result:
        # Room in the arena is never given back otherwise.
        before = self._guest._next
        name, *arguments = call
        try:
            return getattr(self, f"do_{name}")(*arguments) or ()
        except _Failed as failed:
            return failed.errno.name
        finally:
            self._guest._next = before

    def _call(self, name: str, *arguments: int | bytes) -> int:
        result = self._guest.call(name, *arguments)
        if result < 0:
            raise _Failed(Errno(-result))
        return result

    def _shown(self, call: str, *arguments: int | bytes) -> Result:
        self._call(call, *arguments)
        found = Stat.unpack(self._guest.get(self._buffer, Stat.size))
        return _shown(found.st_mode, found.st_nlink, found.st_size)

    def do_open(self, path: bytes, flags: int, mode: int) -> Result:
        fd = self._call("openat", AT, path, flags | abi.O_NONBLOCK, mode)
        try:
            shown = self._shown("fstat", fd, self._buffer)
            if flags & 3 and int(str(shown[0])) & 0o100000:
                self._guest.write(fd, b"data")
            return self._shown("fstat", fd, self._buffer)
        finally:
            self._call("close", fd)

    def do_mkdir(self, path: bytes, mode: int) -> None:
        self._call("mkdirat", AT, path, mode)

    def do_mkfifo(self, path: bytes) -> None:
        self._call("mknodat", AT, path, stat.S_IFIFO | 0o644, 0)

    def do_rmdir(self, path: bytes) -> None:
        self._call("unlinkat", AT, path, abi.AT_REMOVEDIR)

    def do_unlink(self, path: bytes) -> None:
        self._call("unlinkat", AT, path, 0)

    def do_symlink(self, target: bytes, path: bytes) -> None:
        self._call("symlinkat", target, AT, path)

    def do_link(self, old: bytes, new: bytes, flags: int) -> None:
        self._call("linkat", AT, old, AT, new, flags)

    def do_rename(self, old: bytes, new: bytes, flags: int) -> None:
        self._call("renameat2", AT, old, AT, new, flags)

    def do_truncate(self, path: bytes, size: int) -> None:
        self._call("truncate", path, size)

    def do_chmod(self, path: bytes, mode: int) -> None:
        self._call("fchmodat", AT, path, mode)

    def do_stat(self, path: bytes, flags: int) -> Result:
        return self._shown("newfstatat", AT, path, self._buffer, flags)

    def do_readlink(self, path: bytes) -> Result:
        size = self._call("readlinkat", AT, path, self._buffer, 4096)
        return (self._guest.get(self._buffer, size),)

    def do_access(self, path: bytes) -> None:
        self._call("faccessat", AT, path, 1)


class _Failed(Exception):
    def __init__(self, errno: Errno) -> None:
        super().__init__(errno.name)
        self.errno = errno


_NAMES = [b"a", b"b", b"c", b"d"]


def _tree(run: Callable[[Call], Result], at: bytes = b"") -> list[tuple[bytes, Result]]:
    """Everything below a directory, by the names that can exist."""
    found: list[tuple[bytes, Result]] = []
    for name in _NAMES:
        path = at + name
        shown = run(("stat", path, abi.AT_SYMLINK_NOFOLLOW))
        if isinstance(shown, str):
            continue
        found.append((path, shown))
        if isinstance(shown[0], int) and stat.S_ISDIR(shown[0]):
            found += _tree(run, path + b"/")
    return found


@contextmanager
def _host_tree(place: Path) -> Iterator[Filesystem]:
    yield HostFilesystem(str(place))


@contextmanager
def _overlay(place: Path) -> Iterator[Filesystem]:
    with Overlay(None, place, place / "upper", type_name="tmpfs") as made:
        yield made


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("machine")) as made:
        yield made


@pytest.mark.parametrize("make", [_host_tree, _overlay])
@settings(deadline=None)
@given(calls=st.lists(_call, min_size=1, max_size=40))
def test_the_guests_kernel_does_as_the_hosts(
    guest: Machine, make: Callable[[Path], object], calls: list[Call]
) -> None:
    place = Path(tempfile.mkdtemp(prefix="oracle-"))
    before = os.umask(0o022)
    top = place / "host" / "/".join("x" * _DEPTH)
    top.mkdir(parents=True)
    (place / "guest").mkdir()
    oracle = OnHost(top)
    try:
        with make(place / "guest") as fs:  # type: ignore[attr-defined]
            guest.kernel.namespace = namespace = Namespace([fs])
            guest.process.fs = FsContext(namespace.root(), namespace.root(), 0o022)
            for _ in range(_DEPTH):
                guest.ok("mkdirat", AT, b"x", 0o755)
                guest.ok("chdir", b"x")
            subject = InGuest(guest)
            for number, call in enumerate([*_BEGINNING, *calls]):
                assert subject.run(call) == oracle.run(call), (number, call)
            assert _tree(subject.run) == _tree(oracle.run)
    finally:
        os.umask(before)
        oracle.close()
        shutil.rmtree(place)
