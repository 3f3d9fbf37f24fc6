//! Certificates by ACME (RFC 8555): fetched when there are none, renewed in
//! time, exchanged while serving.
//!
//! A [`Manager`] keeps one certificate per host name in a folder that several
//! processes may share; whoever holds the folder's lock asks the authority,
//! the others pick up what it wrote: the certificates, and the answers to the
//! challenges of the order under way, so that the authority may reach any of
//! them. Challenges are answered by HTTP-01 through [`crate::Redirect`] and by
//! TLS-ALPN-01 on the TLS listener itself. When to do what is decided by pure
//! code (`schedule`).

mod account;
mod challenges;
mod folder;
mod http;
mod issue;
mod kept;
mod manager;
mod names;
mod schedule;
mod status;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod validity;

pub use account::AccountError;
pub use challenges::{Challenges, ProofError};
pub use folder::FolderError;
pub use issue::IssueError;
pub use manager::{Config, Manager, Pace, SetupError, build};
pub use names::{Named, Names};
pub use status::Status;

/// The protocol a TLS-ALPN-01 validation agrees on, and nothing else does
/// (RFC 8737).
pub(crate) const ALPN: &[u8] = b"acme-tls/1";

/// Let's Encrypt.
pub const DEFAULT_DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";
