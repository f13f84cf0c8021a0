"""The Rust crate `crates/elfuse-jit`. Private to `engine.jit`."""

from typing import final

from elfuse.engine.protocol import Exit

__all__ = ["Space", "Vcpu"]

@final
class Space:
    """Instructions of one address space, whose address 0 is at the host address `memory`.

    `confined`: no guest instruction reaches host memory that is not the guest's.
    """

    def __new__(
        cls, memory: int, exits: tuple[Exit, ...], threshold: int, confined: bool
    ) -> Space: ...
    def set_executable(self, start: int, length: int, allowed: bool) -> None:
        """Allow or refuse fetches from whole pages, and forget what was decoded there."""

    def invalidate(self, start: int, length: int) -> None:
        """Instructions here changed."""

    def after_fork(self) -> None:
        """In the child: the thread that compiles is gone."""

    def reset(self) -> None:
        """Nothing is executable any more."""

    def vcpu(self) -> Vcpu: ...

@final
class Vcpu:
    """One guest thread's processor."""

    def registers(self) -> int:
        """Host address of the register block."""

    def run(self) -> Exit: ...
    def interrupt(self) -> None: ...
    def answer_calls(self, pid: int, tid: int) -> None:
        """Answer calls that need no policy."""

    @property
    def fault_address(self) -> int: ...
    @property
    def fault_access(self) -> int: ...
