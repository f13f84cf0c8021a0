"""execve's two halves: `prepare` checks everything, `Image.commit` replaces the address space."""

from __future__ import annotations

from elfuse.engine.protocol import Protection, Register
from elfuse.record import Record
from elfuse.runtime.abi import auxv, elf
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.loader import stack
from elfuse.runtime.loader.elf import Program, read_head, read_program
from elfuse.runtime.loader.vdso import vdso
from elfuse.runtime.memory import PAGE, Memory, page_up
from elfuse.runtime.task import Task
from elfuse.runtime.vfs import operations
from elfuse.runtime.vfs.location import Location
from elfuse.runtime.vma import Area

_ADDRESS = (1 << 64) - 1
_SCRIPT_LINE = 256
_MAX_SCRIPTS = 5
_S_ISUID, _S_ISGID, _S_IXGRP = 0o4000, 0o2000, 0o010
_STACK_INITIAL = 33 * PAGE
_STACK = Protection.READ | Protection.WRITE
_STACK_EXECUTED = _STACK | Protection.EXECUTE
_VDSO = Area(Protection.READ | Protection.EXECUTE, name=b"[vdso]")
_NO_REGISTERS = memoryview(bytes(8 * Register.WORDS)).cast("Q")

_hwcap: dict[bool, int] = {}
"""AT_HWCAP, by whether programs can read ID registers; children inherit what was computed."""


def prepare(
    task: Task,
    path: bytes | Location,
    argv: list[bytes],
    envp: list[bytes],
    name: bytes,
    *,
    name_vanishes: bool = False,
) -> Image:
    """Open and check a program, following `#!` lines.

    ENOENT, EACCES, ENOEXEC, ELIBBAD (a damaged interpreter), ELOOP (scripts naming scripts),
    E2BIG. Nothing has changed when it raises.
    """
    file = operations.open_exec(task, path)
    if not argv:
        # An empty argv would make programs read past its end (exec.c: bprm->argc == 0).
        argv = [b""]
    script_name = name
    for _ in range(_MAX_SCRIPTS + 1):
        head = read_head(file)
        line = _script_line(head)
        if line is None:
            break
        if name_vanishes:
            raise SyscallError(Errno.ENOENT)
        interpreter, argument = line
        argv = [interpreter, *([argument] if argument else []), script_name, *argv[1:]]
        script_name = interpreter
        file = operations.open_exec(task, interpreter)
    else:
        raise SyscallError(Errno.ELOOP)
    stack.check_size(argv, envp)
    limit = task.memory.space.limit
    program = read_program(file, head, limit)
    interpreter_program = None
    if program.interpreter:
        opened = operations.open_exec(task, program.interpreter)
        try:
            interpreter_program = read_program(opened, read_head(opened), limit)
        except SyscallError:
            raise SyscallError(Errno.ELIBBAD) from None
    return Image(program, interpreter_program, argv, envp, name)


def _script_line(head: bytes) -> tuple[bytes, bytes] | None:
    """(interpreter, argument) of a `#!` file; None for another file (fs/binfmt_script.c)."""
    if not head.startswith(b"#!"):
        return None
    head = head[:_SCRIPT_LINE]
    line, newline, _ = head[2:].partition(b"\n")
    if not newline and len(head) == _SCRIPT_LINE and not line.strip(b" \t").count(b" "):
        # The interpreter's name itself may be cut off.
        raise SyscallError(Errno.ENOEXEC)
    words = line.split(b"\0")[0].strip(b" \t").replace(b"\t", b" ").split(b" ", 1)
    if not words[0]:
        raise SyscallError(Errno.ENOEXEC)
    return words[0], words[1].strip(b" ") if len(words) > 1 else b""


class Image(Record):
    """A program ready to replace a task's."""

    program: Program
    interpreter: Program | None
    argv: list[bytes]
    envp: list[bytes]
    filename: bytes

    @property
    def name(self) -> bytes:
        """The new command name (prctl(2) PR_SET_NAME)."""
        return self.filename.rpartition(b"/")[2]

    @property
    def identity(self) -> tuple[int, int]:
        """The program's file as `operations.identity` has it; zeros for one without a place."""
        location = self.program.file.location
        return operations.identity(location) if location is not None else (0, 0)

    def commit(self, task: Task) -> None:
        """Replace memory, registers and, for a setuid file, credentials. Cannot fail but for ENOMEM."""
        memory = task.memory
        memory.reset()
        secure = self._take_identity(task)
        if secure:
            memory.places.draw()
            memory.places.begin(randomize=memory.randomize)
        base = self._base(memory, self.program)
        memory.exe = memory.map_program(self.program.file, self.program.segments, base)
        entry, interpreter_base = base + self.program.entry, 0
        if self.interpreter is not None:
            span = page_up(self.interpreter.highest - (self.interpreter.lowest & -PAGE))
            place = span + self.interpreter.alignment
            place = memory.home(place) or memory.find_gap(place)
            interpreter_base = _align(place, self.interpreter.alignment)
            interpreter_base -= self.interpreter.lowest & -PAGE
            memory.map_program(self.interpreter.file, self.interpreter.segments, interpreter_base)
            entry = interpreter_base + self.interpreter.entry
        memory.brk_start = memory.brk_end = page_up(base + self.program.highest)
        vdso_base = self._map_vdso(memory)
        credentials = task.credentials
        identification = task.kernel.engine.identification
        hwcap = _hwcap.get(identification)
        if hwcap is None:
            features = auxv.features(identification=identification)
            hwcap = _hwcap[identification] = sum(1 << bit for bit in features.values())
        vector = {
            auxv.AT_SYSINFO_EHDR: vdso_base,
            auxv.AT_MINSIGSTKSZ: auxv.MINSIGSTKSZ,
            auxv.AT_HWCAP: hwcap,
            auxv.AT_PAGESZ: PAGE,
            auxv.AT_CLKTCK: auxv.CLOCK_TICKS,
            auxv.AT_PHDR: base + self.program.headers_address,
            auxv.AT_PHENT: elf.ProgramHeader.size,
            auxv.AT_PHNUM: self.program.headers,
            auxv.AT_BASE: interpreter_base & _ADDRESS,
            auxv.AT_FLAGS: 0,
            auxv.AT_ENTRY: base + self.program.entry,
            auxv.AT_UID: credentials.uid,
            auxv.AT_EUID: credentials.euid,
            auxv.AT_GID: credentials.gid,
            auxv.AT_EGID: credentials.egid,
            auxv.AT_SECURE: int(secure),
            auxv.AT_HWCAP2: 0,
        }
        pointer = self._map_stack(task, vector)
        _reset_registers(task, entry, pointer)

    def _base(self, memory: Memory, program: Program) -> int:
        if not program.position_independent:
            return 0
        return _align(memory.program_base(program.highest), program.alignment) - (
            program.lowest & -PAGE
        )

    def _map_vdso(self, memory: Memory) -> int:
        image = vdso()
        place = memory.find_gap(PAGE)
        memory.map_area(place, PAGE, _VDSO)
        memory.space.poke(place, image.data)
        memory.vdso_sigreturn = place + image.sigreturn
        return place

    def _map_stack(self, task: Task, vector: dict[int, int]) -> int:
        memory = task.memory
        soft, _hard = task.process.rlimits.get(3, (8 << 20, 8 << 20))
        memory.stack_limit = min(soft, 1 << 30)
        top = memory.places.stack_top
        pointer, data, memory.auxv = stack.build(top, self.argv, self.envp, self.filename, vector)
        protection = _STACK_EXECUTED if self.program.executable_stack else _STACK
        size = page_up(top - pointer) + _STACK_INITIAL
        area = Area(protection, name=b"[stack]", grows_down=True)
        memory.map_area(top - size, size, area)
        memory.write(pointer, data)
        return pointer

    def _take_identity(self, task: Task) -> bool:
        """Apply set-user-ID and set-group-ID bits; whether the program must be careful (AT_SECURE)."""
        held, status = task.credentials, self.program.file.stat()
        before = (held.euid, held.egid)
        if status.mode & _S_ISUID:
            held.euid = status.uid
        if status.mode & (_S_ISGID | _S_IXGRP) == _S_ISGID | _S_IXGRP:
            held.egid = status.gid
        held.suid, held.fsuid = held.euid, held.euid
        held.sgid, held.fsgid = held.egid, held.egid
        return before != (held.euid, held.egid) or held.uid != held.euid or held.gid != held.egid


def _align(address: int, alignment: int) -> int:
    alignment = max(alignment, PAGE)
    return (address + alignment - 1) & -alignment


def _reset_registers(task: Task, entry: int, pointer: int) -> None:
    registers = task.registers
    registers[:] = _NO_REGISTERS
    task.vcpu.store_simd()
    registers[Register.PC], registers[Register.SP] = entry, pointer
