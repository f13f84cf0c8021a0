"""The animated form of pull progress, for a terminal. Imported only if there is one."""

import threading
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

from elfuse.images.progress import short_digest


class RichProgress:
    """A bar per layer, in the order in which they start."""

    def __init__(self, stream: TextIO) -> None:
        self._display = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TextColumn("{task.fields[state]}"),
            console=Console(file=stream),
        )
        self._lock = threading.Lock()
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._display.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._display.stop()

    def layer_started(self, digest: str, size: int) -> None:
        """A bar appears."""
        self._task(digest, size, "pulling")

    def layer_advanced(self, digest: str, count: int) -> None:
        """The bar grows."""
        self._display.advance(self._tasks[digest], count)

    def layer_unpacked(self, digest: str, size: int) -> None:  # noqa: ARG002 - the protocol's
        """The bar says so."""
        self._display.update(self._tasks[digest], state="unpacked")

    def layer_done(self, digest: str) -> None:
        """The bar says so."""
        self._display.update(self._tasks[digest], state="done")

    def layer_skipped(self, digest: str, size: int) -> None:
        """A full bar appears."""
        self._display.update(self._task(digest, size, "already there"), completed=size)

    def _task(self, digest: str, size: int, state: str) -> TaskID:
        with self._lock:
            if digest not in self._tasks:
                name = short_digest(digest)
                self._tasks[digest] = self._display.add_task(name, total=size, state=state)
            # A layer that starts again, because the stored copy was damaged, starts from nothing.
            self._display.update(self._tasks[digest], completed=0, state=state)
            return self._tasks[digest]
