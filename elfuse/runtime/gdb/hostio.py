"""vFile: the debugger reads files of the guest (GDB manual, "Host I/O Packets").

Files are those that a guest process sees, in its image or sysroot. They can only be read.
"""

from __future__ import annotations

from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.gdb.inferiors import Inferiors
from elfuse.runtime.gdb.numbers import file_error
from elfuse.runtime.gdb.packets import LIMIT, escape
from elfuse.runtime.gdb.parsing import Malformed, hexadecimal, unhex
from elfuse.runtime.gdb.peers import Inferior, Refused
from elfuse.runtime.gdb.state import State

_O_RDONLY = 0
_MOST = LIMIT // 2 - 64
_STAT = (
    ("dev", 4), ("ino", 4), ("mode", 4), ("nlink", 4), ("uid", 4), ("gid", 4), ("rdev", 4),
    ("size", 8), ("blksize", 8), ("blocks", 8), ("atime", 4), ("mtime", 4), ("ctime", 4),
)  # fmt: skip
"""Members of struct fio_stat and their bytes, big-endian."""
_BLOCK = 4096
_FARTHEST = (1 << 63) - 1
"""Offset in a file."""


class HostIo:
    """Which files the debugger has open, and whose root paths begin at."""

    def __init__(self, inferiors: Inferiors, state: State) -> None:
        self._inferiors = inferiors
        self._state = state
        self._root = 0
        """The process whose files are meant, 0 for any."""
        self._open: dict[int, tuple[Inferior, int]] = {}
        self._next = 1

    def command(self, rest: bytes) -> bytes:
        """`OPERATION:ARGUMENTS`; the empty answer for one that is not known."""
        name, _colon, rest = rest.partition(b":")
        operations = {
            b"setfs": self._setfs,
            b"open": self._open_file,
            b"pread": self._pread,
            b"fstat": self._fstat,
            b"readlink": self._readlink,
            b"close": self._close,
        }
        operation = operations.get(name)
        if operation is None:
            return b""
        try:
            return operation(rest)
        except Refused as error:
            return b"F-1,%x" % file_error(error.number)
        except Malformed:
            return b"F-1,%x" % Errno.EINVAL

    def _process(self) -> Inferior:
        found = self._inferiors.by_pid.get(self._root) or self._inferiors.by_pid.get(
            self._state.current()[0]
        )
        if found is None:
            raise Refused(Errno.ESRCH)
        return found

    def _setfs(self, rest: bytes) -> bytes:
        pid = hexadecimal(rest)
        if pid and pid not in self._inferiors.by_pid:
            raise Refused(Errno.ESRCH)
        self._root = pid
        return b"F0"

    def _open_file(self, rest: bytes) -> bytes:
        path, flags, _mode = _three(rest)
        if hexadecimal(flags) != _O_RDONLY:
            raise Refused(Errno.EACCES)
        inferior = self._process()
        fd = inferior.call("open", inferior.pid, _path(path))
        number, self._next = self._next, self._next + 1
        self._open[number] = (inferior, fd)
        return b"F%x" % number

    def _file(self, text: bytes) -> tuple[Inferior, int]:
        found = self._open.get(hexadecimal(text))
        if found is None:
            raise Refused(Errno.EBADF)
        return found

    def _pread(self, rest: bytes) -> bytes:
        number, count, offset = _three(rest)
        inferior, fd = self._file(number)
        size = min(hexadecimal(count), _MOST)
        at = hexadecimal(offset)
        if at > _FARTHEST:
            raise Refused(Errno.EINVAL)
        data = inferior.call("pread", inferior.pid, fd, size, at)
        return b"F%x;%s" % (len(data), escape(data))

    def _fstat(self, rest: bytes) -> bytes:
        inferior, fd = self._file(rest)
        found = inferior.call("fstat", fd)
        found = {"dev": 0, "rdev": 0, "blksize": _BLOCK, **found}
        data = b"".join(
            (max(0, found[name]) % (1 << 8 * size)).to_bytes(size, "big") for name, size in _STAT
        )
        return b"F%x;%s" % (len(data), escape(data))

    def _readlink(self, rest: bytes) -> bytes:
        inferior = self._process()
        target = inferior.call("readlink", inferior.pid, _path(rest))
        return b"F%x;%s" % (len(target), escape(target))

    def _close(self, rest: bytes) -> bytes:
        inferior, fd = self._file(rest)
        del self._open[hexadecimal(rest)]
        inferior.call("close", fd)
        return b"F0"

    def release(self) -> None:
        """The debugger is gone: close what it left open."""
        for inferior, fd in self._open.values():
            try:
                inferior.call("close", fd)
            except Refused:
                continue
        self._open.clear()


def _path(digits: bytes) -> bytes:
    """A path as system calls could get it."""
    path = unhex(digits)
    if b"\0" in path:
        raise Malformed
    return path


def _three(rest: bytes) -> list[bytes]:
    """Arguments, with a comma between them."""
    parts = rest.split(b",")
    if len(parts) != 3:
        raise Malformed
    return parts
