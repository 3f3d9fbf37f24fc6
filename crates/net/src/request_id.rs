//! The ID that names one request wherever it goes: in the answer, in the request
//! to a node, in logs.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries it.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The shortest and the longest ID that is taken over from a balancer.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=64;

/// Names one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// A new one: 128 random bits.
    pub(crate) fn new() -> Self {
        let mut digits = [0; 32];
        let mut rest: u128 = rand::random();
        for digit in &mut digits {
            *digit = b"0123456789abcdef"[(rest & 15) as usize];
            rest >>= 4;
        }
        Self::of(HeaderValue::from_bytes(&digits).expect("digits are header text"))
    }

    /// The one that a balancer in front gave, when it is one that may be written
    /// anywhere.
    pub(crate) fn given(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(X_REQUEST_ID).iter();
        let (value, None) = (values.next()?, values.next()) else { return None };
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
        let bytes = value.as_bytes();
        let right = LENGTHS.contains(&bytes.len()) && bytes.iter().all(plain);
        right.then(|| Self::of(value.clone()))
    }

    /// HTTP/2 must not keep what never comes again in its table of headers.
    fn of(mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        Self(value)
    }

    /// Puts it in the place of whatever is there.
    pub(crate) fn mark(&self, headers: &mut HeaderMap) {
        headers.insert(X_REQUEST_ID, self.0.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(X_REQUEST_ID, HeaderValue::from_str(value).unwrap());
        }
        RequestId::given(&headers).map(|id| id.0.to_str().unwrap().to_owned())
    }

    #[test]
    fn what_a_balancer_gives_is_taken_when_it_is_short_and_plain() {
        let uuid = "0d9ab2f4-5c0e-4d5e-9f57-1d6b5b1d9c11";
        for plain in [uuid, "Root.1-67891233", "abcd_1234"] {
            assert_eq!(given(&[plain]).as_deref(), Some(plain));
        }
        let long = "x".repeat(65);
        for not in [&[][..], &[""], &["short"], &[&long], &["a b c d e"], &["\"x\\n12345"]] {
            assert_eq!(given(not), None, "{not:?}");
        }
        assert_eq!(given(&[uuid, uuid]), None, "two say nothing");
        assert_eq!(given(&["12345678;x"]), None);
    }

    #[test]
    fn a_new_one_is_plain_and_nobody_elses() {
        let (one, other) = (RequestId::new(), RequestId::new());
        assert_ne!(one, other);
        let mut headers = HeaderMap::new();
        headers.append(X_REQUEST_ID, HeaderValue::from_static("of-the-client"));
        headers.append(X_REQUEST_ID, HeaderValue::from_static("and-another"));
        one.mark(&mut headers);
        assert_eq!(RequestId::given(&headers), Some(one));
    }
}
