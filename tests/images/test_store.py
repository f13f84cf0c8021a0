"""The store is an OCI layout; what is in it is whole."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from elfuse.errors import ImageError
from elfuse.images.errors import DigestMismatch, ImageNotStored, StoreBusy
from elfuse.images.manifest import Descriptor, digest_of
from elfuse.images.pull import pull
from elfuse.images.store import Store
from tests.images.builders import ARM64, BuiltImage, random_image
from tests.images.sinks import Layers


def described(raw: bytes) -> Descriptor:
    return Descriptor("application/octet-stream", digest_of(raw), len(raw))


def pull_layout(built: BuiltImage, store: Store, directory: Path) -> str:
    """The image in the store; the name it has there."""
    return pull(f"oci:{built.write_layout(directory)}", store, sinks=Layers()).reference


def test_blob_appears_whole_and_only_if_it_is_what_its_digest_says(store: Store) -> None:
    good = described(b"good")
    with store.adding():
        assert store.put([b"go", b"od"], good).read_bytes() == b"good"
        assert store.put([b"good"], good) == store.path(good.digest)
        for chunks in ([b"ba", b"ad"], [b"goo"], [b"good", b"!"], []):
            with pytest.raises(DigestMismatch, match=good.digest):
                store.put(chunks, good)
        empty = described(b"")
        store.put([], empty)
    assert list(store.blobs()) == sorted([(good.digest, 4), (empty.digest, 0)])
    assert not list(store.temporary.iterdir())
    assert store.verify() == ()


def test_damaged_blob_is_noticed_when_read(store: Store) -> None:
    good = described(b"good")
    with store.adding():
        store.put([b"good"], good).write_bytes(b"evil")
    with pytest.raises(DigestMismatch, match="the store holds other bytes"):
        store.read(good)
    assert store.verify() == (f"{good.digest}: the store holds other bytes",)


@pytest.mark.parametrize("docker", [False, True])
def test_skopeo_and_umoci_read_the_store(store: Store, tmp_path: Path, docker: bool) -> None:
    for program in ("skopeo", "umoci"):
        if not shutil.which(program):
            pytest.skip(f"not installed: {program}")
    built = random_image(3, docker=docker)
    name = pull_layout(built, store, tmp_path / "layout")
    command = ["skopeo", "inspect", f"oci:{store.root}:{name}"]
    shown = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert shown["Layers"] == [layer.digest for layer in built.layers]
    assert shown["Architecture"] == "arm64"
    listed = subprocess.run(
        ["umoci", "ls", "--layout", store.root], check=True, capture_output=True, text=True
    )
    assert listed.stdout.split() == [name]


def test_names_are_listed_replaced_and_removed(store: Store, tmp_path: Path) -> None:
    assert store.entries() == ()
    assert not store.root.exists()
    one = pull_layout(random_image(1, seed=1), store, tmp_path / "one")
    two = pull_layout(random_image(1, seed=2), store, tmp_path / "two")
    assert [entry.name for entry in store.entries()] == [one, two]
    assert store.entries()[0].manifest.platform == ARM64
    (tmp_path / "one" / "index.json").unlink()
    newer = random_image(1, seed=3)
    assert pull_layout(newer, store, tmp_path / "one") == one
    assert {entry.name for entry in store.entries()} == {one, two}
    assert store.image(one).layers[0].descriptor.digest == newer.layers[0].digest
    assert store.remove(one)
    assert not store.remove(one)
    with pytest.raises(ImageNotStored, match="no image localhost/one:latest"):
        store.image(one)


def test_a_plain_name_finds_an_image_from_disk_behind_one_from_docker_io(
    store: Store, tmp_path: Path
) -> None:
    local = pull_layout(random_image(1, seed=1), store, tmp_path / "one")
    assert local == "localhost/one:latest"
    for text in ("one", "one:latest", local):
        assert store.image(text).reference == local
    for text in ("docker.io/one", "docker.io/library/one", "one:other", "127.0.0.1:1/one"):
        with pytest.raises(ImageNotStored):
            store.image(text)
    with pytest.raises(ImageNotStored, match="no image one:other in the store"):
        store.image("one:other")
    with store.adding():
        store.tag("docker.io/library/one:latest", store.entries()[0].manifest)
    assert store.image("one").reference == "docker.io/library/one:latest"


def test_gc_removes_what_no_name_leads_to(store: Store, tmp_path: Path) -> None:
    assert store.gc().digests == ()
    one = pull_layout(random_image(2, seed=1), store, tmp_path / "one")
    before = dict(store.blobs())
    two = pull_layout(random_image(2, seed=2), store, tmp_path / "two")
    added = dict(store.blobs()).keys() - before.keys()
    store.remove(two)
    would = store.gc(dry_run=True)
    assert set(would.digests) == added
    assert would.digests
    assert store.gc() == would
    assert dict(store.blobs()) == before
    assert would.size == sum(x for _, x in would_sizes(store, would.digests, tmp_path / "two"))
    assert store.image(one).reference == one
    assert store.verify() == ()


def would_sizes(store: Store, digests: tuple[str, ...], layout: Path) -> list[tuple[str, int]]:
    directory = layout / "blobs" / "sha256"
    return [(x, (directory / x.partition(":")[2]).stat().st_size) for x in digests]


def test_gc_gives_way_to_a_pull(store: Store) -> None:
    with store.adding():
        blob = described(b"not named yet")
        store.put([b"not named yet"], blob)
        with pytest.raises(StoreBusy, match="is being pulled"):
            Store(store.root).gc()
        assert store.has(blob)
    assert store.gc().digests == (blob.digest,)


def test_temporary_files_of_dead_writers_are_swept(store: Store) -> None:
    with store.adding():
        abandoned = store.temporary / "1-dead.part"
        abandoned.write_bytes(b"half")
        with store.writer() as mine:
            mine.write(b"half")
            with Store(store.root).adding():
                assert not abandoned.exists()
                assert len(list(store.temporary.iterdir())) == 1
            mine.publish(store.path(digest_of(b"half")))
    assert store.verify() == ()


def test_damaged_index_is_reported(store: Store) -> None:
    with store.adding():
        pass
    (store.root / "index.json").write_text("{")
    with pytest.raises(ImageError, match=r"index.json is damaged") as caught:
        store.entries()
    assert "pull the images again" in caught.value.hint


def test_unusable_directory_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ImageError, match="cannot be used"), Store(tmp_path / "file").adding():
        pass


def test_index_survives_concurrent_writers(store: Store) -> None:
    with store.adding():
        blob = described(b"x")
        store.put([b"x"], blob)
    children = []
    for number in range(4):
        pid = os.fork()
        if not pid:
            status = 1
            try:
                with Store(store.root).adding():
                    for turn in range(5):
                        Store(store.root).tag(f"localhost/x{number}:{turn}", blob)
                status = 0
            finally:
                os._exit(status)
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 4
    assert len(store.entries()) == 20
