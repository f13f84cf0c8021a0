//! Condition codes of A64.
#![forbid(unsafe_code)]

/// Per condition, one bit for each of the 16 values of NZCV: whether it holds.
const HOLDS: [u16; 16] = table();

/// Whether a condition code (0 EQ to 15 NV) holds for N, Z, C, V in bits 31 to 28.
#[inline(always)]
#[must_use]
pub fn holds(condition: u8, nzcv: u32) -> bool {
    HOLDS[usize::from(condition & 15)] >> (nzcv >> 28) & 1 != 0
}

const fn table() -> [u16; 16] {
    let mut table = [0; 16];
    let mut i = 0;
    while i < 256 {
        let (condition, flags) = (i / 16, i % 16);
        table[condition] |= (evaluate(condition, flags) as u16) << flags;
        i += 1;
    }
    table
}

/// `ConditionHolds` of the Arm ARM.
const fn evaluate(condition: usize, flags: usize) -> bool {
    let (n, z, c, v) = (
        flags & 8 != 0,
        flags & 4 != 0,
        flags & 2 != 0,
        flags & 1 != 0,
    );
    let holds = match condition / 2 {
        0 => z,
        1 => c,
        2 => n,
        3 => v,
        4 => c && !z,
        5 => n == v,
        6 => n == v && !z,
        _ => return true,
    };
    holds != (condition % 2 == 1)
}

#[cfg(test)]
mod tests {
    use super::holds;

    const N: u32 = 8 << 28;
    const Z: u32 = 4 << 28;
    const C: u32 = 2 << 28;
    const V: u32 = 1 << 28;

    #[test]
    fn conditions_hold_for_their_flags() {
        for (condition, yes, no) in [
            (0, Z, N),
            (2, C, Z),
            (4, N, V),
            (6, V, N),
            (8, C, C | Z),
            (10, N | V, N),
            (12, 0, Z),
        ] {
            assert!(holds(condition, yes) && !holds(condition, no));
            assert!(holds(condition + 1, no) && !holds(condition + 1, yes));
        }
        assert!(holds(14, 0) && holds(15, N | Z | C | V));
    }
}
