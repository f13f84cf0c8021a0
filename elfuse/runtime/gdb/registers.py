"""Which registers a debugger sees, in which order and form: target.xml and the `g` packet.

Knows nothing of tasks or packets: a `Block` is a copy of a vCPU's register block
(`engine.protocol.Register`).
"""

from __future__ import annotations

import array
from functools import cache

from elfuse.engine.protocol import Register
from elfuse.record import Record


class Place(Record):
    """A register: its name, its size in bytes, and the word of the block where it begins."""

    name: str
    size: int
    word: int


def _places() -> tuple[Place, ...]:
    vectors = [Place(f"v{n}", 16, Register.V0 + 2 * n) for n in range(32)]
    return (
        *(Place(f"x{n}", 8, n) for n in range(31)),
        Place("sp", 8, Register.SP),
        Place("pc", 8, Register.PC),
        Place("cpsr", 4, Register.PSTATE),
        *vectors,
        Place("fpsr", 4, Register.FPSR),
        Place("fpcr", 4, Register.FPCR),
        Place("tpidr", 8, Register.TPIDR),
    )


PLACES = _places()
"""By the number that the protocol has for a register."""
FP, LR, SP, PC = 29, 30, 31, 32
EXPEDITED = (FP, LR, SP, PC)
"""What every stop reply tells unasked: enough to show the frame."""


class Block:
    """A thread's registers, as words."""

    def __init__(self, words: bytes) -> None:
        self._words = array.array("Q", words)

    def words(self) -> bytes:
        """As a vCPU's block holds them."""
        return self._words.tobytes()

    @property
    def pc(self) -> int:
        return self._words[Register.PC]

    def register(self, number: int) -> bytes | None:
        """A register's bytes, little-endian; None if there is no such."""
        if not 0 <= number < len(PLACES):
            return None
        place = PLACES[number]
        return self._words[place.word : place.word + 2].tobytes()[: place.size]

    def set_register(self, number: int, data: bytes) -> bool:
        """Change a register; False if there is no such, or for a wrong length."""
        if not 0 <= number < len(PLACES) or len(data) != PLACES[number].size:
            return False
        place = PLACES[number]
        data = data.ljust(8, b"\0")
        for index in range(len(data) // 8):
            word = int.from_bytes(data[8 * index : 8 * index + 8], "little")
            self._words[place.word + index] = word
        return True

    def all(self) -> bytes:
        """All of them one behind the other: the `g` packet."""
        return b"".join(self.register(number) or b"" for number in range(len(PLACES)))

    def set_all(self, data: bytes) -> bool:
        """The `G` packet; False if it is too short for them. What is behind them is ignored."""
        if len(data) < sum(place.size for place in PLACES):
            return False
        at = 0
        for number, place in enumerate(PLACES):
            self.set_register(number, data[at : at + place.size])
            at += place.size
        return True


_HEAD = """<?xml version="1.0"?>
<!DOCTYPE target SYSTEM "gdb-target.dtd">
<target version="1.0">
<architecture>aarch64</architecture>
<osabi>GNU/Linux</osabi>
"""
_CPSR_FLAGS = (
    ("SP", 0), ("EL", 2), ("nRW", 4), ("F", 6), ("I", 7), ("A", 8), ("D", 9), ("BTYPE", 10),
    ("SSBS", 12), ("IL", 20), ("SS", 21), ("PAN", 22), ("UAO", 23), ("DIT", 24), ("TCO", 25),
    ("V", 28), ("C", 29), ("Z", 30), ("N", 31),
)  # fmt: skip
_FPSR_FLAGS = (("IOC", 0), ("DZC", 1), ("OFC", 2), ("UFC", 3), ("IXC", 4), ("IDC", 7), ("QC", 27))
_FPCR_FLAGS = (
    ("IOE", 8), ("DZE", 9), ("OFE", 10), ("UFE", 11), ("IXE", 12), ("IDE", 15), ("FZ16", 19),
    ("RMode", 22), ("FZ", 24), ("DN", 25), ("AHP", 26),
)  # fmt: skip
_WIDE_FIELDS = {"EL": 3, "BTYPE": 11, "RMode": 23}
"""Last bits of the fields that have more than one."""
_LANES = (
    ("v2d", "ieee_double", 2, "d", "f"), ("v2u", "uint64", 2, "d", "u"),
    ("v2i", "int64", 2, "d", "s"), ("v4f", "ieee_single", 4, "s", "f"),
    ("v4u", "uint32", 4, "s", "u"), ("v4i", "int32", 4, "s", "s"),
    ("v8f", "ieee_half", 8, "h", "f"), ("v8u", "uint16", 8, "h", "u"),
    ("v8i", "int16", 8, "h", "s"), ("v16u", "uint8", 16, "b", "u"),
    ("v16i", "int8", 16, "b", "s"), ("v1u", "uint128", 1, "q", "u"),
    ("v1i", "int128", 1, "q", "s"),
)  # fmt: skip
"""Vector type, element type, lanes, and the members of the unions it is in."""


@cache
def target_description() -> bytes:
    """target.xml with the features org.gnu.gdb.aarch64.core, .fpu and .tls (GDB manual, G.5.1)."""
    core = "".join(_reg(number, "general") for number in range(34))
    fpu = "".join(_reg(number, "vector" if number < 66 else "float") for number in range(34, 68))
    return (
        _HEAD
        + _feature("core", _flags("cpsr_flags", _CPSR_FLAGS) + core)
        + _feature(
            "fpu",
            _vector_types()
            + _flags("fpsr_flags", _FPSR_FLAGS)
            + _flags("fpcr_flags", _FPCR_FLAGS)
            + fpu,
        )
        + _feature("tls", _reg(68, "general"))
        + "</target>\n"
    ).encode()


def _feature(name: str, content: str) -> str:
    return f'<feature name="org.gnu.gdb.aarch64.{name}">\n{content}</feature>\n'


def _reg(number: int, group: str) -> str:
    place = PLACES[number]
    kind = {
        "sp": "data_ptr",
        "pc": "code_ptr",
        "tpidr": "data_ptr",
        "cpsr": "cpsr_flags",
        "fpsr": "fpsr_flags",
        "fpcr": "fpcr_flags",
    }.get(place.name, "aarch64v" if place.size == 16 else "int")
    return (
        f'<reg name="{place.name}" bitsize="{8 * place.size}" type="{kind}" '
        f'regnum="{number}" group="{group}"/>\n'
    )


def _flags(name: str, fields: tuple[tuple[str, int], ...]) -> str:
    lines = []
    for field, start in fields:
        end = _WIDE_FIELDS.get(field, start)
        kind = ' type="uint32"' if end > start else ""
        lines.append(f'<field name="{field}" start="{start}" end="{end}"{kind}/>\n')
    return f'<flags id="{name}" size="4">\n{"".join(lines)}</flags>\n'


def _vector_types() -> str:
    vectors = "".join(
        f'<vector id="{name}" type="{element}" count="{count}"/>\n'
        for name, element, count, _union, _member in _LANES
    )
    unions = ""
    for size in "dshbq":
        members = "".join(
            f'<field name="{member}" type="{name}"/>\n'
            for name, _element, _count, union, member in _LANES
            if union == size
        )
        unions += f'<union id="vn{size}">\n{members}</union>\n'
    views = "".join(f'<field name="{size}" type="vn{size}"/>\n' for size in "dshbq")
    return f'{vectors}{unions}<union id="aarch64v">\n{views}</union>\n'
