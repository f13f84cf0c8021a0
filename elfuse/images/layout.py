"""An OCI image layout directory as the source of a pull: `oci:DIR[:TAG]`."""

import json
import os
from pathlib import Path

from elfuse.errors import ImageError
from elfuse.images.errors import ImageNotStored
from elfuse.images.manifest import (
    LINUX_ARM64,
    MAX_MANIFEST,
    Descriptor,
    Index,
    Platform,
    parse_index,
)
from elfuse.images.reference import LocalReference
from elfuse.images.verify import check_bytes
from elfuse.typing import Generator

_REF_NAME = "org.opencontainers.image.ref.name"
_CHUNK = 1 << 20
_MAX_INDEX = 64 << 20


class LayoutSource:
    """One image of a layout, as `pull` wants it. Nothing in the directory is trusted."""

    def __init__(self, reference: LocalReference, platform: Platform = LINUX_ARM64) -> None:
        self.reference = reference
        self._root = Path(reference.path)
        self._chosen = self._choose(platform)

    def close(self) -> None:
        """Nothing is held."""

    def cancel(self) -> None:
        """Nothing blocks."""

    def head(self) -> str:
        """The digest the reference stands for."""
        return self._chosen.digest

    def manifest(self, digest: str = "") -> tuple[bytes, str]:
        """A manifest or index and its media type: the reference's, or the one with `digest`."""
        raw = b"".join(self._chunks(digest or self._chosen.digest, MAX_MANIFEST))
        check_bytes(raw, digest or self._chosen.digest, f"manifest in {self._root}")
        return raw, "" if digest else self._chosen.media_type

    def blob(self, descriptor: Descriptor) -> Generator[bytes, None, None]:
        """A blob's bytes, unverified."""
        return self._chunks(descriptor.digest, descriptor.size)

    def _choose(self, platform: Platform) -> Descriptor:
        manifests, tag = self._index().manifests, self.reference.tag
        if tag:
            matching = tuple(m for m in manifests if m.annotations.get(_REF_NAME) == tag)
        elif len(manifests) == 1:
            matching = manifests
        else:
            matching = tuple(m for m in manifests if m.annotations.get(_REF_NAME) == "latest")
        if len(matching) == 1:
            return matching[0]
        if matching:
            return Index(matching).choose(platform, str(self.reference))
        names = sorted(name for m in manifests if (name := m.annotations.get(_REF_NAME)))
        raise ImageNotStored(
            f"{self._root} holds no image {tag or 'latest'}",
            hint=f"it holds {', '.join(names)}" if names else "",
        )

    def _index(self) -> Index:
        path = self._root / "index.json"
        try:
            if path.stat().st_size > _MAX_INDEX:
                raise ImageError(f"{path} is larger than {_MAX_INDEX} bytes")
            return parse_index(json.loads(path.read_bytes()))
        except OSError as error:
            raise ImageError(
                f"{self._root} is no OCI image layout: {path.name}: {error.strerror}"
            ) from None
        except (ValueError, RecursionError, ImageError) as error:
            raise ImageError(f"{path} is damaged: {error}") from None

    def _chunks(self, digest: str, limit: int) -> Generator[bytes, None, None]:
        """At most one byte more than `limit`, which is enough to be refused."""
        algorithm, _, encoded = digest.partition(":")
        path = self._root / "blobs" / algorithm / encoded
        left = limit + 1
        try:
            # A fifo in place of a blob must not hang the pull.
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as file:
                while left and (chunk := file.read(min(_CHUNK, left))):
                    left -= len(chunk)
                    yield chunk
        except OSError as error:
            raise ImageError(f"{self._root} has no usable {digest}: {error.strerror}") from None
