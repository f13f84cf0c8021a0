//! Guest memory as the arguments of calls name it.

use crate::access::Access;
use crate::code::GUEST_BITS;
use crate::cpu::Cpu;

/// The host address of `length` bytes of guest memory, for calls of the host's kernel, which checks
/// the pages' protection itself. None where the range is not all in the guest's reservation.
pub(super) fn range(cpu: &Cpu, address: u64, length: u64) -> Option<u64> {
    let end = address.checked_add(length)?;
    if end > 1 << GUEST_BITS {
        return None;
    }
    cpu.host(address)
}

/// Load a word; None if that is refused.
pub(super) fn load_u64(cpu: &Cpu, address: u64) -> Option<u64> {
    let host = range(cpu, address, 8)?;
    // SAFETY: in guest memory; a fault is caught.
    unsafe { u64::load(host as *const u8) }.ok()
}

/// Store a word; None if that is refused.
pub(super) fn store_u64(cpu: &Cpu, address: u64, value: u64) -> Option<()> {
    let host = range(cpu, address, 8)?;
    // SAFETY: in guest memory; a fault is caught.
    unsafe { u64::store(host as *mut u8, value) }.ok()
}

/// The bytes before a NUL; None if that is refused, or they do not fit in `held` with it.
pub(super) fn load_text<'a>(cpu: &Cpu, address: u64, held: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut length = 0;
    while length < held.len() {
        // Up to the next multiple of eight, so that no word lies on two pages.
        let skip = (address.checked_add(length as u64)? % 8) as usize;
        let word = load_u64(cpu, address + length as u64 - skip as u64)?.to_le_bytes();
        let bytes = &word[skip..];
        let used = bytes.iter().position(|&byte| byte == 0);
        let bytes = &bytes[..used.unwrap_or(bytes.len())];
        held.get_mut(length..length + bytes.len())?
            .copy_from_slice(bytes);
        length += bytes.len();
        if used.is_some() {
            return Some(&held[..length]);
        }
    }
    None
}
