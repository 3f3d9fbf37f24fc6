//! An answer from what is stored.

use std::sync::atomic::Ordering::Relaxed;

use bluegate_cache::{
    AcceptedCodings, CacheStatus, Coding, EntityTag, Selection, Stored, dictionary, select,
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{
        ACCEPT_ENCODING, AGE, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
        IF_NONE_MATCH, RANGE,
    },
};

use super::{Cache, clock, entry::Entry, flight::Passing};
use crate::body::Body;

const AVAILABLE_DICTIONARY: HeaderName = HeaderName::from_static("available-dictionary");
pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

impl Cache {
    /// Answers a GET or HEAD from `entry`.
    pub(super) fn reply(
        &self,
        entry: &Entry,
        method: &Method,
        request: &HeaderMap,
        status: CacheStatus,
    ) -> Response<Body> {
        let mut response = match has_it(entry, request) {
            Some(tag) => not_modified(entry, &tag),
            None if request.contains_key(RANGE) => ranged(entry, method, request),
            None => self.whole(entry, method, request),
        };
        let age = entry.stated_age(clock::now());
        if age > 0 {
            response.headers_mut().insert(AGE, HeaderValue::from(age));
        }
        stamp(&mut response, status);
        response
    }

    fn whole(&self, entry: &Entry, method: &Method, request: &HeaderMap) -> Response<Body> {
        let accepted = request.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        let accepted = AcceptedCodings::parse(accepted);
        let (coding, bytes) = self
            .delta(entry, accepted, request)
            .map(|bytes| (Coding::DictionaryZstd, bytes))
            .unwrap_or_else(|| entry.content.best(accepted));
        let tag = entry.content.tag(coding);
        let stored = stored(entry, &tag, &bytes);
        if select(request, &stored) == Selection::NotModified {
            return not_modified(entry, &tag);
        }
        if method != Method::HEAD && coding != Coding::Identity {
            let packed_away = entry.content.identity.len().saturating_sub(bytes.len());
            self.counts.packed_away.fetch_add(packed_away as u64, Relaxed);
        }
        answer(StatusCode::OK, entry.head(coding), bytes, method)
    }

    /// What turns the dictionary that the browser has into this content.
    fn delta(
        &self,
        entry: &Entry,
        accepted: AcceptedCodings,
        request: &HeaderMap,
    ) -> Option<Bytes> {
        if !entry.shared || !accepted.takes(Coding::DictionaryZstd) {
            return None;
        }
        let named =
            request.get(AVAILABLE_DICTIONARY)?.to_str().ok().and_then(dictionary::available)?;
        let content = &entry.content;
        let delta = if named == content.digest {
            let length = u32::try_from(content.identity.len()).ok()?;
            dictionary::same(&named, length).map(Bytes::from)?
        } else if let Some(delta) = content.delta(&named) {
            delta
        } else {
            // Made behind this answer, for those who come after.
            self.want_delta(content, &named);
            return None;
        };
        let worth_it = !delta.is_empty() && delta.len() < entry.content.best(accepted).1.len();
        if worth_it {
            self.counts.deltas.fetch_add(1, Relaxed);
        }
        worth_it.then_some(delta)
    }
}

/// The answer to all who waited for something that is not stored.
pub(super) fn passing(passing: &Passing, method: &Method) -> Response<Body> {
    let mut response =
        answer(passing.status, passing.headers.clone(), passing.body.clone(), method);
    stamp(&mut response, CacheStatus::Miss);
    response
}

/// Says how the answer came about.
pub(crate) fn stamp(response: &mut Response<Body>, status: CacheStatus) {
    let value = match status {
        CacheStatus::Hit { .. } => HeaderValue::try_from(status.to_string()).ok(),
        CacheStatus::Stale
        | CacheStatus::Revalidated
        | CacheStatus::Stored
        | CacheStatus::Miss
        | CacheStatus::Bypass => Some(HeaderValue::from_static(status.fixed())),
    };
    if let Some(value) = value {
        response.headers_mut().insert(CACHE_STATUS, value);
    }
}

/// The tag by which the client has this very content, in whatever coding it
/// came.
fn has_it(entry: &Entry, request: &HeaderMap) -> Option<EntityTag> {
    let mut lists = request.get_all(IF_NONE_MATCH).iter();
    lists.find_map(|list| EntityTag::find_variant(list.to_str().ok()?, &entry.content.name))
}

fn not_modified(entry: &Entry, tag: &EntityTag) -> Response<Body> {
    let mut head = entry.head(Coding::Identity);
    for name in [CONTENT_TYPE, CONTENT_ENCODING] {
        head.remove(name);
    }
    if let Ok(tag) = HeaderValue::try_from(tag.to_string()) {
        head.insert(ETAG, tag);
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    *response.headers_mut() = head;
    response
}

/// A part of the bytes as they are: ranges of a packed form are of no use.
fn ranged(entry: &Entry, method: &Method, request: &HeaderMap) -> Response<Body> {
    let bytes = entry.content.identity.clone();
    let tag = entry.content.tag(Coding::Identity);
    let mut head = entry.head(Coding::Identity);
    let length = bytes.len() as u64;
    // Ranges are for GET alone (RFC 9110, 14.2).
    let selection = match select(request, &stored(entry, &tag, &bytes)) {
        Selection::Part(_) | Selection::Unsatisfiable if method != Method::GET => Selection::Whole,
        selection => selection,
    };
    match selection {
        Selection::Whole => answer(StatusCode::OK, head, bytes, method),
        Selection::NotModified => not_modified(entry, &tag),
        Selection::Part(part) => {
            let place = |position: u64| usize::try_from(position).unwrap_or(usize::MAX);
            let piece = bytes.slice(place(part.first)..=place(part.last));
            insert(&mut head, CONTENT_RANGE, part.content_range(length));
            answer(StatusCode::PARTIAL_CONTENT, head, piece, method)
        }
        Selection::Unsatisfiable => {
            head.remove(CONTENT_TYPE);
            insert(&mut head, CONTENT_RANGE, format!("bytes */{length}"));
            answer(StatusCode::RANGE_NOT_SATISFIABLE, head, Bytes::new(), method)
        }
    }
}

fn insert(head: &mut HeaderMap, name: HeaderName, text: String) {
    if let Ok(value) = HeaderValue::try_from(text) {
        head.insert(name, value);
    }
}

fn stored<'a>(entry: &'a Entry, tag: &'a EntityTag, bytes: &Bytes) -> Stored<'a> {
    Stored { tag, last_modified: entry.last_modified(), length: bytes.len() as u64 }
}

fn answer(
    status: StatusCode,
    mut head: HeaderMap,
    bytes: Bytes,
    method: &Method,
) -> Response<Body> {
    head.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let body = if method == Method::HEAD { Body::empty() } else { Body::whole(bytes) };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = head;
    response
}
