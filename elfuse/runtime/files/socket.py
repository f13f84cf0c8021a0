"""Sockets: the host's, behind the open file contract.

The host side never blocks. Waiting, and what a blocking call does in several steps, is in
`runtime/sockets.py`.
"""

from __future__ import annotations

# The C module: importing `socket` costs more than the start of a guest.
import _socket
import os
import stat

from elfuse.host import sockets as host
from elfuse.runtime.abi import socket as abi
from elfuse.runtime.abi import socket_structs as structs
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.fcntl import O_NONBLOCK, O_RDWR
from elfuse.runtime.abi.socket_structs import Ucred
from elfuse.runtime.files import addresses, unix_names
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.files.hostfile import host_events, poll_descriptor
from elfuse.runtime.fs.pseudo import Attributes
from elfuse.runtime.processes import Field
from elfuse.runtime.wait import WouldBlock, now
from elfuse.typing import TYPE_CHECKING, Any, Iterable, NamedTuple, Sequence

if TYPE_CHECKING:
    from elfuse.runtime.kernel import Kernel
    from elfuse.runtime.task import Task

_CONTROL_SPACE = 8192
_IFREQ_SIZE = 40
_NOBODY = Ucred(pid=0, uid=0xFFFF_FFFF, gid=0xFFFF_FFFF)
_NLMSG_DATA_KINDS = 16
"""Message types from here on come in fours: NEW, DEL, GET, SET."""

Control = list[tuple[int, int, bytes]]


class Received(NamedTuple):
    """What one receive call got; `control` and `flags` are the host's."""

    size: int
    control: Control
    flags: int
    address: Any


class SocketFile(OpenFile):
    """A socket. `family`, `type` and `protocol` are Linux's numbers."""

    is_socket = True

    def __init__(
        self, end: _socket.socket, family: int, kind: int, protocol: int, flags: int
    ) -> None:
        super().__init__(O_RDWR | flags & O_NONBLOCK)
        os.set_blocking(end.fileno(), False)
        self.end = end
        self.family = family
        self.type = kind
        self.protocol = protocol
        self.listening = False
        self.receive_timeout = 0
        """SO_RCVTIMEO in nanoseconds; 0 waits forever."""
        self.send_timeout = 0
        self.pass_credentials = False
        self.peer: Ucred | None = None
        """Who was at the other end when it was connected."""
        self.peer_is_guest = True
        """Whether the other end can read what `passing.py` writes."""

    @classmethod
    def create(cls, family: int, kind: int, protocol: int, flags: int) -> SocketFile:
        """socket(2), for the families and types that are offered."""
        host_family = _offered(family, kind, protocol)
        end = _socket.socket(host_family, kind, protocol)
        return cls(end, family, kind, protocol, flags)

    @classmethod
    def pair(
        cls, task: Task, family: int, kind: int, protocol: int, flags: int
    ) -> tuple[SocketFile, SocketFile]:
        """socketpair(2)."""
        if family != abi.AF_UNIX:
            _offered(family, kind, protocol)
            raise SyscallError(Errno.EOPNOTSUPP)
        if protocol not in (0, abi.AF_UNIX):
            raise SyscallError(Errno.EPROTONOSUPPORT)
        made = tuple(
            cls(end, family, kind, protocol, flags)
            for end in _socket.socketpair(_socket.AF_UNIX, kind, 0)
        )
        for file in made:
            file.peer = own_credentials(task)
        return made[0], made[1]

    def close(self) -> None:
        self.end.close()

    def host_fd(self) -> int:
        return self.end.fileno()

    def describe(self) -> bytes:
        return b"socket:[%d]" % os.fstat(self.end.fileno()).st_ino

    def stat(self) -> Attributes:
        return Attributes(ino=os.fstat(self.end.fileno()).st_ino, mode=stat.S_IFSOCK | 0o777)

    # Names

    def bind(self, task: Task, raw: bytes) -> None:
        """bind(2)."""
        if self.family != abi.AF_UNIX:
            self.end.bind(addresses.parse(self.family, raw))
            return
        name = addresses.unix_name(raw)
        if not name:
            self._bind_any(task)
        elif name.startswith(b"\0"):
            self.end.bind(unix_names.host_abstract(task.kernel, name[1:]))
        else:
            unix_names.bind(task, self.end, name)

    def _bind_any(self, task: Task) -> None:
        """Autobind: an abstract name of five hexadecimal digits that nobody has (unix(7))."""
        if self.end.getsockname():
            return
        for _ in range(64):
            name = b"%05x" % (int.from_bytes(os.urandom(3), "big") & 0xFFFFF)
            try:
                self.end.bind(unix_names.host_abstract(task.kernel, name))
            except OSError as error:
                if Errno.from_host(error.errno or 0) is not Errno.EADDRINUSE:
                    raise
            else:
                return
        raise SyscallError(Errno.ENOSPC)

    def listen(self, backlog: int) -> None:
        """listen(2)."""
        self.end.listen(max(0, min(backlog, abi.SOMAXCONN)))
        self.listening = True

    def name(self, kernel: Kernel) -> bytes:
        """getsockname(2)."""
        return addresses.pack(kernel, self.family, self.end.getsockname())

    def peer_name(self, kernel: Kernel) -> bytes:
        """getpeername(2)."""
        return addresses.pack(kernel, self.family, self.end.getpeername())

    def try_connect(self, task: Task, raw: bytes) -> None:
        """One connect(2) of the host; EINPROGRESS while it is under way."""
        with addresses.host_address(task, self.family, raw) as address:
            self.end.connect(address)
        self.note_peer(task.kernel)

    def try_accept(self, task: Task, flags: int) -> tuple[SocketFile, bytes]:
        """One accept(2) of the host: the connection and the peer's name."""
        try:
            fd, address = self.end._accept()  # type: ignore[attr-defined]  # what socket.accept calls
        except BlockingIOError:
            raise WouldBlock from None
        end = _socket.socket(fileno=fd)
        made = SocketFile(end, self.family, self.type, self.protocol, flags)
        made.note_peer(task.kernel)
        return made, addresses.pack(task.kernel, self.family, address)

    def note_peer(self, kernel: Kernel) -> None:
        """Remember who is at the other end of a local connection, while it lives."""
        if self.family != abi.AF_UNIX or self.type == abi.SOCK_DGRAM:
            return
        pid = host.peer_pid(self.end)
        entry = kernel.processes.by_host_pid(pid) if pid else None
        self.peer_is_guest = entry is not None
        if entry is not None:
            uid, gid = (entry[field] & 0xFFFF_FFFF for field in (Field.UIDS, Field.GIDS))
            self.peer = Ucred(pid=entry.pid, uid=uid, gid=gid)

    def peer_credentials(self) -> Ucred:
        """SO_PEERCRED."""
        return self.peer or _NOBODY

    # Data

    def receive(self, buffers: Sequence[memoryview], flags: int, *, control: bool) -> Received:
        """One recvmsg(2) of the host; `flags` are Linux's. `WouldBlock`."""
        try:
            size, messages, host_flags, address = self.end.recvmsg_into(
                list(buffers), _CONTROL_SPACE if control else 0, host.message_flags(flags)
            )
        except BlockingIOError:
            raise WouldBlock from None
        return Received(size, messages, host.returned_flags(host_flags), address)

    def send(
        self,
        task: Task,
        buffers: Sequence[memoryview],
        flags: int,
        *,
        control: Control = [],  # noqa: B006 - never changed
        raw_address: bytes = b"",
    ) -> int:
        """One sendmsg(2) of the host; `flags` are Linux's, `control` the host's. `WouldBlock`."""
        if self.family == abi.AF_NETLINK:
            _check_netlink(b"".join(bytes(buffer) for buffer in buffers))
        host_flags = host.message_flags(flags)
        try:
            if not raw_address:
                return self.end.sendmsg(list(buffers), control, host_flags)
            with addresses.host_address(task, self.family, raw_address) as address:
                return self.end.sendmsg(list(buffers), control, host_flags, address)
        except BlockingIOError:
            raise WouldBlock from None

    def read_into(self, task: Task, buffers: Sequence[memoryview], offset: int | None) -> int:
        if offset is not None:
            raise SyscallError(Errno.ESPIPE)
        if not any(map(len, buffers)) and self.type == abi.SOCK_STREAM:
            return 0
        return self.receive(buffers, 0, control=False).size

    def write_from(self, task: Task, buffers: Sequence[memoryview], offset: int | None) -> int:
        if offset is not None:
            raise SyscallError(Errno.ESPIPE)
        return self.send(task, buffers, 0)

    def read_deadline(self) -> int | None:
        return now() + self.receive_timeout if self.receive_timeout else None

    def write_deadline(self) -> int | None:
        return now() + self.send_timeout if self.send_timeout else None

    def shutdown(self, how: int) -> None:
        """shutdown(2); SHUT_* have one value everywhere."""
        self.end.shutdown(how)

    # Requests and readiness

    def ioctl(self, task: Task, request: int, argument: int) -> int:
        fd = self.end.fileno()
        if request in (abi.FIONREAD, abi.SIOCOUTQ, abi.SIOCATMARK):
            task.memory.write(argument, host.control(fd, request, bytes(4)))
        elif request in abi.INTERFACE_QUERIES:
            data = task.memory.read(argument, _IFREQ_SIZE)
            task.memory.write(argument, host.control(fd, request, data))
        elif request == abi.SIOCGIFCONF:
            wanted = structs.Ifconf.load(task.memory, argument)
            found = host.interfaces(fd)
            if wanted.buffer:
                found = found[: max(0, wanted.length) // _IFREQ_SIZE * _IFREQ_SIZE]
                task.memory.write(wanted.buffer, found)
            structs.Ifconf(length=len(found), buffer=wanted.buffer).store(task.memory, argument)
        else:
            raise SyscallError(Errno.ENOTTY)
        return 0

    def poll(self, events: int) -> int:
        return poll_descriptor(self.end.fileno(), events)

    def wait_fds(self, events: int) -> Iterable[tuple[int, int]]:
        return [(self.end.fileno(), host_events(events))]

    # Passing to another process, see `passing.py`

    def export(self) -> tuple[dict[str, Any], list[int]]:
        """For SCM_RIGHTS."""
        peer = self.peer
        state = {
            "family": self.family,
            "type": self.type,
            "protocol": self.protocol,
            "flags": self.flags,
            "listening": self.listening,
            "timeouts": [self.receive_timeout, self.send_timeout],
            "pass_credentials": self.pass_credentials,
            "peer": [peer.pid, peer.uid, peer.gid] if peer else None,
            "peer_is_guest": self.peer_is_guest,
        }
        return state, [self.end.fileno()]

    @classmethod
    def rebuild(cls, state: dict[str, Any], fds: list[int]) -> SocketFile:
        """The receiving side of `export`."""
        end = _socket.socket(fileno=fds[0])
        made = cls(end, state["family"], state["type"], state["protocol"], state["flags"])
        made.listening = state["listening"]
        made.receive_timeout, made.send_timeout = state["timeouts"]
        made.pass_credentials = state["pass_credentials"]
        if state["peer"]:
            pid, uid, gid = state["peer"]
            made.peer = Ucred(pid=pid, uid=uid, gid=gid)
        made.peer_is_guest = state["peer_is_guest"]
        return made

    @classmethod
    def adopt(cls, fd: int) -> SocketFile:
        """A socket that a process outside this run has passed."""
        end = _socket.socket(fileno=fd)
        flags = 0 if os.get_blocking(fd) else O_NONBLOCK
        return cls(end, host.linux_family(end.family), end.type & 0xF, end.proto, flags)


def own_credentials(task: Task) -> Ucred:
    """What SO_PEERCRED and SCM_CREDENTIALS say about the caller."""
    held = task.credentials
    return Ucred(pid=task.process.pid, uid=held.euid, gid=held.egid)


def _offered(family: int, kind: int, protocol: int) -> int:
    """The host's family, or the error socket(2) gives for what there is not."""
    if not 0 <= family < abi.AF_MAX:
        raise SyscallError(Errno.EAFNOSUPPORT)
    if kind >= abi.SOCK_MAX:
        raise SyscallError(Errno.EINVAL)
    if family == abi.AF_PACKET:
        raise SyscallError(Errno.EPERM)
    if family == abi.AF_NETLINK:
        if not host.HAS_NETLINK:
            raise SyscallError(Errno.EAFNOSUPPORT)
        if protocol != abi.NETLINK_ROUTE:
            raise SyscallError(Errno.EPROTONOSUPPORT)
    elif family not in (abi.AF_UNIX, abi.AF_INET, abi.AF_INET6):
        raise SyscallError(Errno.EAFNOSUPPORT)
    elif kind == abi.SOCK_RAW and family != abi.AF_UNIX:
        raise SyscallError(Errno.EPERM)
    elif family == abi.AF_UNIX and protocol not in (0, abi.AF_UNIX):
        raise SyscallError(Errno.EPROTONOSUPPORT)
    found = host.family(family)
    if found is None:
        raise SyscallError(Errno.EAFNOSUPPORT)
    return found


def _check_netlink(data: bytes) -> None:
    """EPERM for anything but questions: a guest does not configure the host's network."""
    at = 0
    while at + structs.Nlmsghdr.size <= len(data):
        header = structs.Nlmsghdr.unpack(data[at : at + structs.Nlmsghdr.size])
        if header.length < structs.Nlmsghdr.size:
            return
        if header.type >= _NLMSG_DATA_KINDS and header.type % 4 != 2:
            raise SyscallError(Errno.EPERM)
        at += (header.length + 3) & ~3
