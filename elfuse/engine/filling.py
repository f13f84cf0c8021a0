"""The worker: profiles become objects of the cache."""

from __future__ import annotations

import hashlib
import mmap
import os
import time

from elfuse.engine import _jit
from elfuse.engine.cache import DEFAULT_LIMIT, Cache
from elfuse.light import suppress
from elfuse.record import Record

_NICE = 19
_SECONDS = 60.0
"""Most that one worker compiles: what is left when it ends is seen again in later runs."""
_LARGEST = 64 << 20
"""Bytes of an object that is not extended any more."""
_CODE_PER_FILE = 1 << 30


class _Work(Record):
    """What profiles say of one file at one address."""

    identity: str
    base: int
    confined: bool
    path: bytes
    heads: set[int]
    pages: dict[int, bytes]


class Filled(Record):
    """What `fill` did."""

    files: int
    regions: int


def work(root: str) -> None:
    """What the process of `start_worker` does."""
    os.nice(_NICE)
    os.chdir("/")
    cache = Cache(root)
    end = time.monotonic() + _SECONDS
    while os.listdir(cache.profiles) and time.monotonic() < end:
        with cache.lock(wait=False) as alone:
            if not alone:
                # The other looks again after it has let go of the lock.
                return
            fill(cache, end - time.monotonic())
            cache.prune(DEFAULT_LIMIT)


def fill(cache: Cache, seconds: float = _SECONDS) -> Filled:
    """Compile what profiles name, and remove them. By the holder of the lock."""
    end = time.monotonic() + seconds
    files = regions = 0
    for part in _collect(cache):
        added = _fill_file(cache, part, end - time.monotonic())
        files += bool(added)
        regions += added
    return Filled(files, regions)


def _collect(cache: Cache) -> list[_Work]:
    """Read and remove all profiles; what several say of a file is put together."""
    found: dict[tuple[str, int, bool], _Work] = {}
    for name in sorted(os.listdir(cache.profiles)):
        path = f"{cache.profiles}/{name}"
        data = b""
        with suppress(OSError):
            if name.endswith(".part") and time.time() - os.lstat(path).st_mtime < _SECONDS:
                # Somebody is writing it.
                continue
            data = cache.read(path)
        # First: one that cannot be worked on must not come back.
        os.unlink(path)
        files, confined = _jit.read_profile(data) or ([], False)
        for identity, base, where, heads, pages in files:
            new = _Work(identity, base, confined, where, set(), {})
            held = found.setdefault((identity, base, confined), new)
            held.heads.update(heads)
            for number, bits in pages:
                before = int.from_bytes(held.pages.get(number, b""), "little")
                united = before | int.from_bytes(bits, "little")
                held.pages[number] = united.to_bytes(len(bits), "little")
    return list(found.values())


def _fill_file(cache: Cache, part: _Work, seconds: float) -> int:
    """Regions added to the file's object."""
    key = _jit.cache_key(part.confined)
    if key is None:
        # An engine without a name: its code could not be told from another's.
        return 0
    try:
        fd = os.open(part.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        # Removed since.
        return 0
    try:
        status = os.fstat(fd)
        if identity(status) != part.identity or not 0 < status.st_size <= _CODE_PER_FILE:
            return 0
        with mmap.mmap(fd, 0, prot=mmap.PROT_READ) as content:
            digest = remember(cache, part.identity, content)
            place = cache.place(key, digest, part.base)
            before = b""
            with suppress(OSError):
                before = cache.read(place)
            if len(before) > _LARGEST:
                return 0
            filled = _jit.fill_object(
                content,
                bytes.fromhex(digest),
                part.base,
                part.confined,
                before,
                sorted(part.heads),
                sorted(part.pages.items()),
                max(seconds, 0.0),
            )
    finally:
        os.close(fd)
    if filled is None:
        return 0
    data, added, _left = filled
    cache.publish(place, data)
    return added


def remember(cache: Cache, name: str, content: mmap.mmap) -> str:
    """The digest of a file's content, which is computed once."""
    link = f"{cache.known}/{name}"
    with suppress(OSError):
        return os.readlink(link)
    digest = hashlib.sha256(content).hexdigest()
    os.makedirs(cache.known, 0o700, exist_ok=True)
    with suppress(FileExistsError):
        os.symlink(digest, link)
    return digest


def identity(status: os.stat_result) -> str:
    """As the crate names it (`cache/mod.rs`)."""
    times = (status.st_mtime_ns, status.st_ctime_ns)
    numbers = (status.st_dev, status.st_ino, status.st_size, *times)
    return "-".join(f"{number:x}" for number in numbers)
