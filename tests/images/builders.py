"""Small images for tests: layers as lists of entries, written with the standard library's tar."""

import gzip
import hashlib
import io
import json
import random
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import zstandard

from elfuse.images.manifest import (
    DOCKER_CONFIG,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Platform,
)

Compression = Literal["gzip", "zstd", "none"]
ARM64 = Platform("linux", "arm64", "v8")
AMD64 = Platform("linux", "amd64")


def digest(raw: bytes) -> str:
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def member(
    name: str,
    data: bytes = b"",
    *,
    kind: bytes = tarfile.REGTYPE,
    target: str = "",
    mode: int = 0o644,
    uid: int = 0,
    gid: int = 0,
    mtime: float = 0,
    device: tuple[int, int] = (0, 0),
    pax: Mapping[str, str] | None = None,
) -> tuple[tarfile.TarInfo, bytes]:
    """One archive entry."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, mode
    info.uid, info.gid, info.mtime, info.size = uid, gid, mtime, len(data)
    info.devmajor, info.devminor = device
    info.pax_headers = dict(pax or {})
    return info, data


def directory(name: str, mode: int = 0o755) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, kind=tarfile.DIRTYPE, mode=mode)


def symlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, kind=tarfile.SYMTYPE, target=target, mode=0o777)


def archive(
    entries: Iterable[tuple[tarfile.TarInfo, bytes]], fmt: int = tarfile.PAX_FORMAT
) -> bytes:
    """An uncompressed tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=fmt, errors="surrogateescape") as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def compress(raw: bytes, compression: Compression) -> bytes:
    if compression == "gzip":
        return gzip.compress(raw, 1, mtime=0)
    if compression == "zstd":
        return zstandard.ZstdCompressor(level=1).compress(raw)
    return raw


@dataclass(frozen=True)
class BuiltLayer:
    tar: bytes
    blob: bytes
    media_type: str

    @property
    def digest(self) -> str:
        return digest(self.blob)

    @property
    def diff_id(self) -> str:
        return digest(self.tar)


def layer(tar: bytes, compression: Compression = "gzip", *, docker: bool = False) -> BuiltLayer:
    if docker:
        kind = {"gzip": ".gzip", "zstd": ".zstd", "none": ""}[compression]
        media_type = f"application/vnd.docker.image.rootfs.diff.tar{kind}"
    else:
        kind = {"gzip": "+gzip", "zstd": "+zstd", "none": ""}[compression]
        media_type = f"application/vnd.oci.image.layer.v1.tar{kind}"
    return BuiltLayer(tar, compress(tar, compression), media_type)


@dataclass(frozen=True)
class BuiltImage:
    """Blobs by digest, and the top document (a manifest or an index)."""

    blobs: Mapping[str, bytes]
    manifest: bytes
    media_type: str
    layers: Sequence[BuiltLayer]
    documents: Mapping[str, tuple[bytes, str]] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        return digest(self.manifest)

    def write_layout(self, root: Path, tag: str = "latest") -> Path:
        """The image as an OCI layout directory."""
        blobs = root / "blobs" / "sha256"
        blobs.mkdir(parents=True, exist_ok=True)
        everything = dict(self.blobs) | {k: raw for k, (raw, _) in self.documents.items()}
        for name, raw in (everything | {self.digest: self.manifest}).items():
            (blobs / name.partition(":")[2]).write_bytes(raw)
        (root / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        entry = _descriptor(self.manifest, self.media_type)
        entry["annotations"] = {"org.opencontainers.image.ref.name": tag}
        index = {"schemaVersion": 2, "manifests": [entry]}
        (root / "index.json").write_text(json.dumps(index))
        return root

    def write_directory(self, root: Path) -> Path:
        """The image as skopeo's `dir:` transport keeps it, which takes Docker's media types too."""
        root.mkdir(parents=True)
        (root / "version").write_text("Directory Transport Version: 1.1\n")
        (root / "manifest.json").write_bytes(self.manifest)
        for name, (raw, _) in self.documents.items():
            (root / f"{name.partition(':')[2]}.manifest.json").write_bytes(raw)
        for name, raw in self.blobs.items():
            (root / name.partition(":")[2]).write_bytes(raw)
        return root


def _descriptor(raw: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(raw), "size": len(raw)}


def image(
    layers: Sequence[BuiltLayer],
    *,
    platform: Platform = ARM64,
    docker: bool = False,
    config: Mapping[str, Any] | None = None,
    diff_ids: Sequence[str] | None = None,
    sizes: Mapping[str, int] | None = None,
) -> BuiltImage:
    """An image of these layers. `sizes` lies about blobs, `diff_ids` about what they unpack to."""
    document: dict[str, Any] = {
        "os": platform.os,
        "architecture": platform.architecture,
        "config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"], **(config or {})},
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids or [x.diff_id for x in layers])},
        "history": [{"created_by": f"layer {i}"} for i in range(len(layers))],
    }
    if platform.variant:
        document["variant"] = platform.variant
    raw = json.dumps(document).encode()
    described = []
    for each in layers:
        entry = _descriptor(each.blob, each.media_type)
        entry["size"] = (sizes or {}).get(each.digest, entry["size"])
        described.append(entry)
    media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": _descriptor(raw, DOCKER_CONFIG if docker else OCI_CONFIG),
        "layers": described,
    }
    blobs = {digest(raw): raw} | {each.digest: each.blob for each in layers}
    return BuiltImage(blobs, json.dumps(manifest).encode(), media_type, tuple(layers))


def index(images: Mapping[Platform, BuiltImage], *, docker: bool = False) -> BuiltImage:
    """An index of images by platform."""
    entries = []
    blobs: dict[str, bytes] = {}
    documents: dict[str, tuple[bytes, str]] = {}
    for platform, each in images.items():
        entry = _descriptor(each.manifest, each.media_type)
        entry["platform"] = {"os": platform.os, "architecture": platform.architecture}
        if platform.variant:
            entry["platform"]["variant"] = platform.variant
        entries.append(entry)
        blobs |= each.blobs
        documents[each.digest] = (each.manifest, each.media_type)
    media_type = DOCKER_LIST if docker else OCI_INDEX
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries}
    layers = [x for each in images.values() for x in each.layers]
    return BuiltImage(blobs, json.dumps(document).encode(), media_type, layers, documents)


def random_image(
    layers: int = 2,
    *,
    seed: int = 0,
    files: int = 5,
    size: int = 2000,
    compressions: Sequence[Compression] = (),
    docker: bool = False,
    platform: Platform = ARM64,
) -> BuiltImage:
    """Incompressible content, different in every layer, the same for the same seed."""
    # Docker's own format knows no zstd.
    compressions = compressions or (("gzip", "none") if docker else ("gzip", "zstd", "none"))
    source = random.Random(seed)
    built = []
    for number in range(layers):
        entries = [directory(f"d{number}")]
        entries += [
            member(f"d{number}/f{i}", source.randbytes(source.randrange(size // 2, size + 1)))
            for i in range(files)
        ]
        compression = compressions[number % len(compressions)]
        built.append(layer(archive(entries), compression, docker=docker))
    return image(built, platform=platform, docker=docker)
