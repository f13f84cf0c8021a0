//! The cache's directory, as running processes use it: look up, map, leave profiles.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::cache::{Identity, key};
use crate::host;

/// Directories in it; `known` and `code` are explained at `elfuse/engine/cache.py`.
const PROFILES: &str = "profiles";
/// Hexadecimal digits of a SHA-256.
const DIGITS: usize = 64;

/// An open directory that was found to be the user's alone.
#[derive(Debug)]
pub(super) struct Directory {
    fd: OwnedFd,
    /// Of the objects that can be used.
    key: String,
}

/// Where a descriptor's file is.
pub(super) fn path_of(fd: RawFd) -> Vec<u8> {
    let path = std::fs::read_link(format!("/proc/self/fd/{fd}"));
    path.map(|path| path.as_os_str().as_bytes().to_vec())
        .unwrap_or_default()
}

/// Let an object's time of modification say when it was last used, to a day: what was not used for
/// long is removed first.
fn mark_used(file: &File, status: &libc::stat) {
    const DAY: i64 = 24 * 3600;
    // SAFETY: nothing is written.
    let now = unsafe { libc::time(std::ptr::null_mut()) };
    if now - status.st_mtime > DAY {
        // SAFETY: no times are "now".
        unsafe { libc::futimens(file.as_raw_fd(), std::ptr::null()) };
    }
}

impl Directory {
    /// Takes the descriptor; None if no object could be used.
    pub(super) fn new(fd: OwnedFd, confined: bool) -> Option<Self> {
        let key = key::key(confined)?;
        Some(Self { fd, key })
    }

    /// The digest of the content of a file that was hashed before, in hexadecimal digits.
    pub(super) fn known(&self, identity: &Identity) -> Option<String> {
        let name = CString::new(format!("known/{}", identity.name())).ok()?;
        let mut found = [0u8; DIGITS + 1];
        // SAFETY: `found` has as many bytes as it is told.
        let length = unsafe {
            libc::readlinkat(
                self.fd.as_raw_fd(),
                name.as_ptr(),
                found.as_mut_ptr().cast(),
                found.len(),
            )
        };
        let digest = found.get(..usize::try_from(length).ok()?)?;
        let valid = digest.len() == DIGITS && digest.iter().all(u8::is_ascii_hexdigit);
        valid.then(|| OsStr::from_bytes(digest).to_string_lossy().into_owned())
    }

    /// The object `name` of this engine, if it is a file that only the user can have written.
    pub(super) fn object(&self, name: &str) -> Option<(File, libc::stat)> {
        let file = self
            .open(
                &format!("code/{}/{name}", self.key),
                libc::O_RDONLY | libc::O_NONBLOCK,
            )
            .ok()?;
        let status = host::status(file.as_raw_fd()).ok()?;
        // SAFETY: it cannot fail.
        let user = unsafe { libc::geteuid() };
        mark_used(&file, &status);
        let own = status.st_uid == user && status.st_mode & 0o022 == 0;
        let regular = status.st_mode & libc::S_IFMT == libc::S_IFREG;
        (own && regular).then_some((file, status))
    }

    /// Leave a profile for the worker. It appears whole or not at all.
    pub(super) fn leave(&self, profile: &[u8]) -> io::Result<()> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (pid, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let name = format!("{PROFILES}/{pid}-{count}-{:x}", crate::clock::monotonic());
        let part = format!("{name}.part");
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL;
        let file = self.open(&part, flags).or_else(|_| {
            // Somebody emptied the cache.
            let directory = CString::new(PROFILES)?;
            // SAFETY: a string.
            unsafe { libc::mkdirat(self.fd.as_raw_fd(), directory.as_ptr(), 0o700) };
            self.open(&part, flags)
        });
        file?.write_all(profile)?;
        let (from, to) = (CString::new(part)?, CString::new(name)?);
        let fd = self.fd.as_raw_fd();
        // SAFETY: both are strings.
        if unsafe { libc::renameat(fd, from.as_ptr(), fd, to.as_ptr()) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    fn open(&self, path: &str, flags: libc::c_int) -> io::Result<File> {
        let path = CString::new(path)?;
        let flags = flags | libc::O_NOFOLLOW | libc::O_CLOEXEC;
        // SAFETY: a string; the mode is for O_CREAT.
        let fd = unsafe { libc::openat(self.fd.as_raw_fd(), path.as_ptr(), flags, 0o600) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just opened.
        Ok(unsafe { File::from_raw_fd(fd) })
    }
}
