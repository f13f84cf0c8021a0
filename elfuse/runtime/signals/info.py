"""siginfo_t: what a signal says about itself (sigaction(2), asm-generic/siginfo.h)."""

import struct  # noqa: TID251 - siginfo_t is a union; its layouts stand here once
from dataclasses import dataclass

SI_USER, SI_KERNEL, SI_QUEUE, SI_TIMER, SI_MESGQ, SI_ASYNCIO, SI_SIGIO, SI_TKILL = (
    0, 0x80, -1, -2, -3, -4, -5, -6,
)  # fmt: skip
SIZE = 128
_SIGCHLD = 17
_FAULTS = (4, 5, 7, 8, 11)
_HEADER = struct.Struct("<iii4x")
_QUEUE = struct.Struct("<iIQ")
_TIMER = struct.Struct("<iiQ")
_CHILD = struct.Struct("<iIi4xqq")
_FAULT = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class SigInfo:
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

    @property
    def is_fault(self) -> bool:
        return self.signo in _FAULTS and self.code > 0 and self.code != SI_KERNEL

    def pack(self) -> bytes:
        """siginfo_t, 128 bytes."""
        head = _HEADER.pack(self.signo, self.errno, self.code)
        if self.is_fault:
            body = _FAULT.pack(self.address)
        elif self.code == SI_TIMER:
            body = _TIMER.pack(self.timer_id, self.overrun, self.value)
        elif self.signo == _SIGCHLD and self.code > 0 and self.code != SI_KERNEL:
            body = _CHILD.pack(self.pid, self.uid, self.status, self.utime, self.stime)
        else:
            body = _QUEUE.pack(self.pid, self.uid, self.value)
        return (head + body).ljust(SIZE, b"\0")

    @classmethod
    def unpack(cls, data: bytes) -> "SigInfo":
        """From siginfo_t, as rt_sigqueueinfo takes it and inboxes hold it."""
        signo, errno, code = _HEADER.unpack_from(data)
        blank = cls(signo=signo, code=code, errno=errno)
        at = _HEADER.size
        if blank.is_fault:
            return cls(signo, code, errno, address=_FAULT.unpack_from(data, at)[0])
        if code == SI_TIMER:
            timer, overrun, value = _TIMER.unpack_from(data, at)
            return cls(signo, code, errno, timer_id=timer, overrun=overrun, value=value)
        if signo == _SIGCHLD and code > 0 and code != SI_KERNEL:
            pid, uid, status, utime, stime = _CHILD.unpack_from(data, at)
            return cls(signo, code, errno, pid, uid, status=status, utime=utime, stime=stime)
        pid, uid, value = _QUEUE.unpack_from(data, at)
        return cls(signo, code, errno, pid, uid, value)
