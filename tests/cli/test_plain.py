"""Plain mode: one ELF file, with and without a sysroot."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import Build

pytestmark = pytest.mark.guest

Elfuse = Callable[..., "subprocess.CompletedProcess[str]"]
Images = Callable[[str], Path]


@pytest.mark.image
def test_bash_of_a_sysroot_forks_pipes_and_returns_statuses(elfuse: Elfuse, rootfs: Images) -> None:
    root = rootfs("debian-mini")
    script = "for i in 1 2 3; do echo $i | tr 1-3 a-c; done; (exit 7); echo $?"
    path = ("--env", "PATH=/usr/bin:/bin")
    ran = elfuse(*path, "--sysroot", root, root / "bin/bash", "-c", script, timeout=60)
    assert ran.stdout == "a\nb\nc\n7\n", ran.stderr
    assert ran.returncode == 0


@pytest.mark.image
def test_a_stored_image_is_a_sysroot_that_stays_unchanged(
    elfuse: Elfuse, example_image: Images, rootfs: Images
) -> None:
    pulled = elfuse("pull", f"oci:{example_image('debian-mini')}", timeout=120)
    assert pulled.returncode == 0, pulled.stderr
    bash = rootfs("debian-mini") / "bin/bash"
    words = ("--sysroot", "image:localhost/debian-mini", bash, "-c")
    first = elfuse(*words, "echo x > /etc/made; cat /etc/made", timeout=60)
    assert first.stdout == "x\n", first.stderr
    assert elfuse(*words, "cat /etc/made", timeout=60).returncode == 1
    assert elfuse("verify").stdout == "the store is sound\n"


@pytest.mark.image
def test_programs_of_a_sysroot_leave_the_hosts_system_alone(
    elfuse: Elfuse, rootfs: Images, tmp_path: Path
) -> None:
    root = rootfs("debian-mini")
    only_host = next(
        path
        for path in Path("/etc").iterdir()
        if path.is_file() and path.stat().st_size and not (root / path.relative_to("/")).exists()
    )
    before = only_host.stat()
    script = f"""test -s {only_host} && ! chmod 777 {only_host} && ! rm -f {only_host}
    ! (: >> {only_host}) && : > new && : > {tmp_path}/newer && echo done"""
    words = ("--sysroot", root, root / "bin/bash", "-c", script)
    ran = elfuse(*words, cwd=tmp_path, timeout=60)
    assert ran.stdout == "done\n", ran.stderr
    assert ran.stderr.count("Read-only file system") == 3
    assert only_host.stat() == before
    assert {"new", "newer"} <= {path.name for path in tmp_path.iterdir()}


def test_tracing_prints_decoded_calls(elfuse: Elfuse, build: Build) -> None:
    ran = elfuse("-v", build("dup_clears_cloexec"))
    assert 'openat(AT_FDCWD, "/dev/null", O_RDONLY|O_CLOEXEC, 00) = 3' in ran.stderr
    assert re.search(r"fcntl\(3, F_GETFD, 0x\w+\) = 1\n", ran.stderr)
    assert ran.returncode == 0


def test_what_is_no_program_is_refused(elfuse: Elfuse, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no program\n")
    text.chmod(0o755)
    refused = elfuse(text)
    assert refused.returncode == 126
    assert "exec format error" in refused.stderr
    assert "hint:" in refused.stderr
    assert elfuse(tmp_path / "missing").returncode == 127
    assert elfuse().returncode == 125
    assert elfuse("--engine", "none", text).returncode == 125


def test_options_end_at_the_program(elfuse: Elfuse, build: Build) -> None:
    program = build("dup_clears_cloexec")
    assert elfuse("--timeout=5", "--", program, "--no-such-option").returncode == 0
    assert elfuse("--version").stdout.startswith("elfuse ")
    assert "--sysroot" in elfuse("--help").stdout
