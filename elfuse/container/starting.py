"""What plain mode and `run` share: a kernel with its mounts, and a start that explains failures."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from elfuse.engine import open_engine
from elfuse.errors import CommandNotExecutable, CommandNotFound, ContainerError
from elfuse.overlay.overlay import Overlay
from elfuse.record import Record
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.boot import Program, boot
from elfuse.runtime.fs.devices import mount_pts, populate
from elfuse.runtime.fs.proc import mount_proc
from elfuse.runtime.fs.sys import mount_sys
from elfuse.runtime.kernel import Kernel, Options
from elfuse.runtime.trace import Trace
from elfuse.runtime.vfs.filesystem import Filesystem
from elfuse.runtime.vfs.mounts import Namespace

TMPFS_MAGIC = 0x01021994


def tmpfs(directory: Path) -> Overlay:
    """An empty writable filesystem whose files lie below a host directory."""
    return Overlay(None, directory, directory, type_name="tmpfs", magic=TMPFS_MAGIC)


def make_kernel(
    roots: Sequence[Filesystem],
    *,
    engine: str,
    contained: bool,
    hostname: str,
    terminal: bool,
    verbose: bool,
    watchdog_seconds: float = 0,
) -> Kernel:
    """A kernel with proc, dev and sys mounted; EngineUnavailable if there is no such engine.

    /dev lies in a temporary host directory, which the run removes at its end.
    """
    namespace = Namespace(roots)
    kernel = Kernel(
        open_engine(engine or os.environ.get("ELFUSE_ENGINE", "")),
        namespace,
        Options(contained=contained, hostname=os.fsencode(hostname), terminal=terminal),
        Trace(active=verbose),
    )
    kernel.watch(watchdog_seconds)
    scratch = tempfile.mkdtemp(prefix="elfuse-")
    kernel.at_exit.append(lambda: _remove(scratch))
    dev = tmpfs(Path(scratch, "dev"))
    populate(dev)
    namespace.mount(b"/dev", dev)
    namespace.mount(b"/dev/pts", mount_pts())
    namespace.mount(b"/dev/shm", tmpfs(Path(scratch, "shm")))
    namespace.mount(b"/proc", mount_proc(kernel))
    namespace.mount(b"/sys", mount_sys(), read_only=True)
    return kernel


def _remove(directory: str) -> None:
    import shutil  # only at the end of a run

    shutil.rmtree(directory, ignore_errors=True)


class StartFailure(Record):
    """How to name what could not be started."""

    program: str
    workdir: str


_WHY = {
    Errno.ENOENT: "no such file or directory",
    Errno.EACCES: "permission denied",
    Errno.ENOEXEC: "exec format error",
    Errno.EISDIR: "is a directory",
    Errno.ENOTDIR: "not a directory",
    Errno.ELOOP: "too many levels of symbolic links",
    Errno.ELIBBAD: "its interpreter is damaged",
    Errno.E2BIG: "the argument list is too long",
}


def start(kernel: Kernel, program: Program, names: StartFailure) -> NoReturn:
    """Boot; 127 if the program does not exist, 126 if it cannot be executed."""
    try:
        boot(kernel, program)
    except (SyscallError, OSError) as error:
        kernel.run_at_exit()
        if isinstance(error, SyscallError):
            number = error.errno
        else:
            number = Errno.from_host(error.errno or 0)
        raise _explain(number, names) from error


def _explain(
    number: Errno, names: StartFailure
) -> ContainerError | CommandNotFound | CommandNotExecutable:
    why = _WHY.get(number, number.name)
    if number is Errno.ENOENT:
        return CommandNotFound(
            f"{names.program}: {why}",
            hint="for a dynamic program the interpreter named in the file must exist in the "
            "sysroot or image too",
        )
    if number is Errno.ENOEXEC:
        return CommandNotExecutable(
            f"{names.program}: {why}", hint="elfuse runs aarch64 Linux ELF files and #! scripts"
        )
    return CommandNotExecutable(f"{names.program}: {why}")


def guest_root(program: str, sysroot: str) -> str:
    """The guest's name of a program given by its host path.

    One inside the sysroot is named relative to it, so that the guest sees itself at the path it
    was built for.
    """
    if not sysroot or sysroot.startswith("image:"):
        return program if "/" in program else os.path.join(".", program)
    root, path = os.path.realpath(sysroot), os.path.realpath(program)
    if os.path.commonpath((root, path)) == root and path != root:
        return "/" + os.path.relpath(path, root)
    return program if "/" in program else os.path.join(".", program)
