//! The cleartext listener beside an https origin: it sends everyone there,
//! and shows certificate authorities that the host is ours.

use std::sync::Arc;

use bluegate_cluster::Origin;
use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, LOCATION, RETRY_AFTER},
};
use http_body_util::Full;

use crate::{Connection, RequestBody, Service, acme::Challenges, request_authority, tls::Slot};

/// Where HTTP-01 tokens are asked for (RFC 8555, 8.3).
const TOKENS: &str = "/.well-known/acme-challenge/";

/// Seconds after which a browser may ask again while there is no certificate.
const WITHOUT_CERTIFICATE: &str = "30";

/// Answers 308 to the origin for requests to its host, path and query kept.
#[derive(Debug)]
pub struct Redirect {
    origin: Origin,
    challenges: Vec<Arc<Challenges>>,
    certificate: Option<Arc<Slot>>,
}

impl Redirect {
    /// Sends everyone to `origin`.
    #[must_use]
    pub fn to(origin: Origin) -> Self {
        Self { origin, challenges: Vec::new(), certificate: None }
    }

    /// Answers HTTP-01 challenges too, whatever `Host` they come with: the
    /// name is proved by the token.
    #[must_use]
    pub fn with_challenges(mut self, challenges: Arc<Challenges>) -> Self {
        self.challenges.push(challenges);
        self
    }

    /// Answers 503 as long as `certificate` is empty, since nothing would
    /// answer at the origin.
    #[must_use]
    pub fn waiting_for(mut self, certificate: Arc<Slot>) -> Self {
        self.certificate = Some(certificate);
        self
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        if let Some(token) = path.strip_prefix(TOKENS) {
            return self.challenge(request.method(), token);
        }
        if !request_authority(request).is_some_and(|authority| self.is_our_host(authority)) {
            return plain(StatusCode::MISDIRECTED_REQUEST, "Not a host of this server.\n");
        }
        if request.method() == Method::CONNECT || !path.starts_with('/') {
            return plain(StatusCode::BAD_REQUEST, "Not a request for a page.\n");
        }
        if self.certificate.as_ref().is_some_and(|slot| slot.current().is_none()) {
            let mut response = plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "This server is waiting for its certificate. Please try again in a moment.\n",
            );
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static(WITHOUT_CERTIFICATE));
            return response;
        }
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let Ok(location) = HeaderValue::try_from(format!("{}{target}", self.origin)) else {
            return plain(StatusCode::BAD_REQUEST, "Not a request for a page.\n");
        };
        let mut response = plain(StatusCode::PERMANENT_REDIRECT, "");
        response.headers_mut().insert(LOCATION, location);
        response
    }

    fn challenge(&self, method: &Method, token: &str) -> Response<Full<Bytes>> {
        if method != Method::GET && method != Method::HEAD {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let mut found = self.challenges.iter().filter_map(|known| known.key_authorization(token));
        match found.next() {
            Some(text) => {
                let mut response = plain(StatusCode::OK, "");
                response
                    .headers_mut()
                    .insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
                *response.body_mut() = Full::from(text);
                response
            }
            None => plain(StatusCode::NOT_FOUND, "No such token.\n"),
        }
    }

    /// Whether an authority names our host. Its port is that of this listener
    /// or of whatever stands in front of it, so it says nothing.
    fn is_our_host(&self, authority: &str) -> bool {
        authority.parse::<http::uri::Authority>().is_ok_and(|parsed| {
            !authority.contains('@') && parsed.host().eq_ignore_ascii_case(self.origin.host())
        })
    }
}

/// A bodied answer that ends an HTTP/1.1 connection: whoever asks here has
/// nothing to ask a second time, and a body it may have sent is not read.
fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !text.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    }
    response
}

impl Service for Redirect {
    type Body = Full<Bytes>;

    async fn call(
        self: Arc<Self>,
        request: Request<RequestBody>,
        _: Arc<Connection>,
    ) -> Response<Self::Body> {
        self.answer(&request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, target: &str, host: Option<&str>) -> Request<()> {
        let request = Request::builder().method(method).uri(target);
        match host {
            Some(host) => request.header("host", host),
            None => request,
        }
        .body(())
        .unwrap()
    }

    #[test]
    fn our_host_is_sent_on_and_no_other() {
        let redirect = Redirect::to("https://bbb.example.org:8443".parse().unwrap());
        let told = |method, target, host| {
            let response = redirect.answer(&request(method, target, host));
            let location = response.headers().get(LOCATION).map(|to| to.to_str().unwrap());
            (response.status().as_u16(), location.unwrap_or_default().to_owned())
        };
        let sent = |path: &str| (308, format!("https://bbb.example.org:8443{path}"));
        let ours = Some("bbb.example.org");
        for (method, target, host, wanted) in [
            ("GET", "/", ours, sent("/")),
            ("HEAD", "/a/b?c=%2F&d", ours, sent("/a/b?c=%2F&d")),
            ("POST", "/a", Some("BBB.example.org:80"), sent("/a")),
            ("GET", "//evil.example.org/", ours, sent("//evil.example.org/")),
            ("GET", "http://bbb.example.org/x", Some("evil.example.org"), sent("/x")),
            ("GET", "http://evil.example.org/x", ours, (421, String::new())),
            ("GET", "/", Some("evil.example.org"), (421, String::new())),
            ("GET", "/", Some("bbb.example.org.evil.org"), (421, String::new())),
            ("GET", "/", Some("bbb.example.org@evil.org"), (421, String::new())),
            ("GET", "/", Some("evil.org@bbb.example.org"), (421, String::new())),
            ("GET", "/", Some(""), (421, String::new())),
            ("GET", "/", None, (421, String::new())),
            ("OPTIONS", "*", ours, (400, String::new())),
            ("CONNECT", "bbb.example.org:443", ours, (400, String::new())),
            ("GET", "/.well-known/acme-challenge/x", ours, (404, String::new())),
        ] {
            assert_eq!(told(method, target, host), wanted, "{method} {target} {host:?}");
        }
    }

    #[test]
    fn without_a_certificate_nobody_is_sent_anywhere() {
        let slot = Arc::new(Slot::default());
        let redirect =
            Redirect::to("https://bbb.example.org".parse().unwrap()).waiting_for(Arc::clone(&slot));
        let ask = || redirect.answer(&request("GET", "/", Some("bbb.example.org")));
        assert_eq!(ask().status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(ask().headers().contains_key(RETRY_AFTER));
        slot.put(crate::acme::tests::self_signed("bbb.example.org"));
        assert_eq!(ask().status(), StatusCode::PERMANENT_REDIRECT);
    }
}
