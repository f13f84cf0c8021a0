//! Translations kept on disk between runs.
//!
//! An *object* holds the compiled regions of one file at one guest address; [`object`] has its form.
//! It is mapped into the arena when the guest maps the file's code, and the regions of a guest page
//! are used from the first instruction on that is executed there. Running processes only write down
//! what would be worth compiling: a *profile* has the heads of hot regions and which instructions
//! were executed. A worker of its own turns profiles into objects later.
//!
//! What is on disk is trusted as little as possible. The directory and its files must be the
//! user's. A region names the instructions it was made from, and is used only where the guest's
//! memory holds exactly these: a file that changed, a guest that patches its code, an object with
//! the wrong name or an address that means something else cannot bring wrong code about.

pub mod build;
mod directory;
pub mod key;
pub mod object;
pub mod profile;
mod space;

pub(crate) use space::Cache;
pub use space::Statistics;

/// What tells that a file is the same as before: device, inode, size, and times in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "names say it")]
pub struct Identity {
    pub device: u64,
    pub inode: u64,
    pub size: u64,
    pub modified: u64,
    pub changed: u64,
}

impl Identity {
    pub(crate) fn of(status: &libc::stat) -> Self {
        let ns = |seconds: i64, ns: i64| (seconds as u64).wrapping_mul(1_000_000_000) + ns as u64;
        Self {
            device: status.st_dev,
            inode: status.st_ino,
            size: status.st_size as u64,
            modified: ns(status.st_mtime, status.st_mtime_nsec),
            changed: ns(status.st_ctime, status.st_ctime_nsec),
        }
    }

    /// The name under which the digest of the content is remembered.
    #[must_use]
    pub fn name(&self) -> String {
        let Self {
            device,
            inode,
            size,
            modified,
            changed,
        } = self;
        format!("{device:x}-{inode:x}-{size:x}-{modified:x}-{changed:x}")
    }
}

/// Finds accidental damage. Who can write into the directory can do anything with the user's
/// processes: nothing is gained by a cryptographic one.
#[must_use]
pub fn checksum(data: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    const LANES: usize = 4;
    let mut lanes = [1u64, 2, 3, 4].map(|lane: u64| lane.wrapping_mul(MULTIPLIER));
    let mut chunks = data.chunks_exact(8 * LANES);
    for chunk in &mut chunks {
        for (lane, word) in lanes.iter_mut().zip(chunk.chunks_exact(8)) {
            let word = word.try_into().map_or(0, u64::from_le_bytes);
            *lane = (*lane ^ word).wrapping_mul(MULTIPLIER).rotate_left(29);
        }
    }
    let mut sum = data.len() as u64;
    let rest = chunks.remainder().iter().map(|&byte| u64::from(byte));
    for value in lanes.into_iter().chain(rest) {
        sum = (sum ^ value).wrapping_mul(MULTIPLIER);
        sum ^= sum >> 32;
    }
    sum
}
