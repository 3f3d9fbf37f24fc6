//! The rules of a shared HTTP cache for client assets, without a cache.
//!
//! Owns what RFC 9110 and RFC 9111 leave to decide: what kind of asset a
//! target names ([`Asset`]), which requests mean the same stored answer
//! ([`CacheKey`]), whether an answer may be stored and how long it is fresh
//! ([`Freshness`]), and how a conditional or ranged request is answered from
//! what is stored ([`Selection`]); for what a browser may use a file as a
//! compression dictionary ([`dictionary`]); and which files a page names
//! ([`references`]). Pure: time is an argument, bytes lie elsewhere.

mod accept_encoding;
mod asset;
mod cache_control;
mod cache_status;
pub mod dictionary;
mod digest;
mod entity_tag;
mod freshness;
mod key;
mod leaf;
mod range;
pub mod references;
mod selection;

pub use accept_encoding::{AcceptedCodings, Coding};
pub use asset::Asset;
pub use cache_control::CacheControl;
pub use cache_status::CacheStatus;
pub use digest::{Digest, hex, parse_digest};
pub use entity_tag::EntityTag;
pub use freshness::{Freshness, Refusal, StoredAge, Verdict};
pub use key::CacheKey;
pub use leaf::{follows_to_leaf, is_of_leaf_type, leaf_type};
pub use range::{ByteRange, RequestedRange};
pub use selection::{Selection, Stored, select};
