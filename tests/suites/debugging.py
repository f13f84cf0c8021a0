"""What every engine must do for a debugger: single steps, breakpoints, watchpoints."""

from collections.abc import Iterator

import pytest

from elfuse.engine.protocol import Engine, Exit, Protection, Register, Vcpu, Watchpoint

CODE, DATA = 0x10000, 0x20000
READ, WRITE = Protection.READ, Protection.WRITE

# Five rounds of add, str, ldr, stp; then an exclusive pair; then exit.
PROGRAM = (
    0xD2A00040,  # 00 mov x0, #0x20000
    0xD2800001,  # 04 mov x1, #0
    0x91000421,  # 08 add x1, x1, #1
    0xF9000001,  # 0c str x1, [x0]
    0xF9400402,  # 10 ldr x2, [x0, #8]
    0xA9020401,  # 14 stp x1, x1, [x0, #32]
    0xF100143F,  # 18 cmp x1, #5
    0x54FFFF61,  # 1c b.ne 08
    0xC85F7C03,  # 20 ldxr x3, [x0]
    0x91000463,  # 24 add x3, x3, #1
    0xC8047C03,  # 28 stxr w4, x3, [x0]
    0x35FFFFA4,  # 2c cbnz w4, 20
    0x34000044,  # 30 cbz w4, 38
    0xD503201F,  # 34 nop
    0xD2800BA8,  # 38 mov x8, #93
    0xD4000001,  # 3c svc #0
)
ROUNDS = 5
LOOP = [0x08, 0x0C, 0x10, 0x14, 0x18, 0x1C]
PATH = [0x00, 0x04, *LOOP * ROUNDS, 0x20, 0x24, 0x28, 0x2C, 0x30, 0x38, 0x3C]
"""Offsets of all instructions that are executed."""


class DebuggingSuite:
    """Subclasses provide `opened`, a fixture with a fresh engine."""

    @pytest.fixture
    def vcpu(self, opened: Engine) -> Iterator[Vcpu]:
        memory = opened.memory
        memory.map_anonymous(CODE, 4096, READ | Protection.EXECUTE, shared=False)
        memory.map_anonymous(DATA, 4096, READ | WRITE, shared=False)
        memory.poke(CODE, b"".join(word.to_bytes(4, "little") for word in PROGRAM))
        made = opened.vcpu()
        made.registers[Register.PC] = CODE
        yield made
        made.close()

    @staticmethod
    def at(vcpu: Vcpu) -> int:
        return vcpu.registers[Register.PC] - CODE

    def test_steps_execute_one_instruction_each(self, vcpu: Vcpu) -> None:
        seen = []
        while True:
            seen.append(self.at(vcpu))
            if vcpu.step() is not Exit.STEPPED:
                break
        assert seen == PATH
        assert vcpu.registers[8] == 93
        # The exclusive store succeeded, although there were stops between it and the load.
        assert (vcpu.registers[3], vcpu.registers[4]) == (ROUNDS + 1, 0)

    def test_steps_and_runs_mix(self, vcpu: Vcpu) -> None:
        for _ in range(7):
            assert vcpu.step() is Exit.STEPPED
        assert self.at(vcpu) == PATH[7]
        assert vcpu.run() is Exit.SYSCALL
        assert vcpu.registers[1] == ROUNDS

    def test_breakpoints_stop_before_their_instruction(self, opened: Engine, vcpu: Vcpu) -> None:
        opened.set_points([CODE + 0x08, CODE + 0x20], [])
        hits = []
        while (reason := vcpu.run()) is Exit.REACHED:
            hits.append((self.at(vcpu), vcpu.registers[1]))
            assert vcpu.step() is Exit.STEPPED
        assert reason is Exit.SYSCALL
        assert hits == [*((0x08, n) for n in range(ROUNDS)), (0x20, ROUNDS)]

    def test_a_breakpoint_at_pc_stops_again(self, opened: Engine, vcpu: Vcpu) -> None:
        opened.set_points([CODE], [])
        assert [vcpu.run(), vcpu.run()] == [Exit.REACHED, Exit.REACHED]
        assert self.at(vcpu) == 0

    def test_removed_breakpoints_do_not_stop(self, opened: Engine, vcpu: Vcpu) -> None:
        opened.set_points([CODE + 0x10], [])
        assert vcpu.run() is Exit.REACHED
        opened.set_points([], [])
        assert vcpu.run() is Exit.SYSCALL

    def test_a_vcpu_can_ignore_points(self, opened: Engine, vcpu: Vcpu) -> None:
        opened.set_points([CODE + 0x10], [Watchpoint(DATA, 8, READ | WRITE)])
        vcpu.heed_points(False)
        assert vcpu.run() is Exit.SYSCALL

    @pytest.mark.parametrize(
        ("watched", "expected"),
        [
            (Watchpoint(DATA, 8, WRITE), [*[(0x0C, DATA, WRITE)] * ROUNDS, (0x28, DATA, WRITE)]),
            (Watchpoint(DATA + 8, 4, READ), [(0x10, DATA + 8, READ)] * ROUNDS),
            (Watchpoint(DATA + 40, 1, WRITE), [(0x14, DATA + 40, WRITE)] * ROUNDS),
            (Watchpoint(DATA, 1, READ), [(0x20, DATA, READ)]),
            (Watchpoint(DATA + 0x100, 8, READ | WRITE), []),
        ],
        ids=["write", "part-of-a-read", "second-of-a-pair", "exclusive-read", "untouched"],
    )
    def test_watchpoints_stop_before_the_access(
        self,
        opened: Engine,
        vcpu: Vcpu,
        watched: Watchpoint,
        expected: list[tuple[int, int, Protection]],
    ) -> None:
        opened.set_points([], [watched])
        hits = []
        while (reason := vcpu.run()) is Exit.WATCHED:
            hits.append((self.at(vcpu), vcpu.fault_address, vcpu.fault_access))
            before = opened.memory.peek(DATA, 64)
            assert vcpu.step() is Exit.WATCHED, "a step heeds them too"
            assert opened.memory.peek(DATA, 64) == before
            opened.set_points([], [])
            assert vcpu.step() is Exit.STEPPED
            opened.set_points([], [watched])
        assert reason is Exit.SYSCALL
        # What other stops lie between an exclusive load and its store is the processor's business.
        assert hits[: len(expected)] == expected

    def test_clearing_memory_drops_points(self, opened: Engine, vcpu: Vcpu) -> None:
        opened.set_points([CODE], [])
        opened.memory.clear()
        memory = opened.memory
        memory.map_anonymous(CODE, 4096, READ | Protection.EXECUTE, shared=False)
        memory.map_anonymous(DATA, 4096, READ | WRITE, shared=False)
        memory.poke(CODE, b"".join(word.to_bytes(4, "little") for word in PROGRAM))
        assert vcpu.run() is Exit.SYSCALL

    def test_memory_is_seen_whatever_its_protection(self, opened: Engine, vcpu: Vcpu) -> None:
        memory = opened.memory
        memory.poke(DATA, b"secret")
        memory.protect(DATA, 4096, Protection.NONE)
        assert memory.peek(DATA, 6) == b"secret"
        assert memory.peek(DATA + 4090, 4096) == bytes(6)
        memory.poke(DATA, b"public")
        assert memory.peek(DATA, 6) == b"public"
        vcpu.registers[Register.PC] = CODE
        while (reason := vcpu.step()) is Exit.STEPPED:
            pass
        assert reason is Exit.FAULT, "the guest's own access is refused as before"
