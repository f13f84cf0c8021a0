"""OCI registries on loopback: one in this process with faults on demand, and Debian's docker-registry.

The first is a server, not a mock: it speaks HTTP over a socket, and the tests that need no faults
run against the second as well, which keeps it honest.
"""

import base64
import hashlib
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from tests.images.builders import BuiltImage

_PATH = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs)/(?P<which>[^/]+)")
_PIECE = 16 << 10


class AnyRegistry(Protocol):
    """What tests need of a registry without faults."""

    host: str

    def push(self, image: BuiltImage, name: str = "test", tag: str = "latest") -> str:
        """Publish the image; the reference to pull it by."""


@dataclass
class Fault:
    """What goes wrong with a request. `times` counts down; -1 is for ever."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut_after: int | None = None
    change: Callable[[bytes], bytes] | None = None
    # Below 0, not even the headers are sent.
    stall_after: int | None = None
    times: int = -1


class Registry:
    """An in-process registry, with TLS if given a context. Use as a context manager."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        if tls:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._server.registry = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[bytes, str]] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.faults: dict[str, Fault] = {}
        self.users: dict[str, str] = {}
        self.scheme = ""
        self.anonymous_tokens = True
        self.tokens: set[str] = set()
        self.token_uses = 0
        self.ranges = True
        self.heads = True
        self.redirect_to = ""
        self.served = 0
        self.on_served: Callable[[int], None] | None = None
        self.released = threading.Event()
        self.lock = threading.Lock()

    def __enter__(self) -> "Registry":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def push(self, image: BuiltImage, name: str = "test", tag: str = "latest") -> str:
        self.blobs |= image.blobs
        for digest, document in image.documents.items():
            self.manifests[name, digest] = document
        for key in (tag, image.digest):
            self.manifests[name, key] = (image.manifest, image.media_type)
        return f"{self.host}/{name}:{tag}"

    def fail(self, which: str, fault: Fault) -> None:
        """Let requests for this digest, tag, or `token` go wrong."""
        self.faults[which] = fault

    def corrupt(self, digest: str) -> None:
        """Serve other bytes of the same length."""

        def change(raw: bytes) -> bytes:
            middle = len(raw) // 2
            return raw[:middle] + bytes((raw[middle] ^ 0xFF,)) + raw[middle + 1 :]

        self.fail(digest, Fault(change=change))

    def fetched(self, kind: str = "") -> list[str]:
        """The paths of GET requests so far, of blobs or manifests if `kind` says so."""
        return [p for method, p, _ in self.requests if method == "GET" and f"/{kind}" in p]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    registry: Registry

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass

    def do_HEAD(self) -> None:
        self.handle_request()

    def do_GET(self) -> None:
        self.handle_request()

    def do_POST(self) -> None:
        self.handle_request()

    def handle_request(self) -> None:
        assert isinstance(self.server, _Server)
        registry = self.server.registry
        with registry.lock:
            registry.requests.append((self.command, self.path, dict(self.headers.items())))
        url = urlsplit(self.path)
        if url.path == "/token":
            self.token(registry, parse_qs(url.query))
            return
        match = _PATH.fullmatch(url.path)
        if not match:
            self.reply(404, b"")
            return
        which = match["which"]
        fault = self.fault(registry, which)
        redirected = url.query == "redirected"
        if fault and fault.status:
            self.reply(fault.status, fault.body, fault.headers)
        elif not redirected and not self.allowed(registry, match["name"]):
            pass
        elif match["kind"] == "blobs":
            if registry.redirect_to and not redirected:
                target = f"{registry.redirect_to}{url.path}?redirected"
                self.reply(307, b"", {"Location": target})
            elif which in registry.blobs:
                self.content(registry, registry.blobs[which], {}, fault)
            else:
                self.error(404, "BLOB_UNKNOWN")
        elif self.command == "HEAD" and not registry.heads:
            self.reply(405, b"")
        elif document := registry.manifests.get((match["name"], which)):
            raw, media_type = document
            digest = "sha256:" + hashlib.sha256(raw).hexdigest()
            headers = {"Content-Type": media_type, "Docker-Content-Digest": digest}
            self.content(registry, raw, headers, fault)
        else:
            self.error(404, "MANIFEST_UNKNOWN")

    def fault(self, registry: Registry, which: str) -> Fault | None:
        with registry.lock:
            fault = registry.faults.get(which)
            if fault and fault.times >= 0:
                if fault.times == 0:
                    return None
                fault.times -= 1
            return fault

    def allowed(self, registry: Registry, name: str) -> bool:
        header = self.headers.get("Authorization", "")
        if registry.scheme == "bearer":
            token = header.removeprefix("Bearer ")
            if token in registry.tokens:
                if registry.token_uses:
                    registry.token_uses -= 1
                    if not registry.token_uses:
                        registry.tokens.discard(token)
                return True
            challenge = (
                f'Bearer realm="http://{registry.host}/token",service="tests",'
                f'scope="repository:{name}:pull"'
            )
        elif registry.scheme == "basic":
            if self.user(registry):
                return True
            challenge = 'Basic realm="tests"'
        else:
            return True
        self.error(401, "UNAUTHORIZED", {"WWW-Authenticate": challenge})
        return False

    def user(self, registry: Registry) -> str:
        """Who the Basic header proves the client to be."""
        header = self.headers.get("Authorization", "")
        if not header.startswith("Basic "):
            return ""
        name, _, password = base64.b64decode(header[6:]).decode().partition(":")
        return name if registry.users.get(name) == password else ""

    def token(self, registry: Registry, query: dict[str, list[str]]) -> None:
        length = int(self.headers.get("Content-Length", 0))
        form = parse_qs(self.rfile.read(length).decode())
        fault = self.fault(registry, "token")
        if fault and fault.status:
            self.reply(fault.status, fault.body, fault.headers)
            return
        if form:
            good = form.get("refresh_token") == ["identity"] and "scope" in form
        else:
            good = bool(self.user(registry)) or (
                registry.anonymous_tokens and "Authorization" not in self.headers
            )
            good = good and query.get("service") == ["tests"] and "scope" in query
        if not good:
            self.error(401, "UNAUTHORIZED")
            return
        with registry.lock:
            token = f"token{len(registry.requests)}"
            registry.tokens.add(token)
        key = "access_token" if form else "token"
        self.reply(200, json.dumps({key: token}).encode())

    def content(
        self, registry: Registry, raw: bytes, headers: dict[str, str], fault: Fault | None
    ) -> None:
        if fault and fault.stall_after is not None and fault.stall_after < 0:
            registry.released.wait()
            self.close_connection = True
            return
        if fault and fault.change:
            raw = fault.change(raw)
        status, body = 200, raw
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and registry.ranges:
            start = int(wanted[1])
            status, body = 206, raw[start:]
            headers["Content-Range"] = f"bytes {start}-{len(raw) - 1}/{len(raw)}"
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        for start in range(0, len(body), _PIECE):
            piece = body[start : start + _PIECE]
            if fault and self.broken(registry, fault, start, piece):
                return
            self.wfile.write(piece)
            self.count(registry, len(piece))

    def broken(self, registry: Registry, fault: Fault, start: int, piece: bytes) -> bool:
        if fault.cut_after is not None and start + len(piece) > fault.cut_after:
            self.wfile.write(piece[: max(0, fault.cut_after - start)])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return True
        if fault.stall_after is not None and start + len(piece) > fault.stall_after:
            self.wfile.flush()
            registry.released.wait()
            self.close_connection = True
            return True
        return False

    def count(self, registry: Registry, size: int) -> None:
        with registry.lock:
            registry.served += size
            if registry.on_served:
                registry.on_served(registry.served)

    def error(self, status: int, code: str, headers: dict[str, str] | None = None) -> None:
        body = json.dumps({"errors": [{"code": code, "message": f"tests: {code}"}]})
        self.reply(status, body.encode(), headers)

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def missing_programs() -> str:
    """The programs without which there is no real registry; empty if all are there."""
    return ", ".join(p for p in ("docker-registry", "skopeo") if not shutil.which(p))


class DockerRegistry:
    """Debian's docker-registry on a free port, storing below `root`. skopeo pushes to it."""

    def __init__(self, root: Path, host: str) -> None:
        self.host = host
        self._root = root
        self._pushed = 0

    def push(self, image: BuiltImage, name: str = "test", tag: str = "latest") -> str:
        self._pushed += 1
        directory = image.write_directory(self._root / f"image{self._pushed}")
        target = f"{self.host}/{name}:{tag}"
        command = ["skopeo", "--insecure-policy", "copy", "--all", "--preserve-digests", "-q"]
        subprocess.run(
            [*command, "--dest-tls-verify=false", f"dir:{directory}", f"docker://{target}"],
            check=True,
            timeout=60,
        )
        return target


@contextmanager
def docker_registry(root: Path) -> Iterator[DockerRegistry]:
    """A running docker-registry."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    settings = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(root / "registry")}},
        "http": {"addr": host},
    }
    config = root / "registry.yml"
    config.write_text(json.dumps(settings))
    server = subprocess.Popen(
        ["docker-registry", "serve", str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"http://{host}/v2/", server)
        yield DockerRegistry(root, host)
    finally:
        server.terminate()
        server.wait(10)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with opener.open(url, timeout=5):
                return
        except urllib.error.URLError:
            time.sleep(0.02)
    raise RuntimeError(f"docker-registry does not answer (exit status {server.poll()})")
