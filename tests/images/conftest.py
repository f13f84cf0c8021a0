"""Registries, stores and sinks for the tests of `elfuse.images`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from elfuse.images.options import RegistryOptions
from elfuse.images.store import Store
from tests.images.sinks import Layers
from tests.registry import (
    AnyRegistry,
    DockerRegistry,
    Registry,
    docker_registry,
    missing_programs,
)

# Tests of retries wait for nothing.
QUICK = RegistryOptions(timeout=10, attempts=3, backoff=0.001, longest_wait=0.05)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def layers() -> Layers:
    return Layers()


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry() as running:
        yield running


@pytest.fixture(scope="session")
def real_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    if missing := missing_programs():
        pytest.skip(f"not installed: {missing}")
    with docker_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(params=["in-process", "docker-registry"])
def any_registry(request: pytest.FixtureRequest) -> AnyRegistry:
    name = "registry" if request.param == "in-process" else "real_registry"
    found: AnyRegistry = request.getfixturevalue(name)
    return found
