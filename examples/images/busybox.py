"""One static program and a link per applet, in one layer."""

import system
from recipe import Layer, Recipe

RECIPE = Recipe(
    name="busybox",
    command=("sh",),
    layers=(
        Layer(
            "busybox and its applets",
            packages=("busybox-static",),
            steps=(system.skeleton, system.accounts, system.busybox_applets),
        ),
    ),
    leave_out=("usr/share",),
)
