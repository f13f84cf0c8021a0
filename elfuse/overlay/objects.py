"""File contents, each stored once under its SHA-256: `objects/sha256/ab/cdef...`, mode 0444."""

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator
from io import BufferedWriter
from pathlib import Path

from elfuse.host import sync_filesystem
from elfuse.overlay.temporary import WorkDirectory

_SMALL = 1 << 20
_CHUNK = 1 << 20


class ObjectStore:
    """The contents in a store, below `root`. Content is immutable: nobody ever opens an object for writing."""

    def __init__(self, root: "os.PathLike[str]") -> None:
        self.root = Path(root) / "objects" / "sha256"

    def path(self, digest: str) -> Path:
        """Where the content with this hexadecimal digest is or would be."""
        return self.root / digest[:2] / digest[2:]

    def digests(self) -> Iterator[str]:
        """Every stored digest, sorted."""
        if self.root.is_dir():
            for shard in sorted(self.root.iterdir()):
                for name in sorted(os.listdir(shard)):
                    yield shard.name + name

    def gc(self, live: Collection[str], *, dry_run: bool = False) -> int:
        """Remove all but the `live` contents; the bytes freed, or that would be.

        The caller keeps writers away.
        """
        freed = 0
        for digest in self.digests():
            if digest not in live:
                path = self.path(digest)
                freed += path.stat().st_size
                if not dry_run:
                    path.unlink()
        return freed

    def verify(self) -> list[str]:
        """Hash every object; the digests whose content is not theirs, empty if all is well."""
        return [digest for digest in self.digests() if _hash_file(self.path(digest)) != digest]


class ObjectWriter:
    """Contents on their way into a store: they get their names in `publish`, all at once.

    Until then they lie in the work directory, so that an abandoned writer leaves nothing.
    """

    def __init__(self, store: ObjectStore, work: WorkDirectory) -> None:
        self._store = store
        self._work = work
        self._pending: set[str] = set()

    def add(self, chunks: Iterable[bytes]) -> tuple[str, int]:
        """Digest and size of a content, which the store will have after `publish`."""
        hasher, size, held = hashlib.sha256(), 0, []
        source = iter(chunks)
        for chunk in source:
            hasher.update(chunk)
            size += len(chunk)
            held.append(chunk)
            if size > _SMALL:
                return self._add_large(hasher, held, source)
        digest = hasher.hexdigest()
        if not self._known(digest):
            with self._create("small") as file:
                file.writelines(held)
            self._keep("small", digest)
        return digest, size

    def _add_large(
        self, hasher: "hashlib._Hash", held: list[bytes], source: Iterator[bytes]
    ) -> tuple[str, int]:
        with self._create("large") as file:
            file.writelines(held)
            for chunk in source:
                hasher.update(chunk)
                file.write(chunk)
            size = file.tell()
        digest = hasher.hexdigest()
        if self._known(digest):
            (self._work.path / "large").unlink()
        else:
            self._keep("large", digest)
        return digest, size

    def publish(self) -> None:
        """Make the contents durable, then give them their names."""
        if self._pending:
            sync_filesystem(self._work.fd)
        for digest in self._pending:
            target = self._store.path(digest)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.rename(self._work.path / digest, target)
        self._pending.clear()

    def _known(self, digest: str) -> bool:
        return digest in self._pending or self._store.path(digest).exists()

    def _create(self, name: str) -> BufferedWriter:
        return (self._work.path / name).open("wb")

    def _keep(self, name: str, digest: str) -> None:
        path = self._work.path / name
        path.chmod(0o444)
        path.rename(self._work.path / digest)
        self._pending.add(digest)


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
