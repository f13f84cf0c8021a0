"""epoll(7) over any open file description.

As in fs/eventpoll.c there is a list of items that may be ready. The host's edge-triggered
notification puts an item on it; collecting polls each listed item again and keeps only
level-triggered ones that are still ready. Items without a host descriptor are polled every time,
and an edge is then a change of what `poll` says.

The host's notification object belongs to one process. After a fork the child makes its own from
the inherited interest list, so the lists can diverge (docs/quirks.md).
"""

import os
import stat

from elfuse.host.events import Notifier
from elfuse.runtime.abi.epoll import (
    EPOLL_BEHAVIOUR,
    EPOLL_MAX_DEPTH,
    EPOLLERR,
    EPOLLET,
    EPOLLEXCLUSIVE,
    EPOLLHUP,
    EPOLLIN,
    EPOLLONESHOT,
    EPOLLOUT,
    EPOLLWAKEUP,
)
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.poll import POLLIN, POLLRDNORM
from elfuse.runtime.files.anonymous import AnonymousFile
from elfuse.runtime.files.base import OpenFile
from elfuse.typing import TYPE_CHECKING, Iterable

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

_EXCLUSIVE_OK = EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE
_UNPOLLED_DEVICES = frozenset({(1, 3), (1, 5), (1, 7)})
"""null, zero, full."""
_SWEEP_MIN = 64


class Item:
    """One entry of an interest list."""

    __slots__ = ("data", "disabled", "events", "file", "host_fds", "last")

    def __init__(self, file: OpenFile, events: int, data: int) -> None:
        self.file = file
        self.host_fds: list[int] = []
        self.last = 0
        """What `poll` said last: for edges of items that are polled."""
        self.change(events, data)

    def change(self, events: int, data: int) -> None:
        self.events = events
        self.data = data
        self.disabled = False
        self.last = 0

    @property
    def wanted(self) -> int:
        """The poll bits to ask for."""
        return self.events & ~EPOLL_BEHAVIOUR | EPOLLERR | EPOLLHUP

    def ready(self) -> int:
        """The wanted bits that hold now."""
        return self.file.poll(self.wanted) & self.wanted


class EpollFile(AnonymousFile):
    """An epoll instance. Guarded by the kernel lock."""

    kind = b"[eventpoll]"

    def __init__(self) -> None:
        super().__init__(flags=0)
        self._items: dict[tuple[int, int], Item] = {}
        self._listed: dict[Item, None] = {}
        """Items that may be ready, in the order they became so."""
        self._polled: dict[Item, None] = {}
        """Items without a host descriptor, and those that time changes."""
        self._by_fd: dict[int, list[Item]] = {}
        self._sweep_at = _SWEEP_MIN
        self._notifier: Notifier | None = None
        self._owner = os.getpid()
        self.waiters: list[Task] = []
        """Tasks that sleep in epoll_wait, longest first."""

    def close(self) -> None:
        if self._notifier is not None:
            self._notifier.close()
            self._notifier = None
        self._items.clear()

    # Interest

    def add(self, fd: int, file: OpenFile, events: int, data: int) -> None:
        """EPOLL_CTL_ADD."""
        self._own_notifier()
        self._check_file(file)
        if events & EPOLLEXCLUSIVE and (
            isinstance(file, EpollFile) or events & ~(_EXCLUSIVE_OK | EPOLLET)
        ):
            raise SyscallError(Errno.EINVAL)
        if len(self._items) >= self._sweep_at:
            self._drop_closed()
            self._sweep_at = max(_SWEEP_MIN, 2 * len(self._items))
        if (fd, id(file)) in self._items:
            raise SyscallError(Errno.EEXIST)
        if isinstance(file, EpollFile) and (
            file.reaches(self) or file.depth() + 1 > EPOLL_MAX_DEPTH
        ):
            raise SyscallError(Errno.ELOOP)
        item = Item(file, events, data)
        self._items[fd, id(file)] = item
        self._connect(item)
        self._wake_waiter()

    def _check_file(self, file: OpenFile) -> None:
        """EPERM for what is always ready: regular files, directories, memory devices."""
        if file is self:
            raise SyscallError(Errno.EINVAL)
        file.poll(0)
        if isinstance(file, AnonymousFile):
            return
        try:
            found = file.stat()
        except (SyscallError, OSError):
            return
        kind = stat.S_IFMT(found.mode)
        device = (found.rdev_major, found.rdev_minor)
        if kind in (stat.S_IFREG, stat.S_IFDIR) or (
            kind == stat.S_IFCHR and device in _UNPOLLED_DEVICES
        ):
            raise SyscallError(Errno.EPERM)

    def modify(self, fd: int, file: OpenFile, events: int, data: int) -> None:
        """EPOLL_CTL_MOD: arms a one-shot item again."""
        self._own_notifier()
        item = self._find(fd, file)
        if (item.events | events) & EPOLLEXCLUSIVE:
            raise SyscallError(Errno.EINVAL)
        item.change(events, data)
        self._disconnect(item)
        self._connect(item)
        self._wake_waiter()

    def remove(self, fd: int, file: OpenFile) -> None:
        """EPOLL_CTL_DEL."""
        self._own_notifier()
        item = self._find(fd, file)
        del self._items[fd, id(file)]
        self._disconnect(item)

    def _find(self, fd: int, file: OpenFile) -> Item:
        if file is self:
            raise SyscallError(Errno.EINVAL)
        item = self._items.get((fd, id(file)))
        if item is None:
            raise SyscallError(Errno.ENOENT)
        return item

    def reaches(self, other: "EpollFile") -> bool:
        """Whether `other` is this instance or is watched by it, directly or not."""
        return self is other or any(
            item.file.reaches(other)
            for item in self._items.values()
            if isinstance(item.file, EpollFile)
        )

    def depth(self) -> int:
        """Length of the longest chain of instances from this one on."""
        inner = [
            item.file.depth() for item in self._items.values() if isinstance(item.file, EpollFile)
        ]
        return 1 + max(inner, default=0)

    # The host's notification

    def _connect(self, item: Item) -> None:
        """Have the host tell when the item may be ready; look at it once in any case."""
        self._listed[item] = None
        if item.disabled:
            return
        found = list(item.file.wait_fds(item.wanted))
        if not found or item.file.wait_deadline() is not None:
            self._polled[item] = None
        for fd, _mask in found:
            # The number may have belonged to a description that is closed by now.
            sharing = [other for other in self._by_fd.get(fd, ()) if other.file.in_use]
            self._by_fd[fd] = [*sharing, item]
            item.host_fds.append(fd)
            self._watch(fd, known=bool(sharing))

    def _watch(self, fd: int, *, known: bool) -> None:
        mask = 0
        for item in self._by_fd[fd]:
            if item.file.in_use:
                mask |= dict(item.file.wait_fds(item.wanted)).get(fd, 0)
        try:
            self._own_notifier().watch(fd, mask, known=known)
        except PermissionError:
            # A redirected regular file among the standard streams: poll it.
            for item in self._by_fd[fd]:
                self._polled[item] = None

    def _disconnect(self, item: Item) -> None:
        self._listed.pop(item, None)
        self._polled.pop(item, None)
        for fd in item.host_fds:
            sharing = self._by_fd.get(fd, [])
            if item not in sharing:
                continue
            sharing.remove(item)
            if sharing:
                self._watch(fd, known=True)
            else:
                del self._by_fd[fd]
                if item.file.in_use:
                    self._own_notifier().forget(fd)
        item.host_fds.clear()

    def _own_notifier(self) -> Notifier:
        """This process's notification object; a forked child rebuilds it from the items."""
        if self._notifier is not None and self._owner == os.getpid():
            return self._notifier
        inherited = self._notifier
        self._notifier = Notifier()
        self._owner = os.getpid()
        if inherited is not None:
            inherited.close()
            self.waiters.clear()
            self._by_fd.clear()
            for item in self._items.values():
                item.host_fds.clear()
                if item.file.in_use:
                    self._connect(item)
        return self._notifier

    def _drop_closed(self) -> None:
        """A description leaves every interest list when its last descriptor is closed (epoll(7))."""
        gone = [key for key, item in self._items.items() if not item.file.in_use]
        for key in gone:
            self._disconnect(self._items.pop(key))

    # Collecting

    def _take_notifications(self) -> None:
        for fd, events in self._own_notifier().ready():
            for item in self._by_fd.get(fd, ()):
                asked = dict(item.file.wait_fds(item.wanted)).get(fd, 0) if item.file.in_use else 0
                if events & (asked | EPOLLERR | EPOLLHUP):
                    self._listed[item] = None

    def collect(self, limit: int) -> list[tuple[int, int]]:
        """Up to `limit` ready items as (events, data), handed out once each if edge-triggered."""
        self._take_notifications()
        found: list[tuple[int, int]] = []
        again: list[Item] = []
        for item in [*self._listed, *(i for i in self._polled if i not in self._listed)]:
            if len(found) == limit:
                break
            listed = item in self._listed
            self._listed.pop(item, None)
            events = self._news(item, listed=listed)
            if not events:
                continue
            found.append((events, item.data))
            if item.events & EPOLLONESHOT:
                item.disabled = True
            elif not item.events & EPOLLET:
                again.append(item)
        # What stays ready goes behind what was not looked at, so that nobody starves.
        for item in again:
            self._listed[item] = None
        if self._listed:
            self._wake_waiter()
        return found

    def _news(self, item: Item, *, listed: bool) -> int:
        """The events to report for an item, 0 for none."""
        if item.disabled or not item.file.in_use:
            return 0
        events = item.ready()
        fresh = events & ~item.last
        item.last = events
        if item.events & EPOLLET and not listed:
            return events if fresh else 0
        return events

    def _wake_waiter(self) -> None:
        """Let another sleeping thread look: the host has told only one of them."""
        if self.waiters:
            self.waiters[0].wake()

    # Being watched

    def poll(self, events: int) -> int:
        if not events & (POLLIN | POLLRDNORM):
            return 0
        self._take_notifications()
        for item in [*self._listed, *self._polled]:
            if item.disabled or not item.file.in_use or not item.ready():
                if item not in self._polled:
                    self._listed.pop(item, None)
                continue
            if item in self._listed or not item.events & EPOLLET or item.ready() & ~item.last:
                return events & (POLLIN | POLLRDNORM)
        return 0

    def wait_fds(self, events: int) -> Iterable[tuple[int, int]]:
        return [(self._own_notifier().fileno(), POLLIN)]

    def wait_deadline(self) -> int | None:
        deadlines = [
            deadline
            for item in self._polled
            if not item.disabled and (deadline := item.file.wait_deadline()) is not None
        ]
        return min(deadlines, default=None)
