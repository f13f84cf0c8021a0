"""System calls on the address space."""

from elfuse.runtime.abi import mman
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.memory import PAGE, page_up
from elfuse.runtime.syscalls.args import Address, Fd, Hex, Int, Offset, Size, choice, flags
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task
from elfuse.typing import Annotated

Prot = Annotated[int, flags(mman.PROT_NAMES)]
MapFlags = Annotated[int, flags(mman.MAP_NAMES)]
RemapFlags = Annotated[int, flags(mman.MREMAP_NAMES)]
SyncFlags = Annotated[int, flags(mman.MS_NAMES)]
Advice = Annotated[int, choice(mman.MADV_NAMES)]
_ADVICE_WITHOUT_EFFECT = frozenset((0, 1, 2, 3, 10, 11, 12, 13, 14, 15, 16, 17, 20, 21))
_LIMIT_AS = 9


@syscall(214, returns=hex)
def sys_brk(task: Task, address: Hex) -> int:
    """brk(2), the system call: the break, moved or not."""
    return task.memory.set_brk(address)


@syscall(222, returns=hex, note="MAP_HUGETLB fails with ENOMEM, MAP_SYNC is refused")
def sys_mmap(
    task: Task, address: Address, length: Size, prot: Prot, flags: MapFlags, fd: Fd, offset: Offset
) -> int:
    """mmap(2)."""
    file = None
    if not flags & mman.MAP_ANONYMOUS:
        file = task.files.get(fd)
        if flags & mman.MAP_TYPE == mman.MAP_SHARED_VALIDATE and flags & mman.MAP_SYNC:
            raise SyscallError(Errno.EOPNOTSUPP)
        file = file.mapped()
    soft, _hard = task.process.rlimits.get(_LIMIT_AS, ((1 << 64) - 1,) * 2)
    if soft >> 62 == 0 and task.memory.vm_size + length > soft:
        raise SyscallError(Errno.ENOMEM)
    return task.memory.mmap(address, length, prot, flags, file, offset)


@syscall(215)
def sys_munmap(task: Task, address: Address, length: Size) -> int:
    """munmap(2)."""
    task.memory.munmap(address, length)
    return 0


@syscall(226)
def sys_mprotect(task: Task, address: Address, length: Size, prot: Prot) -> int:
    """mprotect(2)."""
    task.memory.mprotect(address, length, prot)
    return 0


@syscall(216, returns=hex)
def sys_mremap(
    task: Task, old: Address, old_size: Size, new_size: Size, flags: RemapFlags, new: Address
) -> int:
    """mremap(2)."""
    return task.memory.mremap(old, old_size, new_size, flags, new)


@syscall(227)
def sys_msync(task: Task, address: Address, length: Size, flags: SyncFlags) -> int:
    """msync(2)."""
    known = mman.MS_ASYNC | mman.MS_SYNC | mman.MS_INVALIDATE
    both = mman.MS_ASYNC | mman.MS_SYNC
    if flags & ~known or flags & both == both:
        raise SyscallError(Errno.EINVAL)
    length = task.memory.check_range(address, length)
    if flags & mman.MS_SYNC:
        task.memory.sync(address, length)
    return 0


@syscall(228, note="pages are not pinned on the host")
def sys_mlock(task: Task, address: Address, length: Size) -> int:
    """mlock(2)."""
    start = address & -PAGE
    task.memory.check_range(start, address + length - start)
    return 0


@syscall(229)
def sys_munlock(task: Task, address: Address, length: Size) -> int:
    """munlock(2)."""
    start = address & -PAGE
    task.memory.check_range(start, address + length - start)
    return 0


@syscall(284, note="pages are not pinned on the host")
def sys_mlock2(task: Task, address: Address, length: Size, flags: Int) -> int:
    """mlock2(2)."""
    if flags & ~1:
        raise SyscallError(Errno.EINVAL)
    return sys_mlock(task, address, length)


@syscall(230, note="pages are not pinned on the host")
def sys_mlockall(task: Task, flags: Int) -> int:
    """mlockall(2)."""
    if not flags or flags & ~7 or flags == 4:
        raise SyscallError(Errno.EINVAL)
    return 0


@syscall(231)
def sys_munlockall(task: Task) -> int:
    """munlockall(2)."""
    return 0


@syscall(232, note="every mapped page is reported as resident")
def sys_mincore(task: Task, address: Address, length: Size, vector: Address) -> int:
    """mincore(2)."""
    length = task.memory.check_range(address, length)
    task.memory.write(vector, b"\1" * (length // PAGE))
    return 0


@syscall(233)
def sys_madvise(
    task: Task,
    address: Address,
    length: Size,
    advice: Advice,
) -> int:
    """madvise(2)."""
    memory = task.memory
    if address & (PAGE - 1) or length >> 62:
        raise SyscallError(Errno.EINVAL)
    if advice not in mman.MADV_NAMES:
        raise SyscallError(Errno.EINVAL)
    if not page_up(length):
        return 0
    if advice in (4, 8):
        # What is mapped is discarded even where something else is not, before ENOMEM.
        memory.discard(address, page_up(length))
    length = memory.check_range(address, length)
    if advice in (4, 8):
        return 0
    if advice in (18, 19):
        memory.set_wipe_on_fork(address, length, wipe=advice == 18)
    elif advice in (22, 23):
        return 0
    elif advice not in _ADVICE_WITHOUT_EFFECT:
        raise SyscallError(Errno.EINVAL)
    return 0
