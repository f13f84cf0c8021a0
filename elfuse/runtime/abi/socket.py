"""Sockets: families, types, levels, flags, options and structs (linux/socket.h, asm-generic)."""

from enum import IntEnum
from typing import Annotated

from elfuse.runtime.abi.layout import Bytes, Struct, i32, i64, u16, u32, u64

AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET = 0, 1, 2, 10, 16, 17
FAMILY_NAMES = {
    AF_UNSPEC: "AF_UNSPEC",
    AF_UNIX: "AF_UNIX",
    AF_INET: "AF_INET",
    AF_INET6: "AF_INET6",
    AF_NETLINK: "AF_NETLINK",
    AF_PACKET: "AF_PACKET",
}
AF_MAX = 46

SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET, SOCK_PACKET = 1, 2, 3, 4, 5, 10
SOCK_TYPE_MASK, SOCK_MAX = 0xF, 11
SOCK_NONBLOCK, SOCK_CLOEXEC = 0o4000, 0o2000000
TYPE_NAMES = {
    SOCK_STREAM: "SOCK_STREAM",
    SOCK_DGRAM: "SOCK_DGRAM",
    SOCK_RAW: "SOCK_RAW",
    SOCK_RDM: "SOCK_RDM",
    SOCK_SEQPACKET: "SOCK_SEQPACKET",
}
SOCK_FLAG_NAMES = {SOCK_NONBLOCK: "SOCK_NONBLOCK", SOCK_CLOEXEC: "SOCK_CLOEXEC"}

SHUT_RD, SHUT_WR, SHUT_RDWR = 0, 1, 2
SHUT_NAMES = {SHUT_RD: "SHUT_RD", SHUT_WR: "SHUT_WR", SHUT_RDWR: "SHUT_RDWR"}

SOL_IP, SOL_SOCKET, SOL_TCP, SOL_UDP, SOL_IPV6, SOL_NETLINK = 0, 1, 6, 17, 41, 270
LEVEL_NAMES = {
    SOL_IP: "SOL_IP",
    SOL_SOCKET: "SOL_SOCKET",
    SOL_TCP: "SOL_TCP",
    SOL_UDP: "SOL_UDP",
    SOL_IPV6: "SOL_IPV6",
    SOL_NETLINK: "SOL_NETLINK",
}

SUN_PATH_MAX = 108
SCM_MAX_FD = 253
IOV_MAX = 1024
SOMAXCONN = 4096
NETLINK_ROUTE = 0


class Msg(IntEnum):
    """MSG_*."""

    OOB = 0x1
    PEEK = 0x2
    DONTROUTE = 0x4
    CTRUNC = 0x8
    TRUNC = 0x20
    DONTWAIT = 0x40
    EOR = 0x80
    WAITALL = 0x100
    CONFIRM = 0x800
    ERRQUEUE = 0x2000
    NOSIGNAL = 0x4000
    MORE = 0x8000
    WAITFORONE = 0x10000
    FASTOPEN = 0x20000000
    CMSG_CLOEXEC = 0x40000000


MSG_NAMES = {flag.value: f"MSG_{flag.name}" for flag in Msg}


class So(IntEnum):
    """SO_* of SOL_SOCKET that are not simply handed to the host."""

    TYPE = 3
    ERROR = 4
    SNDBUF = 7
    RCVBUF = 8
    PASSCRED = 16
    PEERCRED = 17
    RCVTIMEO = 20
    SNDTIMEO = 21
    ATTACH_FILTER = 26
    DETACH_FILTER = 27
    PEERNAME = 28
    ACCEPTCONN = 30
    PEERSEC = 31
    PASSSEC = 34
    PROTOCOL = 38
    DOMAIN = 39
    ATTACH_BPF = 50
    ATTACH_REUSEPORT_CBPF = 51
    ATTACH_REUSEPORT_EBPF = 52
    PEERGROUPS = 59
    ZEROCOPY = 60
    RCVTIMEO_NEW = 66
    SNDTIMEO_NEW = 67
    PEERPIDFD = 77


SCM_RIGHTS, SCM_CREDENTIALS = 1, 2

FIONREAD, SIOCOUTQ, SIOCATMARK = 0x541B, 0x5411, 0x8905
SIOCGIFNAME, SIOCGIFCONF = 0x8910, 0x8912
INTERFACE_QUERIES = frozenset({0x8910, 0x8913, 0x8915, 0x8917, 0x8919, 0x891B, 0x891D, 0x8921,
                               0x8927, 0x8933, 0x8942})  # fmt: skip
"""SIOCGIF{NAME,FLAGS,ADDR,DSTADDR,BRDADDR,NETMASK,METRIC,MTU,HWADDR,INDEX,TXQLEN}: struct ifreq in
and out."""


class SockaddrIn(Struct, size=16):
    """struct sockaddr_in; port and address in network order."""

    family: u16 = AF_INET
    port: Annotated[bytes, Bytes(2)]
    address: Annotated[bytes, Bytes(4)]
    zero: u64 = 0


class SockaddrIn6(Struct, size=28):
    """struct sockaddr_in6; port, flow information and address in network order."""

    family: u16 = AF_INET6
    port: Annotated[bytes, Bytes(2)]
    flowinfo: Annotated[bytes, Bytes(4)]
    address: Annotated[bytes, Bytes(16)]
    scope_id: u32


class SockaddrNl(Struct, size=12):
    """struct sockaddr_nl."""

    family: u16 = AF_NETLINK
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


MMSGHDR_SIZE = 64
MMSGHDR_LENGTH_AT = 56


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
