"""What system calls do with paths: resolve, open, create, remove, rename; with permission checks."""

import stat
from typing import TYPE_CHECKING

from elfuse.runtime.abi import fcntl as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.files.directory import DirectoryFile
from elfuse.runtime.files.path import PathFile
from elfuse.runtime.files.regular import RegularFile
from elfuse.runtime.fs.pseudo import PseudoInode
from elfuse.runtime.vfs.credentials import EXECUTE, READ, WRITE, permitted
from elfuse.runtime.vfs.filesystem import Inode
from elfuse.runtime.vfs.location import Location
from elfuse.runtime.vfs.resolve import Walk

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

_S_ISVTX = 0o1000
_STATUS_FLAGS = ~(abi.O_CREAT | abi.O_EXCL | abi.O_NOCTTY | abi.O_TRUNC | abi.O_CLOEXEC)


def start(task: "Task", dirfd: int, path: bytes) -> Location:
    """Where the walk of a relative path begins; EBADF and ENOTDIR for a bad `dirfd`."""
    if path.startswith(b"/") or dirfd == abi.AT_FDCWD:
        return task.fs.cwd
    location = task.files.get(dirfd).location
    if location is None or location.inode.type_bits != stat.S_IFDIR:
        raise SyscallError(Errno.ENOTDIR)
    return location


def resolve(
    task: "Task", dirfd: int, path: bytes, *, follow: bool = True, empty: bool = False
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
    """Where a description was opened; EBADF for one that has no place in the tree."""
    if file.location is None:
        raise SyscallError(Errno.EBADF)
    return file.location


def resolve_parent(task: "Task", dirfd: int, path: bytes) -> tuple[Location, bytes]:
    """The directory of a path's last component, and the component.

    ENOENT for an empty path. The component is empty for `/`.
    """
    if not path:
        raise SyscallError(Errno.ENOENT)
    return Walk(task).holder(start(task, dirfd, path), path)


def directory(task: "Task", dirfd: int, path: bytes) -> Location:
    """A directory that may be searched (chdir, chroot)."""
    place = resolve(task, dirfd, path)
    require_directory(task, place)
    return place


def require_directory(task: "Task", place: Location) -> None:
    """ENOTDIR, or EACCES without search permission."""
    if place.inode.type_bits != stat.S_IFDIR:
        raise SyscallError(Errno.ENOTDIR)
    require(task, place, EXECUTE)


def require(task: "Task", place: Location, want: int) -> None:
    """EACCES unless the task's credentials allow `want` on the inode."""
    if not place.mount.checked or (task.credentials.fsuid == 0 and not want & EXECUTE):
        return
    if not permitted(task.credentials, place.inode.stat(), want):
        raise SyscallError(Errno.EACCES)


def require_writable(place: Location) -> None:
    """EROFS on a read-only mount."""
    if place.read_only:
        raise SyscallError(Errno.EROFS)


# Opening


def open_path(task: "Task", dirfd: int, path: bytes, flags: int, mode: int) -> OpenFile:
    """open(2), with descriptor allocation left to the caller."""
    return open_from(task, Walk(task), start(task, dirfd, path), path, flags, mode)


def open_from(
    task: "Task", walk: Walk, begin: Location, path: bytes, flags: int, mode: int
) -> OpenFile:
    """open(2) from a place, by a walk the caller prepared (openat2's restrictions)."""
    if not path:
        raise SyscallError(Errno.ENOENT)
    if flags & abi.O_PATH:
        return _open_reference(task, walk, begin, path, flags)
    if flags & abi.O_TMPFILE == abi.O_TMPFILE:
        return _open_unnamed(task, walk, begin, path, flags, mode)
    if flags & abi.O_CREAT:
        return _open_or_create(task, walk, begin, path, flags, mode)
    place = walk.whole(begin, path, follow=not flags & abi.O_NOFOLLOW)
    return open_location(task, place, flags)


def _open_reference(
    task: "Task", walk: Walk, begin: Location, path: bytes, flags: int
) -> OpenFile:
    place = walk.whole(begin, path, follow=not flags & abi.O_NOFOLLOW)
    if flags & abi.O_DIRECTORY and place.inode.type_bits != stat.S_IFDIR:
        raise SyscallError(Errno.ENOTDIR)
    return PathFile(place, flags & (abi.O_PATH | abi.O_DIRECTORY | abi.O_NOFOLLOW))


def _open_unnamed(
    task: "Task", walk: Walk, begin: Location, path: bytes, flags: int, mode: int
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
    task: "Task", walk: Walk, begin: Location, path: bytes, flags: int, mode: int
) -> OpenFile:
    if flags & abi.O_DIRECTORY:
        raise SyscallError(Errno.EINVAL)
    if path.endswith(b"/"):
        raise SyscallError(Errno.EISDIR)
    exclusive = flags & abi.O_EXCL
    for _ in range(40):
        try:
            follow = not exclusive and not flags & abi.O_NOFOLLOW
            place = walk.whole(begin, path, follow=follow)
        except (FileNotFoundError, SyscallError) as error:
            if isinstance(error, SyscallError) and error.errno is not Errno.ENOENT:
                raise
        else:
            if exclusive:
                raise SyscallError(Errno.EEXIST)
            if place.inode.type_bits == stat.S_IFDIR:
                raise SyscallError(Errno.EISDIR)
            return open_location(task, place, flags)
        holder, name = walk.holder(begin, path)
        dangling = _dangling_link(holder, name)
        if dangling is not None and not flags & abi.O_NOFOLLOW and not exclusive:
            begin, path = holder, dangling
            continue
        try:
            return _create(task, holder, name, flags, mode)
        except FileExistsError:
            # Somebody else made it between the walk and the creation.
            if exclusive:
                raise
    raise SyscallError(Errno.ELOOP)


def _dangling_link(holder: Location, name: bytes) -> bytes | None:
    """The target of a symbolic link that leads nowhere: open(O_CREAT) creates what it names."""
    try:
        inode = holder.inode.lookup(name)
    except FileNotFoundError:
        return None
    return inode.readlink() if inode.type_bits == stat.S_IFLNK else None


def _create(task: "Task", holder: Location, name: bytes, flags: int, mode: int) -> OpenFile:
    if name in (b"", b".", b".."):
        raise SyscallError(Errno.EISDIR)
    require_writable(holder)
    require(task, holder, WRITE | EXECUTE)
    held = task.credentials
    wanted = mode & 0o7777 & ~task.fs.umask
    inode = holder.inode.create(name, wanted, held.fsuid, new_group(task, holder))
    # The mode of a new file does not restrict the open that makes it.
    return _regular(Location(holder.mount, inode, holder, name), flags)


def new_group(task: "Task", holder: Location) -> int:
    """The group of something new: the directory's if it is set-group-ID (inode_init_owner)."""
    attributes = holder.inode.stat()
    return attributes.gid if attributes.mode & 0o2000 else task.credentials.fsgid


def open_location(task: "Task", place: Location, flags: int) -> OpenFile:
    """Open what a walk found."""
    inode, kind = place.inode, place.inode.type_bits
    access = flags & abi.O_ACCMODE
    want = (READ, WRITE, READ | WRITE, READ | WRITE)[access]
    if kind == stat.S_IFLNK:
        raise SyscallError(Errno.ELOOP)
    if flags & abi.O_DIRECTORY and kind != stat.S_IFDIR:
        raise SyscallError(Errno.ENOTDIR)
    if kind == stat.S_IFDIR:
        if access != abi.O_RDONLY or flags & abi.O_TRUNC:
            raise SyscallError(Errno.EISDIR)
        require(task, place, READ)
        return DirectoryFile(place, flags & _STATUS_FLAGS)
    if kind == stat.S_IFSOCK:
        raise SyscallError(Errno.ENXIO)
    require(task, place, want)
    if flags & abi.O_NOATIME and not task.credentials.owns(inode.stat()):
        raise SyscallError(Errno.EPERM)
    if kind == stat.S_IFCHR:
        return _device(task, place, flags)
    if isinstance(inode, PseudoInode):
        return inode.open_file(task, place, flags & _STATUS_FLAGS)
    if kind == stat.S_IFIFO:
        from elfuse.runtime.files.fifo import open_fifo  # few programs open one

        return open_fifo(task, place, flags & _STATUS_FLAGS)
    if kind == stat.S_IFBLK:
        raise SyscallError(Errno.ENXIO)
    writes = access != abi.O_RDONLY or flags & abi.O_TRUNC
    if writes:
        require_writable(place)
    if flags & abi.O_TRUNC:
        inode.setattr(size=0)
    return _regular(place, flags)


def _regular(place: Location, flags: int) -> OpenFile:
    return RegularFile(place, flags & _STATUS_FLAGS)


def _device(task: "Task", place: Location, flags: int) -> OpenFile:
    from elfuse.runtime.fs.devices import open_device  # which needs the kernel's job control

    attributes = place.inode.stat()
    return open_device(
        task,
        place,
        attributes.rdev_major,
        attributes.rdev_minor,
        flags & (_STATUS_FLAGS | abi.O_NOCTTY),
    )


def open_exec(task: "Task", path: bytes | Location) -> OpenFile:
    """Open a program: it must be a regular file that may be executed, else EACCES."""
    place = path if isinstance(path, Location) else resolve(task, abi.AT_FDCWD, path)
    if place.inode.type_bits != stat.S_IFREG:
        raise SyscallError(Errno.EACCES)
    attributes = place.inode.stat()
    if not permitted(task.credentials, attributes, EXECUTE):
        raise SyscallError(Errno.EACCES)
    return _regular(place, abi.O_RDONLY)


# Changing names


def may_change(task: "Task", holder: Location, inode: Inode | None = None) -> None:
    """Whether names in a directory may change: EROFS, EACCES, EPERM for another's in a sticky one."""
    require_writable(holder)
    require(task, holder, WRITE | EXECUTE)
    held = task.credentials
    if inode is None or held.fsuid == 0 or not holder.mount.checked:
        return
    attributes = holder.inode.stat()
    if attributes.mode & _S_ISVTX:
        if held.fsuid not in (attributes.uid, inode.stat().uid):
            raise SyscallError(Errno.EPERM)


def new_name(task: "Task", dirfd: int, path: bytes, *, directory: bool = False) -> tuple[Location, bytes]:
    """Where something new is to be made: EEXIST if the name is taken, ENOENT for `name/`."""
    holder, name = resolve_parent(task, dirfd, path)
    if name in (b"", b".", b".."):
        raise SyscallError(Errno.EEXIST)
    try:
        holder.inode.lookup(name)
    except FileNotFoundError:
        pass
    else:
        raise SyscallError(Errno.EEXIST)
    if path.endswith(b"/") and not directory:
        raise SyscallError(Errno.ENOENT)
    may_change(task, holder)
    return holder, name


def remove(task: "Task", dirfd: int, path: bytes, *, directory: bool) -> None:
    """unlink(2) or rmdir(2)."""
    holder, name = resolve_parent(task, dirfd, path)
    if directory:
        if name == b".":
            raise SyscallError(Errno.EINVAL)
        if name in (b"", b".."):
            raise SyscallError(Errno.EBUSY if not name else Errno.ENOTEMPTY)
    elif name in (b"", b".", b".."):
        raise SyscallError(Errno.EISDIR)
    above = holder.path().rstrip(b"/")
    if above + b"/" + name in task.kernel.namespace.mounts:
        raise SyscallError(Errno.EBUSY)
    inode = holder.inode.lookup(name)
    if path.endswith(b"/") and inode.type_bits != stat.S_IFDIR:
        raise SyscallError(Errno.ENOTDIR)
    may_change(task, holder, inode)
    if directory:
        holder.inode.rmdir(name)
    else:
        holder.inode.unlink(name)


def rename(task: "Task", old: tuple[int, bytes], new: tuple[int, bytes], flags: int) -> None:
    """renameat2(2)."""
    noreplace, exchange = flags & 1, flags & 2
    if flags & ~3 or (noreplace and exchange):
        raise SyscallError(Errno.EINVAL)
    holder, name = resolve_parent(task, *old)
    to_holder, to_name = resolve_parent(task, *new)
    if name in (b"", b".", b"..") or to_name in (b"", b".", b".."):
        raise SyscallError(Errno.EBUSY)
    if holder.mount is not to_holder.mount:
        raise SyscallError(Errno.EXDEV)
    inode = holder.inode.lookup(name)
    is_directory = inode.type_bits == stat.S_IFDIR
    if not is_directory and (old[1].endswith(b"/") or (new[1].endswith(b"/") and not exchange)):
        raise SyscallError(Errno.ENOTDIR)
    may_change(task, holder, inode)
    try:
        target: Inode | None = to_holder.inode.lookup(to_name)
    except FileNotFoundError:
        target = None
    if target is not None and noreplace:
        raise SyscallError(Errno.EEXIST)
    may_change(task, to_holder, target)
    for place, child in ((holder, name), (to_holder, to_name)):
        if place.path().rstrip(b"/") + b"/" + child in task.kernel.namespace.mounts:
            raise SyscallError(Errno.EBUSY)
    holder.inode.rename(name, to_holder.inode, to_name, flags)
