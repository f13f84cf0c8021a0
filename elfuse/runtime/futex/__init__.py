"""Futexes (futex(2)): wait queues by key, those that processes share, and robust lists.

Not responsible for what identifies a word: `Memory.futex_key` makes keys.
"""

from elfuse.runtime.futex.robust import clear_child_tid, exit_robust
from elfuse.runtime.futex.table import FutexTable, Key

__all__ = ["FutexTable", "Key", "clear_child_tid", "exit_robust"]
