"""Structs of sockets: addresses, messages, what options and requests carry.

Apart from the constants, which every start loads.
"""

from elfuse.runtime.abi import socket as abi
from elfuse.runtime.abi.layout import Bytes, Struct, i32, i64, u16, u32, u64
from elfuse.typing import Annotated


class SockaddrIn(Struct, size=16):
    """struct sockaddr_in; port and address in network order."""

    family: u16 = abi.AF_INET
    port: Annotated[bytes, Bytes(2)]
    address: Annotated[bytes, Bytes(4)]
    zero: u64 = 0


class SockaddrIn6(Struct, size=28):
    """struct sockaddr_in6; port, flow information and address in network order."""

    family: u16 = abi.AF_INET6
    port: Annotated[bytes, Bytes(2)]
    flowinfo: Annotated[bytes, Bytes(4)]
    address: Annotated[bytes, Bytes(16)]
    scope_id: u32


class SockaddrNl(Struct, size=12):
    """struct sockaddr_nl."""

    family: u16 = abi.AF_NETLINK
    pad: u16 = 0
    pid: u32
    groups: u32


class Msghdr(Struct, size=56):
    """struct user_msghdr."""

    name: u64
    name_length: u32
    pad1: u32 = 0
    iov: u64
    iov_count: u64
    control: u64
    control_length: u64
    flags: u32
    pad2: u32 = 0


class Cmsghdr(Struct, size=16):
    """struct cmsghdr."""

    length: u64
    level: i32
    type: i32


class Ucred(Struct, size=12):
    """struct ucred."""

    pid: i32
    uid: u32
    gid: u32


class Nlmsghdr(Struct, size=16):
    """struct nlmsghdr."""

    length: u32
    type: u16
    flags: u16
    sequence: u32
    pid: u32


class Ifconf(Struct, size=16):
    """struct ifconf."""

    length: i32
    pad: i32 = 0
    buffer: u64


class SockTimeval(Struct, size=16):
    """struct __kernel_old_timeval, and __kernel_sock_timeval of the _NEW options."""

    sec: i64
    usec: i64
