//! Checkpoints, and the ways out of compiled code.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::rc::Rc;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{Block, InstBuilder, Type, Value};

use crate::compile::flags::Flags;
use crate::compile::lift::{LIMIT_BITS, Lifter, NONE, OWN};
use crate::compile::region::Registers;
use crate::cpu::layout;
use crate::state::{LAZY, LAZY_A, LAZY_B};

/// Accesses since the last checkpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pending {
    Nothing,
    Stores,
    Loads,
}

/// Registers at a point to return to.
pub(super) struct Checkpoint {
    pub(super) pc: u64,
    pub(super) general: Vec<(u8, Value)>,
    pub(super) vectors: Vec<(u8, Value)>,
    pub(super) flags: Flags,
    /// Where the registers are stored and the region is left; all that go back share it.
    pub(super) exit: Cell<Option<Block>>,
}

/// What is known at a point of a region besides the variables.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) flags: Flags,
    /// Registers whose words in the block may be stale.
    pub(super) written: Registers,
    pub(super) pending: Pending,
    pub(super) polled: bool,
    pub(super) checkpoint: Rc<Checkpoint>,
}

impl Lifter<'_, '_> {
    /// The registers as they are, to return to `pc`.
    pub(super) fn snapshot(&mut self, pc: u64) -> Checkpoint {
        let mut general = Vec::new();
        let mut vectors = Vec::new();
        for index in 0..32u8 {
            if self.written.general >> index & 1 != 0 {
                general.push((index, self.x(index)));
            }
            if self.written.vector >> index & 1 != 0 {
                vectors.push((index, self.v(index)));
            }
        }
        Checkpoint {
            pc,
            general,
            vectors,
            flags: self.flags,
            exit: Cell::new(None),
        }
    }

    pub(super) fn take_checkpoint(&mut self, pc: u64) {
        self.checkpoint = Rc::new(self.snapshot(pc));
        self.pending = Pending::Nothing;
    }

    /// Store the registers of a checkpoint into the block.
    pub(super) fn store_registers(&mut self, checkpoint: &Checkpoint) {
        for &(index, value) in &checkpoint.general {
            self.builder
                .ins()
                .store(OWN, value, self.cpu, layout::general(index));
        }
        for &(index, value) in &checkpoint.vectors {
            self.builder
                .ins()
                .store(OWN, value, self.cpu, layout::vector(index));
        }
        self.store_flags(checkpoint.flags);
    }

    pub(super) fn store_flags(&mut self, flags: Flags) {
        let Some(words) = flags.words(self.builder) else {
            return;
        };
        for (register, value) in [
            (LAZY, words.operation),
            (LAZY_A, words.a),
            (LAZY_B, words.b),
        ] {
            self.builder
                .ins()
                .store(OWN, value, self.cpu, layout::general(register));
        }
    }

    /// Leave if an access since the checkpoint faulted; otherwise what follows starts a new one.
    pub(super) fn look(&mut self, pc: u64) {
        if self.pending == Pending::Nothing {
            self.take_checkpoint(pc);
            return;
        }
        let faulted = self.attention(I32, layout::FAULTED);
        self.go_back_if(faulted);
        self.take_checkpoint(pc);
    }

    /// Leave at the last checkpoint if the condition holds.
    pub(super) fn go_back_if(&mut self, condition: Value) {
        let checkpoint = Rc::clone(&self.checkpoint);
        let go_on = self.builder.create_block();
        let made = checkpoint.exit.get();
        let exit = made.unwrap_or_else(|| self.cold_block());
        self.builder
            .ins()
            .brif(condition, exit, &NONE, go_on, &NONE);
        if made.is_none() {
            // All registers of a checkpoint are values from before it: they are the same wherever
            // somebody goes back from.
            self.builder.switch_to_block(exit);
            self.store_registers(&checkpoint);
            let pc = self.iconst(checkpoint.pc);
            self.builder.ins().return_(&[pc]);
            checkpoint.exit.set(Some(exit));
        }
        self.builder.switch_to_block(go_on);
    }

    /// A block that is hardly ever executed.
    pub(super) fn cold_block(&mut self) -> Block {
        let block = self.builder.create_block();
        self.builder.set_cold_block(block);
        block
    }

    /// A field that signal handlers and other threads set.
    pub(super) fn attention(&mut self, ty: Type, field: i32) -> Value {
        let field = self.builder.ins().iadd_imm_s(self.cpu, i64::from(field));
        // Atomic, so that it is not taken for an earlier load.
        self.builder.ins().atomic_load(ty, OWN, field)
    }

    /// `look`, and leave for `to`, with the registers as they are now, if somebody called for
    /// attention.
    pub(super) fn look_and_poll(&mut self, pc: u64, to: Value) {
        let pending = self.pending != Pending::Nothing;
        let attention = if pending {
            self.attention(I64, layout::FAULTED)
        } else {
            self.attention(I32, layout::INTERRUPT)
        };
        let (cold, go_on) = (self.cold_block(), self.builder.create_block());
        self.builder
            .ins()
            .brif(attention, cold, &NONE, go_on, &NONE);
        self.builder.switch_to_block(cold);
        if pending {
            let faulted = self.builder.ins().ireduce(I32, attention);
            self.go_back_if(faulted);
            if let Some(called) = self.builder.current_block() {
                self.builder.set_cold_block(called);
            }
        }
        self.store_now();
        self.builder.ins().return_(&[to]);
        self.builder.switch_to_block(go_on);
        self.take_checkpoint(pc);
        self.polled = true;
    }

    /// Store all registers as they are.
    pub(super) fn store_now(&mut self) {
        let now = self.snapshot(0);
        self.store_registers(&now);
    }

    /// Go on at an address outside this region; nothing is pending.
    pub(super) fn leave(&mut self, pc: Value, constant: bool) {
        self.store_now();
        let table = self.builder.ins().load(I64, OWN, self.cpu, layout::TABLE);
        let interpret = self.cold_block();
        if !constant {
            // Either bit 0 or 1 is set or one above the address space.
            let rotated = self.builder.ins().rotr_imm_u(pc, 2);
            let odd = self
                .builder
                .ins()
                .ushr_imm_u(rotated, i64::from(LIMIT_BITS - 2));
            self.go_if(odd, interpret);
        }
        let slot = self.builder.ins().iadd(table, pc);
        let offset = self.builder.ins().load(I32, OWN, slot, 0);
        let missing = self.builder.ins().icmp_imm_s(IntCC::Equal, offset, 0);
        self.go_if(missing, interpret);
        let arena = self.builder.ins().load(I64, OWN, self.cpu, layout::ARENA);
        let offset = self.builder.ins().uextend(I64, offset);
        let code = self.builder.ins().iadd(arena, offset);
        self.builder
            .ins()
            .return_call_indirect(self.signature, code, &[self.cpu]);
        self.builder.switch_to_block(interpret);
        self.builder.ins().return_(&[pc]);
    }

    /// Go to a block that takes nothing if the condition holds.
    fn go_if(&mut self, condition: Value, to: Block) {
        let go_on = self.builder.create_block();
        self.builder.ins().brif(condition, to, &NONE, go_on, &NONE);
        self.builder.switch_to_block(go_on);
    }
}
