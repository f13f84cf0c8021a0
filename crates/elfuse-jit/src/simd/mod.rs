//! What `AdvSIMD` instructions do, as functions on vector registers.

pub(crate) mod arithmetic;
pub(crate) mod crypto;
pub(crate) mod crypto_host;
pub(crate) mod float;
pub(crate) mod float_scalar;
pub(crate) mod lanes;
pub(crate) mod permute;
pub(crate) mod round_host;
pub(crate) mod shape;
pub(crate) mod shift;
mod view;
