"""Copying a file's content the cheapest way the host has: shared extents, in-kernel copy, or bytes."""

import fcntl
import os
import sys

_FICLONE = 0x40049409
_CHUNK = 1 << 20


def copy_contents(source: int, target: int) -> None:
    """Make the empty file `target` hold what `source` holds."""
    if _share(source, target):
        return
    left = os.fstat(source).st_size
    if sys.platform == "linux":
        while left > 0:
            try:
                done = os.copy_file_range(source, target, left)
            except OSError:
                break
            if not done:
                return
            left -= done
        if left <= 0:
            return
    while chunk := os.read(source, _CHUNK):
        while chunk:
            chunk = chunk[os.write(target, chunk) :]


def _share(source: int, target: int) -> bool:
    """Reflink where the filesystem can (btrfs, xfs); elsewhere the host refuses at once."""
    if sys.platform != "linux":
        return False
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True
