"""Signals: numbers, flags, siginfo and the arm64 frame (asm-generic/signal.h, asm/sigcontext.h)."""

from elfuse.enumeration import IntEnum
from elfuse.runtime.abi.layout import Bytes, Struct, i32, i64, u32, u64
from elfuse.typing import Annotated


class Sig(IntEnum):
    """Standard signals; 32..64 are the real-time ones."""

    SIGHUP = 1
    SIGINT = 2
    SIGQUIT = 3
    SIGILL = 4
    SIGTRAP = 5
    SIGABRT = 6
    SIGBUS = 7
    SIGFPE = 8
    SIGKILL = 9
    SIGUSR1 = 10
    SIGSEGV = 11
    SIGUSR2 = 12
    SIGPIPE = 13
    SIGALRM = 14
    SIGTERM = 15
    SIGSTKFLT = 16
    SIGCHLD = 17
    SIGCONT = 18
    SIGSTOP = 19
    SIGTSTP = 20
    SIGTTIN = 21
    SIGTTOU = 22
    SIGURG = 23
    SIGXCPU = 24
    SIGXFSZ = 25
    SIGVTALRM = 26
    SIGPROF = 27
    SIGWINCH = 28
    SIGIO = 29
    SIGPWR = 30
    SIGSYS = 31


NSIG = 64
SIGRTMIN = 32


def signal_name(number: int) -> str:
    """`SIGTERM`, `SIGRT_3`; the number for what is no signal."""
    if number in Sig._value2member_map_:
        return Sig(number).name
    return f"SIGRT_{number - SIGRTMIN}" if SIGRTMIN <= number <= NSIG else str(number)


SIG_DFL, SIG_IGN = 0, 1
SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK = 0, 1, 2
HOW_NAMES = {SIG_BLOCK: "SIG_BLOCK", SIG_UNBLOCK: "SIG_UNBLOCK", SIG_SETMASK: "SIG_SETMASK"}
SIGSET_SIZE = 8

SA_NOCLDSTOP, SA_NOCLDWAIT, SA_SIGINFO = 0x1, 0x2, 0x4
SA_UNSUPPORTED, SA_EXPOSE_TAGBITS = 0x400, 0x800
SA_RESTORER, SA_ONSTACK, SA_RESTART = 0x0400_0000, 0x0800_0000, 0x1000_0000
SA_NODEFER, SA_RESETHAND = 0x4000_0000, 0x8000_0000
SA_NAMES = {
    SA_NOCLDSTOP: "SA_NOCLDSTOP",
    SA_NOCLDWAIT: "SA_NOCLDWAIT",
    SA_SIGINFO: "SA_SIGINFO",
    SA_EXPOSE_TAGBITS: "SA_EXPOSE_TAGBITS",
    SA_RESTORER: "SA_RESTORER",
    SA_ONSTACK: "SA_ONSTACK",
    SA_RESTART: "SA_RESTART",
    SA_NODEFER: "SA_NODEFER",
    SA_RESETHAND: "SA_RESETHAND",
}
SA_KNOWN = sum(SA_NAMES)
"""Others are cleared: a program finds out what is supported by reading its action back."""

SS_ONSTACK, SS_DISABLE, SS_AUTODISARM = 1, 2, 1 << 31
MINSIGSTKSZ = 5120

SI_USER, SI_KERNEL = 0, 0x80
SI_QUEUE, SI_TIMER, SI_MESGQ, SI_ASYNCIO, SI_SIGIO, SI_TKILL = -1, -2, -3, -4, -5, -6
SI_NAMES = {
    SI_USER: "SI_USER",
    SI_KERNEL: "SI_KERNEL",
    SI_QUEUE: "SI_QUEUE",
    SI_TIMER: "SI_TIMER",
    SI_MESGQ: "SI_MESGQ",
    SI_ASYNCIO: "SI_ASYNCIO",
    SI_SIGIO: "SI_SIGIO",
    SI_TKILL: "SI_TKILL",
}
CLD_EXITED, CLD_KILLED, CLD_DUMPED, CLD_TRAPPED, CLD_STOPPED, CLD_CONTINUED = 1, 2, 3, 4, 5, 6
SEGV_MAPERR, SEGV_ACCERR = 1, 2

SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID = 0, 1, 2, 4

FPSIMD_MAGIC, ESR_MAGIC = 0x46508001, 0x45535201
PSR_FLAGS = 0xF000_0000
"""N, Z, C and V: the bits of PSTATE that a program may set."""
ESR_ABORT_LOWER_INSTRUCTION, ESR_ABORT_LOWER_DATA = 0x8200_0000, 0x9200_0000
"""Exception class and the IL bit of an abort at EL0."""
ESR_WRITE = 1 << 6
ESR_TRANSLATION, ESR_PERMISSION = 0x07, 0x0F
"""Fault status codes of level 3, the level of pages."""


class Sigaction(Struct, size=32):
    """struct sigaction of the system call."""

    sa_handler: u64
    sa_flags: u64
    sa_restorer: u64
    sa_mask: u64


class StackT(Struct, size=24):
    """stack_t."""

    ss_sp: u64
    ss_flags: u32
    pad: u32 = 0
    ss_size: u64


class SiginfoHead(Struct, size=16):
    """What all kinds of siginfo_t begin with; the kinds' members follow."""

    si_signo: i32
    si_errno: i32
    si_code: i32
    pad: u32 = 0


SIGINFO_SIZE = 128


class SiginfoQueue(Struct, size=16):
    """kill(2) and sigqueue(3): `_kill` and `_rt`."""

    si_pid: i32
    si_uid: u32
    si_value: u64


class SiginfoTimer(Struct, size=16):
    """`_timer`."""

    si_tid: i32
    si_overrun: i32
    si_value: u64


class SiginfoChild(Struct, size=32):
    """`_sigchld`."""

    si_pid: i32
    si_uid: u32
    si_status: i32
    pad: u32 = 0
    si_utime: i64
    si_stime: i64


class SiginfoFault(Struct, size=16):
    """`_sigfault`."""

    si_addr: u64
    si_addr_lsb: u64 = 0


class SiginfoPoll(Struct, size=16):
    """`_sigpoll`."""

    si_band: i64
    si_fd: i32
    pad: u32 = 0


class SiginfoSyscall(Struct, size=16):
    """`_sigsys`."""

    si_call_addr: u64
    si_syscall: i32
    si_arch: u32


class Sigcontext(Struct, size=288):
    """struct sigcontext (asm/sigcontext.h) without its 4096 bytes of records."""

    fault_address: u64
    regs: Annotated[bytes, Bytes(248)]
    """X0 to X30."""
    sp: u64
    pc: u64
    pstate: u64
    pad: u64 = 0


class Ucontext(Struct, size=464):
    """struct ucontext, as far as `Sigcontext` goes; the records follow."""

    uc_flags: u64 = 0
    uc_link: u64 = 0
    uc_stack: StackT
    uc_sigmask: u64
    unused: Annotated[bytes, Bytes(120)] = b""
    pad: u64 = 0
    """The machine context is aligned to 16 bytes."""
    uc_mcontext: Sigcontext


RESERVED_SIZE = 4096
"""Space for records behind `Ucontext`."""


class RecordHead(Struct, size=8):
    """struct _aarch64_ctx. Magic 0 ends the records."""

    magic: u32
    length: u32


class FpsimdContext(Struct, size=528):
    """struct fpsimd_context."""

    head: RecordHead
    fpsr: u32
    fpcr: u32
    vregs: Annotated[bytes, Bytes(512)]


class EsrContext(Struct, size=16):
    """struct esr_context: why a fault happened."""

    head: RecordHead
    esr: u64


class FrameRecord(Struct, size=16):
    """What X29 points to (AAPCS64)."""

    fp: u64
    lr: u64


class Sigevent(Struct, size=64):
    """struct sigevent, with the thread number of SIGEV_THREAD_ID."""

    sigev_value: u64
    sigev_signo: i32
    sigev_notify: i32
    sigev_tid: i32
    pad: Annotated[bytes, Bytes(44)] = b""
