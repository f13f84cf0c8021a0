"""Translations kept between runs: used when they fit, and otherwise as if they were not there."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from elfuse.engine.cache import Cache
from tests.support import ELFUSE, LIBRARIES, Build, environment, execute, need_engine

pytestmark = pytest.mark.guest

_SOURCE = """
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int compare(const void *a, const void *b) { return *(int *)a - *(int *)b; }

__attribute__((noinline)) uint32_t mix(uint32_t seed) { return seed * STEP + 12345; }

int main(int argc, char **argv) {
    static int numbers[3000];
    uint32_t seed = 1, sum = 0;
    for (int i = 0; i < 3000; i++)
        numbers[i] = (seed = mix(seed)) >> 8;
    qsort(numbers, 3000, sizeof *numbers, compare);
    for (int i = 0; i < 3000; i++)
        sum = sum * 31 + numbers[i];
    if (argc > 2) {
        /* Become the same program again, as often as there are words. */
        if (getenv("GATE") && (write(1, "gate\\n", 5) < 0 || read(0, &seed, 1) < 0))
            return 1;
        argv[1] = argv[0];
        execv("/proc/self/exe", argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "patch") == 0) {
        /* Patch the text: mix() returns 7 from now on. */
        uintptr_t page = (uintptr_t)mix & -4096ul;
        mprotect((void *)page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC);
        uint32_t words[] = {0x528000e0, 0xd65f03c0}; /* mov w0, #7; ret */
        memcpy((void *)mix, words, sizeof words);
        __builtin___clear_cache((char *)mix, (char *)mix + 8);
        for (int i = 0; i < 3000; i++)
            sum += mix(i);
    }
    int status = 0;
    if (fork() == 0) {
        for (int i = 0; i < 3000; i++)
            sum += mix(i);
        _exit(sum & 1);
    }
    wait(&status);
    printf("%u %d\\n", sum, status);
    return 0;
}
"""


class Ran(NamedTuple):
    """A run: what the program printed, and what the engine of its first process counted."""

    output: str
    hot: int
    """Regions that had to be compiled."""
    objects: int
    installed: int


class Runs:
    """Runs of guest programs with one cache, whose worker is this process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cache = Cache(str(root))
        self.env = environment() | {"ELFUSE_CACHE": str(root), "ELFUSE_JIT_STATISTICS": "1"}

    def __call__(self, *words: str | Path, **env: str) -> Ran:
        ran = execute([*ELFUSE, "--engine", "jit", *words], env=self.env | env)
        assert ran.returncode == 0, ran.stderr
        # The first process is the last one to count.
        counts = re.findall(r"(\d+) hot, (\d+) objects, (\d+) regions", ran.stderr)
        return Ran(ran.stdout, *(int(count) for count in counts[-1]))

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """`elfuse cache WORDS`."""
        return execute([*ELFUSE, "cache", *words], env=self.env)

    def fill(self) -> None:
        """Until there is nothing more to learn from runs so far."""
        filled = self.command("warm")
        assert filled.returncode == 0, filled.stderr

    def warm(self, *words: str | Path) -> Ran:
        """Run until nothing is compiled any more; the last run."""
        for _ in range(6):
            ran = self(*words)
            if ran.hot == 0:
                return ran
            self.fill()
        pytest.fail("something is compiled in every run")

    def objects(self) -> list[Path]:
        return [Path(found.path) for found in self.cache.objects()]


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    need_engine("jit")
    return Runs(tmp_path / "cache")


@pytest.fixture
def program(build: Build, tmp_path: Path) -> Callable[..., Path]:
    """program(step=1103515245) -> a program, dynamic or static, whose output depends on `step`."""

    def make(*, step: int = 1103515245, static: bool = True) -> Path:
        source = tmp_path / f"program{step}.c"
        source.write_text(_SOURCE)
        return build(source, static=static, flags=(f"-DSTEP={step}u",))

    return make


def test_a_second_run_compiles_nothing(runs: Runs, program: Callable[..., Path]) -> None:
    first = runs(program())
    assert first.installed == 0
    last = runs.warm(program())
    assert (last.output, last.hot, last.objects) == (first.output, 0, 1)
    assert last.installed > 0


def test_libraries_are_at_the_same_place_in_every_run(
    runs: Runs, program: Callable[..., Path]
) -> None:
    sysroot = ("--sysroot", LIBRARIES)
    dynamic = program(static=False)
    first = runs(*sysroot, dynamic)
    last = runs.warm(*sysroot, dynamic)
    assert last.output == first.output
    # The program, ld.so, libc.
    assert last.objects == 3
    assert {found.base for found in runs.cache.objects() if found.base > 1 << 37}


def test_programs_of_one_run_use_what_is_kept(runs: Runs, program: Callable[..., Path]) -> None:
    words = "--sysroot", LIBRARIES, program(static=False), "1", "2", "3", "4"
    first = runs(*words, ELFUSE_CACHE="off")
    last = runs.warm(*words)
    # Counted since the last execve, over which decoded code of libc.so lasts.
    assert (last.output, last.objects) == (first.output, 3)
    assert last.installed > 0


def test_an_object_that_is_replaced_is_not_used_by_the_next_program(
    runs: Runs, program: Callable[..., Path]
) -> None:
    words = "--sysroot", LIBRARIES, program(static=False), "1", "2"
    expected = runs.warm(*words)
    library = max(runs.cache.objects(), key=lambda found: found.base if found.base >> 37 else 0)
    command = [*ELFUSE, "--engine", "jit", "--env", "GATE=1", *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [str(word) for word in command],
        env=runs.env,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "gate\n"
        replacement = Path(f"{library.path}.new")
        replacement.write_bytes(bytes(library.size))
        replacement.chmod(0o600)
        replacement.rename(library.path)
        out, err = running.communicate("g", timeout=60)
    assert (running.returncode, out) == (0, expected.output), err
    counts = re.findall(r"(\d+) hot, (\d+) objects", err)
    assert int(counts[-1][1]) == expected.objects - 1


def test_nothing_is_kept_when_it_is_off(runs: Runs, program: Callable[..., Path]) -> None:
    ran = runs(program(), ELFUSE_CACHE="off")
    assert ran.hot > 0
    assert not runs.root.exists()


def test_another_engine_build_or_processor_uses_nothing(
    runs: Runs, program: Callable[..., Path]
) -> None:
    runs.warm(program())
    (key,) = (runs.root / "code").iterdir()
    key.rename(key.with_name("0" * 32 + "-7ff-1"))
    assert runs(program()).installed == 0


def test_a_changed_file_runs_its_own_code(
    runs: Runs, program: Callable[..., Path], tmp_path: Path
) -> None:
    old, new = program(), program(step=22695477)
    place = tmp_path / "place"
    place.write_bytes(old.read_bytes())
    place.chmod(0o755)
    before = runs.warm(place)
    expected = runs(new, ELFUSE_CACHE="off").output
    assert before.output != expected
    place.write_bytes(new.read_bytes())
    assert runs(place).output == expected
    assert runs.warm(place).output == expected


def test_code_of_one_file_under_the_digest_of_another_is_not_used(
    runs: Runs, program: Callable[..., Path]
) -> None:
    old, new = program(), program(step=22695477)
    runs.warm(old)
    (held,) = runs.objects()
    expected = runs.warm(new)
    (other,) = set(runs.objects()) - {held}
    other.write_bytes(held.read_bytes())
    assert "not the object of its name" in runs.command("verify").stdout
    assert runs(new).output == expected.output


def test_patched_text_is_executed_as_patched(runs: Runs, program: Callable[..., Path]) -> None:
    runs.warm(program())
    expected = runs(program(), "patch", ELFUSE_CACHE="off").output
    assert runs(program(), "patch").output == expected
    runs.fill()
    assert runs(program(), "patch").output == expected
    assert runs(program()).output == runs(program(), ELFUSE_CACHE="off").output


def _flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x40
    path.write_bytes(data)


def _become_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        pytest.param(lambda path: path.write_bytes(b""), "too short", id="empty"),
        pytest.param(
            lambda path: path.write_bytes(path.read_bytes()[:-1000]), "length", id="truncated"
        ),
        pytest.param(lambda path: _flip(path, 100), "page table", id="table"),
        pytest.param(lambda path: _flip(path, path.stat().st_size - 100), "checksum", id="code"),
        pytest.param(lambda path: path.chmod(0o622), "others can write", id="mode"),
        pytest.param(
            lambda path: path.rename(path.parent / "x").parent.joinpath(path.name).symlink_to("x"),
            "Too many levels",
            id="link",
        ),
        pytest.param(_become_fifo, "too short", id="fifo"),
    ],
)
def test_damaged_objects_are_not_used_and_told(
    runs: Runs,
    program: Callable[..., Path],
    damage: Callable[[Path], object],
    told: str,
) -> None:
    good = runs.warm(program())
    (held,) = runs.objects()
    damage(held)
    # Before a worker puts it right.
    found = runs.command("verify")
    assert found.returncode == 125
    assert str(held) in found.stdout
    assert told in found.stdout
    bad = runs(program())
    assert bad.output == good.output
    assert bad.installed < good.installed
    runs.command("prune", "--all")
    assert runs.warm(program()) == good
    assert runs.command("verify", "--all").stdout == "the cache is sound\n"


def test_an_empty_directory_is_used(runs: Runs, program: Callable[..., Path]) -> None:
    runs.root.mkdir(mode=0o700)
    assert runs.warm(program()).objects == 1


def test_a_directory_that_others_can_write_is_not_used(
    runs: Runs, program: Callable[..., Path]
) -> None:
    good = runs.warm(program())
    runs.root.chmod(0o770)
    ran = runs(program())
    assert (ran.output, ran.objects, ran.installed) == (good.output, 0, 0)
    assert "others can write to it" in runs.command("verify").stdout
    info = execute([*ELFUSE, "info"], env=runs.env)
    assert "not used: others can write" in info.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="gives the directory to another user")
def test_a_directory_of_another_user_is_not_used(runs: Runs, program: Callable[..., Path]) -> None:
    good = runs.warm(program())
    os.chown(runs.root, 12345, 12345)
    assert runs(program()).objects == 0
    assert good.objects == 1
    assert "belongs to user 12345" in runs.command("verify").stdout


def test_a_link_in_place_of_the_directory_is_not_followed(
    runs: Runs, program: Callable[..., Path]
) -> None:
    runs.warm(program())
    runs.root.rename(runs.root.with_name("elsewhere"))
    runs.root.symlink_to("elsewhere")
    assert runs(program()).objects == 0
    assert "no directory" in runs.command("verify").stdout


def test_a_worker_that_is_killed_leaves_nothing_half_done(
    runs: Runs, program: Callable[..., Path]
) -> None:
    with runs.cache.lock():
        runs(program())
    # The worker stops itself where the object is written but has no name yet.
    code = (
        "import os, sys; from elfuse.engine import filling; "
        "os.rename = lambda *names: os.kill(os.getpid(), 9); filling.work(sys.argv[1])"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code, runs.root], env=environment(), check=False, timeout=60
    )
    assert killed.returncode in (-signal.SIGKILL, 0)
    assert runs.command("verify").stdout == "the cache is sound\n"
    assert runs.warm(program()).objects == 1
    runs.command("prune")
    assert not list(runs.root.rglob("*.part"))


def test_damaged_profiles_are_removed(runs: Runs, program: Callable[..., Path]) -> None:
    with runs.cache.lock():
        runs(program())
    profiles = list((runs.root / "profiles").iterdir())
    assert profiles
    for profile in profiles:
        _flip(profile, 60)
    (profile.parent / "rubbish").write_bytes(b"elfusep1" + bytes(range(200)))
    runs.fill()
    assert not list(profile.parent.iterdir())
    assert not runs.objects()
    assert runs.warm(program()).objects == 1


def test_processes_and_workers_at_the_same_time_lose_nothing(
    runs: Runs, program: Callable[..., Path]
) -> None:
    programs = [program(step=step) for step in (1103515245, 22695477, 134775813)]
    expected = [runs(found, ELFUSE_CACHE="off").output for found in programs]
    command = [*ELFUSE, "--engine", "jit"]
    for _ in range(2):
        started = [
            subprocess.Popen(
                [*command, found], env=runs.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            for found in programs * 2
        ]
        warming = [
            subprocess.Popen([*ELFUSE, "cache", "warm"], env=runs.env, stdout=subprocess.DEVNULL)
            for _ in range(2)
        ]
        outputs = [ran.communicate(timeout=60)[0].decode() for ran in started]
        assert outputs == expected * 2
        assert [ran.wait(60) for ran in warming] == [0, 0]
    runs.fill()
    assert runs.command("verify", "--all").stdout == "the cache is sound\n"
    assert len(runs.objects()) == 3
    for found, output in zip(programs, expected, strict=True):
        assert runs.warm(found).output == output


def test_prune_keeps_what_was_used_last_within_the_size(
    runs: Runs, program: Callable[..., Path]
) -> None:
    runs.warm(program())
    (old,) = runs.objects()
    os.utime(old, (1, 1))
    runs.warm(program(step=22695477))
    (new,) = set(runs.objects()) - {old}
    assert runs.command("prune", "--size", str(new.stat().st_size)).returncode == 0
    assert runs.objects() == [new]
    assert len(list((runs.root / "known").iterdir())) == 1
    assert runs.command("prune", "--size", "lots").returncode == 125
    assert runs.command("prune", "--all").stdout.startswith("Freed ")
    assert runs.objects() == []
    assert not list((runs.root / "known").iterdir())


def test_an_object_in_use_counts_as_used(runs: Runs, program: Callable[..., Path]) -> None:
    runs.warm(program())
    (held,) = runs.objects()
    os.utime(held, (1, 1))
    runs(program())
    assert held.stat().st_mtime > 1


def test_a_worker_ends_by_itself(runs: Runs, program: Callable[..., Path]) -> None:
    runs(program())
    # Its work is visible: waiting for the lock is waiting for the worker, if it has begun.
    runs.fill()
    with runs.cache.lock(wait=False) as alone:
        assert alone
    assert len(runs.objects()) == 1


@pytest.mark.image
def test_an_image_is_warmed_by_what_it_runs(
    stored_image: Callable[[str], Path], tmp_path: Path
) -> None:
    need_engine("jit")
    home = stored_image("busybox")
    variables = environment(home) | {"ELFUSE_CACHE": str(tmp_path / "cache")}
    words = ["localhost/busybox", "sh", "-c", "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done"]
    warmed = execute([*ELFUSE, "cache", "warm", *words], env=variables)
    assert warmed.returncode == 0, warmed.stderr
    assert int(warmed.stdout.split()[1]) > 0
    counted = variables | {"ELFUSE_JIT_STATISTICS": "1"}
    ran = execute([*ELFUSE, "run", "--rm", *words], env=counted)
    assert " 0 hot, " in ran.stderr
    listed = execute([*ELFUSE, "cache", "ls"], env=variables)
    assert listed.stdout.startswith("FILE")
    failed = execute([*ELFUSE, "cache", "warm", words[0], "sh", "-c", "exit 3"], env=variables)
    assert (failed.returncode, "status 3" in failed.stderr) == (125, True)


@pytest.mark.image
def test_pull_warms_what_the_image_has(
    example_image: Callable[[str], Path],
    elfuse: Callable[..., "subprocess.CompletedProcess[str]"],
    tmp_path: Path,
) -> None:
    need_engine("jit")
    variables = {"ELFUSE_CACHE": str(tmp_path / "cache")}
    pulled = elfuse("pull", "--warm", f"oci:{example_image('busybox')}", env=variables)
    assert pulled.returncode == 0, pulled.stderr
    assert re.search(r"compiled \d+ regions of \d+ files", pulled.stdout)
