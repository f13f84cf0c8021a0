"""What only macOS offers, under the names `elfuse.host` has, and its ways to do what Linux does."""

import os
import sys
import tempfile
from typing import TYPE_CHECKING

assert not TYPE_CHECKING or sys.platform == "darwin"


def anonymous_file(name: str) -> int:
    """A descriptor on a file that has no path. The caller closes it."""
    fd, path = tempfile.mkstemp(prefix=f"{name}-")
    os.unlink(path)
    return fd
