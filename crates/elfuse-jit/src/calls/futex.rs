//! `futex(2)`: the host's kernel has the queues, of words at their places in guest memory.
//!
//! So waiters and wakers need not know of each other: they may be compiled code, the kernel part or
//! other processes that share the word.

use super::memory::{load_u64, range};
use super::wait;
use crate::access::Access;
use crate::code::GUEST_BITS;
use crate::cpu::Cpu;

const WAIT: u32 = 0;
const WAKE: u32 = 1;
const REQUEUE: u32 = 3;
const CMP_REQUEUE: u32 = 4;
const WAKE_OP: u32 = 5;
const WAIT_BITSET: u32 = 9;
const WAKE_BITSET: u32 = 10;
const PRIVATE: u32 = 0x80;
const CLOCK_REALTIME: u32 = 0x100;
const WAIT_BITSET_REALTIME: u32 = WAIT_BITSET | CLOCK_REALTIME;
const ANY: u32 = u32::MAX;

/// Whether an aligned word is in the guest's reservation.
fn is_guest(address: u64) -> bool {
    address >> GUEST_BITS == 0
}

/// Arguments of a call that does not wait, as the guest gives them.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Guest address of the word.
    pub address: u64,
    /// Command and flags.
    pub operation: u32,
    /// How many to wake.
    pub value: u32,
    /// How many to move, or to wake of the second word.
    pub value2: u64,
    /// Guest address of the second word.
    pub second: u64,
    /// What the word must be, a bitset, or the change of the second word.
    pub value3: u32,
}

/// Make a call that does not wait; a negative errno if it fails.
#[must_use]
pub fn call(memory: u64, request: &Request) -> i64 {
    if !is_guest(request.address) || !is_guest(request.second) {
        return -i64::from(libc::EFAULT);
    }
    // SAFETY: no memory of ours is involved: the kernel checks both words.
    let result = unsafe {
        libc::syscall(
            libc::SYS_futex,
            memory + request.address,
            request.operation,
            request.value,
            request.value2,
            memory + request.second,
            request.value3,
        )
    };
    if result < 0 {
        let error = std::io::Error::last_os_error();
        return -i64::from(error.raw_os_error().unwrap_or(libc::EINVAL));
    }
    result
}

/// `FUTEX_WAIT_BITSET` until a time of `CLOCK_MONOTONIC` in nanoseconds; a negative errno, EINTR if
/// somebody calls for attention.
#[must_use]
pub fn wait_until(
    cpu: &Cpu,
    address: u64,
    private: bool,
    value: u32,
    bitset: u32,
    deadline: Option<u64>,
) -> i64 {
    let operation = WAIT_BITSET | if private { PRIVATE } else { 0 };
    let timeout = deadline.map(|at| libc::timespec {
        tv_sec: (at / 1_000_000_000) as i64,
        tv_nsec: (at % 1_000_000_000) as i64,
    });
    match range(cpu, address, 4) {
        Some(word) => wait::futex(cpu, word, operation, value, timeout.as_ref(), bitset),
        None => -i64::from(libc::EFAULT),
    }
}

/// `futex(2)` as the registers say.
pub(super) fn answer(cpu: &Cpu) -> Option<u64> {
    let operation = cpu.state.w(1);
    let address = cpu.state.x(0);
    if address & 3 != 0 {
        return None;
    }
    match operation & !PRIVATE {
        WAIT if cpu.state.x(3) == 0 => sleep(cpu, operation, None, ANY),
        WAIT_BITSET | WAIT_BITSET_REALTIME => {
            let timeout = match cpu.state.x(3) {
                0 => None,
                at => Some(libc::timespec {
                    tv_sec: load_u64(cpu, at)? as i64,
                    tv_nsec: load_u64(cpu, at.wrapping_add(8))? as i64,
                }),
            };
            sleep(cpu, operation, timeout, cpu.state.w(5))
        }
        WAKE | REQUEUE | CMP_REQUEUE | WAKE_OP | WAKE_BITSET => wake(cpu, operation),
        _ => None,
    }
}

fn sleep(cpu: &Cpu, operation: u32, timeout: Option<libc::timespec>, bitset: u32) -> Option<u64> {
    let word = range(cpu, cpu.state.x(0), 4)?;
    let expected = cpu.state.w(2);
    // SAFETY: in guest memory; a fault is caught.
    let found = unsafe { u32::load(word as *const u8) }.ok()?;
    let result = if found != expected && timeout.is_none() && bitset != 0 {
        -i64::from(libc::EAGAIN)
    } else {
        let operation = operation & (PRIVATE | CLOCK_REALTIME) | WAIT_BITSET;
        wait::futex(cpu, word, operation, expected, timeout.as_ref(), bitset)
    };
    // Interrupted: the kernel part decides whether the call is restarted.
    let known = [0, -libc::EAGAIN, -libc::ETIMEDOUT].map(i64::from);
    known.contains(&result).then_some(result as u64)
}

fn wake(cpu: &Cpu, operation: u32) -> Option<u64> {
    let second = match operation & !PRIVATE {
        WAKE | WAKE_BITSET => 0,
        _ => cpu.state.x(4),
    };
    if second & 3 != 0 {
        return None;
    }
    let request = Request {
        address: cpu.state.x(0),
        operation,
        value: cpu.state.w(2),
        value2: cpu.state.x(3),
        second,
        value3: cpu.state.w(5),
    };
    let result = call(cpu.code.memory, &request);
    (result >= 0 || result == -i64::from(libc::EAGAIN)).then_some(result as u64)
}

/// Change a word if it is `old`; what it was, None if it cannot be accessed.
#[must_use]
pub fn compare_exchange(memory: u64, address: u64, old: u32, new: u32) -> Option<u32> {
    if !is_guest(address) {
        return None;
    }
    // SAFETY: in guest memory; a fault is caught.
    unsafe { u32::compare_exchange((memory + address) as *mut u8, old, new) }.ok()
}
