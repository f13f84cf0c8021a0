"""Fetch manifests and blobs of one image from a registry (OCI distribution specification)."""

import contextlib
from typing import TYPE_CHECKING

from elfuse.images.auth import Authorizer
from elfuse.images.errors import RegistryError
from elfuse.images.http import Http, read_bounded, refusal, unreachable
from elfuse.images.manifest import INDEX_TYPES, MANIFEST_TYPES, MAX_MANIFEST, Descriptor
from elfuse.images.options import RegistryOptions
from elfuse.images.reference import DEFAULT_REGISTRY, DIGEST, Reference
from elfuse.images.verify import check_bytes
from elfuse.typing import Generator, Iterator, Mapping

if TYPE_CHECKING:
    import httpx

_ACCEPT = ", ".join(sorted(INDEX_TYPES | MANIFEST_TYPES))
_HUB_HOST = "registry-1.docker.io"
_PROGRESS = 1 << 20
"""A connection that brought this much was worth it: the count of attempts starts again."""


class RegistrySource:
    """An image in a registry, as `pull` wants it. Used by several threads at once."""

    def __init__(
        self,
        reference: Reference,
        options: RegistryOptions | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        options = options or RegistryOptions()
        self.reference = reference
        self._plain = reference.plain_http(options.insecure)
        host = _HUB_HOST if reference.registry == DEFAULT_REGISTRY else reference.registry
        scheme = "http" if self._plain else "https"
        self._base = f"{scheme}://{host}/v2/{reference.repository}"
        self._http = Http(host, options, direct=reference.plain_http())
        self._auth = Authorizer(reference, self._http, environ)

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def cancel(self) -> None:
        """Make the requests of all threads fail at once."""
        self._http.cancel()

    def head(self) -> str:
        """The digest the reference stands for now; empty if the registry does not say."""
        url = f"{self._base}/manifests/{self.reference.digest or self.reference.tag}"
        with self._open("HEAD", url, {"Accept": _ACCEPT}) as response:
            if response.status_code in (401, 403, 429):
                raise self._refusal(response, self._what())
            digest = response.headers.get("docker-content-digest", "")
            known = response.status_code == 200 and DIGEST.fullmatch(digest)
            return digest if known else ""

    def manifest(self, digest: str = "") -> tuple[bytes, str]:
        """A manifest or index and its media type: the reference's, or the one with `digest`."""
        target = digest or self.reference.digest or self.reference.tag
        url = f"{self._base}/manifests/{target}"
        with self._open("GET", url, {"Accept": _ACCEPT}) as response:
            if response.status_code != 200:
                raise self._refusal(response, self._what())
            media_type = response.headers.get("content-type", "").partition(";")[0].strip()
            promised = response.headers.get("docker-content-digest", "")
            try:
                raw = read_bounded(response, MAX_MANIFEST, "the manifest")
            except self._http.transport_errors as error:
                self._http.check()
                raise unreachable(url, error) from error
        if DIGEST.fullmatch(promised):
            check_bytes(raw, promised, "manifest the registry sent")
        return raw, media_type

    def blob(self, descriptor: Descriptor) -> Generator[bytes, None, None]:
        """A blob's bytes, unverified. A connection that breaks is resumed where it broke."""
        url = f"{self._base}/blobs/{descriptor.digest}"
        received = mark = attempt = 0
        while True:
            try:
                with self._blob_response(url, descriptor, received) as response:
                    for chunk in _from_offset(response, received):
                        self._http.check()
                        received += len(chunk)
                        yield chunk
                    if received >= descriptor.size or "content-length" in response.headers:
                        return
                broken: Exception = EOFError("the connection was closed")
            except self._http.transport_errors as error:
                self._http.check()
                broken = error
            if received - mark >= _PROGRESS:
                mark, attempt = received, 0
            attempt += 1
            if attempt >= self._http.options.attempts:
                raise RegistryError(
                    f"{self._what()}: {descriptor.digest} broke off after {received} of"
                    f" {descriptor.size} bytes, {attempt} times: {str(broken) or type(broken).__name__}",
                    hint="try again later",
                ) from broken
            self._http.pause(attempt)

    @contextlib.contextmanager
    def _blob_response(
        self, url: str, descriptor: Descriptor, received: int
    ) -> "Iterator[httpx.Response]":
        headers = {"Range": f"bytes={received}-"} if received else {}
        with self._open("GET", url, headers) as response:
            if response.status_code not in ((200, 206) if received else (200,)):
                raise self._refusal(response, f"{self._what()}: {descriptor.digest}")
            yield response

    @contextlib.contextmanager
    def _open(
        self, method: str, url: str, headers: Mapping[str, str]
    ) -> "Iterator[httpx.Response]":
        for again in (True, False):
            used = self._auth.header
            authorised = {**headers, "Authorization": used} if used else headers
            with self._http.open(method, url, authorised) as response:
                # A token may also have run out; the answer is the same.
                unauthorised = response.status_code == 401 and again
                if unauthorised and self._auth.answer(response, used, secure=not self._plain):
                    continue
                yield response
                return

    def _what(self) -> str:
        return f"cannot pull {self.reference.familiar}"

    def _refusal(self, response: "httpx.Response", what: str) -> RegistryError:
        error = refusal(response, what, self.reference.registry, login=self._auth.has_credentials)
        if error.status in (401, 403) and self._auth.problems:
            error.hint += "".join(f"\nnot used: {problem}" for problem in self._auth.problems)
        return error


def _from_offset(response: "httpx.Response", offset: int) -> Iterator[bytes]:
    """The body from `offset` on, whether or not the server honoured the range."""
    skip = offset
    if response.status_code == 206:
        first = response.headers.get("content-range", "").removeprefix("bytes ").partition("-")[0]
        if first != str(offset):
            raise RegistryError(f"the registry resumed at {first[:40]!r}, not at {offset}")
        skip = 0
    for chunk in response.iter_raw():
        if skip >= len(chunk):
            skip -= len(chunk)
            continue
        yield chunk[skip:] if skip else chunk
        skip = 0
