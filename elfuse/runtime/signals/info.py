"""siginfo_t: what a signal says about itself (sigaction(2), asm-generic/siginfo.h)."""

from __future__ import annotations

from elfuse.record import Record
from elfuse.runtime.abi.layout import Struct
from elfuse.runtime.abi.signal import (
    SI_KERNEL,
    SI_NAMES,
    SI_SIGIO,
    SI_TIMER,
    SI_USER,
    SIGINFO_SIZE,
    Sig,
    SiginfoChild,
    SiginfoFault,
    SiginfoHead,
    SiginfoPoll,
    SiginfoQueue,
    SiginfoSyscall,
    SiginfoTimer,
    signal_name,
)
from elfuse.typing import Any

_FAULTS = (Sig.SIGILL, Sig.SIGTRAP, Sig.SIGBUS, Sig.SIGFPE, Sig.SIGSEGV)
_MASK32, _MASK64 = 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF
_BODY_AT = SiginfoHead.size
_MEMBERS: dict[type[Struct], tuple[str, ...]] = {
    SiginfoQueue: ("pid", "uid", "value"),
    SiginfoTimer: ("timer_id", "overrun", "value"),
    SiginfoChild: ("pid", "uid", "status", "", "utime", "stime"),
    SiginfoFault: ("address", ""),
    SiginfoPoll: ("band", "fd", ""),
    SiginfoSyscall: ("address", "syscall", "arch"),
}
"""The members of `SigInfo` that the struct's are, in their order; none for padding."""
_MASKS = {"uid": _MASK32, "value": _MASK64, "address": _MASK64}


def _kind(signo: int, code: int) -> type[Struct]:
    """The union's member, as siginfo_layout in kernel/signal.c chooses it."""
    if SI_USER < code < SI_KERNEL:
        if signo in _FAULTS:
            return SiginfoFault
        if signo == Sig.SIGCHLD:
            return SiginfoChild
        if signo == Sig.SIGSYS:
            return SiginfoSyscall
        return SiginfoPoll if signo == Sig.SIGIO else SiginfoQueue
    if code == SI_TIMER:
        return SiginfoTimer
    return SiginfoPoll if code == SI_SIGIO else SiginfoQueue


class SigInfo(Record):
    """A signal with its origin. Which members count depends on `signo` and `code`."""

    signo: int
    code: int = SI_USER
    errno: int = 0
    pid: int = 0
    uid: int = 0
    value: int = 0
    """sigval of sigqueue and timers."""
    address: int = 0
    status: int = 0
    utime: int = 0
    stime: int = 0
    timer_id: int = 0
    overrun: int = 0
    band: int = 0
    fd: int = 0
    syscall: int = 0
    arch: int = 0
    raw: bytes = b""
    """All that follows the head, where a sender filled in more than its kind's members."""

    @property
    def is_fault(self) -> bool:
        return self.signo in _FAULTS and SI_USER < self.code < SI_KERNEL

    @property
    def by_program(self) -> bool:
        """Sent with a system call or a timer of a guest program, not by the kernel."""
        return self.code <= SI_USER

    def pack(self) -> bytes:
        """siginfo_t, 128 bytes."""
        head = SiginfoHead.packed(self.signo, self.errno, self.code, 0)
        if self.raw:
            body = self.raw
        else:
            kind = _kind(self.signo, self.code)
            # Members, not objects: every child's end is packed and unpacked once.
            body = kind.packed(
                *[
                    getattr(self, name) & _MASKS.get(name, -1) if name else 0
                    for name in _MEMBERS[kind]
                ]
            )
        return (head + body).ljust(SIGINFO_SIZE, b"\0")

    @classmethod
    def unpack(cls, data: bytes) -> SigInfo:
        """From siginfo_t, as rt_sigqueueinfo takes it and inboxes hold it; keeps every byte."""
        signo, errno, code, _pad = SiginfoHead.unpacked(data[:_BODY_AT])
        kind = _kind(signo, code)
        end = _BODY_AT + kind.size
        values = kind.unpacked(data[_BODY_AT:end])
        members: dict[str, Any] = dict(zip(_MEMBERS[kind], values, strict=True))
        if members.pop("", 0) or data[end:].strip(b"\0"):
            members["raw"] = data[_BODY_AT:]
        return cls(signo, code, errno, **members)

    def __str__(self) -> str:
        """As strace shows it."""
        code = SI_NAMES.get(self.code, str(self.code))
        parts = [f"si_signo={signal_name(self.signo)}", f"si_code={code}"]
        if self.is_fault:
            parts.append(f"si_addr={self.address:#x}")
        elif self.code != SI_KERNEL:
            parts += [f"si_pid={self.pid}", f"si_uid={self.uid}"]
        return f"{signal_name(self.signo)} {{{', '.join(parts)}}}"
