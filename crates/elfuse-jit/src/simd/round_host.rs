//! FRINTN, FRINTP, FRINTM, FRINTZ and, in the default mode, FRINTI by the host's instruction.
//!
//! With one operand and FPCR 0 the two treat NaNs alike. The host would not report inexact results,
//! as Arm does not: bit 3 of its operand.

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::{
    __m128i, _mm_castpd_si128, _mm_castps_si128, _mm_castsi128_pd, _mm_castsi128_ps,
    _mm_move_epi64, _mm_round_pd, _mm_round_ps, _mm_round_sd, _mm_round_ss, _mm_setzero_pd,
    _mm_setzero_ps,
};

use crate::ir::{ByValue, Extent, Lane};

/// Makes the functions for one mode of the host's instruction.
macro_rules! mode {
    ($mode:literal, $lane:expr, $extent:expr) => {{
        #[allow(improper_ctypes_definitions, reason = "as of `ByValue`")]
        #[target_feature(enable = "sse4.1")]
        extern "sysv64" fn single(_: __m128i, n: __m128i, _: __m128i) -> __m128i {
            let value = _mm_round_ss::<$mode>(_mm_setzero_ps(), _mm_castsi128_ps(n));
            _mm_castps_si128(value)
        }
        #[allow(improper_ctypes_definitions, reason = "as of `ByValue`")]
        #[target_feature(enable = "sse4.1")]
        extern "sysv64" fn double(_: __m128i, n: __m128i, _: __m128i) -> __m128i {
            let value = _mm_round_sd::<$mode>(_mm_setzero_pd(), _mm_castsi128_pd(n));
            _mm_castpd_si128(value)
        }
        #[allow(improper_ctypes_definitions, reason = "as of `ByValue`")]
        #[target_feature(enable = "sse4.1")]
        extern "sysv64" fn half(_: __m128i, n: __m128i, _: __m128i) -> __m128i {
            let n = _mm_castsi128_ps(_mm_move_epi64(n));
            _mm_castps_si128(_mm_round_ps::<$mode>(n))
        }
        #[allow(improper_ctypes_definitions, reason = "as of `ByValue`")]
        #[target_feature(enable = "sse4.1")]
        extern "sysv64" fn singles(_: __m128i, n: __m128i, _: __m128i) -> __m128i {
            _mm_castps_si128(_mm_round_ps::<$mode>(_mm_castsi128_ps(n)))
        }
        #[allow(improper_ctypes_definitions, reason = "as of `ByValue`")]
        #[target_feature(enable = "sse4.1")]
        extern "sysv64" fn doubles(_: __m128i, n: __m128i, _: __m128i) -> __m128i {
            _mm_castpd_si128(_mm_round_pd::<$mode>(_mm_castsi128_pd(n)))
        }
        match ($lane, $extent) {
            (Lane::D, Extent::First) => double,
            (Lane::D, _) => doubles,
            (_, Extent::First) => single,
            (_, Extent::Half) => half,
            (_, Extent::Full) => singles as ByValue,
        }
    }};
}

/// The function of a mnemonic, if the host has its instruction.
pub(crate) fn by_value(mnemonic: &str, lane: Lane, extent: Extent) -> Option<ByValue> {
    if !is_x86_feature_detected!("sse4.1") {
        return None;
    }
    Some(match mnemonic {
        "frintn" | "frinti" => mode!(8, lane, extent),
        "frintm" => mode!(9, lane, extent),
        "frintp" => mode!(10, lane, extent),
        "frintz" => mode!(11, lane, extent),
        _ => return None,
    })
}
