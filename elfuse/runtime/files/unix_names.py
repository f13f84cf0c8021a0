"""Names of AF_UNIX sockets: the guest's, and what the host sees in their place (unix(7)).

The host keeps one address string per socket and shows it to peers, in whatever process. The
guest's name is therefore written into the host's address, so that any guest process can read it
back without a table. A name too long for that is known only where it was bound.
"""

import os
from contextlib import contextmanager, suppress

from elfuse.host import sockets as host
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.fcntl import AT_FDCWD
from elfuse.runtime.vfs import operations
from elfuse.runtime.vfs.credentials import WRITE
from elfuse.typing import TYPE_CHECKING, Iterator

if TYPE_CHECKING:
    from _socket import socket

    from elfuse.runtime.kernel import Kernel
    from elfuse.runtime.task import Task

_MARK, _LONG_MARK = b".un=", b".un#"
_ABSTRACT_MAX = 107
_S_IFSOCK, _S_IFMT = 0o140000, 0o170000
_ESCAPES = ((b"\x02", b"\x02\x04"), (b"\x01", b"\x02\x03"), (b"/", b"\x01"))
"""How a path becomes a file name: in order, and back in the other order."""

_long_names: dict[bytes, bytes] = {}
"""Host's part of an address to guest name, for names that do not fit."""


def _prefix(kernel: "Kernel") -> bytes:
    return kernel.namespace_id[:12].encode() + b":"


def host_abstract(kernel: "Kernel", name: bytes) -> bytes:
    """The host's address for an abstract name (without its leading NUL), private to this run."""
    full = _prefix(kernel) + name
    if len(full) > _ABSTRACT_MAX:
        import hashlib  # such names are rare

        full = _prefix(kernel) + b"#" + hashlib.sha256(name).hexdigest()[:40].encode()
        _long_names[full] = name
    return host.abstract_name(full)


def guest_name(kernel: "Kernel", address: bytes | str) -> bytes:
    """sun_path for a host address: empty for an unnamed socket, foreign names as they are."""
    raw = os.fsencode(address)
    if raw.startswith(b"\0"):
        name = raw[1:]
        if name in _long_names:
            return b"\0" + _long_names[name]
        prefix = _prefix(kernel)
        return b"\0" + name.removeprefix(prefix)
    name = raw.rpartition(b"/")[2]
    if name in _long_names:
        return _long_names[name]
    return _decoded(name[len(_MARK) :]) if name.startswith(_MARK) else raw


def _encoded(name: bytes) -> bytes:
    for plain, escaped in _ESCAPES:
        name = name.replace(plain, escaped)
    return name


def _decoded(name: bytes) -> bytes:
    for plain, escaped in reversed(_ESCAPES):
        name = name.replace(escaped, plain)
    return name


def bind(task: "Task", end: "socket", name: bytes) -> None:
    """bind(2) to a path of the guest: EADDRINUSE if it exists, else errors of the path walk."""
    try:
        holder, last = operations.new_name(task, AT_FDCWD, name)
    except SyscallError as error:
        if error.errno is Errno.EEXIST:
            raise SyscallError(Errno.EADDRINUSE) from None
        raise
    credentials = task.credentials
    mode = _S_IFSOCK | 0o777 & ~task.fs.umask
    inode = holder.inode.mknod(last, mode, credentials.fsuid, operations.new_group(task, holder))
    try:
        _bind_host(end, inode.host_path(), _host_name(name))
    except BaseException:
        holder.inode.unlink(last)
        raise


def _host_name(name: bytes) -> bytes:
    encoded = _MARK + _encoded(name)
    if len(encoded) > host.SHORT_NAME_MAX:
        encoded = _LONG_MARK + os.urandom(8).hex().encode()
        _long_names[encoded] = name
    return encoded


def _bind_host(end: "socket", path: bytes, temporary: bytes) -> None:
    """Bind under a name that tells the guest's, then put the socket where the inode is.

    The host finds a socket by its inode, so the rename leaves it reachable.
    """
    directory, _, _last = path.rpartition(b"/")
    place = os.path.join(directory, temporary)
    with host.short_directory(directory) as short:
        with suppress(FileNotFoundError):
            os.unlink(place)
        end.bind(short + temporary)
    try:
        os.chmod(place, os.lstat(path).st_mode & 0o7777)
        os.rename(place, path)
    except BaseException:
        os.unlink(place)
        raise


@contextmanager
def reach(task: "Task", name: bytes) -> Iterator[bytes]:
    """The host's address of a guest socket name, to connect or send to."""
    if name.startswith(b"\0"):
        yield host_abstract(task.kernel, name[1:])
        return
    place = operations.resolve(task, AT_FDCWD, name)
    operations.require(task, place, WRITE)
    if place.inode.stat().mode & _S_IFMT != _S_IFSOCK:
        raise SyscallError(Errno.ECONNREFUSED)
    with host.short_path(place.inode.host_path()) as short:
        yield short
