"""What a pull shows, and what it imports for that."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from elfuse.images.progress import human_size, open_progress, short_digest
from elfuse.images.pull import pull
from elfuse.images.store import Store
from tests.images.builders import random_image
from tests.images.sinks import Layers

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mode", ["plain", "auto"])
def test_a_pipe_gets_plain_lines(mode: str, store: Store, tmp_path: Path) -> None:
    built = random_image(2)
    reference = f"oci:{built.write_layout(tmp_path / 'layout')}"
    out = io.StringIO()
    with open_progress(mode, out) as progress:  # type: ignore[arg-type] # one of the modes
        pull(reference, store, sinks=Layers(), progress=progress)
    lines = out.getvalue().splitlines()
    for layer in built.layers:
        mine = [x.partition(": ")[2] for x in lines if x.startswith(short_digest(layer.digest))]
        assert mine == [
            f"pulling {human_size(len(layer.blob))}",
            f"unpacked to {human_size(len(layer.tar))}",
            "done",
        ]


def test_layers_that_are_there_are_told(store: Store, tmp_path: Path) -> None:
    built, layers = random_image(1), Layers()
    directory = built.write_layout(tmp_path / "layout")
    pull(f"oci:{directory}", store, sinks=layers)
    built.write_layout(directory, "other")
    out = io.StringIO()
    with open_progress("plain", out) as progress:
        pull(f"oci:{directory}:other", store, sinks=layers, progress=progress)
    size = human_size(len(built.layers[0].blob))
    assert out.getvalue() == f"{short_digest(built.layers[0].digest)}: {size} already there\n"


def test_none_is_silent(store: Store, tmp_path: Path) -> None:
    out = io.StringIO()
    with open_progress("none", out) as progress:
        directory = random_image(1).write_layout(tmp_path / "layout")
        pull(f"oci:{directory}", store, sinks=Layers(), progress=progress)
    assert out.getvalue() == ""


def test_a_terminal_gets_bars(store: Store, tmp_path: Path) -> None:
    built = random_image(2)
    directory = built.write_layout(tmp_path / "layout")
    leader, follower = pty.openpty()
    with os.fdopen(leader, "rb", buffering=0) as screen, os.fdopen(follower, "w") as terminal:
        with open_progress("auto", terminal) as progress:
            pull(f"oci:{directory}", store, sinks=Layers(), progress=progress)
        terminal.flush()
        os.set_blocking(screen.fileno(), False)
        shown = b""
        while piece := screen.read(1 << 16):
            shown += piece
    for layer in built.layers:
        assert short_digest(layer.digest).encode() in shown
    assert b"done" in shown


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (5 << 20, "5.0 MiB"),
        (3 << 40, "3072.0 GiB"),
    ],
)
def test_sizes_are_for_people(size: int, text: str) -> None:
    assert human_size(size) == text


def test_a_stored_image_needs_neither_network_nor_display_modules() -> None:
    program = (
        "import sys, elfuse.images.pull, elfuse.images.store;"
        "print(*(m for m in ('httpx', 'rich', 'ssl', 'isal', 'zstandard', 'concurrent.futures', 'subprocess')"
        " if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.split() == []
