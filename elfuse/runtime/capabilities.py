"""Capability sets as capget(2) shows them.

Permission checks go by user id; the sets are kept so that a program that drops capabilities sees
that they are gone. They follow the effective user id until capset(2) narrows them.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from elfuse.record import Record
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.system import ALL_CAPABILITIES, CapabilityData
from elfuse.typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from elfuse.runtime.process import Process

_LOW = 0xFFFF_FFFF


class Sets(Record):
    """Effective, permitted and inheritable capabilities as bit masks."""

    effective: int
    permitted: int
    inheritable: int = 0

    def pack(self, count: int) -> bytes:
        """`count` structs of 32 bits of each set, low bits first."""
        return b"".join(
            CapabilityData(
                effective=self.effective >> shift & _LOW,
                permitted=self.permitted >> shift & _LOW,
                inheritable=self.inheritable >> shift & _LOW,
            ).pack()
            for shift in range(0, 32 * count, 32)
        )

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        effective = permitted = inheritable = 0
        for number, at in enumerate(range(0, len(data), CapabilityData.size)):
            part = CapabilityData.unpack(data[at : at + CapabilityData.size])
            effective |= part.effective << 32 * number
            permitted |= part.permitted << 32 * number
            inheritable |= part.inheritable << 32 * number
        return cls(effective, permitted, inheritable)


# Processes that called capset. A forked child goes on with the same Process object.
_narrowed: WeakKeyDictionary[Process, Sets] = WeakKeyDictionary()


def for_user(euid: int) -> Sets:
    """What a process has that never called capset: root everything, others nothing."""
    return Sets(ALL_CAPABILITIES, ALL_CAPABILITIES) if euid == 0 else Sets(0, 0)


def of(process: Process) -> Sets:
    """The process's sets."""
    held = for_user(process.credentials.euid)
    kept = _narrowed.get(process)
    if kept is None:
        return held
    return Sets(kept.effective & held.effective, kept.permitted & held.permitted, kept.inheritable)


def change(process: Process, wanted: Sets) -> None:
    """capset(2): EPERM for what is not permitted already."""
    held = of(process)
    if wanted.permitted & ~held.permitted or wanted.effective & ~wanted.permitted:
        raise SyscallError(Errno.EPERM)
    if wanted.inheritable & ~(held.inheritable | held.permitted):
        raise SyscallError(Errno.EPERM)
    _narrowed[process] = wanted
