"""Signal numbers and names (asm-generic/signal.h)."""

from enum import IntEnum


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
