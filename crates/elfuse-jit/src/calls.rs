//! System calls that need no policy, answered without the kernel part.
//!
//! Everything unusual, a bad pointer included, is left to it: `answer` then changes nothing.

use crate::access::Access;
use crate::cpu::Cpu;

const SCHED_YIELD: u64 = 124;
const CLOCK_GETTIME: u64 = 113;
const CLOCK_GETRES: u64 = 114;
const GETTIMEOFDAY: u64 = 169;
const GETPID: u64 = 172;
const GETTID: u64 = 178;

/// What the kernel part lets the engine answer with.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// Process identifier (thread group identifier) as the guest sees it.
    pub pid: u32,
    /// Thread identifier.
    pub tid: u32,
}

type ClockCall = unsafe extern "C" fn(libc::clockid_t, *mut libc::timespec) -> libc::c_int;

/// The result of the call whose number and arguments the registers hold; None: not here.
pub(crate) fn answer(cpu: &mut Cpu) -> Option<u64> {
    let identity = cpu.identity?;
    match cpu.state.x(8) {
        CLOCK_GETTIME => clock(cpu, libc::clock_gettime),
        CLOCK_GETRES if cpu.state.x(1) != 0 => clock(cpu, libc::clock_getres),
        GETTIMEOFDAY if cpu.state.x(1) == 0 => time_of_day(cpu),
        GETPID => Some(identity.pid.into()),
        GETTID => Some(identity.tid.into()),
        SCHED_YIELD => {
            std::thread::yield_now();
            Some(0)
        }
        _ => None,
    }
}

/// Clocks that are the host's: all but those of processor time and alarms.
fn is_shared(clock: u64) -> bool {
    matches!(
        clock as libc::clockid_t,
        libc::CLOCK_REALTIME
            | libc::CLOCK_MONOTONIC
            | libc::CLOCK_MONOTONIC_RAW
            | libc::CLOCK_REALTIME_COARSE
            | libc::CLOCK_MONOTONIC_COARSE
            | libc::CLOCK_BOOTTIME
    )
}

fn clock(cpu: &Cpu, call: ClockCall) -> Option<u64> {
    let (clock, to) = (cpu.state.x(0), cpu.state.x(1));
    if clock >> 32 != 0 || !is_shared(clock) {
        return None;
    }
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is writable, the clock exists.
    if unsafe { call(clock as libc::clockid_t, &raw mut time) } != 0 {
        return None;
    }
    store_pair(cpu, to, time.tv_sec as u64, time.tv_nsec as u64)
}

fn time_of_day(cpu: &Cpu) -> Option<u64> {
    let to = cpu.state.x(0);
    let mut time = libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    // SAFETY: `time` is writable; no time zone is asked for.
    if unsafe { libc::gettimeofday(&raw mut time, std::ptr::null_mut()) } != 0 {
        return None;
    }
    store_pair(cpu, to, time.tv_sec as u64, time.tv_usec as u64)
}

fn store_pair(cpu: &Cpu, to: u64, first: u64, second: u64) -> Option<u64> {
    for (offset, value) in [(0, first), (8, second)] {
        let host = cpu.host(to.wrapping_add(offset))?;
        // SAFETY: `host` is in guest memory; a fault is caught.
        unsafe { u64::store(host as *mut u8, value) }.ok()?;
    }
    Some(0)
}
