"""Everything but `run` and plain mode: the typer application."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from elfuse import __version__
from elfuse.container import library
from elfuse.errors import ElfuseError, UsageError

app = typer.Typer(
    name="elfuse",
    help="Run Linux arm64 programs and OCI images as ordinary host processes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Store = Annotated[str, typer.Option("--store", help="Where images and containers are kept.")]
Format = Annotated[str, typer.Option("--format", help="table or json.")]
Platform = Annotated[str, typer.Option("--platform", help="OS/ARCH[/VARIANT].")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Names or ids only.")]
Force = Annotated[bool, typer.Option("--force", "-f", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")]
All = Annotated[bool, typer.Option("--all", "-a", help="Stopped ones too.")]


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")


def _table(rows: list[list[str]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        _write("   ".join(cells).rstrip())


def _show(header: list[str], rows: list[dict[str, Any]], form: str) -> None:
    """Rows as a table with `header` naming the keys, or as a JSON array."""
    if form == "json":
        _write(json.dumps(rows, indent=1))
    elif form == "table":
        keys = [name.lower().replace(" ", "_") for name in header]
        _table([header, *([str(row[key]) for key in keys] for row in rows)])
    else:
        raise UsageError(f"--format {form}: neither table nor json")


@app.command()
def pull(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...")],
    platform: Platform = "",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the digest only.")] = False,
    progress: Annotated[str, typer.Option(help="auto, plain or none.")] = "auto",
    store: Store = "",
) -> None:
    """Prefetch images into the store."""
    for image in images:
        pulled = library.pull(image, store, platform, "none" if quiet else progress)
        _write(pulled.digest if quiet else f"{pulled.reference} {pulled.digest}")


@app.command("images")
def list_images(quiet: Quiet = False, form: Format = "table", store: Store = "") -> None:
    """List stored images."""
    rows = library.images(store)
    if quiet:
        for row in rows:
            _write(row["image_id"])
    else:
        _show(["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"], rows, form)


@app.command()
def rmi(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...")],
    force: Force = False,
    store: Store = "",
) -> None:
    """Remove images from the store."""
    for image in images:
        _write(f"Untagged: {library.remove_image(image, store, force=force)}")


@app.command()
def inspect(image: str, store: Store = "") -> None:
    """An image's configuration and layers, or a container's description, as JSON."""
    _write(json.dumps(library.inspect(image, store), indent=1))


@app.command()
def history(image: str, store: Store = "", form: Format = "table") -> None:
    """How an image's layers came to be."""
    _show(["CREATED", "SIZE", "CREATED BY"], library.history(image, store), form)


@app.command()
def prune(force: Force = False, dry_run: DryRun = False, store: Store = "") -> None:
    """Remove stopped containers, and data that no image or container needs."""
    if not force and not dry_run and not _confirmed():
        raise UsageError("nothing was removed", hint="confirm with y, or use --force")
    freed = library.prune(store, dry_run=dry_run)
    _write(f"{'Would free' if dry_run else 'Freed'} {freed} bytes")


def _confirmed() -> bool:
    sys.stderr.write("Remove stopped containers and unused image data? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


@app.command()
def verify(store: Store = "") -> None:
    """Hash everything in the store."""
    problems = library.verify(store)
    for problem in problems:
        _write(problem)
    if problems:
        raise ElfuseError(
            f"the store has {len(problems)} damaged items",
            hint="remove and pull those images again",
        )
    _write("the store is sound")


@app.command()
def diff(container: str, store: Store = "") -> None:
    """What a container changed: A added, C changed, D deleted."""
    for kind, path in library.diff(container, store):
        sys.stdout.buffer.write(kind.encode() + b" " + path + b"\n")


@app.command()
def ps(
    everything: All = False, quiet: Quiet = False, form: Format = "table", store: Store = ""
) -> None:
    """List containers."""
    rows = library.containers(store, everything=everything)
    if quiet:
        for row in rows:
            _write(row["container_id"])
    else:
        _show(["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "NAMES"], rows, form)


@app.command()
def rm(
    containers: Annotated[list[str], typer.Argument(metavar="CONTAINER...")], store: Store = ""
) -> None:
    """Remove containers and their changes."""
    for container in containers:
        library.remove_container(container, store)
        _write(container)


@app.command()
def info(store: Store = "", form: Format = "table") -> None:
    """Engine, host and store."""
    facts = library.info(store)
    if form == "json":
        _write(json.dumps(facts, indent=1))
    else:
        _table([[name, str(value)] for name, value in facts.items()])


@app.command()
def version() -> None:
    """The version."""
    _write(f"elfuse {__version__}")


_LONG_FORMS = {
    ("image", "ls"): ["images"],
    ("image", "rm"): ["rmi"],
    ("image", "pull"): ["pull"],
    ("image", "inspect"): ["inspect"],
    ("image", "history"): ["history"],
    ("image", "prune"): ["prune"],
    ("container", "ls"): ["ps"],
    ("container", "rm"): ["rm"],
    ("container", "diff"): ["diff"],
    ("container", "inspect"): ["inspect"],
    ("container", "prune"): ["prune"],
}


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit status. ElfuseError reaches the caller."""
    words = [word for word in arguments if word != "--debug"]
    words = _LONG_FORMS.get((words[0], words[1] if len(words) > 1 else ""), words[:2]) + words[2:]
    command = typer.main.get_command(app)
    try:
        command.main(args=words, prog_name="elfuse", standalone_mode=False)
    except typer.Exit as done:
        return done.exit_code
    except typer.Abort:
        return 130
    except Exception as error:
        # Click's usage errors; everything else is ours or a defect.
        if not hasattr(error, "format_message"):
            raise
        message = error.format_message()
        raise UsageError(message, hint=f"see: elfuse {words[0]} --help") from None
    return 0
