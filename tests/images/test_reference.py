"""References parse and print as docker's do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elfuse.images.errors import InvalidReference
from elfuse.images.reference import LocalReference, Reference, parse_reference
from tests.strategies_images import references

HEX = "ab" * 32


@pytest.mark.parametrize(
    ("text", "complete", "familiar"),
    [
        ("alpine", "docker.io/library/alpine:latest", "alpine:latest"),
        ("alpine:3.20", "docker.io/library/alpine:3.20", "alpine:3.20"),
        ("user/app", "docker.io/user/app:latest", "user/app:latest"),
        ("docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest"),
        ("index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest"),
        ("localhost/x", "localhost/x:latest", "localhost/x:latest"),
        ("localhost:5000/x:1", "localhost:5000/x:1", "localhost:5000/x:1"),
        ("host:5000/a/b/c", "host:5000/a/b/c:latest", "host:5000/a/b/c:latest"),
        ("[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"),
        ("ghcr.io/a/b__c", "ghcr.io/a/b__c:latest", "ghcr.io/a/b__c:latest"),
        (f"a@sha256:{HEX}", f"docker.io/library/a@sha256:{HEX}", f"a@sha256:{HEX}"),
        (f"a:1@sha256:{HEX}", f"docker.io/library/a:1@sha256:{HEX}", f"a@sha256:{HEX}"),
    ],
)
def test_reference_is_completed_and_shortened(text: str, complete: str, familiar: str) -> None:
    parsed = parse_reference(text)
    assert str(parsed) == complete
    assert parsed.familiar == familiar
    assert parse_reference(familiar).name == parsed.name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Alpine",
        "a//b",
        "a:",
        "a:b:c",
        "a@sha256:123",
        f"a@md5:{HEX}",
        "-a",
        "host:port/x",
        "http://host/x",
        "a/../b",
        HEX,
        "x" * 300,
        "a b",
        "a\nb",
        "host.example/",
        "a:" + "t" * 129,
        "\u0661\u0662",
        "oci:",
    ],
)
def test_text_that_names_no_image_is_refused(text: str) -> None:
    with pytest.raises(InvalidReference, match="names no image"):
        parse_reference(text)


@pytest.mark.parametrize(
    ("text", "transport", "path", "tag"),
    [
        ("oci:dir", "oci", "dir", ""),
        ("oci:/a/b:1.0", "oci", "/a/b", "1.0"),
        ("oci:a:b/c", "oci", "a:b/c", ""),
        ("oci-archive:x.tar:t", "oci-archive", "x.tar", "t"),
        ("docker-archive:/x.tar", "docker-archive", "/x.tar", ""),
    ],
)
def test_images_on_disk_have_a_transport(text: str, transport: str, path: str, tag: str) -> None:
    parsed = parse_reference(text)
    assert isinstance(parsed, LocalReference)
    assert (parsed.transport, parsed.path, parsed.tag) == (transport, path, tag)
    assert str(parsed) == text


def test_image_on_disk_is_stored_below_localhost() -> None:
    assert parse_reference("oci:/x/My Image_1:2").name == "localhost/my-image-1:2"
    assert isinstance(parse_reference(parse_reference("oci:../..").name), Reference)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("localhost/x", True),
        ("localhost:5000/x", True),
        ("127.0.0.1:5000/x", True),
        ("127.8.9.1/x", True),
        ("[::1]:5000/x", True),
        ("[::2]:5000/x", False),
        ("128.0.0.1/x", False),
        ("127.0.0.1.example.com/x", False),
        ("localhost.example.com/x", False),
        ("x", False),
        ("insecure.example:80/x", True),
    ],
)
def test_plain_http_is_for_loopback_and_where_configured(text: str, plain: bool) -> None:
    parsed = parse_reference(text)
    assert isinstance(parsed, Reference)
    assert parsed.plain_http({"insecure.example:80"}) is plain


@given(references())
def test_printed_reference_parses_to_itself(reference: Reference) -> None:
    assert parse_reference(str(reference)) == reference
    assert parse_reference(reference.name).name == reference.name
    assert parse_reference(reference.familiar).name == reference.name


@given(st.text())
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        parsed = parse_reference(text)
    except InvalidReference:
        return
    assert parse_reference(parsed.name).name == parsed.name
