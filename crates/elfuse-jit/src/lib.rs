//! The CPU engine of elfuse: executes aarch64 user-space instructions.
//!
//! [`table`] says what the encodings are, [`ir`] what they become, [`interp`] runs that. Nothing here
//! knows system calls, files or processes.

// Tests are built without the module that calls these parts; with it, lints look at everything.
#![cfg_attr(
    not(feature = "python"),
    allow(dead_code, unused_imports, reason = "only the Python module uses them")
)]

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!("guest accesses are written for Linux on x86-64 so far: see access.rs");

mod access;
pub mod cache;
pub mod calls;
pub mod clock;
pub mod code;
mod compile;
pub mod condition;
mod copies;
mod coverage;
pub mod cpu;
pub mod debug;
pub mod fp;
mod host;
pub mod integer;
mod interp;
pub mod ir;
mod places;
#[cfg(feature = "python")]
mod python;
#[cfg(feature = "python")]
mod ranges;
mod served;
mod signals;
pub mod simd;
mod space;
mod spans;
pub mod state;
pub mod table;
mod texts;
