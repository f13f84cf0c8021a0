"""Requests to a registry: bounded retries, redirects, proxies, and errors that say what happened.

httpx is imported when the first client is made: `elfuse run` of a stored image never needs it.
"""

import contextlib
import email.utils
import json
import random
import re
import socket
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from elfuse.errors import ImageError
from elfuse.images.errors import Cancelled, RegistryError
from elfuse.images.options import RegistryOptions
from elfuse.typing import Iterator, Mapping

if TYPE_CHECKING:
    import httpx

_MAX_ERROR_BODY = 1 << 16
_MAX_REDIRECTS = 10
_PORT = r":\d+$"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})


class Http:
    """One registry's connections, shared by the threads of a pull."""

    def __init__(self, host: str, options: RegistryOptions, *, direct: bool) -> None:
        import httpx  # see the module's docstring

        self.options = options
        self._stop = threading.Event()
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        verify: Any = True
        if options.ca_bundle:
            import ssl  # only with a private CA

            try:
                verify = ssl.create_default_context(cafile=str(options.ca_bundle))
            except (OSError, ssl.SSLError) as error:
                raise ImageError(f"no CA bundle: {options.ca_bundle}: {error}") from None
        try:
            self._client = httpx.Client(
                verify=verify,
                timeout=httpx.Timeout(options.timeout),
                headers={"User-Agent": "elfuse", "Accept-Encoding": "identity"},
                # A proxy has a loopback of its own; http_proxy is not meant for this host's.
                mounts={f"all://{re.sub(_PORT, '', host).lower()}": None} if direct else None,
            )
        except ValueError as error:
            raise ImageError(f"no connection to {host}: the proxy settings: {error}") from None
        self._invalid = (httpx.InvalidURL, ValueError)
        self.transport_errors = (httpx.TransportError, OSError)

    def close(self) -> None:
        """Give the connections back. The threads that used them are gone."""
        self._client.close()

    def cancel(self) -> None:
        """Make every request in flight, and every later one, fail at once."""
        self._stop.set()
        with self._lock:
            for connection in self._sockets:
                # Closing would not wake a thread that waits in recv.
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def check(self) -> None:
        """Raise if the pull was cancelled."""
        if self._stop.is_set():
            raise Cancelled("cancelled")

    @contextlib.contextmanager
    def open(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None = None,
    ) -> "Iterator[httpx.Response]":
        """The unread final response, after redirects and retries of what is temporary."""
        response = self._retrying(method, url, headers, form)
        try:
            self.check()
            yield response
        finally:
            response.close()

    def pause(self, attempt: int, wanted: float | None = None) -> None:
        """Wait before try number `attempt` + 1, unless cancelled."""
        delay = self.options.backoff * 2 ** (attempt - 1) * random.uniform(0.8, 1.2)
        self._stop.wait(min(delay if wanted is None else wanted, self.options.longest_wait))
        self.check()

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpcore: remember the sockets of connections as they are made."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            with self._lock:
                self._sockets.append(info["return_value"].get_extra_info("socket"))
            if self._stop.is_set():
                self.cancel()

    def _retrying(
        self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> "httpx.Response":
        attempt = 0
        while True:
            attempt += 1
            self.check()
            last = attempt >= self.options.attempts
            try:
                response = self._redirecting(method, url, headers, form)
            except self.transport_errors as error:
                self.check()
                if last or _is_certificate(error):
                    raise unreachable(url, error) from error
                wanted = None
            else:
                wanted = _retry_after(response)
                patient = wanted is None or wanted <= self.options.longest_wait
                if last or response.status_code not in _TEMPORARY or not patient:
                    return response
                response.close()
            self.pause(attempt, wanted)

    def _redirecting(
        self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> "httpx.Response":
        for _ in range(_MAX_REDIRECTS):
            try:
                request = self._client.build_request(
                    method, url, headers=headers, data=form, extensions={"trace": self._trace}
                )
            except self._invalid as error:
                raise RegistryError(f"{_shown(url)}: no URL: {error}") from None
            response = self._client.send(request, stream=True, follow_redirects=False)
            location = response.headers.get("location")
            if response.status_code not in _REDIRECTS or not location or form is not None:
                return response
            response.close()
            try:
                target = urljoin(url, location)
            except ValueError:
                target = ""
            if not target.startswith(("http://", "https://")):
                raise RegistryError(f"{_shown(url)} redirects to {location[:200]!r}: no HTTP URL")
            if url.startswith("https:") and not target.startswith("https:"):
                raise RegistryError(f"{_shown(url)} redirects to plain HTTP")
            if urlsplit(target)[:2] != urlsplit(url)[:2]:
                headers = {k: v for k, v in headers.items() if k.lower() != "authorization"}
            url = target
        raise RegistryError(f"{_shown(url)}: more than {_MAX_REDIRECTS} redirects")


def read_bounded(response: "httpx.Response", limit: int, what: str) -> bytes:
    """A small body; ImageError if it is larger than `limit`."""
    body = b""
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > limit:
            raise ImageError(f"{what} is larger than {limit} bytes")
    return body


def unreachable(url: str, error: Exception) -> RegistryError:
    """The registry cannot be talked to."""
    why = str(error) or type(error).__name__
    hint = "the registry's certificate is not trusted" if _is_certificate(error) else ""
    return RegistryError(f"no answer from {urlsplit(url).netloc}: {why}", hint=hint)


def refusal(response: "httpx.Response", what: str, registry: str, *, login: bool) -> RegistryError:
    """The error for a response that is no success."""
    status = response.status_code
    code, detail = _error_body(response)
    wait = _retry_after(response)
    hint = ""
    if status == 401:
        why = "the registry refuses the credentials" if login else "the registry asks for a login"
        hint = f"elfuse login {registry}, or check the name: registries hide what does not exist"
    elif status == 403:
        why = "the registry denies access"
        hint = f"elfuse login {registry} as somebody who may pull it"
    elif status == 404:
        why = "the registry has no such image"
        hint = "check the name and the tag"
    elif status == 429:
        why = "the registry limits the rate of requests"
        hint = f"try again in {wait:.0f} seconds" if wait is not None else "try again later"
    elif status >= 500:
        why = f"the registry fails with HTTP status {status}"
        hint = "try again later"
    else:
        why = f"the registry answers with HTTP status {status}"
    detail = f" ({detail})" if detail else ""
    return RegistryError(
        f"{what}: {why}{detail}", status=status, code=code, retry_after=wait, hint=hint
    )


def _error_body(response: "httpx.Response") -> tuple[str, str]:
    """Code and message of the specification's error document, if there is one."""
    import httpx  # already loaded: there is a response

    body = b""
    with contextlib.suppress(httpx.HTTPError, OSError):
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > _MAX_ERROR_BODY:
                break
    try:
        first = json.loads(body[:_MAX_ERROR_BODY])["errors"][0]
        code, message = first.get("code"), first.get("message")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "", ""
    text = message if isinstance(message, str) else ""
    clean = "".join(c if c.isprintable() else " " for c in text)[:200]
    return (code if isinstance(code, str) else ""), clean


def _retry_after(response: "httpx.Response") -> float | None:
    text = response.headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _is_certificate(error: Exception) -> bool:
    return "CERTIFICATE_VERIFY_FAILED" in str(error)


def _shown(url: str) -> str:
    """A URL without its query, which may hold signatures, and without a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return repr(url.partition("?")[0][:200])
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
