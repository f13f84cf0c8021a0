"""Layers and objects in the store: whole or not there, each content once."""

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from elfuse.errors import ImageError
from elfuse.images.sink import LayerSink, SinkFactory
from elfuse.overlay.layers import Layers
from tests.overlay.build import BASE, MTIME, Step, add_layer, diff_id, feed, meta, tree


def objects(root: Path) -> list[Path]:
    return [path for path in (root / "objects").rglob("*") if path.is_file()]


def abandoned(root: Path) -> list[Path]:
    return list((root / "tmp").iterdir())


def test_it_is_the_sink_images_unpack_into(tmp_path: Path) -> None:
    factory: SinkFactory = Layers(tmp_path)
    sink: LayerSink = factory.open(diff_id("x"))
    sink.abort()


def test_entries_come_back_as_they_were_given(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    steps: list[Step] = [
        ("directory", b"", meta(0o700)),
        ("file", b'\xff\n"', b"x", meta(0o4711, uid=70000, xattrs={b"user.\xff": b"\0\xff"})),
        ("symlink", b"l", b"\x80"),
        ("hardlink", b"h", b'\xff\n"'),
        ("special", b"n", stat.S_IFBLK, 8, 300),
        ("whiteout", b"w"),
        ("opaque", b""),
    ]
    found = list(layers.entries(add_layer(layers, steps)))
    assert [(entry.kind, entry.path) for entry in found] == [
        ("i", b""),
        ("i", b'\xff\n"'),
        ("i", b"l"),
        ("h", b"h"),
        ("i", b"n"),
        ("w", b"w"),
        ("o", b""),
    ]
    file = found[1]
    assert (file.mode, file.uid, file.mtime_ns) == (stat.S_IFREG | 0o4711, 70000, MTIME)
    assert (file.size, file.xattrs) == (1, {b"user.\xff": b"\0\xff"})
    assert found[2].target == b"\x80"
    assert (found[4].mode & 0o170000, found[4].major, found[4].minor) == (stat.S_IFBLK, 8, 300)


def test_each_content_is_stored_once_and_read_only(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    large = b"large" * 500_000
    for name in (b"1", b"2"):
        add_layer(
            layers,
            [("file", b"a" + name, b"same"), ("file", b"b" + name, b"same"), ("file", name, large)],
        )
    found = objects(tmp_path)
    assert sorted(path.stat().st_size for path in found) == [4, len(large)]
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o444}
    assert layers.verify() == []
    assert abandoned(tmp_path) == []


def test_nothing_is_there_before_commit_or_after_abort(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    identity = diff_id("x")
    sink = layers.open(identity)
    feed(sink, BASE)
    assert not layers.has(identity)
    assert objects(tmp_path) == []
    sink.abort()
    sink.abort()
    assert not layers.has(identity)
    assert objects(tmp_path) == abandoned(tmp_path) == []


def test_commit_twice_is_commit_once(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    sink = layers.open(diff_id("x"))
    sink.commit()
    sink.commit()
    assert layers.has(diff_id("x"))


def test_content_that_ends_in_an_error_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 2_000_000
        raise ImageError("the registry went away")

    layers = Layers(tmp_path)
    sink = layers.open(diff_id("x"))
    with pytest.raises(ImageError):
        sink.file(b"f", meta(), 3_000_000, broken())
    sink.abort()
    assert objects(tmp_path) == abandoned(tmp_path) == []


@pytest.mark.parametrize("when", ["in a file", "before commit", "in commit"])
def test_a_killed_writer_leaves_nothing_that_lasts(tmp_path: Path, when: str) -> None:
    layers, identity = Layers(tmp_path), diff_id("x")

    def chunks() -> Iterator[bytes]:
        yield b"x" * 2_000_000
        if when == "in a file":
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:
        sink = layers.open(identity)
        sink.file(b"f", meta(), 2_000_000, chunks())
        if when == "in commit":
            # Objects have their names, the list has not.
            sink._objects.publish()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert not layers.has(identity)
    assert layers.verify() == []
    add_layer(layers, BASE)
    assert abandoned(tmp_path) == []
    assert layers.gc([[diff_id(BASE)]]) == (2_000_000 if when == "in commit" else 0)


def test_two_writers_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    one, two = layers.open(diff_id("1")), layers.open(diff_id("2"))
    feed(one, [("file", b"f", b"same")])
    feed(two, [("file", b"f", b"same"), ("file", b"g", b"other")])
    one.commit()
    two.commit()
    assert layers.verify() == []
    assert len(objects(tmp_path)) == 2


def test_gc_keeps_what_images_and_kept_trees_use(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    one = add_layer(layers, [("file", b"f", b"one")])
    two = add_layer(layers, [("file", b"g", b"two")])
    both = layers.merged([one, two])
    layers.merged([two])
    before = len(objects(tmp_path))
    predicted = layers.gc([[one]], keep_trees=[both.name], dry_run=True)
    assert len(objects(tmp_path)) == before
    assert layers.gc([[one]], keep_trees=[both.name]) == predicted > 0
    assert [layers.has(one), layers.has(two)] == [True, False]
    assert both.exists()
    assert len(objects(tmp_path)) == 2
    assert layers.gc([]) > 0
    assert objects(tmp_path) == []


def test_gc_gives_way_to_writers(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    sink = layers.open(diff_id("x"))
    with pytest.raises(BlockingIOError):
        layers.gc([])
    sink.abort()
    assert layers.gc([]) == 0


def test_damaged_and_missing_objects_are_found(tmp_path: Path) -> None:
    layers = Layers(tmp_path)
    add_layer(layers, [("file", b"f", b"one"), ("file", b"g", b"two")])
    one, two = sorted(objects(tmp_path))
    one.chmod(0o644)
    one.write_bytes(b"bad")
    two.unlink()
    assert len(layers.verify()) == 2


@pytest.mark.parametrize(
    "content",
    [
        "",
        "x",
        '["elfuse layer", 1]\n{',
        '["elfuse layer", 1]\n["i", "x", 1]\n',
        '["elfuse layer", 1]\n["?", "x"]\n',
    ],
)
def test_a_damaged_list_is_an_image_error(tmp_path: Path, content: str) -> None:
    layers = Layers(tmp_path)
    identity = add_layer(layers, BASE)
    (tmp_path / "layers" / "sha256" / identity.partition(":")[2]).write_text(content)
    with pytest.raises(ImageError, match="damaged"):
        layers.merged([identity])
    assert layers.verify() != []


def test_a_layer_that_was_not_unpacked_is_an_image_error(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="not unpacked"):
        Layers(tmp_path).merged([diff_id("x")])


@pytest.mark.parametrize("identity", ["", "sha256:../../etc", "md5:00", "sha256:" + "A" * 64])
def test_layers_have_digests_for_names(tmp_path: Path, identity: str) -> None:
    with pytest.raises(ImageError):
        Layers(tmp_path).has(identity)


def test_a_tree_is_built_once(tmp_path: Path) -> None:
    first = tree(tmp_path, BASE)
    before = first.stat().st_ino
    assert tree(tmp_path, BASE).stat().st_ino == before
