"""The shared engine suite on the Rust engine."""

import pytest

from elfuse.engine import open_engine
from elfuse.engine.protocol import Engine
from tests.suites.engine import EngineSuite
from tests.support import need_engine


class TestJit(EngineSuite):
    @pytest.fixture
    def opened(self) -> Engine:
        need_engine("jit")
        return open_engine("jit")
