"""The arm64 signal frame (arch/arm64/kernel/signal.c, asm/sigcontext.h).

From the lower address: siginfo_t, ucontext with the machine's registers and a list of records
(vector registers, fault syndrome), then the frame record that X29 points to, so that unwinders
walk through.
"""

from elfuse.engine.protocol import Register
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.signal import (
    ESR_MAGIC,
    FPSIMD_MAGIC,
    MINSIGSTKSZ,
    PSR_FLAGS,
    RESERVED_SIZE,
    SA_ONSTACK,
    SA_RESTORER,
    SA_SIGINFO,
    SIGINFO_SIZE,
    SS_AUTODISARM,
    SS_DISABLE,
    SS_ONSTACK,
    EsrContext,
    FpsimdContext,
    FrameRecord,
    RecordHead,
    Sigcontext,
    StackT,
    Ucontext,
)
from elfuse.runtime.signals.info import SigInfo
from elfuse.runtime.signals.state import Action, AltStack
from elfuse.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfuse.runtime.task import Task

_FRAME_SIZE = SIGINFO_SIZE + Ucontext.size + RESERVED_SIZE
_VECTORS = slice(Register.V0, Register.WORDS)
_END = RecordHead(magic=0, length=0).pack()


def push(task: "Task", info: SigInfo, action: Action, mask: int) -> None:
    """Build the frame and enter the handler. EFAULT if the stack cannot hold it.

    `mask` is what rt_sigreturn restores.
    """
    registers, held, memory = task.registers, task.signals, task.memory
    stack, pointer = held.altstack, registers[Register.SP]
    if action.flags & SA_ONSTACK and stack.size and not stack.holds(pointer):
        pointer = stack.base + stack.size
    record = (pointer - FrameRecord.size) & -16
    base = record - _FRAME_SIZE
    if base < 0:
        raise SyscallError(Errno.EFAULT)
    context = base + SIGINFO_SIZE
    memory.write(record, FrameRecord(fp=registers[29], lr=registers[30]).pack())
    memory.write(context, _context(task, mask))
    if action.flags & SA_SIGINFO:
        memory.write(base, info.pack())
        registers[1], registers[2] = base, context
    registers[0] = info.signo
    registers[29] = record
    restorer = action.flags & SA_RESTORER
    registers[30] = action.restorer if restorer else memory.vdso_sigreturn
    registers[Register.SP], registers[Register.PC] = base, action.handler
    if stack.flags & SS_AUTODISARM:
        held.altstack = AltStack()


def _context(task: "Task", mask: int) -> bytes:
    registers, held = task.registers, task.signals
    stack = held.altstack
    task.vcpu.load_simd()
    head = Ucontext(
        uc_stack=StackT(ss_sp=stack.base, ss_flags=stack.flags, ss_size=stack.size),
        uc_sigmask=mask,
        uc_mcontext=Sigcontext(
            fault_address=held.fault_address,
            regs=registers[:31].tobytes(),
            sp=registers[Register.SP],
            pc=registers[Register.PC],
            pstate=registers[Register.PSTATE] & PSR_FLAGS,
        ),
    )
    vectors = FpsimdContext(
        head=RecordHead(magic=FPSIMD_MAGIC, length=FpsimdContext.size),
        fpsr=registers[Register.FPSR] & 0xFFFF_FFFF,
        fpcr=registers[Register.FPCR] & 0xFFFF_FFFF,
        vregs=registers[_VECTORS].tobytes(),
    )
    records = vectors.pack()
    if held.fault_syndrome:
        kind = RecordHead(magic=ESR_MAGIC, length=EsrContext.size)
        records += EsrContext(head=kind, esr=held.fault_syndrome).pack()
    return head.pack() + records + _END


def pop(task: "Task") -> None:
    """Everything as the frame at SP says. EFAULT or EINVAL for a bad frame, nothing changed then."""
    registers, held = task.registers, task.signals
    base = registers[Register.SP]
    if base & 15:
        raise SyscallError(Errno.EFAULT)
    at = base + SIGINFO_SIZE
    context = Ucontext.load(task.memory, at)
    vectors = _find_vectors(task, at + Ucontext.size)
    machine, stack = context.uc_mcontext, context.uc_stack
    registers[:31] = memoryview(machine.regs).cast("Q")
    registers[Register.SP], registers[Register.PC] = machine.sp, machine.pc
    registers[Register.PSTATE] = machine.pstate & PSR_FLAGS
    registers[Register.FPSR], registers[Register.FPCR] = vectors.fpsr, vectors.fpcr
    registers[_VECTORS] = memoryview(vectors.vregs).cast("Q")
    task.vcpu.store_simd()
    held.set_mask(context.uc_sigmask)
    try:
        set_altstack(task, stack)
    except SyscallError:
        # As the kernel: what sigaltstack(2) would refuse is not restored.
        return


def _find_vectors(task: "Task", at: int) -> FpsimdContext:
    """The vector registers among the frame's records; EINVAL if they or their list are malformed."""
    data = task.memory.read(at, RESERVED_SIZE)
    found, offset = None, 0
    while offset + RecordHead.size <= RESERVED_SIZE:
        head = RecordHead.unpack(data[offset : offset + RecordHead.size])
        following = offset + head.length
        if head.magic == 0 and head.length == 0:
            break
        if head.length < RecordHead.size or head.length % 16 or following > RESERVED_SIZE:
            raise SyscallError(Errno.EINVAL)
        if head.magic == FPSIMD_MAGIC and head.length == FpsimdContext.size and found is None:
            found = FpsimdContext.unpack(data[offset:following])
        elif head.magic != ESR_MAGIC:
            raise SyscallError(Errno.EINVAL)
        offset = following
    if found is None:
        raise SyscallError(Errno.EINVAL)
    return found


def set_altstack(task: "Task", wanted: StackT) -> None:
    """sigaltstack(2): EPERM on the stack itself, EINVAL, ENOMEM for one that holds no frame."""
    if task.signals.altstack.holds(task.registers[Register.SP]):
        raise SyscallError(Errno.EPERM)
    mode = wanted.ss_flags & ~SS_AUTODISARM
    if mode not in (0, SS_ONSTACK, SS_DISABLE):
        raise SyscallError(Errno.EINVAL)
    if mode == SS_DISABLE:
        task.signals.altstack = AltStack(flags=wanted.ss_flags)
        return
    if wanted.ss_size < MINSIGSTKSZ:
        raise SyscallError(Errno.ENOMEM)
    task.signals.altstack = AltStack(wanted.ss_sp, wanted.ss_size, wanted.ss_flags)
