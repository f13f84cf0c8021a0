"""Values for registers and memory: the ends of all ranges, and floats that are hard to get right."""

from random import Random

_WORD = (1 << 64) - 1
_COUNT = 8192
"""64-bit words of one pool."""


def _halves(random: Random, width: int) -> int:
    """An integer of a width: near 0, a power of two, the end of a range, or anything."""
    kind = random.randrange(6)
    top = (1 << width) - 1
    if kind == 0:
        return random.choice((0, 1, 2, top, top - 1, top >> 1, (top >> 1) + 1))
    if kind == 1:
        return (1 << random.randrange(width)) + random.randrange(-1, 2) & top
    if kind == 2:
        return random.randrange(-40, 40) & top
    if kind == 3:
        return random.getrandbits(random.randrange(1, width + 1))
    return random.getrandbits(width)


_FORMATS = {16: 10, 32: 23, 64: 52}
"""Fraction bits of a format by its width."""


def _float(random: Random, width: int) -> int:
    fraction_bits = _FORMATS[width]
    exponent_bits = width - 1 - fraction_bits
    ones, bias = (1 << exponent_bits) - 1, (1 << exponent_bits - 1) - 1
    kind = random.randrange(12)
    if kind == 0:
        exponent = 0
    elif kind == 1:
        exponent = ones
    elif kind == 2:
        exponent = random.choice((1, 2, ones - 1, ones - 2))
    elif kind < 6:
        exponent = bias + random.randrange(-3, 4)
    elif kind < 9:
        # Around the ends of integers, where conversions saturate and fractions end.
        near = random.choice((8, 16, 31, 32, 63, 64, fraction_bits))
        exponent = min(ones, max(0, bias + near + random.randrange(-3, 3)))
    elif kind == 9:
        # What rounds to the narrower formats' least and greatest numbers.
        near = random.choice((-14, -24, 15, 16, -126, -149, 127, 128))
        exponent = min(ones, max(0, bias + near + random.randrange(-2, 3)))
    else:
        exponent = random.getrandbits(exponent_bits)
    fraction = _fraction(random, fraction_bits)
    return random.getrandbits(1) << width - 1 | exponent << fraction_bits | fraction


def _fraction(random: Random, width: int) -> int:
    kind = random.randrange(5)
    if kind == 0:
        return 0
    if kind == 1:
        return (1 << width) - 1 - random.randrange(2)
    if kind == 2:
        return 1 << random.randrange(width)
    if kind == 3:
        # Few bits at the top: exact results and ties.
        kept = random.randrange(1, min(width, 12))
        return random.getrandbits(kept) << width - kept
    return random.getrandbits(width)


def _lanes(random: Random, kind: int) -> int:
    """A word of one kind: integers of 8 to 64 bits, floats of 16 to 64."""
    make, width = (
        (_halves, 8),
        (_halves, 16),
        (_halves, 32),
        (_halves, 64),
        (_float, 16),
        (_float, 32),
        (_float, 64),
        (_float, 64),
        (_float, 32),
    )[kind]
    return sum(make(random, width) << shift for shift in range(0, 64, width))


def values(random: Random) -> list[int]:
    """A pool in which neighbours are mostly of one kind: register sets are cut from it anywhere."""
    made: list[int] = []
    while len(made) < _COUNT:
        length, kind = random.randrange(16, 80), random.randrange(10)
        made += [_lanes(random, kind if kind < 9 else random.randrange(9)) for _ in range(length)]
    return made[:_COUNT]


_FZ16, _RMODE, _FZ, _DN, _AHP = 19, 22, 24, 25, 26


def float_modes(random: Random) -> list[int]:
    """Values of FPCR: the default for half of them."""
    modes = [0] * 16
    for _ in range(16):
        mode = random.getrandbits(2) << _RMODE
        for bit in (_FZ16, _FZ, _DN, _AHP):
            mode |= (random.random() < 0.3) << bit
        modes.append(mode)
    return modes
