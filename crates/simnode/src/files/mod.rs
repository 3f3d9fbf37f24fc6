//! Readers of a node's configuration files, one per format.
//!
//! They are written from the formats' own rules and share nothing with the
//! parts of Bluegate that write such files. All are pure: text in, data out.
//! [`effective`](super::effective) decides which file says what.

pub(crate) mod environment;
pub(crate) mod nginx;
pub(crate) mod properties;
pub(crate) mod systemd;
pub(crate) mod yaml;

#[cfg(test)]
mod tests;
