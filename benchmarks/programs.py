"""Programs of a distribution that are timed: the same work as a command for qemu and for elfuse."""

import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Bench, qemu
from tests.support import EMULATOR, built_image

_HELLO = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n'
_BASH = "for i in {1..50}; do x=${x}$i; done; echo ${#x} $((6 * 7))"
_PERL = 'my %c; $c{$_ % 7}++ for 1..2000; print join(",", map { "$_=$c{$_}" } sort keys %c), "\\n"'
_PYTHON = "import json; print(len(json.dumps(list(range(1000)))))"


@dataclass(frozen=True)
class Program:
    """`guest` is the command line that both run, with `sysroot` answering absolute paths.

    qemu-user leaves the guest's execve to the host kernel, which needs qemu-user in the command
    unless binfmt_misc is set up; `for_qemu` has it where the program starts others.
    """

    name: str
    sysroot: Path
    guest: tuple[str, ...]
    for_qemu: tuple[str, ...] = ()

    def on_qemu(self) -> list[str]:
        return qemu(*(self.for_qemu or self.guest), sysroot=self.sysroot)

    def on_elfuse(self, bench: Bench) -> list[str]:
        return bench.elfuse(*self.guest, sysroot=self.sysroot)


def programs(scratch: Path) -> list[Program]:
    """Bash, perl, python3 and gcc of the example images."""
    mini, tools = built_image("debian-mini")[1], built_image("toolbox")[1]
    return [
        Program("bash", mini, (f"{mini}/usr/bin/bash", "-c", _BASH)),
        Program("perl", mini, (f"{mini}/usr/bin/perl", "-e", _PERL)),
        Program("python3", mini, (f"{mini}/usr/bin/python3.11", "-c", _PYTHON)),
        _gcc(tools, scratch),
    ]


def _gcc(tools: Path, scratch: Path) -> Program:
    """Compiles, assembles and links."""
    emulator = shutil.which(EMULATOR) or EMULATOR
    source, linker = scratch / "hello.c", scratch / "wrapped" / "ld"
    source.write_text(_HELLO)
    # collect2 starts the linker without gcc's -wrapper.
    linker.parent.mkdir(exist_ok=True)
    linker.write_text(f'#!/bin/sh\nexec {emulator} -L {tools} {tools}/usr/bin/ld "$@"\n')
    linker.chmod(0o755)
    gcc = (f"{tools}/usr/bin/gcc", f"--sysroot={tools}")
    rest = (f"-B{tools}/usr/bin/", str(source), "-o", str(scratch / "hello"))
    wrapped = (f"-B{linker.parent}/", "-wrapper", f"{emulator},-L,{tools}")
    return Program("gcc", tools, (*gcc, *rest), (*gcc, *wrapped, *rest))


def shell_script(command: Sequence[str]) -> str:
    """For bash: run the command twice, and print the microseconds of the second time."""
    words = list(command)
    words[0] = shutil.which(words[0]) or words[0]
    line = shlex.join(words)
    # EPOCHREALTIME has a decimal comma in some locales: six digits follow it in any.
    clock = "${EPOCHREALTIME//[.,]/}"
    return f'{line} >/dev/null || exit; a={clock}; {line} || exit; b={clock}; echo "$((b - a))"'
