"""What every `vfs.filesystem.Filesystem` that keeps files must do. Subclass and provide `fs`.

    class TestMine(FilesystemSuite):
        @pytest.fixture
        def fs(self, tmp_path): return Mine(tmp_path)

Errors are the host's, as the protocol says. Nothing here needs root.
"""

import contextlib
import errno  # noqa: TID251 - filesystems raise the host's numbers
import os
import stat
from collections.abc import Iterator

import pytest

from elfuse.runtime.vfs.filesystem import Filesystem, Inode

NOREPLACE, EXCHANGE = 1, 2
UID, GID = os.geteuid(), os.getegid()


@contextlib.contextmanager
def fails(*numbers: int) -> Iterator[None]:
    """The block raises OSError with one of these numbers."""
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the number is checked below
        yield
    assert caught.value.errno in numbers, errno.errorcode.get(caught.value.errno or 0)


def make(at: Inode, name: bytes, data: bytes = b"") -> Inode:
    """A regular file."""
    inode = at.create(name, 0o644, UID, GID)
    if data:
        put(inode, data)
    return inode


def make_directory(at: Inode, name: bytes) -> Inode:
    return at.mkdir(name, 0o755, UID, GID)


def put(inode: Inode, data: bytes, flags: int = os.O_WRONLY) -> None:
    fd = inode.open(flags)
    try:
        assert os.write(fd, data) == len(data)
    finally:
        os.close(fd)


def get(inode: Inode) -> bytes:
    fd = inode.open(os.O_RDONLY)
    try:
        return os.read(fd, 1 << 20)
    finally:
        os.close(fd)


def names(at: Inode) -> list[bytes]:
    return sorted(entry.name for entry in at.entries())


class FilesystemSuite:
    """Every test starts in the empty directory `at`."""

    @pytest.fixture
    def fs(self) -> Filesystem:
        raise NotImplementedError

    @pytest.fixture
    def at(self, fs: Filesystem) -> Inode:
        return make_directory(fs.root(), b"suite")

    # Files

    def test_a_new_file_is_empty_and_has_the_mode_it_was_given(self, at: Inode) -> None:
        inode = at.create(b"f", 0o640, UID, GID)
        found = inode.stat()
        assert (found.mode, found.size, found.nlink) == (stat.S_IFREG | 0o640, 0, 1)
        assert (found.uid, found.gid, found.ino) == (UID, GID, inode.ino)
        assert inode.type_bits == stat.S_IFREG
        assert get(inode) == b""

    def test_create_is_exclusive(self, at: Inode) -> None:
        make(at, b"f")
        for again in (at.create, at.mkdir):
            with fails(errno.EEXIST):
                again(b"f", 0o600, UID, GID)
        with fails(errno.EEXIST):
            at.symlink(b"f", b"t", UID, GID)

    def test_what_is_written_is_read_through_another_descriptor(self, at: Inode) -> None:
        inode = make(at, b"f", b"hello")
        assert get(inode) == get(at.lookup(b"f")) == b"hello"
        assert inode.stat().size == 5
        put(inode, b"!", os.O_WRONLY | os.O_APPEND)
        assert get(inode) == b"hello!"

    def test_descriptors_are_close_on_exec(self, at: Inode) -> None:
        fd = make(at, b"f").open(os.O_RDWR)
        assert not os.get_inheritable(fd)
        os.close(fd)

    def test_stat_of_a_descriptor_shows_its_size(self, at: Inode) -> None:
        inode = make(at, b"f")
        fd = inode.open(os.O_WRONLY)
        os.write(fd, b"12345")
        assert inode.stat(fd).size == inode.stat().size == 5
        os.close(fd)

    def test_truncation_shrinks_and_extends_with_zeros(self, at: Inode) -> None:
        inode = make(at, b"f", b"hello")
        inode.setattr(size=2)
        assert get(inode) == b"he"
        inode.setattr(size=4)
        assert get(inode) == b"he\0\0"

    def test_an_unlinked_file_stays_usable_through_descriptors(self, at: Inode) -> None:
        inode = make(at, b"f", b"hello")
        fd = inode.open(os.O_RDWR)
        at.unlink(b"f")
        assert names(at) == []
        os.write(fd, b"J")
        assert os.pread(fd, 9, 0) == b"Jello"
        found = inode.stat(fd)
        assert (found.nlink, found.size) == (0, 5)
        os.close(fd)

    def test_a_name_can_be_used_again(self, at: Inode) -> None:
        old = make(at, b"f", b"old")
        at.unlink(b"f")
        new = make(at, b"f", b"n")
        assert get(new) == b"n"
        assert at.lookup(b"f").ino == new.ino
        del old

    # Names

    def test_missing_names_and_files_in_between_are_told_apart(self, at: Inode) -> None:
        make(at, b"f")
        with fails(errno.ENOENT):
            at.lookup(b"missing")
        with fails(errno.ENOTDIR):
            at.lookup(b"f").lookup(b"x")
        with fails(errno.ENOENT):
            at.unlink(b"missing")
        with fails(errno.ENOENT):
            at.rmdir(b"missing")

    @pytest.mark.parametrize(
        "name", [b"\xff\xfe", b"a\nb", b"caf\xc3\xa9", b"...", b".wh.x", b"x" * 255]
    )
    def test_names_are_bytes(self, at: Inode, name: bytes) -> None:
        made = make(at, name, b"x")
        assert names(at) == [name]
        assert at.lookup(name).ino == made.ino

    def test_names_have_at_most_255_bytes(self, at: Inode) -> None:
        make(at, b"f")
        for use in (at.lookup, at.unlink, lambda name: make(at, name)):
            with fails(errno.ENAMETOOLONG):
                use(b"x" * 256)
        with fails(errno.ENAMETOOLONG):
            at.rename(b"f", at, b"x" * 256, 0)

    def test_entries_are_a_snapshot_with_numbers_and_types(self, at: Inode) -> None:
        made = {
            b"f": make(at, b"f"),
            b"d": make_directory(at, b"d"),
            b"l": at.symlink(b"l", b"f", UID, GID),
            b"p": at.mknod(b"p", stat.S_IFIFO | 0o600, UID, GID),
        }
        found = at.entries()
        at.unlink(b"f")
        assert {e.name: (e.ino, e.type) for e in found} == {
            name: (inode.ino, inode.type_bits) for name, inode in made.items()
        }
        assert names(at) == [b"d", b"l", b"p"]

    # Directories

    def test_directories_count_their_subdirectories(self, at: Inode) -> None:
        assert at.stat().nlink == 2
        below = make_directory(at, b"d")
        make(at, b"f")
        assert (at.stat().nlink, below.stat().nlink) == (3, 2)
        at.rmdir(b"d")
        assert at.stat().nlink == 2

    def test_parent_and_path_of_directories(self, fs: Filesystem, at: Inode) -> None:
        below = make_directory(make_directory(at, b"a"), b"b")
        assert below.path() == b"/suite/a/b"
        assert below.parent().ino == at.lookup(b"a").ino
        root = fs.root()
        assert root.parent().ino == root.ino
        assert root.path() == b"/"

    def test_paths_follow_renames_of_directories_above(self, at: Inode) -> None:
        below = make_directory(make_directory(at, b"a"), b"b")
        assert below.path() == b"/suite/a/b"
        at.rename(b"a", at, b"z", 0)
        assert below.path() == b"/suite/z/b"

    def test_a_removed_directory_has_no_path_and_takes_no_names(self, at: Inode) -> None:
        gone = make_directory(at, b"d")
        at.rmdir(b"d")
        with fails(errno.ENOENT):
            gone.path()
        with fails(errno.ENOENT):
            make(gone, b"f")
        assert list(gone.entries()) == []
        with fails(errno.ENOENT):
            gone.lookup(b"f")

    def test_only_empty_directories_are_removed(self, at: Inode) -> None:
        make(make_directory(at, b"d"), b"f")
        with fails(errno.ENOTEMPTY):
            at.rmdir(b"d")
        at.lookup(b"d").unlink(b"f")
        at.rmdir(b"d")
        assert names(at) == []

    def test_unlink_is_for_files_and_rmdir_for_directories(self, at: Inode) -> None:
        make(at, b"f")
        make_directory(at, b"d")
        with fails(errno.EISDIR, errno.EPERM):
            at.unlink(b"d")
        with fails(errno.ENOTDIR):
            at.rmdir(b"f")

    def test_changes_of_names_set_the_times_of_directories(self, at: Inode) -> None:
        at.setattr(mtime_ns=10**18)
        make(at, b"f")
        assert at.stat().mtime_ns > 10**18
        at.setattr(mtime_ns=10**18)
        at.unlink(b"f")
        assert at.stat().mtime_ns > 10**18

    # Links

    def test_a_symbolic_link_keeps_its_target(self, at: Inode) -> None:
        inode = at.symlink(b"l", b"../\xff/x", UID, GID)
        assert inode.readlink() == at.lookup(b"l").readlink() == b"../\xff/x"
        assert inode.stat().size == 6
        assert inode.type_bits == stat.S_IFLNK

    def test_readlink_is_for_links(self, at: Inode) -> None:
        with fails(errno.EINVAL):
            make(at, b"f").readlink()

    def test_hard_links_are_one_inode(self, at: Inode) -> None:
        first = make(at, b"a", b"1")
        make_directory(at, b"d").link(b"b", first)
        second = at.lookup(b"d").lookup(b"b")
        assert (second.ino, second.stat().nlink) == (first.ino, 2)
        put(second, b"2")
        assert get(first) == b"2"
        at.unlink(b"a")
        assert second.stat().nlink == 1
        assert get(second) == b"2"

    def test_hard_links_to_taken_names_and_directories_are_refused(self, at: Inode) -> None:
        first = make(at, b"a")
        make(at, b"b")
        with fails(errno.EEXIST):
            at.link(b"b", first)
        with fails(errno.EPERM):
            at.link(b"c", make_directory(at, b"d"))

    def test_an_unnamed_file_can_get_a_name(self, at: Inode) -> None:
        inode = at.tmpfile(0o600, UID, GID)
        fd = inode.open(os.O_RDWR)
        os.write(fd, b"data")
        assert names(at) == []
        assert inode.stat(fd).nlink == 0
        at.link(b"f", inode)
        assert get(at.lookup(b"f")) == b"data"
        assert at.lookup(b"f").stat().nlink == 1
        os.close(fd)

    # Rename

    def test_rename_keeps_the_inode(self, at: Inode) -> None:
        inode = make(at, b"a", b"x")
        to = make_directory(at, b"d")
        at.rename(b"a", to, b"b", 0)
        assert names(at) == [b"d"]
        assert to.lookup(b"b").ino == inode.ino
        assert get(to.lookup(b"b")) == b"x"

    def test_rename_replaces(self, at: Inode) -> None:
        make(at, b"a", b"new")
        old = make(at, b"b", b"old")
        fd = old.open(os.O_RDONLY)
        at.rename(b"a", at, b"b", 0)
        assert names(at) == [b"b"]
        assert get(at.lookup(b"b")) == b"new"
        assert os.read(fd, 9) == b"old"
        os.close(fd)

    def test_rename_of_one_inode_to_itself_does_nothing(self, at: Inode) -> None:
        at.link(b"b", make(at, b"a"))
        at.rename(b"a", at, b"b", 0)
        at.rename(b"a", at, b"a", 0)
        assert names(at) == [b"a", b"b"]

    def test_a_directory_replaces_only_an_empty_directory(self, at: Inode) -> None:
        make_directory(at, b"a")
        make(make_directory(at, b"full"), b"f")
        make_directory(at, b"empty")
        make(at, b"file")
        with fails(errno.ENOTEMPTY, errno.EEXIST):
            at.rename(b"a", at, b"full", 0)
        with fails(errno.ENOTDIR):
            at.rename(b"a", at, b"file", 0)
        with fails(errno.EISDIR):
            at.rename(b"file", at, b"empty", 0)
        at.rename(b"a", at, b"empty", 0)
        assert names(at) == [b"empty", b"file", b"full"]
        assert at.stat().nlink == 4

    def test_a_directory_cannot_move_below_itself(self, at: Inode) -> None:
        above = make_directory(at, b"a")
        below = make_directory(above, b"b")
        for to in (above, below):
            with fails(errno.EINVAL):
                at.rename(b"a", to, b"x", 0)
        with fails(errno.ENOTEMPTY):
            above.rename(b"b", at, b"a", 0)

    def test_moved_directories_change_link_counts_and_parents(self, at: Inode) -> None:
        one, two = make_directory(at, b"1"), make_directory(at, b"2")
        moved = make_directory(one, b"d")
        one.rename(b"d", two, b"e", 0)
        assert (one.stat().nlink, two.stat().nlink) == (2, 3)
        assert moved.parent().ino == two.ino
        assert moved.path() == b"/suite/2/e"

    def test_noreplace(self, at: Inode) -> None:
        make(at, b"a")
        make(at, b"b")
        with fails(errno.EEXIST):
            at.rename(b"a", at, b"b", NOREPLACE)
        at.rename(b"a", at, b"c", NOREPLACE)
        assert names(at) == [b"b", b"c"]

    def test_exchange(self, at: Inode) -> None:
        file, directory = make(at, b"f", b"x"), make_directory(at, b"d")
        inner = make_directory(directory, b"i")
        with fails(errno.ENOENT):
            at.rename(b"f", at, b"missing", EXCHANGE)
        at.rename(b"f", at, b"d", EXCHANGE)
        assert at.lookup(b"d").ino == file.ino
        assert at.lookup(b"f").ino == directory.ino
        assert inner.path() == b"/suite/f/i"
        with fails(errno.EINVAL):
            at.rename(b"f", directory, b"i", EXCHANGE)
        with fails(errno.EINVAL):
            directory.rename(b"i", at, b"f", EXCHANGE)

    def test_rename_of_what_is_missing(self, at: Inode) -> None:
        with fails(errno.ENOENT):
            at.rename(b"missing", at, b"x", 0)

    # Metadata

    def test_mode_changes_keep_the_type(self, at: Inode) -> None:
        for inode in (make(at, b"f"), make_directory(at, b"d")):
            inode.setattr(mode=0o750)
            assert inode.stat().mode == inode.type_bits | 0o750

    def test_times_are_set_to_the_nanosecond(self, at: Inode) -> None:
        link = at.symlink(b"l", b"t", UID, GID)
        for inode in (make(at, b"f", b"x"), make_directory(at, b"d"), link):
            inode.setattr(atime_ns=1_000_000_001, mtime_ns=2_000_000_002)
            assert (inode.stat().atime_ns, inode.stat().mtime_ns) == (1_000_000_001, 2_000_000_002)
            inode.setattr(mtime_ns=3_000_000_003)
            assert (inode.stat().atime_ns, inode.stat().mtime_ns) == (1_000_000_001, 3_000_000_003)

    def test_attribute_changes_set_ctime(self, at: Inode) -> None:
        inode = make(at, b"f")
        before = inode.stat().ctime_ns
        while inode.stat().ctime_ns == before:
            inode.setattr(mode=0o600)
        assert inode.stat().ctime_ns > before

    def test_extended_attributes(self, at: Inode) -> None:
        inode = make(at, b"f")
        with fails(errno.ENODATA, getattr(errno, "ENOATTR", errno.ENODATA)):
            inode.getxattr(b"user.a")
        inode.setxattr(b"user.a", b"\0\xff", 0)
        inode.setxattr(b"user.b", b"", 1)
        assert inode.getxattr(b"user.a") == b"\0\xff"
        assert {b"user.a", b"user.b"} <= set(inode.listxattr())
        with fails(errno.EEXIST):
            inode.setxattr(b"user.a", b"x", 1)
        with fails(errno.ENODATA, getattr(errno, "ENOATTR", errno.ENODATA)):
            inode.setxattr(b"user.c", b"x", 2)
        inode.removexattr(b"user.a")
        assert b"user.a" not in inode.listxattr()

    # Special files

    def test_a_fifo_carries_data(self, at: Inode) -> None:
        inode = at.mknod(b"p", stat.S_IFIFO | 0o600, UID, GID)
        with fails(errno.ENXIO):
            inode.open(os.O_WRONLY | os.O_NONBLOCK)
        reader = inode.open(os.O_RDONLY | os.O_NONBLOCK)
        writer = at.lookup(b"p").open(os.O_WRONLY | os.O_NONBLOCK)
        os.write(writer, b"through")
        assert os.read(reader, 9) == b"through"
        os.close(reader)
        os.close(writer)

    def test_mknod_without_a_type_makes_a_file(self, at: Inode) -> None:
        assert at.mknod(b"f", 0o600, UID, GID).type_bits == stat.S_IFREG

    def test_a_socket_has_a_host_path(self, at: Inode) -> None:
        inode = at.mknod(b"s", stat.S_IFSOCK | 0o600, UID, GID)
        assert inode.type_bits == stat.S_IFSOCK
        assert os.path.lexists(inode.host_path())

    def test_statfs_adds_up(self, fs: Filesystem) -> None:
        found = fs.statfs()
        assert 0 < found.blocks_free <= found.blocks
        assert found.block_size >= 512

    # Processes

    def test_parent_and_forked_child_see_each_others_changes(self, at: Inode) -> None:
        inode = make(at, b"f", b"parent")
        child = os.fork()
        if not child:
            code = 1
            try:
                put(at.lookup(b"f"), b"child!")
                make(make_directory(at, b"d"), b"new")
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        assert get(inode) == b"child!"
        assert names(at.lookup(b"d")) == [b"new"]
