"""Debian 12's arm64 packages, resolved and fetched by the machine's apt in a state of its own.

The machine's package lists, installed packages and architectures are neither used nor changed.
The mirrors and the keys are the machine's: nothing here names a host.
"""

import hashlib
import re
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

SUITE = "bookworm"
ARCHITECTURE = "arm64"
_FRESH = 7 * 24 * 3600
_INSTALLED = re.compile(r"^Inst (\S+) \((\S+) .*\[(\w+)\]\)")


class PackagesUnavailable(Exception):
    """apt has no Debian 12 mirror, or could not resolve or fetch."""


class Apt:
    """apt with its lists and downloads in `cache`."""

    def __init__(self, cache: Path) -> None:
        self._root = cache.resolve()
        self._archives = self._root / "archives"
        self._lists = self._root / "lists"
        self._stamp = self._root / "updated"

    def update(self) -> None:
        """Fetch the package lists, unless that was done this week."""
        if self._stamp.exists() and time.time() - self._stamp.stat().st_mtime < _FRESH:
            return
        for directory in (self._archives / "partial", self._lists / "partial"):
            directory.mkdir(parents=True, exist_ok=True)
        (self._root / "status").write_text("")
        (self._root / "debian.sources").write_text("\n\n".join(_stanzas()) + "\n")
        self._run("update", "-qq")
        for outdated in self._root.glob("closure-*"):
            outdated.unlink()
        self._stamp.touch()

    def closure(self, packages: Iterable[str]) -> list[str]:
        """File names of the packages and of everything they depend on, in apt's order.

        Kept beside the package lists, because apt needs a second to answer.
        """
        question = "\n".join(packages)
        name = hashlib.sha256(question.encode()).hexdigest()
        known = self._root / f"closure-{self._stamp.stat().st_mtime_ns}-{name}"
        if not known.exists():
            part = known.with_suffix(".part")
            part.write_text("\n".join(self._resolve(question.split())))
            part.rename(known)
        return known.read_text().split()

    def _resolve(self, packages: Iterable[str]) -> list[str]:
        planned = self._run(*self._install(packages), "--simulate")
        found = (match for match in map(_INSTALLED.match, planned.splitlines()) if match)
        return [
            f"{name}_{version.replace(':', '%3a')}_{arch}.deb"
            for name, version, arch in (match.groups() for match in found)
        ]

    def download(self, packages: Iterable[str], files: Iterable[str]) -> dict[str, Path]:
        """The packages' closure as local files; apt verifies what it fetches."""
        places = {name: self._archives / name for name in files}
        if not all(place.exists() for place in places.values()):
            self._run(*self._install(packages), "--download-only")
        return places

    def _install(self, packages: Iterable[str]) -> list[str]:
        return ["install", "-qq", "--yes", "--no-install-recommends", *packages]

    def _run(self, *arguments: str) -> str:
        options = {
            "Dir::State": self._root,
            "Dir::State::lists": self._lists,
            "Dir::State::status": self._root / "status",
            "Dir::Cache": self._root,
            "Dir::Cache::archives": self._archives,
            "Dir::Cache::pkgcache": "pkgcache.bin",
            "Dir::Cache::srcpkgcache": "",
            "Dir::Etc::sourcelist": self._root / "debian.sources",
            "Dir::Etc::sourceparts": "-",
            "Dir::Etc::preferencesparts": "-",
            "APT::Architecture": ARCHITECTURE,
            "APT::Architectures": ARCHITECTURE,
            # The download directory belongs to the caller, not to apt's own user.
            "APT::Sandbox::User": "",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        }
        command = ["apt-get", *(f"-o{name}={value}" for name, value in options.items())]
        done = subprocess.run(
            [*command, *arguments],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise PackagesUnavailable(f"apt-get {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout


def _stanzas() -> list[str]:
    """The machine's sources of Debian 12, in deb822 form and for the main component only."""
    found = []
    for source in [
        Path("/etc/apt/sources.list"),
        *sorted(Path("/etc/apt/sources.list.d").glob("*")),
    ]:
        if source.suffix not in (".list", ".sources") or not source.exists():
            continue
        read = _one_line_sources if source.suffix == ".list" else _deb822_sources
        for uris, suites, signed_by in read(source.read_text()):
            wanted = [s for s in suites if s in (SUITE, f"{SUITE}-updates", f"{SUITE}-security")]
            if wanted:
                lines = [f"URIs: {uris}", f"Suites: {' '.join(wanted)}", "Components: main"]
                found.append("\n".join(["Types: deb", *lines, *signed_by]))
    if not found:
        raise PackagesUnavailable(f"apt's sources on this machine name no mirror of Debian {SUITE}")
    return found


_Source = tuple[str, list[str], list[str]]


def _one_line_sources(text: str) -> Iterator[_Source]:
    for line in text.splitlines():
        match = re.match(r"deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s", f"{line} ")
        if match:
            key = re.search(r"signed-by=(\S+)", match[1] or "")
            yield match[2], [match[3]], [f"Signed-By: {key[1]}"] if key else []


def _deb822_sources(text: str) -> Iterator[_Source]:
    text = re.sub(r"^#.*\n?", "", text, flags=re.MULTILINE)
    for stanza in re.split(r"\n\s*\n", text):
        # A field with its continuation lines, which an inline key has.
        fields = {
            name.lower(): value.strip()
            for name, value in re.findall(r"^([\w-]+):((?:.*)(?:\n[ \t].*)*)", stanza, re.MULTILINE)
        }
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes") == "no":
            continue
        key = fields.get("signed-by")
        yield fields["uris"], fields["suites"].split(), [f"Signed-By: {key}"] if key else []
