//! What is compiled together: basic blocks that direct branches connect.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::compile::{flow, vector};
use crate::ir::{Address, Args, Float, Insn, Op};
use crate::state::SP;

/// X30.
const LINK: u8 = 30;

/// Most instructions of a region: compile time grows faster than the gain.
const LIMIT: usize = 256;

/// Most instructions of a function that becomes part of its caller's region.
const CALLEE_LIMIT: usize = 96;

/// Most places in a region where a return instruction is expected to go.
const RETURNS: usize = 3;

/// How a block ends.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// Go on at an address, in this region if it has a block there.
    Jump(u64),
    /// Conditional branch: the instruction, and where it goes if taken or not.
    Branch(Insn, u64, u64),
    /// BL, with its target and whether the region has it.
    Call(u64, bool),
    /// BR, RET or BLR, with blocks of this region where it probably goes.
    Indirect(Insn, Vec<u64>),
}

/// Straight-line code.
#[derive(Clone, Debug)]
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
}

impl Registers {
    pub(super) fn union(self, other: Self) -> Self {
        Self {
            general: self.general | other.general,
            vector: self.vector | other.vector,
        }
    }
}

/// Blocks by address. Where there are two versions of a block, the second has bit 0 set.
#[derive(Debug)]
pub(super) struct Region {
    pub(super) head: u64,
    pub(super) blocks: BTreeMap<u64, Block>,
    /// Registers read or written.
    pub(super) used: Registers,
}

/// Of a block or version of a block.
pub(super) fn address(block: u64) -> u64 {
    block & !1
}

enum Step {
    Body(Insn),
    End(End),
}

fn classify(pc: u64, insn: Insn) -> Step {
    let target = pc.wrapping_add(insn.imm);
    match insn.op {
        Op::Jump => Step::End(End::Jump(target)),
        Op::Call => Step::End(End::Call(target, false)),
        Op::JumpIf | Op::JumpZero { .. } | Op::JumpBit { .. } => {
            Step::End(End::Branch(insn, target, pc + 4))
        }
        Op::JumpReg { .. } | Op::CallReg => Step::End(End::Indirect(insn, Vec::new())),
        _ => Step::Body(insn),
    }
}

impl Region {
    /// From the instruction at `head` on; `fetch` decodes what can be compiled. None if that is
    /// nothing.
    pub(super) fn discover(head: u64, fetch: impl Fn(u64) -> Option<Insn>) -> Option<Self> {
        let Scan {
            code,
            leaders,
            calls,
            ..
        } = Scan::new(head, fetch)?;
        let returns = returns(&code, &calls);
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
        for block in region.blocks.values_mut() {
            match &mut block.end {
                End::Call(_, inside) => *inside = calls.contains_key(&block.end_pc),
                End::Indirect(_, expected) => {
                    if let Some(known) = returns.get(&block.end_pc) {
                        expected.extend(known.iter().take(RETURNS));
                    }
                }
                End::Jump(_) | End::Branch(..) => {}
            }
        }
        region.keep_reachable();
        flow::split_by_flags(&mut region);
        region.propagate();
        Some(region)
    }

    /// Drop what only returns lead to that are expected elsewhere.
    fn keep_reachable(&mut self) {
        let (mut seen, mut queue) = (BTreeSet::new(), vec![self.head]);
        while let Some(start) = queue.pop() {
            if let Some(block) = self.blocks.get(&start).filter(|_| seen.insert(start)) {
                queue.extend(block.successors());
            }
        }
        self.blocks.retain(|start, _| seen.contains(start));
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
    /// The same block with other versions of those that it leads to.
    pub(super) fn leading(&self, version: impl Fn(u64) -> u64) -> Self {
        let end = match self.end {
            End::Jump(to) => End::Jump(version(to)),
            End::Branch(insn, taken, not) => End::Branch(insn, version(taken), version(not)),
            End::Call(to, true) => End::Call(version(to), true),
            End::Call(to, false) => End::Call(to, false),
            End::Indirect(insn, ref expected) => {
                End::Indirect(insn, expected.iter().map(|&to| version(to)).collect())
            }
        };
        Self {
            end,
            ..self.clone()
        }
    }

    /// Addresses that follow directly, in this region or not.
    pub(super) fn successors(&self) -> Vec<u64> {
        match self.end {
            End::Jump(to) | End::Call(to, true) => vec![to],
            End::Branch(_, taken, not) => vec![taken, not],
            End::Call(..) => vec![],
            End::Indirect(_, ref expected) => expected.clone(),
        }
    }
}

/// Which registers an instruction uses, too many do no harm, and which it changes.
pub(super) fn registers(insn: &Insn) -> (Registers, Registers) {
    let Args { d, n, m, a, .. } = insn.args;
    let general = |list: &[u8]| Registers {
        general: list
            .iter()
            .filter(|&&register| register <= SP)
            .fold(0, |set, register| set | 1 << register),
        ..Registers::default()
    };
    let vectors = |list: &[u8]| Registers {
        vector: list
            .iter()
            .fold(0, |set, register| set | 1 << (register % 32)),
        ..Registers::default()
    };
    let none = Registers::default();
    let base = |mode: Address| match mode {
        Address::PreIndex | Address::PostIndex => general(&[n]),
        _ => none,
    };
    match insn.op {
        Op::LoadV(_, mode) => (general(&[n, m]), vectors(&[d]).union(base(mode))),
        Op::StoreV(_, mode) => (general(&[n, m]).union(vectors(&[d])), base(mode)),
        Op::LoadPairV(_, mode) => (general(&[n]), vectors(&[d, a]).union(base(mode))),
        Op::StorePairV(_, mode) => (general(&[n]).union(vectors(&[d, a])), base(mode)),
        // A helper works on registers in memory; those it may change are exchanged there.
        Op::Helper(_) => (
            general(&[n, m, a]).union(vectors(&[n, m, a])),
            general(&[d]).union(vectors(&[d])),
        ),
        Op::HelperOn(..)
        | Op::ByValue(..)
        | Op::ByNumber(_)
        | Op::Vector(..)
        | Op::FloatVector(..)
        | Op::LoadStructures
        | Op::StoreStructures
        | Op::LoadLane
        | Op::StoreLane
        | Op::LoadReplicate => vector::registers(insn),
        Op::Float(Float::Compare { .. }, _) => (vectors(&[n, m]), none),
        Op::Float(Float::ToGeneral | Float::ToInt { .. }, _) => (vectors(&[n]), general(&[d])),
        Op::Float(Float::FromGeneral | Float::FromInt { .. }, _) => (general(&[n]), vectors(&[d])),
        Op::Float(..) => (vectors(&[n, m, a]), vectors(&[d])),
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
        Op::CondCompare { .. } => (general(&[n, m]), none),
        _ => (general(&[n, m, a]), general(&[d])),
    }
}

/// Finds the instructions of a region.
struct Scan<F> {
    fetch: F,
    code: BTreeMap<u64, Insn>,
    /// Where blocks begin.
    leaders: BTreeSet<u64>,
    /// BL instructions whose functions are part of the region, with their targets.
    calls: BTreeMap<u64, u64>,
    /// Others that were met, likewise.
    met: VecDeque<(u64, u64)>,
}

impl<F: Fn(u64) -> Option<Insn>> Scan<F> {
    /// What direct branches reach from `head`, and small functions called from there.
    fn new(head: u64, fetch: F) -> Option<Self> {
        let mut scan = Self {
            fetch,
            code: BTreeMap::new(),
            leaders: BTreeSet::new(),
            calls: BTreeMap::new(),
            met: VecDeque::new(),
        };
        scan.walk(head, LIMIT);
        while let Some((call, target)) = scan.met.pop_front() {
            if scan.code.len() < LIMIT && (scan.code.contains_key(&target) || scan.adopt(target)) {
                scan.leaders.insert(target);
                scan.calls.insert(call, target);
                scan.walk(call + 4, LIMIT);
            }
        }
        scan.code.contains_key(&head).then_some(scan)
    }

    /// Add what direct branches reach from `start`, until there are `limit` instructions. Whether
    /// that is all, and whether a RET is among it.
    fn walk(&mut self, start: u64, limit: usize) -> (bool, bool) {
        let mut returns = false;
        let mut queue = VecDeque::from([start]);
        while let Some(start) = queue.pop_front() {
            self.leaders.insert(start);
            let mut pc = start;
            while !self.code.contains_key(&pc) {
                if self.code.len() >= limit {
                    return (false, returns);
                }
                let Some(insn) = (self.fetch)(pc) else { break };
                self.code.insert(pc, insn);
                let Step::End(end) = classify(pc, insn) else {
                    pc += 4;
                    continue;
                };
                match end {
                    End::Jump(to) => queue.push_back(to),
                    End::Branch(_, taken, not) => queue.extend([not, taken]),
                    End::Call(to, _) => self.met.push_back((pc, to)),
                    End::Indirect(insn, _) => {
                        returns |= matches!(insn.op, Op::JumpReg { ret: true });
                    }
                }
                break;
            }
        }
        (true, returns)
    }

    /// Add the function at `target` if it is small and returns.
    fn adopt(&mut self, target: u64) -> bool {
        let before = (self.code.clone(), self.leaders.clone(), self.met.len());
        let limit = LIMIT.min(self.code.len() + CALLEE_LIMIT);
        let suits = self.walk(target, limit) == (true, true);
        if !suits {
            (self.code, self.leaders) = (before.0, before.1);
            self.met.truncate(before.2);
        }
        suits
    }
}

/// For RET instructions, the addresses behind the calls in the region that they may return from.
fn returns(code: &BTreeMap<u64, Insn>, calls: &BTreeMap<u64, u64>) -> BTreeMap<u64, Vec<u64>> {
    let mut found: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for (&call, &target) in calls {
        let back = call + 4;
        if !code.contains_key(&back) {
            continue;
        }
        for end in ends_of_function(target, code, calls) {
            found.entry(end).or_default().push(back);
        }
    }
    found
}

/// The RET instructions that can be reached from `start` without returning.
fn ends_of_function(
    start: u64,
    code: &BTreeMap<u64, Insn>,
    calls: &BTreeMap<u64, u64>,
) -> Vec<u64> {
    let (mut seen, mut queue, mut ends) = (BTreeSet::new(), vec![start], Vec::new());
    while let Some(mut pc) = queue.pop() {
        while let Some(&insn) = code.get(&pc).filter(|_| seen.insert(pc)) {
            match classify(pc, insn) {
                Step::Body(_) => {
                    pc += 4;
                    continue;
                }
                Step::End(End::Jump(to)) => queue.push(to),
                Step::End(End::Branch(_, taken, not)) => queue.extend([taken, not]),
                Step::End(End::Call(..)) => {
                    if calls.contains_key(&pc) {
                        queue.push(pc + 4);
                    }
                }
                Step::End(End::Indirect(insn, _)) => {
                    if matches!(insn.op, Op::JumpReg { ret: true }) {
                        ends.push(pc);
                    }
                }
            }
            break;
        }
    }
    ends
}
