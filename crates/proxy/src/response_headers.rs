//! Phase 5: the head of the node's answer, by allow-list.
//!
//! All nodes' pages share our origin, so a header that reaches beyond the one
//! answer it came with (cookies, storage, service workers, HSTS, alternative
//! services, dictionaries, reporting) would let one node act on all others.
//! Only what describes this one answer passes; docs/proxy.md gives the reason
//! for each header that a node is known to send.

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE,
        CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, DATE, ETAG, EXPIRES,
        LAST_MODIFIED, LOCATION, REFERRER_POLICY, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
        X_FRAME_OPTIONS,
    },
};

use crate::{
    location,
    path::{self, Target},
    snapshot::Snapshot,
    upstream::{NodeError, Upstream},
};

const CROSS_ORIGIN_EMBEDDER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-embedder-policy");
const CROSS_ORIGIN_OPENER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-opener-policy");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");

/// What passes, and nothing else.
const PASSED: [HeaderName; 22] = [
    // What the body is.
    CONTENT_TYPE,
    CONTENT_LENGTH,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_RANGE,
    CONTENT_DISPOSITION,
    ACCEPT_RANGES,
    // How long it is good for.
    ETAG,
    LAST_MODIFIED,
    CACHE_CONTROL,
    EXPIRES,
    VARY,
    DATE,
    RETRY_AFTER,
    // What narrows this one document.
    CONTENT_SECURITY_POLICY,
    X_FRAME_OPTIONS,
    REFERRER_POLICY,
    PERMISSIONS_POLICY,
    CROSS_ORIGIN_EMBEDDER_POLICY,
    CROSS_ORIGIN_OPENER_POLICY,
    CROSS_ORIGIN_RESOURCE_POLICY,
    X_ROBOTS_TAG,
];

/// Statuses that would mean something else coming from us: that a proxy wants
/// a password, or that the browser should try another connection.
const UNPASSABLE: [StatusCode; 2] =
    [StatusCode::PROXY_AUTHENTICATION_REQUIRED, StatusCode::MISDIRECTED_REQUEST];

/// The headers for the browser, or why the answer may not pass.
pub(crate) fn for_browser(
    status: StatusCode,
    headers: &HeaderMap,
    request_path: &str,
    upstream: &Upstream,
    snapshot: &Snapshot,
) -> Result<HeaderMap, NodeError> {
    let mut passed = by_list(status, headers)?;
    if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
        passed.insert(LOCATION, redirect(headers, request_path, upstream, snapshot)?);
    }
    passed.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !passed.contains_key(CACHE_CONTROL) && wants_revalidation(request_path, &passed) {
        passed.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    Ok(passed)
}

/// The headers of an answer of the cluster's API.
///
/// Its redirects lead where the API says, to nodes and to frontends: that is
/// what a join is. They are one user's, so nothing of it is ever kept. Cookies
/// end here: a meeting's is set by its node, on the node's own origin.
pub(crate) fn from_api(status: StatusCode, headers: &HeaderMap) -> Result<HeaderMap, NodeError> {
    let mut passed = by_list(status, headers)?;
    if let Some(location) = headers.get(LOCATION) {
        passed.insert(LOCATION, location.clone());
    }
    for name in [ETAG, LAST_MODIFIED, EXPIRES] {
        passed.remove(name);
    }
    passed.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    passed.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(passed)
}

/// What passes of any answer, or why it may not.
fn by_list(status: StatusCode, headers: &HeaderMap) -> Result<HeaderMap, NodeError> {
    if status.is_informational() || UNPASSABLE.contains(&status) {
        return Err(NodeError::Status(status));
    }
    let mut passed = HeaderMap::with_capacity(headers.len() + 2);
    for (name, value) in headers {
        if PASSED.contains(name) {
            passed.append(name, value.clone());
        }
    }
    if status == StatusCode::NOT_MODIFIED || status == StatusCode::NO_CONTENT {
        // A length that no body follows: allowed on 304, of no use, and one
        // more thing for two readers to see differently.
        passed.remove(CONTENT_LENGTH);
    }
    Ok(passed)
}

fn redirect(
    headers: &HeaderMap,
    request_path: &str,
    upstream: &Upstream,
    snapshot: &Snapshot,
) -> Result<HeaderValue, NodeError> {
    headers
        .get(LOCATION)
        .and_then(|location| location.to_str().ok())
        .and_then(|location| {
            location::rewrite(location, request_path, upstream.node(), snapshot.routes.origin())
        })
        .and_then(|location| HeaderValue::try_from(location).ok())
        .ok_or(NodeError::Redirect)
}

/// Nodes send their static files without `Cache-Control`, and browsers then
/// guess. For what names the build's other files, or is made anew each time,
/// a guess means a broken page after an upgrade: the page itself, folder
/// listings (`locales/`), the API index, `private/`.
fn wants_revalidation(request_path: &str, headers: &HeaderMap) -> bool {
    let is_html = headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"text/html"));
    let by_path = match path::parse(request_path) {
        Ok(Target::Client { rest, .. }) => {
            rest.is_empty()
                || rest.ends_with('/')
                || rest.ends_with(".html")
                || rest == "join"
                || rest.starts_with("private/")
        }
        _ => true,
    };
    is_html || by_path
}
