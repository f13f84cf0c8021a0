"""What management commands print."""

import json
import sys

from elfuse.errors import UsageError
from elfuse.typing import Any


def write(text: str) -> None:
    sys.stdout.write(text + "\n")


def table(rows: list[list[str]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        write("   ".join(cells).rstrip())


def show(header: list[str], rows: list[dict[str, Any]], form: str) -> None:
    """Rows as a table with `header` naming the keys, or as a JSON array."""
    if form == "json":
        write(json.dumps(rows, indent=1))
    elif form == "table":
        keys = [name.lower().replace(" ", "_") for name in header]
        table([header, *([str(row[key]) for key in keys] for row in rows)])
    else:
        raise UsageError(f"--format {form}: neither table nor json")
