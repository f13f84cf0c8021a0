"""`python -m elfuse` and the `elfuse` command."""

import gc
import os
import sys

from elfuse import finder

finder.install()

from elfuse.errors import ElfuseError  # noqa: E402 -- found by it
from elfuse.typing import NoReturn, Sequence  # noqa: E402

MANAGEMENT = frozenset(
    {
        "pull",
        "images",
        "image",
        "rmi",
        "inspect",
        "history",
        "prune",
        "verify",
        "diff",
        "ps",
        "rm",
        "container",
        "info",
        "version",
        "completion",
        "cache",
    }
)
"""Words that are commands and not programs; `./pull` runs a program of that name."""


def _dispatch(arguments: Sequence[str]) -> int:
    first = arguments[0] if arguments else ""
    if tuple(arguments[:2]) == ("container", "run"):
        return _dispatch(arguments[1:])
    if first in MANAGEMENT:
        from elfuse.cli.app import main as manage

        return manage(arguments)
    # A start makes much and drops little; `boot` turns the collector on again.
    gc.disable()
    from elfuse.cli import launch

    if first == "run":
        launch.run(arguments[1:])
    else:
        launch.plain(arguments)
    return 0


def main() -> NoReturn:
    """Run the command line; never returns. Errors go to stderr, 125 unless they say otherwise."""
    arguments = sys.argv[1:]
    if "--debug" in arguments or os.environ.get("ELFUSE_DEBUG"):
        sys.exit(_dispatch(arguments))
    try:
        sys.exit(_dispatch(arguments))
    except ElfuseError as error:
        hint = f"\n\nhint: {error.hint}" if error.hint else ""
        sys.stderr.write(f"elfuse: {error}{hint}\n")
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(141)


if __name__ == "__main__":
    main()
