"""Images and containers as the command line shows and changes them."""

from __future__ import annotations

import os
import sys
import time

from elfuse import __version__
from elfuse.container.containers import Container, Containers
from elfuse.container.places import store_root
from elfuse.errors import ContainerError, ImageError, UsageError
from elfuse.images.manifest import LINUX_ARM64, Image, Platform
from elfuse.images.reference import parse_reference
from elfuse.images.store import Store
from elfuse.overlay.layers import Layers
from elfuse.overlay.overlay import Overlay
from elfuse.overlay.tree import tree_path
from elfuse.typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Literal

_PROGRESS: dict[str, Literal["auto", "plain", "none"]] = {
    "auto": "auto",
    "plain": "plain",
    "none": "none",
}
_POLICIES: dict[str, Literal["always", "missing", "never", "newer"]] = {
    "always": "always",
    "missing": "missing",
    "never": "never",
    "newer": "newer",
}
_UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"))


def pull(
    reference: str,
    store: str,
    platform: str = "",
    progress: str = "auto",
    policy: str = "always",
) -> Image:
    """Bring an image into the store and merge its layers into a tree; ImageError."""
    from elfuse.images.progress import open_progress  # a stored image is run without
    from elfuse.images.pull import pull as pull_image

    root = store_root(store)
    if progress not in _PROGRESS or policy not in _POLICIES:
        raise UsageError(f"--progress {progress} --pull {policy}: not known")
    with open_progress(_PROGRESS[progress], sys.stderr) as shown:
        image = pull_image(
            parse_reference(reference),
            Store(root),
            sinks=Layers(root),
            platform=Platform.parse(platform) if platform else LINUX_ARM64,
            policy=_POLICIES[policy],
            progress=shown,
        )
    image_tree(image, store)
    return image


def image_tree(image: Image, store: str) -> os.PathLike[str]:
    """The image's merged tree, built from its layers if it is not there yet."""
    root = store_root(store)
    return Layers(root).merged([layer.diff_id for layer in image.layers])


def stored_image(reference: str, store: str) -> Image:
    """An image of the store; ImageNotStored."""
    return Store(store_root(store)).image(reference)


def images(store: str) -> list[dict[str, str]]:
    """Rows for `elfuse images`."""
    held = Store(store_root(store))
    rows = []
    for entry in held.entries():
        image = held.load(entry)
        name, _, tag = entry.name.rpartition("@" if "@" in entry.name else ":")
        size = sum(layer.descriptor.size for layer in image.layers)
        rows.append(
            {
                "repository": parse_reference(entry.name).familiar.removesuffix(f":{tag}"),
                "tag": "<none>" if "@" in entry.name else tag,
                "image_id": image.config.digest.partition(":")[2][:12],
                "created": _age(image.config.created),
                "size": _size(size),
                "digest": image.digest,
                "name": name,
            }
        )
    return rows


def _size(number: int) -> str:
    for unit, name in _UNITS:
        if number >= unit:
            return f"{number / unit:.1f}{name}"
    return f"{number}B"


def _age(created: str) -> str:
    """`3 days ago` from an RFC 3339 date; `N/A` from anything else."""
    from datetime import UTC, datetime  # lists only

    try:
        then = datetime.fromisoformat(created)
    except ValueError:
        return "N/A"
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return _ago((datetime.now(UTC) - then).total_seconds())


def _ago(seconds: float) -> str:
    for length, name in ((86400 * 365, "year"), (86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return f"{int(seconds)} seconds ago"


def remove_image(reference: str, store: str, *, force: bool) -> str:
    """Forget an image's name; its data goes with the next prune. The name."""
    root = store_root(store)
    held = Store(root)
    image = held.image(reference)
    users = [c for c in Containers(root) if c.image == image.reference]
    if users and not force:
        raise ImageError(
            f"{reference} is used by container {users[0].name}",
            hint=f"remove the container with: elfuse rm {users[0].name}, or use --force",
        )
    held.remove(image.reference)
    return parse_reference(image.reference).familiar


def inspect(name: str, store: str) -> dict[str, Any]:
    """A container's description, or an image's."""
    root = store_root(store)
    try:
        container = Containers(root).find(name)
    except ContainerError:
        pass
    else:
        running = Containers(root).is_running(container)
        return {
            "Id": container.id,
            "Name": container.name,
            "Image": container.image,
            "Command": container.command,
            "Hostname": container.hostname,
            "Running": running,
            "Upper": str(Containers(root).upper(container)),
        }
    image = stored_image(name, store)
    config = image.config
    return {
        "Id": config.digest,
        "Reference": image.reference,
        "Digest": image.digest,
        "Platform": str(config.platform),
        "Created": config.created,
        "Config": {
            "Entrypoint": list(config.entrypoint),
            "Cmd": list(config.cmd),
            "Env": list(config.env),
            "WorkingDir": config.working_dir,
            "User": config.user,
            "Labels": dict(config.labels),
            "StopSignal": config.stop_signal,
        },
        "Layers": [
            {
                "Digest": layer.descriptor.digest,
                "Size": layer.descriptor.size,
                "DiffId": layer.diff_id,
            }
            for layer in image.layers
        ],
    }


def history(reference: str, store: str) -> list[dict[str, str]]:
    """Rows for `elfuse history`, newest first."""
    image = stored_image(reference, store)
    layers = iter(image.layers)
    rows = []
    for step in image.config.history:
        size = 0 if step.empty_layer else next((x.descriptor.size for x in layers), 0)
        rows.append(
            {"created": _age(step.created), "size": _size(size), "created_by": step.created_by}
        )
    return rows[::-1]


def prune(store: str, *, dry_run: bool) -> int:
    """Remove stopped containers, unnamed blobs, layers, trees and file objects; bytes."""
    root = store_root(store)
    containers = Containers(root)
    stopped = [c for c in containers if not containers.is_running(c)]
    freed = 0
    for container in stopped:
        freed += _directory_size(containers.directory(container))
        if not dry_run:
            containers.remove(container)
    if not dry_run:
        containers.sweep()
    held = Store(root)
    freed += held.gc(dry_run=dry_run).size
    live = [[layer.diff_id for layer in held.load(entry).layers] for entry in held.entries()]
    trees = {c.tree for c in containers}
    return freed + Layers(root).gc(live, keep_trees=trees, dry_run=dry_run)


def _directory_size(path: os.PathLike[str]) -> int:
    return sum(
        os.lstat(os.path.join(above, name)).st_size
        for above, _directories, names in os.walk(path)
        for name in names
    )


def verify(store: str) -> list[str]:
    """Everything that is damaged."""
    root = store_root(store)
    return [*Store(root).verify(), *Layers(root).verify()]


def diff(name: str, store: str) -> list[tuple[str, bytes]]:
    """(A, C or D, path) for what a container changed."""
    from elfuse.overlay.diff import changes  # a run needs none

    root = store_root(store)
    containers = Containers(root)
    container = containers.find(name)
    overlay = open_container(root, containers, container)
    return [(change.kind, change.path) for change in changes(overlay)]


def open_container(root: os.PathLike[str], containers: Containers, container: Container) -> Overlay:
    """A container's filesystem."""
    return Overlay(
        tree_path(root, container.tree), Layers(root).objects.root, containers.upper(container)
    )


def containers(store: str, *, everything: bool) -> list[dict[str, str]]:
    """Rows for `elfuse ps`."""
    held = Containers(store_root(store))
    rows = []
    for container in held:
        running = held.is_running(container)
        if not running and not everything:
            continue
        rows.append(
            {
                "container_id": container.id,
                "image": parse_reference(container.image).familiar,
                "command": _shortened(" ".join(container.command)),
                "created": _ago(time.time() - container.created_ns / 1e9),
                "status": "Up" if running else "Exited",
                "names": container.name,
            }
        )
    return rows


def _shortened(text: str, limit: int = 20) -> str:
    return f'"{text if len(text) <= limit else text[: limit - 1] + "…"}"'


def remove_container(name: str, store: str) -> None:
    held = Containers(store_root(store))
    held.remove(held.find(name))


def info(store: str) -> dict[str, object]:
    """What `elfuse info` tells."""
    import platform

    from elfuse.engine import NAMES, default_name

    root = store_root(store)
    return {
        "version": __version__,
        "engine": default_name(),
        "engines": " ".join(NAMES),
        "host": f"{platform.system()} {platform.machine()}",
        "store": str(root),
        "images": len(Store(root).entries()),
        "containers": len(list(Containers(root))),
    }
