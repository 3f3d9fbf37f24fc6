//! The checksum of a call: signing, and verifying what a frontend presents.
//!
//! Input is `callName + raw query without its checksum + secret`. The raw text
//! counts, never a decoded and re-encoded one; the removal of the checksum is
//! textual, in BBB's order, so every form frontends send (`?checksum=`,
//! `?&checksum=`, first, middle, last) comes out as a BBB server sees it.

use std::borrow::Cow;

use bluegate_cluster::Secret;
use memchr::memmem;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::{Choice, ConstantTimeEq};

use crate::query::{RawQuery, encode_value, sanitise};

/// How the parameter begins that BBB takes out of a query, wherever it finds it.
const CHECKSUM: &str = "checksum=";

/// A hash function BBB signs with, told by the length of its hex form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// 40 hex digits; every release.
    Sha1,
    /// 64 hex digits; since 2.2.
    Sha256,
    /// 96 hex digits; since 2.5.
    Sha384,
    /// 128 hex digits; since 2.5.
    Sha512,
}

impl Algorithm {
    /// Every algorithm, the strongest first.
    pub const STRONGEST_FIRST: [Self; 4] = [Self::Sha512, Self::Sha384, Self::Sha256, Self::Sha1];

    fn of_hex_length(length: usize) -> Option<Self> {
        match length {
            40 => Some(Self::Sha1),
            64 => Some(Self::Sha256),
            96 => Some(Self::Sha384),
            128 => Some(Self::Sha512),
            _ => None,
        }
    }
}

/// Why a request carries nothing that could be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChecksumError {
    /// No `checksum` parameter, or an empty one.
    #[error("the request has no checksum")]
    Missing,
    /// Not the hex form of any digest BBB knows.
    #[error("the checksum is not a digest")]
    NotADigest,
}

/// A checksum a frontend presented, with the text it claims to sign.
pub struct Presented {
    digest: Vec<u8>,
    /// The hash over everything but the secret, once per accepted form.
    prefixes: Vec<Hasher>,
}

impl Presented {
    /// Reads the checksum of `call` from the raw query or, when the query has
    /// none, from the form body. A request without any query is also accepted
    /// signed over its sorted body parameters, as BBB 2.4 to 2.7.7 had it.
    ///
    /// # Errors
    /// [`ChecksumError`] when there is nothing to verify.
    pub fn read(call: &str, query: &str, form: Option<&RawQuery>) -> Result<Self, ChecksumError> {
        let value = RawQuery::find(query, "checksum")
            .or_else(|| form.and_then(|form| form.get("checksum")))
            .map(|value| sanitise(&value.lossy()).into_owned())
            .filter(|value| !value.is_empty())
            .ok_or(ChecksumError::Missing)?;
        let algorithm = Algorithm::of_hex_length(value.len()).ok_or(ChecksumError::NotADigest)?;
        let digest = from_hex(&value).ok_or(ChecksumError::NotADigest)?;

        let signed = without_checksum(query, &value);
        let mut prefixes = vec![Hasher::over(algorithm, call, &signed)];
        if let Some(form) = form.filter(|_| query.is_empty()) {
            prefixes.push(Hasher::over(algorithm, call, &[&sorted_form(form)]));
        }
        Ok(Self { digest, prefixes })
    }

    /// Whether `secret` made this checksum; takes the same time for any digest.
    #[must_use]
    pub fn is_signed_by(&self, secret: &Secret) -> bool {
        let mut matches = Choice::from(0);
        for prefix in &self.prefixes {
            matches |= prefix.clone().finish(secret).as_slice().ct_eq(&self.digest);
        }
        matches.into()
    }
}

/// The lower-case hex checksum of a call over `query`, which has none yet.
#[must_use]
pub fn sign(call: &str, query: &str, secret: &Secret, algorithm: Algorithm) -> String {
    to_hex(&Hasher::over(algorithm, call, &[query]).finish(secret))
}

/// The whole query of a signed call: the parameters other than any checksum,
/// untouched, and the checksum last.
#[must_use]
pub fn signed_query(call: &str, query: &RawQuery, secret: &Secret, algorithm: Algorithm) -> String {
    let mut signed = query.without("checksum");
    let checksum = sign(call, &signed, secret, algorithm);
    if !signed.is_empty() {
        signed.push('&');
    }
    signed.push_str("checksum=");
    signed.push_str(&checksum);
    signed
}

/// Lower-case hex.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = digits.map(|digit| DIGITS[usize::from(digit)]).collect();
    String::from_utf8(digits).expect("digits are text")
}

/// Hex of either case.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(pairs.len());
    for [high, low] in pairs {
        bytes.push((digit(*high)? << 4) | digit(*low)?);
    }
    Some(bytes)
}

/// The query in pieces, without its checksum.
fn without_checksum<'a>(query: &'a str, value: &str) -> [Cow<'a, str>; 2] {
    match around_checksum(query, value) {
        Some([before, after]) => [before.into(), after.into()],
        None => [taken_out(query, value).into(), "".into()],
    }
}

/// The query without its checksum, as BBB takes it out.
fn taken_out(query: &str, value: &str) -> String {
    let text = query.replace(&format!("&checksum={value}"), "");
    if !text.contains(CHECKSUM) {
        return text;
    }
    text.replace(&format!("checksum={value}&"), "").replace(&format!("checksum={value}"), "")
}

/// The same without a copy, where the checksum is one whole parameter and
/// nothing else looks like it: in nearly every request.
fn around_checksum<'a>(query: &'a str, value: &str) -> Option<[&'a str; 2]> {
    let mut places = memmem::find_iter(query.as_bytes(), CHECKSUM);
    let (at, None) = (places.next()?, places.next()) else { return None };
    let (before, found) = query.split_at_checked(at)?;
    let after = found.strip_prefix(CHECKSUM)?.strip_prefix(value)?;
    match (before.strip_suffix('&'), after.strip_prefix('&')) {
        (Some(before), Some(_)) => Some([before, after]),
        (Some(before), None) if after.is_empty() => Some([before, ""]),
        (None, Some(after)) if before.is_empty() => Some(["", after]),
        _ => None,
    }
}

fn sorted_form(form: &RawQuery) -> String {
    let mut parameters: Vec<(String, String)> = form
        .iter()
        .filter(|(name, _)| name != "checksum")
        .map(|(name, value)| (name, value.lossy()))
        .collect();
    parameters.sort_by(|(left, _), (right, _)| left.cmp(right));
    let parts: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", encode_value(value))).collect();
    parts.join("&")
}

#[derive(Clone)]
enum Hasher {
    Sha1(Sha1),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    /// Over the call's name and the query's pieces.
    fn over(algorithm: Algorithm, call: &str, query: &[impl AsRef<str>]) -> Self {
        fn prefix<D: Digest>(call: &str, query: &[impl AsRef<str>]) -> D {
            query
                .iter()
                .fold(D::new().chain_update(call), |hash, piece| hash.chain_update(piece.as_ref()))
        }
        match algorithm {
            Algorithm::Sha1 => Self::Sha1(prefix(call, query)),
            Algorithm::Sha256 => Self::Sha256(prefix(call, query)),
            Algorithm::Sha384 => Self::Sha384(prefix(call, query)),
            Algorithm::Sha512 => Self::Sha512(prefix(call, query)),
        }
    }

    fn finish(self, secret: &Secret) -> Vec<u8> {
        let secret = secret.expose();
        match self {
            Self::Sha1(hash) => hash.chain_update(secret).finalize().to_vec(),
            Self::Sha256(hash) => hash.chain_update(secret).finalize().to_vec(),
            Self::Sha384(hash) => hash.chain_update(secret).finalize().to_vec(),
            Self::Sha512(hash) => hash.chain_update(secret).finalize().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests;
