"""Registers, memory, files and descriptions of a stopped guest, as packets."""

import re
import signal
from pathlib import Path

import pytest

from tests.gdb.client import Client, connected, details, pc
from tests.gdb.support import Serve, program, symbol

pytestmark = pytest.mark.guest

REGISTERS = 69
WIDE = range(34, 66)
NARROW = (33, 66, 67)


def size(number: int) -> int:
    return 16 if number in WIDE else 4 if number in NARROW else 8


def transfer(client: Client, what: str) -> bytes:
    """An object of qXfer, in small pieces."""
    data, at = b"", 0
    while True:
        piece = client.ask(b"qXfer:%s:%x,%x" % (what.encode(), at, 100))
        assert piece[:1] in (b"l", b"m"), piece
        data += piece[1:]
        at += len(piece) - 1
        if piece[:1] == b"l":
            return data


# Registers


def test_every_register_is_written_and_read_alone_and_with_all(serve: Serve) -> None:
    with connected(serve(program("basics"))) as client:
        # Flags and modes have bits that stay as they are.
        kept = {33, 66, 67}
        written = {
            number: bytes((number + index) % 256 for index in range(size(number)))
            for number in range(REGISTERS)
            if number not in kept
        }
        before = bytes.fromhex(client.ask(b"g").decode())
        for number, value in written.items():
            assert client.ask(b"P%x=%s" % (number, value.hex().encode())) == b"OK"
        for number, value in written.items():
            assert bytes.fromhex(client.ask(b"p%x" % number).decode()) == value
        everything = bytes.fromhex(client.ask(b"g").decode())
        at = 0
        for number in range(REGISTERS):
            if number not in kept:
                assert everything[at : at + size(number)] == written[number]
            at += size(number)
        assert at == len(everything)
        assert client.ask(b"G" + before.hex().encode()) == b"OK"
        assert bytes.fromhex(client.ask(b"g").decode()) == before
        assert client.ask(b"c").startswith(b"W00")


def test_flags_that_are_changed_change_the_way(serve: Serve) -> None:
    binary = program("steps")
    with connected(serve(binary)) as client:
        # The loop's `b.ne again`, with three rounds to go: Z ends it.
        branch = symbol(binary, "again") + 5 * 4
        assert client.ask(b"Z0,%x,4" % branch) == b"OK"
        assert "swbreak" in details(client.ask(b"c"))
        assert client.ask(b"P21=00000040") == b"OK"
        assert client.ask(b"s").startswith(b"T05")
        assert pc(client) == branch + 4


# Memory


def test_memory_is_written_in_digits_and_in_bytes(serve: Serve) -> None:
    binary = program("memory")
    cells = symbol(binary, "cells")
    with connected(serve(binary)) as client:
        special = b"#$}*\x00\xff"
        assert client.ask(b"X%x,%x:%s" % (cells, len(special), special)) == b"OK"
        assert client.ask(b"m%x,%x" % (cells, len(special))) == special.hex().encode()
        assert client.ask(b"x%x,%x" % (cells, len(special))) == special
        assert client.ask(b"M%x,2:abcd" % cells) == b"OK"
        assert client.ask(b"m%x,2" % cells) == b"abcd"
        assert client.ask(b"X%x,0:" % cells) == b"OK"


def test_reading_ends_where_memory_does(serve: Serve) -> None:
    with connected(serve(program("memory"))) as client:
        area = client.ask(b"qMemoryRegionInfo:%x" % pc(client)).decode()
        found = re.match(r"start:(\w+);size:(\w+);permissions:rx;name:\w+;$", area)
        assert found, area
        end = int(found[1], 16) + int(found[2], 16)
        gap = client.ask(b"qMemoryRegionInfo:%x" % end).decode()
        assert re.match(rf"start:{end:x};size:\w+;$", gap), gap
        assert len(client.ask(b"m%x,40" % (end - 8))) == 16
        assert client.ask(b"m%x,8" % end) == b"E0e"
        assert client.ask(b"M%x,1:00" % end) == b"E0e"


def test_the_top_byte_of_an_address_does_not_count(serve: Serve) -> None:
    binary = program("memory")
    cells = symbol(binary, "cells")
    with connected(serve(binary)) as client:
        assert client.ask(b"M%x,1:5a" % (cells | 0xAB << 56)) == b"OK"
        assert client.ask(b"m%x,1" % cells) == b"5a"


# Descriptions


def test_objects_describe_the_process(serve: Serve) -> None:
    binary = program("threads")
    with connected(serve(binary)) as client:
        assert client.ask(b"Z0,%x,4" % symbol(binary, "count")) == b"OK"
        client.ask(b"c")
        assert transfer(client, "exec-file:read:") == str(binary.resolve()).encode()
        listed = transfer(client, "threads:read:").decode()
        names = re.findall(r'<thread id="p\w+\.\w+" name="([\w-]+)"/>', listed)
        assert sorted(names) == ["threads", *(f"worker-{number}" for number in range(7))]
        thread = client.ask(b"qfThreadInfo")[1:].split(b",")[0]
        assert bytes.fromhex(client.ask(b"qThreadExtraInfo," + thread).decode()) == b"threads"
        auxv = memoryview(transfer(client, "auxv:read:")).cast("Q")
        entry = dict(zip(auxv[::2], auxv[1::2], strict=True))[9]
        assert entry == symbol(binary, "_start")
        assert b"<library " not in transfer(client, "libraries-svr4:read:")
        target = transfer(client, "features:read:target.xml").decode()
        assert len(re.findall(r"<reg ", target)) == REGISTERS


def test_the_information_of_a_signal_is_changed(serve: Serve) -> None:
    with connected(serve(program("signals"))) as client:
        assert details(client.ask(b"c"))["signal"] == "1e"
        info = transfer(client, "siginfo:read:")
        assert len(info) == 128
        assert int.from_bytes(info[:4], "little") == signal.SIGUSR1
        assert client.ask(b"qXfer:siginfo:write::10:\x2a\x00\x00\x00") == b"4"
        assert transfer(client, "siginfo:read:")[16:20] == b"\x2a\0\0\0"


# Files


def test_files_are_those_of_the_guest(serve: Serve, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/text").write_bytes(b"of the guest: #$}*")
    (root / "etc/link").symlink_to("text")
    guest = serve(program("basics"), options=("--sysroot", root))
    with connected(guest) as client:

        def path(name: str) -> bytes:
            return name.encode().hex().encode()

        assert client.ask(b"vFile:setfs:0") == b"F0"
        assert client.ask(b"vFile:open:%s,0,0" % path("/etc/text")) == b"F1"
        assert client.ask(b"vFile:pread:1,100,0") == b"F12;of the guest: #$}*"
        assert client.ask(b"vFile:pread:1,3,e") == b"F3;#$}"
        assert client.ask(b"vFile:pread:1,3,100") == b"F0;"
        status = client.ask(b"vFile:fstat:1")
        head, _semicolon, stat = status.partition(b";")
        assert (head, len(stat)) == (b"F40", 64)
        assert int.from_bytes(stat[28:36], "big") == 18
        assert client.ask(b"vFile:readlink:%s" % path("/etc/link")) == b"F4;text"
        assert client.ask(b"vFile:close:1") == b"F0"
        assert client.ask(b"vFile:pread:1,3,0") == b"F-1,9"
        assert client.ask(b"vFile:open:%s,0,0" % path("/etc/none")) == b"F-1,2"
        assert client.ask(b"vFile:open:%s,0,0" % path("/etc")) == b"F-1,d"
        # They are not written.
        assert client.ask(b"vFile:open:%s,601,1b6" % path("/etc/text")) == b"F-1,d"
        assert client.ask(b"vFile:unlink:%s" % path("/etc/text")) == b""


# Signals from outside, and many processes


def test_signals_to_elfuse_reach_the_guest_through_the_debugger(serve: Serve) -> None:
    guest = serve(program("ticks"), entry=False)
    assert guest.line() == "ready\n"
    with connected(guest) as client:
        client.send(b"c")
        guest.send_signal(signal.SIGTERM)
        assert details(client.receive())["signal"] == "0f"
        assert client.ask(b"C0f").startswith(b"X0f;process:")
    assert guest.finish().returncode == 128 + signal.SIGTERM


def test_each_of_many_forks_is_told(serve: Serve) -> None:
    guest = serve(program("many_forks"))
    with connected(guest) as client:
        children = set()
        reply = client.ask(b"c")
        while reply[:1] != b"W":
            parts = details(reply)
            if "fork" in parts:
                child = parts["fork"].partition(".")[0][1:].encode()
                assert client.ask(b"D;" + child) == b"OK"
                children.add(child)
            else:
                # SIGCHLD, which the guest does not mind.
                assert parts["signal"] == "14"
            reply = client.ask(b"c")
    assert len(children) == 60
    assert guest.finish().stdout == "total=60\n"
