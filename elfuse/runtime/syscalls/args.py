"""Argument types of system calls: how a register becomes a value, and a value becomes trace text.

A type is `Annotated[python type, Arg(decode, show)]`. `decode` is an expression over `{x}` (the
register, unsigned 64 bits) and `task`; it is compiled into one function per handler.
"""

from __future__ import annotations

from elfuse.record import Record
from elfuse.runtime.abi.fcntl import OPEN_FLAGS
from elfuse.runtime.abi.signal import signal_name
from elfuse.typing import TYPE_CHECKING, Annotated, Callable, Mapping

if TYPE_CHECKING:
    from elfuse.runtime.task import Task


class Call(Record):
    """A call after its handler ran: what the trace may look at."""

    task: Task
    registers: tuple[int, ...]
    result: int


class Arg(Record):
    """`decode` makes the handler's value; `show(call, index)` the text of register `index`."""

    decode: str
    show: Callable[[Call, int], str]


def signed(bits: int) -> str:
    """Decode expression: the low `bits` as two's complement."""
    mask, sign = (1 << bits) - 1, 1 << (bits - 1)
    return f"((({{x}} & {mask}) ^ {sign}) - {sign})"


def unsigned(bits: int) -> str:
    """Decode expression: the low `bits`."""
    return "{x}" if bits == 64 else f"({{x}} & {(1 << bits) - 1})"


def as_signed(value: int, bits: int = 64) -> int:
    """The low `bits` of a register as two's complement."""
    sign = 1 << (bits - 1)
    return ((value & ((1 << bits) - 1)) ^ sign) - sign


def quoted(data: bytes, limit: int = 32) -> str:
    """Bytes as a C string, shortened as strace does."""
    text = "".join(
        chr(b) if 32 <= b < 127 and b not in b'"\\' else _ESCAPES.get(b) or f"\\{b:o}"
        for b in data[:limit]
    )
    return f'"{text}"' + ("..." if len(data) > limit else "")


_ESCAPES = {10: "\\n", 13: "\\r", 9: "\\t", 34: '\\"', 92: "\\\\"}


def flag_text(value: int, names: Mapping[int, str]) -> str:
    """`A|B|0x8`; names are tried in order, so a combined value precedes its parts."""
    parts, rest = [], value
    for bits, name in names.items():
        if bits and rest & bits == bits:
            parts.append(name)
            rest &= ~bits
    if rest or not parts:
        parts.append(names.get(0, "0") if not parts and not rest else hex(rest))
    return "|".join(parts)


def flags(names: Mapping[int, str], bits: int = 32) -> Arg:
    """An unsigned value shown as flag names."""
    mask = (1 << bits) - 1
    return Arg(unsigned(bits), lambda call, i: flag_text(call.registers[i] & mask, names))


def choice(names: Mapping[int, str], bits: int = 32) -> Arg:
    """A signed value shown as one name."""

    def show(call: Call, index: int) -> str:
        value = as_signed(call.registers[index], bits)
        return names.get(value, str(value))

    return Arg(signed(bits), show)


def _number(bits: int) -> Callable[[Call, int], str]:
    return lambda call, i: str(as_signed(call.registers[i], bits))


def _hex(call: Call, index: int) -> str:
    return hex(call.registers[index]) if call.registers[index] else "NULL"


def _path(call: Call, index: int) -> str:
    address = call.registers[index]
    return quoted(call.task.memory.read_cstring(address, 4096), 4096) if address else "NULL"


def _dirfd(call: Call, index: int) -> str:
    fd = as_signed(call.registers[index], 32)
    return "AT_FDCWD" if fd == -100 else str(fd)


def _open_flags(call: Call, index: int) -> str:
    value = call.registers[index] & 0xFFFF_FFFF
    access = ("O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE")[value & 3]
    rest = value & ~3
    return access + ("|" + flag_text(rest, OPEN_FLAGS) if rest else "")


def _signal(call: Call, index: int) -> str:
    return signal_name(as_signed(call.registers[index], 32))


def in_buffer(length_index: int) -> Arg:
    """A pointer to bytes that the call reads; shown with the length in another register."""

    def show(call: Call, index: int) -> str:
        address, length = call.registers[index], call.registers[length_index]
        return quoted(call.task.memory.read(address, min(length, 33))) if address else "NULL"

    return Arg("{x}", show)


def out_buffer() -> Arg:
    """A pointer to bytes that the call wrote; shown as far as the result says."""

    def show(call: Call, index: int) -> str:
        address = call.registers[index]
        if call.result <= 0 or not address:
            return _hex(call, index)
        return quoted(call.task.memory.read(address, min(call.result, 33)))

    return Arg("{x}", show)


Int = Annotated[int, Arg(signed(32), _number(32))]
UInt = Annotated[int, Arg(unsigned(32), lambda call, i: str(call.registers[i] & 0xFFFF_FFFF))]
Long = Annotated[int, Arg(signed(64), _number(64))]
ULong = Annotated[int, Arg("{x}", lambda call, i: str(call.registers[i]))]
Size = Annotated[int, Arg("{x}", lambda call, i: str(call.registers[i]))]
Offset = Annotated[int, Arg(signed(64), _number(64))]
Hex = Annotated[int, Arg("{x}", lambda call, i: hex(call.registers[i]))]
Address = Annotated[int, Arg("{x}", _hex)]
"""Any pointer, unread; 0 is NULL."""
Fd = Annotated[int, Arg(signed(32), _number(32))]
DirFd = Annotated[int, Arg(signed(32), _dirfd)]
Path = Annotated[bytes, Arg("task.memory.read_cstring({x}, 4096)", _path)]
"""A path the call reads: EFAULT if unreadable, ENAMETOOLONG without NUL in 4096 bytes."""
PathOrNull = Annotated[
    bytes | None, Arg("(task.memory.read_cstring({x}, 4096) if {x} else None)", _path)
]
Mode = Annotated[int, Arg(unsigned(32), lambda call, i: f"0{call.registers[i] & 0xFFFF_FFFF:o}")]
OpenFlags = Annotated[int, Arg(unsigned(32), _open_flags)]
Pid = Annotated[int, Arg(signed(32), _number(32))]
Signal = Annotated[int, Arg(signed(32), _signal)]
OutBuffer = Annotated[int, out_buffer()]
