//! `Link: rel=preload` for the bundle that a page's inline script inserts.
//!
//! The browser would find it only when the page's styles and scripts have
//! arrived and run. Made here, from names below the page's own mount; no `Link`
//! of a node passes.

use bluegate_cache::{Asset, CacheKey, Verdict, references::inserted_bundle};
use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};

use super::{Cache, clock, entry::Entry};

const BRANDS: HeaderName = HeaderName::from_static("sec-ch-ua");

/// The bundle that this content inserts, if it is the client's page.
pub(super) fn bundle_of(
    asset: Asset,
    rest: &str,
    headers: &HeaderMap,
    identity: &[u8],
) -> Option<String> {
    // Elsewhere the relative name would be another file's.
    let is_page = asset == Asset::Document
        && ["", "index.html"].contains(&rest)
        && headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    inserted_bundle(std::str::from_utf8(identity).ok().filter(|_| is_page)?)
}

impl Cache {
    /// What to tell a browser with the page under `key`: only Chromium, since
    /// Safari may choose another bundle, and only of a file that is here.
    pub(super) fn preload(
        &self,
        page: &Entry,
        key: &CacheKey,
        request: &HeaderMap,
    ) -> Option<HeaderValue> {
        let bundle = page.bundle.as_deref()?;
        let brands = request.get(BRANDS)?.to_str().ok()?;
        let target = format!("/{}/html5client/{bundle}", key.mount());
        let entry = self.store.find(&target)?.entry_of(page.upstream)?;
        let is_here =
            matches!(entry.verdict(clock::now()), Verdict::Fresh | Verdict::StaleWhileRevalidate)
                && entry.passed(&CONTENT_TYPE).is_some_and(|kind| kind.contains("javascript"));
        (is_here && brands.contains("\"Chromium\""))
            .then(|| HeaderValue::try_from(format!("<{target}>; rel=preload; as=script")).ok())?
    }
}
