//! Ends of blocks: to other blocks of the region, or out of it.
#![forbid(unsafe_code)]

use std::rc::Rc;

use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I8;

use crate::compile::exits::{Known, Pending};
use crate::compile::flags::{Flags, Form, Source};
use crate::compile::flow::ALWAYS;
use crate::compile::lift::{LINK, Lifter, NONE};
use crate::compile::region::{Block, End, address};
use crate::ir::{Args, Insn, Op};

impl Lifter<'_, '_> {
    pub(super) fn call(&mut self, pc: u64, to: u64, inside: bool) {
        let link = self.iconst(pc + 4);
        self.set_x(LINK, link);
        if inside {
            self.edge(pc, to);
        } else {
            self.leave_for(pc, to);
        }
    }

    pub(super) fn indirect(&mut self, pc: u64, insn: &Insn, expected: &[u64]) {
        let to = self.x(insn.args.n);
        if matches!(insn.op, Op::CallReg) {
            let link = self.iconst(pc + 4);
            self.set_x(LINK, link);
        }
        for &guess in expected {
            let right = self
                .builder
                .ins()
                .icmp_imm_s(IntCC::Equal, to, address(guess) as i64);
            let (yes, no) = (self.builder.create_block(), self.builder.create_block());
            self.builder.ins().brif(right, yes, &NONE, no, &NONE);
            let known = self.known();
            self.builder.switch_to_block(yes);
            self.edge(pc, guess);
            self.builder.switch_to_block(no);
            self.restore(known);
        }
        self.look_and_poll(pc, to);
        self.leave(to, false);
    }

    fn known(&self) -> Known {
        Known {
            flags: self.flags,
            written: self.written,
            pending: self.pending,
            polled: self.polled,
            checkpoint: Rc::clone(&self.checkpoint),
        }
    }

    pub(super) fn restore(&mut self, known: Known) {
        self.flags = known.flags;
        self.written = known.written;
        self.pending = known.pending;
        self.polled = known.polled;
        self.checkpoint = known.checkpoint;
    }

    /// Go to a block of this region or leave.
    pub(super) fn edge(&mut self, from: u64, to: u64) {
        let Some(ir) = self.blocks.get(&to).copied() else {
            debug_assert_eq!(to, address(to), "only blocks of the region have versions");
            self.leave_for(from, to);
            return;
        };
        if self.single.contains(&to) {
            let known = self.known();
            self.inherited.insert(to, known);
            self.builder.ins().jump(ir, &NONE);
            return;
        }
        self.look_at_branch(from, to);
        self.pack_for(to);
        self.builder.ins().jump(ir, &NONE);
    }

    /// `look`, at backward branches with a poll, without which a loop could not be interrupted.
    fn look_at_branch(&mut self, from: u64, to: u64) {
        let to = address(to);
        if to <= from && !self.polled {
            let constant = self.iconst(to);
            self.look_and_poll(from, constant);
        } else {
            self.look(from);
        }
    }

    /// `look` at `pc`, behind the last access of a block, if otherwise each way on would look, or a
    /// loop would. Until then the registers as they were at the last checkpoint are needed besides
    /// those that the block changes.
    pub(super) fn look_early(&mut self, pc: u64, block: &Block) {
        if self.pending == Pending::Nothing {
            return;
        }
        let end = block.end_pc;
        let ways = block.successors();
        let looks = |to: &u64| !self.single.contains(to);
        if ways.iter().any(|to| looks(to) && address(*to) <= end) {
            if self.polled {
                self.look(pc);
            } else {
                let here = self.iconst(pc);
                self.look_and_poll(pc, here);
            }
        } else if ways.iter().all(looks) && !matches!(block.end, End::Indirect(..)) {
            self.look(pc);
        }
    }

    fn leave_for(&mut self, from: u64, to: u64) {
        self.look_at_branch(from, to);
        let constant = self.iconst(to);
        self.leave(constant, true);
    }

    /// Bring the flags into the form that a block expects.
    pub(super) fn pack_for(&mut self, to: u64) {
        match self.forms.get(&to) {
            Some(Form::Dead(_)) => {}
            None | Some(Form::Stored) => self.store_flags(self.flags),
            Some(Form::Packed) => {
                self.load_flags();
                let packed = self.flags.packed(self.builder);
                self.builder.def_var(self.flag_a, packed);
            }
            Some(&Form::Lazy(_, _, a, b)) => {
                let Flags::Lazy(lazy) = self.flags else {
                    unreachable!("every way to the block has flags of this form")
                };
                if a == Source::Variable {
                    self.builder.def_var(self.flag_a, lazy.a);
                }
                if b == Source::Variable {
                    self.builder.def_var(self.flag_b, lazy.b);
                }
            }
        }
    }

    pub(super) fn branch(&mut self, pc: u64, insn: &Insn, taken: u64, not: u64) {
        let Args { d, a, .. } = insn.args;
        let condition = match insn.op {
            Op::JumpIf if a >= ALWAYS => self.builder.ins().iconst(I8, 1),
            Op::JumpIf => self.condition(a),
            Op::JumpZero { nonzero, width } => {
                let value = self.read(d, width);
                let code = if nonzero {
                    IntCC::NotEqual
                } else {
                    IntCC::Equal
                };
                self.builder.ins().icmp_imm_s(code, value, 0)
            }
            Op::JumpBit { set } => {
                let value = self.x(d);
                let bit = self.builder.ins().band_imm_s(value, 1i64 << (a & 63));
                let code = if set { IntCC::NotEqual } else { IntCC::Equal };
                self.builder.ins().icmp_imm_s(code, bit, 0)
            }
            other => unreachable!("not a conditional branch: {other:?}"),
        };
        let (yes, no) = (self.builder.create_block(), self.builder.create_block());
        self.builder.ins().brif(condition, yes, &NONE, no, &NONE);
        let known = self.known();
        for (block, to) in [(yes, taken), (no, not)] {
            self.builder.switch_to_block(block);
            self.restore(known.clone());
            self.edge(pc, to);
        }
    }
}
