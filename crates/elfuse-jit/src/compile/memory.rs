//! Loads and stores.
#![forbid(unsafe_code)]

use cranelift_codegen::ir::types::{F32, F64, I8, I8X16, I16, I32, I64};
use cranelift_codegen::ir::{InstBuilder, Value};

use crate::compile::exits::Pending;
use crate::compile::lift::{GUEST, LITTLE, Lifter};
use crate::ir::{Address, Args, Fill, Insn, Op, Size};

impl Lifter<'_, '_> {
    /// Of general registers.
    pub(super) fn general_access(&mut self, pc: u64, insn: &Insn) {
        let Args { d, n, a, .. } = insn.args;
        match insn.op {
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
            other => unreachable!("{other:?}"),
        }
    }

    /// Of vector registers.
    pub(super) fn vector_access(&mut self, pc: u64, insn: &Insn) {
        let Args { d, n, a, .. } = insn.args;
        match insn.op {
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
            other => unreachable!("{other:?}"),
        }
    }

    /// The host address of an access, and what its base register becomes. Looks first where the
    /// order of accesses demands it.
    pub(super) fn access(
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
                return (self.host_of_sum(base, index), None);
            }
            Address::Literal => (base, None),
        };
        (self.host(address), changed)
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

    pub(super) fn load(&mut self, address: Value, offset: i32, size: Size, fill: Fill) -> Value {
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

    pub(super) fn store(&mut self, address: Value, offset: i32, size: Size, value: Value) {
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
        let ty = match size {
            Size::B4 => F32,
            Size::B8 => F64,
            _ => {
                let low = self.low_scalar(value, I64);
                self.store(address, offset, size, low);
                return;
            }
        };
        let low = self.low_scalar(value, ty);
        self.builder.ins().store(GUEST, low, address, offset);
    }
}
