"""gdb on single programs: static, dynamic, and what changes in them."""

import re
from pathlib import Path

import pytest

from tests.gdb.oracle import STEPS, Code, oracle_steps
from tests.gdb.support import Serve, gdb, program
from tests.support import LIBRARIES

pytestmark = pytest.mark.guest

RIGHT = "watched=10 deep=45 text=unchanged\n"


@pytest.mark.parametrize("engine_says", ["PC"])
def test_nothing(engine_says: str) -> None: ...
