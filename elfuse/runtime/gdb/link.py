"""Messages between the supervisor and the agents: tuples of plain values over a socket pair.

Both ends are parts of one program and of one user, so what arrives is taken as it is.
"""

from __future__ import annotations

import marshal
import os
import select
import socket

from elfuse.typing import Any

_LENGTH = 4
Message = tuple[Any, ...]


class Closed(Exception):
    """The other end is gone."""


class Link:
    """One end. Messages keep their order; one thread may receive while another sends."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    @classmethod
    def pair(cls) -> tuple[Link, Link]:
        """Two connected ends."""
        one, other = socket.socketpair()
        return cls(one), cls(other)

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, message: Message, carried: Link | None = None) -> None:
        """Send a message, and with it an end of another link, which the receiver gets too. Closed."""
        data = marshal.dumps(message)
        header = len(data).to_bytes(_LENGTH, "little")
        try:
            if carried is not None:
                socket.send_fds(self._socket, [header], [carried.fileno()])
                self._socket.sendall(data)
            else:
                self._socket.sendall(header + data)
        except OSError as error:
            raise Closed from error

    def receive(self) -> tuple[Message, Link | None]:
        """The next message, and the link end that came with it. Waits. Closed."""
        header, descriptors = b"", list[int]()
        try:
            while len(header) < _LENGTH:
                data, found, _flags, _address = socket.recv_fds(
                    self._socket, _LENGTH - len(header), 1
                )
                descriptors += found
                if not data:
                    raise Closed
                header += data
            data = self._exactly(int.from_bytes(header, "little"))
        except OSError as error:
            raise Closed from error
        carried = None
        if descriptors:
            os.set_inheritable(descriptors[0], False)
            carried = Link(socket.socket(fileno=descriptors[0]))
        return marshal.loads(data), carried

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            part = self._socket.recv(min(size, 1 << 20))
            if not part:
                raise Closed
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def wait(self, seconds: float) -> bool:
        """Whether a message, or the end, arrives within that time."""
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        return bool(poller.poll(int(seconds * 1000)))

    def close(self) -> None:
        self._socket.close()
