"""Where things are kept: one directory with the store's layout and the containers."""

import os
from pathlib import Path


def store_root(given: str = "") -> Path:
    """`--store DIR`, else ELFUSE_HOME, else the platform's user data directory."""
    if given:
        return Path(given).absolute()
    home = os.environ.get("ELFUSE_HOME")
    if home:
        return Path(home).absolute()
    from platformdirs import user_data_path  # only without ELFUSE_HOME

    return user_data_path("elfuse")
