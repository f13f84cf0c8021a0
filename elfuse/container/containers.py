"""Containers on disk: `containers/ID/{config.json, upper/, running}` below the store's root.

A container runs as long as somebody holds the lock on `running`: guest processes inherit it, and
the host drops it with the last of them, however they end.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from pathlib import Path

from elfuse.errors import ContainerError
from elfuse.light import suppress
from elfuse.overlay.temporary import remove_tree
from elfuse.record import Record, members
from elfuse.typing import Iterator

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_LEFT = (
    "calm", "clear", "bright", "brisk", "gentle", "keen", "lively", "mellow", "nimble", "quiet",
    "rapid", "silent", "steady", "swift", "warm", "witty",
)  # fmt: skip
_RIGHT = (
    "aspen", "badger", "cedar", "dolphin", "ember", "falcon", "heron", "juniper", "lynx", "maple",
    "otter", "pebble", "raven", "sparrow", "thistle", "willow",
)  # fmt: skip


class Container(Record):
    """A container's description, as config.json holds it."""

    id: str
    name: str
    image: str
    """The name it was started from."""
    tree: str
    """The image's merged tree, a file name below `trees/`."""
    command: list[str]
    created_ns: int
    hostname: str


class Containers:
    """All containers of a store."""

    def __init__(self, root: Path) -> None:
        self._root = root / "containers"

    def directory(self, container: Container) -> Path:
        return self._root / container.id

    def upper(self, container: Container) -> Path:
        """Where its changes are."""
        return self.directory(container) / "upper"

    def __iter__(self) -> Iterator[Container]:
        """Newest first. What is not readable as a container is passed over."""
        found = []
        for path in self._root.glob("*/config.json"):
            try:
                found.append(Container(**json.loads(path.read_bytes())))
            except (OSError, ValueError, TypeError):
                continue
        return iter(sorted(found, key=lambda container: -container.created_ns))

    def find(self, name: str) -> Container:
        """By name, id or a unique beginning of an id; ContainerError if there is none."""
        every = list(self)
        exact = [c for c in every if name in (c.name, c.id)]
        matches = exact or [c for c in every if name and c.id.startswith(name)]
        if len(matches) != 1:
            what = "more than one container" if matches else "no such container"
            raise ContainerError(f"{name}: {what}", hint="list them with: elfuse ps -a")
        return matches[0]

    def create(
        self, *, name: str, image: str, tree: str, command: list[str], hostname: str
    ) -> Container:
        """A new container directory. ContainerError if the name is taken or not a name."""
        identity = os.urandom(6).hex()
        if name:
            self._check_name(name)
        else:
            number = int(identity, 16)
            name = f"{_LEFT[number % 16]}_{_RIGHT[number // 16 % 16]}_{identity[:4]}"
        made = Container(identity, name, image, tree, command, time.time_ns(), hostname or identity)
        directory = self.directory(made)
        (directory / "upper").mkdir(parents=True)
        partial = directory / "config.json.part"
        partial.write_text(json.dumps(members(made)))
        partial.rename(directory / "config.json")
        return made

    def _check_name(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise ContainerError(
                f"invalid container name {name!r}",
                hint="use letters, digits, _ . and -, beginning with a letter or digit",
            )
        taken = next((c for c in self if c.name == name), None)
        if taken is not None:
            raise ContainerError(
                f"the container name {name!r} is already in use by container {taken.id}",
                hint=f"remove it with: elfuse rm {name}",
            )

    def lock_running(self, container: Container) -> int:
        """Mark it running; the descriptor keeps the mark and is inherited by fork."""
        fd = os.open(self.directory(container) / "running", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return fd

    def is_running(self, container: Container) -> bool:
        try:
            fd = os.open(self.directory(container) / "running", os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def remove(self, container: Container) -> None:
        """Delete it with its changes. ContainerError while it runs."""
        if self.is_running(container):
            raise ContainerError(
                f"container {container.name} is running", hint="stop its program first"
            )
        self.delete(container)

    def delete(self, container: Container) -> None:
        """Delete the directory if it is there; its last process calls this for --rm."""
        directory = self.directory(container)
        gone = directory.with_name(f"{container.id}.gone")
        # Renamed first: a kill in the middle leaves nothing that looks like a container.
        with suppress(FileNotFoundError):
            directory.rename(gone)
        remove_tree(gone)

    def sweep(self) -> None:
        """Finish deletions that were killed."""
        for path in self._root.glob("*.gone"):
            remove_tree(path)
