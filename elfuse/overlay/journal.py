"""What a container changed, replicated between host processes by an append-only log.

    UPPER/log     a header page (mapped shared), then records: length, CRC-32, JSON
    UPPER/data/   contents of changed and new regular files, fifos and sockets, by inode number

The state is two dictionaries: inode rows and directory entries that stand before those of the
image's tree. A transaction takes a record lock on the log (which the host drops when its holder
dies), applies what others appended, appends one record with the new rows, then publishes the new
length in the header. Readers compare that length with what they have applied. Bytes beyond the
published length are what a killed process left, and are overwritten.

Never close another descriptor of the log in a process that may hold the lock: POSIX drops it.
"""

import fcntl
import json
import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

_MAGIC = 0x31676F6C66756C65
_PAGE = 4096
_FRAME = struct.Struct("<II")
_MAGIC_WORD, _LENGTH, _NEXT_INO = 0, 1, 2
WHITEOUT = 0


@dataclass(frozen=True, slots=True)
class Row:
    """An inode as the upper has it. `own` says that its content is in UPPER/data."""

    mode: int
    uid: int
    gid: int
    nlink: int
    size: int = 0
    atime_ns: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    major: int = 0
    minor: int = 0
    parent: int = 0
    own: bool = False
    target: bytes = b""
    xattrs: dict[bytes, bytes] = field(default_factory=dict)

    def with_(self, **changes: Any) -> "Row":
        return replace(self, **changes)

    def to_json(self) -> list[object]:
        xattrs = {os.fsdecode(name): value.hex() for name, value in self.xattrs.items()}
        return [
            self.mode, self.uid, self.gid, self.nlink, self.size, self.atime_ns, self.mtime_ns,
            self.ctime_ns, self.major, self.minor, self.parent, self.own, os.fsdecode(self.target),
            xattrs,
        ]  # fmt: skip

    @classmethod
    def from_json(cls, row: list[Any]) -> "Row":
        xattrs = {os.fsencode(name): bytes.fromhex(value) for name, value in row[13].items()}
        return cls(*row[:12], os.fsencode(row[12]), xattrs)


class Transaction:
    """Changes that become visible together."""

    def __init__(self, journal: "Journal") -> None:
        self._journal = journal
        self.rows: dict[int, Row] = {}
        self.names: dict[int, dict[bytes, int]] = {}

    def set_row(self, ino: int, row: Row) -> None:
        self.rows[ino] = row

    def set_name(self, parent: int, name: bytes, ino: int) -> None:
        """`WHITEOUT` hides the tree's entry."""
        self.names.setdefault(parent, {})[name] = ino

    def new_ino(self) -> int:
        return self._journal.new_ino()

    def to_json(self) -> bytes:
        rows = {str(ino): row.to_json() for ino, row in self.rows.items()}
        names = [
            [parent, os.fsdecode(name), ino]
            for parent, changed in self.names.items()
            for name, ino in changed.items()
        ]
        return json.dumps([rows, names]).encode()


class Journal:
    """The log of one upper directory and the state it describes."""

    def __init__(self, upper: Path, first_ino: int) -> None:
        self.rows: dict[int, Row] = {}
        self.names: dict[int, dict[bytes, int]] = {}
        self._held = 0
        self._applied = _PAGE
        os.makedirs(upper, exist_ok=True)
        self._fd = os.open(upper / "log", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.lockf(self._fd, fcntl.LOCK_EX)
        try:
            if os.fstat(self._fd).st_size < _PAGE:
                os.ftruncate(self._fd, _PAGE)
            self._map = mmap.mmap(self._fd, _PAGE)
            self._header = memoryview(self._map).cast("Q")
            if self._header[_MAGIC_WORD] != _MAGIC:
                self._header[_NEXT_INO] = first_ino
                self._header[_LENGTH] = _PAGE
                self._header[_MAGIC_WORD] = _MAGIC
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN)

    def refresh(self) -> None:
        """Apply what other processes have published."""
        length = self._header[_LENGTH]
        if length != self._applied:
            self._apply(length)

    def _apply(self, length: int) -> None:
        data = os.pread(self._fd, length - self._applied, self._applied)
        at = 0
        while at + _FRAME.size <= len(data):
            size, crc = _FRAME.unpack_from(data, at)
            record = data[at + _FRAME.size : at + _FRAME.size + size]
            if len(record) < size or zlib.crc32(record) != crc:
                # A power cut lost part of what was published: what follows never happened.
                break
            self._replay(record)
            at += _FRAME.size + size
        self._applied = length

    def _replay(self, record: bytes) -> None:
        rows, names = json.loads(record)
        for ino, row in rows.items():
            self.rows[int(ino)] = Row.from_json(row)
        for parent, name, ino in names:
            self.names.setdefault(parent, {})[os.fsencode(name)] = ino

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Changes under the lock; dropped if the body raises. Does not nest."""
        if self._held:
            raise RuntimeError("a transaction is open")
        fcntl.lockf(self._fd, fcntl.LOCK_EX)
        self._held = 1
        try:
            self.refresh()
            change = Transaction(self)
            yield change
            if change.rows or change.names:
                self._commit(change)
        finally:
            self._held = 0
            fcntl.lockf(self._fd, fcntl.LOCK_UN)

    def _commit(self, change: Transaction) -> None:
        record = change.to_json()
        frame = _FRAME.pack(len(record), zlib.crc32(record)) + record
        at = self._header[_LENGTH]
        os.pwrite(self._fd, frame, at)
        self.rows.update(change.rows)
        for parent, changed in change.names.items():
            self.names.setdefault(parent, {}).update(changed)
        self._applied = at + len(frame)
        self._header[_LENGTH] = self._applied

    def new_ino(self) -> int:
        """A number no inode has; inside a transaction only."""
        number = self._header[_NEXT_INO]
        self._header[_NEXT_INO] = number + 1
        return number
