//! TLS for those who connect to us.

use std::path::Path;

use rustls::{server::ResolvesServerCert, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::{Arc, ServerConfig, Slot, TlsError, provider, read};

/// Serves the certificate chain and key of two PEM files, HTTP/2 preferred.
/// They are read once; [`super::CertificateFiles`] follows their changes.
///
/// # Errors
/// [`TlsError`], naming the file to mend.
pub fn server_config(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    build(&read(certificate)?, certificate, &read(key)?, key)
}

/// As [`server_config`], from PEM text in memory.
///
/// # Errors
/// [`TlsError`], where `certificate` and `key` stand for the files.
pub fn server_config_from_pem(
    certificate: &[u8],
    key: &[u8],
) -> Result<Arc<ServerConfig>, TlsError> {
    build(certificate, Path::new("certificate"), key, Path::new("key"))
}

fn build(
    certificate: &[u8],
    certificate_path: &Path,
    key: &[u8],
    key_path: &Path,
) -> Result<Arc<ServerConfig>, TlsError> {
    let certified = certified_key(certificate, certificate_path, key, key_path)?;
    config(Arc::new(Slot::holding(certified)), &[]).map(Arc::new)
}

/// A chain and its key from PEM text; the paths name them in errors.
pub(crate) fn certified_key(
    certificate: &[u8],
    certificate_path: &Path,
    key: &[u8],
    key_path: &Path,
) -> Result<CertifiedKey, TlsError> {
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| TlsError::Pem { path: certificate_path.to_owned(), source })?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: certificate_path.to_owned() });
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|source| match source {
        rustls_pki_types::pem::Error::NoItemsFound => TlsError::NoKey { path: key_path.to_owned() },
        source => TlsError::Pem { path: key_path.to_owned(), source },
    })?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|source| TlsError::Pair {
        certificate: certificate_path.to_owned(),
        key: key_path.to_owned(),
        source,
    })
}

/// Our side of TLS around whatever chooses the certificate. `besides` are
/// protocols to agree on after HTTP/2 and HTTP/1.1.
pub(crate) fn config(
    certificates: Arc<dyn ResolvesServerCert>,
    besides: &[&[u8]],
) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.alpn_protocols.extend(besides.iter().map(|name| name.to_vec()));
    // Tickets let a client resume without us remembering it.
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(TlsError::Setup)?;
    Ok(config)
}
