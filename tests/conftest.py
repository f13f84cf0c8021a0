"""Fixtures for everything: guest programs on every engine, example images, registries, terminals.

pytest --engines oracle,unicorn      or ELFUSE_TEST_ENGINES; the default is all there are
"""

import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from elfuse.engine import NAMES
from tests.registry import DockerRegistry
from tests.registry import docker_registry as serve_registry
from tests.support import (
    CACHE,
    ELFUSE,
    ORACLE,
    Build,
    Run,
    Runner,
    built_image,
    compile_guest,
    environment,
    exclusively,
    execute,
    need,
    need_engine,
)
from tests.terminal import Terminal, Tmux

ImageDirectory = Callable[[str], Path]
Elfuse = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engines",
        default=os.environ.get("ELFUSE_TEST_ENGINES", ""),
        help=f"which to run guests on, of {ORACLE}, {', '.join(NAMES)}",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = engines(metafunc.config)
    if "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", chosen, scope="session")
    if "own_engine" in metafunc.fixturenames:
        own = [name for name in chosen if name != ORACLE]
        metafunc.parametrize("own_engine", own, scope="session")


def engines(config: pytest.Config) -> list[str]:
    """The chosen engines, the oracle among them."""
    chosen = [name for name in str(config.getoption("--engines")).split(",") if name]
    if unknown := set(chosen) - {ORACLE, *NAMES}:
        raise pytest.UsageError(f"--engines: no such engine: {', '.join(sorted(unknown))}")
    return chosen or [ORACLE, *NAMES]


class GuestTally:
    """Under ELFUSE_TEST_STRICT, guest programs must have run on the oracle and on an engine."""

    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.passed.update(str(v) for name, v in report.user_properties if name == "ran on")

    @property
    def complete(self) -> bool:
        return self.passed[ORACLE] > 0 and self.passed.total() > self.passed[ORACLE]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not self.complete and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        counts = ", ".join(f"{count} on {name}" for name, count in sorted(self.passed.items()))
        terminalreporter.write_line(f"tests of guest programs that passed: {counts or 'none'}")
        if not self.complete:
            terminalreporter.write_line("some must run on the oracle and on an engine", red=True)


def pytest_configure(config: pytest.Config) -> None:
    # Examples take as long as the machine is busy, which is no property of the code.
    hypothesis.settings.register_profile("dev", max_examples=50, deadline=None)
    hypothesis.settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True)
    hypothesis.settings.register_profile("deep", max_examples=5000, deadline=None)
    hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
    # xdist's workers report to the controller, which counts for all.
    if os.environ.get("ELFUSE_TEST_STRICT") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(GuestTally())


@pytest.fixture(scope="session")
def build() -> Build:
    """build("dup_clears_cloexec") -> the compiled program of tests/guest."""
    return compile_guest


@pytest.fixture
def run(engine: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> Run:
    """run(binary, *args) on each engine in turn; the working directory is a new one."""
    need_engine(engine)
    record_property("ran on", engine)
    return Runner(engine, tmp_path)


@pytest.fixture
def oracle(tmp_path: Path) -> Run:
    """run(binary, *args) as Linux does it, to compare with."""
    need_engine(ORACLE)
    return Runner(ORACLE, tmp_path)


@pytest.fixture(scope="session")
def example_image() -> ImageDirectory:
    """example_image("busybox") -> an OCI image layout."""
    return lambda name: built_image(name)[0]


@pytest.fixture(scope="session")
def rootfs() -> ImageDirectory:
    """rootfs("debian-mini") -> the image's tree as a plain directory, not to be written to."""
    return lambda name: built_image(name)[1]


@pytest.fixture
def elfuse(tmp_path: Path) -> Elfuse:
    """elfuse("images") runs the command with a store of its own; options as for `execute`."""
    home = tmp_path / "elfuse-home"

    def command(*args: str | Path, **options: object) -> "subprocess.CompletedProcess[str]":
        return _elfuse(home, *args, **options)

    return command


def _elfuse(home: Path, *args: str | Path, **options: object) -> "subprocess.CompletedProcess[str]":
    home.mkdir(parents=True, exist_ok=True)
    variables = environment(home) | dict(options.pop("env", None) or {})  # type: ignore[call-overload]
    return execute([*ELFUSE, *args], env=variables, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def stored_image(example_image: ImageDirectory) -> ImageDirectory:
    """stored_image("debian-mini") -> a store that has the image under its name.

    The store is kept between runs and shared: use `run --rm`, remove no image.
    """
    stored: dict[str, Path] = {}

    def store(name: str) -> Path:
        if name not in stored:
            layout = example_image(name)
            home = CACHE / "test-store"
            with exclusively(CACHE / "test-store.lock"):
                pulled = _elfuse(home, "pull", f"oci:{layout}", timeout=300)
            assert pulled.returncode == 0, pulled.stderr
            stored[name] = home
        return stored[name]

    return store


@pytest.fixture(scope="session")
def docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """Debian's docker-registry on a free port of loopback; `push_layout` fills it."""
    need("docker-registry", "skopeo")
    with serve_registry(tmp_path_factory.mktemp("docker-registry")) as running:
        yield running


@pytest.fixture
def push_layout(docker_registry: DockerRegistry) -> Callable[[Path, str], str]:
    """push_layout(layout, "debian-mini") -> the reference to pull it by."""

    def push(layout: Path, name: str) -> str:
        reference = f"{docker_registry.host}/{name}"
        command = ["skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", "-q"]
        command += [f"oci:{layout}:latest", f"docker://{reference}:latest"]
        copied = execute(command, env=os.environ, timeout=120)
        assert copied.returncode == 0, copied.stderr
        return reference

    return push


@pytest.fixture
def tty(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """tty("run", "-it", IMAGE, "bash", home=STORE) -> elfuse on a pseudo-terminal."""
    opened: list[Terminal] = []

    def terminal(
        *args: str | Path, home: Path | None = None, rows: int = 24, columns: int = 80
    ) -> Terminal:
        variables = environment(home or tmp_path)
        opened.append(
            Terminal([*ELFUSE, *args], env=variables, cwd=tmp_path, rows=rows, columns=columns)
        )
        return opened[-1]

    yield terminal
    for each in opened:
        each.close()


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Callable[..., Tmux]]:
    """tmux("run", "-it", IMAGE, "bash", home=STORE) -> elfuse in a tmux window."""
    need("tmux")
    opened: list[Tmux] = []

    def window(
        *args: str | Path, home: Path | None = None, rows: int = 24, columns: int = 80
    ) -> Tmux:
        variables = environment(home or tmp_path) | {"TERM": "xterm"}
        socket = tmp_path / f"tmux{len(opened)}"
        opened.append(Tmux(socket, [*ELFUSE, *args], env=variables, rows=rows, columns=columns))
        return opened[-1]

    yield window
    for each in opened:
        each.close()


_EMPTY_BINFMT = """
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc 2>/dev/null ||
mount -t tmpfs none /proc/sys/fs/binfmt_misc || exit 99
exec "$@"
"""


@pytest.fixture(scope="session")
def without_binfmt(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Words to put before a command, so that the host's kernel runs no foreign program for it.

    A user namespace has a table of its own since Linux 6.7. Before, the table can only be hidden;
    that the kernel refuses a guest program is checked in either case.
    """
    need("unshare")
    words = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _EMPTY_BINFMT, "sh")
    if execute([*words, "true"], env=os.environ).returncode:
        pytest.skip("not there: user namespaces for this user")
    source = tmp_path_factory.mktemp("binfmt") / "answer.c"
    source.write_text("int main(void) { return 42; }")
    if execute([*words, compile_guest(source)], env=os.environ).returncode == 42:
        pytest.skip("not there: a kernel whose namespaces have a binfmt_misc of their own")
    return words
