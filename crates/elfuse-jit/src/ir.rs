//! Pre-decoded instructions: what the decoder makes, the interpreter runs and the compiler lifts.
#![forbid(unsafe_code)]

use crate::state::State;

/// Operands of an instruction, already extracted from its word.
///
/// Register operands index [`State::x`] or [`State::v`]. What `x` and `imm` hold is up to the
/// operation.
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
    /// Small immediates: shift amounts, lane numbers, conditions.
    pub x: u16,
}

/// What an instruction does that needs only registers: no memory, no branch, no exception.
pub type Helper = fn(&mut State, Args);

/// A decoded instruction.
#[derive(Clone, Copy, Debug)]
pub struct Insn {
    /// What to do.
    pub op: Op,
    /// With which registers.
    pub args: Args,
    /// 64-bit immediate, branch distance in bytes, or the helper's address.
    pub imm: u64,
}

impl Insn {
    /// A register-to-register operation that a function carries out.
    #[must_use]
    pub fn helper(helper: Helper, args: Args) -> Self {
        Self {
            op: Op::Helper,
            args,
            imm: helper as usize as u64,
        }
    }
}

/// Operations.
#[repr(u16)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Not decoded yet; must be zero, which is what fresh pages hold.
    Undecoded = 0,
    /// Call the [`Helper`] at `imm`.
    Helper,
}
