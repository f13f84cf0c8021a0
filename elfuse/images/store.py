"""Content-addressed blobs and named images: a valid OCI image layout that other tools read.

    ROOT/oci-layout, index.json      the names, as org.opencontainers.image.ref.name annotations
    ROOT/blobs/sha256/...            manifests, configurations, layers, exactly as the registry sent
    ROOT/tmp/                        files under construction
    ROOT/index.lock, adding.lock     advisory locks

Lock order: `adding.lock` before `index.lock`. Whoever adds blobs holds `adding.lock` shared until
the blobs are named in index.json; gc holds it exclusively, so it never takes a blob that is about
to be named. A process killed at any moment leaves whole blobs nobody names and temporary files;
both are harmless, later commands remove them.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from elfuse.errors import ImageError
from elfuse.images.atomic import AtomicFile, locked, sweep, write_atomic
from elfuse.images.errors import DigestMismatch, ImageNotStored, StoreBusy
from elfuse.images.manifest import (
    MAX_CONFIG,
    MAX_MANIFEST,
    Descriptor,
    Image,
    Index,
    Manifest,
    pair_layers,
    parse_config,
    parse_document,
    parse_index,
)
from elfuse.images.reference import AnyReference, parse_below_localhost, parse_reference
from elfuse.images.verify import verified
from elfuse.record import Record, replace
from elfuse.typing import Iterable, Iterator

REF_NAME = "org.opencontainers.image.ref.name"
RESOLVED = "elfuse.resolved"
_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
_CHUNK = 1 << 20
_MAX_INDEX = 64 << 20


class Entry(Record):
    """A named image. `resolved` is what the name stood for where it came from: a manifest or an index."""

    name: str
    manifest: Descriptor
    resolved: str


class Freed(Record):
    """What gc removed, or would remove."""

    digests: tuple[str, ...]
    size: int


def _entry(name: str, named: Descriptor) -> Entry:
    notes = dict(named.annotations)
    resolved = notes.pop(RESOLVED, named.digest)
    del notes[REF_NAME]
    return Entry(name, replace(named, annotations=notes), resolved)


class Store:
    """The blobs and names below `root`, which is created by the first addition."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.temporary = root / "tmp"
        self._index = root / "index.json"

    def __repr__(self) -> str:
        return f"<Store {self.root}>"

    @contextlib.contextmanager
    def adding(self) -> Iterator[None]:
        """Around everything from the first blob written until it is named. Keeps gc away."""
        with self._reporting():
            self._prepare()
            with locked(self.root / "adding.lock", shared=True):
                sweep(self.temporary)
                yield

    def path(self, digest: str) -> Path:
        """Where the blob `digest` is or would be."""
        algorithm, _, encoded = digest.partition(":")
        return self.root / "blobs" / algorithm / encoded

    def has(self, descriptor: Descriptor) -> bool:
        """Whether the blob is here. Its content was verified before it got its name."""
        try:
            return self.path(descriptor.digest).stat().st_size == descriptor.size
        except FileNotFoundError:
            return False

    def writer(self) -> AtomicFile:
        """A file to be published at `path(digest)` once its content is verified."""
        return AtomicFile(self.temporary)

    def put(self, chunks: Iterable[bytes], descriptor: Descriptor) -> Path:
        """Store a blob. Idempotent; readers see all of it or none of it. Inside `adding` only."""
        target = self.path(descriptor.digest)
        with self.writer() as file:
            for chunk in verified(chunks, descriptor.digest, descriptor.size):
                file.write(chunk)
            file.publish(target)
        return target

    def read(self, descriptor: Descriptor, limit: int = MAX_CONFIG) -> bytes:
        """A small blob's verified content."""
        if descriptor.size > limit:
            raise ImageError(f"{descriptor.digest} is larger than {limit} bytes")
        return b"".join(self.stream(descriptor))

    def stream(self, descriptor: Descriptor) -> Iterator[bytes]:
        """A blob's content, verified on the way."""
        return verified(
            self._chunks(descriptor.digest),
            descriptor.digest,
            descriptor.size,
            origin="the store holds",
        )

    def entries(self) -> tuple[Entry, ...]:
        """Every named image, in index order."""
        return tuple(
            _entry(name, manifest)
            for manifest in self._read_index().manifests
            if (name := manifest.annotations.get(REF_NAME))
        )

    def resolve(self, name: str) -> Entry | None:
        """The image called `name` (`Reference.name`), if there is one."""
        return next((entry for entry in self.entries() if entry.name == name), None)

    def image(self, reference: str | AnyReference) -> Image:
        """The stored image that `reference` names; ImageNotStored if there is none.

        A text without a registry is looked for below `localhost/` too, where images from a disk are.
        """
        below = None
        if isinstance(reference, str):
            below = parse_below_localhost(reference)
            reference = parse_reference(reference)
        entry = self.resolve(reference.name)
        if entry is None and below is not None:
            entry = self.resolve(below.name)
        if entry is None:
            raise ImageNotStored(
                f"no image {reference.familiar} in the store",
                hint=f"elfuse pull {reference.familiar}",
            )
        return self.load(entry)

    def load(self, entry: Entry) -> Image:
        """The image behind an entry."""
        manifest = self.manifest(entry.manifest)
        config = parse_config(self.read(manifest.config))
        layers = pair_layers(manifest, config)
        return Image(entry.name, entry.resolved, entry.manifest, config, layers)

    def manifest(self, descriptor: Descriptor) -> Manifest:
        """A stored manifest."""
        document = parse_document(self.read(descriptor, MAX_MANIFEST), descriptor.media_type)
        if isinstance(document, Index):
            raise ImageError(f"{descriptor.digest} is an index, not an image manifest")
        return document

    def tag(self, name: str, manifest: Descriptor, resolved: str = "") -> None:
        """Let `name` mean `manifest`, instead of what it meant before. Inside `adding` only."""
        notes = {
            **manifest.annotations,
            REF_NAME: name,
            RESOLVED: resolved or manifest.digest,
        }
        named = replace(manifest, annotations=notes)
        with locked(self.root / "index.lock"):
            others = (
                m for m in self._read_index().manifests if m.annotations.get(REF_NAME) != name
            )
            self._write_index((*others, named))

    def remove(self, name: str) -> bool:
        """Forget `name`; whether it was known. Its blobs stay until gc."""
        with self._reporting():
            if not self._index.exists():
                return False
            self._prepare()
            with locked(self.root / "index.lock"):
                before = self._read_index().manifests
                after = tuple(m for m in before if m.annotations.get(REF_NAME) != name)
                if len(after) == len(before):
                    return False
                self._write_index(after)
                return True

    def blobs(self) -> Iterator[tuple[str, int]]:
        """Digest and size of every blob, sorted."""
        for algorithm in ("sha256", "sha512"):
            directory = self.root / "blobs" / algorithm
            if directory.is_dir():
                for path in sorted(directory.iterdir()):
                    yield f"{algorithm}:{path.name}", path.stat().st_size

    def gc(self, *, dry_run: bool = False) -> Freed:
        """Remove the blobs no name leads to. StoreBusy while anybody adds."""
        if not self._index.exists():
            return Freed((), 0)
        with self._reporting():
            try:
                with (
                    locked(self.root / "adding.lock", wait=False),
                    locked(self.root / "index.lock"),
                ):
                    return self._collect(dry_run)
            except BlockingIOError:
                raise StoreBusy(
                    f"cannot prune {self.root}: an image is being pulled",
                    hint="try again when the pull is done",
                ) from None

    def verify(self) -> tuple[str, ...]:
        """Hash every blob and follow every name; what is wrong, empty if nothing is."""
        problems = []
        for digest, size in self.blobs():
            try:
                for _ in self.stream(Descriptor("", digest, size)):
                    pass
            except DigestMismatch as error:
                problems.append(str(error))
        for entry in self.entries():
            try:
                image = self.load(entry)
            except ImageError as error:
                problems.append(f"{entry.name}: {error}")
                continue
            missing = (layer.descriptor for layer in image.layers if not self.has(layer.descriptor))
            problems.extend(f"{entry.name}: layer {layer.digest} is missing" for layer in missing)
        return tuple(problems)

    def _collect(self, dry_run: bool) -> Freed:
        if not dry_run:
            sweep(self.temporary)
        kept: set[str] = set()
        for manifest in self._read_index().manifests:
            self._mark(manifest, kept)
        unused = tuple((digest, size) for digest, size in self.blobs() if digest not in kept)
        if not dry_run:
            for digest, _ in unused:
                self.path(digest).unlink()
        return Freed(tuple(digest for digest, _ in unused), sum(size for _, size in unused))

    def _mark(self, descriptor: Descriptor, kept: set[str]) -> None:
        if descriptor.digest in kept:
            return
        kept.add(descriptor.digest)
        try:
            document = parse_document(self.read(descriptor, MAX_MANIFEST), descriptor.media_type)
        except ImageError:
            # A child another tool left out, or a damaged manifest: it leads nowhere.
            return
        if isinstance(document, Index):
            for child in document.manifests:
                self._mark(child, kept)
        else:
            kept.add(document.config.digest)
            kept.update(layer.digest for layer in document.layers)

    def _chunks(self, digest: str) -> Iterator[bytes]:
        try:
            with self.path(digest).open("rb", buffering=0) as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
        except FileNotFoundError:
            raise ImageError(
                f"{digest} is missing from the store {self.root}", hint="pull the image again"
            ) from None

    def _read_index(self) -> Index:
        try:
            if self._index.stat().st_size > _MAX_INDEX:
                raise ImageError(f"{self._index} is larger than {_MAX_INDEX} bytes")
            return parse_index(json.loads(self._index.read_bytes()))
        except FileNotFoundError:
            return Index(())
        except (ValueError, RecursionError, ImageError) as error:
            raise ImageError(
                f"{self._index} is damaged: {error}", hint="move it away and pull the images again"
            ) from None

    def _write_index(self, manifests: tuple[Descriptor, ...]) -> None:
        document = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [manifest.to_json() for manifest in manifests],
        }
        write_atomic(self._index, json.dumps(document, indent=1).encode(), self.temporary)

    def _prepare(self) -> None:
        if self._index.exists() and self.temporary.exists():
            return
        self.temporary.mkdir(parents=True, exist_ok=True)
        (self.root / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        if not (self.root / "oci-layout").exists():
            write_atomic(self.root / "oci-layout", _LAYOUT, self.temporary)
        with locked(self.root / "index.lock"):
            if not self._index.exists():
                self._write_index(())

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except BlockingIOError:
            raise
        except OSError as error:
            where = f" ({os.fsdecode(error.filename)})" if error.filename else ""
            raise ImageError(
                f"the store {self.root} cannot be used: {error.strerror}{where}"
            ) from error
