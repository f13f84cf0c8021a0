"""A C compiler and the usual tools of a developer, in zstd layers."""

import system
from recipe import Layer, Recipe

RECIPE = Recipe(
    name="toolbox",
    command=("bash",),
    compression="zstd",
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
                "diffutils",
                "findutils",
                "grep",
                "gzip",
                "perl-base",
                "sed",
                "tar",
            ),
            steps=(system.skeleton, system.accounts, system.alternatives),
        ),
        Layer(
            "tools",
            packages=("git", "luajit", "procps", "sqlite3", "xz-utils", "zstd"),
            steps=(system.alternatives,),
        ),
        Layer(
            "compiler",
            packages=("gcc", "libc6-dev", "binutils", "make", "musl-tools"),
            steps=(system.alternatives,),
        ),
    ),
    # Documentation, sanitizers, profilers and link-time optimisation: two thirds of the bytes.
    leave_out=(
        "usr/share/doc",
        "usr/share/info",
        "usr/share/lintian",
        "usr/share/locale",
        "usr/share/man",
        "usr/share/bug",
        "usr/bin/*gprofng*",
        "usr/bin/*gp-*",
        "usr/lib/*/gprofng",
        "usr/lib/*/lib*san.so*",
        "usr/lib/gcc/*/12/lib*san*",
        "usr/lib/gcc/*/12/lto1",
        "usr/bin/*lto-dump*",
    ),
)
