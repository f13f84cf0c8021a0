"""Calls about the system as a whole: names, limits, capabilities, scheduling, barriers."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from elfuse.runtime.abi import sched, system
from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.abi.resource import INFINITY, Rlimit, Rlimit64, Rusage
from elfuse.runtime.capabilities import Sets
from elfuse.runtime.vfs.credentials import Credentials
from tests.runtime.machine import Machine, machine

_OWN_FILES = Rlimit.NOFILE


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path) as made:
        yield made


def _limit(guest: Machine, number: int) -> Rlimit64:
    at = guest.room(16)
    guest.ok("getrlimit", number, at)
    return Rlimit64.unpack(guest.get(at, 16))


def test_uname_is_an_arm64_linux(guest: Machine) -> None:
    at = guest.room(system.Utsname.size)
    guest.ok("uname", at)
    found = system.Utsname.unpack(guest.get(at, system.Utsname.size))
    assert found.sysname.rstrip(b"\0") == b"Linux"
    assert found.machine.rstrip(b"\0") == b"aarch64"
    assert found.nodename.rstrip(b"\0") == b"machine"
    assert found.release.startswith(b"6.1.0")


def test_hostname_changes_for_root_only(guest: Machine) -> None:
    guest.ok("sethostname", guest.put(b"renamed"), 7)
    assert guest.kernel.hostname == b"renamed"
    assert guest.error("sethostname", 0, 65) is Errno.EINVAL
    guest.process.credentials = Credentials.of(1000, 1000, ())
    assert guest.error("sethostname", guest.put(b"x"), 1) is Errno.EPERM


def test_random_bytes_differ_and_flags_are_checked(guest: Machine) -> None:
    one, two = guest.room(32), guest.room(32)
    assert guest.ok("getrandom", one, 32, 0) == 32
    guest.ok("getrandom", two, 32, system.GRND_NONBLOCK)
    assert guest.get(one, 32) != guest.get(two, 32)
    assert guest.error("getrandom", one, 32, 8) is Errno.EINVAL
    assert guest.error("getrandom", 8, 32, 0) is Errno.EFAULT


def test_soft_limit_of_open_files_binds(guest: Machine) -> None:
    hard = _limit(guest, _OWN_FILES).max
    guest.ok("setrlimit", _OWN_FILES, guest.put(Rlimit64(cur=3, max=hard).pack()))
    assert guest.ok("eventfd2", 0, 0) == 0
    guest.ok("eventfd2", 0, 0)
    guest.ok("eventfd2", 0, 0)
    assert guest.error("eventfd2", 0, 0) is Errno.EMFILE


def test_hard_limit_is_raised_by_root_only(guest: Machine) -> None:
    low = guest.put(Rlimit64(cur=5, max=10).pack())
    high = guest.put(Rlimit64(cur=5, max=20).pack())
    guest.ok("prlimit64", 0, Rlimit.NPROC, low, 0)
    old = guest.room(16)
    guest.ok("prlimit64", guest.process.pid, Rlimit.NPROC, high, old)
    assert Rlimit64.unpack(guest.get(old, 16)) == Rlimit64(cur=5, max=10)
    guest.process.credentials = Credentials.of(1000, 1000, ())
    higher = guest.put(Rlimit64(cur=5, max=30).pack())
    assert guest.error("prlimit64", 0, Rlimit.NPROC, higher, 0) is Errno.EPERM
    assert guest.error("setrlimit", Rlimit.NPROC, guest.put(Rlimit64(cur=2, max=1).pack())) is (
        Errno.EINVAL
    )
    assert guest.error("getrlimit", 16, old) is Errno.EINVAL
    assert guest.error("prlimit64", 999_999, 0, 0, old) is Errno.ESRCH


def test_limits_start_as_linux_has_them(guest: Machine) -> None:
    assert _limit(guest, Rlimit.STACK) == Rlimit64(cur=8 << 20, max=INFINITY)
    assert _limit(guest, Rlimit.CORE).cur == 0
    assert _limit(guest, Rlimit.AS) == Rlimit64(cur=INFINITY, max=INFINITY)


def test_usage_grows(guest: Machine) -> None:
    at = guest.room(Rusage.size)
    guest.ok("getrusage", 0, at)
    assert Rusage.unpack(guest.get(at, Rusage.size)).ru_maxrss > 0
    for who in (-1, 1):
        guest.ok("getrusage", who, at)
    assert guest.error("getrusage", 2, at) is Errno.EINVAL


def _capabilities(guest: Machine) -> Sets:
    header = guest.put(system.CapabilityHeader(version=system.CAPABILITY_VERSION_3, pid=0).pack())
    at = guest.room(24)
    guest.ok("capget", header, at)
    return Sets.unpack(guest.get(at, 24))


def test_dropped_capabilities_stay_dropped(guest: Machine) -> None:
    everything = Sets(system.ALL_CAPABILITIES, system.ALL_CAPABILITIES)
    assert _capabilities(guest) == everything
    header = guest.put(system.CapabilityHeader(version=system.CAPABILITY_VERSION_3, pid=0).pack())
    guest.ok("capset", header, guest.put(Sets(0, 1).pack(2)))
    assert _capabilities(guest) == Sets(0, 1)
    assert guest.error("capset", header, guest.put(everything.pack(2))) is Errno.EPERM


def test_unknown_capability_version_is_answered_with_the_known_one(guest: Machine) -> None:
    header = guest.put(system.CapabilityHeader(version=1, pid=0).pack())
    assert guest.error("capget", header, guest.room(24)) is Errno.EINVAL
    assert guest.get(header, 4) == system.CAPABILITY_VERSION_3.to_bytes(4, "little")


def test_affinity_is_kept(guest: Machine) -> None:
    at = guest.room(128)
    assert guest.ok("sched_getaffinity", 0, 128, at) == 8
    assert int.from_bytes(guest.get(at, 8), "little") == (1 << (os.cpu_count() or 1)) - 1
    guest.ok("sched_setaffinity", 0, 8, guest.put((1).to_bytes(8, "little")))
    guest.ok("sched_getaffinity", 0, 128, at)
    assert guest.get(at, 8) == (1).to_bytes(8, "little")
    assert guest.error("sched_setaffinity", 0, 8, guest.put(bytes(8))) is Errno.EINVAL
    assert guest.error("sched_getaffinity", 0, 7, at) is Errno.EINVAL
    assert guest.error("sched_getaffinity", -1, 128, at) is Errno.ESRCH


def test_policies_are_the_normal_one(guest: Machine) -> None:
    param = guest.put(sched.SchedParam(priority=0).pack())
    assert guest.ok("sched_getscheduler", 0) == sched.SCHED_OTHER
    guest.ok("sched_setscheduler", 0, sched.SCHED_OTHER, param)
    real_time = guest.put(sched.SchedParam(priority=5).pack())
    assert guest.error("sched_setscheduler", 0, sched.SCHED_FIFO, real_time) is Errno.EPERM
    assert guest.error("sched_setscheduler", 0, sched.SCHED_OTHER, real_time) is Errno.EINVAL
    assert guest.ok("sched_get_priority_max", sched.SCHED_RR) == 99
    assert guest.error("sched_getscheduler", 999_999) is Errno.ESRCH


def test_nice_value_is_the_hosts(guest: Machine) -> None:
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    assert guest.ok("getpriority", sched.PRIO_PROCESS, 0) == 20 - nice
    guest.ok("setpriority", sched.PRIO_PROCESS, 0, nice)
    assert guest.error("getpriority", 7, 0) is Errno.EINVAL


def test_barrier_needs_registration(guest: Machine) -> None:
    supported = guest.ok("membarrier", sched.MEMBARRIER_QUERY, 0, 0)
    if not supported:
        pytest.skip("the host has no membarrier(2)")
    private = sched.MEMBARRIER_PRIVATE_EXPEDITED
    assert guest.error("membarrier", private, 0, 0) is Errno.EPERM
    guest.ok("membarrier", sched.MEMBARRIER_REGISTER_PRIVATE_EXPEDITED, 0, 0)
    assert guest.ok("membarrier", private, 0, 0) == 0
    assert guest.error("membarrier", 1 << 20, 0, 0) is Errno.EINVAL


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("rseq", (0, 32, 0, 0), Errno.ENOSYS),
        ("reboot", (0, 0, 0, 0), Errno.EPERM),
        ("syslog", (3, 0, 0), Errno.EPERM),
        ("acct", (0,), Errno.EPERM),
        ("swapoff", (b"/",), Errno.EPERM),
        ("seccomp", (1, 0, 0), Errno.EINVAL),
        ("setdomainname", (0, 0), Errno.EPERM),
    ],
)
def test_refused_calls_say_why(
    guest: Machine, name: str, arguments: tuple[int | bytes, ...], reason: Errno
) -> None:
    assert guest.error(name, *arguments) is reason
