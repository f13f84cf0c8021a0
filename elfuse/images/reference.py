"""Parse and print image references. No I/O.

Grammar and defaults are those of the distribution project: `alpine` is
`docker.io/library/alpine:latest`; the first component is a registry if it contains a dot or a
colon or is `localhost`. A reference with a transport prefix names an image on disk.
"""

from __future__ import annotations

import re

from elfuse.images.errors import InvalidReference
from elfuse.record import Record
from elfuse.typing import TYPE_CHECKING, Collection

DEFAULT_REGISTRY = "docker.io"
DIGEST = re.compile(r"(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})")

if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    Transport: TypeAlias = Literal["oci", "oci-archive", "docker-archive"]
_TRANSPORTS: tuple[Transport, ...] = ("oci", "oci-archive", "docker-archive")

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_REGISTRY = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_HEX64 = re.compile(r"[0-9a-f]{64}")
_MAX_REPOSITORY = 255


class Reference(Record):
    """An image in a registry. Exactly what the user named, with defaults filled in."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"

    @property
    def name(self) -> str:
        """The name in the store. A digest says all; a tag beside it does not make another image."""
        suffix = f"@{self.digest}" if self.digest else f":{self.tag}"
        return f"{self.registry}/{self.repository}{suffix}"

    @property
    def familiar(self) -> str:
        """The shortest text that parses to this reference's name."""
        if self.registry != DEFAULT_REGISTRY:
            return self.name
        short = self.name.removeprefix(f"{DEFAULT_REGISTRY}/")
        group, _, rest = self.repository.partition("/")
        if group == "library" and "/" not in rest:
            return short.removeprefix("library/")
        return self.name if _is_registry(group) else short

    def plain_http(self, insecure: Collection[str] = ()) -> bool:
        """Whether to speak HTTP without TLS: loopback, or configured."""
        if self.registry in insecure:
            return True
        host = re.sub(r":\d+$", "", self.registry).strip("[]")
        if host.lower() == "localhost":
            return True
        try:
            import ipaddress  # asked of registries only

            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False


class LocalReference(Record):
    """An image on disk: `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:TAG]`."""

    transport: Transport
    path: str
    tag: str = ""

    def __str__(self) -> str:
        return f"{self.transport}:{self.path}" + (f":{self.tag}" if self.tag else "")

    @property
    def name(self) -> str:
        """The name in the store: below `localhost/`, as podman names what no registry served."""
        base = self.path.rstrip("/").rpartition("/")[2].lower()
        if self.transport != "oci":
            base = base.removesuffix(".tar")
        repository = re.sub(r"[^a-z0-9]+", "-", base).strip("-") or "layout"
        tag = self.tag if _TAG.fullmatch(self.tag) else "latest"
        return f"localhost/{repository}:{tag}"

    @property
    def familiar(self) -> str:
        """What a table shows."""
        return self.name


AnyReference = Reference | LocalReference


def parse_reference(text: str) -> AnyReference:
    """The image that `text` names."""
    transport, colon, rest = text.partition(":")
    for known in _TRANSPORTS:
        if colon and transport == known:
            return _parse_local(known, rest, text)
    return _parse_remote(text)


def parse_below_localhost(text: str) -> Reference | None:
    """The image below `localhost/` that a name without a registry may mean too, as with podman."""
    if isinstance(parse_reference(text), LocalReference):
        return None
    head, slash, _ = text.partition("/")
    return None if slash and _is_registry(head) else _parse_remote(f"localhost/{text}")


def _parse_local(transport: Transport, rest: str, text: str) -> LocalReference:
    path, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:
        # A colon before the last slash belongs to the path.
        path, tag = rest, ""
    if not path or "\0" in path:
        raise InvalidReference(f"{text!r} names no image: the path is missing")
    return LocalReference(transport, path, tag)


def _is_registry(component: str) -> bool:
    """Whether the first component of a longer name is a host, and no part of a repository."""
    return "." in component or ":" in component or component == "localhost"


def _parse_remote(text: str) -> Reference:
    def refuse(why: str, hint: str = "") -> InvalidReference:
        return InvalidReference(f"{text!r} names no image: {why}", hint=hint)

    rest, at, digest = text.partition("@")
    if at and not DIGEST.fullmatch(digest):
        raise refuse("the digest is not sha256: or sha512: with its hexadecimal digits")
    head, slash, tail = rest.partition("/")
    if slash and _is_registry(head):
        registry, remainder = head, tail
    else:
        registry, remainder = DEFAULT_REGISTRY, rest
    if registry == "index.docker.io":
        registry = DEFAULT_REGISTRY
    repository, colon, tag = remainder.partition(":")
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = f"library/{repository}"
    if not _REGISTRY.fullmatch(registry):
        raise refuse(f"{registry!r} is no registry host")
    if colon and not _TAG.fullmatch(tag):
        raise refuse(f"{tag!r} is no tag")
    if len(repository) > _MAX_REPOSITORY:
        raise refuse(f"the repository name is longer than {_MAX_REPOSITORY} characters")
    if not _REPOSITORY.fullmatch(repository):
        lower = "names are lower case" if _REPOSITORY.fullmatch(repository.lower()) else ""
        raise refuse(f"{repository!r} is no repository name", hint=lower)
    if registry == DEFAULT_REGISTRY and _HEX64.fullmatch(repository.removeprefix("library/")):
        raise refuse("64 hexadecimal digits are an image ID, not a name")
    return Reference(registry, repository, tag if colon or digest else "latest", digest)
