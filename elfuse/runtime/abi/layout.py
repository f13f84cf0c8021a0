"""Declare a kernel struct once: members with sizes, packing, and loads and stores in guest memory."""

import struct
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Protocol, Self, dataclass_transform, get_type_hints

u8 = Annotated[int, "B"]
u16 = Annotated[int, "H"]
u32 = Annotated[int, "I"]
u64 = Annotated[int, "Q"]
i8 = Annotated[int, "b"]
i16 = Annotated[int, "h"]
i32 = Annotated[int, "i"]
i64 = Annotated[int, "q"]


class Bytes:
    """Annotation for a fixed run of bytes: `Annotated[bytes, Bytes(16)]`."""

    def __init__(self, size: int) -> None:
        self.size = size


class Memory(Protocol):
    """What loads and stores need of an address space."""

    def read(self, address: int, size: int) -> bytes: ...
    def write(self, address: int, data: bytes) -> None: ...


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Struct:
    """Base of kernel structs: little-endian, no implicit padding.

    A subclass names its members in order with the integer types above, `Annotated[bytes,
    Bytes(n)]` or another `Struct`, and its size as the kernel has it; TypeError at import when
    the members do not add up.
    """

    size: ClassVar[int]
    _codec: ClassVar[struct.Struct]
    _nested: ClassVar[tuple[tuple[str, type["Struct"] | None, int], ...]]

    def __init_subclass__(cls, *, size: int, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        dataclass(frozen=True, kw_only=True)(cls)
        hints = get_type_hints(cls, include_extras=True)
        layout = "<"
        nested: list[tuple[str, type[Struct] | None, int]] = []
        for field in fields(cls):  # type: ignore[arg-type]  # the decorator has run
            hint: Any = hints[field.name]
            if isinstance(hint, type) and issubclass(hint, Struct):
                part = hint._codec.format.lstrip("<")
                nested.append((field.name, hint, len(struct.unpack("<" + part, bytes(hint.size)))))
            else:
                kind = hint.__metadata__[0]
                part = f"{kind.size}s" if isinstance(kind, Bytes) else kind
                nested.append((field.name, None, 1))
            layout += part
        cls._codec = struct.Struct(layout)
        cls._nested = tuple(nested)
        cls.size = size
        if cls._codec.size != size:
            raise TypeError(f"{cls.__name__}: members take {cls._codec.size} bytes, not {size}")

    def _values(self) -> list[Any]:
        values: list[Any] = []
        for name, kind, _count in self._nested:
            value = getattr(self, name)
            if kind is None:
                values.append(value)
            else:
                values += value._values()
        return values

    @classmethod
    def _build(cls, values: tuple[Any, ...]) -> Self:
        members: dict[str, Any] = {}
        at = 0
        for name, kind, count in cls._nested:
            members[name] = values[at] if kind is None else kind._build(values[at : at + count])
            at += count
        return cls(**members)

    def pack(self) -> bytes:
        """The struct's bytes; struct.error if a member does not fit its type."""
        return self._codec.pack(*self._values())

    @classmethod
    def packed(cls, *values: int | bytes) -> bytes:
        """The bytes of the members' values in order, nested structs taken apart.

        For calls so frequent that making the object would be most of their cost.
        """
        return cls._codec.pack(*values)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """From exactly `size` bytes."""
        return cls._build(cls._codec.unpack(data))

    def store(self, memory: Memory, address: int) -> None:
        """Write to guest memory; EFAULT if it is not writable there."""
        memory.write(address, self.pack())

    @classmethod
    def load(cls, memory: Memory, address: int) -> Self:
        """Read from guest memory; EFAULT if it is not readable there."""
        return cls.unpack(memory.read(address, cls.size))
