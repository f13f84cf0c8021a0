"""Resource limits and usage (asm-generic/resource.h, linux/resource.h)."""

from elfuse.enumeration import IntEnum
from elfuse.runtime.abi.layout import Struct, i64, u64
from elfuse.typing import Self

INFINITY = (1 << 64) - 1
NR_OPEN = 1 << 20
"""Highest RLIMIT_NOFILE anybody may set (fs.nr_open)."""

RUSAGE_SELF, RUSAGE_CHILDREN, RUSAGE_THREAD = 0, -1, 1


class Rlimit(IntEnum):
    """RLIMIT_*."""

    CPU = 0
    FSIZE = 1
    DATA = 2
    STACK = 3
    CORE = 4
    RSS = 5
    NPROC = 6
    NOFILE = 7
    MEMLOCK = 8
    AS = 9
    LOCKS = 10
    SIGPENDING = 11
    MSGQUEUE = 12
    NICE = 13
    RTPRIO = 14
    RTTIME = 15


RLIMIT_NAMES = {limit.value: f"RLIMIT_{limit.name}" for limit in Rlimit}
RUSAGE_NAMES = {
    RUSAGE_SELF: "RUSAGE_SELF",
    RUSAGE_CHILDREN: "RUSAGE_CHILDREN",
    RUSAGE_THREAD: "RUSAGE_THREAD",
}


class Rlimit64(Struct, size=16):
    """struct rlimit64, and struct rlimit of 64-bit systems."""

    cur: u64
    max: u64


class Timeval(Struct, size=16):
    """struct timeval of 64-bit systems."""

    tv_sec: i64
    tv_usec: i64

    @classmethod
    def from_ns(cls, nanoseconds: int) -> Self:
        seconds, rest = divmod(nanoseconds, 1_000_000_000)
        return cls(tv_sec=seconds, tv_usec=rest // 1000)

    @property
    def ns(self) -> int:
        return self.tv_sec * 1_000_000_000 + self.tv_usec * 1000


class Rusage(Struct, size=144):
    """struct rusage."""

    ru_utime: Timeval
    ru_stime: Timeval
    ru_maxrss: i64 = 0
    ru_ixrss: i64 = 0
    ru_idrss: i64 = 0
    ru_isrss: i64 = 0
    ru_minflt: i64 = 0
    ru_majflt: i64 = 0
    ru_nswap: i64 = 0
    ru_inblock: i64 = 0
    ru_oublock: i64 = 0
    ru_msgsnd: i64 = 0
    ru_msgrcv: i64 = 0
    ru_nsignals: i64 = 0
    ru_nvcsw: i64 = 0
    ru_nivcsw: i64 = 0
