"""lldb on the same programs as gdb."""

import re
import signal
from pathlib import Path

import pytest

from tests.gdb.oracle import STEPS, Code, Sample, oracle_steps, sample, stack
from tests.gdb.support import Serve, lldb, program
from tests.support import LIBRARIES, lacking

pytestmark = pytest.mark.guest

RIGHT = "watched=10 deep=45 text=unchanged\n"
_REGISTER = re.compile(r"^ +(x\d+|sp|pc|cpsr|v\d+|fpsr|fpcr) = (.*)$", re.MULTILINE)


def reasons(said: str) -> list[str]:
    """Why threads stopped, without that of the beginning."""
    return re.findall(r"^\* thread #\d+.*, stop reason = (.+)$", said, re.MULTILINE)[1:]


def test_break_backtrace_finish_and_changes(serve: Serve) -> None:
    guest = serve(program("basics"))
    said = lldb(
        guest.address,
        "breakpoint set -n add",
        "continue",
        "bt",
        "register read x0 x1",
        "register write x0 50",
        "finish",
        "expression text[0] = 'U'",
        "expression add(3, 4)",
        "continue",
        file=program("basics"),
    )
    assert reasons(said)[0] == "breakpoint 1.1"
    frames = re.findall(
        r"^  [* ] frame #\d+: 0x\w+ basics`(\w+)", said.partition("(lldb) bt")[2], re.MULTILINE
    )
    assert frames[:6] == ["add", *4 * ["descend"], "main"]
    assert re.search(r"x0 = 0x0*28\n +x1 = 0x0*2\n", said), said
    assert re.search(r"Return value: \(int\) \$0 = 52", said), said
    assert "(int) $2 = 7" in said
    assert "exited with status = 0" in said
    done = guest.finish()
    assert (done.stdout, done.returncode) == ("watched=10 deep=55 text=Unchanged\n", 0)


def test_a_variable_in_a_loop_is_watched(serve: Serve) -> None:
    guest = serve(program("basics"))
    said = lldb(
        guest.address,
        "breakpoint set -n main",
        "continue",
        "watchpoint set variable watched",
        *4 * ["continue"],
        "watchpoint delete -f",
        "continue",
        file=program("basics"),
    )
    # It tells of writes that change nothing, too.
    changes = re.findall(r"^old value: (\d+)\nnew value: (\d+)$", said, re.MULTILINE)
    assert changes == [("0", "0"), ("0", "1"), ("1", "3"), ("3", "6")]
    assert reasons(said)[1:] == 4 * ["watchpoint 1"]
    assert guest.finish().stdout == RIGHT


def test_a_thousand_steps_are_those_of_the_oracle(serve: Serve) -> None:
    binary = program("steps")
    expected, code = oracle_steps(binary), Code(binary)
    # All sets of registers but those that are parts of others.
    commands = ["register read -s 0 -s 1 -s 2", "thread step-inst"] * (STEPS + 200)
    said = lldb(serve(binary).address, *commands, "process kill", file=binary)
    found = code.visible(samples(said))[:STEPS]
    assert found == expected
    assert reasons(said)[0] == "instruction step into"


def samples(said: str) -> list[Sample]:
    """What lldb has shown of registers, as the oracle has them."""
    found, first_sp = list[Sample](), None
    registers = dict[str, bytes]()
    for name, value in _REGISTER.findall(said):
        digits = re.findall(r"0x([0-9a-f]+)", value)
        # Numbers have their first digit in front, vectors their first byte.
        registers[name] = bytes.fromhex("".join(digits if name[0] == "v" else digits[:1]))
        if name[0] != "v":
            registers[name] = registers[name][::-1]
        if name == "fpcr":
            core = b"".join(registers[f"x{number}"] for number in range(31))
            core += registers["sp"] + registers["pc"] + registers["cpsr"]
            vectors = b"".join(registers[f"v{number}"] for number in range(32))
            whole = (core + vectors + registers["fpsr"] + registers["fpcr"]).hex().encode()
            first_sp = stack(whole) if first_sp is None else first_sp
            found.append(sample(whole, first_sp))
    return found


def test_a_breakpoint_in_a_library_is_reached_before_main(serve: Serve) -> None:
    if Path("/") == LIBRARIES:
        lacking("a C library of another host")
    binary = program("dynamic", static=False)
    guest = serve(binary, options=("--sysroot", LIBRARIES))
    said = lldb(
        guest.address,
        "breakpoint set -n __libc_start_main",
        "continue",
        "breakpoint set -n puts",
        "breakpoint set -n main",
        "continue",
        "continue",
        "continue",
        file=binary,
        sysroot=LIBRARIES,
    )
    assert reasons(said) == ["breakpoint 1.1", "breakpoint 2.1", "breakpoint 3.1"]
    assert re.search(r"frame #0: 0x\w+ libc\.so\.6`__libc_start_main", said), said
    assert "exited with status = 5" in said
    assert guest.finish().stdout == "dynamic\n"


def test_threads_are_listed_and_stopped_one_by_one(serve: Serve) -> None:
    guest = serve(program("threads"))
    said = lldb(
        guest.address,
        "breakpoint set -n all_met",
        "continue",
        "breakpoint disable 1",
        "breakpoint set -n count -x 5",
        "continue",
        "thread list",
        "thread backtrace all",
        "expression counts[3]",
        "thread step-inst -m this-thread",
        "breakpoint disable 2",
        "continue",
        file=program("threads"),
    )
    assert "stop reason = breakpoint 2.1" in said
    assert re.search(r"\* thread #5.*stop reason = breakpoint 2\.1", said), said
    listed = re.findall(r"^[* ] thread #(\d): tid = \d+", said, re.MULTILINE)
    assert listed == [str(number) for number in range(1, 9)]
    assert len(re.findall(r"frame #\d+: 0x\w+ threads`run\(", said)) >= 7
    assert guest.finish().stdout == "total=700\n"


@pytest.mark.parametrize(
    ("mode", "function", "status"), [("parent", "in_parent", 0), ("child", "in_child", 7)]
)
def test_forks_are_followed(serve: Serve, mode: str, function: str, status: int) -> None:
    guest = serve(program("forks"))
    said = lldb(
        guest.address,
        f"settings set target.process.follow-fork-mode {mode}",
        "breakpoint set -n in_child",
        "breakpoint set -n in_parent",
        "continue",
        "continue",
        file=program("forks"),
    )
    assert len(reasons(said)) == 1
    assert re.search(rf"frame #0: 0x\w+ forks`{function}", said), said
    assert f"exited with status = {status}" in said
    assert guest.finish().stdout == "child: 7\n"


def test_a_crash_stops_with_its_signal(serve: Serve) -> None:
    guest = serve(program("crash"))
    # A batch ends with a crash, and this is what is said then.
    commands = ("bt", "thread siginfo", "process kill")
    said = lldb(guest.address, "continue", crashed=commands, file=program("crash"))
    assert "signal SIGSEGV" in reasons(said)[0]
    assert re.search(r"frame #0: 0x\w+ crash`main", said), said
    assert re.search(r"_sigfault = \{\s+si_addr = 0x0*dead0000\s", said), said
    assert re.search(r"^Process \d+ exited with status = 9 ", said, re.MULTILINE), said
    assert guest.finish().returncode in (128 + signal.SIGKILL, 128 + signal.SIGSEGV)


def test_a_chain_of_programs_stops_at_each(serve: Serve) -> None:
    guest = serve(program("chain"), "2")
    said = lldb(
        guest.address,
        "continue",
        f"target modules add {program('chain')}",
        "target modules load --file chain --slide 0",
        "breakpoint set -n main",
        "continue",
        "frame variable argc",
        "breakpoint delete -f",
        "continue",
        "continue",
        file=program("chain"),
    )
    assert reasons(said) == ["exec", "breakpoint 1.1", "exec"]
    assert "(int) argc = 2" in said
    assert "exited with status = 0" in said
    assert guest.finish().stdout == "left=2\nleft=1\nleft=0\n"


def test_the_guest_goes_on_when_lldb_leaves(serve: Serve) -> None:
    guest = serve(program("basics"))
    lldb(guest.address, "breakpoint set -n add", "continue", "detach", file=program("basics"))
    assert guest.finish().stdout == RIGHT
