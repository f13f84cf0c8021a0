"""Reading, writing and copying through descriptions, with waiting and SIGPIPE."""

import os
import stat

from elfuse import host
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.poll import POLLIN, POLLOUT
from elfuse.runtime.abi.signal import Sig
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.files.directory import DirectoryFile
from elfuse.runtime.files.pipe import PipeFile
from elfuse.runtime.signals import SI_USER, SigInfo, post_to_task
from elfuse.runtime.task import Task
from elfuse.runtime.wait import Restart, WouldBlock, retry, sleep
from elfuse.typing import Sequence

_COPY_PIECE = 1 << 20


def read(
    task: Task,
    file: OpenFile,
    views: Sequence[memoryview],
    offset: int | None,
    *,
    nonblocking: bool | None = None,
) -> int:
    """Fill guest memory; sleeps unless the description (or the caller) says not to."""
    try:
        return file.read_into(task, views, offset)
    except WouldBlock:
        pass
    return retry(
        task,
        file,
        POLLIN,
        lambda: file.read_into(task, views, offset),
        nonblocking=file.nonblocking if nonblocking is None else nonblocking,
        deadline=file.read_deadline(),
    )


def write(
    task: Task,
    file: OpenFile,
    views: Sequence[memoryview],
    offset: int | None,
    *,
    nonblocking: bool | None = None,
) -> int:
    """Write guest memory. All of it for a blocking description, unless a signal comes first.

    EPIPE raises SIGPIPE as well.
    """
    wait = not (file.nonblocking if nonblocking is None else nonblocking)
    done = _write_once(task, file, views, offset, wait)
    size = sum(map(len, views))
    if done >= size or not wait or offset is not None:
        return done
    return _write_rest(task, file, views, done, size)


def _write_rest(
    task: Task, file: OpenFile, views: Sequence[memoryview], total: int, size: int
) -> int:
    """The rest of a blocking write to a stream that took only a part at once."""
    while total < size:
        try:
            done = _write_once(task, file, _behind(views, total), None, True)
        except (Restart, SyscallError, OSError):
            # What was written counts; the reason shows again at the next call.
            return total
        if not done:
            break
        total += done
    return total


def _write_once(
    task: Task, file: OpenFile, views: Sequence[memoryview], offset: int | None, wait: bool
) -> int:
    try:
        try:
            return file.write_from(task, views, offset)
        except WouldBlock:
            pass
        return retry(
            task,
            file,
            POLLOUT,
            lambda: file.write_from(task, views, offset),
            nonblocking=not wait,
            deadline=file.write_deadline(),
        )
    except BrokenPipeError:
        post_to_task(task, SigInfo(signo=Sig.SIGPIPE, code=SI_USER, pid=task.process.pid))
        raise


def _behind(views: Sequence[memoryview], done: int) -> list[memoryview]:
    """What is left after `done` bytes."""
    left = []
    for view in views:
        if done >= len(view):
            done -= len(view)
        else:
            left.append(view[done:])
            done = 0
    return left


def copy(
    task: Task,
    source: OpenFile,
    start: int | None,
    to: OpenFile,
    end: int | None,
    count: int,
    *,
    nonblocking: bool = False,
) -> int:
    """sendfile, splice, copy_file_range: bytes moved, short when the source ends or must wait."""
    total = 0
    while total < count:
        # After the first piece only what can move at once: the caller gets a short count.
        wait = not nonblocking and not total
        try:
            _await_room(task, to, wait=wait and not to.nonblocking)
            piece = memoryview(bytearray(min(_COPY_PIECE, count - total)))
            at = None if start is None else start + total
            got = read(task, source, [piece], at, nonblocking=not wait or source.nonblocking)
            # What was taken from a pipe cannot be put back, so all of it is written.
            where = None if end is None else end + total
            done = write(task, to, [piece[:got]], where, nonblocking=False) if got else 0
        except (Restart, SyscallError, OSError):
            if total:
                break
            raise
        total += done
        if done < len(piece):
            if done < got and at is None:
                _unread(source, got - done)
            break
    return total


def _await_room(task: Task, to: OpenFile, *, wait: bool) -> None:
    """Until `to` takes something; EAGAIN if it does not and `wait` is false."""

    def attempt() -> None:
        if not to.poll(POLLOUT):
            raise WouldBlock

    retry(task, to, POLLOUT, attempt, nonblocking=not wait)


def _unread(source: OpenFile, size: int) -> None:
    """Give back what the target did not take, where the source has a position."""
    try:
        source.seek(-size, os.SEEK_CUR)
    except (SyscallError, OSError):
        return


def tee(task: Task, source: PipeFile, to: PipeFile, count: int, *, nonblocking: bool) -> int:
    """tee(2): what is in one pipe also goes into another; 0 once nobody can write to the first."""
    nonblocking = nonblocking or source.nonblocking or to.nonblocking
    while count:
        try:
            return host.duplicate_pipe_data(source.host_fd(), to.host_fd(), count)
        except BlockingIOError:
            if nonblocking:
                raise
        blocked = (to, POLLOUT) if source.poll(POLLIN) else (source, POLLIN)
        sleep(task, [blocked])
    return 0


def sync(file: OpenFile) -> None:
    """fsync(2); EINVAL for what cannot be synced."""
    if isinstance(file, DirectoryFile):
        return
    try:
        os.fsync(file.host_fd())
    except SyscallError:
        raise SyscallError(Errno.EINVAL) from None


def is_pipe(file: OpenFile) -> bool:
    return stat.S_ISFIFO(file.stat().mode)


def require_regular(file: OpenFile) -> None:
    """EISDIR for a directory, EINVAL for anything else that is no regular file."""
    mode = file.stat().mode
    if stat.S_ISDIR(mode):
        raise SyscallError(Errno.EISDIR)
    if not stat.S_ISREG(mode):
        raise SyscallError(Errno.EINVAL)
