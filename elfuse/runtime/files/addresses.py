"""Socket addresses: the guest's bytes, and what Python's socket calls take and return."""

# The C module: importing `socket` costs more than the start of a guest.
from _socket import AF_INET as HOST_INET
from _socket import AF_INET6 as HOST_INET6
from _socket import inet_ntop, inet_pton
from contextlib import contextmanager

from elfuse.runtime.abi import socket as abi
from elfuse.runtime.abi import socket_structs as structs
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.files import unix_names
from elfuse.typing import TYPE_CHECKING, Any, Iterator

if TYPE_CHECKING:
    from elfuse.runtime.kernel import Kernel
    from elfuse.runtime.task import Task

SOCKADDR_MAX = 128
_IN6_MIN = 24
"""Without the scope id (SIN6_LEN_RFC2133)."""
_UN_MAX = 2 + abi.SUN_PATH_MAX


def family_of(raw: bytes) -> int:
    """sa_family; EINVAL if there is none."""
    if len(raw) < 2:
        raise SyscallError(Errno.EINVAL)
    return int.from_bytes(raw[:2], "little")


def unix_name(raw: bytes) -> bytes:
    """sun_path without its terminator; abstract names keep the leading NUL, empty is unnamed."""
    if len(raw) > _UN_MAX or family_of(raw) != abi.AF_UNIX:
        raise SyscallError(Errno.EINVAL)
    path = raw[2:]
    return path if path.startswith(b"\0") else path.split(b"\0", 1)[0]


def _internet(raw: bytes) -> tuple[str, int]:
    if len(raw) < structs.SockaddrIn.size:
        raise SyscallError(Errno.EINVAL)
    found = structs.SockaddrIn.unpack(raw[: structs.SockaddrIn.size])
    return inet_ntop(HOST_INET, found.address), int.from_bytes(found.port, "big")


def _internet6(raw: bytes) -> tuple[str, int, int, int]:
    if len(raw) < _IN6_MIN:
        raise SyscallError(Errno.EINVAL)
    found = structs.SockaddrIn6.unpack(
        raw[: structs.SockaddrIn6.size].ljust(structs.SockaddrIn6.size, b"\0")
    )
    return (
        inet_ntop(HOST_INET6, found.address),
        int.from_bytes(found.port, "big"),
        int.from_bytes(found.flowinfo, "big") & 0xFFFFF,
        found.scope_id,
    )


def parse(family: int, raw: bytes) -> Any:
    """An address for a host socket of a Linux `family` other than AF_UNIX."""
    given = family_of(raw)
    if family == abi.AF_INET:
        if given not in (abi.AF_INET, abi.AF_UNSPEC):
            raise SyscallError(Errno.EAFNOSUPPORT)
        return _internet(raw)
    if family == abi.AF_INET6:
        if given == abi.AF_INET:
            # A v4 address given to a v6 socket means the mapped one (net/ipv6/udp.c).
            address, port = _internet(raw)
            return f"::ffff:{address}", port, 0, 0
        if given != abi.AF_INET6:
            raise SyscallError(Errno.EAFNOSUPPORT)
        return _internet6(raw)
    if family == abi.AF_NETLINK:
        if len(raw) < structs.SockaddrNl.size or given != abi.AF_NETLINK:
            raise SyscallError(Errno.EINVAL)
        found = structs.SockaddrNl.unpack(raw[: structs.SockaddrNl.size])
        return found.pid, found.groups
    raise SyscallError(Errno.EAFNOSUPPORT)


@contextmanager
def host_address(task: "Task", family: int, raw: bytes) -> Iterator[Any]:
    """The host's address of a peer to connect or send to; valid inside the block."""
    if family != abi.AF_UNIX:
        yield parse(family, raw)
        return
    name = unix_name(raw)
    if not name:
        raise SyscallError(Errno.EINVAL)
    with unix_names.reach(task, name) as address:
        yield address


def describe(raw: bytes) -> str:
    """An address of the guest for people to read."""
    try:
        family = family_of(raw)
        name = abi.FAMILY_NAMES.get(family, str(family))
        if family == abi.AF_UNIX:
            path = unix_name(raw)
            shown = "@" + repr(path[1:])[1:] if path.startswith(b"\0") else repr(path)[1:]
            return f"{{{name}, {shown}}}"
        return "{" + ", ".join([name, *map(str, parse(family, raw))]) + "}"
    except SyscallError:
        return raw.hex()


def pack_unix(name: bytes) -> bytes:
    """Struct sockaddr_un as long as the kernel returns it: a path with its NUL, nothing unnamed."""
    raw = abi.AF_UNIX.to_bytes(2, "little") + name
    return raw + b"\0" if name and not name.startswith(b"\0") else raw


def pack(kernel: "Kernel", family: int, address: Any) -> bytes:
    """The guest's bytes of an address that a host call returned; empty for none."""
    if address is None:
        return b""
    if family == abi.AF_UNIX:
        return pack_unix(unix_names.guest_name(kernel, address))
    if family == abi.AF_INET:
        host, port = address
        return structs.SockaddrIn(
            port=port.to_bytes(2, "big"), address=inet_pton(HOST_INET, host)
        ).pack()
    if family == abi.AF_INET6:
        host, port, flowinfo, scope = address
        return structs.SockaddrIn6(
            port=port.to_bytes(2, "big"),
            flowinfo=flowinfo.to_bytes(4, "big"),
            address=inet_pton(HOST_INET6, host.partition("%")[0]),
            scope_id=scope,
        ).pack()
    pid, groups = address
    return structs.SockaddrNl(pid=pid & 0xFFFF_FFFF, groups=groups & 0xFFFF_FFFF).pack()
