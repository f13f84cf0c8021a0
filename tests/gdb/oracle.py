"""What a program's instructions do according to qemu-aarch64, one after the other."""

import functools
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile

from tests.gdb.client import Client
from tests.gdb.support import PATIENCE
from tests.support import EMULATOR, environment, need

STEPS = 1000
_PROCESSOR = "cortex-a72"
"""With vectors of 128 bits, which are shown as such."""
_LISTENING = Path("/proc/net/unix")
_SVC = 0xD4000001
_EXCLUSIVE, _LOADS, _STORES = 0x3F400000, 0x08400000, 0x08000000
_CORE, _BEYOND_CORE = 33 * 8 + 4, range(34, 68)
_SP, _PC, _SIZE = 31 * 8, 32 * 8, _CORE + 32 * 16 + 8
"""Places of registers in the `g` packet, and the bytes of those that both emulators have."""


@dataclass(frozen=True)
class Sample:
    """All registers before an instruction, the stack pointer as the distance from the first."""

    pc: int
    sp: int
    rest: str
    """Of x0 to x30, cpsr, v0 to v31, fpsr, fpcr: hexadecimal digits."""


class Code:
    """Which instructions of a program qemu cannot step through one by one.

    An exclusive store fails in it when it is stepped to, and a step at a system call takes the
    instruction behind along. Debuggers go through sequences of exclusive accesses at once.
    """

    def __init__(self, binary: Path) -> None:
        self.sequences: dict[int, int] = {}
        """From an exclusive load to the address behind the store."""
        self.hidden: set[int] = set()
        """Where it never stops."""
        load = 0
        for address, word in _words(binary):
            if word & _EXCLUSIVE == _LOADS:
                load = address
            elif word & _EXCLUSIVE == _STORES:
                self.sequences[load] = address + 4
                self.hidden |= set(range(load + 4, address + 4, 4))
            elif word == _SVC:
                self.hidden.add(address + 4)

    def visible(self, samples: list[Sample]) -> list[Sample]:
        """Those to compare; emulators begin with different flags, until the first instruction."""
        return [each for each in samples[1:] if each.pc not in self.hidden]


def _words(binary: Path) -> Iterator[tuple[int, int]]:
    with binary.open("rb") as file:
        text = ELFFile(file).get_section_by_name(".text")
        assert text is not None
        for index, word in enumerate(memoryview(text.data()).cast("I")):
            yield text["sh_addr"] + 4 * index, word


def sample(registers: bytes, first_sp: int) -> Sample:
    """Of an answer to `g`."""
    raw = bytes.fromhex(registers.decode())[:_SIZE]
    assert len(raw) == _SIZE, registers
    pc = int.from_bytes(raw[_PC : _PC + 8], "little")
    return Sample(pc, stack(registers) - first_sp, (raw[:_SP] + raw[_PC + 8 :]).hex())


def stack(registers: bytes) -> int:
    """The stack pointer in an answer to `g`."""
    raw = bytes.fromhex(registers.decode())
    return int.from_bytes(raw[_SP : _SP + 8], "little")


def steps(client: Client, count: int, how: bytes = b"s") -> list[Sample]:
    """What `count` steps begin with."""
    registers = client.ask(b"g")
    first_sp, found = stack(registers), list[Sample]()
    for _ in range(count):
        found.append(sample(registers, first_sp))
        reply = client.ask(how)
        assert reply.startswith(b"T05"), reply
        registers = client.ask(b"g")
    return found


@functools.cache
def oracle_steps(binary: Path) -> list[Sample]:
    """The first `STEPS` instructions of a static program that qemu shows."""
    with emulated(binary) as door, Client(door) as client:
        return _oracle_steps(client, Code(binary))


@contextmanager
def emulated(binary: Path) -> Iterator[str]:
    """qemu with a program, and a socket for debuggers."""
    need(EMULATOR)
    with tempfile.TemporaryDirectory() as directory:
        door = Path(directory, "door")
        command = [EMULATOR, "-cpu", _PROCESSOR, "-g", str(door), str(binary)]
        with subprocess.Popen(command, env=environment()) as emulator:
            try:
                _wait_for(door)
                yield str(door)
            finally:
                emulator.kill()


def _oracle_steps(client: Client, code: Code) -> list[Sample]:
    # Without that question the vectors are not there at all.
    client.ask(b"qXfer:features:read:target.xml:0,fff")
    first_sp, found = stack(client.ask(b"g")), list[Sample]()
    while len(found) <= STEPS:
        # `g` has no vectors here, and nothing of what is behind them.
        registers = client.ask(b"g")
        registers += b"".join(client.ask(b"p%x" % number) for number in _BEYOND_CORE)
        found.append(sample(registers, first_sp))
        behind = code.sequences.get(found[-1].pc)
        if behind is None:
            client.ask(b"s")
            continue
        assert client.ask(b"Z0,%x,4" % behind) == b"OK"
        client.ask(b"c")
        assert client.ask(b"z0,%x,4" % behind) == b"OK"
    return code.visible(found)


def _wait_for(door: Path) -> None:
    """Until somebody listens there."""
    deadline = time.monotonic() + PATIENCE
    # qemu has no way to tell that it does, and takes the first connection for the debugger's.
    while str(door) not in _LISTENING.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
