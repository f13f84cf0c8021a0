"""What system calls do with paths: resolve, open, create; with permission checks."""

from __future__ import annotations

import stat

from elfuse import host
from elfuse.runtime.abi import fcntl as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.files.regular import RegularFile
from elfuse.runtime.fs.pseudo import PseudoInode
from elfuse.runtime.vfs.credentials import EXECUTE, READ, WRITE, permitted
from elfuse.runtime.vfs.kernel_inode import DescriptionInode, detached
from elfuse.runtime.vfs.location import Location
from elfuse.runtime.vfs.resolve import Walk
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.task import Task
    from elfuse.runtime.vfs.filesystem import Inode

_S_ISVTX = 0o1000
_WANTED = (READ, WRITE, READ | WRITE, READ | WRITE)
"""Permissions that an access mode asks for; 3 is Linux's "for ioctl only", which needs both."""
_NAMES_ONLY = abi.O_CREAT | abi.O_PATH | abi.O_DIRECTORY | abi.O_NOFOLLOW
"""With any of these, an open is about more than opening what is there."""
_STATUS_FLAGS = ~(abi.O_CREAT | abi.O_EXCL | abi.O_NOCTTY | abi.O_TRUNC | abi.O_CLOEXEC)


def start(task: Task, dirfd: int, path: bytes, *, absolute: bool = True) -> Location:
    """Where the walk of a path begins; EBADF and ENOTDIR for a bad `dirfd`.

    It does not matter for an absolute path, unless that counts from `dirfd` too (not `absolute`).
    """
    if dirfd == abi.AT_FDCWD or (absolute and path.startswith(b"/")):
        return task.fs.cwd
    location = task.files.get(dirfd).location
    if location is None or location.inode.type_bits != stat.S_IFDIR:
        raise SyscallError(Errno.ENOTDIR)
    return location


def resolve(
    task: Task, dirfd: int, path: bytes, *, follow: bool = True, empty: bool = False
) -> Location:
    """The inode a path names. `empty`: AT_EMPTY_PATH, an empty path is `dirfd` itself."""
    if not path:
        if not empty:
            raise SyscallError(Errno.ENOENT)
        if dirfd == abi.AT_FDCWD:
            return task.fs.cwd
        return location_of(task.files.get(dirfd))
    return Walk(task).whole(start(task, dirfd, path), path, follow=follow)


def location_of(file: OpenFile) -> Location:
    """The place a description stands for; pipes, sockets and the like have one of their own."""
    return file.location or detached(file)


def resolve_parent(task: Task, dirfd: int, path: bytes) -> tuple[Location, bytes]:
    """The directory of a path's last component, and the component.

    ENOENT for an empty path. The component is empty for `/`.
    """
    if not path:
        raise SyscallError(Errno.ENOENT)
    return Walk(task).holder(start(task, dirfd, path), path)


def directory(task: Task, dirfd: int, path: bytes) -> Location:
    """A directory that may be searched (chdir, chroot)."""
    place = resolve(task, dirfd, path)
    require_directory(task, place)
    return place


def require_directory(task: Task, place: Location) -> None:
    """ENOTDIR, or EACCES without search permission."""
    if place.inode.type_bits != stat.S_IFDIR:
        raise SyscallError(Errno.ENOTDIR)
    require(task, place, EXECUTE)


def require(task: Task, place: Location, want: int) -> None:
    """EACCES unless the task's credentials allow `want` on the inode."""
    held = task.credentials
    if held.fsuid:
        if not place.mount.enforces(held):
            return
    elif not want & EXECUTE or place.inode.type_bits == stat.S_IFDIR:
        return
    if not permitted(held, place.inode.stat(), want):
        raise SyscallError(Errno.EACCES)


def require_writable(place: Location) -> None:
    """EROFS on a read-only mount."""
    if place.read_only:
        raise SyscallError(Errno.EROFS)


def identity(place: Location) -> tuple[int, int]:
    """Numbers that only this file of the run has."""
    return place.mount.device, place.inode.ino


def require_idle(task: Task, place: Location) -> None:
    """ETXTBSY for a program that is running (fs/namei.c: get_write_access)."""
    if task.kernel.processes.executed(*identity(place)):
        raise SyscallError(Errno.ETXTBSY)


# Opening


def open_path(task: Task, dirfd: int, path: bytes, flags: int, mode: int) -> OpenFile:
    """open(2), with descriptor allocation left to the caller."""
    above, _, name = path.rpartition(b"/")
    mount = task.kernel.namespace.mounts.get(above)
    if mount is not None and not flags & _NAMES_ONLY and not task.fs.chrooted:
        why = mount.refuses(name)
        if why is not None:
            raise SyscallError(why)
    return open_from(task, Walk(task), start(task, dirfd, path), path, flags, mode)


def open_from(
    task: Task, walk: Walk, begin: Location, path: bytes, flags: int, mode: int
) -> OpenFile:
    """open(2) from a place, by a walk the caller prepared (openat2's restrictions)."""
    if not path:
        raise SyscallError(Errno.ENOENT)
    if flags & abi.O_PATH:
        return _open_reference(walk, begin, path, flags)
    if flags & abi.O_TMPFILE == abi.O_TMPFILE:
        return _open_unnamed(task, walk, begin, path, flags, mode)
    if flags & abi.O_CREAT:
        return _open_or_create(task, walk, begin, path, flags, mode)
    place = walk.whole(begin, path, follow=not flags & abi.O_NOFOLLOW)
    return open_location(task, place, flags)


def _open_reference(walk: Walk, begin: Location, path: bytes, flags: int) -> OpenFile:
    place = walk.whole(begin, path, follow=not flags & abi.O_NOFOLLOW)
    if flags & abi.O_DIRECTORY and place.inode.type_bits != stat.S_IFDIR:
        raise SyscallError(Errno.ENOTDIR)
    from elfuse.runtime.files.path import PathFile  # not in every run

    return PathFile(place, flags & (abi.O_PATH | abi.O_DIRECTORY | abi.O_NOFOLLOW))


def _open_unnamed(
    task: Task, walk: Walk, begin: Location, path: bytes, flags: int, mode: int
) -> OpenFile:
    if flags & abi.O_ACCMODE == abi.O_RDONLY:
        raise SyscallError(Errno.EINVAL)
    place = walk.whole(begin, path, follow=True)
    require_directory(task, place)
    require(task, place, WRITE | EXECUTE)
    require_writable(place)
    held = task.credentials
    inode = place.inode.tmpfile(mode & 0o7777 & ~task.fs.umask, held.fsuid, held.fsgid)
    made = Location(place.mount, inode, place, b"#%d (deleted)" % inode.ino)
    return _regular(made, flags)


def _open_or_create(
    task: Task, walk: Walk, begin: Location, path: bytes, flags: int, mode: int
) -> OpenFile:
    if flags & abi.O_DIRECTORY:
        raise SyscallError(Errno.EINVAL)
    exclusive = flags & abi.O_EXCL
    # A link is left by walk.link, which counts; another turn is also taken after a lost race.
    while True:
        holder, name = walk.holder(begin, path)
        if name in (b"", b".", b".."):
            raise SyscallError(Errno.EEXIST if exclusive else Errno.EISDIR)
        if path.endswith(b"/"):
            raise SyscallError(Errno.EISDIR)
        try:
            place = holder.child(name)
        except FileNotFoundError:
            try:
                return _create(task, holder, name, flags, mode)
            except FileExistsError:
                if exclusive:
                    raise
                continue
        if exclusive:
            raise SyscallError(Errno.EEXIST)
        if place.inode.type_bits == stat.S_IFLNK and not flags & abi.O_NOFOLLOW:
            target = walk.link(holder, place)
            if not isinstance(target, Location):
                begin, path = target
                continue
            place = target
        if place.inode.type_bits == stat.S_IFDIR:
            raise SyscallError(Errno.EISDIR)
        return open_location(task, place, flags)


def _create(task: Task, holder: Location, name: bytes, flags: int, mode: int) -> OpenFile:
    require_writable(holder)
    require(task, holder, WRITE | EXECUTE)
    held = task.credentials
    wanted = mode & 0o7777 & ~task.fs.umask
    inode = holder.inode.create(name, wanted, held.fsuid, new_group(task, holder))
    # The mode of a new file does not restrict the open that makes it.
    return _regular(Location(holder.mount, inode, holder, name), flags)


def new_group(task: Task, holder: Location) -> int:
    """The group of something new: the directory's if it is set-group-ID (inode_init_owner)."""
    attributes = holder.inode.stat()
    return attributes.gid if attributes.mode & 0o2000 else task.credentials.fsgid


def open_location(task: Task, place: Location, flags: int) -> OpenFile:
    """Open what a walk found."""
    inode, kind = place.inode, place.inode.type_bits
    if kind == stat.S_IFREG and not isinstance(inode, PseudoInode):
        return _open_regular(task, place, flags)
    if flags & abi.O_DIRECTORY and kind != stat.S_IFDIR:
        raise SyscallError(Errno.ENOTDIR)
    if kind == stat.S_IFLNK:
        raise SyscallError(Errno.ELOOP)
    access = flags & abi.O_ACCMODE
    if kind == stat.S_IFDIR:
        if access != abi.O_RDONLY or flags & abi.O_TRUNC:
            raise SyscallError(Errno.EISDIR)
        require(task, place, READ)
        from elfuse.runtime.files.directory import DirectoryFile  # not in every run

        return DirectoryFile(place, flags & _STATUS_FLAGS)
    require(task, place, _WANTED[access])
    if isinstance(inode, DescriptionInode):
        return inode.open_file(task, place, flags & _STATUS_FLAGS)
    if kind == stat.S_IFCHR:
        return _device(task, place, flags)
    if isinstance(inode, PseudoInode):
        return inode.open_file(task, place, flags & _STATUS_FLAGS)
    if kind == stat.S_IFIFO:
        from elfuse.runtime.files.fifo import open_fifo  # few programs open one

        return open_fifo(task, place, flags & _STATUS_FLAGS)
    # Sockets are connected to, not opened; block devices have nobody to serve them.
    raise SyscallError(Errno.ENXIO)


def _open_regular(task: Task, place: Location, flags: int) -> OpenFile:
    if flags & abi.O_DIRECTORY:
        raise SyscallError(Errno.ENOTDIR)
    access, truncate = flags & abi.O_ACCMODE, flags & abi.O_TRUNC
    want = _WANTED[access] | (WRITE if truncate else 0)
    if truncate:
        # Before the permission bits, unlike for a write that does not truncate (fs/namei.c: do_open).
        require_writable(place)
    require(task, place, want)
    if want & WRITE:
        require_writable(place)
    if flags & abi.O_NOATIME and not task.credentials.owns(place.inode.stat()):
        raise SyscallError(Errno.EPERM)
    if want & WRITE:
        require_idle(task, place)
    if truncate:
        # Before opening: a file of a lower layer is then copied up without its data.
        place.inode.setattr(size=0)
    return _regular(place, flags)


def _regular(place: Location, flags: int) -> OpenFile:
    return RegularFile(place, flags & _STATUS_FLAGS)


def _device(task: Task, place: Location, flags: int) -> OpenFile:
    from elfuse.runtime.fs.devices import open_device  # which needs the kernel's job control

    attributes = place.inode.stat()
    return open_device(
        task,
        place,
        attributes.rdev_major,
        attributes.rdev_minor,
        flags & (_STATUS_FLAGS | abi.O_NOCTTY),
    )


def open_exec(task: Task, path: bytes | Location) -> OpenFile:
    """Open a program.

    EACCES unless it is a regular file that may be executed, ETXTBSY if somebody could write to it.
    """
    place = path if isinstance(path, Location) else resolve(task, abi.AT_FDCWD, path)
    if place.inode.type_bits != stat.S_IFREG:
        raise SyscallError(Errno.EACCES)
    attributes = place.inode.stat()
    if not permitted(task.credentials, attributes, EXECUTE):
        raise SyscallError(Errno.EACCES)
    if isinstance(place.inode, DescriptionInode):
        # Linux does not count the descriptor that memfd_create returned.
        return place.inode.open_file(task, place, abi.O_RDONLY)
    file = _regular(place, abi.O_RDONLY)
    if host.open_for_writing(file.host_fd(), task.kernel.processes.host_pids()):
        raise SyscallError(Errno.ETXTBSY)
    return file


# Changing names


def may_change(task: Task, holder: Location, inode: Inode | None = None) -> None:
    """Whether names in a directory may change: EROFS, EACCES, EPERM for another's in a sticky one."""
    require_writable(holder)
    require(task, holder, WRITE | EXECUTE)
    held = task.credentials
    if inode is None or not holder.mount.enforces(held):
        return
    attributes = holder.inode.stat()
    if attributes.mode & _S_ISVTX and held.fsuid not in (attributes.uid, inode.stat().uid):
        raise SyscallError(Errno.EPERM)


def new_name(
    task: Task, dirfd: int, path: bytes, *, directory: bool = False
) -> tuple[Location, bytes]:
    """Where something new is to be made: EEXIST if the name is taken, ENOENT for `name/`."""
    holder, name = resolve_parent(task, dirfd, path)
    if name in (b"", b".", b".."):
        raise SyscallError(Errno.EEXIST)
    try:
        holder.child(name)
    except FileNotFoundError:
        pass
    else:
        raise SyscallError(Errno.EEXIST)
    if path.endswith(b"/") and not directory:
        raise SyscallError(Errno.ENOENT)
    may_change(task, holder)
    return holder, name
