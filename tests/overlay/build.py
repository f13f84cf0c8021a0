"""Layers and trees for tests of the overlay."""

import hashlib
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from elfuse.images.sink import LayerSink, Meta
from elfuse.overlay.layers import Layers
from elfuse.overlay.overlay import Overlay

MTIME = 1_500_000_000_000_000_000
Step = tuple[Any, ...]
"""Name of a sink's method, path, and what else it needs; metadata last, as keywords of Meta."""


def meta(mode: int = 0o755, **about: Any) -> Meta:
    return Meta(**{"mode": mode, "uid": 0, "gid": 0, "mtime_ns": MTIME, **about})


def feed(sink: LayerSink, steps: Iterable[Step]) -> None:
    for kind, path, *rest in steps:
        match kind:
            case "directory":
                sink.directory(path, *rest or [meta()])
            case "file":
                data = rest[0] if rest else b""
                sink.file(path, rest[1] if rest[1:] else meta(0o644), len(data), iter([data]))
            case "symlink":
                sink.symlink(path, rest[1] if rest[1:] else meta(0o777), rest[0])
            case "hardlink":
                sink.hardlink(path, rest[0])
            case "special":
                sink.special(path, meta(0o666), *rest)
            case "whiteout":
                sink.whiteout(path)
            case "opaque":
                sink.opaque(path)
            case _:
                raise AssertionError(kind)


def diff_id(name: object) -> str:
    return "sha256:" + hashlib.sha256(repr(name).encode()).hexdigest()


def add_layer(layers: Layers, steps: Iterable[Step]) -> str:
    steps = list(steps)
    identity = diff_id(steps)
    if not layers.has(identity):
        sink = layers.open(identity)
        feed(sink, steps)
        sink.commit()
    return identity


def tree(root: Path, *layers: Iterable[Step]) -> Path:
    """The index of these layers' tree; the objects are in the store at `root` too."""
    store = Layers(root)
    return store.merged([add_layer(store, steps) for steps in layers])


BASE: list[Step] = [
    ("directory", b"etc"),
    ("file", b"etc/hostname", b"box\n"),
    ("file", b"etc/passwd", b"root:x:0:0\n", meta(0o644, xattrs={b"user.a": b"1"})),
    ("directory", b"usr"),
    ("directory", b"usr/bin"),
    ("file", b"usr/bin/su", b"\x7fELF", meta(0o4755)),
    ("hardlink", b"usr/bin/sg", b"usr/bin/su"),
    ("symlink", b"bin", b"usr/bin"),
    ("directory", b"usr/share"),
    ("directory", b"usr/share/doc"),
    ("file", b"usr/share/doc/readme", b"read me"),
    ("directory", b"empty"),
    ("special", b"null", stat.S_IFCHR, 1, 3),
    ("file", b"data", b"0123456789" * 10),
]


def overlay(tmp: Path, *layers: Iterable[Step], read_only: bool = False) -> Overlay:
    """An overlay on BASE (or the layers given) with its upper in `tmp`; again for the same upper."""
    index = tree(tmp / "store", *(layers or (BASE,)))
    objects = Layers(tmp / "store").objects.root
    return Overlay(index, objects, tmp / "upper", read_only=read_only)
