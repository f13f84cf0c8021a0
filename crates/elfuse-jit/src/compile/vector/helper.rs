//! Calls of helpers with values of compiled code.
//!
//! A helper works on a register block. The current one must not be touched in between, since it
//! holds what rollbacks leave alone; hence there is a second, `scratch`, for operands and results.
#![forbid(unsafe_code)]

use cranelift_codegen::ir::types::{I8X16, I64};
use cranelift_codegen::ir::{AbiParam, BlockArg, Inst, InstBuilder, Signature, Value};
use cranelift_codegen::isa::CallConv;

use crate::compile::lift::{Lifter, NONE, OWN};
use crate::compile::vector::preserve::call_preserving;
use crate::compile::{distance, distance_to};
use crate::cpu::layout::{self, SCRATCH};
use crate::ir::{Args, ByNumber, ByValue, Helper, Insn, Operands};
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
        };
        self.put_vectors(vectors);
        // The others are constant.
        for &register in general.iter().filter(|&&register| register <= SP) {
            let value = self.x(register);
            self.put_scratch(value, layout::general(register));
        }
        self.call_on_scratch(insn.args, helper);
        if operands == Operands::ToGeneral {
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
        let (cold, warm) = (self.cold_block(), self.builder.create_block());
        let go_on = self.builder.create_block();
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

    /// Call a function of the values of vector registers.
    pub(super) fn by_value(&mut self, args: Args, function: ByValue) {
        let mut signature = Signature::new(CallConv::SystemV);
        signature.params = vec![AbiParam::new(I8X16); 3];
        signature.returns = vec![AbiParam::new(I8X16)];
        let operands = [self.v(args.d), self.v(args.n), self.v(args.m)];
        let call = self.call_host(signature, function as usize as u64, &operands);
        let value = self.builder.inst_results(call)[0];
        self.set_v(args.d, value);
    }

    /// Call a function of the values of general registers.
    pub(super) fn by_number(&mut self, args: Args, function: ByNumber) {
        let mut signature = Signature::new(CallConv::SystemV);
        signature.params = vec![AbiParam::new(I64); 2];
        signature.returns = vec![AbiParam::new(I64)];
        let operands = [self.x(args.n), self.x(args.m)];
        let call = self.call_host(signature, function as usize as u64, &operands);
        let value = self.builder.inst_results(call)[0];
        self.set_x(args.d, value);
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
        let mut signature = Signature::new(CallConv::PreserveAll);
        signature.params = vec![AbiParam::new(I64); 3];
        let helper = self.iconst(distance(helper));
        let scratch = self.builder.ins().iadd_imm_s(self.cpu, i64::from(SCRATCH));
        let packed = self.iconst(packed(args));
        let function = call_preserving as *const () as u64;
        self.call_host(signature, function, &[scratch, helper, packed]);
    }

    /// Call a function of the engine.
    fn call_host(&mut self, signature: Signature, function: u64, operands: &[Value]) -> Inst {
        let signature = self.builder.import_signature(signature);
        let base = self
            .builder
            .ins()
            .load(I64, OWN, self.cpu, layout::CALL_HELPER);
        let function = self
            .builder
            .ins()
            .iadd_imm_s(base, distance_to(function) as i64);
        self.builder
            .ins()
            .call_indirect(signature, function, operands)
    }
}

/// Operands as `call_helper` takes them.
fn packed(args: Args) -> u64 {
    let Args { d, n, m, a, x } = args;
    let [low, high] = x.to_le_bytes();
    u64::from_le_bytes([d, n, m, a, low, high, 0, 0])
}
