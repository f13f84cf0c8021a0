//! What is known about a region before it is lifted: which blocks follow only one other, and in what
//! form each expects the flags.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};

use crate::compile::flags::{Form, Operation, Width};
use crate::compile::region::{Block, End, Region};
use crate::ir::{Args, Float, Insn, Logic, Op};

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
            let exit = block
                .body
                .iter()
                .rev()
                .find_map(|(_, insn)| flag_form(insn))
                .unwrap_or(entry);
            for to in block.successors() {
                if !region.blocks.contains_key(&to) {
                    continue;
                }
                let merged = match forms.get(&to) {
                    Some(&known) if known == exit || matches!(known, Some(Form::Dead(_))) => {
                        continue;
                    }
                    _ if single.contains(&to) => exit,
                    None if exit.is_some() && !matches!(fallback(to), Form::Dead(_)) => exit,
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
            ..
        } => Form::Lazy(if sub { Operation::Sub } else { Operation::Add }, width),
        Op::Logic {
            logic: Logic::Ands,
            width,
            ..
        } => Form::Lazy(Operation::Logic, width),
        Op::Float(Float::Compare { .. }, _) => Form::Lazy(Operation::Sub, Width::X),
        Op::AddCarry { flags: true, .. } => Form::Packed,
        Op::Helper(_) => Form::Stored,
        Op::CondCompare { .. } => return Some(None),
        _ => return None,
    };
    Some(Some(form))
}
