//! Decoded instructions of a whole address space, found by address alone.
//!
//! For every four bytes of guest memory there are sixteen bytes of reserved host memory, at a fixed
//! distance: going from an instruction to its decoded form, or from a branch to its target, is
//! arithmetic. Pages appear when they are first touched and read as zero, which means "not decoded
//! yet"; dropping them forgets translations. Nothing is locked: whoever decodes an instruction
//! writes what every other thread would write.

use std::io;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use crate::access::Access;
use crate::cache::Cache;
use crate::calls::Roots;
use crate::calls::advice::Anonymous;
use crate::compile::{self, Arena, Compiler};
use crate::coverage::Coverage;
use crate::cpu::Cpu;
use crate::debug::{Points, Watch};
use crate::ir::{Args, Helper};
use crate::state::State;

/// Executes one instruction; the next one, or None to leave with [`Cpu::exit`] set.
pub type Handler = fn(&mut Cpu, Ip) -> Option<Ip>;

/// Bits of a guest address.
pub const GUEST_BITS: u32 = 39;
/// Guest addresses are below.
pub(crate) const LIMIT: u64 = 1 << GUEST_BITS;
/// Bytes of a page.
pub(crate) const PAGE: u64 = 4096;
const PAGE_BITS: u32 = 12;

/// A decoded instruction in memory. `handler` is a distance from [`undecoded`]: 0 in fresh pages.
#[repr(C, align(16))]
struct Entry {
    handler: AtomicU32,
    registers: AtomicU32,
    imm: AtomicU64,
}

const ENTRY: u64 = size_of::<Entry>() as u64;

/// A place in the decoded address space. Always inside its reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ip(NonNull<Entry>);

impl Ip {
    #[inline(always)]
    fn entry(&self) -> &Entry {
        // SAFETY: inside a reservation that outlives every vCPU, never written non-atomically.
        unsafe { self.0.as_ref() }
    }

    #[inline(always)]
    fn handler(self) -> Handler {
        let distance = self.entry().handler.load(Ordering::Acquire) as i32;
        let address = (undecoded as *const () as usize).wrapping_add_signed(distance as isize);
        // SAFETY: `set` stored the distance of a Handler, or it is 0, which is `undecoded`.
        unsafe { std::mem::transmute::<usize, Handler>(address) }
    }

    /// Execute the instruction here.
    #[inline(always)]
    pub fn execute(self, cpu: &mut Cpu) -> Option<Self> {
        self.handler()(cpu, self)
    }

    /// Its register operands: `d`, `n`, `m`, `a`.
    #[inline(always)]
    #[must_use]
    pub fn registers(self) -> [u8; 4] {
        self.entry().registers.load(Ordering::Relaxed).to_le_bytes()
    }

    /// Its immediate.
    #[inline(always)]
    #[must_use]
    pub fn imm(self) -> u64 {
        self.entry().imm.load(Ordering::Relaxed)
    }

    /// Call the helper of an [`Op::Helper`](crate::ir::Op::Helper).
    #[inline(always)]
    pub(crate) fn call_helper(self, state: &mut State) {
        const ADDRESS_BITS: u32 = 48;
        let imm = self.imm();
        let [d, n, m, a] = self.registers();
        let x = (imm >> ADDRESS_BITS) as u16;
        let address = imm & ((1 << ADDRESS_BITS) - 1);
        // SAFETY: the decoder put a Helper here; user-space addresses have 47 bits.
        let helper = unsafe { std::mem::transmute::<usize, Helper>(address as usize) };
        helper(state, Args { d, n, m, a, x });
    }

    /// Make this entry execute something else with the operands it has.
    pub(crate) fn redirect(self, handler: Handler) {
        let distance = (handler as usize).wrapping_sub(undecoded as *const () as usize);
        self.entry()
            .handler
            .store(distance as u32, Ordering::Release);
    }

    /// Whether it executes `handler`.
    pub(crate) fn executes(self, handler: Handler) -> bool {
        let distance = (handler as usize).wrapping_sub(undecoded as *const () as usize);
        self.entry().handler.load(Ordering::Relaxed) == distance as u32
    }

    /// A small number that differs between neighbours.
    #[inline(always)]
    pub(crate) fn hash(self) -> usize {
        self.0.as_ptr() as usize / size_of::<Entry>()
    }

    /// Make this entry execute `handler`.
    pub fn set(self, handler: Handler, args: Args, imm: u64) {
        self.set_operands(args, imm);
        self.redirect(handler);
    }

    /// Give this entry operands.
    pub(crate) fn set_operands(self, args: Args, imm: u64) {
        let entry = self.entry();
        let registers = u32::from_le_bytes([args.d, args.n, args.m, args.a]);
        entry.imm.store(imm, Ordering::Relaxed);
        entry.registers.store(registers, Ordering::Relaxed);
    }

    /// The instruction behind this one.
    #[inline(always)]
    #[must_use]
    pub fn next(self) -> Self {
        // SAFETY: the reservation has a page more than the address space has instructions.
        Self(unsafe { self.0.add(1) })
    }

    /// Go on behind this instruction.
    ///
    /// Optimised code jumps to the next handler instead of returning to the loop. That is not
    /// guaranteed, but only runs without backward or indirect branches would pile up.
    #[inline(always)]
    pub(crate) fn advance(self, cpu: &mut Cpu) -> Option<Self> {
        if cfg!(debug_assertions) {
            Some(self.next())
        } else {
            self.next().execute(cpu)
        }
    }

    /// The instruction at a distance of guest bytes, which `Insn` decoding bounds.
    #[inline(always)]
    #[must_use]
    pub fn jump(self, distance: u64) -> Self {
        let offset = (distance as i64).wrapping_mul((ENTRY / 4) as i64);
        // SAFETY: branches reach 128 MB; the margins of the reservation are four times that.
        Self(unsafe { self.0.byte_offset(offset as isize) })
    }
}

/// What code of the guest looks like to the engine. One per address space.
#[derive(Debug)]
pub struct Code {
    /// Host address of guest address 0.
    pub(crate) memory: u64,
    entries: Reservation,
    /// Entries of code that may come back, at the same offsets, and flags of its pages.
    parked: OnceLock<Option<Parked>>,
    /// A byte per page: [`FETCH`], [`COMPILED`], [`CACHED`], [`DECODED`], [`KEPT`].
    executable: Reservation,
    /// For every instruction, the offset of its compiled code in `arena`, or 0.
    offsets: Reservation,
    pub(crate) arena: Arena,
    /// Compiled regions and who makes them.
    pub(crate) compiler: Compiler,
    /// Regions of earlier runs.
    pub(crate) cache: Option<Cache>,
    /// How often a branch target is reached before it is compiled.
    pub(crate) threshold: u16,
    /// Compiled code, too, checks that guest addresses are in guest memory.
    pub(crate) confined: bool,
    /// Memory that calls may discard.
    pub(crate) anonymous: Anonymous,
    /// Directories of the host in which calls look at names.
    pub(crate) roots: Roots,
    /// Where threads stop for a debugger.
    pub(crate) points: Points,
    /// Told of every instruction that is decoded.
    pub(crate) coverage: Coverage,
}

/// Instructions may be fetched from the page.
const FETCH: u8 = 1;
/// Regions contain instructions of the page.
const COMPILED: u8 = 2;
/// The cache has regions that begin in the page and are not in use yet.
const CACHED: u8 = 4;
/// Instructions of the page were decoded.
const DECODED: u8 = 8;
/// Regions that begin in the page are from the cache.
const KEPT: u8 = 16;

/// What stays true of a page whose code comes back.
const LEARNT: u8 = COMPILED | CACHED | DECODED | KEPT;

/// Bytes of the arena that may be in use by what outlives an execve, and by what does not in between.
const MOST_KEPT: u64 = 64 << 20;

/// Around the entries, so that direct branches out of the address space land somewhere.
const MARGIN: u64 = 1 << 30;

impl Code {
    /// For the guest memory at the host address `memory`. Branch targets are compiled when they
    /// are reached `threshold` times; 0 is never. Compilation is in the background, unless
    /// `threshold` is 1, for tests. With `confined` no guest instruction reaches other memory of
    /// the host: a page behind the guest's memory must be inaccessible.
    pub fn new(memory: u64, threshold: u16, confined: bool) -> io::Result<Self> {
        Ok(Self {
            confined,
            anonymous: Anonymous::default(),
            roots: Roots::default(),
            points: Points::default(),
            offsets: Reservation::new(LIMIT)?,
            arena: Arena::new()?,
            compiler: Compiler::default(),
            cache: None,
            threshold: if threshold == 0 { u16::MAX } else { threshold },
            memory,
            coverage: Coverage::from_environment()?,
            entries: Reservation::new(LIMIT / 4 * ENTRY + 2 * MARGIN)?,
            parked: OnceLock::new(),
            executable: Reservation::new(LIMIT / PAGE)?,
        })
    }

    /// Use translations kept in a directory, and leave what later runs can use.
    #[must_use]
    pub fn with_cache(mut self, directory: OwnedFd) -> Self {
        self.cache = Cache::new(directory, self.confined);
        self
    }

    /// The decoded form of the instruction at `pc`; None outside the address space or unaligned.
    #[inline(always)]
    #[must_use]
    pub fn at(&self, pc: u64) -> Option<Ip> {
        if pc >= LIMIT || pc & 3 != 0 {
            return None;
        }
        let address = self.entries.start + MARGIN + pc * (ENTRY / 4);
        NonNull::new(address as *mut Entry).map(Ip)
    }

    /// The guest address of an entry, possibly outside the address space.
    #[inline(always)]
    #[must_use]
    pub fn pc(&self, ip: Ip) -> u64 {
        let offset = (ip.0.as_ptr() as i64).wrapping_sub((self.entries.start + MARGIN) as i64);
        (offset >> 2) as u64
    }

    fn page(&self, page: u64) -> &AtomicU8 {
        // SAFETY: callers stay below LIMIT / PAGE; bytes here are only accessed atomically.
        unsafe { &*((self.executable.start + page) as *const AtomicU8) }
    }

    /// Whether instructions may be fetched from `pc`.
    #[must_use]
    pub fn is_executable(&self, pc: u64) -> bool {
        pc < LIMIT && self.page(pc >> PAGE_BITS).load(Ordering::Relaxed) & FETCH != 0
    }

    /// Get ready to decode the instruction at `pc`; whether instructions may be fetched there.
    #[inline(always)]
    pub(crate) fn prepare(&self, pc: u64) -> bool {
        if pc >= LIMIT {
            return false;
        }
        let flags = self.page(pc >> PAGE_BITS).load(Ordering::Relaxed);
        if flags & (FETCH | DECODED) == FETCH {
            self.open_page(pc);
        }
        flags & FETCH != 0
    }

    /// An instruction of the page is about to be executed for the first time.
    #[cold]
    fn open_page(&self, pc: u64) {
        let page = self.page(pc >> PAGE_BITS);
        page.fetch_or(DECODED, Ordering::Relaxed);
        if let Some(cache) = &self.cache
            && page.fetch_and(!CACHED, Ordering::Relaxed) & CACHED != 0
        {
            page.fetch_or(KEPT, Ordering::Relaxed);
            cache.install(self, pc);
        }
    }

    /// Use the code at `offset` for the instruction at `pc`, which is not decoded.
    ///
    /// Only the table is written. Most regions are reached from others, so that the page which the
    /// decoded instruction would be in is often not needed at all.
    pub(crate) fn install_kept(&self, pc: u64, offset: u32) {
        self.offset(pc).store(offset, Ordering::Release);
    }

    /// Whether the instruction at `ip`, which is not decoded, begins a region all the same.
    #[inline(always)]
    pub(crate) fn is_kept(&self, ip: Ip) -> bool {
        let pc = self.pc(ip);
        let flags = self.page(pc >> PAGE_BITS).load(Ordering::Relaxed);
        flags & KEPT != 0 && self.compiled(ip).is_some()
    }

    /// Note that the cache has regions in the page of `pc`.
    pub(crate) fn mark_cached(&self, pc: u64) {
        self.page(pc >> PAGE_BITS)
            .fetch_or(CACHED, Ordering::Relaxed);
    }

    /// Whether instructions of the page of `pc` were decoded since it became executable.
    pub(crate) fn has_decoded(&self, pc: u64) -> bool {
        self.page(pc >> PAGE_BITS).load(Ordering::Relaxed) & DECODED != 0
    }

    /// Note that `pc` is reached often, for the cache.
    pub(crate) fn note(&self, ip: Ip) {
        let pc = self.pc(ip);
        if let Some(cache) = &self.cache
            && self.compiled(ip).is_none()
            && self.word(pc).is_some_and(compile::is_known)
        {
            cache.note(pc, false);
        }
    }

    /// Leave for later runs what was learnt about hot code.
    pub(crate) fn record(&self) {
        if let Some(cache) = &self.cache {
            cache.record(self);
        }
    }

    /// In the child of a fork.
    pub(crate) fn after_fork(&self) {
        self.compiler.after_fork();
        if let Some(cache) = &self.cache {
            cache.after_fork();
        }
    }

    /// Host address of what compiled code adds addresses to, to find other compiled code.
    pub(crate) fn table(&self) -> u64 {
        self.offsets.start
    }

    /// Host address of the beginning of compiled code.
    pub(crate) fn arena(&self) -> u64 {
        self.arena.start
    }

    /// The word at `pc`; None if it cannot be read.
    pub(crate) fn word(&self, pc: u64) -> Option<u32> {
        // SAFETY: below LIMIT, in the guest's memory; a fault is caught.
        unsafe { u32::load((self.memory + pc) as *const u8) }.ok()
    }

    /// Whether the instruction at `pc` was executed.
    pub(crate) fn is_decoded(&self, pc: u64) -> bool {
        self.at(pc)
            .is_some_and(|ip| ip.entry().handler.load(Ordering::Relaxed) != 0)
    }

    fn offset(&self, pc: u64) -> &AtomicU32 {
        // SAFETY: `pc` is below LIMIT and a multiple of 4; words here are only accessed atomically.
        unsafe { &*((self.offsets.start + pc) as *const AtomicU32) }
    }

    /// Host address of the compiled code for an instruction.
    pub(crate) fn compiled(&self, ip: Ip) -> Option<u64> {
        match self.offset(self.pc(ip)).load(Ordering::Acquire) {
            0 => None,
            offset => Some(self.arena.start + u64::from(offset)),
        }
    }

    /// Use the code at `offset` for the instruction at `pc` from now on.
    pub(crate) fn install(&self, pc: u64, offset: u32) {
        self.offset(pc).store(offset, Ordering::Release);
        if let Some(ip) = self.at(pc) {
            ip.redirect(compiled);
        }
    }

    /// Note that compiled code depends on the page of `pc`.
    pub(crate) fn mark_compiled(&self, pc: u64) {
        self.page(pc >> PAGE_BITS)
            .fetch_or(COMPILED, Ordering::SeqCst);
    }

    /// Go back to interpreting at `pc`.
    pub(crate) fn uninstall(&self, pc: u64) {
        self.offset(pc).store(0, Ordering::Release);
        if let Some(ip) = self.at(pc).filter(|ip| ip.executes(compiled)) {
            ip.entry().handler.store(0, Ordering::Release);
        }
    }

    /// Allow or refuse fetches from whole pages, and forget what was decoded there.
    pub fn set_executable(&self, start: u64, length: u64, allowed: bool) {
        for page in start / PAGE..(start + length).min(LIMIT) / PAGE {
            if allowed {
                self.page(page).fetch_or(FETCH, Ordering::Relaxed);
            } else {
                let all = FETCH | CACHED | DECODED | KEPT;
                self.page(page).fetch_and(!all, Ordering::Relaxed);
            }
        }
        self.invalidate(start, length);
        if let Some(cache) = self.cache.as_ref().filter(|_| !allowed) {
            cache.forget(start, start + length);
        }
    }

    /// Instructions here changed.
    pub fn invalidate(&self, start: u64, length: u64) {
        let (start, end) = (start & !3, start.saturating_add(length).min(LIMIT));
        if start >= end {
            return;
        }
        self.forget_compiled(start, end);
        let (first, last) = (start.next_multiple_of(PAGE), end & !(PAGE - 1));
        if first >= last {
            self.clear(start, end);
            return;
        }
        self.clear(start, first);
        let scale = ENTRY / 4;
        self.entries
            .discard(MARGIN + first * scale, (last - first) * scale);
        self.clear(last, end);
    }

    /// Drop the regions that contain instructions of a range.
    fn forget_compiled(&self, start: u64, end: u64) {
        let pages = start >> PAGE_BITS..((end - 1) >> PAGE_BITS) + 1;
        if pages
            .clone()
            .any(|page| self.page(page).load(Ordering::Relaxed) & COMPILED != 0)
        {
            self.forget_own(start, end);
            let cached = self.cache.iter();
            for head in cached.flat_map(|cache| cache.overlapping(self, start, end)) {
                self.uninstall(head);
            }
        }
    }

    /// Drop the regions of this process's compiler that contain instructions of a range.
    fn forget_own(&self, start: u64, end: u64) {
        for head in self.compiler.take_overlapping(start, end) {
            self.uninstall(head);
        }
    }

    /// Let threads stop before these instructions, and before accesses that are watched, instead
    /// of what was asked for before. While no vCPU runs.
    pub fn set_points(&self, stops: Vec<u64>, watches: Vec<Watch>) {
        let added = stops.clone();
        for pc in self.points.replace(stops, watches).into_iter().chain(added) {
            self.forget_decoded(pc);
        }
    }

    /// Decode the instruction at `pc` again when it is executed next.
    pub(crate) fn forget_decoded(&self, pc: u64) {
        if let Some(ip) = self.at(pc) {
            ip.entry().handler.store(0, Ordering::Release);
        }
    }

    fn clear(&self, start: u64, end: u64) {
        for pc in (start..end).step_by(4) {
            self.forget_decoded(pc);
        }
    }

    /// Put aside what is decoded in a range of whole pages, where `reset` leaves it. Where the host
    /// cannot move pages it is forgotten.
    pub fn park(&self, start: u64, length: u64) {
        let end = start.saturating_add(length).min(LIMIT);
        if start >= end {
            return;
        }
        let Some(parked) = self.parked() else {
            return;
        };
        // What this process compiled belongs to the program that is going. What is kept between
        // runs stays in use: dropping it, and finding it again, touches more memory than all else.
        let kept = self.cache.as_ref().is_some_and(|cache| {
            self.forget_own(start, end);
            cache.park(self, start, end)
        });
        if kept {
            self.offsets.move_to(&parked.offsets, start, end - start);
        } else {
            self.forget_compiled(start, end);
        }
        let scale = ENTRY / 4;
        let (offset, length) = (MARGIN + start * scale, (end - start) * scale);
        self.entries.move_to(&parked.entries, offset, length);
        let mask = if kept { LEARNT } else { DECODED };
        for page in start >> PAGE_BITS..end >> PAGE_BITS {
            let flags = self.page(page).load(Ordering::Relaxed) & mask;
            if parked.page(page).load(Ordering::Relaxed) != flags {
                parked.page(page).store(flags, Ordering::Relaxed);
            }
        }
    }

    /// Bring back what `park` put aside: the same code is at the same place again. The range was
    /// made executable before.
    pub fn restore(&self, start: u64, length: u64) {
        let end = start.saturating_add(length).min(LIMIT);
        let scale = ENTRY / 4;
        if let Some(parked) = self.parked().filter(|_| start < end) {
            let (offset, length) = (MARGIN + start * scale, (end - start) * scale);
            parked.entries.move_to(&self.entries, offset, length);
            let cache = self.cache.as_ref();
            let mask = if cache.is_some_and(|cache| cache.unpark(start, end)) {
                parked.offsets.move_to(&self.offsets, start, end - start);
                LEARNT
            } else {
                // Entries of regions that were in use notice it (`Cpu::run_compiled`).
                parked.offsets.discard(start, end - start);
                DECODED
            };
            for page in start >> PAGE_BITS..end >> PAGE_BITS {
                let flags = parked.page(page).load(Ordering::Relaxed);
                if flags != 0 {
                    parked.page(page).store(0, Ordering::Relaxed);
                    self.page(page).fetch_or(flags & mask, Ordering::Relaxed);
                }
            }
        }
    }

    /// Made by the first use: many programs execute no other.
    fn parked(&self) -> Option<&Parked> {
        let make = || {
            Some(Parked {
                entries: Reservation::new(self.entries.length).ok()?,
                offsets: Reservation::new(self.offsets.length).ok()?,
                pages: Reservation::new(self.executable.length).ok()?,
            })
        };
        self.parked.get_or_init(make).as_ref()
    }

    /// Forget everything but what is parked: nothing is executable.
    pub fn reset(&self) {
        // First, so that nothing is installed any more that was compiled before.
        self.compiler.reset();
        self.anonymous.remove(0, LIMIT);
        self.entries.discard(0, self.entries.length);
        self.executable.discard(0, self.executable.length);
        self.offsets.discard(0, self.offsets.length);
        let keep = self.arena.used() <= MOST_KEPT;
        if !self.cache.as_ref().is_some_and(|cache| cache.reset(keep)) {
            self.arena.reset();
        }
    }
}

/// See [`Code::park`].
#[derive(Debug)]
struct Parked {
    entries: Reservation,
    /// Of compiled code that is kept between runs.
    offsets: Reservation,
    /// The flags of pages.
    pages: Reservation,
}

impl Parked {
    fn page(&self, page: u64) -> &AtomicU8 {
        // SAFETY: callers stay below LIMIT / PAGE; bytes here are only accessed atomically.
        unsafe { &*((self.pages.start + page) as *const AtomicU8) }
    }
}

/// Memory that costs nothing until it is touched, and then reads as zero.
#[derive(Debug)]
struct Reservation {
    start: u64,
    length: u64,
}

impl Reservation {
    fn new(length: u64) -> io::Result<Self> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length as usize,
                protection,
                flags,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // Huge pages would cost megabytes for a handful of instructions. A kernel without them
        // refuses, which is as good.
        // SAFETY: our own mapping.
        unsafe { libc::madvise(start, length as usize, libc::MADV_NOHUGEPAGE) };
        Ok(Self {
            start: start as u64,
            length,
        })
    }

    /// Move pages to the same offset of another reservation; here they read as zero then.
    fn move_to(&self, other: &Self, offset: u64, length: u64) {
        let (from, to) = (self.start + offset, other.start + offset);
        // SAFETY: whole pages of our own mappings, whose users only read atomically.
        let moved = unsafe {
            libc::mremap(
                from as *mut libc::c_void,
                length as usize,
                length as usize,
                libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED | libc::MREMAP_DONTUNMAP,
                to as *mut libc::c_void,
            )
        };
        if moved == libc::MAP_FAILED {
            // Before Linux 5.7, or by mappings that are more than one for the host.
            self.discard(offset, length);
            other.discard(offset, length);
        }
    }

    fn discard(&self, offset: u64, length: u64) {
        // SAFETY: whole pages inside our own mapping, whose users only read atomically.
        unsafe {
            libc::madvise(
                (self.start + offset) as *mut libc::c_void,
                length as usize,
                libc::MADV_DONTNEED,
            )
        };
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: our own mapping; the owner of a `Code` outlives every `Ip`.
        unsafe { libc::munmap(self.start as *mut libc::c_void, self.length as usize) };
    }
}

/// What the entry of a compiled region's first instruction executes.
pub(crate) fn compiled(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    cpu.run_compiled(ip)
}

/// What an entry that is not decoded executes: decode it, then do it.
fn undecoded(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    crate::interp::decode(cpu, ip)
}
