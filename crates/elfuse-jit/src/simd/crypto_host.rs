//! Cryptographic instructions by those of the host, where it has them.

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_aesdeclast_si128, _mm_aesenc_si128, _mm_aesenclast_si128,
    _mm_aesimc_si128, _mm_clmulepi64_si128, _mm_load_si128, _mm_or_si128, _mm_set1_epi32,
    _mm_setzero_si128, _mm_sha1rnds4_epu32, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32,
    _mm_sha256rnds2_epu32, _mm_shuffle_epi32, _mm_slli_si128, _mm_srli_si128, _mm_store_si128,
    _mm_sub_epi32, _mm_unpackhi_epi64, _mm_unpacklo_epi64, _mm_xor_si128,
};

use super::crypto;
use super::lanes::{register, register_mut};
use crate::ir::{Args, Helper};
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

/// Makes functions that choose a helper: one that computes the new value of the destination from
/// the three registers by the host's instructions, or else the portable one.
macro_rules! helpers {
    ($($(#[$meta:meta])* $name:ident: $feature:tt, $portable:path,
        |$d:pat_param, $n:pat_param, $m:pat_param| $result:expr;)*) => { $(
        $(#[$meta])*
        pub(crate) fn $name() -> Helper {
            #[target_feature(enable = $feature)]
            fn by_host(state: &mut State, args: Args) {
                let $d = load(state, args.d);
                let $n = load(state, args.n);
                let $m = load(state, args.m);
                store(state, args.d, $result);
            }
            if is_x86_feature_detected!($feature) {
                // SAFETY: the host has what the function uses.
                |state, args| unsafe { by_host(state, args) }
            } else {
                $portable
            }
        }
    )* };
}

helpers! {
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
        let pairs: [(Helper, Helper); 13] = [
            (aese(), crypto::aese),
            (aesd(), crypto::aesd),
            (aesmc(), crypto::aesmc),
            (aesimc(), crypto::aesimc),
            (pmull(), crypto::pmull::<false>),
            (pmull2(), crypto::pmull::<true>),
            (sha1c(), crypto::sha1c),
            (sha1p(), crypto::sha1p),
            (sha1m(), crypto::sha1m),
            (sha256h(), crypto::sha256h),
            (sha256h2(), crypto::sha256h2),
            (sha256su0(), crypto::sha256su0),
            (sha256su1(), crypto::sha256su1),
        ];
        let mut state = State::new();
        let args = Args {
            d: 0,
            n: 1,
            m: 2,
            ..Args::default()
        };
        let mut random = 1u128;
        for round in 0..1300 {
            for v in &mut state.v[..3] {
                random = random.wrapping_mul(0xDA94_2042_E4DD_58B5).wrapping_add(1) ^ random >> 61;
                *v = random;
            }
            let (host, portable) = pairs[round % 13];
            let mut other = state.clone();
            host(&mut state, args);
            portable(&mut other, args);
            assert!(state == other, "pair {}", round % 13);
        }
    }
}
