//! One request and what came back, as plain data.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};
use sha2::{Digest as _, Sha256};

use super::Trouble;

/// A request and how it went. Its URL is the one that may be shown: what was
/// secret in the query is gone.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What was asked.
    pub request: Shown,
    /// What came back, or why nothing did.
    pub outcome: Result<Answer, Trouble>,
}

/// A request as people may read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The method; `GET (WebSocket)` for an upgrade.
    pub method: String,
    /// The URL without tokens and checksums.
    pub url: String,
    /// The headers that matter for the answer: `Origin` and the like.
    pub headers: Vec<(String, String)>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, at most as long as the bound of its request.
    pub body: Bytes,
    /// When its head had come, by our clock.
    pub at: SystemTime,
}

impl Exchange {
    /// The answer, if there was one.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        self.outcome.as_ref().ok()
    }

    /// The status, if there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.answer().map(|answer| answer.status.as_u16())
    }
}

impl Answer {
    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The media type without its parameters, lower case.
    #[must_use]
    pub fn media_type(&self) -> String {
        let value = self.header(&http::header::CONTENT_TYPE).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// SHA-256 of the body.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.body).into()
    }
}

impl Shown {
    /// `GET https://…`, and the headers that matter.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = format!("{} {}", self.method, self.url);
        for (name, value) in &self.headers {
            line += &format!(", {name}: {value}");
        }
        line
    }
}

/// A URL with the values of its query gone that could open something.
pub(crate) fn showable(url: &str) -> String {
    const SECRET: [&str; 5] = ["sessionToken", "checksum", "password", "access_token", "token"];
    let Some((before, query)) = url.split_once('?') else { return url.to_owned() };
    let parts: Vec<String> = query
        .split('&')
        .map(|part| match part.split_once('=') {
            Some((name, _)) if SECRET.contains(&name) || name.ends_with("PW") => {
                format!("{name}=…")
            }
            _ => part.to_owned(),
        })
        .collect();
    format!("{before}?{}", parts.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_checksums_are_not_shown() {
        for (url, wanted) in [
            ("https://a.example/x", "https://a.example/x"),
            ("https://a.example/x?locale=de", "https://a.example/x?locale=de"),
            (
                "https://a.example/x?meetingID=m&attendeePW=ap&checksum=ab",
                "https://a.example/x?meetingID=m&attendeePW=…&checksum=…",
            ),
            ("https://a.example/?sessionToken=ab", "https://a.example/?sessionToken=…"),
        ] {
            assert_eq!(showable(url), wanted);
        }
    }
}
