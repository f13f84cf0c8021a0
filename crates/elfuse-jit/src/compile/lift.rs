//! From a region to Cranelift's intermediate language.
//!
//! Guest registers are variables. All that the region writes are stored when it is left; in between
//! the register block is stale. A load or store that faults is skipped by the signal handler, which
//! sets `Attention::faulted`; before anything that cannot be repeated, the code looks there and, if
//! set, stores the registers as they were at the last checkpoint and leaves at its address. The
//! interpreter then meets the fault exactly. What lies between a checkpoint and the next look can be
//! repeated: stores, then loads.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::rc::Rc;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{F32, F64, I8, I8X16, I16, I32, I64, I64X2};
use cranelift_codegen::ir::{
    AbiParam, AtomicRmwOp, Block as IrBlock, BlockArg, Function, InstBuilder, MemFlagsData, SigRef,
    Signature, Type, Value,
};
use cranelift_codegen::isa::{CallConv, TargetFrontendConfig};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable};

use crate::compile::flags::{Flags, Kind, Width};
use crate::compile::region::{Block, End, Region, Registers};
use crate::cpu::layout;
use crate::ir::{
    Address, Args, Atomic, Extend, Fill, Float, Insn, Logic, Op, Operand, Shift, Size, Unary,
};
use crate::state::{FPCR, PSTATE, SINK, SP, TPIDR, ZERO};

/// Register block and engine fields: always accessible.
const OWN: MemFlagsData = MemFlagsData::trusted();
/// Guest memory.
const GUEST: MemFlagsData = MemFlagsData::new();
pub(super) const NONE: [BlockArg; 0] = [];
const LINK: u8 = 30;
const LIMIT_BITS: u32 = crate::code::GUEST_BITS;

/// Whether [`Lifter`] knows an operation; regions end before others.
pub(super) fn is_supported(insn: &Insn) -> bool {
    match insn.op {
        Op::MovImm
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
        | Op::CondCompare { .. }
        | Op::Jump
        | Op::Call
        | Op::JumpIf
        | Op::JumpZero { .. }
        | Op::JumpBit { .. }
        | Op::JumpReg { .. }
        | Op::CallReg
        | Op::Nop
        | Op::Load(..)
        | Op::Store(..)
        | Op::LoadPair(..)
        | Op::StorePair(..)
        | Op::LoadV(..)
        | Op::StoreV(..)
        | Op::LoadPairV(..)
        | Op::StorePairV(..)
        | Op::LoadAcquire(_)
        | Op::StoreRelease(_)
        | Op::LoadExclusive(_)
        | Op::StoreExclusive(_)
        | Op::ClearExclusive
        | Op::Atomic(..)
        | Op::CompareSwap(_)
        | Op::Fence
        | Op::Float(..)
        | Op::Helper(_) => general_only(insn),
        _ => false,
    }
}

/// Whether every general register operand is one of X0 to X30, SP or XZR: system registers in the
/// block are not variables.
fn general_only(insn: &Insn) -> bool {
    match insn.op {
        Op::Logic { operand, .. } => {
            let Args { d, n, m, .. } = insn.args;
            let written = d <= SP || d == SINK;
            let read = |register: u8| register <= SP || matches!(register, ZERO | TPIDR | FPCR);
            written && read(n) && (operand == Operand::Imm || read(m))
        }
        _ => true,
    }
}

/// Accesses since the last checkpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pending {
    Nothing,
    Stores,
    Loads,
}

/// Registers at a point to return to.
pub(super) struct Checkpoint {
    pc: u64,
    general: Vec<(u8, Value)>,
    vectors: Vec<(u8, Value)>,
    flags: Flags,
    flags_written: bool,
}

pub(super) struct Lifter<'a, 'b> {
    pub(super) builder: &'a mut FunctionBuilder<'b>,
    region: &'a Region,
    blocks: BTreeMap<u64, IrBlock>,
    kinds: BTreeMap<u64, Kind>,
    general: Vec<Option<Variable>>,
    vectors: Vec<Option<Variable>>,
    flag_a: Variable,
    flag_b: Variable,
    pub(super) flags: Flags,
    /// Registers whose words in the block may be stale.
    written: Registers,
    cpu: Value,
    memory: Value,
    signature: SigRef,
    helper: SigRef,
    pending: Pending,
    checkpoint: Rc<Checkpoint>,
}

/// The signature of a compiled region: the vCPU in, the address to go on at out.
pub(super) fn signature() -> Signature {
    let mut signature = Signature::new(CallConv::Tail);
    signature.params.push(AbiParam::new(I64));
    signature.returns.push(AbiParam::new(I64));
    signature
}

/// The signature of `call_helper`: vCPU, helper, packed operands.
fn helper_signature() -> Signature {
    let mut signature = Signature::new(CallConv::SystemV);
    for _ in 0..3 {
        signature.params.push(AbiParam::new(I64));
    }
    signature
}

/// The flags' [`Kind`] at the beginning of every block.
fn flag_kinds(region: &Region) -> BTreeMap<u64, Kind> {
    let mut kinds = BTreeMap::from([(region.head, Kind::Packed)]);
    loop {
        let mut changed = false;
        for (start, block) in &region.blocks {
            let Some(&entry) = kinds.get(start) else {
                continue;
            };
            let exit = block
                .body
                .iter()
                .rev()
                .find_map(|(_, insn)| flag_kind(insn))
                .unwrap_or(entry);
            for to in block.successors() {
                if !region.blocks.contains_key(&to) {
                    continue;
                }
                let merged = match kinds.get(&to) {
                    None => exit,
                    Some(&known) if known == exit => continue,
                    Some(_) => Kind::Packed,
                };
                changed |= kinds.insert(to, merged) != Some(merged);
            }
        }
        if !changed {
            return kinds;
        }
    }
}

/// What flags an instruction leaves, if it sets them.
fn flag_kind(insn: &Insn) -> Option<Kind> {
    match insn.op {
        Op::Arith {
            flags: true,
            sub,
            width,
            ..
        } => Some(if sub {
            Kind::Sub(width)
        } else {
            Kind::Add(width)
        }),
        Op::Logic {
            logic: Logic::Ands,
            width,
            ..
        } => Some(Kind::Logic(width)),
        Op::Float(Float::Compare { .. }, _) => Some(Kind::Sub(Width::X)),
        Op::CondCompare { .. } | Op::Helper(_) => Some(Kind::Packed),
        _ => None,
    }
}

/// Build the function of a region.
pub(super) fn lift(
    region: &Region,
    config: TargetFrontendConfig,
    function: &mut Function,
    context: &mut FunctionBuilderContext,
) {
    function.signature = self::signature();
    let mut builder = FunctionBuilder::new(function, context);
    let signature = builder.import_signature(self::signature());
    let helper = builder.import_signature(helper_signature());
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    let cpu = builder.block_params(entry)[0];
    let memory = builder.ins().load(I64, OWN, cpu, layout::MEMORY);
    let (flag_a, flag_b) = (builder.declare_var(I64), builder.declare_var(I64));
    let packed = builder.ins().load(I64, OWN, cpu, layout::general(PSTATE));
    let zero = builder.ins().iconst(I64, 0);
    builder.def_var(flag_a, packed);
    builder.def_var(flag_b, zero);
    let flags = Flags {
        kind: Kind::Packed,
        a: packed,
        b: zero,
    };
    let blocks: BTreeMap<u64, IrBlock> = region
        .blocks
        .keys()
        .map(|&start| (start, builder.create_block()))
        .collect();
    let mut lifter = Lifter {
        builder: &mut builder,
        region,
        kinds: flag_kinds(region),
        blocks,
        general: vec![None; 32],
        vectors: vec![None; 32],
        flag_a,
        flag_b,
        flags,
        written: Registers::default(),
        cpu,
        memory,
        signature,
        helper,
        pending: Pending::Nothing,
        checkpoint: Rc::new(Checkpoint {
            pc: region.head,
            general: Vec::new(),
            vectors: Vec::new(),
            flags,
            flags_written: false,
        }),
    };
    lifter.load_registers();
    let head = lifter.blocks[&region.head];
    lifter.builder.ins().jump(head, &NONE);
    for (&start, block) in &region.blocks {
        lifter.block(start, block);
    }
    builder.seal_all_blocks();
    builder.finalize(config);
}

impl Lifter<'_, '_> {
    fn load_registers(&mut self) {
        for index in 0..32u8 {
            if self.region.used.general >> index & 1 != 0 {
                let variable = self.builder.declare_var(I64);
                let value = self
                    .builder
                    .ins()
                    .load(I64, OWN, self.cpu, layout::general(index));
                self.builder.def_var(variable, value);
                self.general[usize::from(index)] = Some(variable);
            }
            if self.region.used.vector >> index & 1 != 0 {
                let variable = self.builder.declare_var(I8X16);
                let value = self
                    .builder
                    .ins()
                    .load(I8X16, OWN, self.cpu, layout::vector(index));
                self.builder.def_var(variable, value);
                self.vectors[usize::from(index)] = Some(variable);
            }
        }
    }

    pub(super) fn iconst(&mut self, value: u64) -> Value {
        self.builder.ins().iconst(I64, value as i64)
    }

    pub(super) fn x(&mut self, register: u8) -> Value {
        match self.general.get(usize::from(register)).copied().flatten() {
            Some(variable) => self.builder.use_var(variable),
            None if matches!(register, TPIDR | FPCR) => {
                self.builder
                    .ins()
                    .load(I64, OWN, self.cpu, layout::general(register))
            }
            None => self.iconst(0),
        }
    }

    pub(super) fn set_x(&mut self, register: u8, value: Value) {
        if let Some(variable) = self.general.get(usize::from(register)).copied().flatten() {
            self.builder.def_var(variable, value);
            self.written.general |= 1 << register;
        }
    }

    pub(super) fn v(&mut self, register: u8) -> Value {
        let variable = self.vectors[usize::from(register)].expect("noted as used");
        self.builder.use_var(variable)
    }

    pub(super) fn set_v(&mut self, register: u8, value: Value) {
        let variable = self.vectors[usize::from(register)].expect("noted as used");
        self.builder.def_var(variable, value);
        self.written.vector |= 1 << register;
    }

    fn type_of(width: Width) -> Type {
        match width {
            Width::W => I32,
            Width::X => I64,
        }
    }

    /// A general register at its operand size.
    fn read(&mut self, register: u8, width: Width) -> Value {
        let value = self.x(register);
        self.narrow(value, width)
    }

    pub(super) fn narrow(&mut self, value: Value, width: Width) -> Value {
        match width {
            Width::W => self.builder.ins().ireduce(I32, value),
            Width::X => value,
        }
    }

    pub(super) fn widen(&mut self, value: Value, width: Width) -> Value {
        match width {
            Width::W => self.builder.ins().uextend(I64, value),
            Width::X => value,
        }
    }

    pub(super) fn write(&mut self, register: u8, value: Value, width: Width) {
        let value = self.widen(value, width);
        self.set_x(register, value);
    }

    pub(super) fn set_flags(&mut self, kind: Kind, a: Value, b: Value) {
        self.flags = Flags { kind, a, b };
        self.written.flags = true;
        self.builder.def_var(self.flag_a, a);
        self.builder.def_var(self.flag_b, b);
    }

    // Checkpoints

    /// The registers as they are, to return to `pc`.
    fn snapshot(&mut self, pc: u64) -> Checkpoint {
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
            flags_written: self.written.flags,
        }
    }

    fn take_checkpoint(&mut self, pc: u64) {
        self.checkpoint = Rc::new(self.snapshot(pc));
        self.pending = Pending::Nothing;
    }

    /// Store the registers of a checkpoint into the block.
    fn store_registers(&mut self, checkpoint: &Checkpoint) {
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
        if checkpoint.flags_written {
            let packed = checkpoint.flags.packed(self.builder);
            self.builder
                .ins()
                .store(OWN, packed, self.cpu, layout::general(PSTATE));
        }
    }

    /// Leave if an access since the checkpoint faulted; otherwise what follows starts a new one.
    pub(super) fn look(&mut self, pc: u64) {
        if self.pending == Pending::Nothing {
            self.take_checkpoint(pc);
            return;
        }
        let attention = self
            .builder
            .ins()
            .load(I64, OWN, self.cpu, layout::ATTENTION);
        // Atomic, so that it is not taken for the load of the look before.
        let faulted = self.builder.ins().iadd_imm_s(attention, i64::from(layout::FAULTED));
        let faulted = self.builder.ins().atomic_load(I32, OWN, faulted);
        let (cold, go_on) = (self.builder.create_block(), self.builder.create_block());
        self.builder.set_cold_block(cold);
        self.builder.ins().brif(faulted, cold, &NONE, go_on, &NONE);
        self.builder.switch_to_block(cold);
        self.leave_at_checkpoint();
        self.builder.switch_to_block(go_on);
        self.take_checkpoint(pc);
    }

    pub(super) fn leave_at_checkpoint(&mut self) {
        let checkpoint = Rc::clone(&self.checkpoint);
        self.store_registers(&checkpoint);
        let pc = self.iconst(checkpoint.pc);
        self.builder.ins().return_(&[pc]);
    }

    /// Leave, with the registers as they are now, if somebody called for attention.
    fn poll(&mut self, pc: Value) {
        let attention = self
            .builder
            .ins()
            .load(I64, OWN, self.cpu, layout::ATTENTION);
        let called = self
            .builder
            .ins()
            .load(I32, OWN, attention, layout::INTERRUPT);
        let (cold, go_on) = (self.builder.create_block(), self.builder.create_block());
        self.builder.set_cold_block(cold);
        self.builder.ins().brif(called, cold, &NONE, go_on, &NONE);
        self.builder.switch_to_block(cold);
        self.store_now();
        self.builder.ins().return_(&[pc]);
        self.builder.switch_to_block(go_on);
    }

    /// Store all registers as they are.
    fn store_now(&mut self) {
        let now = self.snapshot(0);
        self.store_registers(&now);
    }

    // Leaving

    /// Go on at an address outside this region; nothing is pending.
    fn leave(&mut self, pc: Value, constant: bool) {
        self.store_now();
        let table = self.builder.ins().load(I64, OWN, self.cpu, layout::TABLE);
        if !constant {
            let odd = self.builder.ins().band_imm_s(pc, 3);
            let high = self.builder.ins().ushr_imm_u(pc, i64::from(LIMIT_BITS));
            let either = self.builder.ins().bor(odd, high);
            self.return_if(either, pc);
        }
        let slot = self.builder.ins().iadd(table, pc);
        let offset = self.builder.ins().load(I32, OWN, slot, 0);
        let missing = self.builder.ins().icmp_imm_s(IntCC::Equal, offset, 0);
        self.return_if(missing, pc);
        let arena = self.builder.ins().load(I64, OWN, self.cpu, layout::ARENA);
        let offset = self.builder.ins().uextend(I64, offset);
        let code = self.builder.ins().iadd(arena, offset);
        self.builder
            .ins()
            .return_call_indirect(self.signature, code, &[self.cpu]);
    }

    fn return_if(&mut self, condition: Value, pc: Value) {
        let (cold, go_on) = (self.builder.create_block(), self.builder.create_block());
        self.builder
            .ins()
            .brif(condition, cold, &NONE, go_on, &NONE);
        self.builder.switch_to_block(cold);
        self.builder.ins().return_(&[pc]);
        self.builder.switch_to_block(go_on);
    }

    // Blocks

    fn block(&mut self, start: u64, block: &Block) {
        let ir = self.blocks[&start];
        self.builder.switch_to_block(ir);
        let kind = self.kinds.get(&start).copied().unwrap_or(Kind::Packed);
        self.flags = Flags {
            kind,
            a: self.builder.use_var(self.flag_a),
            b: self.builder.use_var(self.flag_b),
        };
        self.written = block.written_before;
        self.take_checkpoint(start);
        for &(pc, insn) in &block.body {
            self.insn(pc, &insn);
        }
        match block.end {
            End::Jump(to) => {
                self.look(block.end_pc);
                self.edge(block.end_pc, to);
            }
            End::Branch(insn, taken, not) => self.branch(block.end_pc, &insn, taken, not),
            End::Call(to) => {
                self.look(block.end_pc);
                let link = self.iconst(block.end_pc + 4);
                self.set_x(LINK, link);
                let to = self.iconst(to);
                self.poll(to);
                self.leave(to, true);
            }
            End::Indirect(insn) => {
                self.look(block.end_pc);
                let to = self.x(insn.args.n);
                if matches!(insn.op, Op::CallReg) {
                    let link = self.iconst(block.end_pc + 4);
                    self.set_x(LINK, link);
                }
                self.poll(to);
                self.leave(to, false);
            }
        }
    }

    /// Go to a block of this region or leave; nothing is pending.
    fn edge(&mut self, from: u64, to: u64) {
        let constant = self.iconst(to);
        match self.blocks.get(&to).copied() {
            Some(ir) => {
                if to <= from {
                    self.poll(constant);
                }
                self.pack_for(to);
                self.builder.ins().jump(ir, &NONE);
            }
            None => {
                if to <= from {
                    self.poll(constant);
                }
                self.leave(constant, true);
            }
        }
    }

    /// Bring the flags into the form that a block expects.
    fn pack_for(&mut self, to: u64) {
        let expected = self.kinds.get(&to).copied().unwrap_or(Kind::Packed);
        if expected == Kind::Packed && self.flags.kind != Kind::Packed {
            let packed = self.flags.packed(self.builder);
            self.builder.def_var(self.flag_a, packed);
        }
    }

    fn branch(&mut self, pc: u64, insn: &Insn, taken: u64, not: u64) {
        self.look(pc);
        let Args { d, a, .. } = insn.args;
        let condition = match insn.op {
            Op::JumpIf => self.flags.condition(self.builder, a),
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
        let (flags, written) = (self.flags, self.written);
        for (block, to) in [(yes, taken), (no, not)] {
            self.builder.switch_to_block(block);
            self.flags = flags;
            self.written = written;
            self.builder.def_var(self.flag_a, flags.a);
            self.builder.def_var(self.flag_b, flags.b);
            self.edge(pc, to);
        }
    }

    // Instructions

    fn insn(&mut self, pc: u64, insn: &Insn) {
        let Args { d, n, m, a, x } = insn.args;
        match insn.op {
            Op::Nop => {}
            Op::MovImm => {
                let value = self.iconst(insn.imm);
                self.set_x(d, value);
            }
            Op::Adr => {
                let value = self.iconst(pc.wrapping_add(insn.imm));
                self.set_x(d, value);
            }
            Op::Adrp => {
                let value = self.iconst((pc & !0xfff).wrapping_add(insn.imm));
                self.set_x(d, value);
            }
            Op::Movk(width) => {
                let old = self.x(n);
                let mask = self.iconst(!(0xffff << (a & 63)));
                let kept = self.builder.ins().band(old, mask);
                let half = self.iconst(insn.imm << (a & 63));
                let value = self.builder.ins().bor(kept, half);
                self.write_low(d, value, width);
            }
            Op::Arith {
                sub,
                flags,
                width,
                operand,
            } => {
                let left = self.read(n, width);
                let right = self.operand(insn, operand, width);
                let result = if sub {
                    self.builder.ins().isub(left, right)
                } else {
                    self.builder.ins().iadd(left, right)
                };
                self.write(d, result, width);
                if flags {
                    let left = self.widen(left, width);
                    let right = self.widen(right, width);
                    let kind = if sub {
                        Kind::Sub(width)
                    } else {
                        Kind::Add(width)
                    };
                    self.set_flags(kind, left, right);
                }
            }
            Op::Logic {
                logic,
                invert,
                width,
                operand,
            } => {
                let left = self.read(n, width);
                let mut right = self.operand(insn, operand, width);
                if invert {
                    right = self.builder.ins().bnot(right);
                }
                let result = match logic {
                    Logic::And | Logic::Ands => self.builder.ins().band(left, right),
                    Logic::Orr => self.builder.ins().bor(left, right),
                    Logic::Eor => self.builder.ins().bxor(left, right),
                };
                self.write(d, result, width);
                if logic == Logic::Ands {
                    let result = self.widen(result, width);
                    self.set_flags(Kind::Logic(width), result, result);
                }
            }
            Op::Ubfm => {
                let value = self.x(n);
                let rotated = if a == 0 {
                    value
                } else {
                    self.builder.ins().rotr_imm_u(value, i64::from(a))
                };
                let mask = self.iconst(insn.imm);
                let value = self.builder.ins().band(rotated, mask);
                self.set_x(d, value);
            }
            Op::Sbfm(width) => {
                let value = self.x(n);
                let left = self.builder.ins().ishl_imm_u(value, i64::from(a));
                let value = self.builder.ins().sshr_imm_u(left, i64::from(m));
                self.write_low(d, value, width);
            }
            Op::Bfm(width) => {
                let (value, old) = (self.x(n), self.x(m));
                let rotated = self.builder.ins().rotr_imm_u(value, i64::from(a));
                let (mask, rest) = (self.iconst(insn.imm), self.iconst(!insn.imm));
                let inserted = self.builder.ins().band(rotated, mask);
                let kept = self.builder.ins().band(old, rest);
                let value = self.builder.ins().bor(inserted, kept);
                self.write_low(d, value, width);
            }
            Op::Extr(width) => self.extr(insn, width, x),
            Op::ShiftVar(shift, width) => {
                let (value, amount) = (self.read(n, width), self.read(m, width));
                let result = self.shift(value, shift, amount);
                self.write(d, result, width);
            }
            Op::MulAdd { sub, width } => {
                let (left, right) = (self.read(n, width), self.read(m, width));
                let product = self.builder.ins().imul(left, right);
                let addend = self.read(a, width);
                let result = if sub {
                    self.builder.ins().isub(addend, product)
                } else {
                    self.builder.ins().iadd(addend, product)
                };
                self.write(d, result, width);
            }
            Op::MulAddLong { sub, signed } => {
                let (left, right) = (self.read(n, Width::W), self.read(m, Width::W));
                let (left, right) = if signed {
                    (
                        self.builder.ins().sextend(I64, left),
                        self.builder.ins().sextend(I64, right),
                    )
                } else {
                    (
                        self.builder.ins().uextend(I64, left),
                        self.builder.ins().uextend(I64, right),
                    )
                };
                let product = self.builder.ins().imul(left, right);
                let addend = self.x(a);
                let result = if sub {
                    self.builder.ins().isub(addend, product)
                } else {
                    self.builder.ins().iadd(addend, product)
                };
                self.set_x(d, result);
            }
            Op::MulHigh { signed } => {
                let (left, right) = (self.x(n), self.x(m));
                let result = if signed {
                    self.builder.ins().smulhi(left, right)
                } else {
                    self.builder.ins().umulhi(left, right)
                };
                self.set_x(d, result);
            }
            Op::Div { signed, width } => self.div(insn, signed, width),
            Op::Unary(unary, width) => self.unary(insn, unary, width),
            Op::Select {
                invert,
                increment,
                width,
            } => {
                let (first, mut second) = (self.read(n, width), self.read(m, width));
                if invert {
                    second = self.builder.ins().bnot(second);
                }
                if increment {
                    second = self.builder.ins().iadd_imm_s(second, 1);
                }
                let result = if x >= 14 {
                    first
                } else {
                    let holds = self.flags.condition(self.builder, x as u8);
                    self.builder.ins().select(holds, first, second)
                };
                self.write(d, result, width);
            }
            Op::CondCompare {
                sub,
                width,
                operand,
            } => self.cond_compare(insn, sub, width, operand),
            Op::Load(size, fill, mode) => {
                let (address, base) = self.access(pc, insn, mode, false);
                let value = self.load(address, 0, size, fill);
                self.write_back(n, base);
                self.set_x(d, value);
            }
            Op::LoadPair(size, fill, mode) => {
                let (address, base) = self.access(pc, insn, mode, false);
                let first = self.load(address, 0, size, fill);
                let second = self.load(address, size.bytes() as i32, size, fill);
                self.write_back(n, base);
                self.set_x(d, first);
                self.set_x(a, second);
            }
            Op::Store(size, mode) => {
                let value = self.x(d);
                let (address, base) = self.access(pc, insn, mode, true);
                self.store(address, 0, size, value);
                self.write_back(n, base);
            }
            Op::StorePair(size, mode) => {
                let (first, second) = (self.x(d), self.x(a));
                let (address, base) = self.access(pc, insn, mode, true);
                self.store(address, 0, size, first);
                self.store(address, size.bytes() as i32, size, second);
                self.write_back(n, base);
            }
            Op::LoadV(size, mode) => {
                let (address, base) = self.access(pc, insn, mode, false);
                let value = self.load_v(address, 0, size);
                self.write_back(n, base);
                self.set_v(d, value);
            }
            Op::LoadPairV(size, mode) => {
                let (address, base) = self.access(pc, insn, mode, false);
                let first = self.load_v(address, 0, size);
                let second = self.load_v(address, size.bytes() as i32, size);
                self.write_back(n, base);
                self.set_v(d, first);
                self.set_v(a, second);
            }
            Op::StoreV(size, mode) => {
                let value = self.v(d);
                let (address, base) = self.access(pc, insn, mode, true);
                self.store_v(address, 0, size, value);
                self.write_back(n, base);
            }
            Op::StorePairV(size, mode) => {
                let (first, second) = (self.v(d), self.v(a));
                let (address, base) = self.access(pc, insn, mode, true);
                self.store_v(address, 0, size, first);
                self.store_v(address, size.bytes() as i32, size, second);
                self.write_back(n, base);
            }
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
            Op::Float(float, double) => {
                self.look(pc);
                self.float(insn, float, double);
            }
            Op::Helper(helper) => self.call_helper(pc, insn, helper as usize as u64),
            other => unreachable!("not supported: {other:?}"),
        }
    }

    /// Set a register from the low part of a 64-bit value.
    fn write_low(&mut self, register: u8, value: Value, width: Width) {
        let low = self.narrow(value, width);
        self.write(register, low, width);
    }

    fn operand(&mut self, insn: &Insn, operand: Operand, width: Width) -> Value {
        let Args { m, x, .. } = insn.args;
        match operand {
            Operand::Imm => {
                let value = match width {
                    Width::W => i64::from(insn.imm as u32),
                    Width::X => insn.imm as i64,
                };
                self.builder.ins().iconst(Self::type_of(width), value)
            }
            Operand::Reg => self.read(m, width),
            Operand::Shifted(shift) => {
                let value = self.read(m, width);
                let amount = self
                    .builder
                    .ins()
                    .iconst(Self::type_of(width), i64::from(x));
                self.shift(value, shift, amount)
            }
            Operand::Extended(extend) => {
                let value = self.extended(m, extend);
                let value = self.builder.ins().ishl_imm_u(value, i64::from(x));
                self.narrow(value, width)
            }
        }
    }

    fn extended(&mut self, register: u8, extend: Extend) -> Value {
        let value = self.x(register);
        let (part, signed) = match extend {
            Extend::Uxtb => (I8, false),
            Extend::Uxth => (I16, false),
            Extend::Uxtw => (I32, false),
            Extend::Sxtb => (I8, true),
            Extend::Sxth => (I16, true),
            Extend::Sxtw => (I32, true),
            Extend::Uxtx | Extend::Sxtx => return value,
        };
        let low = self.builder.ins().ireduce(part, value);
        if signed {
            self.builder.ins().sextend(I64, low)
        } else {
            self.builder.ins().uextend(I64, low)
        }
    }

    fn shift(&mut self, value: Value, shift: Shift, amount: Value) -> Value {
        match shift {
            Shift::Lsl => self.builder.ins().ishl(value, amount),
            Shift::Lsr => self.builder.ins().ushr(value, amount),
            Shift::Asr => self.builder.ins().sshr(value, amount),
            Shift::Ror => self.builder.ins().rotr(value, amount),
        }
    }

    fn extr(&mut self, insn: &Insn, width: Width, lsb: u16) {
        let Args { d, n, m, .. } = insn.args;
        let (high, low) = (self.read(n, width), self.read(m, width));
        let bits = if width == Width::X { 64 } else { 32 };
        let result = if lsb == 0 {
            low
        } else {
            let low = self.builder.ins().ushr_imm_u(low, i64::from(lsb));
            let high = self.builder.ins().ishl_imm_u(high, bits - i64::from(lsb));
            self.builder.ins().bor(high, low)
        };
        self.write(d, result, width);
    }

    /// Division by zero gives 0, and the one overflow wraps: neither may reach the host's divide.
    fn div(&mut self, insn: &Insn, signed: bool, width: Width) {
        let Args { d, n, m, .. } = insn.args;
        let (left, right) = (self.read(n, width), self.read(m, width));
        let ty = Self::type_of(width);
        let zero = self.builder.ins().iconst(ty, 0);
        let one = self.builder.ins().iconst(ty, 1);
        let by_zero = self.builder.ins().icmp_imm_s(IntCC::Equal, right, 0);
        let result = if signed {
            let by_minus_one = self.builder.ins().icmp_imm_s(IntCC::Equal, right, -1);
            let special = self.builder.ins().bor(by_zero, by_minus_one);
            let divisor = self.builder.ins().select(special, one, right);
            let quotient = self.builder.ins().sdiv(left, divisor);
            let negated = self.builder.ins().ineg(left);
            self.builder.ins().select(by_minus_one, negated, quotient)
        } else {
            let divisor = self.builder.ins().select(by_zero, one, right);
            self.builder.ins().udiv(left, divisor)
        };
        let result = self.builder.ins().select(by_zero, zero, result);
        self.write(d, result, width);
    }

    fn unary(&mut self, insn: &Insn, unary: Unary, width: Width) {
        let Args { d, n, .. } = insn.args;
        let value = self.read(n, width);
        let ty = Self::type_of(width);
        let result = match unary {
            Unary::Rbit => self.builder.ins().bitrev(value),
            Unary::Rev => self.builder.ins().bswap(value),
            Unary::Rev32 => {
                let swapped = self.builder.ins().bswap(value);
                self.builder.ins().rotr_imm_u(swapped, 32)
            }
            Unary::Rev16 => {
                let pattern = if width == Width::X {
                    0x00FF_00FF_00FF_00FFi64
                } else {
                    0x00FF_00FF
                };
                let ones = self.builder.ins().iconst(ty, pattern);
                let low = self.builder.ins().band(value, ones);
                let low = self.builder.ins().ishl_imm_u(low, 8);
                let high = self.builder.ins().ushr_imm_u(value, 8);
                let high = self.builder.ins().band(high, ones);
                self.builder.ins().bor(low, high)
            }
            Unary::Clz => self.builder.ins().clz(value),
            Unary::Cls => {
                let sign = self.builder.ins().sshr_imm_u(value, 1);
                let differing = self.builder.ins().bxor(value, sign);
                let zeros = self.builder.ins().clz(differing);
                self.builder.ins().iadd_imm_s(zeros, -1)
            }
        };
        self.write(d, result, width);
    }

    fn cond_compare(&mut self, insn: &Insn, sub: bool, width: Width, operand: Operand) {
        let Args { d, n, a, .. } = insn.args;
        let left = self.x(n);
        let right = self.operand(insn, operand, width);
        let right = self.widen(right, width);
        let compared = Flags {
            kind: if sub {
                Kind::Sub(width)
            } else {
                Kind::Add(width)
            },
            a: left,
            b: right,
        };
        let packed = compared.packed(self.builder);
        let result = if d >= 14 {
            packed
        } else {
            let holds = self.flags.condition(self.builder, d);
            let other = self.iconst(u64::from(a) << 28);
            self.builder.ins().select(holds, packed, other)
        };
        let zero = self.iconst(0);
        self.set_flags(Kind::Packed, result, zero);
    }

    // Memory

    /// The host address of an access, and what its base register becomes. Looks first where the
    /// order of accesses demands it.
    fn access(
        &mut self,
        pc: u64,
        insn: &Insn,
        mode: Address,
        store: bool,
    ) -> (Value, Option<Value>) {
        if store && self.pending == Pending::Loads {
            self.look(pc);
        }
        self.pending = match (store, self.pending) {
            (true, _) => Pending::Stores,
            (false, _) => Pending::Loads,
        };
        let Args { n, m, x, .. } = insn.args;
        let base = match mode {
            Address::Literal => self.iconst(pc.wrapping_add(insn.imm)),
            _ => self.x(n),
        };
        let (address, changed) = match mode {
            Address::Offset => (self.offset(base, insn.imm), None),
            Address::PreIndex => {
                let address = self.offset(base, insn.imm);
                (address, Some(address))
            }
            Address::PostIndex => {
                let changed = self.offset(base, insn.imm);
                (base, Some(changed))
            }
            Address::Register(extend) => {
                let index = self.extended(m, extend);
                let index = self.builder.ins().ishl_imm_u(index, i64::from(x));
                (self.builder.ins().iadd(base, index), None)
            }
            Address::Literal => (base, None),
        };
        (self.builder.ins().iadd(self.memory, address), changed)
    }

    fn offset(&mut self, base: Value, offset: u64) -> Value {
        if offset == 0 {
            return base;
        }
        self.builder.ins().iadd_imm_s(base, offset as i64)
    }

    fn write_back(&mut self, register: u8, base: Option<Value>) {
        if let Some(base) = base {
            self.set_x(register, base);
        }
    }

    fn load(&mut self, address: Value, offset: i32, size: Size, fill: Fill) -> Value {
        let ty = match size {
            Size::B1 => I8,
            Size::B2 => I16,
            Size::B4 => I32,
            _ => return self.builder.ins().load(I64, GUEST, address, offset),
        };
        let value = self.builder.ins().load(ty, GUEST, address, offset);
        match fill {
            Fill::Zero => self.builder.ins().uextend(I64, value),
            Fill::Sign64 => self.builder.ins().sextend(I64, value),
            Fill::Sign32 => {
                let word = self.builder.ins().sextend(I32, value);
                self.builder.ins().uextend(I64, word)
            }
        }
    }

    fn store(&mut self, address: Value, offset: i32, size: Size, value: Value) {
        let ty = match size {
            Size::B1 => I8,
            Size::B2 => I16,
            Size::B4 => I32,
            _ => {
                self.builder.ins().store(GUEST, value, address, offset);
                return;
            }
        };
        let low = self.builder.ins().ireduce(ty, value);
        self.builder.ins().store(GUEST, low, address, offset);
    }

    fn load_v(&mut self, address: Value, offset: i32, size: Size) -> Value {
        if size == Size::B16 {
            return self.builder.ins().load(I8X16, GUEST, address, offset);
        }
        let ty = match size {
            Size::B4 => F32,
            Size::B8 => F64,
            _ => I64,
        };
        let value = match ty {
            I64 => self.load(address, offset, size, Fill::Zero),
            _ => self.builder.ins().load(ty, GUEST, address, offset),
        };
        let vector = self
            .builder
            .ins()
            .scalar_to_vector(ty.by(128 / ty.bits()).expect("a vector of 128 bits"), value);
        self.builder.ins().bitcast(I8X16, LITTLE, vector)
    }

    fn store_v(&mut self, address: Value, offset: i32, size: Size, value: Value) {
        if size == Size::B16 {
            self.builder.ins().store(GUEST, value, address, offset);
            return;
        }
        let lanes = self.builder.ins().bitcast(I64X2, LITTLE, value);
        let low = self.builder.ins().extractlane(lanes, 0u8);
        self.store(address, offset, size, low);
    }

    // Atomic accesses

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
            let (cold, go_on) = (self.builder.create_block(), self.builder.create_block());
            self.builder.set_cold_block(cold);
            self.builder.ins().brif(rest, cold, &NONE, go_on, &NONE);
            self.builder.switch_to_block(cold);
            self.leave_at_checkpoint();
            self.builder.switch_to_block(go_on);
        }
        self.pending = Pending::Loads;
        self.builder.ins().iadd(self.memory, address)
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

    /// A helper works on the register block: what it may use is stored, what it may change is
    /// loaded again.
    fn call_helper(&mut self, pc: u64, insn: &Insn, helper: u64) {
        self.look(pc);
        self.store_now();
        let Args { d, n, m, a, x } = insn.args;
        let packed = u64::from(d)
            | u64::from(n) << 8
            | u64::from(m) << 16
            | u64::from(a) << 24
            | u64::from(x) << 32;
        let (helper, packed) = (self.iconst(helper), self.iconst(packed));
        let call = self
            .builder
            .ins()
            .load(I64, OWN, self.cpu, layout::CALL_HELPER);
        self.builder
            .ins()
            .call_indirect(self.helper, call, &[self.cpu, helper, packed]);
        if let Some(variable) = self.general.get(usize::from(d)).copied().flatten() {
            let value = self
                .builder
                .ins()
                .load(I64, OWN, self.cpu, layout::general(d));
            self.builder.def_var(variable, value);
        }
        if let Some(variable) = self.vectors.get(usize::from(d)).copied().flatten() {
            let value = self
                .builder
                .ins()
                .load(I8X16, OWN, self.cpu, layout::vector(d));
            self.builder.def_var(variable, value);
        }
        let flags = self
            .builder
            .ins()
            .load(I64, OWN, self.cpu, layout::general(PSTATE));
        let zero = self.iconst(0);
        self.set_flags(Kind::Packed, flags, zero);
        self.written = Registers::default();
        self.take_checkpoint(pc + 4);
    }
}

pub(super) const LITTLE: MemFlagsData =
    MemFlagsData::new().with_endianness(cranelift_codegen::ir::Endianness::Little);
