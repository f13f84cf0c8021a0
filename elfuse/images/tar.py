"""Read a tar stream whose author may be hostile: POSIX ustar and pax, GNU, star and v7.

The standard library's reader is not used: it holds extension headers of any announced size in
memory, decodes names, and is several times slower per entry, which is what a layer of many small
files costs. Names stay bytes. Global pax headers are ignored, as Docker ignores them.
"""

import re
import struct
from dataclasses import dataclass, field

from elfuse.images.errors import LayerRefused
from elfuse.typing import Iterator

BLOCK = 512
REGULAR, LINK, SYMLINK, CHAR, BLOCK_DEVICE, DIRECTORY, FIFO = (
    b"0",
    b"1",
    b"2",
    b"3",
    b"4",
    b"5",
    b"6",
)

_HEADER = struct.Struct("100s8s8s8s12s12s8sc100s6s2s32s32s8s8s155s12x")
_ZERO_BLOCK = bytes(BLOCK)
_HOLE = bytes(1 << 16)
_MAX_EXTENSION = 1 << 20
"""For all extension headers of a member. Linux bounds an xattr by 64 KiB, a path by 4 KiB."""
_MAX_FIELD = 1 << 62
_MAX_ID = (1 << 32) - 1
_MTIME = re.compile(rb"(-?)(\d{1,18})(?:\.(\d*))?")
_DECIMAL = re.compile(rb"\d{1,19}")
_SPARSE = frozenset({b"GNU.sparse.major", b"GNU.sparse.map"})
_XATTR = b"SCHILY.xattr."


@dataclass(slots=True)
class TarEntry:
    """One member. `data` yields exactly `size` bytes and must be used before the next member."""

    name: bytes
    kind: bytes
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    target: bytes
    major: int
    minor: int
    xattrs: dict[bytes, bytes]
    data: Iterator[bytes]


@dataclass(slots=True)
class _Extensions:
    """What extension headers say about the next member."""

    records: dict[bytes, bytes] = field(default_factory=dict)
    name: bytes | None = None
    target: bytes | None = None
    size: int = 0


class TarReader:
    """Members of the archive that `chunks` makes up. Reads to the end of the stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = b""
        self._position = 0

    def __iter__(self) -> Iterator[TarEntry]:
        extensions = _Extensions()
        while (block := self._header()) is not None:
            fields = _HEADER.unpack(block)
            kind = fields[7]
            if kind in b"xgXLK":
                self._extend(extensions, kind, _number(fields[4], "size"))
                continue
            entry, stored = self._entry(block, fields, extensions)
            extensions = _Extensions()
            yield entry
            for _ in entry.data:
                pass
            self._skip(-stored % BLOCK)
        if extensions != _Extensions():
            raise _truncated()
        # Whoever hashes the stream has to see the padding behind the archive, too.
        for _ in self._chunks:
            pass

    def _header(self) -> bytes | None:
        block = self._take(BLOCK, end_allowed=True)
        if not block or block == _ZERO_BLOCK:
            return None
        expected = _number(block[148:156], "checksum")
        actual = sum(block) - sum(block[148:156]) + 8 * 0x20
        if actual != expected:
            raise LayerRefused("the layer's archive is damaged: a header has a wrong checksum")
        return block

    def _extend(self, extensions: _Extensions, kind: bytes, size: int) -> None:
        if kind != b"g":
            extensions.size += size
        if max(size, extensions.size) > _MAX_EXTENSION:
            raise LayerRefused(f"the layer's archive has an extension header of {size} bytes")
        raw = self._take(size)
        self._skip(-size % BLOCK)
        if kind == b"L":
            extensions.name = raw.partition(b"\0")[0]
        elif kind == b"K":
            extensions.target = raw.partition(b"\0")[0]
        elif kind != b"g":
            _parse_pax(raw, extensions.records)

    def _entry(
        self, block: bytes, fields: tuple[bytes, ...], extensions: _Extensions
    ) -> tuple[TarEntry, int]:
        """The member, and how many bytes of the archive its data takes."""
        kind = fields[7]
        pax = extensions.records
        name = pax.get(b"path") or extensions.name or _header_name(block, fields)
        target = pax.get(b"linkpath") or extensions.target or _cut(fields[8])
        size = _pax_number(pax, b"size", fields[4])
        if kind == b"\0":
            # Before ustar, a slash was what told a directory from a file.
            kind = DIRECTORY if name.endswith(b"/") else REGULAR
        elif kind == b"7":
            kind = REGULAR
        stored, real, pieces = 0, 0, None
        if kind == b"S":
            stored, real, pieces = self._old_sparse(block, size)
            kind = REGULAR
        elif kind == REGULAR:
            name = pax.get(b"GNU.sparse.name") or name
            stored, real, pieces = self._regular(pax, size)
        xattrs = (
            {k[len(_XATTR) :]: v for k, v in pax.items() if k.startswith(_XATTR)} if pax else {}
        )
        device = kind in (CHAR, BLOCK_DEVICE)
        entry = TarEntry(
            name=name,
            kind=kind,
            mode=_number(fields[1], "mode") & 0o7777,
            uid=_identity(_pax_number(pax, b"uid", fields[2])),
            gid=_identity(_pax_number(pax, b"gid", fields[3])),
            size=real,
            mtime_ns=_mtime(pax.get(b"mtime"), fields[5]),
            target=target,
            major=_identity(_number(fields[13], "device number")) if device else 0,
            minor=_identity(_number(fields[14], "device number")) if device else 0,
            xattrs=xattrs,
            data=iter(()) if pieces is None else pieces,
        )
        return entry, stored

    def _regular(self, pax: dict[bytes, bytes], size: int) -> tuple[int, int, Iterator[bytes]]:
        if not pax or not pax.keys() & _SPARSE:
            return size, size, self._pieces(size)
        if b"GNU.sparse.map" in pax:
            numbers = [_decimal(text) for text in pax[b"GNU.sparse.map"].split(b",") if text]
            real = _decimal(pax.get(b"GNU.sparse.size") or pax.get(b"GNU.sparse.realsize", b""))
            used = 0
        else:
            real = _decimal(pax.get(b"GNU.sparse.realsize", b""))
            numbers, used = self._sparse_map(size)
        runs = _runs(numbers, real, size - used)
        return size, real, self._sparse_pieces(runs, real)

    def _sparse_map(self, size: int) -> tuple[list[int], int]:
        """Sparse format 1.0: the map is in front of the data, in whole blocks."""
        raw, count = b"", None
        while True:
            if len(raw) + BLOCK > min(size, _MAX_EXTENSION):
                raise _damaged_sparse()
            raw += self._take(BLOCK)
            lines = raw.split(b"\n")[:-1]
            if count is None and lines:
                count = _decimal(lines[0])
            if count is not None and len(lines) > 2 * count:
                return [_decimal(line) for line in lines[1 : 2 * count + 1]], len(raw)

    def _old_sparse(self, block: bytes, size: int) -> tuple[int, int, Iterator[bytes]]:
        """GNU's type S: four runs in the header, the others in blocks behind it."""
        fields = [block[386 + 12 * i : 398 + 12 * i] for i in range(8)]
        more, real = block[482], _number(block[483:495], "size")
        while more:
            block = self._take(BLOCK)
            fields += [block[12 * i : 12 * i + 12] for i in range(42)]
            more = block[504]
            if len(fields) * 12 > _MAX_EXTENSION:
                raise _damaged_sparse()
        numbers = [_number(text, "sparse map") for text in fields if text.strip(b"\0 ")]
        return size, real, self._sparse_pieces(_runs(numbers, real, size), real)

    def _sparse_pieces(self, runs: list[tuple[int, int]], real: int) -> Iterator[bytes]:
        position = 0
        for offset, length in (*runs, (real, 0)):
            while position < offset:
                hole = _HOLE[: offset - position]
                position += len(hole)
                yield hole
            yield from self._pieces(length)
            position += length

    def _pieces(self, size: int) -> Iterator[bytes]:
        while size:
            if self._position == len(self._buffer):
                self._refill()
            start = self._position
            piece = self._buffer[start : start + size]
            self._position += len(piece)
            size -= len(piece)
            yield piece

    def _skip(self, size: int) -> None:
        for _ in self._pieces(size):
            pass

    def _take(self, size: int, *, end_allowed: bool = False) -> bytes:
        end = self._position + size
        if end <= len(self._buffer):
            piece = self._buffer[self._position : end]
            self._position = end
            return piece
        parts = [self._buffer[self._position :]]
        held = len(parts[0])
        while held < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                if end_allowed and not held:
                    self._buffer, self._position = b"", 0
                    return b""
                raise _truncated()
            parts.append(chunk)
            held += len(chunk)
        self._buffer, self._position = b"".join(parts), size
        return self._buffer[:size]

    def _refill(self) -> None:
        while not (chunk := next(self._chunks, None)):
            if chunk is None:
                raise _truncated()
        self._buffer, self._position = chunk, 0


def _truncated() -> LayerRefused:
    return LayerRefused("the layer's archive is truncated")


def _damaged_sparse() -> LayerRefused:
    return LayerRefused("the layer's archive is damaged: a sparse map makes no sense")


def _cut(text: bytes) -> bytes:
    return text.partition(b"\0")[0]


def _header_name(block: bytes, fields: tuple[bytes, ...]) -> bytes:
    name = _cut(fields[0])
    if fields[9] != b"ustar\0":
        # GNU and v7 use the room of the prefix for other things.
        return name
    prefix = fields[15][:131] if block.endswith(b"tar\0") else fields[15]
    prefix = _cut(prefix)
    return prefix + b"/" + name if prefix else name


def _number(text: bytes, what: str) -> int:
    """Octal digits, or GNU's big-endian binary with the top bit set."""
    if text[0] & 0x80:
        if text[0] & 0x40:
            raise LayerRefused(f"the layer's archive is damaged: a negative {what}")
        value = int.from_bytes(bytes((text[0] & 0x3F,)) + text[1:], "big")
    else:
        digits = _cut(text).strip(b" ")
        try:
            value = int(digits, 8) if digits else 0
        except ValueError:
            raise LayerRefused(f"the layer's archive is damaged: no number for {what}") from None
    if not 0 <= value <= _MAX_FIELD:
        raise LayerRefused(f"the layer's archive is damaged: {what} is out of range")
    return value


def _decimal(text: bytes) -> int:
    if not _DECIMAL.fullmatch(text) or (value := int(text)) > _MAX_FIELD:
        raise LayerRefused(f"the layer's archive is damaged: no number: {text[:40]!r}")
    return value


def _pax_number(pax: dict[bytes, bytes], key: bytes, fallback: bytes) -> int:
    text = pax.get(key) if pax else None
    return _decimal(text) if text else _number(fallback, key.decode())


def _identity(value: int) -> int:
    if value > _MAX_ID:
        raise LayerRefused(f"the layer's archive has an owner or device number of {value}")
    return value


def _mtime(pax: bytes | None, fallback: bytes) -> int:
    if not pax:
        if fallback[0] & 0x80:
            value = int.from_bytes(fallback, "big")
            # Two's complement in 95 bits behind the marker.
            value = value - (1 << 96) if fallback[0] & 0x40 else value - (1 << 95)
            return max(-_MAX_FIELD, min(_MAX_FIELD, value * 1_000_000_000))
        return min(_MAX_FIELD, _number(fallback, "mtime") * 1_000_000_000)
    match = _MTIME.fullmatch(pax)
    if not match:
        raise LayerRefused(f"the layer's archive is damaged: no time: {pax[:40]!r}")
    sign, seconds, fraction = match.groups()
    value = int(seconds) * 1_000_000_000 + int((fraction or b"")[:9].ljust(9, b"0"))
    return max(-_MAX_FIELD, min(_MAX_FIELD, -value if sign else value))


def _parse_pax(raw: bytes, records: dict[bytes, bytes]) -> None:
    """Add `LENGTH KEY=VALUE\\n` records; an empty value takes the key back."""
    position = 0
    while position < len(raw):
        space = raw.find(b" ", position, position + 20)
        length = _decimal(raw[position:space]) if space > 0 else 0
        end = position + length
        if length == 0 or end > len(raw) or raw[end - 1 : end] != b"\n":
            raise LayerRefused("the layer's archive is damaged: a pax record makes no sense")
        key, equals, value = raw[space + 1 : end - 1].partition(b"=")
        if not equals:
            raise LayerRefused("the layer's archive is damaged: a pax record has no value")
        if key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes"):
            # Sparse format 0.0 repeats its keys; 0.1 is the same list in one value.
            records[b"GNU.sparse.map"] = records.get(b"GNU.sparse.map", b"") + value + b","
        elif value:
            records[key] = value
        else:
            records.pop(key, None)
        position = end


def _runs(numbers: list[int], real: int, stored: int) -> list[tuple[int, int]]:
    """The data runs of a sparse file, checked: ordered, inside the file, using all stored bytes."""
    if len(numbers) % 2:
        raise _damaged_sparse()
    runs = list(zip(numbers[::2], numbers[1::2], strict=True))
    position = 0
    for offset, length in runs:
        if offset < position or offset + length > real:
            raise _damaged_sparse()
        position = offset + length
    if sum(length for _, length in runs) != stored:
        raise _damaged_sparse()
    return runs
