"""File contents, each stored once under its SHA-256: `objects/sha256/ab/cdef...`, mode 0444."""

import hashlib
import os
from pathlib import Path

from elfuse.host import sync_filesystem
from elfuse.overlay.temporary import WorkDirectory
from elfuse.typing import Collection, Iterable, Iterator

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
            self._write(digest, held)
            self._pending.add(digest)
        return digest, size

    def _add_large(
        self, hasher: "hashlib._Hash", held: list[bytes], source: Iterator[bytes]
    ) -> tuple[str, int]:
        def rest() -> Iterator[bytes]:
            yield from held
            for chunk in source:
                hasher.update(chunk)
                yield chunk

        size = self._write("large", rest())
        digest = hasher.hexdigest()
        if self._known(digest):
            os.unlink(self._place("large"))
        else:
            os.rename(self._place("large"), self._place(digest))
            self._pending.add(digest)
        return digest, size

    def publish(self) -> None:
        """Make the contents durable, then give them their names."""
        if self._pending:
            sync_filesystem(self._work.fd)
        root = os.fspath(self._store.root)
        for shard in {digest[:2] for digest in self._pending}:
            os.makedirs(f"{root}/{shard}", exist_ok=True)
        for digest in self._pending:
            os.rename(self._place(digest), f"{root}/{digest[:2]}/{digest[2:]}")
        self._pending.clear()

    def _known(self, digest: str) -> bool:
        return digest in self._pending or os.path.exists(self._store.path(digest))

    def _place(self, name: str) -> str:
        return f"{self._work.path}/{name}"

    def _write(self, name: str, chunks: Iterable[bytes]) -> int:
        """A new file in the work directory; its size."""
        size = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        fd = os.open(self._place(name), flags, 0o444)
        try:
            for chunk in chunks:
                size += len(chunk)
                view = memoryview(chunk)
                while view:
                    view = view[os.write(fd, view) :]
        except BaseException:
            os.unlink(self._place(name))
            raise
        finally:
            os.close(fd)
        return size


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
