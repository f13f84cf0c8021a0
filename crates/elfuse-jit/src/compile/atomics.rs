//! Exclusive, ordered and atomic accesses: none of them can be repeated.
#![forbid(unsafe_code)]

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I16, I32, I64};
use cranelift_codegen::ir::{AtomicRmwOp, BlockArg, InstBuilder, Type, Value};

use crate::compile::exits::Pending;
use crate::compile::lift::{GUEST, Lifter, NONE, OWN};
use crate::cpu::layout;
use crate::ir::{Args, Atomic, Fill, Insn, Op, Size};

impl Lifter<'_, '_> {
    /// An operation of this module.
    pub(super) fn ordered_access(&mut self, pc: u64, insn: &Insn) {
        let Args { d, m, a, .. } = insn.args;
        match insn.op {
            Op::Fence => {
                self.builder.ins().fence();
            }
            Op::ClearExclusive => self.close_monitor(),
            Op::LoadAcquire(size) => {
                let address = self.ordered(pc, insn, size);
                let value = self.load(address, 0, size, Fill::Zero);
                self.set_x(d, value);
            }
            Op::StoreRelease(size) => {
                let value = self.x(d);
                let address = self.ordered(pc, insn, size);
                let value = self.low(value, size);
                self.builder.ins().atomic_store(GUEST, value, address);
                self.finish_atomic(pc);
            }
            Op::LoadExclusive(size) => self.load_exclusive(pc, insn, size),
            Op::StoreExclusive(size) => self.store_exclusive(pc, insn, size),
            Op::Atomic(atomic, size) => self.atomic(pc, insn, atomic, size),
            Op::CompareSwap(size) => {
                let (expected, new) = (self.x(m), self.x(d));
                let address = self.ordered(pc, insn, size);
                let (expected, new) = (self.low(expected, size), self.low(new, size));
                let found = self.builder.ins().atomic_cas(GUEST, address, expected, new);
                self.finish_atomic(pc);
                let found = self.wide(found, size);
                self.set_x(a, found);
                self.take_checkpoint(pc + 4);
            }
            other => unreachable!("{other:?}"),
        }
    }

    fn integer(size: Size) -> Type {
        match size {
            Size::B1 => I8,
            Size::B2 => I16,
            Size::B4 => I32,
            _ => I64,
        }
    }

    fn low(&mut self, value: Value, size: Size) -> Value {
        match Self::integer(size) {
            I64 => value,
            ty => self.builder.ins().ireduce(ty, value),
        }
    }

    fn wide(&mut self, value: Value, size: Size) -> Value {
        match Self::integer(size) {
            I64 => value,
            _ => self.builder.ins().uextend(I64, value),
        }
    }

    /// The host address of an access that must be aligned and cannot be repeated: leaves if it is
    /// not aligned, and begins a checkpoint.
    fn ordered(&mut self, pc: u64, insn: &Insn, size: Size) -> Value {
        self.look(pc);
        let address = self.x(insn.args.n);
        if size != Size::B1 {
            let rest = self
                .builder
                .ins()
                .band_imm_s(address, size.bytes() as i64 - 1);
            self.go_back_if(rest);
        }
        self.pending = Pending::Loads;
        self.host(address)
    }

    /// Leave if the access faulted; otherwise it must not be done again.
    fn finish_atomic(&mut self, pc: u64) {
        self.pending = Pending::Loads;
        self.look(pc + 4);
    }

    fn close_monitor(&mut self) {
        let none = self.iconst(0);
        self.builder
            .ins()
            .store(OWN, none, self.cpu, layout::MONITOR_BYTES);
    }

    fn load_exclusive(&mut self, pc: u64, insn: &Insn, size: Size) {
        let guest = self.x(insn.args.n);
        let address = self.ordered(pc, insn, size);
        let value = self.load(address, 0, size, Fill::Zero);
        self.look(pc);
        let bytes = self.iconst(size.bytes());
        for (field, offset) in [
            (bytes, layout::MONITOR_BYTES),
            (guest, layout::MONITOR_ADDRESS),
            (value, layout::MONITOR_VALUE),
        ] {
            self.builder.ins().store(OWN, field, self.cpu, offset);
        }
        self.set_x(insn.args.d, value);
        self.take_checkpoint(pc + 4);
    }

    fn store_exclusive(&mut self, pc: u64, insn: &Insn, size: Size) {
        let Args { d, n, m, .. } = insn.args;
        let (guest, new) = (self.x(n), self.x(d));
        let address = self.ordered(pc, insn, size);
        let load =
            |lifter: &mut Self, offset| lifter.builder.ins().load(I64, OWN, lifter.cpu, offset);
        let bytes = load(self, layout::MONITOR_BYTES);
        let watched = load(self, layout::MONITOR_ADDRESS);
        let seen = load(self, layout::MONITOR_VALUE);
        let same_size = self
            .builder
            .ins()
            .icmp_imm_s(IntCC::Equal, bytes, size.bytes() as i64);
        let same_place = self.builder.ins().icmp(IntCC::Equal, watched, guest);
        let open = self.builder.ins().band(same_size, same_place);
        let (attempt, done) = (self.builder.create_block(), self.builder.create_block());
        self.builder.append_block_param(done, I64);
        let failed = self.iconst(1);
        self.builder
            .ins()
            .brif(open, attempt, &NONE, done, &[BlockArg::Value(failed)]);
        self.builder.switch_to_block(attempt);
        let (seen, new) = (self.low(seen, size), self.low(new, size));
        let found = self.builder.ins().atomic_cas(GUEST, address, seen, new);
        let differs = self.builder.ins().icmp(IntCC::NotEqual, found, seen);
        let status = self.builder.ins().uextend(I64, differs);
        self.builder.ins().jump(done, &[BlockArg::Value(status)]);
        self.builder.switch_to_block(done);
        let status = self.builder.block_params(done)[0];
        self.finish_atomic(pc);
        self.close_monitor();
        self.set_x(m, status);
        self.take_checkpoint(pc + 4);
    }

    fn atomic(&mut self, pc: u64, insn: &Insn, atomic: Atomic, size: Size) {
        let Args { d, m, .. } = insn.args;
        let operand = self.x(m);
        let address = self.ordered(pc, insn, size);
        let mut operand = self.low(operand, size);
        let operation = match atomic {
            Atomic::Add => AtomicRmwOp::Add,
            Atomic::Eor => AtomicRmwOp::Xor,
            Atomic::Set => AtomicRmwOp::Or,
            Atomic::Smax => AtomicRmwOp::Smax,
            Atomic::Smin => AtomicRmwOp::Smin,
            Atomic::Umax => AtomicRmwOp::Umax,
            Atomic::Umin => AtomicRmwOp::Umin,
            Atomic::Swp => AtomicRmwOp::Xchg,
            Atomic::Clr => {
                operand = self.builder.ins().bnot(operand);
                AtomicRmwOp::And
            }
        };
        let old =
            self.builder
                .ins()
                .atomic_rmw(Self::integer(size), GUEST, operation, address, operand);
        self.finish_atomic(pc);
        let old = self.wide(old, size);
        self.set_x(d, old);
        self.take_checkpoint(pc + 4);
    }
}
