"""Continuing, stepping, interrupting, breakpoints and watchpoints, as packets."""

import time

import pytest

from tests.gdb.client import Client, connected, details, little, pc
from tests.gdb.oracle import STEPS, Code, oracle_steps, steps
from tests.gdb.support import Serve, program, symbol

pytestmark = pytest.mark.guest

POINTS = 16
ENOSPC = b"E1c"
AT_ONCE = 5
"""Seconds; what is at once takes milliseconds unless the host is very busy."""


# Steps


@pytest.mark.parametrize("how", [b"s", b"vCont;s"])
def test_a_thousand_steps_are_those_of_the_oracle(serve: Serve, how: bytes) -> None:
    binary = program("steps")
    expected, code = oracle_steps(binary), Code(binary)
    with connected(serve(binary)) as client:
        found = steps(client, STEPS + 200, how)
    # One by one also where the oracle does not stop, and the stores succeeded.
    first, behind = next(iter(code.sequences.items()))
    at = next(index for index, each in enumerate(found) if each.pc == first)
    places = list(range(first, behind + 4, 4))
    assert [each.pc for each in found[at : at + len(places)]] == places
    assert len(expected) == STEPS
    assert code.visible(found)[:STEPS] == expected


def test_a_range_is_stepped_through_at_once(serve: Serve) -> None:
    binary = program("steps")
    with connected(serve(binary)) as client:
        start, again = symbol(binary, "_start"), symbol(binary, "again")
        reply = details(client.ask(b"vCont;r%x,%x" % (start, again)))
        assert reply["signal"] == "05"
        assert pc(client) == again


def test_a_step_goes_into_a_signal_handler(serve: Serve) -> None:
    binary = program("signals")
    with connected(serve(binary)) as client:
        reply = details(client.ask(b"c"))
        assert reply["signal"] == "1e"  # SIGUSR1 in the protocol's numbers
        before = pc(client)
        assert details(client.ask(b"S1e"))["signal"] == "05"
        assert pc(client) == symbol(binary, "handler")
        assert little(client.ask(b"p0")) == 10
        # Without the signal the step ends behind the system call that was about to return.
        assert details(client.ask(b"c"))["signal"] == "1e"
        assert pc(client) == before
        assert details(client.ask(b"s"))["signal"] == "05"
        assert pc(client) == before + 4


def test_a_step_ends_where_a_breakpoint_is(serve: Serve) -> None:
    binary = program("steps")
    with connected(serve(binary)) as client:
        start = symbol(binary, "_start")
        assert client.ask(b"Z0,%x,4" % (start + 4)) == b"OK"
        assert "swbreak" in details(client.ask(b"s"))
        assert pc(client) == start + 4
        # The one it stands at does not hold it back.
        assert "swbreak" not in details(client.ask(b"s"))
        assert pc(client) == start + 8


# Interrupting


@pytest.mark.parametrize("arguments", [(), ("sleep",)])
def test_a_running_or_sleeping_guest_is_interrupted_at_once(
    serve: Serve, arguments: tuple[str, ...]
) -> None:
    guest = serve(program("ticks"), *arguments, entry=False)
    assert guest.line() == "ready\n"
    with connected(guest) as client:
        for _ in range(5):
            client.send(b"c")
            begun = time.monotonic()
            client.interrupt()
            assert details(client.receive())["signal"] == "02"
            assert time.monotonic() - begun < AT_ONCE
        client.send(b"k")
        client.until_closed()
    assert guest.finish().returncode == 128 + 9


def test_an_interrupted_call_goes_on(serve: Serve) -> None:
    guest = serve(program("steady"), entry=False)
    assert guest.line() == "ready\n"
    with connected(guest) as client:
        # Its signals are none of the debugger's business.
        assert client.ask(b"QPassSignals:e") == b"OK"
        for _ in range(20):
            client.send(b"c")
            client.interrupt()
            assert details(client.receive())["signal"] == "02"
        client.send(b"c")
        guest.type("\n")
        assert client.receive().startswith(b"W00")
    assert guest.finish().stdout == "wrong=0\n"


def test_an_interrupted_call_may_be_moved_anywhere(serve: Serve) -> None:
    guest = serve(program("steady"))
    with connected(guest) as client:
        assert client.ask(b"QCatchSyscalls:1;3f") == b"OK"
        assert details(client.ask(b"c"))["syscall_entry"] == "3f"
        assert client.ask(b"P20=" + b"00" * 8) == b"OK"
        assert client.ask(b"QPassSignals:e") == b"OK"
        client.send(b"c")
        client.interrupt()
        assert details(client.receive())["signal"] == "02"
        # The call is to begin again, one instruction before.
        assert pc(client) == 2**64 - 4
        assert details(client.ask(b"c"))["signal"] == "0b"
    assert guest.finish().returncode == 128 + 11


def test_a_debugger_that_comes_interrupts(serve: Serve) -> None:
    guest = serve(program("ticks"), "sleep", entry=False)
    assert guest.line() == "ready\n"
    begun = time.monotonic()
    with connected(guest) as client:
        assert details(client.ask(b"?"))["signal"] == "05"
        assert time.monotonic() - begun < AT_ONCE


def test_a_stopped_guest_does_not_run_out_of_time(serve: Serve) -> None:
    binary = program("basics")
    guest = serve(binary, options=("--timeout", "1"))
    with connected(guest) as client:
        assert client.ask(b"Z0,%x,4" % symbol(binary, "add")) == b"OK"
        assert "swbreak" in details(client.ask(b"c"))
        # Longer than its bound, by the only clock there is for that.
        assert client.silent(1.5)
        leave(client, b"0,%x,4" % symbol(binary, "add"))
        assert client.ask(b"c").startswith(b"W00;process:")
    assert guest.finish().returncode == 0


# Breakpoints and watchpoints


def leave(client: Client, point: bytes) -> None:
    """Go on behind what the guest stopped at; the point is gone then."""
    assert client.ask(b"z" + point) == b"OK"
    assert details(client.ask(b"s"))["signal"] == "05"


def test_software_breakpoints_have_no_limit(serve: Serve) -> None:
    binary = program("steps")
    start = symbol(binary, "_start")
    with connected(serve(binary)) as client:
        places = [start + 4 * number for number in range(1, 41)]
        assert {client.ask(b"Z0,%x,4" % place) for place in places} == {b"OK"}
        for place in places[:5]:
            assert "swbreak" in details(client.ask(b"c"))
            assert pc(client) == place
            leave(client, b"0,%x,4" % place)


def test_there_are_sixteen_hardware_breakpoints(serve: Serve) -> None:
    binary = program("steps")
    start = symbol(binary, "_start")
    with connected(serve(binary)) as client:
        places = [start + 4 * number for number in range(1, POINTS + 1)]
        assert {client.ask(b"Z1,%x,4" % place) for place in places} == {b"OK"}
        assert client.ask(b"Z1,%x,4" % (start + 0x80)) == ENOSPC
        # One that is there already takes no more room, and software breakpoints none.
        assert client.ask(b"Z1,%x,4" % places[0]) == b"OK"
        assert client.ask(b"Z0,%x,4" % (start + 0x80)) == b"OK"
        for place in places[:5]:
            assert "hwbreak" in details(client.ask(b"c"))
            assert pc(client) == place
            leave(client, b"1,%x,4" % place)
        assert client.ask(b"Z1,%x,4" % (start + 0x80)) == b"OK"


def test_there_are_sixteen_watchpoints(serve: Serve) -> None:
    binary = program("memory")
    cells = symbol(binary, "cells")
    with connected(serve(binary)) as client:
        kinds = [b"Z2", b"Z3", b"Z4"]
        for number in range(POINTS):
            packet = b"%s,%x,4" % (kinds[number % 3], cells + 4 * number)
            assert client.ask(packet) == b"OK"
        assert {client.ask(b"%s,%x,4" % (kind, cells + 0x80)) for kind in kinds} == {ENOSPC}
        assert client.ask(b"z2,%x,4" % cells) == b"OK"
        assert client.ask(b"Z4,%x,4" % (cells + 0x80)) == b"OK"


@pytest.mark.parametrize(
    ("kind", "word", "hits"),
    [
        # Each is written before it is read, but the last, which is read first.
        (2, "watch", [4, 8, 12]),
        (3, "rwatch", [4, 8, 12]),
        (4, "awatch", [4, 4, 8, 8, 12, 12]),
    ],
)
def test_a_stop_names_the_watchpoint_and_the_address(
    serve: Serve, kind: int, word: str, hits: list[int]
) -> None:
    binary = program("memory")
    cells = symbol(binary, "cells")
    watched = b"%d,%x,10" % (kind, cells)
    with connected(serve(binary)) as client:
        found = []
        for _ in hits:
            assert client.ask(b"Z" + watched) == b"OK"
            reply = details(client.ask(b"c"))
            found.append(int(reply[word], 16) - cells)
            # The stop comes before the access.
            leave(client, watched)
        assert found == hits


def test_an_access_that_only_overlaps_a_watchpoint_hits_inside_it(serve: Serve) -> None:
    binary = program("steps")
    cell = symbol(binary, "cell")
    for kind, word, instruction in ((2, "watch", "stlxr"), (3, "rwatch", "ldaxr")):
        with connected(serve(binary)) as client:
            assert client.ask(b"Z%d,%x,1" % (kind, cell + 5)) == b"OK"
            reply = details(client.ask(b"c"))
            assert reply[word] == f"{cell + 5:x}"
            first, behind = next(iter(Code(binary).sequences.items()))
            assert pc(client) == {"stlxr": behind - 4, "ldaxr": first}[instruction]


def test_other_memory_of_a_page_is_not_watched(serve: Serve) -> None:
    binary = program("memory")
    cells = symbol(binary, "cells")
    guest = serve(binary)
    with connected(guest) as client:
        # Next to what is accessed, on both sides.
        assert client.ask(b"Z4,%x,4" % (cells + 16)) == b"OK"
        assert client.ask(b"Z4,%x,1" % (cells + 3)) == b"OK"
        assert client.ask(b"c").startswith(b"W00")
    assert guest.finish().stdout == "constant=11 closed=0 cells=1 2 2\n"


# Threads of their own


def test_actions_are_per_thread(serve: Serve) -> None:
    binary = program("threads")
    with connected(serve(binary)) as client:
        assert client.ask(b"Z0,%x,4" % symbol(binary, "count")) == b"OK"
        hit = details(client.ask(b"c"))["thread"].encode()
        others = [one for one in threads(client) if one != hit]
        assert len(others) == 7
        before = {one: counters(client, one) for one in others}
        assert client.ask(b"Hg" + hit) == b"OK"
        start = pc(client)
        for _ in range(3):
            # All that is not named stands still.
            stop = details(client.ask(b"vCont;s:" + hit))
            assert stop["thread"].encode() == hit
        assert client.ask(b"Hg" + hit) == b"OK"
        assert pc(client) == start + 12
        assert {one: counters(client, one) for one in others} == before


def threads(client: Client) -> list[bytes]:
    found = client.ask(b"qfThreadInfo")
    assert client.ask(b"qsThreadInfo") == b"l"
    return found[1:].split(b",")


def counters(client: Client, thread: bytes) -> int:
    """Where a thread is."""
    assert client.ask(b"Hg" + thread) == b"OK"
    return pc(client)
