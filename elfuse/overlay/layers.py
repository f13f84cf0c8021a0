"""Layers on disk: a list of entries per layer, in archive order, and the objects they refer to.

    layers/sha256/DIFF_ID    a header line, then one JSON array per entry
    trees/KEY                the merged index of the layers of an image (`merge`)
    layers.lock              shared by whoever writes layers or trees, exclusive for gc
    tmp/*.layer/             layers under construction

A layer's list gets its name when all its objects have theirs, so a listed layer is complete.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
from pathlib import Path

from elfuse.errors import ImageError
from elfuse.light import suppress
from elfuse.overlay.merge import Merger
from elfuse.overlay.objects import ObjectStore, ObjectWriter
from elfuse.overlay.temporary import WorkDirectory, sweep, sync_directory
from elfuse.overlay.tree import Tree, tree_key, tree_path
from elfuse.typing import (
    Any,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    NamedTuple,
    Protocol,
    Sequence,
)

_DIFF_ID = re.compile(r"sha256:[0-9a-f]{64}")
_HEADER = '["elfuse layer", 1]\n'


class Meta(Protocol):
    """What an archive entry says about its inode. `mode` holds permission bits, setuid included."""

    @property
    def mode(self) -> int: ...
    @property
    def uid(self) -> int: ...
    @property
    def gid(self) -> int: ...
    @property
    def mtime_ns(self) -> int: ...
    @property
    def xattrs(self) -> Mapping[bytes, bytes]: ...


class LayerEntry(NamedTuple):
    """One line of a layer's list. `kind` is one of the letters below; the rest is per kind."""

    kind: str
    path: bytes
    mode: int = 0
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    xattrs: dict[bytes, bytes] | None = None
    target: bytes = b""
    digest: str = ""
    size: int = 0
    major: int = 0
    minor: int = 0


INODE, HARDLINK, WHITEOUT, OPAQUE = "i", "h", "w", "o"


class LayerWriter:
    """A layer under construction; satisfies the sink protocol of `images`."""

    def __init__(self, root: Path, listing: Path, lock: int) -> None:
        self._listing = listing
        self._lock = lock
        self._work = WorkDirectory(root / "tmp")
        self._objects = ObjectWriter(ObjectStore(root), self._work)
        self._entries = (self._work.path / "entries").open("w", encoding="ascii")
        self._entries.write(_HEADER)
        self._open = True

    def directory(self, path: bytes, meta: Meta) -> None:
        """A directory."""
        self._inode(path, meta, stat.S_IFDIR)

    def file(self, path: bytes, meta: Meta, size: int, chunks: Iterator[bytes]) -> None:
        """A regular file."""
        digest, stored = self._objects.add(chunks)
        if stored != size:
            raise ImageError(f"{path!a}: {stored} bytes instead of {size}")
        self._inode(path, meta, stat.S_IFREG, digest=digest, size=size)

    def symlink(self, path: bytes, meta: Meta, target: bytes) -> None:
        """A symbolic link."""
        self._inode(path, meta, stat.S_IFLNK, target=target)

    def hardlink(self, path: bytes, target: bytes) -> None:
        """Another name for `target`."""
        self._write(LayerEntry(HARDLINK, path, target=target))

    def special(self, path: bytes, meta: Meta, mode: int, major: int, minor: int) -> None:
        """A device, fifo or socket."""
        self._inode(path, meta, stat.S_IFMT(mode), major=major, minor=minor)

    def whiteout(self, path: bytes) -> None:
        """Lower layers' `path` is gone."""
        self._write(LayerEntry(WHITEOUT, path))

    def opaque(self, path: bytes) -> None:
        """Lower layers' content of the directory `path` is gone."""
        self._write(LayerEntry(OPAQUE, path))

    def commit(self) -> None:
        """Make the layer durable and findable. Idempotent."""
        if not self._open:
            return
        self._entries.flush()
        os.fsync(self._entries.fileno())
        self._objects.publish()
        self._listing.parent.mkdir(parents=True, exist_ok=True)
        os.rename(self._work.path / "entries", self._listing)
        sync_directory(self._listing.parent)
        self._close()

    def abort(self) -> None:
        """Forget everything; the layer never existed."""
        if self._open:
            self._close()

    def _close(self) -> None:
        self._open = False
        self._entries.close()
        self._work.remove()
        os.close(self._lock)

    def _inode(
        self,
        path: bytes,
        meta: Meta,
        kind: int,
        *,
        target: bytes = b"",
        digest: str = "",
        size: int = 0,
        major: int = 0,
        minor: int = 0,
    ) -> None:
        xattrs = dict(meta.xattrs) or None
        self._write(
            LayerEntry(
                INODE,
                path,
                kind | meta.mode & 0o7777,
                meta.uid,
                meta.gid,
                meta.mtime_ns,
                xattrs,
                target,
                digest,
                size,
                major,
                minor,
            )
        )

    def _write(self, entry: LayerEntry) -> None:
        self._entries.write(json.dumps(_to_json(entry)) + "\n")


class Layers:
    """The layers below `root`; satisfies the sink factory protocol of `images`."""

    def __init__(self, root: os.PathLike[str]) -> None:
        self._root = Path(root)
        self.objects = ObjectStore(root)

    def __repr__(self) -> str:
        return f"<Layers {self._root}>"

    def has(self, diff_id: str) -> bool:
        """Whether the layer was committed before."""
        return self._listing(diff_id).exists()

    def open(self, diff_id: str) -> LayerWriter:
        """A writer for a layer. Removes what writers who were killed have left."""
        listing = self._listing(diff_id)
        lock = self._locked(fcntl.LOCK_SH)
        try:
            sweep(self._root / "tmp")
            return LayerWriter(self._root, listing, lock)
        except BaseException:
            os.close(lock)
            raise

    def entries(self, diff_id: str) -> Iterator[LayerEntry]:
        """A committed layer's entries in archive order; ImageError if it is missing or damaged."""
        path = self._listing(diff_id)
        try:
            with path.open(encoding="ascii") as lines:
                if next(lines, "") != _HEADER:
                    raise ValueError("not a list of entries")
                for line in lines:
                    yield _from_json(json.loads(line))
        except FileNotFoundError:
            raise ImageError(
                f"the layer {diff_id} is not unpacked in {self._root}", hint="pull the image again"
            ) from None
        except (ValueError, TypeError, IndexError, AttributeError) as error:
            raise ImageError(
                f"the unpacked layer {diff_id} is damaged: {error}",
                hint=f"remove {path} and pull the image again",
            ) from error

    def merged(self, diff_ids: Sequence[str]) -> Path:
        """The index of the layers' merged tree, built unless it is there. Lowest layer first."""
        path = tree_path(self._root, tree_key(diff_ids))
        if path.exists():
            return path
        lock = self._locked(fcntl.LOCK_SH)
        try:
            merger = Merger()
            for diff_id in diff_ids:
                merger.apply(diff_id, self.entries(diff_id))
            work = WorkDirectory(self._root / "tmp")
            try:
                with (work.path / "tree").open("wb") as file:
                    file.write(merger.index(bytes.fromhex(path.name)))
                    file.flush()
                    os.fsync(file.fileno())
                path.parent.mkdir(parents=True, exist_ok=True)
                os.rename(work.path / "tree", path)
                sync_directory(path.parent)
            finally:
                work.remove()
        finally:
            os.close(lock)
        return path

    def gc(
        self,
        live: Iterable[Sequence[str]],
        *,
        keep_trees: Collection[str] = (),
        dry_run: bool = False,
    ) -> int:
        """Remove what neither images with the `live` layer lists nor `keep_trees` need.

        The bytes freed, or that would be. BlockingIOError while anybody adds layers.
        """
        if not self._root.is_dir():
            return 0
        images = [tuple(diff_ids) for diff_ids in live]
        lock = self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            if not dry_run:
                sweep(self._root / "tmp")
            layers = {diff_id for diff_ids in images for diff_id in diff_ids}
            trees = {tree_key(diff_ids) for diff_ids in images} | set(keep_trees)
            # Objects go last: a kill in between leaves objects nobody needs, never a layer without.
            kept = self._digests(layers, trees)
            freed = self._remove("trees", trees, dry_run)
            names = {diff_id.partition(":")[2] for diff_id in layers}
            freed += self._remove("layers/sha256", names, dry_run)
            return freed + self.objects.gc(kept, dry_run=dry_run)
        finally:
            os.close(lock)

    def verify(self) -> list[str]:
        """What is wrong with objects and lists, empty if nothing is."""
        wrong = self.objects.verify()
        problems = [f"object sha256:{digest} has other content" for digest in wrong]
        directory = self._root / "layers" / "sha256"
        for name in sorted(os.listdir(directory)) if directory.is_dir() else ():
            try:
                problems.extend(
                    f"object sha256:{entry.digest} is missing"
                    for entry in self.entries(f"sha256:{name}")
                    if entry.digest and not self.objects.path(entry.digest).exists()
                )
            except ImageError as error:
                problems.append(str(error))
        return problems

    def _digests(self, layers: Collection[str], trees: Collection[str]) -> set[str]:
        kept: set[str] = set()
        for diff_id in layers:
            with suppress(ImageError):
                kept.update(entry.digest for entry in self.entries(diff_id) if entry.digest)
        for name in trees:
            with suppress(ImageError, FileNotFoundError):
                tree = Tree(self._root / "trees" / name)
                kept.update(tree.digests())
                tree.close()
        return kept

    def _remove(self, directory: str, kept: Collection[str], dry_run: bool) -> int:
        freed = 0
        with suppress(FileNotFoundError):
            for name in sorted(os.listdir(self._root / directory)):
                if name not in kept:
                    path = self._root / directory / name
                    freed += path.stat().st_size
                    if not dry_run:
                        path.unlink()
        return freed

    def _listing(self, diff_id: str) -> Path:
        if not _DIFF_ID.fullmatch(diff_id):
            raise ImageError(f"{diff_id!a} is not a layer's digest")
        return self._root / "layers" / "sha256" / diff_id.partition(":")[2]

    def _locked(self, how: int) -> int:
        self._root.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._root / "layers.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, how)
        except BaseException:
            os.close(fd)
            raise
        return fd


# Bytes are written as the characters U+0000 to U+00FF: exact for every name, in every locale.


def _to_json(entry: LayerEntry) -> list[Any]:
    path, target = entry.path.decode("latin-1"), entry.target.decode("latin-1")
    if entry.kind != INODE:
        return [entry.kind, path, target] if target else [entry.kind, path]
    xattrs = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in (entry.xattrs or {}).items()
    }
    return [entry.kind, path, *entry[2:6], xattrs or None, target, *entry[8:]]


def _from_json(found: list[Any]) -> LayerEntry:
    kind, path = found[0], found[1].encode("latin-1")
    if kind in (WHITEOUT, OPAQUE):
        return LayerEntry(kind, path)
    if kind == HARDLINK:
        return LayerEntry(kind, path, target=found[2].encode("latin-1"))
    if kind != INODE or len(found) != len(LayerEntry._fields):
        raise ValueError(f"an entry of unknown kind {kind!r}")
    xattrs = {
        name.encode("latin-1"): value.encode("latin-1") for name, value in (found[6] or {}).items()
    }
    target = found[7].encode("latin-1")
    mode, uid, gid, mtime = found[2:6]
    digest, size, major, minor = found[8:]
    return LayerEntry(
        kind, path, mode, uid, gid, mtime, xattrs or None, target, digest, size, major, minor
    )
