//! What compiled code depends on beside the guest's instructions.

use std::sync::LazyLock;

use crate::compile;

/// Changed with the form of objects and profiles.
const FORM: u32 = 1;
const BUILD_BYTES: usize = 20;

/// Names this build of the engine, the host processor's features, the form of objects and whether the
/// code is confined; None if the linker left no build ID, so that code of another build could not be
/// told from this one's.
///
/// Compiled code has distances between functions of this library in it: only the very same library
/// may use it.
pub fn key(confined: bool) -> Option<String> {
    static KEY: LazyLock<Option<String>> = LazyLock::new(|| {
        let build = u128::from_be_bytes(*build_id()?.first_chunk()?);
        Some(format!(
            "{build:032x}-{:x}-{FORM:x}",
            compile::feature_bits()
        ))
    });
    let key = KEY.as_deref()?;
    Some(format!("{key}{}", if confined { "-confined" } else { "" }))
}

/// The note that the linker put into this library, from memory: the file may have been replaced.
fn build_id() -> Option<[u8; BUILD_BYTES]> {
    let mut found = None;
    let data = (&raw mut found).cast();
    // SAFETY: `visit` gets `found`, which outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), data) };
    found
}

unsafe extern "C" fn visit(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    data: *mut libc::c_void,
) -> libc::c_int {
    // SAFETY: the loader passes a valid description.
    let info = unsafe { &*info };
    let count = usize::from(info.dlpi_phnum);
    // SAFETY: as many program headers as it says.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, count) };
    let here = visit as *const () as u64;
    let ours = headers.iter().any(|header| {
        let start = info.dlpi_addr + header.p_vaddr;
        header.p_type == libc::PT_LOAD && (start..start + header.p_memsz).contains(&here)
    });
    if !ours {
        return 0;
    }
    for header in headers.iter().filter(|h| h.p_type == libc::PT_NOTE) {
        let start = (info.dlpi_addr + header.p_vaddr) as *const u8;
        // SAFETY: notes are loaded with the library, which is never unloaded.
        let notes = unsafe { std::slice::from_raw_parts(start, header.p_memsz as usize) };
        if let Some(id) = find_id(notes) {
            // SAFETY: `data` is what `build_id` passed.
            unsafe { *data.cast::<Option<[u8; BUILD_BYTES]>>() = Some(id) };
        }
    }
    1
}

/// `NT_GNU_BUILD_ID` among notes (elf(5): `Elf64_Nhdr`).
fn find_id(mut notes: &[u8]) -> Option<[u8; BUILD_BYTES]> {
    const NT_GNU_BUILD_ID: u32 = 3;
    let word = |from: &[u8], at: usize| -> Option<u32> {
        Some(u32::from_le_bytes(from.get(at..at + 4)?.try_into().ok()?))
    };
    loop {
        let name = word(notes, 0)? as usize;
        let length = word(notes, 4)? as usize;
        let kind = word(notes, 8)?;
        let start = 12 + name.next_multiple_of(4);
        let id = notes.get(start..start + length)?;
        if kind == NT_GNU_BUILD_ID && notes.get(12..16) == Some(b"GNU\0") {
            return id.try_into().ok();
        }
        notes = notes.get(start + length.next_multiple_of(4)..)?;
    }
}
