//! Whether an answer may be stored, and how long it may be used
//! (RFC 9111, sections 3 and 4; RFC 5861).

use std::time::Duration;

use http::{
    HeaderMap, StatusCode,
    header::{AGE, CONTENT_RANGE, SET_COOKIE, VARY},
};

use crate::{asset::Asset, cache_control::CacheControl};

/// How long a versioned name is fresh when the node says nothing: bounded,
/// since build numbers have been wrong (BBB#18029).
const VERSIONED: Duration = Duration::from_secs(600);
/// How long a plain name is fresh when the node says nothing.
const PLAIN: Duration = Duration::from_secs(30);
/// The longest any answer is fresh, whatever the node says.
const LONGEST: Duration = Duration::from_secs(3600);
/// How long a content is fresh under an address that names it: as good as for
/// ever.
const CONTENT: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long an answer may still be used while it is asked for anew.
const STALE_WHILE_REVALIDATE: Duration = Duration::from_secs(30);
/// How long an answer may still be used while its node is down.
const STALE_IF_ERROR: Duration = Duration::from_secs(24 * 3600);

/// How long a browser may still use a file while it asks anew. Also how long it
/// keeps the file as a dictionary for other mounts: freshness and this together
/// (RFC 9842, section 2.1.4). A content hash cannot lie. A build number can, so
/// that one is for a school day and not over a night in which nodes are upgraded.
/// A plain name is for one lesson and the next: a node cannot be emptied, upgraded
/// and met again much faster, and without this browsers guess days.
const BROWSER_STALE_HASHED: Duration = Duration::from_secs(7 * 24 * 3600);
const BROWSER_STALE_VERSIONED: Duration = Duration::from_secs(12 * 3600);
const BROWSER_STALE_PLAIN: Duration = Duration::from_secs(3600);

/// Why an answer is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The name is never kept.
    Asset,
    /// Only 200 is kept.
    Status,
    /// `no-store` or `private`.
    CacheControl,
    /// The answer sets a cookie: it was made for one user.
    Cookie,
    /// It varies by something other than its coding.
    Vary,
    /// It is a part of a body.
    Partial,
}

/// How long a stored answer may be used, counted from when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// Used without asking.
    pub fresh: Duration,
    /// After that, used while one request asks for it anew.
    pub stale_while_revalidate: Duration,
    /// After freshness, used when the node does not answer.
    pub stale_if_error: Duration,
    /// The age the answer already had when it came.
    pub initial_age: Duration,
    /// How long after freshness a browser may use it while it asks anew.
    pub browser_stale: Duration,
}

/// What may be done with a stored answer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Use it.
    Fresh,
    /// Use it, and ask for it anew in the background.
    StaleWhileRevalidate,
    /// Ask first; use it only if the node does not answer.
    Revalidate {
        /// Whether it may be used if the node does not answer.
        on_error: bool,
    },
}

/// How old a stored answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredAge(pub Duration);

impl Freshness {
    /// Decides whether an answer to a plain `GET` is stored, and for how long
    /// it may be used.
    ///
    /// # Errors
    /// The [`Refusal`] that forbids to store it.
    pub fn of(asset: Asset, status: StatusCode, headers: &HeaderMap) -> Result<Self, Refusal> {
        if asset == Asset::Uncacheable {
            return Err(Refusal::Asset);
        }
        if headers.contains_key(CONTENT_RANGE) {
            return Err(Refusal::Partial);
        }
        if status != StatusCode::OK {
            return Err(Refusal::Status);
        }
        if headers.contains_key(SET_COOKIE) {
            return Err(Refusal::Cookie);
        }
        let control = CacheControl::of(headers);
        if control.no_store || control.private {
            return Err(Refusal::CacheControl);
        }
        if !varies_by_coding_only(headers) {
            return Err(Refusal::Vary);
        }
        let asked_each_time = matches!(asset, Asset::Document | Asset::Listing) || control.no_cache;
        let stated = control.s_maxage.or(control.max_age);
        let fresh = match (asked_each_time, stated, asset) {
            (true, _, _) => Duration::ZERO,
            (false, Some(stated), _) => stated.min(LONGEST),
            (false, None, Asset::Hashed | Asset::Versioned) => VERSIONED,
            (false, None, _) => PLAIN,
        };
        let stale = |allowed: Option<Duration>, default: Duration| {
            if control.must_revalidate { Duration::ZERO } else { allowed.unwrap_or(default) }
        };
        Ok(Self {
            fresh,
            stale_while_revalidate: if asked_each_time {
                Duration::ZERO
            } else {
                stale(control.stale_while_revalidate, STALE_WHILE_REVALIDATE).min(LONGEST)
            },
            // A page whose node is down would load and then fail without a word; an
            // error page that tries again says what is wrong.
            stale_if_error: if matches!(asset, Asset::Document | Asset::Listing) {
                Duration::ZERO
            } else {
                stale(control.stale_if_error, STALE_IF_ERROR).min(STALE_IF_ERROR)
            },
            initial_age: age(headers),
            browser_stale: match asset {
                _ if asked_each_time => Duration::ZERO,
                Asset::Hashed => stale(None, BROWSER_STALE_HASHED),
                Asset::Versioned => stale(None, BROWSER_STALE_VERSIONED),
                _ => stale(None, BROWSER_STALE_PLAIN),
            },
        })
    }

    /// How long what is named by its own digest may be used: it cannot change.
    #[must_use]
    pub fn of_content() -> Self {
        Self {
            fresh: CONTENT,
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            initial_age: Duration::ZERO,
            browser_stale: Duration::ZERO,
        }
    }

    /// The `Cache-Control` for browsers. Never `immutable`: the name is the
    /// node's promise, not ours.
    #[must_use]
    pub fn cache_control(&self) -> String {
        let fresh = self.fresh.as_secs();
        match self.browser_stale.as_secs() {
            0 if fresh == 0 => "no-cache".to_owned(),
            0 => format!("max-age={fresh}"),
            stale => format!("max-age={fresh}, stale-while-revalidate={stale}"),
        }
    }

    /// What may be done with an answer that has lain here for `age`.
    #[must_use]
    pub fn verdict(&self, StoredAge(age): StoredAge) -> Verdict {
        let age = age.saturating_add(self.initial_age);
        if age < self.fresh {
            return Verdict::Fresh;
        }
        let stale_for = age.saturating_sub(self.fresh);
        if stale_for < self.stale_while_revalidate {
            return Verdict::StaleWhileRevalidate;
        }
        Verdict::Revalidate { on_error: stale_for < self.stale_if_error }
    }
}

/// `Vary` absent, or naming nothing but `Accept-Encoding` and `Origin`: the
/// proxy normalises the one and never passes the other on.
fn varies_by_coding_only(headers: &HeaderMap) -> bool {
    headers.get_all(VARY).iter().all(|value| {
        value.to_str().is_ok_and(|value| {
            value.split(',').map(str::trim).all(|name| {
                name.is_empty()
                    || name.eq_ignore_ascii_case("accept-encoding")
                    || name.eq_ignore_ascii_case("origin")
            })
        })
    })
}

/// The `Age` another cache already gave the answer; nonsense counts as none.
fn age(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(AGE).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or(0).min(1 << 31))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                (name, HeaderValue::from_str(value).unwrap())
            })
            .collect()
    }

    #[test]
    fn what_may_not_be_stored_says_why() {
        for (asset, status, lines, wanted) in [
            (Asset::Uncacheable, 200, &[][..], Refusal::Asset),
            (Asset::Plain, 404, &[], Refusal::Status),
            (Asset::Plain, 206, &[("content-range", "bytes 0-1/2")], Refusal::Partial),
            (Asset::Plain, 200, &[("set-cookie", "a=b")], Refusal::Cookie),
            (Asset::Plain, 200, &[("cache-control", "no-store")], Refusal::CacheControl),
            (Asset::Plain, 200, &[("cache-control", "private, max-age=5")], Refusal::CacheControl),
            (Asset::Plain, 200, &[("vary", "*")], Refusal::Vary),
            (Asset::Plain, 200, &[("vary", "accept-encoding, cookie")], Refusal::Vary),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(Freshness::of(asset, status, &headers(lines)), Err(wanted), "{lines:?}");
        }
    }

    #[test]
    fn how_long_an_answer_may_be_used() {
        let on_error = Verdict::Revalidate { on_error: true };
        let never = Verdict::Revalidate { on_error: false };
        for (asset, lines, seconds, wanted) in [
            // A page is asked for each time, and gone when its node is.
            (Asset::Document, &[][..], 0, never),
            (Asset::Document, &[("cache-control", "max-age=600")], 0, never),
            (Asset::Listing, &[], 1, never),
            (Asset::Plain, &[], 25 * 3600, never),
            (Asset::Versioned, &[], 599, Verdict::Fresh),
            (Asset::Versioned, &[], 600, Verdict::StaleWhileRevalidate),
            (Asset::Versioned, &[], 630, on_error),
            (Asset::Plain, &[], 29, Verdict::Fresh),
            (Asset::Plain, &[], 30, Verdict::StaleWhileRevalidate),
            // What the node says holds, within bounds.
            (Asset::Plain, &[("cache-control", "max-age=100")], 99, Verdict::Fresh),
            (
                Asset::Plain,
                &[("cache-control", "max-age=100, s-maxage=10")],
                10,
                Verdict::StaleWhileRevalidate,
            ),
            (
                Asset::Plain,
                &[("cache-control", "max-age=31536000, immutable")],
                3600,
                Verdict::StaleWhileRevalidate,
            ),
            (Asset::Versioned, &[("cache-control", "no-cache")], 0, on_error),
            (Asset::Plain, &[("cache-control", "max-age=1, must-revalidate")], 1, never),
            (
                Asset::Plain,
                &[("cache-control", "max-age=1, stale-while-revalidate=0")],
                1,
                on_error,
            ),
            // An age it already had counts.
            (Asset::Plain, &[("age", "30")], 0, Verdict::StaleWhileRevalidate),
            (Asset::Plain, &[("age", "x")], 0, Verdict::Fresh),
            (Asset::Plain, &[("vary", "Accept-Encoding, origin")], 0, Verdict::Fresh),
        ] {
            let freshness = Freshness::of(asset, StatusCode::OK, &headers(lines)).unwrap();
            let age = StoredAge(Duration::from_secs(seconds));
            assert_eq!(freshness.verdict(age), wanted, "{asset:?} {lines:?} after {seconds} s");
        }
    }

    #[test]
    fn what_browsers_are_told() {
        for (asset, control, wanted) in [
            (Asset::Document, "max-age=600", "no-cache"),
            (Asset::Listing, "", "no-cache"),
            (Asset::Plain, "", "max-age=30, stale-while-revalidate=3600"),
            (Asset::Versioned, "", "max-age=600, stale-while-revalidate=43200"),
            (Asset::Hashed, "", "max-age=600, stale-while-revalidate=604800"),
            (
                Asset::Hashed,
                "max-age=31536000, immutable",
                "max-age=3600, stale-while-revalidate=604800",
            ),
            (Asset::Hashed, "max-age=60, must-revalidate", "max-age=60"),
            (Asset::Hashed, "no-cache", "no-cache"),
        ] {
            let headers = headers(&[("cache-control", control)]);
            let freshness = Freshness::of(asset, StatusCode::OK, &headers).unwrap();
            assert_eq!(freshness.cache_control(), wanted, "{asset:?} {control}");
        }
    }

    proptest! {
        /// Growing older never makes an answer more usable.
        #[test]
        fn use_only_shrinks_with_age(max_age in 0u64..7200, first in 0u64..200_000, more in 0u64..200_000) {
            let control = format!("max-age={max_age}");
            let headers = headers(&[("cache-control", &control)]);
            let freshness = Freshness::of(Asset::Plain, StatusCode::OK, &headers).unwrap();
            let rank = |seconds| match freshness.verdict(StoredAge(Duration::from_secs(seconds))) {
                Verdict::Fresh => 3,
                Verdict::StaleWhileRevalidate => 2,
                Verdict::Revalidate { on_error: true } => 1,
                Verdict::Revalidate { on_error: false } => 0,
            };
            prop_assert!(rank(first) >= rank(first + more));
        }
    }
}
