"""What a pull tells the person who waits: the protocol and its plain form, one line per event."""

import contextlib
import threading
from typing import Literal, Protocol, TextIO, TypeAlias

from elfuse.typing import Iterator

ProgressMode: TypeAlias = Literal["auto", "plain", "none"]


class Progress(Protocol):
    """Events of the layers of one image, named by blob digest. Called from several threads."""

    def layer_started(self, digest: str, size: int) -> None:
        """The layer is going to be fetched or unpacked; `size` is its blob's."""

    def layer_advanced(self, digest: str, count: int) -> None:
        """`count` more bytes of the blob were dealt with."""

    def layer_unpacked(self, digest: str, size: int) -> None:
        """All entries are written; they are `size` bytes of archive."""

    def layer_done(self, digest: str) -> None:
        """Verified and durable."""

    def layer_skipped(self, digest: str, size: int) -> None:
        """The layer was there already."""


class Silent:
    """Tells nobody."""

    def layer_started(self, digest: str, size: int) -> None:
        """Not told."""

    def layer_advanced(self, digest: str, count: int) -> None:
        """Not told."""

    def layer_unpacked(self, digest: str, size: int) -> None:
        """Not told."""

    def layer_done(self, digest: str) -> None:
        """Not told."""

    def layer_skipped(self, digest: str, size: int) -> None:
        """Not told."""


class PlainProgress:
    """Lines for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def layer_started(self, digest: str, size: int) -> None:
        """One line with the size."""
        self._line(digest, f"pulling {human_size(size)}")

    def layer_advanced(self, digest: str, count: int) -> None:
        """Too often for a line."""

    def layer_unpacked(self, digest: str, size: int) -> None:
        """One line with the size."""
        self._line(digest, f"unpacked to {human_size(size)}")

    def layer_done(self, digest: str) -> None:
        """One line."""
        self._line(digest, "done")

    def layer_skipped(self, digest: str, size: int) -> None:
        """One line with the size."""
        self._line(digest, f"{human_size(size)} already there")

    def _line(self, digest: str, text: str) -> None:
        with self._lock:
            self._stream.write(f"{short_digest(digest)}: {text}\n")
            self._stream.flush()


@contextlib.contextmanager
def open_progress(mode: ProgressMode, stream: TextIO) -> Iterator[Progress]:
    """The display that fits `stream`, for as long as the context lasts."""
    if mode == "none":
        yield Silent()
    elif mode == "auto" and stream.isatty():
        from elfuse.images.progress_rich import RichProgress  # rich is slow to import

        with RichProgress(stream) as progress:
            yield progress
    else:
        yield PlainProgress(stream)


def short_digest(digest: str) -> str:
    """The twelve digits people compare."""
    return digest.partition(":")[2][:12]


def human_size(size: int) -> str:
    """A size as people read it, in binary units."""
    value = float(size)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
