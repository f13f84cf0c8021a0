"""Socket options: which the kernel part answers itself, and the rest by the host (socket(7))."""

from elfuse.host import sockets as host
from elfuse.runtime.abi import socket as abi
from elfuse.runtime.abi import socket_structs as structs
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.socket import So
from elfuse.runtime.files.socket import SocketFile, own_credentials
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

_INT = 4
_MICROSECOND, _SECOND = 1000, 1_000_000_000
_BUFFER_MAX = 1024
"""What Python's getsockopt takes; no option is larger."""
_POINTERS = frozenset(
    {
        So.ATTACH_FILTER,
        So.ATTACH_BPF,
        So.ATTACH_REUSEPORT_CBPF,
        So.ATTACH_REUSEPORT_EBPF,
        So.DETACH_FILTER,
    }
)
"""Values with pointers or bpf descriptors in them, which mean nothing to the host."""
_TCP_ZEROCOPY_RECEIVE = 35


def set_option(file: SocketFile, level: int, name: int, value: bytes) -> None:
    """setsockopt(2)."""
    if level == abi.SOL_SOCKET and _set_own(file, name, value):
        return
    found = host.option(level, name)
    if found is None:
        raise SyscallError(Errno.ENOPROTOOPT)
    file.end.setsockopt(*found, value)


def _set_own(file: SocketFile, name: int, value: bytes) -> bool:
    """Options of SOL_SOCKET that the kernel part keeps; False for the others."""
    if name in (So.RCVTIMEO, So.RCVTIMEO_NEW):
        file.receive_timeout = _timeout(value)
    elif name in (So.SNDTIMEO, So.SNDTIMEO_NEW):
        file.send_timeout = _timeout(value)
    elif name == So.PASSCRED:
        file.pass_credentials = bool(_integer(value))
        host.set_pass_credentials(file.end, file.pass_credentials)
    elif name in _POINTERS or name == So.ZEROCOPY:
        raise SyscallError(Errno.EOPNOTSUPP if name == So.ZEROCOPY else Errno.ENOPROTOOPT)
    elif name in (So.TYPE, So.DOMAIN, So.PROTOCOL, So.ERROR, So.ACCEPTCONN, So.PEERCRED):
        raise SyscallError(Errno.ENOPROTOOPT)
    else:
        return False
    return True


def _integer(value: bytes) -> int:
    if len(value) < _INT:
        raise SyscallError(Errno.EINVAL)
    return int.from_bytes(value[:_INT], "little", signed=True)


def _timeout(value: bytes) -> int:
    """Nanoseconds; EDOM for bad microseconds, as sock_set_timeout has it."""
    if len(value) < structs.SockTimeval.size:
        raise SyscallError(Errno.EINVAL)
    given = structs.SockTimeval.unpack(value[: structs.SockTimeval.size])
    if not 0 <= given.usec < 1_000_000:
        raise SyscallError(Errno.EDOM)
    if given.sec < 0:
        return 0
    return given.sec * _SECOND + given.usec * _MICROSECOND


def get_option(task: "Task", file: SocketFile, level: int, name: int, size: int) -> bytes:
    """getsockopt(2): the value, at most `size` bytes of it."""
    if level == abi.SOL_SOCKET:
        own = _get_own(task, file, name)
        if own is not None:
            return own[:size]
    if level == abi.SOL_TCP and name == _TCP_ZEROCOPY_RECEIVE:
        raise SyscallError(Errno.ENOPROTOOPT)
    found = host.option(level, name)
    if found is None:
        raise SyscallError(Errno.ENOPROTOOPT)
    if size == 0:
        return b""
    value = file.end.getsockopt(*found, min(size, _BUFFER_MAX))
    if level == abi.SOL_SOCKET and name == So.ERROR:
        pending = int.from_bytes(value[:_INT], "little")
        return (Errno.from_host(pending) if pending else 0).to_bytes(_INT, "little")[:size]
    return value


def _get_own(task: "Task", file: SocketFile, name: int) -> bytes | None:
    """Options of SOL_SOCKET that the kernel part answers; None for the others."""
    if name in (So.RCVTIMEO, So.RCVTIMEO_NEW):
        return _timeval(file.receive_timeout)
    if name in (So.SNDTIMEO, So.SNDTIMEO_NEW):
        return _timeval(file.send_timeout)
    if name == So.PEERCRED:
        return (own_credentials(task) if file.listening else file.peer_credentials()).pack()
    if name == So.PEERNAME:
        return file.peer_name(task.kernel)
    if name in (So.PEERSEC, So.PEERPIDFD, So.PEERGROUPS, *_POINTERS):
        raise SyscallError(Errno.ENOPROTOOPT)
    known = {
        So.TYPE: file.type,
        So.DOMAIN: file.family,
        So.PROTOCOL: _protocol(file),
        So.ACCEPTCONN: int(file.listening),
        So.PASSCRED: int(file.pass_credentials),
        So.ZEROCOPY: 0,
    }
    value = known.get(So(name)) if name in So._value2member_map_ else None
    return None if value is None else value.to_bytes(_INT, "little")


def _protocol(file: SocketFile) -> int:
    """What socket(2)'s protocol 0 stands for."""
    if file.protocol or file.family not in (abi.AF_INET, abi.AF_INET6):
        return file.protocol
    return {abi.SOCK_STREAM: abi.SOL_TCP, abi.SOCK_DGRAM: abi.SOL_UDP}.get(file.type, 0)


def _timeval(nanoseconds: int) -> bytes:
    seconds, rest = divmod(nanoseconds, _SECOND)
    return structs.SockTimeval(sec=seconds, usec=rest // _MICROSECOND).pack()
