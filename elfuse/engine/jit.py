"""Engine of the Rust crate `elfuse-jit`.

Guest memory has the guest's protections, so that the host's processor checks accesses; the crate
turns its faults into the guest's. It has the address space too: a program's start changes its mappings
some fifty times.
"""

from __future__ import annotations

import os

from elfuse.engine.protocol import (
    Descriptors,
    Exit,
    FoundPath,
    HostRoot,
    Protection,
    Register,
    SharedMask,
    Vcpu,
    Watchpoint,
    Words,
)
from elfuse.errors import EngineUnavailable
from elfuse.typing import Iterable, Sequence

try:
    from elfuse.engine import _jit
except ImportError as _error:
    raise EngineUnavailable(
        f"engine jit: this installation has no compiled engine ({_error})",
        hint="install elfuse where Rust is installed (https://rustup.rs), or use --engine unicorn",
    ) from None

_THRESHOLD = 1000


class JitVcpu:
    """See `engine.protocol.Vcpu`."""

    def __init__(self, native: _jit.Vcpu) -> None:
        self._native = native
        self.run = native.run
        self.step = native.step
        self.heed_points = native.heed_points
        self.interrupt = native.interrupt
        self.set_ids = native.set_ids
        self.set_stack_limit = native.set_stack_limit
        self.futex_wait = native.futex_wait
        self.registers = native.registers(Register.WORDS).cast("Q")

    @property
    def fault_address(self) -> int:
        return self._native.fault_address

    @property
    def fault_access(self) -> Protection:
        return Protection(self._native.fault_access)

    def answer_calls(self, pid: int, tid: int, descriptors: Descriptors) -> SharedMask:
        assert isinstance(descriptors, _jit.Descriptors)
        self._native.answer_calls(pid, tid, descriptors)
        return self._native

    def load_simd(self) -> None:
        """The block always holds them."""

    def store_simd(self) -> None:
        """The block always holds them."""

    def close(self) -> None:
        """Freed with the last reference."""


def _threshold() -> int:
    """How often a branch target is reached before it is compiled.

    ELFUSE_JIT_THRESHOLD changes it: 0 interprets everything, 1 compiles everything at once.
    """
    return int(os.environ.get("ELFUSE_JIT_THRESHOLD", _THRESHOLD))


def open_directory(path: str, *, create: bool = True) -> int:
    """A descriptor of the cache's directory; -1 unless it is the user's and nobody else can write.

    Symbolic links are followed above it only.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(path, flags)
    except OSError:
        if not create:
            return -1
        try:
            os.makedirs(path, 0o700, exist_ok=True)
        except OSError:
            # There is a run all the same; `elfuse info` says that nothing is kept.
            return -1
        return open_directory(path, create=False)
    status = os.fstat(fd)
    if status.st_uid == os.geteuid() and not status.st_mode & 0o022 and _has_profiles(fd):
        return fd
    os.close(fd)
    return -1


def _holds_work(cache: str) -> bool:
    try:
        return bool(os.listdir(f"{cache}/profiles"))
    except OSError:
        # Somebody emptied the cache meanwhile.
        return False


def _has_profiles(cache: int) -> bool:
    """Make the place for profiles if it is not there."""
    try:
        os.mkdir("profiles", 0o700, dir_fd=cache)
    except FileExistsError:
        pass
    except OSError:
        return False
    return True


class JitEngine:
    """See `engine.protocol.Engine`. `cache` is a directory for translations, or empty.

    ELFUSE_FAST_CALLS=0 leaves all system calls to the kernel part.
    """

    name = "jit"
    identification = True

    def __init__(self, cache: str = "", *, confined: bool = False) -> None:
        threshold = _threshold()
        directory = open_directory(cache) if cache and threshold else -1
        self.memory = _jit.Space(tuple(Exit), threshold, confined, directory)
        self.actions = self.memory.actions().cast("Q")
        self._cache = cache
        self._answers_calls = os.environ.get("ELFUSE_FAST_CALLS") != "0"

    def vcpu(self) -> JitVcpu:
        return JitVcpu(self.memory.vcpu())

    def set_points(self, stops: Iterable[int], watched: Iterable[Watchpoint]) -> None:
        watches = [(each.start, each.length, int(each.accesses)) for each in watched]
        self.memory.set_points(list(stops), watches)

    @property
    def words(self) -> Words:
        return self.memory

    def descriptors(self) -> Descriptors | None:
        return _jit.Descriptors() if self._answers_calls else None

    def serve_paths(self, roots: Sequence[HostRoot]) -> None:
        self.memory.serve_paths(roots)

    def find_path(self, path: bytes, follow: bool, /) -> FoundPath | None:
        return self.memory.find_path(path, follow)

    def stop_paths(self) -> None:
        self.memory.stop_paths()

    def interrupt_on(self, signals: Iterable[int]) -> bool:
        for number in signals:
            _jit.interrupt_on(number)
        return True

    def finish(self, *, last: bool) -> None:
        memory = self.memory
        if os.environ.get("ELFUSE_JIT_STATISTICS"):
            # For tests and for those who measure: counted since the last execve.
            text = "elfuse-jit: %d hot, %d objects, %d regions from them, %d noted\n"
            os.write(2, (text % memory.statistics()).encode())
        if memory.keeps_code:
            memory.record()
            if last and _holds_work(self._cache):
                from elfuse.engine.worker import start_worker  # only if there is work

                start_worker(self._cache)

    def after_fork(self, survivor: Vcpu) -> None:
        del survivor  # No vCPU holds anything of the others.
        self.memory.after_fork()
