"""The bytes between a debugger and its session: acknowledged until it wants no more of that."""

from __future__ import annotations

import socket

from elfuse.light import suppress
from elfuse.runtime.gdb.packets import Item, Kind, Reader, frame
from elfuse.typing import Iterator

_SEND_SECONDS = 10
"""Who does not read for so long is gone."""


class Gone(Exception):
    """The debugger has closed the connection, or does not read what it asked for."""


class Connection:
    """Takes over a connected socket."""

    def __init__(self, connected: socket.socket) -> None:
        if connected.family != socket.AF_UNIX:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.settimeout(_SEND_SECONDS)
        self._socket = connected
        self._reader = Reader()
        self._acknowledges = True
        self._last = b""

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        with suppress(OSError):
            # What was sent is to arrive, also if there is something left to read here.
            self._socket.shutdown(socket.SHUT_WR)
        self._socket.close()

    def close_inherited(self) -> None:
        """In a child: the parent's connection goes on."""
        self._socket.close()

    def receive(self) -> Iterator[Item]:
        """Packets, packets that are too long, and interrupts that have arrived. Gone."""
        try:
            data = self._socket.recv(1 << 16)
        except OSError as error:
            raise Gone from error
        if not data:
            raise Gone
        for item in self._reader.feed(data):
            if item.kind in (Kind.PACKET, Kind.OVERSIZED):
                self._acknowledge(b"+")
                yield item
            elif item.kind is Kind.BROKEN:
                self._acknowledge(b"-")
            elif item.kind is Kind.INTERRUPT:
                yield item
            elif item.kind is Kind.REFUSED and self._acknowledges:
                self._write(self._last)

    def send(self, content: bytes) -> None:
        """A packet with this content. Gone."""
        self._last = frame(content)
        self._write(self._last)

    def end_acknowledging(self) -> None:
        """QStartNoAckMode: from the next packet on nothing is acknowledged or checked."""
        self._acknowledges = self._reader.checks = False

    def _acknowledge(self, sign: bytes) -> None:
        if self._acknowledges:
            self._write(sign)

    def _write(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise Gone from error
