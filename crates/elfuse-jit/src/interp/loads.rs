//! Loads and stores of single registers and pairs.
#![forbid(unsafe_code)]

use crate::code::{Handler, Ip};
use crate::cpu::Cpu;
use crate::interp::integers::{extend, extend_of};
use crate::ir::{Address, Extend, Fill, Op, Size};

/// How an instruction forms its address, as a type.
trait Mode {
    /// The address, and what the base register becomes if it changes.
    fn address(cpu: &Cpu, ip: Ip) -> (u64, Option<u64>);
}

struct Offset;
struct PreIndex;
struct PostIndex;
struct Register<const EXTEND: u8>;
struct Literal;

impl Mode for Offset {
    #[inline(always)]
    fn address(cpu: &Cpu, ip: Ip) -> (u64, Option<u64>) {
        let [_, n, ..] = ip.registers();
        (cpu.state.x(n).wrapping_add(ip.imm()), None)
    }
}

impl Mode for PreIndex {
    #[inline(always)]
    fn address(cpu: &Cpu, ip: Ip) -> (u64, Option<u64>) {
        let [_, n, ..] = ip.registers();
        let address = cpu.state.x(n).wrapping_add(ip.imm());
        (address, Some(address))
    }
}

impl Mode for PostIndex {
    #[inline(always)]
    fn address(cpu: &Cpu, ip: Ip) -> (u64, Option<u64>) {
        let [_, n, ..] = ip.registers();
        let address = cpu.state.x(n);
        (address, Some(address.wrapping_add(ip.imm())))
    }
}

impl<const EXTEND: u8> Mode for Register<EXTEND> {
    #[inline(always)]
    fn address(cpu: &Cpu, ip: Ip) -> (u64, Option<u64>) {
        let [_, n, m, _] = ip.registers();
        let index = extend(cpu.state.x(m), extend_of(EXTEND)) << (ip.imm() & 7);
        (cpu.state.x(n).wrapping_add(index), None)
    }
}

impl Mode for Literal {
    #[inline(always)]
    fn address(_: &Cpu, ip: Ip) -> (u64, Option<u64>) {
        (ip.imm(), None)
    }
}

/// A size of general register access.
trait Unit {
    const BYTES: u64;
    fn load(cpu: &mut Cpu, ip: Ip, address: u64) -> Option<u64>;
    fn store(cpu: &mut Cpu, ip: Ip, address: u64, value: u64) -> Option<()>;
}

macro_rules! unit {
    ($type:ty) => {
        impl Unit for $type {
            const BYTES: u64 = size_of::<$type>() as u64;

            #[inline(always)]
            fn load(cpu: &mut Cpu, ip: Ip, address: u64) -> Option<u64> {
                cpu.load::<$type>(ip, address).map(u64::from)
            }

            #[inline(always)]
            fn store(cpu: &mut Cpu, ip: Ip, address: u64, value: u64) -> Option<()> {
                cpu.store(ip, address, value as $type)
            }
        }
    };
}
unit!(u8);
unit!(u16);
unit!(u32);
unit!(u64);

const ZERO_FILL: u8 = 0;
const SIGN_32: u8 = 1;
const SIGN_64: u8 = 2;

#[inline(always)]
fn fill<U: Unit, const FILL: u8>(value: u64) -> u64 {
    let unused = 64 - 8 * U::BYTES as u32;
    match FILL {
        ZERO_FILL => value,
        SIGN_32 => ((value << unused) as i64 >> unused) as u32 as u64,
        _ => ((value << unused) as i64 >> unused) as u64,
    }
}

#[inline(always)]
fn write_back(cpu: &mut Cpu, ip: Ip, base: Option<u64>) {
    if let Some(base) = base {
        let [_, n, ..] = ip.registers();
        cpu.state.set_x(n, base);
    }
}

fn load<U: Unit, M: Mode, const FILL: u8>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let (address, base) = M::address(cpu, ip);
    let value = U::load(cpu, ip, address)?;
    let [t, ..] = ip.registers();
    write_back(cpu, ip, base);
    cpu.state.set_x(t, fill::<U, FILL>(value));
    ip.advance(cpu)
}

fn store<U: Unit, M: Mode>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let (address, base) = M::address(cpu, ip);
    let [t, ..] = ip.registers();
    U::store(cpu, ip, address, cpu.state.x(t))?;
    write_back(cpu, ip, base);
    ip.advance(cpu)
}

fn load_pair<U: Unit, M: Mode, const FILL: u8>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let (address, base) = M::address(cpu, ip);
    let first = U::load(cpu, ip, address)?;
    let second = U::load(cpu, ip, address.wrapping_add(U::BYTES))?;
    let [t, _, _, u] = ip.registers();
    write_back(cpu, ip, base);
    cpu.state.set_x(t, fill::<U, FILL>(first));
    cpu.state.set_x(u, fill::<U, FILL>(second));
    ip.advance(cpu)
}

fn store_pair<U: Unit, M: Mode>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let (address, base) = M::address(cpu, ip);
    let [t, _, _, u] = ip.registers();
    U::store(cpu, ip, address, cpu.state.x(t))?;
    U::store(cpu, ip, address.wrapping_add(U::BYTES), cpu.state.x(u))?;
    write_back(cpu, ip, base);
    ip.advance(cpu)
}

/// A size of vector register access.
trait Vector {
    const BYTES: u64;
    fn load(cpu: &mut Cpu, ip: Ip, address: u64) -> Option<u128>;
    fn store(cpu: &mut Cpu, ip: Ip, address: u64, value: u128) -> Option<()>;
}

macro_rules! vector {
    ($type:ty) => {
        impl Vector for $type {
            const BYTES: u64 = size_of::<$type>() as u64;

            #[inline(always)]
            fn load(cpu: &mut Cpu, ip: Ip, address: u64) -> Option<u128> {
                cpu.load::<$type>(ip, address).map(u128::from)
            }

            #[inline(always)]
            fn store(cpu: &mut Cpu, ip: Ip, address: u64, value: u128) -> Option<()> {
                cpu.store(ip, address, value as $type)
            }
        }
    };
}
vector!(u8);
vector!(u16);
vector!(u32);
vector!(u64);

impl Vector for u128 {
    const BYTES: u64 = 16;

    #[inline(always)]
    fn load(cpu: &mut Cpu, ip: Ip, address: u64) -> Option<u128> {
        cpu.load_16(ip, address)
    }

    #[inline(always)]
    fn store(cpu: &mut Cpu, ip: Ip, address: u64, value: u128) -> Option<()> {
        cpu.store_16(ip, address, value)
    }
}

fn load_v<V: Vector, M: Mode>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let (address, base) = M::address(cpu, ip);
    let value = V::load(cpu, ip, address)?;
    let [t, ..] = ip.registers();
    write_back(cpu, ip, base);
    cpu.state.set_v(t, value);
    ip.advance(cpu)
}

fn store_v<V: Vector, M: Mode>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let (address, base) = M::address(cpu, ip);
    let [t, ..] = ip.registers();
    V::store(cpu, ip, address, cpu.state.v(t))?;
    write_back(cpu, ip, base);
    ip.advance(cpu)
}

fn load_pair_v<V: Vector, M: Mode>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let (address, base) = M::address(cpu, ip);
    let first = V::load(cpu, ip, address)?;
    let second = V::load(cpu, ip, address.wrapping_add(V::BYTES))?;
    let [t, _, _, u] = ip.registers();
    write_back(cpu, ip, base);
    cpu.state.set_v(t, first);
    cpu.state.set_v(u, second);
    ip.advance(cpu)
}

fn store_pair_v<V: Vector, M: Mode>(cpu: &mut Cpu, ip: Ip) -> Option<Ip> {
    let (address, base) = M::address(cpu, ip);
    let [t, _, _, u] = ip.registers();
    V::store(cpu, ip, address, cpu.state.v(t))?;
    V::store(cpu, ip, address.wrapping_add(V::BYTES), cpu.state.v(u))?;
    write_back(cpu, ip, base);
    ip.advance(cpu)
}

/// Calls `$make!(mode type, more)` with the type of a single access's [`Address`].
macro_rules! by_mode {
    ($mode:expr, $make:ident, $($more:tt)*) => {
        match $mode {
            Address::Offset => $make!(Offset, $($more)*),
            Address::PreIndex => $make!(PreIndex, $($more)*),
            Address::PostIndex => $make!(PostIndex, $($more)*),
            Address::Literal => $make!(Literal, $($more)*),
            Address::Register(Extend::Uxtw) => $make!(Register<2>, $($more)*),
            Address::Register(Extend::Sxtw) => $make!(Register<6>, $($more)*),
            Address::Register(_) => $make!(Register<3>, $($more)*),
        }
    };
}

/// The same for pairs, which have fewer.
macro_rules! by_pair_mode {
    ($mode:expr, $make:ident, $($more:tt)*) => {
        match $mode {
            Address::PreIndex => $make!(PreIndex, $($more)*),
            Address::PostIndex => $make!(PostIndex, $($more)*),
            _ => $make!(Offset, $($more)*),
        }
    };
}

macro_rules! make_load {
    ($mode:ty, $fill:expr, $unit:ty) => {
        match $fill {
            Fill::Zero => load::<$unit, $mode, ZERO_FILL> as Handler,
            Fill::Sign32 => load::<$unit, $mode, SIGN_32>,
            Fill::Sign64 => load::<$unit, $mode, SIGN_64>,
        }
    };
}

macro_rules! make_load_pair {
    ($mode:ty, $fill:expr, $unit:ty) => {
        match $fill {
            Fill::Sign64 => load_pair::<$unit, $mode, SIGN_64> as Handler,
            _ => load_pair::<$unit, $mode, ZERO_FILL>,
        }
    };
}

macro_rules! make {
    ($mode:ty, $function:ident, $unit:ty) => {
        $function::<$unit, $mode> as Handler
    };
}

/// The function for an operation of this module.
pub(super) fn handler(op: Op) -> Handler {
    match op {
        Op::Load(size, fill, mode) => match size {
            Size::B1 => by_mode!(mode, make_load, fill, u8),
            Size::B2 => by_mode!(mode, make_load, fill, u16),
            Size::B4 => by_mode!(mode, make_load, fill, u32),
            _ => by_mode!(mode, make_load, fill, u64),
        },
        Op::Store(size, mode) => match size {
            Size::B1 => by_mode!(mode, make, store, u8),
            Size::B2 => by_mode!(mode, make, store, u16),
            Size::B4 => by_mode!(mode, make, store, u32),
            _ => by_mode!(mode, make, store, u64),
        },
        Op::LoadV(size, mode) => match size {
            Size::B1 => by_mode!(mode, make, load_v, u8),
            Size::B2 => by_mode!(mode, make, load_v, u16),
            Size::B4 => by_mode!(mode, make, load_v, u32),
            Size::B8 => by_mode!(mode, make, load_v, u64),
            Size::B16 => by_mode!(mode, make, load_v, u128),
        },
        Op::StoreV(size, mode) => match size {
            Size::B1 => by_mode!(mode, make, store_v, u8),
            Size::B2 => by_mode!(mode, make, store_v, u16),
            Size::B4 => by_mode!(mode, make, store_v, u32),
            Size::B8 => by_mode!(mode, make, store_v, u64),
            Size::B16 => by_mode!(mode, make, store_v, u128),
        },
        Op::LoadPair(Size::B4, fill, mode) => by_pair_mode!(mode, make_load_pair, fill, u32),
        Op::LoadPair(_, fill, mode) => by_pair_mode!(mode, make_load_pair, fill, u64),
        Op::StorePair(Size::B4, mode) => by_pair_mode!(mode, make, store_pair, u32),
        Op::StorePair(_, mode) => by_pair_mode!(mode, make, store_pair, u64),
        Op::LoadPairV(size, mode) => match size {
            Size::B4 => by_pair_mode!(mode, make, load_pair_v, u32),
            Size::B8 => by_pair_mode!(mode, make, load_pair_v, u64),
            _ => by_pair_mode!(mode, make, load_pair_v, u128),
        },
        Op::StorePairV(size, mode) => match size {
            Size::B4 => by_pair_mode!(mode, make, store_pair_v, u32),
            Size::B8 => by_pair_mode!(mode, make, store_pair_v, u64),
            _ => by_pair_mode!(mode, make, store_pair_v, u128),
        },
        other => unreachable!("not a load or store: {other:?}"),
    }
}
