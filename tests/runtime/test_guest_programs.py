"""Every program of tests/guest on the oracle and on each engine: exit status 0 is a pass.

A failure on the oracle means that the program is wrong.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import (
    COMPILER,
    LIBRARIES,
    ORACLE,
    ROOT,
    Build,
    Program,
    Run,
    Runner,
    describe,
    execute,
    need_engine,
    programs,
)

pytestmark = pytest.mark.guest

# Those that start other programs or host processes, where a leak to the host's exec would show.
_STARTERS = ("clone", "exec", "fork", "script", "spawn", "wait")

# Those that are about calls which the engine answers itself where it may.
_ANSWERED = (
    "actions", "brk", "calls", "chroot", "clock", "devices", "directories", "files", "futex", "heap",
    "identity", "limits", "links", "madvise", "mapping", "maps", "mask", "mmap", "mprotect", "munmap",
    "mutex", "names", "paths", "permission", "pipe", "protection", "robust", "restart", "signals", "stat",
    "transfers", "user_ids",
)  # fmt: skip

GAPS = {
    "clone_shares_what_flags_say": "CLONE_FILES and CLONE_FS without CLONE_VM copy, see docs/quirks.md",
}
"""What Linux does and elfuse does not yet; a program that begins to pass must be taken out."""

ENGINE_GAPS = {
    ("unicorn", "code_written_elsewhere_runs"): "keeps translations of code changed elsewhere",
    ("unicorn", "file_size_changes_show_in_mappings"): "a shrunk mapped file is a host SIGBUS",
}
"""What one engine does not do."""

UNSTEADY = {
    (ORACLE, "memory_order_holds"): "qemu-user 7.2 lets a load-acquire overtake a store-release",
    ("unicorn", "atomics_span_processes"): "atomics hold within one process only",
    ("unicorn", "robust_mutex_spans_processes"): "atomics hold within one process only",
}
"""Gaps of one engine, or of the oracle, that show in some runs only: see docs/quirks.md."""


def expect_gap(request: pytest.FixtureRequest, program: Program, engine: str) -> None:
    """Mark a known gap; passing is then a failure."""
    steady = GAPS.get(program.name) if engine != ORACLE else None
    if reason := steady or ENGINE_GAPS.get((engine, program.name)):
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    if reason := UNSTEADY.get((engine, program.name)):
        request.applymarker(pytest.mark.xfail(reason=reason, strict=False))


def _sysroot(program: Program, rootfs: Callable[[str], Path]) -> Path | None:
    if program.sysroot in ("", "libraries"):
        return LIBRARIES if program.sysroot else None
    return rootfs(program.sysroot)


@pytest.mark.parametrize("program", programs(), ids=lambda program: program.name)
def test_guest_program(
    program: Program,
    engine: str,
    build: Build,
    run: Run,
    rootfs: Callable[[str], Path],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    if reason := program.skips.get(engine):
        pytest.skip(f"{engine}: {reason}")
    expect_gap(request, program, engine)
    binary = build(program.name, static=not program.dynamic, flags=program.flags)
    result = run(binary, *program.args, sysroot=_sysroot(program, rootfs), cwd=tmp_path)
    assert result.returncode == 0, f"{result.returncode}\n{result.stdout}\n{result.stderr}"


@pytest.mark.parametrize(
    "program",
    [p for p in programs() if not p.sysroot and any(word in p.name for word in _STARTERS)],
    ids=lambda program: program.name,
)
def test_guest_program_without_binfmt(
    program: Program,
    own_engine: str,
    build: Build,
    without_binfmt: tuple[str, ...],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    need_engine(own_engine)
    expect_gap(request, program, own_engine)
    if reason := program.skips.get(own_engine):
        pytest.skip(f"{own_engine}: {reason}")
    binary = build(program.name, flags=program.flags)
    result = Runner(own_engine, tmp_path, without_binfmt)(binary, *program.args)
    assert result.returncode == 0, f"{result.returncode}\n{result.stdout}\n{result.stderr}"


@pytest.mark.parametrize(
    "program",
    [p for p in programs() if any(word in p.name for word in _ANSWERED)],
    ids=lambda program: program.name,
)
def test_guest_program_without_fast_calls(
    program: Program, build: Build, rootfs: Callable[[str], Path], tmp_path: Path
) -> None:
    need_engine("jit")
    if reason := program.skips.get("jit"):
        pytest.skip(f"jit: {reason}")
    binary = build(program.name, static=not program.dynamic, flags=program.flags)
    result = Runner("jit", tmp_path)(
        binary,
        *program.args,
        sysroot=_sysroot(program, rootfs),
        env={"ELFUSE_FAST_CALLS": "0"},
    )
    assert result.returncode == 0, f"{result.returncode}\n{result.stdout}\n{result.stderr}"


def test_comment_says_how_a_program_is_built_and_run(tmp_path: Path) -> None:
    source = tmp_path / "example.c"
    source.write_text(
        "/* elfuse: dynamic, threads, flags=-O2 -Wl,-z,now, args=a b,\n"
        "   oracle=skip(qemu has no such thing, ever) */\nint main(void) { return 0; }\n"
    )
    program = describe(source)
    assert program.dynamic
    assert program.flags == ("-pthread", "-O2", "-Wl,-z,now")
    assert program.args == ("a", "b")
    assert program.sysroot == "libraries"
    assert program.skips == {"oracle": "qemu has no such thing, ever"}


def test_comment_with_an_unknown_word_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "example.c"
    source.write_text("/* elfuse: dynamc */")
    with pytest.raises(ValueError, match="dynamc"):
        describe(source)


def _strict_run(path: str, *arguments: str) -> tuple[int, str]:
    """A test run of one guest program as CI does it, with `path` as PATH."""
    chosen = [f"{__file__}::test_guest_program", "-k", "dup_clears_cloexec", "--color=no"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *chosen, *arguments]
    variables = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "ELFUSE_TEST_STRICT": "1"}
    for name in [name for name in variables if name.startswith("PYTEST")]:
        del variables[name]
    done = execute(command, env=variables, cwd=ROOT)
    return done.returncode, done.stdout


@pytest.mark.slow
def test_strict_run_fails_for_want_of_a_compiler(tmp_path: Path) -> None:
    status, output = _strict_run(str(tmp_path), "--engines", "unicorn")
    assert status == 1
    assert f"not there: {COMPILER}" in output


@pytest.mark.slow
def test_strict_run_fails_when_no_engine_ran_a_guest_program() -> None:
    status, output = _strict_run(os.environ["PATH"], "--engines", "oracle")
    assert "1 passed" in output
    assert status == 1
    assert "must run on the oracle and on an engine" in output


@pytest.mark.slow
def test_strict_run_passes_when_all_is_there() -> None:
    assert _strict_run(os.environ["PATH"])[0] == 0
