"""Terminals of the host in Linux's terms: termios by flag name, window sizes, pseudo-terminals."""

from __future__ import annotations

import fcntl
import os
import sys
import termios

from elfuse.record import Record

# Linux's values (asm-generic/termbits.h); the host's are looked up by name in `termios`.
_IFLAG = {
    "IGNBRK": 0o1, "BRKINT": 0o2, "IGNPAR": 0o4, "PARMRK": 0o10, "INPCK": 0o20, "ISTRIP": 0o40,
    "INLCR": 0o100, "IGNCR": 0o200, "ICRNL": 0o400, "IXON": 0o2000, "IXANY": 0o4000,
    "IXOFF": 0o10000, "IMAXBEL": 0o20000, "IUTF8": 0o40000,
}  # fmt: skip
_OFLAG = {
    "OPOST": 0o1, "OLCUC": 0o2, "ONLCR": 0o4, "OCRNL": 0o10, "ONOCR": 0o20, "ONLRET": 0o40,
    "OFILL": 0o100, "OFDEL": 0o200, "TAB3": 0o14000,
}  # fmt: skip
_CFLAG = {
    "CSTOPB": 0o100, "CREAD": 0o200, "PARENB": 0o400, "PARODD": 0o1000, "HUPCL": 0o2000,
    "CLOCAL": 0o4000, "CRTSCTS": 0o20000000000,
}  # fmt: skip
_CSIZE = {"CS5": 0, "CS6": 0o20, "CS7": 0o40, "CS8": 0o60}
_LFLAG = {
    "ISIG": 0o1, "ICANON": 0o2, "ECHO": 0o10, "ECHOE": 0o20, "ECHOK": 0o40, "ECHONL": 0o100,
    "NOFLSH": 0o200, "TOSTOP": 0o400, "ECHOCTL": 0o1000, "ECHOPRT": 0o2000, "ECHOKE": 0o4000,
    "FLUSHO": 0o10000, "PENDIN": 0o40000, "IEXTEN": 0o100000, "EXTPROC": 0o200000,
}  # fmt: skip
_CC = (
    "VINTR", "VQUIT", "VERASE", "VKILL", "VEOF", "VTIME", "VMIN", "VSWTC", "VSTART", "VSTOP",
    "VSUSP", "VEOL", "VREPRINT", "VDISCARD", "VWERASE", "VLNEXT", "VEOL2",
)  # fmt: skip
_SPEEDS = (
    0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400,
)  # fmt: skip
_FAST_SPEEDS = (57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000)
_CBAUDEX = 0o10000
CONTROL_CHARACTERS = 19
"""NCCS of Linux's struct termios."""


class Attributes(Record):
    """A terminal's settings with Linux's flag values; `speed` in baud, `cc` has 19 bytes."""

    iflag: int
    oflag: int
    cflag: int
    lflag: int
    cc: bytes
    speed: int


def _host(name: str) -> int:
    return int(getattr(termios, name, 0))


def _to_linux(value: int, table: dict[str, int]) -> int:
    return sum(bit for name, bit in table.items() if _host(name) and value & _host(name))


def _to_host(value: int, table: dict[str, int], before: int) -> int:
    """Flags that Linux does not know keep the value they have on the host."""
    known = 0
    wanted = 0
    for name, bit in table.items():
        known |= _host(name)
        if value & bit == bit:
            wanted |= _host(name)
    return (before & ~known) | wanted


def _speed_code(baud: int) -> int:
    if baud in _SPEEDS:
        return _SPEEDS.index(baud)
    if baud in _FAST_SPEEDS:
        return _CBAUDEX | (_FAST_SPEEDS.index(baud) + 1)
    return _SPEEDS.index(38400)


def _baud_of_host(value: int) -> int:
    for baud in (*_SPEEDS, *_FAST_SPEEDS):
        if _host(f"B{baud}") == value:
            return baud
    return 38400


def get_attributes(fd: int) -> Attributes:
    """tcgetattr(3); termios.error is raised as OSError."""
    try:
        iflag, oflag, cflag, lflag, _ispeed, ospeed, cc = termios.tcgetattr(fd)
    except termios.error as error:
        raise OSError(*error.args) from None
    size = next((bits for name, bits in _CSIZE.items() if cflag & termios.CSIZE == _host(name)), 0)
    baud = _baud_of_host(ospeed)
    characters = bytearray(CONTROL_CHARACTERS)
    for position, name in enumerate(_CC):
        if hasattr(termios, name):
            value = cc[_host(name)]
            characters[position] = value if isinstance(value, int) else value[0]
    return Attributes(
        _to_linux(iflag, _IFLAG),
        _to_linux(oflag, _OFLAG),
        _to_linux(cflag, _CFLAG) | size | _speed_code(baud),
        _to_linux(lflag, _LFLAG),
        bytes(characters),
        baud,
    )


def set_attributes(fd: int, when: int, wanted: Attributes) -> None:
    """tcsetattr(3); `when` is 0 now, 1 after output, 2 after output and flushing input."""
    try:
        now = termios.tcgetattr(fd)
        cflag = _to_host(wanted.cflag, _CFLAG, now[2]) & ~termios.CSIZE
        names = {bits: name for name, bits in _CSIZE.items()}
        now[0] = _to_host(wanted.iflag, _IFLAG, now[0])
        now[1] = _to_host(wanted.oflag, _OFLAG, now[1])
        now[2] = cflag | _host(names[wanted.cflag & 0o60])
        now[3] = _to_host(wanted.lflag, _LFLAG, now[3])
        raw = not now[3] & termios.ICANON
        for position, name in enumerate(_CC):
            if hasattr(termios, name):
                value = wanted.cc[position]
                counted = raw and name in ("VMIN", "VTIME")
                now[6][_host(name)] = value if counted else bytes([value])
        termios.tcsetattr(fd, (termios.TCSANOW, termios.TCSADRAIN, termios.TCSAFLUSH)[when], now)
    except termios.error as error:
        raise OSError(*error.args) from None


def window_size(fd: int) -> bytes:
    """A struct winsize, 8 bytes, the same on Linux and macOS."""
    return bytes(fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8)))


def set_window_size(fd: int, size: bytes) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, size)


def control_terminal(fd: int, *, force: bool) -> None:
    """Make the terminal the controlling one of the calling session leader."""
    fcntl.ioctl(fd, termios.TIOCSCTTY, int(force))


def drop_control_terminal(fd: int) -> None:
    fcntl.ioctl(fd, termios.TIOCNOTTY)


def pending(fd: int, *, output: bool) -> int:
    """Bytes waiting in the terminal's input or output queue."""
    request = termios.TIOCOUTQ if output else termios.FIONREAD
    return int.from_bytes(fcntl.ioctl(fd, request, bytes(4)), sys.byteorder)


def insert_input(fd: int, byte: bytes) -> None:
    """TIOCSTI: as if the byte had been typed."""
    fcntl.ioctl(fd, termios.TIOCSTI, byte)


def open_pseudo_terminal() -> tuple[int, int]:
    """A new pair: the master's descriptor and the pair's number."""
    master, slave = os.openpty()
    name = os.ttyname(slave)
    os.close(slave)
    os.set_inheritable(master, False)
    return master, number_of(name)


def number_of(name: str) -> int:
    """The number in a host terminal's name: /dev/pts/3, /dev/ttys003; -1 for another name."""
    digits = name.removeprefix("/dev/ttys" if sys.platform == "darwin" else "/dev/pts/")
    return int(digits) if digits.isdigit() else -1


def exists(number: int) -> bool:
    """Whether a pair with that number is in use."""
    return os.path.exists(_name(number))


def _name(number: int) -> str:
    return f"/dev/ttys{number:03d}" if sys.platform == "darwin" else f"/dev/pts/{number}"


def open_terminal(number: int, flags: int) -> int:
    """Open the slave with that number; `flags` are host O_* values."""
    return os.open(_name(number), flags | os.O_NOCTTY | os.O_CLOEXEC)


def open_controlling_terminal(flags: int) -> int:
    """Open the session's terminal (/dev/tty); ENXIO without one."""
    return os.open("/dev/tty", flags | os.O_CLOEXEC)


def flush(fd: int, queue: int) -> None:
    """tcflush(3); 0 input, 1 output, 2 both."""
    termios.tcflush(fd, (termios.TCIFLUSH, termios.TCOFLUSH, termios.TCIOFLUSH)[queue])


def flow(fd: int, action: int) -> None:
    """tcflow(3); 0 and 1 suspend and resume output, 2 and 3 send STOP and START."""
    actions = (termios.TCOOFF, termios.TCOON, termios.TCIOFF, termios.TCION)
    termios.tcflow(fd, actions[action])
