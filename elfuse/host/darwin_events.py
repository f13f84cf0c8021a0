"""Edge-triggered notification by kqueue."""

import select
import sys

from elfuse.typing import TYPE_CHECKING

assert not TYPE_CHECKING or sys.platform == "darwin"


class Notifier:
    """Tells which descriptors became ready since it last said so (EV_CLEAR).

    Masks and results are poll(2) bits of this host. A kqueue is not inherited by fork.
    """

    def __init__(self) -> None:
        self._queue = select.kqueue()

    def fileno(self) -> int:
        """Readable while there is something to tell."""
        return self._queue.fileno()

    def watch(self, fd: int, events: int, *, known: bool) -> None:
        """Start watching or, if `known`, change the events; readiness now counts as new."""
        if known:
            self.forget(fd)
        flags = select.KQ_EV_ADD | select.KQ_EV_CLEAR
        changes = []
        if events & select.POLLOUT:
            changes.append(select.kevent(fd, select.KQ_FILTER_WRITE, flags))
        # A hang-up shows on the read filter, so it is always there.
        changes.append(select.kevent(fd, select.KQ_FILTER_READ, flags))
        self._queue.control(changes, 0)

    def forget(self, fd: int) -> None:
        """Stop watching; a descriptor closed meanwhile is not watched any more anyway."""
        for kind in (select.KQ_FILTER_READ, select.KQ_FILTER_WRITE):
            try:
                self._queue.control([select.kevent(fd, kind, select.KQ_EV_DELETE)], 0)
            except OSError:
                continue

    def ready(self) -> list[tuple[int, int]]:
        """(descriptor, events) that are new; never waits."""
        found = []
        for event in self._queue.control([], 256, 0):
            bits = select.POLLIN if event.filter == select.KQ_FILTER_READ else select.POLLOUT
            if event.flags & select.KQ_EV_EOF:
                bits |= select.POLLHUP
            found.append((event.ident, bits))
        return found

    def close(self) -> None:
        self._queue.close()
