"""The contract between the kernel part and whatever executes guest instructions."""

from elfuse.enumeration import IntEnum, IntFlag
from elfuse.record import Record
from elfuse.typing import Iterable, NamedTuple, Protocol, Sequence


class Protection(IntFlag):
    """What a guest page may be used for; the values of PROT_* (mmap(2))."""

    NONE = 0
    READ = 1
    WRITE = 2
    EXECUTE = 4


class Exit(IntEnum):
    """Why `Vcpu.run` returned. In every case the registers are exact."""

    SYSCALL = 0
    """SVC #0; PC is behind it."""
    FAULT = 1
    """No access: `fault_address`, `fault_access`; PC is at the instruction."""
    UNDEFINED = 2
    """Undefined or not allowed at EL0; PC is at the instruction."""
    BREAKPOINT = 3
    """BRK; PC is at the instruction."""
    INTERRUPTED = 4
    """`interrupt` was called; PC is at the next instruction."""
    UNALIGNED = 5
    """An exclusive, ordered or atomic access that is not aligned: `fault_address`."""
    STEPPED = 6
    """`Vcpu.step` has executed one instruction; PC is at the next."""
    REACHED = 7
    """PC is at one of `Engine.set_points`' addresses, which is not executed yet."""
    WATCHED = 8
    """The instruction at PC, not executed yet, would access watched memory: `fault_address` is
    the first watched byte."""


class Watchpoint(Record):
    """Memory that is watched: `length` bytes from `start`, for READ, WRITE or both."""

    start: int
    length: int
    accesses: Protection


class Register(IntEnum):
    """Index of a 64-bit word in the register block; X0..X30 are 0..30, Vn is at V0 + 2n."""

    SP = 31
    PC = 32
    PSTATE = 33
    TPIDR = 34
    FPCR = 35
    FPSR = 36
    CLEARED = 48
    """No register: the address of set_tid_address(2), which the engine changes too."""
    ROBUST = 49
    """The address of set_robust_list(2)."""
    V0 = 64
    WORDS = 128


class Ability(IntFlag):
    """What calls the engine may pass on to a host descriptor."""

    READ = 1
    WRITE = 2
    SEEK = 4
    """It has a position, which is the host's."""
    PIPE = 8
    """Long writes may have to wait for a reader in the middle."""
    OPEN = 16
    """Every descriptor, also one that the host has none for."""
    CLOSE_ON_EXEC = 32
    FILE = 64
    """It is a file of the `HostRoot` whose number is in the bits from `ROOT_BITS` on."""
    MAP = 128
    """Private mappings of it are the host's."""


ROOT_BITS, ROOTS = 8, 128
"""Numbers of roots are below `ROOTS`."""


class Change(IntEnum):
    """What a mapping call that the engine answered did to a range of pages."""

    HEAP = 0
    """The heap has them more, and the program break is where the offset says."""
    ANONYMOUS = 1
    """Private memory is mapped there."""
    FILE = 2
    """A private mapping of a descriptor, from an offset."""
    UNMAPPED = 3
    PROTECTED = 4
    """What is mapped there allows this now."""


MappingChange = tuple[int, int, int, int, int, int]
"""A `Change`, start, end, protection, descriptor, offset."""


class Segment(NamedTuple):
    """Of a program: members of Elf64_Phdr, with the protection of its pages."""

    vaddr: int
    memsz: int
    filesz: int
    offset: int
    protection: int


class Descriptors(Protocol):
    """A process's descriptors whose calls the engine may pass on to the host."""

    def set(self, fd: int, host: int, abilities: int, /) -> bool:
        """Serve a descriptor, which is not served so far, by a host descriptor; False: too high."""

    def close_on_exec(self, fd: int, /) -> bool | None:
        """Whether execve closes a descriptor, which guests change; None if it is not served."""

    def set_close_on_exec(self, fd: int, close: bool, /) -> bool:
        """Change that; False if it is not served."""

    def remove(self, fd: int, /) -> bool:
        """Serve it no longer. Returns when no call uses the host descriptor any more.

        Whether it was mapped by calls that the engine answered: `AddressSpace.take_changes` may
        name it.
        """


class HostRoot(NamedTuple):
    """A directory of the host that answers absolute paths, unchanged and unrestricted."""

    directory: int
    """A descriptor of it, which stays open."""
    host_device: int
    """The host's st_dev of it; inodes of other devices have numbers that come of both."""
    device: int
    """The guest's st_dev."""
    user: int | None
    """Whose files show as root's; None: owners are the host's."""
    points: Sequence[bytes]
    """Absolute paths below it where something else is mounted."""


FoundPath = tuple[int, int, tuple[int, int], bytes, tuple[int, int], int]
"""The number of the root; a descriptor of the directory, or of the one that the file is in, which
is the caller's, with its host device and inode; the file's name, empty for a directory; the
file's host device, inode and mode."""


class Words(Protocol):
    """Words of guest memory, as the host's kernel and processor see them.

    Addresses are multiples of four; results are Linux's, errors negative Linux numbers.
    """

    def futex(
        self, address: int, operation: int, value: int, value2: int, second: int, value3: int
    ) -> int:
        """futex(2) with a command that does not wait."""

    def compare_exchange(self, address: int, old: int, new: int) -> int | None:
        """Change a word if it is `old`, atomically: what it was, None if that is refused."""


class SharedMask(Protocol):
    """A thread's signal mask where its vCPU changes it too."""

    blocked: int
    """A sigset_t."""

    def note_pending(self, pending: bool, /) -> None:
        """Say whether a signal may be pending, blocked or not: changes of the mask are then left
        to the kernel part. Say so after making it pending and before looking at the mask."""


class Vcpu(Protocol):
    """One guest thread's processor. Used by one host thread at a time, except `interrupt`."""

    @property
    def registers(self) -> memoryview:
        """`Register.WORDS` words of format "Q", current whenever `run` is not running.

        Words from V0 on are current between `load_simd` and the next `run`; after changing
        them call `store_simd`.
        """

    @property
    def fault_address(self) -> int: ...
    @property
    def fault_access(self) -> Protection:
        """The one of READ, WRITE, EXECUTE that the access needed."""

    def run(self) -> Exit: ...
    def step(self) -> Exit:
        """Execute one instruction: STEPPED, or why it was not executed, or SYSCALL.

        A stop of `Engine.set_points` at PC does not count, watched memory does. What an exclusive
        load opened stays open for the store, unlike over a `run`.
        """

    def heed_points(self, heed: bool, /) -> None:
        """Whether it stops at `Engine.set_points`' points, as it does at first."""

    def interrupt(self) -> None:
        """Make `run` return INTERRUPTED soon, the next call if none is active. Any thread."""

    def answer_calls(self, pid: int, tid: int, descriptors: Descriptors) -> SharedMask:
        """Let the engine serve calls that need no policy: see `Engine.descriptors`.

        By the thread that runs this vCPU. The signal mask is in what is returned from now on.
        """

    def set_ids(self, uid: int, euid: int, gid: int, egid: int) -> None:
        """Who the thread is, for those calls. Any thread."""

    def set_stack_limit(self, soft: int, hard: int) -> None:
        """Its process's RLIMIT_STACK, for those calls. Any thread."""

    def futex_wait(
        self, address: int, private: bool, value: int, bitset: int, deadline: int | None, /
    ) -> int:
        """Wait on a word of `Engine.words` until CLOCK_MONOTONIC nanoseconds.

        By the thread that runs this vCPU. 0 if woken, a negative Linux errno otherwise: EINTR if
        `interrupt` was called since it, or `run`, last returned.
        """

    def load_simd(self) -> None: ...
    def store_simd(self) -> None: ...
    def close(self) -> None: ...


class AddressSpace(Protocol):
    """The guest's memory: page-aligned ranges of `0..limit`, and the host address behind each.

    Knows nothing of areas, growth or file offsets beyond passing them to the host. OSError as
    the host reports it.
    """

    @property
    def limit(self) -> int: ...
    def gap(self, base: int, length: int, /) -> int:
        """The highest free place below `base`; 0 if there is none or the engine does not know."""

    def home(self, length: int, /) -> int:
        """Where mappings of this length of files go in every run; 0: anywhere, or it is taken."""

    def program_home(self, length: int, /) -> int:
        """The same for a position-independent program."""

    @property
    def view(self) -> memoryview:
        """All of the guest's memory as bytes.

        Reading what the guest cannot read, or writing what it cannot write, kills the process.
        """

    # Quick copies, where the host's processor checks pages. What they refuse, or an engine cannot do,
    # may be allowed all the same.

    def load(self, address: int, size: int, /) -> bytes | None:
        """Bytes that the guest can read."""

    def store(self, address: int, data: bytes | memoryview, /) -> bool:
        """Change what the guest can change; False if not all was."""

    def text(self, address: int, limit: int, /) -> bytes | None:
        """The bytes before a NUL, fewer than `limit`."""

    def texts(self, array: int, limit: int, /) -> list[bytes] | None:
        """Such texts at the addresses in an array that ends with NULL."""

    def peek(self, address: int, length: int) -> bytes:
        """Mapped bytes whatever the guest may do there, up to the first that is not mapped."""

    def poke(self, address: int, data: bytes) -> None:
        """Change mapped bytes whatever the guest may do there; not for shared mappings."""

    def host_address(self, address: int) -> int: ...
    def map_anonymous(
        self, start: int, length: int, protection: Protection, *, shared: bool
    ) -> None:
        """Zeroed pages, replacing what was there. `shared` ones stay common over fork."""

    def map_file(
        self, start: int, length: int, protection: Protection, fd: int, offset: int, *, shared: bool
    ) -> None: ...
    def map_program(
        self, segments: Sequence[Segment], base: int, fd: int, /
    ) -> list[MappingChange]:
        """Map segments in order of addresses: the changes, `ANONYMOUS` and `FILE` of `fd` as 0.

        Addresses wrap at 2**64, as a program linked above its place has a base below 0.

        Private, the end of the last page of each that is longer in memory zeroed
        (fs/binfmt_elf.c: elf_load).
        """

    def unmap(self, start: int, length: int) -> None: ...
    def protect(self, start: int, length: int, protection: Protection) -> None:
        """Of a range without gaps. What is behind the end of a file stays inaccessible."""

    def reveal(self, start: int, length: int, protection: Protection) -> None:
        """The file has these pages now, which were behind its end."""

    def move(self, start: int, to: int, length: int) -> None:
        """Move pages with content, protection and sharing; the old range becomes unmapped."""

    def discard(self, start: int, length: int) -> None:
        """Private anonymous pages read as zero, file pages as the file, from now on."""

    def sync(self, start: int, length: int) -> None:
        """Write shared file pages back (MS_SYNC)."""

    def clear(self) -> None:
        """Unmap everything (execve)."""

    # Mapping calls that the engine answers, between one `Vcpu.run` and its return

    def serve_calls(self, heap: int, brk: int, base: int) -> None:
        """Let it answer them, while there is only one vCPU and nobody else looks at mappings.

        The heap begins at `heap`, the program break is at `brk`; mappings without a place go below
        `base`. `clear` ends it.
        """

    def stop_calls(self) -> None:
        """Leave them to the kernel part."""

    def is_ahead(self) -> bool:
        """Whether `take_changes` has something to tell."""

    def take_changes(self) -> list[MappingChange]:
        """What answered calls did, in order, told once."""


class Engine(Protocol):
    """A back end: one address space and its vCPUs."""

    @property
    def name(self) -> str: ...
    @property
    def memory(self) -> AddressSpace: ...
    @property
    def identification(self) -> bool:
        """Programs can read ID registers, as if Linux emulated that (HWCAP_CPUID)."""

    @property
    def words(self) -> Words | None:
        """Where the host can wait for words of guest memory; None: only the kernel part can."""

    def vcpu(self) -> Vcpu: ...
    def set_points(self, stops: Iterable[int], watched: Iterable[Watchpoint]) -> None:
        """Where vCPUs stop for a debugger from now on, instead of what was set before.

        While none runs. They are dropped by `AddressSpace.clear`.
        """

    def descriptors(self) -> Descriptors | None:
        """A new, empty one; None if the engine leaves all calls to the kernel part."""

    @property
    def actions(self) -> memoryview | None:
        """Words of format "Q": for each signal, from 0 on, those of the kernel's struct sigaction.

        The engine answers rt_sigaction(2) by them as long as `AddressSpace.serve_calls` holds.
        None: it does not.
        """

    def serve_paths(self, roots: Sequence[HostRoot]) -> None:
        """Let vCPUs look at names in the first of these roots that has them.

        Once, before any runs.
        """

    def find_path(self, path: bytes, follow: bool, /) -> FoundPath | None:
        """What an absolute path leads to in these roots; a final symbolic link is followed or not.

        FileNotFoundError, NotADirectoryError. None if the engine does not know.
        """

    def stop_paths(self) -> None:
        """Leave names to the kernel part from now on."""

    def interrupt_on(self, signals: Iterable[int]) -> bool:
        """Let host signals, which have handlers, interrupt the vCPU of the thread they arrive in.

        False if this engine cannot.
        """

    def finish(self, *, last: bool) -> None:
        """The host process ends; `last`, and with it the run."""

    def after_fork(self, survivor: Vcpu) -> None:
        """In the child of a host fork: only `survivor`'s thread still exists."""
