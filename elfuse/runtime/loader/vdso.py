"""The vDSO: a small ELF shared object whose functions are the plain system calls.

No unwind table: like the kernel's own since 5.8, it leaves __kernel_rt_sigreturn to unwinders'
recognition of its two instructions, which restores every register of the interrupted frame.
"""

from __future__ import annotations

from elfuse.record import Record
from elfuse.runtime.abi import elf

_FUNCTIONS = {
    b"__kernel_clock_gettime": 113,
    b"__kernel_gettimeofday": 169,
    b"__kernel_clock_getres": 114,
    b"__kernel_rt_sigreturn": 139,
}
_SONAME, _VERSION = b"linux-vdso.so.1", b"LINUX_2.6.39"
_NOP, _SVC, _RET = 0xD503201F, 0xD4000001, 0xD65F03C0
_DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_STRSZ, _DT_SYMENT, _DT_SONAME = 4, 5, 6, 10, 11, 14
_DT_VERSYM, _DT_VERDEF, _DT_VERDEFNUM = 0x6FFFFFF0, 0x6FFFFFFC, 0x6FFFFFFD
_FUNCTION_INFO = 0x12  # STB_GLOBAL, STT_FUNC
_TEXT_SECTION = 1
_VER_FLG_BASE = 1


class Vdso(Record):
    """The image and the offset of __kernel_rt_sigreturn in it."""

    data: bytes
    sigreturn: int


def _hash(name: bytes) -> int:
    """The System V ABI's symbol hash."""
    value = 0
    for byte in name:
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ high >> 24) & ~high & 0xFFFFFFFF
    return value


_built: list[Vdso] = []


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "little") for value in values)


def vdso() -> Vdso:
    """Build it; once per process, a few hundred microseconds."""
    if not _built:
        _built.append(_build())
    return _built[0]


def _build() -> Vdso:
    strings = b"\0" + b"".join(name + b"\0" for name in (*_FUNCTIONS, _SONAME, _VERSION))
    headers = elf.Header.size + 2 * elf.ProgramHeader.size
    count = len(_FUNCTIONS) + 1
    # One hash bucket: a chain through all symbols.
    hash_table = _words(1, count, 1, 0, *range(2, count), 0)
    versions = b"".join(number.to_bytes(2, "little") for number in (0, *[2] * len(_FUNCTIONS)))
    base = elf.VersionDefinition(
        vd_flags=_VER_FLG_BASE, vd_ndx=1, vd_hash=_hash(_SONAME), vd_next=28,
        vda_name=strings.index(_SONAME),
    )  # fmt: skip
    own = elf.VersionDefinition(
        vd_flags=0, vd_ndx=2, vd_hash=_hash(_VERSION), vd_next=0, vda_name=strings.index(_VERSION)
    )
    at = headers
    hash_at = at
    symbols_at = _aligned(hash_at + len(hash_table))
    strings_at = symbols_at + count * elf.Symbol.size
    versions_at = _aligned(strings_at + len(strings))
    definitions_at = _aligned(versions_at + len(versions))
    dynamic_at = _aligned(definitions_at + 2 * elf.VersionDefinition.size)
    text_at = (dynamic_at + 10 * elf.Dynamic.size + 15) & -16
    text, symbols, sigreturn = _code(text_at, strings)
    dynamic = _dynamic(
        {
            _DT_SONAME: strings.index(_SONAME),
            _DT_HASH: hash_at,
            _DT_STRTAB: strings_at,
            _DT_SYMTAB: symbols_at,
            _DT_STRSZ: len(strings),
            _DT_SYMENT: elf.Symbol.size,
            _DT_VERSYM: versions_at,
            _DT_VERDEF: definitions_at,
            _DT_VERDEFNUM: 2,
            0: 0,
        }
    )
    end = text_at + len(text)
    image = bytearray(end)
    for start, part in (
        (0, _header()),
        (elf.Header.size, _program_headers(end, dynamic_at, len(dynamic))),
        (hash_at, hash_table),
        (symbols_at, symbols),
        (strings_at, strings),
        (versions_at, versions),
        (definitions_at, base.pack() + own.pack()),
        (dynamic_at, dynamic),
        (text_at, text),
    ):
        image[start : start + len(part)] = part
    return Vdso(bytes(image), sigreturn)


def _aligned(offset: int) -> int:
    return (offset + 7) & -8


def _header() -> bytes:
    return elf.Header(
        e_ident=elf.MAGIC.ljust(16, b"\0"),
        e_type=elf.ET_DYN,
        e_machine=elf.EM_AARCH64,
        e_entry=0,
        e_phoff=elf.Header.size,
        e_phnum=2,
    ).pack()


def _program_headers(end: int, dynamic_at: int, dynamic_size: int) -> bytes:
    load = elf.ProgramHeader(
        p_type=elf.PT_LOAD, p_flags=elf.PF_R | elf.PF_X, p_offset=0, p_vaddr=0,
        p_filesz=end, p_memsz=end, p_align=4096,
    )  # fmt: skip
    dynamic = elf.ProgramHeader(
        p_type=elf.PT_DYNAMIC, p_flags=elf.PF_R, p_offset=dynamic_at, p_vaddr=dynamic_at,
        p_filesz=dynamic_size, p_memsz=dynamic_size, p_align=8,
    )  # fmt: skip
    return load.pack() + dynamic.pack()


def _code(text_at: int, strings: bytes) -> tuple[bytes, bytes, int]:
    """Instructions, the symbol table, and the address of the signal trampoline."""
    text = bytearray()
    symbols = bytearray(elf.Symbol.size)
    address = 0
    for name, number in _FUNCTIONS.items():
        # Unwinders look at the instruction before a return address.
        text += _words(_NOP)
        address = text_at + len(text)
        symbols += elf.Symbol(
            st_name=strings.index(name), st_info=_FUNCTION_INFO, st_shndx=_TEXT_SECTION,
            st_value=address, st_size=12,
        ).pack()  # fmt: skip
        text += _words(0xD2800008 | number << 5, _SVC, _RET)
    return bytes(text), bytes(symbols), address


def _dynamic(entries: dict[int, int]) -> bytes:
    return b"".join(elf.Dynamic(d_tag=tag, d_val=value).pack() for tag, value in entries.items())
