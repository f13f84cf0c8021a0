"""Read and check an ELF program's headers (fs/binfmt_elf.c)."""

from __future__ import annotations

import os

from elfuse.engine.protocol import Protection, Segment
from elfuse.record import Record
from elfuse.runtime.abi import elf
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.files.base import OpenFile

HEAD = 1024
"""Bytes at the beginning of a file that nearly always hold all its headers."""
_MAX_HEADERS = 65536
_PATH_MAX = 4096
_MAX_ALIGNMENT = 1 << 30


_PROTECTIONS = tuple(
    (bool(flags & elf.PF_R) and int(Protection.READ))
    | (bool(flags & elf.PF_W) and int(Protection.WRITE))
    | (bool(flags & elf.PF_X) and int(Protection.EXECUTE))
    for flags in range(8)
)
"""By the lowest bits of p_flags."""


class Program(Record):
    """A checked program. Addresses are those before relocation."""

    file: OpenFile
    position_independent: bool
    entry: int
    segments: tuple[Segment, ...]
    """At least one, in order of addresses, without overlap."""
    highest: int
    """End of the last segment."""
    alignment: int
    """The largest that a segment asks for."""
    interpreter: bytes
    executable_stack: bool
    headers_address: int
    """Address of the program headers, 0 if no segment holds them."""
    headers: int
    """How many there are."""

    @property
    def lowest(self) -> int:
        return self.segments[0].vaddr


def _bad() -> SyscallError:
    return SyscallError(Errno.ENOEXEC)


def read_head(file: OpenFile) -> bytes:
    """The beginning of a file, for `read_program` and to find `#!`."""
    return os.pread(file.host_fd(), HEAD, 0)


def read_program(file: OpenFile, head: bytes, limit: int) -> Program:
    """The program in a file that begins with `head`.

    ENOEXEC if it is none or malformed. Addresses must end below `limit`.
    """
    if len(head) < elf.Header.size or not head.startswith(elf.MAGIC):
        raise _bad()
    fd = file.host_fd()
    size = os.fstat(fd).st_size
    # One loop over plain tuples: a fresh child pays for each function that it calls first.
    (
        _ident,
        kind,
        machine,
        _version,
        entry,
        table,
        _sections,
        _flags,
        _size,
        each,
        count,
        *_rest,
    ) = elf.Header.layout().codec.unpack_from(head)
    length = count * elf.ProgramHeader.size
    if (
        machine != elf.EM_AARCH64
        or kind not in (elf.ET_EXEC, elf.ET_DYN)
        or each != elf.ProgramHeader.size
        or not 0 < length <= _MAX_HEADERS
        or table + length > size
    ):
        raise _bad()
    data = head[table : table + length]
    if len(data) < length:
        data = os.pread(fd, length, table)
        if len(data) < length:
            raise _bad()
    segments: list[Segment] = []
    interpreter: tuple[int, int] | None = None
    end = alignment = headers_address = stack = 0
    for (
        p_type,
        flags,
        offset,
        vaddr,
        _paddr,
        filesz,
        memsz,
        align,
    ) in elf.ProgramHeader.layout().codec.iter_unpack(data):
        if p_type == elf.PT_LOAD and memsz:
            if (
                filesz > memsz
                or offset + filesz > size
                or vaddr < end
                or vaddr + memsz > limit
                or (vaddr - offset) % 4096
                or align & (align - 1)
                or align > _MAX_ALIGNMENT
            ):
                raise _bad()
            end = vaddr + memsz
            alignment = max(alignment, align)
            if not headers_address and offset <= table < offset + filesz:
                headers_address = vaddr + table - offset
            segments.append(Segment(vaddr, memsz, filesz, offset, _PROTECTIONS[flags & 7]))
        elif p_type == elf.PT_INTERP and interpreter is None:
            interpreter = offset, filesz
        elif p_type == elf.PT_GNU_STACK:
            stack = flags
    if not segments:
        raise _bad()
    return Program(
        file,
        kind == elf.ET_DYN,
        entry,
        tuple(segments),
        end,
        alignment,
        _interpreter(fd, head, *interpreter) if interpreter else b"",
        bool(stack & elf.PF_X),
        headers_address,
        count,
    )


def _interpreter(fd: int, head: bytes, offset: int, length: int) -> bytes:
    if not 2 <= length <= _PATH_MAX:
        raise _bad()
    raw = head[offset : offset + length]
    if len(raw) < length:
        try:
            raw = os.pread(fd, length, offset)
        except (OSError, OverflowError):
            raise _bad() from None
    end = raw.find(0)
    if len(raw) < length or raw[-1] or end == 0:
        raise _bad()
    return raw[:end]
