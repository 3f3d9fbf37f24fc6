//! What other modules' tests borrow.

use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivateKeyDer;

/// A certificate nobody trusts.
pub(crate) fn self_signed(name: &str) -> CertifiedKey {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    CertifiedKey::from_der(vec![cert.der().clone()], key, &crate::tls::provider()).unwrap()
}
