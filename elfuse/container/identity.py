"""Who the guest is and what its environment holds: docker's rules for --user, -e and --env-file."""

from __future__ import annotations

import os

from elfuse.errors import ContainerError, UsageError
from elfuse.record import Record
from elfuse.typing import Callable, Iterable, Sequence

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Identity(Record):
    """Numbers and home of the guest's user."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def _rows(text: bytes) -> list[list[str]]:
    return [line.split(":") for line in text.decode(errors="replace").splitlines() if ":" in line]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and int(text) < 2**32 - 1 else None


def find_identity(user: str, read: Callable[[str], bytes]) -> Identity:
    """The identity that `user` (name or uid, possibly `:group`) names in the image.

    `read` returns the content of a file of the image, empty if it is not there. ContainerError
    for a name the image does not know.
    """
    name, _, group = (user or "0").partition(":")
    passwd = _rows(read("/etc/passwd"))
    groups = _rows(read("/etc/group"))
    uid = _number(name)
    row = next(
        (r for r in passwd if len(r) >= 6 and (r[0] == name or (uid is not None and r[2] == name))),
        None,
    )
    if row is not None:
        uid = int(row[2])
    if uid is None:
        raise ContainerError(f"unable to find user {name}: no matching entries in passwd file")
    if group:
        gid = _number(group)
        listed = next((r for r in groups if len(r) >= 3 and r[0] == group), None)
        if listed is not None:
            gid = int(listed[2])
        if gid is None:
            raise ContainerError(f"unable to find group {group}: no matching entries in group file")
        extra: tuple[int, ...] = (gid,)
    else:
        gid = int(row[3]) if row is not None else 0
        login = row[0] if row is not None else ""
        members = {int(r[2]) for r in groups if len(r) >= 4 and login in r[3].split(",")}
        extra = tuple(sorted({gid} | (members if login else set())))
    return Identity(uid, gid, extra, row[5] or "/" if row is not None else "/")


def image_environment(
    image: Iterable[str],
    given: Sequence[str],
    files: Sequence[str],
    *,
    home: str,
    hostname: str,
    terminal: bool,
) -> list[bytes]:
    """The guest's environment: PATH, HOSTNAME, TERM and HOME first, then image, files, -e.

    A bare NAME imports the host's value, or removes the variable if the host has none.
    """
    found: dict[str, str] = {"PATH": DEFAULT_PATH, "HOSTNAME": hostname}
    if terminal:
        found["TERM"] = "xterm"
    for entry in image:
        name, _, value = entry.partition("=")
        found[name] = value
    for path in files:
        _apply(found, _file_entries(path))
    _apply(found, given)
    found.setdefault("HOME", home)
    return [os.fsencode(f"{name}={value}") for name, value in found.items()]


def _apply(found: dict[str, str], entries: Iterable[str]) -> None:
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not name:
            raise UsageError(f"invalid environment variable: {entry}")
        if equals:
            found[name] = value
        elif name in os.environ:
            found[name] = os.environ[name]
        else:
            found.pop(name, None)


def _file_entries(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--env-file {path}: {error}") from None
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.lstrip()
        if not entry or entry.startswith("#"):
            continue
        name = entry.partition("=")[0]
        if not name or any(c.isspace() for c in name):
            raise UsageError(
                f"--env-file {path}: line {number}: variable {name!r} contains whitespace"
            )
        entries.append(entry)
    return entries


def plain_environment(given: Sequence[str], *, clear: bool) -> list[bytes]:
    """The host's environment, changed by --env; empty first with --clear-env."""
    found = {} if clear else dict(os.environ)
    _apply(found, given)
    return [os.fsencode(f"{name}={value}") for name, value in found.items()]
