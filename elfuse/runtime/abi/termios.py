"""Terminal requests and struct termios (asm-generic/ioctls.h, termbits.h)."""

from elfuse.runtime.abi.layout import Bytes, Struct, u8, u32
from elfuse.typing import Annotated

TCGETS, TCSETS, TCSETSW, TCSETSF = 0x5401, 0x5402, 0x5403, 0x5404
TCSBRK, TCXONC, TCFLSH, TIOCEXCL, TIOCNXCL, TIOCSCTTY = (
    0x5409,
    0x540A,
    0x540B,
    0x540C,
    0x540D,
    0x540E,
)
TIOCGPGRP, TIOCSPGRP, TIOCOUTQ, TIOCSTI, TIOCGWINSZ, TIOCSWINSZ = (
    0x540F,
    0x5410,
    0x5411,
    0x5412,
    0x5413,
    0x5414,
)
FIONREAD, TIOCNOTTY, TCSBRKP, TIOCGSID = 0x541B, 0x5422, 0x5425, 0x5429
TIOCGETD = 0x5424
TIOCGPTN, TIOCSPTLCK, TIOCGPTLCK, TIOCGPTPEER = 0x80045430, 0x40045431, 0x80045439, 0x5441
TCGETS2, TCSETS2, TCSETSW2, TCSETSF2 = 0x802C542A, 0x402C542B, 0x402C542C, 0x402C542D

VTIME, VMIN = 5, 6
ICANON = 0o2


class Termios(Struct, size=36):
    """struct termios of the kernel (not of libc)."""

    c_iflag: u32
    c_oflag: u32
    c_cflag: u32
    c_lflag: u32
    c_line: u8 = 0
    c_cc: Annotated[bytes, Bytes(19)]


class Termios2(Struct, size=44):
    """struct termios2."""

    c_iflag: u32
    c_oflag: u32
    c_cflag: u32
    c_lflag: u32
    c_line: u8 = 0
    c_cc: Annotated[bytes, Bytes(19)]
    c_ispeed: u32
    c_ospeed: u32
