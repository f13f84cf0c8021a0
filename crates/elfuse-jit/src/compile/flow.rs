//! What is known about a region before it is lifted: which blocks follow only one other, and in what
//! form each expects the flags.
#![forbid(unsafe_code)]

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::compile::flags::{Form, Operation, Source, Width};
use crate::compile::lift::LINK;
use crate::compile::region::{Block, End, Region, address, registers};
use crate::ir::{Args, Float, Insn, Logic, Op, Operand};
use crate::state::{SP, ZERO};

/// Blocks that are reached by one branch only, which is lifted before them.
pub(super) fn single_entries(region: &Region) -> BTreeSet<u64> {
    let mut origins: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for (&start, block) in &region.blocks {
        for to in block.successors() {
            origins.entry(to).or_default().push(start);
        }
    }
    origins
        .into_iter()
        .filter(|(to, from)| *to != region.head && from.len() == 1 && from[0] < *to)
        .map(|(to, _)| to)
        .collect()
}

/// Blocks at whose beginning the flags may still be read.
fn flag_readers(region: &Region) -> BTreeSet<u64> {
    let mut readers = BTreeSet::new();
    loop {
        let before = readers.len();
        for (&start, block) in &region.blocks {
            let end = match &block.end {
                End::Branch(insn, ..) => Some(insn),
                _ => None,
            };
            let mut insns = block.body.iter().map(|(_, insn)| insn).chain(end);
            let first = insns.find_map(|insn| match (reads_flags(insn), flag_form(insn)) {
                (false, None) => None,
                (reads, _) => Some(reads),
            });
            let reads =
                first.unwrap_or_else(|| block.successors().iter().any(|to| readers.contains(to)));
            if reads {
                readers.insert(start);
            }
        }
        if readers.len() == before {
            return readers;
        }
    }
}

/// How the blocks that are not `single` expect the flags.
pub(super) fn flag_forms(region: &Region, single: &BTreeSet<u64>) -> BTreeMap<u64, Form> {
    let readers = flag_readers(region);
    let fallback = |block: u64| {
        if let Some(setter) = region.blocks.get(&block).and_then(first_setter) {
            Form::Dead(setter)
        } else if readers.contains(&block) {
            Form::Packed
        } else {
            Form::Stored
        }
    };
    // None stands for a form that only single blocks take over.
    let mut forms = BTreeMap::from([(region.head, Some(fallback(region.head)))]);
    loop {
        let mut changed = false;
        for (start, block) in &region.blocks {
            let Some(&entry) = forms.get(start) else {
                continue;
            };
            let exit = form_behind(block, entry);
            for to in block.successors() {
                if !region.blocks.contains_key(&to) {
                    continue;
                }
                let merged = match (forms.get(&to), exit) {
                    (Some(&known), _) if known == exit || matches!(known, Some(Form::Dead(_))) => {
                        continue;
                    }
                    _ if single.contains(&to) => exit,
                    (None, Some(_)) if !matches!(fallback(to), Form::Dead(_)) => exit,
                    (Some(&Some(known)), Some(exit)) => known.or(exit).or(Some(fallback(to))),
                    _ => Some(fallback(to)),
                };
                changed |= forms.insert(to, merged) != Some(merged);
            }
        }
        if !changed {
            break;
        }
    }
    forms
        .into_iter()
        .filter_map(|(block, form)| Some((block, form?)))
        .collect()
}

/// The form of the flags behind a block.
fn form_behind(block: &Block, before: Option<Form>) -> Option<Form> {
    let mut form = before;
    for (_, insn) in &block.body {
        let (_, written) = registers(insn);
        form = match flag_form(insn) {
            Some(set) => set,
            None => form.map(|form| form.after(written.general)),
        };
    }
    match block.end {
        End::Call(..) | End::Indirect(..) => form.map(|form| form.after(1 << LINK)),
        End::Jump(_) | End::Branch(..) => form,
    }
}

/// Have blocks twice that a loop comes back to with flags which it set, and which are reached by
/// others with those that the region began with: nothing but the register block is a place for
/// both, and loops would store theirs each time round.
pub(super) fn split_by_flags(region: &mut Region) {
    /// Most instructions to have twice.
    const LIMIT: usize = 48;
    let loops = region
        .blocks
        .iter()
        .filter(|&(&start, block)| first_setter(block).is_none() && is_in_loop(region, start));
    let mut candidates: BTreeSet<u64> = loops.map(|(&start, _)| start).collect();
    loop {
        let split = Region {
            blocks: versions(region, &candidates),
            ..*region
        };
        let single = single_entries(&split);
        let forms = flag_forms(&split, &single);
        let (mut more, before) = (0, candidates.len());
        for (&start, block) in &split.blocks {
            if start & 1 == 0 || !split.blocks.contains_key(&address(start)) {
                continue;
            }
            more += block.body.len() + 1;
            // More variables cost as much as the stores.
            let pays = forms.get(&start).is_some_and(|form| form.variables() <= 1);
            if !pays && !single.contains(&start) {
                candidates.remove(&address(start));
            }
        }
        if candidates.len() == before {
            if more <= LIMIT {
                region.blocks = split.blocks;
            }
            return;
        }
    }
}

/// The blocks of a region, the candidates among them a second time where they are reached with
/// flags that the region set.
fn versions(region: &Region, candidates: &BTreeSet<u64>) -> BTreeMap<u64, Block> {
    let version = |to: u64, set: bool| to | u64::from(set && candidates.contains(&to));
    let mut blocks: BTreeMap<u64, Block> = BTreeMap::new();
    let mut queue = VecDeque::from([(region.head, false)]);
    while let Some((start, set)) = queue.pop_front() {
        let Some(block) = region.blocks.get(&start) else {
            continue;
        };
        let Entry::Vacant(place) = blocks.entry(version(start, set)) else {
            continue;
        };
        let before = if set { None } else { Some(Form::Stored) };
        let set = form_behind(block, before) != Some(Form::Stored);
        place.insert(block.leading(|to| version(to, set)));
        queue.extend(block.successors().into_iter().map(|to| (to, set)));
    }
    blocks
}

/// Whether a block can be reached again from itself.
fn is_in_loop(region: &Region, start: u64) -> bool {
    let (mut seen, mut queue) = (BTreeSet::new(), vec![start]);
    while let Some(block) = queue.pop().and_then(|from| region.blocks.get(&from)) {
        for to in block.successors() {
            if to == start {
                return true;
            }
            if seen.insert(to) {
                queue.push(to);
            }
        }
    }
    false
}

/// Where a block sets the flags, if nothing before can leave the region or look at them.
fn first_setter(block: &Block) -> Option<u64> {
    block
        .body
        .iter()
        .take_while(|(_, insn)| is_plain(insn) && !reads_flags(insn))
        .find(|(_, insn)| flag_form(insn).is_some())
        .map(|&(pc, _)| pc)
}

/// Whether an instruction only computes with general registers.
pub(super) fn is_plain(insn: &Insn) -> bool {
    matches!(
        insn.op,
        Op::Nop
            | Op::MovImm
            | Op::Adr
            | Op::Adrp
            | Op::Movk(_)
            | Op::Arith { .. }
            | Op::Logic { .. }
            | Op::Ubfm
            | Op::Sbfm(_)
            | Op::Bfm(_)
            | Op::Extr(_)
            | Op::ShiftVar(..)
            | Op::MulAdd { .. }
            | Op::MulAddLong { .. }
            | Op::MulHigh { .. }
            | Op::Div { .. }
            | Op::Unary(..)
            | Op::Select { .. }
    )
}

/// Whether something is pending behind an instruction.
pub(super) fn is_access(insn: &Insn) -> bool {
    matches!(
        insn.op,
        Op::Load(..)
            | Op::Store(..)
            | Op::LoadPair(..)
            | Op::StorePair(..)
            | Op::LoadV(..)
            | Op::StoreV(..)
            | Op::LoadPairV(..)
            | Op::StorePairV(..)
            | Op::LoadStructures
            | Op::StoreStructures
            | Op::LoadLane
            | Op::StoreLane
            | Op::LoadReplicate
            | Op::LoadAcquire(_)
    )
}

/// Condition codes below read flags.
pub(super) const ALWAYS: u8 = 14;

fn reads_flags(insn: &Insn) -> bool {
    let Args { d, a, x, .. } = insn.args;
    match insn.op {
        Op::JumpIf => a < ALWAYS,
        Op::Select { .. } | Op::Float(Float::Select, _) => x < u16::from(ALWAYS),
        Op::CondCompare { .. } => d < ALWAYS,
        Op::AddCarry { .. } => true,
        _ => false,
    }
}

/// What flags an instruction leaves, if it sets them.
#[allow(clippy::option_option, reason = "sets none, or sets them in no Form")]
fn flag_form(insn: &Insn) -> Option<Option<Form>> {
    let form = match insn.op {
        Op::Arith {
            flags: true,
            sub,
            width,
            operand,
        } => {
            let operation = if sub { Operation::Sub } else { Operation::Add };
            let (a, b) = operands(insn, sub, operand);
            Form::Lazy(operation, width, a, b)
        }
        Op::Logic {
            logic: Logic::Ands,
            width,
            ..
        } => Form::Lazy(
            Operation::Logic,
            width,
            Source::Variable,
            Source::Constant(0),
        ),
        Op::Float(Float::Compare { .. }, _) => {
            Form::Lazy(Operation::Sub, Width::X, Source::Variable, Source::Variable)
        }
        Op::AddCarry { flags: true, .. } => Form::Packed,
        Op::Helper(_) => Form::Stored,
        Op::CondCompare { .. } => return Some(None),
        _ => return None,
    };
    Some(Some(form))
}

/// Where the operands of an addition or subtraction are afterwards.
fn operands(insn: &Insn, sub: bool, operand: Operand) -> (Source, Source) {
    let Args { d, n, m, .. } = insn.args;
    let register = |register: u8| match register {
        ZERO => Source::Constant(0),
        _ if register > SP || register == d => Source::Variable,
        _ => Source::Register(register, 0),
    };
    match operand {
        Operand::Imm if n == d && n <= SP => {
            let back = if sub {
                insn.imm
            } else {
                insn.imm.wrapping_neg()
            };
            (Source::Register(d, back), Source::Constant(insn.imm))
        }
        Operand::Imm => (register(n), Source::Constant(insn.imm)),
        Operand::Reg => (register(n), register(m)),
        Operand::Shifted(_) | Operand::Extended(_) => (register(n), Source::Variable),
    }
}
