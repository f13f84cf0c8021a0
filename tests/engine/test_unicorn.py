"""The shared engine suite on Unicorn."""

import pytest

from elfuse.engine import open_engine
from elfuse.engine.protocol import Engine
from elfuse.errors import EngineUnavailable
from tests.suites.debugging import DebuggingSuite
from tests.suites.engine import EngineSuite


class TestUnicorn(EngineSuite, DebuggingSuite):
    @pytest.fixture
    def opened(self) -> Engine:
        return open_engine("unicorn")


def test_an_unknown_engine_is_refused_with_a_choice() -> None:
    with pytest.raises(EngineUnavailable, match="no such engine") as caught:
        open_engine("abacus")
    assert "unicorn" in caught.value.hint
