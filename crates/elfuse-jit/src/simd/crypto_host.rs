//! Cryptographic instructions by those of the host, where it has them.

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_aesdeclast_si128, _mm_aesenc_si128, _mm_aesenclast_si128,
    _mm_aesimc_si128, _mm_and_si128, _mm_clmulepi64_si128, _mm_crc32_u8, _mm_crc32_u16,
    _mm_crc32_u32, _mm_crc32_u64, _mm_load_si128, _mm_or_si128, _mm_set_epi32, _mm_set1_epi32,
    _mm_setzero_si128, _mm_sha1rnds4_epu32, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32,
    _mm_sha256rnds2_epu32, _mm_shuffle_epi32, _mm_slli_epi32, _mm_slli_si128, _mm_srli_epi32,
    _mm_srli_si128, _mm_store_si128, _mm_sub_epi32, _mm_unpackhi_epi64, _mm_unpacklo_epi64,
    _mm_xor_si128,
};

use super::crypto;
use super::lanes::{register, register_mut};
use crate::ir::{Args, ByNumber, ByValue, Helper};
use crate::state::State;

/// Order of lanes for [`_mm_shuffle_epi32`]: the last first.
const REVERSED: i32 = 0b00_01_10_11;

#[inline(always)]
fn load(state: &State, index: u8) -> __m128i {
    // SAFETY: a u128 has the size and alignment of an __m128i.
    unsafe { _mm_load_si128(std::ptr::from_ref(register(state, index)).cast()) }
}

#[inline(always)]
fn store(state: &mut State, index: u8, value: __m128i) {
    // SAFETY: as in `load`.
    unsafe { _mm_store_si128(std::ptr::from_mut(register_mut(state, index)).cast(), value) }
}

/// An operation on the three registers of an instruction.
pub(crate) struct Operation {
    pub(crate) helper: Helper,
    /// By the host's instructions.
    pub(crate) by_value: Option<ByValue>,
}

/// Makes functions that choose an operation: one that computes the new value of the destination by
/// the host's instructions, or else the portable one.
macro_rules! operations {
    ($($(#[$meta:meta])* $name:ident: $feature:tt, $portable:path,
        |$d:pat_param, $n:pat_param, $m:pat_param| $result:expr;)*) => {
        $(
            $(#[$meta])*
            pub(crate) fn $name() -> Operation {
                #[allow(improper_ctypes_definitions, reason = "as of `ByValue`")]
                #[target_feature(enable = $feature)]
                extern "sysv64" fn by_value($d: __m128i, $n: __m128i, $m: __m128i) -> __m128i {
                    $result
                }
                #[target_feature(enable = $feature)]
                fn by_host(state: &mut State, args: Args) {
                    let (d, n, m) = (load(state, args.d), load(state, args.n), load(state, args.m));
                    store(state, args.d, by_value(d, n, m));
                }
                if is_x86_feature_detected!($feature) {
                    Operation {
                        // SAFETY: the host has what the function uses.
                        helper: |state, args| unsafe { by_host(state, args) },
                        by_value: Some(by_value),
                    }
                } else {
                    Operation { helper: $portable, by_value: None }
                }
            }
        )*

        /// The operation of a mnemonic by value, if the host has instructions for it.
        pub(crate) fn by_value(mnemonic: &str) -> Option<ByValue> {
            match mnemonic {
                $(stringify!($name) => $name().by_value,)*
                _ => None,
            }
        }
    };
}

operations! {
    /// AESE.
    aese: "aes", crypto::aese, |d, n, _| {
        _mm_aesenclast_si128(_mm_xor_si128(d, n), _mm_setzero_si128())
    };
    /// AESD.
    aesd: "aes", crypto::aesd, |d, n, _| {
        _mm_aesdeclast_si128(_mm_xor_si128(d, n), _mm_setzero_si128())
    };
    /// AESMC: a round of encryption after the last of decryption, which undoes all but the mixing.
    aesmc: "aes", crypto::aesmc, |_, n, _| {
        let zero = _mm_setzero_si128();
        _mm_aesenc_si128(_mm_aesdeclast_si128(n, zero), zero)
    };
    /// AESIMC.
    aesimc: "aes", crypto::aesimc, |_, n, _| _mm_aesimc_si128(n);
    /// PMULL of 64 bits.
    pmull: "pclmulqdq", crypto::pmull::<false>, |_, n, m| _mm_clmulepi64_si128::<0x00>(n, m);
    /// PMULL2 of 64 bits.
    pmull2: "pclmulqdq", crypto::pmull::<true>, |_, n, m| _mm_clmulepi64_si128::<0x11>(n, m);
    /// SHA1C.
    sha1c: "sha", crypto::sha1c, |d, n, m| {
        reversed(_mm_sha1rnds4_epu32::<0>(reversed(d), sha1_words(n, m, 0x5A82_7999)))
    };
    /// SHA1H.
    sha1h: "sse2", crypto::sha1h, |_, n, _| {
        _mm_and_si128(rotated::<30, 2>(n), _mm_set_epi32(0, 0, 0, -1))
    };
    /// SHA1SU0.
    sha1su0: "sse2", crypto::sha1su0, |d, n, m| {
        let middle = _mm_or_si128(_mm_slli_si128::<8>(n), _mm_srli_si128::<8>(d));
        _mm_xor_si128(_mm_xor_si128(middle, d), m)
    };
    /// SHA1SU1.
    sha1su1: "sse2", crypto::sha1su1, |d, n, _| {
        let sum = _mm_xor_si128(d, _mm_srli_si128::<4>(n));
        let last = _mm_slli_si128::<12>(rotated::<2, 30>(sum));
        _mm_xor_si128(rotated::<1, 31>(sum), last)
    };
    /// SHA1P.
    sha1p: "sha", crypto::sha1p, |d, n, m| {
        reversed(_mm_sha1rnds4_epu32::<1>(reversed(d), sha1_words(n, m, 0x6ED9_EBA1)))
    };
    /// SHA1M.
    sha1m: "sha", crypto::sha1m, |d, n, m| {
        reversed(_mm_sha1rnds4_epu32::<2>(reversed(d), sha1_words(n, m, 0x8F1B_BCDC)))
    };
    /// SHA256H.
    sha256h: "sha", crypto::sha256h, |d, n, m| {
        let (low, high) = sha256_rounds(d, n, m);
        _mm_unpacklo_epi64(low, high)
    };
    /// SHA256H2.
    sha256h2: "sha", crypto::sha256h2, |d, n, m| {
        let (low, high) = sha256_rounds(n, d, m);
        _mm_unpackhi_epi64(low, high)
    };
    /// SHA256SU0.
    sha256su0: "sha", crypto::sha256su0, |d, n, _| _mm_sha256msg1_epu32(d, n);
    /// SHA256SU1.
    sha256su1: "sha", crypto::sha256su1, |d, n, m| {
        let earlier = _mm_or_si128(_mm_srli_si128::<4>(n), _mm_slli_si128::<12>(m));
        _mm_sha256msg2_epu32(_mm_add_epi32(d, earlier), m)
    };
}

/// Lanes rotated left by `LEFT`, which is 32 less `RIGHT`.
#[inline]
#[target_feature(enable = "sse2")]
fn rotated<const LEFT: i32, const RIGHT: i32>(lanes: __m128i) -> __m128i {
    _mm_or_si128(
        _mm_slli_epi32::<LEFT>(lanes),
        _mm_srli_epi32::<RIGHT>(lanes),
    )
}

/// CRC32CB, CRC32CH, CRC32CW, CRC32CX by the host's instruction, for so many bytes.
pub(crate) fn crc32c(bytes: u32) -> Option<ByNumber> {
    #[target_feature(enable = "sse4.2")]
    extern "sysv64" fn of_byte(value: u64, data: u64) -> u64 {
        _mm_crc32_u8(value as u32, data as u8).into()
    }
    #[target_feature(enable = "sse4.2")]
    extern "sysv64" fn of_half(value: u64, data: u64) -> u64 {
        _mm_crc32_u16(value as u32, data as u16).into()
    }
    #[target_feature(enable = "sse4.2")]
    extern "sysv64" fn of_word(value: u64, data: u64) -> u64 {
        _mm_crc32_u32(value as u32, data as u32).into()
    }
    #[target_feature(enable = "sse4.2")]
    extern "sysv64" fn of_long(value: u64, data: u64) -> u64 {
        _mm_crc32_u64(value, data)
    }
    is_x86_feature_detected!("sse4.2").then_some(match bytes {
        1 => of_byte,
        2 => of_half,
        4 => of_word,
        _ => of_long as ByNumber,
    })
}

#[inline]
#[target_feature(enable = "sse2")]
fn reversed(lanes: __m128i) -> __m128i {
    _mm_shuffle_epi32::<REVERSED>(lanes)
}

/// The words of four rounds, which have the `constant` added here but not on the host, and `e`,
/// which the host wants added to the first.
#[inline]
#[target_feature(enable = "sse2")]
fn sha1_words(e: __m128i, words: __m128i, constant: u32) -> __m128i {
    let words = _mm_sub_epi32(reversed(words), _mm_set1_epi32(constant as i32));
    _mm_add_epi32(words, _mm_slli_si128::<12>(e))
}

/// Four rounds on a to d and e to h: a, b, e, f and c, d, g, h. The host keeps those in reverse.
#[inline]
#[target_feature(enable = "sha")]
fn sha256_rounds(low: __m128i, high: __m128i, words: __m128i) -> (__m128i, __m128i) {
    let abef = reversed(_mm_unpacklo_epi64(low, high));
    let cdgh = reversed(_mm_unpackhi_epi64(low, high));
    let half = _mm_sha256rnds2_epu32(cdgh, abef, words);
    let full = _mm_sha256rnds2_epu32(abef, half, _mm_srli_si128::<8>(words));
    (reversed(full), reversed(half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_agree_with_portable_code() {
        let pairs: [(Helper, Helper); 16] = [
            (aese().helper, crypto::aese),
            (aesd().helper, crypto::aesd),
            (aesmc().helper, crypto::aesmc),
            (aesimc().helper, crypto::aesimc),
            (pmull().helper, crypto::pmull::<false>),
            (pmull2().helper, crypto::pmull::<true>),
            (sha1c().helper, crypto::sha1c),
            (sha1p().helper, crypto::sha1p),
            (sha1m().helper, crypto::sha1m),
            (sha256h().helper, crypto::sha256h),
            (sha256h2().helper, crypto::sha256h2),
            (sha256su0().helper, crypto::sha256su0),
            (sha256su1().helper, crypto::sha256su1),
            (sha1h().helper, crypto::sha1h),
            (sha1su0().helper, crypto::sha1su0),
            (sha1su1().helper, crypto::sha1su1),
        ];
        let mut state = State::new();
        let args = Args {
            d: 0,
            n: 1,
            m: 2,
            ..Args::default()
        };
        let mut random = 1u128;
        for round in 0..1600 {
            for v in &mut state.v[..3] {
                random = random.wrapping_mul(0xDA94_2042_E4DD_58B5).wrapping_add(1) ^ random >> 61;
                *v = random;
            }
            let (host, portable) = pairs[round % 16];
            let mut other = state.clone();
            host(&mut state, args);
            portable(&mut other, args);
            assert!(state == other, "pair {}", round % 16);
        }
    }
}
