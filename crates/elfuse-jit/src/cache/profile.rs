//! What a process writes down about code that is worth compiling.
//!
//! ```text
//! magic; 1 if the code was confined; then per mapped file
//!   its identity, the guest address of its first byte
//!   lengths of what follows: path, heads, pages
//!   path on the host; heads as offsets; pages: number, a bit per executed instruction
//! checksum
//! ```
#![forbid(unsafe_code)]

use crate::cache::{Identity, checksum};

const MAGIC: [u8; 8] = *b"elfusep1";
/// Bytes of a page's bits.
pub const BITS: usize = 4096 / 4 / 8;

/// What was seen of one file at one address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Of the file, when it was mapped.
    pub identity: Identity,
    /// Guest address of its first byte.
    pub base: u64,
    /// Where it was on the host.
    pub path: Vec<u8>,
    /// Offsets of branch targets that were reached often.
    pub heads: Vec<u32>,
    /// Page numbers in the file and a bit per instruction, set if it was executed.
    pub pages: Vec<(u32, [u8; BITS])>,
}

/// The form on disk.
#[must_use]
pub fn write(seen: &[Seen], confined: bool) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(u32::from(confined).to_le_bytes());
    for file in seen {
        let Identity {
            device,
            inode,
            size,
            modified,
            changed,
        } = file.identity;
        for value in [device, inode, size, modified, changed, file.base] {
            bytes.extend(value.to_le_bytes());
        }
        for length in [file.path.len(), file.heads.len(), file.pages.len()] {
            bytes.extend((length as u32).to_le_bytes());
        }
        bytes.extend(&file.path);
        bytes.extend(file.heads.iter().flat_map(|head| head.to_le_bytes()));
        for (number, bits) in &file.pages {
            bytes.extend(number.to_le_bytes());
            bytes.extend(bits);
        }
    }
    let sum = checksum(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// Read the form on disk, and whether the code was confined; None if it is damaged.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<(Vec<Seen>, bool)> {
    let (body, sum) = bytes.split_at_checked(bytes.len().checked_sub(8)?)?;
    if checksum(body) != u64::from_le_bytes(sum.try_into().ok()?) {
        return None;
    }
    let mut rest = body.strip_prefix(&MAGIC)?;
    let confined = word(&mut rest)? != 0;
    let mut seen = Vec::new();
    while !rest.is_empty() {
        let mut long = || Some(u64::from_le_bytes(take(&mut rest, 8)?.try_into().ok()?));
        let identity = Identity {
            device: long()?,
            inode: long()?,
            size: long()?,
            modified: long()?,
            changed: long()?,
        };
        let base = long()?;
        let lengths = [word(&mut rest)?, word(&mut rest)?, word(&mut rest)?];
        let [path, heads, pages] = lengths.map(|length| length as usize);
        let path = take(&mut rest, path)?.to_vec();
        let heads = take(&mut rest, heads.checked_mul(4)?)?
            .chunks_exact(4)
            .map(|bytes| bytes.try_into().map(u32::from_le_bytes))
            .collect::<Result<_, _>>()
            .ok()?;
        let pages = take(&mut rest, pages.checked_mul(4 + BITS)?)?
            .chunks_exact(4 + BITS)
            .map(|row| {
                let (number, bits) = row.split_at_checked(4)?;
                let number = u32::from_le_bytes(number.try_into().ok()?);
                Some((number, bits.try_into().ok()?))
            })
            .collect::<Option<_>>()?;
        seen.push(Seen {
            identity,
            base,
            path,
            heads,
            pages,
        });
    }
    Some((seen, confined))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(taken)
}

fn word(rest: &mut &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(take(rest, 4)?.try_into().ok()?))
}
