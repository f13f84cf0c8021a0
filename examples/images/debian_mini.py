"""A small Debian with bash, perl-base and Python; its last layers take away and replace."""

import system
from recipe import Layer, Recipe

RECIPE = Recipe(
    name="debian-mini",
    command=("bash",),
    leave_out=("usr/share/locale", "usr/share/man"),
    layers=(
        Layer(
            "base system",
            packages=(
                "base-files",
                "base-passwd",
                "usr-is-merged",
                "bash",
                "coreutils",
                "dash",
                "perl-base",
                "grep",
                "sed",
                "findutils",
            ),
            steps=(system.skeleton, system.accounts, system.alternatives),
            files={
                "opt/example/README": "Replaced by a later layer.\n",
                "opt/example/removed": "A later layer's whiteout hides this file.\n",
                "opt/example/cache/stale": "A later layer makes this directory opaque.\n",
                "opt/example/cache/deep/stale": "Hidden as well.\n",
            },
        ),
        Layer(
            "Python",
            packages=("python3-minimal", "libpython3-stdlib"),
            steps=(system.alternatives, system.python_bytecode),
        ),
        Layer(
            "clean up",
            remove=("opt/example/removed", "usr/share/lintian", "usr/share/bug"),
            opaque=("opt/example/cache",),
            files={
                "opt/example/README": "Files of this directory come from two layers.\n",
                "opt/example/cache/fresh": "The only file here.\n",
            },
        ),
        Layer("back again", files={"opt/example/removed": "Not removed any more.\n"}),
    ),
)
