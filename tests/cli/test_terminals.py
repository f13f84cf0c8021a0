"""Interactive programs on real terminals: job control, sizes, signals."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.terminal import Tmux

pytestmark = [pytest.mark.image, pytest.mark.guest, pytest.mark.slow]

Stored = Callable[[str], Path]


@pytest.fixture
def bash(tmux: Callable[..., Tmux], stored_image: Stored) -> Tmux:
    """An interactive bash of debian-mini in a tmux window."""
    words = ("run", "-it", "--rm", "localhost/debian-mini", "bash", "--norc")
    window = tmux(*words, home=stored_image("debian-mini"), rows=30, columns=100)
    window.wait_for(r"bash-\S+# ")
    return window


def start_sleep(bash: Tmux) -> None:
    """A foreground program that is known to run: before its start the keys are the shell's."""
    bash.line("sh -c 'echo sleeps now; exec sleep 100'")
    bash.wait_for(r"\nsleeps now")


def test_control_c_stops_the_foreground_program(bash: Tmux) -> None:
    start_sleep(bash)
    bash.keys("C-c")
    bash.wait_for(r"\^C\s+bash")
    bash.line("echo status $?")
    bash.wait_for("status 130")


def test_control_z_and_fg(bash: Tmux) -> None:
    start_sleep(bash)
    bash.keys("C-z")
    bash.wait_for(r"Stopped\s+sh -c")
    bash.line("jobs")
    bash.wait_for(r"Stopped[\s\S]*Stopped")
    bash.line("fg")
    bash.wait_for(r"fg\s+sh -c 'echo sleeps now; exec sleep 100'\s*$")
    bash.keys("C-c")
    bash.wait_for(r"\^C\s+bash")
    bash.line("echo end $?")
    bash.wait_for("end 130")


def test_stty_follows_a_resize(bash: Tmux) -> None:
    bash.line("stty size; tty")
    bash.wait_for(r"30 100\s+/dev/pts/\d+")
    bash.resize(24, 80)
    bash.line("stty size")
    bash.wait_for("24 80")
