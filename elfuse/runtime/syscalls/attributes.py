"""What stat, access, chmod, chown, utimensat and statfs show and change."""

from __future__ import annotations

import stat as kinds
import time

from elfuse.runtime.abi import fcntl as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.stat import (
    ST_RDONLY,
    ST_RELATIME,
    ST_VALID,
    STATX_BASIC_STATS,
    STATX_MNT_ID,
    Stat,
    Statfs,
    Statx,
    StatxTimestamp,
    Timespec,
    make_dev,
    split_dev,
)
from elfuse.runtime.syscalls.args import (
    Address,
    DirFd,
    Fd,
    Mode,
    Offset,
    Path,
    PathOrNull,
    UInt,
    flags,
)
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task
from elfuse.runtime.vfs import operations
from elfuse.runtime.vfs.credentials import WRITE, permitted
from elfuse.runtime.vfs.location import Location
from elfuse.typing import TYPE_CHECKING, Annotated

if TYPE_CHECKING:
    from elfuse.runtime.vfs.filesystem import Attributes, StatFs

_AT_NAMES = {
    abi.AT_SYMLINK_NOFOLLOW: "AT_SYMLINK_NOFOLLOW",
    abi.AT_SYMLINK_FOLLOW: "AT_SYMLINK_FOLLOW",
    abi.AT_NO_AUTOMOUNT: "AT_NO_AUTOMOUNT",
    abi.AT_EMPTY_PATH: "AT_EMPTY_PATH",
}
AtFlags = Annotated[int, flags(_AT_NAMES)]

_KEEP = 0xFFFF_FFFF
_UTIME_NOW, _UTIME_OMIT = 0x3FFFFFFF, 0x3FFFFFFE
_SECOND = 1_000_000_000
_STATX_SYNC = 0x6000


def _stat(found: Attributes, device: int) -> bytes:
    atime, mtime, ctime = found.atime_ns, found.mtime_ns, found.ctime_ns
    return Stat.packed(
        device,
        found.ino,
        found.mode,
        found.nlink,
        found.uid,
        found.gid,
        make_dev(found.rdev_major, found.rdev_minor),
        0,
        found.size,
        4096,
        0,
        found.blocks,
        atime // _SECOND,
        atime % _SECOND,
        mtime // _SECOND,
        mtime % _SECOND,
        ctime // _SECOND,
        ctime % _SECOND,
        0,
    )


_ANONYMOUS_DEVICE = 14


def _open_attributes(task: Task, fd: int) -> tuple[Attributes, int]:
    file = task.files.get(fd)
    device = file.location.mount.device if file.location is not None else _ANONYMOUS_DEVICE
    return file.stat(), device


def _attributes(task: Task, dirfd: int, path: bytes, at: int) -> tuple[Attributes, int]:
    if not path and at & abi.AT_EMPTY_PATH and dirfd != abi.AT_FDCWD:
        return _open_attributes(task, dirfd)
    place = operations.resolve(
        task,
        dirfd,
        path,
        follow=not at & abi.AT_SYMLINK_NOFOLLOW,
        empty=bool(at & abi.AT_EMPTY_PATH),
    )
    return place.inode.stat(), place.mount.device


@syscall(80)
def sys_fstat(task: Task, fd: Fd, buffer: Address) -> int:
    """fstat(2)."""
    task.memory.write(buffer, _stat(*_open_attributes(task, fd)))
    return 0


@syscall(79)
def sys_newfstatat(task: Task, dirfd: DirFd, path: Path, buffer: Address, flags: AtFlags) -> int:
    """fstatat(2)."""
    if flags & ~(abi.AT_SYMLINK_NOFOLLOW | abi.AT_NO_AUTOMOUNT | abi.AT_EMPTY_PATH):
        raise SyscallError(Errno.EINVAL)
    task.memory.write(buffer, _stat(*_attributes(task, dirfd, path, flags)))
    return 0


@syscall(291)
def sys_statx(
    task: Task, dirfd: DirFd, path: PathOrNull, flags: AtFlags, mask: UInt, buffer: Address
) -> int:
    """statx(2)."""
    known = abi.AT_SYMLINK_NOFOLLOW | abi.AT_NO_AUTOMOUNT | abi.AT_EMPTY_PATH | _STATX_SYNC
    if flags & ~known or mask >> 31 or flags & _STATX_SYNC == _STATX_SYNC:
        raise SyscallError(Errno.EINVAL)
    if path is None:
        raise SyscallError(Errno.EFAULT)
    found, device = _attributes(task, dirfd, path, flags)
    major, minor = split_dev(device)
    Statx(
        stx_mask=STATX_BASIC_STATS | STATX_MNT_ID,
        stx_nlink=found.nlink,
        stx_uid=found.uid,
        stx_gid=found.gid,
        stx_mode=found.mode,
        stx_ino=found.ino,
        stx_size=found.size,
        stx_blocks=found.blocks,
        stx_atime=StatxTimestamp.from_ns(found.atime_ns),
        stx_btime=StatxTimestamp(tv_sec=0, tv_nsec=0),
        stx_ctime=StatxTimestamp.from_ns(found.ctime_ns),
        stx_mtime=StatxTimestamp.from_ns(found.mtime_ns),
        stx_rdev_major=found.rdev_major,
        stx_rdev_minor=found.rdev_minor,
        stx_dev_major=major,
        stx_dev_minor=minor,
        stx_mnt_id=device,
    ).store(task.memory, buffer)
    return 0


def _statfs(found: StatFs, *, read_only: bool) -> Statfs:
    return Statfs(
        f_type=found.magic,
        f_bsize=found.block_size,
        f_blocks=found.blocks,
        f_bfree=found.blocks_free,
        f_bavail=found.blocks_free,
        f_files=found.files,
        f_ffree=found.files_free,
        f_frsize=found.block_size,
        f_flags=ST_VALID | ST_RELATIME | (ST_RDONLY if read_only else 0),
    )


@syscall(43)
def sys_statfs(task: Task, path: Path, buffer: Address) -> int:
    """statfs(2)."""
    place = operations.resolve(task, abi.AT_FDCWD, path)
    _statfs(place.mount.fs.statfs(), read_only=place.read_only).store(task.memory, buffer)
    return 0


@syscall(44)
def sys_fstatfs(task: Task, fd: Fd, buffer: Address) -> int:
    """fstatfs(2)."""
    place = operations.location_of(task.files.get(fd))
    _statfs(place.mount.fs.statfs(), read_only=place.read_only).store(task.memory, buffer)
    return 0


def _access(task: Task, dirfd: int, path: bytes, mode: int, at: int) -> int:
    if mode & ~7:
        raise SyscallError(Errno.EINVAL)
    place = operations.resolve(
        task,
        dirfd,
        path,
        follow=not at & abi.AT_SYMLINK_NOFOLLOW,
        empty=bool(at & abi.AT_EMPTY_PATH),
    )
    attributes = place.inode.stat()
    if mode & WRITE and place.read_only and not kinds.S_ISCHR(attributes.mode):
        raise SyscallError(Errno.EROFS)
    real = not at & abi.AT_EACCESS
    if mode and not permitted(task.credentials, attributes, mode, real=real):
        raise SyscallError(Errno.EACCES)
    return 0


@syscall(48)
def sys_faccessat(task: Task, dirfd: DirFd, path: Path, mode: Mode) -> int:
    """access(2)."""
    return _access(task, dirfd, path, mode, 0)


@syscall(439)
def sys_faccessat2(task: Task, dirfd: DirFd, path: Path, mode: Mode, flags: AtFlags) -> int:
    """faccessat2(2)."""
    if flags & ~(abi.AT_SYMLINK_NOFOLLOW | abi.AT_EACCESS | abi.AT_EMPTY_PATH):
        raise SyscallError(Errno.EINVAL)
    return _access(task, dirfd, path, mode, flags)


def _chmod(task: Task, place: Location, mode: int) -> int:
    operations.require_writable(place)
    held = task.credentials
    if place.mount.enforces(held):
        attributes = place.inode.stat()
        if not held.owns(attributes):
            raise SyscallError(Errno.EPERM)
        if not held.in_group(attributes.gid):
            mode &= ~0o2000
    place.inode.setattr(mode=mode & 0o7777)
    return 0


@syscall(52)
def sys_fchmod(task: Task, fd: Fd, mode: Mode) -> int:
    """fchmod(2)."""
    return _chmod(task, operations.location_of(task.files.usable(fd)), mode)


@syscall(53)
def sys_fchmodat(task: Task, dirfd: DirFd, path: Path, mode: Mode) -> int:
    """chmod(2)."""
    return _chmod(task, operations.resolve(task, dirfd, path), mode)


@syscall(452)
def sys_fchmodat2(task: Task, dirfd: DirFd, path: Path, mode: Mode, flags: AtFlags) -> int:
    """fchmodat2(2)."""
    if flags & ~(abi.AT_SYMLINK_NOFOLLOW | abi.AT_EMPTY_PATH):
        raise SyscallError(Errno.EINVAL)
    follow = not flags & abi.AT_SYMLINK_NOFOLLOW
    place = operations.resolve(
        task, dirfd, path, follow=follow, empty=bool(flags & abi.AT_EMPTY_PATH)
    )
    if place.inode.type_bits == kinds.S_IFLNK:
        raise SyscallError(Errno.EOPNOTSUPP)
    return _chmod(task, place, mode)


def _chown(task: Task, place: Location, uid: int, gid: int) -> int:
    operations.require_writable(place)
    attributes, held = place.inode.stat(), task.credentials
    if place.mount.enforces(held):
        owner = held.fsuid == attributes.uid
        group_allowed = gid == _KEEP or (owner and held.in_group(gid))
        if uid not in (_KEEP, attributes.uid) or not owner or not group_allowed:
            raise SyscallError(Errno.EPERM)
    mode = None
    if kinds.S_ISREG(attributes.mode) and attributes.mode & 0o6000:
        # A new owner must not inherit the old one's privileges (chown(2)).
        drop = 0o4000 | (0o2000 if attributes.mode & 0o010 else 0)
        mode = kinds.S_IMODE(attributes.mode) & ~drop
    place.inode.setattr(
        uid=None if uid == _KEEP else uid, gid=None if gid == _KEEP else gid, mode=mode
    )
    return 0


@syscall(55)
def sys_fchown(task: Task, fd: Fd, uid: UInt, gid: UInt) -> int:
    """fchown(2)."""
    return _chown(task, operations.location_of(task.files.usable(fd)), uid, gid)


@syscall(54)
def sys_fchownat(task: Task, dirfd: DirFd, path: Path, uid: UInt, gid: UInt, flags: AtFlags) -> int:
    """chown(2), lchown(2)."""
    if flags & ~(abi.AT_SYMLINK_NOFOLLOW | abi.AT_EMPTY_PATH):
        raise SyscallError(Errno.EINVAL)
    follow = not flags & abi.AT_SYMLINK_NOFOLLOW
    place = operations.resolve(
        task, dirfd, path, follow=follow, empty=bool(flags & abi.AT_EMPTY_PATH)
    )
    return _chown(task, place, uid, gid)


@syscall(88)
def sys_utimensat(
    task: Task, dirfd: DirFd, path: PathOrNull, times: Address, flags: AtFlags
) -> int:
    """utimensat(2); a NULL path means the descriptor itself."""
    if flags & ~(abi.AT_SYMLINK_NOFOLLOW | abi.AT_EMPTY_PATH):
        raise SyscallError(Errno.EINVAL)
    atime, mtime = _times(task, times)
    if atime is None and mtime is None:
        return 0
    if path is not None:
        follow, empty = not flags & abi.AT_SYMLINK_NOFOLLOW, bool(flags & abi.AT_EMPTY_PATH)
        place = operations.resolve(task, dirfd, path, follow=follow, empty=empty)
    elif dirfd == abi.AT_FDCWD:
        raise SyscallError(Errno.EFAULT)
    elif flags:
        raise SyscallError(Errno.EINVAL)
    else:
        place = operations.location_of(task.files.usable(dirfd))
    operations.require_writable(place)
    _may_set_times(task, place, now=not times or _both_now(task, times))
    place.inode.setattr(atime_ns=atime, mtime_ns=mtime)
    return 0


def _may_set_times(task: Task, place: Location, *, now: bool) -> None:
    """The owner may set any time; whoever may write the file may set both to now."""
    held = task.credentials
    if not place.mount.enforces(held):
        return
    attributes = place.inode.stat()
    if held.owns(attributes) or (now and permitted(held, attributes, WRITE)):
        return
    raise SyscallError(Errno.EACCES if now else Errno.EPERM)


def _both_now(task: Task, times: int) -> bool:
    return all(
        Timespec.load(task.memory, times + at).tv_nsec == _UTIME_NOW for at in (0, Timespec.size)
    )


def _times(task: Task, times: int) -> tuple[int | None, int | None]:
    """(access, modification) time in nanoseconds, None for one to leave alone."""
    now = time.time_ns()
    if not times:
        return now, now
    found: list[int | None] = []
    for at in (0, Timespec.size):
        given = Timespec.load(task.memory, times + at)
        if given.tv_nsec == _UTIME_NOW:
            found.append(now)
        elif given.tv_nsec == _UTIME_OMIT:
            found.append(None)
        elif 0 <= given.tv_nsec < 1_000_000_000:
            found.append(given.ns)
        else:
            raise SyscallError(Errno.EINVAL)
    return found[0], found[1]


@syscall(45)
def sys_truncate(task: Task, path: Path, length: Offset) -> int:
    """truncate(2)."""
    if length < 0:
        raise SyscallError(Errno.EINVAL)
    place = operations.resolve(task, abi.AT_FDCWD, path)
    if place.inode.type_bits == kinds.S_IFDIR:
        raise SyscallError(Errno.EISDIR)
    if place.inode.type_bits != kinds.S_IFREG:
        raise SyscallError(Errno.EINVAL)
    operations.require_writable(place)
    operations.require(task, place, WRITE)
    operations.require_idle(task, place)
    place.inode.setattr(size=length)
    return 0
