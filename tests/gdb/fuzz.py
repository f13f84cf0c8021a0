"""Random, odd and broken packets for a guest that must not care.

    python -m tests.gdb.fuzz --packets 100000 --engine jit --seed 1

The guest of guest/steady.c checks its memory and its system calls all the time, and says in the
end whether anything was wrong. So what ends or changes a guest by its meaning is not sent: k,
vKill, vRun, writes to registers and memory, resumption elsewhere or with a signal. Everything else
may come: breakpoints and watchpoints anywhere, steps, detachment, system calls caught, files
opened, in whatever order, and whatever arises from damaging that.

With `harmful` the rest comes too, but for k and vKill: guests end, and elfuse must not fail.
"""

import argparse
import random
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

from elfuse.engine import NAMES
from tests.gdb.client import Client, Hangup, frame
from tests.gdb.support import Guest, program, symbol
from tests.support import ELFUSE, environment

_AT_ONCE = 200
"""Packets of a connection; then another one must find a guest that answers."""
_A_MOMENT = 0.02
_RESUMES = re.compile(rb"\$(?:c#|s#|vCont;)")
_HARMFUL = re.compile(
    rb"\$(?:[kCSGPMX]|[cs][^#]|vKill|vRun|vCont[^#]*[CS]|qXfer:siginfo:write)", re.DOTALL
)
_DEADLY = re.compile(rb"\$(?:k|vKill)")
_ANSWERS = {
    "answers": re.compile(rb"\$"),
    "errors": re.compile(rb"\$E|\$F-1"),
    "stops": re.compile(rb"\$T"),
    "breakpoints and watchpoints": re.compile(rb"swbreak:|hwbreak:|watch:|reason:breakpoint"),
    "system calls caught": re.compile(rb"syscall_"),
    "refused checksums": re.compile(rb"(?<![\w-])-"),
}
_ESCAPED = re.compile(rb"\}(.)", re.DOTALL)
_NUMBER = re.compile(rb"[0-9a-f]+")
_EXTREMES = (
    b"0", b"1", b"-1", b"ff", b"7fffffff", b"80000000", b"ffffffff", b"100000000",
    b"7fffffffffffffff", b"8000000000000000", b"ffffffffffffffff", b"fffffffffffffffff", b"",
)  # fmt: skip


def corpus(binary: Path) -> list[bytes]:
    """Every kind of command at least once, as debuggers send them; `@` stands for the process."""
    data, code = symbol(binary, "data"), symbol(binary, "sum")
    path = str(binary).encode().hex().encode()
    return [
        b"qSupported:multiprocess+;swbreak+;hwbreak+;qRelocInsn+;fork-events+;vfork-events+;"
        b"exec-events+;vContSupported+;QThreadEvents+;no-resumed+;xmlRegisters=i386",
        b"QStartNoAckMode", b"QThreadSuffixSupported", b"QEnableErrorStrings",
        b"QListThreadsInStopReply", b"vMustReplyEmpty", b"!", b"?", b"qC", b"qAttached",
        b"qAttached:@", b"qSymbol::", b"qOffsets", b"qTStatus", b"qHostInfo", b"qProcessInfo",
        b"qWatchpointSupportInfo:", b"qMemoryRegionInfo:%x" % data,
        b"qfThreadInfo", b"qsThreadInfo", b"qThreadExtraInfo,p@.@", b"Hg0", b"Hc0", b"Hc-1",
        b"Hgp0.0", b"Hgp@.@", b"T@", b"Tp@.@",
        b"g", b"p0", b"p20", b"p44", b"m%x,40" % data, b"m%x,4" % code, b"x%x,40" % data,
        b"m0,10", b"m%x,20000" % data,
        b"Z0,%x,4" % code, b"z0,%x,4" % code, b"Z1,%x,4" % code, b"z1,%x,4" % code,
        b"Z2,%x,8" % data, b"z2,%x,8" % data, b"Z3,%x,1" % data, b"z3,%x,1" % data,
        b"Z4,%x,400" % data, b"z4,%x,400" % data,
        b"c", b"c", b"s", b"vCont?", b"vCont;c", b"vCont;c:p-1.-1", b"vCont;s:p@.@;c",
        b"vCont;r%x,%x:@" % (code, code + 64), b"vCont;s",
        b"QPassSignals:e;14;17;1a;1b;1c;21;24;25;2c;4c;97", b"QProgramSignals:0;1;3;e",
        b"QCatchSyscalls:1", b"QCatchSyscalls:1;ad;40", b"QCatchSyscalls:0",
        b"qXfer:features:read:target.xml:0,ffb", b"qXfer:auxv:read::0,1000",
        b"qXfer:exec-file:read:@:0,1000", b"qXfer:threads:read::0,1000",
        b"qXfer:libraries-svr4:read::0,1000", b"qXfer:siginfo:read::0,80",
        b"vFile:setfs:0", b"vFile:setfs:@", b"vFile:open:%s,0,0" % path,
        b"vFile:open:%s,0,0" % b"/proc/self/maps".hex().encode(),
        b"vFile:open:%s,0,0" % b"/dev/zero".hex().encode(), b"vFile:pread:1,fff,0",
        b"vFile:fstat:1", b"vFile:close:1", b"vFile:close:2", b"vFile:unlink:2f",
        b"vFile:readlink:%s" % b"/proc/self/exe".hex().encode(),
        *(
            b"qRcmd," + command.hex().encode()
            for command in (b"help", b"maps", b"fds", b"threads", b"strace off", b"nonsense")
        ),
        b"vAttach;@", b"vAttach;@", b"QNonStop:0", b"R00", b"vCtrlC",
    ]  # fmt: skip


def harm(binary: Path) -> list[bytes]:
    """What changes a guest, or ends it."""
    data, code = symbol(binary, "data"), symbol(binary, "sum")
    return [
        b"P0=0102030405060708", b"P1f=0000000000000000", b"P20=0000000000000000",
        b"P21=ffffffff", b"P22=" + b"ab" * 16, b"P42=ffffffff", b"P43=ffffffff",
        b"P44=ffffffffffffffff", b"G" + b"ff" * 796, b"M%x,4:01020304" % data,
        b"X%x,4:abcd" % data, b"M%x,4:00000000" % code, b"c%x" % code, b"s%x" % code,
        b"C0e", b"S0e", b"C1e", b"C04", b"C8f", b"S91", b"vCont;C0b", b"vCont;S05:@",
        b"qXfer:siginfo:write::0:" + b"\xff" * 16, b"vRun;2f", b"vRun;",
    ]  # fmt: skip


class Fuzzer:
    """A source of bytes; the same for the same seed."""

    def __init__(self, packets: list[bytes], seed: int, *, harmful: bool = False) -> None:
        self._packets = packets
        self._forbidden = _DEADLY if harmful else _HARMFUL
        self._random = random.Random(seed)
        self._pid = b""
        self._tail = b""
        """The beginning of a packet that has not ended yet."""
        self.runs = False
        """The guest has perhaps been resumed, and nothing but an interrupt is heard."""

    def connected(self, pid: int) -> None:
        """A new connection, to a guest with that number."""
        self._tail = b""
        self._pid = b"%x" % pid
        self.runs = False

    def next(self) -> bytes:
        """What to send."""
        while True:
            piece = self._piece()
            stream = self._tail + piece
            plain = _ESCAPED.sub(lambda found: bytes((found[1][0] ^ 0x20,)), stream)
            if not self._forbidden.search(stream) and not self._forbidden.search(plain):
                begun = stream.rfind(b"$")
                self._tail = stream[begun:] if begun >= 0 else b""
                self.runs = self.runs or _RESUMES.search(stream) is not None
                return piece

    def _piece(self) -> bytes:
        if self.runs and self._random.random() < 0.4:
            self.runs = False
            return b"\x03"
        chance = self._random.random()
        if chance < 0.1:
            return self._random.randbytes(self._random.randrange(1, 64))
        if chance < 0.2:
            return frame(self._random.randbytes(self._random.randrange(64)))
        if chance < 0.22:
            return b"\x03"
        if chance < 0.24:
            return self._random.choice((b"+", b"-", b"$", b"#", b"#00", b"$#00", b"}", b"*"))
        if chance < 0.242:
            return frame(self._random.choice((b"D", b"D;" + self._pid)))
        content = self._random.choice(self._packets).replace(b"@", self._pid)
        if chance < 0.5:
            return frame(content)
        packet = frame(self._damaged(content))
        if chance < 0.9:
            return packet
        cut = self._random.randrange(len(packet))
        return self._random.choice(
            (packet[:cut], packet[cut:], packet[:-2] + b"00", packet * 3, packet + b"\x03")
        )

    def _damaged(self, content: bytes) -> bytes:
        for _ in range(self._random.randrange(1, 4)):
            content = self._random.choice((self._number, self._bytes, self._cut, self._joined))(
                content
            )
        return content

    def _number(self, content: bytes) -> bytes:
        """One number is another."""
        places = list(_NUMBER.finditer(content))
        if not places:
            return content
        place = self._random.choice(places)
        number = self._random.choice((*_EXTREMES, b"%x" % self._random.getrandbits(48)))
        return content[: place.start()] + number + content[place.end() :]

    def _bytes(self, content: bytes) -> bytes:
        """One byte is some others."""
        at = self._random.randrange(len(content) + 1)
        return content[:at] + self._random.randbytes(self._random.randrange(3)) + content[at + 1 :]

    def _cut(self, content: bytes) -> bytes:
        """A part is missing, or there twice."""
        at, end = sorted(self._random.choices(range(len(content) + 1), k=2))
        return content[:at] + self._random.choice((b"", content[at:end] * 2)) + content[end:]

    def _joined(self, content: bytes) -> bytes:
        """The end is another packet's."""
        other = self._random.choice(self._packets)
        return (
            content[: self._random.randrange(len(content) + 1)]
            + (other[self._random.randrange(len(other)) :])
        )


def attack(guest: Guest, packets: int, seed: int, *, harmful: bool = False) -> Counter[str]:
    """Send that many packets, on as many connections as it takes; what happened.

    With `harmful` ones among them the guest may end before they do.
    """
    binary = program("steady")
    fuzzer = Fuzzer([*corpus(binary), *(harm(binary) if harmful else ())], seed, harmful=harmful)
    counts = Counter[str]()
    while counts["packets"] < packets:
        try:
            with Client(guest.address) as client:
                counts["connections"] += 1
                # It answers, whatever the one before was told.
                thread = client.ask(b"qC").partition(b"QC")[2]
                fuzzer.connected(int(thread, 16))
                _converse(client, fuzzer, min(_AT_ONCE, packets - counts["packets"]), counts)
        except (ConnectionError, Hangup):
            counts["hangups"] += 1
            if harmful and guest.ended:
                break
    return counts


def _converse(client: Client, fuzzer: Fuzzer, packets: int, counts: Counter[str]) -> None:
    for _ in range(packets):
        client.raw(fuzzer.next())
        counts["packets"] += 1
        if fuzzer.runs:
            # Let the guest get somewhere, but not for long.
            client.silent(_A_MOMENT)
        _look(client.drain(), counts)
    # Everything is looked at before the end is.
    _look(client.finish(), counts)


def _look(answers: bytes, counts: Counter[str]) -> None:
    """Count roughly what comes back."""
    for name, pattern in _ANSWERS.items():
        counts[name] += len(pattern.findall(answers))


def finish(guest: Guest) -> "tuple[str, int, str]":
    """Let go of the guest, and let it end: output, status, errors."""
    with Client(guest.address) as client:
        assert client.ask(b"qC").startswith(b"QC")
        assert client.ask(b"D") == b"OK"
    guest.type("\n")
    done = guest.finish()
    return done.stdout, done.returncode, done.stderr


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=100_000)
    parser.add_argument("--engine", choices=NAMES, default=NAMES[0])
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        command = [*ELFUSE, "--engine", options.engine, "--gdb", "0", str(program("steady"))]
        guest = Guest(command, environment(Path(home)))
        try:
            assert guest.line() == "ready\n"
            counts = attack(guest, options.packets, options.seed)
            output, status, errors = finish(guest)
        except BaseException:
            print(guest.abandon()[-4000:])
            raise
        finally:
            guest.close()
    for name, count in counts.items():
        print(f"{count:9} {name}")
    right = (output, status) == ("wrong=0\n", 0) and "Traceback" not in errors
    print(f"{options.engine}: status {status}, output {output!r}: {'right' if right else 'WRONG'}")
    if not right:
        print(errors[-4000:])
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
