"""gdb on programs with one process: static, dynamic, and what it changes in them."""

import re
from pathlib import Path

import pytest

from tests.gdb.client import Client
from tests.gdb.oracle import STEPS, Code, emulated
from tests.gdb.support import GDB, Serve, gdb, program
from tests.support import LIBRARIES, environment, execute, lacking, need

pytestmark = pytest.mark.guest

RIGHT = "watched=10 deep=45 text=unchanged\n"
REGISTERS = (
    *(f"$x{number}" for number in range(31)),
    "$cpsr & 0xffffffff", "$fpsr & 0xffffffff", "$fpcr & 0xffffffff",
    *(f"$v{number}.d.u[{half}]" for number in range(32) for half in (0, 1)),
)  # fmt: skip


def stepping() -> list[str]:
    """Commands that print all registers before each of many steps, the stack as a distance."""
    form = "@ " + "%lx " * (2 + len(REGISTERS))
    values = ", ".join(("$pc", "$sp - $first", *REGISTERS))
    return [
        "stepi",
        "set $first = $sp",
        # One command, so that it is one argument.
        f"python\nfor _ in range({STEPS}):\n  gdb.execute('printf \"{form}\\\\n\", {values}')\n"
        "  gdb.execute('stepi', to_string=True)",
    ]


def test_the_invocations_of_the_manual(serve: Serve) -> None:
    need(GDB, "lldb")
    binary = program("basics")
    for words in (
        [GDB, "-nx", "-batch", "-ex", "target remote :{port}", "-ex", "info symbol $pc"],
        ["lldb", "--batch", "-o", "gdb-remote {port}", "-o", "image lookup -a $pc"],
    ):
        guest = serve(binary)
        port = guest.address.rpartition(":")[2]
        command = [*(word.format(port=port) for word in words), str(binary)]
        done = execute(command, env=environment())
        assert re.search(r"\b_start\b", done.stdout), done
        # lldb ends what it debugs when it has no more to do.
        assert guest.finish().returncode in (0, 128 + 9)


def test_a_unix_socket_is_an_address_for_gdb(serve: Serve, tmp_path: Path) -> None:
    guest = serve(program("basics"), address=tmp_path / "door")
    said = gdb(guest.address, "break main", "continue", "kill")
    assert re.search(r"^Breakpoint 1, main \(\) at .*basics\.c:\d+$", said, re.MULTILINE), said
    assert guest.finish().returncode == 128 + 9


def test_break_backtrace_finish_and_changes(serve: Serve) -> None:
    guest = serve(program("basics"))
    said = gdb(
        guest.address,
        "break add",
        "continue",
        "backtrace",
        "print $x0 + $x1",
        "set $x0 = 50",
        "finish",
        'set var text = "changed"',
        "print (char *)text",
        "continue",
    )
    # Symbols have come through the connection.
    assert f"Reading symbols from target:{program('basics').resolve()}" in said
    assert "Breakpoint 1, add (a=a@entry=40, b=b@entry=2)" in said
    frames = re.findall(r"^#(\d)  .*?(\w+) \((?:depth|a)?", said, re.MULTILINE)
    assert [name for _number, name in frames] == ["add", *4 * ["descend"], "main"]
    assert "$1 = 42" in said
    assert "Value returned is $2 = 52" in said
    assert "$3 = 0x" in said
    assert said.rstrip().endswith("exited normally]")
    done = guest.finish()
    assert (done.stdout, done.returncode) == ("watched=10 deep=55 text=changed\n", 0)


def test_a_variable_in_a_loop_is_watched(serve: Serve) -> None:
    guest = serve(program("basics"))
    said = gdb(
        guest.address,
        "watch watched",
        *3 * ["continue"],
        "delete",
        "rwatch watched",
        "continue",
        "delete",
        "awatch watched",
        "continue",
        "delete",
        "continue",
    )
    changes = re.findall(r"Old value = (\d+)\nNew value = (\d+)\nmain \(\)", said)
    assert changes[:3] == [("0", "1"), ("1", "3"), ("3", "6")]
    assert re.search(r"Hardware read watchpoint 2: watched\n\nValue = 6\n", said), said
    assert re.search(
        r"Hardware access \(read/write\) watchpoint 3: watched\n\nValue = 6\n|"
        r"watchpoint 3: watched\n\nOld value = 6\nNew value = 10\n",
        said,
    ), said
    assert guest.finish().stdout == RIGHT


def test_a_function_of_the_guest_is_called(serve: Serve) -> None:
    guest = serve(program("basics"))
    said = gdb(guest.address, "break main", "continue", "print add(3, 4)", "continue")
    assert "$1 = 7" in said
    assert guest.finish().stdout == RIGHT


def test_a_thousand_steps_are_those_of_the_oracle(serve: Serve) -> None:
    binary = program("steps")
    with emulated(binary) as door:
        expected = samples(gdb(door, *stepping(), "kill", file=binary))
    found = samples(gdb(serve(binary).address, *stepping(), "kill"))
    assert len(expected) == STEPS
    # A step of the oracle at a system call takes the instruction behind it along.
    hidden = Code(binary).hidden
    shared = [line for line in found if int(line.split()[0], 16) not in hidden]
    assert len(shared) > STEPS - 20
    assert shared == expected[: len(shared)]


def samples(said: str) -> list[str]:
    return [line[2:] for line in said.splitlines() if line.startswith("@ ")]


def test_a_breakpoint_in_a_library_is_reached_before_main(serve: Serve) -> None:
    if Path("/") == LIBRARIES:
        lacking("a C library of another host")
    binary = program("dynamic", static=False)
    guest = serve(binary, options=("--sysroot", LIBRARIES))
    said = gdb(
        guest.address,
        "break __libc_start_main",
        "continue",
        "info sharedlibrary",
        "break main",
        "continue",
        "break puts",
        "continue",
        "finish",
        "print (int)abs(-3)",
        "continue",
    )
    # All of it came through the connection: gdb knows no file.
    assert "Reading /lib/libc.so.6 from remote target" in said
    stops = re.findall(r"^Breakpoint \d+, (?:0x\w+ in )?(\w+) ?\(", said, re.MULTILINE)
    assert stops == ["__libc_start_main", "main", "puts"]
    assert re.search(r"^0x\w+ +0x\w+ +Yes.* target:/lib/libc\.so\.6$", said, re.MULTILINE), said
    assert "$1 = 3" in said
    assert said.rstrip().endswith("exited with code 05]")
    done = guest.finish()
    assert (done.stdout, done.returncode) == ("dynamic\n", 5)


def test_memory_of_any_protection_is_read_and_written(serve: Serve) -> None:
    guest = serve(program("memory"))
    said = gdb(
        guest.address,
        "break ready",
        "continue",
        "print constant",
        "set *(int *)&constant = 12",
        "print closed[0]",
        "set closed[0] = 13",
        "x/1xw ready",
        "print *(int *)8",
        "continue",
    )
    assert "$1 = 11" in said
    assert "Cannot access memory at address 0x8" in said
    assert guest.finish().stdout == "constant=12 closed=13 cells=1 2 2\n"


def test_instructions_that_are_changed_are_executed(serve: Serve) -> None:
    guest = serve(program("basics"))
    # mov w0, #7; ret
    said = gdb(
        guest.address,
        "set *(unsigned *)add = 0x528000e0",
        "set *((unsigned *)add + 1) = 0xd65f03c0",
        "continue",
    )
    assert "exited normally" in said
    assert guest.finish().stdout == "watched=10 deep=10 text=unchanged\n"


def test_the_target_tells_of_itself(serve: Serve) -> None:
    guest = serve(program("basics"))
    said = gdb(
        guest.address,
        "info auxv",
        "print $tpidr",
        "info registers fpcr fpsr cpsr",
        "info proc exe",
        "maintenance print xml-tdesc",
    )
    assert re.search(r"AT_PHDR .*0x400040", said), said
    assert re.search(r"AT_EXECFN .*basics", said), said
    assert "fpsr           0x0" in said
    for feature in ("core", "fpu", "tls"):
        assert f"org.gnu.gdb.aarch64.{feature}" in said
    assert guest.finish().stdout == RIGHT


def test_stop_replies_bring_the_registers_of_the_frame(serve: Serve) -> None:
    with Client(serve(program("basics")).address) as client:
        parts = client.ask(b"?").decode()[3:].split(";")
        numbers = {int(part[:2], 16) for part in parts if re.match(r"[0-9a-f]{2}:", part)}
        assert numbers == {29, 30, 31, 32}
