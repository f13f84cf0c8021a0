"""How to talk to registries, as a caller says it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """How to talk to registries. Times are in seconds.

    `insecure` names registries (`host[:port]`) to reach by plain HTTP, besides loopback.
    `attempts` bounds the tries of one request that makes no progress; a registry that asks for
    a longer pause than `longest_wait` is not waited for.
    """

    insecure: frozenset[str] = frozenset()
    ca_bundle: Path | None = None
    timeout: float = 30.0
    attempts: int = 5
    backoff: float = 0.5
    longest_wait: float = 60.0
