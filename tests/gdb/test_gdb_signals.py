"""gdb and signals: passed or not, with their information, and as the end of a process."""

import re
import signal

import pytest

from tests.gdb.support import Serve, gdb, program

pytestmark = pytest.mark.guest


def received(said: str) -> list[str]:
    return re.findall(r"received signal (\w+)", said)


def test_a_crash_stops_with_the_address(serve: Serve) -> None:
    guest = serve(program("crash"))
    said = gdb(
        guest.address,
        "continue",
        "print $_siginfo._sifields._sigfault.si_addr",
        "print $_siginfo.si_signo",
        "print $_siginfo.si_code",
        "backtrace",
        "continue",
    )
    assert received(said) == ["SIGSEGV"]
    assert "$1 = (void *) 0xdead0000" in said
    assert re.findall(r"^\$\d = (\d+)$", said, re.MULTILINE) == ["11", "1"]
    assert re.search(r"^#0  .* main \(\) at .*crash\.c:3$", said, re.MULTILINE), said
    assert "Program terminated with signal SIGSEGV" in said
    assert guest.finish().returncode == 128 + signal.SIGSEGV


def test_signals_are_passed_on_or_not(serve: Serve) -> None:
    guest = serve(program("signals"))
    said = gdb(
        guest.address,
        "continue",
        "print $_siginfo.si_signo",
        # The first one is passed, the second is not.
        "continue",
        "signal 0",
        "signal 0",
    )
    assert received(said) == ["SIGUSR1", "SIGUSR1", "SIGTERM"]
    assert "$1 = 10" in said
    done = guest.finish()
    assert (done.stdout, done.returncode) == ("handled=1\nalive\n", 0)


def test_handling_says_what_stops_and_what_passes(serve: Serve) -> None:
    guest = serve(program("signals"))
    said = gdb(
        guest.address, "handle SIGUSR1 nostop noprint pass", "handle SIGTERM stop nopass", "continue",
        "print handled", "continue",
    )  # fmt: skip
    assert received(said) == ["SIGTERM"]
    assert "$1 = 2" in said
    assert guest.finish().stdout == "handled=2\nalive\n"


def test_a_breakpoint_in_a_handler_unwinds_through_the_signal(serve: Serve) -> None:
    guest = serve(program("signals"))
    said = gdb(
        guest.address,
        "handle SIGUSR1 nostop noprint pass",
        "break handler",
        "continue",
        "print number",
        "backtrace",
        "delete",
        "handle SIGTERM nopass",
        "continue",
        "continue",
    )
    assert "$1 = 10" in said
    assert re.search(r"^#1  <signal handler called>$", said, re.MULTILINE), said
    assert re.search(r"^#\d  .* main \(\) at ", said, re.MULTILINE), said
    assert guest.finish().stdout == "handled=2\nalive\n"


def test_a_signal_that_ends_the_process_is_told(serve: Serve) -> None:
    guest = serve(program("signals"))
    said = gdb(guest.address, "handle SIGUSR1 nostop noprint pass", "continue", "continue")
    assert "Program terminated with signal SIGTERM" in said
    assert guest.finish().returncode == 128 + signal.SIGTERM


def test_another_signal_takes_the_place_of_one(serve: Serve) -> None:
    guest = serve(program("signals"))
    said = gdb(guest.address, "continue", "signal SIGKILL")
    assert "Program terminated with signal SIGKILL" in said
    assert guest.finish().returncode == 128 + signal.SIGKILL
