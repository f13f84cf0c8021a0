"""The cache of translations as the command line shows and fills it."""

from __future__ import annotations

import os
import subprocess
import sys

from elfuse.container.places import cache_root
from elfuse.engine import default_name
from elfuse.engine.cache import Cache, Object
from elfuse.engine.worker import LIBRARY
from elfuse.errors import ContainerError, UsageError
from elfuse.light import suppress
from elfuse.record import Record
from elfuse.typing import Any, Iterator, Sequence

_PROGRAMS = (
    ("sh", "-c", ":"),
    ("bash", "-c", ":"),
    ("ls", "/"),
    ("python3", "-c", "pass"),
    ("perl", "-e", "1"),
)
"""What an image is warmed by without a command; those it has are run."""
_ROUNDS = 2
"""What runs compiled leads to other code that is worth it."""
_SECONDS = 60.0
_FOREVER = 1e6
_SAMPLE = 64


class Warmed(Record):
    """What `warm` did."""

    files: int
    regions: int


def open_cache() -> Cache:
    """The cache of this user; UsageError if it is off, ContainerError if it cannot be used."""
    root = cache_root()
    if not root:
        raise UsageError("the cache is off", hint="unset ELFUSE_CACHE, or name a directory with it")
    cache = Cache(root)
    problem = cache.problem()
    if problem:
        raise ContainerError(
            f"the cache {root} is not used: {problem}",
            hint="move it away, or name another directory with ELFUSE_CACHE",
        )
    return cache


def rows() -> list[dict[str, Any]]:
    """Rows for `elfuse cache ls`, what was used last first."""
    held = sorted(open_cache().objects(), key=lambda found: -found.used_ns)
    return [_row(found) for found in held]


def _row(found: Object) -> dict[str, Any]:
    return {
        "file": found.digest[:12],
        "address": f"{found.base:#x}",
        "engine": found.key[:12],
        "size": found.size,
        "digest": found.digest,
        "key": found.key,
    }


def facts() -> dict[str, object]:
    """What `elfuse info` says of the cache."""
    root = cache_root()
    if not root:
        return {"cache": "off"}
    cache = Cache(root)
    problem = cache.problem()
    if problem:
        return {"cache": f"{root} is not used: {problem}"}
    held = list(cache.objects())
    size = sum(found.size for found in held)
    return {"cache": root, "cache_objects": len(held), "cache_bytes": size}


def features() -> dict[str, object]:
    """What `elfuse info` says of the host processor."""
    if default_name() != "jit":
        return {}
    from elfuse.engine import _jit

    return {"features": " ".join(name.removeprefix("has_") for name in _jit.features())}


def prune(limit: int) -> int:
    """Remove objects until `limit` bytes are left; the bytes freed."""
    cache = open_cache()
    with cache.lock():
        return cache.prune(limit)


def verify(*, everything: bool) -> Iterator[str]:
    """What is wrong. Regions of this engine are compiled again and compared, all or a sample."""
    from elfuse.engine import _jit

    root = cache_root()
    problem = Cache(root).problem() if root else ""
    if problem:
        yield f"{root}: {problem}"
        return
    cache = open_cache()
    keys = {_jit.cache_key(confined): confined for confined in (False, True)}
    for found in cache.objects():
        try:
            data, digest = cache.read(found.path), bytes.fromhex(found.digest)
            count, _code = _jit.check_object(data, found.base, digest)
            if found.key in keys:
                most = count if everything else _SAMPLE
                _jit.verify_object(data, found.base, digest, keys[found.key], most)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            yield f"{found.path}: {why}"


def fill() -> Warmed:
    """Compile what earlier runs have noted, as the worker does, without its bound of time."""
    cache = open_cache()
    with cache.lock():
        return _fill(cache)


def _fill(cache: Cache) -> Warmed:
    if default_name() != "jit":
        raise UsageError("there is nothing to warm without the engine jit")
    from elfuse.engine import filling

    filled = filling.fill(cache, _FOREVER)
    return Warmed(filled.files, filled.regions)


def warm(image: str, command: Sequence[str], store: str) -> Warmed:
    """Run `command` in an image, or short programs that it has, and compile what was noted.

    ContainerError if the command fails: what it did is compiled all the same.
    """
    cache = open_cache()
    files = regions = failed = 0
    # Held all the time: the runs' workers leave the work to this process.
    with cache.lock():
        for _ in range(_ROUNDS):
            for words in [command] if command else _PROGRAMS:
                status = _run(image, words, store, shown=bool(command))
                failed = failed or (status if command else 0)
            done = _fill(cache)
            files, regions = max(files, done.files), regions + done.regions
    if failed:
        raise ContainerError(f"{command[0]} ended with status {failed}")
    return Warmed(files, regions)


def _run(image: str, words: Sequence[str], store: str, *, shown: bool) -> int:
    """Run in a container that is removed; the exit status, 124 if it took too long."""
    code = f"import sys; sys.path.insert(0, {LIBRARY!r}); from elfuse.__main__ import main; main()"
    options = ["--store", os.path.abspath(store)] if store else []
    stream = None if shown else subprocess.DEVNULL
    ran = subprocess.Popen(
        [sys.executable, "-I", "-c", code, "run", "--rm", *options, image, *words],
        stdin=subprocess.DEVNULL,
        stdout=stream,
        stderr=stream,
    )
    with ran:
        try:
            return ran.wait(None if shown else _SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                ran.kill()
            return 124
