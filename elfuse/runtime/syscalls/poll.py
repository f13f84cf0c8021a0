"""ppoll and pselect6: waiting for descriptors."""

from elfuse.runtime import polling
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.poll import (
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLNVAL,
    POLLOUT,
    POLLPRI,
    POLLRDBAND,
    POLLRDNORM,
    POLLWRBAND,
    POLLWRNORM,
)
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.polling import Request
from elfuse.runtime.syscalls.args import Address, Int, Size, UInt
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task

_POLLFD_SIZE = 8
_FD_SETSIZE_MAX = 1 << 20
# fs/select.c: POLLIN_SET, POLLOUT_SET, POLLEX_SET
_READ_SET = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR
_WRITE_SET = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR
_EXCEPT_SET = POLLPRI


def _file(task: Task, fd: int) -> OpenFile | None:
    try:
        return task.files.get(fd)
    except SyscallError:
        return None


@syscall(73)
def sys_ppoll(
    task: Task, fds: Address, count: UInt, timeout: Address, mask: Address, size: Size
) -> int:
    """ppoll(2)."""
    if count > task.files.limit:
        raise SyscallError(Errno.EINVAL)
    limit = polling.load_timeout(task, timeout)
    deadline = polling.deadline_after(limit)
    raw = task.memory.read(fds, count * _POLLFD_SIZE)
    requests: list[Request] = []
    places = []
    for at in range(0, len(raw), _POLLFD_SIZE):
        fd = int.from_bytes(raw[at : at + 4], "little", signed=True)
        if fd >= 0:
            requests.append((_file(task, fd), int.from_bytes(raw[at + 4 : at + 6], "little")))
            places.append(at)
    try:
        with polling.temporary_mask(task, mask, size):
            answers = polling.poll(task, requests, deadline)
    finally:
        polling.store_rest(task, timeout, deadline)
    out = bytearray(raw)
    for at in range(0, len(out), _POLLFD_SIZE):
        out[at + 6 : at + 8] = bytes(2)
    for at, answer in zip(places, answers, strict=True):
        out[at + 6 : at + 8] = answer.to_bytes(2, "little")
    task.memory.write(fds, bytes(out))
    return sum(1 for answer in answers if answer)


def _table_size(task: Task) -> int:
    """Numbers from here on are not looked at (fs/file.c: the table grows by doubling from 64)."""
    highest = max(task.files, default=0)
    return max(64, 1 << highest.bit_length())


def _load_set(task: Task, address: int, length: int) -> int:
    return int.from_bytes(task.memory.read(address, length), "little") if address else 0


def _requests(task: Task, sets: tuple[int, int, int], count: int) -> list[tuple[int, Request]]:
    """(descriptor, request) for each descriptor in a set; EBADF for one that is not open."""
    found: list[tuple[int, Request]] = []
    union = sets[0] | sets[1] | sets[2]
    for fd in range(count):
        if not union >> fd & 1:
            continue
        events = 0
        for chosen, bits in zip(sets, (_READ_SET, _WRITE_SET, _EXCEPT_SET), strict=True):
            if chosen >> fd & 1:
                events |= bits
        found.append((fd, (task.files.get(fd), events)))
    return found


@syscall(72)
def sys_pselect6(
    task: Task, count: Int, reads: Address, writes: Address, excepts: Address, timeout: Address,
    mask: Address,
) -> int:  # fmt: skip
    """pselect(2)."""
    if not 0 <= count <= _FD_SETSIZE_MAX:
        raise SyscallError(Errno.EINVAL)
    limit = polling.load_timeout(task, timeout)
    deadline = polling.deadline_after(limit)
    sigset, size = (task.memory.read_u64(mask), task.memory.read_u64(mask + 8)) if mask else (0, 0)
    count = min(count, _table_size(task))
    length = (count + 63) // 64 * 8
    addresses = (reads, writes, excepts)
    sets = tuple(_load_set(task, address, length) for address in addresses)
    requests = _requests(task, (sets[0], sets[1], sets[2]), count)
    try:
        with polling.temporary_mask(task, sigset, size):
            answers = polling.poll(task, [request for _fd, request in requests], deadline)
    finally:
        polling.store_rest(task, timeout, deadline)
    total = 0
    for address, chosen, bits in zip(
        addresses, sets, (_READ_SET, _WRITE_SET, _EXCEPT_SET), strict=True
    ):
        found = 0
        for (fd, _request), answer in zip(requests, answers, strict=True):
            if chosen >> fd & 1 and answer & (bits | POLLNVAL):
                found |= 1 << fd
                total += 1
        if address:
            task.memory.write(address, found.to_bytes(length, "little"))
    return total
