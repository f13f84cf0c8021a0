"""Layer compression: gzip, zstd or none, told apart by the first bytes, within limits.

Media types are not trusted for this: registries hold gzip layers that are labelled plain and the
other way round, and the diff ID decides anyway. Concatenated gzip members and zstd frames are one
stream, as pigz, estargz and zstd:chunked write them.
"""

import itertools
from dataclasses import dataclass
from typing import IO, Any, cast

from elfuse.images.errors import LayerRefused
from elfuse.typing import Callable, Iterator

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x04\x22\x4d\x18": "lz4"}
_OUTPUT = 1 << 18
_MAX_WINDOW = 1 << 27
"""What `zstd --long` uses; a larger window is a way to make the reader allocate memory."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a layer may unpack to.

    `max_ratio` counts only above `ratio_floor` bytes, since a short run of zeros compresses without
    bound and does no harm.
    """

    max_bytes: int = 64 << 30
    max_ratio: int = 500
    ratio_floor: int = 1 << 30
    max_entries: int = 1_000_000


def decompress(chunks: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    """The uncompressed stream; LayerRefused if it is damaged or grows beyond the limits."""
    source = _Counted(chunks)
    head = b""
    while len(head) < 6 and (chunk := next(source, None)) is not None:
        head += chunk
    rest = itertools.chain((head,), source)
    unpacked = 0
    for piece in _select(head)(rest):
        unpacked += len(piece)
        if unpacked > limits.max_bytes:
            raise LayerRefused(f"the layer unpacks to more than {limits.max_bytes} bytes")
        if unpacked > limits.ratio_floor and unpacked > source.seen * limits.max_ratio:
            raise LayerRefused(
                f"the layer unpacks to more than {limits.max_ratio} times its size",
                hint="this looks like a decompression bomb",
            )
        yield piece


class _Counted:
    """Chunks, and how many bytes have gone by."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.seen = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = next(self._chunks)
        self.seen += len(chunk)
        return chunk


def _select(head: bytes) -> Callable[[Iterator[bytes]], Iterator[bytes]]:
    if head.startswith(_GZIP):
        return _gunzip
    # A skippable frame may come first; its magic has sixteen values.
    if head.startswith(_ZSTD) or (head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5):
        return _unzstd
    for magic, name in _OTHERS.items():
        if head.startswith(magic):
            raise LayerRefused(f"the layer is compressed with {name}, which image layers never are")
    return lambda chunks: chunks


def _gunzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    from isal import igzip_lib  # only a layer in this format pays for the import

    # The package's stub declares an instance where there is a class.
    damage = cast(type[Exception], igzip_lib.error)
    decompressor: Any = None
    try:
        for chunk in chunks:
            data = chunk
            while data or (decompressor and not decompressor.needs_input):
                if not decompressor:
                    # Zeros between and after members are padding.
                    data = data.lstrip(b"\0")
                    if not data:
                        break
                    decompressor = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
                piece = decompressor.decompress(data, _OUTPUT)
                data = b""
                if piece:
                    yield piece
                if decompressor.eof:
                    data, decompressor = decompressor.unused_data, None
    except damage as error:
        raise LayerRefused(f"the layer's gzip stream is damaged: {error}") from None
    if decompressor:
        raise LayerRefused("the layer's gzip stream is truncated")


def _unzstd(chunks: Iterator[bytes]) -> Iterator[bytes]:
    import zstandard  # only a layer in this format pays for the import

    reader = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).stream_reader(
        cast(IO[bytes], _Readable(chunks)), read_across_frames=True
    )
    try:
        while piece := reader.read(_OUTPUT):
            yield piece
    except zstandard.ZstdError as error:
        raise LayerRefused(f"the layer's zstd stream is damaged: {error}") from None


class _Readable:
    """The `read` that zstandard wants; it copes with short reads."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = b""

    def read(self, size: int) -> bytes:
        while not self._held:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._held = chunk
        piece, self._held = self._held[:size], self._held[size:]
        return piece
