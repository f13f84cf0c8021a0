"""Which libraries the dynamic linker has loaded, as it tells debuggers (struct r_debug in link.h)."""

from __future__ import annotations

from elfuse.record import Record
from elfuse.runtime.abi import auxv as at
from elfuse.runtime.abi import elf
from elfuse.runtime.gdb.peers import Refused
from elfuse.typing import Callable, Iterator

Read = Callable[[int, int], bytes]
_DT_DEBUG = 21
_R_MAP_AT = 8
_MOST = 4096
"""A damaged list may be a circle."""
_LONGEST_NAME = 4096
_PIECE = 256


class Library(Record):
    """A `struct link_map`: where it is, and what it says."""

    link_map: int
    base: int
    """Difference between addresses in memory and in the file."""
    dynamic: int
    name: bytes


def loaded_libraries(vector: bytes, read: Read) -> tuple[int, list[Library]]:
    """The link map of the program itself (0 if there is none yet), and its libraries.

    `vector` is the process's auxv, `read` reads its memory. What cannot be read ends the list.
    """
    try:
        slot = debug_slot(vector, read)
        debug = _word(read, slot) if slot else 0
        first = _word(read, debug + _R_MAP_AT) if debug else 0
        main = list(_chain(read, first))
    except Refused:
        return 0, []
    # The first is the program, which has no name; the vDSO has no file.
    return first, [library for library in main[1:] if library.name.startswith(b"/")]


def _word(read: Read, address: int) -> int:
    data = read(address, 8)
    if len(data) < 8:
        raise Refused(0)
    return int.from_bytes(data, "little")


def debug_slot(vector: bytes, read: Read) -> int:
    """Where DT_DEBUG's value is in the program's dynamic section; 0 if it has none.

    The dynamic linker stores r_debug's address there.
    """
    words = memoryview(vector[: len(vector) // 16 * 16]).cast("Q")
    values = dict(zip(words[::2], words[1::2], strict=True))
    headers, count = values.get(at.AT_PHDR, 0), values.get(at.AT_PHNUM, 0)
    size = elf.ProgramHeader.size
    base = dynamic = 0
    for index in range(count):
        data = read(headers + index * size, size)
        if len(data) < size:
            return 0
        header = elf.ProgramHeader.unpack(data)
        if header.p_type == elf.PT_PHDR:
            base = headers - header.p_vaddr
        elif header.p_type == elf.PT_DYNAMIC:
            dynamic = header.p_vaddr
    if not dynamic:
        return 0
    entry = base + dynamic
    for _ in range(_MOST):
        tag = _word(read, entry)
        if tag == _DT_DEBUG:
            return entry + 8
        if not tag:
            break
        entry += 16
    return 0


def _chain(read: Read, link: int) -> Iterator[Library]:
    for _ in range(_MOST):
        if not link:
            return
        size = elf.LinkMap.size
        found = elf.LinkMap.unpack(read(link, size).ljust(size, b"\0"))
        yield Library(link, found.l_addr, found.l_ld, _string(read, found.l_name))
        link = found.l_next


def _string(read: Read, address: int) -> bytes:
    found = b""
    while len(found) < _LONGEST_NAME:
        # Up to the end of a page, because the next may not be there.
        at = address + len(found)
        part = read(at, min(_PIECE, 4096 - at % 4096))
        end = part.find(0)
        if end >= 0:
            return found + part[:end]
        found += part
    return found
