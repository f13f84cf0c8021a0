"""Registration and dispatch of system calls.

A handler is a typed function; its parameters' annotations (`args.py`) give decoding and trace
text, and `@syscall(number)` its number. The dispatcher is the only place that turns
`SyscallError` and `OSError` into a guest's result.
"""

from elfuse.light import cached_property
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.futex import RobustListHead
from elfuse.runtime.syscalls.args import Arg, Call
from elfuse.runtime.syscalls.index import MODULES
from elfuse.runtime.wait import NoResult, Restart
from elfuse.typing import TYPE_CHECKING, Any, Callable, Sequence, TypeVar, evaluated

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

_MASK = (1 << 64) - 1
Handler = TypeVar("Handler", bound=Callable[..., int])


class Row:
    """One system call. `note` names what is missing when support is partial.

    Annotations are read and the decoder is compiled when a program first makes the call: doing
    it for every handler at import takes longer than most programs' system calls.
    """

    def __init__(
        self, number: int, handler: Callable[..., int], returns: Callable[[int], str], note: str
    ) -> None:
        self.number = number
        self.name = handler.__name__.removeprefix("sys_")
        self.module = handler.__module__.rpartition(".")[2]
        self.returns = returns
        self.note = note
        self._handler = handler

    @cached_property
    def parameters(self) -> tuple[tuple[str, Arg], ...]:
        """Names and types; TypeError for a parameter without an `Arg`."""
        return _parameters(self._handler)

    @cached_property
    def call(self) -> Callable[["Task", Sequence[int]], int]:
        """The handler with its decoding."""
        return _decoder(self._handler, self.parameters)


TABLE: dict[int, Row] = {}
"""The calls of the modules that are loaded; `find` loads them."""
_MODULE_OF = {number: name for name, numbers in MODULES.items() for number in numbers}


def find(number: int) -> Row | None:
    """The row of a system call, None if there is none."""
    row = TABLE.get(number)
    if row is None and number in _MODULE_OF:
        __import__(f"{__package__}.{_MODULE_OF[number]}")
        row = TABLE[number]
    return row


_OF_NEW_PROCESSES = (
    17, 24, 25, 29, 48, 56, 57, 59, 61, 62, 63, 64, 65, 66, 72, 73, 78, 79, 80, 93, 94, 96, 98, 99,
    129, 131, 132, 134, 135, 139, 154, 155, 160, 172, 173, 174, 175, 176, 177, 178, 214, 215, 220,
    221, 222, 226, 233, 260, 261, 278, 293, 439,
)  # fmt: skip
"""What a program that was forked calls until it has executed another and that has begun."""
_OF_ENDING = (RobustListHead,)
"""Structs that every process needs, if not the first one before its first fork."""


def load_usual() -> None:
    """Load the calls that nearly every child of a fork makes, and make their decoders."""
    for number in _OF_NEW_PROCESSES:
        row = find(number)
        assert row is not None
        _ = row.call
    for kind in _OF_ENDING:
        kind.layout()


def _parameters(handler: Callable[..., int]) -> tuple[tuple[str, Arg], ...]:
    found = []
    code = handler.__code__
    for name in code.co_varnames[1 : code.co_argcount]:
        hint = evaluated(handler.__annotations__.get(name), handler.__module__)
        arg = next((m for m in getattr(hint, "__metadata__", ()) if isinstance(m, Arg)), None)
        if arg is None:
            raise TypeError(f"{handler.__name__}: {name} has no Arg annotation")
        found.append((name, arg))
    return tuple(found)


def _decoder(
    handler: Callable[..., int], parameters: tuple[tuple[str, Arg], ...]
) -> Callable[["Task", Sequence[int]], int]:
    """One function per handler, because generic decoding costs more than most handlers do."""
    values = "".join(
        ", " + arg.decode.format(x=f"r[{index}]") for index, (_name, arg) in enumerate(parameters)
    )
    made: Callable[[Task, Sequence[int]], int] = eval(
        f"lambda task, r: handler(task{values})", {"handler": handler}
    )
    return made


def syscall(
    number: int, *, note: str = "", returns: Callable[[int], str] = str
) -> Callable[[Handler], Handler]:
    """Register a handler named `sys_NAME` under its asm-generic number.

    TypeError at import for a number used twice. `returns` renders a successful result in traces.
    """

    def register(handler: Handler) -> Handler:
        if number in TABLE:
            raise TypeError(f"{handler.__name__}: number {number} is {TABLE[number].name}")
        TABLE[number] = Row(number, handler, returns, note)
        return handler

    return register


_calls: dict[int, Callable[["Task", Sequence[int]], int]] = {}
"""`Row.call` by number, of the calls that were made: most calls need no more of the row."""


def _failure(error: SyscallError | OSError) -> int:
    if isinstance(error, SyscallError):
        return -error.errno
    return -Errno.from_host(error.errno or 0)


def perform(task: "Task", row: Row, registers: Sequence[int]) -> int:
    """The handler's result, or the negative errno."""
    try:
        return row.call(task, registers)
    except (SyscallError, OSError) as error:
        return _failure(error)


def dispatch(task: "Task") -> None:
    """Serve the system call in the task's registers and set X0.

    X0 stays as it is for `NoResult` (execve, rt_sigreturn). For `Restart` the signal part
    decides between EINTR and running the instruction again.
    """
    registers = task.registers
    task.syscall_x0 = registers[0]
    call = _calls.get(registers[8])
    try:
        if call is None or task.kernel.trace.active:
            registers[0] = _by_row(task, registers) & _MASK
        else:
            registers[0] = call(task, registers) & _MASK
    except (SyscallError, OSError) as error:
        registers[0] = _failure(error) & _MASK
    except NoResult:
        return
    except Restart as restart:
        task.restart = restart
        registers[0] = -Errno.EINTR & _MASK


def _by_row(task: "Task", registers: Sequence[int]) -> int:
    """A call that is traced, unknown, or made for the first time."""
    number = registers[8] & 0xFFFF_FFFF
    row = TABLE.get(number) or find(number)
    trace = task.kernel.trace
    if row is None:
        trace.unknown(task, number)
        raise SyscallError(Errno.ENOSYS)
    _calls[number] = row.call
    if trace.active:
        return trace.traced(task, row, registers, perform)
    return row.call(task, registers)


def render(row: Row, task: "Task", registers: Sequence[int], result: int) -> list[str]:
    """The arguments as strace shows them; call it after the handler, out-buffers are filled then."""
    call = Call(task, tuple(registers[:6]), result)
    texts: list[str] = []
    for index, (_name, arg) in enumerate(row.parameters):
        try:
            texts.append(arg.show(call, index))
        except (SyscallError, OSError):
            texts.append(hex(registers[index]))
    return texts


def names() -> dict[str, Any]:
    """Name to row, for `docs/syscalls.md` and trace filters."""
    for name in MODULES:
        __import__(f"{__package__}.{name}")
    return {row.name: row for row in TABLE.values()}
