//! The exact functions against the host's instructions, in every rounding mode, with flags; the fast
//! ones against the exact ones; and results that the architecture prescribes.

use std::arch::asm;

use super::format::{DZC, IDC, IOC, IXC, OFC, UFC};
use super::*;

const AHP: u32 = 1 << 26;
const DN: u32 = 1 << 25;
const FZ: u32 = 1 << 24;
const FZ16: u32 = 1 << 19;
/// Alternative half precision: changes nothing in other sizes, but keeps the host's instructions out.
const EXACT: u32 = AHP;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Any bits, or a number with few bits set or clear, at the ends of the range, near an integer
    /// type's limit, or special.
    fn float<F: Format>(&mut self) -> F {
        let (kind, bits) = (self.next() % 8, self.next());
        let (sign, fraction) = (bits >> 63 != 0, bits & F::FRACTION_ONES);
        let (bias, top) = (F::BIAS as u64, F::EXPONENT_ONES);
        let few = [bits >> 60 & 3, F::FRACTION_ONES - (bits >> 60 & 3)][(bits >> 59 & 1) as usize];
        let (exponent, fraction) = match kind {
            0 => return F::from_u64(bits),
            1 => [
                (0, 0),
                (0, 1),
                (0, F::FRACTION_ONES),
                (1, 0),
                (top - 1, F::FRACTION_ONES),
                (top, 0),
                (top, fraction),
            ][(bits >> 55) as usize % 7],
            2 => (0, fraction),
            3 => (bias - 2 + (bits >> 56 & 3), few),
            4 => (1 + (bits >> 56) % u64::from(F::FRACTION), fraction),
            5 => (top - 1 - (bits >> 56) % u64::from(F::FRACTION), fraction),
            6 => (bias - 2 + (bits >> 56) % 68, few),
            _ => (bias - 24 + (bits >> 56) % 48, fraction),
        };
        F::pack(sign, exponent, fraction)
    }
}

/// The result of a host instruction in a rounding mode of MXCSR, and FPSR's flags for what it raised.
fn on_host<T>(control: u32, operation: impl FnOnce() -> T) -> (T, u32) {
    let mut value = 0x1f80 | control << 13;
    // SAFETY: a valid MXCSR, put back below.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack)) };
    let result = operation();
    // SAFETY: `value` is writable.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack)) };
    let raised = value & 0x3f;
    value = 0x1f80;
    // SAFETY: the state programs start in.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack)) };
    (result, raised & 1 | raised >> 1 & 0x1e)
}

/// The result of one of our functions and the flags it raised.
fn ours<T>(fpcr: u32, operation: impl FnOnce(&mut Env) -> T) -> (T, u32) {
    let mut env = Env { fpcr, fpsr: 0 };
    (operation(&mut env), env.fpsr)
}

fn is_nan<F: Format>(a: F) -> bool {
    a.exponent() == F::EXPONENT_ONES && a.fraction() != 0
}

/// Which NaN results is Arm's choice; what underflows is too where rounding gives the least normal
/// number.
fn check<F: Format>(name: &str, operands: &[u64], ours: (F, u32), theirs: (F, u32)) {
    let same = ours.0 == theirs.0 || is_nan(ours.0) && is_nan(theirs.0);
    let apart = if abs(ours.0) == F::pack(false, 1, 0) {
        UFC
    } else {
        0
    };
    assert!(
        same && (ours.1 ^ theirs.1) & !apart == 0,
        "{name} {operands:x?}: ours {ours:x?}, host's {theirs:x?}"
    );
}

macro_rules! instruction {
    ($float:ty, $text:expr, $a:expr, $b:expr) => {{
        let mut result = <$float>::from_bits($a);
        // SAFETY: registers only; every host that runs tests has the instruction.
        unsafe {
            asm!($text, inout(xmm_reg) result, in(xmm_reg) <$float>::from_bits($b),
                 options(nostack));
        }
        result.to_bits()
    }};
}

/// `RMode` of FPCR, rounding control of MXCSR.
const MODES: [(u32, u32); 4] = [(0, 0), (1, 2), (2, 1), (3, 3)];
const ROUNDS: usize = 60_000;

macro_rules! agrees_with_the_host {
    ($test:ident, $format:ty, $float:ty, $s:literal) => {
        #[test]
        fn $test() {
            let mut random = Random(0x9E37_79B9_7F4A_7C15);
            for (mode, control) in MODES {
                let fpcr = EXACT | mode << 22;
                for _ in 0..ROUNDS {
                    let (a, b, c): ($format, $format, $format) =
                        (random.float(), random.float(), random.float());
                    let operands = [a.to_u64(), b.to_u64(), c.to_u64()];
                    macro_rules! same {
                        ($name:literal, $operation:expr, $x:expr, $y:expr) => {{
                            let theirs = on_host(control, || {
                                instruction!($float, concat!($name, $s, " {0}, {1}"), $x, $y)
                            });
                            check($name, &operands, ours(fpcr, $operation), theirs);
                        }};
                    }
                    same!("add", |env| add(a, b, env), a, b);
                    same!("sub", |env| sub(a, b, env), a, b);
                    same!("mul", |env| mul(a, b, env), a, b);
                    same!("div", |env| div(a, b, env), a, b);
                    same!("sqrt", |env| sqrt(a, env), a, a);
                    if is_x86_feature_detected!("fma") {
                        let theirs = on_host(control, || {
                            let mut result = <$float>::from_bits(c);
                            // SAFETY: registers only; the host has the instruction.
                            unsafe {
                                asm!(concat!("vfmadd231", $s, " {0}, {1}, {2}"),
                                     inout(xmm_reg) result, in(xmm_reg) <$float>::from_bits(a),
                                     in(xmm_reg) <$float>::from_bits(b), options(nostack));
                            }
                            result.to_bits()
                        });
                        // Infinity times zero plus a quiet NaN is invalid for Arm only.
                        if !is_nan(c) {
                            check("fma", &operands, ours(fpcr, |env| mul_add(c, a, b, env)), theirs);
                        }
                    }
                }
            }
        }
    };
}
agrees_with_the_host!(single_precision_agrees_with_the_host, u32, f32, "ss");
agrees_with_the_host!(double_precision_agrees_with_the_host, u64, f64, "sd");

#[test]
fn conversions_agree_with_the_host() {
    let mut random = Random(0x0123_4567_89AB_CDEF);
    for (mode, control) in MODES {
        let fpcr = EXACT | mode << 22;
        let rounding = Rounding::of(&Env { fpcr, fpsr: 0 });
        for _ in 0..ROUNDS {
            let (a, b): (u64, u32) = (random.float(), random.float());
            let narrow = on_host(control, || {
                instruction!(f64, "cvtsd2ss {0}, {1}", 0, a) as u32
            });
            let convert_a = ours(fpcr, |env| convert(a, rounding, env));
            check("narrow", &[a], convert_a, narrow);
            let wide = on_host(control, || {
                instruction!(f64, "cvtss2sd {0}, {1}", 0, u64::from(b))
            });
            let convert_b = ours(fpcr, |env| convert(b, rounding, env));
            check("widen", &[b.into()], convert_b, wide);
            let integral = on_host(control, || instruction!(f64, "roundsd {0}, {1}, 4", 0, a));
            let round_a = ours(fpcr, |env| round_int(a, rounding, true, env));
            check("round", &[a], round_a, integral);
            let (integer, raised) = on_host(control, || {
                let result: i64;
                // SAFETY: registers only.
                unsafe {
                    asm!("cvtsd2si {0}, {1}", out(reg) result, in(xmm_reg) f64::from_bits(a),
                         options(nostack));
                }
                result
            });
            let (value, flags) = ours(fpcr, |env| to_fixed(a, 0, false, rounding, 64, env));
            assert_eq!(flags, raised, "to an integer {a:x}");
            assert!(flags & IOC != 0 || value as i64 == integer, "{a:x}");
            let from = on_host(control, || {
                let mut result = 0f32;
                // SAFETY: registers only.
                unsafe {
                    asm!("cvtsi2ss {0}, {1}", inout(xmm_reg) result, in(reg) a, options(nostack));
                }
                result.to_bits()
            });
            let from_a = ours(fpcr, |env| from_fixed(a, 0, false, 64, rounding, env));
            check("from an integer", &[a], from_a, from);
        }
    }
}

const ROUNDINGS: [Rounding; 6] = [
    Rounding::TieEven,
    Rounding::PlusInf,
    Rounding::MinusInf,
    Rounding::Zero,
    Rounding::TieAway,
    Rounding::Odd,
];

/// That an operation gives the same by the host's instructions, with their flags.
fn same<T: PartialEq + std::fmt::Debug>(operands: &[u64], operation: impl Fn(&mut Env) -> T) {
    let exact = ours(EXACT, &operation);
    host::enter();
    let (result, raised) = ours(0, &operation);
    let fast = (result, raised | host::take_flags());
    host::leave();
    assert_eq!(fast, exact, "{operands:x?}");
}

fn fast_paths_agree<F: Format>() {
    let mut random = Random(0x1234_5678_9ABC_DEF1);
    for i in 0..ROUNDS {
        let (a, b, c): (F, F, F) = (random.float(), random.float(), random.float());
        let operands = [a.to_u64(), b.to_u64(), c.to_u64()];
        for operation in [add, sub, mul, div, max, min, max_num, min_num] {
            same(&operands, |env| operation(a, b, env));
        }
        same(&operands, |env| sqrt(a, env));
        same(&operands, |env| mul_add(c, a, b, env));
        same(&operands, |env| compare(a, b, false, env));
        same(&operands, |env| compare_ge(a, b, env));
        same(&operands, |env| {
            convert::<F, u32>(a, Rounding::TieEven, env)
        });
        same(&operands, |env| {
            convert::<F, u64>(a, Rounding::TieEven, env)
        });
        let rounding = ROUNDINGS[i % 5];
        let (exact, unsigned) = (i & 8 != 0, i & 16 != 0);
        same(&operands, |env| round_int(a, rounding, exact, env));
        let integer = c.to_u64() >> (b.to_u64() & 63);
        for bits in [32, 64] {
            same(&operands, |env| {
                to_fixed(a, 0, unsigned, rounding, bits, env)
            });
            same(&operands, |env| {
                from_fixed::<F>(integer, 0, unsigned, bits, rounding, env)
            });
        }
    }
}

#[test]
fn fast_single_precision_agrees_with_exact() {
    fast_paths_agree::<u32>();
}

#[test]
fn fast_double_precision_agrees_with_exact() {
    fast_paths_agree::<u64>();
}

/// Next to the limits of integer types, where a result fits or not depending on the rounding.
#[test]
fn conversions_to_integers_know_the_limits() {
    for exponent in [30, 31, 32, 62, 63, 64] {
        let limit = f64::from_bits((1023 + exponent) << 52).to_bits();
        for value in (limit - 3..=limit + 3).chain([limit - (1 << 21), limit - (1 << 22)]) {
            for a in [value, neg(value)] {
                for rounding in &ROUNDINGS[..5] {
                    for (unsigned, bits) in [(false, 32), (true, 32), (false, 64), (true, 64)] {
                        same(&[a], |env| to_fixed(a, 0, unsigned, *rounding, bits, env));
                    }
                }
            }
        }
    }
}

#[test]
fn the_host_keeps_its_modes() {
    const FLUSHING: u32 = 0x9fc0;
    let mut value = FLUSHING;
    // SAFETY: a valid MXCSR, put back below.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack)) };
    host::enter();
    let quotient = ours(0, |env| div(1f64.to_bits(), 3f64.to_bits(), env));
    let raised = host::take_flags();
    let again = host::take_flags();
    host::leave();
    // SAFETY: `value` is writable.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack)) };
    let left = value;
    value = 0x1f80;
    // SAFETY: the state programs start in.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack)) };
    assert_eq!(quotient, (0x3fd5_5555_5555_5555, 0));
    assert_eq!((raised, again), (IXC, 0));
    assert_eq!(left, FLUSHING);
}

#[test]
fn nans_come_from_the_first_signalling_operand() {
    const QUIET: u32 = 0x7fc0_0001;
    const SIGNALLING: u32 = 0xff80_0002;
    const INFINITY: u32 = 0x7f80_0000;
    assert_eq!(
        ours(0, |env| add(QUIET, SIGNALLING, env)),
        (0xffc0_0002, IOC)
    );
    assert_eq!(ours(0, |env| add(QUIET, 0xffc0_0009, env)), (QUIET, 0));
    assert_eq!(ours(DN, |env| add(QUIET, 0, env)), (0x7fc0_0000, 0));
    assert_eq!(ours(0, |env| max_num(QUIET, 5, env)), (5, 0));
    assert_eq!(
        ours(0, |env| max_num(QUIET, SIGNALLING, env)),
        (0xffc0_0002, IOC)
    );
    // Infinity times zero is invalid even if a quiet NaN is added, but not if a signalling one is.
    assert_eq!(
        ours(0, |env| mul_add(0xffc0_0009, INFINITY, 0, env)),
        (0x7fc0_0000, IOC)
    );
    assert_eq!(
        ours(0, |env| mul_add(SIGNALLING, INFINITY, 0, env)),
        (0xffc0_0002, IOC)
    );
    // The steps negate the first operand, also if it is a NaN.
    assert_eq!(ours(0, |env| recip_step(QUIET, 0, env)), (0xffc0_0001, 0));
    assert_eq!(
        ours(0, |env| recip_step(INFINITY, 0, env)),
        (2f32.to_bits(), 0)
    );
    assert_eq!(
        ours(0, |env| rsqrt_step(INFINITY, 0, env)),
        (1.5f32.to_bits(), 0)
    );
    assert_eq!(
        ours(0, |env| mulx(0xff80_0000, 0, env)),
        ((-2f32).to_bits(), 0)
    );
}

#[test]
fn what_is_tiny_is_flushed_before_rounding() {
    const LEAST: u32 = 0x0080_0000;
    const BELOW_ONE: u32 = 0x3f7f_ffff;
    // Rounds to the least normal number: underflows all the same.
    assert_eq!(ours(0, |env| mul(LEAST, BELOW_ONE, env)).0, LEAST);
    assert_eq!(
        ours(EXACT, |env| mul(LEAST, BELOW_ONE, env)),
        (LEAST, UFC | IXC)
    );
    assert_eq!(ours(FZ, |env| mul(LEAST, BELOW_ONE, env)), (0, UFC));
    assert_eq!(ours(FZ, |env| add(1u32, 0x8000_0001, env)), (0, IDC));
    assert_eq!(
        ours(FZ, |env| div(LEAST, 1u32, env)),
        (0x7f80_0000, IDC | DZC)
    );
    // FZ is not for half precision and FZ16 only for that, which does not report its operands.
    assert_eq!(ours(FZ, |env| add(1u16, 0, env)), (1, 0));
    assert_eq!(ours(FZ16, |env| add(1u16, 0, env)), (0, 0));
    assert_eq!(ours(FZ16, |env| mul(0x0400u16, 0x3800, env)), (0, UFC));
    assert_eq!(ours(FZ16, |env| add(1u32, 0, env)), (1, 0));
    // Conversions heed neither in half precision.
    let widen = |env: &mut Env| convert::<u16, u32>(1, Rounding::TieEven, env);
    assert_eq!(ours(FZ | FZ16, widen), (0x3380_0000, 0));
    let narrow = |env: &mut Env| convert::<u32, u16>(0x3380_0000, Rounding::TieEven, env);
    assert_eq!(ours(FZ | FZ16, narrow), (1, 0));
}

#[test]
fn half_precision_has_an_alternative_without_infinity() {
    let narrow =
        |a: f32| move |env: &mut Env| convert::<u32, u16>(a.to_bits(), Rounding::TieEven, env);
    assert_eq!(ours(0, narrow(65504.0)), (0x7bff, 0));
    assert_eq!(ours(0, narrow(65520.0)), (0x7c00, OFC | IXC));
    assert_eq!(ours(0, narrow(65519.0)), (0x7bff, IXC));
    assert_eq!(ours(AHP, narrow(65536.0)), (0x7c00, 0));
    assert_eq!(ours(AHP, narrow(131_008.0)), (0x7fff, 0));
    assert_eq!(ours(AHP, narrow(131_072.0)), (0x7fff, IOC));
    assert_eq!(ours(AHP, narrow(f32::NEG_INFINITY)), (0xffff, IOC));
    assert_eq!(ours(AHP, narrow(-f32::NAN)), (0x8000, IOC));
    let widen = |env: &mut Env| convert::<u16, u32>(0x7c00, Rounding::TieEven, env);
    assert_eq!(ours(AHP, widen), (65536f32.to_bits(), 0));
    // Arithmetic has no alternative.
    assert_eq!(
        ours(AHP, |env| add(0x7bffu16, 0x7bff, env)),
        (0x7c00, OFC | IXC)
    );
}

#[test]
fn rounding_to_odd_keeps_that_something_was_lost() {
    let narrow = |a: u64| ours(0, |env| convert::<u64, u32>(a, Rounding::Odd, env));
    let one = 1f64.to_bits();
    assert_eq!(narrow(one), (0x3f80_0000, 0));
    assert_eq!(narrow(one + 1), (0x3f80_0001, IXC));
    assert_eq!(narrow(one + (1 << 29) + 1), (0x3f80_0001, IXC));
    assert_eq!(narrow(f64::MAX.to_bits()), (0x7f7f_ffff, OFC | IXC));
    assert_eq!(narrow(1), (1, UFC | IXC));
}

#[test]
fn fixed_point_scales_rounds_and_saturates() {
    let to = |a: f32, fraction, unsigned, rounding, bits| {
        ours(0, |env| {
            to_fixed(a.to_bits(), fraction, unsigned, rounding, bits, env)
        })
    };
    host::enter();
    assert_eq!(to(1.25, 8, false, Rounding::Zero, 32), (0x140, 0));
    assert_eq!(to(-0.75, 1, false, Rounding::Zero, 32), (0xffff_ffff, IXC));
    assert_eq!(to(-0.5, 0, true, Rounding::TieAway, 64), (0, IOC));
    assert_eq!(to(-0.25, 0, true, Rounding::TieEven, 64), (0, IXC));
    assert_eq!(to(f32::NAN, 0, false, Rounding::Zero, 64), (0, IOC));
    assert_eq!(
        to(f32::INFINITY, 0, true, Rounding::Zero, 64),
        (u64::MAX, IOC)
    );
    assert_eq!(to(-1e30, 0, false, Rounding::Zero, 16), (0x8000, IOC));
    // One unit of 2^-16 less than an overflow, in half precision.
    let from = |value| {
        ours(0, |env| {
            from_fixed::<u16>(value, 16, true, 64, Rounding::Zero, env)
        })
    };
    assert_eq!(from(0xffe0_0000), (0x7bff, 0));
    assert_eq!(from(0xffff_ffff), (0x7bff, IXC));
    assert_eq!(from(0x1_0000_0000), (0x7bff, OFC | IXC));
    assert_eq!(from(1), (0x0100, 0));
    assert_eq!(host::take_flags(), 0);
    host::leave();
}

#[test]
fn javascript_integers_wrap() {
    let js = |a: f64| ours(0, |env| to_js(a.to_bits(), env));
    assert_eq!(js(-1.0), ((u32::MAX, true), 0));
    assert_eq!(js(-0.0), ((0, false), 0));
    assert_eq!(js(-1.5), ((u32::MAX, false), IXC));
    assert_eq!(js(4_294_967_301.0), ((5, false), IOC));
    assert_eq!(js(-2_147_483_648.5), ((1 << 31, false), IXC));
    assert_eq!(js(2_147_483_648.0), ((1 << 31, false), IOC));
    assert_eq!(
        js(f64::from_bits((1023 + 83) << 52 | 1)),
        ((1 << 31, false), IOC)
    );
    assert_eq!(js(f64::INFINITY), ((0, false), IOC));
    assert_eq!(js(f64::NAN), ((0, false), IOC));
    // What is flushed is no zero: https://gitlab.com/qemu-project/qemu/-/issues/2375
    assert_eq!(ours(FZ, |env| to_js(0x00fc_ff00, env)), ((0, false), IDC));
    assert_eq!(ours(FZ, |env| to_js(0, env)), ((0, true), 0));
}

#[test]
fn estimates_have_eight_bits() {
    let recip = |a: f32| ours(0, |env| recip_estimate(a.to_bits(), env));
    assert_eq!(recip(1.0), (0x3f7f_8000, 0));
    assert_eq!(recip(2.0), (0x3eff_8000, 0));
    assert_eq!(recip(-0.0), (0xff80_0000, DZC));
    assert_eq!(recip(f32::INFINITY), (0, 0));
    assert_eq!(recip(f32::from_bits(0x001f_ffff)), (0x7f80_0000, OFC | IXC));
    assert_eq!(recip(f32::from_bits(0x0020_0000)), (0x7f7f_8000, 0));
    assert_eq!(recip(f32::from_bits(0x7e80_0000)), (0x007f_c000, 0));
    let flushed = ours(FZ, |env| recip_estimate(0x7e80_0000u32, env));
    assert_eq!(flushed, (0, UFC));
    let towards_zero = ours(3 << 22, |env| recip_estimate(1u32, env));
    assert_eq!(towards_zero, (0x7f7f_ffff, OFC | IXC));
    let rsqrt = |a: f32| ours(0, |env| rsqrt_estimate(a.to_bits(), env));
    assert_eq!(rsqrt(1.0), (0x3f7f_8000, 0));
    assert_eq!(rsqrt(4.0), (0x3eff_8000, 0));
    assert_eq!(rsqrt(-1.0), (0x7fc0_0000, IOC));
    assert_eq!(rsqrt(-0.0), (0xff80_0000, DZC));
    assert_eq!(
        ours(0, |env| recip_exponent(1f32.to_bits(), env)),
        (0x4000_0000, 0)
    );
    assert_eq!(
        ours(0, |env| recip_exponent(0x8000_0001u32, env)),
        (0xff00_0000, 0)
    );
    assert_eq!(unsigned_recip_estimate(0x7fff_ffff), u32::MAX);
    assert_eq!(unsigned_recip_estimate(0x8000_0000), 0xff80_0000);
    assert_eq!(unsigned_recip_estimate(u32::MAX), 0x8000_0000);
    assert_eq!(unsigned_rsqrt_estimate(0x3fff_ffff), u32::MAX);
    assert_eq!(unsigned_rsqrt_estimate(0x4000_0000), 0xff80_0000);
    assert_eq!(unsigned_rsqrt_estimate(u32::MAX), 0x8000_0000);
}
