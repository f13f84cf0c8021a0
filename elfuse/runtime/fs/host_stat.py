"""What the host's stat and statvfs say, in the shape `vfs.filesystem` asks for."""

from __future__ import annotations

import os

from elfuse.record import Record


class HostAttributes:
    """`vfs.filesystem.Attributes` over the host's stat result."""

    __slots__ = (
        "atime_ns", "blocks", "ctime_ns", "gid", "ino", "mode", "mtime_ns", "nlink", "rdev", "size",
        "uid",
    )  # fmt: skip

    def __init__(self, status: os.stat_result, ino: int) -> None:
        self.ino = ino
        self.mode = status.st_mode
        self.nlink = status.st_nlink
        self.uid = status.st_uid
        self.gid = status.st_gid
        self.rdev = status.st_rdev
        self.size = status.st_size
        self.blocks = status.st_blocks
        self.atime_ns = status.st_atime_ns
        self.mtime_ns = status.st_mtime_ns
        self.ctime_ns = status.st_ctime_ns

    @property
    def rdev_major(self) -> int:
        return os.major(self.rdev) if self.rdev else 0

    @property
    def rdev_minor(self) -> int:
        return os.minor(self.rdev) if self.rdev else 0


class HostCapacity(Record):
    """`vfs.filesystem.StatFs` of the host's filesystem; shown to the guest as ext4."""

    block_size: int
    blocks: int
    blocks_free: int
    files: int
    files_free: int
    magic: int = 0xEF53


class HostEntry(Record):
    """`vfs.filesystem.DirectoryEntry`."""

    name: bytes
    ino: int
    type: int
