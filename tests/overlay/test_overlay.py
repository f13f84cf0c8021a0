"""An overlay on a tree: copy-up, whiteouts, hard links, and that the store never changes."""

import errno  # noqa: TID251 - the overlay raises the host's numbers
import gc
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from elfuse.overlay.layers import Layers
from elfuse.overlay.overlay import Overlay
from elfuse.runtime.vfs.filesystem import Filesystem, Inode
from tests.overlay.build import BASE, MTIME, overlay
from tests.suites.filesystem import EXCHANGE, fails, get, make, make_directory, names, put


@pytest.fixture
def fs(tmp_path: Path) -> Iterator[Overlay]:
    with overlay(tmp_path) as made:
        yield made
    assert Layers(tmp_path / "store").verify() == []


def walk(fs: Overlay, path: bytes) -> Inode:
    inode: Inode = fs.root()
    for name in path.split(b"/"):
        inode = inode.lookup(name)
    return inode


def test_it_has_the_shape_the_runtime_asks_for(fs: Overlay) -> None:
    found: Filesystem = fs
    assert (found.type_name, found.read_only, found.statfs().magic) == (
        "overlay",
        False,
        0x794C7630,
    )


def test_the_tree_shows_what_the_image_says(fs: Overlay) -> None:
    su = walk(fs, b"usr/bin/su")
    found = su.stat()
    assert (found.mode, found.nlink, found.size) == (stat.S_IFREG | 0o4755, 2, 4)
    assert found.atime_ns == found.mtime_ns == found.ctime_ns == MTIME
    assert walk(fs, b"usr/bin/sg").ino == su.ino
    assert walk(fs, b"bin").readlink() == b"usr/bin"
    null = walk(fs, b"null").stat()
    assert (null.rdev_major, null.rdev_minor, null.mode) == (1, 3, stat.S_IFCHR | 0o666)
    assert walk(fs, b"etc/passwd").getxattr(b"user.a") == b"1"
    assert get(walk(fs, b"etc/hostname")) == b"box\n"


def test_reading_leaves_the_upper_empty(fs: Overlay, tmp_path: Path) -> None:
    get(walk(fs, b"etc/hostname"))
    walk(fs, b"usr/share").entries()
    assert list((tmp_path / "upper" / "data").iterdir()) == []
    assert len(fs.state) == 0


def test_the_first_open_for_writing_copies_and_keeps_everything_but_the_content(
    fs: Overlay,
) -> None:
    inode = walk(fs, b"etc/passwd")
    before = inode.stat()
    os.close(inode.open(os.O_WRONLY))
    after = inode.stat()
    assert (after.ino, after.mode, after.nlink) == (before.ino, before.mode, before.nlink)
    assert (after.mtime_ns, after.size) == (before.mtime_ns, before.size)
    put(inode, b"toor")
    assert get(inode) == b"toor:x:0:0\n"
    assert inode.getxattr(b"user.a") == b"1"
    assert inode.stat().mtime_ns > MTIME


def test_hard_links_of_the_tree_stay_one_file_after_copy_up(fs: Overlay) -> None:
    su, sg = walk(fs, b"usr/bin/su"), walk(fs, b"usr/bin/sg")
    put(su, b"!")
    assert get(sg) == b"!ELF"
    walk(fs, b"usr/bin").unlink(b"su")
    assert (sg.stat().nlink, sg.stat().ino) == (1, su.ino)
    assert get(sg) == b"!ELF"


def test_a_descriptor_opened_before_copy_up_reads_the_old_content(fs: Overlay) -> None:
    inode = walk(fs, b"etc/hostname")
    fd = inode.open(os.O_RDONLY)
    put(inode, b"new name")
    assert os.read(fd, 99) == b"box\n"
    assert inode.stat(fd).size == 8
    os.close(fd)


@pytest.mark.parametrize("size", [0, 7, 100, 150])
def test_truncation_of_a_file_of_the_tree(fs: Overlay, size: int) -> None:
    inode = walk(fs, b"data")
    inode.setattr(size=size)
    assert get(inode) == (b"0123456789" * 10 + bytes(50))[:size]
    assert inode.stat().mtime_ns > MTIME


def test_metadata_changes_do_not_copy_content(fs: Overlay, tmp_path: Path) -> None:
    inode = walk(fs, b"etc/hostname")
    inode.setattr(mode=0o4711, uid=12, gid=13, mtime_ns=5)
    inode.setxattr(b"security.capability", b"\1", 0)
    found = inode.stat()
    assert (found.mode, found.uid, found.gid) == (stat.S_IFREG | 0o4711, 12, 13)
    assert (found.mtime_ns, found.atime_ns, found.size) == (5, MTIME, 4)
    assert list((tmp_path / "upper" / "data").iterdir()) == []
    os.close(inode.open(os.O_RDWR))
    assert (inode.stat().mtime_ns, inode.stat().uid) == (5, 12)


def test_owners_modes_and_devices_need_no_privilege(fs: Overlay, tmp_path: Path) -> None:
    inode = fs.root().create(b"f", 0o6755, 1000, 2000)
    put(inode, b"x")
    assert (inode.stat().mode, inode.stat().uid) == (stat.S_IFREG | 0o6755, 1000)
    host = os.stat(tmp_path / "upper" / "data" / f"{inode.ino:x}")
    assert (stat.S_IMODE(host.st_mode), host.st_uid) == (0o600, os.geteuid())
    device = fs.root().mknod(b"dev", stat.S_IFBLK | 0o660, 0, 6, 8, 1).stat()
    assert (device.rdev_major, device.rdev_minor) == (8, 1)
    with fails(errno.EPERM):
        fs.root().lookup(b"bin").setxattr(b"user.x", b"", 0)


def test_whiteouts_over_whiteouts(fs: Overlay) -> None:
    etc = walk(fs, b"etc")
    for _ in range(3):
        etc.unlink(b"hostname")
        with fails(errno.ENOENT):
            etc.lookup(b"hostname")
        assert names(etc) == [b"passwd"]
        assert get(make(etc, b"hostname", b"again")) == b"again"
    assert names(etc) == [b"hostname", b"passwd"]


def test_a_directory_in_the_place_of_a_removed_one_is_opaque(fs: Overlay) -> None:
    share = walk(fs, b"usr/share")
    share.lookup(b"doc").unlink(b"readme")
    share.rmdir(b"doc")
    assert names(make_directory(share, b"doc")) == []
    share.rename(b"doc", share, b"doc2", 0)
    with fails(errno.ENOENT):
        share.lookup(b"doc")


def test_a_directory_of_the_tree_moves_with_all_below_and_keeps_its_number(fs: Overlay) -> None:
    share, readme = walk(fs, b"usr/share"), walk(fs, b"usr/share/doc/readme")
    number = walk(fs, b"usr/share/doc").ino
    share.rename(b"doc", fs.root(), b"moved", 0)
    assert walk(fs, b"moved").ino == number
    assert walk(fs, b"moved/readme").ino == readme.ino
    assert walk(fs, b"moved").path() == b"/moved"
    assert walk(fs, b"moved").parent().ino == fs.root().ino
    assert names(share) == []
    assert (fs.root().stat().nlink, share.stat().nlink) == (6, 2)


def test_exchange_of_a_tree_directory_with_a_new_file(fs: Overlay) -> None:
    make(fs.root(), b"new", b"x")
    fs.root().rename(b"new", fs.root(), b"etc", EXCHANGE)
    assert get(walk(fs, b"etc")) == b"x"
    assert names(walk(fs, b"new")) == [b"hostname", b"passwd"]


def test_a_merged_listing_does_not_change_while_it_is_used(fs: Overlay) -> None:
    etc = walk(fs, b"etc")
    found = etc.entries()
    make(etc, b"aaa")
    etc.unlink(b"passwd")
    assert [entry.name for entry in found] == [b"hostname", b"passwd"]
    assert names(etc) == [b"aaa", b"hostname"]


def test_a_removed_file_of_the_tree_keeps_its_metadata_for_its_holders(fs: Overlay) -> None:
    inode = walk(fs, b"etc/hostname")
    inode.setattr(mode=0o600)
    fd = inode.open(os.O_RDONLY)
    walk(fs, b"etc").unlink(b"hostname")
    assert (inode.stat(fd).nlink, inode.stat(fd).size) == (0, 4)
    inode.setattr(mode=0o640)
    assert inode.stat(fd).mode == stat.S_IFREG | 0o640
    assert get(inode) == b"box\n"
    with fails(errno.ENOENT):
        fs.root().link(b"back", inode)
    os.close(fd)


def test_removed_inodes_cost_nothing_once_nobody_holds_them(fs: Overlay, tmp_path: Path) -> None:
    for number in range(50):
        put(make(fs.root(), b"t%d" % number), b"x")
        fs.root().unlink(b"t%d" % number)
    gc.collect()
    assert len(fs.state) == 1
    assert list((tmp_path / "upper" / "data").iterdir()) == []


def test_names_that_differ_in_case_or_are_no_utf_8(fs: Overlay, tmp_path: Path) -> None:
    for name in (b"A", b"a", b"\xe4", b"\xc4", b"con", b"a:b"):
        put(make(fs.root(), name), name)
    with overlay(tmp_path) as other:
        for name in (b"A", b"a", b"\xe4", b"\xc4", b"con", b"a:b"):
            assert get(other.root().lookup(name)) == name


def test_read_only_refuses_changes_and_reads(tmp_path: Path) -> None:
    with overlay(tmp_path, read_only=True) as fs:
        root, hostname = fs.root(), walk(fs, b"etc/hostname")
        assert get(hostname) == b"box\n"
        for change in (
            lambda: hostname.open(os.O_WRONLY),
            lambda: hostname.setattr(mode=0),
            lambda: hostname.setattr(size=0),
            lambda: hostname.setxattr(b"user.a", b"", 0),
            lambda: make(root, b"f"),
            lambda: make_directory(root, b"f"),
            lambda: root.rename(b"etc", root, b"x", 0),
            lambda: root.unlink(b"data"),
            lambda: root.rmdir(b"empty"),
            lambda: root.link(b"l", hostname),
            lambda: root.tmpfile(0o600, 0, 0),
            hostname.host_path,
        ):
            with fails(errno.EROFS):
                change()
        assert len(fs.state) == 0


def test_inodes_of_another_filesystem_are_refused(fs: Overlay, tmp_path: Path) -> None:
    with Overlay(None, tmp_path, tmp_path / "tmpfs") as other:
        with fails(errno.EXDEV):
            other.root().link(b"l", walk(fs, b"data"))
        with fails(errno.EXDEV):
            fs.root().rename(b"data", other.root(), b"data", 0)


def test_an_upper_goes_with_one_tree(tmp_path: Path) -> None:
    overlay(tmp_path).close()
    with fails(errno.ESTALE):
        overlay(tmp_path, BASE, [("file", b"more")])


def test_an_empty_overlay_starts_now(tmp_path: Path) -> None:
    with Overlay(None, tmp_path, tmp_path / "u", type_name="tmpfs", magic=0x01021994) as fs:
        found = fs.root().stat()
        assert found.mtime_ns > MTIME
        assert (found.nlink, fs.type_name, fs.statfs().magic) == (2, "tmpfs", 0x01021994)


def test_an_unnamed_file_that_nobody_linked_is_gone_at_the_next_start(tmp_path: Path) -> None:
    with overlay(tmp_path) as fs:
        lost = fs.root().tmpfile(0o600, 0, 0)
        put(lost, b"temporary")
        kept = fs.root().tmpfile(0o600, 0, 0)
        put(kept, b"kept")
        fs.root().link(b"kept", kept)
        assert len(list((tmp_path / "upper" / "data").iterdir())) == 2
    with overlay(tmp_path) as fs:
        assert get(walk(fs, b"kept")) == b"kept"
        assert len(list((tmp_path / "upper" / "data").iterdir())) == 1


def test_unnamed_files_do_not_pile_up(fs: Overlay, tmp_path: Path) -> None:
    keep = fs.root().tmpfile(0o600, 0, 0)
    for _ in range(20):
        inode = fs.root().tmpfile(0o600, 0, 0)
        fd = inode.open(os.O_RDWR)
        os.write(fd, b"x")
        del inode
        gc.collect()
        os.close(fd)
    assert len(list((tmp_path / "upper" / "data").iterdir())) <= 2
    fs.root().link(b"kept", keep)
    assert fs.root().lookup(b"kept").stat().nlink == 1


def test_an_unnamed_file_that_a_fork_took_along_stays(fs: Overlay) -> None:
    inode = fs.root().tmpfile(0o600, 0, 0)
    put(inode, b"x")
    read, write = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.read(read, 1)
            fs.root().link(b"f", inode)
            code = 0
        finally:
            os._exit(code)
    del inode
    gc.collect()
    fs.root().tmpfile(0o600, 0, 0)
    os.write(write, b"x")
    assert os.waitpid(child, 0)[1] == 0
    assert get(fs.root().lookup(b"f")) == b"x"
    os.close(read)
    os.close(write)


def test_a_file_that_was_never_opened_is_empty(fs: Overlay, tmp_path: Path) -> None:
    inode = make(fs.root(), b"f")
    assert list((tmp_path / "upper" / "data").iterdir()) == []
    inode.setattr(mtime_ns=7, atime_ns=8)
    assert (inode.stat().size, inode.stat().mtime_ns, inode.stat().atime_ns) == (0, 7, 8)
    assert os.path.exists(inode.host_path())
