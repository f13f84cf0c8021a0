"""Plain mode: one ELF file, host files, and possibly a sysroot in front of them."""

from __future__ import annotations

import os

from elfuse.container.identity import plain_environment
from elfuse.container.starting import StartFailure, guest_root, make_kernel, start
from elfuse.errors import UsageError
from elfuse.record import Record
from elfuse.runtime.boot import Program
from elfuse.runtime.fs.host import HostFilesystem
from elfuse.runtime.vfs.credentials import Credentials
from elfuse.runtime.vfs.mounts import Namespace
from elfuse.typing import TYPE_CHECKING, Iterable, NoReturn

if TYPE_CHECKING:
    from elfuse.runtime.gdb.supervisor import Debugging
    from elfuse.runtime.vfs.filesystem import Filesystem

_SYSTEM = (
    "/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/sbin", "/usr", "/var",
)  # fmt: skip
"""Directories of the host that are a system's own. Others hold what users and services work on."""


class PlainOptions(Record):
    """The command line of plain mode."""

    program: str
    arguments: list[str]
    sysroot: str
    user: str
    fakeroot: bool
    workdir: str
    environment: list[str]
    clear_environment: bool
    watchdog_seconds: float
    engine: str
    confine: bool
    store: str
    verbose: bool
    debugging: Debugging | None


def run_plain(options: PlainOptions) -> NoReturn:
    """Run one program; the host process ends with its exit status."""
    roots: list[Filesystem] = []
    cleanup = []
    if options.sysroot.startswith("image:"):
        from elfuse.container.run import throwaway_overlay

        overlay, remove = throwaway_overlay(options.sysroot.removeprefix("image:"), options.store)
        roots.append(overlay)
        cleanup.append(remove)
    elif options.sysroot:
        if not os.path.isdir(options.sysroot):
            raise UsageError(f"--sysroot {options.sysroot}: no such directory")
        roots.append(HostFilesystem(options.sysroot, fakeroot=options.fakeroot))
    roots.append(HostFilesystem("/", fakeroot=options.fakeroot))
    kernel = make_kernel(
        roots,
        engine=options.engine,
        confined=options.confine,
        contained=False,
        hostname=os.uname().nodename,
        terminal=True,
        verbose=options.verbose,
        watchdog_seconds=options.watchdog_seconds,
    )
    kernel.at_exit.extend(cleanup)
    if options.sysroot:
        _guard_host(kernel.namespace, options.workdir or os.getcwd())
    path = guest_root(options.program, options.sysroot)
    program = Program(
        path=os.fsencode(path),
        argv=[os.fsencode(word) for word in (options.program, *options.arguments)],
        environ=plain_environment(options.environment, clear=options.clear_environment),
        credentials=_credentials(options),
        # Relative to the host's root, so that the host answers and not a directory of the same
        # name in the sysroot.
        cwd=os.fsencode(options.workdir or os.getcwd().lstrip("/") or "."),
        umask=_umask(),
    )
    names = StartFailure(options.program, os.fspath(options.workdir))
    start(kernel, program, names, options.debugging)


def _guard_host(namespace: Namespace, workdir: str) -> None:
    """Keep programs of a sysroot from changing the host's own system, where the sysroot lacks a path.

    They may work below the directory they were started in, wherever that is.
    """
    from elfuse.host.temporary import temporary_places  # only with a sysroot

    work = (workdir, os.path.expanduser("~"), *temporary_places())
    namespace.roots[-1].guard(_real_paths(_SYSTEM), but=_real_paths(work))


def _real_paths(paths: Iterable[str]) -> list[bytes]:
    """Without symbolic links, as the kernel part names places; not the root, which holds everything."""
    found = {os.path.realpath(path) for path in paths}
    return sorted(os.fsencode(path) for path in found - {"/"})


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _credentials(options: PlainOptions) -> Credentials:
    if options.user:
        uid, _, gid = options.user.partition(":")
        if not uid.isdigit() or (gid and not gid.isdigit()):
            raise UsageError(f"--user {options.user}: plain mode takes numbers, UID[:GID]")
        return Credentials.of(int(uid), int(gid or uid), ())
    if options.fakeroot:
        return Credentials.of(0, 0, (0,))
    return Credentials.of(os.geteuid(), os.getegid(), tuple(os.getgroups()))
