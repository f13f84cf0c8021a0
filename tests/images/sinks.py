"""Sinks for tests that are about images and not about how layers are kept."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elfuse.images.sink import Meta


class Recorder:
    """A sink that remembers what it was told."""

    def __init__(self) -> None:
        self.entries: list[tuple[Any, ...]] = []
        self.data: dict[bytes, bytes] = {}
        self.metas: dict[bytes, Meta] = {}
        self.committed = self.aborted = False

    def directory(self, path: bytes, meta: Meta) -> None:
        self.entries.append(("directory", path))
        self.metas[path] = meta

    def file(self, path: bytes, meta: Meta, size: int, chunks: Iterator[bytes]) -> None:
        data = b"".join(chunks)
        assert len(data) == size
        self.entries.append(("file", path))
        self.metas[path] = meta
        self.data[path] = data

    def symlink(self, path: bytes, meta: Meta, target: bytes) -> None:
        self.entries.append(("symlink", path, target))
        self.metas[path] = meta

    def hardlink(self, path: bytes, target: bytes) -> None:
        self.entries.append(("hardlink", path, target))

    def special(self, path: bytes, meta: Meta, mode: int, major: int, minor: int) -> None:
        self.entries.append(("special", path, mode, major, minor))
        self.metas[path] = meta

    def whiteout(self, path: bytes) -> None:
        self.entries.append(("whiteout", path))

    def opaque(self, path: bytes) -> None:
        self.entries.append(("opaque", path))

    def commit(self) -> None:
        assert not self.aborted
        self.committed = True

    def abort(self) -> None:
        self.aborted = True


class Layers:
    """A sink factory in memory."""

    def __init__(self) -> None:
        self.sinks: dict[str, Recorder] = {}

    def has(self, diff_id: str) -> bool:
        return diff_id in self.sinks and self.sinks[diff_id].committed

    def open(self, diff_id: str) -> Recorder:
        assert not self.has(diff_id)
        self.sinks[diff_id] = Recorder()
        return self.sinks[diff_id]

    def committed(self) -> set[str]:
        return {diff_id for diff_id in self.sinks if self.has(diff_id)}


class _OnDisk(Recorder):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def commit(self) -> None:
        listing = [[str(part) for part in entry] for entry in self.entries]
        sums = {str(name): hashlib.sha256(data).hexdigest() for name, data in self.data.items()}
        temporary = self._path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps({"entries": listing, "sums": sums}))
        temporary.rename(self._path)
        super().commit()


class DiskLayers:
    """A sink factory that survives its process: a summary of each layer in a file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def has(self, diff_id: str) -> bool:
        return self._path(diff_id).exists()

    def open(self, diff_id: str) -> _OnDisk:
        return _OnDisk(self._path(diff_id))

    def _path(self, diff_id: str) -> Path:
        return self.root / f"{diff_id.partition(':')[2]}.json"
