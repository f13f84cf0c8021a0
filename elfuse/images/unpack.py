"""Layer archive to a `LayerSink`: names made safe, whiteouts told apart, the diff ID verified.

Absolute names are relative to the root. A name that leaves the root is refused, as is one that
goes through a symbolic link of the same layer which could lead out of it.
"""

import hashlib
import stat

from elfuse.images.decompress import Limits, decompress
from elfuse.images.errors import DigestMismatch, LayerRefused
from elfuse.images.sink import LayerSink, Meta
from elfuse.images.tar import (
    BLOCK_DEVICE,
    CHAR,
    DIRECTORY,
    FIFO,
    LINK,
    REGULAR,
    SYMLINK,
    TarEntry,
    TarReader,
)
from elfuse.typing import Iterator

_WHITEOUT = b".wh."
_RESERVED = b".wh..wh."
_OPAQUE = b".wh..wh..opq"
_SPECIAL = {CHAR: stat.S_IFCHR, BLOCK_DEVICE: stat.S_IFBLK, FIFO: stat.S_IFIFO}
_MAX_PATH = 4096
_MAX_LINKS = 40


def unpack_layer(
    chunks: Iterator[bytes], diff_id: str, sink: LayerSink, limits: Limits | None = None
) -> int:
    """Feed the layer to `sink`; the size it unpacked to. The caller commits or aborts the sink."""
    limits = limits or Limits()
    hashed = _Hashed(decompress(chunks, limits), diff_id)
    names = _Names()
    expanded = 0
    for count, entry in enumerate(TarReader(hashed), 1):
        expanded += entry.size
        if count > limits.max_entries:
            raise LayerRefused(f"the layer has more than {limits.max_entries} entries")
        if expanded > limits.max_bytes:
            raise LayerRefused(f"the layer unpacks to more than {limits.max_bytes} bytes")
        _place(entry, names, sink)
    for _ in chunks:
        # Behind the end of the compressed stream; its reader may stop early, the blob's may not.
        pass
    hashed.check()
    return hashed.seen


class _Hashed:
    """Chunks, hashed on their way."""

    def __init__(self, chunks: Iterator[bytes], digest: str) -> None:
        algorithm, _, self._want = digest.partition(":")
        self._chunks = chunks
        self._hash = hashlib.new(algorithm)
        self._digest = digest
        self.seen = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = next(self._chunks)
        self._hash.update(chunk)
        self.seen += len(chunk)
        return chunk

    def check(self) -> None:
        if self._hash.hexdigest() != self._want:
            raise DigestMismatch(self._digest, "the layer unpacks to other bytes")


class _Names:
    """Where names of this layer lead, judged by the entries that came before."""

    def __init__(self) -> None:
        self._directories: set[bytes] = {b""}
        # Whatever is no directory, with the target if it is a symbolic link.
        self._leaves: dict[bytes, bytes | None] = {}

    def place(self, name: bytes) -> bytes:
        """The path an archive name stands for."""
        path = clean(name)
        parent, _, base = path.rpartition(b"/")
        if parent in self._directories:
            return path
        parent = self._through(parent, name)
        return parent + b"/" + base if parent else base

    def directory(self, path: bytes) -> None:
        self._directories.add(path)
        self._leaves.pop(path, None)

    def leaf(self, path: bytes, target: bytes | None = None) -> None:
        if path in self._directories:
            # Replaced by something else, and everything remembered below it with it.
            self._directories = {b""}
        self._leaves[path] = target

    def _through(self, parent: bytes, name: bytes) -> bytes:
        """`parent` with relative symbolic links of this layer followed."""
        walked, todo, links = b"", parent.split(b"/") if parent else [], 0
        while todo:
            component = todo.pop(0)
            walked = walked + b"/" + component if walked else component
            if walked in self._directories or walked not in self._leaves:
                continue
            target = self._leaves[walked]
            links += 1
            if target is None:
                raise LayerRefused(f"{printable(name)}: its parent is not a directory")
            if target.startswith(b"/") or links > _MAX_LINKS:
                raise LayerRefused(
                    f"{printable(name)}: goes through the symbolic link"
                    f" {printable(walked)} -> {printable(target)}"
                )
            above = walked.rpartition(b"/")[0]
            followed = clean(above + b"/" + target)
            todo = (followed.split(b"/") if followed else []) + todo
            walked = b""
        if parent == walked:
            self._directories.add(parent)
        return walked


def clean(name: bytes) -> bytes:
    """`name` without leading slash, `.`, `..` and empty components; refused if it leaves the root."""
    if b"\0" in name or len(name) > _MAX_PATH:
        raise LayerRefused(f"{printable(name[:100])}: no path")
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part in (b"", b"."):
            continue
        if part != b"..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            raise LayerRefused(f"{printable(name)}: leaves the image's root")
    return b"/".join(parts)


def printable(name: bytes) -> str:
    """A name as an error message shows it."""
    return ascii(name.decode(errors="surrogateescape"))


def _place(entry: TarEntry, names: _Names, sink: LayerSink) -> None:
    path = names.place(entry.name)
    if _WHITEOUT in path and _mark(path, sink):
        return
    meta = Meta(entry.mode, entry.uid, entry.gid, entry.mtime_ns, entry.xattrs)
    kind = entry.kind
    if kind == DIRECTORY:
        names.directory(path)
        sink.directory(path, meta)
        return
    if not path:
        raise LayerRefused("the layer's root is not a directory")
    if kind == REGULAR:
        names.leaf(path)
        sink.file(path, meta, entry.size, entry.data)
    elif kind == SYMLINK:
        if not entry.target or b"\0" in entry.target or len(entry.target) > _MAX_PATH:
            raise LayerRefused(f"{printable(path)}: a symbolic link without a usable target")
        names.leaf(path, entry.target)
        sink.symlink(path, meta, entry.target)
    elif kind == LINK:
        target = names.place(entry.target)
        if not target or target == path:
            raise LayerRefused(f"{printable(path)}: a hard link to {printable(entry.target)}")
        names.leaf(path)
        sink.hardlink(path, target)
    elif kind in _SPECIAL:
        names.leaf(path)
        sink.special(path, meta, _SPECIAL[kind], entry.major, entry.minor)
    else:
        raise LayerRefused(f"{printable(path)}: an archive entry of unknown type {kind!r}")


def _mark(path: bytes, sink: LayerSink) -> bool:
    """Report a whiteout or opaque mark; False if `path` is an ordinary name."""
    parts = path.split(b"/")
    parent, base = b"/".join(parts[:-1]), parts[-1]
    if any(part.startswith(_RESERVED) for part in parts[:-1]):
        return True
    if any(part.startswith(_WHITEOUT) for part in parts[:-1]):
        raise LayerRefused(f"{printable(path)}: lies below a whiteout")
    if not base.startswith(_WHITEOUT):
        return False
    if base == _OPAQUE:
        sink.opaque(parent)
    elif not base.startswith(_RESERVED):
        name = base.removeprefix(_WHITEOUT)
        if name in (b"", b".", b".."):
            raise LayerRefused(f"{printable(path)}: a whiteout of nothing")
        sink.whiteout(parent + b"/" + name if parent else name)
    return True
