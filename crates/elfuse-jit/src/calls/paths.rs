//! Looking at names: whether they exist, what they are.
//!
//! What shows that a name is there, or surely is not, is answered here. The kernel part opens files,
//! decides what permission bits refuse, and knows everything about relative paths.

use std::os::fd::AsRawFd;

use super::Answers;
use super::descriptors::FILE;
use super::memory::{load_text, range, store_u64};
use super::walk::{Found, HostRoot, LONGEST};
use crate::cpu::Cpu;
use crate::host;

const EINVAL: i32 = 22;

const NO_FOLLOW: u32 = 0x100;
const EFFECTIVE: u32 = 0x200;
const NO_AUTOMOUNT: u32 = 0x800;
const EMPTY_PATH: u32 = 0x1000;

/// As Arm's Linux has them.
const O_CREAT: u32 = 0o100;
const O_TMPFILE: u32 = 0o2000_0000;
const O_NOFOLLOW: u32 = 0o10_0000;

const READ_OK: u32 = 4;
const EXECUTE_OK: u32 = 1;

fn refused(error: i32) -> u64 {
    -i64::from(error) as u64
}

/// What the absolute path that X1 points at leads to.
fn find(cpu: &Cpu, follow: bool) -> Option<Found<'_>> {
    let path = load_text(cpu, cpu.state.x(1), LONGEST)?;
    cpu.code.roots.find(&path, follow)
}

/// openat(2) of what is not there; the kernel part opens what is.
pub(super) fn open(cpu: &Cpu) -> Option<u64> {
    let flags = cpu.state.w(2);
    if flags & (O_CREAT | O_TMPFILE) != 0 {
        return None;
    }
    match find(cpu, flags & O_NOFOLLOW == 0)? {
        Found::Absent(error) => Some(refused(error)),
        Found::Place(..) => None,
    }
}

/// readlinkat(2).
pub(super) fn read_link(cpu: &Cpu) -> Option<u64> {
    let size = cpu.state.w(3);
    if size as i32 <= 0 {
        return None;
    }
    let place = match find(cpu, false)? {
        Found::Absent(error) => return Some(refused(error)),
        Found::Place(place, _) => place,
    };
    if host::status(place.as_raw_fd()).ok()?.st_mode & libc::S_IFMT != libc::S_IFLNK {
        return Some(refused(EINVAL));
    }
    let to = range(cpu, cpu.state.x(2), size.into())?;
    // SAFETY: the range is guest memory.
    let length = unsafe {
        libc::readlinkat(
            place.as_raw_fd(),
            c"".as_ptr(),
            to as *mut libc::c_char,
            size as usize,
        )
    };
    u64::try_from(length).ok()
}

/// faccessat(2) and, with flags, faccessat2(2), unless something is refused.
pub(super) fn access(cpu: &Cpu, flags: u32) -> Option<u64> {
    let wanted = cpu.state.w(2);
    if wanted & !(READ_OK | EXECUTE_OK) != 0 || flags & !(NO_FOLLOW | EFFECTIVE) != 0 {
        return None;
    }
    if flags & EFFECTIVE != 0 && wanted != 0 {
        return None;
    }
    let (place, at) = match find(cpu, flags & NO_FOLLOW == 0)? {
        Found::Absent(error) => return Some(refused(error)),
        Found::Place(place, at) => (place, at),
    };
    let found = host::status(place.as_raw_fd()).ok()?;
    let (user, mode) = (cpu.shared.id(0), found.st_mode);
    let allowed = if user == 0 {
        let executable = mode & libc::S_IFMT == libc::S_IFDIR || mode & 0o111 != 0;
        READ_OK | if executable { EXECUTE_OK } else { 0 }
    } else if user == owner(at.root(), &found).0 {
        mode >> 6
    } else {
        // Whichever of both it is.
        mode >> 3 & mode
    };
    (allowed & wanted == wanted).then_some(0)
}

/// fstat(2) of files in the roots.
pub(super) fn attributes(cpu: &Cpu, answers: &Answers) -> Option<u64> {
    show_open(cpu, answers, cpu.state.x(1))
}

/// newfstatat(2).
pub(super) fn attributes_at(cpu: &Cpu, answers: &Answers) -> Option<u64> {
    let flags = cpu.state.w(3);
    if flags & !(NO_FOLLOW | NO_AUTOMOUNT | EMPTY_PATH) != 0 {
        return None;
    }
    if flags & EMPTY_PATH != 0 && load_text(cpu, cpu.state.x(1), 1).is_some() {
        return show_open(cpu, answers, cpu.state.x(2));
    }
    let (place, at) = match find(cpu, flags & NO_FOLLOW == 0)? {
        Found::Absent(error) => return Some(refused(error)),
        Found::Place(place, at) => (place, at),
    };
    show(
        cpu,
        cpu.state.x(2),
        at.root(),
        &host::status(place.as_raw_fd()).ok()?,
    )
}

/// Store what descriptor X0 is.
fn show_open(cpu: &Cpu, answers: &Answers, to: u64) -> Option<u64> {
    let file = answers.descriptors.get(cpu.state.w(0), FILE)?;
    let root = cpu.code.roots.root(file.root())?;
    show(cpu, to, root, &host::status(file.host).ok()?)
}

/// Store the `struct stat` of a file in a root.
fn show(cpu: &Cpu, to: u64, root: &HostRoot, found: &libc::stat) -> Option<u64> {
    if found.st_rdev != 0 {
        return None;
    }
    let (user, group) = owner(root, found);
    let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    let words = [
        root.device,
        number(root, found),
        pair(found.st_mode, found.st_nlink as u32),
        pair(user, group),
        0,
        0,
        found.st_size as u64,
        4096,
        found.st_blocks as u64,
        found.st_atime as u64,
        found.st_atime_nsec as u64,
        found.st_mtime as u64,
        found.st_mtime_nsec as u64,
        found.st_ctime as u64,
        found.st_ctime_nsec as u64,
        0,
    ];
    for (index, word) in words.into_iter().enumerate() {
        store_u64(cpu, to.checked_add(8 * index as u64)?, word)?;
    }
    Some(0)
}

/// User and group that the guest sees.
fn owner(root: &HostRoot, found: &libc::stat) -> (u32, u32) {
    if root.user == Some(found.st_uid) {
        return (0, 0);
    }
    (found.st_uid, found.st_gid)
}

/// The inode number that the guest sees, as `HostFilesystem.number` has it.
fn number(root: &HostRoot, found: &libc::stat) -> u64 {
    if found.st_dev == root.host_device {
        return found.st_ino;
    }
    (found.st_ino ^ found.st_dev << 40) & i64::MAX as u64
}
