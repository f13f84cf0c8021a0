"""A minimal /sys: what programs look at to count CPUs."""

import os

from elfuse.runtime.fs.proc import directory, text
from elfuse.runtime.fs.pseudo import Directory, Maker, PseudoFilesystem

SYSFS_MAGIC = 0x62656572


def mount_sys() -> PseudoFilesystem:
    """A sysfs with devices/system/cpu and empty class directories."""
    fs = PseudoFilesystem("sysfs", SYSFS_MAGIC)
    count = os.cpu_count() or 1
    cpus = text(lambda: b"0-%d\n" % (count - 1) if count > 1 else b"0\n")
    cpu: dict[bytes, Maker] = dict.fromkeys((b"online", b"possible", b"present"), cpus)
    cpu[b"kernel_max"] = text(lambda: b"%d\n" % (count - 1))
    for number in range(count):
        cpu[b"cpu%d" % number] = directory({b"online": text(lambda: b"1\n")})
    page = {b"hpage_pmd_size": text(lambda: b"2097152\n"), b"enabled": text(lambda: b"never\n")}
    system = {b"cpu": directory(cpu)}
    tree: dict[bytes, Maker] = {
        b"class": directory({b"net": directory({})}),
        b"devices": directory({b"system": directory(system)}),
        b"fs": directory({b"cgroup": directory({})}),
        b"kernel": directory({b"mm": directory({b"transparent_hugepage": directory(page)})}),
        b"module": directory({}),
    }
    fs.attach(Directory(fs, b"/", tree))
    return fs
