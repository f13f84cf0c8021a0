"""What plain mode and `run` share: a kernel with its mounts, and a start that explains failures."""

from __future__ import annotations

import errno  # noqa: TID251 - compared with the host's OSErrors
import os

from elfuse.container.places import cache_root
from elfuse.engine import open_engine
from elfuse.errors import CommandNotExecutable, CommandNotFound, ContainerError
from elfuse.record import Record
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.boot import Program, boot
from elfuse.runtime.kernel import Kernel, Options
from elfuse.runtime.lazy import Lazy
from elfuse.runtime.trace import Trace
from elfuse.runtime.vfs.mounts import Later, Namespace
from elfuse.typing import TYPE_CHECKING, NoReturn, Sequence

if TYPE_CHECKING:
    from elfuse.container import standard
    from elfuse.runtime.gdb.supervisor import Debugging
    from elfuse.runtime.vfs.filesystem import Filesystem
else:
    standard = Lazy("elfuse.container.standard")


def make_kernel(
    roots: Sequence[Filesystem],
    *,
    engine: str,
    confined: bool,
    contained: bool,
    hostname: str,
    terminal: bool,
    verbose: bool,
    watchdog_seconds: float = 0,
) -> Kernel:
    """A kernel with dev, proc and sys mounted; EngineUnavailable if there is no such engine."""
    namespace = Namespace(roots)
    kernel = Kernel(
        open_engine(
            engine or os.environ.get("ELFUSE_ENGINE", ""), cache=cache_root(), confined=confined
        ),
        namespace,
        Options(contained=contained, hostname=os.fsencode(hostname), terminal=terminal),
        Trace(active=verbose),
    )
    kernel.watch(watchdog_seconds)
    namespace.mount(
        b"/dev",
        Later(
            lambda: standard.make_dev(kernel),
            lambda: standard.mount_in_dev(kernel),
            refuses=_refuses_device,
        ),
    )
    namespace.mount(b"/proc", Later(lambda: standard.make_proc(kernel)))
    sys = Later(lambda: standard.make_sys())  # noqa: PLW0108 - the attribute loads the module
    namespace.mount(b"/sys", sys, read_only=True)
    kernel.engine.serve_paths(namespace.host_roots())
    return kernel


def _refuses_device(name: bytes) -> Errno | None:
    """Shells open /dev/tty first of all, and it cannot be opened without a terminal (tty(4))."""
    if name == b"tty":
        try:
            os.close(os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC))
        except OSError as error:
            if error.errno == errno.ENXIO:
                return Errno.ENXIO
    return None


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


def start(
    kernel: Kernel, program: Program, names: StartFailure, debugging: Debugging | None = None
) -> NoReturn:
    """Boot; 127 if the program does not exist, 126 if it cannot be executed."""
    if debugging is not None:
        from elfuse.runtime.gdb.supervisor import supervise  # with --gdb only

        supervise(kernel, program, debugging, lambda program: _boot(kernel, program, names))
    _boot(kernel, program, names)


def _boot(kernel: Kernel, program: Program, names: StartFailure) -> NoReturn:
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
