"""Programs on real terminals: a pseudo-terminal driven by hand, and tmux."""

import fcntl
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

# Makes standard input the controlling terminal of a new session, then becomes the program. Test
# runs in the background of a shell have keyboard signals ignored, which programs would inherit.
_TRAMPOLINE = """
import fcntl, os, signal, sys, termios
os.setsid()
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
    signal.signal(number, signal.SIG_DFL)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """A process on a pseudo-terminal. `output` has everything it wrote so far."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path,
        rows: int = 24,
        columns: int = 80,
    ) -> None:
        self._master, slave = pty.openpty()
        self.output = b""
        self._seen = 0
        self._resize(rows, columns)
        words = [sys.executable, "-I", "-S", "-c", _TRAMPOLINE, *map(str, command)]
        self.process = subprocess.Popen(
            words, stdin=slave, stdout=slave, stderr=slave, env={**env, "TERM": "xterm"}, cwd=cwd
        )
        os.close(slave)

    def send(self, text: str) -> None:
        """Type something."""
        os.write(self._master, text.encode())

    def read_until(self, pattern: str, timeout: float = 30) -> re.Match[bytes]:
        """Wait for a regular expression behind what the last call matched."""
        deadline = time.monotonic() + timeout
        compiled = re.compile(pattern.encode())
        while True:
            match = compiled.search(self.output, self._seen)
            if match:
                self._seen = match.end()
                return match
            if not self._more(deadline - time.monotonic()):
                shown = self.output[self._seen :].decode(errors="backslashreplace")
                raise AssertionError(f"no {pattern!r} in what came:\n{shown}")

    def wait(self, timeout: float = 30) -> int:
        """Read until the process ends; its exit status."""
        deadline = time.monotonic() + timeout
        while self._more(deadline - time.monotonic()):
            pass
        return self.process.wait(max(0.1, deadline - time.monotonic()))

    def resize(self, rows: int, columns: int) -> None:
        """Change the window; the foreground process group gets SIGWINCH."""
        self._resize(rows, columns)

    def close(self) -> None:
        """Hang up, and end the process if that did not."""
        os.close(self._master)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _resize(self, rows: int, columns: int) -> None:
        size = b"".join(n.to_bytes(2, sys.byteorder) for n in (rows, columns, 0, 0))
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)

    def _more(self, timeout: float) -> bool:
        """Add to `output`; false at the end of output or of the time."""
        if not select.select([self._master], [], [], max(0, timeout))[0]:
            return False
        try:
            piece = os.read(self._master, 65536)
        except OSError:
            # Linux reports EIO once nobody has the other side open; macOS reads nothing.
            return False
        self.output += piece
        return bool(piece)


class Tmux:
    """A tmux server of its own with one window."""

    def __init__(
        self,
        socket: Path,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        rows: int = 24,
        columns: int = 80,
    ) -> None:
        self._base = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        self._env = dict(env)
        size = ["-x", str(columns), "-y", str(rows)]
        self._tmux("new-session", "-d", *size, *map(str, command))

    def keys(self, *keys: str) -> None:
        """Press keys by tmux's names (`C-c`, `Enter`) or type text."""
        self._tmux("send-keys", *keys)

    def line(self, text: str) -> None:
        """Type a line."""
        self._tmux("send-keys", "-l", text)
        self._tmux("send-keys", "Enter")

    def screen(self) -> str:
        """What is shown, with history."""
        return self._tmux("capture-pane", "-p", "-J", "-S", "-")

    def wait_for(self, pattern: str, timeout: float = 30) -> str:
        """The screen once a multi-line regular expression is on it."""
        deadline = time.monotonic() + timeout
        while True:
            shown = self.screen()
            if re.search(pattern, shown, re.MULTILINE):
                return shown
            if time.monotonic() > deadline:
                raise AssertionError(f"no {pattern!r} on the screen:\n{shown}")
            # tmux has no way to wait for output.
            time.sleep(0.05)

    def resize(self, rows: int, columns: int) -> None:
        """Change the window's size."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def close(self) -> None:
        """End the server and what runs in it."""
        subprocess.run([*self._base, "kill-server"], check=False, capture_output=True)

    def _tmux(self, *arguments: str) -> str:
        command = [*self._base, *arguments]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, env=self._env, timeout=20
        )
        return done.stdout
