"""Engine on the Unicorn library: the portable reference that the faster ones are checked against.

The library is loaded with ctypes rather than through its Python package, whose import takes
longer than a whole short program. Each vCPU is one `uc_engine` at EL0 with its own translations;
all see the same slab as physical memory, and Unicorn asks `_fill` for every page it does not know
("virtual TLB"). Unicorn's atomics are atomic only within one instance, therefore one vCPU of a
process runs at a time (`_Gate`).
"""

import ctypes
import mmap
import struct
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

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
from elfuse.engine.slab import PAGE, Slab
from elfuse.errors import EngineUnavailable
from elfuse.light import deque
from elfuse.typing import Iterable, Protocol, Sequence

_ARCH_ARM64, _MODE_ARM, _CPU_MAX = 2, 0, 3
_HOOK_INTR, _HOOK_TLB_FILL = 1, 1 << 17
_ERR_OK, _ERR_EXCEPTION = 0, 21
_CTL_PAGE_SIZE, _CTL_USE_EXITS, _CTL_EXITS, _CTL_CPU_MODEL = 1, 4, 6, 7
_CTL_TB_FLUSH, _CTL_TLB_FLUSH, _CTL_TLB_TYPE = 10, 11, 12
_TLB_VIRTUAL = 1
_MEM_WRITE, _MEM_FETCH = 17, 18
_EXCP_UDEF, _EXCP_SWI, _EXCP_PREFETCH_ABORT, _EXCP_BKPT = 1, 2, 3, 7

_REG_NZCV, _REG_SP, _REG_Q0, _REG_PC = 3, 4, 104, 260
_REG_TPIDR, _REG_PSTATE, _REG_CP, _REG_FPCR, _REG_FPSR = 262, 265, 290, 291, 292
_REG_X = [199 + n for n in range(29)] + [1, 2]

_GENERAL = [
    *((_REG_X[n], n) for n in range(31)),
    (_REG_SP, Register.SP),
    (_REG_NZCV, Register.PSTATE),
    (_REG_TPIDR, Register.TPIDR),
]
_SIMD = [
    *((_REG_Q0 + n, Register.V0 + 2 * n) for n in range(32)),
    (_REG_FPCR, Register.FPCR),
    (_REG_FPSR, Register.FPSR),
]

# (op0, op1, CRn, CRm, op2, value). SCTLR_EL1: DC ZVA, CTR_EL0, WFI, WFE and cache maintenance
# work at EL0 (DZE, UCT, nTWI, nTWE, UCI); CPACR_EL1: no FP traps; CNTKCTL_EL1: counters readable;
# TCR_EL1: TBI0, top byte ignored. The last write makes the core notice the new exception level.
_SYSTEM = (
    (3, 0, 1, 0, 0, 0x34D0D984 | 1 << 16 | 1 << 18),
    (3, 0, 1, 0, 2, 3 << 20),
    (3, 0, 14, 1, 0, 3),
    (3, 0, 2, 0, 2, 1 << 37),
)
_UNTAGGED = (1 << 56) - 1
"""Bits of a data address that count."""
_PAGE_SIGNATURE = struct.pack("<IIQQ", PAGE, PAGE - 1, mmap.PAGESIZE, mmap.PAGESIZE)
"""target_page_size, target_page_align, qemu_host_page_size, qemu_real_host_page_size."""
_STATE_SIZE = 0x2000
_INVALID_ADDRESS, _NO_EXIT_REQUEST, _INIT_DONE = -568, 50, 51
"""Distances of invalid_addr, no_exit_request and init_done from target_page_size (2.1.4)."""
_SLICE = 0.002
"""Seconds a vCPU runs on while another one of the process waits."""


_InterruptHook = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)
_FillHook = ctypes.CFUNCTYPE(
    ctypes.c_bool,
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_int,
    ctypes.POINTER(ctypes.c_uint64),  # uc_tlb_entry: physical address, permissions (32 bits)
    ctypes.c_void_p,
)


def accessed(word: int) -> tuple[int, Protection]:
    """Bytes from the address on that a load or store instruction accesses, and how.

    Arm ARM C4.1, loads and stores. Of structures (LD1 and relatives) one element, as Unicorn
    accesses them.
    """
    load, store = Protection.READ, Protection.WRITE
    size, simd = word >> 30, word >> 26 & 1
    kind = load if word >> 22 & 1 else store
    group = word >> 27 & 7
    if group == 0b101:  # pairs
        return 2 * (4 << size if simd else 8 if size == 2 else 4), kind
    if group == 0b011:  # literals
        return (4 << size if simd else 8 if size == 1 else 4), load
    if word >> 24 & 0x3F == 0b001000:  # exclusive and ordered accesses, compare and swap
        swap = word >> 21 & 1 and (word >> 23 & 1 or not word >> 31)
        pair = word >> 21 & 1 and not word >> 23 & 1
        bytes_ = (4 << (size & 1) if not word >> 31 else 1 << size) * 2 if pair else 1 << size
        return bytes_, load | store if swap else kind
    if group == 0b111:
        if simd:
            wide = size == 0 and word >> 23 & 1
            return 16 if wide else 1 << size, kind
        atomic = word >> 21 & 1 and not word >> 10 & 3 and not word >> 24 & 3
        loads = word >> 22 & 3
        return 1 << size, load | store if atomic else load if loads else store
    if word >> 24 & 0xBE == 0b00001100:  # structures
        return 8, kind
    return 64, store  # DC ZVA


class _Words(Protocol):
    """A ctypes pointer to 64-bit words."""

    def __setitem__(self, index: int, value: int, /) -> None: ...


def _load() -> ctypes.CDLL:
    spec = find_spec("unicorn")
    if spec is None or not spec.submodule_search_locations:
        raise EngineUnavailable(
            "engine unicorn: the Python package unicorn is not installed",
            hint="install it with: pip install unicorn",
        )
    name = "libunicorn.2.dylib" if sys.platform == "darwin" else "libunicorn.so.2"
    path = Path(spec.submodule_search_locations[0]) / "lib" / name
    try:
        lib = ctypes.CDLL(str(path))
    except OSError as error:
        raise EngineUnavailable(f"engine unicorn: {error}") from None
    handle, size = ctypes.c_void_p, ctypes.c_uint64
    lib.uc_open.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_void_p)]
    lib.uc_close.argtypes = [handle]
    lib.uc_mem_map_ptr.argtypes = [handle, size, size, ctypes.c_uint32, ctypes.c_void_p]
    lib.uc_emu_start.argtypes = [handle, size, size, size, ctypes.c_size_t]
    lib.uc_emu_stop.argtypes = [handle]
    lib.uc_reg_write.argtypes = [handle, ctypes.c_int, ctypes.c_void_p]
    lib.uc_reg_read.argtypes = [handle, ctypes.c_int, ctypes.c_void_p]
    for call in (lib.uc_reg_read_batch, lib.uc_reg_write_batch):
        call.argtypes = [handle, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
    return lib


def _control(kind: int, arguments: int) -> int:
    """UC_CTL_WRITE(kind, arguments) of unicorn.h."""
    return kind | arguments << 26 | 1 << 30


class _Batch:
    """A fixed set of registers copied between a uc_engine and a register block in one call."""

    def __init__(self, registers: list[tuple[int, int]], block: int) -> None:
        self.count = len(registers)
        self.ids = (ctypes.c_int * self.count)(*(number for number, _ in registers))
        self.values = (ctypes.c_void_p * self.count)(*(block + 8 * word for _, word in registers))


class _Gate:
    """Lets one vCPU at a time execute, first come first served, a waiting one after a slice."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[tuple[UnicornVcpu, threading.Lock]] = deque()  # guarded by _lock
        self.owner: UnicornVcpu | None = None  # guarded by _lock

    def enter(self, vcpu: "UnicornVcpu") -> None:
        with self._lock:
            if self.owner is None:
                self.owner = vcpu
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append((vcpu, turn))
        while not turn.acquire(timeout=_SLICE):
            owner = self.owner
            if owner is not None:
                owner.stop()

    def leave(self) -> None:
        with self._lock:
            if self._waiting:
                self.owner, turn = self._waiting.popleft()
                turn.release()
            else:
                self.owner = None


class UnicornVcpu:
    """One uc_engine. See `engine.protocol.Vcpu`."""

    def __init__(self, engine: "UnicornEngine") -> None:
        self._engine = engine
        self._lib = engine.lib
        self._block = (ctypes.c_uint64 * Register.WORDS)()
        address = ctypes.addressof(self._block)
        self.registers = memoryview(self._block).cast("B").cast("Q")
        self._general = _Batch(_GENERAL, address)
        self._read = _Batch([*_GENERAL, (_REG_PC, Register.PC)], address)
        self._simd = _Batch(_SIMD, address)
        self._event: int | None = None
        self._fault_page = 0
        self.fault_access = Protection.NONE
        self._running = False
        self._interrupted = False
        self._stepping = False
        # The debugger has seen the access at PC, or it is not one of those watched.
        self._passing = False
        self._heeds = True
        self._hit: int | None = None
        """The first watched byte of the access that ended the last `run`."""
        self.points_stale = True
        self.tlb_stale = False
        self.code_stale = False
        self._handle = ctypes.c_void_p()
        self._check(self._lib.uc_open(_ARCH_ARM64, _MODE_ARM, ctypes.byref(self._handle)))
        self._hooks = (_InterruptHook(self._on_interrupt), _FillHook(self._fill))
        self._set_up()

    def _check(self, status: int) -> None:
        if status != _ERR_OK:
            raise EngineUnavailable(f"engine unicorn: libunicorn reports error {status}")

    def _set_up(self) -> None:
        lib, handle = self._lib, self._handle
        for kind, value in (
            (_CTL_CPU_MODEL, _CPU_MAX),
            (_CTL_PAGE_SIZE, PAGE),
            (_CTL_USE_EXITS, 1),
        ):
            self._check(lib.uc_ctl(handle, ctypes.c_int(_control(kind, 1)), ctypes.c_int(value)))
        memory = self._engine.memory
        self._check(lib.uc_mem_map_ptr(handle, 0, memory.limit, 7, memory.base))
        code = ctypes.c_int(_control(_CTL_TLB_TYPE, 1))
        self._check(lib.uc_ctl(handle, code, ctypes.c_int(_TLB_VIRTUAL)))
        for kind, hook in zip((_HOOK_INTR, _HOOK_TLB_FILL), self._hooks, strict=True):
            identity = ctypes.c_size_t()
            status = lib.uc_hook_add(
                handle,
                ctypes.byref(identity),
                ctypes.c_int(kind),
                hook,
                ctypes.c_void_p(),
                ctypes.c_uint64(1),
                ctypes.c_uint64(0),
            )
            self._check(status)
        for op0, op1, crn, crm, op2, value in _SYSTEM:
            self._system(crn, crm, op0, op1, op2, value)
        zero = ctypes.c_uint64(0)
        self._check(lib.uc_reg_write(handle, _REG_PSTATE, ctypes.byref(zero)))
        self._system(13, 0, 3, 0, 1, 0)
        self._state = self._find_state()
        # A stop from another thread must wait for the end of a block: Unicorn otherwise also
        # stops after a memory access and then executes that instruction again, which doubles
        # atomic operations and repeats stores that other threads may have overwritten.
        self._stop_in_blocks(allowed=False)

    def _stop_in_blocks(self, *, allowed: bool) -> None:
        switch = ctypes.c_ubyte.from_address(self._state + _NO_EXIT_REQUEST)
        switch.value = not allowed

    def _find_state(self) -> int:
        """Host address of the page-size members of the library's private `struct uc_struct`.

        Two of its neighbours have no accessor: the address of a refused access and the switch
        for stopping inside blocks. The layout is that of the pinned version; EngineUnavailable
        if it is another.
        """
        start = self._handle.value
        assert start is not None
        memory = ctypes.string_at(start, _STATE_SIZE)
        at = memory.find(_PAGE_SIGNATURE)
        if at < -_INVALID_ADDRESS or memory[at + _INIT_DONE] != 1:
            raise EngineUnavailable(
                "engine unicorn: libunicorn is not the version this engine was written for",
                hint="install the version named in pyproject.toml",
            )
        return start + at

    def _system(self, crn: int, crm: int, op0: int, op1: int, op2: int, value: int) -> None:
        register = struct.pack("<5I4xQ", crn, crm, op0, op1, op2, value)  # uc_arm64_cp_reg
        self._check(self._lib.uc_reg_write(self._handle, _REG_CP, register))

    def _on_interrupt(self, _handle: int, number: int, _data: int) -> None:
        self._event = number
        self._lib.uc_emu_stop(self._handle)

    def _fill(self, _handle: int, address: int, kind: int, entry: _Words, _data: int) -> bool:
        """Say which physical page and which permissions `address` has; False is a fault."""
        memory = self._engine.memory
        if kind != _MEM_FETCH:
            address &= _UNTAGGED
        found = memory.protections.at(address)
        if kind == _MEM_FETCH:
            need = Protection.EXECUTE
        else:
            need = Protection.WRITE if kind == _MEM_WRITE else Protection.READ
        if found is None or not found.value & need:
            self._fault_page, self.fault_access = address, need
            return False
        page = address & -PAGE
        allowed = int(found.value) & ~self._watched_accesses(page)
        if not allowed & need:
            self._fault_page, self.fault_access = address, need
            return False
        executed = self._engine.executed
        if need is Protection.EXECUTE:
            executed.add(page)
        elif page not in executed:
            # So that the first fetch comes here too, and `executed` holds every page with code.
            allowed &= ~Protection.EXECUTE
        entry[0] = page
        entry[1] = allowed
        return True

    @property
    def fault_address(self) -> int:
        """Exact, although Unicorn's callback is told the page only."""
        if self._hit is not None:
            return self._hit
        return self._refused_address()

    def _refused_address(self) -> int:
        if self.fault_access is Protection.EXECUTE:
            return int(self.registers[Register.PC])
        return ctypes.c_uint64.from_address(self._state + _INVALID_ADDRESS).value & _UNTAGGED

    def run(self) -> Exit:
        lib, handle, gate = self._lib, self._handle, self._engine.gate
        batch = self._general
        lib.uc_reg_write_batch(handle, batch.ids, batch.values, batch.count)
        while True:
            gate.enter(self)
            # Before the refresh, so that whoever changes pages from now on waits for this run.
            self._running = True
            self._refresh()
            self._event = self._hit = None
            if self._at_stop():
                self._running = False
                gate.leave()
                return Exit.REACHED
            if self._interrupted:
                self._running = self._interrupted = False
                gate.leave()
                return Exit.INTERRUPTED
            status = lib.uc_emu_start(handle, self.registers[Register.PC], 0, 0, 0)
            self._running = False
            gate.leave()
            batch = self._read
            lib.uc_reg_read_batch(handle, batch.ids, batch.values, batch.count)
            reason = self._reason(status)
            if reason is Exit.FAULT and self._refused_by_watch():
                reason = self._pass_watch()
            if reason is not None:
                return reason

    # For debuggers

    def heed_points(self, heed: bool, /) -> None:
        self._heeds = heed
        self.points_stale = True

    def _at_stop(self) -> bool:
        return self._heeds and self.registers[Register.PC] in self._engine.stops

    def _watched_accesses(self, page: int) -> int:
        """What pages must not allow, so that accesses to watched memory end `run`."""
        watched = self._engine.watched
        if not watched or not self._heeds or self._passing:
            return 0
        found = 0
        for each in watched:
            if each.start < page + PAGE and page < each.start + each.length:
                found |= each.accesses
        # What can be written can be read here too, so reads are refused with writes.
        return found | Protection.WRITE if found & Protection.READ else found

    def _refused_by_watch(self) -> bool:
        if self.fault_access is Protection.EXECUTE:
            return False
        address = self._refused_address()
        found = self._engine.memory.protections.at(address)
        return found is not None and bool(found.value & self.fault_access)

    def _pass_watch(self) -> Exit | None:
        """WATCHED if the refused access is of watched bytes; otherwise it is made."""
        address, pc = self._refused_address(), self.registers[Register.PC]
        word = int.from_bytes(self._engine.memory.peek(pc, 4), "little")
        length, accesses = accessed(word)
        for each in self._engine.watched:
            inside = each.start < address + length and address < each.start + each.length
            if inside and each.accesses & accesses:
                self._hit = max(address, each.start)
                return Exit.WATCHED
        self._passing = True
        reason = self._step()
        self._passing = False
        return None if reason is Exit.STEPPED else reason

    def step(self) -> Exit:
        reason = self._step()
        if reason is Exit.FAULT and self._refused_by_watch():
            return self._pass_watch() or Exit.STEPPED
        return reason

    def _step(self) -> Exit:
        lib, handle, gate = self._lib, self._handle, self._engine.gate
        batch = self._general
        lib.uc_reg_write_batch(handle, batch.ids, batch.values, batch.count)
        gate.enter(self)
        self._stepping = True
        self._event = self._hit = None
        # Counting instructions and stopping between them is compiled into the blocks.
        self.points_stale = self.code_stale = self.tlb_stale = True
        self._stop_in_blocks(allowed=True)
        self._refresh()
        status = lib.uc_emu_start(handle, self.registers[Register.PC], 0, 0, 1)
        self._stop_in_blocks(allowed=False)
        self.points_stale = self.code_stale = self.tlb_stale = True
        self._stepping = False
        gate.leave()
        batch = self._read
        lib.uc_reg_read_batch(handle, batch.ids, batch.values, batch.count)
        reason = self._reason(status)
        return Exit.STEPPED if reason is None else reason

    def _reason(self, status: int) -> Exit | None:
        event = self._event
        if event == _EXCP_SWI:
            return Exit.SYSCALL
        if event == _EXCP_UDEF:
            return Exit.UNDEFINED
        if event == _EXCP_BKPT:
            return Exit.BREAKPOINT
        if event == _EXCP_PREFETCH_ABORT:
            # A misaligned PC; pages are refused in `_fill`.
            self.fault_access = Protection.EXECUTE
            return Exit.FAULT
        if event is not None:
            raise RuntimeError(f"unicorn: exception {event}")
        if status == _ERR_EXCEPTION:
            return Exit.FAULT
        if status != _ERR_OK:
            raise RuntimeError(f"unicorn: error {status}")
        return None

    def _refresh(self) -> None:
        if self.points_stale:
            self.points_stale = False
            self.code_stale = self.tlb_stale = True
            stops = self._engine.stops if self._heeds and not self._stepping else ()
            exits = (ctypes.c_uint64 * len(stops))(*stops)
            code = ctypes.c_int(_control(_CTL_EXITS, 2))
            count = ctypes.c_size_t(len(stops))
            self._check(self._lib.uc_ctl(self._handle, code, exits, count))
        if self.code_stale:
            self.code_stale = False
            self._lib.uc_ctl(self._handle, ctypes.c_int(_control(_CTL_TB_FLUSH, 0)))
        if self.tlb_stale:
            self.tlb_stale = False
            self._lib.uc_ctl(self._handle, ctypes.c_int(_control(_CTL_TLB_FLUSH, 0)))

    def stop(self) -> None:
        """Leave the guest soon; `run` goes on by itself."""
        if self._running:
            self._lib.uc_emu_stop(self._handle)

    def wait_stopped(self) -> None:
        """Stop and wait until no guest instruction executes with what the TLB holds now."""
        while self._running or self._stepping:
            if self._running:
                self._lib.uc_emu_stop(self._handle)
            time.sleep(0.0001)

    def interrupt(self) -> None:
        # `run` sets _running before it looks at _interrupted, so one side always sees the other.
        # A stop that comes before emulation begins is lost, hence the loop.
        self._interrupted = True
        while self._running and self._interrupted:
            self._lib.uc_emu_stop(self._handle)
            time.sleep(0.0001)

    def answer_calls(self, pid: int, tid: int, descriptors: Descriptors) -> SharedMask:
        raise NotImplementedError("every call is the kernel part's")

    def futex_wait(
        self, address: int, private: bool, value: int, bitset: int, deadline: int | None, /
    ) -> int:
        raise NotImplementedError("waiting is the kernel part's")

    def set_ids(self, uid: int, euid: int, gid: int, egid: int) -> None:
        """Only those who answer calls need them."""

    def set_stack_limit(self, soft: int, hard: int) -> None:
        """Nor this."""

    def load_simd(self) -> None:
        batch = self._simd
        self._lib.uc_reg_read_batch(self._handle, batch.ids, batch.values, batch.count)

    def store_simd(self) -> None:
        batch = self._simd
        self._lib.uc_reg_write_batch(self._handle, batch.ids, batch.values, batch.count)

    def close(self) -> None:
        if self._handle.value is not None:
            self._lib.uc_close(self._handle)
            self._handle = ctypes.c_void_p()
            self._engine.vcpus.remove(self)


class UnicornEngine:
    """See `engine.protocol.Engine`."""

    name = "unicorn"
    identification = False
    actions = None

    def __init__(self) -> None:
        self.lib = _load()
        self.gate = _Gate()
        self.vcpus: list[UnicornVcpu] = []
        self.executed: set[int] = set()
        """Pages that instructions were fetched from since their last change."""
        self.stops: frozenset[int] = frozenset()
        self.watched: tuple[Watchpoint, ...] = ()
        self.memory = Slab(self._pages_changed, self._memory_cleared)

    def vcpu(self) -> UnicornVcpu:
        made = UnicornVcpu(self)
        self.vcpus.append(made)
        return made

    def set_points(self, stops: Iterable[int], watched: Iterable[Watchpoint]) -> None:
        self.stops, self.watched = frozenset(stops), tuple(watched)
        for vcpu in self.vcpus:
            vcpu.points_stale = True

    @property
    def words(self) -> Words | None:
        return None

    def descriptors(self) -> Descriptors | None:
        return None

    def serve_paths(self, roots: Sequence[HostRoot]) -> None:
        """All names are left to the kernel part."""

    def find_path(self, path: bytes, follow: bool, /) -> FoundPath | None:
        del path, follow
        return None

    def stop_paths(self) -> None:
        """As they are."""

    def interrupt_on(self, signals: Iterable[int]) -> bool:
        del signals  # Unicorn knows none.
        return False

    def finish(self, *, last: bool) -> None:
        """Nothing is kept."""

    def after_fork(self, survivor: Vcpu) -> None:
        self.gate = _Gate()
        self.vcpus = [vcpu for vcpu in self.vcpus if vcpu is survivor]

    def _pages_changed(self, start: int, length: int, _allowed: Protection) -> None:
        code = self._forget_executed(start, length)
        for vcpu in self.vcpus:
            vcpu.tlb_stale = True
            vcpu.code_stale |= code
        # Others of the process must not go on with the old translations.
        for vcpu in self.vcpus:
            vcpu.wait_stopped()

    def _forget_executed(self, start: int, length: int) -> bool:
        pages = range(start, start + length, PAGE)
        if len(pages) > len(self.executed):
            gone = {page for page in self.executed if start <= page < start + length}
        else:
            gone = self.executed.intersection(pages)
        self.executed -= gone
        return bool(gone)

    def _memory_cleared(self) -> None:
        self.set_points((), ())
        self.executed.clear()
        for vcpu in self.vcpus:
            vcpu.tlb_stale = vcpu.code_stale = True
