"""The shared engine suite on the Rust engine."""

import os
from pathlib import Path

import pytest

from elfuse.engine import open_engine
from elfuse.engine.jit import JitEngine
from elfuse.engine.protocol import Engine, Exit, Register
from tests.suites.debugging import DebuggingSuite
from tests.suites.engine import CODE, DATA, READ_EXECUTE, READ_WRITE, SVC_0, EngineSuite
from tests.support import need_engine


class TestJit(EngineSuite, DebuggingSuite):
    @pytest.fixture
    def opened(self) -> Engine:
        need_engine("jit")
        return open_engine("jit")


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
