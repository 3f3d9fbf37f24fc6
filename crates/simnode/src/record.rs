//! What the node remembers of each request, for tests to look at.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use http::{HeaderMap, HeaderName, StatusCode, header};
use serde::Serialize;

/// How many requests are remembered; older ones are forgotten.
pub const RECORDS_KEPT: usize = 10_000;

/// How many characters of a header are remembered.
const HEADER_KEPT: usize = 512;

/// One request and how it was answered. No query, session token, cookie value
/// or body is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// The method.
    pub method: String,
    /// The path without query; an upload token in it reads `*`.
    pub path: String,
    /// The `Host` header, or the authority of an HTTP/2 request.
    pub host: Option<String>,
    /// The `Origin` header.
    pub origin: Option<String>,
    /// The `Referer` header without query.
    pub referer: Option<String>,
    /// Whether a `JSESSIONID` cookie came along.
    pub has_session_cookie: bool,
    /// Whether any cookie came along.
    pub has_cookie: bool,
    /// Whether a `User-Agent` came along.
    pub has_user_agent: bool,
    /// The `Forwarded` header.
    pub forwarded: Option<String>,
    /// The `X-Forwarded-For` header.
    pub x_forwarded_for: Option<String>,
    /// The `X-Forwarded-Proto` header.
    pub x_forwarded_proto: Option<String>,
    /// The `X-Forwarded-Host` header.
    pub x_forwarded_host: Option<String>,
    /// The `Via` header.
    pub via: Option<String>,
    /// The `X-Request-Id` header.
    pub x_request_id: Option<String>,
    /// Whether a browser would have let the page of that `Origin` see the
    /// answer; `None` when the request had no `Origin`. What a proxy passed on
    /// for its own origin counts as accepted: browsers send `Origin` with fonts.
    pub cors_accepted: Option<bool>,
    /// The status; 0 when a fault closed the connection without an answer.
    pub status: u16,
    /// `websocket` when the request asked to switch to it.
    pub upgrade: Option<String>,
    /// The name of the API call, such as `create`; `index` for the bare API path.
    pub call: Option<String>,
}

impl Record {
    /// Takes note of a request before it is answered.
    pub(crate) fn of(
        method: &http::Method,
        uri: &http::Uri,
        headers: &HeaderMap,
        path: String,
        call: Option<String>,
    ) -> Self {
        let cookies = text(headers, header::COOKIE);
        Self {
            method: method.to_string(),
            path,
            host: text(headers, header::HOST)
                .or_else(|| uri.authority().map(|authority| authority.to_string())),
            origin: text(headers, header::ORIGIN),
            referer: text(headers, header::REFERER)
                .map(|url| url.split(['?', '#']).next().unwrap_or_default().to_owned()),
            has_session_cookie: headers
                .get_all(header::COOKIE)
                .iter()
                .any(|value| value.to_str().is_ok_and(|value| value.contains("JSESSIONID="))),
            has_cookie: cookies.is_some(),
            has_user_agent: headers.contains_key(header::USER_AGENT),
            forwarded: text(headers, header::FORWARDED),
            x_forwarded_for: text(headers, HeaderName::from_static("x-forwarded-for")),
            x_forwarded_proto: text(headers, HeaderName::from_static("x-forwarded-proto")),
            x_forwarded_host: text(headers, HeaderName::from_static("x-forwarded-host")),
            via: text(headers, header::VIA),
            x_request_id: text(headers, HeaderName::from_static("x-request-id")),
            cors_accepted: None,
            status: 0,
            upgrade: text(headers, header::UPGRADE).map(|value| value.to_ascii_lowercase()),
            call,
        }
    }

    /// Completes the note with the answer.
    pub(crate) fn answered(mut self, status: StatusCode, answer: &HeaderMap, own: &str) -> Self {
        self.status = status.as_u16();
        self.cors_accepted = self.origin.as_deref().map(|origin| {
            let allowed = answer.get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
            let credentials = answer
                .get(header::ACCESS_CONTROL_ALLOW_CREDENTIALS)
                .is_some_and(|value| value == "true");
            if self.upgrade.is_some() {
                status == StatusCode::SWITCHING_PROTOCOLS
            } else if origin == own || self.came_through(origin) {
                status != StatusCode::FORBIDDEN
            } else {
                match allowed {
                    Some(value) if value == origin => credentials || !self.has_cookie,
                    Some(value) => value == "*" && !self.has_cookie,
                    None => false,
                }
            }
        });
        self
    }

    /// Whether a proxy of that origin passed the request on: to the browser it
    /// was a request within one origin.
    fn came_through(&self, origin: &str) -> bool {
        let forwarded = self.forwarded.as_deref().and_then(|header| {
            let (_, host) = header.split_once("host=")?;
            host.split([';', ',']).next().map(|host| host.trim_matches('"'))
        });
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority.is_some() && authority == self.x_forwarded_host.as_deref().or(forwarded)
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).chars().take(HEADER_KEPT).collect())
}

/// The last requests in the order in which they were answered.
#[derive(Debug, Default)]
pub(crate) struct Records {
    ring: Mutex<VecDeque<Record>>,
}

impl Records {
    /// Adds one, forgetting the oldest when full.
    pub(crate) fn push(&self, record: Record) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.len() == RECORDS_KEPT {
            ring.pop_front();
        }
        ring.push_back(record);
    }

    /// A copy of all.
    pub(crate) fn all(&self) -> Vec<Record> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method, StatusCode, Uri, header};

    use super::{RECORDS_KEPT, Record, Records};

    fn record(headers: &HeaderMap) -> Record {
        Record::of(&Method::GET, &Uri::from_static("/x"), headers, "/x".into(), None)
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let records = Records::default();
        for number in 0..=RECORDS_KEPT {
            let mut entry = record(&HeaderMap::new());
            entry.path = number.to_string();
            records.push(entry);
        }
        let all = records.all();
        assert_eq!((all.len(), all[0].path.as_str()), (RECORDS_KEPT, "1"));
    }

    #[test]
    fn judges_cross_origin_answers_as_a_browser_does() {
        // origin, cookie, ACAO, ACAC, accepted
        let table = [
            ("https://a", false, Some("https://a"), false, true),
            ("https://a", true, Some("https://a"), false, false),
            ("https://a", true, Some("https://a"), true, true),
            ("https://a", false, Some("*"), true, true),
            ("https://a", true, Some("*"), true, false),
            ("https://a", false, None, false, false),
            ("https://a", false, Some("https://a/"), true, false),
            ("https://own", true, None, false, true),
        ];
        for (origin, cookie, allowed, credentials, accepted) in table {
            let mut request = HeaderMap::new();
            request.insert(header::ORIGIN, origin.parse().unwrap());
            if cookie {
                request.insert(header::COOKIE, "JSESSIONID=1".parse().unwrap());
            }
            let mut answer = HeaderMap::new();
            if let Some(allowed) = allowed {
                answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed.parse().unwrap());
            }
            if credentials {
                answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true".parse().unwrap());
            }
            let record = record(&request).answered(StatusCode::OK, &answer, "https://own");
            assert_eq!(
                record.cors_accepted,
                Some(accepted),
                "{origin} {cookie} {allowed:?} {credentials}"
            );
        }
    }

    #[test]
    fn a_request_passed_on_by_its_own_origin_needs_no_permission() {
        let table = [
            ("x-forwarded-host", "bbb.test:8080", true),
            ("forwarded", "for=127.0.0.1;proto=http;host=\"bbb.test:8080\"", true),
            ("forwarded", "for=127.0.0.1;host=bbb.test:8081", false),
            ("x-forwarded-host", "bbb.test", false),
        ];
        for (name, value, accepted) in table {
            let mut request = HeaderMap::new();
            request.insert(header::ORIGIN, "http://bbb.test:8080".parse().unwrap());
            request.insert(name, value.parse().unwrap());
            let record = record(&request).answered(StatusCode::OK, &HeaderMap::new(), "http://own");
            assert_eq!(record.cors_accepted, Some(accepted), "{name}: {value}");
        }
    }

    #[test]
    fn keeps_no_query_of_the_referer() {
        let mut headers = HeaderMap::new();
        headers.insert(header::REFERER, "http://a/html5client/?sessionToken=abc".parse().unwrap());
        assert_eq!(record(&headers).referer.as_deref(), Some("http://a/html5client/"));
    }
}
