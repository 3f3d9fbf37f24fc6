//! TLS from PEM files: for browsers that come to us, and towards nodes.
//!
//! The cryptography is aws-lc-rs, named explicitly, so that nothing depends
//! on which provider a process installed.

use std::{io, path::PathBuf, sync::Arc};

use rustls::{ClientConfig, ServerConfig, crypto::CryptoProvider};

mod client;
mod files;
pub(crate) mod server;
mod slot;
#[cfg(test)]
mod tests;

pub use client::client_config;
pub use files::{CertificateFiles, Reload};
pub use server::{server_config, server_config_from_pem};
pub use slot::Slot;

/// Why a TLS configuration could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file is not PEM.
    #[error("`{path}` is not a PEM file")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    /// A PEM file without a certificate.
    #[error("`{path}` holds no certificate (`-----BEGIN CERTIFICATE-----`)")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A PEM file without a private key.
    #[error("`{path}` holds no private key (`-----BEGIN PRIVATE KEY-----`)")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key do not belong together, or one is unusable.
    #[error("the certificate in `{certificate}` cannot be used with the key in `{key}`")]
    Pair {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
        /// What rustls found.
        #[source]
        source: rustls::Error,
    },
    /// No authority to verify nodes with, or one that is unusable.
    #[error("cannot load the certificate authorities to verify nodes with")]
    Roots(#[source] rustls::Error),
    /// The provider offers no usable protocol version.
    #[error("cannot set up TLS")]
    Setup(#[source] rustls::Error),
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}
