"""Control messages of sendmsg and recvmsg: the guest's layout, rights and credentials (cmsg(3))."""

# The C module: importing `socket` costs more than the start of a guest.
import _socket
import os

from elfuse.host import sockets as host
from elfuse.runtime.abi import socket as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.socket import Msg
from elfuse.runtime.abi.socket_structs import Cmsghdr, Ucred
from elfuse.runtime.files.passing import Parcel, unpack
from elfuse.runtime.files.socket import Control, SocketFile, own_credentials
from elfuse.runtime.processes import Field
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.files.base import OpenFile
    from elfuse.runtime.task import Task

_FD = 4
_HEADER = Cmsghdr.size


def _aligned(size: int) -> int:
    return (size + 7) & -8


# Sending


class Outgoing:
    """The host's control messages for the guest's. Close it once they are sent."""

    def __init__(self, task: "Task", file: SocketFile, raw: bytes) -> None:
        self.control: Control = []
        self._parcel: Parcel | None = None
        passed: list[OpenFile] = []
        for level, kind, data in _messages(raw):
            if level != abi.SOL_SOCKET:
                self._plain(level, kind, data)
            elif kind == abi.SCM_RIGHTS:
                passed += _files(task, file, data)
            elif kind == abi.SCM_CREDENTIALS:
                _check_credentials(task, data)
            else:
                self._plain(level, kind, data)
        if len(passed) > abi.SCM_MAX_FD:
            raise SyscallError(Errno.EINVAL)
        if passed:
            self._parcel = Parcel(task.kernel, passed, described=file.peer_is_guest)
            packed = b"".join(fd.to_bytes(_FD, "little") for fd in self._parcel.fds)
            self.control.append((_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed))

    def _plain(self, level: int, kind: int, data: bytes) -> None:
        found = host.option(level, kind)
        if found is None:
            raise SyscallError(Errno.EINVAL)
        self.control.append((*found, data))

    def close(self) -> None:
        if self._parcel is not None:
            self._parcel.close()


def _messages(raw: bytes) -> list[tuple[int, int, bytes]]:
    """(level, type, data) of a guest's control buffer; EINVAL for a bad length."""
    found = []
    at = 0
    while at + _HEADER <= len(raw):
        header = Cmsghdr.unpack(raw[at : at + _HEADER])
        if header.length < _HEADER or at + header.length > len(raw):
            raise SyscallError(Errno.EINVAL)
        found.append((header.level, header.type, raw[at + _HEADER : at + header.length]))
        at += _aligned(header.length)
    return found


def _files(task: "Task", file: SocketFile, data: bytes) -> "list[OpenFile]":
    """What the numbers of an SCM_RIGHTS message stand for. Several such messages add up."""
    if file.family != abi.AF_UNIX:
        raise SyscallError(Errno.EINVAL)
    return [
        task.files.get(int.from_bytes(data[at : at + _FD], "little", signed=True))
        for at in range(0, len(data) - len(data) % _FD, _FD)
    ]


def _check_credentials(task: "Task", data: bytes) -> None:
    """EPERM for an identity the sender does not have. The host tells the receiver who it is."""
    if len(data) < Ucred.size:
        raise SyscallError(Errno.EINVAL)
    claimed = Ucred.unpack(data[: Ucred.size])
    held = task.credentials
    if held.euid == 0:
        return
    if (
        claimed.pid != task.process.pid
        or claimed.uid not in (held.uid, held.euid, held.suid)
        or claimed.gid not in (held.gid, held.egid, held.sgid)
    ):
        raise SyscallError(Errno.EPERM)


# Receiving


class Incoming:
    """What a receive call got, put into a control buffer of `space` bytes of the guest."""

    def __init__(self, task: "Task", file: SocketFile, space: int) -> None:
        self._task = task
        self._file = file
        self._space = space
        self.data = b""
        self.flags = 0
        """MSG_CTRUNC if not everything had room."""

    def fill(self, control: Control, *, cloexec: bool) -> None:
        """Credentials come first, as on Linux; descriptors are installed in the guest."""
        rights = [data for level, kind, data in control if _is_rights(level, kind)]
        if self._file.pass_credentials:
            self._credentials(control)
        for level, kind, data in control:
            if _is_rights(level, kind) or _is_credentials(level, kind):
                continue
            found = host.option_from_host(level, kind)
            if found is not None:
                self._append(*found, data)
        for data in rights:
            fds = [
                int.from_bytes(data[at : at + _FD], "little")
                for at in range(0, len(data) - len(data) % _FD, _FD)
            ]
            self._rights(fds, cloexec=cloexec)

    def _append(self, level: int, kind: int, data: bytes) -> None:
        left = self._space - len(self.data)
        if left < _HEADER:
            self.flags |= Msg.CTRUNC
            return
        if left < _HEADER + len(data):
            self.flags |= Msg.CTRUNC
            data = data[: left - _HEADER]
        header = Cmsghdr(length=_HEADER + len(data), level=level, type=kind)
        self.data += (header.pack() + data).ljust(min(left, _aligned(_HEADER + len(data))), b"\0")

    def _credentials(self, control: Control) -> None:
        task, file = self._task, self._file
        sender = file.peer or Ucred(pid=0, uid=65534, gid=65534)
        for level, kind, data in control:
            if not _is_credentials(level, kind):
                continue
            host_pid = host.sender_pid(data)
            entry = task.kernel.processes.by_host_pid(host_pid)
            if host_pid == os.getpid():
                sender = own_credentials(task)
            elif entry is not None:
                uid, gid = (entry[field] & 0xFFFF_FFFF for field in (Field.UIDS, Field.GIDS))
                sender = Ucred(pid=entry.pid, uid=uid, gid=gid)
        self._append(abi.SOL_SOCKET, abi.SCM_CREDENTIALS, sender.pack())

    def _rights(self, fds: list[int], *, cloexec: bool) -> None:
        """Install as many descriptors as there is room for; the others are closed."""
        numbers: list[int] = []
        files = unpack(self._task, fds) if fds else []
        room = max(0, (self._space - len(self.data) - _HEADER) // _FD)
        for file in files:
            if len(numbers) < room and self._install(file, numbers, cloexec=cloexec):
                continue
            self.flags |= Msg.CTRUNC
            if not file.in_use:
                file.acquire().release()
        if numbers:
            packed = b"".join(number.to_bytes(_FD, "little") for number in numbers)
            self._append(abi.SOL_SOCKET, abi.SCM_RIGHTS, packed)

    def _install(self, file: "OpenFile", numbers: list[int], *, cloexec: bool) -> bool:
        try:
            numbers.append(self._task.files.install(file, cloexec=cloexec))
        except SyscallError:
            return False
        return True


def _is_rights(level: int, kind: int) -> bool:
    return level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS


def _is_credentials(level: int, kind: int) -> bool:
    return level == _socket.SOL_SOCKET and kind == host.SCM_CREDENTIALS
