"""A guest thread: its registers, its run loop, and how it sleeps."""

import _thread
import os
import select

from elfuse import host
from elfuse.engine.protocol import Exit, Register, Vcpu
from elfuse.light import suppress
from elfuse.runtime import signals
from elfuse.runtime.abi.resource import INFINITY, Rlimit
from elfuse.runtime.abi.signal import Sig
from elfuse.runtime.files.base import OpenFile
from elfuse.runtime.futex import clear_child_tid, exit_robust
from elfuse.runtime.syscalls.table import dispatch
from elfuse.runtime.vfs.context import FsContext
from elfuse.runtime.vfs.credentials import Credentials
from elfuse.runtime.vfs.fdtable import FdTable
from elfuse.runtime.wait import Restart
from elfuse.typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from elfuse.runtime.kernel import Kernel
    from elfuse.runtime.process import Process

ILL_ILLOPC, TRAP_BRKPT, SEGV_MAPERR, BUS_ADRALN = 1, 1, 1, 1


class TaskExit(BaseException):
    """Unwinds a task's run loop: the thread ends. Not an Exception, no handler may swallow it."""


class LeftMemory(BaseException):
    """Unwinds the thread of a hosted process that has moved to a host process of its own."""


class Waker:
    """Ends a task's sleep from any thread. The pipe exists once the task has slept."""

    def __init__(self) -> None:
        self._read = self._write = -1
        self._woken = False

    def fileno(self) -> int:
        if self._read < 0:
            self._read, self._write = host.pipe_without_waiting()
        return self._read

    def wake(self) -> None:
        self._woken = True
        if self._write >= 0:
            with suppress(BlockingIOError):
                os.write(self._write, b"w")

    def take(self) -> bool:
        """Whether `wake` was called since the last `take`."""
        if not self._woken:
            return False
        self._woken = False
        if self._read >= 0:
            with suppress(BlockingIOError):
                os.read(self._read, 4096)
        return True

    def close(self) -> None:
        if self._read >= 0:
            os.close(self._read)
            os.close(self._write)
            self._read = self._write = -1


class Task:
    """One guest thread, run by one host thread. Guarded by `kernel.lock`."""

    def __init__(self, tid: int, process: "Process", vcpu: Vcpu) -> None:
        self.tid = tid
        self.process = process
        self.memory = process.memory
        self.kernel: Kernel = process.kernel
        self.vcpu = vcpu
        self.registers = vcpu.registers
        self.comm = b""
        self.signals = signals.TaskSignals()
        self.waker = Waker()
        self.restart: Restart | None = None
        self.syscall_x0 = 0
        self.resume_call: Callable[[Task], int] | None = None
        """What restart_syscall(2) continues."""
        self.dying = False
        self.host_thread = _thread.get_ident()
        """Of the thread that runs it; until it starts, of its creator."""
        self.vfork_done: Callable[[], None] | None = None
        """Set while a vfork parent waits: called when this task leaves the parent's memory."""
        debugger = self.kernel.debugger
        self.tracee = None if debugger is None else debugger.control(self)
        process.tasks[tid] = self
        self.kernel.tasks[tid] = self

    @property
    def clear_child_tid(self) -> int:
        """The address of set_tid_address(2), 0 for none."""
        return self.registers[Register.CLEARED]

    @clear_child_tid.setter
    def clear_child_tid(self, address: int) -> None:
        self.registers[Register.CLEARED] = address

    @property
    def robust_list(self) -> int:
        """The address of set_robust_list(2), 0 for none."""
        return self.registers[Register.ROBUST]

    @robust_list.setter
    def robust_list(self, head: int) -> None:
        self.registers[Register.ROBUST] = head

    @property
    def files(self) -> FdTable:
        return self.process.files

    @property
    def fs(self) -> FsContext:
        return self.process.fs

    @property
    def credentials(self) -> Credentials:
        return self.process.credentials

    # Waking and sleeping

    def wake(self) -> None:
        self.waker.wake()

    def interrupt_guest(self) -> None:
        """Make the task look for signals, whether it computes or sleeps."""
        self.waker.wake()
        self.vcpu.interrupt()

    def signal_due(self) -> bool:
        return (
            self.dying
            or self.process.stopped
            or signals.due(self)
            or (self.tracee is not None and self.tracee.halting)
        )

    def watch_wakes(self, poller: select.poll) -> None:
        """Let `wake` end a sleep; what could call it in a process of one task ends the sleep itself."""
        if not self.kernel.service.by_task:
            poller.register(self.waker.fileno(), select.POLLIN)

    def blocked_poll(self, poller: select.poll, timeout: int | None) -> list[tuple[int, int]]:
        """The host's poll with the kernel lock dropped; `timeout` in milliseconds."""
        kernel = self.kernel
        kernel.service.watch(poller)
        kernel.lock.release()
        try:
            return poller.poll(timeout)
        finally:
            kernel.lock.acquire()
            kernel.current = self
            if kernel.service.by_task:
                kernel.service.serve()

    # Running

    def identify(self) -> None:
        """Let the engine answer calls by itself, unless somebody wants to see them.

        By the thread that runs it, when it begins and whenever `tid`, the process or its
        descriptor table changes.
        """
        if self.kernel.trace.active or self.tracee is not None:
            return
        files = self.files
        if files.served is None:
            descriptors = self.kernel.engine.descriptors()
            if descriptors is None:
                return
            files.serve_by(descriptors)
        assert files.served is not None
        held = self.credentials
        self.vcpu.set_ids(held.uid, held.euid, held.gid, held.egid)
        self.vcpu.set_stack_limit(*self.process.rlimits[Rlimit.STACK])
        mask = self.vcpu.answer_calls(self.process.pid, self.tid, files.served)
        self.signals.share_mask(mask, pending=self.process.signals.pending.bits != 0)

    def serve_alone(self) -> None:
        """Let the engine answer calls that change mappings and actions, if nobody else could look."""
        files, limit = self.files, self.process.rlimits.get(Rlimit.AS)
        limited = limit is not None and limit[0] != INFINITY
        if files.served is not None and self.kernel.service.by_task and not limited:
            files.note_mapping = self.memory.take_note
            self.memory.serve_calls(files.get)
            actions = self.kernel.engine.actions
            if actions is not None:
                self.process.signals.handlers.move_to(actions)

    def run(self) -> None:
        """Execute the guest until this thread ends. The kernel lock is held on entry and return."""
        kernel, vcpu = self.kernel, self.vcpu
        lock = kernel.lock
        self.host_thread = _thread.get_ident()
        self.identify()
        self.serve_alone()
        try:
            if self.tracee is not None:
                self.tracee.run()
            while True:
                # In most rounds there is nothing that `signal_due` would have to look at closely.
                if (
                    self.signals.pending.bits
                    or self.process.signals.pending.bits
                    or self.dying
                    or self.process.stopped
                    or self.restart is not None
                ) and self.signal_due():
                    self._attend()
                lock.release()
                try:
                    reason = vcpu.run()
                finally:
                    lock.acquire()
                kernel.current = self
                if reason is Exit.SYSCALL:
                    dispatch(self)
                elif reason is not Exit.INTERRUPTED:
                    self.exception(reason)
                elif kernel.service.by_task:
                    kernel.service.serve()
        except TaskExit:
            self._leave()
        except LeftMemory:
            return

    def _attend(self) -> None:
        while not self.dying:
            signals.deliver(self)
            if not self.process.stopped:
                return
            self._wait_for_continue()
        raise TaskExit

    def _wait_for_continue(self) -> None:
        """Sleep while the process is stopped; signals but SIGCONT and SIGKILL wait too."""
        poller = select.poll()
        self.watch_wakes(poller)
        while self.process.stopped and not self.dying:
            self.blocked_poll(poller, None)
            self.waker.take()

    def exception(self, reason: Exit) -> None:
        """Make the signal of what the processor refused to do."""
        pc = self.registers[Register.PC]
        if reason is Exit.FAULT:
            access = self.vcpu.fault_access
            address = self.vcpu.fault_address
            found = self.memory.fault(address, access)
            if found is not None:
                signo, code = found
                signals.force(self, signals.SigInfo(signo=signo, code=code, address=address))
        elif reason is Exit.UNALIGNED:
            address = self.vcpu.fault_address
            signals.force(self, signals.SigInfo(signo=Sig.SIGBUS, code=BUS_ADRALN, address=address))
        elif reason is Exit.BREAKPOINT:
            signals.force(self, signals.SigInfo(signo=Sig.SIGTRAP, code=TRAP_BRKPT, address=pc))
        else:
            signals.force(self, signals.SigInfo(signo=Sig.SIGILL, code=ILL_ILLOPC, address=pc))

    def _leave(self) -> None:
        """The thread has ended: what the kernel does for it (exit(2), set_tid_address(2))."""
        process = self.process
        exit_robust(self)
        clear_child_tid(self)
        self.release_vfork()
        del process.tasks[self.tid]
        del self.kernel.tasks[self.tid]
        self.waker.close()
        if self.kernel.debugger is not None:
            self.kernel.debugger.look()
        process.thread_gone()

    def release_vfork(self) -> None:
        """Let the vfork parent go on; this task no longer uses its memory."""
        done, self.vfork_done = self.vfork_done, None
        if done is not None:
            done()

    def start(self) -> None:
        """Run in a host thread of its own."""
        self.kernel.service.need_thread()
        _thread.start_new_thread(self._thread, ())

    def _thread(self) -> None:
        with self.kernel.lock:
            self.run()
        self.vcpu.close()

    def file(self, fd: int) -> OpenFile:
        """The description behind a descriptor; EBADF."""
        return self.files.get(fd)
