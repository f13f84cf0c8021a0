"""SIGKILL at many moments of a pull: the next pull succeeds and the store is sound."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from elfuse.images.pull import pull
from elfuse.images.store import Store
from tests.images.builders import BuiltImage, random_image
from tests.images.conftest import QUICK
from tests.images.sinks import DiskLayers
from tests.registry import Fault, Registry

POINTS = 25
ROOT = Path(__file__).parents[2]


class Killer:
    """The process that starts and loses children."""

    def __init__(self, registry: Registry, built: BuiltImage) -> None:
        self.registry = registry
        self.built = built
        self.reference = registry.push(built)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.images.killed", self.reference],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def run(self, root: Path, *, event: int = 0, served: int = 0) -> tuple[int, int]:
        """Pull in a child killed at that event or after that many bytes; its status and events."""
        process, registry = self._process, self.registry
        assert process.stdin
        assert process.stdout
        registry.served = 0
        with registry.lock:
            process.stdin.write(f"{root / 'store'} {root / 'layers'} {event}\n")
            process.stdin.flush()
            pid = int(process.stdout.readline())

            def kill(total: int) -> None:
                if total >= served:
                    os.kill(pid, signal.SIGKILL)
                    registry.on_served = None

            registry.on_served = kill if served else None
        status, events = process.stdout.readline().split()
        registry.on_served = None
        return int(status), int(events)

    def check_next_pull(self, root: Path) -> None:
        """What the dead child left is sound, and a pull completes it."""
        store, layers = Store(root / "store"), DiskLayers(root / "layers")
        if store.root.exists():
            assert store.verify() == ()
        pulled = pull(self.reference, store, sinks=layers, options=QUICK, environ={})
        assert [x.diff_id for x in pulled.layers] == [x.diff_id for x in self.built.layers]
        assert all(layers.has(x.diff_id) for x in self.built.layers)
        assert store.verify() == ()
        assert store.image(self.reference) == pulled
        with store.adding():
            assert not list(store.temporary.iterdir())
        assert store.gc().digests == ()

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


@pytest.fixture
def killer(registry: Registry) -> Iterator[Killer]:
    running = Killer(registry, random_image(3, files=4, size=60_000))
    yield running
    running.close()


@pytest.mark.slow
def test_pull_killed_while_bytes_arrive(killer: Killer, tmp_path: Path) -> None:
    assert killer.run(tmp_path / "whole")[0] == 0
    total = killer.registry.served
    killed = 0
    for point in range(POINTS):
        root = tmp_path / str(point)
        root.mkdir()
        status, _ = killer.run(root, served=1 + total * point // POINTS)
        killed += status == -signal.SIGKILL
        killer.check_next_pull(root)
    # The last bytes and the child's end may cross.
    assert killed >= POINTS - 2


@pytest.mark.slow
def test_pull_killed_while_the_store_changes(killer: Killer, tmp_path: Path) -> None:
    status, total = killer.run(tmp_path / "whole")
    assert (status, total > POINTS) == (0, True)
    for point in range(POINTS):
        root = tmp_path / str(point)
        root.mkdir()
        # The last of them is the index, whose rename decides whether there is an image.
        event = total - (POINTS - 1 - point) * total // POINTS
        status, _ = killer.run(root, event=event)
        # Threads make the order differ a little, and with it the number of events.
        assert status == -signal.SIGKILL or event > total - 3
        killer.check_next_pull(root)


def test_interrupt_ends_a_pull_that_is_starting(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may come when the threads work and the last of them is not known to have started."""
    built = random_image(2, size=60_000)
    reference = registry.push(built)
    for layer in built.layers:
        registry.fail(layer.digest, Fault(stall_after=20_000))
    stalled = threading.Event()
    registry.on_served = lambda total: stalled.set() if total > 30_000 else None
    submit = ThreadPoolExecutor.submit
    left = len(built.layers)

    def interrupted(pool: ThreadPoolExecutor, *job: Any) -> object:
        nonlocal left
        left -= 1
        future = submit(pool, *job)
        if not left:
            assert stalled.wait(30)
            raise KeyboardInterrupt
        return future

    monkeypatch.setattr(ThreadPoolExecutor, "submit", interrupted)
    store, layers = Store(tmp_path / "store"), DiskLayers(tmp_path / "layers")
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        pull(reference, store, sinks=layers, environ={})
    # The client's own timeout is longer than this.
    assert time.monotonic() - begin < 20
    assert store.entries() == ()


def test_interrupt_ends_a_pull_that_waits(registry: Registry, tmp_path: Path) -> None:
    built = random_image(2, size=60_000)
    reference = registry.push(built)
    for layer in built.layers:
        registry.fail(layer.digest, Fault(stall_after=20_000))
    program = (
        # A background job of a shell, which may run the tests, ignores the signal.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "import sys; from pathlib import Path; from elfuse.images.pull import pull;"
        "from elfuse.images.store import Store; from tests.images.sinks import DiskLayers;"
        "root = Path(sys.argv[2]);"
        "pull(sys.argv[1], Store(root / 'store'), sinks=DiskLayers(root / 'layers'), environ={})"
    )
    stalled = threading.Event()
    registry.on_served = lambda total: stalled.set() if total > 30_000 else None
    process = subprocess.Popen(
        [sys.executable, "-c", program, reference, str(tmp_path)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert stalled.wait(30)
        process.send_signal(signal.SIGINT)
        # The client's own timeout is longer than this.
        _, errors = process.communicate(timeout=20)
    assert errors.rstrip().endswith("KeyboardInterrupt")
    store = Store(tmp_path / "store")
    assert store.entries() == ()
    assert not list(store.temporary.iterdir())
