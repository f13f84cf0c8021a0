"""The directory of translations that are kept between runs: what is in it, and its upkeep.

    profiles/                what processes saw of hot code, for the worker (`filling`)
    known/IDENTITY           a symbolic link whose text is the SHA-256 of the file of that identity:
                             device, inode, size, time of modification, of change
    code/KEY/DIGEST-BASE     objects: code of the file DIGEST at the guest address BASE, for the
                             engine's build and the host processor that KEY names
    worker.lock              held by the worker

Objects and links appear whole and are never changed. Running processes write only profiles; who
writes objects holds the lock. What the engine checks before it uses an object is in the crate
(`cache/mod.rs`).
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress

from elfuse.record import Record
from elfuse.typing import Iterator

DEFAULT_LIMIT = 1 << 30
"""Bytes of objects that the worker leaves when it ends."""


class Object(Record):
    """One object. `key` is of the engine that made it; `used_ns` when it was last used, to a day."""

    key: str
    digest: str
    base: int
    size: int
    used_ns: int
    path: str


class Cache:
    """The cache below `root`, whose directory may not be there yet."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.profiles = f"{root}/profiles"
        self.known = f"{root}/known"

    def problem(self) -> str:
        """Why engines do not use the directory, empty if they do."""
        try:
            status = os.lstat(self.root)
        except FileNotFoundError:
            return ""
        except OSError as error:
            return error.strerror or str(error)
        if not os.path.isdir(self.root) or os.path.islink(self.root):
            return "it is no directory"
        return _not_own(status)

    def objects(self) -> Iterator[Object]:
        """Every object, of any engine; files with other names are none."""
        code = f"{self.root}/code"
        for key in _names(code):
            for name in _names(f"{code}/{key}"):
                digest, _, base = name.partition("-")
                path = f"{code}/{key}/{name}"
                with suppress(ValueError, FileNotFoundError, NotADirectoryError):
                    status = os.lstat(path)
                    yield Object(
                        key, digest, int(base, 16), status.st_size, status.st_mtime_ns, path
                    )

    def place(self, key: str, digest: str, base: int) -> str:
        """Where an object is or would be."""
        return f"{self.root}/code/{key}/{digest}-{base:x}"

    def size(self) -> int:
        return sum(held.size for held in self.objects())

    def read(self, path: str) -> bytes:
        """An object's content; PermissionError if it is not the user's file alone."""
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb") as file:
            why = _not_own(os.fstat(fd))
            if why:
                raise PermissionError(why)
            return file.read()

    def publish(self, path: str, data: bytes) -> None:
        """Put an object in its place, whole or not at all; by the holder of the lock."""
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        part = f"{path}.part"
        with suppress(FileNotFoundError):
            os.unlink(part)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        os.rename(part, path)

    @contextmanager
    def lock(self, *, wait: bool = True) -> Iterator[bool]:
        """Whether this process is the only one now that writes objects."""
        os.makedirs(self.profiles, 0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(f"{self.root}/worker.lock", flags, 0o600)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(fd)

    def prune(self, limit: int) -> int:
        """Remove the objects that were not needed for longest, until `limit` bytes are left.

        Also what killed processes left unfinished, and digests that lead to no object. The bytes
        freed. By the holder of the lock.
        """
        held = sorted(self.objects(), key=lambda found: found.used_ns)
        excess, freed = sum(found.size for found in held) - limit, 0
        kept = set()
        for found in held:
            if freed < excess:
                os.unlink(found.path)
                freed += found.size
            else:
                kept.add(found.digest)
        for name in _names(self.known):
            with suppress(OSError):
                if os.readlink(f"{self.known}/{name}") not in kept:
                    os.unlink(f"{self.known}/{name}")
        code = f"{self.root}/code"
        for key in _names(code):
            for name in _names(f"{code}/{key}"):
                if name.endswith(".part"):
                    os.unlink(f"{code}/{key}/{name}")
            with suppress(OSError):
                os.rmdir(f"{code}/{key}")
        return freed


def _names(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _not_own(status: os.stat_result) -> str:
    if status.st_uid != os.geteuid():
        return f"it belongs to user {status.st_uid}"
    if status.st_mode & 0o022:
        return "others can write to it"
    return ""
