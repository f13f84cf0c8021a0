"""The parts of the speed table: what is run, and what is to be reached."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from benchmarks.breakdown import breakdown
from benchmarks.measure import (
    Bench,
    Failed,
    Result,
    Taken,
    cells,
    compared,
    medians,
    peak_memory,
    qemu,
    settle,
    timed,
)
from benchmarks.programs import Program, programs, shell_script
from tests.support import EMULATOR, ROOT, built_image, compile_guest

GUEST = ROOT / "benchmarks" / "guest"


@dataclass(frozen=True)
class Section:
    """Rows of one kind, with the least ratio for each and for their geometric mean."""

    name: str
    title: str
    each: float | None
    mean: float | None
    rows: Callable[[Bench, str], Iterator[Result]]


def _compiled(directory: str, flags: tuple[str, ...]) -> Callable[[Bench, str], Iterator[Result]]:
    def rows(bench: Bench, only: str) -> Iterator[Result]:
        for source in sorted((GUEST / directory).glob("*.c")):
            if only in source.stem:
                binary = str(compile_guest(source, flags=flags))
                yield bench.race(source.stem, qemu(binary), bench.elfuse(binary))

    return rows


def _chosen(bench: Bench, only: str) -> Iterator[Program]:
    return (program for program in programs(bench.scratch) if only in program.name)


def _first(bench: Bench, only: str) -> Iterator[Result]:
    for program in _chosen(bench, only):
        yield _race_from_nothing(bench, program)


def _race_from_nothing(bench: Bench, program: Program) -> Result:
    def from_nothing() -> Taken:
        taken = timed(program.on_elfuse(bench), bench.home("first"))
        # The worker that fills the cache now would slow qemu down.
        bench.fresh("first")
        return taken

    runs = {"qemu": lambda: timed(program.on_qemu(), bench.scratch), "elfuse": from_nothing}
    return compared(program.name, *medians(bench.rounds, runs))


def _second(bench: Bench, only: str) -> Iterator[Result]:
    for program in _chosen(bench, only):
        yield bench.race(program.name, program.on_qemu(), program.on_elfuse(bench))


def _inside(bench: Bench, only: str) -> Iterator[Result]:
    for program in _chosen(bench, only):
        yield _race_in_shells(bench, program)


def _race_in_shells(bench: Bench, program: Program) -> Result:
    """One guest shell per round and contestant, in which the command runs twice."""
    home = bench.home("warm")
    shell = f"{program.sysroot}/usr/bin/bash"
    theirs = qemu(shell, "-c", shell_script(program.on_qemu()), sysroot=program.sysroot)
    ours = bench.elfuse(shell, "-c", shell_script(program.guest), sysroot=program.sysroot)
    timed(ours, home)
    settle(home)
    runs = {
        "qemu": lambda: _last_line(timed(theirs, home)),
        "elfuse": lambda: _last_line(timed(ours, home)),
    }
    return compared(program.name, *medians(bench.rounds, runs))


def _last_line(taken: Taken) -> Taken:
    """What a command printed, and the microseconds that the shell wrote behind it."""
    output, _, microseconds = taken.output.strip().rpartition(b"\n")
    return Taken(int(microseconds) / 1e6, output)


def _true(bench: Bench, only: str) -> Iterator[Result]:
    mini = built_image("debian-mini")[1]
    true = f"{mini}/usr/bin/true"
    if only not in "true":
        return
    ours = bench.elfuse(true, sysroot=mini)
    raced = bench.race("true", qemu(true, sysroot=mini), ours)
    parts = breakdown(ours[1:], bench.home("warm"), bench.rounds)
    note = ", ".join(f"{part} {taken:.0f} ms" for part, taken in parts.items())
    yield replace(raced, notes=(note,))


def _spawn(bench: Bench, only: str) -> Iterator[Result]:
    mini = built_image("debian-mini")[1]
    shell, true = f"{mini}/usr/bin/bash", f"{mini}/usr/bin/true"
    emulator = " ".join(qemu(true, sysroot=mini)).replace(EMULATOR, str(shutil.which(EMULATOR)), 1)
    loop = "for ((i = 0; i < 200; i++)); do {}; done; echo done"
    if only in "spawn":
        yield bench.race(
            "fork+exec 200",
            qemu(shell, "-c", loop.format(emulator), sysroot=mini),
            bench.elfuse(shell, "-c", loop.format(true), sysroot=mini),
        )


def _calls(bench: Bench, only: str) -> Iterator[Result]:
    binary = str(compile_guest(GUEST / "call_loop.c", flags=("-O2",)))
    data = bench.scratch / "bytes"
    data.write_bytes(bytes(1 << 20))
    for name, count in (("getpid", 1000000), ("read", 1000000), ("clock_gettime", 2000000)):
        if only in name:
            guest = [binary, name, str(count), str(data)]
            yield bench.race(name, qemu(*guest), bench.elfuse(*guest))


def _threads(bench: Bench, only: str) -> Iterator[Result]:
    """Speed-ups are compared: elfuse's with that of the host's own program."""
    if only not in "threads":
        return
    source, home = GUEST / "threads.c", bench.home("warm")
    native = bench.scratch / "threads"
    subprocess.run(["gcc", "-O2", "-pthread", str(source), "-o", str(native)], check=True)
    binary = str(compile_guest(source, flags=("-O2", "-pthread")))
    runs = {
        "native": lambda: _speed_up(timed([str(native)], home)),
        "qemu": lambda: _speed_up(timed(qemu(binary), home)),
        "elfuse": lambda: _speed_up(timed(bench.elfuse(binary), home)),
    }
    host, theirs, ours = medians(bench.rounds, runs)
    wrong = "" if host.output == ours.output else "other output than the host's"
    note = f"natively {host.seconds:.2f} x, which the ratio is to"
    shown = cells("{:.2f} x", theirs.seconds, ours.seconds)
    yield Result("threads", *shown, ours.seconds / host.seconds, wrong, (note,))


def _speed_up(taken: Taken) -> Taken:
    times, _, output = taken.output.partition(b"\n")
    alone, together = map(float, times.split())
    return Taken(alone / together, output)


def _memory(bench: Bench, only: str) -> Iterator[Result]:
    home = bench.home("warm")
    sort = str(compile_guest(GUEST / "kernels" / "sort.c", flags=("-O2",)))
    work = [("sort", qemu(sort), bench.elfuse(sort))]
    work += [(p.name, p.on_qemu(), p.on_elfuse(bench)) for p in programs(bench.scratch)]
    for name, theirs, ours in work:
        if only not in name:
            continue
        timed(ours, home)
        settle(home)
        peaks = [max(peak_memory(each, home) for _ in range(2)) for each in (theirs, ours)]
        if not all(peaks):
            raise Failed("ended before its memory was looked at")
        shown = cells("{:.1f} MiB", *(peak / (1 << 20) for peak in peaks))
        yield Result(name, *shown, peaks[0] / peaks[1])


_KERNELS = ("-O2", "-fno-tree-vectorize", "-lm")
_VECTORS = ("-O2", "-march=armv8-a+crypto")

SECTIONS = (
    Section("kernels", "compute kernels", 1.0, 2.5, _compiled("kernels", _KERNELS)),
    Section("simd", "SIMD kernels", None, 3.0, _compiled("simd", _VECTORS)),
    Section("first", "first run, with an empty cache", 1.0, None, _first),
    Section("second", "second run, start-up of elfuse included", None, 2.0, _second),
    Section("inside", "second run, from a guest shell that already runs", None, 5.0, _inside),
    Section("true", "/bin/true, start-up of elfuse included", 1 / 3, None, _true),
    Section("spawn", "fork and exec of /bin/true 200 times, from bash", 4.0, None, _spawn),
    Section("calls", "a system call in a loop", 1.0, None, _calls),
    Section("threads", "four threads' speed-up over one", 0.9, None, _threads),
    Section("memory", "peak of the proportional set size of all processes", 0.5, None, _memory),
)
