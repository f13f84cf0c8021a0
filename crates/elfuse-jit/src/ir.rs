//! Pre-decoded instructions: what the decoder makes, the interpreter runs and the compiler lifts.
#![forbid(unsafe_code)]

mod vector;

use std::arch::x86_64::__m128i;

use crate::state::State;
pub use vector::{
    Calculation, Choice, Extent, FloatLanes, FloatVector, Lane, Narrowing, Operation, Order,
    Source, Target, Vector,
};

/// Operands of an instruction, already extracted from its word.
///
/// Register operands index [`State::x`] or [`State::v`]. What `x` holds is up to the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Args {
    /// Destination, or the register transferred.
    pub d: u8,
    /// First source, or base register.
    pub n: u8,
    /// Second source, or offset register.
    pub m: u8,
    /// Third source, or second register transferred.
    pub a: u8,
    /// Small immediates: shift amounts, conditions. Zero in an operation that uses `imm`.
    pub x: u16,
}

/// What an instruction does that needs only registers: no memory, no branch, no exception.
pub type Helper = fn(&mut State, Args);

/// A [`Helper`] of vector registers `d`, `n` and `m` by their values; exceptions are the host's.
#[allow(
    improper_ctypes_definitions,
    reason = "the System V ABI says how vectors are passed, which Cranelift follows, too"
)]
pub type ByValue = unsafe extern "sysv64" fn(__m128i, __m128i, __m128i) -> __m128i;

/// A [`Helper`] of general registers `n` and `m` by their values.
pub type ByNumber = unsafe extern "sysv64" fn(u64, u64) -> u64;

/// A decoded instruction.
#[derive(Clone, Copy, Debug)]
pub struct Insn {
    /// What to do.
    pub op: Op,
    /// With which registers.
    pub args: Args,
    /// 64-bit immediate or branch distance in bytes.
    pub imm: u64,
}

impl Insn {
    /// A register-to-register operation that a function carries out.
    #[must_use]
    pub fn helper(helper: Helper, args: Args) -> Self {
        Self::new(Op::Helper(helper), args, 0)
    }

    /// An operation with its operands.
    #[must_use]
    pub const fn new(op: Op, args: Args, imm: u64) -> Self {
        Self { op, args, imm }
    }
}

/// Operand size of integer instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// 32 bits; results are zero-extended.
    W,
    /// 64 bits.
    X,
}

/// Shift of a register operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the architecture's names")]
pub enum Shift {
    Lsl,
    Lsr,
    Asr,
    Ror,
}

/// Extension of a register operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the architecture's names")]
pub enum Extend {
    Uxtb,
    Uxth,
    Uxtw,
    Uxtx,
    Sxtb,
    Sxth,
    Sxtw,
    Sxtx,
}

/// Where the second operand comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// `imm`.
    Imm,
    /// Register `m`.
    Reg,
    /// Register `m` shifted by `x`.
    Shifted(Shift),
    /// Register `m` extended, then shifted left by `x`.
    Extended(Extend),
}

/// Bitwise operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the architecture's names")]
pub enum Logic {
    And,
    Orr,
    Eor,
    Ands,
}

/// Operations on one register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the architecture's names")]
pub enum Unary {
    Rbit,
    Rev16,
    Rev32,
    /// Byte reversal of the whole operand.
    Rev,
    Clz,
    Cls,
}

/// How a load or store forms its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// Base plus `imm`.
    Offset,
    /// Base plus `imm`, which becomes the base.
    PreIndex,
    /// Base; afterwards `imm` is added to it.
    PostIndex,
    /// Base plus register `m`, extended, shifted left by `x`.
    Register(Extend),
    /// PC plus `imm`.
    Literal,
}

/// What becomes of a loaded integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Zero-extended to 64 bits.
    Zero,
    /// Sign-extended to 32 bits, then zero-extended.
    Sign32,
    /// Sign-extended to 64 bits.
    Sign64,
}

/// Bytes of one memory access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "numbers")]
pub enum Size {
    B1,
    B2,
    B4,
    B8,
    B16,
}

impl Size {
    /// From the logarithm that encodings hold.
    #[must_use]
    pub const fn from_log2(log2: u32) -> Option<Self> {
        Some(match log2 {
            0 => Self::B1,
            1 => Self::B2,
            2 => Self::B4,
            3 => Self::B8,
            4 => Self::B16,
            _ => return None,
        })
    }

    /// Number of bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        1 << self as u32
    }
}

/// Read-modify-write operations of LD<op>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the architecture's names")]
pub enum Atomic {
    Add,
    Clr,
    Eor,
    Set,
    Smax,
    Smin,
    Umax,
    Umin,
    Swp,
}

/// Scalar floating-point operations of compiled code, in the default mode of FPCR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Float {
    /// `d = n`.
    Move,
    /// `d = |n|`.
    Abs,
    /// `d = -n`.
    Neg,
    /// `d = sqrt(n)`.
    Sqrt,
    /// `d = n + m`.
    Add,
    /// `d = n - m`.
    Sub,
    /// `d = n * m`.
    Mul,
    /// `d = -(n * m)`.
    NegMul,
    /// `d = n / m`.
    Div,
    /// `d = ±a ± n * m`, fused.
    MulAdd {
        /// The product is negated.
        negate_product: bool,
        /// The addend is negated.
        negate_addend: bool,
    },
    /// NZCV of `n` and `m`, or 0 with `zero`.
    Compare {
        /// Compare with 0.
        zero: bool,
    },
    /// `d = n` if condition `x` holds, else `m`.
    Select,
    /// `d` has the bits `imm`.
    Immediate,
    /// General register `d` gets the bits of `n`.
    ToGeneral,
    /// `d` gets the bits of general register `n`.
    FromGeneral,
    /// `d` from the integer in general register `n`.
    FromInt {
        /// The integer is signed.
        signed: bool,
        /// Its size.
        width: Width,
    },
    /// General register `d` gets `n` as a signed integer, rounded towards zero, saturating.
    ToInt {
        /// Size of the integer.
        width: Width,
    },
    /// Double precision `d` from single precision `n`.
    Widen,
    /// Single precision `d` from double precision `n`.
    Narrow,
}

/// The registers that a [`Helper`] uses besides FPCR and FPSR, for compiled code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operands {
    /// Vector registers `d` and `n`, which it reads, to `d`.
    Vectors {
        /// It also reads vector register `m`.
        m: bool,
        /// It also reads vector register `a`.
        a: bool,
    },
    /// Vector register `n` to general register `d`.
    ToGeneral,
    /// General register `n` and vector register `d` to the latter.
    FromGeneral,
}

/// Operations. What their operands mean is said with each.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    /// Call the function.
    Helper(Helper),
    /// Scalar floating point, double precision if so. The decoder gives helpers instead; the
    /// compiler recognises these among them.
    Float(Float, bool),
    /// `AdvSIMD`. Made by the compiler, too.
    Vector(Vector, Lane, Extent),
    /// `AdvSIMD` on floating-point lanes, with the helper for results that are not numbers.
    FloatVector(FloatVector, Lane, Extent, Helper),
    /// Call the function, which uses these registers only. Made by the compiler, too.
    HelperOn(Helper, Operands),
    /// Call the function, which may raise exceptions if so. Made by the compiler, too.
    ByValue(ByValue, bool),
    /// Call the function. Made by the compiler, too.
    ByNumber(ByNumber),
    /// `d = imm`.
    MovImm,
    /// `d = pc + imm`.
    Adr,
    /// `d = (pc & !0xfff) + imm`.
    Adrp,
    /// Insert the 16 bits `imm` at bit `a`.
    Movk(Width),
    /// Addition or subtraction.
    Arith {
        /// Subtract.
        sub: bool,
        /// Set NZCV.
        flags: bool,
        /// Operand size.
        width: Width,
        /// Second operand.
        operand: Operand,
    },
    /// Addition with carry.
    AddCarry {
        /// Subtract.
        sub: bool,
        /// Set NZCV.
        flags: bool,
        /// Operand size.
        width: Width,
    },
    /// Bitwise operation.
    Logic {
        /// Which one.
        logic: Logic,
        /// Complement the second operand.
        invert: bool,
        /// Operand size.
        width: Width,
        /// Second operand.
        operand: Operand,
    },
    /// `d = rotate_right(n, a) & imm`: UBFM, with the mask in place.
    Ubfm,
    /// `d = (n << a) >> m`, arithmetic in 64 bits: SBFM.
    Sbfm(Width),
    /// `d = d & !imm | rotate_right(n, a) & imm`: BFM.
    Bfm(Width),
    /// `d` from bit `x` of `n:m`.
    Extr(Width),
    /// Shift `n` by register `m`.
    ShiftVar(Shift, Width),
    /// `d = a ± n * m`.
    MulAdd {
        /// Subtract the product.
        sub: bool,
        /// Operand size.
        width: Width,
    },
    /// `d = a ± n * m` with 32-bit factors.
    MulAddLong {
        /// Subtract the product.
        sub: bool,
        /// Factors are signed.
        signed: bool,
    },
    /// Upper half of the 128-bit product.
    MulHigh {
        /// Factors are signed.
        signed: bool,
    },
    /// `d = n / m`, 0 if `m` is 0.
    Div {
        /// Operands are signed.
        signed: bool,
        /// Operand size.
        width: Width,
    },
    /// One-operand arithmetic.
    Unary(Unary, Width),
    /// `d = n` if condition `x` holds, else `m`, complemented and incremented as asked.
    Select {
        /// Complement.
        invert: bool,
        /// Add one.
        increment: bool,
        /// Operand size.
        width: Width,
    },
    /// Compare `n` with the operand if condition `d` holds, else set NZCV to `a`.
    CondCompare {
        /// CCMP, not CCMN.
        sub: bool,
        /// Operand size.
        width: Width,
        /// `Reg` or `Imm`.
        operand: Operand,
    },
    /// B.
    Jump,
    /// BL.
    Call,
    /// B.cond with condition `a`.
    JumpIf,
    /// CBZ and CBNZ on `d`.
    JumpZero {
        /// CBNZ.
        nonzero: bool,
        /// Operand size.
        width: Width,
    },
    /// TBZ and TBNZ on bit `a` of `d`.
    JumpBit {
        /// TBNZ.
        set: bool,
    },
    /// BR and RET to `n`.
    JumpReg {
        /// RET.
        ret: bool,
    },
    /// BLR to `n`.
    CallReg,
    /// SVC with immediate `imm`.
    Syscall,
    /// BRK with immediate `imm`.
    Breakpoint,
    /// Raises SIGILL.
    Undefined,
    /// Does nothing.
    Nop,
    /// DMB and DSB that order stores before loads.
    Fence,
    /// `d` = the virtual counter.
    ReadCounter,
    /// `d` = FPSR.
    ReadFpsr,
    /// FPSR = `d`.
    WriteFpsr,
    /// IC IVAU of the line of `d`.
    InvalidateCode,
    /// DC ZVA of the block of `d`.
    ZeroBlock,
    /// CLREX.
    ClearExclusive,
    /// Load a general register.
    Load(Size, Fill, Address),
    /// Store a general register.
    Store(Size, Address),
    /// Load a vector register, clearing the rest of it.
    LoadV(Size, Address),
    /// Store the low part of a vector register.
    StoreV(Size, Address),
    /// Load `d` and `a` from consecutive places.
    LoadPair(Size, Fill, Address),
    /// Store `d` and `a`.
    StorePair(Size, Address),
    /// Load vector registers `d` and `a`.
    LoadPairV(Size, Address),
    /// Store vector registers `d` and `a`.
    StorePairV(Size, Address),
    /// LDAR, LDLAR and LDAPR.
    LoadAcquire(Size),
    /// STLR, STLLR.
    StoreRelease(Size),
    /// LDXR, LDAXR.
    LoadExclusive(Size),
    /// LDXP, LDAXP: `d` and `a`, each of this size.
    LoadExclusivePair(Size),
    /// STXR, STLXR: status to `m`.
    StoreExclusive(Size),
    /// STXP, STLXP: status to `m`.
    StoreExclusivePair(Size),
    /// LD<op> and SWP: `d` gets the old value, `m` is the operand.
    Atomic(Atomic, Size),
    /// CAS: `m` is compared and gets the old value, `d` is stored.
    CompareSwap(Size),
    /// CASP: registers `m`, `m`+1 and `d`, `d`+1.
    CompareSwapPair(Size),
    /// LD1 to LD4, multiple structures: see [`Structure`].
    LoadStructures,
    /// ST1 to ST4, multiple structures.
    StoreStructures,
    /// LD1 to LD4, single structure: `a` is the lane.
    LoadLane,
    /// ST1 to ST4, single structure.
    StoreLane,
    /// LD1R to LD4R.
    LoadReplicate,
}

/// Shape of an `AdvSIMD` structure access, in `imm`: bits 7:0 registers, 15:8 elements per structure,
/// 23:16 logarithm of the element's bytes, 31:24 bytes per register, 63:32 increment of the base
/// (with `m` other than [`crate::state::ZERO`]: by that register).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Structure {
    /// Consecutive registers.
    pub registers: u32,
    /// Elements per structure: 1 to 4.
    pub elements: u32,
    /// Logarithm of an element's bytes.
    pub log2: u32,
    /// 8 or 16 bytes of each register.
    pub bytes: u32,
    /// What post-indexing adds; 0 for none or by register.
    pub increment: u32,
}

impl Structure {
    /// As an [`Insn`] holds it.
    #[must_use]
    pub const fn pack(self) -> u64 {
        self.registers as u64
            | (self.elements as u64) << 8
            | (self.log2 as u64) << 16
            | (self.bytes as u64) << 24
            | (self.increment as u64) << 32
    }

    /// From [`Insn::imm`].
    #[must_use]
    pub const fn unpack(imm: u64) -> Self {
        Self {
            registers: (imm & 0xff) as u32,
            elements: (imm >> 8 & 0xff) as u32,
            log2: (imm >> 16 & 0xff) as u32,
            bytes: (imm >> 24 & 0xff) as u32,
            increment: (imm >> 32) as u32,
        }
    }
}
