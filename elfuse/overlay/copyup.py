"""The first write to a file of the tree: its content moves to the upper, its number stays."""

import os

from elfuse.host.clone import copy_contents
from elfuse.light import suppress
from elfuse.overlay.records import HAS_DATA
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.overlay.overlay import Overlay


def copy_up(overlay: "Overlay", ino: int, size: int | None = None) -> None:
    """Give a regular file of the tree a content file in the upper, of at most `size` bytes.

    The copy is made without the journal's lock; of several processes that copy at once, the first
    to commit wins and the others drop theirs. The content keeps its times.
    """
    source, temporary = overlay.object_path(ino), b"%s.%d" % (overlay.data_path(ino), os.getpid())
    _copy(source, temporary, size)
    try:
        with overlay.transaction() as change:
            row = change.row(ino)
            if row.flags & HAS_DATA:
                discard(temporary)
                return
            os.utime(temporary, ns=(row.atime_ns, row.mtime_ns))
            os.rename(temporary, overlay.data_path(ino))
            change.rows[ino] = row._replace(flags=row.flags | HAS_DATA)
    except BaseException:
        discard(temporary)
        raise


def _copy(source: bytes, target: bytes, size: int | None) -> None:
    """A private copy of a file, or its first `size` bytes; what another attempt left is replaced."""
    discard(target)
    to_fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        if size == 0:
            return
        from_fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            copy_contents(from_fd, to_fd)
        finally:
            os.close(from_fd)
        if size is not None and size < os.fstat(to_fd).st_size:
            os.ftruncate(to_fd, size)
    finally:
        os.close(to_fd)


def discard(path: bytes) -> None:
    """Remove a host file that may be gone already."""
    with suppress(FileNotFoundError):
        os.unlink(path)
