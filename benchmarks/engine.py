"""Print how fast the engine is and what memory it takes, as ratios to qemu-aarch64 in the same run.

    python benchmarks/engine.py [--engine NAME] [--rounds N] [--only NAME]...

Whole processes on the same files, rounds interleaved, medians shown. Above 1, elfuse is the better
one. Every output is compared with qemu's. NAME is a section (`kernels`), or a row (`python3`), or
both (`second/python3`). The exit status is 0 if all goals are reached.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

# A script has its own directory on the path, not the repository.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measure import Bench, Failed, Result
from benchmarks.sections import SECTIONS, Section
from elfuse.engine import NAMES, default_name
from tests.support import EMULATOR, ROOT

_WIDTHS = "{:<16} {:>12} {:>12} {:>8}  {:<9} {}"


def _verdict(ratio: float, goal: float | None) -> tuple[str, str]:
    if goal is None:
        return "", ""
    return f">= {goal:.2f}", "pass" if ratio >= goal else "FAIL"


def show(section: Section, bench: Bench, only: str) -> int:
    """Print a section's rows as they are found; how many goals were missed."""
    title_shown, missed = False, 0
    found: list[Result] = []
    try:
        for row in section.rows(bench, only):
            if not title_shown:
                print(f"\n{section.name}: {section.title}", flush=True)
                title_shown = True
            goal, verdict = _verdict(row.ratio, section.each)
            verdict = f"WRONG: {row.wrong}" if row.wrong else verdict
            missed += bool(row.wrong) or verdict == "FAIL"
            cells = (row.name, row.qemu, row.elfuse, f"{row.ratio:.2f}", goal, verdict)
            print(_WIDTHS.format(*cells).rstrip(), flush=True)
            for note in row.notes:
                print(f"    {note}", flush=True)
            found.append(row)
    except Failed as failure:
        print(f"\n{section.name}: FAILED: {failure}", flush=True)
        return missed + 1
    if len(found) > 1:
        mean = statistics.geometric_mean(row.ratio for row in found)
        goal, verdict = _verdict(mean, section.mean)
        missed += verdict == "FAIL"
        line = _WIDTHS.format("geometric mean", "", "", f"{mean:.2f}", goal, verdict)
        print(line.rstrip(), flush=True)
    return missed


def _selected(selections: list[str]) -> list[tuple[Section, str]]:
    """Sections, each with the text that its rows' names have."""
    if not selections:
        return [(section, "") for section in SECTIONS]
    names = {section.name for section in SECTIONS}
    chosen = []
    for section in SECTIONS:
        for selection in selections:
            part, _, row = selection.partition("/")
            if part == section.name:
                chosen.append((section, row))
            elif part not in names:
                chosen.append((section, part))
    return chosen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=NAMES, default=default_name())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    options = parser.parse_args()
    if not shutil.which(EMULATOR):
        sys.exit(f"not installed: {EMULATOR}; see {ROOT / 'scripts/apt-packages.txt'}")
    print(_WIDTHS.format("", "qemu", f"elfuse, {options.engine}", "ratio", "goal", "").rstrip())
    with tempfile.TemporaryDirectory(prefix="elfuse-benchmark-") as name:
        bench = Bench(options.engine, options.rounds, Path(name))
        missed = sum(show(section, bench, row) for section, row in _selected(options.only))
    print(f"\n{missed} goals missed" if missed else "\nall goals reached")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
