"""Where temporary files go; as `tempfile`, whose module loads every kind of compression."""

import os


def temporary_places() -> list[str]:
    """Directories meant for temporary files, the preferred one first; not all need exist."""
    wanted = [os.environ[name] for name in ("TMPDIR", "TEMP", "TMP") if os.environ.get(name)]
    return [*wanted, "/tmp", "/var/tmp"]


def temporary_directory(prefix: str) -> str:
    """A new directory, for this user only. FileNotFoundError if nothing can be made anywhere."""
    for place in (*temporary_places(), os.getcwd()):
        if os.path.isdir(place) and os.access(place, os.W_OK | os.X_OK):
            made = os.path.join(os.path.abspath(place), f"{prefix}{os.urandom(8).hex()}")
            os.mkdir(made, 0o700)
            return made
    raise FileNotFoundError(2, "no directory for temporary files")
