"""Content by digest: pass bytes on only as long as they can still be what was promised."""

import hashlib

from elfuse.images.errors import DigestMismatch
from elfuse.typing import Iterable, Iterator


def verified(
    chunks: Iterable[bytes], digest: str, size: int, *, origin: str = "the registry sent"
) -> Iterator[bytes]:
    """Pass `chunks` on; raise before the last one unless all of them are what `digest` names."""
    algorithm, _, want = digest.partition(":")
    hasher, seen, held = hashlib.new(algorithm), 0, b""
    for chunk in chunks:
        seen += len(chunk)
        if seen > size:
            raise DigestMismatch(digest, f"{origin} more than the promised {size} bytes")
        hasher.update(chunk)
        if held:
            yield held
        held = chunk
    if seen != size:
        raise DigestMismatch(digest, f"{origin} {seen} of the promised {size} bytes")
    if hasher.hexdigest() != want:
        raise DigestMismatch(digest, f"{origin} other bytes")
    yield held


def check_bytes(raw: bytes, digest: str, what: str) -> None:
    """Raise unless `raw` is what `digest` names."""
    algorithm, _, want = digest.partition(":")
    if hashlib.new(algorithm, raw).hexdigest() != want:
        raise DigestMismatch(digest, f"the {what} has other bytes")
