//! Leaves at addresses that name their content: `/_client/{digest}/{path}`.
//!
//! For browsers without dictionaries. Asked for a large leaf, they are sent on,
//! for a short while, to an address that is the same for all mounts whose node
//! sends the same bytes, and that never means anything else. What it means is
//! proved by its digest before the first byte goes out; the media type is told
//! by the name, not by a node.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use bluegate_cache::{
    AcceptedCodings, CacheKey, CacheStatus, Digest, follows_to_leaf, hex, leaf_type, parse_digest,
};
use bluegate_net::{Connection, Cost};
use http::{
    HeaderValue, Response, StatusCode,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_LENGTH, LOCATION, REFERER, VARY,
        X_CONTENT_TYPE_OPTIONS,
    },
};

use super::{
    Asked, Cache, clock, content::Content, entry::Entry, flight::UNSTORABLE_FOR, reply::stamp,
};
use crate::{
    answer::{Answer, Language},
    body::Body,
    path::{self, Target},
    snapshot::Snapshot,
    upstream::Upstream,
};

/// What is sent in fewer bytes is sent. Following costs the first load a round
/// trip per file, side by side; below this it gains nothing anywhere.
const SMALLEST: usize = 4 << 10;
/// How long a browser keeps what it was told, in seconds, and never longer
/// than the file itself is fresh.
const LONGEST: u64 = 600;
/// Nodes asked for a content that is not here.
const MAX_ASKED: usize = 4;
/// Searches at nodes at once; more are told to come back.
pub(super) const MAX_SEARCHES: usize = 32;

/// The upstream of entries that no node gave; nodes' begin at 1.
const NO_UPSTREAM: u64 = 0;

impl Cache {
    /// Where a browser gets `entry` instead, if that is better for it.
    pub(super) fn elsewhere(
        &self,
        entry: &Entry,
        asked: Asked<'_>,
        target: &str,
        status: CacheStatus,
    ) -> Option<Response<Body>> {
        if !entry.leaf || !follows_to_leaf(asked.headers) {
            return None;
        }
        let accepted = asked.headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        let (_, bytes) = entry.content.best(AcceptedCodings::parse(accepted));
        if bytes.len() < SMALLEST {
            return None;
        }
        // `/{mount}/html5client/{rest}`, query included.
        let rest = target.splitn(4, '/').nth(3)?;
        let address = format!("/_client/{}/{rest}", hex(&entry.content.digest));
        let fresh = entry.time_left(clock::now()).as_secs().min(LONGEST);
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
        let headers = response.headers_mut();
        headers.insert(LOCATION, HeaderValue::try_from(address).ok()?);
        headers.insert(CACHE_CONTROL, HeaderValue::try_from(format!("max-age={fresh}")).ok()?);
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding, sec-fetch-dest"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        stamp(&mut response, status);
        self.counts.moved.fetch_add(1, Relaxed);
        Some(response)
    }

    /// Answers an admitted GET or HEAD of `/_client/...`.
    pub(crate) async fn serve_leaf(
        self: &Arc<Self>,
        asked: Asked<'_>,
        snapshot: &Arc<Snapshot>,
        connection: &Connection,
    ) -> (Response<Body>, CacheStatus) {
        let served = match self.find_leaf(asked, snapshot, connection).await {
            Ok((entry, status)) => {
                (self.reply(&entry, asked.method, asked.headers, status), status)
            }
            Err(answer) => {
                let language = Language::of(asked.headers);
                (answer.into_response(asked.method, language), CacheStatus::Miss)
            }
        };
        self.counts.count(served.1);
        served
    }

    async fn find_leaf(
        self: &Arc<Self>,
        asked: Asked<'_>,
        snapshot: &Arc<Snapshot>,
        connection: &Connection,
    ) -> Result<(Arc<Entry>, CacheStatus), Answer> {
        let Ok(Target::Leaf { digest: name, rest }) = path::parse(asked.uri.path()) else {
            return Err(Answer::NotFound);
        };
        let digest = parse_digest(name).ok_or(Answer::NotFound)?;
        let kind = leaf_type(rest, asked.uri.query()).ok_or(Answer::NotFound)?;
        // One slot per content and type, whatever path stands behind it.
        let own = format!("/_client/{name}/{}", rest.rsplit('.').next().unwrap_or_default());
        let now = clock::now();
        if let Some(slot) = self.store.find(&own)
            && let Some(entry) = slot.entry_of(NO_UPSTREAM)
        {
            slot.touch(&entry, now);
            let status = CacheStatus::Hit { ttl: entry.time_left(now) };
            return Ok((entry, status));
        }
        let (content, status) = match self.find_content(&digest).await {
            Some(content) => (content, None),
            None => {
                let found = self.search(&digest, asked, snapshot, connection).await?;
                (found, Some(CacheStatus::Stored))
            }
        };
        let entry = Arc::new(Entry::of_content(content, kind, NO_UPSTREAM));
        let slot = self.store.slot(&own);
        slot.entry.store(Some(Arc::clone(&entry)));
        slot.touch(&entry, now);
        let status = status.unwrap_or(CacheStatus::Hit { ttl: entry.time_left(now) });
        Ok((entry, status))
    }

    /// The content, if this process or its folder has it.
    async fn find_content(self: &Arc<Self>, digest: &Digest) -> Option<Arc<Content>> {
        if let Some(content) = self.store.content(digest) {
            return Some(content);
        }
        self.disk.as_ref().filter(|disk| disk.knows(digest))?;
        let (cache, digest) = (Arc::clone(self), *digest);
        self.tasks.spawn_blocking(move || cache.held_or_read(&digest)).await.ok()?
    }

    /// Asks nodes for a file of this name until one sends the content: first
    /// the one whose page asks. That none does is remembered. Each node asked is
    /// charged to the client, whose digest may be made up.
    async fn search(
        self: &Arc<Self>,
        digest: &Digest,
        asked: Asked<'_>,
        snapshot: &Arc<Snapshot>,
        connection: &Connection,
    ) -> Result<Arc<Content>, Answer> {
        let target = asked.uri.path_and_query().map_or("/", |target| target.as_str());
        let target = CacheKey::shared(target);
        let slot = self.store.slot(&target);
        if slot.unstorable_until.load(Relaxed) > clock::now() {
            return Err(Answer::NotFound);
        }
        let _place = self.searches.try_acquire().map_err(|_| Answer::NodeBusy)?;
        let below = target.splitn(4, '/').nth(3).unwrap_or_default();
        for upstream in candidates(asked, snapshot) {
            connection.charge(Cost::Upstream)?;
            let mount = upstream.node().name.as_str();
            let target = format!("/{mount}/html5client/{below}");
            let entry = self.fetch_ahead(&target, upstream, snapshot).await;
            if let Some(entry) = entry.filter(|entry| entry.content.digest == *digest) {
                return Ok(Arc::clone(&entry.content));
            }
        }
        slot.unstorable_until.store(clock::now() + UNSTORABLE_FOR, Relaxed);
        Err(Answer::NotFound)
    }
}

/// The nodes to ask: that of the page that asks, then some others.
fn candidates<'a>(asked: Asked<'_>, snapshot: &'a Snapshot) -> Vec<&'a Arc<Upstream>> {
    let page = asked.headers.get(REFERER).and_then(|page| page.to_str().ok());
    let mount = page
        .and_then(|page| page.strip_prefix(&snapshot.routes.origin().to_string()))
        .and_then(|path| path.split('/').nth(1));
    let first = mount.and_then(|mount| snapshot.upstream(mount));
    let others =
        snapshot.upstreams().filter(|other| first.is_none_or(|first| !Arc::ptr_eq(first, other)));
    first.into_iter().chain(others).take(MAX_ASKED).collect()
}
