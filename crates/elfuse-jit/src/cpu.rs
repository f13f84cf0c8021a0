//! One guest thread: registers, why it stopped, and its way to memory.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::access::{self, Access, BUS, Trap};
use crate::calls::{Answers, Shared, wait};
use crate::code::{Code, GUEST_BITS, Ip};
use crate::compile;
use crate::fp;
use crate::interp;
use crate::signals;
use crate::state::{FPCR, FPSR, PC, State};

/// Why a guest thread stopped; the values of `engine/protocol.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// SVC; PC is behind it.
    Syscall = 0,
    /// No access; PC is at the instruction.
    Fault = 1,
    /// Undefined instruction.
    Undefined = 2,
    /// BRK.
    Breakpoint = 3,
    /// Somebody called for attention.
    Interrupted = 4,
    /// An access that must be aligned is not.
    Unaligned = 5,
    /// `step` has executed one instruction.
    Stepped = 6,
    /// A debugger wants to stop before the instruction at PC.
    Reached = 7,
    /// The instruction at PC is about to access memory that is watched.
    Watched = 8,
}

/// What an access needed; the values of PROT_* (mmap(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "names say it")]
pub enum Need {
    Read = 1,
    Write = 2,
    Execute = 4,
}

/// What an instruction is about to do with memory: bits of [`Need`].
#[derive(Clone, Copy)]
#[repr(u8)]
enum Accesses {
    Load = 1,
    Store = 2,
    Both = 3,
}

impl Accesses {
    /// What a fault says that it needed.
    fn need(self) -> Need {
        if matches!(self, Self::Load) {
            Need::Read
        } else {
            Need::Write
        }
    }
}

/// What LDXR saw, for STXR to compare; not open with `bytes` 0.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Monitor {
    pub(crate) bytes: u64,
    pub(crate) address: u64,
    pub(crate) value: u128,
}

/// How other threads make a vCPU's `run` return.
#[derive(Debug, Default)]
pub struct Attention {
    /// Somebody called, and no `run` returned for it yet.
    called: AtomicU32,
    /// [`Cpu::interrupt`], as long as the vCPU exists.
    flag: Mutex<Option<Flag>>,
    /// The host thread that waits in a call and must be told; 0: none.
    waiting: AtomicI32,
}

#[derive(Debug)]
struct Flag(NonNull<AtomicU32>);

// SAFETY: whoever has the lock may use it, and the vCPU takes it away before it goes.
unsafe impl Send for Flag {}

impl Attention {
    /// Make `run` return soon, the next one if none is active.
    pub fn interrupt(&self) {
        self.called.store(1, Ordering::SeqCst);
        if let Some(flag) = &*self.flag() {
            // SAFETY: the vCPU exists as long as this is here.
            unsafe { flag.0.as_ref() }.store(1, Ordering::SeqCst);
        }
        let thread = self.waiting.load(Ordering::SeqCst);
        if thread != 0 {
            wait::knock(thread);
        }
    }

    fn flag(&self) -> MutexGuard<'_, Option<Flag>> {
        self.flag.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While a thread waits in a call of the host, see [`wait`].
pub(crate) struct Waiting<'a>(&'a Cpu);

impl Waiting<'_> {
    /// What must be zero for the wait to begin.
    pub(crate) fn flag(&self) -> *const u32 {
        self.0.interrupt.as_ptr()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.attention.waiting.store(0, Ordering::Release);
    }
}

/// A guest thread's processor. Compiled code knows its [`layout`].
#[repr(C)]
#[derive(Debug)]
pub struct Cpu {
    /// Its registers.
    pub state: State,
    /// Base of guest memory, from `code`.
    memory: u64,
    /// [`Code::table`] and the compiled code it points into.
    table: u64,
    arena: u64,
    /// `compile::call_helper`.
    helper: u64,
    /// An access of compiled code was refused since its last checkpoint.
    faulted: AtomicU32,
    /// Another thread wants `run` to return. Read together with `faulted`.
    interrupt: AtomicU32,
    attention: Arc<Attention>,
    /// How often branch targets were reached, by a hash of their addresses.
    heat: Box<[u16; HEAT]>,
    /// Low bits of heat: only while they are 0 there may be something to do.
    warm_bits: u16,
    /// Branch targets that were noted for the cache already, by the same hash: low bits.
    noted: Box<[u32; HEAT]>,
    /// Instructions of its address space.
    pub code: Arc<Code>,
    /// Why `run` returned.
    pub exit: Exit,
    /// Guest address of the refused access.
    pub fault_address: u64,
    /// What it needed.
    pub fault_need: Need,
    pub(crate) monitor: Monitor,
    /// Where addresses begin that need a closer look: behind guest memory, or at 0.
    near: u64,
    /// Stop where a debugger wants it.
    pub heeds_points: bool,
    /// It does, and there are such places: nothing compiled may be executed.
    pub(crate) debugged: bool,
    /// Only one instruction is to be executed.
    pub(crate) stepping: bool,
    /// Registers of helpers that compiled code calls with its values, while those of `state` are
    /// not current. FPCR is 0, and FPSR has the flags raised since `sync_fpsr`.
    scratch: State,
    /// With it, some system calls are answered here: see [`crate::calls`].
    pub answers: Option<Answers>,
    /// What those calls share with other threads.
    pub shared: Arc<Shared>,
}

/// Offsets that compiled code uses.
pub(crate) mod layout {
    use std::mem::offset_of;

    use super::Cpu;
    use crate::state::State;

    pub(crate) const MEMORY: i32 = offset_of!(Cpu, memory) as i32;
    pub(crate) const TABLE: i32 = offset_of!(Cpu, table) as i32;
    pub(crate) const ARENA: i32 = offset_of!(Cpu, arena) as i32;
    pub(crate) const CALL_HELPER: i32 = offset_of!(Cpu, helper) as i32;
    pub(crate) const FAULTED: i32 = offset_of!(Cpu, faulted) as i32;
    pub(crate) const INTERRUPT: i32 = offset_of!(Cpu, interrupt) as i32;

    pub(crate) const SCRATCH: i32 = offset_of!(Cpu, scratch) as i32;

    pub(crate) const MONITOR_BYTES: i32 = offset_of!(Cpu, monitor.bytes) as i32;
    pub(crate) const MONITOR_ADDRESS: i32 = offset_of!(Cpu, monitor.address) as i32;
    pub(crate) const MONITOR_VALUE: i32 = offset_of!(Cpu, monitor.value) as i32;

    pub(crate) const fn general(register: u8) -> i32 {
        (offset_of!(State, x) + 8 * register as usize) as i32
    }

    pub(crate) const fn vector(register: u8) -> i32 {
        (offset_of!(State, v) + 16 * register as usize) as i32
    }
}

impl Drop for Cpu {
    fn drop(&mut self) {
        *self.attention.flag() = None;
    }
}

/// Entries of [`Cpu::heat`].
const HEAT: usize = 4096;
/// How often branch targets are reached before they are noted for the cache: what is compiled ahead
/// pays earlier than what is compiled while others wait for the processor.
const WARM: u16 = 16;

/// Addresses above this fault, their top byte aside (TBI).
const ADDRESS_BITS: u64 = (1 << 56) - 1;
/// The end of guest memory.
const BOUND: u64 = 1 << GUEST_BITS;

impl Cpu {
    /// All registers zero. It must stay in its box: others know where it is.
    #[must_use]
    pub fn new(code: Arc<Code>) -> Box<Self> {
        access::install_handler();
        wait::install_handler();
        let cpu = Box::new(Self {
            state: State::new(),
            memory: code.memory,
            table: code.table(),
            arena: code.arena(),
            helper: compile::call_helper as *const () as u64,
            faulted: AtomicU32::new(0),
            interrupt: AtomicU32::new(0),
            attention: Arc::default(),
            heat: Box::new([0; HEAT]),
            warm_bits: if code.threshold < WARM { 0 } else { WARM - 1 },
            noted: Box::new([0; HEAT]),
            code,
            exit: Exit::Interrupted,
            fault_address: 0,
            fault_need: Need::Read,
            monitor: Monitor::default(),
            near: BOUND,
            heeds_points: true,
            debugged: false,
            stepping: false,
            scratch: State::new(),
            answers: None,
            shared: Arc::default(),
        });
        *cpu.attention.flag() = Some(Flag(NonNull::from_ref(&cpu.interrupt)));
        cpu
    }

    /// What another thread uses to make `run` return.
    #[must_use]
    pub fn attention(&self) -> Arc<Attention> {
        Arc::clone(&self.attention)
    }

    /// Look up at the next occasion.
    pub(crate) fn interrupt(&self) {
        self.attention.called.store(1, Ordering::SeqCst);
        self.interrupt.store(1, Ordering::SeqCst);
    }

    /// This thread is about to wait: whoever wants its attention from now on must tell it.
    pub(crate) fn wait_begins(&self) -> Waiting<'_> {
        // SAFETY: no preconditions.
        let thread = unsafe { libc::gettid() };
        self.attention.waiting.store(thread, Ordering::SeqCst);
        Waiting(self)
    }

    /// Whether somebody called for attention since this was asked, or `run` looked, last.
    pub(crate) fn take_interrupt(&self) -> bool {
        let called = self.attention.called.swap(0, Ordering::SeqCst) != 0;
        let flagged = self.interrupt.swap(0, Ordering::SeqCst) != 0;
        let signalled = signals::take_arrived();
        called || flagged || signalled
    }

    /// Go on at `ip`, unless somebody called for attention.
    #[inline(always)]
    pub(crate) fn go_on(&mut self, ip: Ip) -> Option<Ip> {
        if self.interrupt.load(Ordering::Relaxed) != 0 {
            return self.stop(ip);
        }
        Some(ip)
    }

    /// Execute from PC until something happens. All registers are exact afterwards.
    ///
    /// Exclusive accesses end, except where a debugger stopped between them: whoever stops there
    /// each time would never get on.
    pub fn run(&mut self) -> Exit {
        if !matches!(self.exit, Exit::Stepped | Exit::Reached | Exit::Watched) {
            self.monitor = Monitor::default();
        }
        self.enter(Self::go)
    }

    /// Execute one instruction: [`Exit::Stepped`], or what `run` would have returned for it.
    /// Exclusive accesses stay open, so that pairs of them can be stepped through.
    pub fn step(&mut self) -> Exit {
        self.enter(interp::step)
    }

    /// Let `execute` begin at PC; it has set `exit` when it returns.
    fn enter(&mut self, execute: fn(&mut Self, Ip)) -> Exit {
        self.debugged = self.heeds_points && self.code.points.active();
        self.near = if self.debugged && self.code.points.watching() {
            0
        } else {
            BOUND
        };
        compile::enter_thread(&self.faulted, self.code.arena());
        self.signals_interrupt();
        let exit = self.execute_in_thread(execute);
        signals::leave_thread();
        exit
    }

    fn go(&mut self, mut ip: Ip) {
        while let Some(next) = ip.execute(self) {
            ip = next;
        }
    }

    /// Until `signals::leave_thread`, host signals in this thread interrupt this vCPU. Before it is
    /// asked who called: a signal in between calls for attention.
    pub(crate) fn signals_interrupt(&self) {
        signals::enter_thread(&self.interrupt);
    }

    fn execute_in_thread(&mut self, execute: fn(&mut Self, Ip)) -> Exit {
        if self.take_interrupt() {
            return Exit::Interrupted;
        }
        let pc = self.state.x(PC);
        let Some(ip) = self.target(pc) else {
            return self.exit;
        };
        fp::host::enter();
        execute(self, ip);
        self.sync_fpsr();
        fp::host::leave();
        self.exit
    }

    /// Leave, with PC at a guest address.
    #[cold]
    pub(crate) fn leave(&mut self, exit: Exit, pc: u64) -> Option<Ip> {
        self.state.set_x(PC, pc);
        self.exit = exit;
        None
    }

    /// The entry for an address that is branched to; leaves if there can be none.
    #[inline(always)]
    pub(crate) fn target(&mut self, pc: u64) -> Option<Ip> {
        match self.code.at(pc) {
            Some(ip) => Some(ip),
            None => self.odd_target(pc),
        }
    }

    #[cold]
    fn odd_target(&mut self, pc: u64) -> Option<Ip> {
        let untagged = if pc >> 55 & 1 == 0 {
            pc & ADDRESS_BITS
        } else {
            pc
        };
        match self.code.at(untagged) {
            Some(ip) => Some(ip),
            None => self.refuse(untagged, untagged, Need::Execute),
        }
    }

    #[cold]
    pub(crate) fn refuse<T>(&mut self, pc: u64, address: u64, need: Need) -> Option<T> {
        self.fault_address = address;
        self.fault_need = need;
        self.leave(Exit::Fault, pc);
        None
    }

    /// Go on at a branch target, unless it is backward and somebody called for attention.
    #[inline(always)]
    pub(crate) fn branch(&mut self, from: Ip, to: Ip) -> Option<Ip> {
        if to > from {
            return if cfg!(debug_assertions) {
                Some(to)
            } else {
                to.execute(self)
            };
        }
        if self.interrupt.load(Ordering::Relaxed) != 0 {
            return self.stop(to);
        }
        self.warm(to);
        Some(to)
    }

    /// Go on at a function, unless somebody called for attention.
    #[inline(always)]
    pub(crate) fn branch_by_call(&mut self, to: Ip) -> Option<Ip> {
        if self.interrupt.load(Ordering::Relaxed) != 0 {
            return self.stop(to);
        }
        self.warm(to);
        Some(to)
    }

    /// Leave at an indirect branch's target if somebody called for attention.
    #[inline(always)]
    pub(crate) fn branch_to(&mut self, pc: u64) -> Option<Ip> {
        let to = self.target(pc)?;
        if self.interrupt.load(Ordering::Relaxed) != 0 {
            return self.stop(to);
        }
        self.warm(to);
        Some(to)
    }

    /// Count a branch target, and have it compiled when it is reached often.
    #[inline(always)]
    fn warm(&mut self, to: Ip) {
        let heat = &mut self.heat[to.hash() % HEAT];
        *heat = heat.wrapping_add(1);
        if *heat & self.warm_bits == 0 {
            self.warmer(to);
        }
    }

    #[cold]
    fn warmer(&mut self, to: Ip) {
        let index = to.hash() % HEAT;
        let name = (self.code.pc(to) >> 2) as u32;
        if self.noted[index] != name {
            self.noted[index] = name;
            self.code.note(to);
        }
        if self.heat[index] >= self.code.threshold {
            self.heat[index] = 0;
            compile::request(&self.code, to);
        }
    }

    /// Execute compiled code from `ip` on, then the instruction it left at.
    pub(crate) fn run_compiled(&mut self, ip: Ip) -> Option<Ip> {
        if self.debugged {
            return interp::reached(self, ip);
        }
        let Some(entry) = self.code.compiled(ip) else {
            // It was dropped meanwhile, or with a program before this one.
            self.code.forget_decoded(self.code.pc(ip));
            return interp::decode(self, ip);
        };
        if self.state.x(FPCR) != 0 {
            return interp::execute_original(self, ip);
        }
        let pc = compile::call(self, entry);
        interp::settle_flags(&mut self.state);
        self.faulted.store(0, Ordering::Relaxed);
        let to = self.target(pc)?;
        if self.interrupt.load(Ordering::Relaxed) != 0 {
            return self.stop(to);
        }
        self.warm(to);
        interp::execute_original(self, to)
    }

    /// Bring FPSR up to date.
    pub(crate) fn sync_fpsr(&mut self) {
        let index = usize::from(FPSR);
        let raised = u64::from(fp::host::take_flags()) | self.scratch.x[index];
        self.state.x[index] |= raised;
        self.scratch.x[index] = 0;
    }

    #[cold]
    fn stop(&mut self, at: Ip) -> Option<Ip> {
        self.interrupt.store(0, Ordering::SeqCst);
        self.attention.called.store(0, Ordering::SeqCst);
        signals::take_arrived();
        let pc = self.code.pc(at);
        self.leave(Exit::Interrupted, pc)
    }

    /// The host address of a guest address; None if there can be nothing.
    #[inline(always)]
    pub(crate) fn host(&self, address: u64) -> Option<u64> {
        if address < BOUND {
            return Some(self.memory + address);
        }
        self.untag(address)
    }

    /// The host address for an access of the instruction at `ip`; leaves if it is not to be made.
    #[inline(always)]
    fn place(&mut self, ip: Ip, address: u64, bytes: usize, accesses: Accesses) -> Option<u64> {
        if address < self.near {
            return Some(self.memory + address);
        }
        self.far(ip, address, bytes as u64, accesses)
    }

    #[cold]
    fn far(&mut self, ip: Ip, address: u64, bytes: u64, accesses: Accesses) -> Option<u64> {
        let need = accesses.need();
        let Some(host) = self.untag(address) else {
            return self.nowhere(ip, address, need);
        };
        let untagged = address & ADDRESS_BITS;
        if self.near == 0
            && let Some(hit) = self.code.points.watched(untagged, bytes, accesses as u8)
        {
            self.fault_address = hit;
            self.fault_need = need;
            let pc = self.code.pc(ip);
            self.leave(Exit::Watched, pc);
            return None;
        }
        Some(host)
    }

    #[cold]
    fn untag(&self, address: u64) -> Option<u64> {
        let untagged = address & ADDRESS_BITS;
        (untagged >> GUEST_BITS == 0).then(|| self.memory + untagged)
    }

    #[cold]
    fn trapped<T>(&mut self, ip: Ip, trap: Trap, need: Need) -> Option<T> {
        let pc = self.code.pc(ip);
        self.refuse(pc, (trap & !BUS).wrapping_sub(self.memory), need)
    }

    #[cold]
    fn nowhere<T>(&mut self, ip: Ip, address: u64, need: Need) -> Option<T> {
        let pc = self.code.pc(ip);
        self.refuse(pc, address & ADDRESS_BITS, need)
    }

    /// Whether an access that must be is aligned; leaves if not.
    #[inline(always)]
    pub(crate) fn aligned(&mut self, ip: Ip, address: u64, bytes: u64) -> Option<()> {
        if address & (bytes - 1) == 0 {
            return Some(());
        }
        self.fault_address = address & ADDRESS_BITS;
        self.fault_need = Need::Read;
        let pc = self.code.pc(ip);
        self.leave(Exit::Unaligned, pc);
        None
    }

    /// The instruction at `pc`; leaves if that is refused.
    pub(crate) fn load_code(&mut self, ip: Ip, pc: u64) -> Option<u32> {
        // SAFETY: in the guest's reservation; the margin behind it is inaccessible.
        match unsafe { u32::load((self.memory + pc) as *const u8) } {
            Ok(word) => Some(word),
            Err(trap) => self.trapped(ip, trap, Need::Execute),
        }
    }

    /// Make all that looks for calls for attention stop, or not.
    pub(crate) fn demand_attention(&self, demanded: bool) {
        self.interrupt.store(demanded.into(), Ordering::SeqCst);
    }

    /// Load; leaves at `ip` if that is refused.
    #[inline(always)]
    pub(crate) fn load<T: Access>(&mut self, ip: Ip, address: u64) -> Option<T> {
        let host = self.place(ip, address, size_of::<T>(), Accesses::Load)?;
        // SAFETY: in the guest's reservation; the margin behind it is inaccessible.
        match unsafe { T::load(host as *const u8) } {
            Ok(value) => Some(value),
            Err(trap) => self.trapped(ip, trap, Need::Read),
        }
    }

    /// Store; leaves at `ip` if that is refused.
    #[inline(always)]
    pub(crate) fn store<T: Access>(&mut self, ip: Ip, address: u64, value: T) -> Option<()> {
        let host = self.place(ip, address, size_of::<T>(), Accesses::Store)?;
        // SAFETY: as in `load`.
        match unsafe { T::store(host as *mut u8, value) } {
            Ok(()) => Some(()),
            Err(trap) => self.trapped(ip, trap, Need::Write),
        }
    }

    /// Load 16 bytes; leaves at `ip` if that is refused.
    #[inline(always)]
    pub(crate) fn load_16(&mut self, ip: Ip, address: u64) -> Option<u128> {
        let host = self.place(ip, address, 16, Accesses::Load)?;
        // SAFETY: as in `load`.
        match unsafe { access::load_16(host as *const u8) } {
            Ok(value) => Some(value),
            Err(trap) => self.trapped(ip, trap, Need::Read),
        }
    }

    /// Store 16 bytes; leaves at `ip` if that is refused.
    #[inline(always)]
    pub(crate) fn store_16(&mut self, ip: Ip, address: u64, value: u128) -> Option<()> {
        let host = self.place(ip, address, 16, Accesses::Store)?;
        // SAFETY: as in `load`.
        match unsafe { access::store_16(host as *mut u8, value) } {
            Ok(()) => Some(()),
            Err(trap) => self.trapped(ip, trap, Need::Write),
        }
    }

    /// Do something atomic at an aligned address; leaves at `ip` if that is refused.
    #[inline(always)]
    fn atomic<T>(
        &mut self,
        ip: Ip,
        address: u64,
        bytes: u64,
        operation: impl FnOnce(*mut u8) -> Result<T, Trap>,
    ) -> Option<T> {
        self.aligned(ip, address, bytes)?;
        let host = self.place(ip, address, bytes as usize, Accesses::Both)?;
        match operation(host as *mut u8) {
            Ok(value) => Some(value),
            Err(trap) => self.trapped(ip, trap, Need::Write),
        }
    }

    /// Exchange; leaves at `ip` if that is refused.
    #[inline(always)]
    pub(crate) fn swap<T: Access>(&mut self, ip: Ip, address: u64, new: T) -> Option<T> {
        // SAFETY: as in `load`.
        self.atomic(ip, address, size_of::<T>() as u64, |at| unsafe {
            T::swap(at, new)
        })
    }

    /// Add; leaves at `ip` if that is refused.
    #[inline(always)]
    pub(crate) fn fetch_add<T: Access>(&mut self, ip: Ip, address: u64, value: T) -> Option<T> {
        // SAFETY: as in `load`.
        self.atomic(ip, address, size_of::<T>() as u64, |at| unsafe {
            T::fetch_add(at, value)
        })
    }

    /// Store `new` over `old` only; what was there. Leaves at `ip` if that is refused.
    #[inline(always)]
    pub(crate) fn compare_exchange<T: Access>(
        &mut self,
        ip: Ip,
        address: u64,
        old: T,
        new: T,
    ) -> Option<T> {
        // SAFETY: as in `load`.
        self.atomic(ip, address, size_of::<T>() as u64, |at| unsafe {
            T::compare_exchange(at, old, new)
        })
    }

    /// The same with 16 bytes.
    pub(crate) fn compare_exchange_16(
        &mut self,
        ip: Ip,
        address: u64,
        old: u128,
        new: u128,
    ) -> Option<u128> {
        // SAFETY: as in `load`; the address is aligned.
        self.atomic(ip, address, 16, |at| unsafe {
            access::compare_exchange_16(at, old, new)
        })
    }
}
