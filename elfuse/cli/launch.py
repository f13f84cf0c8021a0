"""`elfuse run` and plain `elfuse PROG`: the start-up path users wait for."""

from __future__ import annotations

import sys

from elfuse import __version__
from elfuse.cli.options import Kind, Option, Parsed, Parser
from elfuse.errors import UsageError
from elfuse.typing import TYPE_CHECKING, Sequence

if TYPE_CHECKING:
    from elfuse.runtime.gdb.supervisor import Debugging

_ENGINE = Option(("--engine",), Kind.VALUE, "vCPU back end", "NAME")
_CONFINE = Option(("--confine",), Kind.FLAG, "bound guest addresses to guest memory")
_VERBOSE = Option(("-v", "--verbose"), Kind.FLAG, "trace system calls and the loader on stderr")
_DEBUG = Option(("--debug",), Kind.FLAG, "show tracebacks of elfuse itself")
_STORE = Option(("--store",), Kind.VALUE, "where images and containers are kept", "DIR")
_GDB = Option(("--gdb",), Kind.VALUE, "listen for gdb or lldb there", "PORT|HOST:PORT|PATH")
_GDB_STOP = Option(("--gdb-stop-on-entry",), Kind.FLAG, "begin only when the debugger says so")
_HELP = Option(("-h", "--help"), Kind.FLAG, "this text")

PLAIN = Parser(
    "elfuse",
    (
        Option(("--sysroot",), Kind.VALUE, "answers absolute guest paths first", "DIR|image:REF"),
        Option(("--user",), Kind.VALUE, "identity of the guest", "UID[:GID]"),
        Option(("--fakeroot",), Kind.FLAG, "the guest believes to be root"),
        Option(("--workdir",), Kind.VALUE, "working directory in the guest", "DIR"),
        Option(("--env",), Kind.LIST, "set or import an environment variable", "K[=V]"),
        Option(("--clear-env",), Kind.FLAG, "start from an empty environment"),
        Option(("-t", "--timeout"), Kind.VALUE, "bound of one run of the vCPU, 0 for none", "N"),
        _ENGINE,
        _CONFINE,
        _STORE,
        _GDB,
        _GDB_STOP,
        _VERBOSE,
        _DEBUG,
        Option(("-V", "--version"), Kind.FLAG, "version and engine"),
        _HELP,
    ),
)

RUN = Parser(
    "elfuse run",
    (
        Option(("-i", "--interactive"), Kind.FLAG, "keep stdin open"),
        Option(("-t", "--tty"), Kind.FLAG, "the terminal is the guest's"),
        Option(("--rm",), Kind.FLAG, "remove the container when it exits"),
        Option(("-e", "--env"), Kind.LIST, "set or import an environment variable", "K[=V]"),
        Option(("--env-file",), Kind.LIST, "read environment variables from a file", "FILE"),
        Option(("-v", "--volume"), Kind.LIST, "mount a host path", "SRC:DST[:ro]"),
        Option(("-w", "--workdir"), Kind.VALUE, "working directory in the container", "DIR"),
        Option(("-u", "--user"), Kind.VALUE, "user and group", "NAME|UID[:GROUP|GID]"),
        Option(("--entrypoint",), Kind.VALUE, "replaces the image's entrypoint", "PROG"),
        Option(("--name",), Kind.VALUE, "name of the container", "NAME"),
        Option(("--hostname",), Kind.VALUE, "host name in the container", "NAME"),
        Option(("--read-only",), Kind.FLAG, "the root filesystem cannot be written"),
        Option(("--platform",), Kind.VALUE, "platform of the image", "OS/ARCH[/VARIANT]"),
        Option(
            ("--pull",),
            Kind.VALUE,
            "when to ask the registry",
            "POLICY",
            ("always", "missing", "never", "newer"),
        ),
        Option(("-q", "--quiet"), Kind.FLAG, "no progress of a pull"),
        _ENGINE,
        _CONFINE,
        _STORE,
        _GDB,
        _GDB_STOP,
        Option(("--verbose",), Kind.FLAG, _VERBOSE.help),
        _DEBUG,
        _HELP,
    ),
)


def plain(arguments: Sequence[str]) -> None:
    """`elfuse [options] [--] PROG [args...]`; returns only for --help and --version."""
    parsed = PLAIN.parse(arguments)
    if parsed.flag("help"):
        sys.stdout.write(_plain_help())
        return
    if parsed.flag("version"):
        from elfuse.engine import default_name

        sys.stdout.write(f"elfuse {__version__} (engine {default_name()})\n")
        return
    if not parsed.operands:
        raise UsageError("no program given", hint="elfuse ./prog, or: elfuse run IMAGE; see --help")
    from elfuse.container.plain import PlainOptions, run_plain

    run_plain(
        PlainOptions(
            program=parsed.operands[0],
            arguments=parsed.operands[1:],
            sysroot=parsed.value("sysroot"),
            user=parsed.value("user"),
            fakeroot=parsed.flag("fakeroot"),
            workdir=parsed.value("workdir"),
            environment=parsed.list("env"),
            clear_environment=parsed.flag("clear-env"),
            watchdog_seconds=_seconds(parsed),
            engine=parsed.value("engine"),
            confine=parsed.flag("confine"),
            store=parsed.value("store"),
            verbose=parsed.flag("verbose"),
            debugging=_debugging(parsed),
        )
    )


def _debugging(parsed: Parsed) -> Debugging | None:
    stop = parsed.flag("gdb-stop-on-entry")
    if "gdb" not in parsed.values:
        if stop:
            raise UsageError(
                "--gdb-stop-on-entry: for whom?", hint="--gdb PORT says where gdb connects"
            )
        return None
    from elfuse.runtime.gdb.supervisor import Debugging  # with --gdb only

    return Debugging(parsed.value("gdb"), stop)


def _seconds(parsed: Parsed) -> float:
    text = parsed.value("timeout", "10")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if seconds < 0:
        raise UsageError(f"--timeout: {text!r} is no number of seconds")
    return seconds


def run(arguments: Sequence[str]) -> None:
    """`elfuse run [options] IMAGE [COMMAND] [ARG...]`; returns only for --help."""
    parsed = RUN.parse(arguments)
    if parsed.flag("help"):
        sys.stdout.write(
            f"usage: elfuse run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\noptions:\n{RUN.help()}\n"
        )
        return
    if not parsed.operands:
        raise UsageError("no image given", hint="usage: elfuse run [OPTIONS] IMAGE [COMMAND]")
    from elfuse.container.run import RunOptions, run_image

    run_image(
        RunOptions(
            image=parsed.operands[0],
            command=parsed.operands[1:],
            interactive=parsed.flag("interactive"),
            tty=parsed.flag("tty"),
            remove=parsed.flag("rm"),
            environment=parsed.list("env"),
            environment_files=parsed.list("env-file"),
            volumes=parsed.list("volume"),
            workdir=parsed.value("workdir"),
            user=parsed.value("user"),
            entrypoint=parsed.values.get("entrypoint"),
            name=parsed.value("name"),
            hostname=parsed.value("hostname"),
            read_only=parsed.flag("read-only"),
            platform=parsed.value("platform"),
            pull=parsed.value("pull", "missing"),
            quiet=parsed.flag("quiet"),
            engine=parsed.value("engine"),
            confine=parsed.flag("confine"),
            store=parsed.value("store"),
            verbose=parsed.flag("verbose"),
            debugging=_debugging(parsed),
        )
    )


def _plain_help() -> str:
    return (
        "usage: elfuse [options] [--] PROG [args...]       run one aarch64 Linux program\n"
        "       elfuse run [options] IMAGE [COMMAND...]    run an image\n"
        "       elfuse pull|images|rmi|prune|inspect|diff|ps|rm|cache|info|version ...\n\n"
        f"options:\n{PLAIN.help()}\n"
    )
