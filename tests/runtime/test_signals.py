"""Signals without guest code: siginfo, pending sets, frames, restarts, who gets what."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elfuse.engine.protocol import Register
from elfuse.runtime import signals
from elfuse.runtime.abi.errno import Errno
from elfuse.runtime.abi.signal import (
    CLD_EXITED,
    CLD_STOPPED,
    ESR_MAGIC,
    ESR_WRITE,
    SA_NOCLDSTOP,
    SA_NOCLDWAIT,
    SA_NODEFER,
    SA_ONSTACK,
    SA_RESETHAND,
    SA_RESTART,
    SA_SIGINFO,
    SA_UNSUPPORTED,
    SEGV_MAPERR,
    SI_KERNEL,
    SI_QUEUE,
    SI_TIMER,
    SI_TKILL,
    SI_USER,
    SIG_DFL,
    SIG_IGN,
    SIGINFO_SIZE,
    SS_AUTODISARM,
    SS_DISABLE,
    SS_ONSTACK,
    EsrContext,
    FpsimdContext,
    FrameRecord,
    Sig,
    Sigaction,
    StackT,
    Ucontext,
)
from elfuse.runtime.processes import Field
from elfuse.runtime.signals import SigInfo
from elfuse.runtime.signals.state import PendingSet, SignalHandlers, bit, mask
from elfuse.runtime.task import Task, TaskExit
from elfuse.runtime.wait import NoResult, Restart, RestartKind
from tests.runtime.machine import Machine, machine

HANDLER, RESTORER, TRAMPOLINE, CODE = 0x1000, 0x2000, 0x3000, 0x4000
EINTR = -int(Errno.EINTR) & (1 << 64) - 1


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path) as made:
        registers = made.task.registers
        stack = made.room(1 << 16)
        registers[Register.SP], registers[Register.PC] = stack + (1 << 16), CODE
        made.process.memory.vdso_sigreturn = TRAMPOLINE
        yield made


def handle(
    guest: Machine, signo: int, flags: int = 0, mask: int = 0, handler: int = HANDLER
) -> None:
    action = Sigaction(sa_handler=handler, sa_flags=flags, sa_restorer=RESTORER, sa_mask=mask)
    guest.ok("rt_sigaction", signo, guest.put(action.pack()), 0, 8)


def block(guest: Machine, *numbers: int) -> None:
    guest.ok("rt_sigprocmask", 2, guest.put(mask(*numbers).to_bytes(8, "little")), 0, 8)


def kill(guest: Machine, signo: int) -> None:
    guest.ok("kill", guest.process.pid, signo)


def deliver(guest: Machine) -> None:
    with guest.kernel.lock:
        signals.deliver(guest.task)


def sigreturn(guest: Machine) -> None:
    with suppress(NoResult):
        guest.call("rt_sigreturn")


def pending(guest: Machine) -> int:
    return guest.task.signals.pending.bits | guest.process.signals.pending.bits


def context(guest: Machine) -> Ucontext:
    at = guest.task.registers[Register.SP] + SIGINFO_SIZE
    return Ucontext.load(guest.process.memory, at)


infos = st.builds(
    SigInfo,
    signo=st.integers(1, 64),
    code=st.integers(-10, 10) | st.just(SI_KERNEL),
    pid=st.integers(0, 1 << 22),
    uid=st.integers(0, (1 << 32) - 1),
    value=st.integers(0, (1 << 64) - 1),
    address=st.integers(0, (1 << 64) - 1),
    status=st.integers(0, 255),
)


@given(infos)
def test_siginfo_keeps_what_its_kind_holds(info: SigInfo) -> None:
    data = info.pack()
    assert len(data) == SIGINFO_SIZE
    again = SigInfo.unpack(data)
    assert (again.signo, again.code, again.raw) == (info.signo, info.code, b"")
    assert again.pack() == data


def test_siginfo_has_linux_offsets() -> None:
    child = SigInfo(Sig.SIGCHLD, CLD_EXITED, pid=7, uid=8, status=3, utime=5, stime=6).pack()
    assert child[16:48] == b"".join(
        n.to_bytes(size, "little") for n, size in ((7, 4), (8, 4), (3, 4), (0, 4), (5, 8), (6, 8))
    )
    timer = SigInfo(40, SI_TIMER, timer_id=2, overrun=9, value=11).pack()
    assert timer[16:32] == b"\x02\0\0\0\x09\0\0\0\x0b" + bytes(7)
    assert SigInfo(Sig.SIGSEGV, SEGV_MAPERR, address=0x1234).pack()[16:24] == b"\x34\x12" + bytes(6)


def test_siginfo_of_a_sender_keeps_every_byte() -> None:
    data = SigInfo(40, SI_QUEUE).pack()[:32] + os.urandom(96)
    assert SigInfo.unpack(data).pack() == data


def test_pending_set_gives_faults_first_then_the_lowest_number() -> None:
    held = PendingSet()
    for signo in (40, Sig.SIGTERM, Sig.SIGSEGV, Sig.SIGHUP, 40):
        held.add(SigInfo(signo, value=signo))
    taken = [held.take(-1) for _ in range(6)]
    assert [info and info.signo for info in taken] == [11, 1, 15, 40, 40, None]
    assert held.bits == 0


def test_pending_set_keeps_one_standard_signal_and_all_real_time_ones() -> None:
    held = PendingSet()
    assert held.add(SigInfo(Sig.SIGUSR1, value=1))
    assert not held.add(SigInfo(Sig.SIGUSR1, value=2))
    for value in range(3):
        assert held.add(SigInfo(40, value=value))
    values = [info.value for info in iter(lambda: held.take(-1), None)]
    assert values == [1, 0, 1, 2]


def test_exec_keeps_ignored_signals_only() -> None:
    handlers = SignalHandlers()
    handlers.set(Sig.SIGHUP, signals.Action(handler=SIG_IGN))
    handlers.set(Sig.SIGINT, signals.Action(handler=HANDLER, flags=SA_RESTART))
    handlers.reset_for_exec()
    assert handlers.ignored_and_caught() == (bit(Sig.SIGHUP), 0)
    assert handlers.get(Sig.SIGINT) == signals.Action()


def test_handler_is_entered_as_the_kernel_does(guest: Machine) -> None:
    registers = guest.task.registers
    registers[1], registers[29], registers[30] = 71, 72, 73
    top = registers[Register.SP]
    handle(guest, Sig.SIGUSR1, SA_SIGINFO)
    kill(guest, Sig.SIGUSR1)
    deliver(guest)
    sp = registers[Register.SP]
    assert registers[Register.PC] == HANDLER
    assert registers[0] == Sig.SIGUSR1
    assert (registers[1], registers[2]) == (sp, sp + SIGINFO_SIZE)
    assert registers[30] == TRAMPOLINE
    assert sp % 16 == 0
    assert registers[29] == top - 16
    record = FrameRecord.load(guest.process.memory, registers[29])
    assert (record.fp, record.lr) == (72, 73)
    info = SigInfo.unpack(guest.get(sp, SIGINFO_SIZE))
    assert (info.signo, info.code, info.pid) == (Sig.SIGUSR1, SI_USER, guest.process.pid)
    assert context(guest).uc_stack.ss_flags == SS_DISABLE


def test_handler_without_siginfo_keeps_the_other_arguments(guest: Machine) -> None:
    guest.task.registers[1] = 71
    handle(guest, Sig.SIGUSR1, 0x0400_0000)
    kill(guest, Sig.SIGUSR1)
    deliver(guest)
    assert guest.task.registers[1] == 71
    assert guest.task.registers[30] == RESTORER


def test_sigreturn_restores_every_register(guest: Machine) -> None:
    task = guest.task
    registers, vcpu = task.registers, task.vcpu
    for index in range(31):
        registers[index] = index * 0x0101_0101_0101
    registers[Register.PSTATE] = 0xA000_0000
    vcpu.load_simd()
    for index in range(Register.V0, Register.WORDS):
        registers[index] = index << 40 | index
    vcpu.store_simd()
    block(guest, Sig.SIGTERM)
    before = registers[: Register.TPIDR].tolist()
    handle(guest, Sig.SIGUSR1, mask=mask(Sig.SIGINT))
    kill(guest, Sig.SIGUSR1)
    deliver(guest)
    assert task.signals.blocked == mask(Sig.SIGTERM, Sig.SIGINT, Sig.SIGUSR1)
    for index in (*range(31), Register.PSTATE):
        registers[index] = 5
    vcpu.load_simd()
    for index in range(Register.V0, Register.WORDS):
        registers[index] = 9
    vcpu.store_simd()
    sigreturn(guest)
    assert registers[: Register.TPIDR].tolist() == before
    vcpu.load_simd()
    assert all(registers[n] == n << 40 | n for n in range(Register.V0, Register.WORDS))
    assert task.signals.blocked == mask(Sig.SIGTERM)


def test_frames_stack_with_the_lowest_signal_at_the_bottom(guest: Machine) -> None:
    for signo in (Sig.SIGUSR1, Sig.SIGUSR2):
        handle(guest, signo, handler=HANDLER + signo)
        kill(guest, signo)
    deliver(guest)
    assert guest.task.registers[Register.PC] == HANDLER + Sig.SIGUSR2
    sigreturn(guest)
    assert guest.task.registers[Register.PC] == HANDLER + Sig.SIGUSR1
    sigreturn(guest)
    assert guest.task.registers[Register.PC] == CODE


def test_malformed_frame_is_a_segmentation_fault(guest: Machine) -> None:
    handle(guest, Sig.SIGUSR1)
    kill(guest, Sig.SIGUSR1)
    deliver(guest)
    at = guest.task.registers[Register.SP] + SIGINFO_SIZE + Ucontext.size
    guest.process.memory.write_u32(at, 0xBAD)
    sigreturn(guest)
    with pytest.raises(TaskExit):
        deliver(guest)
    assert guest.process.exit_status == Sig.SIGSEGV


def test_unwritable_stack_is_a_segmentation_fault(guest: Machine) -> None:
    handle(guest, Sig.SIGUSR1)
    guest.task.registers[Register.SP] = 64
    kill(guest, Sig.SIGUSR1)
    with pytest.raises(TaskExit):
        deliver(guest)
    assert guest.process.exit_status == Sig.SIGSEGV


def test_fault_frame_names_address_and_direction(guest: Machine) -> None:
    handle(guest, Sig.SIGSEGV, SA_SIGINFO)
    with guest.kernel.lock:
        signals.force(guest.task, SigInfo(Sig.SIGSEGV, SEGV_MAPERR, address=0x5000))
        signals.deliver(guest.task)
    assert context(guest).uc_mcontext.fault_address == 0x5000
    at = guest.task.registers[Register.SP] + SIGINFO_SIZE + Ucontext.size + FpsimdContext.size
    found = EsrContext.load(guest.process.memory, at)
    assert found.head.magic == ESR_MAGIC
    assert not found.esr & ESR_WRITE


def test_blocked_fault_kills(guest: Machine) -> None:
    handle(guest, Sig.SIGSEGV)
    block(guest, Sig.SIGSEGV)
    with guest.kernel.lock:
        signals.force(guest.task, SigInfo(Sig.SIGSEGV, SEGV_MAPERR))
        with pytest.raises(TaskExit):
            signals.deliver(guest.task)
    assert guest.process.exit_status == Sig.SIGSEGV


def test_alternate_stack_is_used_and_reported(guest: Machine) -> None:
    base = guest.room(8192)
    guest.ok("sigaltstack", guest.put(StackT(ss_sp=base, ss_flags=0, ss_size=8192).pack()), 0)
    handle(guest, Sig.SIGUSR1, SA_ONSTACK)
    kill(guest, Sig.SIGUSR1)
    deliver(guest)
    assert base < guest.task.registers[Register.SP] < base + 8192
    old = guest.room(StackT.size)
    guest.ok("sigaltstack", 0, old)
    assert StackT.load(guest.process.memory, old).ss_flags == SS_ONSTACK
    off = guest.put(StackT(ss_sp=0, ss_flags=SS_DISABLE, ss_size=0).pack())
    assert guest.error("sigaltstack", off, 0) is Errno.EPERM
    sigreturn(guest)
    guest.ok("sigaltstack", off, 0)


def test_auto_disarmed_stack_comes_back_with_sigreturn(guest: Machine) -> None:
    wanted = StackT(ss_sp=guest.room(8192), ss_flags=SS_AUTODISARM, ss_size=8192)
    guest.ok("sigaltstack", guest.put(wanted.pack()), 0)
    handle(guest, Sig.SIGUSR1, SA_ONSTACK)
    kill(guest, Sig.SIGUSR1)
    deliver(guest)
    assert guest.task.signals.altstack.size == 0
    sigreturn(guest)
    assert guest.task.signals.altstack.size == 8192
    assert guest.task.signals.altstack.flags == SS_AUTODISARM


@pytest.mark.parametrize(
    ("size", "flags", "error"), [(5119, 0, Errno.ENOMEM), (8192, 4, Errno.EINVAL)]
)
def test_bad_alternate_stack_is_refused(
    guest: Machine, size: int, flags: int, error: Errno
) -> None:
    wanted = StackT(ss_sp=guest.room(8192), ss_flags=flags, ss_size=size)
    assert guest.error("sigaltstack", guest.put(wanted.pack()), 0) is error


def interrupt(guest: Machine, kind: RestartKind) -> None:
    """A call with argument 77 was interrupted, as the dispatcher leaves it."""
    task = guest.task
    task.syscall_x0, task.restart = 77, Restart(kind, lambda _task: 5)
    task.registers[0], task.registers[8] = EINTR, 63
    assert signals.due(task)


@pytest.mark.parametrize("kind", RestartKind)
def test_interrupted_call_goes_on_without_a_handler(guest: Machine, kind: RestartKind) -> None:
    interrupt(guest, kind)
    deliver(guest)
    registers = guest.task.registers
    assert (registers[0], registers[Register.PC]) == (77, CODE - 4)
    assert registers[8] == (128 if kind is RestartKind.ERESTART_RESTARTBLOCK else 63)
    assert not signals.due(guest.task)
    if kind is RestartKind.ERESTART_RESTARTBLOCK:
        assert guest.ok("restart_syscall") == 5
    assert guest.error("restart_syscall") is Errno.EINTR


@pytest.mark.parametrize("flags", [0, SA_RESTART])
@pytest.mark.parametrize("kind", RestartKind)
def test_interrupted_call_behind_a_handler(guest: Machine, kind: RestartKind, flags: int) -> None:
    interrupt(guest, kind)
    handle(guest, Sig.SIGUSR1, flags)
    kill(guest, Sig.SIGUSR1)
    deliver(guest)
    again = kind is RestartKind.ERESTARTSYS and bool(flags)
    machine_context = context(guest).uc_mcontext
    assert machine_context.pc == (CODE - 4 if again else CODE)
    assert int.from_bytes(machine_context.regs[:8], "little") == (77 if again else EINTR)


def test_reset_and_nodefer(guest: Machine) -> None:
    handle(guest, Sig.SIGUSR1, SA_RESETHAND | SA_NODEFER)
    kill(guest, Sig.SIGUSR1)
    deliver(guest)
    assert guest.process.signals.handlers.get(Sig.SIGUSR1).handler == SIG_DFL
    assert guest.task.signals.blocked == 0


def test_unsupported_flags_are_cleared(guest: Machine) -> None:
    handle(guest, Sig.SIGUSR1, SA_UNSUPPORTED | SA_RESTART | 1 << 40)
    old = guest.room(Sigaction.size)
    guest.ok("rt_sigaction", Sig.SIGUSR1, 0, old, 8)
    assert Sigaction.load(guest.process.memory, old).sa_flags == SA_RESTART


def test_sigaction_refuses_what_cannot_be_caught(guest: Machine) -> None:
    action = guest.put(Sigaction(sa_handler=2, sa_flags=0, sa_restorer=0, sa_mask=0).pack())
    for signo in (0, 65, Sig.SIGKILL, Sig.SIGSTOP):
        assert guest.error("rt_sigaction", signo, action, 0, 8) is Errno.EINVAL
    assert guest.error("rt_sigaction", Sig.SIGHUP, action, 0, 4) is Errno.EINVAL
    assert guest.error("rt_sigaction", Sig.SIGHUP, 8, 0, 8) is Errno.EFAULT


def test_kill_and_stop_cannot_be_blocked(guest: Machine) -> None:
    block(guest, Sig.SIGKILL, Sig.SIGSTOP, Sig.SIGTERM)
    assert guest.task.signals.blocked == bit(Sig.SIGTERM)


def test_ignored_signal_is_dropped_unless_blocked(guest: Machine) -> None:
    handle(guest, Sig.SIGUSR1, handler=SIG_IGN)
    kill(guest, Sig.SIGUSR1)
    assert pending(guest) == 0
    block(guest, Sig.SIGUSR1)
    kill(guest, Sig.SIGUSR1)
    assert pending(guest) == bit(Sig.SIGUSR1)
    handle(guest, Sig.SIGUSR1, handler=SIG_IGN)
    assert pending(guest) == 0


def test_stop_and_continue_take_each_other_back(guest: Machine) -> None:
    block(guest, Sig.SIGTSTP, Sig.SIGCONT)
    kill(guest, Sig.SIGTSTP)
    kill(guest, Sig.SIGCONT)
    assert pending(guest) == bit(Sig.SIGCONT)
    kill(guest, Sig.SIGTSTP)
    assert pending(guest) == bit(Sig.SIGTSTP)


def test_stopped_child_is_not_told_with_nocldstop(guest: Machine) -> None:
    handle(guest, Sig.SIGCHLD, SA_NOCLDSTOP)
    with guest.kernel.lock:
        assert not signals.post_to_process(guest.process, SigInfo(Sig.SIGCHLD, CLD_STOPPED))
        assert signals.post_to_process(guest.process, SigInfo(Sig.SIGCHLD, CLD_EXITED))


def test_init_is_safe_from_its_own_world(guest: Machine) -> None:
    guest.process.is_init = True
    kill(guest, Sig.SIGTERM)
    assert pending(guest) == 0
    with guest.kernel.lock:
        assert signals.post_to_process(guest.process, SigInfo(Sig.SIGINT, SI_KERNEL))
    handle(guest, Sig.SIGTERM)
    kill(guest, Sig.SIGTERM)
    assert pending(guest) == mask(Sig.SIGTERM, Sig.SIGINT)


def test_process_signal_wakes_a_thread_that_takes_it(guest: Machine) -> None:
    other = guest.thread()
    handle(guest, Sig.SIGUSR1)
    block(guest, Sig.SIGUSR1)
    guest.task.waker.take()
    kill(guest, Sig.SIGUSR1)
    assert other.waker.take()
    assert not guest.task.waker.take()
    assert signals.due(other)
    assert not signals.due(guest.task)


def test_thread_signal_is_for_that_thread(guest: Machine) -> None:
    other = guest.thread()
    handle(guest, Sig.SIGUSR1)
    guest.ok("tgkill", guest.process.pid, other.tid, Sig.SIGUSR1)
    assert signals.due(other)
    assert not signals.due(guest.task)
    assert guest.error("tgkill", guest.process.pid + 1, other.tid, Sig.SIGUSR1) is Errno.ESRCH
    assert guest.error("tkill", 0, Sig.SIGUSR1) is Errno.EINVAL


def stranger(guest: Machine, uid: int) -> int:
    """Another process in the table, of another user; its host process is this one."""
    pid = guest.kernel.processes.next_id()
    entry = guest.kernel.processes.add(pid, os.getpid(), parent=None, start_ns=0)
    entry[Field.UIDS] = uid << 32 | uid
    return pid


def test_kill_needs_permission(guest: Machine) -> None:
    own, foreign = stranger(guest, 1000), stranger(guest, 1001)
    guest.process.credentials.uid = guest.process.credentials.euid = 1000
    guest.ok("kill", own, 0)
    assert guest.error("kill", foreign, 0) is Errno.EPERM
    guest.ok("kill", -1, 0)
    assert guest.error("kill", 4_000_000, 0) is Errno.ESRCH
    assert guest.error("kill", own, 65) is Errno.EINVAL
    assert guest.error("kill", -4_000_000, 0) is Errno.ESRCH


def test_signals_reach_other_processes_through_their_inbox(guest: Machine) -> None:
    pid = stranger(guest, 0)
    guest.ok("kill", pid, Sig.SIGTERM)
    entry = guest.kernel.processes.find(pid)
    assert entry is not None
    [info] = entry.take()
    assert (info.signo, info.code, info.pid) == (Sig.SIGTERM, SI_USER, guest.process.pid)


def test_sigqueue_cannot_pretend_to_be_the_kernel(guest: Machine) -> None:
    other = stranger(guest, 0)
    for code in (SI_USER, SI_KERNEL, SI_TKILL):
        info = guest.put(SigInfo(40, code).pack())
        assert guest.error("rt_sigqueueinfo", other, 40, info) is Errno.EPERM
    block(guest, 40)
    guest.ok("rt_sigqueueinfo", guest.process.pid, 40, guest.put(SigInfo(1, SI_USER).pack()))
    assert pending(guest) == bit(40)


def wait(guest: Machine, numbers: int, seconds: int = 0) -> tuple[int, SigInfo]:
    wanted, info = guest.put(numbers.to_bytes(8, "little")), guest.room(SIGINFO_SIZE)
    limit = guest.put(seconds.to_bytes(8, "little") + bytes(8))
    result = guest.call("rt_sigtimedwait", wanted, info, limit, 8)
    return result, SigInfo.unpack(guest.get(info, SIGINFO_SIZE))


def test_sigtimedwait_takes_queued_signals_in_order(guest: Machine) -> None:
    block(guest, 40)
    for value in (3, 4):
        sent = guest.put(SigInfo(40, SI_QUEUE, value=value).pack())
        guest.ok("rt_sigqueueinfo", guest.process.pid, 40, sent)
    assert [(n, info.value) for n, info in (wait(guest, bit(40)), wait(guest, bit(40)))] == [
        (40, 3),
        (40, 4),
    ]
    assert wait(guest, bit(40))[0] == -Errno.EAGAIN


def test_sigtimedwait_ends_with_eintr_for_another_signal(guest: Machine) -> None:
    handle(guest, Sig.SIGUSR1, SA_RESTART)
    kill(guest, Sig.SIGUSR1)
    assert wait(guest, bit(40), 100)[0] == -Errno.EINTR
    assert guest.task.signals.waiting == 0


def test_sigsuspend_mask_lasts_until_the_handler_returns(guest: Machine) -> None:
    block(guest, Sig.SIGUSR1)
    handle(guest, Sig.SIGUSR1)
    kill(guest, Sig.SIGUSR1)
    assert not signals.due(guest.task)
    with pytest.raises(Restart) as caught:
        guest.call("rt_sigsuspend", guest.put(bytes(8)), 8)
    assert caught.value.kind is RestartKind.ERESTARTNOHAND
    guest.task.restart = caught.value
    deliver(guest)
    assert context(guest).uc_sigmask == bit(Sig.SIGUSR1)
    sigreturn(guest)
    assert guest.task.signals.blocked == bit(Sig.SIGUSR1)


class Bell:
    """Counts as a signalfd does."""

    def __init__(self) -> None:
        self.rung: list[int] = []

    def signal_pending(self, signo: int) -> None:
        self.rung.append(signo)


def test_watchers_hear_of_pending_signals(guest: Machine) -> None:
    bell = Bell()
    guest.process.signals.watchers.add(bell)
    block(guest, Sig.SIGUSR1)
    kill(guest, Sig.SIGUSR1)
    kill(guest, Sig.SIGCHLD)
    assert bell.rung == [Sig.SIGUSR1]


def test_ended_thread_gets_nothing(guest: Machine) -> None:
    ended: Task = guest.thread()
    with guest.kernel.lock:
        del guest.process.tasks[ended.tid]
        assert not signals.post_to_task(ended, SigInfo(Sig.SIGTERM))
    assert ended.signals.pending.bits == 0


def test_stopped_process_decides_about_a_restart_when_it_goes_on(guest: Machine) -> None:
    interrupt(guest, RestartKind.ERESTARTSYS)
    handle(guest, Sig.SIGUSR1)
    guest.process.stopped = True
    deliver(guest)
    assert guest.task.restart is not None
    kill(guest, Sig.SIGUSR1)
    kill(guest, Sig.SIGCONT)
    deliver(guest)
    assert context(guest).uc_mcontext.pc == CODE


def test_inbox_takes_no_standard_signal_twice_and_keeps_room_for_others(guest: Machine) -> None:
    entry = guest.process.entry
    while entry.push(SigInfo(40)):
        pass
    for _ in range(100):
        assert entry.push(SigInfo(Sig.SIGUSR1))
        assert entry.push(SigInfo(Sig.SIGTERM))
    numbers = [info.signo for info in entry.take()]
    assert numbers.count(40) > 10
    assert numbers[-2:] == [Sig.SIGUSR1, Sig.SIGTERM]
    assert entry.take() == []


def test_inbox_keeps_the_order_of_stops_and_continuations(guest: Machine) -> None:
    entry = guest.process.entry
    sent = [Sig.SIGSTOP, Sig.SIGCONT, Sig.SIGSTOP, Sig.SIGSTOP]
    for signo in sent:
        assert entry.push(SigInfo(signo))
    assert [info.signo for info in entry.take()] == sent[:3]


def test_children_vanish_as_sigchld_says(guest: Machine) -> None:
    table = guest.kernel.processes
    for handler, flags, told in ((SIG_IGN, 0, []), (HANDLER, SA_NOCLDWAIT, [Sig.SIGCHLD])):
        handle(guest, Sig.SIGCHLD, flags, handler=handler)
        pid = table.next_id()
        child = table.add(pid, os.getpid(), parent=guest.process.entry, start_ns=0)
        child[Field.EXIT_SIGNAL] = Sig.SIGCHLD
        guest.kernel.bury(child, 0)
        assert table.find(pid) is None
        assert [info.signo for info in guest.process.entry.take()] == told
