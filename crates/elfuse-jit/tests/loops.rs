//! Loops are left with exact registers, flags among them, wherever an access is refused.

use std::sync::Arc;

use elfuse_jit::code::Code;
use elfuse_jit::cpu::{Cpu, Exit};
use elfuse_jit::state::{PC, PSTATE, SINK, SP, State};

const PAGE: u64 = 4096;
const PAGES: u64 = 8;
const CODE: u64 = PAGE;
/// Where X0 begins, and what it comes to.
const DATA: u64 = 4 * PAGE;
const REFUSED: u64 = 5 * PAGE;
/// How often each loop is begun.
const ROUNDS: u64 = 400;

/// Each begins with an access by X0, leads back there and ends with SVC.
const LOOPS: [(&str, &[u32]); 11] = [
    (
        "strb w1, [x0]; add x0, x0, x2; cmp x0, x3; b.le",
        &[
            0x3900_0001,
            0x8b02_0000,
            0xeb03_001f,
            0x54ff_ffad,
            0xd400_0001,
        ],
    ),
    (
        "ldrb w4, [x0]; add x0, x0, #1; subs w5, w5, #1; b.ne",
        &[
            0x3940_0004,
            0x9100_0400,
            0x7100_04a5,
            0x54ff_ffa1,
            0xd400_0001,
        ],
    ),
    (
        "ldrb w4, [x0], #1; adds x5, x5, #7; b.ne",
        &[0x3840_1404, 0xb100_1ca5, 0x54ff_ffc1, 0xd400_0001],
    ),
    (
        "ldrb w4, [x0]; tbz w4, #0, .+8; add x0, x0, #1; add x0, x0, #1; cmp w0, w6; b.ne",
        &[
            0x3940_0004,
            0x3600_0044,
            0x9100_0400,
            0x9100_0400,
            0x6b06_001f,
            0x54ff_ff61,
            0xd400_0001,
        ],
    ),
    (
        "ldrb w4, [x0], #1; tst w4, #3; b.ne; tst w4, #0xf0; b.ne",
        &[
            0x3840_1404,
            0x7200_049f,
            0x54ff_ffc1,
            0x721c_0c9f,
            0x54ff_ff81,
            0xd400_0001,
        ],
    ),
    (
        "ldrb w4, [x0], #1; cmp x0, x3; mov x3, x6; b.ne",
        &[
            0x3840_1404,
            0xeb03_001f,
            0xaa06_03e3,
            0x54ff_ffa1,
            0xd400_0001,
        ],
    ),
    (
        "ldrb w4, [x0], #1; cmp sp, #64; b.ne",
        &[0x3840_1404, 0xf101_03ff, 0x54ff_ffc1, 0xd400_0001],
    ),
    (
        "ldrb w4, [x0]; add x0, x0, #1; cmp w4, #100; b.hi; subs x7, x7, #1; b.ne",
        &[
            0x3940_0004,
            0x9100_0400,
            0x7101_909f,
            0x54ff_ffa8,
            0xf100_04e7,
            0x54ff_ff61,
            0xd400_0001,
        ],
    ),
    (
        "ldrb w4, [x0], #1; cmp w4, #3; b.eq; cmp w4, #5; b.ne",
        &[
            0x3840_1404,
            0x7100_0c9f,
            0x54ff_ffc0,
            0x7100_149f,
            0x54ff_ff81,
            0xd400_0001,
        ],
    ),
    (
        "ldrb w4, [x0], #1; adc x8, x8, x4; cmp w4, w9; b.ne",
        &[
            0x3840_1404,
            0x9a04_0108,
            0x6b09_009f,
            0x54ff_ffa1,
            0xd400_0001,
        ],
    ),
    (
        "strb w3, [x0]; sub x3, x3, #1; ldrb w4, [x0, #1]!; cmp x3, x5; b.ne",
        &[
            0x3900_0003,
            0xd100_0463,
            0x3840_1c04,
            0xeb05_007f,
            0x54ff_ff81,
            0xd400_0001,
        ],
    ),
];

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
}

/// A vCPU with its own memory.
struct Machine {
    start: *mut u8,
    cpu: Box<Cpu>,
}

impl Machine {
    fn new(threshold: u16, words: &[u32]) -> Self {
        let length = (PAGES * PAGE) as usize;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: replaces nothing.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), length, protection, flags, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED);
        // SAFETY: inside the mapping.
        let refused = unsafe { start.byte_add(REFUSED as usize) };
        // SAFETY: as above; nothing of Rust's is there.
        let done = unsafe { libc::mprotect(refused, PAGE as usize, libc::PROT_NONE) };
        assert_eq!(done, 0);
        let code = Arc::new(Code::new(start as u64, threshold, false).expect("memory"));
        code.set_executable(CODE, PAGE, true);
        let mut machine = Self {
            start: start.cast(),
            cpu: Cpu::new(code),
        };
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        machine.page(CODE)[..bytes.len()].copy_from_slice(&bytes);
        machine
    }

    fn page(&mut self, address: u64) -> &mut [u8] {
        assert!(address < REFUSED);
        // SAFETY: inside the mapping, and accessible.
        let start = unsafe { self.start.add(address as usize) };
        // SAFETY: as above; the vCPU does not execute meanwhile.
        unsafe { std::slice::from_raw_parts_mut(start, PAGE as usize) }
    }

    /// Why the loop ended, with which registers, and what it left in memory.
    fn run(&mut self, state: &State, data: &[u8]) -> (Exit, u64, Vec<u64>, Vec<u8>) {
        self.cpu.state = state.clone();
        self.page(DATA).copy_from_slice(data);
        let exit = self.cpu.run();
        let registers = self.cpu.state.x[..usize::from(SINK)].to_vec();
        (
            exit,
            self.cpu.fault_address,
            registers,
            self.page(DATA).to_vec(),
        )
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // SAFETY: our own mapping; the vCPU executes no more.
        unsafe { libc::munmap(self.start.cast(), (PAGES * PAGE) as usize) };
    }
}

#[test]
fn a_refused_access_in_a_loop_leaves_exact_registers() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut faults = 0;
    for (name, words) in LOOPS {
        let (mut interpreted, mut compiled) = (Machine::new(0, words), Machine::new(1, words));
        for _ in 0..ROUNDS {
            let mut state = State::new();
            for register in 1..=SP {
                // Small ones and addresses, so that each loop ends both ways.
                let near = DATA + random.next() % (2 * PAGE);
                let small = random.next() % 64;
                state.set_x(register, if random.next() & 1 == 0 { near } else { small });
            }
            // A loop that stays where it is would not end.
            state.set_x(2, 1 + random.next() % 64);
            state.set_x(0, REFUSED - 1 - random.next() % 48);
            state.set_x(PC, CODE);
            state.set_x(PSTATE, random.next() & 0xf000_0000);
            let any = random.next();
            let data: Vec<u8> = (0..PAGE)
                .map(|_| {
                    if any & 1 == 0 {
                        random.next() as u8
                    } else {
                        random.next() as u8 & 7
                    }
                })
                .collect();
            let right = interpreted.run(&state, &data);
            let result = compiled.run(&state, &data);
            faults += u32::from(right.0 == Exit::Fault);
            assert!(right == result, "{name}\n{:x?}\n{:x?}", &right.2, &result.2);
        }
    }
    assert!(faults > LOOPS.len() as u32 * ROUNDS as u32 / 4, "{faults}");
}
