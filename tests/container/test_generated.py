"""The files that a container gets over its image's /etc."""

from pathlib import Path

import pytest

from elfuse.container.generated import mount_generated
from elfuse.container.search import find
from elfuse.container.standard import tmpfs
from elfuse.overlay.overlay import Overlay
from elfuse.runtime.vfs.mounts import Namespace

NAMES = [b"/etc/hostname", b"/etc/hosts", b"/etc/resolv.conf"]


@pytest.fixture
def image(tmp_path: Path) -> Overlay:
    return tmpfs(tmp_path / "image")


def _generate(image: Overlay, directory: Path, hostname: str = "box") -> Namespace:
    namespace = Namespace([image])
    directory.mkdir()
    mount_generated(namespace, image, directory, hostname, volumes=[])
    return namespace


def test_an_image_without_etc_gets_the_directory_alone(image: Overlay, tmp_path: Path) -> None:
    assert list(_generate(image, tmp_path / "made").mounts) == NAMES
    etc = find(image, b"/etc")
    assert etc is not None
    assert list(etc.entries()) == []


def test_a_read_only_image_without_etc_does_without(image: Overlay, tmp_path: Path) -> None:
    image.read_only = True
    assert not _generate(image, tmp_path / "made").mounts


def test_links_of_the_image_are_covered_and_not_followed(image: Overlay, tmp_path: Path) -> None:
    etc = image.root().mkdir(b"etc", 0o755, 0, 0)
    etc.symlink(b"resolv.conf", b"../run/systemd/resolve/stub-resolv.conf", 0, 0)
    etc.symlink(b"hosts", b"/somewhere", 0, 0)
    assert list(_generate(image, tmp_path / "made").mounts) == NAMES


def test_a_full_name_is_followed_by_its_first_part(image: Overlay, tmp_path: Path) -> None:
    _generate(image, tmp_path / "made", "box.example.org")
    assert (tmp_path / "made" / "hostname").read_text() == "box.example.org\n"
    lines = (tmp_path / "made" / "hosts").read_text().splitlines()
    assert lines[0] == "127.0.0.1\tlocalhost"
    assert lines[-1] == "127.0.0.1\tbox.example.org box"
