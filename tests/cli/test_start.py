"""What a start loads: every module more is time that each run of a small program takes."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import Build, environment, need_engine

_NOT_LOADED = {
    # The standard library's that take a millisecond or more, or load others that do.
    *(
        "ast",
        "asyncio",
        "collections",
        "contextlib",
        "ctypes",
        "dataclasses",
        "email",
        "enum",
        "functools",
        "hashlib",
        "http",
        "inspect",
        "json",
        "logging",
    ),
    *("pathlib", "platform", "random", "re", "secrets", "shutil", "signal", "socket", "ssl"),
    *("subprocess", "tempfile", "threading", "typing", "urllib", "uuid", "zipfile"),
}
_NOT_LOADED_BY_RUN = _NOT_LOADED - {
    *(
        "collections",
        "contextlib",
        "enum",
        "functools",
        "hashlib",
        "json",
        "pathlib",
        "re",
        "urllib",
    ),
}
_NOT_LOADED_PARTS = ("elfuse.images", "elfuse.overlay", "elfuse.runtime.fs.proc")
_MOST_MODULES = 92
"""Of elfuse. Before raising it, look whether the new module is needed in every run."""
_PROGRAM = """void _start(void) {
    register long number __asm__("x8") = 93, status __asm__("x0") = 0;
    __asm__ volatile("svc #0" : : "r"(number), "r"(status));
}
"""


def _roots(loaded: list[str]) -> set[str]:
    return {name.partition(".")[0] for name in loaded}


def _loaded(words: list[str | Path], env: dict[str, str]) -> list[str]:
    """Modules in the order of their loading, without those of the interpreter's own start.

    The run is in a session of its own, where it has no terminal.
    """
    command = [sys.executable, "-X", "importtime", "-c", "from elfuse.__main__ import main; main()"]
    ran = subprocess.run(
        [*command, *words],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        start_new_session=True,
    )
    lines = [line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()]
    return lines[lines.index("site") + 1 :]


@pytest.mark.guest
def test_a_static_program_starts_with_few_modules(build: Build, tmp_path: Path) -> None:
    need_engine("jit")
    source = tmp_path / "exits.c"
    source.write_text(_PROGRAM)
    program = build(source, flags=("-nostdlib", "-ffreestanding"))
    variables = os.environ | {"ELFUSE_CACHE": str(tmp_path / "cache")}
    loaded = _loaded(["--engine", "jit", program], variables)
    assert _roots(loaded) & _NOT_LOADED == set()
    own = [name for name in loaded if name.startswith("elfuse")]
    assert [name for name in own if name.startswith(_NOT_LOADED_PARTS)] == []
    assert len(own) <= _MOST_MODULES, own


@pytest.mark.image
def test_a_shell_without_a_terminal_makes_no_devices(
    rootfs: Callable[[str], Path], tmp_path: Path
) -> None:
    """It looks for /dev/tty first of all, which is no reason to make a filesystem."""
    need_engine("jit")
    root = rootfs("debian-mini")
    words = ("--engine", "jit", "--sysroot", root, root / "bin/bash", "-c", "echo $((6 * 7))")
    variables = os.environ | {"ELFUSE_CACHE": str(tmp_path / "cache")}
    loaded = _loaded([*words], variables)
    assert [name for name in loaded if name.startswith("elfuse.overlay")] == []


@pytest.mark.image
def test_an_image_of_the_store_runs_without_what_pulls(
    stored_image: Callable[[str], Path],
) -> None:
    need_engine("jit")
    words: list[str | Path] = ["run", "--engine", "jit", "--rm", "localhost/busybox", "true"]
    loaded = _loaded(words, environment(stored_image("busybox")))
    assert _roots(loaded) & _NOT_LOADED_BY_RUN == set()
    assert _roots(loaded) & {"httpx", "isal", "rich", "typer", "zstandard"} == set()
    assert [name for name in loaded if name in ("elfuse.images.pull", "elfuse.images.http")] == []
