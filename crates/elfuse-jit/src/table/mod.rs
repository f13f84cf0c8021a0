//! The table of A64 encodings: one row each, from which the decoder, the disassembly of traces, the
//! generator of random tests and the coverage report are made.
#![forbid(unsafe_code)]

use crate::ir::Insn;

/// One encoding: fixed bits, named fields, and how its operands become an [`Insn`].
#[derive(Debug)]
pub struct Row {
    /// Name in the Arm ARM's style, unique: `"add (immediate)"`.
    pub name: &'static str,
    /// 32 characters from bit 31 down: `0`, `1`, or the letter of the field the bit belongs to.
    pub pattern: &'static str,
    /// Fixed bits.
    pub mask: u32,
    /// Their values.
    pub value: u32,
    /// None where the architecture leaves this combination of fields unallocated.
    pub decode: fn(u32) -> Option<Insn>,
}

impl Row {
    /// Panics, at compile time in tables, unless `pattern` is 32 of `0`, `1` and lower-case letters.
    #[must_use]
    pub const fn new(
        name: &'static str,
        pattern: &'static str,
        decode: fn(u32) -> Option<Insn>,
    ) -> Self {
        let bytes = pattern.as_bytes();
        assert!(bytes.len() == 32, "a pattern has 32 characters");
        let (mut mask, mut value, mut i) = (0, 0, 0);
        while i < 32 {
            let bit = 1 << (31 - i);
            match bytes[i] {
                b'0' => mask |= bit,
                b'1' => {
                    mask |= bit;
                    value |= bit;
                }
                b'a'..=b'z' => {}
                _ => panic!("a pattern consists of 0, 1 and letters"),
            }
            i += 1;
        }
        Self {
            name,
            pattern,
            mask,
            value,
            decode,
        }
    }
}
