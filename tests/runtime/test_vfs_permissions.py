"""Discretionary access control as credentials(7) and path_resolution(7) describe it."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from elfuse.runtime.abi import fcntl as abi
from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.vfs.credentials import Credentials
from tests.runtime.machine import Machine, machine

AT = abi.AT_FDCWD
# The machine shows the host user's files as root's; these two own nothing.
USER, OTHER = 54321, 54322


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Machine]:
    tmp_path.chmod(0o755)
    with machine(tmp_path) as made:
        yield made


def _become(guest: Machine, uid: int, gid: int = USER, groups: tuple[int, ...] = ()) -> None:
    guest.process.credentials = Credentials.of(uid, gid, groups)


def _file(path: Path, mode: int) -> Path:
    path.touch()
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("mode", "flags", "allowed"),
    [
        (0o604, abi.O_RDONLY, True),
        (0o604, abi.O_WRONLY, False),
        (0o602, abi.O_WRONLY, True),
        (0o602, abi.O_RDWR, False),
        (0o606, abi.O_RDWR, True),
        (0o604, abi.O_RDONLY | abi.O_TRUNC, False),
        (0o606, abi.O_RDONLY | abi.O_NOATIME, False),
    ],
)
def test_open_asks_for_what_it_will_do(
    guest: Machine, tmp_path: Path, mode: int, flags: int, allowed: bool
) -> None:
    _file(tmp_path / "f", mode)
    _become(guest, USER)
    error = guest.error("openat", AT, b"/f", flags, 0)
    refused = Errno.EPERM if flags & abi.O_NOATIME else Errno.EACCES
    assert error is (None if allowed else refused)


def test_which_refusal_of_a_read_only_mount_comes_first(guest: Machine, tmp_path: Path) -> None:
    _file(tmp_path / "f", 0o644)
    guest.kernel.namespace.roots[0].read_only = True
    assert guest.error("openat", AT, b"/f", abi.O_WRONLY, 0) is Errno.EROFS
    _become(guest, USER)
    assert guest.error("openat", AT, b"/f", abi.O_WRONLY, 0) is Errno.EACCES
    assert guest.error("openat", AT, b"/f", abi.O_WRONLY | abi.O_TRUNC, 0) is Errno.EROFS


def test_group_bits_count_for_members_only_even_if_others_may_more(
    guest: Machine, tmp_path: Path
) -> None:
    _file(tmp_path / "f", 0o606)
    _become(guest, USER, gid=USER, groups=(0,))
    # The machine's files belong to group 0.
    assert guest.error("openat", AT, b"/f", abi.O_RDONLY, 0) is Errno.EACCES
    _become(guest, USER)
    assert guest.error("openat", AT, b"/f", abi.O_RDONLY, 0) is None


def test_every_directory_on_the_way_must_allow_search(guest: Machine, tmp_path: Path) -> None:
    (tmp_path / "d" / "e").mkdir(parents=True)
    _file(tmp_path / "d" / "e" / "f", 0o644)
    (tmp_path / "d").chmod(0o754)
    _become(guest, USER)
    assert guest.error("faccessat", AT, b"/d", 0) is None
    assert guest.error("faccessat", AT, b"/d/e/f", 0) is Errno.EACCES
    assert guest.error("faccessat", AT, b"/d/none", 0) is Errno.EACCES
    assert guest.error("chdir", b"/d") is Errno.EACCES
    assert guest.error("faccessat", AT, b"/d/..", 0) is Errno.EACCES
    (tmp_path / "d").chmod(0o751)
    assert guest.error("faccessat", AT, b"/d/e/f", 4) is None
    assert guest.error("openat", AT, b"/d", abi.O_DIRECTORY, 0) is Errno.EACCES


def test_root_passes_but_executes_only_what_somebody_may(guest: Machine, tmp_path: Path) -> None:
    _file(tmp_path / "f", 0o600)
    assert guest.error("faccessat", AT, b"/f", 6) is None
    assert guest.error("faccessat", AT, b"/f", 1) is Errno.EACCES
    (tmp_path / "f").chmod(0o601)
    assert guest.error("faccessat", AT, b"/f", 1) is None


def test_access_uses_real_ids_and_eaccess_effective_ones(guest: Machine, tmp_path: Path) -> None:
    _file(tmp_path / "f", 0o600)
    _become(guest, USER)
    guest.process.credentials.euid = guest.process.credentials.fsuid = 0
    assert guest.error("faccessat2", AT, b"/f", 4, 0) is Errno.EACCES
    assert guest.error("faccessat2", AT, b"/f", 4, abi.AT_EACCESS) is None


def test_names_change_only_in_writable_directories(guest: Machine, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    _file(tmp_path / "d" / "f", 0o666)
    _become(guest, USER)
    attempts: list[tuple[str, tuple[int | bytes, ...]]] = [
        ("openat", (AT, b"/d/new", abi.O_CREAT | abi.O_WRONLY, 0o644)),
        ("mkdirat", (AT, b"/d/new", 0o755)),
        ("symlinkat", (b"x", AT, b"/d/new")),
        ("linkat", (AT, b"/d/f", AT, b"/d/new", 0)),
        ("unlinkat", (AT, b"/d/f", 0)),
        ("renameat", (AT, b"/d/f", AT, b"/d/new")),
    ]
    for name, words in attempts:
        assert guest.error(name, *words) is Errno.EACCES, name
    # Existing names are told apart first, as Linux does.
    assert guest.error("mkdirat", AT, b"/d/f", 0o755) is Errno.EEXIST


def test_sticky_directories_protect_the_files_of_others(guest: Machine, tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t").chmod(0o1777)
    _file(tmp_path / "t" / "f", 0o666)
    _become(guest, USER)
    assert guest.error("unlinkat", AT, b"/t/f", 0) is Errno.EPERM
    assert guest.error("renameat", AT, b"/t/f", AT, b"/t/g") is Errno.EPERM
    (tmp_path / "t").chmod(0o777)
    assert guest.error("unlinkat", AT, b"/t/f", 0) is None


def test_only_the_owner_changes_attributes(guest: Machine, tmp_path: Path) -> None:
    _file(tmp_path / "f", 0o666)
    _become(guest, USER)
    times = guest.put(bytes(32))
    assert guest.error("fchmodat", AT, b"/f", 0o600) is Errno.EPERM
    assert guest.error("fchownat", AT, b"/f", USER, -1, 0) is Errno.EPERM
    assert guest.error("utimensat", AT, b"/f", times, 0) is Errno.EPERM
    # Setting both times to now needs write permission only.
    assert guest.error("utimensat", AT, b"/f", 0, 0) is None
    (tmp_path / "f").chmod(0o644)
    assert guest.error("utimensat", AT, b"/f", 0, 0) is Errno.EACCES


def test_umask_and_directory_group_shape_what_is_made(guest: Machine, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d").chmod(0o2777)
    assert guest.ok("umask", 0o027) == 0o022
    guest.ok("mkdirat", AT, b"/d/sub", 0o777)
    guest.ok("openat", AT, b"/d/f", abi.O_CREAT | abi.O_WRONLY, 0o6777)
    guest.ok("mknodat", AT, b"/d/p", stat.S_IFIFO | 0o666, 0)
    modes = {
        name: stat.S_IMODE((tmp_path / "d" / name).stat().st_mode) for name in ("sub", "f", "p")
    }
    assert modes == {"sub": 0o2750, "f": 0o6750, "p": 0o640}


def test_chown_drops_set_id_bits(guest: Machine, tmp_path: Path) -> None:
    _file(tmp_path / "f", 0o6755)
    guest.ok("fchownat", AT, b"/f", os.geteuid(), -1, 0)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o755


def test_device_nodes_need_root(guest: Machine) -> None:
    _become(guest, USER)
    assert guest.error("mknodat", AT, b"/null", stat.S_IFCHR | 0o666, 0x103) is Errno.EACCES
    assert guest.error("chroot", b"/") is Errno.EPERM
    assert guest.error("mount", 0, 0, 0, 0, 0) is Errno.EPERM


def test_exec_needs_execute_permission_and_a_regular_file(guest: Machine, tmp_path: Path) -> None:
    from elfuse.runtime.abi.errno import SyscallError
    from elfuse.runtime.vfs import operations

    _file(tmp_path / "f", 0o645)
    (tmp_path / "d").mkdir()
    _become(guest, USER)
    assert operations.open_exec(guest.task, b"/f").readable
    (tmp_path / "f").chmod(0o644)
    for path in (b"/f", b"/d"):
        with pytest.raises(SyscallError, match="EACCES"):
            operations.open_exec(guest.task, path)
