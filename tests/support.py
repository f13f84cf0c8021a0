"""Guest programs, engines and example images for tests: what the fixtures of conftest.py hand out.

What a test needs and the host lacks is named in a skip, or in a failure where ELFUSE_TEST_STRICT
is set: there, nothing may go missing quietly.
"""

import fcntl
import functools
import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Protocol

import pytest

ROOT = Path(__file__).resolve().parents[1]
GUEST = ROOT / "tests" / "guest"
CACHE = ROOT / ".cache"
ORACLE = "oracle"
IMAGES = ("busybox", "debian-mini", "toolbox")

NATIVE = sys.platform == "linux" and platform.machine() == "aarch64"
COMPILER = "gcc" if NATIVE else "aarch64-linux-gnu-gcc"
EMULATOR = "qemu-aarch64"
_CROSS_ROOT = Path("/usr/aarch64-linux-gnu")
LIBRARIES = Path("/") if NATIVE else _CROSS_ROOT
"""Where the C library that programs are linked with is at run time."""


def lacking(what: str) -> NoReturn:
    """End the test because the host lacks something."""
    if os.environ.get("ELFUSE_TEST_STRICT"):
        pytest.fail(f"not there: {what}")
    pytest.skip(f"not there: {what}")


def need(*programs: str) -> None:
    """End the test unless all these programs are on PATH."""
    if missing := [program for program in programs if not shutil.which(program)]:
        lacking(", ".join(missing))


@contextmanager
def exclusively(path: Path) -> Iterator[None]:
    """Hold a lock that other test processes respect."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class Program:
    """A guest program and how to run it, from the `elfuse:` comment of its source.

    /* elfuse: dynamic, threads, flags=-O2 -Wl,-z,now, args=a b, sysroot, oracle=skip(reason) */

    dynamic     link with shared libraries; the cross compiler's C library is the sysroot
    threads     compile with -pthread
    flags=      more options for the compiler; args= the program's arguments
    sysroot     run with a sysroot though static; sysroot=NAME: the tree of an example image
    E=skip(…)   not run by this engine or by the oracle, and why
    """

    source: Path
    dynamic: bool = False
    flags: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    sysroot: str = ""
    skips: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.source.stem


_COMMENT = re.compile(r"/\*\s*elfuse:(.*?)\*/", re.DOTALL)
# A comma in a value, as in -Wl,-z, is not followed by a space.
_WORD = re.compile(
    r"\s*(?P<name>[\w-]+)(?:=(?P<skip>skip\(([^)]*)\))|=(?P<value>.*?))?\s*(?:,\s|$)"
)


def describe(source: Path) -> Program:
    """Read a program's comment; ValueError for words that mean nothing."""
    found = _COMMENT.search(source.read_text())
    text = " ".join(found[1].split()) if found else ""
    dynamic, sysroot = False, ""
    flags: list[str] = []
    args: list[str] = []
    skips: dict[str, str] = {}
    while text:
        word = _WORD.match(text)
        if not word:
            raise ValueError(f"{source.name}: cannot read {text!r}")
        text = text[word.end() :]
        name, value = word["name"], word["value"] or ""
        if word["skip"]:
            skips[name] = word[3]
        elif name == "dynamic":
            dynamic = True
        elif name == "threads":
            flags.append("-pthread")
        elif name == "flags":
            flags += value.split()
        elif name == "args":
            args += value.split()
        elif name == "sysroot":
            sysroot = value or "libraries"
        else:
            raise ValueError(f"{source.name}: {name!r} means nothing here")
    if dynamic and not sysroot:
        sysroot = "libraries"
    return Program(source, dynamic, tuple(flags), tuple(args), sysroot, skips)


def programs() -> list[Program]:
    """Every program of tests/guest, by name."""
    return [describe(source) for source in sorted(GUEST.glob("*.c"))]


class Build(Protocol):
    """The `build` fixture."""

    def __call__(
        self, program: str | Path, *, static: bool = True, flags: Sequence[str] = ()
    ) -> Path: ...


def compile_guest(program: str | Path, *, static: bool = True, flags: Sequence[str] = ()) -> Path:
    """Cross-compile a program of tests/guest (by its stem) or any C file.

    Results are kept by what went into them: source, headers, options, compiler.
    """
    need(COMPILER)
    source = program if isinstance(program, Path) else GUEST / f"{program}.c"
    options = ["-O1", "-g", "-Wall", "-std=gnu11", "-D_GNU_SOURCE", f"-I{GUEST}"]
    options += ["-static"] if static else []
    options += flags
    version = subprocess.run([COMPILER, "--version"], check=True, capture_output=True).stdout
    parts = [version, source.read_bytes(), " ".join(options).encode()]
    parts += [header.read_bytes() for header in sorted(GUEST.glob("*.h"))]
    key = hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
    binary = CACHE / "guest" / key / source.stem
    if not binary.exists():
        binary.parent.mkdir(parents=True, exist_ok=True)
        part = binary.with_suffix(f".{os.getpid()}")
        command = [COMPILER, str(source), "-o", str(part), *options]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"{source.name} does not compile:\n{done.stderr}"
        part.rename(binary)
    return binary


def execute(
    command: Sequence[str | Path],
    *,
    stdin: str | bytes | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 60,
) -> "subprocess.CompletedProcess[str]":
    """Run to the end in a session of its own, which is killed as a whole when time is up.

    Output that is no UTF-8 is kept as surrogate escapes.
    """
    words = [str(word) for word in command]
    raw = stdin.encode() if isinstance(stdin, str) else stdin
    with subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL if raw is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(env) if env is not None else None,
        cwd=cwd,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(raw, timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            pytest.fail(f"not done after {timeout} s: {words}\n{_text(out)}\n{_text(err)}")
    return subprocess.CompletedProcess(words, process.returncode, _text(out), _text(err))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def environment(home: Path | None = None) -> dict[str, str]:
    """The environment of elfuse and of oracles: little, and the same everywhere.

    Without translations of earlier runs, unless ELFUSE_TEST_CACHE names a directory for them.
    """
    variables = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
    variables["HOME"] = str(home or "/nonexistent")
    # Workers that compile in the background would only slow the tests down.
    variables["ELFUSE_CACHE"] = os.environ.get("ELFUSE_TEST_CACHE", "off")
    if home:
        variables["ELFUSE_HOME"] = str(home)
    return variables


ELFUSE = (sys.executable, "-m", "elfuse")


def engine_command(engine: str, sysroot: Path | None = None) -> list[str]:
    """What to put before a guest program's path."""
    if engine == ORACLE:
        if NATIVE:
            return []
        return [EMULATOR, *(["-L", str(sysroot)] if sysroot else [])]
    return [*ELFUSE, "--engine", engine, *(["--sysroot", str(sysroot)] if sysroot else [])]


@functools.cache
def _refusal(engine: str) -> str:
    """Why this host cannot run an engine, or nothing."""
    probe = f"from elfuse.engine import open_engine; open_engine({engine!r})"
    done = execute([sys.executable, "-c", probe], env=environment())
    return done.stderr.strip().rpartition("\n")[2] if done.returncode else ""


def need_engine(engine: str) -> None:
    """End the test unless this host has the engine, or the oracle."""
    if engine == ORACLE:
        if not NATIVE:
            need(EMULATOR)
    elif reason := _refusal(engine):
        # Engines are for different hosts, so this is no reason to fail anywhere.
        pytest.skip(f"not there: {reason}")


class Run(Protocol):
    """The `run` fixture: a guest program on one engine, or on the oracle."""

    engine: str

    def __call__(
        self,
        binary: Path,
        *args: str,
        sysroot: Path | None = None,
        stdin: str | bytes | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float = 60,
    ) -> "subprocess.CompletedProcess[str]": ...


@dataclass
class Runner:
    """Runs guest programs on `engine`, in `home` unless told otherwise."""

    engine: str
    home: Path
    prefix: tuple[str, ...] = ()

    def __call__(
        self,
        binary: Path,
        *args: str,
        sysroot: Path | None = None,
        stdin: str | bytes | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float = 60,
    ) -> "subprocess.CompletedProcess[str]":
        command: list[str | Path] = [*self.prefix, *engine_command(self.engine, sysroot)]
        command += [binary, *args]
        variables = environment(self.home) | dict(env or {})
        return execute(command, stdin=stdin, env=variables, cwd=cwd or self.home, timeout=timeout)


@functools.cache
def built_image(name: str) -> tuple[Path, Path]:
    """An example image as a layout and as a plain directory; built once per set of packages."""
    need("apt-get", "dpkg-deb")
    places = CACHE / "images" / name, CACHE / "rootfs" / name
    script = ROOT / "examples" / "images" / "build.py"
    command = [sys.executable, str(script), name, str(places[0]), "--rootfs", str(places[1])]
    built = execute(command, env=os.environ, timeout=600)
    assert built.returncode == 0, built.stderr
    return places
