"""gdb and lldb from a second terminal, on a shell of an image."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gdb.support import gdb, lldb
from tests.support import need_engine
from tests.terminal import Terminal

pytestmark = [pytest.mark.guest, pytest.mark.image]


def test_a_shell_of_an_image_is_debugged_from_a_second_terminal(
    own_engine: str, tty: Callable[..., Terminal], stored_image: Callable[[str], Path]
) -> None:
    need_engine(own_engine)
    home = stored_image("debian-mini")
    words = ("run", "--rm", "-it", "--engine", own_engine, "--gdb", "0", "--gdb-stop-on-entry")
    terminal = tty(*words, "localhost/debian-mini", "bash", "--norc", home=home)
    address = terminal.read_until(r"gdb: listening on (\S+)")[1].decode().strip()
    # The shell will find this when it asks.
    terminal.send("echo $((6 * 7))\n")
    said = gdb(address, "break execute_command", "continue", "info sharedlibrary", "detach")
    # Program and libraries came out of the image.
    assert "Reading symbols from target:/usr/bin/bash" in said
    assert re.search(r"Breakpoint 1, 0x\w+ in execute_command \(\)", said), said
    assert re.search(r" Yes.* target:/\S*libc\.so\.6$", said, re.MULTILINE), said
    terminal.read_until(r"\n42\r")
    # Now it waits for the terminal, and goes on with that when the debugger has left.
    terminal.read_until(r"[$#] ")
    said = gdb(address, "backtrace", "detach")
    assert re.search(r"^#\d+ .* in readline \(\)$", said, re.MULTILINE), said
    terminal.send("exit 5\n")
    assert terminal.wait() == 5


def test_lldb_debugs_a_shell_of_an_image(
    own_engine: str,
    tty: Callable[..., Terminal],
    stored_image: Callable[[str], Path],
    rootfs: Callable[[str], Path],
) -> None:
    need_engine(own_engine)
    home, root = stored_image("debian-mini"), rootfs("debian-mini")
    words = ("run", "--rm", "-it", "--engine", own_engine, "--gdb", "0", "--gdb-stop-on-entry")
    terminal = tty(*words, "localhost/debian-mini", "bash", "--norc", home=home)
    address = terminal.read_until(r"gdb: listening on (\S+)")[1].decode().strip()
    terminal.send("echo $((6 * 7))\n")
    commands = ("breakpoint set --name execute_command", "continue", "bt 1", "image list", "detach")
    said = lldb(address, *commands, file=root / "usr/bin/bash", sysroot=root)
    assert re.search(r"^\* thread #1, .*stop reason = breakpoint 1\.1$", said, re.MULTILINE), said
    assert re.search(r"frame #0: 0x\w+ bash`execute_command", said), said
    assert re.search(rf"{re.escape(str(root))}/\S*libc\.so\.6", said), said
    terminal.read_until(r"\n42\r")
    terminal.read_until(r"[$#] ")
    terminal.send("exit 5\n")
    assert terminal.wait() == 5
