"""/dev, /proc and /sys of a run; loaded when a path first leads there."""

from __future__ import annotations

import os

from elfuse.host.temporary import temporary_directory
from elfuse.overlay.overlay import Overlay
from elfuse.overlay.temporary import remove_tree
from elfuse.runtime.fs.devices import mount_pts, populate
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.kernel import Kernel
    from elfuse.runtime.vfs.filesystem import Filesystem

__all__ = ["make_dev", "make_proc", "make_sys", "mount_in_dev", "tmpfs"]

_TMPFS_MAGIC = 0x01021994


def tmpfs(directory: str | os.PathLike[str]) -> Overlay:
    """An empty writable filesystem whose files lie below a host directory."""
    return Overlay(None, directory, directory, type_name="tmpfs", magic=_TMPFS_MAGIC)


def make_proc(kernel: Kernel) -> Filesystem:
    """What /proc shows."""
    from elfuse.runtime.fs.proc import mount_proc  # more programs use /dev

    return mount_proc(kernel)


def make_sys() -> Filesystem:
    """What /sys shows."""
    from elfuse.runtime.fs.sys import mount_sys

    return mount_sys()


def make_dev(kernel: Kernel) -> Overlay:
    """What /dev holds, in a temporary directory that the run removes at its end."""
    dev = _temporary(kernel)
    populate(dev)
    return dev


def mount_in_dev(kernel: Kernel) -> None:
    """What is mounted below /dev."""
    kernel.namespace.mount(b"/dev/pts", mount_pts())
    kernel.namespace.mount(b"/dev/shm", _temporary(kernel))


def _temporary(kernel: Kernel) -> Overlay:
    directory = temporary_directory("elfuse-")
    kernel.at_exit.append(lambda: remove_tree(directory))
    return tmpfs(directory)
