//! The signed tokens of callbacks: JSON Web Tokens (RFC 7519) with an HMAC of a
//! shared secret.
//!
//! BBB signs `signed_parameters` of its recording-ready callback with HS256 and
//! the bearer token of its analytics callback with HS512. What a token's own
//! header says of its algorithm is believed only among the HMACs.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bluegate_cluster::Secret;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::{Sha256, Sha384, Sha512};
use subtle::{Choice, ConstantTimeEq};

/// The claims of a token.
pub type Claims = Map<String, Value>;

/// An algorithm of RFC 7518, section 3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl JwtAlgorithm {
    /// The name in a token's header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Hs256, Self::Hs384, Self::Hs512].into_iter().find(|one| one.name() == name)
    }

    fn mac(self, secret: &Secret, text: &str) -> Vec<u8> {
        fn of<M: Mac + KeyInit>(secret: &Secret, text: &str) -> Vec<u8> {
            let key = secret.expose().as_bytes();
            let mut mac =
                <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().to_vec()
        }
        match self {
            Self::Hs256 => of::<Hmac<Sha256>>(secret, text),
            Self::Hs384 => of::<Hmac<Sha384>>(secret, text),
            Self::Hs512 => of::<Hmac<Sha512>>(secret, text),
        }
    }
}

/// A token with these claims.
#[must_use]
pub fn sign(claims: &Claims, algorithm: JwtAlgorithm, secret: &Secret) -> String {
    let header = json!({ "alg": algorithm.name(), "typ": "JWT" });
    let encode = |value: &str| URL_SAFE_NO_PAD.encode(value);
    let claims = Value::Object(claims.clone()).to_string();
    let signed = format!("{}.{}", encode(&header.to_string()), encode(&claims));
    let mac = URL_SAFE_NO_PAD.encode(algorithm.mac(secret, &signed));
    format!("{signed}.{mac}")
}

/// The claims of a token that one of `secrets` signed and that, if it says when
/// it ends, has not ended at `now` (seconds since 1970); with its algorithm.
#[must_use]
pub fn verify(token: &str, secrets: &[Secret], now: i64) -> Option<(Claims, JwtAlgorithm)> {
    let (signed, mac) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header = object(header)?;
    let algorithm = JwtAlgorithm::named(header.get("alg")?.as_str()?)?;
    let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
    let mut verified = Choice::from(0);
    for secret in secrets {
        verified |= algorithm.mac(secret, signed).as_slice().ct_eq(&mac);
    }
    let claims = object(claims).filter(|_| bool::from(verified))?;
    let lives = |name, holds: fn(f64, f64) -> bool| {
        let time = claims.get(name).and_then(Value::as_f64);
        #[expect(clippy::cast_precision_loss, reason = "seconds are far from 2^52")]
        let now = now as f64;
        time.is_none_or(|time| holds(now, time))
    };
    let is_in_time = lives("exp", |now, end| now < end) && lives("nbf", |now, begin| now >= begin);
    is_in_time.then_some((claims, algorithm))
}

fn object(encoded: &str) -> Option<Claims> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    match serde_json::from_slice(&bytes).ok()? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The recording-ready token of BBB's documentation, made by Ruby's `jwt`.
    const READY: &str = "eyJhbGciOiJIUzI1NiJ9.eyJtZWV0aW5nX2lkIjoiYWJjMTIzIiwicmVjb3JkX2lkIjoiNjM2N2M0OGRkMTkzZDU2ZWE3YjBiYWFkMjViMTk0NTVlNTI5ZjVlZS0xNzAwMDAwMDAwMDAwIn0.qibuVDHywsfZM2fqRz4ZjxSFpjmPcYUJ0Q0GEtCHxKs";
    const SECRET: &str = "639259d4-9dd8-4b25-bf01-95f9567eaf4b";

    fn secret(text: &str) -> Secret {
        Secret::new(text).unwrap()
    }

    fn claims(value: &Value) -> Claims {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_token_of_bbb_is_read() {
        let secrets = [secret("new"), secret(SECRET)];
        let (claims, algorithm) = verify(READY, &secrets, 0).unwrap();
        assert_eq!(algorithm, JwtAlgorithm::Hs256);
        assert_eq!(claims["meeting_id"], "abc123");
        assert_eq!(claims["record_id"], "6367c48dd193d56ea7b0baad25b19455e529f5ee-1700000000000");
        assert_eq!(verify(READY, &secrets[..1], 0), None);
        assert_eq!(verify(READY, &[], 0), None);
    }

    #[test]
    fn only_hmacs_of_the_secret_and_only_in_time() {
        let secrets = [secret(SECRET)];
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        let (_, rest) = READY.split_once('.').unwrap();
        for bad in [
            format!("{none}.{rest}"),
            format!("{none}.{}.", rest.split_once('.').unwrap().0),
            READY.replace("eyJtZ", "eyJtY"),
            READY.trim_end_matches('s').to_owned(),
            String::new(),
            "..".to_owned(),
        ] {
            assert_eq!(verify(&bad, &secrets, 0), None, "{bad}");
        }
        let timed = |value| sign(&claims(&value), JwtAlgorithm::Hs512, &secrets[0]);
        for (claims, now, wanted) in [
            (json!({"exp": 100}), 99, true),
            (json!({"exp": 100}), 100, false),
            (json!({"nbf": 100}), 99, false),
            (json!({"nbf": 100}), 100, true),
            (json!({}), 1 << 40, true),
        ] {
            assert_eq!(verify(&timed(claims.clone()), &secrets, now).is_some(), wanted, "{claims}");
        }
    }

    #[test]
    fn our_own_tokens_are_those_of_another_implementation() {
        // Computed with Python's hmac.
        let claims = claims(&json!({"meeting_id": "m"}));
        for (algorithm, wanted) in [
            (
                JwtAlgorithm::Hs256,
                "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJtZWV0aW5nX2lkIjoibSJ9.RkZ2gTygEjW3Ot4X2aRw5Hokv5SfNqYGPQUiGVB3Sr4",
            ),
            (
                JwtAlgorithm::Hs512,
                "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJtZWV0aW5nX2lkIjoibSJ9.GNFU1p3_wS6jKfvFdbxwaVTE36SrPOa4IwuEzufR4FfdMeBba3j2caXaqI3H9qkhtOMvlMPZ5n2AFVlq7KLArQ",
            ),
        ] {
            assert_eq!(sign(&claims, algorithm, &secret(SECRET)), wanted);
        }
    }

    proptest! {
        #[test]
        fn what_is_signed_is_read_and_no_text_panics(text in ".{0,60}", value in ".{0,20}") {
            let secrets = [secret("s")];
            prop_assert_eq!(verify(&text, &secrets, 0), None);
            let claims = claims(&json!({"value": value}));
            let token = sign(&claims, JwtAlgorithm::Hs384, &secrets[0]);
            prop_assert_eq!(verify(&token, &secrets, 0), Some((claims, JwtAlgorithm::Hs384)));
        }
    }
}
