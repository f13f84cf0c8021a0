"""What `docker diff` would print."""

from pathlib import Path

from elfuse.overlay.diff import changes
from elfuse.overlay.overlay import Overlay
from tests.overlay.build import overlay
from tests.overlay.test_overlay import walk
from tests.suites.filesystem import get, make, make_directory, put


def listed(fs: Overlay) -> list[str]:
    return [f"{change.kind} {change.path.decode()}" for change in changes(fs)]


def test_nothing_changed(tmp_path: Path) -> None:
    with overlay(tmp_path) as fs:
        get(walk(fs, b"data"))
        assert listed(fs) == []


def test_added_changed_and_deleted(tmp_path: Path) -> None:
    with overlay(tmp_path) as fs:
        walk(fs, b"etc").unlink(b"hostname")
        put(walk(fs, b"usr/share/doc/readme"), b"x")
        make(make_directory(fs.root(), b"new"), b"f")
        walk(fs, b"data").setattr(mode=0o600)
        assert listed(fs) == [
            "C /data",
            "C /etc",
            "D /etc/hostname",
            "A /new",
            "A /new/f",
            "C /usr",
            "C /usr/share",
            "C /usr/share/doc",
            "C /usr/share/doc/readme",
        ]


def test_a_moved_directory_is_deleted_and_added(tmp_path: Path) -> None:
    with overlay(tmp_path) as fs:
        share = walk(fs, b"usr/share")
        share.rename(b"doc", share, b"doc2", 0)
        assert listed(fs) == [
            "C /usr",
            "C /usr/share",
            "D /usr/share/doc",
            "A /usr/share/doc2",
            "A /usr/share/doc2/readme",
        ]


def test_something_else_in_the_same_place_is_a_change(tmp_path: Path) -> None:
    with overlay(tmp_path) as fs:
        fs.root().unlink(b"data")
        make(make_directory(fs.root(), b"data"), b"f")
        fs.root().rmdir(b"empty")
        make(fs.root(), b"empty")
        assert listed(fs) == ["C /data", "A /data/f", "C /empty"]


def test_what_was_added_and_removed_again_leaves_its_directory_changed(tmp_path: Path) -> None:
    with overlay(tmp_path) as fs:
        make(walk(fs, b"etc"), b"tmp")
        walk(fs, b"etc").unlink(b"tmp")
        assert listed(fs) == ["C /etc"]
