"""A file tree as data: path to entry, read from Debian packages, merged layer over layer.

Paths have no leading slash. File contents stay in the unpacked archives (`Slice`) until they are
written out, so that a compiler's hundred megabytes need not fit into memory.
"""

import os
import shutil
import stat
import subprocess
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO

MERGED = ("bin", "sbin", "lib")
"""Top-level directories which Debian 12 keeps below /usr; packages still name them both ways."""


class Kind(Enum):
    """What an entry is."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes inside another file."""

    archive: Path
    offset: int
    size: int

    def read(self) -> bytes:
        with self.archive.open("rb") as archive:
            archive.seek(self.offset)
            return archive.read(self.size)


@dataclass(frozen=True, slots=True)
class Entry:
    """One name. `target` is a symbolic link's text or the path of a hard link's file."""

    kind: Kind
    mode: int
    mtime: int
    uid: int = 0
    gid: int = 0
    target: str = ""
    content: bytes | Slice = b""

    def read(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else self.content.read()


Tree = dict[str, Entry]


def canonical(name: str) -> str:
    """A package's name for a file as the path below a merged /usr."""
    path = name.removeprefix("./").strip("/")
    top, slash, _ = path.partition("/")
    return f"usr/{path}" if top in MERGED and (slash or path == top) else path


def read_package(package: Path, scratch: Path) -> Tree:
    """The files of a .deb; its unpacked archive is kept in `scratch` for the contents."""
    archive = scratch / f"{package.name}.tar"
    with archive.open("wb") as out:
        subprocess.run(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=out, check=True)
    tree: Tree = {}
    with tarfile.open(archive, "r:", encoding="utf-8", errors="surrogateescape") as members:
        for member in members:
            path = canonical(member.name)
            if path and path != ".":
                tree[path] = _entry(member, archive)
    return _files_before_links(tree)


def _entry(member: tarfile.TarInfo, archive: Path) -> Entry:
    kind, target, content = Kind.FILE, "", b""
    piece: bytes | Slice = content
    if member.isdir():
        kind = Kind.DIRECTORY
    elif member.issym():
        kind, target = Kind.SYMLINK, member.linkname
    elif member.islnk():
        kind, target = Kind.HARDLINK, canonical(member.linkname)
    elif member.isreg():
        piece = Slice(archive, member.offset_data, member.size)
    else:
        raise ValueError(f"{archive.name}: {member.name}: neither a file, directory nor link")
    return Entry(
        kind,
        stat.S_IMODE(member.mode),
        int(member.mtime),
        member.uid,
        member.gid,
        target,
        piece,
    )


def _files_before_links(tree: Tree) -> Tree:
    """The same tree with each file under the first of its names, so that sorting keeps order."""
    groups: dict[str, list[str]] = {}
    for path, entry in tree.items():
        if entry.kind is Kind.HARDLINK:
            groups.setdefault(entry.target, [entry.target]).append(path)
    for holder, names in groups.items():
        first, file = min(names), tree[holder]
        for name in names:
            tree[name] = Entry(
                Kind.HARDLINK, file.mode, file.mtime, file.uid, file.gid, target=first
            )
        tree[first] = file
    return tree


def remove(tree: Tree, path: str) -> None:
    """Take away a name and everything below it."""
    for name in [name for name in tree if name == path or name.startswith(f"{path}/")]:
        del tree[name]


def empty(tree: Tree, path: str) -> None:
    """Take away everything below a directory."""
    for name in [name for name in tree if name.startswith(f"{path}/")]:
        del tree[name]


def make_parents(tree: Tree, below: Tree, mtime: int) -> None:
    """Add the directories that entries of `tree` need and neither tree has."""
    for path in list(tree):
        parent = path.rpartition("/")[0]
        while parent and parent not in tree and parent not in below:
            tree[parent] = Entry(Kind.DIRECTORY, 0o755, mtime)
            parent = parent.rpartition("/")[0]


def dangling(tree: Tree) -> list[str]:
    """Links that lead nowhere. Those into /proc do once a system runs."""
    return [
        f"{path} -> {entry.target}"
        for path, entry in tree.items()
        if (entry.kind is Kind.SYMLINK and resolve(tree, path) is None)
        or (entry.kind is Kind.HARDLINK and entry.target not in tree)
        if not entry.target.startswith("/proc/")
    ]


def resolve(tree: Tree, path: str) -> str | None:
    """Where a path leads with every symbolic link followed, or None."""
    walked: list[str] = []
    todo = path.split("/")[::-1]
    links = 0
    while todo:
        name = todo.pop()
        if name in ("", "."):
            continue
        if name == "..":
            del walked[-1:]
            continue
        here = "/".join([*walked, name])
        entry = tree.get(here)
        if entry is None:
            return None
        if entry.kind is not Kind.SYMLINK:
            walked.append(name)
            continue
        links += 1
        if links > 40:
            return None
        if entry.target.startswith("/"):
            walked = []
        todo.extend(entry.target.split("/")[::-1])
    return "/".join(walked)


def copy_content(entry: Entry, out: IO[bytes]) -> None:
    """Write a file's bytes to `out`."""
    if isinstance(entry.content, bytes):
        out.write(entry.content)
        return
    with entry.content.archive.open("rb") as archive:
        archive.seek(entry.content.offset)
        left = entry.content.size
        while left:
            piece = archive.read(min(left, 1 << 20))
            if not piece:
                raise EOFError(f"{entry.content.archive}: ends early")
            out.write(piece)
            left -= len(piece)


def write_directory(tree: Tree, destination: Path) -> None:
    """The tree as plain files of the calling user.

    Owners and set-id bits are not kept. Absolute links become relative, because a program that
    runs with the directory as its sysroot leaves them to the host to follow.
    """
    _clear(destination)
    modes: list[tuple[Path, int]] = []
    for path, entry in sorted(tree.items()):
        place = destination / path
        if entry.kind is Kind.DIRECTORY:
            place.mkdir(exist_ok=True)
            modes.append((place, entry.mode & 0o777 | 0o700))
        elif entry.kind is Kind.SYMLINK:
            place.symlink_to(_relative(path, entry.target))
        elif entry.kind is Kind.HARDLINK:
            place.hardlink_to(destination / entry.target)
        else:
            with place.open("wb") as out:
                copy_content(entry, out)
            place.chmod(entry.mode & 0o777 | 0o600)
            # Python compares the times of sources with what bytecode says.
            os.utime(place, (entry.mtime, entry.mtime))
    for place, mode in modes:
        place.chmod(mode)


def _clear(destination: Path) -> None:
    if destination.exists():
        shutil.rmtree(destination)
    destination.mkdir(parents=True)


def _relative(path: str, target: str) -> str:
    if not target.startswith("/"):
        return target
    return "../" * path.count("/") + target.lstrip("/") or "."


def matching(tree: Tree, patterns: Iterable[str]) -> list[str]:
    """Paths that a shell pattern matches; its `*` matches slashes too."""
    return [path for path in tree if any(fnmatchcase(path, pattern) for pattern in patterns)]
