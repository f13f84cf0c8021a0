//! What is compiled together: basic blocks that direct branches connect.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::ir::{Address, Args, Insn, Op};
use crate::state::{SINK, SP};

/// Most instructions of a region: compile time grows faster than the gain.
const LIMIT: usize = 256;

/// How a block ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// Go on at an address, in this region if it has a block there.
    Jump(u64),
    /// Conditional branch: the instruction, and where it goes if taken or not.
    Branch(Insn, u64, u64),
    /// BL, with its target.
    Call(u64),
    /// BR, RET or BLR.
    Indirect(Insn),
}

/// Straight-line code.
#[derive(Debug)]
pub(super) struct Block {
    /// Instructions with their addresses; the branch at the end is in `end`.
    pub(super) body: Vec<(u64, Insn)>,
    /// Address of the ending instruction, or behind the last one.
    pub(super) end_pc: u64,
    pub(super) end: End,
}

/// Blocks by address.
#[derive(Debug)]
pub(super) struct Region {
    pub(super) head: u64,
    pub(super) blocks: BTreeMap<u64, Block>,
    /// General registers read or written, a bit each.
    pub(super) used: u64,
    /// General registers written.
    pub(super) written: u64,
    /// Vector registers read or written.
    pub(super) used_v: u32,
    /// Vector registers written.
    pub(super) written_v: u32,
}

enum Step {
    Body(Insn),
    End(End),
}

fn classify(pc: u64, insn: Insn) -> Step {
    let target = pc.wrapping_add(insn.imm);
    match insn.op {
        Op::Jump => Step::End(End::Jump(target)),
        Op::Call => Step::End(End::Call(target)),
        Op::JumpIf | Op::JumpZero { .. } | Op::JumpBit { .. } => {
            Step::End(End::Branch(insn, target, pc + 4))
        }
        Op::JumpReg { .. } | Op::CallReg => Step::End(End::Indirect(insn)),
        _ => Step::Body(insn),
    }
}

impl Region {
    /// From the instruction at `head` on; `fetch` decodes what can be compiled. None if that is
    /// nothing.
    pub(super) fn discover(head: u64, fetch: impl Fn(u64) -> Option<Insn>) -> Option<Self> {
        let (code, leaders) = scan(head, fetch)?;
        let mut region = Self {
            head,
            blocks: BTreeMap::new(),
            used: 0,
            written: 0,
            used_v: 0,
            written_v: 0,
        };
        for &leader in &leaders {
            if code.contains_key(&leader) {
                region.add_block(leader, &code, &leaders);
            }
        }
        Some(region)
    }

    fn add_block(&mut self, leader: u64, code: &BTreeMap<u64, Insn>, leaders: &BTreeSet<u64>) {
        let (mut pc, mut body) = (leader, Vec::new());
        let end = loop {
            if pc != leader && leaders.contains(&pc) {
                break End::Jump(pc);
            }
            let Some(&insn) = code.get(&pc) else {
                break End::Jump(pc);
            };
            self.note(&insn);
            match classify(pc, insn) {
                Step::End(end) => break end,
                Step::Body(insn) => body.push((pc, insn)),
            }
            pc += 4;
        };
        let block = Block {
            body,
            end_pc: pc,
            end,
        };
        self.blocks.insert(leader, block);
    }

    /// Record which registers an instruction uses; too many do no harm.
    fn note(&mut self, insn: &Insn) {
        let Args { d, n, m, a, .. } = insn.args;
        let bit = |register: u8| if register <= SP { 1u64 << register } else { 0 };
        let bit_v = |register: u8| 1u32 << (register % 32);
        match insn.op {
            Op::LoadV(_, mode) | Op::StoreV(_, mode) => {
                self.used |= bit(n) | bit(m);
                self.used_v |= bit_v(d);
                if matches!(insn.op, Op::LoadV(..)) {
                    self.written_v |= bit_v(d);
                }
                self.note_base(n, mode);
            }
            Op::LoadPairV(_, mode) | Op::StorePairV(_, mode) => {
                self.used |= bit(n);
                self.used_v |= bit_v(d) | bit_v(a);
                if matches!(insn.op, Op::LoadPairV(..)) {
                    self.written_v |= bit_v(d) | bit_v(a);
                }
                self.note_base(n, mode);
            }
            Op::Helper(_) => {
                // A helper works on registers in memory; those it may touch are exchanged there.
                for register in [d, n, m, a] {
                    self.used |= bit(register);
                    self.used_v |= bit_v(register);
                }
                self.written |= bit(d);
                self.written_v |= bit_v(d);
            }
            Op::Store(_, mode) | Op::StorePair(_, mode) => {
                self.used |= bit(d) | bit(n) | bit(m) | bit(a);
                self.note_base(n, mode);
            }
            Op::Load(_, _, mode) | Op::LoadPair(_, _, mode) => {
                self.used |= bit(d) | bit(n) | bit(m) | bit(a);
                self.written |= bit(d);
                if matches!(insn.op, Op::LoadPair(..)) {
                    self.written |= bit(a);
                }
                self.note_base(n, mode);
            }
            Op::Call | Op::CallReg => {
                self.used |= bit(30) | bit(n);
                self.written |= bit(30);
            }
            Op::JumpIf | Op::JumpZero { .. } | Op::JumpBit { .. } | Op::JumpReg { .. } => {
                self.used |= bit(d) | bit(n);
            }
            Op::CondCompare { .. } => self.used |= bit(n) | bit(m),
            _ => {
                self.used |= bit(d) | bit(n) | bit(m) | bit(a);
                self.written |= bit(d);
            }
        }
        debug_assert!(self.used & 1 << SINK == 0);
    }

    fn note_base(&mut self, n: u8, mode: Address) {
        if matches!(mode, Address::PreIndex | Address::PostIndex) {
            self.written |= 1 << n;
        }
    }
}

/// Instructions reachable from `head` and where blocks begin.
fn scan(
    head: u64,
    fetch: impl Fn(u64) -> Option<Insn>,
) -> Option<(BTreeMap<u64, Insn>, BTreeSet<u64>)> {
    let mut code = BTreeMap::new();
    let mut leaders = BTreeSet::from([head]);
    let mut queue = VecDeque::from([head]);
    while let Some(start) = queue.pop_front() {
        let mut pc = start;
        while code.len() < LIMIT && !code.contains_key(&pc) {
            let Some(insn) = fetch(pc) else { break };
            code.insert(pc, insn);
            match classify(pc, insn) {
                Step::Body(_) => pc += 4,
                Step::End(end) => {
                    let next = match end {
                        End::Jump(to) => vec![to],
                        End::Branch(_, taken, not) => vec![not, taken],
                        End::Call(_) | End::Indirect(_) => vec![],
                    };
                    for to in next {
                        leaders.insert(to);
                        queue.push_back(to);
                    }
                    break;
                }
            }
        }
    }
    code.contains_key(&head).then_some((code, leaders))
}
