//! Reading, writing and seeking on descriptors that are served here.
//!
//! A host call that fails is repeated by the kernel part, which knows what the error means: an area
//! that grows, a wait, a SIGPIPE.

use std::mem::MaybeUninit;

use super::Answers;
use super::descriptors::{PIPE, READ, SEEK, Use, WRITE};
use super::memory::{load_u64, range};
use crate::cpu::Cpu;

/// Vectors with more parts are left to the kernel part.
const PARTS: usize = 16;

const TCGETS: u32 = 0x5401;
const TIOCGPGRP: u32 = 0x540F;
const TIOCGWINSZ: u32 = 0x5413;
const ENOTTY: i64 = 25;
const ENOTSOCK: i64 = 88;

fn done(transferred: isize) -> Option<u64> {
    u64::try_from(transferred).ok()
}

/// Whether a write of `length` bytes is whole or not done at all.
fn whole(file: &Use<'_>, length: u64) -> Option<()> {
    (file.abilities & PIPE == 0 || length <= libc::PIPE_BUF as u64).then_some(())
}

fn use_file<'a>(cpu: &Cpu, answers: &'a Answers, needed: u16) -> Option<Use<'a>> {
    answers.descriptors.get(cpu.state.w(0), needed)
}

/// X1 and X2 as a range of host memory.
fn buffer(cpu: &Cpu) -> Option<(*mut libc::c_void, usize)> {
    let (address, length) = (cpu.state.x(1), cpu.state.x(2));
    let host = range(cpu, address, length)?;
    Some((host as *mut libc::c_void, length as usize))
}

/// read(2).
pub(super) fn read(cpu: &Cpu, answers: &Answers) -> Option<u64> {
    let file = use_file(cpu, answers, READ)?;
    let (to, length) = buffer(cpu)?;
    // SAFETY: the range is guest memory; the descriptor is open while `file` is held.
    done(unsafe { libc::read(file.host, to, length) })
}

/// write(2).
pub(super) fn write(cpu: &Cpu, answers: &Answers) -> Option<u64> {
    let file = use_file(cpu, answers, WRITE)?;
    let (from, length) = buffer(cpu)?;
    whole(&file, length as u64)?;
    // SAFETY: as in `read`.
    done(unsafe { libc::write(file.host, from, length) })
}

/// pread64(2).
pub(super) fn read_at(cpu: &Cpu, answers: &Answers) -> Option<u64> {
    let file = use_file(cpu, answers, READ | SEEK)?;
    let (to, length) = buffer(cpu)?;
    // SAFETY: as in `read`.
    done(unsafe { libc::pread64(file.host, to, length, cpu.state.x(3) as i64) })
}

/// pwrite64(2).
pub(super) fn write_at(cpu: &Cpu, answers: &Answers) -> Option<u64> {
    let file = use_file(cpu, answers, WRITE | SEEK)?;
    let (from, length) = buffer(cpu)?;
    // SAFETY: as in `read`.
    done(unsafe { libc::pwrite64(file.host, from, length, cpu.state.x(3) as i64) })
}

/// readv(2).
pub(super) fn read_parts(cpu: &Cpu, answers: &Answers) -> Option<u64> {
    let file = use_file(cpu, answers, READ)?;
    let mut vector = [MaybeUninit::uninit(); PARTS];
    let (parts, _length) = parts(cpu, &mut vector)?;
    // SAFETY: every part is guest memory; the descriptor is open while `file` is held.
    done(unsafe { libc::readv(file.host, parts.as_ptr(), parts.len() as i32) })
}

/// writev(2).
pub(super) fn write_parts(cpu: &Cpu, answers: &Answers) -> Option<u64> {
    let file = use_file(cpu, answers, WRITE)?;
    let mut vector = [MaybeUninit::uninit(); PARTS];
    let (parts, length) = parts(cpu, &mut vector)?;
    whole(&file, length)?;
    // SAFETY: as in `read_parts`.
    done(unsafe { libc::writev(file.host, parts.as_ptr(), parts.len() as i32) })
}

/// The vector of X2 parts at X1 as the host's, and the bytes in it.
fn parts<'a>(
    cpu: &Cpu,
    vector: &'a mut [MaybeUninit<libc::iovec>; PARTS],
) -> Option<(&'a [libc::iovec], u64)> {
    let (at, count) = (cpu.state.x(1), cpu.state.x(2));
    let used = vector.get_mut(..usize::try_from(count).ok()?)?;
    let mut total = 0;
    for (index, part) in used.iter_mut().enumerate() {
        let entry = at.checked_add(16 * index as u64)?;
        let (base, length) = (load_u64(cpu, entry)?, load_u64(cpu, entry + 8)?);
        // As nothing is moved, the address of an empty part may be any.
        let host = if length == 0 {
            0
        } else {
            range(cpu, base, length)?
        };
        total += length;
        part.write(libc::iovec {
            iov_base: host as *mut libc::c_void,
            iov_len: length as usize,
        });
    }
    // SAFETY: all of `used` was written.
    let parts = unsafe { std::slice::from_raw_parts(used.as_ptr().cast(), used.len()) };
    Some((parts, total))
}

/// lseek(2).
pub(super) fn seek(cpu: &Cpu, answers: &Answers) -> Option<u64> {
    let whence = cpu.state.w(2) as i32;
    if !matches!(whence, libc::SEEK_SET | libc::SEEK_CUR | libc::SEEK_END) {
        return None;
    }
    let file = use_file(cpu, answers, SEEK)?;
    // SAFETY: no memory is involved.
    let at = unsafe { libc::lseek64(file.host, cpu.state.x(1) as i64, whence) };
    u64::try_from(at).ok()
}

/// ioctl(2): what programs ask of what may be a terminal, of files that are none.
pub(super) fn control(cpu: &Cpu, answers: &Answers) -> Option<u64> {
    if !matches!(cpu.state.w(1), TCGETS | TIOCGPGRP | TIOCGWINSZ) {
        return None;
    }
    let file = use_file(cpu, answers, 0)?;
    (file.abilities & (READ | WRITE | SEEK) != 0).then_some(-ENOTTY as u64)
}

/// getsockname(2), getpeername(2): what shells ask of their input, which is mostly no socket.
pub(super) fn socket_name(cpu: &Cpu, answers: &Answers) -> Option<u64> {
    let file = use_file(cpu, answers, 0)?;
    (file.abilities & (READ | WRITE | SEEK) != 0).then_some(-ENOTSOCK as u64)
}

/// fcntl(2): the flag of the descriptor itself.
pub(super) fn flags(cpu: &Cpu, answers: &Answers) -> Option<u64> {
    let fd = cpu.state.w(0);
    match cpu.state.w(1) as i32 {
        libc::F_GETFD => answers.descriptors.close_on_exec(fd).map(u64::from),
        libc::F_SETFD => {
            let close = cpu.state.x(2) & libc::FD_CLOEXEC as u64 != 0;
            answers.descriptors.set_close_on_exec(fd, close)?;
            Some(0)
        }
        _ => None,
    }
}
