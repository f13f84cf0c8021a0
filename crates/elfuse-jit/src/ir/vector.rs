//! Operations of `AdvSIMD` for compiled code. The decoder gives helpers instead; the compiler
//! recognises these among them.

/// Size of the elements of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the architecture's names")]
pub enum Lane {
    B,
    H,
    S,
    D,
}

impl Lane {
    /// From the logarithm of the number of bytes.
    #[must_use]
    pub const fn from_log2(log2: u32) -> Option<Self> {
        Some(match log2 {
            0 => Self::B,
            1 => Self::H,
            2 => Self::S,
            3 => Self::D,
            _ => return None,
        })
    }

    /// Number of bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        1 << self as usize
    }

    /// Number of bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        8 << self as u32
    }

    /// Twice the size; the largest stays.
    #[must_use]
    pub const fn doubled(self) -> Self {
        match self {
            Self::B => Self::H,
            Self::H => Self::S,
            Self::S | Self::D => Self::D,
        }
    }
}

/// How much of the registers counts; the rest of the result is 0. Of instructions between lanes of
/// two sizes, `Full` means that the smaller ones are in the upper half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// One lane.
    First,
    /// 64 bits.
    Half,
    /// 128 bits.
    Full,
}

/// What is done to two lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "names say it")]
pub enum Operation {
    And,
    AndNot,
    Or,
    OrNot,
    Xor,
    Add,
    Sub,
    Mul,
    Max,
    Min,
    AbsDiff,
    HalvingAdd,
    RoundingHalvingAdd,
    HalvingSub,
    Equal,
    Greater,
    GreaterEqual,
    /// All ones if they have a bit in common.
    Test,
    ShiftLeft,
    /// By 1 to the size.
    ShiftRight,
    /// To nearest, upwards from the middle.
    RoundingShiftRight,
}

/// Where the operands of an [`Operation`] are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Registers `n` and `m`.
    Registers,
    /// Register `n` and lane `x` of `m`.
    Element,
    /// Register `n` and the number `x`.
    Immediate,
    /// Register `n` and 0.
    WithZero,
    /// 0 and register `n`.
    FromZero,
}

/// What becomes of the result of an [`Operation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// It replaces `d`.
    Replace,
    /// It is added to `d`.
    Add,
    /// It is subtracted from `d`.
    Sub,
}

/// An [`Operation`] with its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calculation {
    /// What is done.
    pub operation: Operation,
    /// Lanes are signed.
    pub signed: bool,
    /// With what.
    pub source: Source,
    /// Where its result goes.
    pub target: Target,
}

/// How lanes are made smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Narrowing {
    /// The low half.
    Truncate,
    /// The nearest value.
    Saturate,
    /// The nearest unsigned value, of a signed one.
    ToUnsigned,
}

/// How a register is chosen bit by bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// BSL: `d` chooses between `n` and `m`.
    ByDestination,
    /// BIT: `n` where `m` is set.
    IfTrue,
    /// BIF: `n` where `m` is clear.
    IfFalse,
}

/// Comparisons of floating-point lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "names say it")]
pub enum Order {
    Equal,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
}

/// Floating-point operations on lanes, in the default mode of FPCR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatLanes {
    /// `n + m`.
    Add,
    /// `n - m`.
    Sub,
    /// `n * m`.
    Mul,
    /// `n / m`.
    Div,
    /// `|n - m|`.
    AbsDiff,
    /// `d + n * m`, fused; or `d - n * m`.
    MulAdd {
        /// Subtract the product.
        sub: bool,
    },
    /// The greater one; +0 is greater than -0.
    Max,
    /// The lesser one.
    Min,
    /// Square root of `n`.
    Sqrt,
    /// Magnitude of `n`.
    Abs,
    /// Negation of `n`.
    Neg,
    /// All ones where a comparison holds.
    Compare {
        /// Which one.
        order: Order,
        /// Of magnitudes.
        abs: bool,
        /// Of `n` with 0.
        zero: bool,
    },
    /// `n` rounded to an integral value as FPCR says, which may be inexact.
    RoundExact,
    /// From integers with `x` bits after the point.
    FromInt {
        /// They are signed.
        signed: bool,
    },
    /// To signed integers, towards zero.
    ToInt,
}

/// Operations on vector registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vector {
    /// Lane by lane.
    Same(Calculation),
    /// Lanes of half the register are widened first.
    Long(Calculation),
    /// Those of `m` are widened.
    Wide(Calculation),
    /// On adjacent lanes of `n`, then of `m`.
    Pairwise(Calculation),
    /// On all lanes of `n`, to one.
    Across(Calculation),
    /// The sum of all lanes of `n`, to one of twice the size.
    AcrossLong {
        /// Lanes are signed.
        signed: bool,
    },
    /// Sums of adjacent lanes of `n`, as lanes of twice the size.
    PairLong {
        /// Lanes are signed.
        signed: bool,
        /// The sums are added to `d`.
        accumulate: bool,
    },
    /// Addition or subtraction to the nearest value.
    Saturating {
        /// Subtraction.
        sub: bool,
        /// Lanes are signed.
        signed: bool,
    },
    /// `n`, shifted right by `x`, to lanes of half the size.
    Narrow {
        /// How.
        narrowing: Narrowing,
        /// Lanes are signed.
        signed: bool,
        /// The shift rounds.
        round: bool,
    },
    /// Upper halves of sums or differences.
    HighHalf {
        /// Differences.
        sub: bool,
        /// Rounded.
        round: bool,
    },
    /// Bits of one register or another.
    Choose(Choice),
    /// Complement of `n`.
    Not,
    /// `n` shifted left by `x`; the bits below are those of `d`.
    ShiftLeftInsert,
    /// `n` shifted right by `x`; the bits above are those of `d`.
    ShiftRightInsert,
    /// Sums of products of four bytes each, added to `d`.
    Dot {
        /// Bytes are signed.
        signed: bool,
        /// The second source is element `x` of `m`.
        element: bool,
    },
    /// Set bits of each byte of `n`.
    CountOnes,
    /// Each byte of `n` with its bits in reverse.
    ReverseBits,
    /// Lanes of `n` in reverse within so many bytes.
    Reverse(u8),
    /// Lane `x` of `n` everywhere.
    Duplicate,
    /// General register `n` everywhere.
    DuplicateGeneral,
    /// Lane `a` of `n` as lane `x`.
    Insert,
    /// General register `n` as lane `x`.
    InsertGeneral,
    /// General register `d` = lane `x` of `n`, extended.
    ToGeneral {
        /// By its sign, to 32 bits.
        signed: bool,
        /// By its sign, to 64 bits.
        long: bool,
    },
    /// Bytes of `n` followed by `m`, from byte `x` on.
    Extract,
    /// Lanes of `n` and `m` in turn, from the lower or the upper half.
    Zip {
        /// The upper.
        second: bool,
    },
    /// Even or odd lanes of `n` and `m`.
    Unzip {
        /// The odd ones.
        second: bool,
    },
    /// Even or odd lanes of `n` and `m` in turn.
    Transpose {
        /// The odd ones.
        second: bool,
    },
    /// Bytes of registers from `n` on, by the indices in `m`.
    Table {
        /// How many registers.
        registers: u8,
        /// Bytes with other indices stay.
        keep: bool,
    },
    /// `imm` in both halves.
    Set,
    /// Or with `imm` in both halves.
    SetBits,
    /// And with `imm` in both halves.
    KeepBits,
}

/// Floating-point operations on vector registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatVector {
    /// Lane by lane.
    Same {
        /// What is done.
        operation: FloatLanes,
        /// The second source is lane `x` of `m`.
        element: bool,
    },
    /// On adjacent lanes of `n`, then of `m`.
    Pairwise(FloatLanes),
    /// On the two lowest lanes of `n`.
    Pair(FloatLanes),
    /// On all lanes of `n`, to one.
    Across(FloatLanes),
    /// Single to double precision.
    Lengthen,
    /// Double to single precision.
    Narrow,
}
