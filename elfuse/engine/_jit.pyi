"""The Rust crate `crates/elfuse-jit`. Private to `engine.jit` and `engine.ranges`."""

from collections.abc import Iterator, Sequence
from mmap import mmap
from typing import ClassVar, Generic, TypeVar, final

from elfuse.engine.protocol import Exit, FoundPath, MappingChange, Segment

__all__ = [
    "Descriptors",
    "Range",
    "RangeMap",
    "Space",
    "Vcpu",
    "cache_key",
    "check_object",
    "features",
    "fill_object",
    "interrupt_on",
    "read_profile",
    "verify_object",
]

def cache_key(confined: bool) -> str | None:
    """Names the directory of the objects this engine can use; None if it can use none."""

def features() -> list[str]:
    """The host processor's features that compiled code uses."""

def read_profile(
    data: bytes,
) -> tuple[list[tuple[str, int, bytes, list[int], list[tuple[int, bytes]]]], bool] | None:
    """Per file: name of its identity, base, path, heads, pages; whether code was confined.

    None if the profile is damaged.
    """

def fill_object(
    file: mmap,
    file_digest: bytes,
    base: int,
    confined: bool,
    before: bytes,
    heads: list[int],
    pages: list[tuple[int, bytes]],
    seconds: float,
) -> tuple[bytes, int, int] | None:
    """The object, regions added to `before`, heads left undone; None if nothing was added."""

def check_object(data: bytes, base: int, file_digest: bytes) -> tuple[int, int]:
    """Its regions and the bytes of their code; ValueError if it is damaged."""

def verify_object(data: bytes, base: int, file_digest: bytes, confined: bool, most: int) -> int:
    """Compile `most` regions again; how many were. ValueError if one is not the same."""

@final
class Space:
    """One address space, `engine.protocol.AddressSpace`, and its instructions.

    `confined`: no guest instruction reaches host memory that is not the guest's. `cache` is a
    descriptor, which is taken, of the cache's directory, or -1.
    """

    def __new__(
        cls, exits: tuple[Exit, ...], threshold: int, confined: bool, cache: int
    ) -> Space: ...
    @property
    def limit(self) -> int: ...
    @property
    def keeps_code(self) -> bool: ...
    @property
    def view(self) -> memoryview: ...
    def host_address(self, address: int) -> int: ...
    def peek(self, address: int, length: int) -> bytes: ...
    def poke(self, address: int, data: bytes) -> None: ...
    def load(self, address: int, size: int) -> bytes | None: ...
    def store(self, address: int, data: bytes | bytearray | memoryview) -> bool: ...
    def text(self, address: int, limit: int) -> bytes | None: ...
    def texts(self, array: int, limit: int) -> list[bytes] | None: ...
    def map_anonymous(self, start: int, length: int, protection: int, *, shared: bool) -> None: ...
    def map_file(
        self, start: int, length: int, protection: int, fd: int, offset: int, *, shared: bool
    ) -> None: ...
    def unmap(self, start: int, length: int) -> None: ...
    def protect(self, start: int, length: int, protection: int) -> None: ...
    def reveal(self, start: int, length: int, protection: int) -> None: ...
    def move(self, start: int, to: int, length: int) -> None: ...
    def discard(self, start: int, length: int) -> None: ...
    def sync(self, start: int, length: int) -> None: ...
    def clear(self) -> None: ...
    def map_program(
        self, segments: Sequence[Segment], base: int, fd: int
    ) -> list[MappingChange]: ...
    def gap(self, base: int, length: int) -> int: ...
    def home(self, length: int) -> int: ...
    def program_home(self, length: int) -> int: ...
    def serve_calls(self, heap: int, brk: int, base: int) -> None: ...
    def stop_calls(self) -> None: ...
    def is_ahead(self) -> bool: ...
    def take_changes(self) -> list[MappingChange]: ...
    def settle(self, seconds: int) -> None:
        """For tests: keep the code of files that did not change for so long over `clear`."""

    def set_points(self, stops: list[int], watches: list[tuple[int, int, int]]) -> None:
        """Addresses of instructions; start, length and accesses of watched memory."""

    def serve_paths(
        self, roots: Sequence[tuple[int, int, int, int | None, Sequence[bytes]]]
    ) -> None:
        """Look at names in these roots; see `engine.protocol.HostRoot`."""

    def find_path(self, path: bytes, follow: bool) -> FoundPath | None:
        """What an absolute path leads to in these roots; OSError if nothing is there."""

    def stop_paths(self) -> None:
        """Leave that to the kernel part."""

    def actions(self) -> memoryview:
        """See `engine.protocol.Engine.actions`, as bytes."""

    def after_fork(self) -> None:
        """In the child: the thread that compiles is gone."""

    def record(self) -> None:
        """Leave for later runs what was learnt about hot code."""

    def statistics(self) -> tuple[int, int, int, int]:
        """Regions that had to be compiled; cache objects mapped, regions of them used, heads noted for it."""

    def futex(
        self, address: int, operation: int, value: int, value2: int, second: int, value3: int
    ) -> int:
        """futex(2) with a command that does not wait; a negative errno if it fails."""

    def compare_exchange(self, address: int, old: int, new: int) -> int | None:
        """Change a word if it is `old`: what it was, None if it cannot be accessed."""

    def vcpu(self) -> Vcpu: ...

@final
class Vcpu:
    """One guest thread's processor."""

    def registers(self, words: int) -> memoryview:
        """The register block, of that many words."""

    def run(self) -> Exit: ...
    def step(self) -> Exit: ...
    def heed_points(self, heed: bool) -> None:
        """Whether it stops at the points of its space."""

    def interrupt(self) -> None: ...
    def answer_calls(self, pid: int, tid: int, descriptors: Descriptors) -> None:
        """Answer calls that need no policy."""

    def futex_wait(
        self, address: int, private: bool, value: int, bitset: int, deadline: int | None
    ) -> int:
        """Wait until woken (0), or a negative errno: EINTR once `interrupt` is called."""

    def set_ids(self, uid: int, euid: int, gid: int, egid: int) -> None:
        """What getuid and its relatives are answered with."""

    def set_stack_limit(self, soft: int, hard: int) -> None:
        """What prlimit is answered with."""

    blocked: int
    """The signal mask."""

    def note_pending(self, pending: bool) -> None:
        """While a signal may be pending, rt_sigprocmask is not answered."""

    @property
    def fault_address(self) -> int: ...
    @property
    def fault_access(self) -> int: ...

@final
class Descriptors:
    """A process's descriptors, as far as the engine serves them."""

    def __new__(cls) -> Descriptors: ...
    def set(self, fd: int, host: int, abilities: int) -> bool:
        """Serve a descriptor; `abilities` are those of `engine.protocol.Ability`."""

    def close_on_exec(self, fd: int) -> bool | None:
        """Whether execve closes it; None if it is not served."""

    def set_close_on_exec(self, fd: int, close: bool) -> bool:
        """Change that; False if it is not served."""

    def remove(self, fd: int) -> bool:
        """Serve it no longer. Waits for calls that use it."""

def interrupt_on(number: int) -> None:
    """Let a host signal interrupt the vCPU of the thread it arrives in; it must have a handler."""

_T = TypeVar("_T")

@final
class Range(Generic[_T]):
    """See `elfuse.engine.ranges`."""

    def __new__(cls, start: int, end: int, value: _T) -> Range[_T]: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def value(self) -> _T: ...
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]
    def __class_getitem__(cls, _parameters: object) -> type: ...

@final
class RangeMap(Generic[_T]):
    """See `elfuse.engine.ranges`."""

    def __new__(cls) -> RangeMap[_T]: ...
    def __class_getitem__(cls, _parameters: object) -> type: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Range[_T]]: ...
    def at(self, address: int) -> Range[_T] | None: ...
    def after(self, address: int) -> Range[_T] | None: ...
    def before(self, address: int) -> Range[_T] | None: ...
    def overlapping(self, start: int, end: int) -> list[Range[_T]]: ...
    def covered(self, start: int, end: int) -> bool: ...
    def clear(self, start: int, end: int) -> list[Range[_T]]: ...
    def set(self, start: int, end: int, value: _T) -> list[Range[_T]]: ...
