"""The log between processes: what a kill or a crash leaves, and new logs for old."""

import errno  # noqa: TID251 - the overlay raises the host's numbers
import os
import signal
from pathlib import Path

import pytest

from elfuse.overlay import journal
from elfuse.overlay.overlay import Overlay
from tests.overlay.build import overlay
from tests.suites.filesystem import fails, get, make, make_directory, names, put


def log(tmp_path: Path) -> Path:
    (found,) = (tmp_path / "upper").glob("log.*")
    return found


def compact(fs: Overlay) -> None:
    fs.journal.lock()
    fs.journal._compact()
    fs.journal.unlock()


def test_bytes_behind_the_committed_length_are_ignored_and_overwritten(tmp_path: Path) -> None:
    with overlay(tmp_path) as one, overlay(tmp_path) as two:
        make(one.root(), b"a")
        with log(tmp_path).open("ab") as file:
            file.write(b"torn" * 1000)
        assert b"a" in names(two.root())
        make(two.root(), b"b")
        assert {b"a", b"b"} < set(names(one.root()))
    with overlay(tmp_path) as again:
        assert {b"a", b"b"} < set(names(again.root()))


def test_a_log_shorter_than_promised_keeps_what_is_whole(tmp_path: Path) -> None:
    # As after a crash of the host that wrote the control page and not the end of the log.
    with overlay(tmp_path) as fs:
        for name in (b"a", b"b", b"c"):
            make(fs.root(), name)
    path = log(tmp_path)
    os.truncate(path, path.stat().st_size - 5)
    with overlay(tmp_path) as fs:
        assert {b"a", b"b"} < set(names(fs.root()))
        assert b"c" not in names(fs.root())
        make(fs.root(), b"d")
    with overlay(tmp_path) as fs:
        assert {b"a", b"b", b"d"} < set(names(fs.root()))


def test_damage_in_the_middle_of_a_shared_log_is_reported(tmp_path: Path) -> None:
    with overlay(tmp_path) as one:
        make(one.root(), b"a")
        with log(tmp_path).open("r+b") as file:
            file.seek(20)
            file.write(b"\xff\xff")
        with fails(errno.EIO):
            overlay(tmp_path)


@pytest.mark.parametrize("content", [b"", b"x" * 4096])
def test_a_damaged_control_file_is_reported(tmp_path: Path, content: bytes) -> None:
    overlay(tmp_path).close()
    (tmp_path / "upper" / "control").write_bytes(content)
    with fails(errno.EIO):
        overlay(tmp_path)


def test_a_new_log_reaches_all_who_have_the_upper_open(tmp_path: Path) -> None:
    with overlay(tmp_path) as one, overlay(tmp_path) as two:
        make(one.root(), b"a")
        held = two.root().lookup(b"a")
        below = make_directory(make_directory(two.root(), b"d"), b"e")
        assert below.path() == b"/d/e"
        one.root().unlink(b"data")
        for _ in range(3):
            compact(one)
        make(one.root(), b"b")
        assert {b"a", b"b", b"d"} < set(names(two.root()))
        assert b"data" not in names(two.root())
        assert two.root().lookup(b"a") is held
        one.root().rename(b"d", one.root(), b"z", 0)
        assert below.path() == b"/z/e"
        assert len(list((tmp_path / "upper").glob("log.*"))) == 1


def test_what_was_removed_while_the_log_changed_keeps_its_metadata_for_holders(
    tmp_path: Path,
) -> None:
    with overlay(tmp_path) as one, overlay(tmp_path) as two:
        make(one.root(), b"new")
        lower, upper = two.root().lookup(b"data"), two.root().lookup(b"new")
        fd = lower.open(os.O_RDONLY)
        one.root().unlink(b"data")
        one.root().unlink(b"new")
        compact(one)
        assert (lower.stat(fd).nlink, upper.stat().nlink) == (0, 0)
        assert lower.stat(fd).size == 100
        os.close(fd)


def test_the_log_stays_in_proportion_to_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_ONLINE_MIN", 10_000)
    with overlay(tmp_path) as one, overlay(tmp_path) as two:
        inode = make(one.root(), b"f")
        for number in range(500):
            inode.setattr(mode=number)
        assert log(tmp_path).stat().st_size < 12_000
        assert two.root().lookup(b"f").stat().mode & 0o777 == 499 & 0o777


def test_numbers_are_never_used_twice_while_anybody_is_there(tmp_path: Path) -> None:
    with overlay(tmp_path) as one, overlay(tmp_path) as two:
        seen = set()
        for number in range(20):
            fs = (one, two)[number % 2]
            seen.add(make(fs.root(), b"f").ino)
            fs.root().unlink(b"f")
            if number % 5 == 0:
                compact(fs)
        assert len(seen) == 20


def test_leftovers_of_killed_processes_are_removed_at_the_next_start(tmp_path: Path) -> None:
    with overlay(tmp_path) as fs:
        put(make(fs.root(), b"kept"), b"x")
    upper = tmp_path / "upper"
    for name in ("data/ffff", "data/7.1234", "log.99", "data/.un=name"):
        (upper / name).write_bytes(b"leftover")
    with overlay(tmp_path) as fs:
        assert get(fs.root().lookup(b"kept")) == b"x"
        assert len(list((upper / "data").iterdir())) == 1
        assert [path.name for path in upper.glob("log.*")] == ["log.0"]


def test_nothing_is_swept_while_somebody_uses_the_upper(tmp_path: Path) -> None:
    with overlay(tmp_path) as one:
        inode = one.root().tmpfile(0o600, 0, 0)
        put(inode, b"x")
        overlay(tmp_path).close()
        one.root().link(b"f", inode)
        assert get(one.root().lookup(b"f")) == b"x"


def test_a_forked_child_keeps_the_upper_in_use(tmp_path: Path) -> None:
    fs = overlay(tmp_path)
    inode = fs.root().tmpfile(0o600, 0, 0)
    put(inode, b"x")
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(write)
        code = 1
        try:
            os.read(read, 1)
            fs.root().link(b"f", inode)
            code = 0
        finally:
            os._exit(code)
    fs.close()
    with overlay(tmp_path) as again:
        os.close(write)
        assert os.waitpid(child, 0)[1] == 0
        assert get(again.root().lookup(b"f")) == b"x"
    os.close(read)


def test_a_killed_holder_of_the_lock_leaves_it_free(tmp_path: Path) -> None:
    with overlay(tmp_path) as fs:
        read, write = os.pipe()
        child = os.fork()
        if not child:
            fs.journal.lock()
            os.write(write, b"x")
            signal.pause()
        os.read(read, 1)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        make(fs.root(), b"f")
        os.close(read)
        os.close(write)
