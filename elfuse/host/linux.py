"""What only Linux offers, under the names `elfuse.host` has."""

import os
import sys
from typing import TYPE_CHECKING

assert not TYPE_CHECKING or sys.platform == "linux"


def anonymous_file(name: str) -> int:
    """A descriptor on memory that has no path. The caller closes it."""
    return os.memfd_create(name, os.MFD_CLOEXEC)
