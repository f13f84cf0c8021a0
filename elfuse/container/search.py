"""Looking into the guest's tree before anything runs there."""

from __future__ import annotations

import os
import stat

from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.vfs.filesystem import Filesystem, Inode
    from elfuse.runtime.vfs.mounts import Namespace

_MAX_LINKS = 40
_MAX_FILE = 4 << 20


def find(fs: Filesystem, path: bytes) -> Inode | None:
    """The inode at an absolute path, symbolic links followed; None if there is none."""
    pending = [part for part in path.split(b"/") if part]
    inode = fs.root()
    links = 0
    while pending:
        name = pending.pop(0)
        if name == b".":
            continue
        if inode.type_bits != stat.S_IFDIR:
            return None
        if name == b"..":
            inode = inode.parent()
            continue
        try:
            child = inode.lookup(name)
        except OSError:
            return None
        if child.type_bits != stat.S_IFLNK:
            inode = child
            continue
        links += 1
        if links > _MAX_LINKS:
            return None
        target = child.readlink()
        if target.startswith(b"/"):
            inode = fs.root()
        pending = [part for part in target.split(b"/") if part] + pending
    return inode


def read_guest_file(fs: Filesystem, path: str) -> bytes:
    """A small file's content, empty if there is none."""
    inode = find(fs, os.fsencode(path))
    if inode is None or inode.type_bits != stat.S_IFREG:
        return b""
    fd = inode.open(os.O_RDONLY)
    try:
        return os.read(fd, _MAX_FILE)
    finally:
        os.close(fd)


def search_program(
    namespace: Namespace, name: str, environment: list[bytes], workdir: str
) -> bytes | None:
    """Where execvp would find a program: by PATH if the name has no slash. None if nowhere."""
    word = os.fsencode(name)
    if b"/" in word:
        return word if word.startswith(b"/") else os.path.join(os.fsencode(workdir), word)
    path = next((e[5:] for e in environment if e.startswith(b"PATH=")), b"")
    fs = namespace.roots[0].fs
    for directory in path.split(b":"):
        candidate = os.path.join(directory or os.fsencode(workdir), word)
        inode = find(fs, candidate)
        if inode is not None and inode.type_bits == stat.S_IFREG and inode.stat().mode & 0o111:
            return candidate
    return None
