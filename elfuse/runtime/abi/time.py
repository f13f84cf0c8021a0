"""Clocks and timers (linux/time.h)."""

from enum import IntEnum

from elfuse.runtime.abi.layout import Struct, i32, i64, u64
from elfuse.runtime.abi.stat import Timespec


class Clock(IntEnum):
    """CLOCK_*."""

    REALTIME = 0
    MONOTONIC = 1
    PROCESS_CPUTIME_ID = 2
    THREAD_CPUTIME_ID = 3
    MONOTONIC_RAW = 4
    REALTIME_COARSE = 5
    MONOTONIC_COARSE = 6
    BOOTTIME = 7
    REALTIME_ALARM = 8
    BOOTTIME_ALARM = 9
    TAI = 11


CLOCK_NAMES = {clock.value: f"CLOCK_{clock.name}" for clock in Clock}
TIMER_ABSTIME = 1
SECOND = 1_000_000_000


class Itimerspec(Struct, size=32):
    """struct __kernel_itimerspec."""

    it_interval: Timespec
    it_value: Timespec


class Timeval(Struct, size=16):
    """struct timeval of 64-bit systems."""

    tv_sec: i64
    tv_usec: i64

    @classmethod
    def from_ns(cls, ns: int) -> "Timeval":
        return cls(tv_sec=ns // SECOND, tv_usec=ns % SECOND // 1000)

    @property
    def ns(self) -> int:
        return self.tv_sec * SECOND + self.tv_usec * 1000


class Itimerval(Struct, size=32):
    """struct itimerval."""

    it_interval: Timeval
    it_value: Timeval


class Sigevent(Struct, size=64):
    """struct sigevent."""

    sigev_value: u64
    sigev_signo: i32
    sigev_notify: i32
    sigev_tid: i32
    pad: i32 = 0
    spare0: u64 = 0
    spare1: u64 = 0
    spare2: u64 = 0
    spare3: u64 = 0
    spare4: u64 = 0


class Tms(Struct, size=32):
    """struct tms."""

    tms_utime: i64
    tms_stime: i64
    tms_cutime: i64
    tms_cstime: i64
