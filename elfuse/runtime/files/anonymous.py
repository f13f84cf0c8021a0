"""What eventfd, timerfd, signalfd and epoll descriptions have in common: no place in the tree."""

from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.fs.pseudo import Attributes

_ANON_INODE = 1057
"""All of them share one inode on Linux too (fs/anon_inodes.c)."""


class AnonymousFile(OpenFile):
    """An open file description on the anonymous inode."""

    kind = b"[file]"

    def describe(self) -> bytes:
        return b"anon_inode:" + self.kind

    def stat(self) -> Attributes:
        return Attributes(ino=_ANON_INODE, mode=0o600)
