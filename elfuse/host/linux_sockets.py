"""Sockets of a Linux host. Its generic numbers are the guest's."""

import _socket
import array
import ctypes
import fcntl
import os
import struct
import sys
from contextlib import contextmanager

from elfuse.typing import TYPE_CHECKING, Iterator

assert not TYPE_CHECKING or sys.platform == "linux"


_libc = ctypes.CDLL(None, use_errno=True)
HAS_NETLINK = True
SCM_CREDENTIALS: int | None = 2
"""Type of the ancillary message that carries a sender's identity; None where there is none."""
SHORT_NAME_MAX = 107 - len("/proc/self/fd/99999/")
"""Bytes of a name in a `short_directory` that fit into a socket address."""
_SIOCGIFCONF = 0x8912
_IFREQ_SIZE = 40
_UCRED = struct.Struct("iII")


def family(number: int) -> int | None:
    """The host's number of a Linux address family; None if the host has no such family."""
    return number


def linux_family(number: int) -> int:
    """The other way."""
    return number


def option(level: int, name: int) -> tuple[int, int] | None:
    """The host's (level, name) of a socket option or control message; None if it has none."""
    return level, name


def option_from_host(level: int, name: int) -> tuple[int, int] | None:
    """The other way, for control messages."""
    return level, name


def message_flags(flags: int) -> int:
    """MSG_* for the host's send and receive calls; a broken pipe never raises a host signal."""
    return flags | _socket.MSG_NOSIGNAL


def returned_flags(flags: int) -> int:
    """What recvmsg(2) of the host returned, in Linux's MSG_*."""
    return flags


@contextmanager
def short_directory(directory: bytes) -> Iterator[bytes]:
    """A short prefix for names in a directory, because socket addresses hold 107 bytes only."""
    fd = os.open(directory or b".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield b"/proc/self/fd/%d/" % fd
    finally:
        os.close(fd)


@contextmanager
def short_path(path: bytes) -> Iterator[bytes]:
    """A short name of a socket to connect or send to."""
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        yield b"/proc/self/fd/%d" % fd
    finally:
        os.close(fd)


def abstract_name(name: bytes) -> bytes:
    """The address of a name that is not in the file system."""
    return b"\0" + name


def disconnect(fd: int) -> None:
    """connect(2) to AF_UNSPEC: dissolve the association."""
    if _libc.connect(fd, bytes(16), 16) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def peer_pid(connection: _socket.socket) -> int:
    """The host process at the other end of a local connection, 0 if not known."""
    pid, _uid, _gid = _UCRED.unpack(
        connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, _UCRED.size)
    )
    return int(pid)


def set_pass_credentials(end: _socket.socket, wanted: bool) -> None:
    """Ask for the sender's identity with every message."""
    end.setsockopt(_socket.SOL_SOCKET, _socket.SO_PASSCRED, int(wanted))


def sender_pid(data: bytes) -> int:
    """The host process named by a SCM_CREDENTIALS message."""
    pid, _uid, _gid = _UCRED.unpack(data[: _UCRED.size])
    return int(pid)


def control(fd: int, request: int, data: bytes) -> bytes:
    """An ioctl whose argument is a struct without pointers, in Linux's numbers."""
    return bytes(fcntl.ioctl(fd, request, data))


def interfaces(fd: int) -> bytes:
    """SIOCGIFCONF: an array of Linux's struct ifreq."""
    space = array.array("B", bytes(64 * _IFREQ_SIZE))
    address, length = space.buffer_info()
    answer = fcntl.ioctl(fd, _SIOCGIFCONF, struct.pack("iPxxxx", length, address)[:16].ljust(16))
    used = int.from_bytes(answer[:4], sys.byteorder)
    return space.tobytes()[:used]
