"""Frozen index, manifest, configuration and descriptor, from bytes nobody vouches for.

The parsers raise `ImageError` and nothing else, whatever the JSON. OCI and Docker media types mean
the same thing here.
"""

from __future__ import annotations

import hashlib
import json
from types import MappingProxyType

from elfuse.errors import ImageError
from elfuse.images.errors import PlatformUnavailable
from elfuse.images.reference import DIGEST
from elfuse.record import Record, replace
from elfuse.typing import Any, Callable, Mapping, TypeVar

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
CONFIG_TYPES = frozenset({OCI_CONFIG, DOCKER_CONFIG})

MAX_MANIFEST = 4 << 20
"""The distribution specification asks registries to accept this much; nobody needs more."""
MAX_CONFIG = 8 << 20
_MAX_SIZE = (1 << 63) - 1
_MAX_LAYERS = 1024

T = TypeVar("T")


class Platform(Record):
    """An operating system and architecture. `arm64` and `arm64/v8` are one platform."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """From `linux/arm64[/v8]`."""
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise ImageError(
                f"{text!r} is no platform", hint="platforms look like linux/arm64 or linux/arm64/v8"
            )
        return cls(*parts)

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def matches(self, other: Platform) -> bool:
        """Whether an image for `other` is one for this platform."""
        return self._canonical() == other._canonical()

    def _canonical(self) -> tuple[str, str, str]:
        architecture = {"aarch64": "arm64", "x86_64": "amd64"}.get(
            self.architecture.lower(), self.architecture.lower()
        )
        variant = self.variant.lower()
        default = {"arm64": "v8", "arm": "v7"}.get(architecture, "")
        return self.os.lower(), architecture, "" if variant == default else variant


LINUX_ARM64 = Platform("linux", "arm64")


class Descriptor(Record):
    """Content by digest and size."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = MappingProxyType({})
    platform: Platform | None = None

    def to_json(self) -> dict[str, Any]:
        """The descriptor as the OCI specification writes it."""
        result: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.size,
        }
        if self.platform:
            parts = ("os", "architecture", "variant")
            values = ((part, getattr(self.platform, part)) for part in parts)
            result["platform"] = {key: value for key, value in values if value}
        if self.annotations:
            result["annotations"] = dict(self.annotations)
        return result


class Index(Record):
    """Manifests to choose from."""

    manifests: tuple[Descriptor, ...]
    media_type: str = OCI_INDEX

    def choose(self, platform: Platform, what: str = "image") -> Descriptor:
        """The first manifest for `platform`; else the first that names no platform."""
        for manifest in self.manifests:
            if manifest.platform and platform.matches(manifest.platform):
                return manifest
        for manifest in self.manifests:
            if manifest.platform is None:
                return manifest
        offered = sorted({str(m.platform) for m in self.manifests} - {"unknown/unknown"})
        raise PlatformUnavailable(
            f"{what} is not available for {platform}",
            hint=f"it is available for {', '.join(offered)}" if offered else "",
        )


class Manifest(Record):
    """One platform's configuration and layers, lowest layer first."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: Mapping[str, str]
    media_type: str = OCI_MANIFEST

    def to_oci(self) -> Manifest:
        """The same configuration and layers, called by their OCI names."""
        config = replace(self.config, media_type=OCI_CONFIG)
        layers = (replace(x, media_type=_oci_layer_type(x.media_type)) for x in self.layers)
        return Manifest(config, tuple(layers), self.annotations, OCI_MANIFEST)

    def to_bytes(self) -> bytes:
        """The document."""
        document: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "config": self.config.to_json(),
            "layers": [layer.to_json() for layer in self.layers],
        }
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        return json.dumps(document).encode()


class History(Record):
    """How a layer came to be."""

    created: str
    created_by: str
    comment: str
    empty_layer: bool


class ImageConfig(Record):
    """What the image says about running it. `raw` is the document the digest is of."""

    platform: Platform
    created: str
    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]
    env: tuple[str, ...]
    working_dir: str
    user: str
    exposed_ports: tuple[str, ...]
    volumes: tuple[str, ...]
    labels: Mapping[str, str]
    stop_signal: str
    diff_ids: tuple[str, ...]
    history: tuple[History, ...]
    raw: bytes

    @property
    def digest(self) -> str:
        """The image ID, as docker calls it."""
        return digest_of(self.raw)


class Layer(Record):
    """A layer's blob, and the digest of its uncompressed archive."""

    descriptor: Descriptor
    diff_id: str


class Image(Record):
    """An image that is entirely in the store.

    `reference` is its name there, `digest` what the name stood for where the image came from (its
    manifest's digest, or that of the index it was chosen from), `manifest` what the store holds.
    """

    reference: str
    digest: str
    manifest: Descriptor
    config: ImageConfig
    layers: tuple[Layer, ...]


Document = Index | Manifest


def digest_of(raw: bytes) -> str:
    """The sha256 digest of `raw`."""
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def parse_document(raw: bytes, media_type: str = "") -> Document:
    """An index or a manifest; `media_type` helps where the document does not say."""
    if len(raw) > MAX_MANIFEST:
        raise ImageError(f"the manifest is larger than {MAX_MANIFEST} bytes")
    root = _object(_load(raw, "manifest"), "manifest")
    if root.get("schemaVersion") == 1 or "fsLayers" in root:
        raise ImageError(
            "the image uses Docker's manifest schema 1, which is too old to be verified",
            hint="push it again with a current tool",
        )
    if "manifests" in root and ("layers" in root or "config" in root):
        # CVE-2021-41190: the same bytes must not be an index to one reader, a manifest to another.
        raise ImageError("the manifest is also an index: it is ambiguous")
    media_type = _text(root.get("mediaType"), "mediaType") or media_type
    if media_type in INDEX_TYPES or (media_type not in MANIFEST_TYPES and "manifests" in root):
        return parse_index(root, media_type if media_type in INDEX_TYPES else OCI_INDEX)
    if media_type in MANIFEST_TYPES or "layers" in root:
        return _manifest(root, media_type if media_type in MANIFEST_TYPES else OCI_MANIFEST)
    raise ImageError(
        f"neither an image manifest nor an index: {media_type[:100] or 'no mediaType'}"
    )


def parse_index(root: object, media_type: str = OCI_INDEX) -> Index:
    """An index from decoded JSON."""
    manifests = _list(_object(root, "index").get("manifests"), "manifests", _descriptor)
    return Index(manifests, media_type)


def parse_config(raw: bytes) -> ImageConfig:
    """An image configuration."""
    if len(raw) > MAX_CONFIG:
        raise ImageError(f"the image configuration is larger than {MAX_CONFIG} bytes")
    root = _object(_load(raw, "image configuration"), "image configuration")
    run = _object(root.get("config"), "config")
    rootfs = _object(root.get("rootfs"), "rootfs")
    diff_ids = _list(rootfs.get("diff_ids"), "diff_ids", _digest)
    if len(diff_ids) > _MAX_LAYERS:
        raise ImageError(f"the image has more than {_MAX_LAYERS} layers")
    return ImageConfig(
        platform=_platform(root),
        created=_text(root.get("created"), "created"),
        entrypoint=_words(run.get("Entrypoint"), "Entrypoint"),
        cmd=_words(run.get("Cmd"), "Cmd"),
        env=_list(run.get("Env"), "Env", _text),
        working_dir=_text(run.get("WorkingDir"), "WorkingDir"),
        user=_text(run.get("User"), "User"),
        exposed_ports=_keys(run.get("ExposedPorts"), "ExposedPorts"),
        volumes=_keys(run.get("Volumes"), "Volumes"),
        labels=_strings(run.get("Labels"), "Labels"),
        stop_signal=_text(run.get("StopSignal"), "StopSignal"),
        diff_ids=diff_ids,
        history=_list(root.get("history"), "history", _history),
        raw=raw,
    )


def pair_layers(manifest: Manifest, config: ImageConfig) -> tuple[Layer, ...]:
    """The manifest's layers with the configuration's diff IDs."""
    if len(manifest.layers) != len(config.diff_ids):
        raise ImageError(
            f"the manifest has {len(manifest.layers)} layers,"
            f" the configuration speaks of {len(config.diff_ids)}"
        )
    layers = tuple(map(Layer, manifest.layers, config.diff_ids))
    known: dict[str, str] = {}
    for layer in layers:
        if known.setdefault(layer.descriptor.digest, layer.diff_id) != layer.diff_id:
            raise ImageError(f"layer {layer.descriptor.digest} is given two diff IDs")
    return layers


def _oci_layer_type(media_type: str) -> str:
    prefix = "application/vnd.docker.image.rootfs.diff.tar"
    if not media_type.startswith(prefix):
        return media_type
    return f"application/vnd.oci.image.layer.v1.tar{media_type[len(prefix) :].replace('.', '+')}"


def _load(raw: bytes, what: str) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ImageError(f"the {what} is not JSON: {str(error)[:100]}") from None


def _object(value: object, what: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ImageError(f"{what} is not a JSON object")
    return value


def _text(value: object, what: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ImageError(f"{what} is not a string")
    # These strings become arguments, environment and file names; none of them can hold a NUL.
    if "\0" in value:
        raise ImageError(f"{what} contains a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ImageError(f"{what} is not valid Unicode") from None
    return value


def _integer(value: object, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_SIZE:
        raise ImageError(f"{what} is not a size")
    return value


def _digest(value: object, what: str) -> str:
    text = _text(value, what)
    if not DIGEST.fullmatch(text):
        raise ImageError(f"{what} holds no sha256 or sha512 digest: {text[:100]!r}")
    return text


def _list(value: object, what: str, item: Callable[[object, str], T]) -> tuple[T, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ImageError(f"{what} is not a list")
    return tuple(item(each, what) for each in value)


def _words(value: object, what: str) -> tuple[str, ...]:
    # Docker still reads the single string that very old builders wrote.
    return (_text(value, what),) if isinstance(value, str) else _list(value, what, _text)


def _keys(value: object, what: str) -> tuple[str, ...]:
    return tuple(_text(key, what) for key in _object(value, what))


def _strings(value: object, what: str) -> Mapping[str, str]:
    return {_text(key, what): _text(text, what) for key, text in _object(value, what).items()}


def _platform(root: Mapping[str, Any]) -> Platform:
    return Platform(
        _text(root.get("os"), "os"),
        _text(root.get("architecture"), "architecture"),
        _text(root.get("variant"), "variant"),
    )


def _descriptor(value: object, what: str) -> Descriptor:
    root = _object(value, what)
    platform = root.get("platform")
    return Descriptor(
        media_type=_text(root.get("mediaType"), f"{what}: mediaType"),
        digest=_digest(root.get("digest"), f"{what}: digest"),
        size=_integer(root.get("size"), f"{what}: size"),
        annotations=_strings(root.get("annotations"), f"{what}: annotations"),
        platform=None if platform is None else _platform(_object(platform, f"{what}: platform")),
    )


def _history(value: object, what: str) -> History:
    root = _object(value, what)
    return History(
        created=_text(root.get("created"), "history: created"),
        created_by=_text(root.get("created_by"), "history: created_by"),
        comment=_text(root.get("comment"), "history: comment"),
        empty_layer=root.get("empty_layer") is True,
    )


def _manifest(root: Mapping[str, Any], media_type: str) -> Manifest:
    config = _descriptor(root.get("config"), "config")
    if config.media_type not in CONFIG_TYPES:
        raise ImageError(f"not a container image: its configuration is {config.media_type[:100]!r}")
    layers = _list(root.get("layers"), "layers", _descriptor)
    if len(layers) > _MAX_LAYERS:
        raise ImageError(f"the image has more than {_MAX_LAYERS} layers")
    annotations = _strings(root.get("annotations"), "annotations")
    return Manifest(config, layers, annotations, media_type)
