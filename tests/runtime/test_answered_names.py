"""Names that the engine looks at itself are what the kernel part says they are."""

import os
from pathlib import Path

import pytest

from elfuse.engine import open_engine
from elfuse.runtime.fs.host import HostFilesystem
from elfuse.runtime.vfs.mounts import Namespace
from tests.support import Runner, compile_guest, need_engine

pytestmark = pytest.mark.guest

SOURCE = Path(__file__).with_name("names_report.c")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A sysroot with links of all kinds, permissions, and names that the guest's kernel covers."""
    top = tmp_path / "sysroot"
    for directory in ("usr/lib/deep", "dev", "proc", "closed", "wide/open"):
        (top / directory).mkdir(parents=True)
    for name, mode in (
        ("usr/lib/x", 0o644), ("program", 0o755), ("secret", 0o600), ("dev/x", 0o644),
        ("closed/x", 0o644), ("group", 0o070), ("wide/open/x", 0o444),
    ):  # fmt: skip
        (top / name).write_text(name)
        (top / name).chmod(mode)
    for target, name in (
        ("usr/lib", "lib"), ("/usr/lib", "absolute"), ("x", "usr/lib/y"), ("loop", "loop"),
        ("nowhere", "dangling"), ("/nowhere", "far"), ("dev", "devices"), ("../..", "usr/lib/up"),
        ("../../../../../etc", "out"), ("/proc/self", "magic"), (str(tmp_path), "host"),
    ):  # fmt: skip
        (top / name).symlink_to(target)
    os.mkfifo(top / "fifo")
    (tmp_path / "only-host").write_text("x")
    (top / "closed").chmod(0o700)
    return top


def _paths(tree: Path) -> str:
    host = tree.parent
    paths = [
        "/", "//", "/.", "/..", "/lib", "/lib/", "/lib/x", "/lib/x/", "/lib/x/z", "/lib/y", "/lib/y/",
        "/lib/./../lib/x", "/absolute/x", "/loop", "/loop/x", "/dangling", "/far", "/devices/null",
        "/dev", "/dev/", "/dev/x", "/dev/null", "/usr/../dev/null", "/devices/x", "/lib/up",
        "/lib/up/program", "/lib/up/../program", "/out", "/out/passwd", "/magic/status", "/proc/self/exe",
        "/sys", "/nothing", "/nothing/x", "/nothing/../lib/x", "/usr/nothing", "/program", "/secret",
        "/closed", "/closed/x", "/group", "/wide/open/x", "/fifo", "/host/only-host", "", ".", "lib/x",
        f"{host}/only-host", f"{host}/only-host/", f"{host}/nothing", f"{tree}/lib/x", f"{tree}/up/x",
        "/" + "n" * 255, "/" + "n" * 256, "/x" * 600, "/x" * 2047, "/x" * 2048, "/lib/deep/" * 3,
    ]  # fmt: skip
    return "\n".join(paths) + "\n"


def _report(tree: Path, *args: str, fast: bool) -> tuple[int, str, str]:
    env = {} if fast else {"ELFUSE_FAST_CALLS": "0"}
    run = Runner("jit", tree.parent)
    ran = run(compile_guest(SOURCE), *args, sysroot=tree, stdin=_paths(tree), env=env)
    return ran.returncode, ran.stdout, ran.stderr


def test_the_engine_finds_names(tree: Path) -> None:
    """So that what follows compares two answers, not one with itself."""
    need_engine("jit")
    engine = open_engine("jit")
    filesystem = HostFilesystem(str(tree))
    namespace = Namespace([filesystem])
    engine.serve_paths(namespace.host_roots())
    found = engine.find_path(b"/lib/y", True)
    assert found is not None
    root, directory, directory_number, name, number, mode = found
    above, file = (tree / "usr/lib").stat(), (tree / "usr/lib/x").stat()
    assert (root, name, mode) == (0, b"x", file.st_mode)
    assert directory_number == (above.st_dev, above.st_ino)
    assert number == (file.st_dev, file.st_ino)
    assert os.fstat(directory).st_ino == above.st_ino
    os.close(directory)
    for path, error in ((b"/lib/nothing", FileNotFoundError), (b"/lib/x/z", NotADirectoryError)):
        with pytest.raises(error):
            engine.find_path(path, True)
    assert engine.find_path(b"/absolute/x", True) is None
    engine.stop_paths()
    assert engine.find_path(b"/lib/y", True) is None


@pytest.mark.parametrize("state", ["plain", "user", "fsuid", "chroot"])
def test_answers_are_those_of_the_kernel_part(tree: Path, state: str) -> None:
    need_engine("jit")
    if state != "plain" and os.geteuid():
        pytest.skip("only root changes its user or its root")
    args = (state, str(tree)) if state == "chroot" else (state,)
    slow, fast = (_report(tree, *args, fast=fast) for fast in (False, True))
    assert slow[0] == 0, slow[2]
    for expected, found in zip(slow[1].splitlines(), fast[1].splitlines(), strict=True):
        assert found == expected
    assert fast == slow
    library = (tree / "usr/lib/x").stat()
    device = 2 if state == "chroot" else 1
    assert f"\n/lib/x: stat=ok({device} {library.st_ino:x} {library.st_mode:o} 1 " in fast[1]
    closed = "EACCES" if state in ("user", "fsuid") else "ok"
    assert f"\n/closed/x: stat={closed}" in fast[1]
