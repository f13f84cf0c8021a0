"""struct msghdr in guest memory: what sendmsg and recvmsg read from it and write back."""

from elfuse.runtime import sockets
from elfuse.runtime.abi import socket as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.socket import Msg
from elfuse.runtime.abi.socket_structs import Msghdr
from elfuse.runtime.files import addresses
from elfuse.runtime.files.socket import SocketFile
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

_CONTROL_MAX = 20480
"""net.core.optmem_max."""
_NAME_LENGTH_AT, _CONTROL_LENGTH_AT, _FLAGS_AT = 8, 40, 48


def load(task: "Task", address: int) -> Msghdr:
    """EMSGSIZE for too many buffers, EINVAL for a negative name length."""
    header = Msghdr.load(task.memory, address)
    if header.iov_count > abi.IOV_MAX:
        raise SyscallError(Errno.EMSGSIZE)
    if header.name_length >> 31:
        raise SyscallError(Errno.EINVAL)
    return header


def read_name(task: "Task", address: int, length: int) -> bytes:
    """A socket address the guest passes; empty for NULL."""
    if length < 0 or length > addresses.SOCKADDR_MAX:
        raise SyscallError(Errno.EINVAL)
    return task.memory.read(address, length) if address and length else b""


def write_name(task: "Task", address: int, length: int, name: bytes) -> None:
    """As much of an address as there is room for; the caller stores its whole length."""
    task.memory.write(address, name[:length])


def send(task: "Task", file: SocketFile, address: int, flags: int) -> int:
    """sendmsg(2)."""
    header = load(task, address)
    length = min(header.name_length, addresses.SOCKADDR_MAX)
    name = read_name(task, header.name, length)
    buffers = task.memory.iovecs(header.iov, header.iov_count, writable=False)
    if header.control_length > _CONTROL_MAX:
        raise SyscallError(Errno.ENOBUFS)
    if not header.control_length:
        return sockets.send(task, file, buffers, flags, control=[], raw_address=name)
    from elfuse.runtime.files.cmsg import Outgoing  # most messages carry no control data

    raw = task.memory.read(header.control, header.control_length)
    outgoing = Outgoing(task, file, raw)
    try:
        return sockets.send(task, file, buffers, flags, control=outgoing.control, raw_address=name)
    finally:
        outgoing.close()


def receive(task: "Task", file: SocketFile, address: int, flags: int) -> int:
    """recvmsg(2)."""
    header = load(task, address)
    buffers = task.memory.iovecs(header.iov, header.iov_count, writable=True)
    wants_control = bool(header.control and header.control_length)
    got = sockets.receive(task, file, buffers, flags, control=wants_control)
    control, returned = b"", got.flags
    if wants_control:
        from elfuse.runtime.files.cmsg import Incoming  # most messages carry no control data

        incoming = Incoming(task, file, min(header.control_length, _CONTROL_MAX))
        incoming.fill(got.control, cloexec=bool(flags & Msg.CMSG_CLOEXEC))
        control, returned = incoming.data, returned | incoming.flags
        task.memory.write(header.control, control)
    if header.name:
        name = addresses.pack(task.kernel, file.family, got.address)
        if file.type == abi.SOCK_STREAM:
            name = b""
        write_name(task, header.name, header.name_length, name)
        task.memory.write_u32(address + _NAME_LENGTH_AT, len(name))
    task.memory.write_u64(address + _CONTROL_LENGTH_AT, len(control))
    returned |= flags & Msg.CMSG_CLOEXEC
    task.memory.write_u32(address + _FLAGS_AT, returned)
    return got.size
