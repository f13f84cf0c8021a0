"""struct linux_dirent64 (getdents64(2))."""

from elfuse.runtime.abi.layout import Struct, i64, u8, u16, u64


class DirentHeader(Struct, size=19):
    """The fixed part; the name follows with a NUL, the record is padded to 8 bytes."""

    d_ino: u64
    d_off: i64
    d_reclen: u16
    d_type: u8
