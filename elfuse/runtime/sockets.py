"""What blocking socket calls do in several steps: connect, accept, send and receive all of it."""

from elfuse.runtime.abi import socket as abi
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.poll import POLLIN, POLLOUT
from elfuse.runtime.abi.signal import Sig
from elfuse.runtime.abi.socket import Msg
from elfuse.runtime.files import addresses
from elfuse.runtime.files.socket import Control, Received, SocketFile
from elfuse.runtime.signals import SI_USER, SigInfo, post_to_task
from elfuse.runtime.wait import Restart, RestartKind, now, retry, sleep
from elfuse.typing import TYPE_CHECKING, Sequence

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

_FULL_QUEUE_NS = 5_000_000
_UNDER_WAY = (Errno.EINPROGRESS, Errno.EALREADY)
_HANDED_ON = ~(Msg.CMSG_CLOEXEC | Msg.NOSIGNAL | Msg.DONTWAIT | Msg.WAITALL | Msg.WAITFORONE)
"""Flags that the host gets to see; it never waits, and one call is one step."""


def _restart_kind(timeout: int) -> RestartKind:
    """A call with a time limit is not run again after a handler (sock_intr_errno)."""
    return RestartKind.ERESTARTNOHAND if timeout else RestartKind.ERESTARTSYS


def _errno(error: OSError) -> Errno:
    return Errno.from_host(error.errno or 0)


# Connections


def connect(task: "Task", file: SocketFile, raw: bytes) -> None:
    """connect(2)."""
    if file.family != abi.AF_UNIX and addresses.family_of(raw) == abi.AF_UNSPEC:
        _dissolve(file)
        return
    deadline = file.write_deadline()
    waited = False
    while True:
        try:
            file.try_connect(task, raw)
            return
        except OSError as error:
            reason = _errno(error)
            if reason is Errno.EISCONN and waited:
                file.note_peer(task.kernel)
                return
            if file.nonblocking or reason not in (*_UNDER_WAY, Errno.EAGAIN):
                raise
        waited = reason is not Errno.EAGAIN
        _await_connection(task, file, deadline, known=waited)


def _await_connection(task: "Task", file: SocketFile, deadline: int | None, *, known: bool) -> None:
    """Sleep until the connection may stand; EINPROGRESS when SO_SNDTIMEO is over.

    A listener whose queue is full (EAGAIN, AF_UNIX only) tells nobody when it has room again.
    """
    until = deadline
    if not known:
        soon = now() + _FULL_QUEUE_NS
        until = soon if deadline is None else min(soon, deadline)
    try:
        ready = sleep(task, [(file, POLLOUT)] if known else [], until)
    except Restart:
        raise Restart(_restart_kind(file.send_timeout)) from None
    if not ready and deadline is not None and now() >= deadline:
        raise SyscallError(Errno.EINPROGRESS if known else Errno.EAGAIN)


def _dissolve(file: SocketFile) -> None:
    from elfuse.host.sockets import disconnect  # few programs do

    disconnect(file.host_fd())


def accept(task: "Task", file: SocketFile, flags: int) -> tuple[SocketFile, bytes]:
    """accept4(2): the connection and the peer's address."""
    if file.type == abi.SOCK_DGRAM:
        raise SyscallError(Errno.EOPNOTSUPP)
    try:
        return retry(
            task,
            file,
            POLLIN,
            lambda: file.try_accept(task, flags),
            nonblocking=file.nonblocking,
            deadline=file.read_deadline(),
        )
    except Restart:
        raise Restart(_restart_kind(file.receive_timeout)) from None


# Data


def send(
    task: "Task",
    file: SocketFile,
    buffers: Sequence[memoryview],
    flags: int,
    *,
    control: Control,
    raw_address: bytes = b"",
) -> int:
    """sendmsg(2): all of it on a blocking stream, unless a signal or an error comes first."""
    if raw_address and file.type in (abi.SOCK_STREAM, abi.SOCK_SEQPACKET):
        raw_address = _ignored_address(file, raw_address)
    total, size = 0, sum(map(len, buffers))
    deadline = file.write_deadline()
    while True:
        try:
            total += _send_once(task, file, buffers, flags, control, raw_address, deadline)
        except (Restart, SyscallError, OSError):
            # What was sent counts; the reason shows again at the next call.
            if total:
                return total
            raise
        if total >= size or file.type != abi.SOCK_STREAM or _once(file, flags):
            return total
        buffers, control = _behind(buffers, total, size), []


def _ignored_address(file: SocketFile, raw: bytes) -> bytes:
    """TCP does not look at the address; local streams refuse one (net/unix/af_unix.c)."""
    if file.family != abi.AF_UNIX:
        return raw if file.type == abi.SOCK_SEQPACKET else b""
    try:
        file.end.getpeername()
    except OSError:
        raise SyscallError(Errno.EOPNOTSUPP) from None
    raise SyscallError(Errno.EISCONN)


def _once(file: SocketFile, flags: int) -> bool:
    return file.nonblocking or bool(flags & Msg.DONTWAIT)


def _send_once(
    task: "Task",
    file: SocketFile,
    buffers: Sequence[memoryview],
    flags: int,
    control: Control,
    raw_address: bytes,
    deadline: int | None,
) -> int:
    try:
        return retry(
            task,
            file,
            POLLOUT,
            lambda: file.send(
                task, buffers, flags & _HANDED_ON, control=control, raw_address=raw_address
            ),
            nonblocking=_once(file, flags),
            deadline=deadline,
        )
    except Restart:
        raise Restart(_restart_kind(file.send_timeout)) from None
    except OSError as error:
        if _errno(error) is Errno.EPIPE and not flags & Msg.NOSIGNAL and _signals(file):
            info = SigInfo(signo=Sig.SIGPIPE, code=SI_USER, pid=task.process.pid)
            post_to_task(task, info)
        raise


def _signals(file: SocketFile) -> bool:
    """Only connections raise SIGPIPE; a datagram socket that was shut down just fails."""
    return file.type in (abi.SOCK_STREAM, abi.SOCK_SEQPACKET)


def _behind(buffers: Sequence[memoryview], total: int, size: int) -> list[memoryview]:
    """The part of the buffers that is left: the last `size - total` bytes of them."""
    left = size - total
    found: list[memoryview] = []
    for buffer in reversed(buffers):
        if not left:
            break
        part = buffer[max(0, len(buffer) - left) :]
        found.insert(0, part)
        left -= len(part)
    return found


def receive(
    task: "Task",
    file: SocketFile,
    buffers: Sequence[memoryview],
    flags: int,
    *,
    control: bool = False,
) -> Received:
    """recvmsg(2); with MSG_WAITALL on a stream until the buffers are full."""
    deadline = file.read_deadline()
    got = _receive_once(task, file, buffers, flags, deadline, control=control)
    size = sum(map(len, buffers))
    whole = flags & Msg.WAITALL and file.type == abi.SOCK_STREAM and not _once(file, flags)
    if not whole or flags & (Msg.PEEK | Msg.OOB) or got.control:
        return got
    total = got.size
    more = got
    while 0 < total < size and more.size:
        try:
            rest = _behind(buffers, total, size)
            more = _receive_once(task, file, rest, flags, deadline, control=control)
        except (Restart, SyscallError, OSError):
            break
        total += more.size
        if more.control:
            break
    return Received(total, more.control, more.flags, got.address)


def _receive_once(
    task: "Task",
    file: SocketFile,
    buffers: Sequence[memoryview],
    flags: int,
    deadline: int | None,
    *,
    control: bool,
) -> Received:
    try:
        return retry(
            task,
            file,
            POLLIN,
            lambda: file.receive(buffers, flags & _HANDED_ON, control=control),
            nonblocking=_once(file, flags) or bool(flags & (Msg.ERRQUEUE | Msg.OOB)),
            deadline=deadline,
        )
    except Restart:
        raise Restart(_restart_kind(file.receive_timeout)) from None
