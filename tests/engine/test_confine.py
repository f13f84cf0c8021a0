"""Guest instructions with addresses of the host's memory, with and without confinement."""

import ctypes
import mmap
import subprocess
from pathlib import Path

import pytest

from elfuse.engine import open_engine
from elfuse.engine.protocol import Engine, Exit, Protection, Register, Vcpu
from elfuse.engine.slab import GUEST_BITS
from tests.support import COMPILER, need_engine

CODE = 0x400000
LIMIT = 1 << GUEST_BITS
TAGS = 1 << 56
PATTERN = 0xA5
SIZE = 1 << 16

LOADS = """
ldr x3, [x1]\nldr x3, [x1, #8]\nldr x3, [x1, #-8]!\nldr x3, [x1], #8\nldr x3, [x4, x5]
ldr x3, [x4, x5, lsl #3]\nldur x3, [x1, #-3]\nldrb w3, [x1]\nldrsh x3, [x1]\nldrsw x3, [x1]
ldp x3, x6, [x1]\nldp x3, x6, [x1, #-16]!\nldpsw x3, x6, [x1]\nldnp x3, x6, [x1]
ldar x3, [x1]\nldapr x3, [x1]\nldxr x3, [x1]\nldaxrb w3, [x1]\nldxp x3, x6, [x1]
ldr q3, [x1]\nldr d3, [x1, #16]\nldr b3, [x1]\nldp q3, q4, [x1]\nldr q3, [x4, x5, lsl #4]
ld1 {v3.16b}, [x1]\nld1 {v3.16b-v6.16b}, [x1], #64\nld1r {v3.4s}, [x1]\nld2 {v3.8h-v4.8h}, [x1]
ld3 {v3.4s-v5.4s}, [x1]\nld4 {v3.16b-v6.16b}, [x1]\nld1 {v3.s}[1], [x1]\nld4 {v3.b-v6.b}[3], [x1]
""".split("\n")[1:-1]
STORES = """
str x3, [x1]\nstr x3, [x1, #8]\nstr x3, [x1, #-8]!\nstr x3, [x1], #8\nstr x3, [x4, x5]
str x3, [x4, x5, lsl #3]\nstur x3, [x1, #-3]\nstrb w3, [x1]\nstrh w3, [x1]
stp x3, x6, [x1]\nstp x3, x6, [x1, #-16]!\nstnp x3, x6, [x1]\nstlr x3, [x1]\nstlrb w3, [x1]
ldadd x3, x6, [x1]\nldclralh w3, w6, [x1]\nldset w3, w6, [x1]\nswpal x3, x6, [x1]\nldsmax x3, x6, [x1]
cas x3, x6, [x1]\ncaspal x2, x3, x6, x7, [x1]\ncasb w3, w6, [x1]
str q3, [x1]\nstr d3, [x1, #16]\nstr h3, [x1]\nstp q3, q4, [x1]\nstr q3, [x4, x5, lsl #4]
st1 {v3.16b}, [x1]\nst1 {v3.16b-v6.16b}, [x1], #64\nst2 {v3.8h-v4.8h}, [x1]\nst3 {v3.4s-v5.4s}, [x1]
st4 {v3.16b-v6.16b}, [x1]\nst1 {v3.s}[1], [x1]\nst4 {v3.b-v6.b}[3], [x1]\ndc zva, x1
""".split("\n")[1:-1]


def assemble(instructions: list[str], directory: Path) -> list[int]:
    source, binary = directory / "attack.s", directory / "attack.o"
    source.write_text(".arch armv8.4-a+lse\n" + "\n".join(instructions) + "\n")
    subprocess.run([COMPILER, "-c", "-o", binary, source], check=True)
    data = binary.read_bytes()
    start = data.index(b"\xc0\x03\x5f\xd6") + 4
    return [
        int.from_bytes(data[at : at + 4], "little")
        for at in range(start, start + 4 * (len(instructions) - 1), 4)
    ]


@pytest.fixture(scope="module")
def attacks(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, int]]:
    lines = [line for line in (*LOADS, *STORES) if line]
    words = assemble(["ret", *lines], tmp_path_factory.mktemp("attacks"))
    return list(zip(lines, words, strict=True))


class Victim:
    """Memory of the host's that is not the guest's, and the guest address that would reach it."""

    def __init__(self, engine: Engine) -> None:
        self.memory = mmap.mmap(-1, SIZE)
        self.memory.write(bytes([PATTERN]) * SIZE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.address = (start + SIZE // 2 - engine.memory.host_address(0)) % (1 << 64)

    def is_intact(self) -> bool:
        return self.memory[:] == bytes([PATTERN]) * SIZE


def attack(engine: Engine, word: int, address: int) -> tuple[Exit, Vcpu]:
    """Execute one instruction, reached as a branch target, with an address in X1 or X4 + X5."""
    branch = 0xD61F0120  # br x9
    words = (branch, word, 0xD4000001)  # svc #0
    engine.memory.poke(CODE, b"".join(each.to_bytes(4, "little") for each in words))
    vcpu = engine.vcpu()
    registers = vcpu.registers
    registers[Register.PC], registers[9] = CODE, CODE + 4
    registers[1] = registers[4] = address
    return vcpu.run(), vcpu


@pytest.mark.parametrize("threshold", ["0", "1"])
def test_confined_instructions_reach_only_guest_memory(
    attacks: list[tuple[str, int]], threshold: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_engine("jit")
    monkeypatch.setenv("ELFUSE_JIT_THRESHOLD", threshold)
    engine = open_engine("jit", confined=True)
    executable = Protection.READ | Protection.EXECUTE
    engine.memory.map_anonymous(CODE, 4096, executable, shared=False)
    victim = Victim(engine)
    outside = (LIMIT, LIMIT + 4096, LIMIT + 8192, 1 << 47, (1 << 64) - 64, (1 << 55) + 64)
    for name, word in attacks:
        for address in (victim.address, *outside):
            exit_, vcpu = attack(engine, word, address)
            assert exit_ is Exit.FAULT, (name, hex(address))
            assert vcpu.registers[Register.PC] == CODE + 4, name
            # As Linux reports it: without the tag.
            assert abs(vcpu.fault_address - address % TAGS) <= 64, (name, hex(address))
            assert vcpu.registers[3] == 0, name
    assert victim.is_intact()


def test_without_confinement_compiled_code_reaches_the_host(
    attacks: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What SECURITY.md says of the default; and the attacks are attacks."""
    need_engine("jit")
    monkeypatch.setenv("ELFUSE_JIT_THRESHOLD", "1")
    engine = open_engine("jit")
    executable = Protection.READ | Protection.EXECUTE
    engine.memory.map_anonymous(CODE, 4096, executable, shared=False)
    victim = Victim(engine)
    words = dict(attacks)
    exit_, vcpu = attack(engine, words["ldr x3, [x1]"], victim.address)
    assert exit_ is Exit.SYSCALL
    assert vcpu.registers[3] == int.from_bytes(bytes([PATTERN]) * 8, "little")
    assert attack(engine, words["str x3, [x1]"], victim.address)[0] is Exit.SYSCALL
    assert not victim.is_intact()


def test_tagged_addresses_of_the_guest_work_confined(
    attacks: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    need_engine("jit")
    monkeypatch.setenv("ELFUSE_JIT_THRESHOLD", "1")
    engine = open_engine("jit", confined=True)
    everything = Protection.READ | Protection.WRITE | Protection.EXECUTE
    engine.memory.map_anonymous(CODE, 8192, everything, shared=False)
    for name, word in attacks:
        exit_, _ = attack(engine, word, CODE + 4096 + 256 | 0x5A << 56)
        assert exit_ is Exit.SYSCALL, name
