//! Compiled code does what the interpreter does: each `AdvSIMD` and floating-point encoding, alone in
//! a region, on operands chosen to be difficult.

use std::sync::Arc;

use elfuse_jit::code::Code;
use elfuse_jit::cpu::{Cpu, Exit};
use elfuse_jit::ir::Op;
use elfuse_jit::state::{FPSR, PC, PSTATE, SINK, SP, State};
use elfuse_jit::table::{self, Row};

/// Of the values of a row's fields, how many combinations are tried.
const WORDS: usize = if cfg!(debug_assertions) { 3 } else { 24 };
/// How often each instruction word is carried out.
const ROUNDS: usize = 24;

const MEMORY: usize = 1 << 16;
const PAGE: u64 = 4096;
const CODE: u64 = PAGE;
/// Where general registers lead if the instruction accesses memory.
const DATA: u64 = 8 * PAGE;
const DATA_SIZE: usize = 512;

const SVC: u32 = 0xd400_0001;
/// B two instructions back: only the targets of backward branches are compiled.
const BACK: u32 = 0x17ff_fffe;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[(self.next() >> 33) as usize % from.len()]
    }

    /// A lane of so many bits.
    fn lane(&mut self, bits: u32) -> u64 {
        let ones = u64::MAX >> (64 - bits);
        let sign = 1 << (bits - 1);
        let random = self.next();
        let value = match self.next() >> 60 {
            0 => 0,
            1 => ones,
            2 => sign,
            3 => sign - 1,
            4 => random & 3,
            5 => !(random & 3),
            6 => sign | random & 3,
            7 => 1 << (random % u64::from(bits)),
            8 | 9 => self.float(bits),
            _ => random,
        };
        value & ones
    }

    /// The bits of a number near 1, an infinity, a NaN, a subnormal number, ...
    fn float(&mut self, bits: u32) -> u64 {
        let (fraction_bits, exponents) = match bits {
            16 => (10, 31),
            32 => (23, 255),
            _ => (52, 2047),
        };
        let exponent = self.pick(&[
            0,
            0,
            1,
            exponents / 2 - 1,
            exponents / 2,
            exponents / 2 + 5,
            exponents / 2 + 31,
            exponents - 1,
            exponents,
        ]);
        let random = self.next();
        let fraction = self.pick(&[0, 0, 1, random, u64::MAX, 1 << (fraction_bits - 1)]);
        let fraction = fraction & ((1 << fraction_bits) - 1);
        (random >> 63) << (bits - 1) | exponent << fraction_bits | fraction
    }

    fn vector(&mut self) -> u128 {
        let bits = self.pick(&[8u32, 16, 32, 64]);
        (0..128 / bits).fold(0, |vector, _| vector << bits | u128::from(self.lane(bits)))
    }
}

/// A vCPU with its own memory.
struct Machine {
    memory: Vec<u8>,
    cpu: Box<Cpu>,
}

impl Machine {
    fn new(threshold: u16) -> Self {
        // Guest address 0 is at the first page's beginning.
        let memory = vec![0; MEMORY + PAGE as usize];
        let start = (memory.as_ptr() as u64).next_multiple_of(PAGE);
        let code = Arc::new(Code::new(start, threshold, false).expect("memory"));
        code.set_executable(CODE, PAGE, true);
        Self {
            memory,
            cpu: Cpu::new(code),
        }
    }

    fn at(&mut self, address: u64, length: usize) -> &mut [u8] {
        let start = self.memory.as_ptr() as u64;
        let first = (start.next_multiple_of(PAGE) - start + address) as usize;
        &mut self.memory[first..first + length]
    }

    fn set_instruction(&mut self, word: u32) {
        let words = [word, SVC, BACK];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.at(CODE, bytes.len()).copy_from_slice(&bytes);
        self.cpu.code.invalidate(CODE, bytes.len() as u64);
    }

    /// Registers and memory after the instruction.
    fn run(&mut self, state: &State, data: &[u8]) -> (State, Vec<u8>) {
        self.cpu.state = state.clone();
        self.cpu.state.set_x(PC, CODE + 8);
        self.at(DATA, data.len()).copy_from_slice(data);
        assert_eq!(self.cpu.run(), Exit::Syscall);
        let data = self.at(DATA, data.len()).to_vec();
        (self.cpu.state.clone(), data)
    }
}

fn words(row: &Row, random: &mut Random) -> Vec<u32> {
    (0..64 * WORDS)
        .map(|_| row.value | random.next() as u32 & !row.mask)
        .filter(|&word| (row.decode)(word).is_some())
        .take(WORDS)
        .collect()
}

const fn accesses_memory(op: Op) -> bool {
    matches!(
        op,
        Op::LoadStructures | Op::StoreStructures | Op::LoadLane | Op::StoreLane | Op::LoadReplicate
    )
}

fn operands(random: &mut Random, memory: bool) -> State {
    let mut state = State::new();
    for vector in &mut state.v {
        *vector = random.vector();
    }
    for register in 0..=SP {
        let value = if memory {
            DATA + DATA_SIZE as u64 / 2 + random.next() % 64
        } else {
            random.lane(64)
        };
        state.set_x(register, value);
    }
    state.set_x(PSTATE, random.next() & 0xf000_0000);
    state.set_x(FPSR, random.pick(&[0, 0, 1 << 27, 0x9f]));
    state
}

fn difference(word: u32, before: &State, right: &State, wrong: &State) -> String {
    let vectors = (0..32).filter(|&i| right.v[i] != wrong.v[i]).map(|i| {
        let (right, wrong) = (right.v[i], wrong.v[i]);
        format!("v{i}: {right:032x}, not {wrong:032x}")
    });
    let others = (0..right.x.len())
        .filter(|&i| right.x[i] != wrong.x[i])
        .map(|i| format!("word {i}: {:x}, not {:x}", right.x[i], wrong.x[i]));
    let all: Vec<String> = vectors.chain(others).collect();
    let register = |at: u32| before.v((word >> at & 31) as u8);
    let (d, n, m) = (register(0), register(5), register(16));
    let sources = format!("d {d:032x} n {n:032x} m {m:032x}");
    format!("{word:08x}: {}; before: {sources}", all.join("; "))
}

/// The registers of the guest, but for FPSR.UFC, which is not exact: see docs/quirks.md.
fn visible(mut state: State) -> State {
    state.x[usize::from(FPSR)] &= !8;
    state.x[usize::from(SINK)..].fill(0);
    state
}

#[test]
fn each_encoding_is_compiled_as_it_is_interpreted() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut interpreted, mut compiled) = (Machine::new(0), Machine::new(1));
    let mut failures = Vec::new();
    for row in table::rows() {
        let words = words(row, &mut random);
        let Some(insn) = words.first().and_then(|&word| (row.decode)(word)) else {
            continue;
        };
        let memory = accesses_memory(insn.op);
        if !memory && !matches!(insn.op, Op::Helper(_)) {
            continue;
        }
        'words: for word in words {
            interpreted.set_instruction(word);
            compiled.set_instruction(word);
            for _ in 0..ROUNDS {
                let state = operands(&mut random, memory);
                let data: Vec<u8> = (0..DATA_SIZE).map(|_| random.next() as u8).collect();
                let (right, stored) = interpreted.run(&state, &data);
                let (result, also_stored) = compiled.run(&state, &data);
                let (right, result) = (visible(right), visible(result));
                if right != result || stored != also_stored {
                    let difference = difference(word, &state, &right, &result);
                    failures.push(format!("{}: {difference}", row.name));
                    break 'words;
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
