//! Vector registers seen as arrays of lanes.
//!
//! The compiler turns loops over such arrays into the host's vector instructions. It does not when
//! lanes are taken out of a `u128` by value, which it keeps in two general registers: hence the
//! pointer casts of this file.

#[cfg(not(target_endian = "little"))]
compile_error!("lane 0 is expected at the lowest address");

/// Integers that may stand for a part of a vector register.
///
/// # Safety
///
/// Every bit pattern is a value, there is no padding, and the alignment is at most 16.
pub(crate) unsafe trait Plain: Copy {}

macro_rules! plain {
    ($($type:ty)*) => { $(
        // SAFETY: primitive integers are so.
        unsafe impl Plain for $type {}
    )* };
}

// SAFETY: elements of arrays are adjacent.
unsafe impl<L: Plain, const N: usize> Plain for [L; N] {}

plain! { u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 }

/// The first `N` lanes.
#[inline(always)]
pub(super) fn lanes<L: Plain, const N: usize>(vector: &u128) -> &[L; N] {
    const { assert!(N * size_of::<L>() <= 16) }
    // SAFETY: the lanes lie inside the vector, which is aligned at least as they are, and any bits
    // are lanes.
    unsafe { &*std::ptr::from_ref(vector).cast() }
}

/// The first `N` lanes, to be written.
#[inline(always)]
pub(super) fn lanes_mut<L: Plain, const N: usize>(vector: &mut u128) -> &mut [L; N] {
    const { assert!(N * size_of::<L>() <= 16) }
    // SAFETY: as in `lanes`; and any lanes are a vector.
    unsafe { &mut *std::ptr::from_mut(vector).cast() }
}
