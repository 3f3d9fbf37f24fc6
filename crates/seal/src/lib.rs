//! Secrets at rest: what the store keeps and a copy of the store must not tell.
//!
//! [`Key::open_or_create`] reads the key file, making it at first use;
//! [`Key::seal`] turns bytes into a text for a column, [`Key::open`] turns it
//! back, for the same purpose only. Owns the formats of both; does not know what
//! is sealed, nor where it is kept.
//!
//! A sealed text is `bgs1.<key id>.<base64url>`: AES-256-GCM over a random nonce
//! of 96 bits, with everything before the last dot and the purpose as associated
//! data, so that a text moved to another row does not open. Random nonces are
//! safe for 2^32 texts per key (NIST SP 800-38D section 8.3), far beyond what a
//! cluster seals.

mod file;
mod key;

pub use file::KeyFileError;
pub use key::{Key, OpenError};
