//! What AdvSIMD instructions do, as functions on vector registers.
#![forbid(unsafe_code)]
