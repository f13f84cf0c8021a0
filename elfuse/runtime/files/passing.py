"""Open file descriptions that travel between guest processes by SCM_RIGHTS.

Guest processes are different host processes. The host passes the host descriptors behind a
description; what else a description is goes into one more descriptor ahead of them, an anonymous
file with JSON, so the byte stream stays as it is. Its first bytes name this run, so that what
other programs pass is never taken for one. A peer outside this run gets plain descriptors.

A class of files takes part by `export`, which returns JSON-able state and borrowed host
descriptors, and a function here that builds the description again from them.
"""

import json
import os
import stat

from elfuse.host import anonymous_file
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.files.directory import DirectoryFile
from elfuse.runtime.files.eventfd import EventFile
from elfuse.runtime.files.hostfile import HostFile
from elfuse.runtime.files.memfd import MemFile
from elfuse.runtime.files.path import PathFile
from elfuse.runtime.files.pipe import PipeFile
from elfuse.runtime.files.regular import RegularFile
from elfuse.runtime.files.socket import SocketFile
from elfuse.runtime.files.stdio import InheritedFile, InheritedStream, inherited_stream
from elfuse.runtime.files.timerfd import TimerFile
from elfuse.runtime.files.tty import MasterFile, TtyFile
from elfuse.runtime.vfs import operations
from elfuse.runtime.vfs.location import Location
from elfuse.typing import TYPE_CHECKING, Any, Callable, Sequence

if TYPE_CHECKING:
    from elfuse.runtime.kernel import Kernel
    from elfuse.runtime.task import Task

State = dict[str, Any]
Exported = tuple[str, State, list[int]]


def _magic(kernel: "Kernel") -> bytes:
    return b"elfuse descriptors " + kernel.namespace_id.encode() + b"\n"


# Sending


class Parcel:
    """Host descriptors to send for some descriptions. Close it once they are sent."""

    def __init__(self, kernel: "Kernel", files: Sequence[OpenFile], *, described: bool) -> None:
        exported = [_export(file) for file in files]
        self.fds = [fd for _kind, _state, fds in exported for fd in fds]
        self._description = -1
        if not described:
            if any(len(fds) != 1 for _kind, _state, fds in exported):
                raise SyscallError(Errno.EINVAL)
            return
        listing = [(kind, state, len(fds)) for kind, state, fds in exported]
        self._description = anonymous_file("elfuse-descriptors")
        os.write(self._description, _magic(kernel) + json.dumps(listing).encode())
        self.fds.insert(0, self._description)

    def close(self) -> None:
        if self._description >= 0:
            os.close(self._description)


def _export(file: OpenFile) -> Exported:
    """EINVAL for a kind that cannot leave its process (an epoll instance)."""
    from elfuse.runtime.files.signalfd import SignalFile  # it imports the signal part

    for kind, cls in (
        ("socket", SocketFile),
        ("eventfd", EventFile),
        ("timerfd", TimerFile),
        ("memfd", MemFile),
        ("signalfd", SignalFile),
    ):
        if isinstance(file, cls):
            state, fds = file.export()
            return kind, state, fds
    state = {"flags": file.flags}
    if isinstance(file, TtyFile):
        kind = "master" if isinstance(file, MasterFile) else "tty"
        return kind, state | {"number": file.number}, [file.host_fd()]
    if isinstance(file, RegularFile):
        return "regular", state | {"place": _place(file.location)}, [file.host_fd()]
    if isinstance(file, InheritedStream):
        kind = "redirected" if isinstance(file, InheritedFile) else "stream"
        return kind, state, [file.host_fd()]
    if isinstance(file, PipeFile):
        return "pipe", state, [file.host_fd()]
    if isinstance(file, PathFile):
        return "path", state | {"place": _place(file.location)}, []
    if file.location is not None:
        return "reopened", state | {"place": _place(file.location)}, []
    raise SyscallError(Errno.EINVAL)


def _text(path: bytes) -> str:
    return path.decode("latin-1")


def _place(location: Location) -> State:
    """How another process of the run finds a location: mount, directory in it, name."""
    directory = location if location.holder is None else location.holder
    try:
        path = directory.inode.path()
    except OSError:
        path = b""
    return {
        "mount": location.mount.device,
        "directory": _text(path),
        "name": _text(location.name) if location.holder is not None else "",
        "ino": location.inode.ino,
    }


# Receiving


def unpack(task: "Task", fds: list[int]) -> list[OpenFile]:
    """Descriptions for received host descriptors, which now belong to them."""
    listing = _listing(task.kernel, fds)
    if listing is None:
        return [_adopt(fd) for fd in fds]
    os.close(fds[0])
    made: list[OpenFile] = []
    at = 1
    for kind, state, count in listing:
        if at + count > len(fds):
            # The host had no room for the rest.
            break
        made.append(_REBUILD[kind](task, state, fds[at : at + count]))
        at += count
    return made


def _listing(kernel: "Kernel", fds: list[int]) -> list[tuple[str, State, int]] | None:
    """What the first descriptor says about the rest; None if it is no description."""
    status = os.fstat(fds[0])
    magic = _magic(kernel)
    if not stat.S_ISREG(status.st_mode) or os.pread(fds[0], len(magic), 0) != magic:
        return None
    found: list[tuple[str, State, int]] = json.loads(
        os.pread(fds[0], status.st_size - len(magic), len(magic))
    )
    return found


def _adopt(fd: int) -> OpenFile:
    """A description for what a program outside this run has passed."""
    if stat.S_ISSOCK(os.fstat(fd).st_mode):
        return SocketFile.adopt(fd)
    found = inherited_stream(fd, terminal=True)
    assert found is not None
    return found


class _ReceivedFile(RegularFile):
    """A regular file that is open already: the host's offset is shared with the sender."""

    def __init__(self, fd: int, location: Location, flags: int) -> None:
        HostFile.__init__(self, fd, flags)
        self.location = location


class _ReceivedMaster(MasterFile):
    """The master side of a pair that exists already."""

    def __init__(self, fd: int, flags: int, number: int) -> None:
        TtyFile.__init__(self, fd, flags, number=number)


def _find(task: "Task", place: State) -> Location | None:
    """The location `_place` described; None once another or no file is there."""
    namespace = task.kernel.namespace
    mounts = [*namespace.roots, *namespace.mounts.values()]
    mount = next(mount for mount in mounts if mount.device == place["mount"])
    try:
        inode = mount.fs.root()
        for name in place["directory"].encode("latin-1").split(b"/"):
            if name:
                inode = inode.lookup(name)
        found = Location(mount, inode)
        if place["name"]:
            name = place["name"].encode("latin-1")
            found = Location(mount, inode.lookup(name), found, name)
    except (OSError, SyscallError):
        return None
    return found if place["directory"] and found.inode.ino == place["ino"] else None


def _regular(task: "Task", state: State, fds: list[int]) -> OpenFile:
    location = _find(task, state["place"])
    if location is None:
        return InheritedFile(fds[0], state["flags"])
    return _ReceivedFile(fds[0], location, state["flags"])


def _located(task: "Task", state: State) -> Location:
    location = _find(task, state["place"])
    if location is None:
        raise SyscallError(Errno.ENOENT)
    return location


def _reopened(task: "Task", state: State) -> OpenFile:
    location = _located(task, state)
    if location.holder is None:
        return DirectoryFile(location, state["flags"])
    return operations.open_location(task, location, state["flags"])


def _signalfd(task: "Task", state: State) -> OpenFile:
    from elfuse.runtime.files.signalfd import SignalFile  # it imports the signal part

    return SignalFile(task.kernel, state["mask"], state["flags"])


_REBUILD: dict[str, Callable[["Task", State, list[int]], OpenFile]] = {
    "socket": lambda _task, state, fds: SocketFile.rebuild(state, fds),
    "eventfd": lambda _task, state, fds: EventFile.rebuild(state, fds),
    "timerfd": lambda _task, state, fds: TimerFile.rebuild(state, fds),
    "memfd": lambda _task, state, fds: MemFile.rebuild(state, fds),
    "signalfd": lambda task, state, _fds: _signalfd(task, state),
    "master": lambda _task, state, fds: _ReceivedMaster(fds[0], state["flags"], state["number"]),
    "tty": lambda _task, state, fds: TtyFile(fds[0], state["flags"], number=state["number"]),
    "regular": _regular,
    "redirected": lambda _task, state, fds: InheritedFile(fds[0], state["flags"]),
    "stream": lambda _task, state, fds: InheritedStream(fds[0], state["flags"]),
    "pipe": lambda _task, state, fds: PipeFile(fds[0], state["flags"]),
    "path": lambda task, state, _fds: PathFile(_located(task, state), state["flags"]),
    "reopened": lambda task, state, _fds: _reopened(task, state),
}
