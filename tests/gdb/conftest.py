"""Guests under a debugger, on each engine in turn."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gdb.support import Serve, Server
from tests.support import need_engine


@pytest.fixture
def serve(own_engine: str, tmp_path: Path) -> Iterator[Serve]:
    """serve(program, *args) -> a guest that waits for a debugger at its address."""
    need_engine(own_engine)
    server = Server(own_engine, tmp_path)
    yield server
    server.close()
