"""Connections: addresses, one debugger at a time, and packets that arrive in odd ways."""

import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gdb.client import Client, Hangup, frame
from tests.gdb.support import Serve, program, symbol

pytestmark = pytest.mark.guest

Elfuse = Callable[..., "subprocess.CompletedProcess[str]"]
RIGHT = "watched=10 deep=45 text=unchanged\n"
LIMIT = 0x20000
EINVAL = b"E16"


def registers(client: Client) -> bytes:
    answer = client.ask(b"g")
    assert len(answer) == 2 * 796, answer
    return answer


def is_whole(client: Client) -> bool:
    """Whether the connection still answers, each packet once."""
    return client.ask(b"qC").startswith(b"QC") and len(registers(client)) > 0


# Where to connect


@pytest.mark.parametrize("address", ["0", "127.0.0.1:0", "localhost:0"])
def test_a_port_is_of_loopback(serve: Serve, address: str) -> None:
    guest = serve(program("basics"), address=address)
    assert guest.address.startswith("127.0.0.1:")
    with Client(guest.address) as client:
        assert is_whole(client)
    done = guest.finish()
    assert (done.stdout, done.returncode) == (RIGHT, 0)


def test_a_unix_socket_is_the_users_alone_and_gone_in_the_end(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "door"
    guest = serve(program("basics"), address=path)
    assert guest.address == str(path)
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    with Client(guest.address) as client:
        assert is_whole(client)
    assert guest.finish().stdout == RIGHT
    assert not path.exists()


def test_a_unix_socket_that_nobody_serves_is_replaced(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "door"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    guest = serve(program("basics"), address=path)
    with Client(guest.address) as client:
        assert is_whole(client)
    assert guest.finish().stdout == RIGHT


@pytest.mark.parametrize("address", ["here", "1.2.3.4:x", "65536", "", "/nowhere/door"])
def test_an_address_that_is_none_is_refused(elfuse: Elfuse, address: str) -> None:
    refused = elfuse("--gdb", address, program("basics"))
    assert refused.returncode == 125
    assert f"--gdb {address}: " in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_address_in_use_is_refused(serve: Serve, elfuse: Elfuse, tmp_path: Path) -> None:
    path = tmp_path / "door"
    for guest in (serve(program("basics")), serve(program("basics"), address=path)):
        refused = elfuse("--gdb", guest.address, program("basics"))
        assert refused.returncode == 125
        assert "in use" in refused.stderr


def test_without_a_debugger_the_guest_runs_and_ends_by_itself(serve: Serve) -> None:
    done = serve(program("basics"), entry=False).finish()
    assert (done.stdout, done.returncode) == (RIGHT, 0)


# Coming and going


def test_a_second_debugger_is_turned_away(serve: Serve) -> None:
    guest = serve(program("basics"))
    with Client(guest.address) as client:
        assert is_whole(client)
        with Client(guest.address) as second, pytest.raises(Hangup):
            second.byte()
        assert is_whole(client)
    assert guest.finish().stdout == RIGHT


def test_debuggers_may_follow_one_another(serve: Serve) -> None:
    guest = serve(program("ticks"), entry=False)
    assert guest.line() == "ready\n"
    for _ in range(3):
        with Client(guest.address) as client:
            before = registers(client)
            # It stands still while one is there.
            assert registers(client) == before
            assert client.ask(b"D") == b"OK"
    with Client(guest.address) as client:
        client.send(b"k")
        assert client.until_closed() == frame(b"X09")
    assert guest.finish().returncode == 128 + 9


@pytest.mark.parametrize("last", [b"", b"$g", b"$vCont;c#a8", b"\x03", frame(b"g") * 100])
def test_the_guest_goes_on_when_the_debugger_vanishes(serve: Serve, last: bytes) -> None:
    guest = serve(program("basics"))
    client = Client(guest.address)
    assert is_whole(client)
    client.raw(last)
    client.close()
    done = guest.finish()
    assert (done.stdout, done.returncode) == (RIGHT, 0)
    assert "Traceback" not in done.stderr


def test_breakpoints_go_with_the_debugger(serve: Serve) -> None:
    guest = serve(program("basics"))
    with Client(guest.address) as client:
        main = symbol(program("basics"), "main")
        assert client.ask(b"Z0,%x,4" % main) == b"OK"
        assert client.ask(b"Z2,%x,4" % main) == b"OK"
    assert guest.finish().stdout == RIGHT


# Acknowledgements


def test_a_broken_packet_is_asked_for_again(serve: Serve) -> None:
    with Client(serve(program("basics")).address) as client:
        client.raw(b"$qC#00")
        assert client.byte() == b"-"
        assert is_whole(client)


def test_an_answer_that_was_refused_comes_again(serve: Serve) -> None:
    with Client(serve(program("basics")).address) as client:
        answer = client.ask(b"qC")
        client.raw(b"-")
        assert client.receive() == answer
        assert is_whole(client)


def test_without_acknowledgements_checksums_do_not_count(serve: Serve) -> None:
    with Client(serve(program("basics")).address) as client:
        client.end_acknowledging()
        client.raw(b"$qC#00")
        assert client.receive().startswith(b"QC")
        client.raw(b"-")
        assert is_whole(client)


# Packets in odd shapes


def test_packets_may_arrive_in_pieces(serve: Serve) -> None:
    with Client(serve(program("basics")).address) as client:
        for byte in frame(b"qC"):
            client.raw(bytes((byte,)))
        assert client.byte() == b"+"
        assert client.receive().startswith(b"QC")
        assert is_whole(client)


@pytest.mark.parametrize("acknowledges", [True, False])
def test_packets_may_arrive_together(serve: Serve, acknowledges: bool) -> None:
    with Client(serve(program("basics")).address) as client:
        if not acknowledges:
            client.end_acknowledging()
        client.raw(frame(b"qC") + frame(b"qAttached") + frame(b"Hg0"))
        answers = []
        for _ in range(3):
            if acknowledges:
                assert client.byte() == b"+"
            answers.append(client.receive())
        assert answers[0].startswith(b"QC")
        assert answers[1:] == [b"1", b"OK"]
        assert is_whole(client)


def test_a_packet_of_the_announced_size_is_taken(serve: Serve) -> None:
    with Client(serve(program("basics")).address) as client:
        features = client.ask(b"qSupported:multiprocess+").decode().split(";")
        size = next(int(word[11:], 16) for word in features if word.startswith("PacketSize="))
        stack = int.from_bytes(bytes.fromhex(client.ask(b"p1f").decode()), "little")
        command = b"M%x,%x:" % (stack, 0)
        count = (size - len(command) - 8) // 2
        command = b"M%x,%x:" % (stack - count, count)
        assert client.ask(command + b"00" * count) == b"OK"
        assert client.ask(b"m%x,8" % (stack - count)) == b"00" * 8


def test_an_oversized_packet_is_an_error_and_no_more(serve: Serve) -> None:
    with Client(serve(program("basics")).address) as client:
        client.raw(b"$" + b"x" * (LIMIT + 100) + b"#00")
        assert client.byte() == b"+"
        assert client.receive() == b"E07"
        client.drain()
        assert is_whole(client)


NONSENSE = {
    b"": b"",
    b"unheard-of": b"",
    b"vMustReplyEmpty": b"",
    b"qXfer:nothing:read::0,10": b"",
    b"Z9,0,0": b"",
    b"m": EINVAL,
    b"mxyz,1": EINVAL,
    b"m-1,1": EINVAL,
    b"m11111111111111111,1": EINVAL,
    b"M400000,2:00": EINVAL,
    b"M400000,1:0": EINVAL,
    b"X400000,2:\0": EINVAL,
    b"G00": EINVAL,
    b"p45": EINVAL,
    b"P0=00": EINVAL,
    b"Hgx": EINVAL,
    b"H": EINVAL,
    b"Z0": EINVAL,
    b"Z0,4000000": EINVAL,
    b"vCont;": EINVAL,
    b"vCont;x": EINVAL,
    b"vCont;s:zz": EINVAL,
    b"vCont;c:fffff": EINVAL,
    b"vFile:open:2f,0": b"F-1,16",
    b"vFile:pread:1,1,0": b"F-1,9",
    b"QCatchSyscalls:2": EINVAL,
    b"qRcmd,0": EINVAL,
    b"T": EINVAL,
    b"Tfffff": b"E03",
    b"Hgfffff": b"E03",
    b"vAttach;fffff": b"E03",
    b"vKill;fffff": b"E03",
    b"D;fffff": b"E03",
    b"m0,8": b"E0e",
    b"qXfer:features:read:other.xml:0,fff": b"E02",
    b"qXfer:siginfo:read::0,80": EINVAL,
}


def test_what_makes_no_sense_gets_an_error(serve: Serve) -> None:
    guest = serve(program("basics"))
    with Client(guest.address) as client:
        assert {content: client.ask(content) for content in NONSENSE} == NONSENSE
        assert is_whole(client)
    assert guest.finish().stdout == RIGHT


def test_files_that_a_debugger_left_open_are_closed(serve: Serve) -> None:
    guest = serve(program("ticks"), entry=False)
    assert guest.line() == "ready\n"
    path = str(program("ticks")).encode().hex().encode()
    for _ in range(3):
        with Client(guest.address) as client:
            answers = [client.ask(b"vFile:open:%s,0,0" % path) for _ in range(65)]
            assert answers == [*(b"F%x" % number for number in range(1, 65)), b"F-1,18"]
