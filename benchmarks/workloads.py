"""What is timed: the same work as a command for qemu-user and as one for elfuse."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support import EMULATOR, ROOT, built_image, compile_guest

SOURCES = ROOT / "benchmarks" / "guest"
Command = list[str]


@dataclass(frozen=True)
class Workload:
    """`guest` is the command line that both run, with `sysroot` answering absolute paths.

    qemu-user leaves the guest's execve to the host kernel, which starts qemu-user again through
    binfmt_misc. Where nothing is registered there, `for_qemu` says so in the command itself.
    """

    name: str
    sysroot: Path
    guest: Command
    for_qemu: Command | None = None

    def qemu(self) -> Command:
        return [EMULATOR, "-L", str(self.sysroot), *(self.for_qemu or self.guest)]

    def elfuse(self, command: Command, engine: str) -> Command:
        return [*command, "--engine", engine, "--sysroot", str(self.sysroot), *self.guest]


def _program(name: str) -> str:
    return str(compile_guest(SOURCES / f"{name}.c", flags=("-O2",)))


def workloads(scratch: Path) -> list[Workload]:
    """All of them. Counts are such that qemu-user needs some tenths of a second."""
    mini, tools = built_image("debian-mini")[1], built_image("toolbox")[1]
    emulator = shutil.which(EMULATOR) or EMULATOR
    true = f"{mini}/usr/bin/true"
    looked_up = [
        "/usr/lib/python3.11/encodings/utf_8.py",
        "/usr/bin/python3",
        "/usr/share/doc/missing/file",
    ]
    gcc = [f"{tools}/usr/bin/gcc", f"--sysroot={tools}", f"-B{tools}/usr/bin/", "-O2", "-c"]
    gcc += [str(SOURCES / "sample.c"), "-o", str(scratch / "sample.o")]
    wrapped = [*gcc, "-wrapper", f"{emulator},-L,{tools}"]
    make: list[Callable[[], Workload]] = [
        lambda: Workload("start, static", mini, [_program("syscalls"), "1"]),
        lambda: Workload("start, dynamic", mini, [true]),
        lambda: Workload(
            "fork + exec, 30",
            mini,
            [_program("spawn"), "30", true],
            [_program("spawn"), "30", emulator, "-L", str(mini), true],
        ),
        lambda: Workload("system calls, 100,000", mini, [_program("syscalls"), "100000"]),
        lambda: Workload("path lookups, 30,000", mini, [_program("paths"), "10000", *looked_up]),
        lambda: Workload("sieve of 10 million", mini, [_program("compute"), "10000000"]),
        lambda: Workload("python3 -c pass", mini, [f"{mini}/usr/bin/python3.11", "-c", "pass"]),
        lambda: Workload("gcc -O2 -c", tools, gcc, wrapped),
    ]
    return [workload() for workload in make]
