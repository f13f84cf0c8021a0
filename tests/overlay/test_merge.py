"""Layers merged to a tree: against a naive model, and rule by rule."""

import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elfuse.errors import ImageError
from elfuse.overlay.records import ROOT
from elfuse.overlay.tree import Tree
from tests.overlay.build import BASE, Step, meta, tree

DIRECTORY, FILE, LINK = stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK
Shown = dict[bytes, tuple[Any, ...]]


def show(index: Path) -> Shown:
    """path -> (type, mode, content or target, first path of the same inode, nlink)."""
    opened = Tree(index)
    found: Shown = {}
    first: dict[int, bytes] = {}

    def visit(ino: int, path: bytes) -> None:
        row = opened.row(ino)
        kind = stat.S_IFMT(row.mode)
        what: Any = row.target if kind == LINK else b""
        if kind == FILE:
            what = opened.digest(ino)
        same = first.setdefault(ino, path)
        found[path] = (kind, stat.S_IMODE(row.mode), what, same, row.nlink)
        entries = opened.entries(ino) if kind == DIRECTORY else []
        assert [entry.name for entry in entries] == sorted(entry.name for entry in entries)
        for entry in entries:
            assert opened.lookup(ino, entry.name) == entry.ino
            assert opened.type_bits(entry.ino) == entry.type
            below = path + b"/" + entry.name if path else entry.name
            if entry.type == DIRECTORY:
                assert opened.row(entry.ino).parent == ino
                assert opened.row(entry.ino).name == entry.name
            visit(entry.ino, below)

    visit(ROOT, b"")
    opened.close()
    return found


class Model:
    """Paths in one dict; inodes are lists, so that hard links are one object."""

    def __init__(self) -> None:
        self.paths: dict[bytes, list[Any]] = {b"": [DIRECTORY, 0o755, b""]}

    def apply(self, steps: list[Step]) -> None:
        for kind, path, *_rest in steps:
            if kind == "whiteout":
                self.cut(path)
            elif kind == "opaque":
                for below in [p for p in self.paths if p.startswith(path + b"/")]:
                    self.paths.pop(below, None)
        for step in steps:
            self.place(*step)

    def cut(self, path: bytes) -> None:
        for below in [p for p in self.paths if p == path or p.startswith(path + b"/")]:
            del self.paths[below]

    def place(self, kind: str, path: bytes, *rest: Any) -> None:
        if kind in ("whiteout", "opaque"):
            return
        parts = path.split(b"/")
        for depth in range(1, len(parts)):
            above = b"/".join(parts[:depth])
            if self.paths.get(above, [None])[0] != DIRECTORY:
                self.cut(above)
                self.paths[above] = [DIRECTORY, 0o755, b""]
        if kind == "directory":
            if self.paths.get(path, [None])[0] != DIRECTORY:
                self.cut(path)
            self.paths[path] = [DIRECTORY, rest[0].mode, b""]
        elif kind == "file":
            self.cut(path)
            self.paths[path] = [FILE, 0o644, rest[0]]
        else:
            node = self.paths[rest[0]]
            self.cut(path)
            self.paths[path] = node

    def show(self) -> Shown:
        import hashlib

        found: Shown = {}
        first: dict[int, bytes] = {}
        for path, node in sorted(self.paths.items(), key=_tree_order):
            kind, mode, what = node
            if kind == DIRECTORY:
                prefix = path + b"/" if path else b""
                nlink = 2 + sum(
                    1
                    for other, (other_kind, *_rest) in self.paths.items()
                    if other_kind == DIRECTORY
                    and other
                    and other.startswith(prefix)
                    and b"/" not in other[len(prefix) :]
                )
            else:
                nlink = sum(1 for other in self.paths.values() if other is node)
                what = hashlib.sha256(what).hexdigest()
            found[path] = (kind, mode, what, first.setdefault(id(node), path), nlink)
        return found


def _tree_order(item: tuple[bytes, Any]) -> list[bytes]:
    return item[0].split(b"/")


NAMES = st.sampled_from([b"a", b"b", b"A", b"\xff"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)


@st.composite
def layer_lists(draw: st.DrawFn) -> list[list[Step]]:
    """Layers whose hard links lead to files that exist when they are applied."""
    model, layers = Model(), []
    for _ in range(draw(st.integers(1, 4))):
        steps: list[Step] = []
        for _ in range(draw(st.integers(0, 8))):
            kind = draw(
                st.sampled_from(["directory", "file", "file", "hardlink", "whiteout", "opaque"])
            )
            path = draw(PATHS)
            trial = Model()
            trial.paths = dict(model.paths)
            trial.apply(steps)
            files = sorted(p for p, node in trial.paths.items() if node[0] == FILE and p != path)
            match kind:
                case "directory":
                    steps.append((kind, path, meta(draw(st.sampled_from([0o700, 0o1777])))))
                case "file":
                    steps.append((kind, path, draw(st.sampled_from([b"", b"1", b"2"]))))
                case "hardlink":
                    # A target below or above the link's path would vanish while it is placed.
                    usable = [f for f in files if not _nested(f, path)]
                    if usable:
                        steps.append((kind, path, draw(st.sampled_from(usable))))
                case _:
                    # An earlier hard link of this layer may lead to what this would remove.
                    if not any(step[0] == "hardlink" for step in steps):
                        steps.append((kind, path))
        model.apply(steps)
        layers.append(steps)
    return layers


def _nested(one: bytes, other: bytes) -> bool:
    return (one + b"/").startswith(other + b"/") or (other + b"/").startswith(one + b"/")


@given(layer_lists())
def test_the_merged_tree_is_what_a_naive_merge_gives(layers: list[list[Step]]) -> None:
    model = Model()
    for steps in layers:
        model.apply(steps)
    with tempfile.TemporaryDirectory() as directory:
        assert show(tree(Path(directory), *layers)) == model.show()


def test_whiteouts_hide_lower_layers_and_not_their_own(tmp_path: Path) -> None:
    found = show(
        tree(tmp_path, BASE, [("file", b"etc/hostname", b"new"), ("whiteout", b"etc/hostname")])
    )
    assert b"etc/hostname" in found
    found = show(tree(tmp_path, BASE, [("whiteout", b"usr")]))
    assert not [path for path in found if path.startswith(b"usr")]


def test_an_opaque_directory_hides_what_was_in_it(tmp_path: Path) -> None:
    found = show(tree(tmp_path, BASE, [("file", b"etc/new"), ("opaque", b"etc")]))
    assert [path for path in found if path.startswith(b"etc")] == [b"etc", b"etc/new"]
    assert list(show(tree(tmp_path, BASE, [("opaque", b"")]))) == [b""]


def test_the_root_has_metadata(tmp_path: Path) -> None:
    found = show(tree(tmp_path, BASE, [("directory", b"", meta(0o1750))]))
    assert found[b""][:2] == (DIRECTORY, 0o1750)
    assert b"etc/hostname" in found


def test_a_hard_link_reaches_into_a_lower_layer(tmp_path: Path) -> None:
    found = show(tree(tmp_path, BASE, [("hardlink", b"etc/alias", b"etc/hostname")]))
    assert found[b"etc/hostname"] == found[b"etc/alias"]
    assert found[b"etc/alias"][4] == 2


def test_replacing_one_name_leaves_the_other_names_alone(tmp_path: Path) -> None:
    found = show(tree(tmp_path, BASE, [("file", b"usr/bin/su", b"new")]))
    assert found[b"usr/bin/sg"][4] == found[b"usr/bin/su"][4] == 1


@pytest.mark.parametrize("target", [b"nothing", b"etc", b"nothing/at/all"])
def test_a_hard_link_to_nothing_is_refused(tmp_path: Path, target: bytes) -> None:
    with pytest.raises(ImageError, match="hard link"):
        tree(tmp_path, BASE, [("hardlink", b"link", target)])


def test_parents_that_are_links_are_followed_inside_the_root(tmp_path: Path) -> None:
    lower: list[Step] = [
        ("directory", b"usr/lib"),
        ("symlink", b"lib", b"usr/lib"),
        ("symlink", b"abs", b"/usr/lib"),
        ("symlink", b"up", b"../../../usr"),
        ("symlink", b"usr/self", b"."),
    ]
    found = show(
        tree(
            tmp_path,
            lower,
            [
                ("file", b"lib/one"),
                ("file", b"abs/two"),
                ("file", b"up/lib/three"),
                ("file", b"usr/self/lib/four"),
                ("hardlink", b"lib/five", b"abs/two"),
            ],
            [("whiteout", b"lib/one")],
        )
    )
    assert [path for path in found if path.startswith(b"usr/lib/")] == [
        b"usr/lib/five",
        b"usr/lib/four",
        b"usr/lib/three",
        b"usr/lib/two",
    ]
    assert found[b"lib"][0] == LINK


def test_links_that_lead_to_themselves_give_way(tmp_path: Path) -> None:
    found = show(tree(tmp_path, [("symlink", b"loop", b"loop")], [("file", b"loop/f")]))
    assert found[b"loop"][0] == DIRECTORY


def test_a_directory_takes_the_place_of_a_link(tmp_path: Path) -> None:
    found = show(tree(tmp_path, BASE, [("directory", b"bin")]))
    assert found[b"bin"][0] == DIRECTORY


def test_the_same_layers_give_the_same_file(tmp_path: Path) -> None:
    one, two = tree(tmp_path / "1", BASE), tree(tmp_path / "2", BASE)
    assert one.name == two.name
    assert one.read_bytes() == two.read_bytes()
