"""Signals and errors as the remote protocol counts them, which is not as Linux does.

GDB manual: "Target signals" are those of gdb's include/gdb/signals.def; errors of vFile are those
of "Errno Values". lldb takes the numbers for Linux's own if QThreadSuffixSupported is answered, so it is
not.
"""

from __future__ import annotations

from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.abi.signal import SIGRTMIN, Sig

_SAME_UP_TO = 6
_GDB_SIGNALS = {
    Sig.SIGBUS: 10,
    Sig.SIGFPE: 8,
    Sig.SIGKILL: 9,
    Sig.SIGSEGV: 11,
    Sig.SIGSYS: 12,
    Sig.SIGPIPE: 13,
    Sig.SIGALRM: 14,
    Sig.SIGTERM: 15,
    Sig.SIGURG: 16,
    Sig.SIGSTOP: 17,
    Sig.SIGTSTP: 18,
    Sig.SIGCONT: 19,
    Sig.SIGCHLD: 20,
    Sig.SIGTTIN: 21,
    Sig.SIGTTOU: 22,
    Sig.SIGIO: 23,
    Sig.SIGXCPU: 24,
    Sig.SIGXFSZ: 25,
    Sig.SIGVTALRM: 26,
    Sig.SIGPROF: 27,
    Sig.SIGWINCH: 28,
    Sig.SIGUSR1: 30,
    Sig.SIGUSR2: 31,
    Sig.SIGPWR: 32,
}
_LINUX_SIGNALS = {gdb: int(linux) for linux, gdb in _GDB_SIGNALS.items()}
_FIRST_REALTIME = 45
"""What gdb calls SIG33; SIG32 and SIG64 came later and are 77 and 78."""
UNKNOWN_SIGNAL = 143


def gdb_signal(signo: int) -> int:
    """Of a Linux signal."""
    if signo <= _SAME_UP_TO:
        return signo
    if signo >= SIGRTMIN:
        return {32: 77, 64: 78}.get(signo, _FIRST_REALTIME + signo - 33)
    return _GDB_SIGNALS.get(Sig(signo), UNKNOWN_SIGNAL)


def linux_signal(number: int) -> int:
    """Of a protocol signal; 0 if Linux has none for it."""
    if number <= _SAME_UP_TO:
        return number
    if number in (77, 78):
        return 32 if number == 77 else 64
    if _FIRST_REALTIME <= number < _FIRST_REALTIME + 31:
        return number - _FIRST_REALTIME + 33
    return _LINUX_SIGNALS.get(number, 0)


_FILE_ERRORS = (
    Errno.EPERM, Errno.ENOENT, Errno.EINTR, Errno.EBADF, Errno.EACCES, Errno.EFAULT, Errno.EBUSY,
    Errno.EEXIST, Errno.ENODEV, Errno.ENOTDIR, Errno.EISDIR, Errno.EINVAL, Errno.ENFILE,
    Errno.EMFILE, Errno.EFBIG, Errno.ENOSPC, Errno.ESPIPE, Errno.EROFS,
)  # fmt: skip
"""Which have the same number in the protocol as in Linux."""
_ENAMETOOLONG, UNKNOWN_ERROR = 91, 9999


def file_error(number: int) -> int:
    """Of a Linux errno, for vFile."""
    if number == Errno.ENAMETOOLONG:
        return _ENAMETOOLONG
    return number if number in _FILE_ERRORS else UNKNOWN_ERROR
