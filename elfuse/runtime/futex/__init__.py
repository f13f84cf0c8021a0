"""Futexes (futex(2)): wait queues by key, those that processes share, and robust lists.

`HostFutexes` uses the host's queues, where the engine can; `table.FutexTable` has its own.
"""

from elfuse.runtime.futex.host import HostFutexes
from elfuse.runtime.futex.robust import clear_child_tid, exit_robust

__all__ = ["HostFutexes", "clear_child_tid", "exit_robust"]
