"""The arm64 signal frame (arch/arm64/kernel/signal.c, asm/sigcontext.h).

From the lower address: siginfo_t, ucontext_t with sigcontext and its records, then the frame
record that x29 points to, so that unwinders walk through.
"""

import struct  # noqa: TID251 - the frame is packed in one piece, its layout stands here once
from typing import TYPE_CHECKING

from elfuse.engine.protocol import Register
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.signals.info import SIZE as INFO_SIZE
from elfuse.runtime.signals.info import SigInfo
from elfuse.runtime.signals.state import SA_ONSTACK, SS_AUTODISARM, SS_DISABLE, SS_ONSTACK, Action, AltStack

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

_UCONTEXT = struct.Struct("<QQQi4xQ120x")
"""uc_flags, uc_link, uc_stack (ss_sp, ss_flags, padding, ss_size), then the mask with its padding."""
_STACK_AT, _MASK_AT, _CONTEXT_AT = 16, 40, 176
_GENERAL = struct.Struct("<Q31QQQQ")
"""fault_address, x0..x30, sp, pc, pstate."""
_RESERVED_AT = _CONTEXT_AT + 288
_RESERVED_SIZE = 4096
_FPSIMD_MAGIC, _FPSIMD_SIZE = 0x46508001, 528
_ESR_MAGIC, _ESR_SIZE = 0x45535201, 16
_FPSIMD = struct.Struct("<IIII64Q")
_UCONTEXT_SIZE = _RESERVED_AT + _RESERVED_SIZE
_FRAME_SIZE = INFO_SIZE + _UCONTEXT_SIZE
_RECORD_SIZE = 16
_FLAGS = 0xF000_0000
"""NZCV: the part of PSTATE the guest owns."""
_ESR_DATA_ABORT, _ESR_INSTRUCTION_ABORT = 0x92000000, 0x82000000


def push(task: "Task", info: SigInfo, action: Action, mask: int) -> None:
    """Build the frame and enter the handler. EFAULT if the stack cannot hold it.

    `mask` is what sigreturn restores.
    """
    registers, held = task.registers, task.signals
    stack = held.altstack
    pointer = registers[Register.SP]
    if action.flags & SA_ONSTACK and stack.size and not _on(stack, pointer):
        pointer = stack.base + stack.size
    # The record lies above the frame, aligned; the red zone does not exist on arm64.
    record = (pointer - _RECORD_SIZE) & -16
    base = (record - _FRAME_SIZE) & -16
    if _on(stack, registers[Register.SP]) and base < stack.base:
        raise SyscallError(Errno.EFAULT)
    memory = task.memory
    memory.write(base, info.pack() + _ucontext(task, info, mask))
    memory.write(record, struct.pack("<QQ", registers[29], registers[30]))
    registers[0], registers[1], registers[2] = info.signo, base, base + INFO_SIZE
    registers[29] = record
    registers[30] = action.restorer if action.flags & 0x04000000 else memory.vdso_sigreturn
    registers[Register.SP], registers[Register.PC] = base, action.handler
    if stack.flags & SS_AUTODISARM:
        held.altstack = AltStack()


def _on(stack: AltStack, pointer: int) -> bool:
    return stack.size > 0 and stack.holds(pointer)


def stack_flags(stack: AltStack, pointer: int) -> int:
    """ss_flags as sigaltstack and the frame show them."""
    if not stack.size:
        return SS_DISABLE
    on = SS_ONSTACK if stack.holds(pointer) else 0
    return on | stack.flags & SS_AUTODISARM


def _ucontext(task: "Task", info: SigInfo, mask: int) -> bytes:
    registers, stack = task.registers, task.signals.altstack
    flags = stack_flags(stack, registers[Register.SP])
    head = _UCONTEXT.pack(0, 0, stack.base, _signed(flags), stack.size)
    head = head[:_MASK_AT] + mask.to_bytes(8, "little") + bytes(_CONTEXT_AT - _MASK_AT - 8)
    general = _GENERAL.pack(
        info.address if info.is_fault else 0,
        *registers[0:31],
        registers[Register.SP],
        registers[Register.PC],
        registers[Register.PSTATE] & _FLAGS,
    )
    task.vcpu.load_simd()
    vectors = registers[Register.V0 : Register.V0 + 64]
    simd = _FPSIMD.pack(
        _FPSIMD_MAGIC,
        _FPSIMD_SIZE,
        registers[Register.FPSR] & 0xFFFF_FFFF,
        registers[Register.FPCR] & 0xFFFF_FFFF,
        *vectors,
    )
    if info.signo in (7, 11) and info.is_fault:
        fetch = info.address == registers[Register.PC]
        syndrome = _ESR_INSTRUCTION_ABORT if fetch else _ESR_DATA_ABORT
        simd += struct.pack("<IIQ", _ESR_MAGIC, _ESR_SIZE, syndrome)
    return (head + general).ljust(_RESERVED_AT, b"\0") + simd.ljust(_RESERVED_SIZE, b"\0")


def _signed(value: int) -> int:
    return value - (1 << 32) if value >> 31 else value


def pop(task: "Task") -> None:
    """rt_sigreturn: everything as the frame at SP says. EFAULT or EINVAL for a bad frame."""
    registers = task.registers
    base = registers[Register.SP]
    if base & 15:
        raise SyscallError(Errno.EFAULT)
    context = task.memory.read(base + INFO_SIZE, _UCONTEXT_SIZE)
    _fault, *words = _GENERAL.unpack_from(context, _CONTEXT_AT)
    _restore_simd(task, context)
    for index in range(31):
        registers[index] = words[index]
    registers[Register.SP], registers[Register.PC] = words[31], words[32]
    registers[Register.PSTATE] = words[33] & _FLAGS
    held = task.signals
    held.set_mask(int.from_bytes(context[_MASK_AT : _MASK_AT + 8], "little"))
    base_address, flags, size = struct.unpack_from("<Qi4xQ", context, _STACK_AT)
    flags &= 0xFFFF_FFFF
    if flags & SS_DISABLE:
        held.altstack = AltStack()
    elif not held.altstack.holds(registers[Register.SP]):
        held.altstack = AltStack(base_address, size, flags & SS_AUTODISARM)


def _restore_simd(task: "Task", context: bytes) -> None:
    at = _RESERVED_AT
    while at + 8 <= len(context):
        magic, size = struct.unpack_from("<II", context, at)
        if magic == 0:
            break
        if size < 16 or size % 16 or at + size > len(context):
            raise SyscallError(Errno.EINVAL)
        if magic == _FPSIMD_MAGIC:
            if size != _FPSIMD_SIZE:
                raise SyscallError(Errno.EINVAL)
            _magic, _size, fpsr, fpcr, *vectors = _FPSIMD.unpack_from(context, at)
            registers = task.registers
            task.vcpu.load_simd()
            registers[Register.FPSR], registers[Register.FPCR] = fpsr, fpcr
            for index, value in enumerate(vectors):
                registers[Register.V0 + index] = value
            task.vcpu.store_simd()
            return
        at += size
    raise SyscallError(Errno.EINVAL)
