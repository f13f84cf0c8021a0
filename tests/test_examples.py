"""The example images: what the recipes build is what other tools read, and its programs run."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import IMAGES, ROOT, Run, execute, need

pytestmark = pytest.mark.image

Images = Callable[[str], Path]


@pytest.mark.parametrize("name", IMAGES)
def test_layout_is_read_by_skopeo(name: str, example_image: Images) -> None:
    need("skopeo")
    layout = example_image(name)
    shown = execute(["skopeo", "inspect", "--config", f"oci:{layout}:latest"], env=os.environ)
    assert shown.returncode == 0, shown.stderr
    config = json.loads(shown.stdout)
    assert (config["os"], config["architecture"]) == ("linux", "arm64")
    assert config["config"]["Cmd"] == (["sh"] if name == "busybox" else ["bash"])


@pytest.mark.parametrize("name", ["busybox", "debian-mini"])
def test_umoci_unpacks_the_same_tree(
    name: str, example_image: Images, rootfs: Images, tmp_path: Path
) -> None:
    # Its Debian 12 version knows no zstd, so toolbox is left out.
    need("umoci")
    bundle = tmp_path / "bundle"
    command = ["umoci", "unpack", "--rootless", "--image", f"{example_image(name)}:latest"]
    unpacked = execute([*command, bundle], env={**os.environ, "HOME": str(tmp_path)})
    assert unpacked.returncode == 0, unpacked.stderr
    assert _listing(bundle / "rootfs") == _listing(rootfs(name))


def _listing(root: Path) -> dict[str, tuple[str, int]]:
    """Type and size by path; links by type only, as plain directories have relative ones."""
    found = {}
    for folder, directories, files in os.walk(root):
        for name in directories + files:
            path = Path(folder, name)
            status = path.lstat()
            kind = stat.filemode(status.st_mode)[0]
            found[str(path.relative_to(root))] = (kind, status.st_size if kind == "-" else 0)
    return found


def test_whiteouts_take_effect(rootfs: Images) -> None:
    example = rootfs("debian-mini") / "opt" / "example"
    assert sorted(path.name for path in (example / "cache").iterdir()) == ["fresh"]
    assert (example / "README").read_text() == "Files of this directory come from two layers.\n"
    assert (example / "removed").read_text() == "Not removed any more.\n"
    assert not (rootfs("debian-mini") / "usr/share/lintian").exists()


@pytest.mark.slow
def test_same_packages_give_the_same_bytes(example_image: Images, tmp_path: Path) -> None:
    script = ROOT / "examples" / "images" / "build.py"
    built = execute([sys.executable, script, "busybox", tmp_path / "again"], env=os.environ)
    assert built.returncode == 0, built.stderr
    first, second = example_image("busybox"), tmp_path / "again"
    assert (first / "index.json").read_bytes() == (second / "index.json").read_bytes()
    names = [sorted(p.name for p in (d / "blobs/sha256").iterdir()) for d in (first, second)]
    assert names[0] == names[1]


@pytest.mark.guest
def test_every_busybox_applet_has_a_link(rootfs: Images, oracle: Run) -> None:
    programs = rootfs("busybox") / "usr" / "bin"
    listed = oracle(programs / "busybox", "--list").stdout.split()
    assert sorted(path.name for path in programs.iterdir()) == sorted({*listed, "busybox"})


@pytest.mark.guest
@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("debian-mini:usr/bin/bash", ("-c", "echo $((6 * 7))")),
        (
            "debian-mini:usr/bin/python3.11",
            ("-c", "import asyncio, multiprocessing, socket, subprocess, threading; print(42)"),
        ),
        ("debian-mini:usr/bin/perl", ("-e", "print 6 * 7, qq(\\n)")),
        ("toolbox:usr/bin/sqlite3", (":memory:", "select 6 * 7")),
        ("toolbox:usr/bin/mawk", ("BEGIN { print 6 * 7 }",)),
    ],
    ids=lambda value: value.rpartition("/")[2] if isinstance(value, str) else "",
)
def test_program_runs_on_the_oracle(
    program: str, arguments: tuple[str, ...], rootfs: Images, oracle: Run
) -> None:
    image, _, path = program.partition(":")
    root = rootfs(image)
    result: subprocess.CompletedProcess[str]
    result = oracle(root / path, *arguments, sysroot=root)
    assert (result.returncode, result.stdout) == (0, "42\n"), result.stderr
