//! The module `elfuse.engine._jit`: conversions only.

use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::calls::futex::{self, Request};
use crate::calls::{self, Answers, Shared};
use crate::code::Code;
use crate::cpu::{Attention, Cpu};
use crate::signals;

/// Instructions of one address space.
#[pyclass(frozen)]
struct Space {
    code: Arc<Code>,
    /// What `Vcpu.run` returns, by number.
    exits: Py<PyTuple>,
}

#[pymethods]
impl Space {
    /// For guest memory at a host address; `exits` is what `Vcpu.run` is to return, by number.
    /// Branch targets reached `threshold` times are compiled, none with 0. With `confined` guest
    /// instructions reach no memory but the guest's.
    #[new]
    fn new(memory: u64, exits: Py<PyTuple>, threshold: u16, confined: bool) -> PyResult<Self> {
        let code = Code::new(memory, threshold, confined)
            .map_err(|error| PyOSError::new_err(error.to_string()))?;
        Ok(Self {
            code: Arc::new(code),
            exits,
        })
    }

    fn set_executable(&self, start: u64, length: u64, allowed: bool) {
        self.code.set_executable(start, length, allowed);
    }

    fn invalidate(&self, start: u64, length: u64) {
        self.code.invalidate(start, length);
    }

    fn park(&self, start: u64, length: u64) {
        self.code.park(start, length);
    }

    fn restore(&self, start: u64, length: u64) {
        self.code.restore(start, length);
    }

    fn after_fork(&self) {
        self.code.compiler.after_fork();
    }

    fn reset(&self) {
        self.code.reset();
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
    exits: Py<PyTuple>,
}

// SAFETY: `cpu` is used by the thread that set `running`, or, for plain reads of what only `run`
// writes, by the thread that called `run` before.
unsafe impl Sync for Vcpu {}

#[pymethods]
impl Vcpu {
    /// Address of the register block.
    fn registers(&self) -> u64 {
        // SAFETY: only the address of the boxed block is taken.
        unsafe { &raw const (*self.cpu.get()).state as u64 }
    }

    /// Run until the guest needs the kernel part. Other Python threads run meanwhile.
    fn run(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let exit = py
            .detach(|| {
                if self.running.swap(true, Ordering::Acquire) {
                    return None;
                }
                // SAFETY: `running` was not set.
                let exit = unsafe { (*self.cpu.get()).run() };
                self.running.store(false, Ordering::Release);
                Some(exit)
            })
            .ok_or_else(|| PyRuntimeError::new_err("this vCPU is running in another thread"))?;
        Ok(self.exits.bind(py).get_item(exit as usize)?.unbind())
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

    fn set(&self, fd: u32, host: i32, abilities: u16) {
        self.0.set(fd, host, abilities);
    }

    fn remove(&self, py: Python<'_>, fd: u32) {
        if self.0.remove(fd) {
            py.detach(|| self.0.wait(fd));
        }
    }
}

/// Let a host signal interrupt the vCPU of the thread it arrives in; it must have a handler.
#[pyfunction]
fn interrupt_on(number: i32) -> PyResult<()> {
    crate::signals::interrupt_on(number).map_err(|error| PyOSError::new_err(error.to_string()))
}

#[pymodule]
fn _jit(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Space>()?;
    module.add_class::<Vcpu>()?;
    module.add_class::<Descriptors>()?;
    module.add_function(wrap_pyfunction!(interrupt_on, module)?)
}
