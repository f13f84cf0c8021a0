"""Guests that wait for a debugger, and debuggers that follow a script."""

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from tests.support import COMPILER, ELFUSE, compile_guest, environment, execute, need

GUESTS = Path(__file__).with_name("guest")
GDB = "gdb-multiarch"
PATIENCE = 60
"""Seconds after which whatever was waited for will not come any more."""
_LISTENING = re.compile(rb"elfuse: gdb: listening on (\S+)\n")
_SETTINGS = ("set pagination off", "set width 0", "set confirm off", "set style enabled off")


def program(name: str, *, static: bool = True) -> Path:
    """A compiled program of tests/gdb/guest."""
    need(COMPILER)
    assembly = GUESTS / f"{name}.S"
    if assembly.exists():
        return compile_guest(assembly, flags=("-nostdlib", "-march=armv8-a+crc"))
    return compile_guest(GUESTS / f"{name}.c", static=static, flags=("-pthread",))


class Guest:
    """elfuse with a guest program and an open door for debuggers."""

    def __init__(self, command: Sequence[str | Path], variables: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(variables),
            # What is read of the output must not take away more than that.
            bufsize=0,
            start_new_session=True,
        )
        self.errors = b""
        self.address = self._listening()

    def _listening(self) -> str:
        assert self._process.stderr is not None
        while not (found := _LISTENING.search(self.errors)):
            line = self._process.stderr.readline()
            assert line, self.errors.decode()
            self.errors += line
        return found[1].decode()

    @property
    def pid(self) -> int:
        """Of the process that serves the debugger."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether elfuse has ended, or does in a moment."""
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return False
        return True

    def line(self) -> str:
        """The next line that the guest prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode()

    def type(self, text: str) -> None:
        """For the guest's standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def finish(self) -> "subprocess.CompletedProcess[str]":
        """Wait for the end: exit status, the rest of the output, all of the errors."""
        output, errors = self._process.communicate(timeout=PATIENCE)
        self.errors += errors
        return subprocess.CompletedProcess(
            self._process.args, self._process.returncode, output.decode(), self.errors.decode()
        )

    def abandon(self) -> str:
        """End it without a word; all of the errors."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        return self.finish().stderr

    def close(self) -> None:
        """End everything that still runs."""
        with suppress(ProcessLookupError):
            # All processes of the guest are in one group.
            os.killpg(self._process.pid, signal.SIGKILL)
        with self._process:
            pass


class Serve(Protocol):
    """The `serve` fixture."""

    engine: str

    def __call__(
        self,
        program: Path,
        *args: str,
        options: Sequence[str | Path] = (),
        entry: bool = True,
        address: str | Path = "0",
    ) -> Guest: ...


class Server:
    """Starts guests on one engine, and ends them all in the end."""

    def __init__(self, engine: str, home: Path) -> None:
        self.engine = engine
        self._home = home
        self._guests: list[Guest] = []

    def __call__(
        self,
        program: Path,
        *args: str,
        options: Sequence[str | Path] = (),
        entry: bool = True,
        address: str | Path = "0",
    ) -> Guest:
        """`entry`: the guest waits for a debugger. `options` are of elfuse."""
        command = [*ELFUSE, "--engine", self.engine, "--gdb", str(address)]
        command += ["--gdb-stop-on-entry"] if entry else []
        guest = Guest([*command, *map(str, options), str(program), *args], environment(self._home))
        self._guests.append(guest)
        return guest

    def close(self) -> None:
        for guest in self._guests:
            guest.close()


def gdb(
    address: str,
    *commands: str,
    file: Path | None = None,
    how: str = "target remote",
    settings: Sequence[str] = (),
) -> str:
    """What gdb says to commands, after it has connected."""
    need(GDB)
    script = [*_SETTINGS, *settings, f"{how} {address}", *commands]
    words: list[str | Path] = [GDB, "-nx", "-nh", "-batch"]
    words += [word for command in script for word in ("-ex", command)]
    words += [file] if file else []
    done = execute(words, env=environment(), timeout=PATIENCE)
    return done.stderr + done.stdout


def lldb(
    address: str,
    *commands: str,
    file: Path,
    sysroot: Path | None = None,
    crashed: Sequence[str] = (),
) -> str:
    """What lldb says to commands, after it has connected; `crashed` are for the end of a crash.

    lldb finds libraries in `sysroot` only: it fetches none.
    """
    need("lldb")
    before = [f"platform select --sysroot {sysroot} remote-linux"] if sysroot else []
    before += [f"target create {file}", f"gdb-remote {address}"]
    words = ["lldb", "--batch", "--no-lldbinit"]
    # Not from a file: after a crash the rest of it would be left out, and `crashed` too.
    words += [word for command in (*before, *commands) for word in ("-o", command)]
    words += [word for command in crashed for word in ("-k", command)]
    done = execute(words, env=environment(), timeout=PATIENCE)
    return done.stderr + done.stdout


def symbol(binary: Path, name: str) -> int:
    """A symbol's address in a static program."""
    with binary.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        found = table.get_symbol_by_name(name)
        assert found, name
        value: int = found[0]["st_value"]
        return value
