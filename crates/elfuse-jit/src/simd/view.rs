//! Vector registers seen as arrays of lanes.
//!
//! The compiler turns loops over such arrays into the host's vector instructions as long as they
//! stay in memory. What is passed by value and not larger than two general registers, a `u128` or
//! an array, is kept in those, and lanes are shifted out of them and together again. Hence the
//! pointer casts of this file and results that are built behind a reference.

#[cfg(not(target_endian = "little"))]
compile_error!("lane 0 is expected at the lowest address");

/// Types that may stand for a vector register or a part of one.
///
/// # Safety
///
/// Every bit pattern is a value, and there is no padding.
pub(crate) unsafe trait Plain: Copy {}

macro_rules! plain {
    ($($type:ty)*) => { $(
        // SAFETY: primitive integers are so.
        unsafe impl Plain for $type {}
    )* };
}

plain! { u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 }

// SAFETY: elements of arrays are adjacent.
unsafe impl<L: Plain, const N: usize> Plain for [L; N] {}

/// A register's value outside of the state.
#[repr(C, align(16))]
#[derive(Clone, Copy)]
pub(super) struct Vector([u8; 16]);

// SAFETY: the alignment adds no padding to 16 bytes.
unsafe impl Plain for Vector {}

impl Vector {
    /// All bits clear.
    pub(super) const ZERO: Self = Self([0; 16]);
}

/// The first `N` lanes.
#[inline(always)]
pub(super) fn lanes<L: Plain, V: Plain, const N: usize>(vector: &V) -> &[L; N] {
    assert!(size_of::<[L; N]>() <= size_of::<V>() && align_of::<L>() <= align_of::<V>());
    // SAFETY: the lanes lie inside the vector, which is aligned at least as they are, and any bits
    // are lanes.
    unsafe { &*std::ptr::from_ref(vector).cast() }
}

/// The first `N` lanes, to be written.
#[inline(always)]
pub(super) fn lanes_mut<L: Plain, V: Plain, const N: usize>(vector: &mut V) -> &mut [L; N] {
    assert!(size_of::<[L; N]>() <= size_of::<V>() && align_of::<L>() <= align_of::<V>());
    // SAFETY: as in `lanes`; and any lanes are a vector.
    unsafe { &mut *std::ptr::from_mut(vector).cast() }
}
