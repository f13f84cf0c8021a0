"""Credentials as other tools leave them, and the token handshake of registries."""

import base64
import json
import os
import re
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from elfuse.images.errors import RegistryError
from elfuse.images.http import Http, read_bounded, refusal
from elfuse.images.reference import DEFAULT_REGISTRY, Reference
from elfuse.typing import Iterator, Mapping

if TYPE_CHECKING:
    import httpx

_MAX_TOKEN = 1 << 20
_HELPER_TIMEOUT = 30
_DOCKER_HUB = ("index.docker.io", "registry-1.docker.io")
_CHALLENGE = re.compile(r'([A-Za-z]+)((?:\s+|,\s*)?(?:\s*,?\s*\w+\s*=\s*(?:"[^"]*"|[^\s",]+))*)')
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s",]+))')


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and a password, or a token that stands for both."""

    username: str
    password: str
    identity_token: str = ""

    def __repr__(self) -> str:
        return f"<Credentials {self.username}>"

    @property
    def basic(self) -> str:
        """The header of HTTP's basic scheme."""
        pair = f"{self.username}:{self.password}".encode()
        return "Basic " + base64.b64encode(pair).decode()


def find_credentials(
    reference: Reference, environ: Mapping[str, str], problems: list[str] | None = None
) -> Credentials | None:
    """What the first file that knows the registry says.

    A file or helper that cannot be used is noted in `problems` and passed over: most images need
    no credentials, and a helper that is gone must not stand in their way.
    """
    notes: list[str] = [] if problems is None else problems
    for path in _files(environ):
        try:
            document = json.loads(path.read_bytes())
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RecursionError) as error:
            notes.append(f"{path}: {error}")
            continue
        if not isinstance(document, dict):
            notes.append(f"{path}: not a JSON object")
            continue
        found = _from_document(document, reference, environ, notes, path)
        if found:
            return found
    return None


def _files(environ: Mapping[str, str]) -> Iterator[Path]:
    if directory := environ.get("DOCKER_CONFIG"):
        yield Path(directory) / "config.json"
    if home := environ.get("HOME"):
        yield Path(home) / ".docker" / "config.json"
    if file := environ.get("REGISTRY_AUTH_FILE"):
        yield Path(file)
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime) / "containers" / "auth.json"


def _from_document(
    document: Mapping[str, Any],
    reference: Reference,
    environ: Mapping[str, str],
    notes: list[str],
    path: Path,
) -> Credentials | None:
    for section, key in _matches(document.get("credHelpers"), reference):
        if isinstance(section, str) and (found := _ask_helper(section, key, environ, notes)):
            return found
    for entry, _ in _matches(document.get("auths"), reference):
        if isinstance(entry, dict) and (found := _from_entry(entry, notes, path)):
            return found
    helper = document.get("credsStore")
    if isinstance(helper, str) and helper:
        hub = reference.registry == DEFAULT_REGISTRY
        key = "https://index.docker.io/v1/" if hub else reference.registry
        return _ask_helper(helper, key, environ, notes)
    return None


def _matches(section: object, reference: Reference) -> Iterator[tuple[Any, str]]:
    """The entries about the registry, those about a longer part of the repository first."""
    if not isinstance(section, dict):
        return
    known = {_normal(key): key for key in section if isinstance(key, str)}
    parts = reference.repository.split("/")
    for length in range(len(parts), -1, -1):
        key = "/".join((reference.registry, *parts[:length]))
        if key in known:
            yield section[known[key]], known[key]


def _normal(key: str) -> str:
    key = re.sub(r"^https?://", "", key).rstrip("/")
    key = re.sub(r"/v[12]$", "", key)
    host, slash, rest = key.partition("/")
    return (DEFAULT_REGISTRY if host in _DOCKER_HUB else host) + slash + rest


def _from_entry(entry: Mapping[str, Any], notes: list[str], path: Path) -> Credentials | None:
    token = entry.get("identitytoken")
    token = token if isinstance(token, str) else ""
    username, password = entry.get("username"), entry.get("password")
    auth = entry.get("auth")
    if isinstance(auth, str) and auth:
        try:
            username, _, password = base64.b64decode(auth, validate=True).decode().partition(":")
        except ValueError:
            notes.append(f"{path}: an entry is not base64")
            return None
    username = username if isinstance(username, str) else ""
    password = password.rstrip("\0") if isinstance(password, str) else ""
    return Credentials(username, password, token) if username or token else None


def _ask_helper(
    helper: str, registry: str, environ: Mapping[str, str], notes: list[str]
) -> Credentials | None:
    program = f"docker-credential-{helper}"
    if "/" in helper:
        notes.append(f"{program}: not a helper's name")
        return None
    try:
        done = subprocess.run(
            [program, "get"],
            input=registry.encode(),
            capture_output=True,
            timeout=_HELPER_TIMEOUT,
            env=dict(environ),
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        notes.append(f"{program}: {error}")
        return None
    if done.returncode:
        # This is also how a helper says that it knows nothing.
        return None
    try:
        answer = json.loads(done.stdout)
        username, secret = answer["Username"], answer["Secret"]
    except (ValueError, LookupError, TypeError, RecursionError):
        notes.append(f"{program}: no credentials in its answer")
        return None
    if not isinstance(username, str) or not isinstance(secret, str) or not secret:
        return None
    if username == "<token>":
        return Credentials("", "", secret)
    return Credentials(username, secret)


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a registry wants before it answers."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """The challenges of a WWW-Authenticate header."""
    found = []
    for match in _CHALLENGE.finditer(header[:8192]):
        pairs = _PARAMETER.findall(match.group(2))
        values = {name.lower(): quoted or plain for name, quoted, plain in pairs}
        found.append(Challenge(match.group(1).lower(), values))
    return tuple(found)


class Authorizer:
    """The Authorization header for one repository, shared by the threads of a pull."""

    def __init__(
        self, reference: Reference, http: Http, environ: Mapping[str, str] | None = None
    ) -> None:
        self._reference = reference
        self._http = http
        self._environ = os.environ if environ is None else environ
        self._lock = threading.Lock()
        self._credentials: Credentials | None = None
        self._searched = False
        self.problems: list[str] = []
        self.header = ""

    @property
    def has_credentials(self) -> bool:
        """Whether the user gave credentials for this registry."""
        return self._credentials is not None

    def answer(self, response: "httpx.Response", used: str, *, secure: bool) -> bool:
        """Get a new header after a 401 to a request with the header `used`; whether to try again."""
        with self._lock:
            if self.header != used:
                return True  # another thread has done it
            if not self._searched:
                self._searched = True
                self._credentials = find_credentials(self._reference, self._environ, self.problems)
            challenges = parse_challenges(", ".join(response.headers.get_list("www-authenticate")))
            new = self._respond(challenges, secure)
            changed = bool(new) and new != used
            self.header = new or self.header
            return changed

    def _respond(self, challenges: tuple[Challenge, ...], secure: bool) -> str:
        for challenge in challenges:
            if challenge.scheme == "bearer" and "realm" in challenge.parameters:
                return "Bearer " + self._token(challenge.parameters, secure)
        if any(challenge.scheme == "basic" for challenge in challenges):
            return self._credentials.basic if self._credentials else ""
        return ""

    def _token(self, parameters: Mapping[str, str], secure: bool) -> str:
        realm = parameters["realm"]
        if not realm.startswith("https://" if secure else ("https://", "http://")):
            raise RegistryError(
                f"{self._reference.registry} sends its users to {realm[:200]} for a token, not HTTPS"
            )
        scope = parameters.get("scope") or f"repository:{self._reference.repository}:pull"
        query = {"service": parameters.get("service", ""), "scope": scope}
        query = {key: value for key, value in query.items() if value}
        credentials = self._credentials
        if credentials and credentials.identity_token:
            form = {**query, "grant_type": "refresh_token", "client_id": "elfuse"}
            form["refresh_token"] = credentials.identity_token
            opened = self._http.open("POST", realm, {}, form)
        else:
            headers = {"Authorization": credentials.basic} if credentials else {}
            joint = "&" if "?" in realm else "?"
            opened = self._http.open("GET", realm + joint + urlencode(query), headers)
        with opened as response:
            if response.status_code != 200:
                what = f"no token for {self._reference.familiar}"
                login = self.has_credentials
                raise refusal(response, what, self._reference.registry, login=login)
            return self._read_token(read_bounded(response, _MAX_TOKEN, "the token"))

    def _read_token(self, body: bytes) -> str:
        try:
            document = json.loads(body)
            token = document.get("token") or document.get("access_token")
        except (ValueError, AttributeError, RecursionError):
            token = None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise RegistryError(f"the token service of {self._reference.registry} sent no token")
        return token
