"""Pipes, fifos, standard streams and locks through their system calls."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from elfuse.runtime.abi import fcntl as abi
from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.abi.poll import POLLERR, POLLHUP, POLLIN, POLLOUT
from elfuse.runtime.abi.signal import Sig
from elfuse.runtime.files.stdio import inherited_stream
from elfuse.runtime.task import Task
from elfuse.runtime.vfs.kernel_inode import detached
from elfuse.runtime.vfs.operations import open_location
from tests.runtime.machine import Machine, machine

AT = abi.AT_FDCWD
RW = abi.O_RDWR | abi.O_CREAT
FIONREAD = 0x541B


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path) as made:
        yield made


def _pipe(guest: Machine, flags: int = 0) -> tuple[int, int]:
    at = guest.room(8)
    guest.ok("pipe2", at, flags)
    raw = guest.get(at, 8)
    return int.from_bytes(raw[:4], "little"), int.from_bytes(raw[4:], "little")


class Elsewhere:
    """A call made by another guest thread; `result` waits for it."""

    def __init__(self, guest: Machine, name: str, *arguments: int | bytes) -> None:
        self.task: Task = guest.thread()
        self._found: list[int] = []
        # Arguments are placed here: the arena is not for two threads at once.
        values = [guest.put(a + b"\0") if isinstance(a, bytes) else a for a in arguments]
        self._thread = threading.Thread(
            target=lambda: self._found.append(guest.call(name, *values, task=self.task))
        )
        self._thread.start()

    @property
    def waiting(self) -> bool:
        self._thread.join(0.05)
        return self._thread.is_alive()

    def result(self) -> int:
        self._thread.join(10)
        assert self._found, "the call still waits"
        return self._found[0]


# Pipes


def test_a_pipe_carries_bytes_and_ends(guest: Machine) -> None:
    reader, writer = _pipe(guest)
    guest.write(writer, b"hello")
    at = guest.room(4)
    guest.ok("ioctl", reader, FIONREAD, at)
    assert int.from_bytes(guest.get(at, 4), "little") == 5
    assert guest.read(reader, 3) == b"hel"
    guest.ok("close", writer)
    assert guest.read(reader) == b"lo"
    assert guest.read(reader) == b""


def test_pipe_flags_belong_to_each_end(guest: Machine) -> None:
    reader, writer = _pipe(guest, abi.O_NONBLOCK | abi.O_CLOEXEC)
    at = guest.room(8)
    assert guest.error("read", reader, at, 1) is Errno.EAGAIN
    assert guest.ok("fcntl", reader, abi.F_GETFD, 0) == 1
    assert guest.ok("fcntl", writer, abi.F_GETFL, 0) == abi.O_WRONLY | abi.O_NONBLOCK
    assert guest.error("pipe2", at, abi.O_DIRECT) is Errno.EINVAL
    assert guest.error("pipe2", 8, 0) is Errno.EFAULT
    assert guest.error("lseek", reader, 0, 0) is Errno.ESPIPE
    assert guest.error("pread64", reader, at, 1, 0) is Errno.ESPIPE
    assert list(guest.process.files) == [reader, writer]


def test_a_blocking_read_waits_for_data(guest: Machine) -> None:
    reader, writer = _pipe(guest)
    at = guest.room(8)
    call = Elsewhere(guest, "read", reader, at, 8)
    assert call.waiting
    guest.write(writer, b"now")
    assert call.result() == 3
    assert guest.get(at, 3) == b"now"


def test_a_blocking_write_writes_all(guest: Machine) -> None:
    reader, writer = _pipe(guest)
    size = 300_000
    call = Elsewhere(guest, "write", writer, guest.put(b"x" * size), size)
    total, at = 0, guest.room(65536)
    while total < size:
        total += guest.ok("read", reader, at, 65536)
    assert call.result() == size


def test_a_non_blocking_write_takes_what_fits(guest: Machine) -> None:
    _reader, writer = _pipe(guest, abi.O_NONBLOCK)
    data = guest.put(b"x" * 200_000)
    assert 0 < guest.ok("write", writer, data, 200_000) < 200_000
    assert guest.error("write", writer, data, 200_000) is Errno.EAGAIN


def test_writing_without_a_reader_is_epipe_and_sigpipe(guest: Machine) -> None:
    reader, writer = _pipe(guest)
    guest.task.signals.blocked = 1 << (Sig.SIGPIPE - 1)
    guest.ok("close", reader)
    assert guest.error("write", writer, guest.put(b"x"), 1) is Errno.EPIPE
    assert guest.task.signals.pending.bits == 1 << (Sig.SIGPIPE - 1)


def test_pipe_sizes(guest: Machine) -> None:
    reader, writer = _pipe(guest)
    assert guest.ok("fcntl", reader, abi.F_GETPIPE_SZ, 0) == 65536
    assert guest.ok("fcntl", writer, abi.F_SETPIPE_SZ, 5000) >= 5000
    fd = guest.ok("openat", AT, b"/f", RW, 0o644)
    assert guest.error("fcntl", fd, abi.F_GETPIPE_SZ, 0) is Errno.EBADF


def test_pipe_readiness(guest: Machine) -> None:
    reader, writer = _pipe(guest)
    files = guest.process.files
    assert files.get(reader).poll(POLLIN) == 0
    assert files.get(writer).poll(POLLOUT) == POLLOUT
    guest.write(writer, b"x")
    assert files.get(reader).poll(POLLIN) == POLLIN
    guest.ok("close", writer)
    assert files.get(reader).poll(POLLIN) == POLLIN | POLLHUP
    reader, writer = _pipe(guest)
    guest.ok("close", reader)
    assert files.get(writer).poll(POLLOUT) == POLLOUT | POLLERR


def test_splice_and_tee(guest: Machine) -> None:
    one, two = _pipe(guest), _pipe(guest)
    fd = guest.ok("openat", AT, b"/f", RW, 0o644)
    guest.write(one[1], b"abcdef")
    assert guest.ok("tee", one[0], two[1], 4, 0) == 4
    assert guest.read(two[0]) == b"abcd"
    at = guest.put((2).to_bytes(8, "little"))
    assert guest.ok("splice", one[0], 0, fd, at, 100, 0) == 6
    guest.ok("lseek", fd, 0, 0)
    assert guest.read(fd) == b"\0\0abcdef"
    guest.ok("lseek", fd, 0, 0)
    assert guest.ok("splice", fd, 0, one[1], 0, 3, 0) == 3
    assert guest.read(one[0]) == b"\0\0a"
    assert guest.error("splice", one[0], 0, two[1], 0, 1, 2) is Errno.EAGAIN
    assert guest.error("splice", fd, 0, fd, 0, 1, 0) is Errno.EINVAL
    assert guest.error("splice", one[0], at, fd, 0, 1, 0) is Errno.ESPIPE
    assert guest.error("tee", one[0], two[1], 1, 2) is Errno.EAGAIN
    assert guest.error("tee", one[0], fd, 1, 0) is Errno.EINVAL
    guest.ok("close", one[1])
    assert guest.ok("tee", one[0], two[1], 1, 0) == 0
    assert guest.ok("splice", one[0], 0, two[1], 0, 1, 0) == 0


def test_proc_descriptor_of_a_pipe_opens_the_same_pipe(guest: Machine) -> None:
    reader, writer = _pipe(guest)
    place = detached(guest.process.files.get(writer))
    again = open_location(guest.task, place, abi.O_WRONLY)
    number = guest.process.files.install(again)
    guest.write(number, b"through")
    assert guest.read(reader) == b"through"


# Fifos


def test_fifo_opens_wait_for_each_other(guest: Machine) -> None:
    guest.ok("mknodat", AT, b"/p", 0o010644, 0)
    read_call = Elsewhere(guest, "openat", AT, b"/p", abi.O_RDONLY, 0)
    assert read_call.waiting
    writer = guest.ok("openat", AT, b"/p", abi.O_WRONLY, 0)
    reader = read_call.result()
    guest.write(writer, b"data")
    assert guest.read(reader) == b"data"
    guest.ok("close", writer)
    assert guest.read(reader) == b""


def test_non_blocking_and_two_way_fifo_opens_do_not_wait(guest: Machine) -> None:
    guest.ok("mknodat", AT, b"/p", 0o010644, 0)
    flags = abi.O_NONBLOCK
    assert guest.error("openat", AT, b"/p", abi.O_WRONLY | flags, 0) is Errno.ENXIO
    reader = guest.ok("openat", AT, b"/p", abi.O_RDONLY | flags, 0)
    assert guest.read(reader) == b""
    writer = guest.ok("openat", AT, b"/p", abi.O_WRONLY | flags, 0)
    guest.write(writer, b"x")
    assert guest.read(reader) == b"x"
    both = guest.ok("openat", AT, b"/p", abi.O_RDWR, 0)
    guest.write(both, b"y")
    assert guest.read(both) == b"y"


def test_a_signal_ends_a_waiting_fifo_open(guest: Machine, tmp_path: Path) -> None:
    from elfuse.runtime.wait import Restart

    guest.ok("mknodat", AT, b"/p", 0o010644, 0)
    task, caught = guest.thread(), threading.Event()

    def attempt() -> None:
        try:
            guest.call("openat", AT, b"/p", abi.O_RDONLY, 0, task=task)
        except Restart:
            caught.set()

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join(0.05)
    assert thread.is_alive()
    with guest.kernel.lock:
        task.dying = True
        task.wake()
    thread.join(10)
    assert caught.is_set()
    # Nobody is left behind at the reading end, once the host's thread has noticed.
    for _ in range(1000):
        try:
            os.close(os.open(tmp_path / "p", os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            if Errno.from_host(error.errno or 0) is not Errno.ENXIO:
                raise
            return
        time.sleep(0.005)
    pytest.fail("somebody still reads")


# Locks


def _flock(kind: int, start: int = 0, length: int = 0, whence: int = 0) -> bytes:
    return abi.Flock(l_type=kind, l_whence=whence, l_start=start, l_len=length, l_pid=0).pack()


def _lock(
    guest: Machine, fd: int, kind: int, *place: int, command: int = abi.F_SETLK
) -> Errno | None:
    return guest.error("fcntl", fd, command, guest.put(_flock(kind, *place)))


def _holder(guest: Machine, fd: int, *place: int, command: int = abi.F_GETLK) -> abi.Flock:
    at = guest.put(_flock(abi.F_WRLCK, *place))
    guest.ok("fcntl", fd, command, at)
    return abi.Flock.unpack(guest.get(at, abi.Flock.size))


def _in_child(work: Callable[[], bool]) -> bool:
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return os.waitpid(child, 0)[1] == 0


def test_record_locks_are_between_processes(guest: Machine) -> None:
    fd = guest.ok("openat", AT, b"/f", RW, 0o644)
    assert _lock(guest, fd, abi.F_WRLCK, 10, 10) is None
    assert _lock(guest, fd, abi.F_WRLCK, 0, 0) is None
    assert _lock(guest, fd, abi.F_UNLCK, 0, 10) is None
    assert _holder(guest, fd).l_type == abi.F_UNLCK

    def child() -> bool:
        held = _holder(guest, fd)
        return (
            (held.l_type, held.l_start, held.l_len) == (abi.F_WRLCK, 10, 0)
            and _lock(guest, fd, abi.F_RDLCK, 15, 1) is Errno.EAGAIN
            and _lock(guest, fd, abi.F_WRLCK, 0, 10) is None
        )

    assert _in_child(child)


def test_closing_any_descriptor_of_a_file_ends_its_record_locks(guest: Machine) -> None:
    fd = guest.ok("openat", AT, b"/f", RW, 0o644)
    copy = guest.ok("dup", fd)

    def held() -> bool:
        return _in_child(lambda: _lock(guest, fd, abi.F_WRLCK) is Errno.EAGAIN)

    assert _lock(guest, fd, abi.F_WRLCK) is None
    assert held()
    guest.ok("close", copy)
    assert not held()
    assert _lock(guest, fd, abi.F_WRLCK) is None
    guest.ok("close", guest.ok("openat", AT, b"/f", abi.O_RDONLY, 0))
    assert not held()


def test_looking_at_a_file_keeps_its_record_locks(guest: Machine) -> None:
    fd = guest.ok("openat", AT, b"/f", RW, 0o644)
    assert _lock(guest, fd, abi.F_WRLCK) is None
    guest.ok("truncate", b"/f", 10)
    guest.ok("fchmodat", AT, b"/f", 0o600)
    guest.ok("newfstatat", AT, b"/f", guest.room(128), 0)
    guest.ok("close", guest.ok("openat", AT, b"/f", abi.O_PATH, 0))
    with guest.kernel.lock:
        # What a vfork child closes is not its parent's.
        guest.process.files.copy().close_all()
    assert _in_child(lambda: _lock(guest, fd, abi.F_WRLCK) is Errno.EAGAIN)


def test_record_lock_rules(guest: Machine) -> None:
    fd = guest.ok("openat", AT, b"/f", RW, 0o644)
    reader = guest.ok("openat", AT, b"/f", abi.O_RDONLY, 0)
    guest.ok("pwrite64", fd, guest.put(b"0123456789"), 10, 0)
    assert _lock(guest, reader, abi.F_WRLCK) is Errno.EBADF
    assert _lock(guest, reader, abi.F_RDLCK) is None
    assert _lock(guest, fd, 7) is Errno.EINVAL
    assert _lock(guest, fd, abi.F_WRLCK, -1, 1) is Errno.EINVAL
    assert _lock(guest, fd, abi.F_WRLCK, 0, 1, 9) is Errno.EINVAL
    # Negative lengths end before the start; SEEK_END counts from the size.
    assert _lock(guest, fd, abi.F_UNLCK) is None
    assert _lock(guest, fd, abi.F_WRLCK, 0, -4, os.SEEK_END) is None

    def child() -> bool:
        held = _holder(guest, fd)
        return (held.l_start, held.l_len) == (6, 4)

    assert _in_child(child)
    assert guest.error("fcntl", fd, abi.F_SETLK, 8) is Errno.EFAULT


def test_waiting_for_a_record_lock_ends_when_it_is_free(guest: Machine) -> None:
    fd = guest.ok("openat", AT, b"/f", RW, 0o644)
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        _lock(guest, fd, abi.F_WRLCK)
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    call = Elsewhere(guest, "fcntl", fd, abi.F_SETLKW, guest.put(_flock(abi.F_WRLCK)))
    assert call.waiting
    os.write(go[1], b"x")
    assert call.result() == 0
    os.waitpid(child, 0)
    for end in (*ready, *go):
        os.close(end)


def test_description_locks_conflict_within_a_process(guest: Machine) -> None:
    one = guest.ok("openat", AT, b"/f", RW, 0o644)
    two = guest.ok("openat", AT, b"/f", RW, 0o644)
    assert _lock(guest, one, abi.F_WRLCK, command=abi.F_OFD_SETLK) is None
    assert _lock(guest, two, abi.F_WRLCK, command=abi.F_OFD_SETLK) is Errno.EAGAIN
    held = _holder(guest, two, command=abi.F_OFD_GETLK)
    assert (held.l_type, held.l_pid) == (abi.F_WRLCK, -1)
    guest.ok("close", guest.ok("dup", one))
    assert _lock(guest, two, abi.F_WRLCK, command=abi.F_OFD_SETLK) is Errno.EAGAIN
    guest.ok("close", one)
    assert _lock(guest, two, abi.F_WRLCK, command=abi.F_OFD_SETLK) is None


def test_flock_is_per_description_and_inherited(guest: Machine) -> None:
    one = guest.ok("openat", AT, b"/f", RW, 0o644)
    two = guest.ok("openat", AT, b"/f", abi.O_RDONLY, 0)
    wait_not = abi.LOCK_NB
    guest.ok("flock", one, abi.LOCK_EX)
    assert guest.error("flock", two, abi.LOCK_SH | wait_not) is Errno.EAGAIN
    assert guest.error("flock", guest.ok("dup", one), abi.LOCK_SH | wait_not) is None
    assert guest.error("flock", two, abi.LOCK_SH | wait_not) is None
    guest.ok("flock", two, abi.LOCK_UN)
    guest.ok("flock", one, abi.LOCK_EX)
    assert _in_child(lambda: guest.call("flock", one, abi.LOCK_UN) == 0)
    assert guest.error("flock", two, abi.LOCK_EX | wait_not) is None
    assert guest.error("flock", two, 99) is Errno.EINVAL


def test_directories_can_be_locked(guest: Machine, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    one = guest.ok("openat", AT, b"/d", abi.O_DIRECTORY, 0)
    two = guest.ok("openat", AT, b"/d", abi.O_DIRECTORY, 0)
    other = guest.ok("openat", AT, b"/", abi.O_DIRECTORY, 0)
    guest.ok("flock", one, abi.LOCK_EX)
    assert guest.error("flock", two, abi.LOCK_SH | abi.LOCK_NB) is Errno.EAGAIN
    assert guest.error("flock", other, abi.LOCK_EX | abi.LOCK_NB) is None
    again = lambda: guest.error("flock", two, abi.LOCK_EX | abi.LOCK_NB)  # noqa: E731
    assert _in_child(lambda: again() is Errno.EAGAIN)
    guest.ok("close", one)
    assert again() is None
    assert _in_child(lambda: guest.call("flock", two, abi.LOCK_UN) == 0)


# Standard streams

_STREAM_PROGRAM = """
import os, sys
from elfuse.runtime.files.stdio import inherited_stream
kind = sys.argv[1]
stream = inherited_stream(int(sys.argv[2]), terminal=False)
before = os.get_blocking(int(sys.argv[2]))
report = [type(stream).__name__ if stream else "None"]
if stream and stream.readable:
    buffer = memoryview(bytearray(100))
    report.append(bytes(buffer[: stream.read_into(None, [buffer], None)]).decode())
if stream and stream.writable:
    report.append(str(stream.write_from(None, [memoryview(b"out")], None)))
assert os.get_blocking(int(sys.argv[2])) == before
print(*report, sep=",", file=sys.stderr)
if stream:
    stream.acquire().release()
    os.fstat(int(sys.argv[2]))
"""


def _stream(number: int, **streams: object) -> tuple[list[str], bytes]:
    done = subprocess.run(
        [sys.executable, "-c", _STREAM_PROGRAM, "x", str(number)],
        stderr=subprocess.PIPE,
        check=True,
        timeout=30,
        **streams,  # type: ignore[call-overload]
    )
    return done.stderr.decode().strip().split(","), done.stdout or b""


def test_inherited_streams_keep_the_flags_they_came_with(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("text")
    with open(tmp_path / "in") as file:
        assert _stream(0, stdin=file)[0] == ["InheritedFile", "text"]
    assert _stream(0, input=b"piped")[0][1] == "piped"
    assert _stream(0, stdin=subprocess.DEVNULL)[0] == ["InheritedStream", "", "3"]
    assert _stream(1, stdout=subprocess.PIPE)[0][-1] == "3"
    assert _stream(1, stdout=subprocess.PIPE)[1] == b"out"
    with open(tmp_path / "out", "w") as file:
        _stream(1, stdout=file)
    assert (tmp_path / "out").read_text() == "out"


def test_a_closed_stream_is_closed() -> None:
    assert inherited_stream(987, terminal=True) is None


def test_the_other_end_sees_standard_output_closed() -> None:
    """The host process goes on; its standard output does not keep the pipe open."""
    program = (
        "import sys, signal\n"
        "from elfuse.runtime.files.stdio import inherited_stream\n"
        "inherited_stream(1, terminal=False).acquire().release()\n"
        "signal.pause()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.read() == b""
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
