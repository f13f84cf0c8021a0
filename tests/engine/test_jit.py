"""The shared engine suite on the Rust engine."""

import os
from pathlib import Path

import pytest

from elfuse.engine import open_engine
from elfuse.engine.jit import JitEngine
from elfuse.engine.protocol import Ability, Change, Engine, Exit, Register, Vcpu
from tests.suites.debugging import DebuggingSuite
from tests.suites.engine import (
    BRK_7,
    CODE,
    DATA,
    READ_EXECUTE,
    READ_WRITE,
    SVC_0,
    EngineSuite,
)
from tests.support import need_engine


class TestJit(EngineSuite, DebuggingSuite):
    @pytest.fixture
    def opened(self) -> Engine:
        need_engine("jit")
        return open_engine("jit")


class TestAnsweredMappings:
    """Mapping calls that the engine answers, and what it tells of them."""

    HEAP, BASE = 0x1000_0000, 0x7F_0000_0000
    ANONYMOUS, FIXED = 0x22, 0x10

    @pytest.fixture
    def opened(self) -> JitEngine:
        need_engine("jit")
        engine = open_engine("jit")
        assert isinstance(engine, JitEngine)
        return engine

    @pytest.fixture
    def vcpu(self, opened: JitEngine) -> Vcpu:
        """One whose calls are answered, with the file descriptor 3."""
        memory = opened.memory
        memory.map_anonymous(CODE, 4096, READ_EXECUTE, shared=False)
        memory.poke(CODE, b"".join(word.to_bytes(4, "little") for word in (SVC_0, BRK_7)))
        vcpu, descriptors = opened.vcpu(), opened.descriptors()
        assert descriptors is not None
        self.descriptors = descriptors
        vcpu.answer_calls(1, 1, descriptors)
        memory.serve_calls(self.HEAP, self.HEAP, self.BASE)
        return vcpu

    def call(self, vcpu: Vcpu, number: int, *arguments: int) -> int | None:
        """The answer; None if it is left to the kernel part."""
        registers = vcpu.registers
        registers[Register.PC], registers[8] = CODE, number
        for index, value in enumerate((*arguments, *[0] * 6)[:6]):
            registers[index] = value & 0xFFFF_FFFF_FFFF_FFFF
        return registers[0] if vcpu.run() is Exit.BREAKPOINT else None

    def map(self, vcpu: Vcpu, *arguments: int) -> int | None:
        return self.call(vcpu, 222, *arguments)

    def test_heap(self, opened: JitEngine, vcpu: Vcpu) -> None:
        memory = opened.memory
        assert self.call(vcpu, 214, 0) == self.HEAP
        assert not memory.is_ahead()
        assert self.call(vcpu, 214, self.HEAP + 5000) == self.HEAP + 5000
        assert self.call(vcpu, 214, self.HEAP + 5001) == self.HEAP + 5001
        assert self.call(vcpu, 214, self.HEAP) is None
        grown = (Change.HEAP, self.HEAP, self.HEAP + 8192, 0, 0, self.HEAP + 5001)
        assert memory.is_ahead()
        assert memory.take_changes() == [grown]
        assert not memory.is_ahead()
        # A page below the next mapping it ends.
        memory.map_anonymous(self.HEAP + 0x10000, 4096, READ_WRITE, shared=False)
        assert self.call(vcpu, 214, self.HEAP + 0xF001) is None
        assert self.call(vcpu, 214, self.HEAP + 0xF000) == self.HEAP + 0xF000

    def test_anonymous_memory(self, opened: JitEngine, vcpu: Vcpu) -> None:
        first = self.map(vcpu, 0, 5000, 3, self.ANONYMOUS, -1)
        assert first == self.BASE - 8192
        assert self.map(vcpu, 0, 4096, 3, self.ANONYMOUS, -1) == first - 4096
        assert self.call(vcpu, 226, first, 4096, 1) == 0
        assert self.call(vcpu, 215, first - 4096, 8192) == 0
        assert self.map(vcpu, first, 4096, 1, self.ANONYMOUS | self.FIXED, -1) == first
        assert opened.memory.take_changes() == [
            (Change.ANONYMOUS, first, first + 8192, 3, 0, 0),
            (Change.ANONYMOUS, first - 4096, first, 3, 0, 0),
            (Change.PROTECTED, first, first + 4096, 1, 0, 0),
            (Change.UNMAPPED, first - 4096, first + 4096, 0, 0, 0),
            (Change.ANONYMOUS, first, first + 4096, 1, 0, 0),
        ]
        assert opened.memory.peek(first, 4096) == bytes(4096)

    def test_file(self, opened: JitEngine, vcpu: Vcpu, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"1" * 4096 + b"2" * 4096)
        place = 0x2000_0000
        with path.open("rb") as file:
            fixed = (place, 4096, 1, 2 | self.FIXED, 3, 4096)
            self.descriptors.set(3, file.fileno(), int(Ability.OPEN | Ability.READ))
            assert self.map(vcpu, *fixed) is None
            assert not self.descriptors.remove(3)
            self.descriptors.set(3, file.fileno(), int(Ability.READ | Ability.MAP))
            assert self.map(vcpu, *fixed) == place
            free = self.BASE - 8192
            assert self.map(vcpu, 0, 5000, 1, 2, 3, 0) == free
            # Code has a place in every run, or is for the kernel part.
            assert self.map(vcpu, 0, 4096, 5, 2, 3, 0) is None
            assert self.descriptors.remove(3)
        assert opened.memory.take_changes() == [
            (Change.FILE, place, place + 4096, 1, 3, 4096),
            (Change.FILE, free, free + 8192, 1, 3, 0),
        ]
        assert opened.memory.peek(place, 5000) == b"2" * 4096

    @pytest.mark.parametrize(
        ("number", "arguments"),
        [
            (222, (0, 0, 3, 0x22, -1, 0)),
            (222, (0, 1 << 63, 3, 0x22, -1, 0)),
            (222, (0, -1, 3, 0x22, -1, 0)),
            (222, (0, 4096, 3, 0x21, -1, 0)),
            (222, (0, 4096, 3, 0x122, -1, 0)),
            (222, (0x3000_0000, 4096, 3, 0x22, -1, 0)),
            (222, (0x3000_0001, 4096, 3, 0x32, -1, 0)),
            (222, (0x1000, 4096, 3, 0x32, -1, 0)),
            (222, ((1 << 39) - 4096, 8192, 3, 0x32, -1, 0)),
            (222, (0, 4096, 3, 0x22, -1, 5)),
            (222, (0, 4096, 8, 0x22, -1, 0)),
            (222, (0, 4096, 1, 2, 77, 0)),
            (215, (0x3000_0001, 4096)),
            (215, (0x3000_0000, 0)),
            (215, (0x3000_0000, 1 << 63)),
            (226, (0x3000_0001, 4096, 1)),
            (226, (0x3000_0000, 4096, 1)),
            (226, (CODE, 8192, 1)),
            (226, (CODE, 4096, 0x0100_0001)),
            (214, (1 << 39,)),
            (214, (-1,)),
        ],
    )
    def test_what_the_kernel_part_has_to_say(
        self, opened: JitEngine, vcpu: Vcpu, number: int, arguments: tuple[int, ...]
    ) -> None:
        assert self.call(vcpu, number, *arguments) is None
        assert not opened.memory.is_ahead()

    def test_no_pages_are_no_change(self, opened: JitEngine, vcpu: Vcpu) -> None:
        opened.memory.map_anonymous(DATA, 8192, READ_WRITE, shared=False)
        for address in (DATA, DATA + 4096, DATA + 8192, 0x3000_0000):
            assert self.call(vcpu, 226, address, 0, 0) == 0
        assert not opened.memory.is_ahead()

    def test_files_that_are_held_are_let_go(
        self, opened: JitEngine, vcpu: Vcpu, tmp_path: Path
    ) -> None:
        path = tmp_path / "file"
        path.write_bytes(bytes(4096))
        with path.open("rb") as file:
            opened.memory.map_file(DATA, 4096, READ_WRITE, file.fileno(), 0, shared=False)
        assert self.call(vcpu, 215, DATA, 4096) is None
        assert self.map(vcpu, DATA, 4096, 3, self.ANONYMOUS | self.FIXED, -1) is None
        assert self.call(vcpu, 226, DATA, 4096, 1) == 0

    def test_shared_memory_is_left_alone(self, opened: JitEngine, vcpu: Vcpu) -> None:
        opened.memory.map_anonymous(DATA, 4096, READ_WRITE, shared=True)
        assert self.call(vcpu, 226, DATA, 4096, 1) is None
        assert self.call(vcpu, 215, DATA, 4096) is None
        assert self.map(vcpu, DATA, 4096, 3, self.ANONYMOUS | self.FIXED, -1) is None
        assert not opened.memory.is_ahead()

    def test_it_ends(self, opened: JitEngine, vcpu: Vcpu) -> None:
        assert self.map(vcpu, 0, 4096, 3, self.ANONYMOUS, -1) is not None
        opened.memory.stop_calls()
        assert self.map(vcpu, 0, 4096, 3, self.ANONYMOUS, -1) is None
        assert self.call(vcpu, 214, 0) is None
        assert len(opened.memory.take_changes()) == 1
        opened.memory.serve_calls(self.HEAP, self.HEAP, self.BASE)
        assert self.map(vcpu, 0, 4096, 3, self.ANONYMOUS, -1) is not None
        opened.memory.clear()
        assert not opened.memory.is_ahead()

    def test_too_many_changes_are_asked_for(self, opened: JitEngine, vcpu: Vcpu) -> None:
        answered = 0
        while self.map(vcpu, 0, 4096, 3, self.ANONYMOUS, -1) is not None:
            answered += 1
        assert len(opened.memory.take_changes()) == answered > 100
        assert self.map(vcpu, 0, 4096, 3, self.ANONYMOUS, -1) is not None


class TestCodeThatOutlivesExecve:
    """What was decoded of a file is there again when the file is, and only then."""

    @pytest.fixture
    def opened(self) -> JitEngine:
        need_engine("jit")
        engine = open_engine("jit")
        assert isinstance(engine, JitEngine)
        engine.memory.settle(0)
        return engine

    def program(self, path: Path, result: int) -> None:
        """A file whose first page returns a number, in place of what it held."""
        words = (0xD2800000 | result << 5, SVC_0)
        with path.open("r+b" if path.exists() else "wb") as file:
            file.write(b"".join(word.to_bytes(4, "little") for word in words).ljust(4096, b"\0"))

    def map(self, opened: JitEngine, path: Path, at: int = CODE) -> None:
        with path.open("rb") as file:
            opened.memory.map_file(at, 4096, READ_EXECUTE, file.fileno(), 0, shared=False)

    def run(self, opened: JitEngine, at: int = CODE) -> tuple[Exit, int]:
        vcpu = opened.vcpu()
        vcpu.registers[Register.PC] = at
        return vcpu.run(), vcpu.registers[0]

    def test_the_same_file_at_the_same_place(self, opened: JitEngine, tmp_path: Path) -> None:
        self.program(tmp_path / "five", 5)
        for _ in range(3):
            self.map(opened, tmp_path / "five")
            assert self.run(opened) == (Exit.SYSCALL, 5)
            opened.memory.clear()

    def test_without_the_file_there_is_nothing(self, opened: JitEngine, tmp_path: Path) -> None:
        self.program(tmp_path / "five", 5)
        self.map(opened, tmp_path / "five")
        assert self.run(opened) == (Exit.SYSCALL, 5)
        opened.memory.clear()
        assert self.run(opened)[0] is Exit.FAULT
        opened.memory.map_anonymous(CODE, 4096, READ_EXECUTE, shared=False)
        assert self.run(opened)[0] is Exit.UNDEFINED

    def test_another_file_at_the_same_place(self, opened: JitEngine, tmp_path: Path) -> None:
        self.program(tmp_path / "five", 5)
        self.program(tmp_path / "six", 6)
        for name, result in (("five", 5), ("six", 6), ("five", 5)):
            self.map(opened, tmp_path / name)
            assert self.run(opened) == (Exit.SYSCALL, result)
            opened.memory.clear()

    def test_the_same_file_at_another_place(self, opened: JitEngine, tmp_path: Path) -> None:
        self.program(tmp_path / "five", 5)
        for at in (CODE, DATA, CODE):
            self.map(opened, tmp_path / "five", at)
            assert self.run(opened, at) == (Exit.SYSCALL, 5)
            opened.memory.clear()
            assert self.run(opened, at)[0] is Exit.FAULT

    def test_a_file_that_was_changed(self, opened: JitEngine, tmp_path: Path) -> None:
        path = tmp_path / "program"
        for result in (5, 6, 7):
            self.program(path, result)
            # Clocks of filesystems are coarse, which is what `settle` is about.
            os.utime(path, ns=(result, result))
            self.map(opened, path)
            assert self.run(opened) == (Exit.SYSCALL, result)
            opened.memory.clear()

    def test_pages_that_were_written_to(self, opened: JitEngine, tmp_path: Path) -> None:
        self.program(tmp_path / "five", 5)
        self.map(opened, tmp_path / "five")
        assert self.run(opened) == (Exit.SYSCALL, 5)
        opened.memory.protect(CODE, 4096, READ_WRITE)
        opened.memory.view[CODE : CODE + 4] = (0xD2800000 | 9 << 5).to_bytes(4, "little")
        opened.memory.protect(CODE, 4096, READ_EXECUTE)
        assert self.run(opened) == (Exit.SYSCALL, 9)
        opened.memory.clear()
        self.map(opened, tmp_path / "five")
        assert self.run(opened) == (Exit.SYSCALL, 5)

    def test_one_page_of_many(self, opened: JitEngine, tmp_path: Path) -> None:
        """As the dynamic linker does: all of the file, then something else over a part of it."""
        path = tmp_path / "library"
        with path.open("wb") as file:
            for result in range(8):
                words = (0xD2800000 | result << 5, SVC_0)
                code = b"".join(word.to_bytes(4, "little") for word in words)
                file.write(code.ljust(4096, b"\0"))
        for _ in range(3):
            with path.open("rb") as file:
                opened.memory.map_file(CODE, 8 * 4096, READ_EXECUTE, file.fileno(), 0, shared=False)
            opened.memory.map_anonymous(CODE + 3 * 4096, 4096, READ_EXECUTE, shared=False)
            for page in (0, 1, 2, 4, 5, 6, 7):
                assert self.run(opened, CODE + page * 4096) == (Exit.SYSCALL, page)
            assert self.run(opened, CODE + 3 * 4096)[0] is Exit.UNDEFINED
            opened.memory.clear()
