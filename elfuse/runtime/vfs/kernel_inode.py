"""Inodes that stand for an open description, and where magic links lead (proc(5), /proc/PID/fd)."""

import stat

from elfuse.runtime.fs.pseudo import PseudoFilesystem, PseudoInode
from elfuse.runtime.vfs.location import Location
from elfuse.runtime.vfs.mounts import Mount
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.files.base import OpenFile
    from elfuse.runtime.task import Task
    from elfuse.runtime.vfs.credentials import Credentials
    from elfuse.runtime.vfs.filesystem import Attributes


class _Detached(Mount):
    """No permission bits are checked: who sees a description in its own /proc has it open."""

    def enforces(self, held: "Credentials") -> bool:
        return False


def _detached_mount() -> Mount:
    fs = PseudoFilesystem("anon_inodefs", 0x09041934)
    fs.attach(PseudoInode(fs, b"/", stat.S_IFDIR | 0o500))
    return _Detached(fs, 14)


_MOUNT = _detached_mount()
"""Where descriptions without a path are, as on Linux: outside everybody's tree."""


class DescriptionInode(PseudoInode):
    """What /proc/PID/fd/N leads to for a pipe, terminal or socket: an object without a path."""

    def __init__(self, file: "OpenFile") -> None:
        attributes = file.stat()
        super().__init__(_MOUNT.fs, b"", attributes.mode)  # type: ignore[arg-type]  # made above
        self.ino = attributes.ino
        self._file = file

    def stat(self, fd: int | None = None) -> "Attributes":  # type: ignore[override]  # any kind
        return self._file.stat()

    def open_file(self, task: "Task", location: Location, flags: int) -> "OpenFile":
        return self._file.reopen(task, flags)


def detached(file: "OpenFile") -> Location:
    """A place for a description that has none in the tree."""
    return Location(_MOUNT, DescriptionInode(file), _MOUNT.location, file.describe())


def magic_target(task: "Task", link: Location) -> Location | None:
    """Where a link of a kernel filesystem leads; None for an ordinary symbolic link."""
    inode = link.inode
    assert isinstance(inode, PseudoInode)
    target = inode.follow(task)
    if target is not None or stat.S_IFMT(inode.type_bits) != stat.S_IFLNK:
        return target
    from elfuse.runtime.fs.proc import MagicDescriptor  # which imports most of the runtime

    if not isinstance(inode, MagicDescriptor):
        return None
    file: OpenFile = inode.file  # type: ignore[assignment]  # declared as object there
    return detached(file)
