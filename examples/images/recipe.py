"""What an image is made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tree import Tree

Step = Callable[[Tree], Tree]
"""Looks at the image so far and gives entries to add to the layer."""

EPOCH = 1686355200
"""Time of everything that no package brings: the day Debian 12 was released."""


@dataclass(frozen=True)
class Layer:
    """Packages with what they depend on, then steps, files and removals, in this order.

    `remove` names things of lower layers, files or directories; `opaque` names directories that
    hide what lower layers have below them. Both become whiteouts.
    """

    comment: str
    packages: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    opaque: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """An image. `leave_out` has patterns of package files that are not wanted."""

    name: str
    layers: tuple[Layer, ...]
    command: tuple[str, ...]
    compression: Literal["gzip", "zstd"] = "gzip"
    leave_out: tuple[str, ...] = ()
    path: str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
