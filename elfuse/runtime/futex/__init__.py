"""Futexes (futex(2)): wait queues by key, those that processes share, and robust lists.

`FutexTable` has queues of its own, `HostFutexes` uses the host's where the engine can.
"""

from elfuse.runtime.futex.host import HostFutexes
from elfuse.runtime.futex.robust import clear_child_tid, exit_robust
from elfuse.runtime.futex.table import FutexTable, Key

__all__ = ["FutexTable", "HostFutexes", "Key", "clear_child_tid", "exit_robust"]
