"""A debugger's side of the remote protocol, byte by byte: what gdb and lldb would not send."""

import re
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from tests.gdb.support import PATIENCE, Guest

_SUPPORTED = (
    b"qSupported:multiprocess+;swbreak+;hwbreak+;fork-events+;vfork-events+;exec-events+;"
    b"vContSupported+;no-resumed+"
)
_SPECIAL = re.compile(rb"[#$*}]")
_ESCAPED = re.compile(rb"\}(.)", re.DOTALL)


class Hangup(Exception):
    """The server has closed the connection."""


def frame(content: bytes) -> bytes:
    """A packet; what is special in `content` is escaped."""
    body = _SPECIAL.sub(lambda found: bytes((0x7D, found[0][0] ^ 0x20)), content)
    return b"$%b#%02x" % (body, sum(body) & 0xFF)


class Client:
    """A connection to `HOST:PORT` or a unix socket's path."""

    def __init__(self, address: str) -> None:
        if "/" in address:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(PATIENCE)
            try:
                self._socket.connect(address)
            except OSError:
                self._socket.close()
                raise
        else:
            host, _colon, port = address.rpartition(":")
            self._socket = socket.create_connection((host, int(port)), PATIENCE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self.acknowledges = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up without a farewell."""
        self._socket.close()

    # Bytes

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise Hangup from error

    def byte(self) -> bytes:
        """The next byte. Hangup."""
        self._fill(1)
        first, self._buffer = self._buffer[:1], self._buffer[1:]
        return first

    def silent(self, seconds: float) -> bool:
        """Whether nothing arrives in that time."""
        return not self._buffer and not select.select([self._socket], [], [], seconds)[0]

    def drain(self) -> bytes:
        """What has arrived so far. Hangup if that is the end."""
        while select.select([self._socket], [], [], 0)[0]:
            self._fill(len(self._buffer) + 1)
        data, self._buffer = self._buffer, b""
        return data

    def finish(self) -> bytes:
        """Send no more; everything that still comes."""
        self._socket.shutdown(socket.SHUT_WR)
        return self.until_closed()

    def until_closed(self) -> bytes:
        """Everything up to the end of the connection."""
        try:
            while True:
                self._fill(len(self._buffer) + 1)
        except Hangup:
            data, self._buffer = self._buffer, b""
            return data

    def _fill(self, size: int) -> None:
        while len(self._buffer) < size:
            try:
                data = self._socket.recv(1 << 16)
            except ConnectionError as error:
                raise Hangup from error
            if not data:
                raise Hangup
            self._buffer += data

    # Packets

    def send(self, content: bytes) -> None:
        """A packet, and the other side's `+` if it is to give one."""
        self.raw(frame(content))
        if self.acknowledges:
            sign = self.byte()
            assert sign == b"+", sign

    def receive(self) -> bytes:
        """The next packet's content."""
        while True:
            end = self._buffer.find(b"#")
            if 0 <= end <= len(self._buffer) - 3:
                break
            self._fill(len(self._buffer) + 1)
        packet, self._buffer = self._buffer[: end + 3], self._buffer[end + 3 :]
        body = packet[1:end]
        assert packet[:1] == b"$", packet
        assert int(packet[end + 1 :], 16) == sum(body) & 0xFF, packet
        if self.acknowledges:
            self.raw(b"+")
        return _ESCAPED.sub(lambda found: bytes((found[1][0] ^ 0x20,)), body)

    def ask(self, content: bytes) -> bytes:
        """The answer to a packet."""
        self.send(content)
        return self.receive()

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.raw(b"\x03")

    def end_acknowledging(self) -> None:
        assert self.ask(b"QStartNoAckMode") == b"OK"
        self.acknowledges = False


def little(digits: bytes) -> int:
    return int.from_bytes(bytes.fromhex(digits.decode()), "little")


def details(reply: bytes) -> dict[str, str]:
    """The parts of a stop reply, and its `signal`."""
    assert reply[:1] == b"T", reply
    parts = [part.partition(":") for part in reply[3:].decode().split(";") if part]
    return {"signal": reply[1:3].decode()} | {name: value for name, _, value in parts}


@contextmanager
def connected(guest: Guest) -> Iterator[Client]:
    """A debugger that knows what gdb knows."""
    with Client(guest.address) as client:
        assert client.ask(_SUPPORTED).startswith(b"PacketSize=")
        client.end_acknowledging()
        yield client


def pc(client: Client) -> int:
    return little(client.ask(b"p20"))
