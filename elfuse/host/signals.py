"""Host signals by name: which of them the guest gets, and under which Linux number."""

from elfuse.light import signal

_LINUX = {
    "SIGHUP": 1, "SIGINT": 2, "SIGQUIT": 3, "SIGUSR1": 10, "SIGUSR2": 12, "SIGALRM": 14,
    "SIGTERM": 15, "SIGCONT": 18, "SIGTSTP": 20, "SIGXCPU": 24, "SIGXFSZ": 25, "SIGVTALRM": 26,
    "SIGPROF": 27, "SIGWINCH": 28, "SIGIO": 29, "SIGPWR": 30,
}  # fmt: skip
_NAMES_ONLY = {
    "SIGILL": 4, "SIGTRAP": 5, "SIGABRT": 6, "SIGBUS": 7, "SIGFPE": 8, "SIGKILL": 9, "SIGSEGV": 11,
    "SIGPIPE": 13, "SIGCHLD": 17, "SIGSTOP": 19, "SIGTTIN": 21, "SIGTTOU": 22, "SIGSYS": 31,
}  # fmt: skip


def _numbers(names: dict[str, int]) -> dict[int, int]:
    return {
        int(getattr(signal, name)): number
        for name, number in names.items()
        if hasattr(signal, name)
    }


_FORWARDED = _numbers(_LINUX)
_ALL = _FORWARDED | _numbers(_NAMES_ONLY)


def forwarded_signals() -> list[int]:
    """Host signals that are the guest's when they arrive (not CHLD, URG, STOP, KILL, faults)."""
    return list(_FORWARDED)


def guest_signal(number: int) -> int:
    """The Linux number of a host signal, 0 for one Linux does not have."""
    return _ALL.get(number, 0)
