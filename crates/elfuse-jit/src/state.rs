//! The registers of one guest thread, laid out as `elfuse/engine/protocol.py` names them.
#![forbid(unsafe_code)]

/// Index in [`State::x`] of the stack pointer.
pub const SP: u8 = 31;
/// Index of the program counter; current only while no guest instruction executes.
pub const PC: u8 = 32;
/// Index of PSTATE; NZCV in bits 31 to 28.
pub const PSTATE: u8 = 33;
/// Index of `TPIDR_EL0`.
pub const TPIDR: u8 = 34;
/// Index of FPCR.
pub const FPCR: u8 = 35;
/// Index of FPSR.
pub const FPSR: u8 = 36;
/// Index of a word that is always 0: what operand 31 reads where it means XZR.
pub const ZERO: u8 = 37;
/// Index of a word that nobody reads: what operand 31 writes where it means XZR.
pub const SINK: u8 = 38;

/// Index of the operation that flags are still to be computed from, one of [`lazy`]; 0 if PSTATE
/// is current, which it is whenever compiled code does not run. Its operands follow.
pub const LAZY: u8 = 39;
/// Index of the first operand.
pub const LAZY_A: u8 = 40;
/// Index of the second operand.
pub const LAZY_B: u8 = 41;

/// Index of the address of the word that becomes 0 when the thread ends: `set_tid_address(2)`.
pub const CLEARED: u8 = 48;
/// Index of the address of the list of robust mutexes that it holds: `set_robust_list(2)`.
pub const ROBUST: u8 = 49;

/// What compiled code leaves instead of flags, in [`LAZY`].
pub mod lazy {
    /// Addition of 32-bit operands.
    pub const ADD: u64 = 2;
    /// Subtraction.
    pub const SUB: u64 = 4;
    /// A bitwise operation, with the result as its first operand.
    pub const LOGIC: u64 = 6;
    /// Added to those: of 64-bit operands.
    pub const WIDE: u64 = 1;
    /// The first operand is PSTATE.
    pub const PACKED: u64 = 8;
}

const WORDS: usize = 64;

/// General, special and vector registers: `Register.WORDS` words.
///
/// Indices wrap, so that no access needs a bounds check; decoders give only those that exist.
#[repr(C, align(16))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// X0 to X30, then the words named by the constants of this module.
    pub x: [u64; WORDS],
    /// V0 to V31.
    pub v: [u128; 32],
}

impl State {
    /// All zero.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            x: [0; WORDS],
            v: [0; 32],
        }
    }

    /// A general register by index, as the decoder maps operand 31: [`SP`], [`ZERO`] or [`SINK`].
    #[inline(always)]
    #[must_use]
    pub fn x(&self, index: u8) -> u64 {
        self.x[usize::from(index) % WORDS]
    }

    /// The low word of a general register.
    #[inline(always)]
    #[must_use]
    pub fn w(&self, index: u8) -> u32 {
        self.x[usize::from(index) % WORDS] as u32
    }

    /// Set all 64 bits of a general register.
    #[inline(always)]
    pub fn set_x(&mut self, index: u8, value: u64) {
        self.x[usize::from(index) % WORDS] = value;
    }

    /// Set the low word of a general register and clear the rest.
    #[inline(always)]
    pub fn set_w(&mut self, index: u8, value: u32) {
        self.x[usize::from(index) % WORDS] = u64::from(value);
    }

    /// A vector register.
    #[inline(always)]
    #[must_use]
    pub fn v(&self, index: u8) -> u128 {
        self.v[usize::from(index) % 32]
    }

    /// Set all 128 bits of a vector register.
    #[inline(always)]
    pub fn set_v(&mut self, index: u8, value: u128) {
        self.v[usize::from(index) % 32] = value;
    }

    /// N, Z, C, V in bits 31 to 28.
    #[inline(always)]
    #[must_use]
    pub fn nzcv(&self) -> u32 {
        self.x[usize::from(PSTATE)] as u32 & 0xF000_0000
    }

    /// Set N, Z, C, V from bits 31 to 28.
    #[inline(always)]
    pub fn set_nzcv(&mut self, value: u32) {
        self.x[usize::from(PSTATE)] = u64::from(value & 0xF000_0000);
    }
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}
