"""System calls on sockets."""

from elfuse.runtime.abi import socket as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.socket import Msg
from elfuse.runtime.lazy import Lazy
from elfuse.runtime.syscalls.args import (
    Address,
    Arg,
    Call,
    Fd,
    Int,
    OutBuffer,
    Size,
    UInt,
    choice,
    flag_text,
    flags,
    in_buffer,
    unsigned,
)
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task
from elfuse.runtime.wait import Restart, now
from elfuse.typing import TYPE_CHECKING, Annotated

if TYPE_CHECKING:
    from elfuse.runtime import messages, sockets
    from elfuse.runtime.files import addresses, socket_options
    from elfuse.runtime.files import socket as files
    from elfuse.runtime.files.socket import SocketFile
else:
    messages = Lazy("elfuse.runtime.messages")
    sockets = Lazy("elfuse.runtime.sockets")
    addresses = Lazy("elfuse.runtime.files.addresses")
    socket_options = Lazy("elfuse.runtime.files.socket_options")
    files = Lazy("elfuse.runtime.files.socket")

_MAX_TRANSFER = 0x7FFF_F000
_SECOND = 1_000_000_000


def _type_text(call: Call, index: int) -> str:
    value = call.registers[index] & 0xFFFF_FFFF
    kind = value & abi.SOCK_TYPE_MASK
    name = abi.TYPE_NAMES.get(kind, str(kind))
    rest = value & ~abi.SOCK_TYPE_MASK
    return f"{name}|{flag_text(rest, abi.SOCK_FLAG_NAMES)}" if rest else name


def _address(length_index: int) -> Arg:
    """A pointer to a socket address that the call reads."""

    def show(call: Call, index: int) -> str:
        address, length = call.registers[index], call.registers[length_index]
        if not address:
            return "NULL"
        return addresses.describe(call.task.memory.read(address, min(length, 128)))

    return Arg("{x}", show)


Family = Annotated[int, choice(abi.FAMILY_NAMES)]
SocketType = Annotated[int, Arg(unsigned(32), _type_text)]
SocketFlags = Annotated[int, flags(abi.SOCK_FLAG_NAMES)]
Level = Annotated[int, choice(abi.LEVEL_NAMES)]
How = Annotated[int, choice(abi.SHUT_NAMES)]
MsgFlags = Annotated[int, flags(abi.MSG_NAMES)]
InBuffer = Annotated[int, in_buffer(2)]
SocketAddress = Annotated[int, _address(2)]
Target = Annotated[int, _address(5)]


def _socket(task: Task, fd: int) -> "SocketFile":
    """ENOTSOCK for a descriptor that is no socket."""
    file = task.files.get(fd)
    # Programs ask this of what is no socket, which is no reason to load what sockets need.
    if not file.is_socket:
        raise SyscallError(Errno.ENOTSOCK)
    assert isinstance(file, files.SocketFile)
    return file


def _split_type(value: int) -> tuple[int, int]:
    """(type, SOCK_* flags); EINVAL for others."""
    found = value & ~abi.SOCK_TYPE_MASK
    if found & ~(abi.SOCK_NONBLOCK | abi.SOCK_CLOEXEC):
        raise SyscallError(Errno.EINVAL)
    return value & abi.SOCK_TYPE_MASK, found


def _install(task: Task, file: "SocketFile", kinds: int) -> int:
    return task.files.install(file, cloexec=bool(kinds & abi.SOCK_CLOEXEC))


@syscall(198, note="AF_UNIX, AF_INET, AF_INET6; NETLINK_ROUTE questions on a Linux host")
def sys_socket(task: Task, family: Family, kind: SocketType, protocol: Int) -> int:
    """socket(2)."""
    number, found = _split_type(kind)
    return _install(task, files.SocketFile.create(family, number, protocol, found), found)


@syscall(199)
def sys_socketpair(
    task: Task, family: Family, kind: SocketType, protocol: Int, fds: Address
) -> int:
    """socketpair(2)."""
    number, found = _split_type(kind)
    ends = files.SocketFile.pair(task, family, number, protocol, found)
    numbers = [_install(task, end, found) for end in ends]
    try:
        task.memory.write(fds, b"".join(fd.to_bytes(4, "little") for fd in numbers))
    except SyscallError:
        for fd in numbers:
            task.files.close(fd)
        raise
    return 0


@syscall(200)
def sys_bind(task: Task, fd: Fd, address: SocketAddress, length: Int) -> int:
    """bind(2)."""
    _socket(task, fd).bind(task, messages.read_name(task, address, length))
    return 0


@syscall(201)
def sys_listen(task: Task, fd: Fd, backlog: Int) -> int:
    """listen(2)."""
    _socket(task, fd).listen(backlog)
    return 0


def _store_name(task: Task, name: bytes, address: int, length: int) -> None:
    """move_addr_to_user: as much as fits, and the whole length."""
    room = task.memory.read_u32(length)
    if room >> 31:
        raise SyscallError(Errno.EINVAL)
    messages.write_name(task, address, room, name)
    task.memory.write_u32(length, len(name))


def _accept(task: Task, fd: int, address: int, length: int, kinds: int) -> int:
    if kinds & ~(abi.SOCK_NONBLOCK | abi.SOCK_CLOEXEC):
        raise SyscallError(Errno.EINVAL)
    made, name = sockets.accept(task, _socket(task, fd), kinds)
    number = _install(task, made, kinds)
    if address:
        try:
            _store_name(task, name, address, length)
        except SyscallError:
            task.files.close(number)
            raise
    return number


@syscall(202)
def sys_accept(task: Task, fd: Fd, address: Address, length: Address) -> int:
    """accept(2)."""
    return _accept(task, fd, address, length, 0)


@syscall(242)
def sys_accept4(task: Task, fd: Fd, address: Address, length: Address, flags: SocketFlags) -> int:
    """accept4(2)."""
    return _accept(task, fd, address, length, flags)


@syscall(203)
def sys_connect(task: Task, fd: Fd, address: SocketAddress, length: Int) -> int:
    """connect(2)."""
    sockets.connect(task, _socket(task, fd), messages.read_name(task, address, length))
    return 0


@syscall(204)
def sys_getsockname(task: Task, fd: Fd, address: Address, length: Address) -> int:
    """getsockname(2)."""
    _store_name(task, _socket(task, fd).name(task.kernel), address, length)
    return 0


@syscall(205)
def sys_getpeername(task: Task, fd: Fd, address: Address, length: Address) -> int:
    """getpeername(2)."""
    _store_name(task, _socket(task, fd).peer_name(task.kernel), address, length)
    return 0


@syscall(206)
def sys_sendto(
    task: Task, fd: Fd, buffer: InBuffer, size: Size, flags: MsgFlags, name: Target, length: Int
) -> int:
    """sendto(2)."""
    file = _socket(task, fd)
    view = task.memory.readable(buffer, min(size, _MAX_TRANSFER))
    raw = messages.read_name(task, name, length) if name else b""
    return sockets.send(task, file, [view], flags, control=[], raw_address=raw)


@syscall(207)
def sys_recvfrom(
    task: Task,
    fd: Fd,
    buffer: OutBuffer,
    size: Size,
    flags: MsgFlags,
    name: Address,
    length: Address,
) -> int:
    """recvfrom(2)."""
    file = _socket(task, fd)
    view = task.memory.writable(buffer, min(size, _MAX_TRANSFER))
    got = sockets.receive(task, file, [view], flags)
    if name:
        stream = file.type == abi.SOCK_STREAM
        raw = b"" if stream else addresses.pack(task.kernel, file.family, got.address)
        _store_name(task, raw, name, length)
    # With MSG_TRUNC more than the buffer holds: the length of the whole message.
    return got.size


@syscall(208)
def sys_setsockopt(task: Task, fd: Fd, level: Level, name: Int, value: Address, length: Int) -> int:
    """setsockopt(2)."""
    file = _socket(task, fd)
    if length < 0:
        raise SyscallError(Errno.EINVAL)
    data = task.memory.read(value, min(length, 4096))
    socket_options.set_option(file, level, name, data)
    return 0


@syscall(209)
def sys_getsockopt(
    task: Task, fd: Fd, level: Level, name: Int, value: Address, length: Address
) -> int:
    """getsockopt(2)."""
    file = _socket(task, fd)
    size = task.memory.read_u32(length)
    if size >> 31:
        raise SyscallError(Errno.EINVAL)
    data = socket_options.get_option(task, file, level, name, size)
    task.memory.write(value, data)
    task.memory.write_u32(length, len(data))
    return 0


@syscall(210)
def sys_shutdown(task: Task, fd: Fd, how: How) -> int:
    """shutdown(2)."""
    if how not in abi.SHUT_NAMES:
        raise SyscallError(Errno.EINVAL)
    _socket(task, fd).shutdown(how)
    return 0


@syscall(211)
def sys_sendmsg(task: Task, fd: Fd, message: Address, flags: MsgFlags) -> int:
    """sendmsg(2)."""
    return messages.send(task, _socket(task, fd), message, flags)


@syscall(212)
def sys_recvmsg(task: Task, fd: Fd, message: Address, flags: MsgFlags) -> int:
    """recvmsg(2)."""
    return messages.receive(task, _socket(task, fd), message, flags)


@syscall(269)
def sys_sendmmsg(task: Task, fd: Fd, vector: Address, count: UInt, flags: MsgFlags) -> int:
    """sendmmsg(2)."""
    file = _socket(task, fd)
    done = 0
    for number in range(min(count, abi.IOV_MAX)):
        at = vector + number * abi.MMSGHDR_SIZE
        try:
            size = messages.send(task, file, at, flags)
        except (Restart, SyscallError, OSError):
            if done:
                break
            raise
        task.memory.write_u32(at + abi.MMSGHDR_LENGTH_AT, size)
        done += 1
    return done


@syscall(243)
def sys_recvmmsg(
    task: Task, fd: Fd, vector: Address, count: UInt, flags: MsgFlags, timeout: Address
) -> int:
    """recvmmsg(2): the time limit is looked at after each message, as on Linux."""
    file = _socket(task, fd)
    deadline = _deadline(task, timeout)
    done = 0
    for number in range(min(count, abi.IOV_MAX)):
        at = vector + number * abi.MMSGHDR_SIZE
        try:
            size = messages.receive(task, file, at, flags & ~Msg.WAITFORONE)
        except (Restart, SyscallError, OSError):
            if done:
                break
            raise
        task.memory.write_u32(at + abi.MMSGHDR_LENGTH_AT, size)
        done += 1
        if flags & Msg.WAITFORONE:
            flags |= Msg.DONTWAIT
        if deadline is not None and now() >= deadline:
            break
    return done


def _deadline(task: Task, timeout: int) -> int | None:
    if not timeout:
        return None
    seconds, rest = task.memory.read_u64(timeout), task.memory.read_u64(timeout + 8)
    if seconds >> 63 or rest >= _SECOND:
        raise SyscallError(Errno.EINVAL)
    return now() + seconds * _SECOND + rest
