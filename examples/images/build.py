#!/usr/bin/env python3
"""Build an example image: an OCI image layout, or its tree as a plain directory, or both.

    build.py debian-mini OUTDIR [--rootfs DIR] [--cache DIR]

Needs apt and dpkg-deb, but neither root nor a container tool. Nothing is done when the output
was built from the same recipe and packages before.
"""

import argparse
import fcntl
import hashlib
import importlib
import os
import sys
import tempfile
from pathlib import Path

from debs import Apt, PackagesUnavailable
from layout import Layout
from recipe import EPOCH, Layer, Recipe
from system import directory, text
from tree import (
    Entry,
    Kind,
    Tree,
    canonical,
    dangling,
    empty,
    make_parents,
    matching,
    read_package,
    remove,
    write_directory,
)

IMAGES = ("busybox", "debian-mini", "toolbox")
_HERE = Path(__file__).resolve().parent
_CACHE = _HERE.parents[1] / ".cache" / "images"


def load(name: str) -> Recipe:
    """The recipe, from the file named after it."""
    recipe: Recipe = importlib.import_module(name.replace("-", "_")).RECIPE
    return recipe


class Build:
    """One run: the packages of every layer, and the image's merged tree as it grows."""

    def __init__(self, recipe: Recipe, apt: Apt) -> None:
        self.recipe = recipe
        self._layers: list[list[str]] = []
        wanted: list[str] = []
        chosen: list[str] = []
        for layer in recipe.layers:
            wanted += layer.packages
            closure = apt.closure(wanted) if layer.packages else []
            self._layers.append([name for name in closure if name not in chosen])
            chosen += self._layers[-1]
        self._packages = chosen
        self._wanted = wanted
        self._apt = apt

    def key(self) -> str:
        """Equal for equal output: the recipes' sources, the packages, the Python that compiles."""
        parts = [f"{sys.version_info[:2]}", *self._packages]
        parts += [path.read_text() for path in sorted(_HERE.glob("*.py"))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def write(self, output: Path | None, rootfs: Path | None) -> None:
        """Make the layout, the plain directory, or both."""
        debs = self._apt.download(self._wanted, self._packages)
        with tempfile.TemporaryDirectory(prefix="elfuse-image-") as scratch:
            layout = Layout(output) if output else None
            try:
                merged: Tree = {}
                for layer, names in zip(self.recipe.layers, self._layers, strict=True):
                    packages = [debs[name] for name in names]
                    content = self._layer(layer, packages, merged, Path(scratch))
                    if layout:
                        layout.add_layer(content, self.recipe.compression, layer.comment)
                if broken := dangling(merged):
                    raise ValueError(f"links that lead nowhere: {', '.join(broken)}")
                if layout:
                    layout.publish(self.recipe)
                if rootfs:
                    write_directory(merged, rootfs)
            finally:
                if layout:
                    layout.abandon()

    def _layer(self, layer: Layer, packages: list[Path], merged: Tree, scratch: Path) -> Tree:
        """The entries of a layer, whiteouts included; `merged` becomes the tree with it."""
        content: Tree = {}
        for package in packages:
            content |= read_package(package, scratch)
        for path in matching(content, self.recipe.leave_out):
            remove(content, path)
        for path in layer.remove:
            remove(merged, path)
        for path in layer.opaque:
            empty(merged, path)
        for step in layer.steps:
            content |= step(merged | content)
        for path, source in layer.files.items():
            content[canonical(path)] = text(source)
        make_parents(content, merged, EPOCH)
        merged |= content
        whiteout = Entry(Kind.FILE, 0o600, EPOCH)
        for path in layer.remove:
            parent, _, name = path.rpartition("/")
            content[f"{parent}/.wh.{name}".lstrip("/")] = whiteout
        for path in layer.opaque:
            content[path] = content.get(path) or directory()
            content[f"{path}/.wh..wh..opq"] = whiteout
        return content


def main() -> None:
    parser = argparse.ArgumentParser(description="Build an example image.")
    parser.add_argument("name", choices=IMAGES)
    parser.add_argument("output", type=Path, nargs="?", help="the OCI image layout")
    parser.add_argument("--rootfs", type=Path, help="the same tree as a plain directory")
    parser.add_argument("--cache", type=Path, default=_CACHE, help="package lists and packages")
    arguments = parser.parse_args()
    if not arguments.output and not arguments.rootfs:
        parser.error("give OUTPUT, --rootfs DIR, or both")
    arguments.cache.mkdir(parents=True, exist_ok=True)
    with (arguments.cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            run(arguments)
        except PackagesUnavailable as error:
            sys.exit(f"{arguments.name}: {error}")


def run(arguments: argparse.Namespace) -> None:
    """Build what is not up to date. The caller holds the cache's lock."""
    outputs = [path for path in (arguments.output, arguments.rootfs) if path]
    apt = Apt(arguments.cache / "apt")
    apt.update()
    build = Build(load(arguments.name), apt)
    stamps = {path: path.with_name(f".{path.name}.built-from") for path in outputs}
    key = build.key()
    if all(p.exists() and s.exists() and s.read_text() == key for p, s in stamps.items()):
        print(f"{arguments.name}: up to date")
        return
    for stamp in stamps.values():
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.unlink(missing_ok=True)
    build.write(arguments.output, arguments.rootfs)
    for path, stamp in stamps.items():
        stamp.write_text(key)
        print(f"{arguments.name}: {path}")


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Sets in compiled Python files are laid out by their elements' hashes.
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})
    main()
