//! Single instructions, carried out by the engine's helpers and by qemu-aarch64, and compared.
//!
//! Without qemu-aarch64 and a cross compiler there is nothing to compare with.

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use elfuse_jit::fp::host;
use elfuse_jit::ir::{Insn, Op};
use elfuse_jit::state::{FPCR, FPSR, State};
use elfuse_jit::table::{self, Row};

/// Of the values of a row's fields, how many combinations are tried.
const WORDS: u32 = 128;

/// Registers: what `step.c` reads and writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// V0 to V7, which V16 to V23 and V24 to V31 equal before.
    pub(crate) v: [u128; 8],
    pub(crate) x: [u64; 4],
    pub(crate) fpcr: u32,
    pub(crate) nzcv: u32,
    pub(crate) fpsr: u32,
    /// The instruction; 0 after it turned out to be undefined.
    pub(crate) word: u32,
}

impl Record {
    const SIZE: usize = 176;

    fn bytes(&self) -> Vec<u8> {
        let vectors = self.v.iter().flat_map(|v| v.to_le_bytes());
        let general = self.x.iter().flat_map(|x| x.to_le_bytes());
        let control = [self.fpcr, self.nzcv, self.fpsr, self.word];
        let control = control.iter().flat_map(|w| w.to_le_bytes());
        vectors.chain(general).chain(control).collect()
    }

    fn read(source: &mut impl Read) -> Self {
        let mut bytes = [0; Self::SIZE];
        source.read_exact(&mut bytes).expect("a record for each");
        let mut rest = &bytes[..];
        let mut take = |count: usize| {
            let (part, after) = rest.split_at(count);
            rest = after;
            part.iter()
                .rev()
                .fold(0, |all, &byte| all << 8 | u128::from(byte))
        };
        Self {
            v: [(); 8].map(|()| take(16)),
            x: [(); 4].map(|()| take(8) as u64),
            fpcr: take(4) as u32,
            nzcv: take(4) as u32,
            fpsr: take(4) as u32,
            word: take(4) as u32,
        }
    }

    /// The record after the engine's execution of its instruction.
    fn stepped(&self, insn: Option<Insn>) -> Self {
        let Some(insn) = insn else {
            return Self { word: 0, ..*self };
        };
        let Op::Helper(helper) = insn.op else {
            panic!("{:08x} is no helper", self.word);
        };
        let mut state = State::new();
        for first in [0, 16, 24] {
            state.v[first..first + 8].copy_from_slice(&self.v);
        }
        state.x[..4].copy_from_slice(&self.x);
        state.x[usize::from(FPCR)] = u64::from(self.fpcr);
        state.x[usize::from(FPSR)] = u64::from(self.fpsr);
        state.set_nzcv(self.nzcv);
        host::enter();
        helper(&mut state, insn.args);
        state.x[usize::from(FPSR)] |= u64::from(host::take_flags());
        let mut after = *self;
        after.v.copy_from_slice(&state.v[..8]);
        after.x.copy_from_slice(&state.x[..4]);
        after.fpsr = state.x(FPSR) as u32;
        after.nzcv = state.nzcv();
        after
    }
}

/// Numbers that are the same in every run: xorshift64*.
pub(crate) struct Random(u64);

impl Random {
    /// Any number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 32) % limit
    }

    /// One of some values.
    pub(crate) fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }

    /// An integer of so many bits, often an extreme one.
    pub(crate) fn integer(&mut self, bits: u32) -> u64 {
        let ones = u64::MAX >> (64 - bits);
        let value = match self.below(8) {
            0 => 0,
            1 => ones,
            2 => ones >> 1,
            3 => ones << (bits - 1),
            4 => self
                .below(u64::from(2 * bits))
                .wrapping_sub(u64::from(bits)),
            5 => 1u64 << self.below(bits.into()),
            _ => self.next() >> self.below(bits.into()),
        };
        (if self.below(8) == 0 {
            value ^ self.below(4)
        } else {
            value
        }) & ones
    }

    /// A floating-point number with so many bits of exponent and fraction, often a special one.
    pub(crate) fn float(&mut self, exponent_bits: u32, fraction_bits: u32) -> u64 {
        let sign = self.below(2);
        let top = (1u64 << exponent_bits) - 1;
        let bias = top >> 1;
        let exponent = match self.below(8) {
            0 => 0,
            1 => top,
            2 => self.pick(&[1, 2, top - 1, top - 2]),
            3 => bias + self.pick(&[14, 15, 16, 30, 31, 32, 62, 63, 64]),
            4 => bias + self.pick(&[0, fraction_bits.into(), 1, 10, 23, 24]),
            5 | 6 => bias - 12 + self.below(24),
            _ => self.below(top + 1),
        };
        let ones = (1u64 << fraction_bits) - 1;
        let at = self.below(fraction_bits.into());
        let fraction = match self.below(8) {
            0 | 1 => 0,
            2 => 1 << (fraction_bits - 1),
            3 => ones,
            4 => 1 << at,
            5 => ones << at & ones,
            6 => ones >> at,
            _ => self.next() & ones,
        };
        (sign << exponent_bits | exponent.min(top)) << fraction_bits | fraction
    }

    /// A vector of floating-point numbers of so many bits.
    pub(crate) fn floats(&mut self, bits: u32) -> u128 {
        (0..128 / bits).fold(0, |vector, i| {
            let value = match bits {
                16 => self.float(5, 10),
                32 => self.float(8, 23),
                _ => self.float(11, 52),
            };
            vector | u128::from(value) << (i * bits)
        })
    }

    /// A vector of integers of one size.
    pub(crate) fn integers(&mut self) -> u128 {
        let bits = self.pick(&[8, 16, 32, 64]);
        (0..128 / bits).fold(0, |vector, i| {
            vector | u128::from(self.integer(bits)) << (i * bits)
        })
    }
}

/// Words of a row: some choices of registers, and all values, or many, of the other fields. The
/// letters d, n, m and a name registers; `general` says that some are general ones, where 31 is zero.
fn words(row: &Row, general: bool, random: &mut Random) -> Vec<u32> {
    let letters: Vec<(u32, u8)> = (0..).zip(row.pattern.bytes().rev()).collect();
    let free: Vec<u32> = letters
        .iter()
        .filter(|(_, letter)| letter.is_ascii_lowercase() && !b"dnma".contains(letter))
        .map(|&(bit, _)| bit)
        .collect();
    let registers = |numbers: [u32; 4]| {
        let mut word = row.value;
        for (letter, number) in b"dnma".iter().zip(numbers) {
            let bits = letters.iter().filter(|(_, l)| l == letter);
            for (i, (bit, _)) in bits.enumerate() {
                word |= (number >> i & 1) << bit;
            }
        }
        word
    };
    let values = 1u32 << free.len();
    let mut words = Vec::new();
    for i in 0..values.min(WORDS) {
        let value = if values <= WORDS {
            i
        } else {
            random.next() as u32 % values
        };
        let fields = (0..)
            .zip(&free)
            .fold(0, |word, (i, bit)| word | (value >> i & 1) << bit);
        words.push(registers([0, 1, 2, 3]) | fields);
        if i % 8 == 0 || general {
            let aliases: &[[u32; 4]] = if general {
                &[[0, 0, 0, 0], [0, 31, 1, 1], [31, 1, 1, 1]]
            } else {
                &[[0, 0, 0, 0], [1, 1, 0, 2], [2, 30, 7, 31], [3, 0, 3, 3]]
            };
            words.extend(aliases.iter().map(|&numbers| registers(numbers) | fields));
        }
    }
    words
}

/// The program that carries out records under qemu, or None on a machine that cannot.
fn oracle(name: &str) -> Option<Child> {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/directed/step.c");
    let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let compiled = Command::new("aarch64-linux-gnu-gcc")
        .args(["-O1", "-static", "-o"])
        .arg(&program)
        .arg(source)
        .stderr(Stdio::null())
        .status()
        .ok()?;
    assert!(compiled.success());
    Command::new("qemu-aarch64")
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()
}

/// The records as the oracle left them.
fn executed(mut oracle: Child, records: &[Record]) -> Vec<Record> {
    let mut input = oracle.stdin.take().expect("piped");
    let mut output = BufReader::new(oracle.stdout.take().expect("piped"));
    let results = std::thread::scope(|scope| {
        scope.spawn(move || {
            for chunk in records.chunks(1024) {
                let bytes: Vec<u8> = chunk.iter().flat_map(Record::bytes).collect();
                input.write_all(&bytes).expect("the oracle reads");
            }
        });
        records.iter().map(|_| Record::read(&mut output)).collect()
    });
    assert!(oracle.wait().expect("the oracle ends").success());
    results
}

/// Carry out words of these rows, each with so many sets of registers that `fill` makes, and compare
/// all registers. `name` is that of the oracle's program.
pub(crate) fn compare<'a>(
    name: &str,
    rows: impl Iterator<Item = &'a Row>,
    rounds: usize,
    fill: impl Fn(&mut Random) -> Record,
) {
    let Some(oracle) = oracle(name) else { return };
    let random = &mut Random(0x9E37_79B9_7F4A_7C15);
    let mut steps: Vec<(&Row, Record)> = Vec::new();
    for row in rows {
        let general = row.pattern.starts_with('z')
            || ["general", "mov"]
                .iter()
                .any(|part| row.name.contains(part));
        for word in words(row, general, random) {
            steps.extend((0..rounds).map(|_| {
                (
                    row,
                    Record {
                        word,
                        ..fill(random)
                    },
                )
            }));
        }
    }
    let before: Vec<Record> = steps.iter().map(|(_, record)| *record).collect();
    let mut wrong: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    for ((row, before), theirs) in steps.iter().zip(executed(oracle, &before)) {
        let ours = before.stepped(table::decode(before.word));
        if ours != theirs {
            let report = format!("before {before:x?}\nours   {ours:x?}\nqemu   {theirs:x?}");
            wrong.entry(row.name).or_insert((0, report)).0 += 1;
        }
    }
    let reports: Vec<String> = wrong
        .iter()
        .map(|(name, (count, report))| format!("{name}: {count}\n{report}\n"))
        .collect();
    assert!(reports.is_empty(), "{}", reports.join("\n"));
}
