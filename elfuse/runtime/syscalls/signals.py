"""System calls on signals."""

import time
from typing import Annotated

from elfuse.runtime import signals
from elfuse.runtime.abi.errno import Errno, SyscallError
from elfuse.runtime.abi.layout import Struct, i32, u64
from elfuse.runtime.abi.signal import NSIG, Sig
from elfuse.runtime.abi.stat import Timespec
from elfuse.runtime.processes import Entry, Field, State
from elfuse.runtime.signals import SI_TKILL, SI_USER, Action, AltStack, SigInfo, frame
from elfuse.runtime.signals.state import (
    SS_AUTODISARM,
    SS_DISABLE,
    SS_ONSTACK,
    UNBLOCKABLE,
    bit,
)
from elfuse.runtime.syscalls.args import Address, Pid, Signal, Size, choice
from elfuse.runtime.syscalls.table import syscall
from elfuse.runtime.task import Task
from elfuse.runtime.wait import NoResult, Restart, RestartKind, sleep

_SET_SIZE = 8
_MIN_STACK = 2048
_KNOWN_FLAGS = 0xDC000807 | 0x04000000 | 0x00000800

How = Annotated[int, choice({0: "SIG_BLOCK", 1: "SIG_UNBLOCK", 2: "SIG_SETMASK"})]


class KernelSigaction(Struct, size=32):
    """struct sigaction of the kernel."""

    handler: u64
    flags: u64
    restorer: u64
    mask: u64


class StackT(Struct, size=24):
    """stack_t."""

    ss_sp: u64
    ss_flags: i32
    pad: i32 = 0
    ss_size: u64


def _check_size(size: int) -> None:
    if size != _SET_SIZE:
        raise SyscallError(Errno.EINVAL)


def _check_signal(signo: int, *, zero: bool = False) -> None:
    if not (0 if zero else 1) <= signo <= NSIG:
        raise SyscallError(Errno.EINVAL)


@syscall(134)
def sys_rt_sigaction(task: Task, signo: Signal, new: Address, old: Address, size: Size) -> int:
    """sigaction(2)."""
    _check_size(size)
    _check_signal(signo)
    handlers = task.process.signals.handlers
    before = handlers.get(signo)
    wanted = KernelSigaction.load(task.memory, new) if new else None
    if wanted is not None and signo in (Sig.SIGKILL, Sig.SIGSTOP):
        raise SyscallError(Errno.EINVAL)
    if old:
        KernelSigaction(
            handler=before.handler, flags=before.flags, restorer=before.restorer, mask=before.mask
        ).store(task.memory, old)
    if wanted is not None:
        flags = wanted.flags & _KNOWN_FLAGS
        mask = wanted.mask & ~UNBLOCKABLE
        handlers.set(signo, Action(wanted.handler, flags, wanted.restorer, mask))
        if handlers.ignores(signo):
            # Pending ones are forgotten even where blocked (POSIX, kernel/signal.c).
            task.process.signals.pending.discard(bit(signo))
            for other in task.process.tasks.values():
                other.signals.pending.discard(bit(signo))
    return 0


@syscall(135)
def sys_rt_sigprocmask(task: Task, how: How, new: Address, old: Address, size: Size) -> int:
    """sigprocmask(2)."""
    _check_size(size)
    before = task.signals.blocked
    if new:
        given = task.memory.read_u64(new)
        if how not in (0, 1, 2):
            raise SyscallError(Errno.EINVAL)
        task.signals.set_mask((before | given, before & ~given, given)[how])
        if how:
            # A signal for the process may have waited for this thread to unblock it.
            task.wake()
    if old:
        task.memory.write_u64(old, before)
    return 0


@syscall(136)
def sys_rt_sigpending(task: Task, pending: Address, size: Size) -> int:
    """sigpending(2)."""
    if size > _SET_SIZE:
        raise SyscallError(Errno.EINVAL)
    bits = task.signals.pending.bits | task.process.signals.pending.bits
    task.memory.write(pending, (bits & task.signals.blocked).to_bytes(8, "little")[:size])
    return 0


@syscall(133)
def sys_rt_sigsuspend(task: Task, mask: Address, size: Size) -> int:
    """sigsuspend(2)."""
    _check_size(size)
    task.signals.suspend_with(task.memory.read_u64(mask))
    while True:
        try:
            sleep(task, [])
        except Restart:
            raise Restart(RestartKind.NOHAND) from None


@syscall(137)
def sys_rt_sigtimedwait(
    task: Task, wanted: Address, info: Address, timeout: Address, size: Size
) -> int:
    """sigtimedwait(2)."""
    _check_size(size)
    bits = task.memory.read_u64(wanted) & ~UNBLOCKABLE
    deadline = None
    if timeout:
        limit = Timespec.load(task.memory, timeout)
        if limit.tv_sec < 0 or not 0 <= limit.tv_nsec < 1_000_000_000:
            raise SyscallError(Errno.EINVAL)
        deadline = time.monotonic_ns() + limit.ns
    found = _wait_for_signal(task, bits, deadline)
    if found is None:
        raise SyscallError(Errno.EAGAIN)
    if info:
        task.memory.write(info, found.pack())
    return found.signo


def _wait_for_signal(task: Task, bits: int, deadline: int | None) -> SigInfo | None:
    found = signals.take(task, bits)
    if found is not None:
        return found
    task.signals.waiting = bits
    try:
        while found is None:
            try:
                slept = sleep(task, [], deadline)
            except Restart:
                found = signals.take(task, bits)
                if found is None:
                    raise SyscallError(Errno.EINTR) from None
            else:
                found = signals.take(task, bits)
                if not slept:
                    return found
    finally:
        task.signals.waiting = 0
    return found


@syscall(139)
def sys_rt_sigreturn(task: Task) -> int:
    """sigreturn(2): the interrupted context comes back as a whole."""
    try:
        frame.pop(task)
    except SyscallError:
        signals.force(task, SigInfo(signo=Sig.SIGSEGV, code=signals.SI_KERNEL))
    raise NoResult


@syscall(132)
def sys_sigaltstack(task: Task, new: Address, old: Address) -> int:
    """sigaltstack(2)."""
    held, pointer = task.signals.altstack, task.registers[31]
    wanted = StackT.load(task.memory, new) if new else None
    on = held.size > 0 and held.holds(pointer)
    flags = frame.stack_flags(held, pointer)
    current = StackT(
        ss_sp=held.base, ss_flags=flags - (1 << 32) if flags >> 31 else flags, ss_size=held.size
    )
    if wanted is not None:
        if on:
            raise SyscallError(Errno.EPERM)
        mode = wanted.ss_flags & 0xFFFF_FFFF & ~SS_AUTODISARM
        if mode not in (0, SS_ONSTACK, SS_DISABLE):
            raise SyscallError(Errno.EINVAL)
        if mode == SS_DISABLE:
            task.signals.altstack = AltStack()
        elif wanted.ss_size < _MIN_STACK:
            raise SyscallError(Errno.ENOMEM)
        else:
            keep = wanted.ss_flags & 0xFFFF_FFFF & SS_AUTODISARM
            task.signals.altstack = AltStack(wanted.ss_sp, wanted.ss_size, keep)
    if old:
        current.store(task.memory, old)
    return 0


# Sending


def _own_info(task: Task, signo: int, code: int) -> SigInfo:
    return SigInfo(signo=signo, code=code, pid=task.process.pid, uid=task.credentials.uid)


def _may_signal(task: Task, entry: Entry, signo: int) -> bool:
    held = task.credentials
    if held.euid == 0:
        return True
    if signo == Sig.SIGCONT and entry[Field.SID] == task.process.sid:
        return True
    theirs = entry[Field.UIDS] >> 32
    return theirs in (held.uid, held.euid)


def _send(task: Task, entry: Entry, info: SigInfo) -> None:
    if not _may_signal(task, entry, info.signo):
        raise SyscallError(Errno.EPERM)
    process = task.kernel.hosted.get(entry.pid)
    if process is not None and entry.state is not State.ZOMBIE:
        signals.post_to_process(process, info)
    elif entry.pid == task.kernel.processes.init_pid and info.signo == Sig.SIGKILL:
        # An init cannot be killed from inside (pid_namespaces(7)).
        return
    else:
        task.kernel.processes.send(entry.pid, info)


@syscall(129)
def sys_kill(task: Task, pid: Pid, signo: Signal) -> int:
    """kill(2)."""
    _check_signal(signo, zero=True)
    table = task.kernel.processes
    info = _own_info(task, signo, SI_USER)
    if pid > 0:
        entry = table.find(pid)
        if entry is None:
            other = task.kernel.tasks.get(pid)
            entry = other.process.entry if other is not None else None
        targets = [entry] if entry is not None else []
    elif pid == -1:
        own = task.process.pid
        targets = [e for e in table if e.pid not in (own, table.init_pid)]
    else:
        targets = table.group(-pid if pid else task.process.pgid)
        if not targets and pid:
            targets = [e for e in table if e[Field.PGID] == -pid]
    if not targets:
        raise SyscallError(Errno.ESRCH)
    return _send_all(task, targets, info)


def _send_all(task: Task, targets: list[Entry], info: SigInfo) -> int:
    """Success if one of them could be signalled; the own process comes last, it may be the end."""
    refused = 0
    for entry in sorted(targets, key=lambda e: e.pid == task.process.pid):
        try:
            _send(task, entry, info)
        except SyscallError:
            refused += 1
    if refused == len(targets):
        raise SyscallError(Errno.EPERM)
    return 0


def _send_to_thread(task: Task, tgid: int, tid: int, info: SigInfo) -> int:
    other = task.kernel.tasks.get(tid)
    if other is not None and (not tgid or other.process.pid == tgid):
        signals.post_to_task(other, info)
        return 0
    # A thread of another process: the leader's number is all that can be known of it here.
    entry = task.kernel.processes.find(tid)
    if entry is None or (tgid and tgid != tid):
        raise SyscallError(Errno.ESRCH)
    _send(task, entry, info)
    return 0


@syscall(130)
def sys_tkill(task: Task, tid: Pid, signo: Signal) -> int:
    """tkill(2)."""
    _check_signal(signo, zero=True)
    if tid <= 0:
        raise SyscallError(Errno.EINVAL)
    return _send_to_thread(task, 0, tid, _own_info(task, signo, SI_TKILL))


@syscall(131, note="threads of other processes are reached by the process's own number only")
def sys_tgkill(task: Task, tgid: Pid, tid: Pid, signo: Signal) -> int:
    """tgkill(2)."""
    _check_signal(signo, zero=True)
    if tgid <= 0 or tid <= 0:
        raise SyscallError(Errno.EINVAL)
    return _send_to_thread(task, tgid, tid, _own_info(task, signo, SI_TKILL))


def _given_info(task: Task, own: bool, signo: int, address: int) -> SigInfo:
    """A caller's siginfo: it must not look as if the kernel or kill had sent it."""
    given = SigInfo.unpack(task.memory.read(address, 128))
    if (given.code >= 0 or given.code == SI_TKILL) and not own:
        raise SyscallError(Errno.EPERM)
    return SigInfo(signo, given.code, given.errno, given.pid, given.uid, given.value)


@syscall(138)
def sys_rt_sigqueueinfo(task: Task, pid: Pid, signo: Signal, info: Address) -> int:
    """rt_sigqueueinfo(2)."""
    _check_signal(signo, zero=True)
    given = _given_info(task, pid == task.process.pid, signo, info)
    entry = task.kernel.processes.find(pid)
    if entry is None:
        raise SyscallError(Errno.ESRCH)
    _send(task, entry, given)
    return 0


@syscall(240)
def sys_rt_tgsigqueueinfo(task: Task, tgid: Pid, tid: Pid, signo: Signal, info: Address) -> int:
    """rt_tgsigqueueinfo(2)."""
    _check_signal(signo, zero=True)
    if tgid <= 0 or tid <= 0:
        raise SyscallError(Errno.EINVAL)
    given = _given_info(task, tid == task.tid, signo, info)
    return _send_to_thread(task, tgid, tid, given)


@syscall(128)
def sys_restart_syscall(task: Task) -> int:
    """restart_syscall(2): continue what a stop or an ignored signal interrupted."""
    resume, task.resume_call = task.resume_call, None
    if resume is None:
        raise SyscallError(Errno.EINTR)
    return resume(task)


