"""Mappings that the engine makes by itself cost the host no more than others."""

import resource
from pathlib import Path

import pytest

from tests.support import Runner, compile_guest, need_engine

pytestmark = pytest.mark.guest

SOURCE = Path(__file__).with_name("many_mappings.c")


def test_files_that_nothing_maps_do_not_stay_open(tmp_path: Path) -> None:
    need_engine("jit")
    file = tmp_path / "file"
    file.write_text("x" * 5000)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        ran = Runner("jit", tmp_path)(compile_guest(SOURCE), str(file))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_program_linked_above_its_place_starts(own_engine: str, tmp_path: Path) -> None:
    """Its base is below 0, which addresses wrap around."""
    need_engine(own_engine)
    source = tmp_path / "high.s"
    source.write_text(".global _start\n_start: mov x0, #7\nmov x8, #94\nsvc #0\n")
    flags = ("-nostdlib", "-shared", "-Wl,-e,_start", "-Wl,-Ttext-segment=0x6000000000")
    ran = Runner(own_engine, tmp_path)(compile_guest(source, static=False, flags=flags))
    assert (ran.returncode, ran.stderr) == (7, "")
