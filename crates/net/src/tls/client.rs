//! TLS towards nodes.

use std::path::Path;

use rustls_pki_types::{CertificateDer, pem::PemObject};
use rustls_platform_verifier::Verifier;

use super::{Arc, ClientConfig, TlsError, provider, read};

/// Verifies servers against the system's authorities and, besides, those of
/// the PEM file `extra_ca`. Speaks HTTP/1.1.
///
/// A system without any authorities is accepted when `extra_ca` names one.
///
/// # Errors
/// [`TlsError`], naming the file to mend.
pub fn client_config(extra_ca: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let extra = match extra_ca {
        Some(path) => authorities(path)?,
        None => Vec::new(),
    };
    let verifier = Verifier::new_with_extra_roots(extra, provider()).map_err(TlsError::Roots)?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        // "Dangerous" is any verifier of one's own; this one is webpki with
        // the system's roots.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_slice_iter(&read(path)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| TlsError::Pem { path: path.to_owned(), source })?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate { path: path.to_owned() });
    }
    Ok(certificates)
}
