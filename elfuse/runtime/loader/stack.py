"""The initial stack: argc, argv, envp, auxiliary vector and the strings (ELF for the Arm 64-bit ABI)."""

import os

from elfuse.runtime.abi import auxv
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.typing import Sequence

_MAX_STRINGS = 2 << 20
"""A quarter of the usual stack limit (execve(2), ARG_MAX)."""
_PLATFORM = b"aarch64\0"


def check_size(argv: Sequence[bytes], envp: Sequence[bytes]) -> None:
    """E2BIG if arguments and environment do not fit."""
    total = sum(map(len, argv)) + sum(map(len, envp)) + 9 * (len(argv) + len(envp))
    if total > _MAX_STRINGS:
        raise SyscallError(Errno.E2BIG)


def build(
    top: int,
    argv: Sequence[bytes],
    envp: Sequence[bytes],
    name: bytes,
    vector: dict[int, int],
) -> tuple[int, bytes, bytes]:
    """(stack pointer, what lies from there to `top`, the auxiliary vector's bytes).

    `vector` lacks AT_PLATFORM, AT_RANDOM and AT_EXECFN, which point into the stack.
    """
    texts = [text + b"\0" for text in (*argv, *envp)]
    strings = b"".join(texts) + name + b"\0" + bytes(8)
    at = top - len(strings)
    starts = []
    for text in texts:
        starts.append(at)
        at += len(text)
    execfn = at
    random = top - len(strings) - 16
    platform = random - len(_PLATFORM)
    pairs = dict(vector)
    pairs[auxv.AT_PLATFORM], pairs[auxv.AT_RANDOM], pairs[auxv.AT_EXECFN] = platform, random, execfn
    pairs[auxv.AT_NULL] = 0
    words = [len(argv), *starts[: len(argv)], 0, *starts[len(argv) :], 0]
    table = _packed([value for pair in pairs.items() for value in pair])
    block = _packed(words) + table
    pointer = (platform - len(block)) & -16
    padding = platform - pointer - len(block)
    data = block + bytes(padding) + _PLATFORM + os.urandom(16) + strings
    return pointer, data, table


def _packed(words: Sequence[int]) -> bytes:
    return b"".join([word.to_bytes(8, "little") for word in words])
