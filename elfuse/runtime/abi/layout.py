"""Declare a kernel struct once: members with sizes, packing, and loads and stores in guest memory."""

from __future__ import annotations

import struct

from elfuse.typing import (
    Annotated,
    Any,
    ClassVar,
    Iterator,
    Protocol,
    Self,
    dataclass_transform,
    evaluated,
)

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


class _Layout:
    """What the annotations of a struct say, read when the first object is made or packed.

    Most programs use few structs, and reading the annotations of all takes longer than they run.
    """

    def __init__(self, cls: type[Struct]) -> None:
        self.members: dict[str, type[Struct] | None] = {}
        """In order, with the type of a nested struct."""
        layout = "<"
        for name, annotation in cls.__annotations__.items():
            hint = evaluated(annotation, cls.__module__)
            if isinstance(hint, type) and issubclass(hint, Struct):
                self.members[name] = hint
                nested: struct.Struct = hint.layout().codec
                layout += nested.format.lstrip("<")
            else:
                self.members[name] = None
                kind = hint.__metadata__[0]
                layout += f"{kind.size}s" if isinstance(kind, Bytes) else kind
        self.flat = not any(self.members.values())
        self.defaults = {name: getattr(cls, name) for name in self.members if hasattr(cls, name)}
        self.codec: struct.Struct = struct.Struct(layout)
        if self.codec.size != cls.size:
            raise TypeError(f"{cls.__name__}: members take {self.codec.size} bytes, not {cls.size}")


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Struct:
    """Base of kernel structs: little-endian, no implicit padding.

    A subclass names its members in order with the integer types above, `Annotated[bytes,
    Bytes(n)]` or another `Struct`, and its size as the kernel has it. TypeError at its first use
    when the members do not add up; `tests/runtime/test_abi.py` uses every one.
    """

    size: ClassVar[int]
    _layout: ClassVar[_Layout | None]

    def __init_subclass__(cls, *, size: int) -> None:
        super().__init_subclass__()
        cls.size = size
        cls._layout = None

    @classmethod
    def layout(cls) -> _Layout:
        """The members and their packing."""
        layout = cls._layout
        if layout is None:
            layout = cls._layout = _Layout(cls)
        return layout

    def __init__(self, **members: Any) -> None:
        layout = self._layout or self.layout()
        values = layout.defaults | members
        if len(values) != len(layout.members):
            wrong = ", ".join(sorted(layout.members.keys() ^ values.keys()))
            raise TypeError(f"{type(self).__name__}: missing or unknown: {wrong}")
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(tuple(self._values()))

    def __repr__(self) -> str:
        members = (f"{name}={getattr(self, name)!r}" for name in self.layout().members)
        return f"{type(self).__name__}({', '.join(members)})"

    def _values(self) -> list[Any]:
        layout, held = self.layout(), self.__dict__
        if layout.flat:
            return [held[name] for name in layout.members]
        values: list[Any] = []
        for name, kind in layout.members.items():
            value = held[name]
            if kind is None:
                values.append(value)
            else:
                values += value._values()
        return values

    @classmethod
    def _build(cls, values: Iterator[Any]) -> Self:
        """From values in order, of which it takes its own."""
        layout = cls.layout()
        made = cls.__new__(cls)
        if layout.flat:
            made.__dict__.update(zip(layout.members, values, strict=False))
        else:
            for name, kind in layout.members.items():
                made.__dict__[name] = next(values) if kind is None else kind._build(values)
        return made

    def pack(self) -> bytes:
        """The struct's bytes; struct.error if a member does not fit its type."""
        return self.layout().codec.pack(*self._values())

    @classmethod
    def packed(cls, *values: int | bytes) -> bytes:
        """The bytes of the members' values in order, nested structs taken apart.

        For calls so frequent that making the object would be most of their cost.
        """
        return (cls._layout or cls.layout()).codec.pack(*values)

    @classmethod
    def unpacked(cls, data: bytes) -> tuple[Any, ...]:
        """The members' values in order, of exactly `size` bytes: the reverse of `packed`."""
        return (cls._layout or cls.layout()).codec.unpack(data)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """From exactly `size` bytes."""
        return cls._build(iter(cls.layout().codec.unpack(data)))

    @classmethod
    def unpack_all(cls, data: bytes) -> list[Self]:
        """From a table of them, without nested structs."""
        layout, found = cls.layout(), []
        for values in layout.codec.iter_unpack(data):
            made = cls.__new__(cls)
            made.__dict__.update(zip(layout.members, values, strict=True))
            found.append(made)
        return found

    def store(self, memory: Memory, address: int) -> None:
        """Write to guest memory; EFAULT if it is not writable there."""
        memory.write(address, self.pack())

    @classmethod
    def load(cls, memory: Memory, address: int) -> Self:
        """Read from guest memory; EFAULT if it is not readable there."""
        return cls.unpack(memory.read(address, cls.size))
