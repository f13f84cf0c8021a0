"""The overlay passes what every filesystem passes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from elfuse.overlay.overlay import Overlay
from elfuse.runtime.vfs.filesystem import Filesystem
from tests.overlay.build import overlay
from tests.suites.filesystem import FilesystemSuite


class TestOverlayOnATree(FilesystemSuite):
    @pytest.fixture
    def fs(self, tmp_path: Path) -> Iterator[Filesystem]:
        with overlay(tmp_path) as made:
            yield made


class TestOverlayOnNothing(FilesystemSuite):
    @pytest.fixture
    def fs(self, tmp_path: Path) -> Iterator[Filesystem]:
        with Overlay(None, tmp_path, tmp_path / "upper", type_name="tmpfs") as made:
            yield made
