//! The exact functions against the host's instructions, in every rounding mode, with flags.

use std::arch::asm;

use super::*;

/// Alternative half precision: changes nothing here, but keeps the host's instructions out.
const EXACT: u32 = 1 << 26;
/// Raised as x86 does, in the order of FPSR; UFC is compared apart.
const FLAGS: u32 = 0x17;
const UFC: u32 = 8;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Any bits, or a number near a power of two, at the ends of the range, or special.
    fn double(&mut self) -> u64 {
        let (kind, bits) = (self.next() % 8, self.next());
        let sign = bits & 1 << 63;
        match kind {
            0 => bits,
            1 => {
                sign | [
                    0,
                    1,
                    0x7FF << 52,
                    0x7FEF_FFFF_FFFF_FFFF,
                    1 << 52,
                    (1 << 52) - 1,
                ][(bits % 6) as usize]
            }
            2 => sign | bits & 0xF_FFFF_FFFF_FFFF,
            3 => sign | (1023 + bits % 3 - 1) << 52 | bits >> 8 & 3,
            4 => sign | (bits % 64 + 1) << 52 | bits >> 12,
            5 => sign | (2046 - bits % 64) << 52 | bits >> 12,
            _ => sign | (1000 + bits % 48) << 52 | bits >> 12 & 0xF_FFFF_FFFF_FFFF,
        }
    }
}

fn host(control: u32, operation: impl FnOnce() -> f64) -> (u64, u32) {
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
    (result.to_bits(), raised & 1 | raised >> 1 & 0x1e)
}

macro_rules! instruction {
    ($name:literal, $a:expr, $b:expr) => {{
        let mut result = f64::from_bits($a);
        // SAFETY: registers only.
        unsafe {
            asm!(concat!($name, " {0}, {1}"), inout(xmm_reg) result,
                 in(xmm_reg) f64::from_bits($b), options(nostack));
        }
        result
    }};
}

fn check(name: &str, operands: &[u64], ours: (u64, u32), theirs: (u64, u32)) {
    let nan = f64::from_bits(theirs.0).is_nan();
    assert_eq!(f64::from_bits(ours.0).is_nan(), nan, "{name} {operands:x?}");
    if !nan {
        assert_eq!(ours.0, theirs.0, "{name} {operands:x?}");
    }
    assert_eq!(
        ours.1 & FLAGS,
        theirs.1 & FLAGS,
        "{name} {operands:x?}: flags"
    );
    // Tiny before rounding and not after it: only there the two differ.
    if ours.0 << 1 != 1 << 53 {
        assert_eq!(
            ours.1 & UFC,
            theirs.1 & UFC,
            "{name} {operands:x?}: underflow"
        );
    }
}

#[test]
fn exact_functions_agree_with_the_host() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    // RMode of FPCR, rounding control of MXCSR.
    for (mode, control) in [(0, 0), (1, 2), (2, 1), (3, 3)] {
        for _ in 0..200_000 {
            let (a, b, c) = (random.double(), random.double(), random.double());
            let run = |operation: &dyn Fn(&mut Env) -> u64| {
                let mut env = Env {
                    fpcr: EXACT | mode << 22,
                    fpsr: 0,
                };
                let result = operation(&mut env);
                (result, env.fpsr)
            };
            let operands = [a, b, c];
            check(
                "add",
                &operands,
                run(&|env| add(a, b, env)),
                host(control, || instruction!("addsd", a, b)),
            );
            check(
                "sub",
                &operands,
                run(&|env| sub(a, b, env)),
                host(control, || instruction!("subsd", a, b)),
            );
            check(
                "mul",
                &operands,
                run(&|env| mul(a, b, env)),
                host(control, || instruction!("mulsd", a, b)),
            );
            check(
                "div",
                &operands,
                run(&|env| div(a, b, env)),
                host(control, || instruction!("divsd", a, b)),
            );
            check(
                "sqrt",
                &operands,
                run(&|env| sqrt(a, env)),
                host(control, || instruction!("sqrtsd", a, a)),
            );
            let single = |env: &mut Env| {
                let rounding = Rounding::of(env);
                let narrow: u32 = convert(a, rounding, env);
                u64::from(narrow)
            };
            let narrow = host(control, || instruction!("cvtsd2ss", 0, a));
            let (ours, theirs) = (run(&single), (narrow.0 & 0xFFFF_FFFF, narrow.1));
            let widened = |bits: u64| f64::from(f32::from_bits(bits as u32)).to_bits();
            if ours.0 << 1 & 0xFFFF_FFFF != 1 << 24 {
                check(
                    "narrow",
                    &operands,
                    (widened(ours.0), ours.1),
                    (widened(theirs.0), theirs.1),
                );
            }
            if is_x86_feature_detected!("fma") {
                let fused = host(control, || {
                    let mut result = f64::from_bits(c);
                    // SAFETY: registers only; the host has the instruction.
                    unsafe {
                        asm!("vfmadd231sd {0}, {1}, {2}", inout(xmm_reg) result,
                             in(xmm_reg) f64::from_bits(a), in(xmm_reg) f64::from_bits(b),
                             options(nostack));
                    }
                    result
                });
                // Infinity times zero plus a quiet NaN is invalid for Arm only.
                let ours = run(&|env| mul_add(c, a, b, env));
                if !f64::from_bits(c).is_nan() {
                    check("mul_add", &operands, ours, fused);
                }
            }
        }
    }
}

#[test]
fn fast_paths_agree_with_exact_functions() {
    let mut random = Random(0x1234_5678_9ABC_DEF1);
    for _ in 0..200_000 {
        let (a, b, c) = (random.double(), random.double(), random.double());
        for operation in [
            add::<u64>,
            sub::<u64>,
            mul::<u64>,
            div::<u64>,
            max::<u64>,
            min::<u64>,
            max_num::<u64>,
            min_num::<u64>,
            |a, _, env: &mut Env| sqrt(a, env),
            |a, _, env: &mut Env| round_int(a, Rounding::TieEven, false, env),
            |a, _, env: &mut Env| round_int(a, Rounding::MinusInf, false, env),
            |a, _, env: &mut Env| to_fixed(a, 0, false, Rounding::Zero, 64, env),
            |a, _, env: &mut Env| from_fixed(a, 0, false, 64, Rounding::TieEven, env),
            |a, b, env: &mut Env| u64::from(compare(a, b, false, env)),
            |a, _, env: &mut Env| convert::<u32, u64>(a as u32, Rounding::TieEven, env),
            |a, _, env: &mut Env| convert::<u64, u32>(a, Rounding::TieEven, env).into(),
        ] {
            same(a, b, operation);
        }
        same(a, b, |a, b, env| mul_add(c, a, b, env));
    }
}

fn same(a: u64, b: u64, operation: impl Fn(u64, u64, &mut Env) -> u64) {
    let mut exact = Env {
        fpcr: EXACT,
        fpsr: 0,
    };
    let expected = operation(a, b, &mut exact);
    let mut fast = Env::default();
    super::host::enter();
    let result = operation(a, b, &mut fast);
    let raised = fast.fpsr | super::host::take_flags();
    assert_eq!((result, raised), (expected, exact.fpsr), "{a:x} {b:x}");
}
