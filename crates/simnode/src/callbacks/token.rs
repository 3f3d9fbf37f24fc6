//! JSON Web Tokens as the recording scripts make them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Sha256, Sha512};

/// A token signed with HMAC-SHA-256, with the header Ruby's `jwt` writes when it
/// is told nothing.
pub(super) fn sign_hs256(claims: &Value, secret: &str) -> String {
    sign::<Hmac<Sha256>>(r#"{"alg":"HS256"}"#, claims, secret)
}

/// A token signed with HMAC-SHA-512 that says what it is.
pub(super) fn sign_hs512(claims: &Value, secret: &str) -> String {
    sign::<Hmac<Sha512>>(r#"{"typ":"JWT","alg":"HS512"}"#, claims, secret)
}

fn sign<M: Mac + KeyInit>(header: &str, claims: &Value, secret: &str) -> String {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let text = format!("{}.{}", encode(header.as_bytes()), encode(claims.to_string().as_bytes()));
    let mut mac =
        <M as KeyInit>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    let signature = encode(&mac.finalize().into_bytes());
    format!("{text}.{signature}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::sign_hs256;

    /// Made with the `jwt` gem.
    #[test]
    fn a_known_token() {
        let claims = json!({
            "meeting_id": "abc123",
            "record_id": "6367c48dd193d56ea7b0baad25b19455e529f5ee-1700000000000",
        });
        assert_eq!(
            sign_hs256(&claims, "639259d4-9dd8-4b25-bf01-95f9567eaf4b"),
            "eyJhbGciOiJIUzI1NiJ9.eyJtZWV0aW5nX2lkIjoiYWJjMTIzIiwicmVjb3JkX2lkIjoiNjM2N2M0OGRkMTkzZ\
             DU2ZWE3YjBiYWFkMjViMTk0NTVlNTI5ZjVlZS0xNzAwMDAwMDAwMDAwIn0.qibuVDHywsfZM2fqRz4ZjxSFpjm\
             PcYUJ0Q0GEtCHxKs"
        );
    }
}
