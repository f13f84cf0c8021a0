"""Directories for work in progress, told from abandoned ones by a lock that dies with its holder."""

import fcntl
import os

from elfuse.light import suppress
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SUFFIX = ".layer"


class WorkDirectory:
    """A locked directory below `parent`, gone after `remove` or after a later `sweep`."""

    def __init__(self, parent: "Path") -> None:
        parent.mkdir(parents=True, exist_ok=True)
        while True:
            self.path = parent / f"{os.getpid()}-{os.urandom(8).hex()}{_SUFFIX}"
            self.path.mkdir()
            try:
                self.fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            fcntl.flock(self.fd, fcntl.LOCK_EX)
            # A sweep between mkdir and flock took the directory for an abandoned one.
            if self.path.exists():
                return
            os.close(self.fd)

    def remove(self) -> None:
        """Remove the directory and what is in it."""
        remove_tree(self.path)
        os.close(self.fd)


def sweep(parent: "Path") -> None:
    """Remove the work directories whose owners are dead."""
    with suppress(FileNotFoundError):
        for name in os.listdir(parent):
            if name.endswith(_SUFFIX):
                _remove_if_abandoned(parent / name)


def _remove_if_abandoned(path: "Path") -> None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove_tree(path)
    except BlockingIOError:
        return
    finally:
        os.close(fd)


def remove_tree(path: str | os.PathLike[str]) -> None:
    """Remove a directory of elfuse's own with what is in it, as far as that is possible.

    As `shutil.rmtree`, whose module loads every kind of compression.
    """
    with suppress(OSError):
        for _at, directories, files, fd in os.fwalk(path, topdown=False):
            for remove, names in ((os.unlink, files), (os.rmdir, directories)):
                for name in names:
                    with suppress(OSError):
                        remove(name, dir_fd=fd)
        os.rmdir(path)


def sync_directory(path: "Path") -> None:
    """Make the names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
