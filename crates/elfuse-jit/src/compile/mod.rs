//! Compiled code for hot parts of the guest's: regions go through Cranelift in a background thread.

mod arena;
mod atomics;
mod branches;
mod exits;
mod flags;
mod float;
mod flow;
pub(crate) mod fork;
mod frame;
mod integers;
mod lift;
mod memory;
mod region;
mod vector;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::time::Duration;

use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_codegen::{Context, control::ControlPlane};
use cranelift_frontend::FunctionBuilderContext;

use crate::cache::object::Translation;
use crate::code::{Code, Ip};
pub(crate) use crate::compile::arena::Arena;
use crate::compile::region::Region;
use crate::cpu::Cpu;
use crate::interp;
use crate::ir::{Args, Helper, Insn};
use crate::state::State;
use crate::table;

/// The host processor as Cranelift sees it; None where it cannot compile for it.
static ISA: LazyLock<Option<OwnedTargetIsa>> = LazyLock::new(isa);

fn isa() -> Option<OwnedTargetIsa> {
    let mut flags = settings::builder();
    for (name, value) in [
        ("opt_level", "speed"),
        ("is_pic", "true"),
        // Tail calls between regions need frames.
        ("preserve_frame_pointers", "true"),
        (
            "enable_verifier",
            if cfg!(debug_assertions) {
                "true"
            } else {
                "false"
            },
        ),
        ("enable_alias_analysis", "false"),
        ("unwind_info", "false"),
    ] {
        flags.set(name, value).ok()?;
    }
    let triple = "x86_64-unknown-linux-gnu".parse().ok()?;
    let mut builder = cranelift_codegen::isa::lookup(triple).ok()?;
    for (name, there) in features() {
        if there {
            builder.enable(name).ok()?;
        }
    }
    builder.finish(settings::Flags::new(flags)).ok()
}

/// The host processor's features that compiled code may depend on, by Cranelift's names.
fn features() -> [(&'static str, bool); 11] {
    [
        ("has_sse3", is_x86_feature_detected!("sse3")),
        ("has_ssse3", is_x86_feature_detected!("ssse3")),
        ("has_sse41", is_x86_feature_detected!("sse4.1")),
        ("has_sse42", is_x86_feature_detected!("sse4.2")),
        ("has_popcnt", is_x86_feature_detected!("popcnt")),
        ("has_avx", is_x86_feature_detected!("avx")),
        ("has_avx2", is_x86_feature_detected!("avx2")),
        ("has_fma", is_x86_feature_detected!("fma")),
        ("has_bmi1", is_x86_feature_detected!("bmi1")),
        ("has_bmi2", is_x86_feature_detected!("bmi2")),
        ("has_lzcnt", is_x86_feature_detected!("lzcnt")),
    ]
}

/// Those that are there.
#[cfg(feature = "python")]
pub(crate) fn feature_names() -> Vec<&'static str> {
    let there = features().into_iter().filter(|(_, there)| *there);
    there.map(|(name, _)| name).collect()
}

/// The features as a number: code is only good for processors that have the same.
pub(crate) fn feature_bits() -> u32 {
    let bits = features().map(|(_, there)| u32::from(there));
    bits.into_iter().fold(0, |all, bit| all << 1 | bit)
}

/// Processor time that a process or its program takes before it has a thread that compiles: those
/// that end earlier would only pay for it.
const PATIENCE: Duration = Duration::from_millis(10);

/// Processor time of this process.
fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is writable; every process has the clock.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Compiles the regions of one address space.
#[derive(Debug, Default)]
pub(crate) struct Compiler {
    /// Only locked together with [`fork::Lock`], so that it is free in the child of a fork.
    state: Mutex<Progress>,
}

#[derive(Debug)]
struct Progress {
    /// Processor time when the process or its program began.
    born: Duration,
    /// Where the background thread takes work from; none before the first, and after a fork.
    queue: Option<Sender<u64>>,
    /// Since a fork: what is here lies in memory that is shared with the parent.
    inherited: bool,
    /// Asked for, whether or not anything came of it.
    seen: HashSet<u64>,
    /// First and last address of every block of installed regions, and the region's head.
    blocks: BTreeSet<(u64, u64, u64)>,
    /// Counts changes of code: what was being compiled meanwhile may be outdated.
    changes: u64,
    /// Heads to be compiled since the address space was empty, at once or if the program goes on.
    hot: HashSet<u64>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            born: processor_time(),
            queue: None,
            inherited: false,
            seen: HashSet::new(),
            blocks: BTreeSet::new(),
            changes: 0,
            hot: HashSet::new(),
        }
    }
}

struct Locked<'a> {
    progress: std::sync::MutexGuard<'a, Progress>,
    // Dropped after `progress`.
    _fork: fork::Lock,
}

impl std::ops::Deref for Locked<'_> {
    type Target = Progress;

    fn deref(&self) -> &Progress {
        &self.progress
    }
}

impl std::ops::DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }
}

impl Compiler {
    /// Remove the regions with instructions in `start..end`; their heads.
    pub(crate) fn take_overlapping(&self, start: u64, end: u64) -> HashSet<u64> {
        let mut state = self.lock();
        let heads: HashSet<u64> = state
            .blocks
            .iter()
            .filter(|(first, last, _)| *first < end && start < *last)
            .map(|(_, _, head)| *head)
            .collect();
        state.blocks.retain(|(_, _, head)| !heads.contains(head));
        state
            .seen
            .retain(|head| !heads.contains(head) && !(start..end).contains(head));
        state.changes += 1;
        heads
    }

    /// How many regions had to be compiled since the address space was empty.
    pub(crate) fn hot(&self) -> usize {
        self.lock().hot.len()
    }

    /// No regions are left.
    pub(crate) fn reset(&self) {
        let mut state = self.lock();
        let changes = state.changes + 1;
        let inherited = state.inherited;
        let before = std::mem::replace(
            &mut *state,
            Progress {
                changes,
                ..Progress::default()
            },
        );
        if inherited {
            // Giving memory back that is shared with the parent would copy it first.
            std::mem::forget(before);
        }
    }

    /// In the child of a fork: the thread is gone, and whatever it was doing.
    pub(crate) fn after_fork(&self) {
        let mut state = self.lock();
        // Its channel may be in any state.
        std::mem::forget(state.queue.take());
        state.born = processor_time();
        state.inherited = true;
        state.seen = state.blocks.iter().map(|(_, _, head)| *head).collect();
    }

    fn lock(&self) -> Locked<'_> {
        let fork = fork::Lock::new();
        let progress = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Locked {
            progress,
            _fork: fork,
        }
    }
}

/// Have the code at `ip` compiled.
pub(crate) fn request(code: &Arc<Code>, ip: Ip) {
    let pc = code.pc(ip);
    if code.threshold == u16::MAX || code.compiled(ip).is_some() {
        return;
    }
    if !code.word(pc).is_some_and(is_known) {
        return;
    }
    if let Some(cache) = &code.cache {
        cache.note(pc, true);
    }
    let mut state = code.compiler.lock();
    state.hot.insert(pc);
    let eager = code.threshold == 1 || state.queue.is_some();
    if !eager && processor_time().saturating_sub(state.born) < PATIENCE || !state.seen.insert(pc) {
        return;
    }
    if code.threshold == 1 {
        drop(state);
        compile(code, pc);
        return;
    }
    let queue = state.queue.get_or_insert_with(|| start(code));
    // A thread that ended takes no more work; interpreting goes on.
    let _ = queue.send(pc);
}

/// Start the background thread of an address space.
fn start(code: &Arc<Code>) -> Sender<u64> {
    let (sender, receiver) = channel();
    let code = Arc::downgrade(code);
    // Not by the thread, which may be interrupted by a fork.
    LazyLock::force(&ISA);
    // Signals of the process are for the threads that know what to do with them.
    let previous = block_signals();
    let _ = std::thread::Builder::new()
        .name("elfuse-jit".into())
        .spawn(move || work(&code, &receiver));
    restore_signals(&previous);
    sender
}

fn block_signals() -> libc::sigset_t {
    // SAFETY: all zero is a valid set.
    let mut all: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut previous: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `all` is writable.
    unsafe { libc::sigfillset(&raw mut all) };
    // Reading the guest's code may fault, which a blocked signal would make fatal.
    for own in [libc::SIGSEGV, libc::SIGBUS] {
        // SAFETY: `all` is initialised.
        unsafe { libc::sigdelset(&raw mut all, own) };
    }
    // SAFETY: both sets are initialised.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut previous) };
    previous
}

fn restore_signals(previous: &libc::sigset_t) {
    // SAFETY: an initialised set.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, previous, std::ptr::null_mut()) };
}

fn work(code: &Weak<Code>, requests: &Receiver<u64>) {
    while let Ok(pc) = requests.recv() {
        let Some(code) = code.upgrade() else { return };
        compile(&code, pc);
        if let Some(cache) = code.cache.as_ref().filter(|cache| cache.is_full()) {
            cache.record(&code);
        }
    }
}

/// Compile and install the region that begins at `pc`.
fn compile(code: &Code, pc: u64) {
    let changes = code.compiler.lock().changes;
    let Some(region) = Region::discover(pc, |pc| fetch(code, pc)) else {
        return;
    };
    let Some(compiled) = translate_region(&region, code.confined) else {
        return;
    };
    let mut state = code.compiler.lock();
    if state.changes != changes {
        // It may be what was compiled that changed: once more, if it is still hot.
        state.seen.remove(&pc);
        return;
    }
    let Some(offset) = code.arena.add(&compiled) else {
        return;
    };
    for (&start, block) in &region.blocks {
        let start = region::address(start);
        state.blocks.insert((start, block.end_pc + 4, pc));
    }
    code.install(pc, offset);
}

/// The host's code for a region.
fn translate_region(region: &Region, confined: bool) -> Option<Vec<u8>> {
    let isa = ISA.as_ref()?;
    let mut context = Context::new();
    let mut builder = FunctionBuilderContext::new();
    lift::lift(
        region,
        confined,
        isa.frontend_config(),
        &mut context.func,
        &mut builder,
    );
    let Ok(compiled) = context.compile(&**isa, &mut ControlPlane::default()) else {
        debug_assert!(false, "Cranelift refuses a region");
        return None;
    };
    if !compiled.buffer.relocs().is_empty() {
        return None;
    }
    let shared = frame::share(compiled.code_buffer());
    debug_assert!(shared.is_some(), "Cranelift's frames look different");
    shared
}

/// Compile the region at `base + head` from the words that are to be executed, for the cache. It
/// depends on nothing else: `word` is asked once for each.
pub(crate) fn translate(
    base: u64,
    head: u32,
    confined: bool,
    word: impl Fn(u64) -> Option<u32>,
) -> Option<Translation> {
    let asked = RefCell::new(BTreeMap::new());
    let region = Region::discover(base + u64::from(head), |pc| {
        let fetch = || word(pc).and_then(|word| Some((word, recognise(word)?)));
        let (_, insn) = (*asked.borrow_mut().entry(pc).or_insert_with(fetch))?;
        Some(insn)
    })?;
    let mut spans: Vec<(u32, Vec<u32>)> = Vec::new();
    for (pc, fetched) in asked.into_inner() {
        let Some((word, _)) = fetched else { continue };
        let offset = u32::try_from(pc - base).ok()?;
        match spans.last_mut() {
            Some((start, words)) if offset == *start + 4 * words.len() as u32 => words.push(word),
            _ => spans.push((offset, vec![word])),
        }
    }
    let code = translate_region(&region, confined)?;
    Some(Translation { spans, code })
}

/// The instruction at `pc`, if it can be part of a region.
fn fetch(code: &Code, pc: u64) -> Option<Insn> {
    // What was never executed is probably an error path, and only costs time.
    if !code.is_executable(pc) || code.threshold != 1 && !code.is_decoded(pc) {
        return None;
    }
    // From now on changes of the page are counted.
    code.mark_compiled(pc);
    recognise(code.word(pc)?)
}

/// Whether a region can begin with an instruction.
pub(crate) fn is_known(word: u32) -> bool {
    recognise(word).is_some()
}

fn recognise(word: u32) -> Option<Insn> {
    let insn = float::recognise(word)
        .or_else(|| vector::recognise(word))
        .or_else(|| table::decode(word))?;
    lift::is_supported(&insn).then_some(insn)
}

/// Execute compiled code; where to go on.
pub(crate) fn call(cpu: &mut Cpu, entry: u64) -> u64 {
    // SAFETY: `entry` is the beginning of a region's code in this address space's arena.
    unsafe { frame::enter(cpu, entry) }
}

/// Where a function is, from [`call_helper`]: compiled code has no addresses of the host, so that it
/// is the same in every process that runs this build.
fn distance_to(function: u64) -> u64 {
    function.wrapping_sub(call_helper as *const () as u64)
}

/// Where a helper is.
fn distance(helper: Helper) -> u64 {
    distance_to(helper as usize as u64)
}

/// What compiled code calls for instructions it does not know: the helper at a [`distance`].
pub(crate) extern "sysv64" fn call_helper(state: &mut State, distance: u64, args: u64) {
    let helper = (call_helper as *const () as u64).wrapping_add(distance) as usize;
    // SAFETY: the lifter put the distance of a Helper there.
    let helper = unsafe { std::mem::transmute::<usize, Helper>(helper) };
    let [d, n, m, a, x, y, ..] = args.to_le_bytes();
    let x = u16::from_le_bytes([x, y]);
    interp::settle_flags(state);
    helper(state, Args { d, n, m, a, x });
}

thread_local! {
    /// `Cpu::faulted` of the vCPU that this thread runs, with the beginning of its compiled code.
    static RUNNING: Cell<(*const AtomicU32, u64)> =
        const { Cell::new((std::ptr::null(), 0)) };
}

/// Note whose faults this thread's are.
pub(crate) fn enter_thread(faulted: &AtomicU32, arena: u64) {
    RUNNING.set((faulted, arena));
}

/// In a signal handler: if the interrupted instruction is compiled code of this thread, mark the
/// fault and go on behind the instruction.
pub(crate) fn skip_fault(registers: &mut [libc::greg_t]) -> bool {
    const ZERO_FLAG: libc::greg_t = 0x40;
    let (faulted, arena) = RUNNING.get();
    let rip = registers[libc::REG_RIP as usize] as u64;
    if faulted.is_null() || !arena::contains(arena, rip) {
        return false;
    }
    let instruction = instruction_at(rip);
    if instruction.is_invalid() {
        return false;
    }
    // SAFETY: `run` set it and its vCPU still runs in this thread.
    let faulted = unsafe { &*faulted };
    faulted.store(1, Ordering::Relaxed);
    if instruction.mnemonic() == iced_x86::Mnemonic::Cmpxchg {
        // Cranelift repeats it until it succeeds.
        registers[libc::REG_EFL as usize] |= ZERO_FLAG;
    }
    registers[libc::REG_RIP as usize] = (rip + instruction.len() as u64) as i64;
    true
}

fn instruction_at(rip: u64) -> iced_x86::Instruction {
    const LONGEST: usize = 15;
    // SAFETY: code of the arena, behind which its reservation goes on.
    let bytes = unsafe { std::slice::from_raw_parts(rip as *const u8, LONGEST) };
    iced_x86::Decoder::with_ip(64, bytes, rip, iced_x86::DecoderOptions::NONE).decode()
}
