"""Clocks beyond Python's `time`: CPU time of other processes and threads, time since boot."""

import os
import sys
import time

if sys.platform == "linux":
    _CPU_SCHED = 2

    def process_cpu_ns(pid: int) -> int:
        """CPU time a process has used. OSError if there is none."""
        return time.clock_gettime_ns(~pid << 3 | _CPU_SCHED)

    def thread_cpu_ns(ident: int) -> int:
        """CPU time a living thread of this process has used, by `threading.get_ident`."""
        return time.clock_gettime_ns(time.pthread_getcpuclockid(ident))

    def boot_ns() -> int:
        """Since the host's start, suspension included."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def raw_ns() -> int:
        """Monotonic and not slewed."""
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)

    def tai_ns() -> int:
        """International atomic time, as far as the host knows the leap seconds."""
        return time.clock_gettime_ns(time.CLOCK_TAI)

elif sys.platform == "darwin":
    import ctypes

    _libc = ctypes.CDLL(None, use_errno=True)
    _RUSAGE_INFO_V0, _THREAD_BASIC_INFO = 0, 3

    def process_cpu_ns(pid: int) -> int:
        """CPU time a process has used. OSError if there is none."""
        # struct rusage_info_v0 as words: two of a uuid, user and system time, eight others.
        words, base = (ctypes.c_uint64 * 12)(), (ctypes.c_uint32 * 2)()
        if _libc.proc_pid_rusage(pid, _RUSAGE_INFO_V0, words) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        _libc.mach_timebase_info(base)
        return (words[2] + words[3]) * base[0] // base[1]

    def thread_cpu_ns(ident: int) -> int:
        """CPU time a living thread of this process has used, by `threading.get_ident`."""
        port = _libc.pthread_mach_thread_np(ctypes.c_void_p(ident))
        # thread_basic_info: seconds and microseconds as user, the same in the system, six others.
        words, count = (ctypes.c_int32 * 10)(), ctypes.c_uint32(10)
        if _libc.thread_info(port, _THREAD_BASIC_INFO, words, ctypes.byref(count)):
            raise ProcessLookupError(3, os.strerror(3))
        return (words[0] + words[2]) * 1_000_000_000 + (words[1] + words[3]) * 1000

    def boot_ns() -> int:
        """Since the host's start, suspension included."""
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def raw_ns() -> int:
        """Monotonic and not slewed."""
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)

    def tai_ns() -> int:
        """The wall clock: macOS does not know leap seconds."""
        return time.time_ns()
