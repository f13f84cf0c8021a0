"""Host directories as filesystems: the shared suite, and that nothing leads out of the tree."""

import contextlib
import os
import stat
import sys
from pathlib import Path

import pytest

from elfuse import host
from elfuse.runtime.fs.host import HostFilesystem, HostInode
from tests.suites.filesystem import FilesystemSuite, fails, get, make, make_directory


class TestHostFilesystem(FilesystemSuite):
    @pytest.fixture
    def fs(self, tmp_path: Path) -> HostFilesystem:
        return HostFilesystem(str(tmp_path))


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    made = tmp_path / "inside"
    made.mkdir()
    return made


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    made = tmp_path / "outside"
    made.mkdir()
    (made / "secret").write_text("secret")
    (made / "secret").chmod(0o600)
    return made


@pytest.fixture
def fs(inside: Path) -> HostFilesystem:
    return HostFilesystem(str(inside))


def test_a_name_that_became_a_link_is_never_followed(
    fs: HostFilesystem, inside: Path, outside: Path
) -> None:
    """The host replaces the name between lookup and use."""
    file = make(fs.root(), b"name", b"mine")
    (inside / "name").unlink()
    (inside / "name").symlink_to(outside / "secret")
    before = (outside / "secret").stat()
    for attempt in (
        lambda: file.open(os.O_RDONLY),
        lambda: file.open(os.O_RDWR),
        lambda: file.setattr(mode=0o666),
        lambda: file.setattr(size=0),
        lambda: file.setxattr(b"user.x", b"v", 0),
        lambda: file.getxattr(b"user.x"),
    ):
        with pytest.raises(OSError, match=r"Errno"):
            attempt()
    file.setattr(atime_ns=1, mtime_ns=1)
    with contextlib.suppress(OSError):
        file.setattr(uid=os.geteuid(), gid=os.getegid())
    after = (outside / "secret").stat()
    assert (after.st_mode, after.st_size, after.st_mtime_ns) == (
        before.st_mode,
        before.st_size,
        before.st_mtime_ns,
    )
    assert host.list_xattrs(os.fsencode(outside / "secret"), follow=True) == []


def test_a_directory_that_became_a_link_is_not_entered(
    fs: HostFilesystem, inside: Path, outside: Path
) -> None:
    directory = make_directory(fs.root(), b"d")
    make(directory, b"x")
    (inside / "d").rename(inside / "elsewhere")
    (inside / "d").symlink_to(outside)
    # The inode goes on being the directory it was; the name is a link now.
    assert [entry.name for entry in directory.entries()] == [b"x"]
    assert directory.path() == b"/elsewhere"
    assert fs.root().lookup(b"d").type_bits == stat.S_IFLNK
    with pytest.raises(NotADirectoryError):
        fs.root().lookup(b"d").lookup(b"secret")


def test_dot_dot_of_a_directory_moved_out_does_not_lead_out(
    fs: HostFilesystem, inside: Path, outside: Path
) -> None:
    directory = make_directory(make_directory(fs.root(), b"a"), b"b")
    (inside / "a" / "b").rename(outside / "b")
    with pytest.raises(FileNotFoundError):
        directory.parent()
    with pytest.raises(FileNotFoundError):
        directory.path()


def test_the_tree_can_be_moved_while_it_is_used(fs: HostFilesystem, inside: Path) -> None:
    directory = make_directory(make_directory(fs.root(), b"a"), b"b")
    inside.rename(inside.parent / "moved")
    assert directory.path() == b"/a/b"
    assert directory.parent().path() == b"/a"
    make(directory, b"new")
    assert (inside.parent / "moved" / "a" / "b" / "new").exists()


def test_changes_of_the_host_show_at_once(fs: HostFilesystem, inside: Path) -> None:
    (inside / "d").mkdir()
    first = fs.root().lookup(b"d")
    (inside / "d" / "x").write_text("1")
    assert get(first.lookup(b"x")) == b"1"
    (inside / "d").rename(inside / "old")
    (inside / "d").mkdir()
    second = fs.root().lookup(b"d")
    assert second.ino != first.ino
    assert list(second.entries()) == []
    assert fs.root().lookup(b"old").ino == first.ino


def test_many_directories_do_not_use_up_descriptors(fs: HostFilesystem, inside: Path) -> None:
    for number in range(300):
        (inside / str(number)).mkdir()
    before = len(os.listdir("/dev/fd"))
    for number in range(300):
        fs.root().lookup(b"%d" % number)
    assert len(os.listdir("/dev/fd")) - before <= 129


def test_an_open_file_is_itself_after_its_name_went_to_another(
    fs: HostFilesystem, inside: Path
) -> None:
    inode = make(fs.root(), b"name", b"old")
    assert isinstance(inode, HostInode)
    fd = inode.open(os.O_RDWR)
    opened = inode.bound(fd)
    (inside / "name").rename(inside / "kept")
    (inside / "name").write_text("new")
    opened.setattr(size=2)
    opened.setattr(mode=0o600, mtime_ns=10**18)
    assert stat.S_IMODE((inside / "kept").stat().st_mode) == 0o600
    assert (inside / "kept").stat().st_mtime_ns == 10**18
    assert (inside / "kept").read_text() == "ol"
    assert stat.S_IMODE((inside / "name").stat().st_mode) != 0o600
    again = opened.open(os.O_RDONLY)
    assert os.read(again, 10) == b"ol"
    os.close(again)
    opened.unbind()
    os.close(fd)


def test_a_new_file_is_writable_whatever_its_mode(fs: HostFilesystem, inside: Path) -> None:
    inode = fs.root().create(b"object", 0o444, os.geteuid(), os.getegid())
    fd = inode.open(os.O_WRONLY | os.O_APPEND)
    os.write(fd, b"data")
    os.lseek(fd, 0, os.SEEK_SET)
    os.write(fd, b"more")
    os.close(fd)
    assert (inside / "object").read_text() == "datamore"
    assert stat.S_IMODE((inside / "object").stat().st_mode) == 0o444


def test_modes_do_not_depend_on_the_hosts_umask(fs: HostFilesystem, inside: Path) -> None:
    before = os.umask(0o077)
    try:
        uid, gid = os.geteuid(), os.getegid()
        fs.root().create(b"f", 0o666, uid, gid)
        fs.root().mkdir(b"d", 0o1777, uid, gid)
        fs.root().mknod(b"p", stat.S_IFIFO | 0o622, uid, gid)
        fs.root().create(b"s", 0o4755, uid, gid)
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE((inside / name).stat().st_mode) for name in "fdps"}
    assert modes == {"f": 0o666, "d": 0o1777, "p": 0o622, "s": 0o4755}


def test_fakeroot_shows_own_files_as_roots_and_accepts_owners(inside: Path) -> None:
    fs = HostFilesystem(str(inside), fakeroot=True)
    inode = fs.root().create(b"f", 0o644, 0, 0)
    inode.setattr(uid=33, gid=33)
    assert (inode.stat().uid, inode.stat().gid) == (0, 0)
    assert (inside / "f").stat().st_uid == os.geteuid()


def test_a_single_file_is_a_root(inside: Path) -> None:
    (inside / "hosts").write_text("text")
    fs = HostFilesystem(str(inside / "hosts"))
    assert fs.root().type_bits == stat.S_IFREG
    assert get(fs.root()) == b"text"
    with pytest.raises(NotADirectoryError):
        fs.root().lookup(b"x")


def test_attributes_of_a_link_are_its_own(fs: HostFilesystem, inside: Path, outside: Path) -> None:
    link = fs.root().symlink(b"l", os.fsencode(outside / "secret"), os.geteuid(), os.getegid())
    link.setattr(mtime_ns=10**18)
    assert (inside / "l").lstat().st_mtime_ns == 10**18
    assert (outside / "secret").stat().st_mtime_ns != 10**18
    with pytest.raises(OSError, match=r"Errno"):
        link.setxattr(b"user.x", b"v", 0)
    assert host.list_xattrs(os.fsencode(outside / "secret"), follow=True) == []
    with fails(95):
        link.setattr(mode=0o777)


def test_writers_of_a_file_count_if_they_are_among_the_processes(tmp_path: Path) -> None:
    path = tmp_path / "program"
    on_linux = sys.platform == "linux"
    with path.open("wb"), path.open("rb") as read:
        assert host.open_for_writing(read.fileno(), [1 << 30, os.getpid()]) == on_linux
        assert not host.open_for_writing(read.fileno(), [])
    with path.open("rb") as one, path.open("rb"):
        assert not host.open_for_writing(one.fileno(), [os.getpid()])
