//! `AdvSIMD` structure accesses and DC ZVA.
#![forbid(unsafe_code)]

use crate::code::{Handler, Ip};
use crate::cpu::Cpu;
use crate::ir::{Op, Structure};
use crate::table::system::LINE;

/// Load an element of `1 << log2` bytes.
fn load_element(cpu: &mut Cpu, ip: Ip, address: u64, log2: u32) -> Option<u64> {
    match log2 {
        0 => cpu.load::<u8>(ip, address).map(u64::from),
        1 => cpu.load::<u16>(ip, address).map(u64::from),
        2 => cpu.load::<u32>(ip, address).map(u64::from),
        _ => cpu.load::<u64>(ip, address),
    }
}

fn store_element(cpu: &mut Cpu, ip: Ip, address: u64, log2: u32, value: u64) -> Option<()> {
    match log2 {
        0 => cpu.store(ip, address, value as u8),
        1 => cpu.store(ip, address, value as u16),
        2 => cpu.store(ip, address, value as u32),
        _ => cpu.store(ip, address, value),
    }
}

/// Base address, after which post-indexing is still to be done.
fn base(cpu: &Cpu, ip: Ip) -> u64 {
    let [_, n, ..] = ip.registers();
    cpu.state.x(n)
}

fn finish(cpu: &mut Cpu, ip: Ip, shape: Structure) -> Option<Ip> {
    let [_, n, m, _] = ip.registers();
    let increment = u64::from(shape.increment).wrapping_add(cpu.state.x(m));
    cpu.state.set_x(n, cpu.state.x(n).wrapping_add(increment));
    ip.advance(cpu)
}

const fn register(first: u8, number: u32) -> u8 {
    ((first as u32 + number) % 32) as u8
}

/// Load and store registers that are contiguous in memory: LD1 and ST1.
fn load_contiguous(cpu: &mut Cpu, ip: Ip, shape: Structure) -> Option<Ip> {
    let [t, ..] = ip.registers();
    let mut loaded = [0u128; 4];
    let mut address = base(cpu, ip);
    for value in &mut loaded[..shape.registers as usize] {
        *value = if shape.bytes == 16 {
            cpu.load_16(ip, address)?
        } else {
            cpu.load::<u64>(ip, address)?.into()
        };
        address = address.wrapping_add(shape.bytes.into());
    }
    for number in 0..shape.registers {
        cpu.state
            .set_v(register(t, number), loaded[number as usize]);
    }
    finish(cpu, ip, shape)
}

fn store_contiguous(cpu: &mut Cpu, ip: Ip, shape: Structure) -> Option<Ip> {
    let [t, ..] = ip.registers();
    let mut address = base(cpu, ip);
    for number in 0..shape.registers {
        let value = cpu.state.v(register(t, number));
        if shape.bytes == 16 {
            cpu.store_16(ip, address, value)?;
        } else {
            cpu.store(ip, address, value as u64)?;
        }
        address = address.wrapping_add(shape.bytes.into());
    }
    finish(cpu, ip, shape)
}

fn load_structures(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let shape = Structure::unpack(ip.imm());
    if shape.elements == 1 {
        return load_contiguous(cpu, ip, shape);
    }
    let [t, ..] = ip.registers();
    let mut loaded = [0u128; 4];
    let mut address = base(cpu, ip);
    for lane in 0..shape.bytes >> shape.log2 {
        for value in &mut loaded[..shape.elements as usize] {
            let element = load_element(cpu, ip, address, shape.log2)?;
            *value |= u128::from(element) << (lane << shape.log2 << 3);
            address = address.wrapping_add(1 << shape.log2);
        }
    }
    for number in 0..shape.elements {
        cpu.state
            .set_v(register(t, number), loaded[number as usize]);
    }
    finish(cpu, ip, shape)
}

fn store_structures(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let shape = Structure::unpack(ip.imm());
    if shape.elements == 1 {
        return store_contiguous(cpu, ip, shape);
    }
    let [t, ..] = ip.registers();
    let mut address = base(cpu, ip);
    for lane in 0..shape.bytes >> shape.log2 {
        for number in 0..shape.elements {
            let value = cpu.state.v(register(t, number)) >> (lane << shape.log2 << 3);
            store_element(cpu, ip, address, shape.log2, value as u64)?;
            address = address.wrapping_add(1 << shape.log2);
        }
    }
    finish(cpu, ip, shape)
}

/// Ones in the bits of one element.
const fn element_mask(log2: u32) -> u128 {
    u128::MAX >> (128 - (8 << log2))
}

/// Load one element per register of a structure.
fn load_single(cpu: &mut Cpu, ip: Ip, shape: Structure) -> Option<[u64; 4]> {
    let mut loaded = [0; 4];
    let mut address = base(cpu, ip);
    for value in &mut loaded[..shape.elements as usize] {
        *value = load_element(cpu, ip, address, shape.log2)?;
        address = address.wrapping_add(1 << shape.log2);
    }
    Some(loaded)
}

fn load_lane(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let shape = Structure::unpack(ip.imm());
    let [t, _, _, lane] = ip.registers();
    let loaded = load_single(cpu, ip, shape)?;
    let shift = u32::from(lane) << shape.log2 << 3;
    for number in 0..shape.elements {
        let v = register(t, number);
        let kept = cpu.state.v(v) & !(element_mask(shape.log2) << shift);
        let value = u128::from(loaded[number as usize]) << shift;
        cpu.state.set_v(v, kept | value);
    }
    finish(cpu, ip, shape)
}

fn store_lane(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let shape = Structure::unpack(ip.imm());
    let [t, _, _, lane] = ip.registers();
    let shift = u32::from(lane) << shape.log2 << 3;
    let mut address = base(cpu, ip);
    for number in 0..shape.elements {
        let value = cpu.state.v(register(t, number)) >> shift;
        store_element(cpu, ip, address, shape.log2, value as u64)?;
        address = address.wrapping_add(1 << shape.log2);
    }
    finish(cpu, ip, shape)
}

fn load_replicate(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let shape = Structure::unpack(ip.imm());
    let [t, ..] = ip.registers();
    let loaded = load_single(cpu, ip, shape)?;
    let ones = u128::MAX / element_mask(shape.log2);
    let kept = u128::MAX >> (128 - 8 * shape.bytes);
    for number in 0..shape.elements {
        let value = u128::from(loaded[number as usize]).wrapping_mul(ones) & kept;
        cpu.state.set_v(register(t, number), value);
    }
    finish(cpu, ip, shape)
}

fn zero_block(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [t, ..] = ip.registers();
    let start = cpu.state.x(t) & !(LINE - 1);
    for offset in (0..LINE).step_by(16) {
        cpu.store_16(ip, start + offset, 0)?;
    }
    ip.advance(cpu)
}

/// The function for an operation of this module.
pub(super) fn handler(op: Op) -> Handler {
    match op {
        Op::LoadStructures => load_structures,
        Op::StoreStructures => store_structures,
        Op::LoadLane => load_lane,
        Op::StoreLane => store_lane,
        Op::LoadReplicate => load_replicate,
        Op::ZeroBlock => zero_block,
        other => unreachable!("not a structure access: {other:?}"),
    }
}
