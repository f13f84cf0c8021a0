"""What every engine must do, whatever it is made of."""

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from elfuse.engine.protocol import Change, Engine, Exit, Protection, Register, Segment, Vcpu

CODE, DATA = 0x400000, 0x500000
READ_WRITE = Protection.READ | Protection.WRITE
READ_EXECUTE = Protection.READ | Protection.EXECUTE

MOVZ_X0_5 = 0xD28000A0
SVC_0 = 0xD4000001
LDR_X1_X2 = 0xF9400041
STR_X1_X3 = 0xF9000061
BR_X4 = 0xD61F0080
UDF = 0x00000000
BRK_7 = 0xD42000E0
BRANCH_SELF = 0x14000000
LDADD_W6_W7_X9 = 0xB8260127  # ldadd w6, w7, [x9]
SUBS_X8_1 = 0xF1000508
BNE_BACK_2 = 0x54FFFFC1
FADD_D0 = 0x1E602800  # fadd d0, d0, d0
MRS_MIDR = 0xD5380005


class EngineSuite:
    """Subclasses provide `opened`, a fixture with a fresh engine."""

    def load(self, opened: Engine, *words: int) -> Vcpu:
        """A vCPU at the beginning of these instructions."""
        memory = opened.memory
        memory.map_anonymous(CODE, 4096, READ_EXECUTE, shared=False)
        memory.map_anonymous(DATA, 4096, READ_WRITE, shared=False)
        self.write(opened, CODE, words)
        vcpu = opened.vcpu()
        vcpu.registers[Register.PC] = CODE
        return vcpu

    def write(self, opened: Engine, address: int, words: Sequence[int]) -> None:
        data = b"".join(word.to_bytes(4, "little") for word in words)
        opened.memory.poke(address, data)

    def test_system_call_leaves_pc_behind_the_instruction(self, opened: Engine) -> None:
        vcpu = self.load(opened, MOVZ_X0_5, SVC_0)
        assert vcpu.run() is Exit.SYSCALL
        assert vcpu.registers[0] == 5
        assert vcpu.registers[Register.PC] == CODE + 8

    def test_faults_name_address_and_access(self, opened: Engine) -> None:
        vcpu = self.load(opened, LDR_X1_X2, STR_X1_X3, BR_X4)
        registers = vcpu.registers
        registers[2], registers[3], registers[4] = 0xDEAD0008, CODE + 8, 0x700010
        assert vcpu.run() is Exit.FAULT
        assert (vcpu.fault_address, vcpu.fault_access) == (0xDEAD0008, Protection.READ)
        assert registers[Register.PC] == CODE
        registers[Register.PC] = CODE + 4
        assert vcpu.run() is Exit.FAULT
        assert (vcpu.fault_address, vcpu.fault_access) == (CODE + 8, Protection.WRITE)
        registers[Register.PC] = CODE + 8
        assert vcpu.run() is Exit.FAULT
        assert (vcpu.fault_address, vcpu.fault_access) == (0x700010, Protection.EXECUTE)

    def test_undefined_and_breakpoint_stay_at_the_instruction(self, opened: Engine) -> None:
        vcpu = self.load(opened, UDF, BRK_7, MRS_MIDR)
        assert vcpu.run() is Exit.UNDEFINED
        assert vcpu.registers[Register.PC] == CODE
        vcpu.registers[Register.PC] = CODE + 4
        assert vcpu.run() is Exit.BREAKPOINT
        assert vcpu.registers[Register.PC] == CODE + 4
        vcpu.registers[Register.PC] = CODE + 8
        assert vcpu.run() is Exit.UNDEFINED

    def test_interrupt_ends_a_tight_loop(self, opened: Engine) -> None:
        vcpu = self.load(opened, BRANCH_SELF)
        threading.Timer(0.05, vcpu.interrupt).start()
        assert vcpu.run() is Exit.INTERRUPTED
        assert vcpu.registers[Register.PC] == CODE

    def test_interrupt_before_run_is_not_lost(self, opened: Engine) -> None:
        vcpu = self.load(opened, BRANCH_SELF)
        vcpu.interrupt()
        assert vcpu.run() is Exit.INTERRUPTED

    def test_interrupts_do_not_repeat_instructions(self, opened: Engine) -> None:
        vcpu = self.load(opened, LDADD_W6_W7_X9, SUBS_X8_1, BNE_BACK_2, SVC_0)
        registers = vcpu.registers
        registers[6], registers[8], registers[9] = 1, 20_000_000, DATA
        done = threading.Event()

        def disturb() -> None:
            while not done.is_set():
                vcpu.interrupt()
                time.sleep(0.0002)

        thread = threading.Thread(target=disturb)
        thread.start()
        interrupted = 0
        while vcpu.run() is Exit.INTERRUPTED:
            interrupted += 1
        done.set()
        thread.join()
        assert interrupted > 3
        assert int.from_bytes(opened.memory.view[DATA : DATA + 4], "little") == 20_000_000

    def test_vcpus_share_memory(self, opened: Engine) -> None:
        code = (LDADD_W6_W7_X9, SUBS_X8_1, BNE_BACK_2, SVC_0)
        vcpus = [self.load(opened, *code), opened.vcpu(), opened.vcpu()]

        def count(vcpu: Vcpu) -> None:
            registers = vcpu.registers
            registers[Register.PC] = CODE
            registers[6], registers[8], registers[9] = 1, 200_000, DATA
            assert vcpu.run() is Exit.SYSCALL

        threads = [threading.Thread(target=count, args=(vcpu,)) for vcpu in vcpus]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert int.from_bytes(opened.memory.view[DATA : DATA + 4], "little") == 600_000

    def test_changed_code_is_executed(self, opened: Engine) -> None:
        vcpu = self.load(opened, MOVZ_X0_5, SVC_0)
        assert vcpu.run() is Exit.SYSCALL
        self.write(opened, CODE, (0xD28000E0, SVC_0))
        vcpu.registers[Register.PC] = CODE
        assert vcpu.run() is Exit.SYSCALL
        assert vcpu.registers[0] == 7

    def test_protection_takes_effect_at_once(self, opened: Engine) -> None:
        vcpu = self.load(opened, STR_X1_X3, SVC_0)
        vcpu.registers[3] = DATA
        assert vcpu.run() is Exit.SYSCALL
        opened.memory.protect(DATA, 4096, Protection.READ)
        vcpu.registers[Register.PC] = CODE
        assert vcpu.run() is Exit.FAULT
        opened.memory.unmap(DATA, 4096)
        assert vcpu.run() is Exit.FAULT

    def test_vector_registers_come_and_go(self, opened: Engine) -> None:
        vcpu = self.load(opened, FADD_D0, SVC_0)
        vcpu.load_simd()
        vcpu.registers[Register.V0] = 0x4004000000000000  # 2.5
        vcpu.store_simd()
        assert vcpu.run() is Exit.SYSCALL
        vcpu.load_simd()
        assert vcpu.registers[Register.V0] == 0x4014000000000000  # 5.0

    def test_moved_pages_keep_their_content(self, opened: Engine) -> None:
        self.load(opened, SVC_0)
        opened.memory.view[DATA : DATA + 4] = b"kept"
        opened.memory.move(DATA, DATA + 0x10000, 4096)
        assert bytes(opened.memory.view[DATA + 0x10000 : DATA + 0x10004]) == b"kept"

    def test_program_is_mapped_as_its_headers_say(self, opened: Engine, tmp_path: Path) -> None:
        path = tmp_path / "program"
        code = b"".join(word.to_bytes(4, "little") for word in (MOVZ_X0_5, STR_X1_X3, SVC_0))
        path.write_bytes(code.ljust(4096, b"c") + b"d" * 100 + b"not mapped")
        segments = (
            Segment(0, 4096, 4096, 0, READ_EXECUTE),
            Segment(0x11000, 0x2100, 100, 4096, READ_WRITE),
            Segment(0x20010, 0x20, 0, 0, READ_WRITE),
        )
        memory = opened.memory
        with path.open("rb") as file:
            changes = memory.map_program(segments, CODE, file.fileno())
        data = CODE + 0x11000
        assert changes == [
            (Change.FILE, CODE, CODE + 4096, READ_EXECUTE, 0, 0),
            (Change.FILE, data, data + 4096, READ_WRITE, 0, 4096),
            (Change.ANONYMOUS, data + 4096, data + 0x3000, READ_WRITE, 0, 0),
            (Change.ANONYMOUS, CODE + 0x20000, CODE + 0x21000, READ_WRITE, 0, 0),
        ]
        assert memory.peek(data, 0x3000) == (b"d" * 100).ljust(0x3000, b"\0")
        assert memory.peek(CODE + 0x20000, 8192) == bytes(4096)
        vcpu = opened.vcpu()
        registers = vcpu.registers
        registers[Register.PC], registers[1], registers[3] = CODE, 7, data + 0x2FF8
        assert vcpu.run() is Exit.SYSCALL
        assert (registers[0], memory.peek(data + 0x2FF8, 1)) == (5, b"\7")
        registers[Register.PC], registers[3] = CODE, data + 0x3000
        assert vcpu.run() is Exit.FAULT

    def test_segment_may_begin_within_a_page(self, opened: Engine, tmp_path: Path) -> None:
        path = tmp_path / "program"
        path.write_bytes(b"h" * 0x80 + b"text")
        with path.open("rb") as file:
            opened.memory.map_program(
                [Segment(0x1080, 8, 4, 0x80, READ_WRITE)], CODE, file.fileno()
            )
        expected = b"h" * 0x80 + b"text"
        assert opened.memory.peek(CODE + 0x1000, 4096) == expected.ljust(4096, b"\0")

    def test_pages_get_their_protection_when_the_file_has_them(
        self, opened: Engine, tmp_path: Path
    ) -> None:
        vcpu = self.load(opened, STR_X1_X3, SVC_0)
        memory, registers = opened.memory, vcpu.registers
        path = tmp_path / "file"
        path.write_bytes(b"x")
        with path.open("rb") as file:
            memory.map_file(DATA, 8192, Protection.READ, file.fileno(), 0, shared=False)
        memory.protect(DATA + 4096, 4096, READ_WRITE)
        registers[1], registers[3] = 7, DATA + 4096
        assert vcpu.run() is Exit.FAULT
        os.truncate(path, 8192)
        memory.reveal(DATA + 4096, 4096, READ_WRITE)
        assert vcpu.run() is Exit.SYSCALL
        assert memory.peek(DATA + 4096, 1) == b"\7"

    def test_quick_copies_do_only_what_the_guest_may(self, opened: Engine) -> None:
        """They may refuse anything, but what they do is right."""
        memory = opened.memory
        memory.map_anonymous(DATA, 8192, READ_WRITE, shared=False)
        memory.poke(DATA + 4090, b"text\0\0")
        memory.poke(DATA, b"".join(n.to_bytes(8, "little") for n in (DATA + 4090, DATA + 4092, 0)))
        assert memory.load(DATA + 4090, 6) in (None, b"text\0\0")
        assert memory.text(DATA + 4090, 5) in (None, b"text")
        assert memory.text(DATA + 4090, 4) is None
        assert memory.texts(DATA, 5) in (None, [b"text", b"xt"])
        assert memory.texts(DATA, 4) is None
        if memory.store(DATA + 4095, b"1234567890"):
            assert memory.peek(DATA + 4095, 10) == b"1234567890"
        memory.protect(DATA + 4096, 4096, Protection.READ)
        before = memory.peek(DATA + 4096, 4096)
        assert not memory.store(DATA + 4095, b"abcdefghijkl")
        assert not memory.store(memory.limit - 1, b"ab")
        assert not memory.store(1 << 64, b"ab")
        assert memory.peek(DATA + 4096, 4096) == before
        memory.protect(DATA + 4096, 4096, Protection.NONE)
        assert memory.load(DATA + 4095, 2) is None
        assert memory.load(memory.limit - 1, 2) is None
        assert memory.load(DATA, 1 << 63) is None
        assert memory.text(DATA + 4096, 10) is None
        assert memory.texts(DATA + 4090, 10) is None
