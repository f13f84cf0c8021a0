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
use cranelift_codegen::ir::types::{I8X16, I32, I64};
use cranelift_codegen::ir::{
    AbiParam, Block as IrBlock, BlockArg, Function, InstBuilder, MemFlagsData, SigRef, Signature,
    Type, Value,
};
use cranelift_codegen::isa::{CallConv, TargetFrontendConfig};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable};

use crate::compile::flags::{Flags, Kind, Width};
use crate::compile::region::{Block, End, Region, Registers};
use crate::cpu::layout;
use crate::ir::{Args, Float, Insn, Logic, Op, Operand};
use crate::state::{FPCR, PSTATE, SINK, SP, TPIDR, ZERO};

/// Register block and engine fields: always accessible.
pub(super) const OWN: MemFlagsData = MemFlagsData::trusted();
/// Guest memory.
pub(super) const GUEST: MemFlagsData = MemFlagsData::new();
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
pub(super) enum Pending {
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
    pub(super) cpu: Value,
    pub(super) memory: Value,
    signature: SigRef,
    helper: SigRef,
    pub(super) pending: Pending,
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

    pub(super) fn type_of(width: Width) -> Type {
        match width {
            Width::W => I32,
            Width::X => I64,
        }
    }

    /// A general register at its operand size.
    pub(super) fn read(&mut self, register: u8, width: Width) -> Value {
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

    pub(super) fn take_checkpoint(&mut self, pc: u64) {
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
        let faulted = self.attention(I32, layout::FAULTED);
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

    /// A field of `Attention`.
    fn attention(&mut self, ty: Type, field: i32) -> Value {
        let attention = self
            .builder
            .ins()
            .load(I64, OWN, self.cpu, layout::ATTENTION);
        let field = self.builder.ins().iadd_imm_s(attention, i64::from(field));
        // Atomic, so that it is not taken for an earlier load.
        self.builder.ins().atomic_load(ty, OWN, field)
    }

    /// `look`, and leave for `to`, with the registers as they are now, if somebody called for
    /// attention.
    fn look_and_poll(&mut self, pc: u64, to: Value) {
        let pending = self.pending != Pending::Nothing;
        let attention = if pending {
            self.attention(I64, layout::FAULTED)
        } else {
            self.attention(I32, layout::INTERRUPT)
        };
        let (cold, go_on) = (self.builder.create_block(), self.builder.create_block());
        self.builder.set_cold_block(cold);
        self.builder
            .ins()
            .brif(attention, cold, &NONE, go_on, &NONE);
        self.builder.switch_to_block(cold);
        if pending {
            let faulted = self.builder.ins().ireduce(I32, attention);
            let (back, called) = (self.builder.create_block(), self.builder.create_block());
            self.builder.ins().brif(faulted, back, &NONE, called, &NONE);
            self.builder.switch_to_block(back);
            self.leave_at_checkpoint();
            self.builder.switch_to_block(called);
        }
        self.store_now();
        self.builder.ins().return_(&[to]);
        self.builder.switch_to_block(go_on);
        self.take_checkpoint(pc);
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
            End::Jump(to) => self.edge(block.end_pc, to),
            End::Branch(insn, taken, not) => self.branch(block.end_pc, &insn, taken, not),
            End::Call(to) => {
                let link = self.iconst(block.end_pc + 4);
                self.set_x(LINK, link);
                let to = self.iconst(to);
                self.look_and_poll(block.end_pc, to);
                self.leave(to, true);
            }
            End::Indirect(insn) => {
                let to = self.x(insn.args.n);
                if matches!(insn.op, Op::CallReg) {
                    let link = self.iconst(block.end_pc + 4);
                    self.set_x(LINK, link);
                }
                self.look_and_poll(block.end_pc, to);
                self.leave(to, false);
            }
        }
    }

    /// Go to a block of this region or leave.
    fn edge(&mut self, from: u64, to: u64) {
        let constant = self.iconst(to);
        if to <= from {
            self.look_and_poll(from, constant);
        } else {
            self.look(from);
        }
        if let Some(ir) = self.blocks.get(&to).copied() {
            self.pack_for(to);
            self.builder.ins().jump(ir, &NONE);
        } else {
            self.leave(constant, true);
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
        let (flags, written, pending) = (self.flags, self.written, self.pending);
        let checkpoint = Rc::clone(&self.checkpoint);
        for (block, to) in [(yes, taken), (no, not)] {
            self.builder.switch_to_block(block);
            self.flags = flags;
            self.written = written;
            self.pending = pending;
            self.checkpoint = Rc::clone(&checkpoint);
            self.builder.def_var(self.flag_a, flags.a);
            self.builder.def_var(self.flag_b, flags.b);
            self.edge(pc, to);
        }
    }

    fn insn(&mut self, pc: u64, insn: &Insn) {
        match insn.op {
            Op::Nop | Op::MovImm | Op::Adr | Op::Adrp | Op::Movk(_) => self.moves(pc, insn),
            Op::Arith { .. } | Op::Logic { .. } => self.arithmetic(insn),
            Op::Ubfm
            | Op::Sbfm(_)
            | Op::Bfm(_)
            | Op::Extr(_)
            | Op::ShiftVar(..)
            | Op::Unary(..) => {
                self.bits(insn);
            }
            Op::MulAdd { .. } | Op::MulAddLong { .. } | Op::MulHigh { .. } | Op::Div { .. } => {
                self.products(insn);
            }
            Op::Select { .. } | Op::CondCompare { .. } => self.conditions(insn),
            Op::Load(..) | Op::LoadPair(..) | Op::Store(..) | Op::StorePair(..) => {
                self.general_access(pc, insn);
            }
            Op::LoadV(..) | Op::LoadPairV(..) | Op::StoreV(..) | Op::StorePairV(..) => {
                self.vector_access(pc, insn);
            }
            Op::Float(float, double) => {
                self.look(pc);
                self.float(insn, float, double);
            }
            Op::Helper(helper) => self.call_helper(pc, insn, helper as usize as u64),
            _ => self.ordered_access(pc, insn),
        }
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
