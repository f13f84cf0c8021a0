//! Operations on lanes: shifts and narrowing.
#![forbid(unsafe_code)]

use super::lanes::Lane;
use super::shape::{Narrowing, Operation, operations};

/// The amount of a shift by an immediate: all lanes' second source.
#[inline(always)]
fn amount<L: Lane>(m: L) -> u32 {
    m.unsigned() as u32
}

/// Shift right by 1 to the size.
#[inline(always)]
fn shift_right<L: Lane>(n: L, amount: u32) -> L {
    n.shr(amount - 1).shr(1)
}

/// Shift right by 1 to the size and round to nearest, upwards from the middle. The sum of the
/// value and half a unit might not fit, so the last bit shifted out is added.
#[inline(always)]
fn shift_right_rounding<L: Lane>(n: L, amount: u32) -> L {
    let twice = n.shr(amount - 1);
    twice.shr(1).wrapping_add(twice & L::from_bits(1))
}

/// Shift left by less than the size; what does not fit becomes the nearest value.
#[inline(always)]
fn shift_left_saturating<L: Lane>(n: L, amount: u32, q: &mut bool) -> L {
    let shifted = n.shl(amount);
    if shifted.shr(amount) == n {
        return shifted;
    }
    *q = true;
    if n < L::ZERO { L::MIN } else { L::MAX }
}

/// Shift a signed value left by less than the size to an unsigned one.
#[inline(always)]
fn shift_left_unsigned<L: Lane>(n: L, amount: u32, q: &mut bool) -> L {
    let shifted = n.shl(amount);
    if n >= L::ZERO && shifted.shr_logical(amount) == n {
        return shifted;
    }
    *q = true;
    if n < L::ZERO { L::ZERO } else { !L::ZERO }
}

operations! {
    /// SHL.
    ShiftLeft(_, n, m, _) = n.shl(amount(m));
    /// SLI: the bits below are kept.
    ShiftLeftInsert(d, n, m, _) = n.shl(amount(m)) | d & !(!L::ZERO).shl(amount(m));
    /// SSHR, USHR.
    ShiftRight(_, n, m, _) = shift_right(n, amount(m));
    /// SRSHR, URSHR.
    ShiftRightRounding(_, n, m, _) = shift_right_rounding(n, amount(m));
    /// SRI, on unsigned lanes: the bits above are kept.
    ShiftRightInsert(d, n, m, _) =
        shift_right(n, amount(m)) | d & !shift_right(L::MAX, amount(m));
    /// SQSHL, UQSHL by an immediate.
    ShiftLeftSaturating(_, n, m, q) = shift_left_saturating(n, amount(m), q);
    /// SQSHLU.
    ShiftLeftUnsigned(_, n, m, q) = shift_left_unsigned(n, amount(m), q);
}

/// Shifts by a signed amount in the low byte of the second source: SSHL, USHL, with `ROUND` SRSHL,
/// with `SATURATE` SQSHL.
pub(crate) struct ShiftBy<const ROUND: bool, const SATURATE: bool>;

impl<const ROUND: bool, const SATURATE: bool> Operation for ShiftBy<ROUND, SATURATE> {
    #[inline(always)]
    fn apply<L: Lane>(_: L, n: L, m: L, q: &mut bool) -> L {
        let by = m.signed() as i8;
        let amount = u32::from(by.unsigned_abs());
        match (by < 0, amount < L::BITS) {
            (true, _) if !ROUND => shift_right(n, amount.min(L::BITS)),
            (true, _) if amount <= L::BITS => shift_right_rounding(n, amount),
            (false, true) if SATURATE => shift_left_saturating(n, amount, q),
            (false, true) => n.shl(amount),
            (false, false) if SATURATE => far_left_saturating(n, q),
            _ => L::ZERO,
        }
    }
}

/// Shift left by the size or more.
#[inline(always)]
fn far_left_saturating<L: Lane>(n: L, q: &mut bool) -> L {
    *q |= n != L::ZERO;
    match n.cmp(&L::ZERO) {
        std::cmp::Ordering::Less => L::MIN,
        std::cmp::Ordering::Equal => L::ZERO,
        std::cmp::Ordering::Greater => L::MAX,
    }
}

/// To the lower bits: SHRN and, without a shift, XTN.
pub(crate) const TRUNCATE: u8 = 0;
/// To the nearest value: SQSHRN, UQSHRN, and SQXTN, UQXTN.
pub(crate) const SATURATE: u8 = 1;
/// From signed to the nearest unsigned value: SQSHRUN, SQXTUN.
pub(crate) const TO_UNSIGNED: u8 = 2;

/// To smaller lanes.
#[inline(always)]
fn narrow<L: Lane, const TO: u8>(n: L::Wide, q: &mut bool) -> L {
    let clamped = match TO {
        SATURATE => n.clamp(L::MIN.widen(), L::MAX.widen()),
        TO_UNSIGNED => n.clamp(L::Wide::ZERO, (!L::Wide::ZERO).shr_logical(L::BITS)),
        _ => n,
    };
    *q |= clamped != n;
    L::truncate(clamped)
}

/// XTN, SQXTN, UQXTN, SQXTUN.
pub(crate) struct Extract<const TO: u8>;

impl<const TO: u8> Narrowing for Extract<TO> {
    #[inline(always)]
    fn apply<L: Lane>(n: L::Wide, _: L::Wide, q: &mut bool) -> L {
        narrow::<L, TO>(n, q)
    }
}

/// SHRN and, with `ROUND`, RSHRN; and their saturating forms.
pub(crate) struct ShiftRightNarrow<const TO: u8, const ROUND: bool>;

impl<const TO: u8, const ROUND: bool> Narrowing for ShiftRightNarrow<TO, ROUND> {
    #[inline(always)]
    fn apply<L: Lane>(n: L::Wide, m: L::Wide, q: &mut bool) -> L {
        let shifted = if ROUND {
            shift_right_rounding(n, amount(m))
        } else {
            shift_right(n, amount(m))
        };
        narrow::<L, TO>(shifted, q)
    }
}
