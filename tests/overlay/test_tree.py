"""The index file: cheap to open, few steps to look up, harmless when damaged."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elfuse.overlay.merge import Merger
from elfuse.overlay.records import ROOT
from elfuse.overlay.tree import HEADER, DamagedTree, Tree
from tests.overlay.build import BASE, Step, tree


class Counted(bytes):
    """A name that counts how often it is compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return bytes.__eq__(self, other)

    __hash__ = bytes.__hash__


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    steps: list[Step] = [("file", b"d%d/file%05d" % (n % 2, n)) for n in range(50_000)]
    return tree(tmp_path_factory.mktemp("large"), steps)


def test_a_lookup_among_50000_files_bisects(large: Path) -> None:
    found = Tree(large)
    directory = found.lookup(ROOT, b"d1")
    for name, exists in ((b"file24999", True), (b"file00001", True), (b"zzz", False)):
        Counted.compared = 0
        assert bool(found.lookup(directory, Counted(name))) == exists
        assert 0 < Counted.compared <= 16
    assert len(found.entries(directory)) == 25_000
    found.close()


def test_opening_reads_no_more_of_a_large_tree_than_of_a_small_one(
    large: Path, tmp_path: Path
) -> None:
    # What a tree holds after opening does not grow with the file.
    sizes = []
    for path in (large, tree(tmp_path / "small", BASE)):
        found = Tree(path)
        held = (value for name, value in vars(found).items() if name != "_buffer")
        sizes.append(sum(len(value) for value in held if isinstance(value, bytes | dict | list)))
        found.close()
    assert sizes[0] == sizes[1]


def test_numbers_above_the_tree_have_nothing_below(large: Path) -> None:
    found = Tree(large)
    assert found.entries(found.count + 1) == []
    assert found.lookup(found.count + 7, b"x") == 0
    found.close()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"elftree\0" + bytes(500),
        HEADER.pack(b"elftree\0", 99, 0, bytes(32), 1, 0, 0, 0, 0) + bytes(64),
        HEADER.pack(b"elftree\0", 1, 0, bytes(32), 1, 0, 0, 0, 0) + bytes(64),
        HEADER.pack(b"elftree\0", 1, 0, bytes(32), 2**32 - 1, 9, 9, 0, 2**63) + bytes(64),
    ],
)
def test_files_that_are_no_index_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tree"
    path.write_bytes(content)
    with pytest.raises(DamagedTree):
        Tree(path)


def test_truncated_and_extended_files_are_refused(tmp_path: Path) -> None:
    path = tree(tmp_path, BASE)
    content = path.read_bytes()
    for damaged in (content[:-1], content + b"\0"):
        path.chmod(0o644)
        path.write_bytes(damaged)
        with pytest.raises(DamagedTree):
            Tree(path)


def valid_index() -> bytes:
    merger = Merger()

    class Entry:
        kind, mode, uid, gid, mtime_ns, target = "i", 0o100644, 0, 0, 0, b""
        digest, size, major, minor = "ab" * 32, 3, 0, 0
        xattrs = {b"user.a": b"value"}

        def __init__(self, path: bytes, **about: object) -> None:
            self.path = path
            vars(self).update(about)

    entries = [
        Entry(b"d", mode=0o40755),
        Entry(b"d/f"),
        Entry(b"d/l", mode=0o120777, target=b"f"),
        Entry(b"g"),
    ]
    merger.apply("layer", entries)
    return merger.index(bytes(32))


INDEX = valid_index()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, len(INDEX) - 1), st.integers(0, 255)), min_size=1, max_size=6)
)
def test_a_damaged_index_raises_only_what_callers_expect(
    tmp_path: Path, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(INDEX)
    for at, value in changes:
        content[at] = value
    path = tmp_path / "tree"
    path.write_bytes(content)
    try:
        found = Tree(path)
    except DamagedTree:
        return
    try:
        for ino in range(found.count + 2):
            for use in (found.row, found.entries, found.attributes, found.digest, found.type_bits):
                try:
                    use(ino)
                except OSError:
                    continue
            for name in (b"d", b"f", b""):
                try:
                    found.lookup(ino, name)
                except OSError:
                    continue
        found.digests()
    finally:
        found.close()
