"""Where trace lines go: `-v` prints decoded calls with results, strace style.

The text of a call comes from the same declaration as its handler (`syscalls/table.py`).
"""

import os

from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.wait import NoResult, Restart
from elfuse.typing import TYPE_CHECKING, Callable, Sequence

if TYPE_CHECKING:
    from elfuse.runtime.syscalls.table import Row
    from elfuse.runtime.task import Task


class Trace:
    """Writes to a host descriptor; silent unless `active`."""

    def __init__(self, *, active: bool = False, fd: int = 2) -> None:
        self.active = active
        self._fd = fd
        self._unknown: set[int] = set()

    def write(self, text: str) -> None:
        os.write(self._fd, text.encode() + b"\n")

    def note(self, text: str) -> None:
        """A diagnostic of the loader or the kernel, shown with `-v` only."""
        if self.active:
            self.write(f"elfuse: {text}")

    def unknown(self, task: "Task", number: int) -> None:
        """A call that is not implemented: once per number."""
        if self.active and number not in self._unknown:
            self._unknown.add(number)
            self.write(f"[{task.tid}] system call {number} = -1 ENOSYS (not implemented)")

    def traced(
        self,
        task: "Task",
        row: "Row",
        registers: Sequence[int],
        perform: Callable[["Task", "Row", Sequence[int]], int],
    ) -> int:
        """Perform a call and print it; what ends without a result is printed with `?`."""
        from elfuse.runtime.syscalls.table import render  # the table imports this module's user

        before = tuple(registers[:6])
        try:
            result = perform(task, row, registers)
        except NoResult:
            self.write(f"[{task.tid}] {row.name}({_brief(row, before)}) = 0")
            raise
        except Restart as restart:
            self.write(f"[{task.tid}] {row.name}({_brief(row, before)}) = ? {restart.kind.name}")
            raise
        except BaseException:
            self.write(f"[{task.tid}] {row.name}({_brief(row, before)}) = ?")
            raise
        arguments = ", ".join(render(row, task, before, result))
        self.write(f"[{task.tid}] {row.name}({arguments}) = {_result(row, result)}")
        return result

    def signal(self, task: "Task", text: str) -> None:
        """A delivered signal."""
        if self.active:
            self.write(f"[{task.tid}] --- {text} ---")


def _brief(row: "Row", registers: Sequence[int]) -> str:
    return ", ".join(hex(registers[index]) for index in range(len(row.parameters)))


def _result(row: "Row", result: int) -> str:
    if -4096 < result < 0:
        return f"-1 {Errno(-result).name}"
    return row.returns(result)
