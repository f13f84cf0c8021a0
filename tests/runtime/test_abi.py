"""Declarations of the kernel's structs are consistent."""

import importlib
import pkgutil

import pytest

from elfuse.runtime import abi
from elfuse.runtime.abi.layout import Struct, i32, u64
from elfuse.runtime.abi.stat import Stat, Timespec


def _structs() -> list[type[Struct]]:
    for module in pkgutil.iter_modules(abi.__path__, abi.__name__ + "."):
        importlib.import_module(module.name)
    return sorted(
        (cls for cls in Struct.__subclasses__() if cls.__module__.startswith(abi.__name__)),
        key=lambda cls: cls.__qualname__,
    )


@pytest.mark.parametrize("cls", _structs(), ids=lambda cls: cls.__name__)
def test_members_add_up_to_the_kernels_size(cls):
    data = bytes(range(256))[: cls.size].ljust(cls.size, b"\1")
    assert cls.unpack(data).pack() == data


def test_structs_nest_and_have_defaults():
    time = Timespec(tv_sec=1, tv_nsec=2)
    stat = Stat(
        st_dev=1,
        st_ino=2,
        st_mode=3,
        st_nlink=4,
        st_uid=5,
        st_gid=6,
        st_rdev=7,
        st_size=8,
        st_blocks=9,
        st_atim=time,
        st_mtim=time,
        st_ctim=time,
    )
    assert stat.st_blksize == 4096
    assert Stat.unpack(stat.pack()) == stat
    assert Stat.unpack(stat.pack()).st_mtim == time


def test_a_wrong_size_or_member_is_an_error():
    class Wrong(Struct, size=16):
        a: u64
        b: i32

    with pytest.raises(TypeError, match="12 bytes, not 16"):
        Wrong(a=1, b=2)
    with pytest.raises(TypeError, match="missing or unknown: tv_nsec"):
        Timespec(tv_sec=1)  # type: ignore[call-arg]  # what is tested
    with pytest.raises(AttributeError):
        Timespec(tv_sec=1, tv_nsec=2).tv_sec = 3  # type: ignore[misc]  # what is tested
