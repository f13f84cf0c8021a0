"""Read and check an ELF program's headers (fs/binfmt_elf.c)."""

from __future__ import annotations

import os

from elfuse.record import Record
from elfuse.runtime.abi import elf
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.files.base import OpenFile

_MAX_HEADERS = 65536
_PATH_MAX = 4096


class Program(Record):
    """A checked program: its loadable segments, where it starts, which interpreter it wants."""

    file: OpenFile
    header: elf.Header
    segments: tuple[elf.ProgramHeader, ...]
    interpreter: bytes
    executable_stack: bool
    headers_address: int
    """Address of the program headers before relocation, 0 if no segment holds them."""

    @property
    def position_independent(self) -> bool:
        return self.header.e_type == elf.ET_DYN

    @property
    def lowest(self) -> int:
        return self.segments[0].p_vaddr

    @property
    def highest(self) -> int:
        return max(segment.p_vaddr + segment.p_memsz for segment in self.segments)

    @property
    def alignment(self) -> int:
        return max(segment.p_align for segment in self.segments)


def _bad() -> SyscallError:
    return SyscallError(Errno.ENOEXEC)


def read_program(file: OpenFile, limit: int) -> Program:
    """The program in a file; ENOEXEC if it is none or malformed. Addresses must end below `limit`."""
    fd = file.host_fd()
    size = os.fstat(fd).st_size
    raw = os.pread(fd, elf.Header.size, 0)
    if len(raw) < elf.Header.size or not raw.startswith(elf.MAGIC):
        raise _bad()
    header = elf.Header.unpack(raw)
    table = header.e_phnum * elf.ProgramHeader.size
    if (
        header.e_machine != elf.EM_AARCH64
        or header.e_type not in (elf.ET_EXEC, elf.ET_DYN)
        or header.e_phentsize != elf.ProgramHeader.size
        or not 0 < table <= _MAX_HEADERS
        or header.e_phoff + table > size
    ):
        raise _bad()
    data = os.pread(fd, table, header.e_phoff)
    if len(data) < table:
        raise _bad()
    headers = elf.ProgramHeader.unpack_all(data)
    segments = tuple(h for h in headers if h.p_type == elf.PT_LOAD and h.p_memsz)
    _check_segments(segments, size, limit)
    stack = [h for h in headers if h.p_type == elf.PT_GNU_STACK]
    return Program(
        file,
        header,
        segments,
        _interpreter(fd, headers),
        bool(stack and stack[-1].p_flags & elf.PF_X),
        _headers_address(header, segments),
    )


def _check_segments(segments: tuple[elf.ProgramHeader, ...], size: int, limit: int) -> None:
    if not segments:
        raise _bad()
    end = 0
    for segment in segments:
        align = segment.p_align
        if (
            segment.p_filesz > segment.p_memsz
            or segment.p_offset + segment.p_filesz > size
            or segment.p_vaddr < end
            or segment.p_vaddr + segment.p_memsz > limit
            or (segment.p_vaddr - segment.p_offset) % 4096
            or align & (align - 1)
            or align > 1 << 30
        ):
            raise _bad()
        end = segment.p_vaddr + segment.p_memsz


def _interpreter(fd: int, headers: list[elf.ProgramHeader]) -> bytes:
    found = next((h for h in headers if h.p_type == elf.PT_INTERP), None)
    if found is None:
        return b""
    if not 2 <= found.p_filesz <= _PATH_MAX:
        raise _bad()
    try:
        raw = os.pread(fd, found.p_filesz, found.p_offset)
    except (OSError, OverflowError):
        raise _bad() from None
    if len(raw) < found.p_filesz or raw[-1] or raw.index(0) == 0:
        raise _bad()
    return raw[: raw.index(0)]


def _headers_address(header: elf.Header, segments: tuple[elf.ProgramHeader, ...]) -> int:
    for segment in segments:
        if segment.p_offset <= header.e_phoff < segment.p_offset + segment.p_filesz:
            return segment.p_vaddr + header.e_phoff - segment.p_offset
    return 0
