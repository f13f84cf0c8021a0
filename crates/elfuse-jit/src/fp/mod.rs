//! IEEE 754 arithmetic as the Arm ARM defines it (shared/functions/float in its pseudocode): all
//! rounding modes, NaN propagation, default NaN, flush to zero, cumulative flags.
//!
//! A value is its bit pattern: u16, u32 or u64 stands for half, single or double precision.

mod arithmetic;
mod convert;
mod estimate;
mod format;
pub mod host;
#[cfg(test)]
mod tests;

pub use arithmetic::*;
pub use convert::*;
pub use estimate::*;
pub use format::{Format, Rounding};

use crate::state::{FPCR, FPSR, State};

/// FPCR and FPSR while an instruction executes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Env {
    /// Control: AHP 26, DN 25, FZ 24, `RMode` 23:22, FZ16 19.
    pub fpcr: u32,
    /// Cumulative flags: QC 27, IDC 7, IXC 4, UFC 3, OFC 2, DZC 1, IOC 0.
    pub fpsr: u32,
}

impl Env {
    /// FPCR of a thread, no flags raised.
    #[inline(always)]
    #[must_use]
    pub fn of(state: &State) -> Self {
        Self {
            fpcr: state.x(FPCR) as u32,
            fpsr: 0,
        }
    }

    /// Add the flags raised to the thread's FPSR.
    #[inline(always)]
    pub fn commit(self, state: &mut State) {
        state.x[usize::from(FPSR)] |= u64::from(self.fpsr);
    }
}
