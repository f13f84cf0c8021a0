//! The module `elfuse.engine._jit`: conversions only.

use std::borrow::Cow;
use std::cell::UnsafeCell;
use std::io;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::ffi::{PyBUF_WRITE, PyMemoryView_FromMemory};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyTuple};

use crate::cache::build::{self, Source};
use crate::cache::object::{DIGEST, Object, Regions};
use crate::cache::profile::{self, BITS};
use crate::cache::{Cache, key};
use crate::calls::futex::{self, Request};
use crate::calls::{self, Actions, Answers, HostRoot, Shared};
use crate::code::{Code, LIMIT};
use crate::compile;
use crate::copies;
use crate::cpu::{Attention, Cpu, Exit};
use crate::debug::Watch;
use crate::host;
use crate::ranges::{Range, RangeMap};
use crate::served::{Allowed, Change};
use crate::signals;
use crate::space::{AddressSpace, Reserved, Segment};

/// Descriptor, the host's device, the guest's, whose files are root's, mount points.
type RootParts = (i32, u64, u64, Option<u32>, Vec<Vec<u8>>);

/// See [`calls::Entry`].
type EntryParts<'a> = (usize, i32, (u64, u64), Cow<'a, [u8]>, (u64, u64), u32);

/// `engine.protocol.Change`, start, end, protection, descriptor, offset or program break.
type ChangeParts = (u8, u64, u64, u8, u32, u64);

/// See [`Segment`].
type SegmentParts = (u64, u64, u64, u64, u8);

fn change_parts(change: Change) -> ChangeParts {
    match change {
        Change::Heap { start, end, brk } => (0, start, end, 0, 0, brk),
        Change::Anonymous {
            start,
            end,
            protection,
        } => (1, start, end, protection, 0, 0),
        Change::File {
            start,
            end,
            protection,
            fd,
            offset,
        } => (2, start, end, protection, fd, offset),
        Change::Unmapped { start, end } => (3, start, end, 0, 0, 0),
        Change::Protected {
            start,
            end,
            protection,
        } => (4, start, end, protection, 0, 0),
    }
}

/// One address space, and its instructions.
#[pyclass(frozen)]
struct Space {
    memory: Arc<AddressSpace>,
    code: Arc<Code>,
    actions: Arc<Actions>,
    /// Guest addresses are below.
    #[pyo3(get)]
    limit: u64,
    /// Translations are kept.
    #[pyo3(get)]
    keeps_code: bool,
    /// All of guest memory as bytes.
    #[pyo3(get)]
    view: Py<PyAny>,
    /// What `Vcpu.run` returns, by number.
    exits: Py<PyTuple>,
}

/// Copies of more go another way.
const MOST: usize = 1 << 20;

/// An address or a size; None for one that no guest has.
fn number(given: &Bound<'_, PyInt>) -> Option<u64> {
    given.extract().ok()
}

fn failure(error: &io::Error) -> PyErr {
    PyOSError::new_err((error.raw_os_error(), error.to_string()))
}

fn done(result: io::Result<()>) -> PyResult<()> {
    result.map_err(|error| failure(&error))
}

/// Memory as a writable buffer of bytes. Whoever has it keeps what lies there.
fn memory_view(py: Python<'_>, address: u64, length: u64) -> PyResult<Py<PyAny>> {
    // SAFETY: see above.
    let made = unsafe { PyMemoryView_FromMemory(address as *mut _, length as isize, PyBUF_WRITE) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, made) }.map(Bound::unbind)
}

#[pymethods]
impl Space {
    /// `exits` is what `Vcpu.run` is to return, by number. Branch targets reached `threshold` times
    /// are compiled, none with 0. With `confined` guest instructions reach no memory but the
    /// guest's. `cache` is a descriptor, which is taken, of the persistent cache's directory, or -1.
    #[new]
    fn new(
        py: Python<'_>,
        exits: Py<PyTuple>,
        threshold: u16,
        confined: bool,
        cache: i32,
    ) -> PyResult<Self> {
        let memory = Reserved::new().map_err(|error| failure(&error))?;
        let base = memory.base;
        let mut code = Code::new(base, threshold, confined).map_err(|error| failure(&error))?;
        if cache >= 0 {
            // SAFETY: the caller gives it away.
            code = code.with_cache(unsafe { OwnedFd::from_raw_fd(cache) });
        }
        let code = Arc::new(code);
        Ok(Self {
            memory: Arc::new(AddressSpace::new(memory, Arc::clone(&code))),
            code,
            actions: Arc::default(),
            limit: LIMIT,
            keeps_code: cache >= 0,
            view: memory_view(py, base, LIMIT)?,
            exits,
        })
    }

    fn host_address(&self, address: u64) -> u64 {
        self.memory.host(address)
    }

    fn peek<'py>(
        &self,
        py: Python<'py>,
        address: u64,
        length: u64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let found = self.memory.peek(address, length);
        Ok(PyBytes::new(py, &found.map_err(|error| failure(&error))?))
    }

    /// None, too, for more than is worth it.
    fn load<'py>(
        &self,
        py: Python<'py>,
        address: &Bound<'py, PyInt>,
        size: &Bound<'py, PyInt>,
    ) -> Option<Bound<'py, PyBytes>> {
        let (address, size) = (number(address)?, number(size)?);
        let size = usize::try_from(size).ok().filter(|&size| size <= MOST)?;
        let copy = |to: &mut [u8]| {
            let done = copies::load(self.code.memory, address, to);
            done.ok_or_else(|| PyValueError::new_err("refused"))
        };
        PyBytes::new_with(py, size, copy).ok()
    }

    #[allow(clippy::needless_pass_by_value, reason = "made of Python's objects")]
    fn store(&self, address: &Bound<'_, PyInt>, data: PyBuffer<u8>) -> PyResult<bool> {
        let bytes = contents(&data)?;
        let stored = number(address)
            .filter(|_| bytes.len() <= MOST)
            .and_then(|address| copies::store(self.code.memory, address, bytes));
        Ok(stored.is_some())
    }

    fn text(&self, address: &Bound<'_, PyInt>, limit: usize) -> Option<Cow<'static, [u8]>> {
        let found = copies::text(self.code.memory, number(address)?, limit)?;
        Some(found.into())
    }

    fn texts<'py>(
        &self,
        py: Python<'py>,
        array: &Bound<'_, PyInt>,
        limit: usize,
    ) -> Option<Vec<Bound<'py, PyBytes>>> {
        let found = copies::texts(self.code.memory, number(array)?, limit)?;
        let made = found.iter().map(|text| PyBytes::new(py, text));
        Some(made.collect())
    }

    fn poke(&self, address: u64, data: &[u8]) -> PyResult<()> {
        done(self.memory.poke(address, data))
    }

    #[pyo3(signature = (start, length, protection, *, shared))]
    fn map_anonymous(&self, start: u64, length: u64, protection: u8, shared: bool) -> PyResult<()> {
        done(self.memory.map_anonymous(start, length, protection, shared))
    }

    #[pyo3(signature = (start, length, protection, fd, offset, *, shared))]
    fn map_file(
        &self,
        start: u64,
        length: u64,
        protection: u8,
        fd: i32,
        offset: u64,
        shared: bool,
    ) -> PyResult<()> {
        let file = (fd, offset);
        done(
            self.memory
                .map_file(start, length, protection, file, shared),
        )
    }

    fn unmap(&self, start: u64, length: u64) -> PyResult<()> {
        done(self.memory.unmap(start, length))
    }

    fn protect(&self, start: u64, length: u64, protection: u8) -> PyResult<()> {
        done(self.memory.protect(start, length, protection))
    }

    /// The host knows already.
    fn reveal(&self, start: u64, length: u64, protection: u8) -> PyResult<()> {
        self.protect(start, length, protection)
    }

    fn r#move(&self, start: u64, to: u64, length: u64) -> PyResult<()> {
        done(self.memory.move_pages(start, to, length))
    }

    fn discard(&self, start: u64, length: u64) -> PyResult<()> {
        done(self.memory.discard(start, length))
    }

    fn sync(&self, py: Python<'_>, start: u64, length: u64) -> PyResult<()> {
        done(py.detach(|| host::sync(self.memory.host(start), length)))
    }

    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        done(py.detach(|| self.memory.clear()))
    }

    /// Of tuples of address, size in memory and in the file, offset and protection.
    fn map_program(
        &self,
        segments: Vec<SegmentParts>,
        base: u64,
        fd: i32,
    ) -> PyResult<Vec<ChangeParts>> {
        let segments = segments.into_iter().map(|segment| {
            let (address, in_memory, in_file, offset, protection) = segment;
            Segment {
                address,
                in_memory,
                in_file,
                offset,
                protection,
            }
        });
        let segments: Vec<_> = segments.collect();
        let mapped = self.memory.map_program(&segments, base, fd);
        let mapped = mapped.map_err(|error| failure(&error))?;
        Ok(mapped.into_iter().map(change_parts).collect())
    }

    fn gap(&self, base: u64, length: u64) -> u64 {
        self.memory.gap(base, length).unwrap_or(0)
    }

    /// 0: nowhere in particular.
    fn home(&self, length: u64) -> u64 {
        self.memory.home(length).unwrap_or(0)
    }

    fn program_home(&self, length: u64) -> u64 {
        self.memory.program_home(length).unwrap_or(0)
    }

    fn serve_calls(&self, heap: u64, brk: u64, base: u64) {
        self.memory.serve_calls(Allowed { heap, brk, base });
    }

    fn stop_calls(&self) {
        self.memory.stop_calls();
    }

    fn is_ahead(&self) -> bool {
        self.memory.is_ahead()
    }

    fn take_changes(&self) -> Vec<ChangeParts> {
        let changes = self.memory.take_changes().into_iter();
        changes.map(change_parts).collect()
    }

    fn settle(&self, seconds: u64) {
        self.memory.settle(Duration::from_secs(seconds));
    }

    fn serve_paths(&self, roots: Vec<RootParts>) {
        let roots = roots.into_iter().map(|root| {
            let (directory, host_device, device, user, points) = root;
            HostRoot {
                directory,
                host_device,
                device,
                user,
                points,
            }
        });
        self.code.roots.serve(roots.collect());
    }

    /// The number of the root; the directory's descriptor, device and inode; name; device, inode
    /// and mode.
    fn find_path(&self, path: &[u8], follow: bool) -> PyResult<Option<EntryParts<'_>>> {
        match self.code.roots.entry(path, follow) {
            None => Ok(None),
            Some(Err(error)) => Err(PyOSError::new_err((error, String::from("not in any root")))),
            Some(Ok(entry)) => Ok(Some((
                entry.root,
                entry.directory.into_raw_fd(),
                entry.directory_number,
                entry.name.into(),
                entry.number,
                entry.mode,
            ))),
        }
    }

    fn stop_paths(&self) {
        self.code.roots.stop();
    }

    /// The words of `rt_sigaction(2)`.
    fn actions(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        memory_view(py, self.actions.address(), 8 * Actions::LENGTH as u64)
    }

    fn after_fork(&self) {
        self.code.after_fork();
    }

    fn record(&self, py: Python<'_>) {
        py.detach(|| self.code.record());
    }

    fn statistics(&self) -> (usize, u64, u64, u64) {
        let cached = self.code.cache.as_ref();
        let cached = cached.map(Cache::statistics).unwrap_or_default();
        let hot = self.code.compiler.hot();
        (hot, cached.objects, cached.installed, cached.noted)
    }

    /// Addresses of instructions, and (start, length, accesses) of watched memory.
    fn set_points(&self, stops: Vec<u64>, watches: Vec<(u64, u64, u8)>) {
        let watches = watches.into_iter().map(|(start, length, accesses)| Watch {
            start,
            length,
            accesses,
        });
        self.code.set_points(stops, watches.collect());
    }

    /// `futex(2)` with a command that does not wait; a negative errno if it fails.
    fn futex(
        &self,
        address: u64,
        operation: u32,
        value: u32,
        value2: u64,
        second: u64,
        value3: u32,
    ) -> i64 {
        let request = Request {
            address,
            operation,
            value,
            value2,
            second,
            value3,
        };
        futex::call(self.code.memory, &request)
    }

    fn compare_exchange(&self, address: u64, old: u32, new: u32) -> Option<u32> {
        futex::compare_exchange(self.code.memory, address, old, new)
    }

    fn vcpu(&self, py: Python<'_>) -> Vcpu {
        let cpu = Cpu::new(Arc::clone(&self.code));
        let attention = cpu.attention();
        let shared = Arc::clone(&cpu.shared);
        Vcpu {
            cpu: UnsafeCell::new(cpu),
            running: AtomicBool::new(false),
            attention,
            shared,
            space: Arc::clone(&self.memory),
            actions: Arc::clone(&self.actions),
            exits: self.exits.clone_ref(py),
        }
    }
}

/// One guest thread's processor.
#[pyclass(frozen)]
struct Vcpu {
    cpu: UnsafeCell<Box<Cpu>>,
    /// Held by the thread that uses `cpu`.
    running: AtomicBool,
    attention: Arc<Attention>,
    shared: Arc<Shared>,
    space: Arc<AddressSpace>,
    actions: Arc<Actions>,
    exits: Py<PyTuple>,
}

impl Vcpu {
    /// Let the guest execute. Other Python threads run meanwhile.
    fn execute(&self, py: Python<'_>, execute: fn(&mut Cpu) -> Exit) -> PyResult<Py<PyAny>> {
        let exit = py
            .detach(|| {
                if self.running.swap(true, Ordering::Acquire) {
                    return None;
                }
                // SAFETY: `running` was not set.
                let exit = execute(unsafe { &mut *self.cpu.get() });
                self.running.store(false, Ordering::Release);
                Some(exit)
            })
            .ok_or_else(|| PyRuntimeError::new_err("this vCPU is running in another thread"))?;
        Ok(self.exits.bind(py).get_item(exit as usize)?.unbind())
    }
}

// SAFETY: `cpu` is used by the thread that set `running`, or, for plain reads of what only `run`
// writes, by the thread that called `run` before.
unsafe impl Sync for Vcpu {}

#[pymethods]
impl Vcpu {
    /// The register block: `words` of 64 bits.
    fn registers(&self, py: Python<'_>, words: u64) -> PyResult<Py<PyAny>> {
        // SAFETY: only the address of the boxed block is taken.
        let block = unsafe { &raw const (*self.cpu.get()).state as u64 };
        memory_view(py, block, 8 * words)
    }

    /// Run until the guest needs the kernel part. Other Python threads run meanwhile.
    fn run(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.execute(py, Cpu::run)
    }
    /// Execute one instruction.
    fn step(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.execute(py, Cpu::step)
    }

    /// Whether this vCPU stops at the points of its space.
    fn heed_points(&self, heed: bool) {
        // SAFETY: see `Sync`; it does not run.
        unsafe { (*self.cpu.get()).heeds_points = heed };
    }

    fn interrupt(&self) {
        self.attention.interrupt();
    }

    fn answer_calls(&self, pid: u32, tid: u32, descriptors: &Descriptors) {
        descriptors.0.own();
        let answers = Answers {
            pid,
            tid,
            descriptors: Arc::clone(&descriptors.0),
            space: Arc::clone(&self.space),
            actions: Arc::clone(&self.actions),
        };
        // SAFETY: see `Sync`; the caller is the thread that runs this vCPU.
        unsafe { (*self.cpu.get()).answers = Some(answers) };
    }

    #[pyo3(signature = (address, private, value, bitset, deadline))]
    fn futex_wait(
        &self,
        py: Python<'_>,
        address: u64,
        private: bool,
        value: u32,
        bitset: u32,
        deadline: Option<u64>,
    ) -> i64 {
        py.detach(|| {
            // SAFETY: see `Sync`; the caller is the thread that runs this vCPU.
            let cpu = unsafe { &*self.cpu.get() };
            cpu.signals_interrupt();
            let result = if cpu.take_interrupt() {
                -i64::from(libc::EINTR)
            } else {
                futex::wait_until(cpu, address, private, value, bitset, deadline)
            };
            signals::leave_thread();
            result
        })
    }

    fn set_ids(&self, uid: u32, euid: u32, gid: u32, egid: u32) {
        self.shared.set_ids([uid, euid, gid, egid]);
    }

    fn set_stack_limit(&self, soft: u64, hard: u64) {
        self.shared.set_stack_limit([soft, hard]);
    }

    #[getter]
    fn blocked(&self) -> u64 {
        self.shared.blocked()
    }

    #[setter]
    fn set_blocked(&self, mask: u64) {
        self.shared.set_blocked(mask);
    }

    fn note_pending(&self, pending: bool) {
        self.shared.note(pending);
    }

    #[getter]
    fn fault_address(&self) -> u64 {
        // SAFETY: see `Sync`.
        unsafe { (*self.cpu.get()).fault_address }
    }

    #[getter]
    fn fault_access(&self) -> u8 {
        // SAFETY: see `Sync`.
        unsafe { (*self.cpu.get()).fault_need as u8 }
    }
}

/// A process's descriptors, as far as the engine serves them.
#[pyclass(frozen)]
struct Descriptors(Arc<calls::Descriptors>);

#[pymethods]
impl Descriptors {
    #[new]
    fn new() -> Self {
        Self(Arc::default())
    }

    fn set(&self, fd: u32, host: i32, abilities: u16) -> bool {
        self.0.set(fd, host, abilities)
    }

    fn close_on_exec(&self, fd: u32) -> Option<bool> {
        self.0.close_on_exec(fd)
    }

    fn set_close_on_exec(&self, fd: u32, close: bool) -> bool {
        self.0.set_close_on_exec(fd, close).is_some()
    }

    fn remove(&self, py: Python<'_>, fd: u32) -> bool {
        let (used, mapped) = self.0.remove(fd);
        if used {
            py.detach(|| self.0.wait(fd));
        }
        mapped
    }
}

/// Let a host signal interrupt the vCPU of the thread it arrives in; it must have a handler.
#[pyfunction]
fn interrupt_on(number: i32) -> PyResult<()> {
    crate::signals::interrupt_on(number).map_err(|error| PyOSError::new_err(error.to_string()))
}

/// Names the directory of the objects this engine can use; None if it can use none.
#[pyfunction]
fn cache_key(confined: bool) -> Option<String> {
    key::key(confined)
}

/// The host processor's features that compiled code uses, by Cranelift's names.
#[pyfunction]
fn features() -> Vec<&'static str> {
    compile::feature_names()
}

/// Per file: name of its identity, base, path, heads, pages; whether the code was confined.
type Profile = (
    Vec<(String, u64, Vec<u8>, Vec<u32>, Vec<(u32, [u8; BITS])>)>,
    bool,
);

/// What a profile says; None if it is damaged.
#[pyfunction]
fn read_profile(data: &[u8]) -> Option<Profile> {
    let (seen, confined) = profile::read(data)?;
    let seen = seen.into_iter().map(|file| {
        let name = file.identity.name();
        (name, file.base, file.path, file.heads, file.pages)
    });
    Some((seen.collect(), confined))
}

fn digest(bytes: &[u8]) -> PyResult<&[u8; DIGEST]> {
    bytes
        .try_into()
        .map_err(|_| PyValueError::new_err("a digest has 32 bytes"))
}

/// A new object for `file`: what `before`, an object or nothing, has and regions at `heads`.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "each is a part of the work")]
#[allow(clippy::needless_pass_by_value, reason = "made of Python's objects")]
fn fill_object(
    py: Python<'_>,
    file: PyBuffer<u8>,
    file_digest: &[u8],
    base: u64,
    confined: bool,
    before: &[u8],
    heads: Vec<u32>,
    pages: Vec<(u32, [u8; BITS])>,
    seconds: f64,
) -> PyResult<Option<(Py<PyBytes>, usize, usize)>> {
    let source = Source {
        file: contents(&file)?,
        digest: digest(file_digest)?,
        base,
        confined,
    };
    let before = Object::open(before)
        .ok()
        .filter(|object| object.base == base && object.digest() == file_digest)
        .and_then(|object| object.contents().ok())
        .unwrap_or_default();
    let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let filled = py.detach(|| source.fill(before, &heads, &pages, time));
    Ok(filled.map(|filled| {
        let object = PyBytes::new(py, &filled.object).unbind();
        (object, filled.added, filled.left)
    }))
}

/// Regions and bytes of their code in an object, every checksum of it checked.
#[pyfunction]
fn check_object(data: &[u8], base: u64, file_digest: &[u8]) -> PyResult<(usize, usize)> {
    let regions = checked(data, base, file_digest)?.contents();
    let regions: Regions = regions.map_err(PyValueError::new_err)?;
    let code = regions.values().map(|region| region.code.len()).sum();
    Ok((regions.len(), code))
}

/// Compile up to `most` regions of an object again and compare; how many.
#[pyfunction]
fn verify_object(
    py: Python<'_>,
    data: &[u8],
    base: u64,
    file_digest: &[u8],
    confined: bool,
    most: usize,
) -> PyResult<usize> {
    let object = checked(data, base, file_digest)?;
    py.detach(|| build::verify(object, confined, most))
        .map_err(PyValueError::new_err)
}

fn checked<'a>(data: &'a [u8], base: u64, file_digest: &[u8]) -> PyResult<Object<'a>> {
    let object = Object::open(data).map_err(PyValueError::new_err)?;
    if object.base != base || object.digest() != file_digest {
        return Err(PyValueError::new_err("it is not the object of its name"));
    }
    Ok(object)
}

fn contents(file: &PyBuffer<u8>) -> PyResult<&[u8]> {
    if !file.is_c_contiguous() {
        return Err(PyValueError::new_err("not contiguous"));
    }
    // SAFETY: the buffer stays as long as `file`; a file that changes meanwhile gives regions that
    // match no memory.
    Ok(unsafe { std::slice::from_raw_parts(file.buf_ptr().cast(), file.len_bytes()) })
}

#[pymodule]
fn _jit(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(cache_key, module)?)?;
    module.add_function(wrap_pyfunction!(features, module)?)?;
    module.add_function(wrap_pyfunction!(read_profile, module)?)?;
    module.add_function(wrap_pyfunction!(fill_object, module)?)?;
    module.add_function(wrap_pyfunction!(check_object, module)?)?;
    module.add_function(wrap_pyfunction!(verify_object, module)?)?;
    module.add_class::<Space>()?;
    module.add_class::<Vcpu>()?;
    module.add_class::<Descriptors>()?;
    module.add_class::<Range>()?;
    module.add_class::<RangeMap>()?;
    module.add_function(wrap_pyfunction!(interrupt_on, module)?)
}
