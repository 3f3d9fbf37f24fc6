//! What is stored under one key: a content, and how its node presented it.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bluegate_cache::{
    Asset, Coding, Freshness, Refusal, StoredAge, Verdict, dictionary, is_of_leaf_type, leaf_type,
};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        ACCEPT_RANGES, AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
        CONTENT_TYPE, DATE, ETAG, EXPIRES, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
        RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
    },
};

use super::{clock, content::Content, preload};

const USE_AS_DICTIONARY: HeaderName = HeaderName::from_static("use-as-dictionary");

/// A file under this is sent again sooner than its dictionary is named.
const SMALLEST_DICTIONARY: usize = 512;

/// What of a node's answer matters to whether and how long it is used.
const GOVERNING: [HeaderName; 5] = [CACHE_CONTROL, AGE, VARY, ETAG, LAST_MODIFIED];

/// A stored answer. Immutable: a confirmation makes a new one.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) content: Arc<Content>,
    asset: Asset,
    freshness: Freshness,
    /// When the node gave or confirmed it; see [`clock`].
    since: u64,
    /// Which [`crate::upstream::Upstream`] gave it.
    pub(super) upstream: u64,
    /// What the node said that governs use, validators included.
    governing: HeaderMap,
    /// What passes to browsers whatever the coding.
    base: HeaderMap,
    /// Whether browsers may use it as a dictionary, and get it by one.
    pub(super) shared: bool,
    /// Whether a browser without dictionaries may be sent on for it.
    pub(super) leaf: bool,
    /// The bundle that this page inserts; see [`preload`].
    pub(super) bundle: Option<String>,
    /// The head by coding, made when first needed.
    heads: [OnceLock<HeaderMap>; 4],
}

/// Where an entry comes from.
pub(super) struct Source<'a> {
    pub(super) asset: Asset,
    /// The path below `html5client/`.
    pub(super) rest: &'a str,
    /// The node's whole head.
    pub(super) node: &'a HeaderMap,
    /// What of it passes the allow-list.
    pub(super) passed: HeaderMap,
    pub(super) upstream: u64,
    pub(super) share_builds: bool,
}

impl Entry {
    pub(super) fn new(content: Arc<Content>, source: Source<'_>) -> Result<Self, Refusal> {
        let freshness = Freshness::of(source.asset, StatusCode::OK, source.node)?;
        let mut governing = HeaderMap::new();
        for name in GOVERNING {
            for value in source.node.get_all(&name) {
                governing.append(&name, value.clone());
            }
        }
        let shared = source.share_builds
            && !freshness.browser_stale.is_zero()
            && content.identity.len() >= SMALLEST_DICTIONARY
            && !is_played(&source.passed);
        let leaf = source.share_builds
            && !freshness.browser_stale.is_zero()
            && is_leaf(source.rest, &source.passed);
        let bundle =
            preload::bundle_of(source.asset, source.rest, &source.passed, &content.identity);
        let mut base = source.passed;
        // What belongs to one transfer, or is ours to say.
        for name in [
            CONTENT_LENGTH,
            CONTENT_ENCODING,
            CONTENT_RANGE,
            ETAG,
            EXPIRES,
            DATE,
            RETRY_AFTER,
            VARY,
        ] {
            base.remove(name);
        }
        base.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let vary = match (shared, &bundle) {
            (true, _) => "accept-encoding, available-dictionary",
            (false, Some(_)) => "accept-encoding, sec-ch-ua",
            (false, None) => "accept-encoding",
        };
        base.insert(VARY, HeaderValue::from_static(vary));
        insert_text(&mut base, CACHE_CONTROL, &freshness.cache_control());
        if shared {
            insert_text(&mut base, USE_AS_DICTIONARY, &dictionary::use_as(source.rest));
        }
        Ok(Self {
            content,
            asset: source.asset,
            freshness,
            since: clock::now(),
            upstream: source.upstream,
            governing,
            base,
            shared,
            leaf,
            bundle,
            heads: Default::default(),
        })
    }

    /// A content under an address that names it.
    pub(super) fn of_content(content: Arc<Content>, kind: &'static str, upstream: u64) -> Self {
        let mut base = HeaderMap::new();
        for (name, value) in [
            (CONTENT_TYPE, kind),
            (ACCEPT_RANGES, "bytes"),
            (VARY, "accept-encoding"),
            (CACHE_CONTROL, "public, max-age=31536000, immutable"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ] {
            base.insert(name, HeaderValue::from_static(value));
        }
        Self {
            content,
            asset: Asset::Hashed,
            freshness: Freshness::of_content(),
            since: clock::now(),
            upstream,
            governing: HeaderMap::new(),
            base,
            shared: false,
            leaf: false,
            bundle: None,
            heads: Default::default(),
        }
    }

    /// The same, after the node said that it still holds; `None` when what it
    /// says with it forbids to keep it.
    pub(super) fn confirmed(&self, not_modified: &HeaderMap) -> Option<Self> {
        let mut governing = self.governing.clone();
        governing.remove(AGE);
        for name in GOVERNING {
            if let Some(value) = not_modified.get(&name) {
                governing.insert(name, value.clone());
            }
        }
        let freshness = Freshness::of(self.asset, StatusCode::OK, &governing).ok()?;
        let mut base = self.base.clone();
        insert_text(&mut base, CACHE_CONTROL, &freshness.cache_control());
        Some(Self {
            content: Arc::clone(&self.content),
            asset: self.asset,
            freshness,
            since: clock::now(),
            upstream: self.upstream,
            governing,
            base,
            shared: self.shared,
            leaf: self.leaf,
            bundle: self.bundle.clone(),
            heads: Default::default(),
        })
    }

    /// How long it has lain here.
    pub(super) fn age(&self, now: u64) -> Duration {
        Duration::from_millis(now.saturating_sub(self.since))
    }

    pub(super) fn verdict(&self, now: u64) -> Verdict {
        self.freshness.verdict(StoredAge(self.age(now)))
    }

    /// Freshness left.
    pub(super) fn time_left(&self, now: u64) -> Duration {
        let age = self.age(now).saturating_add(self.freshness.initial_age);
        self.freshness.fresh.saturating_sub(age)
    }

    /// The value of `Age`.
    pub(super) fn stated_age(&self, now: u64) -> u64 {
        self.age(now).saturating_add(self.freshness.initial_age).as_secs()
    }

    /// Whether a content hash in the name vouches for it even when the node
    /// has it no more.
    pub(super) fn outlives_its_build(&self) -> bool {
        self.asset == Asset::Hashed
    }

    pub(super) fn last_modified(&self) -> Option<&str> {
        self.governing.get(LAST_MODIFIED)?.to_str().ok()
    }

    /// A header that passes to browsers, as text.
    pub(super) fn passed(&self, name: &HeaderName) -> Option<&str> {
        self.base.get(name)?.to_str().ok()
    }

    /// Asks the node whether it still holds.
    pub(super) fn add_validators(&self, request: &mut HeaderMap) {
        for (theirs, ours) in [(ETAG, IF_NONE_MATCH), (LAST_MODIFIED, IF_MODIFIED_SINCE)] {
            if let Some(value) = self.governing.get(theirs) {
                request.insert(ours, value.clone());
            }
        }
    }

    /// The head of an answer in `coding`, without what the one answer adds.
    pub(super) fn head(&self, coding: Coding) -> HeaderMap {
        let place = match coding {
            Coding::Identity => 0,
            Coding::Gzip => 1,
            Coding::Zstd => 2,
            Coding::Brotli => 3,
            Coding::DictionaryBrotli | Coding::DictionaryZstd => return self.make_head(coding),
        };
        self.heads.get(place).map_or_else(
            || self.make_head(coding),
            |head| head.get_or_init(|| self.make_head(coding)).clone(),
        )
    }

    fn make_head(&self, coding: Coding) -> HeaderMap {
        // Room for what each answer adds: length, age, cache status, date.
        let mut head = HeaderMap::with_capacity(self.base.len() + 6);
        head.extend(self.base.clone());
        insert_text(&mut head, ETAG, &self.content.tag(coding).to_string());
        if let Some(token) = coding.token() {
            head.insert(CONTENT_ENCODING, HeaderValue::from_static(token));
        }
        head
    }
}

/// Sounds and films: browsers fetch them in ranges, and never packed.
fn is_played(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    [&b"audio/"[..], b"video/"]
        .iter()
        .any(|start| kind.get(..start.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(start)))
}

/// A leaf by its name and by what the node calls it.
fn is_leaf(rest: &str, headers: &HeaderMap) -> bool {
    let stated = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let leaf = leaf_type(rest, None);
    stated.zip(leaf).is_some_and(|(stated, leaf)| is_of_leaf_type(stated, leaf))
}

fn insert_text(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(name, value);
    }
}
