//! Guest memory as the arguments of calls name it.

use crate::access::Access;
use crate::code::GUEST_BITS;
use crate::copies;
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

/// The bytes before a NUL; None if that is refused, or there are `limit` or more.
pub(super) fn load_text(cpu: &Cpu, address: u64, limit: usize) -> Option<Vec<u8>> {
    copies::text(cpu.code.memory, address, limit)
}
