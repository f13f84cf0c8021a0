"""stat(2), statx(2) and statfs(2) structures (asm-generic/stat.h, linux/stat.h, asm-generic/statfs.h)."""

from elfuse.runtime.abi.layout import Struct, i32, i64, u16, u32, u64


class Timespec(Struct, size=16):
    """struct __kernel_timespec."""

    tv_sec: i64
    tv_nsec: i64

    @classmethod
    def from_ns(cls, ns: int) -> "Timespec":
        return cls(tv_sec=ns // 1_000_000_000, tv_nsec=ns % 1_000_000_000)

    @property
    def ns(self) -> int:
        return self.tv_sec * 1_000_000_000 + self.tv_nsec


class Stat(Struct, size=128):
    """struct stat."""

    st_dev: u64
    st_ino: u64
    st_mode: u32
    st_nlink: u32
    st_uid: u32
    st_gid: u32
    st_rdev: u64
    pad1: u64 = 0
    st_size: i64
    st_blksize: i32 = 4096
    pad2: i32 = 0
    st_blocks: i64
    st_atim: Timespec
    st_mtim: Timespec
    st_ctim: Timespec
    reserved: u64 = 0


class StatxTimestamp(Struct, size=16):
    """struct statx_timestamp."""

    tv_sec: i64
    tv_nsec: u32
    reserved: i32 = 0

    @classmethod
    def from_ns(cls, ns: int) -> "StatxTimestamp":
        return cls(tv_sec=ns // 1_000_000_000, tv_nsec=ns % 1_000_000_000)


class Statx(Struct, size=256):
    """struct statx."""

    stx_mask: u32
    stx_blksize: u32 = 4096
    stx_attributes: u64 = 0
    stx_nlink: u32
    stx_uid: u32
    stx_gid: u32
    stx_mode: u16
    spare0: u16 = 0
    stx_ino: u64
    stx_size: u64
    stx_blocks: u64
    stx_attributes_mask: u64 = 0
    stx_atime: StatxTimestamp
    stx_btime: StatxTimestamp
    stx_ctime: StatxTimestamp
    stx_mtime: StatxTimestamp
    stx_rdev_major: u32
    stx_rdev_minor: u32
    stx_dev_major: u32
    stx_dev_minor: u32
    stx_mnt_id: u64 = 0
    spare1: u64 = 0
    spare2: u64 = 0
    spare3: u64 = 0
    spare4: u64 = 0
    spare5: u64 = 0
    spare6: u64 = 0
    spare7: u64 = 0
    spare8: u64 = 0
    spare9: u64 = 0
    spare10: u64 = 0
    spare11: u64 = 0
    spare12: u64 = 0
    spare13: u64 = 0


class Statfs(Struct, size=120):
    """struct statfs."""

    f_type: u64
    f_bsize: u64
    f_blocks: u64
    f_bfree: u64
    f_bavail: u64
    f_files: u64
    f_ffree: u64
    f_fsid: u64 = 0
    f_namelen: u64 = 255
    f_frsize: u64
    f_flags: u64 = 0
    spare0: u64 = 0
    spare1: u64 = 0
    spare2: u64 = 0
    spare3: u64 = 0


ST_RDONLY, ST_VALID, ST_RELATIME = 0x1, 0x20, 0x1000
STATX_BASIC_STATS = 0x7FF
STATX_MNT_ID = 0x1000


def make_dev(major: int, minor: int) -> int:
    """Linux's encoding of a device number (new_encode_dev)."""
    return (minor & 0xFF) | (major & 0xFFF) << 8 | (minor & ~0xFF) << 12


def split_dev(number: int) -> tuple[int, int]:
    """(major, minor)."""
    return (number >> 8) & 0xFFF, (number & 0xFF) | ((number >> 12) & ~0xFF)
