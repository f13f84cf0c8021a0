"""The upper's changes as an append-only log that all host processes of a container share.

    UPPER/in-use     flock: shared by whoever has the upper open, exclusive while it is repaired
    UPPER/control    one mapped page: what is committed, and which tree the upper lies on
    UPPER/log.N      records: length, CRC-32, and a `Change`: JSON, or marshal's form of the same in
                     a log that one run has for itself, for loading `json` takes as long as the
                     start of a small program

A change is made under a record lock on `control`, which the host drops when its holder dies:
replay what others appended, validate, append one record, publish the new length. The length and
the log's number are one aligned word, so a reader sees either all of a change or nothing, and a
process killed at any point leaves at most bytes nobody looks at. Records hold absolute values,
so replaying is idempotent.

Invariant: nothing here closes a descriptor of `control` while a lock is held, because POSIX would
drop the lock.
"""

from __future__ import annotations

import errno
import fcntl
import marshal
import mmap
import os
import struct
import zlib

from elfuse.overlay.records import Row
from elfuse.overlay.state import Change, State
from elfuse.typing import TYPE_CHECKING, Any, Callable, Iterator, Self

if TYPE_CHECKING:
    from types import TracebackType

_CONTROL = struct.Struct("<8s32s")
"""Magic, key of the tree below."""
_MAGIC = b"elfupr1\0"
_PAGE = 4096
_WORD_AT = 8
"""Index of the committed word in units of 8 bytes: number of the log << 40 | its length."""
_LENGTH_BITS = 40
_LENGTH = (1 << _LENGTH_BITS) - 1
_RECORD = struct.Struct("<II")
_ROW_ESTIMATE = 80
"""Bytes of a row or name in the log."""
_ONLINE_MIN, _ONLINE_FACTOR = 1 << 20, 8
_OPEN_MIN, _OPEN_FACTOR = 1 << 14, 2
"""A log this long, and this many times longer than the state, is written anew."""


class _Torn(Exception):
    """A record is not whole."""


class Journal:
    """One process's view of a log, applied to `state`."""

    def __init__(
        self, directory: bytes, state: State, repair: Callable[[], Change], *, throwaway: bool
    ) -> None:
        """`repair` tells what to change after a crash; it is asked if nobody else is here.

        `throwaway`: nobody opens the directory after this run.
        """
        self._encode, self._decode = _THROWAWAY if throwaway else _KEPT
        self._directory = directory
        self.state = state
        self._log = -1
        self._locked = False
        self._compact_from = _ONLINE_MIN
        self._before: dict[int, Row | None] = {}
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._in_use = os.open(directory + b"/in-use", flags, 0o600)
        self._control = -1
        try:
            exclusive = self._try_exclusive()
            if exclusive and not os.path.exists(directory + b"/control"):
                self._create()
            self._map()
            if exclusive:
                self._recover(repair)
            # Others may repair between the two locks; the word tells.
            fcntl.flock(self._in_use, fcntl.LOCK_SH)
            self.refresh()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give all descriptors back."""
        if self._control >= 0:
            self._word.release()
            self._page.close()
            os.close(self._control)
            self._control = -1
        if self._log >= 0:
            os.close(self._log)
            self._log = -1
        if self._in_use >= 0:
            os.close(self._in_use)
            self._in_use = -1

    def _try_exclusive(self) -> bool:
        try:
            fcntl.flock(self._in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Waits for whoever repairs.
            fcntl.flock(self._in_use, fcntl.LOCK_SH)
            return False
        return True

    def _create(self) -> None:
        for name in os.listdir(self._directory):
            if name.startswith(b"log."):
                os.unlink(os.path.join(self._directory, name))
        os.close(os.open(self._log_path(0), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        page = _CONTROL.pack(_MAGIC, self.state.tree.key).ljust(_PAGE, b"\0")
        temporary = self._directory + b"/control.new"
        with open(temporary, "wb") as file:
            file.write(page)
        os.rename(temporary, self._directory + b"/control")

    def _map(self) -> None:
        self._control = os.open(self._directory + b"/control", os.O_RDWR | os.O_CLOEXEC)
        if os.fstat(self._control).st_size != _PAGE:
            os.close(self._control)
            self._control = -1
            raise OSError(errno.EIO, "the overlay's control file is damaged")
        self._page = mmap.mmap(self._control, _PAGE)
        self._word = memoryview(self._page).cast("Q")
        magic, key = _CONTROL.unpack_from(self._page)
        if magic != _MAGIC:
            raise OSError(errno.EIO, "the overlay's control file is damaged")
        if key != self.state.tree.key:
            raise OSError(errno.ESTALE, "the upper lies on another image")
        self._seen = -1

    def _log_path(self, number: int) -> bytes:
        return self._directory + b"/log.%d" % number

    # Reading

    def refresh(self) -> None:
        """Apply what other processes have committed since the last call."""
        if self._word[_WORD_AT] != self._seen:
            self._catch_up()

    def _catch_up(self) -> None:
        try:
            self._read_new()
        except _Torn:
            if self._locked:
                raise OSError(errno.EIO, "the overlay's log is damaged") from None
            # Another processor's stores may arrive in another order; the lock orders them.
            self.lock()
            self.unlock()

    def _read_new(self) -> None:
        while True:
            word = self._word[_WORD_AT]
            same = self._seen >= 0 and word >> _LENGTH_BITS == self._seen >> _LENGTH_BITS
            if not same and not self._switch(word >> _LENGTH_BITS):
                # Compacted again meanwhile.
                continue
            for change, end in self._records(self._seen & _LENGTH, word & _LENGTH):
                self.state.apply(change)
                self._seen = word & ~_LENGTH | end
            if self._before:
                self.state.announce(self._before)
                self._before = {}
            return

    def _switch(self, number: int) -> bool:
        try:
            log = os.open(self._log_path(number), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            if self._word[_WORD_AT] >> _LENGTH_BITS == number:
                raise
            return False
        if self._log >= 0:
            os.close(self._log)
        self._log = log
        self._before = self.state.clear()
        self._seen = number << _LENGTH_BITS
        return True

    def _records(self, start: int, end: int) -> Iterator[tuple[Change, int]]:
        data = os.pread(self._log, end - start, start)
        at = 0
        while at < end - start:
            if len(data) < at + _RECORD.size:
                raise _Torn
            length, checksum = _RECORD.unpack_from(data, at)
            at += _RECORD.size
            payload = data[at : at + length]
            at += length
            if len(payload) != length or zlib.crc32(payload) != checksum:
                raise _Torn
            yield Change.from_list(self._decode(payload)), start + at

    def _record(self, change: Change) -> bytes:
        payload = self._encode(change.to_list())
        return _RECORD.pack(len(payload), zlib.crc32(payload)) + payload

    def _recover(self, repair: Callable[[], Change]) -> None:
        """Nobody else is here: keep what is whole, drop what a killed process left."""
        torn = False
        try:
            self._read_new()
        except _Torn:
            # The host crashed: the page with the length was written, the log was not.
            torn = True
        change = repair()
        if torn or self._is_long(_OPEN_MIN, _OPEN_FACTOR):
            self.state.apply(change)
            self._compact()
        elif change:
            self.commit(change)
        current = self._log_path(self._seen >> _LENGTH_BITS)
        for name in os.listdir(self._directory):
            path = os.path.join(self._directory, name)
            if name.startswith(b"log.") and path != current:
                os.unlink(path)

    # Writing

    def transaction(self) -> Transaction:
        """A change to be made, as a context: committed unless an exception leaves it."""
        return Transaction(self)

    def lock(self) -> None:
        """Begin a transaction: nobody else commits, and everything committed is applied."""
        fcntl.lockf(self._control, fcntl.LOCK_EX, 1)
        self._locked = True
        try:
            self.refresh()
        except BaseException:
            self.unlock()
            raise

    def unlock(self) -> None:
        """End a transaction."""
        self._locked = False
        fcntl.lockf(self._control, fcntl.LOCK_UN, 1)

    def commit(self, change: Change) -> None:
        """Append, publish and apply a change. Inside a transaction only."""
        record = self._record(change)
        _write(self._log, record, self._seen & _LENGTH)
        self._seen += len(record)
        self._word[_WORD_AT] = self._seen
        self.state.apply(change)
        if self._is_long(self._compact_from, _ONLINE_FACTOR):
            try:
                self._compact()
            except OSError:
                # The change is made and the old log holds. Perhaps the volume is full: not so soon.
                self._compact_from = 2 * (self._seen & _LENGTH)

    def _is_long(self, minimum: int, factor: int) -> bool:
        length = self._seen & _LENGTH
        return length > minimum and length > factor * _ROW_ESTIMATE * len(self.state)

    def _compact(self) -> None:
        """Write the state to a new log. A kill before the word changes leaves the old one in force."""
        number = (self._seen >> _LENGTH_BITS) + 1
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        log = os.open(self._log_path(number), flags, 0o600)
        try:
            data = b"".join(self._record(change) for change in self.state.snapshot())
            _write(log, data, 0)
            os.fsync(log)
        except BaseException:
            os.close(log)
            raise
        self._seen = number << _LENGTH_BITS | len(data)
        self._word[_WORD_AT] = self._seen
        os.close(self._log)
        self._log = log
        os.unlink(self._log_path(number - 1))


class Transaction(Change):
    """A change that is prepared under the lock, with sight of what it has prepared already."""

    __slots__ = ("_journal", "state")

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal
        self.state = journal.state

    def __enter__(self) -> Self:
        self._journal.lock()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None and self:
                self._journal.commit(self)
        finally:
            self._journal.unlock()

    def row(self, ino: int) -> Row:
        """The metadata of an inode; FileNotFoundError if it has been removed."""
        row = self.rows.get(ino) or self.state.row(ino)
        if row is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return row

    def add(self, row: Row) -> int:
        """The number of a new inode."""
        ino = self.state.next_ino
        while ino in self.rows:
            ino += 1
        self.rows[ino] = row
        return ino

    def remove(self, ino: int) -> None:
        """The inode has lost its last name."""
        self.rows.pop(ino, None)
        self.gone.append(ino)


def _to_json(found: list[Any]) -> bytes:
    import json

    return json.dumps(found, separators=(",", ":")).encode()


def _from_json(payload: bytes) -> list[Any]:
    import json

    found: list[Any] = json.loads(payload)
    return found


_Codec = tuple[Callable[[list[Any]], bytes], Callable[[bytes], list[Any]]]
_KEPT: _Codec = _to_json, _from_json
_THROWAWAY: _Codec = marshal.dumps, marshal.loads


def _write(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view = view[written:]
        offset += written
