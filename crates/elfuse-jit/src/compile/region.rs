//! What is compiled together: basic blocks that direct branches connect.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::ir::{Address, Args, Float, Insn, Logic, Op};
use crate::state::SP;

/// X30.
const LINK: u8 = 30;

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
    pub(super) written: Registers,
    /// What may have been written on the way from the region's head to the block.
    pub(super) written_before: Registers,
}

/// A set of general and vector registers, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Registers {
    pub(super) general: u64,
    pub(super) vector: u32,
    /// NZCV.
    pub(super) flags: bool,
}

impl Registers {
    pub(super) fn union(self, other: Self) -> Self {
        Self {
            general: self.general | other.general,
            vector: self.vector | other.vector,
            flags: self.flags | other.flags,
        }
    }
}

/// Blocks by address.
#[derive(Debug)]
pub(super) struct Region {
    pub(super) head: u64,
    pub(super) blocks: BTreeMap<u64, Block>,
    /// Registers read or written.
    pub(super) used: Registers,
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
            used: Registers::default(),
        };
        for &leader in &leaders {
            if code.contains_key(&leader) {
                region.add_block(leader, &code, &leaders);
            }
        }
        region.propagate();
        Some(region)
    }

    fn add_block(&mut self, leader: u64, code: &BTreeMap<u64, Insn>, leaders: &BTreeSet<u64>) {
        let (mut pc, mut body) = (leader, Vec::new());
        let mut written = Registers::default();
        let end = loop {
            if pc != leader && leaders.contains(&pc) {
                break End::Jump(pc);
            }
            let Some(&insn) = code.get(&pc) else {
                break End::Jump(pc);
            };
            let (used, changed) = registers(&insn);
            self.used = self.used.union(used).union(changed);
            written = written.union(changed);
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
            written,
            written_before: Registers::default(),
        };
        self.blocks.insert(leader, block);
    }

    /// Find what may have been written before each block.
    fn propagate(&mut self) {
        loop {
            let mut changed = false;
            let flow: Vec<(u64, Registers)> = self
                .blocks
                .values()
                .flat_map(|block| {
                    let after = block.written_before.union(block.written);
                    block.successors().into_iter().map(move |to| (to, after))
                })
                .collect();
            for (to, after) in flow {
                if let Some(block) = self.blocks.get_mut(&to) {
                    let before = block.written_before.union(after);
                    changed |= before != block.written_before;
                    block.written_before = before;
                }
            }
            if !changed {
                return;
            }
        }
    }
}

impl Block {
    /// Addresses that follow directly, in this region or not.
    pub(super) fn successors(&self) -> Vec<u64> {
        match self.end {
            End::Jump(to) => vec![to],
            End::Branch(_, taken, not) => vec![taken, not],
            End::Call(_) | End::Indirect(_) => vec![],
        }
    }
}

/// Which registers an instruction uses, too many do no harm, and which it changes.
fn registers(insn: &Insn) -> (Registers, Registers) {
    let Args { d, n, m, a, .. } = insn.args;
    let general = |list: &[u8]| Registers {
        general: list
            .iter()
            .filter(|&&register| register <= SP)
            .fold(0, |set, register| set | 1 << register),
        ..Registers::default()
    };
    let vector = |list: &[u8]| Registers {
        vector: list
            .iter()
            .fold(0, |set, register| set | 1 << (register % 32)),
        ..Registers::default()
    };
    let flags = Registers {
        flags: true,
        ..Registers::default()
    };
    let none = Registers::default();
    let base = |mode: Address| match mode {
        Address::PreIndex | Address::PostIndex => general(&[n]),
        _ => none,
    };
    match insn.op {
        Op::LoadV(_, mode) => (general(&[n, m]), vector(&[d]).union(base(mode))),
        Op::StoreV(_, mode) => (general(&[n, m]).union(vector(&[d])), base(mode)),
        Op::LoadPairV(_, mode) => (general(&[n]), vector(&[d, a]).union(base(mode))),
        Op::StorePairV(_, mode) => (general(&[n]).union(vector(&[d, a])), base(mode)),
        // A helper works on registers in memory; those it may change are exchanged there.
        Op::Helper(_) => (
            general(&[n, m, a]).union(vector(&[n, m, a])),
            general(&[d]).union(vector(&[d])).union(flags),
        ),
        Op::Float(Float::Compare { .. }, _) => (vector(&[n, m]), flags),
        Op::Float(Float::ToGeneral | Float::ToInt { .. }, _) => (vector(&[n]), general(&[d])),
        Op::Float(Float::FromGeneral | Float::FromInt { .. }, _) => (general(&[n]), vector(&[d])),
        Op::Float(..) => (vector(&[n, m, a]), vector(&[d])),
        Op::Store(_, mode) | Op::StorePair(_, mode) => (general(&[d, n, m, a]), base(mode)),
        Op::StoreRelease(_) => (general(&[d, n]), none),
        Op::StoreExclusive(_) => (general(&[d, n]), general(&[m])),
        Op::CompareSwap(_) => (general(&[d, n, m]), general(&[a])),
        Op::Load(_, _, mode) => (general(&[n, m]), general(&[d]).union(base(mode))),
        Op::LoadPair(_, _, mode) => (general(&[n]), general(&[d, a]).union(base(mode))),
        Op::Call => (none, general(&[LINK])),
        Op::CallReg => (general(&[n]), general(&[LINK])),
        Op::JumpIf | Op::JumpZero { .. } | Op::JumpBit { .. } | Op::JumpReg { .. } => {
            (general(&[d, n]), none)
        }
        Op::CondCompare { .. } => (general(&[n, m]), flags),
        Op::Arith { flags: true, .. }
        | Op::Logic {
            logic: Logic::Ands, ..
        } => (general(&[n, m]), general(&[d]).union(flags)),
        _ => (general(&[n, m, a]), general(&[d])),
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
