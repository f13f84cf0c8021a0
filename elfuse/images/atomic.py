"""Files that appear whole or not at all, and locks that die with their holder.

A temporary file is locked for as long as its writer lives. The kernel drops the lock when the
writer dies, however it dies, so `sweep` can tell an abandoned file from one in use without
asking for process ids, which are reused and mean nothing across pid namespaces.
"""

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType

from elfuse.typing import Iterator, Self


class AtomicFile:
    """A file under construction below `directory`, discarded unless `publish` is called.

    `publish` is durable and atomic to readers: they see all of the file or none of it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._fd, self._path = _create_locked(directory)
        self._published = False

    def write(self, data: bytes) -> None:
        """Append `data`."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def publish(self, target: Path) -> None:
        """Give the file its name, replacing what had it."""
        os.fsync(self._fd)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.rename(self._path, target)
        self._published = True
        _sync_directory(target.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._published:
            self._path.unlink(missing_ok=True)
        os.close(self._fd)


def write_atomic(target: Path, data: bytes, temporary: Path) -> None:
    """Replace `target` by `data`, working in the directory `temporary` of the same filesystem."""
    with AtomicFile(temporary) as file:
        file.write(data)
        file.publish(target)


def sweep(directory: Path) -> int:
    """Remove the temporary files whose writers are dead; how many there were."""
    removed = 0
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(directory):
            if name.endswith(".part") and _remove_if_abandoned(directory / name):
                removed += 1
    return removed


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False, wait: bool = True) -> Iterator[None]:
    """Hold the advisory lock of `path`. Without `wait`, BlockingIOError if somebody else has it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(fd, kind if wait else kind | fcntl.LOCK_NB)
        yield
    finally:
        os.close(fd)


def _create_locked(directory: Path) -> tuple[int, Path]:
    while True:
        path = directory / f"{os.getpid()}-{os.urandom(8).hex()}.part"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            # A sweep between open and flock took the file for an abandoned one.
            if os.fstat(fd).st_nlink:
                return fd, path
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _remove_if_abandoned(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The lock may come from a writer that has just published; its temporary name is gone then.
        os.unlink(path)
    except (BlockingIOError, FileNotFoundError):
        return False
    finally:
        os.close(fd)
    return True


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
