"""Mounts, and plain mode's two roots."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from elfuse.runtime.abi import fcntl as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.files.directory import DirectoryFile
from elfuse.runtime.fs.host import HostFilesystem
from elfuse.runtime.vfs import operations
from elfuse.runtime.vfs.context import FsContext
from elfuse.runtime.vfs.mounts import Namespace
from tests.runtime.machine import Machine, machine


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    return made


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    made = tmp_path / "volume"
    made.mkdir()
    (made / "inside").write_text("volume")
    return made


@pytest.fixture
def guest(root: Path) -> Iterator[Machine]:
    with machine(root) as made:
        yield made


def _mount(guest: Machine, point: bytes, path: Path, *, read_only: bool = False) -> None:
    guest.kernel.namespace.mount(point, HostFilesystem(str(path)), read_only=read_only)


def _names(guest: Machine, path: bytes) -> set[bytes]:
    fd = guest.ok("openat", abi.AT_FDCWD, path, abi.O_DIRECTORY, 0)
    file = guest.process.files.get(fd)
    assert isinstance(file, DirectoryFile)
    data, names, at = file.records(guest.task, 1 << 16), set(), 0
    while at < len(data):
        size = int.from_bytes(data[at + 16 : at + 18], "little")
        names.add(data[at + 19 : at + size].split(b"\0")[0])
        at += size
    guest.ok("close", fd)
    return names


def _content(guest: Machine, path: bytes) -> bytes:
    fd = guest.ok("openat", abi.AT_FDCWD, path, abi.O_RDONLY, 0)
    data = guest.read(fd)
    guest.ok("close", fd)
    return data


def _cwd(guest: Machine) -> bytes:
    buffer = guest.room(4096)
    return guest.get(buffer, guest.ok("getcwd", buffer, 4096) - 1)


def test_mount_point_need_not_exist_and_is_listed(guest: Machine, volume: Path) -> None:
    _mount(guest, b"/mnt", volume)
    assert _names(guest, b"/") == {b".", b"..", b"mnt"}
    assert _content(guest, b"/mnt/inside") == b"volume"
    assert guest.error("mkdirat", abi.AT_FDCWD, b"/mnt", 0o755) is Errno.EEXIST


def test_dot_dot_leaves_a_mount_where_it_is_mounted(
    guest: Machine, root: Path, volume: Path
) -> None:
    (root / "deep").mkdir()
    (root / "deep" / "sibling").touch()
    (volume / "sub").mkdir()
    _mount(guest, b"/deep/mnt", volume)
    guest.ok("chdir", b"/deep/mnt/sub")
    assert _cwd(guest) == b"/deep/mnt/sub"
    guest.ok("chdir", b"../..")
    assert _cwd(guest) == b"/deep"
    assert guest.error("faccessat", abi.AT_FDCWD, b"mnt/../sibling", 0) is None


def test_mount_follows_links_on_the_way_to_its_point(
    guest: Machine, root: Path, volume: Path
) -> None:
    (root / "run").mkdir()
    (root / "var").mkdir()
    (root / "var" / "run").symlink_to("/run")
    _mount(guest, b"/var/run/x", volume)
    assert _content(guest, b"/run/x/inside") == b"volume"
    assert list(guest.kernel.namespace.mounts) == [b"/run/x"]


def test_a_single_file_can_be_mounted(guest: Machine, root: Path, volume: Path) -> None:
    (root / "etc").mkdir()
    (root / "etc" / "hosts").write_text("hidden")
    _mount(guest, b"/etc/hosts", volume / "inside")
    assert _content(guest, b"/etc/hosts") == b"volume"
    place = operations.resolve(guest.task, abi.AT_FDCWD, b"/etc/hosts")
    assert place.path() == b"/etc/hosts"
    assert guest.error("unlinkat", abi.AT_FDCWD, b"/etc/hosts", 0) is Errno.EBUSY
    assert (root / "etc" / "hosts").read_text() == "hidden"


def test_a_link_can_be_a_mount_point_itself(guest: Machine, root: Path, volume: Path) -> None:
    (root / "link").symlink_to("nowhere/file")
    fs = HostFilesystem(str(volume / "inside"))
    with pytest.raises(SyscallError):
        guest.kernel.namespace.mount(b"/link", fs)
    guest.kernel.namespace.mount(b"/link", fs, follow=False)
    assert _content(guest, b"/link") == b"volume"


def test_a_mount_point_is_busy_and_another_device(guest: Machine, root: Path, volume: Path) -> None:
    (root / "mnt").mkdir()
    (root / "file").touch()
    _mount(guest, b"/mnt", volume)
    at = abi.AT_FDCWD
    assert guest.error("unlinkat", at, b"/mnt", abi.AT_REMOVEDIR) is Errno.EBUSY
    assert guest.error("renameat", at, b"/mnt", at, b"/other") is Errno.EBUSY
    assert guest.error("renameat", at, b"/file", at, b"/mnt") is Errno.EBUSY
    assert guest.error("renameat", at, b"/file", at, b"/mnt/file") is Errno.EXDEV
    assert guest.error("linkat", at, b"/file", at, b"/mnt/file", 0) is Errno.EXDEV


def test_a_mount_moves_with_the_directory_that_holds_it(
    guest: Machine, root: Path, volume: Path
) -> None:
    (root / "a").mkdir()
    _mount(guest, b"/a/mnt", volume)
    guest.ok("renameat", abi.AT_FDCWD, b"/a", abi.AT_FDCWD, b"/b")
    assert _content(guest, b"/b/mnt/inside") == b"volume"
    assert guest.error("faccessat", abi.AT_FDCWD, b"/a/mnt/inside", 0) is Errno.ENOENT


def test_nothing_changes_on_a_read_only_mount(guest: Machine, volume: Path) -> None:
    _mount(guest, b"/ro", volume, read_only=True)
    at = abi.AT_FDCWD
    before = {path: path.stat() for path in (volume, volume / "inside")}
    attempts: list[tuple[str, tuple[int | bytes, ...]]] = [
        ("openat", (at, b"/ro/inside", abi.O_WRONLY, 0)),
        ("openat", (at, b"/ro/inside", abi.O_RDONLY | abi.O_TRUNC, 0)),
        ("openat", (at, b"/ro/new", abi.O_CREAT | abi.O_WRONLY, 0o644)),
        ("openat", (at, b"/ro", abi.O_TMPFILE | abi.O_RDWR, 0o600)),
        ("mkdirat", (at, b"/ro/d", 0o755)),
        ("mknodat", (at, b"/ro/p", 0o010644, 0)),
        ("symlinkat", (b"x", at, b"/ro/l")),
        ("linkat", (at, b"/ro/inside", at, b"/ro/l", 0)),
        ("unlinkat", (at, b"/ro/inside", 0)),
        ("renameat", (at, b"/ro/inside", at, b"/ro/y")),
        ("fchmodat", (at, b"/ro/inside", 0o600)),
        ("fchownat", (at, b"/ro/inside", 1, 1, 0)),
        ("utimensat", (at, b"/ro/inside", 0, 0)),
        ("truncate", (b"/ro/inside", 1)),
        ("setxattr", (b"/ro/inside", b"user.x", b"v", 1, 0)),
        ("faccessat", (at, b"/ro/inside", 2)),
    ]
    errors = {f"{name} {words!r}": guest.error(name, *words) for name, words in attempts}
    assert set(errors.values()) == {Errno.EROFS}, errors
    assert {path: path.stat() for path in before} == before


def test_paths_in_proc_mounts_are_escaped(guest: Machine, volume: Path) -> None:
    _mount(guest, b"/with space", volume, read_only=True)
    text = guest.kernel.namespace.mounts_text()
    assert b"ext4 /with\\040space ext4 ro,relatime 0 0\n" in text
    assert len(text.splitlines()) == 2


def test_a_mount_without_a_place_is_refused(guest: Machine, volume: Path) -> None:
    with pytest.raises(SyscallError, match="ENOENT"):
        _mount(guest, b"/no/such/place", volume)


# Plain mode: a sysroot in front of the host


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[tuple[Machine, Path, Path]]:
    """A machine whose roots are a sysroot and, in the place of the host's root, another directory."""
    sysroot, behind = tmp_path / "sysroot", tmp_path / "behind"
    for place in (sysroot, behind):
        (place / "both").mkdir(parents=True)
        (place / "both" / "name").write_text(place.name)
    with machine(tmp_path) as guest:
        roots = [HostFilesystem(str(sysroot)), HostFilesystem(str(behind))]
        guest.kernel.namespace = namespace = Namespace(roots)
        guest.process.fs = FsContext(namespace.root(), namespace.root(), 0o022)
        yield guest, sysroot, behind


def test_the_first_root_that_has_all_of_a_path_answers(
    plain: tuple[Machine, Path, Path],
) -> None:
    guest, _sysroot, behind = plain
    (behind / "both" / "only").write_text("behind only")
    assert _content(guest, b"/both/name") == b"sysroot"
    assert _content(guest, b"/both/only") == b"behind only"
    # Relative paths stay in the root that the working directory is in.
    assert _content(guest, b"both/name") == b"behind"


def test_absolute_links_start_over_at_the_first_root(plain: tuple[Machine, Path, Path]) -> None:
    guest, sysroot, behind = plain
    (behind / "link").symlink_to("/both/name")
    (sysroot / "back").symlink_to("/elsewhere/x")
    (behind / "elsewhere").mkdir()
    (behind / "elsewhere" / "x").write_text("x of behind")
    assert _content(guest, b"/link") == b"sysroot"
    assert _content(guest, b"/back") == b"x of behind"


def test_a_new_name_is_made_where_its_directory_is_found_first(
    plain: tuple[Machine, Path, Path],
) -> None:
    guest, sysroot, behind = plain
    (behind / "work").mkdir()
    for path in (b"/both/new", b"/work/new"):
        guest.ok("openat", abi.AT_FDCWD, path, abi.O_CREAT | abi.O_WRONLY, 0o644)
    assert (sysroot / "both" / "new").exists()
    assert (behind / "work" / "new").exists()


def test_an_existing_name_is_changed_where_it_is(plain: tuple[Machine, Path, Path]) -> None:
    guest, sysroot, behind = plain
    (behind / "both" / "only").write_text("old")
    flags = abi.O_CREAT | abi.O_WRONLY | abi.O_TRUNC
    fd = guest.ok("openat", abi.AT_FDCWD, b"/both/only", flags, 0o644)
    guest.write(fd, b"new")
    assert (behind / "both" / "only").read_text() == "new"
    guest.ok("unlinkat", abi.AT_FDCWD, b"/both/only", 0)
    guest.ok("unlinkat", abi.AT_FDCWD, b"/both/name", 0)
    assert os.listdir(sysroot / "both") == []
    assert os.listdir(behind / "both") == ["name"]


def test_guarded_directories_of_the_second_root_do_not_change(
    plain: tuple[Machine, Path, Path],
) -> None:
    guest, sysroot, behind = plain
    (behind / "etc" / "work").mkdir(parents=True)
    (behind / "both" / "only").write_text("behind")
    guest.kernel.namespace.roots[-1].guard([b"/etc", b"/both"], but=[b"/etc/work"])
    at, create = abi.AT_FDCWD, abi.O_CREAT | abi.O_WRONLY
    for path in (b"/etc/new", b"/etc/work/../new", b"both/new", b"/both/only"):
        assert guest.error("openat", at, path, create, 0o644) is Errno.EROFS
    assert guest.error("unlinkat", at, b"/both/only", 0) is Errno.EROFS
    assert guest.error("renameat", at, b"/both/only", at, b"/etc/work/only") is Errno.EROFS
    assert guest.error("faccessat", at, b"/etc", 2) is Errno.EROFS
    assert _content(guest, b"/both/only") == b"behind"
    for path in (b"/etc/work/new", b"/etcetera", b"/both/new"):
        guest.ok("openat", at, path, create, 0o644)
    assert (behind / "etc" / "work" / "new").exists()
    assert (sysroot / "etcetera").exists()
    assert (sysroot / "both" / "new").exists()


def test_mounts_show_in_both_roots(plain: tuple[Machine, Path, Path], volume: Path) -> None:
    guest, _sysroot, _behind = plain
    _mount(guest, b"/both/mnt", volume)
    assert _content(guest, b"/both/mnt/inside") == b"volume"
    assert _content(guest, b"both/mnt/inside") == b"volume"


def test_permission_errors_of_the_first_root_are_not_hidden(
    plain: tuple[Machine, Path, Path],
) -> None:
    guest, sysroot, _behind = plain
    (sysroot / "loop").symlink_to("loop")
    (sysroot / "both" / "name").unlink()
    assert guest.error("faccessat", abi.AT_FDCWD, b"/loop", 0) is Errno.ELOOP
    assert _content(guest, b"/both/name") == b"behind"
