"""From a reference to an image that is entirely in the store and unpacked.

Layers are fetched side by side; each is written, hashed and unpacked in one pass. The reference
enters the store's index last, so whatever fails or is killed before leaves no image behind, only
whole verified blobs and layers that the next pull finds.
"""

import contextlib
import threading
from typing import Literal, Protocol, TypeAlias

from elfuse.errors import ImageError
from elfuse.images.decompress import Limits
from elfuse.images.errors import (
    Cancelled,
    DigestMismatch,
    ImageNotStored,
    LayerRefused,
    PlatformUnavailable,
    RegistryError,
)
from elfuse.images.layout import LayoutSource
from elfuse.images.manifest import (
    DOCKER_MANIFEST,
    LINUX_ARM64,
    MAX_CONFIG,
    MAX_MANIFEST,
    OCI_MANIFEST,
    Descriptor,
    Image,
    ImageConfig,
    Index,
    Layer,
    Manifest,
    Platform,
    digest_of,
    pair_layers,
    parse_config,
    parse_document,
)
from elfuse.images.options import RegistryOptions
from elfuse.images.progress import Progress, Silent
from elfuse.images.reference import AnyReference, LocalReference, Reference, parse_reference
from elfuse.images.sink import SinkFactory
from elfuse.images.store import Entry, Store
from elfuse.images.unpack import unpack_layer
from elfuse.images.verify import check_bytes, verified
from elfuse.record import replace
from elfuse.typing import Callable, Generator, Iterable, Iterator, Mapping

PullPolicy: TypeAlias = Literal["always", "missing", "never", "newer"]
_THREADS = 4
_MAX_NESTING = 4


class Source(Protocol):
    """Where an image comes from. What it returns is unverified."""

    def head(self) -> str:
        """The digest the reference stands for now; empty if that is not known cheaply."""

    def manifest(self, digest: str = "") -> tuple[bytes, str]:
        """A manifest or index and its media type: the reference's, or the one with `digest`."""

    def blob(self, descriptor: Descriptor) -> Generator[bytes, None, None]:
        """A blob's bytes."""

    def cancel(self) -> None:
        """Make what other threads are doing fail soon."""

    def close(self) -> None:
        """No thread uses the source any more."""


def pull(
    reference: str | AnyReference,
    store: Store,
    *,
    sinks: SinkFactory,
    platform: Platform = LINUX_ARM64,
    policy: PullPolicy = "always",
    progress: Progress | None = None,
    options: RegistryOptions | None = None,
    limits: Limits | None = None,
    environ: Mapping[str, str] | None = None,
) -> Image:
    """The image `reference` names, fetched as far as `policy` asks for and the store lacks it.

    `newer` falls back to the stored image if the registry cannot be asked. `environ` says where
    credentials are; it is the process's by default.
    """
    if isinstance(reference, str):
        reference = parse_reference(reference)
    entry, stored = _stored(reference, store, sinks, platform)
    if policy == "never":
        if stored is None:
            raise ImageNotStored(f"no image {reference.familiar} in the store for {platform}")
        return stored
    # What a digest names never changes. A directory's name says nothing about its content.
    fixed = isinstance(reference, Reference) and (policy == "missing" or reference.digest)
    if stored and fixed:
        return stored
    try:
        with contextlib.closing(_open(reference, platform, options, environ)) as source:
            if stored and entry and source.head() == entry.resolved:
                return stored
            with store.adding():
                job = _Pull(reference, store, sinks, source, progress or Silent(), limits)
                return job.run(platform)
    except RegistryError:
        if policy == "newer" and stored:
            return stored
        raise


def _open(
    reference: AnyReference,
    platform: Platform,
    options: RegistryOptions | None,
    environ: Mapping[str, str] | None,
) -> Source:
    if not isinstance(reference, LocalReference):
        from elfuse.images.registry import RegistrySource  # a stored image needs no HTTP

        return RegistrySource(reference, options, environ)
    if reference.transport == "oci":
        return LayoutSource(reference, platform)
    raise ImageError(
        f"{reference} cannot be pulled: only registries and oci: directories can",
        hint=f"skopeo copy {reference} oci:DIR",
    )


def _stored(
    reference: AnyReference, store: Store, sinks: SinkFactory, platform: Platform
) -> tuple[Entry | None, Image | None]:
    """The entry of that name, and its image if it is complete and for the platform."""
    entry = store.resolve(reference.name)
    if entry is None:
        return None, None
    try:
        image = store.load(entry)
    except ImageError:
        # Damaged or incomplete: as good as absent, since pulling repairs it.
        return entry, None
    complete = all(store.has(each.descriptor) and sinks.has(each.diff_id) for each in image.layers)
    usable = complete and _suits(image.config, platform)
    return entry, image if usable else None


def _suits(config: ImageConfig, platform: Platform) -> bool:
    return not config.platform.architecture or platform.matches(config.platform)


class _Pull:
    """One pull in progress."""

    def __init__(
        self,
        reference: AnyReference,
        store: Store,
        sinks: SinkFactory,
        source: Source,
        progress: Progress,
        limits: Limits | None,
    ) -> None:
        self._reference = reference
        self._store = store
        self._sinks = sinks
        self._source = source
        self._progress = progress
        self._limits = limits
        self._stop = threading.Event()

    def run(self, platform: Platform) -> Image:
        """Fetch what is missing and name the image."""
        resolved, descriptor, manifest, raw = self._resolve(platform)
        if manifest.media_type == DOCKER_MANIFEST:
            # An OCI layout holds OCI manifests; its readers pass over others.
            manifest = manifest.to_oci()
            raw = manifest.to_bytes()
            descriptor = Descriptor(OCI_MANIFEST, digest_of(raw), len(raw))
        config = self._config(manifest)
        if not _suits(config, platform):
            raise PlatformUnavailable(
                f"{self._reference.familiar} is not available for {platform}",
                hint=f"it is available for {config.platform}",
            )
        layers = pair_layers(manifest, config)
        self._layers(layers)
        if not self._store.has(descriptor):
            self._store.put((raw,), descriptor)
        descriptor = replace(descriptor, platform=config.platform)
        self._store.tag(self._reference.name, descriptor, resolved)
        return Image(self._reference.name, resolved, descriptor, config, layers)

    def _resolve(self, platform: Platform) -> tuple[str, Descriptor, Manifest, bytes]:
        """What the reference stands for, and the platform's manifest, verified."""
        what = self._reference.familiar
        raw, media_type = self._source.manifest()
        resolved = digest_of(raw)
        if isinstance(self._reference, Reference) and self._reference.digest:
            resolved = self._reference.digest
            check_bytes(raw, resolved, f"manifest of {what}")
        document = parse_document(raw, media_type)
        digest = resolved
        for _ in range(_MAX_NESTING):
            if not isinstance(document, Index):
                descriptor = Descriptor(document.media_type, digest, len(raw))
                return resolved, descriptor, document, raw
            chosen = document.choose(platform, what)
            raw, digest = self._manifest(chosen), chosen.digest
            document = parse_document(raw, chosen.media_type)
        raise ImageError(f"{what}: indexes are nested more than {_MAX_NESTING} deep")

    def _manifest(self, descriptor: Descriptor) -> bytes:
        with contextlib.suppress(ImageError):
            if self._store.has(descriptor):
                return self._store.read(descriptor, MAX_MANIFEST)
        raw, _ = self._source.manifest(descriptor.digest)
        return b"".join(verified((raw,), descriptor.digest, descriptor.size))

    def _config(self, manifest: Manifest) -> ImageConfig:
        descriptor = manifest.config
        with contextlib.suppress(ImageError):
            if self._store.has(descriptor):
                return parse_config(self._store.read(descriptor))
        if descriptor.size > MAX_CONFIG:
            raise ImageError(f"the image configuration is larger than {MAX_CONFIG} bytes")
        with contextlib.closing(self._source.blob(descriptor)) as chunks:
            raw = b"".join(verified(chunks, descriptor.digest, descriptor.size))
        config = parse_config(raw)
        self._store.put((raw,), descriptor)
        return config

    def _layers(self, layers: Iterable[Layer]) -> None:
        """Bring all layers in; the first failure stops the others and is the one reported."""
        from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait  # pulls only

        jobs: dict[str, tuple[Layer, bool]] = {}
        unpacking: set[str] = set()
        for layer in layers:
            # Two blobs may be one layer, compressed differently; it is unpacked once.
            jobs.setdefault(layer.descriptor.digest, (layer, layer.diff_id not in unpacking))
            unpacking.add(layer.diff_id)
        if not jobs:
            return
        with ThreadPoolExecutor(min(_THREADS, len(jobs)), "pull") as pool:
            try:
                # An interrupt may come while the last thread is being started.
                futures = [pool.submit(self._layer, *job) for job in jobs.values()]
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                failed = [error for each in done if (error := each.exception())]
                if failed:
                    raise next((e for e in failed if not isinstance(e, Cancelled)), failed[0])
            except BaseException:
                self._stop.set()
                self._source.cancel()
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _layer(self, layer: Layer, unpack: bool) -> None:
        descriptor = layer.descriptor
        unpack = unpack and not self._sinks.has(layer.diff_id)
        here = self._store.has(descriptor)
        if here and not unpack:
            self._progress.layer_skipped(descriptor.digest, descriptor.size)
            return
        self._progress.layer_started(descriptor.digest, descriptor.size)
        if not here or not self._from_store(layer):
            self._fetch(layer, unpack)
        self._progress.layer_done(descriptor.digest)

    def _from_store(self, layer: Layer) -> bool:
        """Unpack the stored blob; False if it has been damaged since it was stored."""
        descriptor = layer.descriptor
        try:
            self._unpack(layer, self._store.stream(descriptor))
        except DigestMismatch as error:
            if error.digest != descriptor.digest:
                raise
            self._progress.layer_started(descriptor.digest, descriptor.size)
            return False
        return True

    def _fetch(self, layer: Layer, unpack: bool) -> None:
        """Write, hash and unpack the blob in one pass."""
        descriptor = layer.descriptor
        with (
            contextlib.closing(self._source.blob(descriptor)) as chunks,
            self._store.writer() as file,
        ):

            def written() -> Iterator[bytes]:
                for chunk in verified(chunks, descriptor.digest, descriptor.size):
                    file.write(chunk)
                    yield chunk

            def publish() -> None:
                file.publish(self._store.path(descriptor.digest))

            if unpack:
                self._unpack(layer, written(), publish)
            else:
                for _ in self._counted(descriptor.digest, written()):
                    pass
                publish()

    def _unpack(
        self, layer: Layer, chunks: Iterator[bytes], publish: Callable[[], None] | None = None
    ) -> None:
        """Into a sink of its own, committed after the blob is published."""
        counted = self._counted(layer.descriptor.digest, chunks)
        sink = self._sinks.open(layer.diff_id)
        try:
            try:
                size = unpack_layer(counted, layer.diff_id, sink, self._limits)
            except LayerRefused:
                # Damage in transit looks like a bad archive; the blob's digest tells them apart.
                for _ in counted:
                    pass
                raise
            self._progress.layer_unpacked(layer.descriptor.digest, size)
            if publish:
                publish()
            sink.commit()
        except BaseException:
            sink.abort()
            raise

    def _counted(self, digest: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self._stop.is_set():
                raise Cancelled("cancelled")
            self._progress.layer_advanced(digest, len(chunk))
            yield chunk
