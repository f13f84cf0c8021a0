//! Exclusive, ordered and atomic accesses.
//!
//! An exclusive store succeeds if memory still holds what the exclusive load saw.
#![forbid(unsafe_code)]

use crate::access::Access;
use crate::code::{Handler, Ip};
use crate::cpu::{Cpu, Monitor};
use crate::interp::by_size;
use crate::ir::{Atomic, Op, Size};
use crate::state::SINK;

/// Integers of general register accesses.
trait Word: Access + PartialEq {
    const BYTES: u64;
    fn narrow(value: u64) -> Self;
    fn widen(self) -> u64;
    fn combine(self, operand: Self, atomic: Atomic) -> Self;
}

macro_rules! word {
    ($unsigned:ty, $signed:ty) => {
        impl Word for $unsigned {
            const BYTES: u64 = size_of::<$unsigned>() as u64;

            #[inline(always)]
            fn narrow(value: u64) -> Self {
                value as $unsigned
            }

            #[inline(always)]
            fn widen(self) -> u64 {
                u64::from(self)
            }

            #[inline(always)]
            fn combine(self, operand: Self, atomic: Atomic) -> Self {
                let (a, b) = (self as $signed, operand as $signed);
                match atomic {
                    Atomic::Add => self.wrapping_add(operand),
                    Atomic::Clr => self & !operand,
                    Atomic::Eor => self ^ operand,
                    Atomic::Set => self | operand,
                    Atomic::Smax => a.max(b) as $unsigned,
                    Atomic::Smin => a.min(b) as $unsigned,
                    Atomic::Umax => self.max(operand),
                    Atomic::Umin => self.min(operand),
                    Atomic::Swp => operand,
                }
            }
        }
    };
}
word!(u8, i8);
word!(u16, i16);
word!(u32, i32);
word!(u64, i64);

fn load_acquire<W: Word>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [t, n, ..] = ip.registers();
    let address = cpu.state.x(n);
    cpu.aligned(ip, address, W::BYTES)?;
    let value: W = cpu.load(ip, address)?;
    cpu.state.set_x(t, value.widen());
    ip.advance(cpu)
}

/// By an exchange: a later LDAR must not be satisfied before.
fn store_release<W: Word>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [t, n, ..] = ip.registers();
    let (address, value) = (cpu.state.x(n), W::narrow(cpu.state.x(t)));
    cpu.swap(ip, address, value)?;
    ip.advance(cpu)
}

fn load_exclusive<W: Word>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [t, n, ..] = ip.registers();
    let address = cpu.state.x(n);
    cpu.aligned(ip, address, W::BYTES)?;
    let value: W = cpu.load(ip, address)?;
    cpu.monitor = Monitor {
        bytes: W::BYTES,
        address,
        value: value.widen().into(),
    };
    cpu.state.set_x(t, value.widen());
    ip.advance(cpu)
}

/// The value that an exclusive store at `address` must find; None if its monitor is not open.
///
/// It stays open until the store is done: a debugger may stop before that.
fn awaited(cpu: &Cpu, address: u64, bytes: u64) -> Option<u128> {
    let monitor = cpu.monitor;
    (monitor.bytes == bytes && monitor.address == address).then_some(monitor.value)
}

fn store_exclusive<W: Word>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [t, n, status, _] = ip.registers();
    let (address, new) = (cpu.state.x(n), W::narrow(cpu.state.x(t)));
    cpu.aligned(ip, address, W::BYTES)?;
    let stored = match awaited(cpu, address, W::BYTES) {
        None => false,
        Some(seen) => {
            let seen = W::narrow(seen as u64);
            let found = cpu.compare_exchange(ip, address, seen, new)?;
            found == seen
        }
    };
    cpu.monitor = Monitor::default();
    cpu.state.set_x(status, u64::from(!stored));
    ip.advance(cpu)
}

fn load_exclusive_pair<const WIDE: bool>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [t, n, _, u] = ip.registers();
    let address = cpu.state.x(n);
    let value = if WIDE {
        cpu.aligned(ip, address, 16)?;
        cpu.load_16(ip, address)?
    } else {
        cpu.aligned(ip, address, 8)?;
        cpu.load::<u64>(ip, address)?.into()
    };
    cpu.monitor = Monitor {
        bytes: if WIDE { 16 } else { 8 },
        address,
        value,
    };
    let (first, second) = split::<WIDE>(value);
    cpu.state.set_x(t, first);
    cpu.state.set_x(u, second);
    ip.advance(cpu)
}

#[inline(always)]
fn split<const WIDE: bool>(value: u128) -> (u64, u64) {
    if WIDE {
        (value as u64, (value >> 64) as u64)
    } else {
        (u64::from(value as u32), u64::from((value >> 32) as u32))
    }
}

#[inline(always)]
fn join<const WIDE: bool>(first: u64, second: u64) -> u128 {
    if WIDE {
        u128::from(first) | u128::from(second) << 64
    } else {
        u128::from(first as u32) | u128::from(second as u32) << 32
    }
}

/// Compare and store a pair; what was there.
fn exchange_pair<const WIDE: bool>(
    cpu: &mut Cpu,
    ip: Ip,
    address: u64,
    old: u128,
    new: u128,
) -> Option<u128> {
    if WIDE {
        cpu.compare_exchange_16(ip, address, old, new)
    } else {
        cpu.compare_exchange(ip, address, old as u64, new as u64)
            .map(u128::from)
    }
}

fn store_exclusive_pair<const WIDE: bool>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [t, n, status, u] = ip.registers();
    let address = cpu.state.x(n);
    let new = join::<WIDE>(cpu.state.x(t), cpu.state.x(u));
    let bytes = if WIDE { 16 } else { 8 };
    cpu.aligned(ip, address, bytes)?;
    let stored = match awaited(cpu, address, bytes) {
        None => false,
        Some(seen) => exchange_pair::<WIDE>(cpu, ip, address, seen, new)? == seen,
    };
    cpu.monitor = Monitor::default();
    cpu.state.set_x(status, u64::from(!stored));
    ip.advance(cpu)
}

fn clear_exclusive(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    cpu.monitor = Monitor::default();
    ip.advance(cpu)
}

fn add<W: Word>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [t, n, m, _] = ip.registers();
    let (address, operand) = (cpu.state.x(n), W::narrow(cpu.state.x(m)));
    let old = cpu.fetch_add(ip, address, operand)?;
    cpu.state.set_x(t, old.widen());
    ip.advance(cpu)
}

fn swap<W: Word>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [t, n, m, _] = ip.registers();
    let (address, operand) = (cpu.state.x(n), W::narrow(cpu.state.x(m)));
    let old = cpu.swap(ip, address, operand)?;
    cpu.state.set_x(t, old.widen());
    ip.advance(cpu)
}

const OPERATIONS: [Atomic; 7] = [
    Atomic::Clr,
    Atomic::Eor,
    Atomic::Set,
    Atomic::Smax,
    Atomic::Smin,
    Atomic::Umax,
    Atomic::Umin,
];

/// The other operations, whose number in [`OPERATIONS`] is `OPERATION`.
fn modify<W: Word, const OPERATION: usize>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [t, n, m, _] = ip.registers();
    let (address, operand) = (cpu.state.x(n), W::narrow(cpu.state.x(m)));
    cpu.aligned(ip, address, W::BYTES)?;
    let mut old: W = cpu.load(ip, address)?;
    loop {
        let new = old.combine(operand, OPERATIONS[OPERATION]);
        let found = cpu.compare_exchange(ip, address, old, new)?;
        if found == old {
            break;
        }
        old = found;
    }
    cpu.state.set_x(t, old.widen());
    ip.advance(cpu)
}

fn compare_swap<W: Word>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [t, n, s, result] = ip.registers();
    let address = cpu.state.x(n);
    let (old, new) = (W::narrow(cpu.state.x(s)), W::narrow(cpu.state.x(t)));
    let found = cpu.compare_exchange(ip, address, old, new)?;
    cpu.state.set_x(result, found.widen());
    ip.advance(cpu)
}

fn compare_swap_pair<const WIDE: bool>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let [t, n, s, _] = ip.registers();
    let address = cpu.state.x(n);
    let read = |register: u8| {
        if register == 31 {
            0
        } else {
            cpu.state.x(register)
        }
    };
    let old = join::<WIDE>(read(s), read(s + 1));
    let new = join::<WIDE>(read(t), read(t + 1));
    let found = exchange_pair::<WIDE>(cpu, ip, address, old, new)?;
    let (first, second) = split::<WIDE>(found);
    cpu.state.set_x(s, first);
    cpu.state.set_x(if s == 30 { SINK } else { s + 1 }, second);
    ip.advance(cpu)
}

macro_rules! modify_handler {
    ($size:expr, $number:literal) => {
        match $size {
            Size::B1 => modify::<u8, $number> as Handler,
            Size::B2 => modify::<u16, $number>,
            Size::B4 => modify::<u32, $number>,
            _ => modify::<u64, $number>,
        }
    };
}

fn atomic_handler(atomic: Atomic, size: Size) -> Handler {
    macro_rules! adds {
        ($word:ty) => {
            add::<$word> as Handler
        };
    }
    macro_rules! swaps {
        ($word:ty) => {
            swap::<$word> as Handler
        };
    }
    match atomic {
        Atomic::Add => by_size!(size, adds),
        Atomic::Swp => by_size!(size, swaps),
        Atomic::Clr => modify_handler!(size, 0),
        Atomic::Eor => modify_handler!(size, 1),
        Atomic::Set => modify_handler!(size, 2),
        Atomic::Smax => modify_handler!(size, 3),
        Atomic::Smin => modify_handler!(size, 4),
        Atomic::Umax => modify_handler!(size, 5),
        Atomic::Umin => modify_handler!(size, 6),
    }
}

/// The function for an operation of this module.
pub(super) fn handler(op: Op) -> Handler {
    macro_rules! sized {
        ($function:ident, $size:expr) => {
            match $size {
                Size::B1 => $function::<u8> as Handler,
                Size::B2 => $function::<u16>,
                Size::B4 => $function::<u32>,
                _ => $function::<u64>,
            }
        };
    }
    match op {
        Op::LoadAcquire(size) => sized!(load_acquire, size),
        Op::StoreRelease(size) => sized!(store_release, size),
        Op::LoadExclusive(size) => sized!(load_exclusive, size),
        Op::StoreExclusive(size) => sized!(store_exclusive, size),
        Op::CompareSwap(size) => sized!(compare_swap, size),
        Op::LoadExclusivePair(Size::B8) => load_exclusive_pair::<true>,
        Op::LoadExclusivePair(_) => load_exclusive_pair::<false>,
        Op::StoreExclusivePair(Size::B8) => store_exclusive_pair::<true>,
        Op::StoreExclusivePair(_) => store_exclusive_pair::<false>,
        Op::CompareSwapPair(Size::B8) => compare_swap_pair::<true>,
        Op::CompareSwapPair(_) => compare_swap_pair::<false>,
        Op::Atomic(atomic, size) => atomic_handler(atomic, size),
        Op::ClearExclusive => clear_exclusive,
        other => unreachable!("not an atomic access: {other:?}"),
    }
}
