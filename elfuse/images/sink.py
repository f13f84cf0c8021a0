"""Where unpacked layers go: the protocol `overlay` satisfies by shape."""

from dataclasses import dataclass, field
from typing import Protocol

from elfuse.typing import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Meta:
    """What an archive entry says about its inode. `mode` holds permission bits, setuid included."""

    mode: int
    uid: int
    gid: int
    mtime_ns: int
    xattrs: Mapping[bytes, bytes] = field(default_factory=dict)


class LayerSink(Protocol):
    """One layer's entries in archive order.

    Paths are bytes, relative, without leading slash, `.` or `..`; `b""` is the root itself. A later
    entry for a path replaces the earlier one (a directory stays, with new metadata). Parents may be
    missing. Whiteouts and opaque marks speak about lower layers only.
    """

    def directory(self, path: bytes, meta: Meta) -> None:
        """A directory."""

    def file(self, path: bytes, meta: Meta, size: int, chunks: Iterator[bytes]) -> None:
        """A regular file; must consume `chunks`, which yields exactly `size` bytes or raises."""

    def symlink(self, path: bytes, meta: Meta, target: bytes) -> None:
        """A symbolic link; the target is the guest's business and may point anywhere."""

    def hardlink(self, path: bytes, target: bytes) -> None:
        """Another name for `target`: an earlier path of this layer, or one of a lower layer."""

    def special(self, path: bytes, meta: Meta, mode: int, major: int, minor: int) -> None:
        """A device, fifo or socket; `mode` is one of S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK."""

    def whiteout(self, path: bytes) -> None:
        """Lower layers' `path` is gone."""

    def opaque(self, path: bytes) -> None:
        """Lower layers' content of the directory `path` is gone."""

    def commit(self) -> None:
        """Make the layer durable and findable. Idempotent."""

    def abort(self) -> None:
        """Forget everything; the layer never existed."""


class SinkFactory(Protocol):
    """Where a layer's sink comes from, by the digest of its uncompressed archive."""

    def has(self, diff_id: str) -> bool:
        """Whether the layer was committed before."""

    def open(self, diff_id: str) -> LayerSink:
        """A sink for a layer that is not there yet."""
