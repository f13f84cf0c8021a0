"""Where a run maps things: drawn at random once, then the same for program after program.

Code that the engine has met is only of use at the place where it was met. Where translations are kept
between runs, what is mapped from files has its place by its length instead.
"""

import os

from elfuse.runtime.abi.mman import PROT_EXEC, PROT_NONE
from elfuse.runtime.files.base import OpenFile

_PAGE = 4096
_STACK_SPREAD, _MMAP_SPREAD, _PROGRAM_SPREAD = 1 << 30, 1 << 28, 1 << 30
_GAP = 128 << 20
"""Least distance between the stack's top and the mmap area (mm/util.c: mmap_base)."""
_KEPT = 256

Key = tuple[int, ...]


def _random(below: int) -> int:
    """A page-aligned number."""
    return int.from_bytes(os.urandom(8)) % below // _PAGE * _PAGE


class Places:
    """Of one address space; execve keeps it, a fork's child has a copy."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.draw()

    def draw(self) -> None:
        """Other places from now on, for a program that must not be found by its parent's."""
        self._mmap, self._program = _random(_MMAP_SPREAD), _random(_PROGRAM_SPREAD)
        self._met: dict[Key, int] = {}
        self.begin(randomize=True)

    def begin(self, *, randomize: bool) -> None:
        """Another program is loaded; its stack is somewhere else in any case."""
        stack = _random(_STACK_SPREAD) if randomize else 0
        self.stack_top = self._limit - stack
        self.mmap_base = self._limit - _STACK_SPREAD - _GAP - (self._mmap if randomize else 0)
        # Two thirds up, as fs/binfmt_elf.c: ELF_ET_DYN_BASE.
        self.program_base = self._limit // 3 * 2 + (self._program if randomize else 0) & -_PAGE
        self._hoped = dict(self._met) if randomize else {}

    @staticmethod
    def key(length: int, protection: int, file: OpenFile | None) -> Key:
        """What programs map alike; empty for what is not worth it.

        Code of a file, or the space that the dynamic linker takes for a file of many segments.
        """
        if file is None:
            return (length,) if protection == PROT_NONE else ()
        if not protection & PROT_EXEC:
            return ()
        status = os.fstat(file.host_fd())
        return length, status.st_dev, status.st_ino

    def hoped(self, key: Key) -> int | None:
        """Where a program before had it, once per program."""
        return self._hoped.pop(key, None)

    def note(self, key: Key, start: int) -> None:
        if len(self._met) >= _KEPT:
            self._met.clear()
        self._met.setdefault(key, start)
