"""System calls on signals."""

from elfuse.engine.protocol import Register
from elfuse.runtime import signals
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.signal import (
    HOW_NAMES,
    NSIG,
    SA_KNOWN,
    SA_NAMES,
    SIG_BLOCK,
    SIG_DFL,
    SIG_IGN,
    SIG_SETMASK,
    SIG_UNBLOCK,
    SIGINFO_SIZE,
    SIGSET_SIZE,
    Sig,
    Sigaction,
    StackT,
    signal_name,
)
from elfuse.runtime.abi.stat import Timespec
from elfuse.runtime.signals import SI_TKILL, SI_USER, Action, SigInfo
from elfuse.runtime.signals.frame import set_altstack
from elfuse.runtime.signals.sending import send_to_pids, send_to_process, send_to_thread
from elfuse.runtime.signals.state import UNBLOCKABLE, bit
from elfuse.runtime.syscalls.args import (
    Address,
    Arg,
    Call,
    Pid,
    Signal,
    Size,
    choice,
    flag_text,
)
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task
from elfuse.runtime.wait import NoResult, Restart, RestartKind, now, sleep
from elfuse.typing import Annotated

_SECOND = 1_000_000_000


def _set_text(bits: int) -> str:
    """`[INT CHLD]`, `~[INT]` where most are in, as strace writes sets."""
    inverted = bits.bit_count() > NSIG // 2
    shown = ~bits if inverted else bits
    names = [
        signal_name(number).removeprefix("SIG")
        for number in range(1, NSIG + 1)
        if shown & bit(number)
    ]
    return ("~" if inverted else "") + "[" + " ".join(names) + "]"


def _set(call: Call, index: int) -> str:
    address = call.registers[index]
    return _set_text(call.task.memory.read_u64(address)) if address else "NULL"


def _action(call: Call, index: int) -> str:
    address = call.registers[index]
    if not address:
        return "NULL"
    found = Sigaction.load(call.task.memory, address)
    handler = {SIG_DFL: "SIG_DFL", SIG_IGN: "SIG_IGN"}.get(found.sa_handler, hex(found.sa_handler))
    text = flag_text(found.sa_flags, SA_NAMES)
    return f"{{sa_handler={handler}, sa_mask={_set_text(found.sa_mask)}, sa_flags={text}}}"


How = Annotated[int, choice(HOW_NAMES)]
SetAddress = Annotated[int, Arg("{x}", _set)]
ActionAddress = Annotated[int, Arg("{x}", _action)]


def _check_size(size: int) -> None:
    if size != SIGSET_SIZE:
        raise SyscallError(Errno.EINVAL)


def _check_signal(signo: int, *, zero: bool = False) -> None:
    if not (0 if zero else 1) <= signo <= NSIG:
        raise SyscallError(Errno.EINVAL)


@syscall(134)
def sys_rt_sigaction(
    task: Task, signo: Signal, new: ActionAddress, old: ActionAddress, size: Size
) -> int:
    """sigaction(2)."""
    _check_size(size)
    # Programs begin with dozens of these calls: members, not objects.
    wanted = Sigaction.unpacked(task.memory.read(new, Sigaction.size)) if new else None
    _check_signal(signo)
    if wanted is not None and bit(signo) & UNBLOCKABLE:
        raise SyscallError(Errno.EINVAL)
    handlers = task.process.signals.handlers
    before = handlers.get(signo)
    if wanted is not None:
        handler, flags, restorer, mask = wanted
        handlers.set(signo, Action(handler, flags & SA_KNOWN, restorer, mask & ~UNBLOCKABLE))
        signals.discard_ignored(task.process, signo)
        if signo == Sig.SIGCHLD:
            task.process.publish_reaping()
    if old:
        task.memory.write(
            old, Sigaction.packed(before.handler, before.flags, before.restorer, before.mask)
        )
    return 0


@syscall(135)
def sys_rt_sigprocmask(task: Task, how: How, new: SetAddress, old: SetAddress, size: Size) -> int:
    """sigprocmask(2)."""
    _check_size(size)
    before = task.signals.blocked
    if new:
        given = task.memory.read_u64(new)
        if how == SIG_BLOCK:
            task.signals.set_mask(before | given)
        elif how == SIG_UNBLOCK:
            task.signals.set_mask(before & ~given)
        elif how == SIG_SETMASK:
            task.signals.set_mask(given)
        else:
            raise SyscallError(Errno.EINVAL)
    if not (task.signals.pending.bits | task.process.signals.pending.bits):
        task.signals.note_none_pending()
    if old:
        task.memory.write_u64(old, before)
    return 0


@syscall(136)
def sys_rt_sigpending(task: Task, pending: SetAddress, size: Size) -> int:
    """sigpending(2)."""
    if size > SIGSET_SIZE:
        raise SyscallError(Errno.EINVAL)
    bits = task.signals.pending.bits | task.process.signals.pending.bits
    task.memory.write(pending, (bits & task.signals.blocked).to_bytes(SIGSET_SIZE, "little")[:size])
    return 0


@syscall(133)
def sys_rt_sigsuspend(task: Task, mask: SetAddress, size: Size) -> int:
    """sigsuspend(2)."""
    _check_size(size)
    task.signals.suspend_with(task.memory.read_u64(mask))
    while True:
        try:
            sleep(task, [])
        except Restart:
            raise Restart(RestartKind.ERESTARTNOHAND) from None


@syscall(137)
def sys_rt_sigtimedwait(
    task: Task, wanted: SetAddress, info: Address, timeout: Address, size: Size
) -> int:
    """sigtimedwait(2)."""
    _check_size(size)
    bits = task.memory.read_u64(wanted) & ~UNBLOCKABLE
    deadline = None
    if timeout:
        limit = Timespec.load(task.memory, timeout)
        if limit.tv_sec < 0 or not 0 <= limit.tv_nsec < _SECOND:
            raise SyscallError(Errno.EINVAL)
        deadline = now() + limit.ns
    found = _wait_for_signal(task, bits, deadline)
    if info:
        task.memory.write(info, found.pack())
    return found.signo


def _wait_for_signal(task: Task, bits: int, deadline: int | None) -> SigInfo:
    task.signals.waiting = bits
    expired = interrupted = False
    try:
        while True:
            found = signals.take(task, bits)
            if found is not None:
                return found
            if interrupted:
                # Never restarted, whatever the handler's flags (signal(7)).
                raise SyscallError(Errno.EINTR)
            if expired:
                raise SyscallError(Errno.EAGAIN)
            try:
                expired = not sleep(task, [], deadline)
            except Restart:
                interrupted = True
    finally:
        task.signals.waiting = 0


@syscall(139)
def sys_rt_sigreturn(task: Task) -> int:
    """sigreturn(2): the interrupted context comes back as a whole."""
    signals.leave_handler(task)
    raise NoResult


@syscall(132)
def sys_sigaltstack(task: Task, new: Address, old: Address) -> int:
    """sigaltstack(2)."""
    held = task.signals.altstack
    state = held.state(task.registers[Register.SP])
    wanted = StackT.load(task.memory, new) if new else None
    if wanted is not None:
        set_altstack(task, wanted)
    if old:
        StackT(ss_sp=held.base, ss_flags=state, ss_size=held.size).store(task.memory, old)
    return 0


@syscall(128)
def sys_restart_syscall(task: Task) -> int:
    """restart_syscall(2): continue what a stop or an ignored signal interrupted."""
    resume, task.resume_call = task.resume_call, None
    if resume is None:
        raise SyscallError(Errno.EINTR)
    return resume(task)


# Sending


def _own_info(task: Task, signo: int, code: int) -> SigInfo:
    return SigInfo(signo=signo, code=code, pid=task.process.pid, uid=task.credentials.uid)


@syscall(129)
def sys_kill(task: Task, pid: Pid, signo: Signal) -> int:
    """kill(2)."""
    if pid == -(1 << 31):
        raise SyscallError(Errno.ESRCH)
    _check_signal(signo, zero=True)
    info = _own_info(task, signo, SI_USER)
    if pid > 0:
        send_to_process(task, pid, info)
    else:
        send_to_pids(task, pid, info)
    return 0


@syscall(130)
def sys_tkill(task: Task, tid: Pid, signo: Signal) -> int:
    """tkill(2)."""
    if tid <= 0:
        raise SyscallError(Errno.EINVAL)
    _check_signal(signo, zero=True)
    send_to_thread(task, None, tid, _own_info(task, signo, SI_TKILL))
    return 0


@syscall(131, note="of other processes, only the first thread is found")
def sys_tgkill(task: Task, tgid: Pid, tid: Pid, signo: Signal) -> int:
    """tgkill(2)."""
    if tgid <= 0 or tid <= 0:
        raise SyscallError(Errno.EINVAL)
    _check_signal(signo, zero=True)
    send_to_thread(task, tgid, tid, _own_info(task, signo, SI_TKILL))
    return 0


def _given_info(task: Task, target: int, signo: int, address: int) -> SigInfo:
    """A caller's siginfo: to others it must not look as if the kernel or kill had sent it."""
    data = signo.to_bytes(4, "little", signed=True) + task.memory.read(address, SIGINFO_SIZE)[4:]
    given = SigInfo.unpack(data)
    own = target in (task.tid, task.process.pid)
    if (given.code >= 0 or given.code == SI_TKILL) and not own:
        raise SyscallError(Errno.EPERM)
    return given


@syscall(138)
def sys_rt_sigqueueinfo(task: Task, pid: Pid, signo: Signal, info: Address) -> int:
    """rt_sigqueueinfo(2)."""
    given = _given_info(task, pid, signo, info)
    _check_signal(signo, zero=True)
    send_to_process(task, pid, given)
    return 0


@syscall(240, note="of other processes, only the first thread is found")
def sys_rt_tgsigqueueinfo(task: Task, tgid: Pid, tid: Pid, signo: Signal, info: Address) -> int:
    """rt_tgsigqueueinfo(2)."""
    if tgid <= 0 or tid <= 0:
        raise SyscallError(Errno.EINVAL)
    given = _given_info(task, tid, signo, info)
    _check_signal(signo, zero=True)
    send_to_thread(task, tgid, tid, given)
    return 0
