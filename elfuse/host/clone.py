"""Copying a file's content the cheapest way the host has: shared extents, in-kernel copy, or bytes."""

import os
import sys

_CHUNK = 1 << 20

if sys.platform == "linux":
    import fcntl

    _FICLONE = 0x40049409

    def _copy_in_kernel(source: int, target: int) -> None:
        """Share extents (btrfs, xfs) or copy; the offsets of both say how far it got."""
        try:
            fcntl.ioctl(target, _FICLONE, source)
            os.lseek(source, 0, os.SEEK_END)
            return
        except OSError:
            # Most filesystems refuse at once.
            pass
        try:
            while os.copy_file_range(source, target, 1 << 30):
                pass
        except OSError:
            # Different filesystems on an old kernel: the rest goes through memory.
            return

else:

    def _copy_in_kernel(source: int, target: int) -> None:
        """Descriptors cannot be cloned here."""


def copy_contents(source: int, target: int) -> None:
    """Make the empty file `target` hold what `source` holds; both offsets are 0."""
    _copy_in_kernel(source, target)
    while chunk := os.read(source, _CHUNK):
        while chunk:
            chunk = chunk[os.write(target, chunk) :]
