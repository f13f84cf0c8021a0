//! Calls of helpers with values of compiled code.
//!
//! A helper works on a register block. The current one must not be touched in between, since it
//! holds what rollbacks leave alone; hence there is a second, `scratch`, for operands and results.
#![forbid(unsafe_code)]

use cranelift_codegen::ir::types::{I8X16, I64};
use cranelift_codegen::ir::{BlockArg, InstBuilder, Value};

use crate::compile::distance;
use crate::compile::lift::{Lifter, NONE, OWN};
use crate::cpu::layout::{self, SCRATCH};
use crate::ir::{Args, Helper, Insn, Operands};
use crate::state::SP;

impl Lifter<'_, '_> {
    /// Call a helper that uses only these registers.
    pub(in crate::compile) fn helper_on(
        &mut self,
        pc: u64,
        insn: &Insn,
        helper: Helper,
        operands: Operands,
    ) {
        // Its exceptions must not come from what a refused access left.
        self.look(pc);
        let Args { d, n, m, a, .. } = insn.args;
        let (vectors, general): (&[u8], &[u8]) = match operands {
            Operands::Vectors { m: false, .. } => (&[d, n], &[]),
            Operands::Vectors { a: false, .. } => (&[d, n, m], &[]),
            Operands::Vectors { .. } => (&[d, n, m, a], &[]),
            Operands::ToGeneral => (&[n], &[]),
            Operands::FromGeneral => (&[d], &[n]),
            Operands::General => (&[], &[n, m]),
        };
        self.put_vectors(vectors);
        // The others are constant.
        for &register in general.iter().filter(|&&register| register <= SP) {
            let value = self.x(register);
            self.put_scratch(value, layout::general(register));
        }
        self.call_on_scratch(insn.args, helper);
        if matches!(operands, Operands::ToGeneral | Operands::General) {
            let offset = SCRATCH + layout::general(d);
            let value = self.builder.ins().load(I64, OWN, self.cpu, offset);
            self.set_x(d, value);
        } else {
            let value = self.vector_from_scratch(d);
            self.set_v(d, value);
        }
    }

    /// Set `d` to `value`, or, if a condition holds, to what a helper of vector registers makes it.
    /// Nothing may be pending.
    pub(super) fn unless(
        &mut self,
        condition: Value,
        args: Args,
        helper: Helper,
        value: impl FnOnce(&mut Self) -> Value,
    ) {
        let (cold, warm) = (self.builder.create_block(), self.builder.create_block());
        let go_on = self.builder.create_block();
        self.builder.set_cold_block(cold);
        self.builder.append_block_param(go_on, I8X16);
        self.builder.ins().brif(condition, cold, &NONE, warm, &NONE);
        self.builder.switch_to_block(cold);
        self.put_vectors(&[args.d, args.n, args.m]);
        self.call_on_scratch(args, helper);
        let exact = self.vector_from_scratch(args.d);
        self.builder.ins().jump(go_on, &[BlockArg::Value(exact)]);
        self.builder.switch_to_block(warm);
        let value = value(self);
        let value = self.cast(value, I8X16);
        self.builder.ins().jump(go_on, &[BlockArg::Value(value)]);
        self.builder.switch_to_block(go_on);
        let value = self.builder.block_params(go_on)[0];
        self.set_v(args.d, value);
    }

    fn put_vectors(&mut self, registers: &[u8]) {
        for &register in registers {
            let value = self.v(register);
            self.put_scratch(value, layout::vector(register));
        }
    }

    fn vector_from_scratch(&mut self, register: u8) -> Value {
        let offset = SCRATCH + layout::vector(register);
        self.builder.ins().load(I8X16, OWN, self.cpu, offset)
    }

    fn put_scratch(&mut self, value: Value, offset: i32) {
        self.builder
            .ins()
            .store(OWN, value, self.cpu, SCRATCH + offset);
    }

    fn call_on_scratch(&mut self, args: Args, helper: Helper) {
        let call = self
            .builder
            .ins()
            .load(I64, OWN, self.cpu, layout::CALL_HELPER);
        let helper = self.iconst(distance(helper));
        let scratch = self.builder.ins().iadd_imm_s(self.cpu, i64::from(SCRATCH));
        let packed = self.iconst(packed(args));
        self.builder
            .ins()
            .call_indirect(self.helper, call, &[scratch, helper, packed]);
    }
}

/// Operands as `call_helper` takes them.
fn packed(args: Args) -> u64 {
    let Args { d, n, m, a, x } = args;
    let [low, high] = x.to_le_bytes();
    u64::from_le_bytes([d, n, m, a, low, high, 0, 0])
}
