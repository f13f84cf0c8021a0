//! From a region to Cranelift's intermediate language.
//!
//! Guest registers are variables. All that the region writes are stored when it is left; in between
//! the register block is stale. A load or store that faults is skipped by the signal handler, which
//! sets `Attention::faulted`; before anything that cannot be repeated, the code looks there and, if
//! set, stores the registers as they were at the last checkpoint and leaves at its address. The
//! interpreter then meets the fault exactly. What lies between a checkpoint and the next look can be
//! repeated: stores, then loads.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use cranelift_codegen::ir::types::{I8X16, I32, I64};
use cranelift_codegen::ir::{
    AbiParam, Block as IrBlock, BlockArg, Function, InstBuilder, MemFlagsData, Opcode, SigRef,
    Signature, Type, Value,
};
use cranelift_codegen::isa::{CallConv, TargetFrontendConfig};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable};

use crate::compile::exits::{Checkpoint, Known, Pending};
use crate::compile::flags::{Flags, Form, Lazy, Operation, Source, Width};
use crate::compile::region::{Block, End, Region, Registers, address};
use crate::compile::{flow, vector};
use crate::cpu::layout;
use crate::ir::{Args, Helper, Insn, Op, Operand, Structure};
use crate::state::{FPCR, LAZY, PSTATE, SINK, SP, TPIDR, ZERO};

/// Register block and engine fields: always accessible.
pub(super) const OWN: MemFlagsData = MemFlagsData::trusted();
/// Guest memory.
pub(super) const GUEST: MemFlagsData = MemFlagsData::new();
pub(super) const NONE: [BlockArg; 0] = [];
pub(super) const LINK: u8 = 30;
pub(super) const LIMIT_BITS: u32 = crate::code::GUEST_BITS;

/// Whether [`Lifter`] knows an operation; regions end before others.
pub(super) fn is_supported(insn: &Insn) -> bool {
    match insn.op {
        Op::AddCarry { .. }
        | Op::CondCompare { .. }
        | Op::Jump
        | Op::Call
        | Op::JumpIf
        | Op::JumpZero { .. }
        | Op::JumpBit { .. }
        | Op::JumpReg { .. }
        | Op::CallReg
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
        | Op::HelperOn(..)
        | Op::ByValue(..)
        | Op::ByNumber(_)
        | Op::Vector(..)
        | Op::FloatVector(..)
        | Op::Helper(_) => true,
        Op::LoadStructures
        | Op::StoreStructures
        | Op::LoadLane
        | Op::StoreLane
        | Op::LoadReplicate => vector::can_access(Structure::unpack(insn.imm)),
        _ => flow::is_plain(insn) && general_only(insn),
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

pub(super) struct Lifter<'a, 'b> {
    pub(super) builder: &'a mut FunctionBuilder<'b>,
    region: &'a Region,
    /// See [`Code::confined`](crate::code::Code).
    confined: bool,
    pub(super) blocks: BTreeMap<u64, IrBlock>,
    pub(super) forms: BTreeMap<u64, Form>,
    /// Blocks that one branch leads to, from a lower address: what is known there goes on.
    pub(super) single: BTreeSet<u64>,
    /// What is known at their beginning, once the branch was lifted.
    pub(super) inherited: BTreeMap<u64, Known>,
    /// Where the current block begins.
    start: u64,
    general: Vec<Option<Variable>>,
    vectors: Vec<Option<Variable>>,
    pub(super) flag_a: Variable,
    pub(super) flag_b: Variable,
    pub(super) flags: Flags,
    /// Registers whose words in the block may be stale.
    pub(super) written: Registers,
    pub(super) cpu: Value,
    pub(super) memory: Value,
    pub(super) signature: SigRef,
    helper: SigRef,
    pub(super) pending: Pending,
    /// Since the block began, or one that alone leads to it, `look_and_poll` was done.
    pub(super) polled: bool,
    pub(super) checkpoint: Rc<Checkpoint>,
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

/// Build the function of a region.
pub(super) fn lift(
    region: &Region,
    confined: bool,
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
    let blocks: BTreeMap<u64, IrBlock> = region
        .blocks
        .keys()
        .map(|&start| (start, builder.create_block()))
        .collect();
    let single = flow::single_entries(region);
    let mut lifter = Lifter {
        builder: &mut builder,
        region,
        confined,
        forms: flow::flag_forms(region, &single),
        single,
        inherited: BTreeMap::new(),
        start: region.head,
        blocks,
        general: vec![None; 32],
        vectors: vec![None; 32],
        flag_a,
        flag_b,
        flags: Flags::Stored,
        written: Registers::default(),
        cpu,
        memory,
        signature,
        helper,
        pending: Pending::Nothing,
        polled: false,
        checkpoint: Rc::new(Checkpoint {
            pc: region.head,
            general: Vec::new(),
            vectors: Vec::new(),
            flags: Flags::Stored,
            exit: Cell::default(),
        }),
    };
    lifter.load_registers();
    let head = lifter.blocks[&region.head];
    lifter.pack_for(region.head);
    lifter.builder.ins().jump(head, &NONE);
    for (&start, block) in &region.blocks {
        lifter.block(start, block);
    }
    builder.seal_all_blocks();
    builder.finalize(config);
    drop_unused_loads(function, entry);
}

/// Remove the loads of registers that turned out to be overwritten first: Cranelift keeps loads.
fn drop_unused_loads(function: &mut Function, entry: IrBlock) {
    let mut used = BTreeSet::new();
    for block in function.layout.blocks() {
        for inst in function.layout.block_insts(block) {
            used.extend(
                function
                    .dfg
                    .inst_values(inst)
                    .map(|value| function.dfg.resolve_aliases(value)),
            );
        }
    }
    let unused: Vec<_> = function
        .layout
        .block_insts(entry)
        .filter(|&inst| {
            function.dfg.insts[inst].opcode() == Opcode::Load
                && !used.contains(&function.dfg.first_result(inst))
        })
        .collect();
    for inst in unused {
        function.layout.remove_inst(inst);
    }
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

    /// The lowest element of a vector, which often was a scalar just before.
    pub(super) fn low_scalar(&mut self, vector: Value, ty: Type) -> Value {
        if let Some(scalar) = self.scalar_in(vector)
            && self.builder.func.dfg.value_type(scalar) == ty
        {
            return scalar;
        }
        let lanes = ty.by(128 / ty.bits()).expect("a vector of 128 bits");
        let vector = self.builder.ins().bitcast(lanes, LITTLE, vector);
        self.builder.ins().extractlane(vector, 0u8)
    }

    /// What `scalar_to_vector` made an I8X16 of.
    fn scalar_in(&self, vector: Value) -> Option<Value> {
        let dfg = &self.builder.func.dfg;
        let argument = |value: Value, opcode: Opcode| {
            let inst = dfg.value_def(dfg.resolve_aliases(value)).inst()?;
            (dfg.insts[inst].opcode() == opcode).then(|| dfg.inst_args(inst)[0])
        };
        argument(argument(vector, Opcode::Bitcast)?, Opcode::ScalarToVector)
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

    /// The flags of an operation on two I64 of which `width` counts.
    pub(super) fn set_flags(&mut self, operation: Operation, width: Width, a: Value, b: Value) {
        self.flags = Flags::Lazy(Lazy {
            operation,
            width,
            a,
            b,
        });
    }

    /// Whether a condition (0 EQ to 13 LE) holds, as an I8.
    pub(super) fn condition(&mut self, code: u8) -> Value {
        self.load_flags();
        self.flags.condition(self.builder, code)
    }

    /// C, as an I8.
    pub(super) fn carry(&mut self) -> Value {
        self.load_flags();
        self.flags.carry(self.builder)
    }

    /// Have the flags in a value.
    pub(super) fn load_flags(&mut self) {
        if !matches!(self.flags, Flags::Stored) {
            return;
        }
        let lazy = self
            .builder
            .ins()
            .load(I64, OWN, self.cpu, layout::general(LAZY));
        let (cold, go_on) = (self.cold_block(), self.builder.create_block());
        self.builder.ins().brif(lazy, cold, &NONE, go_on, &NONE);
        self.builder.switch_to_block(cold);
        // Every helper finds the flags computed.
        self.emit_helper(crate::integer::keep, Args::default());
        self.builder.ins().jump(go_on, &NONE);
        self.builder.switch_to_block(go_on);
        let packed = self
            .builder
            .ins()
            .load(I64, OWN, self.cpu, layout::general(PSTATE));
        self.flags = Flags::Packed(packed);
    }

    /// The host address of a guest address, to which less than a page may be added.
    ///
    /// Addresses that are not the guest's, tagged ones among them, become such that the access
    /// faults, and the interpreter repeats it. Unless confined, that is left to the host's
    /// processor, which lets those pass where the host has memory.
    pub(super) fn host(&mut self, address: Value) -> Value {
        let address = if self.confined {
            let end = self.iconst(1 << LIMIT_BITS);
            self.builder.ins().umin(address, end)
        } else {
            address
        };
        self.builder.ins().iadd(self.memory, address)
    }

    /// The same of a base and an index.
    pub(super) fn host_of_sum(&mut self, base: Value, index: Value) -> Value {
        if self.confined {
            let address = self.builder.ins().iadd(base, index);
            return self.host(address);
        }
        // The base is often constant in a loop, and the host's instructions shift the index.
        let base = self.host(base);
        self.builder.ins().iadd(base, index)
    }

    fn block(&mut self, start: u64, block: &Block) {
        let ir = self.blocks[&start];
        self.builder.switch_to_block(ir);
        self.start = start;
        if let Some(known) = self.inherited.remove(&start) {
            self.restore(known);
        } else {
            self.flags = match self.forms.get(&start) {
                None | Some(Form::Stored | Form::Dead(_)) => Flags::Stored,
                Some(Form::Packed) => Flags::Packed(self.builder.use_var(self.flag_a)),
                Some(&Form::Lazy(operation, width, a, b)) => Flags::Lazy(Lazy {
                    operation,
                    width,
                    a: self.source(a, self.flag_a),
                    b: self.source(b, self.flag_b),
                }),
            };
            self.written = block.written_before;
            self.polled = false;
            self.take_checkpoint(address(start));
        }
        let dead = match self.forms.get(&start) {
            Some(&Form::Dead(setter)) if !self.single.contains(&start) => Some(setter),
            _ => None,
        };
        let mut accesses = block.body.iter().filter(|(_, insn)| flow::is_access(insn));
        let last_access = accesses.next_back().map(|&(pc, _)| pc);
        for &(pc, insn) in &block.body {
            self.insn(pc, &insn);
            if last_access == Some(pc) {
                self.look_early(pc + 4, block);
            }
            if dead == Some(pc) {
                // The one before lacks the flags.
                self.take_checkpoint(pc + 4);
            }
        }
        let pc = block.end_pc;
        match &block.end {
            End::Jump(to) => self.edge(pc, *to),
            End::Branch(insn, taken, not) => self.branch(pc, insn, *taken, *not),
            &End::Call(to, inside) => self.call(pc, to, inside),
            End::Indirect(insn, expected) => self.indirect(pc, insn, expected),
        }
    }

    fn source(&mut self, source: Source, variable: Variable) -> Value {
        match source {
            Source::Variable => self.builder.use_var(variable),
            Source::Constant(value) => self.iconst(value),
            Source::Register(register, 0) => self.x(register),
            Source::Register(register, more) => {
                let value = self.x(register);
                self.builder.ins().iadd_imm_s(value, more as i64)
            }
        }
    }

    fn insn(&mut self, pc: u64, insn: &Insn) {
        match insn.op {
            Op::Nop | Op::MovImm | Op::Adr | Op::Adrp | Op::Movk(_) => self.moves(pc, insn),
            Op::Arith { .. } | Op::Logic { .. } => self.arithmetic(insn),
            Op::AddCarry { sub, flags, width } => self.add_carry(insn, sub, flags, width),
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
            Op::HelperOn(..)
            | Op::ByValue(..)
            | Op::ByNumber(_)
            | Op::Vector(..)
            | Op::FloatVector(..)
            | Op::LoadStructures
            | Op::StoreStructures
            | Op::LoadLane
            | Op::StoreLane
            | Op::LoadReplicate => self.vector(pc, insn),
            Op::Helper(helper) => self.call_helper(pc, insn, helper),
            _ => self.ordered_access(pc, insn),
        }
    }

    /// A helper works on the register block: what it may use is stored, what it may change is
    /// loaded again.
    fn call_helper(&mut self, pc: u64, insn: &Insn, helper: Helper) {
        self.look(pc);
        self.store_now();
        self.emit_helper(helper, insn.args);
        let d = insn.args.d;
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
        self.flags = Flags::Stored;
        self.written = Registers::default();
        self.take_checkpoint(pc + 4);
    }

    fn emit_helper(&mut self, helper: Helper, args: Args) {
        let Args { d, n, m, a, x } = args;
        let packed = u64::from(d)
            | u64::from(n) << 8
            | u64::from(m) << 16
            | u64::from(a) << 24
            | u64::from(x) << 32;
        let (helper, packed) = (self.iconst(super::distance(helper)), self.iconst(packed));
        let call = self
            .builder
            .ins()
            .load(I64, OWN, self.cpu, layout::CALL_HELPER);
        self.builder
            .ins()
            .call_indirect(self.helper, call, &[self.cpu, helper, packed]);
    }
}

pub(super) const LITTLE: MemFlagsData =
    MemFlagsData::new().with_endianness(cranelift_codegen::ir::Endianness::Little);
