"""clone(2) flags and struct clone_args (linux/sched.h)."""

from elfuse.enumeration import IntFlag
from elfuse.runtime.abi.layout import Struct, u64


class Clone(IntFlag):
    """CLONE_*; the low byte of clone's flags is the exit signal."""

    NEWTIME = 0x80
    VM = 0x100
    FS = 0x200
    FILES = 0x400
    SIGHAND = 0x800
    PIDFD = 0x1000
    PTRACE = 0x2000
    VFORK = 0x4000
    PARENT = 0x8000
    THREAD = 0x10000
    NEWNS = 0x20000
    SYSVSEM = 0x40000
    SETTLS = 0x80000
    PARENT_SETTID = 0x100000
    CHILD_CLEARTID = 0x200000
    DETACHED = 0x400000
    UNTRACED = 0x800000
    CHILD_SETTID = 0x1000000
    NEWCGROUP = 0x2000000
    NEWUTS = 0x4000000
    NEWIPC = 0x8000000
    NEWUSER = 0x10000000
    NEWPID = 0x20000000
    NEWNET = 0x40000000
    IO = 0x80000000
    CLEAR_SIGHAND = 0x100000000
    INTO_CGROUP = 0x200000000


NAMESPACES = (
    Clone.NEWTIME
    | Clone.NEWNS
    | Clone.NEWCGROUP
    | Clone.NEWUTS
    | Clone.NEWIPC
    | Clone.NEWUSER
    | Clone.NEWPID
    | Clone.NEWNET
    | Clone.INTO_CGROUP
)

CLONE_FLAGS = {flag.value: f"CLONE_{flag.name}" for flag in Clone}


class CloneArgs(Struct, size=88):
    """struct clone_args."""

    flags: u64
    pidfd: u64 = 0
    child_tid: u64 = 0
    parent_tid: u64 = 0
    exit_signal: u64 = 0
    stack: u64 = 0
    stack_size: u64 = 0
    tls: u64 = 0
    set_tid: u64 = 0
    set_tid_size: u64 = 0
    cgroup: u64 = 0
