//! Loads and stores of structures: LD1 to LD4, ST1 to ST4, LD1R to LD4R.
#![forbid(unsafe_code)]

use cranelift_codegen::ir::types::{F64, F64X2, I8X16};
use cranelift_codegen::ir::{InstBuilder, Value};

use crate::compile::lift::{GUEST, Lifter};
use crate::compile::vector::lanes::integers;
use crate::ir::{Address, Args, Extent, Insn, Lane, Op, Structure};

/// The register after some others.
pub(in crate::compile) const fn following(first: u8, number: u8) -> u8 {
    (first + number) % 32
}

impl Lifter<'_, '_> {
    /// An access of this module.
    pub(in crate::compile) fn structures(&mut self, pc: u64, insn: &Insn) {
        let shape = Structure::unpack(insn.imm);
        let lane = Lane::from_log2(shape.log2).unwrap_or(Lane::D);
        let store = matches!(insn.op, Op::StoreStructures | Op::StoreLane);
        let access = Insn::new(insn.op, insn.args, 0);
        let (address, _) = self.access(pc, &access, Address::Offset, store);
        let base = self.base_after(insn.args, shape);
        let Args { d, a, .. } = insn.args;
        let count = shape.registers as u8;
        match insn.op {
            Op::LoadStructures => {
                let extent = extent(shape);
                let parts = (0..count)
                    .map(|i| self.load_part(address, i, extent))
                    .collect::<Vec<_>>();
                let values = match shape.elements {
                    1 => parts,
                    2 => self.separated_2(&parts, lane, extent),
                    3 => self.separated_3(&parts, lane, extent),
                    _ => self.separated_4(&parts, lane, extent),
                };
                for (i, value) in (0..).zip(values) {
                    self.write_lanes(following(d, i), value, extent, lane);
                }
            }
            Op::StoreStructures => {
                let extent = extent(shape);
                let values: Vec<_> = (0..count)
                    .map(|i| self.lanes(following(d, i), lane))
                    .collect();
                let parts = match shape.elements {
                    1 => values,
                    2 => self.joined_2(&values, lane, extent),
                    3 => self.joined_3(&values, lane, extent),
                    _ => self.joined_4(&values, lane, extent),
                };
                for (i, part) in (0..).zip(parts) {
                    self.store_part(address, i, extent, part);
                }
            }
            Op::LoadReplicate => {
                for i in 0..count {
                    let value = self.load_element(address, i, lane);
                    let value = self.builder.ins().splat(integers(lane), value);
                    self.write_lanes(following(d, i), value, extent(shape), lane);
                }
            }
            Op::LoadLane => {
                let elements: Vec<_> = (0..count)
                    .map(|i| self.load_element(address, i, lane))
                    .collect();
                for (i, element) in (0..).zip(elements) {
                    let register = following(d, i);
                    let value = self.lanes(register, lane);
                    let value = self.builder.ins().insertlane(value, element, a);
                    self.write_lanes(register, value, Extent::Full, lane);
                }
            }
            _ => {
                for i in 0..count {
                    let value = self.lanes(following(d, i), lane);
                    let value = self.builder.ins().extractlane(value, a);
                    let offset = i32::from(i) * lane.bytes() as i32;
                    self.builder.ins().store(GUEST, value, address, offset);
                }
            }
        }
        if let Some(base) = base {
            self.set_x(insn.args.n, base);
        }
    }

    /// What post-indexing makes of the base register.
    fn base_after(&mut self, args: Args, shape: Structure) -> Option<Value> {
        let base = self.x(args.n);
        if args.m < 31 {
            let increment = self.x(args.m);
            return Some(self.builder.ins().iadd(base, increment));
        }
        (shape.increment != 0).then(|| {
            self.builder
                .ins()
                .iadd_imm_s(base, i64::from(shape.increment))
        })
    }

    fn load_part(&mut self, address: Value, number: u8, extent: Extent) -> Value {
        if extent == Extent::Full {
            let offset = 16 * i32::from(number);
            return self.builder.ins().load(I8X16, GUEST, address, offset);
        }
        let offset = 8 * i32::from(number);
        let value = self.builder.ins().load(F64, GUEST, address, offset);
        let value = self.builder.ins().scalar_to_vector(F64X2, value);
        self.cast(value, I8X16)
    }

    fn store_part(&mut self, address: Value, number: u8, extent: Extent, part: Value) {
        if extent == Extent::Full {
            let offset = 16 * i32::from(number);
            let part = self.cast(part, I8X16);
            self.builder.ins().store(GUEST, part, address, offset);
            return;
        }
        let part = self.cast(part, F64X2);
        let low = self.builder.ins().extractlane(part, 0u8);
        let offset = 8 * i32::from(number);
        self.builder.ins().store(GUEST, low, address, offset);
    }

    fn load_element(&mut self, address: Value, number: u8, lane: Lane) -> Value {
        let ty = integers(lane).lane_type();
        let offset = i32::from(number) * lane.bytes() as i32;
        self.builder.ins().load(ty, GUEST, address, offset)
    }

    /// Elements of structures of two, by their place in the structure.
    fn separated_2(&mut self, parts: &[Value], lane: Lane, extent: Extent) -> Vec<Value> {
        let (a, b) = self.halves_joined(parts[0], parts[1], extent);
        vec![
            self.unzipped(a, b, lane, false),
            self.unzipped(a, b, lane, true),
        ]
    }

    /// Of four: those of two, once more.
    fn separated_4(&mut self, parts: &[Value], lane: Lane, extent: Extent) -> Vec<Value> {
        let (even, odd) = if extent == Extent::Full {
            let low = self.separated_2(&parts[..2], lane, extent);
            let high = self.separated_2(&parts[2..], lane, extent);
            ([low[0], high[0]], [low[1], high[1]])
        } else {
            let low = self.lower_halves(parts[0], parts[1]);
            let high = self.lower_halves(parts[2], parts[3]);
            let both = self.separated_2(&[low, high], lane, Extent::Full);
            ([both[0]; 2], [both[1]; 2])
        };
        let even = self.separated_2(&even, lane, Extent::Full);
        let odd = self.separated_2(&odd, lane, Extent::Full);
        vec![even[0], odd[0], even[1], odd[1]]
    }

    fn separated_3(&mut self, parts: &[Value], lane: Lane, extent: Extent) -> Vec<Value> {
        let (size, part) = (lane.bytes(), part_bytes(extent));
        let place = |number: usize, byte: usize| {
            let at = (3 * (byte / size) + number) * size + byte % size;
            (at / part, at % part)
        };
        (0..3)
            .map(|number| self.gathered(parts, |byte| place(number, byte)))
            .collect()
    }

    /// The reverse of `separated_2`.
    fn joined_2(&mut self, values: &[Value], lane: Lane, extent: Extent) -> Vec<Value> {
        let (a, b) = (values[0], values[1]);
        let first = self.zipped(a, b, lane, Extent::Full, false);
        let second = if extent == Extent::Full {
            self.zipped(a, b, lane, Extent::Full, true)
        } else {
            self.upper_halves(first, first)
        };
        vec![first, second]
    }

    fn joined_4(&mut self, values: &[Value], lane: Lane, extent: Extent) -> Vec<Value> {
        let even = self.joined_2(&[values[0], values[2]], lane, Extent::Full);
        let odd = self.joined_2(&[values[1], values[3]], lane, Extent::Full);
        let mut parts = self.joined_2(&[even[0], odd[0]], lane, Extent::Full);
        if extent == Extent::Full {
            parts.extend(self.joined_2(&[even[1], odd[1]], lane, Extent::Full));
            return parts;
        }
        parts
            .into_iter()
            .flat_map(|part| [part, self.upper_halves(part, part)])
            .collect()
    }

    fn joined_3(&mut self, values: &[Value], lane: Lane, extent: Extent) -> Vec<Value> {
        let (size, part) = (lane.bytes(), part_bytes(extent));
        let place = |number: usize, byte: usize| {
            let at = part * number + byte;
            let element = at / size;
            (element % 3, element / 3 * size + at % size)
        };
        (0..3)
            .map(|number| self.gathered(values, |byte| place(number, byte)))
            .collect()
    }

    /// Bytes of several vectors, each given by a vector's number and its place there.
    fn gathered(&mut self, parts: &[Value], place: impl Fn(usize) -> (usize, usize)) -> Value {
        const NONE: u8 = 0x80;
        let mut all = None;
        for (number, &part) in parts.iter().enumerate() {
            let order: [u8; 16] = std::array::from_fn(|byte| match place(byte) {
                (from, at) if from == number => at as u8,
                _ => NONE,
            });
            let order = self.vector_constant(u128::from_le_bytes(order), I8X16);
            let part = self.cast(part, I8X16);
            let own = self.builder.ins().x86_pshufb(part, order);
            all = Some(match all {
                None => own,
                Some(others) => self.builder.ins().bor(others, own),
            });
        }
        all.expect("there are parts")
    }
}

const fn extent(shape: Structure) -> Extent {
    if shape.bytes == 16 {
        Extent::Full
    } else {
        Extent::Half
    }
}

const fn part_bytes(extent: Extent) -> usize {
    match extent {
        Extent::Full => 16,
        _ => 8,
    }
}
