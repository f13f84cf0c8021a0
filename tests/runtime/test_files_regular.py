"""Regular files, directories and paths through their system calls."""

import gc
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from elfuse.runtime.abi import fcntl as abi
from elfuse.runtime.abi.dirent import DirentHeader
from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.abi.stat import Stat, Statfs, Statx
from elfuse.runtime.vfs import operations
from tests.runtime.machine import Machine, machine

AT = abi.AT_FDCWD
RW = abi.O_RDWR | abi.O_CREAT
SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE = range(5)
FIONREAD, FIOCLEX, FIONCLEX, FIONBIO = 0x541B, 0x5451, 0x5450, 0x5421


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path) as made:
        yield made


def _open(guest: Machine, path: bytes, flags: int = RW, mode: int = 0o644) -> int:
    return guest.ok("openat", AT, path, flags, mode)


def _content(guest: Machine, fd: int) -> bytes:
    at = guest.room(4096)
    return guest.get(at, guest.ok("pread64", fd, at, 4096, 0))


def _iovec(guest: Machine, *parts: tuple[int, int]) -> int:
    return guest.put(b"".join(a.to_bytes(8, "little") + n.to_bytes(8, "little") for a, n in parts))


def _stat(guest: Machine, fd: int) -> Stat:
    at = guest.room(Stat.size)
    guest.ok("fstat", fd, at)
    return Stat.unpack(guest.get(at, Stat.size))


def _pipe(guest: Machine) -> int:
    """The read end of a pipe."""
    at = guest.room(8)
    guest.ok("pipe2", at, 0)
    return int.from_bytes(guest.get(at, 4), "little")


# Data


def test_reads_and_writes_move_the_shared_offset(guest: Machine) -> None:
    fd = _open(guest, b"/f")
    copy = guest.ok("dup", fd)
    guest.write(fd, b"hello world")
    assert guest.ok("lseek", copy, 0, SEEK_CUR) == 11
    guest.ok("lseek", fd, 6, SEEK_SET)
    assert guest.read(copy) == b"world"
    assert guest.read(fd) == b""


def test_two_opens_have_their_own_offsets(guest: Machine) -> None:
    one, two = _open(guest, b"/f"), _open(guest, b"/f")
    guest.write(one, b"data")
    assert guest.read(two) == b"data"
    assert guest.read(one) == b""


def test_offsets_are_shared_over_fork(guest: Machine) -> None:
    fd = _open(guest, b"/f")
    guest.write(fd, b"abcdef")
    guest.ok("lseek", fd, 0, SEEK_SET)
    child = os.fork()
    if child == 0:
        os._exit(0 if guest.read(fd, 3) == b"abc" else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert guest.read(fd, 3) == b"def"


def test_vectors_and_positions(guest: Machine) -> None:
    fd = _open(guest, b"/f")
    parts = _iovec(guest, (guest.put(b"ab"), 2), (0, 0), (guest.put(b"cdef"), 4))
    assert guest.ok("writev", fd, parts, 3) == 6
    into = guest.room(16)
    assert guest.ok("preadv", fd, _iovec(guest, (into, 1), (into + 8, 9)), 2, 2) == 4
    assert guest.get(into, 1) + guest.get(into + 8, 3) == b"cdef"
    assert guest.ok("pwritev2", fd, _iovec(guest, (guest.put(b"XY"), 2)), 1, 1, 0, 0) == 2
    assert _content(guest, fd) == b"aXYdef"
    assert guest.ok("lseek", fd, 0, SEEK_CUR) == 6
    assert guest.ok("preadv2", fd, _iovec(guest, (into, 4)), 1, -1, 0, 0) == 0
    assert guest.error("preadv2", fd, parts, 1, 0, 0, 1 << 20) is Errno.EOPNOTSUPP
    assert guest.error("pread64", fd, into, 1, -1) is Errno.EINVAL
    assert guest.error("readv", fd, parts, 2000) is Errno.EINVAL
    assert guest.ok("writev", fd, 0, 0) == 0


def test_access_modes_and_bad_memory(guest: Machine) -> None:
    _open(guest, b"/f")
    reader, writer = _open(guest, b"/f", abi.O_RDONLY), _open(guest, b"/f", abi.O_WRONLY)
    at = guest.room(8)
    assert guest.error("write", reader, at, 1) is Errno.EBADF
    assert guest.error("read", writer, at, 1) is Errno.EBADF
    assert guest.error("write", writer, 8, 1) is Errno.EFAULT
    assert guest.error("read", reader, 8, 1) is Errno.EFAULT
    assert guest.call("read", reader, 8, 0) == 0
    assert guest.error("read", 77, at, 1) is Errno.EBADF
    assert guest.error("ftruncate", reader, 0) is Errno.EINVAL
    assert guest.error("ftruncate", writer, -1) is Errno.EINVAL


def test_append_writes_at_the_end_whatever_the_offset(guest: Machine) -> None:
    fd = _open(guest, b"/f", RW | abi.O_APPEND)
    guest.write(fd, b"one")
    guest.ok("lseek", fd, 0, SEEK_SET)
    guest.write(fd, b"two")
    assert _content(guest, fd) == b"onetwo"
    guest.ok("fcntl", fd, abi.F_SETFL, 0)
    guest.ok("lseek", fd, 0, SEEK_SET)
    guest.write(fd, b"ONE")
    guest.ok("fcntl", fd, abi.F_SETFL, abi.O_APPEND)
    guest.write(fd, b"!")
    assert _content(guest, fd) == b"ONEtwo!"


def test_seek_to_data_and_holes(guest: Machine) -> None:
    fd = _open(guest, b"/f")
    guest.ok("ftruncate", fd, 1 << 20)
    guest.ok("pwrite64", fd, guest.put(b"x"), 1, 1 << 19)
    assert guest.ok("lseek", fd, 0, SEEK_HOLE) in (0, 1 << 20)
    assert guest.ok("lseek", fd, 0, SEEK_DATA) in (0, 1 << 19)
    assert guest.error("lseek", fd, 1 << 20, SEEK_DATA) is Errno.ENXIO
    assert guest.error("lseek", fd, -1, SEEK_SET) is Errno.EINVAL
    assert guest.error("lseek", fd, 0, 9) is Errno.EINVAL


def test_fallocate_grows_keeps_and_punches(guest: Machine, tmp_path: Path) -> None:
    fd = _open(guest, b"/f")
    guest.ok("fallocate", fd, 0, 0, 8192)
    assert (tmp_path / "f").stat().st_size == 8192
    guest.ok("fallocate", fd, 1, 8192, 4096)
    assert (tmp_path / "f").stat().st_size == 8192
    guest.ok("pwrite64", fd, guest.put(b"\1" * 16), 16, 0)
    guest.ok("fallocate", fd, 3, 0, 4096)
    assert _content(guest, fd)[:16] == bytes(16)
    assert guest.error("fallocate", fd, 0x40, 0, 1) is Errno.EOPNOTSUPP
    assert guest.error("fallocate", fd, 0, 0, 0) is Errno.EINVAL


def test_truncation_on_open_and_by_path(guest: Machine) -> None:
    fd = _open(guest, b"/f")
    guest.write(fd, b"0123456789")
    guest.ok("truncate", b"/f", 4)
    assert _content(guest, fd) == b"0123"
    _open(guest, b"/f", abi.O_WRONLY | abi.O_TRUNC)
    assert _content(guest, fd) == b""
    assert guest.error("truncate", b"/", 0) is Errno.EISDIR
    assert guest.error("truncate", b"/none", 0) is Errno.ENOENT


# Opening


def test_creation_flags(guest: Machine, tmp_path: Path) -> None:
    _open(guest, b"/f", RW | abi.O_EXCL, 0o666)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o644
    assert guest.error("openat", AT, b"/f", RW | abi.O_EXCL, 0o666) is Errno.EEXIST
    assert guest.error("openat", AT, b"/f/", abi.O_RDONLY, 0) is Errno.ENOTDIR
    assert guest.error("openat", AT, b"/new/", RW, 0o666) is Errno.EISDIR
    assert guest.error("openat", AT, b"/", RW, 0o666) is Errno.EISDIR
    assert guest.error("openat", AT, b"/none/f", RW, 0o666) is Errno.ENOENT
    assert guest.error("openat", AT, b"/f", abi.O_DIRECTORY, 0) is Errno.ENOTDIR
    assert guest.error("openat", AT, b"/", abi.O_WRONLY, 0) is Errno.EISDIR
    assert guest.error("openat", AT, b"", abi.O_RDONLY, 0) is Errno.ENOENT
    assert guest.error("openat", AT, 8, abi.O_RDONLY, 0) is Errno.EFAULT


def test_creating_through_a_dangling_link_makes_its_target(guest: Machine, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "l").symlink_to("/d/target")
    assert guest.error("openat", AT, b"/l", RW | abi.O_EXCL, 0o644) is Errno.EEXIST
    assert guest.error("openat", AT, b"/l", RW | abi.O_NOFOLLOW, 0o644) is Errno.ELOOP
    _open(guest, b"/l")
    assert (tmp_path / "d" / "target").exists()
    (tmp_path / "loop").symlink_to("loop")
    assert guest.error("openat", AT, b"/loop", RW, 0o644) is Errno.ELOOP


def test_a_new_read_only_file_is_writable_for_its_creator(guest: Machine) -> None:
    fd = _open(guest, b"/object", RW | abi.O_EXCL, 0o444)
    guest.write(fd, b"content")
    assert _content(guest, fd) == b"content"


def test_a_refused_open_leaves_nothing_behind(guest: Machine, tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    place = operations.resolve(guest.task, AT, b"/f")
    (tmp_path / "f").unlink()
    # Descriptors of what earlier tests left to the collector must not be closed meanwhile.
    gc.collect()
    before = len(os.listdir("/dev/fd"))
    with pytest.raises(FileNotFoundError):
        operations.open_location(guest.task, place, abi.O_RDONLY)
    # A description that no descriptor refers to closes by itself.
    (tmp_path / "f").touch()
    operations.open_location(guest.task, place, abi.O_RDONLY)
    assert len(os.listdir("/dev/fd")) == before


def test_o_path_is_a_place_without_content(guest: Machine, tmp_path: Path) -> None:
    (tmp_path / "l").symlink_to("nowhere")
    _open(guest, b"/f")
    at = guest.room(256)
    fd = _open(guest, b"/f", abi.O_PATH)
    link = _open(guest, b"/l", abi.O_PATH | abi.O_NOFOLLOW)
    directory = _open(guest, b"/", abi.O_PATH)
    assert stat.S_ISLNK(_stat(guest, link).st_mode)
    assert guest.get(at, guest.ok("readlinkat", link, b"", at, 100)) == b"nowhere"
    assert guest.ok("openat", directory, b"f", abi.O_RDONLY, 0) > 0
    attempts: list[tuple[str, tuple[int | bytes, ...]]] = [
        ("read", (fd, at, 1)),
        ("write", (fd, at, 1)),
        ("lseek", (fd, 0, 0)),
        ("getdents64", (directory, at, 256)),
        ("ftruncate", (fd, 0)),
        ("fchmod", (fd, 0o600)),
        ("fchown", (fd, 0, 0)),
        ("fsync", (directory,)),
        ("ioctl", (fd, FIONREAD, at)),
        ("flock", (fd, abi.LOCK_SH)),
        ("fsetxattr", (fd, b"user.x", at, 1, 0)),
        ("fcntl", (fd, abi.F_SETFL, 0)),
        ("fcntl", (fd, abi.F_GETLK, at)),
        ("utimensat", (fd, 0, 0, 0)),
    ]
    for name, words in attempts:
        assert guest.error(name, *words) is Errno.EBADF, (name, words)
    assert guest.ok("fcntl", fd, abi.F_GETFL, 0) == abi.O_PATH
    guest.ok("fchdir", directory)


def test_an_unnamed_file_gets_a_name(guest: Machine, tmp_path: Path) -> None:
    fd = _open(guest, b"/", abi.O_TMPFILE | abi.O_RDWR, 0o600)
    guest.write(fd, b"content")
    assert list(tmp_path.iterdir()) == []
    guest.ok("linkat", fd, b"", AT, b"/named", abi.AT_EMPTY_PATH)
    assert (tmp_path / "named").read_bytes() == b"content"
    assert guest.error("openat", AT, b"/", abi.O_TMPFILE, 0o600) is Errno.EINVAL
    assert guest.error("openat", AT, b"/named", abi.O_TMPFILE | abi.O_RDWR, 0) is Errno.ENOTDIR


def test_an_open_file_outlives_its_name(guest: Machine, tmp_path: Path) -> None:
    fd = _open(guest, b"/f")
    guest.write(fd, b"old")
    guest.ok("renameat", AT, b"/f", AT, b"/g")
    (tmp_path / "f").write_text("another")
    guest.ok("fchmod", fd, 0o600)
    guest.ok(
        "utimensat", fd, 0, guest.put(b"".join(n.to_bytes(8, "little") for n in (1, 0, 2, 0))), 0
    )
    assert stat.S_IMODE((tmp_path / "g").stat().st_mode) == 0o600
    assert (tmp_path / "g").stat().st_mtime == 2
    guest.ok("unlinkat", AT, b"/g", 0)
    guest.ok("fchmod", fd, 0o640)
    guest.ok("fsetxattr", fd, b"user.x", guest.put(b"v"), 1, 0)
    found = _stat(guest, fd)
    assert (found.st_nlink, stat.S_IMODE(found.st_mode)) == (0, 0o640)
    assert guest.process.files.get(fd).describe() == b"/f (deleted)"
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) != 0o640


# Attributes


def test_stat_and_statx_agree_with_the_host(guest: Machine, tmp_path: Path) -> None:
    fd = _open(guest, b"/f")
    guest.write(fd, b"12345")
    os.utime(tmp_path / "f", ns=(1_500_000_000_123_456_789, -1_500_000_000))
    real, found = (tmp_path / "f").stat(), _stat(guest, fd)
    assert (found.st_ino, found.st_mode, found.st_size) == (real.st_ino, real.st_mode, 5)
    assert found.st_atim.ns == real.st_atime_ns
    assert (found.st_mtim.tv_sec, found.st_mtim.tv_nsec) == (-2, 500_000_000)
    at = guest.room(Statx.size)
    guest.ok("statx", AT, b"/f", 0, 0x7FF, at)
    more = Statx.unpack(guest.get(at, Statx.size))
    assert (more.stx_ino, more.stx_mode, more.stx_size) == (real.st_ino, real.st_mode, 5)
    assert more.stx_dev_minor == found.st_dev
    assert guest.error("statx", AT, b"/f", 1 << 30, 0x7FF, at) is Errno.EINVAL
    assert guest.error("statx", AT, b"/none", 0, 0x7FF, at) is Errno.ENOENT


def test_times_can_be_set_kept_and_now(guest: Machine, tmp_path: Path) -> None:
    _open(guest, b"/f")
    keep, now = 0x3FFFFFFE, 0x3FFFFFFF

    def times(*numbers: int) -> int:
        return guest.put(b"".join(number.to_bytes(8, "little") for number in numbers))

    guest.ok("utimensat", AT, b"/f", times(10, 5, 20, 7), 0)
    guest.ok("utimensat", AT, b"/f", times(0, keep, 30, 0), 0)
    found = (tmp_path / "f").stat()
    assert (found.st_atime_ns, found.st_mtime_ns) == (10_000_000_005, 30_000_000_000)
    guest.ok("utimensat", AT, b"/f", times(0, now, 0, keep), 0)
    assert (tmp_path / "f").stat().st_atime > 1e9
    assert guest.error("utimensat", AT, b"/f", times(0, 10**9, 0, 0), 0) is Errno.EINVAL
    assert guest.error("utimensat", AT, b"/none", times(0, keep, 0, keep), 0) is None
    (tmp_path / "l").symlink_to("f")
    guest.ok("utimensat", AT, b"/l", times(1, 0, 1, 0), abi.AT_SYMLINK_NOFOLLOW)
    assert (tmp_path / "l").lstat().st_mtime == 1
    assert (tmp_path / "f").stat().st_mtime == 30


def test_statfs_names_what_is_mounted(guest: Machine) -> None:
    at = guest.room(Statfs.size)
    guest.ok("statfs", b"/", at)
    found = Statfs.unpack(guest.get(at, Statfs.size))
    assert (found.f_type, found.f_namelen) == (0xEF53, 255)
    assert 0 < found.f_bfree <= found.f_blocks
    read_end = _pipe(guest)
    guest.ok("fstatfs", read_end, at)


def test_extended_attributes(guest: Machine) -> None:
    fd = _open(guest, b"/f")
    at = guest.room(64)
    guest.ok("setxattr", b"/f", b"user.a", guest.put(b"one"), 3, 1)
    assert guest.error("setxattr", b"/f", b"user.a", at, 1, 1) is Errno.EEXIST
    assert guest.error("setxattr", b"/f", b"user.b", at, 1, 2) is Errno.ENODATA
    assert guest.error("setxattr", b"/f", b"bad", at, 1, 0) is Errno.EOPNOTSUPP
    assert guest.ok("fgetxattr", fd, b"user.a", 0, 0) == 3
    assert guest.error("getxattr", b"/f", b"user.a", at, 2) is Errno.ERANGE
    assert guest.get(at, guest.ok("getxattr", b"/f", b"user.a", at, 64)) == b"one"
    names = guest.get(at, guest.ok("flistxattr", fd, at, 64))
    assert b"user.a" in names.split(b"\0")
    guest.ok("removexattr", b"/f", b"user.a")
    assert guest.error("getxattr", b"/f", b"user.a", at, 64) is Errno.ENODATA


# Directories


def _entries(guest: Machine, fd: int, size: int = 4096) -> list[tuple[bytes, int, int]]:
    """(name, d_off, d_type) of the next block."""
    at = guest.room(size)
    data = guest.get(at, guest.ok("getdents64", fd, at, size))
    found, place = [], 0
    while place < len(data):
        header = DirentHeader.unpack(data[place : place + DirentHeader.size])
        assert header.d_reclen % 8 == 0
        name = data[place + DirentHeader.size : place + header.d_reclen].split(b"\0")[0]
        found.append((name, header.d_off, header.d_type))
        place += header.d_reclen
    return found


def test_listing_in_small_pieces_gives_every_name_once(guest: Machine, tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"name-{number}").touch()
    fd = _open(guest, b"/", abi.O_DIRECTORY)
    found: list[bytes] = []
    while part := _entries(guest, fd, 100):
        found += [name for name, _offset, _kind in part]
    assert len(found) == len(set(found)) == 52
    assert guest.error("getdents64", fd, guest.room(8), 8) is None
    guest.ok("lseek", fd, 0, SEEK_SET)
    assert guest.error("getdents64", fd, guest.room(8), 8) is Errno.EINVAL


def test_cookies_return_to_their_place(guest: Machine, tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"n{number}").touch()
    fd = _open(guest, b"/", abi.O_DIRECTORY)
    everything = _entries(guest, fd)
    _name, offset, _kind = everything[4]
    guest.ok("lseek", fd, offset, SEEK_SET)
    assert _entries(guest, fd) == everything[5:]


def test_rewinding_looks_again(guest: Machine, tmp_path: Path) -> None:
    fd = _open(guest, b"/", abi.O_DIRECTORY)
    assert {name for name, *_ in _entries(guest, fd)} == {b".", b".."}
    (tmp_path / "new").mkdir()
    assert _entries(guest, fd) == []
    guest.ok("lseek", fd, 0, SEEK_SET)
    assert (b"new", 4) in {(name, kind) for name, _offset, kind in _entries(guest, fd)}


def test_removing_while_listing_misses_nothing(guest: Machine, tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"n{number}").touch()
    fd = _open(guest, b"/", abi.O_DIRECTORY)
    while part := _entries(guest, fd, 200):
        for name, _offset, _kind in part:
            if name not in (b".", b".."):
                guest.ok("unlinkat", AT, b"/" + name, 0)
    assert list(tmp_path.iterdir()) == []


def test_entry_types(guest: Machine, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "f").touch()
    (tmp_path / "l").symlink_to("x")
    os.mkfifo(tmp_path / "p")
    fd = _open(guest, b"/", abi.O_DIRECTORY)
    kinds = {name: kind for name, _offset, kind in _entries(guest, fd)}
    assert kinds == {b".": 4, b"..": 4, b"d": 4, b"f": 8, b"l": 10, b"p": 1}
    assert guest.error("read", fd, guest.room(8), 8) is Errno.EISDIR
    assert guest.error("getdents64", _open(guest, b"/f"), guest.room(64), 64) is Errno.ENOTDIR


def test_the_working_directory_follows_renames_and_knows_its_removal(
    guest: Machine, tmp_path: Path
) -> None:
    at = guest.room(100)
    guest.ok("mkdirat", AT, b"/a", 0o755)
    guest.ok("mkdirat", AT, b"/a/b", 0o755)
    guest.ok("chdir", b"/a/b")
    guest.ok("renameat", AT, b"/a", AT, b"/c")
    assert guest.get(at, guest.ok("getcwd", at, 100)) == b"/c/b\0"
    assert guest.error("getcwd", at, 4) is Errno.ERANGE
    guest.ok("unlinkat", AT, b"/c/b", abi.AT_REMOVEDIR)
    assert guest.error("getcwd", at, 100) is Errno.ENOENT
    assert guest.error("openat", AT, b"x", RW, 0o644) is Errno.ENOENT


# Names


def test_rename_rules(guest: Machine, tmp_path: Path) -> None:
    for name in ("d", "e", "e/full"):
        (tmp_path / name).mkdir()
    (tmp_path / "f").write_text("f")
    (tmp_path / "g").write_text("g")

    def rename(old: bytes, new: bytes, flags: int = 0) -> Errno | None:
        return guest.error("renameat2", AT, old, AT, new, flags)

    assert rename(b"/none", b"/x") is Errno.ENOENT
    assert rename(b"/d", b"/d/inside") is Errno.EINVAL
    assert rename(b"/d", b"/e") is Errno.ENOTEMPTY
    assert rename(b"/d", b"/f") is Errno.ENOTDIR
    assert rename(b"/f", b"/d") is Errno.EISDIR
    assert rename(b"/f", b"/g/") is Errno.ENOTDIR
    assert rename(b"/f", b"/x/") is Errno.ENOTDIR
    assert rename(b"/.", b"/x") is Errno.EBUSY
    assert rename(b"/d", b"/") is Errno.EBUSY
    assert rename(b"/f", b"/g", 1) is Errno.EEXIST
    assert rename(b"/f", b"/x", 2) is Errno.ENOENT
    assert rename(b"/f", b"/g", 3) is Errno.EINVAL
    assert rename(b"/f", b"/g", 8) is Errno.EINVAL
    assert rename(b"/f", b"/d", 2) is None
    assert (tmp_path / "d").read_text() == "f"
    assert rename(b"/f", b"/h/") is None
    assert rename(b"/h/", b"/f/") is None
    assert rename(b"/d", b"/g") is None
    assert (tmp_path / "g").read_text() == "f"


def test_link_and_unlink_rules(guest: Machine, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "f").touch()
    (tmp_path / "l").symlink_to("f")
    guest.ok("linkat", AT, b"/l", AT, b"/hard-link-to-link", 0)
    assert (tmp_path / "hard-link-to-link").is_symlink()
    guest.ok("linkat", AT, b"/l", AT, b"/hard", abi.AT_SYMLINK_FOLLOW)
    assert (tmp_path / "f").stat().st_nlink == 2
    assert guest.error("linkat", AT, b"/d", AT, b"/x", 0) is Errno.EPERM
    assert guest.error("linkat", AT, b"/f", AT, b"/l", 0) is Errno.EEXIST
    assert guest.error("unlinkat", AT, b"/d", 0) is Errno.EISDIR
    assert guest.error("unlinkat", AT, b"/f", abi.AT_REMOVEDIR) is Errno.ENOTDIR
    assert guest.error("unlinkat", AT, b"/f/", 0) is Errno.ENOTDIR
    assert guest.error("unlinkat", AT, b"/d/.", abi.AT_REMOVEDIR) is Errno.EINVAL
    assert guest.error("unlinkat", AT, b"/d/..", abi.AT_REMOVEDIR) is Errno.ENOTEMPTY
    assert guest.error("unlinkat", AT, b"/", abi.AT_REMOVEDIR) is Errno.EBUSY
    assert guest.error("unlinkat", AT, b"/f", 1) is Errno.EINVAL
    assert guest.error("mkdirat", AT, b"/l", 0o755) is Errno.EEXIST
    assert guest.error("mkdirat", AT, b"/x/", 0o755) is None
    assert guest.error("symlinkat", b"t", AT, b"/y/") is Errno.ENOENT
    assert guest.error("symlinkat", b"", AT, b"/y") is Errno.ENOENT
    at = guest.room(10)
    assert guest.error("readlinkat", AT, b"/f", at, 10) is Errno.EINVAL
    assert guest.error("readlinkat", AT, b"/l", at, 0) is Errno.EINVAL
    assert guest.ok("readlinkat", AT, b"/l", at, 10) == 1


# Descriptors


def test_descriptors_get_the_lowest_free_number(guest: Machine) -> None:
    first = [_open(guest, b"/f") for _ in range(5)]
    assert first == list(range(5))
    guest.ok("close", 3)
    guest.ok("close", 1)
    assert [_open(guest, b"/f") for _ in range(3)] == [1, 3, 5]
    assert guest.ok("fcntl", 0, abi.F_DUPFD, 40) == 40
    guest.ok("close", 0)
    assert guest.ok("dup", 1) == 0
    assert guest.ok("dup3", 1, 50, 0) == 50
    assert guest.error("dup3", 1, 1, 0) is Errno.EINVAL
    assert guest.error("dup3", 1, 1 << 30, 0) is Errno.EBADF
    assert guest.error("fcntl", 1, abi.F_DUPFD, 1 << 30) is Errno.EINVAL
    assert guest.error("close", 60) is Errno.EBADF


def test_the_descriptor_limit_is_kept(guest: Machine) -> None:
    guest.process.files.limit = 4
    fds = [_open(guest, b"/f") for _ in range(4)]
    before = len(os.listdir("/dev/fd"))
    assert guest.error("openat", AT, b"/f", abi.O_RDONLY, 0) is Errno.EMFILE
    assert guest.error("dup", 0) is Errno.EMFILE
    guest.ok("close", fds[0])
    assert guest.error("pipe2", guest.room(8), 0) is Errno.EMFILE
    assert _open(guest, b"/f") == 0
    assert len(os.listdir("/dev/fd")) == before


def test_close_on_exec_is_per_descriptor(guest: Machine) -> None:
    fd = _open(guest, b"/f", RW | abi.O_CLOEXEC)
    copy = guest.ok("dup", fd)
    assert guest.ok("fcntl", fd, abi.F_GETFD, 0) == 1
    assert guest.ok("fcntl", copy, abi.F_GETFD, 0) == 0
    assert guest.ok("fcntl", guest.ok("fcntl", fd, abi.F_DUPFD_CLOEXEC, 0), abi.F_GETFD, 0) == 1
    guest.ok("ioctl", copy, FIOCLEX, 0)
    assert guest.ok("fcntl", copy, abi.F_GETFD, 0) == 1
    guest.ok("ioctl", copy, FIONCLEX, 0)
    guest.process.files.close_on_exec()
    assert guest.error("fcntl", fd, abi.F_GETFD, 0) is Errno.EBADF
    assert guest.error("fcntl", copy, abi.F_GETFD, 0) is None


def test_close_range_closes_or_marks(guest: Machine) -> None:
    for _ in range(8):
        _open(guest, b"/f")
    guest.ok("close_range", 5, 0xFFFFFFFF, 4)
    assert [guest.ok("fcntl", fd, abi.F_GETFD, 0) for fd in range(8)] == [0] * 5 + [1] * 3
    guest.ok("close_range", 2, 6, 0)
    assert list(guest.process.files) == [0, 1, 7]
    assert guest.error("close_range", 3, 2, 0) is Errno.EINVAL
    assert guest.error("close_range", 0, 1, 1) is Errno.EINVAL


def test_status_flags(guest: Machine) -> None:
    fd = _open(
        guest, b"/f", abi.O_WRONLY | abi.O_CREAT | abi.O_APPEND | abi.O_CLOEXEC | abi.O_TRUNC
    )
    large = abi.O_LARGEFILE
    assert guest.ok("fcntl", fd, abi.F_GETFL, 0) == abi.O_WRONLY | abi.O_APPEND | large
    # Access mode and creation flags cannot be changed.
    guest.ok("fcntl", fd, abi.F_SETFL, abi.O_RDWR | abi.O_NONBLOCK | abi.O_CREAT)
    assert guest.ok("fcntl", fd, abi.F_GETFL, 0) == abi.O_WRONLY | abi.O_NONBLOCK | large
    guest.ok("ioctl", fd, FIONBIO, guest.put(bytes(4)))
    assert guest.ok("fcntl", fd, abi.F_GETFL, 0) == abi.O_WRONLY | large
    assert guest.error("fcntl", fd, 9999, 0) is Errno.EINVAL
    guest.ok("fcntl", fd, abi.F_SETOWN, 1234)
    assert guest.ok("fcntl", fd, abi.F_GETOWN, 0) == 1234
    assert guest.error("ioctl", fd, 0x5401, 0) is Errno.ENOTTY


def test_copies_between_files(guest: Machine) -> None:
    source, to = _open(guest, b"/f"), _open(guest, b"/g")
    guest.write(source, b"0123456789")
    at = guest.put((2).to_bytes(8, "little"))
    assert guest.ok("sendfile", to, source, at, 4) == 4
    assert int.from_bytes(guest.get(at, 8), "little") == 6
    assert guest.ok("lseek", source, 0, SEEK_CUR) == 10
    into = guest.put((1).to_bytes(8, "little"))
    assert guest.ok("copy_file_range", source, at, to, into, 100, 0) == 4
    assert _content(guest, to) == b"26789"
    guest.ok("lseek", source, 0, SEEK_SET)
    assert guest.ok("sendfile", to, source, 0, 3) == 3
    assert guest.error("copy_file_range", source, 0, to, 0, 1, 1) is Errno.EINVAL
    directory = _open(guest, b"/", abi.O_DIRECTORY)
    assert guest.error("copy_file_range", directory, 0, to, 0, 1, 0) is Errno.EISDIR
    appending = _open(guest, b"/g", abi.O_WRONLY | abi.O_APPEND)
    assert guest.error("sendfile", appending, source, 0, 1) is Errno.EINVAL
    assert guest.error("copy_file_range", source, 0, appending, 0, 1, 0) is Errno.EBADF


def test_syncing(guest: Machine) -> None:
    fd = _open(guest, b"/f")
    directory = _open(guest, b"/", abi.O_DIRECTORY)
    for name in ("fsync", "fdatasync", "syncfs"):
        assert guest.error(name, fd) is None
        assert guest.error(name, directory) is None
        assert guest.error(name, 99) is Errno.EBADF
    assert guest.error("sync_file_range", fd, 0, 0, 7) is None
    assert guest.error("fadvise64", fd, 0, 0, 3) is None
    assert guest.error("fadvise64", fd, 0, 0, 9) is Errno.EINVAL
    read_end = _pipe(guest)
    assert guest.error("fsync", read_end) is Errno.EINVAL
    assert guest.error("fadvise64", read_end, 0, 0, 3) is Errno.ESPIPE
