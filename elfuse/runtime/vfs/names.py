"""Removing and renaming: what unlink, rmdir and rename check before a filesystem acts."""

from __future__ import annotations

import stat

from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.vfs.credentials import WRITE
from elfuse.runtime.vfs.location import Location
from elfuse.runtime.vfs.operations import may_change, require, resolve_parent
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.task import Task
    from elfuse.runtime.vfs.filesystem import Inode


def remove(task: Task, dirfd: int, path: bytes, *, directory: bool) -> None:
    """unlink(2) or rmdir(2)."""
    holder, name = resolve_parent(task, dirfd, path)
    if directory and name in (b"", b".", b".."):
        errors = {b"": Errno.EBUSY, b".": Errno.EINVAL, b"..": Errno.ENOTEMPTY}
        raise SyscallError(errors[name])
    if name in (b"", b".", b".."):
        raise SyscallError(Errno.EISDIR)
    if holder.is_mount_point(name):
        raise SyscallError(Errno.EBUSY)
    inode = holder.inode.lookup(name)
    kind = inode.type_bits
    if path.endswith(b"/") and kind != stat.S_IFDIR:
        raise SyscallError(Errno.ENOTDIR)
    may_change(task, holder, inode)
    if directory:
        if kind != stat.S_IFDIR:
            raise SyscallError(Errno.ENOTDIR)
        holder.inode.rmdir(name)
    elif kind == stat.S_IFDIR:
        raise SyscallError(Errno.EISDIR)
    else:
        holder.inode.unlink(name)


def rename(task: Task, old: tuple[int, bytes], new: tuple[int, bytes], flags: int) -> None:
    """renameat2(2)."""
    noreplace, exchange = flags & 1, flags & 2
    if flags & ~3 or (noreplace and exchange):
        raise SyscallError(Errno.EINVAL)
    holder, name = resolve_parent(task, *old)
    to_holder, to_name = resolve_parent(task, *new)
    if holder.mount is not to_holder.mount:
        raise SyscallError(Errno.EXDEV)
    if name in (b"", b".", b".."):
        raise SyscallError(Errno.EBUSY)
    if to_name in (b"", b".", b".."):
        raise SyscallError(Errno.EEXIST if noreplace else Errno.EBUSY)
    inode = holder.inode.lookup(name)
    target = _existing(to_holder, to_name)
    if target is not None and noreplace:
        raise SyscallError(Errno.EEXIST)
    _check_slashes(inode, target, old[1], new[1], exchange=bool(exchange))
    if holder.is_mount_point(name) or to_holder.is_mount_point(to_name):
        raise SyscallError(Errno.EBUSY)
    may_change(task, holder, inode)
    may_change(task, to_holder, target)
    if not holder.same(to_holder):
        # A directory that moves gets another `..` (fs/namei.c: vfs_rename).
        for moved in (inode, target if exchange else None):
            if moved is not None and moved.type_bits == stat.S_IFDIR:
                require(task, Location(holder.mount, moved), WRITE)
    holder.inode.rename(name, to_holder.inode, to_name, flags)


def _existing(holder: Location, name: bytes) -> Inode | None:
    try:
        return holder.inode.lookup(name)
    except FileNotFoundError:
        return None


def _check_slashes(
    inode: Inode, target: Inode | None, old: bytes, new: bytes, *, exchange: bool
) -> None:
    """A name with a slash behind it must be a directory's; of the new one the inode it will have."""
    directory = inode.type_bits == stat.S_IFDIR
    if old.endswith(b"/") and not directory:
        raise SyscallError(Errno.ENOTDIR)
    comes = target if exchange and target is not None else inode
    if new.endswith(b"/") and comes.type_bits != stat.S_IFDIR:
        raise SyscallError(Errno.ENOTDIR)
