"""Where credentials are found, and how registries ask for them."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from elfuse.images.auth import Challenge, Credentials, find_credentials, parse_challenges
from elfuse.images.errors import RegistryError
from elfuse.images.pull import pull
from elfuse.images.reference import Reference, parse_reference
from elfuse.images.store import Store
from tests.images.builders import random_image
from tests.images.conftest import QUICK
from tests.images.sinks import Layers
from tests.registry import Fault, Registry


def basic(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def write(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def helper(directory: Path, name: str, script: str) -> None:
    path = write(directory / f"docker-credential-{name}", f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "DOCKER_CONFIG": str(tmp_path / "docker"),
        "HOME": str(tmp_path / "home"),
        "REGISTRY_AUTH_FILE": str(tmp_path / "auth-file"),
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
        "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
    }


def user_for(text: str, environ: dict[str, str], problems: list[str] | None = None) -> str:
    reference = parse_reference(text)
    assert isinstance(reference, Reference)
    found = find_credentials(reference, environ, problems)
    return found.username or found.identity_token if found else ""


def test_files_are_asked_in_order(tmp_path: Path, environ: dict[str, str]) -> None:
    files = [
        "docker/config.json",
        "home/.docker/config.json",
        "auth-file",
        "run/containers/auth.json",
    ]
    for name in files:
        write(tmp_path / name, {"auths": {"host.example": basic(name, "p")}})
    for name in files:
        assert user_for("host.example/x", environ) == name
        (tmp_path / name).unlink()
    assert user_for("host.example/x", environ) == ""


@pytest.mark.parametrize(
    "key", ["https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io"]
)
def test_docker_hub_has_many_names(key: str, tmp_path: Path, environ: dict[str, str]) -> None:
    write(tmp_path / "home/.docker/config.json", {"auths": {key: basic("me", "p")}})
    assert user_for("alpine", environ) == "me"
    assert user_for("quay.io/alpine", environ) == ""


def test_the_longest_match_wins(tmp_path: Path, environ: dict[str, str]) -> None:
    auths = {
        "h.example": basic("host", ""),
        "h.example/a": basic("group", ""),
        "h.example/a/b": basic("repository", ""),
    }
    write(tmp_path / "auth-file", {"auths": auths})
    assert user_for("h.example/a/b", environ) == "repository"
    assert user_for("h.example/a/c", environ) == "group"
    assert user_for("h.example/ab", environ) == "host"


def test_helpers_are_asked(tmp_path: Path, environ: dict[str, str]) -> None:
    helper(
        tmp_path / "bin",
        "good",
        'read -r host; echo "{\\"Username\\":\\"$host\\",\\"Secret\\":\\"s\\"}"',
    )
    helper(
        tmp_path / "bin",
        "token",
        'echo "{\\"Username\\":\\"<token>\\",\\"Secret\\":\\"identity\\"}"',
    )
    helper(tmp_path / "bin", "none", "echo credentials not found; exit 1")
    config = {"credHelpers": {"t.example": "token"}, "credsStore": "good"}
    write(tmp_path / "docker/config.json", config)
    assert user_for("t.example/x", environ) == "identity"
    assert user_for("h.example/x", environ) == "h.example"
    assert user_for("alpine", environ) == "https://index.docker.io/v1/"
    write(tmp_path / "docker/config.json", {"credsStore": "none"})
    assert user_for("alpine", environ) == ""


def test_what_cannot_be_used_is_noted_and_passed_over(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    write(tmp_path / "docker/config.json", {"credsStore": "absent"})
    write(tmp_path / "home/.docker/config.json", "{")
    write(tmp_path / "auth-file", {"auths": {"h.example": {"auth": "***"}}})
    write(tmp_path / "run/containers/auth.json", {"auths": {"h.example": basic("me", "p")}})
    problems: list[str] = []
    assert user_for("h.example/x", environ, problems) == "me"
    assert [problem.partition(":")[0].rpartition("/")[2] for problem in problems] == [
        "docker-credential-absent",
        "config.json",
        "auth-file",
    ]


def test_passwords_are_not_shown() -> None:
    assert "secret" not in repr(Credentials("me", "secret", "secret"))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ()),
        ('Basic realm="a b"', (Challenge("basic", {"realm": "a b"}),)),
        (
            'Bearer realm="https://a/t",service="s",scope="repository:x:pull,push"',
            (
                Challenge(
                    "bearer",
                    {"realm": "https://a/t", "service": "s", "scope": "repository:x:pull,push"},
                ),
            ),
        ),
        (
            'Basic realm=x, bearer Realm="y" , service=z',
            (
                Challenge("basic", {"realm": "x"}),
                Challenge("bearer", {"realm": "y", "service": "z"}),
            ),
        ),
        ("Negotiate", (Challenge("negotiate", {}),)),
    ],
)
def test_challenges_are_parsed(header: str, expected: tuple[Challenge, ...]) -> None:
    assert parse_challenges(header) == expected


def login(tmp_path: Path, registry: Registry, entry: dict[str, str]) -> None:
    write(tmp_path / "docker/config.json", {"auths": {registry.host: entry}})


def test_anonymous_token(registry: Registry, store: Store, environ: dict[str, str]) -> None:
    registry.scheme = "bearer"
    reference = registry.push(random_image(4))
    assert pull(reference, store, sinks=Layers(), options=QUICK, environ=environ).layers
    assert len([path for path in registry.fetched() if path.startswith("/token")]) == 1


def test_token_that_runs_out_is_renewed(
    registry: Registry, store: Store, environ: dict[str, str]
) -> None:
    registry.scheme, registry.token_uses = "bearer", 2
    reference = registry.push(random_image(1))
    assert pull(reference, store, sinks=Layers(), options=QUICK, environ=environ).layers
    assert len([path for path in registry.fetched() if path.startswith("/token")]) >= 2


@pytest.mark.parametrize("scheme", ["bearer", "basic"])
def test_credentials_open_a_private_registry(
    scheme: str, registry: Registry, store: Store, tmp_path: Path, environ: dict[str, str]
) -> None:
    registry.scheme, registry.users, registry.anonymous_tokens = scheme, {"me": "secret"}, False
    reference = registry.push(random_image(2))
    with pytest.raises(RegistryError, match=r"asks for a login|no token") as caught:
        pull(reference, store, sinks=Layers(), options=QUICK, environ=environ)
    assert caught.value.status == 401
    assert f"elfuse login {registry.host}" in caught.value.hint
    login(tmp_path, registry, basic("me", "wrong"))
    with pytest.raises(RegistryError, match="refuses the credentials") as caught:
        pull(reference, store, sinks=Layers(), options=QUICK, environ=environ)
    assert "wrong" not in str(caught.value) + caught.value.hint
    login(tmp_path, registry, basic("me", "secret"))
    assert pull(reference, store, sinks=Layers(), options=QUICK, environ=environ).layers


def test_identity_token_is_exchanged(
    registry: Registry, store: Store, tmp_path: Path, environ: dict[str, str]
) -> None:
    registry.scheme, registry.anonymous_tokens = "bearer", False
    reference = registry.push(random_image(1))
    login(tmp_path, registry, {"identitytoken": "identity"})
    assert pull(reference, store, sinks=Layers(), options=QUICK, environ=environ).layers


def test_helper_that_is_gone_is_mentioned_only_when_it_matters(
    registry: Registry, store: Store, tmp_path: Path, environ: dict[str, str]
) -> None:
    write(tmp_path / "docker/config.json", {"credsStore": "absent"})
    registry.scheme = "basic"
    reference = registry.push(random_image(1))
    with pytest.raises(RegistryError) as caught:
        pull(reference, store, sinks=Layers(), options=QUICK, environ=environ)
    assert "not used: docker-credential-absent" in caught.value.hint
    registry.scheme = "bearer"
    assert pull(reference, store, sinks=Layers(), options=QUICK, environ=environ).layers


def test_token_service_that_sends_nonsense_is_reported(
    registry: Registry, store: Store, environ: dict[str, str]
) -> None:
    registry.scheme = "bearer"
    reference = registry.push(random_image(1))
    for body in (b"", b"[]", b'{"token": 1}', b'{"token": "a\\nb"}', b"[" * 10_000):
        registry.fail("token", Fault(status=200, body=body))
        with pytest.raises(RegistryError, match="sent no token"):
            pull(reference, store, sinks=Layers(), options=QUICK, environ=environ)


def test_realm_that_is_no_registry_is_not_followed(
    registry: Registry, store: Store, environ: dict[str, str]
) -> None:
    reference = registry.push(random_image(1))
    challenge = {"WWW-Authenticate": 'Bearer realm="file:///etc/passwd",service="tests"'}
    registry.fail("latest", Fault(status=401, headers=challenge))
    with pytest.raises(RegistryError, match="not HTTPS"):
        pull(reference, store, sinks=Layers(), options=QUICK, environ=environ)
