"""Layer archives: formats, names, whiteouts, and what is refused."""

import contextlib
import gzip
import io
import os
import random
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from elfuse.errors import ImageError
from elfuse.images.decompress import Limits, decompress
from elfuse.images.errors import DigestMismatch, LayerRefused
from elfuse.images.unpack import unpack_layer
from tests.images.builders import archive, compress, digest, directory, member, symlink
from tests.images.sinks import Recorder
from tests.strategies_images import ENTRIES

SMALL = Limits(max_bytes=1 << 20, max_ratio=20, ratio_floor=1 << 16, max_entries=50)


def pieces(raw: bytes, size: int = 1000) -> Iterator[bytes]:
    return (raw[i : i + size] for i in range(0, len(raw), size))


def unpacked(tar: bytes, blob: bytes | None = None, limits: Limits | None = None) -> Recorder:
    sink = Recorder()
    size = unpack_layer(pieces(tar if blob is None else blob), digest(tar), sink, limits)
    assert size == len(tar)
    return sink


@pytest.mark.parametrize("fmt", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_every_kind_of_entry_arrives(fmt: int) -> None:
    entries = [
        directory("./"),
        directory("d", 0o1777),
        member("d/f", b"data" * 300, mode=0o4755, uid=1000, gid=100, mtime=12345),
        symlink("d/s", "/absolute/../target"),
        member("d/h", kind=tarfile.LNKTYPE, target="d/f"),
        member("fifo", kind=tarfile.FIFOTYPE),
        member("null", kind=tarfile.CHRTYPE, device=(1, 3)),
        member("sda", kind=tarfile.BLKTYPE, device=(8, 0)),
        member("empty"),
    ]
    sink = unpacked(archive(entries, fmt))
    assert sink.entries == [
        ("directory", b""),
        ("directory", b"d"),
        ("file", b"d/f"),
        ("symlink", b"d/s", b"/absolute/../target"),
        ("hardlink", b"d/h", b"d/f"),
        ("special", b"fifo", stat.S_IFIFO, 0, 0),
        ("special", b"null", stat.S_IFCHR, 1, 3),
        ("special", b"sda", stat.S_IFBLK, 8, 0),
        ("file", b"empty"),
    ]
    meta = sink.metas[b"d/f"]
    assert (meta.mode, meta.uid, meta.gid, meta.mtime_ns) == (0o4755, 1000, 100, 12345 * 10**9)
    assert sink.metas[b"d"].mode == 0o1777
    assert sink.data == {b"d/f": b"data" * 300, b"empty": b""}


@pytest.mark.parametrize("fmt", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_names_are_bytes_of_any_length_and_encoding(fmt: int) -> None:
    names = ["\udcff\udc80", "é", "with\nnewline", "x/" * 200 + "deep", "n" * 255]
    entries = [member(name, b"x", uid=4_000_000_000) for name in names]
    entries.append(symlink("link", "t" * 300))
    sink = unpacked(archive(entries, fmt))
    expected = [("file", name.encode(errors="surrogateescape")) for name in names]
    assert sink.entries == [*expected, ("symlink", b"link", b"t" * 300)]
    assert {meta.uid for meta in sink.metas.values()} == {4_000_000_000, 0}


def test_directories_of_the_oldest_archives_end_in_a_slash() -> None:
    tar = archive([member("d/", kind=tarfile.AREGTYPE), member("d/f", b"x", kind=tarfile.AREGTYPE)])
    assert unpacked(tar).entries == [("directory", b"d"), ("file", b"d/f")]


def test_pax_extensions_give_times_sizes_and_xattrs() -> None:
    capability = bytes(range(24)).decode("latin-1")
    pax = {
        "mtime": "1234567890.123456789",
        "SCHILY.xattr.user.note": "a=b\nc",
        "SCHILY.xattr.security.capability": capability,
        "uid": "5",
    }
    sink = unpacked(archive([member("f", b"x", pax=pax), member("g", pax={"mtime": "-1.5"})]))
    meta = sink.metas[b"f"]
    assert (meta.mtime_ns, meta.uid) == (1234567890123456789, 5)
    assert meta.xattrs == {
        b"user.note": b"a=b\nc",
        b"security.capability": capability.encode(),
    }
    assert sink.metas[b"g"].mtime_ns == -1_500_000_000


def test_binary_xattr_values_arrive() -> None:
    record = b"SCHILY.xattr.security.capability=\x01\x00\xff\n"
    raw = b"%d " % (len(record) + 3) + record
    tar = archive([member("h", raw, kind=b"x"), member("f")], tarfile.USTAR_FORMAT)
    assert unpacked(tar).metas[b"f"].xattrs == {b"security.capability": b"\x01\x00\xff"}


@pytest.mark.parametrize("how", ["gnu", "0.0", "0.1", "1.0"])
def test_sparse_files_are_whole(tmp_path: Path, how: str) -> None:
    holes = tmp_path / "holes"
    content = bytearray(700_000)
    with holes.open("wb") as file:
        file.truncate(len(content))
        for offset in range(0, len(content) - 5000, 70_000):
            content[offset : offset + 4096] = b"d" * 4096
            file.seek(offset)
            file.write(b"d" * 4096)
    form = ["--format=gnu"] if how == "gnu" else ["--format=pax", f"--sparse-version={how}"]
    command = ["tar", "-c", "--sparse", "--hole-detection=raw", *form, "-C", str(tmp_path), "holes"]
    tar = subprocess.run(command, check=True, capture_output=True).stdout
    assert len(tar) < len(content)
    assert unpacked(tar).data == {b"holes": bytes(content)}


def test_whiteouts_are_told_apart() -> None:
    names = [".wh.gone", "d/.wh.x", "d/.wh..wh..opq", ".wh..wh..opq"]
    ignored = [".wh..wh.plnk", ".wh..wh.aufs/x", "d/.wh..wh.orph"]
    sink = unpacked(archive([member(name) for name in [*names, *ignored]]))
    assert sink.entries == [
        ("whiteout", b"gone"),
        ("whiteout", b"d/x"),
        ("opaque", b"d"),
        ("opaque", b""),
    ]


@pytest.mark.parametrize("name", [".wh.", "d/.wh..", ".wh.../x", ".wh.a/b"])
def test_whiteouts_of_nothing_are_refused(name: str) -> None:
    with pytest.raises(LayerRefused):
        unpacked(archive([member(name)]))


@pytest.mark.parametrize(
    ("given_name", "placed"),
    [("/etc/x", b"etc/x"), ("./a//b/./c", b"a/b/c"), ("a/../b", b"b"), ("//x", b"x")],
)
def test_names_are_relative_to_the_root(given_name: str, placed: bytes) -> None:
    assert unpacked(archive([member(given_name)])).entries == [("file", placed)]


@pytest.mark.parametrize(
    "entries",
    [
        [member("../x")],
        [member("/../x")],
        [member("a/../../x")],
        [directory("..")],
        [symlink("../x", "y")],
        [member("x", kind=tarfile.LNKTYPE, target="../../etc/passwd")],
        [member("x", kind=tarfile.LNKTYPE, target="x")],
        [member(".wh...")],
        [symlink("s", "/etc"), member("s/passwd", b"x")],
        [symlink("s", "../../etc"), member("s/passwd", b"x")],
        [symlink("s", "t"), symlink("t", "/"), member("s/passwd", b"x")],
        [symlink("s", "t"), symlink("t", "s"), member("s/x")],
        [symlink("s", "/etc"), member("x", kind=tarfile.LNKTYPE, target="s/passwd")],
        [directory("s"), member("s/a"), symlink("s", "/etc"), member("s/b")],
        [member("f"), member("f/x")],
        [member("/", b"root as a file")],
    ],
)
def test_entry_that_leaves_the_root_is_refused(
    entries: list[tuple[tarfile.TarInfo, bytes]],
) -> None:
    with pytest.raises(LayerRefused):
        unpacked(archive(entries))


def test_links_that_stay_inside_are_followed() -> None:
    entries = [
        symlink("lib", "usr/lib"),
        member("lib/a"),
        symlink("usr/x", "../etc"),
        member("usr/x/b"),
    ]
    names = [entry[1] for entry in unpacked(archive(entries)).entries]
    assert names == [b"lib", b"usr/lib/a", b"usr/x", b"etc/b"]


def test_leaf_may_become_a_directory_again() -> None:
    entries = [symlink("d", "/etc"), directory("d"), member("d/x")]
    assert unpacked(archive(entries)).entries[-1] == ("file", b"d/x")


@given(ENTRIES, st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))
def test_no_entry_ever_leaves_the_root(
    entries: list[tuple[str, bytes, str, bytes]], fmt: int
) -> None:
    sink = Recorder()
    tar = archive(
        [
            member(name, data if kind == tarfile.REGTYPE else b"", kind=kind, target=target)
            for name, kind, target, data in entries
        ],
        fmt,
    )
    with contextlib.suppress(LayerRefused):
        unpack_layer(pieces(tar), digest(tar), sink)
    for entry in sink.entries:
        paths = [entry[1], entry[2]] if entry[0] == "hardlink" else [entry[1]]
        for path in paths:
            parts = path.split(b"/") if path else []
            assert not {b"", b".", b".."} & set(parts)


@given(st.data())
def test_damaged_archive_raises_image_errors_only(data: st.DataObject) -> None:
    pax = {"SCHILY.xattr.user.a": "b", "path": "p"}
    tar = bytearray(
        archive([directory("d"), member("d/f", b"x" * 600, pax=pax), symlink("s", "t")])
    )
    for _ in range(data.draw(st.integers(1, 4))):
        tar[data.draw(st.integers(0, len(tar) - 1))] = data.draw(st.integers(0, 255))
    for start in range(0, len(tar), 512):
        # A wrong checksum would hide the rest of the parser.
        block = tar[start : start + 512]
        if block[257:262] == b"ustar":
            total = sum(block) - sum(block[148:156]) + 8 * 0x20
            tar[start + 148 : start + 156] = b"%06o\0 " % total
    end = data.draw(st.integers(0, len(tar)))
    with contextlib.suppress(ImageError):
        unpack_layer(pieces(bytes(tar[:end])), digest(bytes(tar[:end])), Recorder())


def test_truncated_archives_are_refused() -> None:
    tar = archive([member("a", b"x" * 2000), member("b", pax={"comment": "y" * 600})])
    whole = len(tar.rstrip(b"\0"))
    for end in range(1, whole, 200):  # never at a header: there an archive may end
        with pytest.raises(LayerRefused, match="truncated"):
            unpacked(tar[:end])


def test_wrong_diff_id_is_refused() -> None:
    tar = archive([member("a", b"x")])
    with pytest.raises(DigestMismatch, match="the layer unpacks to other bytes"):
        unpack_layer(pieces(tar), digest(b"else"), Recorder())


@pytest.mark.parametrize("size", [1, 7, 511, 512, 100_000])
@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_compression_is_recognised_at_any_chunk_size(compression: str, size: int) -> None:
    tar = archive([member("a", random.Random(1).randbytes(5000))])
    blob = compress(tar, compression)  # type: ignore[arg-type] # one of the three
    assert b"".join(decompress(pieces(blob, size), Limits())) == tar
    assert unpacked(tar, blob).data[b"a"]


def test_members_and_frames_are_concatenated() -> None:
    tar = archive([member("a", b"x" * 5000)])
    halves = (tar[:3000], tar[3000:])
    skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip"
    for blob in (
        b"".join(gzip.compress(half) for half in halves),
        gzip.compress(tar) + bytes(100),
        b"".join(zstandard.ZstdCompressor().compress(half) for half in halves),
        skippable + zstandard.ZstdCompressor().compress(tar),
        zstandard.ZstdCompressor().compress(tar) + skippable,
    ):
        for size in (10, 100_000):
            assert b"".join(decompress(pieces(blob, size), Limits())) == tar
        assert unpacked(tar, blob).data == {b"a": b"x" * 5000}


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_damaged_compression_is_refused(compression: str) -> None:
    tar = archive([member("a", random.Random(1).randbytes(5000))])
    blob = compress(tar, compression)  # type: ignore[arg-type] # one of the two
    for bad in (blob[: len(blob) // 2], blob[:100] + b"\0" * 50 + blob[150:], blob + b"trailing"):
        with pytest.raises(ImageError):
            unpacked(tar, bad)


@pytest.mark.parametrize("magic", [b"BZh9", b"\xfd7zXZ\0"])
def test_other_compressions_are_named(magic: bytes) -> None:
    with pytest.raises(LayerRefused, match="compressed with"):
        unpacked(magic + bytes(1000))


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_bombs_are_refused_before_they_unfold(compression: str) -> None:
    tar = archive([member("zeros", bytes(900_000))])
    with pytest.raises(LayerRefused, match="more than 20 times its size"):
        unpacked(tar, compress(tar, compression), SMALL)  # type: ignore[arg-type]
    bomb = io.BytesIO()
    with gzip.GzipFile(fileobj=bomb, mode="wb") as out:
        header = tarfile.TarInfo("huge")
        header.size = 1 << 40
        out.write(header.tobuf())
        for _ in range(40):
            out.write(random.Random(0).randbytes(1 << 15))
    with pytest.raises(LayerRefused, match="unpacks to more than 1048576 bytes"):
        unpacked(b"", bomb.getvalue(), SMALL)


def test_sparse_bomb_and_entry_flood_are_refused() -> None:
    pax = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(1 << 50)}
    with pytest.raises(LayerRefused, match="unpacks to more than"):
        unpacked(archive([member("holes", pax=pax)]), None, SMALL)
    with pytest.raises(LayerRefused, match="more than 50 entries"):
        unpacked(archive([member(f"f{i}") for i in range(51)]), None, SMALL)


def test_extension_header_of_any_size_is_not_read() -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = b"L", 1 << 40
    with pytest.raises(LayerRefused, match="extension header of 1099511627776 bytes"):
        unpacked(info.tobuf(tarfile.GNU_FORMAT) + bytes(5000))


def test_extension_headers_do_not_add_up() -> None:
    flood = [member(f"h{i}", b"n" * 300_000, kind=b"L") for i in range(4)]
    with pytest.raises(LayerRefused, match="extension header"):
        unpacked(archive([*flood, member("f")], tarfile.USTAR_FORMAT))


def test_global_headers_are_ignored() -> None:
    tar = archive(
        [member("g", b"18 path=elsewhere\n", kind=b"g"), member("f")], tarfile.USTAR_FORMAT
    )
    assert unpacked(tar).entries == [("file", b"f")]
    assert unpacked(archive([member("g", b"18 path=elsewhere\n", kind=b"g")])).entries == []


def test_real_tar_of_this_python_matches_the_files(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    source = random.Random(7)
    for number in range(30):
        path = root / f"d{number % 4}" / f"f{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.randbytes(source.randrange(3000)))
    os.link(root / "d0/f0", root / "d1/linked")
    command = ["tar", "-cz", "--format=pax", "-C", str(root), "."]
    blob = subprocess.run(command, check=True, capture_output=True).stdout
    sink = unpacked(gzip.decompress(blob), blob)
    files = {str(p.relative_to(root)): p for p in root.rglob("f*")}
    assert {name.decode() for name in sink.data} | {
        entry[1].decode() for entry in sink.entries if entry[0] == "hardlink"
    } == {*files, "d1/linked"}
    for name, data in sink.data.items():
        path = root / name.decode()
        assert data == path.read_bytes()
        assert sink.metas[name].mtime_ns == path.stat().st_mtime_ns
