//! Replies as HTTP responses.

use axum::body::Body;
use bluegate_bbb_api::{Answer, Failure, Method};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::json;

use crate::{
    front::{parts::Parts, route::Named, waiting::Waiting},
    nodes::client::RawAnswer,
};

const XML: HeaderValue = HeaderValue::from_static("text/xml;charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const RETRY_AFTER_SECONDS: &str = "10";
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

const FAILED: &str = "<response><returncode>FAILED<";
/// How a failure begins that comes from the one place for all of them in BBB.
const FAILED_WITH_KEY: &str = "<response><returncode>FAILED</returncode><messageKey>";
/// What says of itself in `User-Agent` that it is a browser.
const BROWSERS: [&str; 4] = ["Gecko", "WebKit", "Trident", "Presto"];
const FAILED_JSON: &str = r#"{"response":{"returncode":"FAILED""#;

/// What a call answers.
#[derive(Debug)]
pub(crate) enum Reply {
    /// An XML document.
    Xml(String),
    /// An XML document of success, in parts that others share.
    XmlParts(Vec<Bytes>),
    /// A JSON document.
    Json(String),
    /// Sends the browser there.
    Redirect(String),
    /// Asks a person to wait.
    Wait(Waiting),
    /// Passes on what a node answered to a call we do not know.
    Raw(RawAnswer),
    /// No such call.
    NotFound,
    /// Not by this method.
    MethodNotAllowed(&'static [Method]),
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self::Xml(answer.to_string())
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        failure.answer().into()
    }
}

impl Reply {
    /// Whether it is a document that says FAILED.
    pub(crate) fn is_failure(&self) -> bool {
        match self {
            Self::Xml(text) => text.starts_with(FAILED),
            Self::Json(text) => text.starts_with(FAILED_JSON),
            _ => false,
        }
    }

    /// A failure in JSON.
    pub(crate) fn json_failure(key: &str, message: &str) -> Self {
        let (key, message) = (json!(key), json!(message));
        Self::Json(format!(
            r#"{{"response":{{"returncode":"FAILED","messageKey":{key},"message":{message}}}}}"#
        ))
    }

    fn has_key(&self) -> bool {
        matches!(self, Self::Xml(text) if text.starts_with(FAILED_WITH_KEY))
    }

    /// A failure in JSON for a client that asks for JSON before all else, as BBB
    /// has it; what browsers say in `Accept` is ignored.
    pub(crate) fn in_the_language_of(self, headers: &HeaderMap) -> Self {
        let Self::Xml(text) = &self else { return self };
        if !self.has_key() || !prefers_json(headers) {
            return self;
        }
        let Ok(answer) = Answer::parse(text.as_bytes()) else { return self };
        Self::json_failure(&answer.key(), &answer.text("message").unwrap_or_default())
    }

    /// The response to this call.
    pub(crate) fn response(self, call: &Named) -> Response<Body> {
        // Failures come from one place in BBB, which always says so.
        let failed = matches!(self, Self::Json(_)) || self.has_key();
        let no_cache = match call {
            // A page says that for itself, more strictly.
            _ if matches!(self, Self::Wait(_)) => false,
            Named::Known(call) => failed || call.answers_no_cache(),
            Named::Unknown(_) => failed,
        };
        if no_cache { self.response_without_caching() } else { self.plain_response() }
    }

    /// The response to a call that always says `no-cache`.
    pub(crate) fn response_without_caching(self) -> Response<Body> {
        let mut response = self.plain_response();
        response.headers_mut().insert(header::CACHE_CONTROL, NO_CACHE);
        response
    }

    fn plain_response(self) -> Response<Body> {
        match self {
            Self::Xml(text) => document(XML, text.into()),
            Self::XmlParts(parts) => document(XML, Body::new(Parts::new(parts))),
            Self::Json(text) => document(JSON, text.into()),
            Self::Redirect(location) => redirect(&location),
            Self::Wait(waiting) => page(&waiting),
            Self::Raw(raw) => {
                let mut response = Response::new(Body::from(raw.body));
                *response.status_mut() = raw.status;
                if let Some(content_type) = raw.content_type {
                    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
                }
                response
            }
            Self::NotFound => status(StatusCode::NOT_FOUND),
            Self::MethodNotAllowed(methods) => {
                let mut response = status(StatusCode::METHOD_NOT_ALLOWED);
                response.headers_mut().insert(header::ALLOW, allow(methods));
                response
            }
        }
    }
}

fn prefers_json(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_browser = BROWSERS.iter().any(|name| text(header::USER_AGENT).contains(name));
    !is_browser && text(header::ACCEPT).starts_with("application/json")
}

/// An empty response.
pub(crate) fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn document(content_type: HeaderValue, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// Browsers that wait are not to be taken for an answer of the API: 503.
fn page(waiting: &Waiting) -> Response<Body> {
    let mut response = document(HTML, waiting.html().into());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(waiting.language.tag()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
        .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(bluegate_page::POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn redirect(location: &str) -> Response<Body> {
    match HeaderValue::from_str(location) {
        Ok(location) => {
            let mut response = status(StatusCode::FOUND);
            response.headers_mut().insert(header::LOCATION, location);
            response
        }
        Err(_) => status(StatusCode::BAD_REQUEST),
    }
}

fn allow(methods: &[Method]) -> HeaderValue {
    let get = methods.contains(&Method::Get);
    let post = methods.contains(&Method::Post);
    HeaderValue::from_static(match (get, post) {
        (true, true) => "GET, HEAD, POST",
        (true, false) => "GET, HEAD",
        (false, _) => "POST",
    })
}
