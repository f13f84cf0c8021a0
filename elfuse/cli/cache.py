"""`elfuse cache`: the translations that are kept between runs."""

from typing import Annotated

import typer

from elfuse.cli.output import show, write
from elfuse.container import warming
from elfuse.engine.cache import DEFAULT_LIMIT
from elfuse.errors import ElfuseError, UsageError

cache = typer.Typer(help="Show, fill, check and shrink the cache of translations.")

_UNITS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@cache.callback()
def describe() -> None:
    """Show, fill, check and shrink the cache of translations."""


@cache.command("ls")
def list_objects(
    form: Annotated[str, typer.Option("--format", help="table or json.")] = "table",
) -> None:
    """List what is kept: per file, guest address and engine."""
    show(["FILE", "ADDRESS", "ENGINE", "SIZE"], warming.rows(), form)


@cache.command(context_settings={"allow_interspersed_args": False})
def warm(
    image: Annotated[str, typer.Argument(metavar="[IMAGE]")] = "",
    command: Annotated[list[str] | None, typer.Argument(metavar="[COMMAND...]")] = None,
    store: Annotated[
        str, typer.Option("--store", help="Where images and containers are kept.")
    ] = "",
) -> None:
    """Compile ahead: what COMMAND in IMAGE uses, or short programs of IMAGE, or what runs noted."""
    warmed = warming.warm(image, command or [], store) if image else warming.fill()
    report(warmed)


def report(warmed: warming.Warmed) -> None:
    """Say what was compiled."""
    write(f"compiled {warmed.regions} regions of {warmed.files} files")


@cache.command()
def verify(
    everything: Annotated[
        bool, typer.Option("--all", "-a", help="Compile every region again, not some of each file.")
    ] = False,
) -> None:
    """Check what is kept, and that compiling it again gives the same."""
    problems = 0
    for problem in warming.verify(everything=everything):
        problems += 1
        write(problem)
    if problems:
        raise ElfuseError(
            f"the cache has {problems} damaged items",
            hint="nothing uses them; elfuse cache prune --all removes them",
        )
    write("the cache is sound")


@cache.command()
def prune(
    everything: Annotated[bool, typer.Option("--all", "-a", help="Remove everything.")] = False,
    size: Annotated[str, typer.Option("--size", help="Bytes to leave, as 500m or 1g.")] = "",
) -> None:
    """Remove what was not used for longest, down to a size."""
    limit = 0 if everything else _bytes(size) if size else DEFAULT_LIMIT
    write(f"Freed {warming.prune(limit)} bytes")


def _bytes(text: str) -> int:
    unit = _UNITS.get(text[-1:].lower(), 0)
    number = text[:-1] if unit else text
    if not number.isdigit():
        raise UsageError(f"--size {text}: no size", hint="bytes, or a number with k, m or g")
    return int(number) * (unit or 1)
