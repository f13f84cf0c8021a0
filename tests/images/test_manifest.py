"""Manifests and configurations from anybody."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elfuse.errors import ImageError
from elfuse.images.errors import PlatformUnavailable
from elfuse.images.manifest import (
    LINUX_ARM64,
    MAX_MANIFEST,
    OCI_MANIFEST,
    Index,
    Manifest,
    Platform,
    pair_layers,
    parse_config,
    parse_document,
)
from tests.images.builders import AMD64, ARM64, image, index, layer, random_image
from tests.strategies_images import JSON


@given(JSON)
def test_hostile_documents_raise_image_errors_only(document: Any) -> None:
    raw = json.dumps(document).encode()
    for parse in (parse_document, parse_config):
        with contextlib.suppress(ImageError):
            parse(raw)
    for key in ("manifests", "layers", "config", "rootfs", "history"):
        wrapped = json.dumps({"schemaVersion": 2, key: document}).encode()
        for parse in (parse_document, parse_config):
            with contextlib.suppress(ImageError):
                parse(wrapped)


@given(st.binary())
def test_bytes_that_are_no_json_raise_image_errors_only(raw: bytes) -> None:
    for parse in (parse_document, parse_config):
        with contextlib.suppress(ImageError):
            parse(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 10_000,
        b"\xff\xfe",
        b" " * (MAX_MANIFEST + 1),
        b'{"manifests": [], "layers": []}',
        b'{"schemaVersion": 1, "fsLayers": []}',
        b"[]",
        b"{}",
    ],
    ids=[
        "deep-list",
        "deep-object",
        "long-number",
        "not-utf8",
        "large",
        "ambiguous",
        "v1",
        "l",
        "o",
    ],
)
def test_document_is_refused(raw: bytes) -> None:
    with pytest.raises(ImageError):
        parse_document(raw)


def test_artifact_that_is_no_image_is_refused() -> None:
    document = json.loads(random_image(1).manifest)
    document["config"]["mediaType"] = "application/vnd.cncf.helm.config.v1+json"
    with pytest.raises(ImageError, match=r"not a container image.*helm"):
        parse_document(json.dumps(document).encode())


def test_docker_and_oci_documents_mean_the_same() -> None:
    oci, docker = (
        random_image(3, docker=docker, compressions=("gzip", "none")) for docker in (False, True)
    )
    first, second = parse_document(oci.manifest), parse_document(docker.manifest)
    assert isinstance(first, Manifest)
    assert isinstance(second, Manifest)
    assert [x.digest for x in first.layers] == [x.digest for x in second.layers]
    rewritten = parse_document(second.to_oci().to_bytes())
    assert rewritten == first
    assert first.media_type == OCI_MANIFEST


@pytest.mark.parametrize("docker", [False, True])
def test_index_offers_the_platform(docker: bool) -> None:
    built = index(
        {AMD64: random_image(platform=AMD64), ARM64: random_image(docker=docker)}, docker=docker
    )
    document = parse_document(built.manifest)
    assert isinstance(document, Index)
    assert document.choose(LINUX_ARM64).platform == ARM64
    assert document.choose(AMD64).platform == AMD64
    with pytest.raises(PlatformUnavailable) as caught:
        document.choose(Platform("linux", "s390x"), "debian")
    assert str(caught.value) == "debian is not available for linux/s390x"
    assert caught.value.hint == "it is available for linux/amd64, linux/arm64/v8"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("linux/arm64", "linux/arm64/v8", True),
        ("linux/aarch64", "linux/arm64", True),
        ("linux/arm64", "linux/arm64/v9", False),
        ("linux/arm64", "linux/arm", False),
        ("linux/arm64", "windows/arm64", False),
    ],
)
def test_platforms_match(one: str, other: str, same: bool) -> None:
    assert Platform.parse(one).matches(Platform.parse(other)) is same


@pytest.mark.parametrize("text", ["linux", "", "linux/", "a/b/c/d"])
def test_text_that_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(ImageError, match="is no platform"):
        Platform.parse(text)


def test_configuration_says_how_to_run() -> None:
    raw = json.dumps(
        {
            "os": "linux",
            "architecture": "arm64",
            "created": "2024-01-01T00:00:00Z",
            "config": {
                "Entrypoint": ["/init"],
                "Cmd": "one string of an old builder",
                "Env": ["A=1"],
                "WorkingDir": "/w",
                "User": "1:2",
                "ExposedPorts": {"80/tcp": {}},
                "Volumes": {"/v": {}},
                "Labels": {"k": "v"},
                "StopSignal": "SIGQUIT",
            },
            "rootfs": {"diff_ids": ["sha256:" + "0" * 64]},
            "history": [{"created_by": "x", "empty_layer": True}],
        }
    ).encode()
    config = parse_config(raw)
    assert config.entrypoint == ("/init",)
    assert config.cmd == ("one string of an old builder",)
    assert (config.env, config.working_dir, config.user) == (("A=1",), "/w", "1:2")
    assert (config.exposed_ports, config.volumes) == (("80/tcp",), ("/v",))
    assert (config.labels, config.stop_signal) == ({"k": "v"}, "SIGQUIT")
    assert config.history[0].empty_layer
    assert config.raw == raw


def test_layers_and_diff_ids_have_to_agree() -> None:
    one, two = layer(b"1" * 512), layer(b"2" * 512)
    fewer = image([one, two], diff_ids=[one.diff_id])
    document = parse_document(fewer.manifest)
    assert isinstance(document, Manifest)
    config = parse_config(fewer.blobs[document.config.digest])
    with pytest.raises(ImageError, match="2 layers, the configuration speaks of 1"):
        pair_layers(document, config)
    twice = image([one, one], diff_ids=[one.diff_id, two.diff_id])
    document = parse_document(twice.manifest)
    assert isinstance(document, Manifest)
    with pytest.raises(ImageError, match="two diff IDs"):
        pair_layers(document, parse_config(twice.blobs[document.config.digest]))
