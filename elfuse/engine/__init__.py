"""Run guest instructions until something needs the kernel; one protocol, several back ends.

Not responsible for what a system call or a fault means: that is `runtime`.
"""

from elfuse.engine.protocol import Engine
from elfuse.errors import EngineUnavailable

NAMES = ("jit", "unicorn")


def default_name() -> str:
    """The back end that `open_engine` takes when none is named."""
    try:
        # Loaded next in nearly every case, so that looking for it first would be in vain.
        from elfuse.engine import _jit  # noqa: F401
    except ImportError:
        return "unicorn"
    return "jit"


def open_engine(name: str = "", *, cache: str = "", confined: bool = False) -> Engine:
    """The back end `name`, or the best one this host can run.

    `cache` is the directory where it may keep translations, see `engine.cache`. With `confined` no
    guest instruction reaches host memory that is not the guest's; see SECURITY.md for what that
    does not cover. `unicorn` always works so. EngineUnavailable if there is none or it cannot run
    here.
    """
    chosen = name or default_name()
    if chosen == "jit":
        from elfuse.engine.jit import JitEngine

        return JitEngine(cache, confined=confined)
    if chosen == "unicorn":
        from elfuse.engine.unicorn import UnicornEngine

        return UnicornEngine()
    raise EngineUnavailable(
        f"engine {chosen}: no such engine", hint=f"choose one of: {', '.join(NAMES)}"
    )
