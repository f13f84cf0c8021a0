"""gdb on forks and programs that execute others: following, catching, running, attaching."""

import re

import pytest

from tests.gdb.support import Serve, gdb, program

pytestmark = pytest.mark.guest

FORKED, VFORKED = "child: 7\n", "child: 3\n"
EXTENDED = "target extended-remote"


def stops(said: str) -> list[str]:
    """The functions of breakpoints that were hit."""
    return re.findall(r"\bBreakpoint [\d.]+, (\w+) \(", said)


def test_the_parent_is_followed(serve: Serve) -> None:
    guest = serve(program("forks"))
    said = gdb(
        guest.address,
        "set follow-fork-mode parent",
        "break in_child",
        "break in_parent",
        "continue",
        "print status",
        "continue",
    )
    assert "[Detaching after fork from child process " in said
    assert stops(said) == ["in_parent"]
    assert "$1 = 7" in said
    assert re.search(r"\[Inferior 1 \(process \d+\) exited normally\]", said), said
    done = guest.finish()
    assert (done.stdout, done.returncode) == (FORKED, 0)


def test_the_child_is_followed(serve: Serve) -> None:
    guest = serve(program("forks"))
    said = gdb(
        guest.address,
        "set follow-fork-mode child",
        "break in_child",
        "break in_parent",
        "continue",
        "continue",
    )
    assert "[Detaching after fork from parent process " in said
    assert stops(said) == ["in_child"]
    assert re.search(r"\[Inferior 2 \(process \d+\) exited with code 07\]", said), said
    done = guest.finish()
    assert (done.stdout, done.returncode) == (FORKED, 0)


def test_a_vfork_child_is_followed_into_its_program(serve: Serve) -> None:
    guest = serve(program("forks"), "vfork")
    said = gdb(
        guest.address,
        "set follow-fork-mode child",
        "break main",
        "continue",
        "continue",
        "print argv[1]",
        "continue",
    )
    assert "is executing new program: " in said
    assert stops(said) == ["main", "main"]
    assert re.search(r'^\$1 = 0x\w+ "child"$', said, re.MULTILINE), said
    assert "exited with code 03]" in said
    done = guest.finish()
    assert (done.stdout, done.returncode) == (VFORKED, 0)


def test_both_are_kept(serve: Serve) -> None:
    guest = serve(program("forks"))
    said = gdb(
        guest.address,
        "set detach-on-fork off",
        "catch fork",
        "break in_child",
        "break in_parent",
        "continue",
        "stepi",
        "info inferiors",
        "inferior 2",
        "continue",
        "continue",
        "inferior 1",
        "continue",
        "continue",
    )
    assert re.search(r"Catchpoint 1 \(forked process \d+\)", said), said
    listed = re.findall(r"^[* ] (\d) +process (\d+) ", said, re.MULTILINE)
    assert [number for number, _pid in listed] == ["1", "2"]
    assert stops(said) == ["in_child", "in_parent"]
    assert re.search(r"\[Inferior 2 \(process \d+\) exited with code 07\]", said), said
    assert re.search(r"\[Inferior 1 \(process \d+\) exited normally\]", said), said
    assert guest.finish().stdout == FORKED


@pytest.mark.parametrize(("event", "right"), [("fork", FORKED), ("vfork", VFORKED)])
def test_forks_are_caught(serve: Serve, event: str, right: str) -> None:
    arguments = ("vfork",) if event == "vfork" else ()
    guest = serve(program("forks"), *arguments)
    said = gdb(guest.address, f"catch {event}", "continue", "delete", "continue")
    assert re.search(rf"Catchpoint 1 \({event}ed process \d+\)", said), said
    assert guest.finish().stdout == right


def test_a_chain_of_programs_is_followed(serve: Serve) -> None:
    guest = serve(program("chain"), "2")
    said = gdb(
        guest.address,
        "catch exec",
        "break main",
        *5 * ["continue"],
        "print argv[1]",
        "continue",
    )
    assert len(re.findall(r"Catchpoint 1 \(exec'd \S+/chain\)", said)) == 2
    assert stops(said) == ["main"] * 3
    assert re.search(r'^\$1 = 0x\w+ "0"$', said, re.MULTILINE), said
    assert "exited normally]" in said
    assert guest.finish().stdout == "left=2\nleft=1\nleft=0\n"


def test_system_calls_are_caught(serve: Serve) -> None:
    guest = serve(program("basics"))
    said = gdb(
        guest.address,
        "catch syscall write",
        "continue",
        "print (int)$x8",
        "print $x2",
        "continue",
        "print $x0",
        "delete",
        "continue",
    )
    assert "Catchpoint 1 (call to syscall write)" in said
    assert "Catchpoint 1 (returned from syscall write)" in said
    size = len("watched=10 deep=45 text=unchanged\n")
    assert re.findall(r"^\$\d = (\d+)$", said, re.MULTILINE) == ["64", str(size), str(size)]
    assert guest.finish().returncode == 0


# Extended


def test_programs_are_run_anew(serve: Serve) -> None:
    binary = program("chain")
    guest = serve(binary, "1")
    said = gdb(
        guest.address,
        "break main",
        "continue",
        f"set remote exec-file {binary}",
        "run 0",
        "print argv[1]",
        "kill",
        "run 3",
        "print argv[1]",
        "delete",
        "continue",
        how=EXTENDED,
    )
    assert stops(said) == ["main"] * 3
    assert re.findall(r'^\$\d = 0x\w+ "(\d)"$', said, re.MULTILINE) == ["0", "3"]
    assert "exited normally]" in said
    assert guest.finish().stdout == "left=3\nleft=2\nleft=1\nleft=0\n"


def test_a_program_that_is_not_there_does_not_run(serve: Serve) -> None:
    guest = serve(program("basics"))
    said = gdb(guest.address, "set remote exec-file /no/such", "run", how=EXTENDED)
    assert re.search(r'Running "/no/such" on the remote target failed', said), said
    assert guest.finish().returncode == 127


def test_a_process_is_left_and_attached_to_again(serve: Serve) -> None:
    guest = serve(program("ticks"), entry=False)
    assert guest.line() == "ready\n"
    said = gdb(
        guest.address,
        "python pid = gdb.selected_inferior().pid",
        "print ticks",
        "detach",
        "python gdb.execute('attach %d' % pid)",
        "print ticks > $1",
        "info inferiors",
        "kill",
        how=EXTENDED,
    )
    assert "detached]" in said
    assert re.search(r"^\$2 = 1$", said, re.MULTILINE), said
    assert re.search(r"\[Inferior 1 \(process \d+\) killed\]", said), said
    assert guest.finish().returncode == 128 + 9
