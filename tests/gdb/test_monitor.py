"""`monitor` commands."""

import re

import pytest

from tests.gdb.support import Serve, gdb, program

pytestmark = pytest.mark.guest


def test_monitor_shows_what_the_protocol_has_no_question_for(serve: Serve) -> None:
    binary = program("threads")
    guest = serve(binary)
    said = gdb(
        guest.address,
        "break count",
        "continue",
        "monitor help",
        "monitor maps",
        "monitor fds",
        "monitor threads",
        "monitor no-such-command",
        "delete",
        "continue",
    )
    for word in ("help", "maps", "fds", "threads", "strace on|off"):
        assert re.search(rf"^{re.escape(word)} ", said, re.MULTILINE), said
    name = re.escape(str(binary.resolve()))
    assert re.search(rf"^[0-9a-f]+-[0-9a-f]+ r-xp .* {name}$", said, re.MULTILINE), said
    assert re.search(r"^ +1 pipe:\[\d+\]$", said, re.MULTILINE), said
    workers = re.findall(r"^ +\d+ +\d+ (worker-\d) +attached$", said, re.MULTILINE)
    assert workers == [f"worker-{number}" for number in range(7)]
    assert "unknown command: no-such-command" in said
    assert guest.finish().stdout == "total=700\n"


def test_system_calls_are_shown_from_strace_on_to_strace_off(serve: Serve) -> None:
    guest = serve(program("signals"))
    said = gdb(
        guest.address,
        "handle SIGUSR1 nostop noprint pass",
        "break handler",
        "continue",
        "monitor strace on",
        "continue",
        "monitor strace off",
        "delete",
        "handle SIGTERM nopass",
        "continue",
        "continue",
    )
    assert "system calls are shown" in said
    assert "system calls are not shown" in said
    errors = guest.finish().stderr
    assert re.search(r"^\[\d+\] kill\(\d+, SIGUSR1\) = 0$", errors, re.MULTILINE), errors
    assert "write(" not in errors
