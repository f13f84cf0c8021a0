"""Layers as archives, images as OCI image layouts. The same input gives the same bytes."""

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import zstandard
from recipe import EPOCH, Recipe
from tree import Entry, Kind, Tree, copy_content

_TYPES = {
    Kind.FILE: tarfile.REGTYPE,
    Kind.DIRECTORY: tarfile.DIRTYPE,
    Kind.SYMLINK: tarfile.SYMTYPE,
    Kind.HARDLINK: tarfile.LNKTYPE,
}
_MEDIA = "application/vnd.oci.image"
_CREATED = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(EPOCH))
_PLATFORM = {"architecture": "arm64", "os": "linux", "variant": "v8"}


class Layout:
    """An image layout that is being written. It appears at its place with `publish`."""

    def __init__(self, destination: Path) -> None:
        self._destination = destination
        self._root = destination.with_name(f".{destination.name}.part-{os.getpid()}")
        self._blobs = self._root / "blobs" / "sha256"
        self._blobs.mkdir(parents=True)
        self._layers: list[dict[str, Any]] = []
        self._diff_ids: list[str] = []
        self._history: list[dict[str, Any]] = []

    def add_layer(self, tree: Tree, compression: str, comment: str) -> None:
        """Write a layer with the tree's entries in sorted order."""
        part = self._blobs / "part"
        with part.open("wb") as file:
            blob = _Hashed(file)
            with _compressed(blob, compression) as inner:
                content = _Hashed(inner)
                _write_tar(tree, content)
        part.rename(self._blobs / blob.hex)
        self._layers.append(
            {
                "mediaType": f"{_MEDIA}.layer.v1.tar+{compression}",
                "digest": f"sha256:{blob.hex}",
                "size": blob.size,
            }
        )
        self._diff_ids.append(f"sha256:{content.hex}")
        self._history.append({"created": _CREATED, "created_by": comment})

    def publish(self, recipe: Recipe) -> None:
        """Write configuration, manifest and index, and replace what is at the destination."""
        config = {
            **_PLATFORM,
            "created": _CREATED,
            "config": {"Env": [f"PATH={recipe.path}"], "Cmd": list(recipe.command)},
            "rootfs": {"type": "layers", "diff_ids": self._diff_ids},
            "history": self._history,
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{_MEDIA}.manifest.v1+json",
            "config": self._put(config, f"{_MEDIA}.config.v1+json"),
            "layers": self._layers,
        }
        reference = {
            **self._put(manifest, f"{_MEDIA}.manifest.v1+json"),
            "platform": _PLATFORM,
            "annotations": {"org.opencontainers.image.ref.name": "latest"},
        }
        index = {
            "schemaVersion": 2,
            "mediaType": f"{_MEDIA}.index.v1+json",
            "manifests": [reference],
        }
        (self._root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (self._root / "index.json").write_text(json.dumps(index))
        if self._destination.exists():
            shutil.rmtree(self._destination)
        self._root.rename(self._destination)

    def abandon(self) -> None:
        """Leave nothing behind of an image that was not published."""
        shutil.rmtree(self._root, ignore_errors=True)

    def _put(self, document: dict[str, Any], media_type: str) -> dict[str, Any]:
        raw = json.dumps(document, sort_keys=True).encode()
        digest = hashlib.sha256(raw).hexdigest()
        (self._blobs / digest).write_bytes(raw)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(raw)}


class _Hashed(io.RawIOBase):
    """Writes through to a file and keeps the digest of what passed."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._hash = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._hash.update(data)
        self.size += len(data)
        self._out.write(data)
        return len(data)

    @property
    def hex(self) -> str:
        return self._hash.hexdigest()


@contextmanager
def _compressed(out: Any, compression: str) -> Iterator[Any]:
    if compression == "zstd":
        with zstandard.ZstdCompressor(level=6, threads=0).stream_writer(out, closefd=False) as zstd:
            yield zstd
    else:
        with gzip.GzipFile("", "wb", 6, out, mtime=0) as gz:
            yield gz


def _write_tar(tree: Tree, out: Any) -> None:
    with tarfile.open(
        fileobj=out,
        mode="w|",
        format=tarfile.PAX_FORMAT,
        encoding="utf-8",
        errors="surrogateescape",
    ) as archive:
        for path, entry in sorted(tree.items()):
            _add(archive, path, entry)


def _add(archive: tarfile.TarFile, path: str, entry: Entry) -> None:
    member = tarfile.TarInfo(path)
    member.type = _TYPES[entry.kind]
    member.mode, member.mtime = entry.mode, entry.mtime
    member.uid, member.gid = entry.uid, entry.gid
    member.linkname = entry.target
    if entry.kind is not Kind.FILE:
        archive.addfile(member)
        return
    with io.BytesIO() as held:
        copy_content(entry, held)
        member.size = held.tell()
        held.seek(0)
        archive.addfile(member, held)
