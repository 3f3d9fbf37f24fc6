//! Asking a node on the cache's own behalf.
//!
//! The request is made from the key: nothing in it is any user's. The answer
//! is read to its end, unpacked within bounds and named by its digest before
//! anything of it is used.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use bluegate_cache::{Asset, CacheControl, CacheKey, Coding, Digest, Freshness};
use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
    header::{
        ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HOST, LAST_MODIFIED,
        SET_COOKIE, TRANSFER_ENCODING,
    },
};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::{Cache, entry::Entry, flight::Passing};
use crate::{
    request_headers, response_headers,
    snapshot::Snapshot,
    upstream::{Lease, NodeError, Upstream},
};

/// A body that is not stored but handed to all who wait.
const MAX_PASSING: usize = 64 << 10;

/// Unpacked and named where we are; more goes to a thread of its own.
const INLINE: usize = 16 << 10;

/// What to ask, and of whom.
pub(super) struct Question {
    pub(super) upstream: Arc<Upstream>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) asset: Asset,
    /// The path below `html5client/`.
    pub(super) rest: String,
    /// Nobody waits for it: the warmer asks.
    pub(super) ahead: bool,
}

/// What the node answered.
pub(super) enum Fetched {
    Content(Box<Found>),
    NotModified(HeaderMap),
    Passing(Passing),
    Unstorable,
}

/// A whole answer that may be stored.
pub(super) struct Found {
    pub(super) asset: Asset,
    pub(super) node: HeaderMap,
    pub(super) passed: HeaderMap,
    pub(super) digest: Digest,
    pub(super) identity: Bytes,
    /// The node's own gzip, if that is how it came, and what was made of the
    /// content earlier.
    pub(super) variants: Vec<(Coding, Bytes)>,
}

pub(super) async fn fetch(
    cache: &Cache,
    key: &CacheKey,
    question: &Question,
    prior: Option<&Entry>,
) -> Result<Fetched, NodeError> {
    let upstream = &question.upstream;
    let (response, lease) = upstream.send_bodiless(request(key, question, prior)).await?;
    let status = response.status();
    if status == StatusCode::NOT_MODIFIED {
        let headers = response.headers().clone();
        drop(read(response, lease, upstream, 0, cache).await?);
        return Ok(Fetched::NotModified(headers));
    }
    let path = key.target().split('?').next().unwrap_or_default();
    let passed = response_headers::for_browser(
        status,
        response.headers(),
        path,
        upstream,
        &question.snapshot,
    )?;
    if status != StatusCode::OK {
        return pass(response, lease, passed, upstream, cache).await;
    }
    let asset = asset(question.asset, response.headers());
    let packing = Packing::of(response.headers());
    if Freshness::of(asset, status, response.headers()).is_err()
        || packing == Packing::Unknown
        || !is_delimited(&response)
        || is_made_for_one_browser(asset, response.headers(), upstream)
    {
        return Ok(Fetched::Unstorable);
    }
    let node = response.headers().clone();
    let largest = cache.settings.largest();
    let Some(wire) = read(response, lease, upstream, largest, cache).await? else {
        return Ok(Fetched::Unstorable);
    };
    let unpacked = if wire.len() <= INLINE && packing == Packing::None {
        unpack(wire, packing, largest)
    } else {
        // A panic in there would be ours, and is this one answer's end.
        cache.tasks.spawn_blocking(move || unpack(wire, packing, largest)).await.unwrap_or(None)
    };
    let Some(Unpacked { digest, identity, gzip }) = unpacked else {
        return Ok(Fetched::Unstorable);
    };
    let variants = gzip.map(|gzip| (Coding::Gzip, gzip)).into_iter().collect();
    Ok(Fetched::Content(Box::new(Found { asset, node, passed, digest, identity, variants })))
}

fn request(key: &CacheKey, question: &Question, prior: Option<&Entry>) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = Method::GET;
    *request.version_mut() = Version::HTTP_11;
    // It was part of a URI once, less some parameters.
    *request.uri_mut() = key.target().parse().unwrap_or_else(|_| Uri::from_static("/"));
    let headers = request.headers_mut();
    headers.insert(HOST, question.upstream.host().clone());
    request_headers::add_cluster(headers, &question.snapshot);
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    if let Some(prior) = prior {
        prior.add_validators(headers);
    }
    request
}

/// What the answer is, whatever its name says: Meteor gives its page to every
/// name it does not know.
pub(super) fn asset(by_name: Asset, headers: &HeaderMap) -> Asset {
    let is_page = headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"text/html"));
    if is_page && by_name != Asset::Uncacheable { Asset::Document } else { by_name }
}

/// Meteor makes its page anew for each request, and by the browser's name: it
/// has no validators. A static page does.
fn is_made_for_one_browser(asset: Asset, headers: &HeaderMap, upstream: &Upstream) -> bool {
    let is_static = headers.contains_key(ETAG) && headers.contains_key(LAST_MODIFIED);
    asset == Asset::Document && upstream.may_be_2x() && !is_static
}

/// Whether a body that breaks off shows it: one that ends with its connection
/// does not (RFC 9112, 8).
fn is_delimited(response: &Response<Incoming>) -> bool {
    response.body().size_hint().exact().is_some()
        || response.headers().contains_key(TRANSFER_ENCODING)
}

async fn pass(
    response: Response<Incoming>,
    lease: Lease,
    passed: HeaderMap,
    upstream: &Upstream,
    cache: &Cache,
) -> Result<Fetched, NodeError> {
    let status = response.status();
    let headers = response.headers();
    let control = CacheControl::of(headers);
    let shared = !control.private
        && !control.no_store
        && !headers.contains_key(SET_COOKIE)
        && !headers.contains_key(http::header::VARY)
        && !headers.contains_key(CONTENT_ENCODING)
        && status != StatusCode::PARTIAL_CONTENT
        && is_delimited(&response);
    if !shared {
        return Ok(Fetched::Unstorable);
    }
    Ok(match read(response, lease, upstream, MAX_PASSING, cache).await? {
        Some(body) => Fetched::Passing(Passing { status, headers: passed, body }),
        None => Fetched::Unstorable,
    })
}

/// The whole body, or `None` when it is larger than `most`.
async fn read(
    response: Response<Incoming>,
    lease: Lease,
    upstream: &Upstream,
    most: usize,
    cache: &Cache,
) -> Result<Option<Bytes>, NodeError> {
    let mut body = response.into_body();
    let stated = body.size_hint().lower();
    if stated > most as u64 {
        return Ok(None);
    }
    let mut arrival = cache.store.arrival();
    let mut whole = BytesMut::with_capacity(usize::try_from(stated).unwrap_or(0));
    loop {
        let frame = timeout(upstream.body_timeout(), body.frame())
            .await
            .map_err(|_| NodeError::ResponseTimeout)?;
        let Some(frame) = frame else { break };
        let Ok(piece) = frame.map_err(NodeError::Exchange)?.into_data() else { continue };
        if whole.len() + piece.len() > most || !arrival.take(piece.len()) {
            return Ok(None);
        }
        whole.extend_from_slice(&piece);
    }
    lease.give_back();
    Ok(Some(whole.freeze()))
}

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    None,
    Gzip,
    Unknown,
}

impl Packing {
    fn of(headers: &HeaderMap) -> Self {
        let mut codings = headers.get_all(CONTENT_ENCODING).iter();
        let (first, second) = (codings.next(), codings.next());
        match (first.map(|value| value.as_bytes().to_ascii_lowercase()), second) {
            (None, _) => Self::None,
            (Some(coding), None) if coding == b"identity" => Self::None,
            (Some(coding), None) if coding == b"gzip" || coding == b"x-gzip" => Self::Gzip,
            _ => Self::Unknown,
        }
    }
}

struct Unpacked {
    digest: Digest,
    identity: Bytes,
    gzip: Option<Bytes>,
}

/// The bytes as they are, and their digest; `None` when they are not what they
/// say or larger than `most`.
fn unpack(wire: Bytes, packing: Packing, most: usize) -> Option<Unpacked> {
    let (identity, gzip) = if packing == Packing::Gzip {
        (bluegate_pack::gunzip(&wire, most)?, Some(wire))
    } else {
        (wire, None)
    };
    Some(Unpacked { digest: digest_of(&identity), identity, gzip })
}

/// The name of a content.
pub(super) fn digest_of(bytes: &[u8]) -> Digest {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}
