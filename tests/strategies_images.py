"""Hypothesis strategies for references, hostile JSON and hostile archives."""

import tarfile

from hypothesis import strategies as st

from elfuse.images.reference import DEFAULT_REGISTRY, Reference

_WORD = st.from_regex(r"[a-z0-9]{1,8}(?:(?:\.|_|__|-)[a-z0-9]{1,8}){0,2}", fullmatch=True)
_HOST = st.one_of(
    st.just(DEFAULT_REGISTRY),
    st.just("localhost"),
    st.from_regex(r"[a-z0-9]{1,8}\.[a-z]{2,5}(?::[1-9][0-9]{0,4})?", fullmatch=True),
    st.from_regex(r"[a-z]{1,8}:[1-9][0-9]{0,4}", fullmatch=True),
    st.just("[::1]:5000"),
)
_HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
DIGESTS = _HEX.map("sha256:{}".format)


@st.composite
def references(draw: st.DrawFn) -> Reference:
    """References in their complete form."""
    registry = draw(_HOST)
    words = draw(st.lists(_WORD, min_size=2 if registry == DEFAULT_REGISTRY else 1, max_size=4))
    tag = draw(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True))
    digest = draw(st.one_of(st.just(""), DIGESTS))
    keep_tag = not digest or draw(st.booleans())
    return Reference(registry, "/".join(words), tag if keep_tag else "", digest)


_KEYS = st.sampled_from(
    [
        "schemaVersion",
        "mediaType",
        "manifests",
        "config",
        "layers",
        "digest",
        "size",
        "platform",
        "os",
        "architecture",
        "variant",
        "annotations",
        "rootfs",
        "diff_ids",
        "history",
        "Env",
        "Cmd",
        "Entrypoint",
        "Labels",
        "Volumes",
        "ExposedPorts",
        "User",
        "WorkingDir",
        "StopSignal",
        "created",
        "created_by",
        "empty_layer",
    ]
)
_MEDIA_TYPES = st.sampled_from(
    [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]
)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["\ud800", "a\0b", "linux", "arm64"]),
    _MEDIA_TYPES,
    DIGESTS,
)
JSON = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(_KEYS, st.text(max_size=5)), inner, max_size=8),
    ),
    max_leaves=25,
)

_PARTS = st.sampled_from(
    [
        "..",
        ".",
        "",
        "a",
        "b",
        "c",
        "etc",
        ".wh.a",
        ".wh.b",
        ".wh..wh..opq",
        ".wh..wh.plnk",
        "\udcff",
    ]
)
NAMES = st.tuples(st.booleans(), st.lists(_PARTS, min_size=1, max_size=5)).map(
    lambda drawn: ("/" if drawn[0] else "") + "/".join(drawn[1])
)
_KINDS = st.sampled_from(
    [
        tarfile.REGTYPE,
        tarfile.DIRTYPE,
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.FIFOTYPE,
        tarfile.CHRTYPE,
    ]
)
ENTRIES = st.lists(
    st.tuples(NAMES.filter(bool), _KINDS, NAMES.filter(bool), st.binary(max_size=30)), max_size=8
)
"""Name, type, link target and content of archive entries."""
