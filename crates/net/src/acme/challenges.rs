//! The answers to challenges under way.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivateKeyDer;
use sha2::{Digest as _, Sha256};

use super::folder::Pending;
use crate::tls::provider;

/// What this process answers when an authority asks. Shared with
/// [`crate::Redirect`] (HTTP-01) and the TLS listener (TLS-ALPN-01).
#[derive(Debug, Default)]
pub struct Challenges {
    table: ArcSwap<Table>,
}

/// Why a proof for TLS-ALPN-01 could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The certificate could not be made.
    #[error("cannot make the certificate that answers TLS-ALPN-01")]
    Certificate(#[from] rcgen::Error),
    /// Its key cannot be used.
    #[error("cannot use the key that answers TLS-ALPN-01")]
    Key(#[from] rustls::Error),
}

#[derive(Debug, Default)]
struct Table {
    by_token: HashMap<String, String>,
    by_name: HashMap<String, Arc<CertifiedKey>>,
}

impl Challenges {
    /// The answer to the HTTP-01 challenge `token`.
    #[must_use]
    pub fn key_authorization(&self, token: &str) -> Option<String> {
        self.table.load().by_token.get(token).cloned()
    }

    /// The answer to a TLS-ALPN-01 challenge for `name`.
    pub(crate) fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.table.load().by_name.get(&name.to_ascii_lowercase()).cloned()
    }

    /// Answers these from now on, and no others.
    pub(super) fn set(&self, pending: &[Pending]) -> Result<(), ProofError> {
        let mut table = Table::default();
        for challenge in pending {
            let answer = challenge.key_authorization.clone();
            let proof = Arc::new(proof(&challenge.name, &answer)?);
            table.by_token.insert(challenge.token.clone(), answer);
            table.by_name.insert(challenge.name.to_ascii_lowercase(), proof);
        }
        self.table.store(Arc::new(table));
        Ok(())
    }
}

/// A self-signed certificate with the answer in it (RFC 8737, 3).
fn proof(name: &str, key_authorization: &str) -> Result<CertifiedKey, ProofError> {
    let digest = Sha256::digest(key_authorization.as_bytes());
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(&digest)];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.der().clone();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let key = provider().key_provider.load_private_key(key)?;
    // Not checked against each other: the extension is critical, and no
    // verifier but the authority's knows it.
    Ok(CertifiedKey::new(vec![certificate], key))
}
