"""ELF64 structures and constants that loading needs (elf.h, ELF for the Arm 64-bit Architecture)."""

from elfuse.runtime.abi.layout import Bytes, Struct, u16, u32, u64
from elfuse.typing import Annotated

MAGIC = b"\x7fELF\x02\x01\x01"
"""ELF, 64 bits, little-endian, version 1."""
EM_AARCH64 = 183
ET_EXEC, ET_DYN = 2, 3
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_PHDR, PT_GNU_STACK = 1, 2, 3, 6, 0x6474E551
PF_X, PF_W, PF_R = 1, 2, 4


class Header(Struct, size=64):
    """Elf64_Ehdr."""

    e_ident: Annotated[bytes, Bytes(16)]
    e_type: u16
    e_machine: u16
    e_version: u32 = 1
    e_entry: u64
    e_phoff: u64
    e_shoff: u64 = 0
    e_flags: u32 = 0
    e_ehsize: u16 = 64
    e_phentsize: u16 = 56
    e_phnum: u16
    e_shentsize: u16 = 64
    e_shnum: u16 = 0
    e_shstrndx: u16 = 0


class ProgramHeader(Struct, size=56):
    """Elf64_Phdr."""

    p_type: u32
    p_flags: u32
    p_offset: u64
    p_vaddr: u64
    p_paddr: u64 = 0
    p_filesz: u64
    p_memsz: u64
    p_align: u64


class Symbol(Struct, size=24):
    """Elf64_Sym."""

    st_name: u32
    st_info: Annotated[int, "B"]
    st_other: Annotated[int, "B"] = 0
    st_shndx: u16
    st_value: u64
    st_size: u64


class Dynamic(Struct, size=16):
    """Elf64_Dyn."""

    d_tag: u64
    d_val: u64


class VersionDefinition(Struct, size=28):
    """Elf64_Verdef with its one Elf64_Verdaux."""

    vd_version: u16 = 1
    vd_flags: u16
    vd_ndx: u16
    vd_cnt: u16 = 1
    vd_hash: u32
    vd_aux: u32 = 20
    vd_next: u32
    vda_name: u32
    vda_next: u32 = 0


class LinkMap(Struct, size=32):
    """The public beginning of struct link_map (link.h)."""

    l_addr: u64
    l_name: u64
    l_ld: u64
    l_next: u64
