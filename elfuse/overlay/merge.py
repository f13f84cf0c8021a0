"""Layers merged to one tree by the rules of the OCI image layer specification.

Within a layer, whiteouts and opaque marks act first and on lower layers only, wherever they stand
in the archive. Parents that are missing come into being; parents that are symbolic links of the
tree are followed inside its root, as by an unpacker that works on the mounted lower layers; a
parent that is anything else gives way to a directory.
"""

from elfuse.errors import ImageError
from elfuse.overlay.records import ROOT, S_IFMT
from elfuse.overlay.tree import DENTRY, HEADER, INODE, MAGIC, VERSION, XATTR, XATTRS
from elfuse.typing import Iterable, Protocol

_S_IFDIR, _S_IFLNK, _S_IFREG = 0o040000, 0o120000, 0o100000
_MAX_LINKS = 40
_MTIME_MAX = 2**63 - 1


class Listed(Protocol):
    """An entry of a layer; `kind` is "i" inode, "h" hard link, "w" whiteout, "o" opaque."""

    @property
    def kind(self) -> str: ...
    @property
    def path(self) -> bytes: ...
    @property
    def mode(self) -> int: ...
    @property
    def uid(self) -> int: ...
    @property
    def gid(self) -> int: ...
    @property
    def mtime_ns(self) -> int: ...
    @property
    def xattrs(self) -> dict[bytes, bytes] | None: ...
    @property
    def target(self) -> bytes: ...
    @property
    def digest(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def major(self) -> int: ...
    @property
    def minor(self) -> int: ...


class _Node:
    """An inode of the merged tree; the same object under every name it has."""

    __slots__ = ("about", "children", "dentry", "first", "ino", "mode", "nlink", "parent")

    def __init__(self, mode: int, about: Listed | None) -> None:
        self.mode = mode
        self.about = about
        self.children: dict[bytes, _Node] = {}
        self.ino = self.nlink = self.first = self.dentry = 0
        self.parent = self

    @property
    def is_directory(self) -> bool:
        return self.mode & S_IFMT == _S_IFDIR

    @property
    def link(self) -> bytes:
        """The target of a symbolic link, empty for anything else."""
        return self.about.target if self.about and self.mode & S_IFMT == _S_IFLNK else b""


class Merger:
    """A tree that layers are applied to, lowest first."""

    def __init__(self) -> None:
        self._root = _Node(_S_IFDIR | 0o755, None)

    def apply(self, diff_id: str, entries: Iterable[Listed]) -> None:
        """Put a layer on top. ImageError if a hard link leads nowhere."""
        present = []
        for entry in entries:
            if entry.kind == "w":
                self._white_out(entry.path)
            elif entry.kind == "o":
                covered = self._walk(entry.path, create=False)
                if covered is not None:
                    covered.children.clear()
            else:
                present.append(entry)
        for entry in present:
            self._place(diff_id, entry)

    def _white_out(self, path: bytes) -> None:
        above, _, name = path.rpartition(b"/")
        parent = self._walk(above, create=False)
        if parent is not None:
            parent.children.pop(name, None)

    def _place(self, diff_id: str, entry: Listed) -> None:
        if not entry.path:
            self._root.mode, self._root.about = _S_IFDIR | entry.mode & 0o7777, entry
            return
        above, _, name = entry.path.rpartition(b"/")
        parent = self._made(above)
        if entry.kind == "h":
            parent.children[name] = self._link_target(diff_id, entry)
            return
        old = parent.children.get(name)
        if old is not None and old.is_directory and entry.mode & S_IFMT == _S_IFDIR:
            old.mode, old.about = entry.mode, entry
        else:
            parent.children[name] = _Node(entry.mode, entry)

    def _link_target(self, diff_id: str, entry: Listed) -> _Node:
        above, _, name = entry.target.rpartition(b"/")
        parent = self._walk(above, create=False)
        node = parent.children.get(name) if parent is not None else None
        if node is None or node.is_directory:
            raise ImageError(
                f"the layer {diff_id} is damaged: {entry.path!a} is a hard link to"
                f" {entry.target!a}, which is no file"
            )
        return node

    def _made(self, path: bytes) -> _Node:
        found = self._walk(path, create=True)
        assert found is not None
        return found

    def _walk(self, path: bytes, *, create: bool) -> _Node | None:
        """The directory at `path`, made if asked for."""
        trail = [self._root]
        todo = _parts(path)
        links = 0
        while todo:
            name = todo.pop()
            if name == b"..":
                if len(trail) > 1:
                    trail.pop()
                continue
            children = trail[-1].children
            node = children.get(name)
            if node is not None and node.link and links < _MAX_LINKS:
                links += 1
                if node.link.startswith(b"/"):
                    trail = [self._root]
                todo += _parts(node.link)
                continue
            if node is None or not node.is_directory:
                if not create:
                    return None
                node = children[name] = _Node(_S_IFDIR | 0o755, None)
            trail.append(node)
        return trail[-1]

    def index(self, key: bytes) -> bytes:
        """The tree as `tree.Tree` reads it."""
        return _Writer(self._root).index(key)


def _parts(path: bytes) -> list[bytes]:
    """Components, last first."""
    return [part for part in reversed(path.split(b"/")) if part not in (b"", b".")]


class _Writer:
    """Numbers the inodes breadth first and lays the sections out."""

    def __init__(self, root: _Node) -> None:
        self._nodes: list[_Node] = []
        self._heap = bytearray()
        self._dentries = bytearray()
        self._texts: dict[bytes, int] = {}
        self._digests: dict[str, int] = {}
        self._number(root)
        assert root.ino == ROOT
        for node in self._nodes:
            self._add_names(node)

    def _number(self, root: _Node) -> None:
        root.ino, root.nlink = ROOT, 1
        self._nodes.append(root)
        # The list grows while it is walked.
        for node in self._nodes:
            for child in node.children.values():
                child.nlink += 1
                if child.is_directory:
                    child.parent = node
                    node.nlink += 1
                if not child.ino:
                    self._nodes.append(child)
                    child.ino = len(self._nodes)
            if node.is_directory:
                # The name `.`.
                node.nlink += 1

    def _add_names(self, node: _Node) -> None:
        node.first = len(self._dentries) // DENTRY.size
        for name, child in sorted(node.children.items()):
            if child.is_directory:
                child.dentry = len(self._dentries) // DENTRY.size
            kind = child.mode & S_IFMT
            self._dentries += DENTRY.pack(self._text(name), child.ino, len(name), kind)

    def _text(self, text: bytes) -> int:
        at = self._texts.get(text)
        if at is None:
            at = self._texts[text] = len(self._heap)
            self._heap += text
        return at

    def _record(self, node: _Node) -> bytes:
        about, kind = node.about, node.mode & S_IFMT
        uid = gid = major = minor = size = mtime = data = xattrs = 0
        if about is not None:
            uid, gid, major, minor = about.uid, about.gid, about.major, about.minor
            mtime = max(-_MTIME_MAX, min(about.mtime_ns, _MTIME_MAX))
            if about.xattrs:
                xattrs = self._text(_pack_xattrs(about.xattrs)) + 1
        if kind == _S_IFDIR:
            data, size = node.parent.ino, node.dentry
        elif kind == _S_IFLNK:
            data, size = self._text(node.link), len(node.link)
        elif kind == _S_IFREG and about is not None:
            data = self._digests.setdefault(about.digest, len(self._digests))
            size = about.size
        return INODE.pack(
            node.mode,
            node.nlink,
            uid & 0xFFFFFFFF,
            gid & 0xFFFFFFFF,
            major & 0xFFFFFFFF,
            minor & 0xFFFFFFFF,
            size,
            mtime,
            data,
            xattrs,
            node.first,
            len(node.children),
        )

    def index(self, key: bytes) -> bytes:
        records = b"".join(self._record(node) for node in self._nodes)
        header = HEADER.pack(
            MAGIC,
            VERSION,
            0,
            key,
            len(self._nodes),
            len(self._dentries) // DENTRY.size,
            len(self._digests),
            0,
            len(self._heap),
        )
        digests = b"".join(bytes.fromhex(digest) for digest in self._digests)
        return b"".join((header, records, self._dentries, digests, self._heap))


def _pack_xattrs(xattrs: dict[bytes, bytes]) -> bytes:
    packed = b"".join(
        XATTR.pack(len(name), len(value)) + name + value for name, value in sorted(xattrs.items())
    )
    return XATTRS.pack(len(packed)) + packed
