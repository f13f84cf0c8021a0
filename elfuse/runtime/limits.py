"""Resource limits: what the first process starts with, and who may change what (getrlimit(2))."""

import resource

from elfuse.light import suppress
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.resource import INFINITY, NR_OPEN, Rlimit
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.process import Process

_STACK = 8 << 20
_OPEN_FILES = 1024
# What Linux gives the first process of a machine (INIT_RLIMITS); the host's values stand where
# the host enforces the limit for us.
_DEFAULTS: dict[Rlimit, tuple[int, int]] = {
    Rlimit.STACK: (_STACK, INFINITY),
    Rlimit.CORE: (0, INFINITY),
    Rlimit.NICE: (0, 0),
    Rlimit.RTPRIO: (0, 0),
}
_FROM_HOST = (Rlimit.NPROC, Rlimit.MEMLOCK, Rlimit.SIGPENDING, Rlimit.MSGQUEUE)


def _host_limit(limit: Rlimit) -> tuple[int, int]:
    number = getattr(resource, f"RLIMIT_{limit.name}", None)
    if number is None:
        return INFINITY, INFINITY
    soft, hard = resource.getrlimit(number)
    infinite = (-1, resource.RLIM_INFINITY)
    return (
        INFINITY if soft in infinite else soft,
        INFINITY if hard in infinite else hard,
    )


def initial_limits() -> dict[int, tuple[int, int]]:
    """Limits of the first process. Lets this host process open as many files as it may.

    The guest's descriptors are not the host's: the guest's own RLIMIT_NOFILE is kept by its
    descriptor table.
    """
    limits = {limit.value: (INFINITY, INFINITY) for limit in Rlimit}
    limits |= {limit.value: pair for limit, pair in _DEFAULTS.items()}
    limits |= {limit.value: _host_limit(limit) for limit in _FROM_HOST}
    _soft, hard = _host_limit(Rlimit.NOFILE)
    hard = min(hard, NR_OPEN)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    limits[Rlimit.NOFILE] = (min(_OPEN_FILES, hard), hard)
    return limits


def get_limit(process: "Process", number: int) -> tuple[int, int]:
    """(soft, hard); EINVAL for a number that names no limit."""
    if number not in Rlimit._value2member_map_:
        raise SyscallError(Errno.EINVAL)
    return process.rlimits.get(number, (INFINITY, INFINITY))


def set_limit(process: "Process", number: int, soft: int, hard: int) -> None:
    """EINVAL for soft above hard; EPERM for raising the hard limit without being root."""
    _old_soft, old_hard = get_limit(process, number)
    if soft > hard:
        raise SyscallError(Errno.EINVAL)
    if number == Rlimit.NOFILE and hard > NR_OPEN:
        raise SyscallError(Errno.EPERM)
    if hard > old_hard and process.credentials.euid:
        raise SyscallError(Errno.EPERM)
    process.rlimits[number] = (soft, hard)
    if number == Rlimit.NOFILE:
        process.files.limit = soft
    elif number == Rlimit.STACK:
        process.memory.stack_limit = min(soft, process.memory.space.limit)
        for task in process.tasks.values():
            task.vcpu.set_stack_limit(soft, hard)
    elif number == Rlimit.AS:
        process.memory.stop_calls()
