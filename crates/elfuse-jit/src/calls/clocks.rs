//! Clocks that are the host's.

use super::memory::store_u64;
use crate::cpu::Cpu;

type ClockCall = unsafe extern "C" fn(libc::clockid_t, *mut libc::timespec) -> libc::c_int;

/// All clocks but those of processor time and alarms.
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

/// `clock_gettime(2)`.
pub(super) fn time(cpu: &Cpu) -> Option<u64> {
    ask(cpu, libc::clock_gettime)
}

/// `clock_getres(2)`.
pub(super) fn resolution(cpu: &Cpu) -> Option<u64> {
    if cpu.state.x(1) == 0 {
        return None;
    }
    ask(cpu, libc::clock_getres)
}

fn ask(cpu: &Cpu, call: ClockCall) -> Option<u64> {
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

/// gettimeofday(2) without a time zone.
pub(super) fn time_of_day(cpu: &Cpu) -> Option<u64> {
    let (to, zone) = (cpu.state.x(0), cpu.state.x(1));
    if zone != 0 {
        return None;
    }
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
    store_u64(cpu, to, first)?;
    store_u64(cpu, to.wrapping_add(8), second)?;
    Some(0)
}
