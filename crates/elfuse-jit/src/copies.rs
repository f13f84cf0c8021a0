//! Copies between guest memory and the engine's, which the guest's pages may refuse.

use crate::access::Access;
use crate::code::LIMIT;

const WORD: usize = 8;

/// The host address of a range, where guest memory begins at `base`. None: it is not all guest
/// memory.
fn inside(base: u64, address: u64, length: usize) -> Option<u64> {
    let end = address.checked_add(length as u64)?;
    (end <= LIMIT).then(|| base + address)
}

/// Load bytes; None if a page refuses.
pub(crate) fn load(base: u64, address: u64, to: &mut [u8]) -> Option<()> {
    let from = inside(base, address, to.len())? as *const u8;
    let mut words = to.chunks_exact_mut(WORD);
    let mut at = 0;
    for word in words.by_ref() {
        // SAFETY: in guest memory; a fault is caught.
        let found = unsafe { u64::load(from.wrapping_add(at)) }.ok()?;
        word.copy_from_slice(&found.to_le_bytes());
        at += WORD;
    }
    for byte in words.into_remainder() {
        // SAFETY: as above.
        *byte = unsafe { u8::load(from.wrapping_add(at)) }.ok()?;
        at += 1;
    }
    Some(())
}

/// Store bytes; None if a page refuses, which those before it may not have done.
pub(crate) fn store(base: u64, address: u64, from: &[u8]) -> Option<()> {
    let to = inside(base, address, from.len())? as *mut u8;
    let (words, rest) = from.as_chunks::<WORD>();
    let mut at = 0;
    for word in words {
        // SAFETY: in guest memory; a fault is caught.
        unsafe { u64::store(to.wrapping_add(at), u64::from_le_bytes(*word)) }.ok()?;
        at += WORD;
    }
    for &byte in rest {
        // SAFETY: as above.
        unsafe { u8::store(to.wrapping_add(at), byte) }.ok()?;
        at += 1;
    }
    Some(())
}

/// The bytes before a NUL; None if a page refuses, or the first `limit` bytes hold none.
pub(crate) fn text(base: u64, address: u64, limit: usize) -> Option<Vec<u8>> {
    let mut found = Vec::new();
    while found.len() < limit {
        let at = address.checked_add(found.len() as u64)?;
        // Up to the next multiple of eight, so that no word lies on two pages.
        let skip = (at % WORD as u64) as usize;
        let mut word = [0; WORD];
        load(base, at - skip as u64, &mut word)?;
        let bytes = &word[skip..];
        match bytes.iter().position(|&byte| byte == 0) {
            None => found.extend(bytes),
            Some(end) => {
                found.extend(&bytes[..end]);
                return (found.len() < limit).then_some(found);
            }
        }
    }
    None
}

/// The texts that an array of addresses names which ends with NULL; None if a page refuses, a text
/// is longer than `limit`, or all together are so long that they can be no program's arguments.
pub(crate) fn texts(base: u64, array: u64, limit: usize) -> Option<Vec<Vec<u8>>> {
    const MOST: usize = 8 << 20;
    let mut found = Vec::new();
    let mut left = MOST;
    for at in (array..).step_by(WORD) {
        let mut word = [0; WORD];
        load(base, at, &mut word)?;
        let address = u64::from_le_bytes(word);
        if address == 0 {
            break;
        }
        let text = text(base, address, limit)?;
        left = left.checked_sub(text.len() + WORD)?;
        found.push(text);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::install_handler;
    use crate::host;
    use crate::space::Reserved;

    const PAGE: u64 = 4096;
    const START: u64 = 0x10000;

    /// Guest memory of two pages.
    fn memory() -> Reserved {
        install_handler();
        let memory = Reserved::new().unwrap();
        let both = libc::PROT_READ | libc::PROT_WRITE;
        host::map_anonymous(memory.base + START, 2 * PAGE, both, false).unwrap();
        memory
    }

    #[test]
    fn copies_end_at_pages_that_refuse() {
        let memory = memory();
        let base = memory.base;
        let end = START + 2 * PAGE;
        let data: Vec<u8> = (1..=101).collect();
        assert_eq!(store(base, end - 101, &data), Some(()));
        assert_eq!(store(base, end - 100, &data), None);
        let mut held = vec![0; 100];
        assert_eq!(load(base, end - 100, &mut held), Some(()));
        assert_eq!(held, data[..100]);
        assert_eq!(load(base, end - 99, &mut held), None);
        assert_eq!(load(base, LIMIT - 50, &mut held), None);
        assert_eq!(load(base, u64::MAX - 50, &mut held), None);
        host::protect(base + START, PAGE, libc::PROT_READ).unwrap();
        assert_eq!(store(base, START + PAGE - 1, &data), None);
        assert_eq!(load(base, START + PAGE - 1, &mut held), Some(()));
    }

    #[test]
    fn texts_end_with_a_zero() {
        let memory = memory();
        let base = memory.base;
        let end = START + 2 * PAGE;
        store(base, end - 11, b"some words\0").unwrap();
        assert_eq!(text(base, end - 11, 100).unwrap(), b"some words");
        assert_eq!(text(base, end - 11, 11).unwrap(), b"some words");
        assert_eq!(text(base, end - 11, 10), None);
        assert_eq!(text(base, end - 1, 1).unwrap(), b"");
        store(base, end - 1, b"!").unwrap();
        assert_eq!(text(base, end - 11, 100), None);

        let addresses = [end - 11, end - 6, 0].map(u64::to_le_bytes).concat();
        store(base, end - 1, b"\0").unwrap();
        store(base, START + 4, &addresses).unwrap();
        let found = texts(base, START + 4, 100).unwrap();
        assert_eq!(found, [&b"some words"[..], b"words"]);
        assert_eq!(texts(base, START + 4, 5), None);
        assert_eq!(texts(base, START, 100), None);
    }
}
