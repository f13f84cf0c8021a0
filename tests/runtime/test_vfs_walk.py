"""The path walk against the host kernel's own, and what openat2's restrictions refuse."""

import ctypes  # noqa: TID251 - openat2 has no wrapper in Python
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elfuse.runtime.abi import fcntl as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.fcntl import OpenHow
from elfuse.runtime.fs.host import HostFilesystem
from elfuse.runtime.vfs import operations
from elfuse.runtime.vfs.context import FsContext
from elfuse.runtime.vfs.mounts import Namespace
from tests.runtime.machine import Machine, machine

_SYS_OPENAT2 = 437
_HOST_O_PATH = getattr(os, "O_PATH", 0)
_NAMES = ["a", "b", "link", "file"]


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path) as made:
        yield made


def _host_openat2(top: int, path: bytes, flags: int, resolve: int) -> tuple[str, int]:
    """(errno name or "", inode number) of the host kernel's answer inside `top`."""
    libc = ctypes.CDLL(None, use_errno=True)
    how = OpenHow(flags=flags, mode=0, resolve=resolve).pack()
    fd = libc.syscall(_SYS_OPENAT2, top, path, how, len(how))
    if fd < 0:
        return Errno.from_host(ctypes.get_errno()).name, 0
    try:
        return "", os.fstat(fd).st_ino
    finally:
        os.close(fd)


def _guest_openat2(guest: Machine, path: bytes, flags: int, resolve: int) -> tuple[str, int]:
    how = guest.put(OpenHow(flags=flags, mode=0, resolve=resolve).pack())
    top = guest.ok("openat", abi.AT_FDCWD, b"/", abi.O_PATH, 0)
    found = guest.call("openat2", top, path, how, OpenHow.size)
    guest.ok("close", top)
    if found < 0:
        return Errno(-found).name, 0
    location = guest.process.files.get(found).location
    assert location is not None
    guest.ok("close", found)
    return "", location.inode.ino


_part = st.sampled_from([*_NAMES, ".", "..", ""])
_path = st.lists(_part, min_size=1, max_size=6).map("/".join)
_entry = st.tuples(
    st.lists(st.sampled_from(_NAMES), min_size=1, max_size=3),
    st.one_of(st.just(None), st.just("file"), _path.filter(bool)),
)
_resolve = st.sampled_from(
    [
        abi.RESOLVE_IN_ROOT,
        abi.RESOLVE_BENEATH,
        abi.RESOLVE_IN_ROOT | abi.RESOLVE_NO_SYMLINKS,
        abi.RESOLVE_BENEATH | abi.RESOLVE_NO_MAGICLINKS,
    ]
)


def _grow(top: Path, entries: list[tuple[list[str], str | None]]) -> None:
    """Directories, files and links; what cannot be made because of earlier ones is left out."""
    for names, kind in entries:
        place = top.joinpath(*names)
        if any(parent.is_symlink() for parent in place.parents):
            continue
        try:
            if kind is None:
                place.mkdir(parents=True, exist_ok=True)
            elif kind == "file":
                place.touch()
            else:
                place.symlink_to(kind)
        except OSError:
            continue


@pytest.mark.skipif(sys.platform != "linux", reason="the oracle is the host's openat2")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    entries=st.lists(_entry, max_size=12),
    paths=st.lists(st.tuples(_path.filter(bool), st.booleans(), _resolve), min_size=1, max_size=12),
)
def test_walk_answers_as_the_host_kernel_does(
    guest: Machine,
    tmp_path: Path,
    entries: list[tuple[list[str], str | None]],
    paths: list[tuple[str, bool, int]],
) -> None:
    top = tmp_path / "tree"
    shutil.rmtree(top, ignore_errors=True)
    top.mkdir()
    _grow(top, entries)
    top_fd = os.open(top, _HOST_O_PATH | os.O_DIRECTORY)
    guest.kernel.namespace = namespace = Namespace([HostFilesystem(str(top))])
    guest.process.fs = FsContext(namespace.root(), namespace.root(), 0o022)
    try:
        for path, follow, resolve in paths:
            raw = path.encode()
            flags = abi.O_PATH | (0 if follow else abi.O_NOFOLLOW)
            # O_NOFOLLOW and O_PATH have other values on other architectures' hosts.
            host_flags = _HOST_O_PATH | (0 if follow else os.O_NOFOLLOW)
            expected = _host_openat2(top_fd, raw, host_flags, resolve)
            assert _guest_openat2(guest, raw, flags, resolve) == expected, (path, follow)
    finally:
        os.close(top_fd)


def _error(guest: Machine, path: bytes, *, follow: bool = True) -> Errno | None:
    try:
        operations.resolve(guest.task, abi.AT_FDCWD, path, follow=follow)
    except SyscallError as error:
        return error.errno
    except OSError as error:
        return Errno.from_host(error.errno or 0)
    return None


def test_forty_links_are_followed_and_no_more(guest: Machine, tmp_path: Path) -> None:
    (tmp_path / "l0").touch()
    for number in range(1, 42):
        (tmp_path / f"l{number}").symlink_to(f"l{number - 1}")
    assert _error(guest, b"/l40") is None
    assert _error(guest, b"/l41") is Errno.ELOOP


def test_long_names_and_paths_are_refused(guest: Machine) -> None:
    assert _error(guest, b"/" + b"x" * 255) is Errno.ENOENT
    assert _error(guest, b"/" + b"x" * 256) is Errno.ENAMETOOLONG
    assert guest.error("chdir", b"/." * 2048) is Errno.ENAMETOOLONG
    assert guest.error("chdir", b"/." * 2047) is None


def test_links_cannot_lead_out_of_the_root(guest: Machine, tmp_path: Path) -> None:
    (tmp_path / "up").symlink_to("../../../../../../etc/passwd")
    (tmp_path / "abs").symlink_to("/etc/passwd")
    assert _error(guest, b"/up") is Errno.ENOENT
    assert _error(guest, b"/abs") is Errno.ENOENT
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").touch()
    inode = (tmp_path / "etc" / "passwd").stat().st_ino
    for path in (b"/up", b"/abs", b"/../etc/../../etc/passwd"):
        assert operations.resolve(guest.task, abi.AT_FDCWD, path).inode.ino == inode


def test_empty_path_and_bad_descriptors(guest: Machine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    fd = guest.ok("openat", abi.AT_FDCWD, b"/file", abi.O_RDONLY, 0)
    buffer = guest.room(128)
    assert guest.error("newfstatat", fd, b"", buffer, 0) is Errno.ENOENT
    assert guest.error("newfstatat", fd, b"", buffer, abi.AT_EMPTY_PATH) is None
    assert guest.error("newfstatat", fd, b"x", buffer, 0) is Errno.ENOTDIR
    assert guest.error("newfstatat", 99, b"x", buffer, 0) is Errno.EBADF
    assert guest.error("newfstatat", 99, b"/file", buffer, 0) is None


def test_chroot_bounds_the_walk(guest: Machine, tmp_path: Path) -> None:
    (tmp_path / "jail" / "in").mkdir(parents=True)
    (tmp_path / "secret").touch()
    guest.ok("chroot", b"/jail")
    guest.ok("chdir", b"/")
    assert _error(guest, b"/../secret") is Errno.ENOENT
    assert _error(guest, b"/in/../../secret") is Errno.ENOENT
    buffer = guest.room(100)
    guest.ok("chdir", b"/in")
    assert guest.get(buffer, guest.ok("getcwd", buffer, 100)) == b"/in\0"


def test_resolve_no_xdev_stops_at_a_mount(guest: Machine, tmp_path: Path) -> None:
    (tmp_path / "vol").mkdir()
    (tmp_path / "vol" / "x").touch()
    guest.kernel.namespace.mount(b"/mnt", HostFilesystem(str(tmp_path / "vol")))
    assert _guest_openat2(guest, b"mnt/x", abi.O_PATH, 0)[0] == ""
    assert _guest_openat2(guest, b"mnt/x", abi.O_PATH, abi.RESOLVE_NO_XDEV)[0] == "EXDEV"


def test_openat2_checks_its_structure(guest: Machine, tmp_path: Path) -> None:
    def call(size: int = 24, **members: int) -> Errno | None:
        how = OpenHow(**({"flags": 0, "mode": 0, "resolve": 0} | members)).pack()
        at = guest.put(how + b"\0" * 8 + b"\1")
        return guest.error("openat2", abi.AT_FDCWD, b"/", at, size)

    assert call() is None
    assert call(23) is Errno.EINVAL
    assert call(32) is None
    assert call(33) is Errno.E2BIG
    assert call(flags=1 << 40) is Errno.EINVAL
    assert call(mode=0o644) is Errno.EINVAL
    assert call(resolve=64) is Errno.EINVAL
    assert call(resolve=abi.RESOLVE_BENEATH | abi.RESOLVE_IN_ROOT) is Errno.EINVAL
    assert call(resolve=abi.RESOLVE_CACHED) is Errno.EAGAIN
