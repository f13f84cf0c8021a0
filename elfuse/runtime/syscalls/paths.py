"""System calls that make, remove and read names, and the working directory."""

import stat as kinds

from elfuse.runtime.abi import fcntl as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.stat import (
    split_dev,
)
from elfuse.runtime.syscalls.args import (
    Address,
    DirFd,
    Fd,
    Int,
    Mode,
    Path,
    Size,
    UInt,
    flags,
)
from elfuse.runtime.syscalls.attributes import AtFlags
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task
from elfuse.runtime.vfs import names, operations
from elfuse.runtime.vfs.credentials import EXECUTE
from elfuse.typing import Annotated

UnlinkFlags = Annotated[int, flags({abi.AT_REMOVEDIR: "AT_REMOVEDIR"})]
RenameFlags = Annotated[int, flags({1: "RENAME_NOREPLACE", 2: "RENAME_EXCHANGE"})]


@syscall(78)
def sys_readlinkat(task: Task, dirfd: DirFd, path: Path, buffer: Address, size: Int) -> int:
    """readlink(2)."""
    if size <= 0:
        raise SyscallError(Errno.EINVAL)
    place = operations.resolve(task, dirfd, path, follow=False, empty=dirfd != abi.AT_FDCWD)
    if place.inode.type_bits != kinds.S_IFLNK:
        raise SyscallError(Errno.ENOENT if not path else Errno.EINVAL)
    target = place.inode.readlink()[:size]
    task.memory.write(buffer, target)
    return len(target)


@syscall(33)
def sys_mknodat(task: Task, dirfd: DirFd, path: Path, mode: Mode, device: UInt) -> int:
    """mknod(2)."""
    kind = kinds.S_IFMT(mode)
    if kind not in (0, kinds.S_IFREG, kinds.S_IFIFO, kinds.S_IFSOCK, kinds.S_IFCHR, kinds.S_IFBLK):
        raise SyscallError(Errno.EPERM if kind == kinds.S_IFDIR else Errno.EINVAL)
    holder, name = operations.new_name(task, dirfd, path)
    held = task.credentials
    if kind in (kinds.S_IFCHR, kinds.S_IFBLK) and held.fsuid:
        raise SyscallError(Errno.EPERM)
    wanted = (kind or kinds.S_IFREG) | mode & 0o7777 & ~task.fs.umask
    group = operations.new_group(task, holder)
    holder.inode.mknod(name, wanted, held.fsuid, group, *split_dev(device))
    return 0


@syscall(34)
def sys_mkdirat(task: Task, dirfd: DirFd, path: Path, mode: Mode) -> int:
    """mkdir(2)."""
    holder, name = operations.new_name(task, dirfd, path, directory=True)
    above = holder.inode.stat()
    # A set-group-ID directory hands its group and the bit on (inode(7)).
    inherited = above.mode & 0o2000
    wanted = (mode & 0o1777 & ~task.fs.umask) | inherited
    holder.inode.mkdir(name, wanted, task.credentials.fsuid, operations.new_group(task, holder))
    return 0


@syscall(35)
def sys_unlinkat(task: Task, dirfd: DirFd, path: Path, flags: UnlinkFlags) -> int:
    """unlink(2), rmdir(2)."""
    if flags & ~abi.AT_REMOVEDIR:
        raise SyscallError(Errno.EINVAL)
    names.remove(task, dirfd, path, directory=bool(flags))
    return 0


@syscall(36)
def sys_symlinkat(task: Task, target: Path, dirfd: DirFd, path: Path) -> int:
    """symlink(2)."""
    if not target:
        raise SyscallError(Errno.ENOENT)
    holder, name = operations.new_name(task, dirfd, path)
    held = task.credentials
    holder.inode.symlink(name, target, held.fsuid, operations.new_group(task, holder))
    return 0


@syscall(37)
def sys_linkat(
    task: Task, old_dirfd: DirFd, old: Path, new_dirfd: DirFd, new: Path, flags: AtFlags
) -> int:
    """link(2)."""
    if flags & ~(abi.AT_SYMLINK_FOLLOW | abi.AT_EMPTY_PATH):
        raise SyscallError(Errno.EINVAL)
    follow = bool(flags & abi.AT_SYMLINK_FOLLOW)
    empty = bool(flags & abi.AT_EMPTY_PATH)
    if empty and not old and task.credentials.euid:
        raise SyscallError(Errno.ENOENT)
    place = operations.resolve(task, old_dirfd, old, follow=follow, empty=empty)
    holder, name = operations.new_name(task, new_dirfd, new)
    if holder.mount is not place.mount:
        raise SyscallError(Errno.EXDEV)
    if place.inode.type_bits == kinds.S_IFDIR:
        raise SyscallError(Errno.EPERM)
    holder.inode.link(name, place.inode)
    return 0


@syscall(38)
def sys_renameat(task: Task, old_dirfd: DirFd, old: Path, new_dirfd: DirFd, new: Path) -> int:
    """rename(2)."""
    names.rename(task, (old_dirfd, old), (new_dirfd, new), 0)
    return 0


@syscall(276, note="RENAME_WHITEOUT is refused")
def sys_renameat2(
    task: Task, old_dirfd: DirFd, old: Path, new_dirfd: DirFd, new: Path, flags: RenameFlags
) -> int:
    """renameat2(2)."""
    names.rename(task, (old_dirfd, old), (new_dirfd, new), flags)
    return 0


# Directories of the process


@syscall(17)
def sys_getcwd(task: Task, buffer: Address, size: Size) -> int:
    """getcwd(2), the system call: the length with its NUL."""
    path = task.fs.cwd.path()
    if path.endswith(b" (deleted)"):
        raise SyscallError(Errno.ENOENT)
    root = task.fs.root.path()
    if task.fs.chrooted and root != b"/":
        path = path[len(root) :] or b"/" if path.startswith(root) else b"(unreachable)" + path
    if len(path) + 1 > size:
        raise SyscallError(Errno.ERANGE)
    task.memory.write(buffer, path + b"\0")
    return len(path) + 1


@syscall(49)
def sys_chdir(task: Task, path: Path) -> int:
    """chdir(2)."""
    task.fs.chdir(task, path)
    return 0


@syscall(50)
def sys_fchdir(task: Task, fd: Fd) -> int:
    """fchdir(2)."""
    place = task.files.get(fd).location
    if place is None or place.inode.type_bits != kinds.S_IFDIR:
        raise SyscallError(Errno.ENOTDIR)
    operations.require(task, place, EXECUTE)
    task.fs.cwd = place
    return 0


@syscall(51)
def sys_chroot(task: Task, path: Path) -> int:
    """chroot(2)."""
    place = operations.directory(task, abi.AT_FDCWD, path)
    if task.credentials.euid:
        raise SyscallError(Errno.EPERM)
    task.fs.root, task.fs.chrooted = place, True
    task.kernel.engine.stop_paths()
    return 0


@syscall(166, returns=oct)
def sys_umask(task: Task, mask: Mode) -> int:
    """umask(2)."""
    before, task.fs.umask = task.fs.umask, mask & 0o777
    return before


@syscall(40)
def sys_mount(
    task: Task, source: Address, target: Address, kind: Address, flags: Address, data: Address
) -> int:
    """mount(2): nobody is privileged enough here."""
    raise SyscallError(Errno.EPERM)


@syscall(39)
def sys_umount2(task: Task, target: Address, flags: Int) -> int:
    """umount2(2): nobody is privileged enough here."""
    raise SyscallError(Errno.EPERM)
