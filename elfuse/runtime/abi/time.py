"""Clocks and timers (linux/time.h)."""

from elfuse.enumeration import IntEnum
from elfuse.runtime.abi.layout import Bytes, Struct, i32, i64, u32
from elfuse.runtime.abi.resource import Timeval as Timeval
from elfuse.runtime.abi.stat import Timespec
from elfuse.typing import Annotated


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
CPUCLOCK_VIRT, CPUCLOCK_FD, CPUCLOCK_THREAD = 1, 3, 4
"""Low bits of a negative clock number; above them stands the complement of a pid or tid."""
TIMER_ABSTIME = 1
ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF = 0, 1, 2
ITIMER_NAMES = {
    ITIMER_REAL: "ITIMER_REAL",
    ITIMER_VIRTUAL: "ITIMER_VIRTUAL",
    ITIMER_PROF: "ITIMER_PROF",
}
SECOND = 1_000_000_000


class Itimerspec(Struct, size=32):
    """struct __kernel_itimerspec."""

    it_interval: Timespec
    it_value: Timespec


class Itimerval(Struct, size=32):
    """struct itimerval."""

    it_interval: Timeval
    it_value: Timeval


class Tms(Struct, size=32):
    """struct tms."""

    tms_utime: i64
    tms_stime: i64
    tms_cutime: i64
    tms_cstime: i64


STA_UNSYNC, TIME_ERROR = 0x40, 5


class Timex(Struct, size=208):
    """struct timex."""

    modes: u32 = 0
    pad0: u32 = 0
    offset: i64 = 0
    freq: i64 = 0
    maxerror: i64 = 16_000_000
    esterror: i64 = 16_000_000
    status: i32 = STA_UNSYNC
    pad1: u32 = 0
    constant: i64 = 2
    precision: i64 = 1
    tolerance: i64 = 32_768_000
    time: Timeval
    tick: i64 = 10_000
    rest: Annotated[bytes, Bytes(112)] = b""
    """PPS statistics, the TAI offset and spare words."""
