"""Build backend (PEP 517): maturin where the Rust engine can be built, hatchling elsewhere.

Without the extension elfuse runs on its other engines and says how to get this one.
"""

import platform
import shutil
import sys
from types import ModuleType


def _compiles() -> bool:
    return (sys.platform, platform.machine()) == ("linux", "x86_64") and bool(shutil.which("cargo"))


def _backend() -> ModuleType:
    if _compiles():
        import maturin

        return maturin
    import hatchling.build

    sys.stderr.write("elfuse: built without the engine jit: it needs Rust and Linux on x86-64\n")
    return hatchling.build


def _requires(_config_settings=None):
    return ["maturin>=1.9,<2"] if _compiles() else ["hatchling>=1.27"]


get_requires_for_build_wheel = _requires
get_requires_for_build_editable = _requires


def get_requires_for_build_sdist(_config_settings=None):
    """Hatchling's archive holds the crate too."""
    return ["hatchling>=1.27"]


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """A wheel with or without the extension."""
    return _backend().build_wheel(wheel_directory, config_settings, metadata_directory)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """A wheel that points here."""
    return _backend().build_editable(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory, config_settings=None):
    """The source archive."""
    import hatchling.build

    return hatchling.build.build_sdist(sdist_directory, config_settings)
