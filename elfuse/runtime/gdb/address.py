"""Where debuggers connect: `PORT`, `HOST:PORT`, or the path of a unix socket."""

from __future__ import annotations

import os
import socket

from elfuse.errors import UsageError
from elfuse.light import suppress

_LOCAL = "127.0.0.1"


class Listener:
    """A socket that waits for debuggers. UsageError for an address that cannot be used."""

    def __init__(self, text: str) -> None:
        self._path = text if "/" in text else ""
        try:
            if self._path:
                self.socket = self._unix(self._path)
            else:
                self.socket = self._tcp(text)
        except OSError as error:
            raise UsageError(
                f"--gdb {text}: {(error.strerror or str(error)).lower()}",
                hint="another port, or 0 for any free one",
            ) from error
        self.socket.setblocking(False)

    @staticmethod
    def _tcp(text: str) -> socket.socket:
        host, _colon, port = text.rpartition(":")
        if not port.isascii() or not port.isdigit() or int(port) > 0xFFFF:
            raise UsageError(
                f"--gdb {text}: no such address", hint="PORT, HOST:PORT, or a path with a slash"
            )
        address = (host.strip("[]") or _LOCAL, int(port))
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        return socket.create_server(address, family=family, backlog=1)

    @staticmethod
    def _unix(path: str) -> socket.socket:
        listening = socket.socket(socket.AF_UNIX)
        # What a run that was killed left behind; one that lives answers.
        with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)
        # The debugger commands the guest, and through it the user's files.
        before = os.umask(0o077)
        try:
            listening.bind(path)
        finally:
            os.umask(before)
        listening.listen(1)
        return listening

    def describe(self) -> str:
        """The address, as a user gives it to the debugger."""
        if self._path:
            return self._path
        host, port = self.socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def close(self) -> None:
        """Stop waiting; in the supervisor at its end."""
        self.socket.close()
        if self._path:
            with suppress(OSError):
                os.unlink(self._path)

    def close_inherited(self) -> None:
        """In a child, which does not wait for anybody."""
        self.socket.close()
