"""The text of /proc files about the system, taken from the host where that is honest."""

import os
import time

from elfuse.runtime.abi import auxv
from elfuse.runtime.abi.system import MACHINE, RELEASE, SYSNAME, VERSION
from elfuse.runtime.fs.pseudo import Maker
from elfuse.runtime.processes import State
from elfuse.typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from elfuse.runtime.kernel import Kernel
    from elfuse.runtime.process import Process
    from elfuse.runtime.processes import ProcessTable


def cpuinfo(kernel: "Kernel") -> bytes:
    """One paragraph per host CPU; the implementer fields are those of MIDR_EL1, of no real one."""
    features = auxv.features(identification=kernel.engine.identification)
    one = (
        b"processor\t: %d\nBogoMIPS\t: 100.00\nFeatures\t: "
        + " ".join(features).encode()
        + b"\nCPU implementer\t: 0x00\nCPU architecture: 8\nCPU variant\t: 0x0\n"
        b"CPU part\t: 0x051\nCPU revision\t: 0\n\n"
    )
    return b"".join(one % number for number in range(os.cpu_count() or 1))


def _memory() -> tuple[int, int]:
    """(total, available) bytes of the host."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = os.sysconf("SC_PHYS_PAGES") * page
    try:
        return total, os.sysconf("SC_AVPHYS_PAGES") * page
    except ValueError:  # macOS does not tell
        return total, total // 2


def meminfo() -> bytes:
    """Totals of the host; what is not known is 0."""
    total, free = (value // 1024 for value in _memory())
    rows = [
        (b"MemTotal", total),
        (b"MemFree", free),
        (b"MemAvailable", free),
        (b"Buffers", 0),
        (b"Cached", 0),
        (b"SwapCached", 0),
        (b"Active", total - free),
        (b"Inactive", 0),
        (b"SwapTotal", 0),
        (b"SwapFree", 0),
        (b"Dirty", 0),
        (b"Writeback", 0),
        (b"AnonPages", 0),
        (b"Mapped", 0),
        (b"Shmem", 0),
        (b"Slab", 0),
        (b"SReclaimable", 0),
        (b"SUnreclaim", 0),
        (b"CommitLimit", total),
        (b"Committed_AS", 0),
        (b"VmallocTotal", 0),
        (b"VmallocUsed", 0),
    ]
    return b"".join(b"%-15s %8d kB\n" % (name + b":", value) for name, value in rows)


def uptime(since_boot_ns: int) -> bytes:
    """Seconds since this run began, and idle seconds (as many)."""
    seconds = since_boot_ns / 1e9
    return b"%.2f %.2f\n" % (seconds, seconds)


def version() -> bytes:
    return b"%s version %s (elfuse) %s\n" % (SYSNAME, RELEASE, VERSION)


def loadavg(table: "ProcessTable") -> bytes:
    loads = os.getloadavg()
    entries = list(table)
    running = sum(entry.state is State.RUNNING for entry in entries)
    last = max((entry.pid for entry in entries), default=1)
    return b"%.2f %.2f %.2f %d/%d %d\n" % (*loads, running, len(entries), last)


def stat(kernel: "Kernel") -> bytes:
    """CPU lines in ticks since boot of this run; only what a host tells everywhere."""
    elapsed = (time.monotonic_ns() - kernel.boot_ns) // 10_000_000
    cpus = os.cpu_count() or 1
    line = b" %d 0 0 0 0 0 0 0 0 0\n"
    lines = [b"cpu " + line % (elapsed * cpus)]
    lines += [b"cpu%d" % number + line % elapsed for number in range(cpus)]
    boot = int(time.time() - (time.monotonic_ns() - kernel.boot_ns) / 1e9)
    count = len(list(kernel.processes))
    tail = b"intr 0\nctxt 0\nbtime %d\nprocesses %d\nprocs_running 1\nprocs_blocked 0\n"
    return b"".join(lines) + tail % (boot, count)


_LIMITS = (
    (b"Max cpu time", 0, b"seconds"),
    (b"Max file size", 1, b"bytes"),
    (b"Max data size", 2, b"bytes"),
    (b"Max stack size", 3, b"bytes"),
    (b"Max core file size", 4, b"bytes"),
    (b"Max resident set", 5, b"bytes"),
    (b"Max processes", 6, b"processes"),
    (b"Max open files", 7, b"files"),
    (b"Max locked memory", 8, b"bytes"),
    (b"Max address space", 9, b"bytes"),
    (b"Max file locks", 10, b"locks"),
    (b"Max pending signals", 11, b"signals"),
    (b"Max msgqueue size", 12, b"bytes"),
    (b"Max nice priority", 13, b""),
    (b"Max realtime priority", 14, b""),
    (b"Max realtime timeout", 15, b"us"),
)
_INFINITY = (1 << 64) - 1


def limits(process: "Process") -> bytes:
    """/proc/PID/limits."""
    lines = [b"%-25s %-20s %-20s %-10s\n" % (b"Limit", b"Soft Limit", b"Hard Limit", b"Units")]
    for name, number, unit in _LIMITS:
        shown = [
            b"unlimited" if value == _INFINITY else b"%d" % value
            for value in process.rlimits.get(number, (_INFINITY, _INFINITY))
        ]
        lines.append(b"%-25s %-20s %-20s %-10s\n" % (name, *shown, unit))
    return b"".join(lines)


def _uuid(data: bytes) -> bytes:
    """A line with 16 bytes as a random UUID."""
    text = (
        data[:6] + bytes((data[6] & 0x0F | 0x40, data[7], data[8] & 0x3F | 0x80)) + data[9:]
    ).hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])).encode() + b"\n"


def sysctl(
    kernel: "Kernel",
    text: Callable[..., Maker],
    directory: Callable[[dict[bytes, Maker]], Maker],
) -> dict[bytes, Maker]:
    """/proc/sys: the values programs look for."""

    def fixed(value: bytes) -> Maker:
        return text(lambda: value + b"\n")

    def set_hostname(data: bytes) -> None:
        kernel.hostname = data.rstrip(b"\n")[:64]

    random = {
        b"uuid": text(lambda: _uuid(os.urandom(16))),
        b"boot_id": text(lambda: _uuid(kernel.boot_id)),
        b"entropy_avail": fixed(b"256"),
        b"poolsize": fixed(b"256"),
    }
    kernel_names = {
        b"hostname": text(lambda: kernel.hostname + b"\n", set_hostname),
        b"domainname": fixed(b"(none)"),
        b"osrelease": fixed(RELEASE),
        b"ostype": fixed(SYSNAME),
        b"version": fixed(VERSION),
        b"arch": fixed(MACHINE),
        b"pid_max": fixed(b"4194304"),
        b"threads-max": fixed(b"127000"),
        b"cap_last_cap": fixed(b"40"),
        b"ngroups_max": fixed(b"65536"),
        b"core_pattern": fixed(b"core"),
        b"core_uses_pid": fixed(b"0"),
        b"randomize_va_space": fixed(b"2"),
        b"overflowuid": fixed(b"65534"),
        b"overflowgid": fixed(b"65534"),
        b"shmmax": fixed(b"18446744073692774399"),
        b"sem": fixed(b"32000\t1024000000\t500\t32000"),
        b"random": directory(random),
    }
    vm = {
        b"overcommit_memory": fixed(b"0"),
        b"overcommit_ratio": fixed(b"50"),
        b"max_map_count": fixed(b"65530"),
        b"mmap_min_addr": fixed(b"65536"),
        b"swappiness": fixed(b"60"),
    }
    files = {
        b"file-max": fixed(b"9223372036854775807"),
        b"nr_open": fixed(b"1048576"),
        b"pipe-max-size": fixed(b"1048576"),
        b"file-nr": fixed(b"0\t0\t9223372036854775807"),
    }
    core = {b"somaxconn": fixed(b"4096")}
    ipv4 = {
        b"ip_local_port_range": fixed(b"32768\t60999"),
        b"tcp_fin_timeout": fixed(b"60"),
    }
    return {
        b"kernel": directory(kernel_names),
        b"vm": directory(vm),
        b"fs": directory(files),
        b"net": directory({b"core": directory(core), b"ipv4": directory(ipv4)}),
    }
