//! What the proxy answers itself.
//!
//! Small pages that need nothing else and name nothing internal: no node, no
//! address, no cause. What went wrong is in our log.

use std::time::Duration;

use bluegate_net::Overdrawn;
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{
        ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LANGUAGE, CONTENT_LENGTH,
        CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
    },
};

use crate::{body::Body, traffic::OwnAnswer};

mod page;

pub(crate) use bluegate_page::Language;
use page::Page;

/// An answer that comes from no node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 308 to this URL.
    WithSlash(String),
    /// 400: the request is malformed, or could be read in two ways.
    BadRequest,
    /// 403: a service worker would control all mounts' pages.
    ServiceWorker,
    /// 403: an upgrade where none passes.
    UpgradeRefused,
    /// 404: not one of the relayed paths, or no such mount.
    NotFound,
    /// 405, with what is allowed.
    MethodNotAllowed(Methods),
    /// 408: a body that did not come in time.
    RequestTimeout,
    /// 411: a body of unknown length.
    LengthRequired,
    /// 413: a body over the bound.
    BodyTooLarge,
    /// 414: a path over the bound.
    PathTooLong,
    /// 421: a host or scheme that is not ours.
    Misdirected,
    /// 429: this client has had its share; it may come back after this.
    TooManyRequests(Duration),
    /// 502: the node cannot be reached or answers what may not pass.
    NodeFailed,
    /// 503: the node has as much to do as we let it have.
    NodeBusy,
    /// 504: the node took too long.
    NodeTimeout,
}

/// The methods a path takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Methods {
    /// GET and HEAD.
    Read,
    /// POST besides.
    ReadAndPost,
}

impl From<Overdrawn> for Answer {
    fn from(over: Overdrawn) -> Self {
        Self::TooManyRequests(over.retry_after)
    }
}

impl Answer {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::WithSlash(_) => StatusCode::PERMANENT_REDIRECT,
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::ServiceWorker | Self::UpgradeRefused => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::LengthRequired => StatusCode::LENGTH_REQUIRED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::PathTooLong => StatusCode::URI_TOO_LONG,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NodeFailed => StatusCode::BAD_GATEWAY,
            Self::NodeBusy => StatusCode::SERVICE_UNAVAILABLE,
            Self::NodeTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The answer to a request of this method, in this language.
    pub(crate) fn into_response(self, method: &Method, language: Language) -> Response<Body> {
        let status = self.status();
        let page = self.page().html(language);
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        response.extensions_mut().insert(OwnAnswer);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(page.len()));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(bluegate_page::POLICY));
        self.add_headers(headers);
        if method != Method::HEAD {
            *response.body_mut() = Body::whole(page);
        }
        response
    }

    fn add_headers(self, headers: &mut HeaderMap) {
        match self {
            Self::WithSlash(url) => {
                // Made of our origin and a path and query that were a URI.
                if let Ok(url) = HeaderValue::try_from(url) {
                    headers.insert(LOCATION, url);
                }
            }
            Self::MethodNotAllowed(methods) => {
                let allow = match methods {
                    Methods::Read => "GET, HEAD",
                    Methods::ReadAndPost => "GET, HEAD, POST",
                };
                headers.insert(ALLOW, HeaderValue::from_static(allow));
            }
            // What follows on such a connection cannot be trusted to be a
            // request of its own. HTTP/2 frames its requests; hyper leaves the
            // header out there.
            Self::BadRequest | Self::RequestTimeout | Self::LengthRequired | Self::BodyTooLarge => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Self::TooManyRequests(wait) => {
                // A fraction would be a zero, and that an invitation.
                headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
            }
            Self::NodeFailed | Self::NodeBusy | Self::NodeTimeout => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
            }
            Self::ServiceWorker
            | Self::UpgradeRefused
            | Self::NotFound
            | Self::PathTooLong
            | Self::Misdirected => {}
        }
    }

    fn page(&self) -> Page {
        match self {
            Self::NodeFailed | Self::NodeBusy | Self::NodeTimeout => Page::Retry,
            Self::NotFound => Page::NotFound,
            _ => Page::Refused,
        }
    }
}

/// When software should ask a failing node again.
const RETRY_AFTER_SECONDS: &str = "10";
