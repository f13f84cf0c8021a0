"""struct signalfd_siginfo (linux/signalfd.h)."""

from elfuse.runtime.abi.layout import Bytes, Struct, i32, u16, u32, u64
from elfuse.typing import Annotated


class Siginfo(Struct, size=128):
    """struct signalfd_siginfo."""

    signo: u32
    errno: i32 = 0
    code: i32 = 0
    pid: u32 = 0
    uid: u32 = 0
    fd: i32 = 0
    tid: u32 = 0
    band: u32 = 0
    overrun: u32 = 0
    trapno: u32 = 0
    status: i32 = 0
    int_value: i32 = 0
    pointer: u64 = 0
    utime: u64 = 0
    stime: u64 = 0
    address: u64 = 0
    address_lsb: u16 = 0
    pad2: u16 = 0
    syscall: i32 = 0
    call_address: u64 = 0
    arch: u32 = 0
    pad: Annotated[bytes, Bytes(28)] = b""
