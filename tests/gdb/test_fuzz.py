"""Odd packets never reach the guest: a short run of `python -m tests.gdb.fuzz`."""

import os

import pytest

from tests.gdb.fuzz import attack, finish
from tests.gdb.support import Serve, program

pytestmark = [pytest.mark.guest, pytest.mark.slow]

PACKETS = int(os.environ.get("ELFUSE_TEST_FUZZ_PACKETS", "4000"))


def test_a_guest_does_not_notice_random_packets(serve: Serve) -> None:
    guest = serve(program("steady"), entry=False)
    assert guest.line() == "ready\n"
    counts = attack(guest, PACKETS, seed=0)
    assert counts["packets"] == PACKETS
    # They were no waste: the server has understood much of it.
    assert counts["answers"] > PACKETS // 2
    assert counts["stops"] > PACKETS // 100
    output, status, errors = finish(guest)
    assert (output, status) == ("wrong=0\n", 0)
    assert "Traceback" not in errors


def test_elfuse_does_not_fail_whatever_becomes_of_its_guest(serve: Serve) -> None:
    for seed in range(5):
        guest = serve(program("steady"), entry=False)
        attack(guest, PACKETS // 10, seed, harmful=True)
        errors = guest.abandon()
        assert "Traceback" not in errors, errors
