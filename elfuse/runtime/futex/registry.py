"""Who waits on words that several host processes can reach."""

import mmap

from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.typing import Callable

ROWS = 4096
_WAITING, _SEQUENCE, _TOP, _HEADER = range(4)
_KEY, _PID, _BITSET, _WOKEN, _ORDER, _ROW_WORDS = range(6)


class Registry:
    """Rows of waiters in shared memory that forks inherit.

    Every method but `empty` and `woken` needs the process table's lock. Whoever marks a row
    woken has taken it out of the queue; the waiter itself frees it.
    """

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, 8 * (_HEADER + ROWS * _ROW_WORDS))
        self._words = memoryview(self._map).cast("Q")

    @property
    def empty(self) -> bool:
        """Nobody waits in any process: a wake need not look.

        Reading it without the lock is safe: a waiter adds its row before it compares the word, a
        waker changes the word before it looks here, and entering the kernel part is a barrier.
        """
        return not self._words[_WAITING]

    @staticmethod
    def _at(row: int) -> int:
        return _HEADER + row * _ROW_WORDS

    def add(self, key: int, pid: int, bitset: int) -> int:
        """The new waiter's row; ENOMEM if all are taken."""
        words = self._words
        top = words[_TOP]
        row = next((row for row in range(top) if not words[self._at(row)]), top)
        if row == ROWS:
            raise SyscallError(Errno.ENOMEM)
        at = self._at(row)
        words[_SEQUENCE] += 1
        words[at + _PID], words[at + _BITSET], words[at + _WOKEN] = pid, bitset, 0
        words[at + _ORDER] = words[_SEQUENCE]
        words[at + _KEY] = key
        words[_TOP] = max(top, row + 1)
        words[_WAITING] += 1
        return row

    def remove(self, row: int) -> None:
        words = self._words
        words[self._at(row) + _KEY] = 0
        words[_WAITING] -= 1
        while words[_TOP] and not words[self._at(words[_TOP] - 1)]:
            words[_TOP] -= 1

    def queue(self, key: int, alive: Callable[[int], bool]) -> list[int]:
        """Rows that wait on a key, oldest first. Frees those whose process was killed."""
        words, found = self._words, []
        for row in range(words[_TOP]):
            at = self._at(row)
            if words[at + _KEY] != key or words[at + _WOKEN]:
                continue
            if alive(words[at + _PID]):
                found.append(row)
            else:
                self.remove(row)
        return sorted(found, key=lambda row: words[self._at(row) + _ORDER])

    def matches(self, row: int, bitset: int) -> bool:
        return bool(self._words[self._at(row) + _BITSET] & bitset)

    def wake(self, row: int) -> int:
        """Mark a row; the process that must look."""
        at = self._at(row)
        self._words[at + _WOKEN] = 1
        return self._words[at + _PID]

    def woken(self, row: int) -> bool:
        return bool(self._words[self._at(row) + _WOKEN])

    def move(self, row: int, key: int) -> None:
        """Let a waiter wait on another key, behind those who do already."""
        at = self._at(row)
        self._words[_SEQUENCE] += 1
        self._words[at + _KEY], self._words[at + _ORDER] = key, self._words[_SEQUENCE]
