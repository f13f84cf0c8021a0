"""siginfo_t: what a signal says about itself (sigaction(2), asm-generic/siginfo.h)."""

from __future__ import annotations

from elfuse.record import Record, replace
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

_FAULTS = (Sig.SIGILL, Sig.SIGTRAP, Sig.SIGBUS, Sig.SIGFPE, Sig.SIGSEGV)
_MASK32, _MASK64 = 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF
_BODY_AT = SiginfoHead.size


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
        return self.signo in _FAULTS and self._from_kernel_event

    @property
    def _from_kernel_event(self) -> bool:
        return SI_USER < self.code < SI_KERNEL

    @property
    def by_program(self) -> bool:
        """Sent with a system call or a timer of a guest program, not by the kernel."""
        return self.code <= SI_USER

    def _kind(self) -> type[Struct]:
        """The union's member, as siginfo_layout in kernel/signal.c chooses it."""
        if self._from_kernel_event:
            if self.signo in _FAULTS:
                return SiginfoFault
            if self.signo == Sig.SIGCHLD:
                return SiginfoChild
            if self.signo == Sig.SIGSYS:
                return SiginfoSyscall
            return SiginfoPoll if self.signo == Sig.SIGIO else SiginfoQueue
        if self.code == SI_TIMER:
            return SiginfoTimer
        return SiginfoPoll if self.code == SI_SIGIO else SiginfoQueue

    def _body(self) -> Struct:
        kind = self._kind()
        if kind is SiginfoFault:
            return SiginfoFault(si_addr=self.address & _MASK64)
        if kind is SiginfoChild:
            return SiginfoChild(
                si_pid=self.pid,
                si_uid=self.uid & _MASK32,
                si_status=self.status,
                si_utime=self.utime,
                si_stime=self.stime,
            )
        if kind is SiginfoTimer:
            value = self.value & _MASK64
            return SiginfoTimer(si_tid=self.timer_id, si_overrun=self.overrun, si_value=value)
        if kind is SiginfoPoll:
            return SiginfoPoll(si_band=self.band, si_fd=self.fd)
        if kind is SiginfoSyscall:
            return SiginfoSyscall(
                si_call_addr=self.address, si_syscall=self.syscall, si_arch=self.arch
            )
        uid, value = self.uid & _MASK32, self.value & _MASK64
        return SiginfoQueue(si_pid=self.pid, si_uid=uid, si_value=value)

    def pack(self) -> bytes:
        """siginfo_t, 128 bytes."""
        head = SiginfoHead(si_signo=self.signo, si_errno=self.errno, si_code=self.code).pack()
        return (head + (self.raw or self._body().pack())).ljust(SIGINFO_SIZE, b"\0")

    @classmethod
    def unpack(cls, data: bytes) -> SigInfo:
        """From siginfo_t, as rt_sigqueueinfo takes it and inboxes hold it; keeps every byte."""
        head = SiginfoHead.unpack(data[:_BODY_AT])
        found = cls(signo=head.si_signo, code=head.si_code, errno=head.si_errno)
        kind = found._kind()
        found = _with_members(found, kind.unpack(data[_BODY_AT : _BODY_AT + kind.size]))
        if found.pack() != data:
            found = replace(found, raw=data[_BODY_AT:])
        return found

    def __str__(self) -> str:
        """As strace shows it."""
        code = SI_NAMES.get(self.code, str(self.code))
        parts = [f"si_signo={signal_name(self.signo)}", f"si_code={code}"]
        if self.is_fault:
            parts.append(f"si_addr={self.address:#x}")
        elif self.code != SI_KERNEL:
            parts += [f"si_pid={self.pid}", f"si_uid={self.uid}"]
        return f"{signal_name(self.signo)} {{{', '.join(parts)}}}"


def _with_members(info: SigInfo, body: Struct) -> SigInfo:
    match body:
        case SiginfoFault():
            return replace(info, address=body.si_addr)
        case SiginfoChild():
            return replace(
                info,
                pid=body.si_pid,
                uid=body.si_uid,
                status=body.si_status,
                utime=body.si_utime,
                stime=body.si_stime,
            )
        case SiginfoTimer():
            return replace(info, timer_id=body.si_tid, overrun=body.si_overrun, value=body.si_value)
        case SiginfoPoll():
            return replace(info, band=body.si_band, fd=body.si_fd)
        case SiginfoSyscall():
            return replace(
                info, address=body.si_call_addr, syscall=body.si_syscall, arch=body.si_arch
            )
        case SiginfoQueue():
            return replace(info, pid=body.si_pid, uid=body.si_uid, value=body.si_value)
        case _:
            raise TypeError(type(body).__name__)
