"""Where things are kept: one directory with the store's layout and the containers, and a cache."""

from __future__ import annotations

import os

from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def store_root(given: str = "") -> Path:
    """`--store DIR`, else ELFUSE_HOME, else the platform's user data directory."""
    from pathlib import Path  # plain mode needs no store

    if given:
        return Path(given).absolute()
    home = os.environ.get("ELFUSE_HOME")
    if home:
        return Path(home).absolute()
    from platformdirs import user_data_path  # only without ELFUSE_HOME

    return user_data_path("elfuse")


def cache_root() -> str:
    """Where translations are kept, empty for nowhere.

    ELFUSE_CACHE is the directory, or `off`; otherwise it is in ELFUSE_HOME, else where the user's
    caches are (the XDG base directory specification).
    """
    given = os.environ.get("ELFUSE_CACHE", "")
    if given:
        return "" if given == "off" else os.path.abspath(given)
    home = os.environ.get("ELFUSE_HOME")
    if home:
        return os.path.abspath(os.path.join(home, "cache"))
    caches = os.environ.get("XDG_CACHE_HOME", "")
    if not caches.startswith("/"):
        caches = os.path.expanduser("~/.cache")
    return os.path.join(caches, "elfuse")
