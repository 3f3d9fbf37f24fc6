//! Packing and unpacking whole files: brotli, zstd, gzip, and zstd deltas.
//!
//! A crate of its own so that it is compiled with optimisation in every
//! profile: most of brotli is generic code, which is compiled where it is used,
//! and without optimisation a client's bundle takes minutes.

mod pack;
mod unpack;

pub use pack::{brotli, delta, gzip, zstd};
pub use unpack::{gunzip, unbrotli, unzstd};
