//! Phase 1: is this request for us, for which node, and may it pass?
//!
//! Decides on the head alone, in an order in which the cheapest and most
//! general refusal comes first. Nothing here waits or opens anything.

use std::sync::Arc;

use bluegate_net::request_authority;
use http::{
    HeaderMap, Method, Request, Version,
    header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE},
};

use crate::{
    answer::{Answer, Methods},
    path::{self, Malformed, Target},
    snapshot::Snapshot,
    upstream::Upstream,
};

mod cost;
#[cfg(test)]
mod tests;

/// The request header with which browsers fetch a service worker's script.
const SERVICE_WORKER: &str = "service-worker";

/// The 2.x paths, below `html5client/`, that take a POST.
const POST_PATHS: [&str; 2] = ["feedback", "__meteor__/dynamic-import/fetch"];

/// The 2.x paths, below `html5client/`, on which WebSockets open.
const WEB_SOCKET_PREFIX: &str = "sockjs/";

/// A request that goes to a node.
pub(crate) struct Admitted {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) kind: Kind,
}

/// What becomes of a request that is not refused.
pub(crate) enum Admission {
    /// It is a mount's, or the API's.
    Node(Admitted),
    /// It names a content: the cache answers.
    Leaf,
}

/// How a request goes to its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A client path, kept as it is.
    Client,
    /// The API index, at the node's own path, without query.
    ApiIndex,
    /// A WebSocket of the 2.x client.
    WebSocket,
    /// The cluster's API, kept as it is.
    Api,
}

/// What admission goes by besides the routes.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Bytes of a body that goes to a node.
    pub(crate) max_body: u64,
    /// The API, where the proxy passes it.
    pub(crate) api: Option<Api>,
    /// Whether files are also reached by their content.
    pub(crate) leaves: bool,
}

/// The cluster's API behind the proxy.
#[derive(Debug)]
pub(crate) struct Api {
    /// Where it is.
    pub(crate) upstream: Arc<Upstream>,
    /// Bytes of a body that goes there.
    pub(crate) max_body: u64,
}

/// Admits `request`, or says what it is answered.
pub(crate) fn admit<B>(
    request: &Request<B>,
    snapshot: &Snapshot,
    rules: &Rules,
) -> Result<Admission, Answer> {
    if request.method() == Method::CONNECT {
        return Err(Answer::MethodNotAllowed(Methods::Read));
    }
    check_authority(request, snapshot)?;
    let target = path::parse(request.uri().path()).map_err(|malformed| match malformed {
        Malformed::TooLong => Answer::PathTooLong,
        Malformed::NotAbsolute | Malformed::Character | Malformed::Escape | Malformed::Segment => {
            Answer::BadRequest
        }
    })?;
    if let Target::Leaf { .. } = target {
        return admit_leaf(request, rules);
    }
    let (upstream, methods) = find(target, snapshot, rules)?;
    check_method(request.method(), methods)?;
    if request.headers().contains_key(SERVICE_WORKER) {
        return Err(Answer::ServiceWorker);
    }
    let max_body = match (target, &rules.api) {
        (Target::Api, Some(api)) => api.max_body,
        _ => rules.max_body,
    };
    check_body(request.method(), request.headers(), max_body)?;
    let kind = match target {
        Target::ClientWithoutSlash { .. } => {
            return Err(Answer::WithSlash(with_slash(request, snapshot)));
        }
        _ if request.headers().contains_key(UPGRADE) => {
            check_web_socket(request, target, upstream)?;
            Kind::WebSocket
        }
        Target::ApiIndex { .. } => Kind::ApiIndex,
        Target::Api => Kind::Api,
        Target::Client { .. } | Target::Leaf { .. } | Target::Other => Kind::Client,
    };
    Ok(Admission::Node(Admitted { upstream: Arc::clone(upstream), kind }))
}

fn admit_leaf<B>(request: &Request<B>, rules: &Rules) -> Result<Admission, Answer> {
    if !rules.leaves {
        return Err(Answer::NotFound);
    }
    check_method(request.method(), Methods::Read)?;
    if request.headers().contains_key(SERVICE_WORKER) {
        return Err(Answer::ServiceWorker);
    }
    check_body(request.method(), request.headers(), 0)?;
    if request.headers().contains_key(UPGRADE) {
        return Err(Answer::UpgradeRefused);
    }
    Ok(Admission::Leaf)
}

/// RFC 9112, 3.2: HTTP/1.1 has exactly one `Host`; a target in absolute form
/// outranks it. In HTTP/2 and later both may be there and must agree (RFC 9113,
/// 8.3.1; RFC 9114, 4.3.1).
fn check_authority<B>(request: &Request<B>, snapshot: &Snapshot) -> Result<(), Answer> {
    let hosts = request.headers().get_all(HOST).iter().count();
    let well_formed = match request.version() {
        Version::HTTP_11 => hosts == 1,
        _ => hosts <= 1,
    };
    let authority = request_authority(request).filter(|_| well_formed);
    let Some(authority) = authority else { return Err(Answer::BadRequest) };
    let origin = snapshot.routes.origin();
    let ours = |authority: &str| {
        authority.as_bytes() == snapshot.authority.as_bytes() || origin.matches_authority(authority)
    };
    let scheme_fits =
        request.uri().scheme_str().is_none_or(|scheme| scheme == origin.scheme().as_str());
    if !scheme_fits || !ours(authority) {
        return Err(Answer::Misdirected);
    }
    if request.version() >= Version::HTTP_2
        && let Some(host) = request.headers().get(HOST)
        && !host.to_str().is_ok_and(ours)
    {
        return Err(Answer::Misdirected);
    }
    Ok(())
}

/// The node a target leads to, and the methods it takes there.
fn find<'a>(
    target: Target<'_>,
    snapshot: &'a Snapshot,
    rules: &'a Rules,
) -> Result<(&'a Arc<Upstream>, Methods), Answer> {
    let known = |mount| snapshot.upstream(mount).ok_or(Answer::NotFound);
    match target {
        Target::Client { mount, rest } => {
            let upstream = known(mount)?;
            let posts = upstream.may_be_2x() && POST_PATHS.contains(&rest);
            Ok((upstream, if posts { Methods::ReadAndPost } else { Methods::Read }))
        }
        Target::ClientWithoutSlash { mount } => Ok((known(mount)?, Methods::Read)),
        Target::ApiIndex { mount } => {
            let upstream = known(mount)?;
            if upstream.may_be_3x() { Ok((upstream, Methods::Read)) } else { Err(Answer::NotFound) }
        }
        Target::Api => {
            let api = rules.api.as_ref().ok_or(Answer::NotFound)?;
            Ok((&api.upstream, Methods::ReadAndPost))
        }
        Target::Leaf { .. } | Target::Other => Err(Answer::NotFound),
    }
}

fn check_method(method: &Method, methods: Methods) -> Result<(), Answer> {
    let fits = match *method {
        Method::GET | Method::HEAD => true,
        Method::POST => methods == Methods::ReadAndPost,
        _ => false,
    };
    if fits { Ok(()) } else { Err(Answer::MethodNotAllowed(methods)) }
}

/// A body comes with a POST and states its length, or does not come at all.
///
/// No browser sends these requests in chunks. Refusing `Transfer-Encoding`
/// leaves nothing for two readers of one message to disagree about.
fn check_body(method: &Method, headers: &HeaderMap, max_body: u64) -> Result<(), Answer> {
    if headers.contains_key(TRANSFER_ENCODING) {
        return Err(Answer::LengthRequired);
    }
    let length = match headers.get(CONTENT_LENGTH) {
        None => None,
        Some(length) => {
            let number = length.to_str().ok().and_then(|length| length.parse::<u64>().ok());
            Some(number.ok_or(Answer::BadRequest)?)
        }
    };
    match (method == Method::POST, length) {
        (true, None) => Err(Answer::LengthRequired),
        (true, Some(length)) if length > max_body => Err(Answer::BodyTooLarge),
        (false, Some(length)) if length > 0 => Err(Answer::BadRequest),
        _ => Ok(()),
    }
}

/// An upgrade passes only where the 2.x client opens its socket.
fn check_web_socket<B>(
    request: &Request<B>,
    target: Target<'_>,
    upstream: &Upstream,
) -> Result<(), Answer> {
    let path_fits = matches!(
        target,
        Target::Client { rest, .. } if rest.starts_with(WEB_SOCKET_PREFIX)
    );
    let mut upgrades = request.headers().get_all(UPGRADE).iter();
    let only_web_socket = match (upgrades.next(), upgrades.next()) {
        (Some(upgrade), None) => upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"),
        _ => false,
    };
    let passes = path_fits
        && upstream.may_be_2x()
        && only_web_socket
        && request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && names_upgrade(request.headers());
    if passes { Ok(()) } else { Err(Answer::UpgradeRefused) }
}

fn names_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|token| token.trim().eq_ignore_ascii_case("upgrade"))
}

/// The same URL with the slash the client's relative URLs need.
fn with_slash<B>(request: &Request<B>, snapshot: &Snapshot) -> String {
    let origin = snapshot.routes.origin();
    let path = request.uri().path();
    match request.uri().query() {
        Some(query) => format!("{origin}{path}/?{query}"),
        None => format!("{origin}{path}/"),
    }
}
