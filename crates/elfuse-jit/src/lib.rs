//! The CPU engine of elfuse: executes aarch64 user-space instructions.
//!
//! [`table`] says what the encodings are, [`ir`] what they become, [`interp`] runs that. Nothing here
//! knows system calls, files or processes.

pub mod condition;
pub mod fp;
pub mod ir;
pub mod simd;
pub mod state;
pub mod table;
