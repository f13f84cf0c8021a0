"""`-v SRC:DST[:ro]`: host paths in the guest's tree."""

from __future__ import annotations

import os
import stat

from elfuse.errors import UsageError
from elfuse.overlay.overlay import Overlay
from elfuse.record import Record
from elfuse.runtime.fs.host import HostFilesystem
from elfuse.runtime.vfs.mounts import Namespace

_FLAGS = {"ro", "rw", "z", "Z", "cached", "delegated", "consistent", "rprivate", "private"}
"""docker's; only ro changes anything here."""


class Volume(Record):
    """A host path, where it appears, and whether the guest may change it."""

    source: str
    target: str
    read_only: bool


def parse_volume(text: str) -> Volume:
    """UsageError unless both paths are absolute (a leading `.` or `~` is made so)."""
    parts = text.split(":")
    flags = parts[2].split(",") if len(parts) == 3 else []
    if len(parts) not in (2, 3) or not all(parts) or not set(flags) <= _FLAGS:
        raise UsageError(f"-v {text}: not SOURCE:TARGET[:ro]")
    source = os.path.expanduser(parts[0])
    if not source.startswith(("/", ".")):
        raise UsageError(
            f"-v {text}: named volumes do not exist here", hint="give a host path: /... or ./..."
        )
    if not parts[1].startswith("/"):
        raise UsageError(f"-v {text}: the target must be an absolute path")
    return Volume(os.path.abspath(source), os.path.normpath(parts[1]), "ro" in flags)


def mount_volumes(namespace: Namespace, overlay: Overlay, volumes: list[Volume]) -> None:
    """Mount them; a missing source directory and a missing mount point are created, as docker does."""
    for volume in sorted(volumes, key=lambda v: v.target.count("/")):
        if not os.path.exists(volume.source):
            os.makedirs(volume.source)
        fs = HostFilesystem(volume.source, read_only=volume.read_only, fakeroot=os.geteuid() != 0)
        target = os.fsencode(volume.target)
        is_directory = fs.root().type_bits == stat.S_IFDIR
        if not overlay.read_only:
            make_mount_point(overlay, target, directory=is_directory)
        namespace.mount(target, fs, read_only=volume.read_only)


def make_mount_point(overlay: Overlay, target: bytes, *, directory: bool) -> None:
    """Create what is missing on the way to a mount point, and the point itself."""
    inode = overlay.root()
    parts = [part for part in target.split(b"/") if part]
    for position, part in enumerate(parts):
        if inode.type_bits != stat.S_IFDIR:
            return
        try:
            inode = inode.lookup(part)
        except FileNotFoundError:
            if position == len(parts) - 1 and not directory:
                inode = inode.create(part, 0o644, 0, 0)
            else:
                inode = inode.mkdir(part, 0o755, 0, 0)
