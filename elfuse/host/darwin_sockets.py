"""Sockets of macOS in Linux's numbers."""

import _socket
import ctypes
import fcntl
import hashlib
import os
import sys
import tempfile
from contextlib import contextmanager

from elfuse.typing import TYPE_CHECKING, Iterator

assert not TYPE_CHECKING or sys.platform == "darwin"


_libc = ctypes.CDLL(None, use_errno=True)
HAS_NETLINK = False
SCM_CREDENTIALS: int | None = None
"""Type of the ancillary message that carries a sender's identity; None where there is none."""
SHORT_NAME_MAX = 103
"""Bytes of a name in a `short_directory` that fit into a socket address."""
_SOL_LOCAL, _LOCAL_PEERPID = 0, 2

_FAMILIES = {1: 1, 2: 2, 10: 30}
_LINUX_FAMILIES = {host: linux for linux, host in _FAMILIES.items()}
_SOL_SOCKET = 0xFFFF
# Linux's (level, name) and the host's. What is absent here the host does not have.
_OPTIONS = {
    (1, 1): (_SOL_SOCKET, 1),  # SO_DEBUG
    (1, 2): (_SOL_SOCKET, 0x4),  # SO_REUSEADDR
    (1, 4): (_SOL_SOCKET, 0x1007),  # SO_ERROR
    (1, 5): (_SOL_SOCKET, 0x10),  # SO_DONTROUTE
    (1, 6): (_SOL_SOCKET, 0x20),  # SO_BROADCAST
    (1, 7): (_SOL_SOCKET, 0x1001),  # SO_SNDBUF
    (1, 8): (_SOL_SOCKET, 0x1002),  # SO_RCVBUF
    (1, 9): (_SOL_SOCKET, 0x8),  # SO_KEEPALIVE
    (1, 10): (_SOL_SOCKET, 0x100),  # SO_OOBINLINE
    (1, 13): (_SOL_SOCKET, 0x1080),  # SO_LINGER in seconds
    (1, 15): (_SOL_SOCKET, 0x200),  # SO_REUSEPORT
    (1, 18): (_SOL_SOCKET, 0x1004),  # SO_RCVLOWAT
    (1, 19): (_SOL_SOCKET, 0x1003),  # SO_SNDLOWAT
    (1, 29): (_SOL_SOCKET, 0x400),  # SO_TIMESTAMP
    (6, 1): (6, 1),  # TCP_NODELAY
    (6, 2): (6, 2),  # TCP_MAXSEG
    (6, 3): (6, 4),  # TCP_CORK
    (6, 4): (6, 0x10),  # TCP_KEEPIDLE
    (6, 5): (6, 0x101),  # TCP_KEEPINTVL
    (6, 6): (6, 0x102),  # TCP_KEEPCNT
    (0, 1): (0, 3),  # IP_TOS
    (0, 2): (0, 4),  # IP_TTL
    (0, 8): (0, 26),  # IP_PKTINFO
    (0, 12): (0, 24),  # IP_RECVTTL
    (0, 13): (0, 27),  # IP_RECVTOS
    (0, 32): (0, 9),  # IP_MULTICAST_IF
    (0, 33): (0, 10),  # IP_MULTICAST_TTL
    (0, 34): (0, 11),  # IP_MULTICAST_LOOP
    (0, 35): (0, 12),  # IP_ADD_MEMBERSHIP
    (0, 36): (0, 13),  # IP_DROP_MEMBERSHIP
    (41, 16): (41, 4),  # IPV6_UNICAST_HOPS
    (41, 17): (41, 9),  # IPV6_MULTICAST_IF
    (41, 18): (41, 10),  # IPV6_MULTICAST_HOPS
    (41, 19): (41, 11),  # IPV6_MULTICAST_LOOP
    (41, 20): (41, 12),  # IPV6_ADD_MEMBERSHIP
    (41, 21): (41, 13),  # IPV6_DROP_MEMBERSHIP
    (41, 26): (41, 27),  # IPV6_V6ONLY
    (41, 49): (41, 61),  # IPV6_RECVPKTINFO
    (41, 50): (41, 46),  # IPV6_PKTINFO
    (41, 67): (41, 36),  # IPV6_TCLASS
}
_FROM_HOST = {host: linux for linux, host in _OPTIONS.items()} | {(_SOL_SOCKET, 1): (1, 1)}
_MESSAGE_FLAGS = {0x1: 0x1, 0x2: 0x2, 0x4: 0x4, 0x40: 0x80, 0x80: 0x8, 0x100: 0x40}
_RETURNED_FLAGS = {0x1: 0x1, 0x20: 0x8, 0x10: 0x20, 0x8: 0x80}
_REQUESTS = {0x5411: 0x40047473, 0x8905: 0x40047307}


def family(number: int) -> int | None:
    """The host's number of a Linux address family; None if the host has no such family."""
    return _FAMILIES.get(number)


def linux_family(number: int) -> int:
    """The other way."""
    return _LINUX_FAMILIES.get(number, number)


def option(level: int, name: int) -> tuple[int, int] | None:
    """The host's (level, name) of a socket option or control message; None if it has none."""
    return _OPTIONS.get((level, name))


def option_from_host(level: int, name: int) -> tuple[int, int] | None:
    """The other way, for control messages."""
    return _FROM_HOST.get((level, name))


def message_flags(flags: int) -> int:
    """MSG_* for the host's send and receive calls; Python ignores the host's SIGPIPE."""
    return sum(host for linux, host in _MESSAGE_FLAGS.items() if flags & linux)


def returned_flags(flags: int) -> int:
    """What recvmsg(2) of the host returned, in Linux's MSG_*."""
    return sum(linux for host, linux in _RETURNED_FLAGS.items() if flags & host)


@contextmanager
def short_directory(directory: bytes) -> Iterator[bytes]:
    """A short prefix for names in a directory: this thread's working directory, for the while."""
    fd = os.open(directory or b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _libc.pthread_fchdir_np(fd) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        yield b""
    finally:
        # -1 returns the thread to the process's working directory.
        _libc.pthread_fchdir_np(-1)
        os.close(fd)


@contextmanager
def short_path(path: bytes) -> Iterator[bytes]:
    """A short name of a socket to connect or send to."""
    directory, _, name = path.rpartition(b"/")
    with short_directory(directory) as prefix:
        yield prefix + name


def abstract_name(name: bytes) -> bytes:
    """A path in a private directory for a name that Linux keeps out of the file system."""
    directory = os.path.join(tempfile.gettempdir(), f"elfuse-{os.getuid()}")
    os.makedirs(directory, mode=0o700, exist_ok=True)
    digest = hashlib.sha256(name).hexdigest()[:32]
    return os.fsencode(os.path.join(directory, digest))


def disconnect(fd: int) -> None:
    """connect(2) to AF_UNSPEC: dissolve the association."""
    address = bytes([16, 0]) + bytes(14)
    if _libc.connect(fd, address, 16) < 0:
        number = ctypes.get_errno()
        # The association is gone all the same (EAFNOSUPPORT is 47).
        if number != 47:
            raise OSError(number, os.strerror(number))


def peer_pid(connection: _socket.socket) -> int:
    """The host process at the other end of a local connection, 0 if not known."""
    try:
        return connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)
    except OSError:
        return 0


def set_pass_credentials(end: _socket.socket, wanted: bool) -> None:
    """Nothing to ask for: identities are those of the connection's peer."""
    del end, wanted


def sender_pid(data: bytes) -> int:
    """The host process named by a credentials message: there are none."""
    del data
    return 0


def control(fd: int, request: int, data: bytes) -> bytes:
    """An ioctl whose argument is a struct without pointers, in Linux's numbers."""
    if request == 0x541B:
        return bytes(fcntl.ioctl(fd, 0x4004667F, data))
    if request not in _REQUESTS:
        raise OSError(25, os.strerror(25))
    return bytes(fcntl.ioctl(fd, _REQUESTS[request], data))


def interfaces(fd: int) -> bytes:
    """SIOCGIFCONF: an array of Linux's struct ifreq; the host's differs too much, so none."""
    del fd
    return b""
