"""Guest instructions with addresses of the host's memory, with and without confinement."""

import ctypes  # noqa: TID251 - finds out where the host's memory is
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

ATTACKS = Path(__file__).with_name("attacks.s")
RET = (0xD65F03C0).to_bytes(4, "little")


@pytest.fixture(scope="module")
def attacks(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, int]]:
    """The instructions behind the RET of `attacks.s`, with their words."""
    binary = tmp_path_factory.mktemp("attacks") / "attacks.o"
    subprocess.run([COMPILER, "-c", "-o", binary, ATTACKS], check=True)
    code = binary.read_bytes().partition(RET)[2]
    names = [line.strip() for line in ATTACKS.read_text().partition("\tret\n")[2].splitlines()]
    assert len(names) > 60
    return [
        (name, int.from_bytes(code[4 * at : 4 * at + 4], "little")) for at, name in enumerate(names)
    ]


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
