"""Auxiliary vector keys (getauxval(3)) and what they say here."""

AT_NULL, AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE, AT_FLAGS, AT_ENTRY = (
    0,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
)
AT_UID, AT_EUID, AT_GID, AT_EGID, AT_PLATFORM, AT_HWCAP, AT_CLKTCK = 11, 12, 13, 14, 15, 16, 17
AT_SECURE, AT_RANDOM, AT_HWCAP2, AT_EXECFN, AT_SYSINFO_EHDR, AT_MINSIGSTKSZ = 23, 25, 26, 31, 33, 51

_FEATURES = {
    "fp": 0,
    "asimd": 1,
    "evtstrm": 2,
    "aes": 3,
    "pmull": 4,
    "sha1": 5,
    "sha2": 6,
    "crc32": 7,
    "atomics": 8,
    "fphp": 9,
    "asimdhp": 10,
    "cpuid": 11,
    "asimdrdm": 12,
    "jscvt": 13,
    "fcma": 14,
    "lrcpc": 15,
    "dcpop": 16,
    "asimddp": 20,
    "flagm": 27,
}
"""Names as in /proc/cpuinfo, and HWCAP_* bit numbers (arm64 asm/hwcap.h): what is complete."""


def features(*, identification: bool) -> dict[str, int]:
    """Names and bits in AT_HWCAP; `identification`: the engine lets programs read ID registers."""
    return {name: bit for name, bit in _FEATURES.items() if identification or name != "cpuid"}


MINSIGSTKSZ = 4720
CLOCK_TICKS = 100
