"""Everything but `run` and plain mode: the typer application."""

import json
import sys
from typing import Annotated

import typer

from elfuse import __version__
from elfuse.cli.cache import cache, report
from elfuse.cli.output import show, table, write
from elfuse.container import library, warming
from elfuse.errors import ElfuseError, UsageError
from elfuse.typing import Sequence

app = typer.Typer(
    name="elfuse",
    help="Run Linux arm64 programs and OCI images as ordinary host processes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(cache, name="cache")

Store = Annotated[str, typer.Option("--store", help="Where images and containers are kept.")]
Format = Annotated[str, typer.Option("--format", help="table or json.")]
Platform = Annotated[str, typer.Option("--platform", help="OS/ARCH[/VARIANT].")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Names or ids only.")]
Force = Annotated[bool, typer.Option("--force", "-f", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")]
All = Annotated[bool, typer.Option("--all", "-a", help="Stopped ones too.")]


@app.command()
def pull(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...")],
    platform: Platform = "",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the digest only.")] = False,
    progress: Annotated[str, typer.Option(help="auto, plain or none.")] = "auto",
    warm: Annotated[bool, typer.Option("--warm", help="Compile its programs ahead.")] = False,
    store: Store = "",
) -> None:
    """Prefetch images into the store."""
    for image in images:
        pulled = library.pull(image, store, platform, "none" if quiet else progress)
        write(pulled.digest if quiet else f"{pulled.reference} {pulled.digest}")
        if warm:
            warmed = warming.warm(pulled.reference, (), store)
            if not quiet:
                report(warmed)


@app.command("images")
def list_images(quiet: Quiet = False, form: Format = "table", store: Store = "") -> None:
    """List stored images."""
    rows = library.images(store)
    if quiet:
        for row in rows:
            write(row["image_id"])
    else:
        show(["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"], rows, form)


@app.command()
def rmi(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...")],
    force: Force = False,
    store: Store = "",
) -> None:
    """Remove images from the store."""
    for image in images:
        write(f"Untagged: {library.remove_image(image, store, force=force)}")


@app.command()
def inspect(image: str, store: Store = "") -> None:
    """An image's configuration and layers, or a container's description, as JSON."""
    write(json.dumps(library.inspect(image, store), indent=1))


@app.command()
def history(image: str, store: Store = "", form: Format = "table") -> None:
    """How an image's layers came to be."""
    show(["CREATED", "SIZE", "CREATED BY"], library.history(image, store), form)


@app.command()
def prune(force: Force = False, dry_run: DryRun = False, store: Store = "") -> None:
    """Remove stopped containers, and data that no image or container needs."""
    if not force and not dry_run and not _confirmed():
        raise UsageError("nothing was removed", hint="confirm with y, or use --force")
    freed = library.prune(store, dry_run=dry_run)
    write(f"{'Would free' if dry_run else 'Freed'} {freed} bytes")


def _confirmed() -> bool:
    sys.stderr.write("Remove stopped containers and unused image data? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


@app.command()
def verify(store: Store = "") -> None:
    """Hash everything in the store."""
    problems = library.verify(store)
    for problem in problems:
        write(problem)
    if problems:
        raise ElfuseError(
            f"the store has {len(problems)} damaged items",
            hint="remove and pull those images again",
        )
    write("the store is sound")


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
            write(row["container_id"])
    else:
        show(["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "NAMES"], rows, form)


@app.command()
def rm(
    containers: Annotated[list[str], typer.Argument(metavar="CONTAINER...")], store: Store = ""
) -> None:
    """Remove containers and their changes."""
    for container in containers:
        library.remove_container(container, store)
        write(container)


@app.command()
def info(store: Store = "", form: Format = "table") -> None:
    """Engine, host, store and cache."""
    facts = library.info(store) | warming.features() | warming.facts()
    if form == "json":
        write(json.dumps(facts, indent=1))
    else:
        table([[name, str(value)] for name, value in facts.items()])


@app.command()
def version() -> None:
    """The version."""
    write(f"elfuse {__version__}")


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
