"""What uname(2) and sysinfo(2) say about this kernel, and their structs."""

from elfuse.runtime.abi.layout import Bytes, Struct, i64, u16, u32, u64
from elfuse.typing import Annotated

SYSNAME = b"Linux"
RELEASE = b"6.1.0-elfuse"
VERSION = b"#1 SMP PREEMPT elfuse"
MACHINE = b"aarch64"

GRND_NONBLOCK, GRND_RANDOM, GRND_INSECURE = 1, 2, 4
GRND_NAMES = {
    GRND_NONBLOCK: "GRND_NONBLOCK",
    GRND_RANDOM: "GRND_RANDOM",
    GRND_INSECURE: "GRND_INSECURE",
}

ADDR_NO_RANDOMIZE = 0x0040000
PER_MASK = 0xFF

CAPABILITY_VERSION_1 = 0x19980330
CAPABILITY_VERSION_2 = 0x20071026
CAPABILITY_VERSION_3 = 0x20080522
ALL_CAPABILITIES = (1 << 41) - 1
"""CAP_LAST_CAP is CAP_CHECKPOINT_RESTORE (40)."""

Name = Annotated[bytes, Bytes(65)]


class Utsname(Struct, size=390):
    """struct new_utsname."""

    sysname: Name
    nodename: Name
    release: Name
    version: Name
    machine: Name
    domainname: Name


class Sysinfo(Struct, size=112):
    """struct sysinfo."""

    uptime: i64
    load_1: u64
    load_5: u64
    load_15: u64
    totalram: u64
    freeram: u64
    sharedram: u64 = 0
    bufferram: u64 = 0
    totalswap: u64 = 0
    freeswap: u64 = 0
    procs: u16
    pad: u16 = 0
    pad2: u32 = 0
    totalhigh: u64 = 0
    freehigh: u64 = 0
    mem_unit: u32 = 1
    pad3: u32 = 0


class CapabilityHeader(Struct, size=8):
    """struct __user_cap_header_struct."""

    version: u32
    pid: u32


class CapabilityData(Struct, size=12):
    """struct __user_cap_data_struct: 32 bits of each set."""

    effective: u32
    permitted: u32
    inheritable: u32
