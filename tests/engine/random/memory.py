"""Where loads and stores go, as far as is needed to give them registers that lead into the arena."""

from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """What must be done before the instruction besides setting its base."""

    PLAIN = auto()
    LITERAL = auto()
    STORE_EXCLUSIVE = auto()
    COMPARE_AND_SWAP = auto()


@dataclass(frozen=True)
class Access:
    """`size` bytes at Xbase + offset (+ index). `align` is what the architecture asks for."""

    size: int
    base: int = 31
    offset: int = 0
    index: int | None = None
    option: int = 3
    shift: int = 0
    align: int = 1
    store: bool = False
    registers: int = 1
    kind: Kind = Kind.PLAIN

    def index_offset(self, value: int) -> int:
        """What an index register with this value adds."""
        if self.option == 2:
            value &= 0xFFFFFFFF
        elif self.option == 6:
            value = (value & 0xFFFFFFFF) - ((value & 0x80000000) << 1)
        return value << self.shift


def bits(word: int, high: int, low: int) -> int:
    return word >> low & (1 << high - low + 1) - 1


def is_memory(word: int) -> bool:
    """In the class of loads and stores."""
    return word & 0x0A000000 == 0x08000000


def _signed(value: int, width: int) -> int:
    return value - (value >> width - 1 << width)


def access(word: int) -> Access | None:
    """Decode a word of the class of loads and stores; None for what this generator leaves out."""
    base = bits(word, 9, 5)
    group = bits(word, 29, 24)
    if group in (0b001100, 0b001101) and not word >> 31:
        return _structures(word, base)
    if group == 0b001000:
        return _exclusive(word, base)
    if group & 0b111011 == 0b011000:
        return Access(16, kind=Kind.LITERAL)
    if group == 0b011001 and not bits(word, 21, 21) and not bits(word, 11, 10):
        size = 1 << bits(word, 31, 30)
        store = not bits(word, 23, 22)
        offset = _signed(bits(word, 20, 12), 9)
        return Access(size, base, offset, align=size, store=store)
    if group & 0b111010 == 0b101000:
        return _pair(word, base)
    if group & 0b111010 == 0b111000:
        return _single(word, base)
    return None


_STRUCTURE_REGISTERS = {0: 4, 2: 4, 4: 3, 6: 3, 7: 1, 8: 2, 10: 2}


def _structures(word: int, base: int) -> Access | None:
    store = not bits(word, 22, 22)
    if not bits(word, 24, 24):
        registers = _STRUCTURE_REGISTERS.get(bits(word, 15, 12))
        if registers is None:
            return None
        size = registers * (8 << bits(word, 30, 30))
    else:
        registers = (bits(word, 13, 13) << 1 | bits(word, 21, 21)) + 1
        scale = bits(word, 15, 14)
        if scale == 3:
            scale = bits(word, 11, 10)
        elif scale == 2:
            scale += bits(word, 10, 10)
        size = registers << scale
    return Access(size, base, store=store, registers=registers)


def _exclusive(word: int, base: int) -> Access:
    size = 1 << bits(word, 31, 30)
    ordered, load, paired = bits(word, 23, 23), bits(word, 22, 22), bits(word, 21, 21)
    store = not load
    if not paired:
        kind = Kind.STORE_EXCLUSIVE if store and not ordered else Kind.PLAIN
        return Access(size, base, align=size, store=store, kind=kind)
    if ordered:
        return Access(size, base, align=size, store=True, kind=Kind.COMPARE_AND_SWAP)
    if not word >> 31:
        size = 8 << bits(word, 30, 30)
        return Access(size, base, align=size, store=True, registers=2, kind=Kind.COMPARE_AND_SWAP)
    kind = Kind.STORE_EXCLUSIVE if store else Kind.PLAIN
    return Access(2 * size, base, align=2 * size, store=store, registers=2, kind=kind)


def _pair(word: int, base: int) -> Access | None:
    opc, vector, store = bits(word, 31, 30), bits(word, 26, 26), not bits(word, 22, 22)
    if opc == 3 or (opc == 1 and not vector and store):
        return None
    element = 4 << opc if vector else (4, 4, 8)[opc]
    post = bits(word, 24, 23) == 1
    offset = 0 if post else _signed(bits(word, 21, 15), 7) * element
    return Access(2 * element, base, offset, store=store, registers=2)


def _single(word: int, base: int) -> Access | None:
    opc, vector = bits(word, 23, 22), bits(word, 26, 26)
    scale = bits(word, 31, 30) | (opc & 2) << 1 if vector else bits(word, 31, 30)
    if scale > 4:
        return None
    size, store = 1 << scale, opc in (0, 2) if vector else opc == 0
    if bits(word, 24, 24):
        return Access(size, base, bits(word, 21, 10) * size, store=store)
    low = bits(word, 11, 10)
    if not bits(word, 21, 21):
        offset = 0 if low == 1 else _signed(bits(word, 20, 12), 9)
        return Access(size, base, offset, store=store)
    if low == 0 and not vector:
        return Access(size, base, align=size, store=bits(word, 15, 12) != 0b1100)
    if low == 2:
        shift = scale if bits(word, 12, 12) else 0
        index = bits(word, 20, 16)
        return Access(size, base, 0, index, bits(word, 15, 13), shift, store=store)
    return None


def writes_back(word: int) -> bool:
    group = bits(word, 29, 24)
    if group in (0b001100, 0b001101):
        return bool(bits(word, 23, 23))
    if group & 0b111010 == 0b101000:
        return bool(bits(word, 23, 23))
    return group & 0b111011 == 0b111000 and not bits(word, 21, 21) and bool(bits(word, 10, 10))
