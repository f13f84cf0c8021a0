"""Several host processes on one upper at once, and SIGKILL at any moment."""

import errno  # noqa: TID251 - the overlay raises the host's numbers
import os
import random
import signal
import stat
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from elfuse.overlay.layers import Layers
from elfuse.overlay.overlay import Overlay
from elfuse.runtime.vfs.filesystem import Inode
from tests.overlay.build import overlay
from tests.suites.filesystem import get, make, make_directory, names, put


def spawn(work: Callable[[], None]) -> int:
    """A forked child that does `work`; its status is 0 unless that raises."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    finally:
        if code:
            traceback.print_exc()
        os._exit(code)


def join(children: list[int]) -> None:
    statuses = [os.waitpid(child, 0)[1] for child in children]
    assert statuses == [0] * len(children)


def check(fs: Overlay) -> int:
    """Every invariant of the tree as the guest sees it; the number of inodes."""
    links: dict[int, int] = {}
    seen: dict[int, Inode] = {}

    def visit(directory: Inode) -> None:
        subdirectories = 0
        entries = directory.entries()
        assert len({entry.name for entry in entries}) == len(entries)
        for entry in entries:
            inode = directory.lookup(entry.name)
            assert (inode.ino, inode.type_bits) == (entry.ino, entry.type)
            links[entry.ino] = links.get(entry.ino, 0) + 1
            seen[entry.ino] = inode
            if entry.type == stat.S_IFDIR:
                subdirectories += 1
                assert inode.parent().ino == directory.ino
                assert links[entry.ino] == 1
                visit(inode)
            elif entry.type == stat.S_IFREG:
                assert len(get(inode)) == inode.stat().size
        assert directory.stat().nlink == 2 + subdirectories

    visit(fs.root())
    for ino, inode in seen.items():
        if inode.type_bits != stat.S_IFDIR:
            assert inode.stat().nlink == links[ino], inode
    return len(seen)


EXPECTED = {
    errno.ENOENT,
    errno.EEXIST,
    errno.ENOTEMPTY,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EINVAL,
    errno.EPERM,
    errno.EOPNOTSUPP,
}


def hammer(fs: Overlay, seed: int, steps: int) -> None:
    """Random operations on few names, so that processes get in each other's way."""
    chance = random.Random(seed)
    choices = [b"a", b"b", b"c", b"etc", b"usr", b"hostname"]

    def directory() -> Inode:
        inode: Inode = fs.root()
        while chance.random() < 0.5:
            inode = inode.lookup(chance.choice(choices))
            if inode.type_bits != stat.S_IFDIR:
                raise NotADirectoryError(errno.ENOTDIR, "")
        return inode

    def rewrite(at: Inode, name: bytes) -> None:
        inode = at.lookup(name)
        inode.setattr(mode=chance.randrange(0o1000))
        if inode.type_bits == stat.S_IFREG:
            put(inode, b"!" * chance.randrange(9))

    def move(at: Inode, name: bytes) -> None:
        at.rename(name, directory(), chance.choice(choices), chance.choice([0, 0, 1, 2]))

    operations: list[Callable[[Inode, bytes], object]] = [
        lambda at, name: put(make(at, name), b"%d" % seed),
        lambda at, name: put(make(at, name), b"%d" % seed),
        make_directory,
        lambda at, name: at.unlink(name),
        lambda at, name: at.rmdir(name),
        move,
        move,
        lambda at, name: at.link(chance.choice(choices), at.lookup(name)),
        rewrite,
    ]
    for _ in range(steps):
        try:
            chance.choice(operations)(directory(), chance.choice(choices))
        except OSError as error:
            if error.errno not in EXPECTED:
                raise


def test_each_name_is_created_by_exactly_one_process(tmp_path: Path) -> None:
    with overlay(tmp_path) as fs:
        root = fs.root()

        def work() -> None:
            mine = 0
            for number in range(100):
                try:
                    root.create(b"f%d" % number, 0o600, 0, 0)
                    mine += 1
                except FileExistsError:
                    continue
            make(root, b"mine-%d-%d" % (os.getpid(), mine))

        join([spawn(work) for _ in range(3)])
        found = [name for name in names(root) if name.startswith(b"mine")]
        assert sum(int(name.rpartition(b"-")[2]) for name in found) == 100
        numbers = [entry.ino for entry in root.entries()]
        assert len(numbers) == len(set(numbers))


def test_concurrent_copy_up_makes_one_file(tmp_path: Path) -> None:
    with overlay(tmp_path) as fs:
        inode = fs.root().lookup(b"data")
        go, ready = os.pipe()

        def work() -> None:
            os.close(ready)
            os.read(go, 1)
            put(inode, b"%d\n" % os.getpid(), os.O_WRONLY | os.O_APPEND)

        children = [spawn(work) for _ in range(4)]
        os.close(ready)
        join(children)
        os.close(go)
        content = get(inode)
        assert content.startswith(b"0123456789" * 10)
        assert sorted(content[100:].split()) == sorted(b"%d" % child for child in children)
        assert len(list((tmp_path / "upper" / "data").iterdir())) == 1


@pytest.mark.parametrize("forked", [True, False])
def test_processes_that_hammer_one_tree_leave_it_consistent(tmp_path: Path, forked: bool) -> None:
    with overlay(tmp_path) as fs:

        def work(seed: int) -> None:
            if forked:
                hammer(fs, seed, 200)
            else:
                with overlay(tmp_path) as own:
                    hammer(own, seed, 200)

        join([spawn(partial(work, seed)) for seed in range(4)])
        count = check(fs)
    with overlay(tmp_path) as again:
        assert check(again) == count
    assert Layers(tmp_path / "store").verify() == []


def test_a_rename_back_and_forth_is_never_seen_halfway(tmp_path: Path) -> None:
    with overlay(tmp_path) as fs:
        root = fs.root()
        make(root, b"one")

        def swing() -> None:
            for _ in range(150):
                root.rename(b"one", root, b"two", 0)
                root.rename(b"two", root, b"one", 0)

        def watch() -> None:
            for _ in range(300):
                assert len({b"one", b"two"} & set(names(root))) == 1

        join([spawn(swing), spawn(watch)])


@pytest.mark.parametrize("seed", range(6))
def test_killed_at_any_moment_the_upper_is_whole(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with overlay(tmp_path) as fs:
        survivor = fs.root()
        make(survivor, b"kept", b"kept")
        children = [spawn(partial(hammer, fs, seed * 10 + n, 10**9)) for n in range(2)]
        time.sleep(0.02 + chance.random() / 10)
        for child in children:
            os.kill(child, signal.SIGKILL)
        for child in children:
            assert os.waitpid(child, 0)[1] == signal.SIGKILL
        check(fs)
        assert get(survivor.lookup(b"kept")) == b"kept"
        hammer(fs, seed, 20)
    with overlay(tmp_path) as again:
        check(again)
        hammer(again, seed, 20)
        check(again)
    assert Layers(tmp_path / "store").verify() == []


def test_killed_while_it_opens_and_repairs(tmp_path: Path) -> None:
    with overlay(tmp_path) as fs:
        hammer(fs, 1, 100)
        for _ in range(20):
            put(fs.root().tmpfile(0o600, 0, 0), b"orphan")
        count = check(fs)

    def work() -> None:
        while True:
            overlay(tmp_path).close()

    for delay in range(8):
        child = spawn(work)
        time.sleep(delay / 500)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with overlay(tmp_path) as fs:
            assert check(fs) == count
            put(fs.root().tmpfile(0o600, 0, 0), b"orphan")
