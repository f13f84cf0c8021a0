"""Run guest instructions until something needs the kernel; one protocol, several back ends.

Not responsible for what a system call or a fault means: that is `runtime`.
"""

from elfuse.engine.protocol import Engine
from elfuse.errors import EngineUnavailable

NAMES = ("unicorn",)


def default_name() -> str:
    """The back end that `open_engine` takes when none is named."""
    return "unicorn"


def open_engine(name: str = "") -> Engine:
    """The back end `name`, or the best one this host can run.

    EngineUnavailable if there is none or it cannot run here.
    """
    if name in ("", "unicorn"):
        from elfuse.engine.unicorn import UnicornEngine

        return UnicornEngine()
    raise EngineUnavailable(
        f"engine {name}: no such engine", hint=f"choose one of: {', '.join(NAMES)}"
    )
